"""``engram pack``: what is packed and what is said of it."""

from __future__ import annotations

from pathlib import Path


def make_pack(source: Path, out: Path, size: int, quality: int, strict: bool, overwrite: bool) -> str:
    """Pack images and say what came of it."""
    from .data.streams.pack import pack_images

    _refuse_place(source, out, overwrite)
    report = pack_images(source, out, size=size, quality=quality, strict=strict)
    return f"{report}\npack: {out}"
