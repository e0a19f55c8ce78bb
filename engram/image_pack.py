"""``engram pack``: where a pack is put, what is replaced, and what is said of it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal


def make_pack(
    source: Path, out: Path, size: int, quality: int, strict: bool, overwrite: bool, domains: Literal["none", "folders"]
) -> str:
    """Pack images into a folder and say what came of it.

    Parameters
    ----------
    source : Path
        Folder or file with images by class.
    out : Path
        Folder for the shards.
    size, quality : int
        Of the JPEG files.
    strict : bool
        Whether files that cannot be used are refused and not left out.
    overwrite : bool
        Whether a pack that is there is replaced; nothing else is.
    domains : {"none", "folders"}
        Whether the folders above the classes are domains.

    Returns
    -------
    str

    Raises
    ------
    FileExistsError
        The folder holds something already.
    ValueError
        The pack would lie within its source, or images cannot be used.
    """
    from .data.streams.pack import pack_images

    old = _old_pack(source, out, overwrite)
    new = out.with_name(f"{out.name}.new") if old else out
    if old and new.exists():
        raise FileExistsError(f"{new} is there, left over from a pack that was not finished; remove it first")
    try:
        report = pack_images(source, new, size=size, quality=quality, strict=strict, domains=domains)
    except BaseException:
        if old:
            shutil.rmtree(new, ignore_errors=True)
        raise
    if old:
        shutil.rmtree(out)
        new.rename(out)
    return f"{report}\npack: {out}"


def _old_pack(source: Path, out: Path, overwrite: bool) -> bool:
    """Whether there is a pack to be replaced; refuses a place that is none for a pack."""
    if source.is_dir() and out.resolve().is_relative_to(source.resolve()):
        raise ValueError(f"{out} lies within {source}, whose images are to be packed; give another folder")
    if not out.exists():
        return False
    if not out.is_dir():
        raise FileExistsError(f"{out} is a file; give the name of a folder for the shards")
    if out.is_symlink():
        raise FileExistsError(f"{out} is a link; give the folder that it leads to")
    if not any(out.iterdir()):
        return False
    if not (out / "manifest.json").is_file():
        raise FileExistsError(f"{out} holds other files and is no pack; give another folder")
    foreign = [path.name for path in out.iterdir() if not _is_of_a_pack(path)]
    if foreign:
        raise FileExistsError(f"{out} holds more than a pack ({foreign[0]}); give another folder")
    if not overwrite:
        raise FileExistsError(f"{out} holds a pack; give another folder, or --overwrite to replace it")
    return True


def _is_of_a_pack(path: Path) -> bool:
    return path.is_file() and (path.name == "manifest.json" or path.suffix in (".tar", ".npy"))
