"""Models with order: lists that come back item by item."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .ordered_model import OrderedModel as OrderedModel
    from .positional import PositionalNetwork as PositionalNetwork
    from .primacy import PrimacyModel as PrimacyModel
    from .simple import SIMPLE as SIMPLE


_MODULE_OF = {
    "OrderedModel": "ordered_model",
    "PositionalNetwork": "positional",
    "PrimacyModel": "primacy",
    "SIMPLE": "simple",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
