"""What people did: condition means of classic experiments, and readers of raw and of users' own data."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data_set import Dataset as Dataset
    from .data_set import OrdinalCheck as OrdinalCheck
    from .psifr_names import from_psifr as from_psifr
    from .psifr_names import to_psifr as to_psifr
    from .raw_files import read_raw as read_raw
    from .shipped import MISSING as MISSING
    from .shipped import dataset as dataset
    from .shipped import datasets as datasets
    from .subject_level import subject_scores as subject_scores
    from .summaries import condition_means as condition_means
    from .summaries import dataset_from_table as dataset_from_table
    from .tidy_table import checked_table as checked_table
    from .tidy_table import read_table as read_table

_MODULE_OF = {
    "MISSING": "shipped",
    "Dataset": "data_set",
    "OrdinalCheck": "data_set",
    "checked_table": "tidy_table",
    "condition_means": "summaries",
    "dataset": "shipped",
    "dataset_from_table": "summaries",
    "datasets": "shipped",
    "from_psifr": "psifr_names",
    "read_raw": "raw_files",
    "read_table": "tidy_table",
    "subject_scores": "subject_level",
    "to_psifr": "psifr_names",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
