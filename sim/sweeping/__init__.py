"""Sweeps: models × parameters × subjects, on this machine or on those of a Dask scheduler, in one recording."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .points import Point as Point
    from .points import grid as grid
    from .sweeps import resume_sweep as resume_sweep
    from .sweeps import sweep as sweep

_MODULE_OF = {"Point": "points", "grid": "points", "resume_sweep": "sweeps", "sweep": "sweeps"}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
