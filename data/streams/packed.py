"""Packed images: tar files read by offset, each image checked against its checksum."""

from __future__ import annotations

import hashlib
import io
import json
import os
import zlib
from os import PathLike
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..places import Part, fault_of_names
from .encoded import EncodedImages

PACK_FORMAT = "engram-images"
PACK_VERSION = 1
MANIFEST = "manifest.json"
INDEX_COLUMNS = ("shard", "start", "bytes", "crc32", "label", "domain")
"""Columns of an index: tar file, where in it an image begins, its length and checksum, class and domain (-1: none)."""

_MAX_MANIFEST_BYTES = 256 * 2**20
_MOST_OPEN_FILES = 256


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Shard(_Strict):
    file: Annotated[str, Field(pattern=r"^(train|val|test|all)-[0-9]{6}\.tar$")]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _PartOfPack(_Strict):
    images: Annotated[int, Field(ge=1, le=2**32)]
    per_class: list[int]
    shards: list[_Shard]
    index_sha256: str
    digests_sha256: str


class Manifest(_Strict):
    """What a pack holds, as its ``manifest.json`` says."""

    format: Literal["engram-images"]
    version: Literal[1]
    size: Annotated[int, Field(ge=1, le=4096)]
    color: bool
    classes: list[str]
    domains: list[str]
    skipped: Annotated[int, Field(ge=0)]
    parts: dict[Part, _PartOfPack]


def is_pack(folder: Path) -> bool:
    """Whether a folder is a pack.

    Examples
    --------
    >>> is_pack(Path("no-such-folder"))
    False
    """
    path = folder / MANIFEST
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if f'"{PACK_FORMAT}"'.encode() in file.read(4096):
            return True
    return any(folder.glob("*-index.npy"))  # its manifest is damaged


def read_manifest(folder: str | PathLike[str]) -> Manifest:
    """What a pack holds.

    Raises
    ------
    FileNotFoundError
        If the folder is no pack.
    ValueError
        If its manifest is damaged or of a later version.
    """
    path = Path(folder) / MANIFEST
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; expected a folder made by engram pack")
    if path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise ValueError(f"{path}: {path.stat().st_size:,} bytes; at most {_MAX_MANIFEST_BYTES:,} are read")
    try:
        raw = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:  # not JSON, not UTF-8, a number of thousands of digits
        raise ValueError(f"{path}: damaged or cut short ({error}); pack the images again") from None
    try:
        if isinstance(raw, dict) and isinstance(raw.get("version"), int) and raw["version"] > PACK_VERSION:
            raise ValueError(f"{path}: version {raw['version']}; this engram reads up to {PACK_VERSION}")
        manifest = Manifest.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(f"{path}: not a pack's manifest ({place}: {first['msg']}); pack the images again") from None
    for what, names in (("classes", manifest.classes), ("domains", manifest.domains)):
        if fault := fault_of_names(names):
            raise ValueError(f"{path}: {what} holds {fault}; pack the images again")
    for part, held in manifest.parts.items():
        if len(held.per_class) != len(manifest.classes):
            raise ValueError(
                f"{path}: {len(held.per_class)} counts of the {part} part for {len(manifest.classes)} classes; "
                "pack the images again"
            )
    return manifest


def index_name(part: Part, what: str) -> str:
    """Name of the file with the index, or the digests, of a part.

    Examples
    --------
    >>> index_name("train", "index")
    'train-index.npy'
    """
    return f"{part}-{what}.npy"


class PackedImages(EncodedImages):
    """Images of one part of a pack, read by offset.

    Parameters
    ----------
    folder : path
        A folder made by `pack_images`.
    part : {"train", "val", "test", "all"}
    size : int, optional
        Height and width to bring every image to; by default that of the pack.
    color : bool, optional
        Three channels or one; by default three if any image of the pack has colour.

    Attributes
    ----------
    labels, domains : int64 array, [image]
        Class and domain of each image; domains are -1 where there are none.

    Raises
    ------
    FileNotFoundError
        If the folder is no pack, has no such part, or lacks a file.
    ValueError
        If a file is damaged, cut short, or not the one that was packed.

    Examples
    --------
    >>> import tempfile
    >>> from engram.data.streams.pack import pack_images
    >>> root = Path(tempfile.mkdtemp())
    >>> np.savez(root / "set.npz", train_images=np.full((3, 8, 8), 9, np.uint8), train_labels=[0, 1, 1])
    >>> _ = pack_images(root / "set.npz", root / "pack", size=8)
    >>> images = PackedImages(root / "pack", "train")
    >>> images.shape, images.labels, images[2].mean()
    ((3, 8, 8), array([0, 1, 1]), np.float64(9.0))
    """

    def __init__(
        self, folder: str | PathLike[str], part: Part, size: int | None = None, color: bool | None = None
    ) -> None:
        self._folder, self._part = Path(folder).absolute(), part
        manifest = read_manifest(folder)
        if part not in manifest.parts:
            raise FileNotFoundError(f"{folder}: no part {part}; it holds {', '.join(manifest.parts)}")
        self._held = manifest.parts[part]
        super().__init__(self._held.images, size or manifest.size, manifest.color if color is None else color)
        self._index = self._checked_index(manifest)
        for shard in self._held.shards:
            self._check_length(shard)
        self._files: dict[int, int] = {}

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._column("label")

    @property
    def domains(self) -> NDArray[np.int64]:
        return self._column("domain")

    @property
    def identity(self) -> str:
        """Hash over index (which holds a checksum of each image) and the shape in which images are handed out."""
        return f"packed {self._held.index_sha256} as {self.shape[1:]}"

    def encoded(self, number: int) -> bytes:
        """One image as the JPEG file in the pack.

        Raises
        ------
        ValueError
            If the tar file is not the one that was packed.
        """
        shard, start, length, checksum, *_ = self._index[number].tolist()
        data = os.pread(self._file(shard), length, start)
        if len(data) != length or zlib.crc32(data) != checksum:
            raise ValueError(
                f"{self.called(number)} is damaged (bytes {start:,} to {start + length:,}); pack the images again"
            )
        return data

    def called(self, number: int) -> str:
        shard = self._held.shards[int(self._index[number, 0])].file
        return f"{self._folder / shard}: {self._part} image {number}"

    def digests(self) -> list[bytes]:
        path = self._folder / index_name(self._part, "digests")
        digests = _checked_array(path, self._held.digests_sha256, (len(self), 16), np.dtype(np.uint8))
        return [row.tobytes() for row in digests]

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_files": {}}

    def __del__(self) -> None:
        for file in getattr(self, "_files", {}).values():
            os.close(file)

    def _column(self, name: str) -> NDArray[np.int64]:
        return np.ascontiguousarray(self._index[:, INDEX_COLUMNS.index(name)])

    def _file(self, shard: int) -> int:
        if shard not in self._files:
            if len(self._files) >= _MOST_OPEN_FILES:
                os.close(self._files.pop(next(iter(self._files))))
            path = self._folder / self._held.shards[shard].file
            try:
                self._files[shard] = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            except FileNotFoundError:
                raise FileNotFoundError(f"{path}: no such file; the pack lacks a part of its images") from None
        return self._files[shard]

    def _check_length(self, shard: _Shard) -> None:
        path = self._folder / shard.file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file; the pack lacks a part of its images")
        if path.stat().st_size != shard.bytes:
            raise ValueError(
                f"{path}: {path.stat().st_size:,} bytes, but {shard.bytes:,} were packed; copy it again or pack again"
            )

    def _checked_index(self, manifest: Manifest) -> NDArray[np.int64]:
        path = self._folder / index_name(self._part, "index")
        shape = len(self), len(INDEX_COLUMNS)
        index = _checked_array(path, self._held.index_sha256, shape, np.dtype("<i8")).astype(np.int64)
        shard, start, length, _, label, domain = index.T
        sizes = np.array([shard.bytes for shard in self._held.shards], np.int64)
        sound = (
            ((shard >= 0) & (shard < len(sizes))).all()
            and ((start >= 0) & (length > 0) & (start + length <= sizes[shard])).all()
            and ((label >= 0) & (label < len(manifest.classes))).all()
            and ((domain >= -1) & (domain < len(manifest.domains))).all()
        )
        if not sound:
            raise ValueError(f"{path}: points outside of the pack; pack the images again")
        return index


def _checked_array(path: Path, checksum: str, shape: tuple[int, ...], dtype: np.dtype) -> NDArray:
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; the pack lacks it")
    if path.stat().st_size > np.prod(shape) * dtype.itemsize + 4096:
        raise ValueError(f"{path}: larger than the index of {shape[0]:,} images; pack the images again")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != checksum:
        raise ValueError(f"{path}: damaged, or not the one that was packed; pack the images again")
    array: NDArray = np.load(io.BytesIO(data), allow_pickle=False)
    if array.shape != shape or array.dtype != dtype:
        raise ValueError(f"{path}: {array.dtype} {list(array.shape)}; expected {dtype} {list(shape)}")
    return array
