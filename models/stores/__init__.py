"""Episodic stores: what a hippocampus keeps of images, and what it costs in bytes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .codec import Codec as Codec
    from .herding import herd as herd
    from .reconstruction import Reconstruction as Reconstruction
    from .spec import CueStore as CueStore
    from .spec import FeatureStore as FeatureStore
    from .spec import JpegStore as JpegStore
    from .spec import RawStore as RawStore
    from .spec import Store as Store
    from .store import EpisodicStore as EpisodicStore

_MODULE_OF = {
    "Codec": "codec",
    "CueStore": "spec",
    "EpisodicStore": "store",
    "FeatureStore": "spec",
    "JpegStore": "spec",
    "RawStore": "spec",
    "Reconstruction": "reconstruction",
    "Store": "spec",
    "herd": "herding",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
