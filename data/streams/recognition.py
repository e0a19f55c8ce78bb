"""What a folder or file of images is, seen from its content, and its images with their classes."""

from __future__ import annotations

import lzma
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..class_folders import ImageCollection, is_hidden, read_image_folder
from ..idx import looks_like_idx
from ..idx_pairs import find_idx, has_idx_part, idx_files, idx_pair, labels_beside, read_idx_pair
from ..image_files import IMAGE_SUFFIXES
from ..items import ImagePart
from ..labelled_images import LabelledImages
from ..npz import read_npz_parts
from ..places import Part, Place, place_by_domain, place_by_folder
from ..tars import read_image_tar, tar_images, unpacked
from ..uniform_images import Color
from ..wording import at_most, counted
from .core50 import core50_places, is_core50
from .encoded import NumberedNames
from .hdf5 import HDF5_SIGNATURE, read_hdf5_parts
from .packed import MANIFEST, PackedImages, is_pack, read_manifest
from .reader import ImageReader

BYTES_IN_MEMORY = 1 << 30
"""Pixels of a pack or an HDF5 file that are held in memory, where more are read when they are needed."""

_TAR_SUFFIXES = frozenset((".tgz", ".tbz", ".tbz2", ".txz"))

_PART_OF_NAME: dict[str, Part] = {"train": "train", "val": "val", "test": "test"}


@dataclass(frozen=True)
class Reading:
    """How images are read.

    Parameters
    ----------
    size : int or None
        Height and width to bring every image to; None: as it is.
    color : {"auto", "grey", "rgb"}
    strict : bool
        Whether files that cannot be used are refused and not left out.
    domain_folders : bool
        Whether the outermost folder is the domain: ``domain/class/image.png``.
    """

    size: int | None = None
    color: Color = "auto"
    strict: bool = False
    domain_folders: bool = False

    def place(self, paths: Sequence[str]) -> list[Place]:
        """Part, class and domain of images from their paths."""
        if is_core50(paths):
            return core50_places(paths)
        return place_by_domain(paths) if self.domain_folders else place_by_folder(paths)


@dataclass(frozen=True)
class ReadImages:
    """Images as read from a folder or file, and what was left out.

    Parameters
    ----------
    parts : dict from part to LabelledImages
    faults : sequence of str
        Files that cannot be used.
    left_out : sequence of str
        Files that are no images by their names.
    skipped_before : int
        Files that were left out when a pack was made.
    where : str
        Folder or archive, for messages about its files.
    """

    parts: dict[Part, LabelledImages]
    faults: Sequence[str] = ()
    left_out: Sequence[str] = ()
    skipped_before: int = 0
    where: str = ""

    @property
    def skipped(self) -> int:
        """Number of files that could not be used."""
        return len(self.faults) + self.skipped_before


def read_images(path: Path, how: Reading) -> ReadImages:
    """Images of a folder or file of any kind.

    Raises
    ------
    ValueError
        If it is of no known kind, holds no images, or holds what cannot be used.
    FileNotFoundError
        If a file is missing that belongs to it.
    """
    if path.is_dir():
        return _read_folder(path, how)
    if not path.is_file():
        raise ValueError(f"{path}: neither a folder nor a plain file")
    start = first_bytes(path)
    if start.startswith(HDF5_SIGNATURE):
        return ReadImages(_held(read_hdf5_parts(path, how.size, how.color)))
    if start.startswith(b"PK"):
        return ReadImages(read_npz_parts(path))
    if looks_like_idx(start):
        return ReadImages({"all": _labelled(read_idx_pair(path, labels_beside(path)), "image")})
    if is_tar(path, start):
        return _sorted_out(read_image_tar(path, how.size), how)
    raise ValueError(
        f"{path}: by its content neither an IDX file, nor npz, nor tar, nor HDF5; expected one of these or a folder"
    )


def is_tar(path: Path, start: bytes) -> bool:
    """Whether a file is a tar archive, by its first bytes (unpacked) or else by its name."""
    return start[257:262] == b"ustar" or _is_called_tar(path)


def _is_called_tar(path: Path) -> bool:
    return ".tar" in path.suffixes or path.suffix.lower() in _TAR_SUFFIXES


def shards_of(folder: Path) -> list[Path]:
    """Tar archives of a folder that holds nothing else, or none."""
    files = visible_files(folder)
    tars = [path for path in files if path.is_file() and _is_called_tar(path)]
    if not tars or any(path.is_dir() for path in files):
        return []
    if any(path.name.endswith("-index.npy") for path in files):
        raise ValueError(f"{folder}: a pack whose {MANIFEST} is missing; copy it whole, or pack the images again")
    return tars


def beside_shards(folder: Path, shards: Sequence[Path]) -> tuple[list[str], list[str]]:
    """What lies beside the archives of a folder: what looks like images, as faults, and other files."""
    return _beside(folder, shards, "tar archives", strict=False)


def visible_files(folder: Path) -> list[Path]:
    """What lies in a folder, sorted, but for what systems leave behind."""
    return [path for path in sorted(folder.iterdir()) if not is_hidden(path.name)]


def _beside(folder: Path, read: Sequence[Path], what: str, strict: bool) -> tuple[list[str], list[str]]:
    """What lies beside the files that were read: what looks like images, as faults, and other files."""
    faults, others = [], []
    for path in visible_files(folder):
        if path in read:
            continue
        if path.is_dir():
            faults.append(f"{path.name}/: beside {what}, which alone are read")
        elif path.suffix.lower() in IMAGE_SUFFIXES | {".npz"} or _is_called_tar(path):
            faults.append(f"{path.name}: beside {what}, which alone are read")
        else:
            others.append(path.name)
    if faults and strict:
        raise ValueError(f"{folder}: {counted(len(faults), 'file')} cannot be used: {at_most(faults)}")
    return faults, others


def shard_paths(shard: Path, paths: Sequence[str]) -> list[str]:
    """Paths within an archive, below the part that the archive's name begins with: train-0001.tar."""
    part = next((part for name, part in _PART_OF_NAME.items() if shard.name.lower().startswith(name)), None)
    if part is None or any(path.split("/")[0] in _PART_OF_NAME for path in paths):
        return list(paths)
    return [f"{part}/{path}" for path in paths]


def _read_folder(folder: Path, how: Reading) -> ReadImages:
    if is_pack(folder):
        return _read_pack(folder, how)
    files = visible_files(folder)
    if find_idx([folder]) is not None:
        beside = _beside(folder, idx_files(folder), "IDX files", how.strict)
        return ReadImages(_read_idx_folder(folder), *beside, where=str(folder))
    arrays = [path for path in files if path.suffix.lower() == ".npz" and path.is_file()]
    if arrays and not any(path.is_dir() for path in files):
        beside = _beside(folder, arrays, "npz files", how.strict)
        return ReadImages(_joined(arrays), *beside, where=str(folder))
    if shards := shards_of(folder):
        return _read_shards(folder, shards, how)
    return _sorted_out(read_image_folder(folder, how.size), how)


def _read_pack(folder: Path, how: Reading) -> ReadImages:
    manifest = read_manifest(folder)
    color = None if how.color == "auto" else how.color == "rgb"
    parts: dict[Part, LabelledImages] = {}
    counts = np.sum([part.per_class for part in manifest.parts.values()], axis=0)
    if lost := [name for name, count in zip(manifest.classes, counts.tolist(), strict=True) if not count]:
        raise ValueError(f"{folder}: the pack holds no image of {at_most(lost)}; mend its source and pack it again")
    for part in manifest.parts:
        images = PackedImages(folder, part, how.size, color)
        domains = [manifest.domains[number] for number in images.domains] if manifest.domains else None
        labels = [manifest.classes[number] for number in images.labels]
        parts[part] = LabelledImages(images, labels, NumberedNames(f"{part} image", len(images)), domains)
    return ReadImages(_held(parts), skipped_before=manifest.skipped)


def _held(parts: dict[Part, LabelledImages]) -> dict[Part, LabelledImages]:
    """The same in memory, where they are few."""
    total = sum(part.images.nbytes for part in parts.values() if isinstance(part.images, ImageReader))
    if total > BYTES_IN_MEMORY:
        return parts
    return {
        name: LabelledImages(np.asarray(part.images), part.labels, part.names, part.domains)
        for name, part in parts.items()
    }


def _read_idx_folder(folder: Path) -> dict[Part, LabelledImages]:
    parts: dict[Part, LabelledImages] = {
        "train": _labelled(read_idx_pair(*idx_pair(folder, "train")), "training image")
    }
    if has_idx_part(folder, "t10k"):
        parts["test"] = _labelled(read_idx_pair(*idx_pair(folder, "t10k")), "test image")
    return parts


def _joined(files: Sequence[Path]) -> dict[Part, LabelledImages]:
    """Several npz files in one label space: the classes are called after file and number, ``bloodmnist/3``."""
    found = {file.stem: read_npz_parts(file) for file in files}
    kinds = {tuple(sorted(parts)) for parts in found.values()}
    if len(kinds) > 1:
        raise ValueError(f"{files[0].parent}: the npz files differ in their parts: {at_most(map(' + '.join, kinds))}")
    joined: dict[Part, LabelledImages] = {}
    for part in next(iter(found.values())):
        images: list[NDArray[np.uint8]] = []
        labels: list[str] = []
        names: list[str] = []
        for stem, parts in found.items():
            images.extend(np.asarray(parts[part].images))
            labels.extend(f"{stem}/{label}" for label in parts[part].labels)
            names.extend(f"{stem}/{name}" for name in parts[part].names)
        joined[part] = LabelledImages(images, labels, names)
    return joined


def _read_shards(folder: Path, shards: Sequence[Path], how: Reading) -> ReadImages:
    collection = ImageCollection(str(folder), how.size)
    for noted, names in zip((collection.faults, collection.left_out), beside_shards(folder, shards), strict=True):
        noted.extend(names)
    for shard in shards:
        start, faulty = len(collection.paths), len(collection.faulty)
        with_labels = ImageCollection(str(shard), how.size)
        for name, data in tar_images(shard, with_labels):
            collection.add(name, data)
        collection.paths[start:] = shard_paths(shard, collection.paths[start:])
        collection.faulty[faulty:] = shard_paths(shard, collection.faulty[faulty:])
        stems = list(with_labels.labels_beside)
        for stem, labelled in zip(shard_paths(shard, stems), stems, strict=True):
            collection.labels_beside[stem] = with_labels.labels_beside[labelled]
        collection.faults.extend(f"{shard.name}: {fault}" for fault in with_labels.faults)
        collection.left_out.extend(f"{shard.name}: {name}" for name in with_labels.left_out)
    return _sorted_out(collection, how)


def _sorted_out(collection: ImageCollection, how: Reading) -> ReadImages:
    parts = collection.by_part(how.place, skip_faults=not how.strict)
    if how.strict:
        collection.refuse_folders_without_images()
    return ReadImages(parts, collection.faults, collection.left_out, where=collection.where)


def first_bytes(path: Path) -> bytes:
    """The beginning of a file, unpacked. Raises ValueError if it is empty or cannot be read."""
    try:
        with unpacked(path) as stream:
            start = stream.read(512)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path}: cannot be read, damaged or cut short ({error})") from None
    if not start:
        raise ValueError(f"{path}: the file is empty")
    return start


def _labelled(part: ImagePart, called: str) -> LabelledImages:
    images = np.asarray(part.images)
    return LabelledImages(images, [str(label) for label in part.labels], NumberedNames(called, len(part)))
