"""Images in one HDF5 file: ``images`` and ``labels``, at the root or in groups train, val, test."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..labelled_images import LabelledImages
from ..places import Part, fault_of_names
from ..uniform_images import fit_image, recolored
from ..wording import at_most
from .encoded import NumberedNames
from .reader import ImageReader

if TYPE_CHECKING:
    import h5py

HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"

_PARTS: tuple[Part, ...] = ("train", "val", "test")
_MAX_NAMES_BYTES = 64 * 2**20
_MOST_PACKED = 2000
"""Bytes of an array for each of the file's: gzip makes one of 1,032. Beyond, the shape is claimed and nothing there."""


class Hdf5Images(ImageReader):
    """Images of a data set in an HDF5 file, read row by row.

    Parameters
    ----------
    path : path
    dataset : str
        Name of the data set: uint8 [image, height, width], or with a last axis of 1 or 3.
    size : int, optional
        Height and width to bring every image to.
    color : {"auto", "grey", "rgb"}
        ``auto``: three channels if the data set has three.

    Raises
    ------
    ValueError
        If the data set is no images, or lies in another file.

    Examples
    --------
    >>> import h5py, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "set.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["images"] = np.arange(4, dtype=np.uint8).reshape(4, 1, 1)
    >>> Hdf5Images(path, "images")[np.array([3, 0, 3])].ravel()
    array([3, 0, 3], dtype=uint8)
    """

    def __init__(self, path: str | PathLike[str], dataset: str, size: int | None = None, color: str = "auto") -> None:
        self._path, self._dataset, self._size = Path(path).absolute(), dataset, size
        shape = self._images.shape
        if self._images.dtype != np.uint8 or not (len(shape) == 3 or (len(shape) == 4 and shape[3] in (1, 3))):
            raise ValueError(
                f"{path}: {dataset} has shape {list(shape)} and type {self._images.dtype}; "
                "expected uint8 [image, height, width] or [image, height, width, 3]"
            )
        self._color = "rgb" if color == "rgb" or (color == "auto" and shape[3:] == (3,)) else "grey"
        self._status = _status(self._path)

    @property
    def shape(self) -> tuple[int, ...]:
        count, height, width = self._images.shape[:3]
        square = (height, width) if self._size is None else (self._size, self._size)
        return (count, *square, *([3] if self._color == "rgb" else []))

    @property
    def identity(self) -> str:
        """Hash over the pixels of all images."""
        return f"{hashlib.sha256(b''.join(self.digests())).hexdigest()} {self.shape}"

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        if _status(self._path) != self._status:
            raise ValueError(f"{self._path}: the file has changed since the run began")
        once, places = np.unique(numbers, return_inverse=True)  # HDF5 reads rows in rising order, each once
        try:
            images = self._images[once]
        except OSError as error:
            raise ValueError(f"{self._path}: {self._dataset} is damaged ({error})") from None
        images = images[..., 0] if images.ndim == 4 and images.shape[3] == 1 else images
        made = np.empty((len(once), *self.shape[1:]), np.uint8)
        for place, image in enumerate(images):
            made[place] = recolored(image if self._size is None else fit_image(image, self._size), self._color)
        return made[places]

    def digests(self) -> list[bytes]:
        return self._digests

    @cached_property
    def _digests(self) -> list[bytes]:
        return super().digests()

    @cached_property
    def _images(self) -> h5py.Dataset:
        return _own(_opened(self._path), self._dataset, self._path)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_images", "_digests")}


def read_hdf5_parts(
    path: str | PathLike[str], size: int | None = None, color: str = "auto"
) -> dict[Part, LabelledImages]:
    """Images of an HDF5 file by part, unread.

    Parameters
    ----------
    path : path
        Holds ``images`` (uint8 [image, height, width] or with a last axis of 1 or 3) and ``labels`` (integers), in
        groups ``train``, ``val``, ``test`` or at the root; beside labels, if there are such, ``domains`` (integers). At
        the root ``classes`` and ``domain_names`` may name what the numbers mean (texts).
    size : int, optional
        Height and width to bring every image to.
    color : {"auto", "grey", "rgb"}
        ``auto``: as the images are.

    Returns
    -------
    dict from part to LabelledImages

    Raises
    ------
    ValueError
        If it is no HDF5 file or damaged, lacks a data set, one is of another type or shape or lies in another file,
        images and labels differ in number, or numbers have no name.
    """
    path = Path(path)
    with _opened(path) as file:
        groups: dict[Part, str] = {part: f"{part}/" for part in _PARTS if part in file}
        if not groups:
            if "images" not in file:
                raise ValueError(
                    f"{path}: no images and labels, at the root or in train and test; "
                    f"it holds {at_most(file, 5) or 'nothing'}"
                )
            groups = {"all": ""}
        classes, domain_names = (_names(file, name, path) for name in ("classes", "domain_names"))
        labels = {part: _numbers(file, f"{group}labels", classes, path) for part, group in groups.items()}
        domains = {
            part: _numbers(file, f"{group}domains", domain_names, path) if f"{group}domains" in file else None
            for part, group in groups.items()
        }
    parts: dict[Part, LabelledImages] = {}
    for part, group in groups.items():
        images = Hdf5Images(path, f"{group}images", size, color)
        if 0 in images.shape:
            raise ValueError(f"{path}: {group}images is empty, of shape {list(images.shape)}")
        for name, numbers in (("labels", labels[part]), ("domains", domains[part])):
            if numbers is not None and len(numbers) != len(images):
                raise ValueError(
                    f"{path}: {group}images holds {len(images)} images but {group}{name} {len(numbers)} numbers"
                )
        names = NumberedNames(f"{group}images", len(images))
        parts[part] = LabelledImages(images, labels[part], names, domains[part])
    return parts


def _opened(path: Path) -> h5py.File:
    import h5py

    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ValueError(f"{path}: not an HDF5 file, damaged or cut short ({error})") from None


def _own(file: h5py.File, name: str, path: Path) -> h5py.Dataset:
    """A data set that lies in this file itself, not behind a link, in files beside it, or put together from others."""
    import h5py

    below = ""
    for step in name.split("/"):
        below = f"{below}/{step}"
        link = file.get(below, getlink=True)
        if link is None:
            raise ValueError(f"{path}: no {name}; it holds {at_most(file, 5)}")
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{path}: {below} is a link to somewhere else, which is not followed")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        found = "empty" if isinstance(dataset, h5py.Dataset) else "a group"
        raise ValueError(f"{path}: {name} is {found}; expected an array")
    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{path}: {name} lies in other files, which are not read")
    claimed, there = dataset.size * dataset.dtype.itemsize, dataset.id.get_storage_size()
    if claimed > _MOST_PACKED * there:
        raise ValueError(f"{path}: {name} claims {list(dataset.shape)} = {claimed:,} bytes but holds {there:,}")
    return dataset


def _numbers(file: h5py.File, name: str, names: list[str] | None, path: Path) -> list[str]:
    dataset = _own(file, name, path)
    if dataset.dtype.kind not in "iu" or not (dataset.ndim == 1 or (dataset.ndim == 2 and dataset.shape[1] == 1)):
        raise ValueError(
            f"{path}: {name} has shape {list(dataset.shape)} and type {dataset.dtype}; "
            "expected one integer for each image"
        )
    numbers = np.asarray(dataset[()]).reshape(-1)
    if len(numbers) and (numbers.min() < 0 or (names is not None and numbers.max() >= len(names))):
        expected = "0 or more" if names is None else f"0 to {len(names) - 1}"
        raise ValueError(f"{path}: {name} runs from {numbers.min()} to {numbers.max()}; expected {expected}")
    known = {number: str(number) if names is None else names[number] for number in np.unique(numbers).tolist()}
    return [known[number] for number in numbers.tolist()]


def _names(file: h5py.File, name: str, path: Path) -> list[str] | None:
    import h5py

    if name not in file:
        return None
    dataset = _own(file, name, path)
    if (
        h5py.check_string_dtype(dataset.dtype) is None
        or dataset.ndim != 1
        or dataset.size * dataset.dtype.itemsize > _MAX_NAMES_BYTES
    ):
        raise ValueError(f"{path}: {name} has shape {list(dataset.shape)} and type {dataset.dtype}; expected texts")
    texts = [text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in dataset[()]]
    if fault := fault_of_names(texts):
        raise ValueError(f"{path}: {name} holds {fault}; expected a name of its own for each number")
    return texts


def _status(path: Path) -> tuple[int, int]:
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns
