"""Images in folders by class: walking a folder, and reading part and class from where an image lies."""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from .image_files import IMAGE_SUFFIXES, decode_image
from .labelled_images import LabelledImages
from .places import Part, Place, place_by_folder, place_by_labels
from .uniform_images import MAX_DECODED_BYTES, fit_image
from .wording import at_most, counted, one_of

MAX_FILES = 2_000_000
"""Most files looked at in one folder or archive."""
MAX_FILE_BYTES = 512 * 2**20
"""Largest image file read, in bytes."""


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
    faulty: list[str] = field(default_factory=list)
    labels_beside: dict[str, str] = field(default_factory=dict)
    _bytes: int = 0

    def add(self, path: str, data: bytes) -> None:
        """Decode a file and keep it; a file that cannot be used becomes a fault."""
        try:
            image = decode_image(data)
        except ValueError as error:
            self.cannot_use(path, str(error))
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

    def cannot_use(self, path: str, why: str) -> None:
        """Note that an image is there that cannot be used."""
        self.faults.append(f"{path}: {why}")
        self.faulty.append(path)

    def by_part(
        self, place: Callable[[Sequence[str]], list[Place]] | None = None, *, skip_faults: bool = False
    ) -> dict[Part, LabelledImages]:
        """Images by part and class.

        Parameters
        ----------
        place : callable, optional
            Part, class and domain of images from their paths; `place_by_folder` if left out.
        skip_faults : bool
            Whether files that could not be used are no reason to refuse the rest.

        Raises
        ------
        ValueError
            If any file could not be used, there are no images, their folders are no classes, or no image of a class
            can be used.
        """
        if self.faults and not (skip_faults and self.paths):
            raise ValueError(
                f"{self.where}: {counted(len(self.faults), 'file')} cannot be used: {at_most(self.faults)}"
            )
        places = self.places(place or place_by_folder)
        self.refuse_lost_classes({label for _, label, _ in places}, place or place_by_folder)
        members: dict[Part, list[int]] = {}
        for number, (part, _, _) in enumerate(places):
            members.setdefault(part, []).append(number)
        return {
            part: LabelledImages(
                [self.images[number] for number in numbers],
                [places[number].label for number in numbers],
                [self.paths[number] for number in numbers],
                _domains_of([places[number] for number in numbers]),
            )
            for part, numbers in members.items()
        }

    def refuse_lost_classes(self, there: Collection[str], place: Callable[[Sequence[str]], list[Place]]) -> None:
        """Refuse images of which a whole class cannot be used, and would be gone.

        Parameters
        ----------
        there : collection of str
            Classes of the images that can be used.
        place : callable
            As of `by_part`.

        Raises
        ------
        ValueError
            There is such a class.
        """
        if not self.faulty:
            return
        try:
            all_of_them = self._placed([*self.paths, *self.faulty], place)
        except ValueError:  # such as a stray file outside of the class folders: it belongs to no class
            return
        lost = sorted({label for _, label, _ in all_of_them[len(self.paths) :]} - set(there))
        if lost:
            named = [label if label.isprintable() else ascii(label) for label in lost]
            raise ValueError(
                f"{self.where}: no image that can be used of {at_most(named)}: {at_most(self.faults)}; mend the files, "
                "or take the class away"
            )

    def refuse_folders_without_images(self) -> None:
        """Refuse folders that hold files, none of which is an image by its name.

        Raises
        ------
        ValueError
            There are such folders.
        """
        folders = {path.rpartition("/")[0] for path in self.paths}
        empty = sorted({folder for path in self.left_out if (folder := path.rpartition("/")[0])} - folders)
        if empty:
            raise ValueError(
                f"{self.where}: no file is an image by its name in {at_most(empty)}; "
                f"expected {one_of(sorted(IMAGE_SUFFIXES))}"
            )

    def places(self, place: Callable[[Sequence[str]], list[Place]]) -> list[Place]:
        """Part, class and domain of each image.

        Raises
        ------
        ValueError
            If there are no images, or their folders are no classes.
        """
        if not self.paths:
            useless = (
                f"; {counted(len(self.faults), 'file')} cannot be used: {at_most(self.faults)}" if self.faults else ""
            )
            others = f" (but other files: {at_most(self.left_out, 3)})" if self.left_out else ""
            raise ValueError(
                f"{self.where}: no images{others}{useless}; expected class/image.png or train/class/image.png"
            )
        try:
            return self._placed(self.paths, place)
        except ValueError as error:
            raise ValueError(f"{self.where}: {error}") from None

    def _placed(self, paths: Sequence[str], place: Callable[[Sequence[str]], list[Place]]) -> list[Place]:
        return place_by_labels(paths, self.labels_beside) if self.labels_beside else place(paths)


def _domains_of(places: Sequence[Place]) -> list[str] | None:
    domains = [place.domain for place in places if place.domain is not None]
    return domains if len(domains) == len(places) else None


def warn_of_files(where: str, faults: Sequence[str], left_out: Sequence[str]) -> None:
    """Name files that were skipped or left out, in a warning that points to the caller's caller.

    Warns
    -----
    UserWarning
        If there are any.

    Examples
    --------
    >>> warn_of_files("here", [], [])
    """
    if faults:
        warnings.warn(
            f"{where}: {counted(len(faults), 'file')} skipped, cannot be used: {at_most(faults)}", stacklevel=3
        )
    if left_out:
        warnings.warn(
            f"{where}: {counted(len(left_out), 'file')} left out, no image by its name: {at_most(left_out)}",
            stacklevel=3,
        )


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
    for path in image_paths(root, collection):
        try:
            data = (root / path).read_bytes()
        except OSError as error:
            collection.cannot_use(path, str(error.strerror))
            continue
        collection.add(path, data)
    return collection


def image_paths(root: Path, collection: ImageCollection) -> Iterator[str]:
    """Paths of the images below a folder, sorted; what is no image or cannot be one is noted in the collection."""
    for path in sorted(_files_below(root, collection)):
        if is_hidden(path):
            continue
        if PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            collection.left_out.append(path)
        elif not path.isprintable():
            collection.faults.append(f"{path!a}: the name is not valid text")
            collection.faulty.append(path)
        elif fault := _fault_of_file(root, path):
            collection.cannot_use(path, fault)
        else:
            yield path


def is_hidden(path: str) -> bool:
    """Whether a path is one that systems leave behind: .DS_Store, ._image.png, __MACOSX/...

    Examples
    --------
    >>> is_hidden("cat/._1.png"), is_hidden("__MACOSX/cat/1.png"), is_hidden("cat/1.png")
    (True, True, False)
    """
    return any(name.startswith(".") or name == "__MACOSX" for name in path.split("/"))


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
