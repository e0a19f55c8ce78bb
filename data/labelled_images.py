"""Images with the names of their classes, as read from files: their parts, their copies, and their split."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .items import ImagePart
from .places import Part as Part
from .streams.reader import ImageReader
from .uniform_images import ManyImages
from .wording import at_most, counted

_MIX_UP = 0.1


@dataclass(frozen=True, eq=False)
class LabelledImages:
    """Images as read from files: class and name of each.

    Parameters
    ----------
    images : sequence of uint8 arrays, [height, width] or [height, width, 3], or ImageReader
        They may differ in shape.
    labels : sequence of str
        Name of the class of each.
    names : sequence of str
        What to call each image in a message.
    domains : sequence of str, optional
        Name of the domain of each, where there are domains.
    """

    images: ManyImages | ImageReader
    labels: Sequence[str]
    names: Sequence[str]
    domains: Sequence[str] | None = None


def without_test_images(
    train: ImagePart, test: ImagePart, where: str, names: tuple[Sequence[str], Sequence[str]] | None = None
) -> ImagePart:
    """Training images that are not among the test images; what is left out is named in a warning.

    Parameters
    ----------
    train, test : ImagePart
    where : str
        File or folder, for messages.
    names : two sequences of str, optional
        Names of the training and test images, for messages.

    Returns
    -------
    ImagePart
        The training part itself if no image is in both.

    Raises
    ------
    ValueError
        If more than a tenth of the test images are training images too, which looks like a mix-up of files.

    Warns
    -----
    UserWarning
        If any images are left out.

    Examples
    --------
    >>> train = ImagePart(np.array([[[1]], [[2]]], np.uint8), np.array([0, 0]))
    >>> test = ImagePart(np.array([[[3]]], np.uint8), np.array([0]))
    >>> len(without_test_images(train, test, "here"))
    2
    """
    position = {digest: number for number, digest in reversed(list(enumerate(image_digests(test.images))))}
    copy_of = np.array([position.get(digest, -1) for digest in image_digests(train.images)], np.int64)
    copies = np.flatnonzero(copy_of >= 0)
    if len(copies) == 0:
        return train
    train_names, test_names = names or (
        [f"training image {number}" for number in range(len(train))],
        [f"test image {number}" for number in range(len(test))],
    )
    named = at_most(f"{train_names[number]} = {test_names[copy_of[number]]}" for number in copies)
    if len(np.unique(copy_of[copies])) > _MIX_UP * len(test):
        raise ValueError(
            f"{where}: {counted(len(copies), 'training image')} found among the test images too ({named}); "
            "have files been copied or changed places?"
        )
    warnings.warn(
        f"{where}: {counted(len(copies), 'training image')} found among the test images too and left out ({named})",
        stacklevel=3,
    )
    kept = copy_of < 0
    return train.some(kept)


def split_by_image(
    images: ManyImages | ImageReader,
    labels: NDArray[np.int64],
    classes: Sequence[str],
    train_fraction: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Which images are for the test: a share of each class, at random, copies of an image on the same side.

    Parameters
    ----------
    images : sequence of uint8 arrays
    labels : int64 array, [image]
    classes : sequence of str
        Names, for messages.
    train_fraction : float
        Share for training, above 0 and below 1; at least one image of each class lands on either side.
    rng : numpy.random.Generator

    Returns
    -------
    bool array, [image]

    Raises
    ------
    ValueError
        If a class has fewer than two different images.

    Examples
    --------
    >>> images = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
    >>> int(split_by_image(images, np.zeros(4, int), ["a"], 0.75, np.random.default_rng(0)).sum())
    1
    """
    first: dict[bytes, int] = {}
    original = np.array(
        [first.setdefault(digest, number) for number, digest in enumerate(image_digests(images))], np.int64
    )
    is_test = np.zeros(len(labels), bool)
    too_few = []
    for number, name in enumerate(classes):
        # An image that stands in two classes counts in the class where it stands first.
        distinct = np.flatnonzero((original == np.arange(len(labels))) & (labels == number))
        if len(distinct) < 2:
            too_few.append(f'"{name}"')
            continue
        for_test = min(max(round((1 - train_fraction) * len(distinct)), 1), len(distinct) - 1)
        is_test[rng.permutation(distinct)[:for_test]] = True
    if too_few:
        raise ValueError(
            f"{len(too_few)} of {len(classes)} classes have fewer than two different images, "
            f"too few for a training and a test part: {at_most(too_few)}"
        )
    return is_test[original]


def warn_of_two_labels(
    parts: Sequence[ManyImages | ImageReader],
    labels: Sequence[Sequence[str]],
    names: Sequence[Sequence[str]],
    where: str,
) -> None:
    """Name the images that stand in more than one class.

    Parameters
    ----------
    parts : sequences of uint8 arrays
        Images of each part.
    labels, names : sequences of str for each part
        Class and name of each image.
    where : str
        File or folder, for the message.

    Warns
    -----
    UserWarning
        If there are any.

    Examples
    --------
    >>> warn_of_two_labels([np.zeros((2, 1, 1), np.uint8)], [["cat", "cat"]], [["a.png", "b.png"]], "here")
    """
    first: dict[bytes, tuple[str, Sequence[str], int]] = {}
    clashes = []
    for part, part_labels, part_names in zip(parts, labels, names, strict=True):
        for number, (digest, label) in enumerate(zip(image_digests(part), part_labels, strict=True)):
            known_label, known_names, known = first.setdefault(digest, (label, part_names, number))
            if known_label != label:
                clashes.append(f'{known_names[known]} of "{known_label}" = {part_names[number]} of "{label}"')
    if clashes:
        warnings.warn(
            f"{where}: {counted(len(clashes), 'image')} in two classes, of which one must be wrong: {at_most(clashes)}",
            stacklevel=3,
        )


def image_digests(images: ManyImages | ImageReader) -> list[bytes]:
    """A fingerprint of the pixels of each image, equal for images that are pixel by pixel the same.

    Parameters
    ----------
    images : images or ImageReader

    Returns
    -------
    list of bytes

    Examples
    --------
    >>> first, second, third = image_digests(np.array([[[1]], [[2]], [[1]]], np.uint8))
    >>> first == third, first == second
    (True, False)
    """
    if isinstance(images, ImageReader):
        return images.digests()
    return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in images]
