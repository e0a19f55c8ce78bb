"""Packing a data set once: images of one size in a few tar files, with an index that finds each without a search."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import shutil
import tarfile
import zlib
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..class_folders import warn_of_files
from ..image_files import decode_image, is_turned
from ..places import Part
from ..uniform_images import fit_image
from ..wording import at_most, counted
from .encoded import decode_jpeg, encode_jpeg
from .packed import INDEX_COLUMNS, MANIFEST, PACK_FORMAT, PACK_VERSION, index_name
from .recognition import Reading
from .sources import ImageSource, SourceImage, image_source

SHARD_BYTES = 1 << 30


@dataclass(frozen=True)
class PackReport:
    """What came of packing.

    Parameters
    ----------
    folder : path
        The pack.
    images : dict from part to int
        Number of images of each part: train, val, test, or all where the source tells no parts.
    classes : int
        Number of classes.
    nbytes : int
        Size of the pack.
    skipped : int
        Files that could not be used and were left out.

    Examples
    --------
    >>> print(PackReport(Path("pack"), {"train": 1200, "test": 50}, 10, 20_000_000, 0))
    1,200 train and 50 test images of 10 classes, 20.0 MB; 0 files skipped
    """

    folder: Path
    images: dict[Part, int]
    classes: int
    nbytes: int
    skipped: int

    def __str__(self) -> str:
        parts = " and ".join(f"{count:,} {part}" for part, count in self.images.items())
        classes = f"{self.classes} class{'es' if self.classes != 1 else ''}"
        return f"{parts} images of {classes}, {self.nbytes / 1e6:,.1f} MB; {counted(self.skipped, 'file')} skipped"


def pack_images(
    source: str | PathLike[str],
    out: str | PathLike[str],
    size: int = 256,
    quality: int = 90,
    shard_bytes: int = SHARD_BYTES,
    strict: bool = False,
    domains: Literal["none", "folders"] = "none",
) -> PackReport:
    """Bring all images of a source to one size and write them as JPEG files into tar files with an index.

    An image that is a JPEG file of that size already keeps its bytes. A pack of images is given to the item set
    `Images` like any other folder; its tar files can be read by any other program.

    Parameters
    ----------
    source : path
        Whatever the item set `Images` reads: a folder by class, an archive, IDX, npz, HDF5 ...
    out : path
        Folder to make; it must not hold anything.
    size : int
        Height and width: the centre square of each image, resized (bilinear).
    quality : int
        Quality of the JPEG files, 1 to 100.
    shard_bytes : int
        A new tar file is begun when one has so many bytes.
    strict : bool
        Refuse files that cannot be used, where they would be skipped and counted.
    domains : {"none", "folders"}
        As in `Images`.

    Returns
    -------
    PackReport

    Raises
    ------
    FileNotFoundError
        If there is no source.
    FileExistsError
        If the folder `out` holds something.
    ValueError
        If the source holds no images by class, or `strict` and a file cannot be used.
    ImportError
        If simplejpeg is not installed.

    Warns
    -----
    UserWarning
        If files are skipped.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for number in range(6):
    ...     path = root / "set" / ("dark", "light")[number % 2] / f"{number}.png"
    ...     path.parent.mkdir(parents=True, exist_ok=True)
    ...     Image.new("L", (40, 30), 40 * number).save(path)
    >>> report = pack_images(root / "set", root / "pack", size=16)
    >>> report.images, report.classes, report.skipped
    ({'all': 6}, 2, 0)
    """
    if not 1 <= quality <= 100 or not 1 <= size <= 4096 or shard_bytes < 1:
        raise ValueError(f"size {size}, quality {quality}, {shard_bytes} bytes; expected 1-4096, 1-100, 1 or more")
    out = Path(out)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out}: exists already; a pack is made in a folder of its own")
    images = image_source(source, Reading(strict=strict, domain_folders=domains == "folders"))
    encode_jpeg(np.zeros((1, 1), np.uint8), quality)  # without the library for it, say so before any work
    unfinished = out.with_name(f"{out.name}.unfinished")
    try:
        unfinished.mkdir(parents=True)
    except FileExistsError:
        raise FileExistsError(
            f"{unfinished}: exists already, of a pack that is being made or was broken off; wait for it, or remove it"
        ) from None
    try:
        writers = {part: _PartWriter(unfinished, part, shard_bytes) for part in images.parts}
        for image, made in _ahead(lambda image: _fitted(image, size, quality), images):
            if isinstance(made, str):
                images.faults.append(made)
            else:
                writers[image.part].add(image, made)
        if images.faults and strict:
            raise ValueError(
                f"{images.where}: {counted(len(images.faults), 'file')} cannot be used: {at_most(images.faults)}"
            )
        skipped = images.skipped + len(images.faults)
        counts = _finish(unfinished, writers, images, size, skipped)
        warn_of_files(images.where, images.faults, images.left_out)
        if out.exists():
            out.rmdir()
        unfinished.rename(out)
    except OSError as error:
        shutil.rmtree(unfinished, ignore_errors=True)
        if error.errno not in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            raise
        raise OSError(error.errno, f"{error.strerror}; nothing of the pack was kept", str(out)) from None
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    nbytes = sum(file.stat().st_size for file in out.iterdir())
    return PackReport(out, counts, len(images.classes), nbytes, skipped)


@dataclass(frozen=True)
class _Encoded:
    data: bytes
    digest: bytes
    has_color: bool


def _fitted(image: SourceImage, size: int, quality: int) -> _Encoded | str:
    """A JPEG file of the size, or what is wrong with the image."""
    try:
        content = image.read()
        pixels = decode_image(content) if isinstance(content, bytes) else content
    except (ValueError, OSError) as error:
        return f"{image.name}: {error}"
    fitted = fit_image(pixels, size)
    digest = hashlib.blake2b(np.ascontiguousarray(fitted).data, digest_size=16).digest()
    kept = isinstance(content, bytes) and pixels.shape[:2] == (size, size) and _is_plain_jpeg(content, size)
    data = content if kept and isinstance(content, bytes) else encode_jpeg(fitted, quality)
    return _Encoded(data, digest, fitted.ndim == 3)


def _is_plain_jpeg(data: bytes, size: int) -> bool:
    """Whether a file can stand in a pack as it is."""
    if not data.startswith(b"\xff\xd8\xff"):
        return False
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.format != "JPEG" or image.mode not in ("L", "RGB") or is_turned(image):
            return False
    try:
        decode_jpeg(data, size, color=True)  # as it will be read; it minds what Pillow lets pass
    except ValueError:
        return False
    return True


def _ahead(
    work: Callable[[SourceImage], _Encoded | str], images: Iterable[SourceImage]
) -> Iterator[tuple[SourceImage, _Encoded | str]]:
    """Work done by threads (decoding and encoding let go of Python's lock), in order, never far ahead."""
    threads = os.cpu_count() or 1
    waiting: deque[tuple[SourceImage, Future[_Encoded | str]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for image in images:
                waiting.append((image, pool.submit(work, image)))
                if len(waiting) >= 8 * threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            for _, future in waiting:
                future.cancel()


@dataclass
class _PartWriter:
    """The tar files of one part, and its index."""

    folder: Path
    part: Part
    shard_bytes: int
    rows: list[tuple[int, ...]] = field(default_factory=list)
    digests: list[bytes] = field(default_factory=list)
    shards: list[dict[str, str | int]] = field(default_factory=list)
    has_color: bool = False
    _archive: tarfile.TarFile | None = None

    def add(self, image: SourceImage, made: _Encoded) -> None:
        if self._archive is None:
            self._path = self.folder / f"{self.part}-{len(self.shards):06}.tar"
            self._archive = tarfile.open(self._path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115
        member = tarfile.TarInfo(f"{self.part}/{image.label:05}/{len(self.rows):08}.jpg")
        member.size, member.mode = len(made.data), 0o644
        self._archive.addfile(member, io.BytesIO(made.data))
        # A member's content is filled up to blocks of 512 bytes, and the archive stands behind them now.
        start = self._archive.offset - -(-len(made.data) // 512) * 512
        self.rows.append((len(self.shards), start, len(made.data), zlib.crc32(made.data), image.label, image.domain))
        self.digests.append(made.digest)
        self.has_color |= made.has_color
        if self._archive.offset >= self.shard_bytes:
            self.close()

    def close(self) -> None:
        if self._archive is None:
            return
        self._archive.close()
        self._archive = None
        with self._path.open("rb+") as file:
            os.fsync(file.fileno())
            checksum = hashlib.file_digest(file, "sha256").hexdigest()
        self.shards.append({"file": self._path.name, "bytes": self._path.stat().st_size, "sha256": checksum})

    def index(self) -> NDArray[np.int64]:
        return np.array(self.rows, "<i8").reshape(-1, len(INDEX_COLUMNS))


def _finish(
    folder: Path, writers: dict[Part, _PartWriter], images: ImageSource, size: int, skipped: int
) -> dict[Part, int]:
    """The index of each part and, last, the manifest that makes a pack of the folder."""
    parts = {}
    for part, writer in writers.items():
        writer.close()
        if not writer.rows:
            which = "" if part == "all" else f"{part} "
            raise ValueError(f"{images.where}: no {which}image that can be used: {at_most(images.faults)}")
        index = writer.index()
        checksums = {}
        for name, array in (
            ("index", index),
            ("digests", np.frombuffer(b"".join(writer.digests), "u1").reshape(-1, 16)),
        ):
            path = folder / index_name(part, name)
            np.save(path, array, allow_pickle=False)
            checksums[f"{name}_sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        per_class = Counter(index[:, INDEX_COLUMNS.index("label")].tolist())
        counts = [per_class[number] for number in range(len(images.classes))]
        parts[part] = {"images": len(index), "per_class": counts, "shards": writer.shards, **checksums}
    used = {label for writer in writers.values() for label in writer.index()[:, INDEX_COLUMNS.index("label")].tolist()}
    if without := [name for number, name in enumerate(images.classes) if number not in used]:
        raise ValueError(
            f"{images.where}: no image that can be used of {at_most(without)}: {at_most(images.faults)}; mend the "
            "files, or take the class away"
        )
    manifest = {
        "format": PACK_FORMAT,
        "version": PACK_VERSION,
        "size": size,
        "color": any(writer.has_color for writer in writers.values()),
        "classes": images.classes,
        "domains": images.domains,
        "skipped": skipped,
        "parts": parts,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    return {part: len(writer.rows) for part, writer in writers.items()}
