"""The data sets that come with engram, and those of users by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..wording import nearest, one_of
from .data_set import Dataset, Scoring
from .description import read_description
from .summaries import dataset_from_table
from .tidy_table import read_table

_TABLES = Path(__file__).parent / "tables"

MISSING: Mapping[str, str] = {
    "anagnostaras1999-lesion": (
        "the lesion gradient (impaired after 1 day, spared after 28 to 50) is known here as an order only; "
        "no table of scores was at hand"
    ),
    "carpenter2008-forgetting": "its six values are known here from the code of an example only",
    "jenkins-dallenbach1924-sleep": "no table was at hand; berres-erdfelder2021-sleep has the effect over many studies",
    "musfeld2023-hebb": "the curves of its subjects are not at hand; read_raw('page2006') has those of Page et al.",
    "page2006-hebb-suppressed": "lists under suppression are shorter, with no protocol; read_raw('page2006') has them",
    "riefer-batchelder1988-abdc": "the re-analysis leaves out control items, and no list paired other cues (A-B, D-C)",
}

_FILES = (".csv", ".tsv", ".txt", ".gz", ".yaml", ".yml")


def datasets() -> tuple[str, ...]:
    """Names of the data sets that come with engram, sorted.

    Examples
    --------
    >>> "page2006-hebb" in datasets()
    True
    """
    return tuple(sorted(path.stem for path in _TABLES.glob("*.yaml")))


def dataset(name: str | Path) -> Dataset:
    """A data set by its name, or a user's own by the path of a file.

    Parameters
    ----------
    name : str or path
        One of `datasets`; or a table of one's own (``.csv``, ``.tsv``, ``.txt``, also ``.gz``; see `read_table`), of
        which condition means are made by `dataset_from_table` with its default factors, scored ``item`` where the table
        holds ``correct`` and else ``free``; or a description (``name.yaml``, with condition means or such a table in
        ``name.csv`` beside it) that holds the fields of `Dataset`, such as another scoring.

    Raises
    ------
    ValueError
        If there is no such data set; what is missing on purpose is told with the reason. If a file is no such table.
    FileNotFoundError
        If the file does not exist.

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
        raise ValueError(f'data set "{name}" is not shipped: {MISSING[str(name)]}')
    path = Path(name)
    if path.suffix.lower() not in _FILES:
        raise ValueError(
            f'no data set "{name}"; there are {one_of(known)}, or the path of a table (.csv, .tsv, .yaml).'
            f"{nearest(str(name), known)}"
        )
    if path.suffix.lower() in (".yaml", ".yml"):
        return read_description(path)
    table = read_table(path)
    # A table that has only the order of output was recalled freely, as far as anyone can tell.
    scoring: Scoring = "item" if "correct" in table else "free"
    return dataset_from_table(table, name=path.name.split(".")[0], scoring=scoring, source=path.name)
