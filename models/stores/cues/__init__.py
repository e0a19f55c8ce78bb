"""Learned cues: an image codec that a task's images train, and of which only the decoder stays."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .codec import CueCodec as CueCodec
    from .refinement import Refinement as Refinement
    from .sizes import Size as Size
    from .sizes import size_of as size_of
    from .weights import learn_weights as learn_weights
    from .weights import load_weights as load_weights
    from .weights import save_weights as save_weights

_MODULE_OF = {
    "CueCodec": "codec",
    "Refinement": "refinement",
    "Size": "sizes",
    "learn_weights": "weights",
    "load_weights": "weights",
    "save_weights": "weights",
    "size_of": "sizes",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
