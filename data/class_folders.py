"""Images in folders by class: walking a folder, and reading part and class from where an image lies."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from .image_files import IMAGE_SUFFIXES, decode_image
from .labelled_images import LabelledImages, Part
from .uniform_images import MAX_DECODED_BYTES, fit_image
from .wording import at_most, counted

MAX_FILES = 2_000_000
"""Most files looked at in one folder or archive."""
MAX_FILE_BYTES = 512 * 2**20
"""Largest image file read, in bytes."""

_PART_OF_FOLDER: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


@dataclass(eq=False)
class ImageCollection:
    """Images gathered one file at a time, with all that is wrong, so that it can be told at once.

    Parameters
    ----------
    where : str
        Folder or archive.
    size : int or None
        Height and width that every image is brought to when it is added; None: as it is.
    """

    where: str
    size: int | None
    paths: list[str] = field(default_factory=list)
    images: list[NDArray[np.uint8]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    _bytes: int = 0

    def add(self, path: str, data: bytes) -> None:
        """Decode a file and keep it; a file that cannot be used becomes a fault."""
        try:
            image = decode_image(data)
        except ValueError as error:
            self.faults.append(f"{path}: {error}")
            return
        if self.size is not None:
            image = fit_image(image, self.size)
        self._bytes += image.nbytes
        if self._bytes > MAX_DECODED_BYTES:
            raise ValueError(
                f"{self.where}: more than {MAX_DECODED_BYTES:,} bytes of pixels, which is the most that is held. "
                "A smaller size helps"
            )
        self.paths.append(path)
        self.images.append(image)

    def by_part(self) -> dict[Part, LabelledImages]:
        """Images by part and class.

        Raises
        ------
        ValueError
            If any file could not be used, there are no images, or their folders are no classes.
        """
        if self.faults:
            raise ValueError(
                f"{self.where}: {counted(len(self.faults), 'file')} cannot be used: {at_most(self.faults)}"
            )
        if not self.paths:
            others = f" (but other files: {at_most(self.left_out, 3)})" if self.left_out else ""
            raise ValueError(f"{self.where}: no images{others}; expected class/image.png or train/class/image.png")
        try:
            places = part_and_class(self.paths)
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None
        members: dict[Part, list[int]] = {}
        for number, (part, _) in enumerate(places):
            members.setdefault(part, []).append(number)
        return {
            part: LabelledImages(
                [self.images[number] for number in numbers],
                [places[number][1] for number in numbers],
                [self.paths[number] for number in numbers],
            )
            for part, numbers in members.items()
        }


def read_image_folder(root: str | PathLike[str], size: int | None = None) -> ImageCollection:
    """Read every image below a folder, in the order of their paths.

    Parameters
    ----------
    root : path
        Holds ``class/image.png`` or ``train/class/image.png``, ``test/class/image.png``.
    size : int, optional
        Height and width to bring every image to.

    Returns
    -------
    ImageCollection
        With unusable files, empty folders, links that leave the folder and what is no plain file as faults.

    Raises
    ------
    ValueError
        If there are more than `MAX_FILES` files, or more pixels than are held.
    """
    root = Path(root)
    collection = ImageCollection(str(root), size)
    for path in sorted(_files_below(root, collection)):
        if is_hidden(path):
            continue
        if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            collection.left_out.append(path)
        elif not path.isprintable():
            collection.faults.append(f"{path!a}: the name is not valid text")
        elif fault := _fault_of_file(root, path):
            collection.faults.append(f"{path}: {fault}")
        else:
            try:
                data = (root / path).read_bytes()
            except OSError as error:
                collection.faults.append(f"{path}: {error.strerror}")
                continue
            collection.add(path, data)
    return collection


def is_hidden(path: str) -> bool:
    """Whether a path is one that systems leave behind: .DS_Store, ._image.png, __MACOSX/...

    Examples
    --------
    >>> is_hidden("cat/._1.png"), is_hidden("__MACOSX/cat/1.png"), is_hidden("cat/1.png")
    (True, True, False)
    """
    return any(name.startswith(".") or name == "__MACOSX" for name in path.split("/"))


def part_and_class(paths: Sequence[str]) -> list[tuple[Part, str]]:
    """Part and class of images, from the folders they lie in.

    The class is the folder (or folders, joined by "/") below what all images have in common and below ``train``,
    ``val`` or ``test``, if all images lie below one of these.

    Parameters
    ----------
    paths : sequence of str
        Paths of images, with "/".

    Returns
    -------
    list of (part, class)
        With part ``all`` if the folders tell no parts.

    Raises
    ------
    ValueError
        If an image lies in no folder, a folder holds images as well as folders with images, or only some lie below
        ``train``, ``val`` or ``test``.

    Examples
    --------
    >>> part_and_class(["set/train/cat/1.png", "set/test/cat/1.png"])
    [('train', 'cat'), ('test', 'cat')]
    >>> part_and_class(["greek/alpha/1.png", "latin/a/1.png"])
    [('all', 'greek/alpha'), ('all', 'latin/a')]
    """
    folders = [tuple(path.split("/")[:-1]) for path in paths]
    loose = [path for path, folder in zip(paths, folders, strict=True) if not folder]
    if loose:
        raise ValueError(f"images outside of any class folder: {at_most(loose)}; expected class/image.png")
    shared = _shared_depth([folder[:-1] for folder in folders])
    folders = [folder[shared:] for folder in folders]
    _refuse_mixed_depth(set(folders))

    parts = [_PART_OF_FOLDER.get(folder[0].lower()) if len(folder) > 1 else None for folder in folders]
    if all(parts):
        return [(part, "/".join(folder[1:])) for part, folder in zip(parts, folders, strict=True) if part]
    if {"train", "test"} <= set(parts) or {"train", "val"} <= set(parts):
        others = sorted({folder[0] for folder, part in zip(folders, parts, strict=True) if part is None})
        raise ValueError(f"some images lie below train and test, others below {at_most(others)}")
    return [("all", "/".join(folder)) for folder in folders]


def _shared_depth(folders: Sequence[tuple[str, ...]]) -> int:
    first, last = min(folders), max(folders)  # what these two share, all between them share
    differs = (depth for depth, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return next(differs, min(len(first), len(last)))


def _refuse_mixed_depth(folders: set[tuple[str, ...]]) -> None:
    for folder in sorted(folders):
        for depth in range(1, len(folder)):
            if folder[:depth] in folders:
                raise ValueError(
                    f'folder "{"/".join(folder[:depth])}" holds images as well as a folder with images '
                    f'("{"/".join(folder)}"); is it one class or several?'
                )


def _files_below(root: Path, collection: ImageCollection) -> Iterator[str]:
    def unreadable(error: OSError) -> None:
        collection.faults.append(f"{error.filename}: {error.strerror}")

    seen = 0
    for folder, subfolders, files in os.walk(root, onerror=unreadable):
        relative = Path(folder).relative_to(root)
        for name in subfolders:
            if (Path(folder) / name).is_symlink():
                collection.faults.append(f"{(relative / name).as_posix()}: a linked folder, which is not followed")
        if not subfolders and not files and not is_hidden(relative.as_posix()):
            collection.faults.append(f"{relative.as_posix()}/: an empty folder")
        seen += len(files)
        if seen > MAX_FILES:
            raise ValueError(f"{root}: more than {MAX_FILES:,} files")
        yield from ((relative / name).as_posix() for name in files)


def _fault_of_file(root: Path, path: str) -> str:
    file = root / path
    try:
        if file.is_symlink() and not file.resolve().is_relative_to(root.resolve()):
            return "a link that leaves the folder"
        status = file.stat()
    except (OSError, RuntimeError):
        return "a link that leads nowhere"
    if not stat.S_ISREG(status.st_mode):
        return "not a plain file"
    if status.st_size > MAX_FILE_BYTES:
        return f"{status.st_size:,} bytes; at most {MAX_FILE_BYTES:,} are read"
    return ""
