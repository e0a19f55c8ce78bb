"""Image streams: sources of any size, packs, domains, and the order in which classes come."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .hdf5 import Hdf5Images as Hdf5Images
    from .pack import PackReport as PackReport
    from .pack import pack_images as pack_images
    from .packed import PackedImages as PackedImages
    from .reader import ImageReader as ImageReader
    from .reading_ahead import ReadAhead as ReadAhead
    from .synthetic import SyntheticImageNet as SyntheticImageNet

_MODULE_OF = {
    "Hdf5Images": "hdf5",
    "ImageReader": "reader",
    "PackReport": "pack",
    "PackedImages": "packed",
    "ReadAhead": "reading_ahead",
    "SyntheticImageNet": "synthetic",
    "pack_images": "pack",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
