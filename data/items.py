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

from .streams.class_order import ClassOrder, class_order
from .streams.reader import ImageReader
from .wording import at_most


@dataclass(frozen=True, eq=False)
class ImagePart:
    """Images and labels of one part (train or test) of a pool.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3], or ImageReader
        Grey or RGB pixels, 0 to 255. A reader has the shape and the type of the array and reads what it is asked for.
    labels : int64 array, [image]
        Number of the class of each image.
    domains : int64 array, [image], optional
        Number of the domain of each image (session, camera, style), where there are such.

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

    images: NDArray[np.uint8] | ImageReader
    labels: NDArray[np.int64]
    domains: NDArray[np.int64] | None = None

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
        if self.domains is not None and (
            self.domains.shape != self.labels.shape or self.domains.dtype.kind not in "iu"
        ):
            raise ValueError(
                f"domains have shape {list(self.domains.shape)} and type {self.domains.dtype}; "
                f"expected integers, one for each of {len(self.labels)} images"
            )

    def __len__(self) -> int:
        return len(self.labels)

    def of_class(self, number: int) -> NDArray[np.int64]:
        """Indices of the images of one class, rising."""
        order, starts = self._by_class
        return order[starts[number] : starts[number + 1]] if 0 <= number < len(starts) - 1 else order[:0]

    def some(self, which: NDArray) -> ImagePart:
        """Some of the images, by number or mask, with their labels and domains; a reader is left unread."""
        numbers = np.flatnonzero(which) if which.dtype == np.bool_ else which
        images = self.images.rows(numbers) if isinstance(self.images, ImageReader) else self.images[numbers]
        return ImagePart(images, self.labels[numbers], None if self.domains is None else self.domains[numbers])

    @cached_property
    def _by_class(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        order = np.argsort(self.labels, kind="stable")
        most = int(self.labels.max()) + 1 if len(self.labels) else 0
        return order, np.searchsorted(self.labels[order], np.arange(most + 1))


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
    domains : tuple of str
        Names of the domains that images come from; empty where there are none.
    skipped : int
        Files that could not be used and were left out.

    Raises
    ------
    ValueError
        If a label names no class or a domain none of the domains, a class has no images in one of the parts, or the
        parts differ in image shape.

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
    domains: tuple[str, ...] = ()
    skipped: int = 0

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
            self._check_domains(part, f"{which}: {role} images")

    def _check_domains(self, part: ImagePart, which: str) -> None:
        if (part.domains is None) != (not self.domains):
            raise ValueError(
                f"{which} have {'no ' if part.domains is None else ''}domains; the pool names {len(self.domains)}"
            )
        if part.domains is not None and not 0 <= part.domains.min() <= part.domains.max() < len(self.domains):
            raise ValueError(
                f"{which}: domains run from {part.domains.min()} to {part.domains.max()}; "
                f"expected 0 to {len(self.domains) - 1}"
            )

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
        """SHA-256 over images, labels, class names and domains: equal for equal content, wherever it came from.

        Images that are read when asked for answer with the identity of their files instead of all pixels.
        """
        digest = hashlib.sha256()
        for name in self.classes:
            digest.update(f"{len(name.encode())}:{name}".encode())
        for part in (self.train, self.test):
            digest.update(repr(part.images.shape).encode())
            if isinstance(part.images, ImageReader):
                digest.update(part.images.identity.encode())
            else:
                digest.update(np.ascontiguousarray(part.images).data)
            digest.update(np.ascontiguousarray(part.labels, dtype="<i8").data)
            if part.domains is not None:
                digest.update(np.ascontiguousarray(part.domains, dtype="<i8").data)
        for name in self.domains:
            digest.update(f"domain {len(name.encode())}:{name}".encode())
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
    all_train, all_test : tuple of int64 arrays, [slot][image]
        The same where a number of images was asked for; else all images of the slot's class, so that unequal classes
        lose nothing. The first ones are those of `train` and `test`.
    """

    classes: NDArray[np.int64]
    train: NDArray[np.int64]
    test: NDArray[np.int64]
    all_train: tuple[NDArray[np.int64], ...]
    all_test: tuple[NDArray[np.int64], ...]


def draw_items(
    pool: Pool,
    count: int,
    train: int | None,
    test: int | None,
    rng: np.random.Generator,
    classes: ClassOrder = "shuffled",
) -> ItemDraw:
    """One subject's items: classes in an order, by default a random one, and images of each, none twice.

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
    classes : {"shuffled", "listed", "seed-1993"} or tuple of str
        Order in which classes fill the slots (see `engram.data.streams.class_order`): the subject's own draw, that of
        the pool, the customary permutation of seed 1993, or classes by name. The draw of images is the same for all.

    Returns
    -------
    ItemDraw

    Raises
    ------
    ValueError
        If the pool has fewer classes, or one of its classes fewer images, whether that class is drawn or not; or if the
        list of classes does not fit the pool.

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
    per_item = (
        _images_per_item(pool, "training", pool.train_per_class, train),
        _images_per_item(pool, "test", pool.test_per_class, test),
    )
    numbers = class_order(pool.classes, classes, count, rng, f"item set {pool.name} ({pool.source})")
    all_train, all_test = [], []
    for number in numbers:
        all_train.append(rng.permutation(pool.train.of_class(number))[: None if train is None else per_item[0]])
        all_test.append(rng.permutation(pool.test.of_class(number))[: None if test is None else per_item[1]])
    return ItemDraw(
        classes=numbers,
        train=np.stack([images[: per_item[0]] for images in all_train]),
        test=np.stack([images[: per_item[1]] for images in all_test]),
        all_train=tuple(all_train),
        all_test=tuple(all_test),
    )


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
