"""Images of any source one after another, so that a data set larger than memory can be packed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..class_folders import ImageCollection, image_paths
from ..idx_pairs import find_idx
from ..labelled_images import LabelledImages
from ..places import Part, Place, by_number
from ..tars import tar_images
from .packed import is_pack
from .recognition import Reading, beside_shards, first_bytes, is_tar, read_images, shard_paths, shards_of

_PARTS: tuple[Part, ...] = ("train", "val", "test", "all")


@dataclass(frozen=True)
class SourceImage:
    """One image of a source, unread.

    Parameters
    ----------
    name : str
        What to call it in a message.
    part : {"train", "val", "test", "all"}
    label, domain : int
        Numbers of its class and its domain (-1: none).
    read : callable
        Gives the content of its file, or its pixels.
    """

    name: str
    part: Part
    label: int
    domain: int
    read: Callable[[], bytes | NDArray[np.uint8]]


class ImageSource(ABC):
    """Images one after another: which parts, classes and domains there are is known before the first is read.

    Parameters
    ----------
    where : str
        Folder or file, for messages.
    places : sequence of Place
        Part, class and domain of each image.
    collection : ImageCollection
        With the faults that are known before.
    skipped : int
        Files that were left out of the source when it was made.
    """

    def __init__(self, where: str, places: Sequence[Place], collection: ImageCollection, skipped: int = 0) -> None:
        self.where, self.faults, self.left_out, self.skipped = where, collection.faults, collection.left_out, skipped
        self.parts = [part for part in _PARTS if any(place.part == part for place in places)]
        self.classes = sorted({place.label for place in places}, key=by_number)
        self.domains = sorted({place.domain for place in places if place.domain is not None}, key=by_number)
        self._places = places
        self._label = {name: number for number, name in enumerate(self.classes)}
        self._domain = {name: number for number, name in enumerate(self.domains)}

    def __iter__(self) -> Iterator[SourceImage]:
        for place, (name, read) in zip(self._places, self._contents(), strict=True):
            domain = -1 if place.domain is None else self._domain[place.domain]
            yield SourceImage(name, place.part, self._label[place.label], domain, read)

    @abstractmethod
    def _contents(self) -> Iterator[tuple[str, Callable[[], bytes | NDArray[np.uint8]]]]:
        """Name and content of each image."""


def image_source(path: str | PathLike[str], how: Reading) -> ImageSource:
    """Images of a folder or file of any kind, one after another.

    Raises
    ------
    FileNotFoundError
        If there is no such folder or file.
    ValueError
        If it is of no known kind, or holds no images by class.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such folder or file")
    if path.is_dir() and not is_pack(path) and find_idx([path]) is None and not _holds_arrays(path):
        shards = shards_of(path)
        return _TarSource(path, shards, how) if shards else _FolderSource(path, how)
    if path.is_file() and is_tar(path, first_bytes(path)):
        return _TarSource(path, [path], how)
    return _HeldSource(path, how)


def _holds_arrays(folder: Path) -> bool:
    return any(path.suffix.lower() == ".npz" for path in folder.iterdir())


class _FolderSource(ImageSource):
    def __init__(self, root: Path, how: Reading) -> None:
        collection = ImageCollection(str(root), None)
        self._root, self._paths = root, list(image_paths(root, collection))
        collection.paths.extend(self._paths)
        super().__init__(str(root), _places_in(collection, how), collection)

    def _contents(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        for path in self._paths:
            yield path, (self._root / path).read_bytes


class _TarSource(ImageSource):
    """Archives, gone through twice: once for their paths, once for their images."""

    def __init__(self, where: Path, shards: Sequence[Path], how: Reading) -> None:
        collection = ImageCollection(str(where), None)
        if where.is_dir():
            collection.faults, collection.left_out = beside_shards(where, shards)
        self._shards = shards
        for shard in shards:
            one = ImageCollection(str(shard), None)
            paths = [path for path, _ in tar_images(shard, one)]
            stems = list(one.labels_beside)
            named = (paths, stems) if len(shards) == 1 else (shard_paths(shard, paths), shard_paths(shard, stems))
            collection.paths.extend(named[0])
            collection.labels_beside.update(zip(named[1], one.labels_beside.values(), strict=True))
            collection.faults.extend(one.faults)
            collection.left_out.extend(one.left_out)
        super().__init__(str(where), _places_in(collection, how), collection)

    def _contents(self) -> Iterator[tuple[str, Callable[[], bytes]]]:
        for shard in self._shards:
            for path, data in tar_images(shard, ImageCollection(str(shard), None)):
                yield f"{shard.name}: {path}", lambda data=data: data  # type: ignore[misc]


class _HeldSource(ImageSource):
    """What is read as a whole, or has a reader of its own."""

    def __init__(self, path: Path, how: Reading) -> None:
        found = read_images(path, how)
        self._parts = found.parts
        places = [place for name, part in found.parts.items() for place in _places_of(name, part)]
        collection = ImageCollection(str(path), None, faults=[*found.faults], left_out=[*found.left_out])
        super().__init__(str(path), places, collection, found.skipped_before)

    def _contents(self) -> Iterator[tuple[str, Callable[[], NDArray[np.uint8]]]]:
        for part in self._parts.values():
            for number, name in enumerate(part.names):
                yield name, lambda images=part.images, number=number: images[number]  # type: ignore[misc]


def _places_in(collection: ImageCollection, how: Reading) -> list[Place]:
    places = collection.places(how.place)
    collection.refuse_lost_classes({place.label for place in places}, how.place)
    if how.strict:
        collection.refuse_folders_without_images()
    return places


def _places_of(name: Part, part: LabelledImages) -> list[Place]:
    if part.domains is None:
        return [Place(name, label) for label in part.labels]
    return [Place(name, label, domain) for label, domain in zip(part.labels, part.domains, strict=True)]
