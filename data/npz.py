"""Images in one npz file, in MedMNIST's layout: train_images, train_labels, val_*, test_*."""

from __future__ import annotations

import math
import struct
import zipfile
import zlib
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .labelled_images import LabelledImages, Part
from .uniform_images import MAX_DECODED_BYTES
from .wording import at_most

_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
)
_PARTS: tuple[Part, ...] = ("train", "val", "test")


def read_npz_parts(path: str | PathLike[str]) -> dict[Part, LabelledImages]:
    """Images of an npz file by part.

    Parameters
    ----------
    path : path
        Holds ``train_images`` (uint8 [image, height, width], or with a last axis of 1 or 3) and ``train_labels``
        (integers [image] or [image, 1]), and the same for ``test`` and ``val``, if there are such parts.

    Returns
    -------
    dict
        From part to images, with the labels' numbers as class names.

    Raises
    ------
    ValueError
        If it is no npz file, lacks an array, an array is damaged, pickled, of another type or shape or larger than
        allowed, or images and labels differ in number.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
            parts = [part for part in _PARTS if {f"{part}_images", f"{part}_labels"} & held]
            if "train" not in parts:
                raise ValueError(
                    f"{path}: no train_images and train_labels; it holds {at_most(sorted(held), 3) or 'nothing'}. "
                    "A zip of image files must be unpacked first"
                )
            return {part: _part(archive, path, part, held) for part in parts}
    except _DAMAGED as error:
        raise ValueError(f"{path}: not an npz file, damaged or cut short ({error})") from None


def _part(archive: zipfile.ZipFile, path: Path, part: Part, held: set[str]) -> LabelledImages:
    for name in (f"{part}_images", f"{part}_labels"):
        if name not in held:
            raise ValueError(f"{path}: no {name}; it holds {at_most(sorted(held))}")
    images = _array(archive, path, f"{part}_images")
    labels = _array(archive, path, f"{part}_labels")
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)):
        raise ValueError(
            f"{path}: {part}_images has shape {list(images.shape)} and type {images.dtype}; "
            "expected uint8 [image, height, width] or [image, height, width, 3]"
        )
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: {part}_labels has shape {list(labels.shape)} and type {labels.dtype}; "
            "expected one integer for each image"
        )
    if len(images) != len(labels):
        raise ValueError(f"{path}: {part}_images holds {len(images)} images but {part}_labels {len(labels)} labels")
    if images.size == 0:
        raise ValueError(f"{path}: {part}_images is empty")
    if labels.min() < 0:
        raise ValueError(f"{path}: {part}_labels holds {labels.min()}; expected 0 or more")
    return LabelledImages(images, [str(label) for label in labels], [f"{part}_images[{n}]" for n in range(len(images))])


def _array(archive: zipfile.ZipFile, path: Path, name: str) -> NDArray:
    """One array, read only after its header is found to agree with the bytes that are there."""
    entry = archive.getinfo(f"{name}.npy" if f"{name}.npy" in archive.namelist() else name)
    if entry.file_size > MAX_DECODED_BYTES:
        raise ValueError(f"{path}: {name} has {entry.file_size:,} bytes; at most {MAX_DECODED_BYTES:,} are read")
    with archive.open(entry) as stream:
        try:
            version = np.lib.format.read_magic(stream)
            read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
            if version not in read_header:
                raise ValueError(f"format version {version}")
            shape, _, dtype = read_header[version](stream)
        except (ValueError, SyntaxError, TypeError) as error:
            raise ValueError(f"{path}: {name} is not a NumPy array ({error})") from None
        if dtype.hasobject:
            raise ValueError(f"{path}: {name} holds pickled objects, which are not read; expected numbers")
        claimed, there = math.prod(shape) * dtype.itemsize, entry.file_size - stream.tell()
        if claimed != there:
            raise ValueError(f"{path}: {name} claims {list(shape)} = {claimed:,} bytes but holds {there:,}")
    with archive.open(entry) as stream:
        array: NDArray = np.lib.format.read_array(stream, allow_pickle=False)
    return array
