"""What is learned: item sets, their pools of images, and one subject's draw from a pool."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from .wording import at_most


@dataclass(frozen=True, eq=False)
class ImagePart:
    """Images and labels of one part (train or test) of a pool.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3]
        Grey or RGB pixels, 0 to 255.
    labels : int64 array, [image]
        Number of the class of each image.

    Raises
    ------
    ValueError
        If the arrays have other types or shapes, or differ in length.

    Examples
    --------
    >>> part = ImagePart(np.zeros((2, 4, 4), np.uint8), np.array([0, 1]))
    >>> len(part), part.of_class(1)
    (2, array([1]))
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        shape = self.images.shape
        if self.images.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] == 3)):
            raise ValueError(
                f"images have shape {list(shape)} and type {self.images.dtype}; "
                "expected uint8 [image, height, width] or [image, height, width, 3]"
            )
        if self.labels.ndim != 1 or self.labels.dtype.kind not in "iu":
            raise ValueError(
                f"labels have shape {list(self.labels.shape)} and type {self.labels.dtype}; expected integers [image]"
            )
        if len(self.images) != len(self.labels):
            raise ValueError(f"{len(self.images)} images but {len(self.labels)} labels")

    def __len__(self) -> int:
        return len(self.labels)

    def of_class(self, number: int) -> NDArray[np.int64]:
        """Indices of the images of one class."""
        return np.flatnonzero(self.labels == number)


@dataclass(frozen=True, eq=False)
class Pool:
    """All classes and images that subjects draw their items from.

    No image is in both parts, nor is anything of which an image is composed.

    Parameters
    ----------
    name : str
        Name of the item set.
    classes : tuple of str
        Names of the classes; labels count through them.
    train, test : ImagePart
        Images to learn and images to be tested with. Every class has some of both.
    source : str
        Where the images come from, for a reader.

    Raises
    ------
    ValueError
        If a label names no class, a class has no images in one of the parts, or the parts differ in image shape.

    Examples
    --------
    >>> part = ImagePart(np.zeros((4, 2, 2), np.uint8), np.array([0, 0, 1, 1]))
    >>> pool = Pool("blank", ("a", "b"), part, part, "made here")
    >>> pool.image_shape
    (2, 2)
    >>> pool.identity[:8]
    '0abcca84'
    """

    name: str
    classes: tuple[str, ...]
    train: ImagePart
    test: ImagePart
    source: str

    def __post_init__(self) -> None:
        which = f"item set {self.name} ({self.source})"
        if len(set(self.classes)) != len(self.classes):
            raise ValueError(f"{which}: class names repeat")
        if self.train.images.shape[1:] != self.test.images.shape[1:]:
            raise ValueError(
                f"{which}: training images have shape {list(self.train.images.shape[1:])}, "
                f"test images {list(self.test.images.shape[1:])}"
            )
        for part, role in ((self.train, "training"), (self.test, "test")):
            if len(part) and (part.labels.min() < 0 or part.labels.max() >= len(self.classes)):
                raise ValueError(
                    f"{which}: {role} labels run from {part.labels.min()} to {part.labels.max()}; "
                    f"expected 0 to {len(self.classes) - 1} ({len(self.classes)} classes)"
                )
            empty = [name for name, size in zip(self.classes, self._sizes(part), strict=True) if size == 0]
            if empty:
                named = at_most(f'"{name}"' for name in empty)
                raise ValueError(f"{which}: no {role} images of {len(empty)} of {len(self.classes)} classes: {named}")

    def _sizes(self, part: ImagePart) -> NDArray[np.int64]:
        return np.bincount(part.labels, minlength=len(self.classes))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image: (height, width) or (height, width, 3)."""
        return self.train.images.shape[1:]

    @property
    def train_per_class(self) -> NDArray[np.int64]:
        """Number of training images of each class, [class]."""
        return self._sizes(self.train)

    @property
    def test_per_class(self) -> NDArray[np.int64]:
        """Number of test images of each class, [class]."""
        return self._sizes(self.test)

    @cached_property
    def identity(self) -> str:
        """SHA-256 over images, labels and class names: equal for equal content, wherever it came from."""
        digest = hashlib.sha256()
        for name in self.classes:
            digest.update(f"{len(name.encode())}:{name}".encode())
        for part in (self.train, self.test):
            digest.update(repr(part.images.shape).encode())
            digest.update(np.ascontiguousarray(part.images).data)
            digest.update(np.ascontiguousarray(part.labels, dtype="<i8").data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class ItemDraw:
    """Items of one subject: which class fills which slot, and which of its images are used.

    Parameters
    ----------
    classes : int64 array, [slot]
        Class of the pool in each slot.
    train : int64 array, [slot, image]
        Indices into the pool's training images.
    test : int64 array, [slot, image]
        Indices into the pool's test images.
    """

    classes: NDArray[np.int64]
    train: NDArray[np.int64]
    test: NDArray[np.int64]


def draw_items(pool: Pool, count: int, train: int | None, test: int | None, rng: np.random.Generator) -> ItemDraw:
    """One subject's items: classes in random order, and images of each, none twice.

    With the same generator state a draw of fewer items, or of fewer images, is the beginning of a larger one.

    Parameters
    ----------
    pool : Pool
        Pool to draw from.
    count : int
        Number of items.
    train, test : int or None
        Images per item; None is as many as the smallest class of the whole pool has.
    rng : numpy.random.Generator

    Returns
    -------
    ItemDraw

    Raises
    ------
    ValueError
        If the pool has fewer classes, or one of its classes fewer images, whether that class is drawn or not.

    Examples
    --------
    >>> part = ImagePart(np.zeros((6, 2, 2), np.uint8), np.array([0, 0, 1, 1, 2, 2]))
    >>> pool = Pool("blank", ("a", "b", "c"), part, part, "made here")
    >>> draw = draw_items(pool, 2, train=None, test=1, rng=np.random.default_rng(0))
    >>> draw.classes.shape, draw.train.shape, draw.test.shape
    ((2,), (2, 2), (2, 1))
    >>> bool((part.labels[draw.train] == draw.classes[:, None]).all())
    True
    """
    if not 1 <= count <= len(pool.classes):
        raise ValueError(
            f"{count} items asked for; item set {pool.name} ({pool.source}) has {len(pool.classes)} classes, "
            f"so 1 to {len(pool.classes)} can be drawn"
        )
    train = _images_per_item(pool, "training", pool.train_per_class, train)
    test = _images_per_item(pool, "test", pool.test_per_class, test)
    classes = rng.permutation(len(pool.classes))[:count]
    train_images = np.empty((count, train), np.int64)
    test_images = np.empty((count, test), np.int64)
    for slot, number in enumerate(classes):
        train_images[slot] = rng.permutation(pool.train.of_class(number))[:train]
        test_images[slot] = rng.permutation(pool.test.of_class(number))[:test]
    return ItemDraw(classes, train_images, test_images)


def _images_per_item(pool: Pool, role: str, sizes: NDArray[np.int64], asked: int | None) -> int:
    smallest = int(sizes.argmin())
    if asked is None:
        return int(sizes[smallest])
    if not 1 <= asked <= sizes[smallest]:
        raise ValueError(
            f'{asked} {role} images per item asked for; class "{pool.classes[smallest]}" of item set {pool.name} '
            f"({pool.source}) has {sizes[smallest]}, so 1 to {sizes[smallest]} can be drawn"
        )
    return asked


class ItemSet(BaseModel):
    """Where items come from: options that say which pool is meant (abstract).

    A subclass has a `name`, declares its options as fields, and makes its pool. It is frozen and JSON-serialisable
    (`model_dump`), so a recording can hold what it was.

    Examples
    --------
    >>> class Bars(ItemSet):
    ...     name = "bars"
    ...     size: int = 8
    ...     def pool(self, data_dir=None, seed=0):
    ...         images = np.zeros((2 * self.size, self.size, self.size), np.uint8)
    ...         for place in range(self.size):
    ...             images[place, place, :] = images[self.size + place, :, place] = 255
    ...         labels = np.repeat([0, 1], self.size)
    ...         odd = np.arange(2 * self.size) % 2 == 1
    ...         train, test = ImagePart(images[~odd], labels[~odd]), ImagePart(images[odd], labels[odd])
    ...         return Pool("bars", ("horizontal", "vertical"), train, test, f"{self.size} bars each way")
    >>> Bars(size=4).model_dump()
    {'size': 4}
    >>> Bars(size=4).pool().image_shape
    (4, 4)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]

    @abstractmethod
    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """All classes and images of this set: a function of the options, the files in `data_dir` and `seed` only.

        Parameters
        ----------
        data_dir : path, optional
            Folder that holds the user's data sets.
        seed : int
            Seed of whatever is random in the making of the pool. Not the seed of a subject.

        Returns
        -------
        Pool
        """
