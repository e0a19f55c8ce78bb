"""The data sets that come with engram, and those of users by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..wording import nearest, one_of
from .data_set import Dataset
from .description import read_description

_TABLES = Path(__file__).parent / "tables"

MISSING: Mapping[str, str] = {}


def datasets() -> tuple[str, ...]:
    """Names of the data sets that come with engram, sorted.

    Examples
    --------
    >>> "page2006-hebb" in datasets()
    True
    """
    return tuple(sorted(path.stem for path in _TABLES.glob("*.yaml")))


def dataset(name: str) -> Dataset:
    """A data set by its name.

    Parameters
    ----------
    name : str
        One of `datasets`.

    Raises
    ------
    ValueError
        If there is no such data set; what is missing on purpose is told with the reason.

    Examples
    --------
    >>> hebb = dataset("page2006-hebb")
    >>> hebb.factors
    ('list_type', 'repetition')
    >>> hebb.conditions.query("list_type == 'repeated'")["mean"].head(3).round(3).tolist()
    [0.524, 0.571, 0.535]
    """
    known = datasets()
    if name in known:
        return read_description(_TABLES / f"{name}.yaml")
    if name in MISSING:
        raise ValueError(f'data set "{name}" is not shipped: {MISSING[name]}')
    raise ValueError(f'no data set "{name}"; there are {one_of(known)}.{nearest(name, known)}')
