"""What people did: condition means of classic experiments, and readers of raw and of users' own data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data_set import Dataset as Dataset
    from .data_set import OrdinalCheck as OrdinalCheck
    from .shipped import MISSING as MISSING
    from .shipped import dataset as dataset
    from .shipped import datasets as datasets

_MODULE_OF = {
    "MISSING": "shipped",
    "Dataset": "data_set",
    "OrdinalCheck": "data_set",
    "dataset": "shipped",
    "datasets": "shipped",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
