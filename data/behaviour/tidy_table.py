"""The table of human data that engram reads: one row for each item of a list, and what is checked of it."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from ..wording import at_most, nearest
from .csv_text import as_numbers, parse_table
from .psifr_names import from_psifr, is_psifr

if TYPE_CHECKING:
    from pandas import DataFrame, Series

COLUMNS = (
    "subject",
    "condition",
    "list",
    "input_position",
    "output_position",
    "item",
    "repetition",
    "delay",
    "response",
    "correct",
    "latency",
)
LIST_KEY = ("condition", "list", "repetition", "delay", "session", "list_length")
"""Columns that, with the subject, tell one list from another."""
POSITIONS = ("input_position", "output_position")
LARGEST_FILE = 200_000_000  # bytes, unpacked


def read_table(path: str | Path) -> DataFrame:
    """Read human data from a CSV or TSV file, plain or packed by gzip.

    One row for each item of a studied list, whether it was recalled or not, and one for each response that was not on
    the list (``input_position`` empty) or came a second time (``repeat`` above 0). Scores that are averaged already
    have a row for each subject and condition, with ``correct`` between 0 and 1. Only ``subject`` is always needed, and
    ``correct`` or ``output_position``; further columns are kept and may serve as factors.

    =================== =========================================================================================
    ``subject``         who: number or text
    ``condition``       a condition of the experiment
    ``list``            number or name of the list, within a subject
    ``input_position``  place in the studied list, from 1; empty: not on this list
    ``output_position`` place in the order of output, from 1; empty: not recalled
    ``item``            what was studied, or came out
    ``repetition``      which presentation of the list this was, from 1
    ``delay``           seconds from study to test
    ``response``        what was answered
    ``correct``         0, 1 or a proportion; where it is missing it follows from the positions (`scored`)
    ``latency``         seconds
    =================== =========================================================================================

    A column that holds any text is text; among numbers, words such as NA and NaN are missing ones. Tables in psifr's
    form (its names, raw or merged) are recognised and converted (`from_psifr`).

    Parameters
    ----------
    path : path
        ``.csv``, ``.tsv`` or ``.txt`` (tabs), also with ``.gz``.

    Returns
    -------
    pandas.DataFrame
        The table, checked (`checked_table`).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read, or is no such table.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "ours.csv"
    >>> _ = file.write_text("subject,list,input_position,output_position\\n1,1,1,2\\n1,1,2,1\\n1,1,3,\\n")
    >>> read_table(file)["output_position"].tolist()
    [2.0, 1.0, nan]
    """
    path = Path(path)
    name = path.name.removesuffix(".gz")
    try:
        separator = {".csv": ",", ".tsv": "\t", ".txt": "\t"}[Path(name).suffix.lower()]
    except KeyError:
        raise ValueError(f"{path}: a table is read from .csv, .tsv or .txt, plain or .gz") from None
    return as_tidy(parse_table(file_text(path), separator, str(path)), str(path))


def as_tidy(table: DataFrame, name: str) -> DataFrame:
    """A table as it was read, in psifr's form or in this one, converted and checked.

    Examples
    --------
    >>> list(as_tidy(pd.DataFrame({"subject": [1], "list": [1], "input": [1], "output": [2]}), "theirs.csv"))
    ['subject', 'list', 'item', 'input_position', 'output_position', 'repeat']
    """
    return checked_table(from_psifr(table) if is_psifr(table) else table, name)


def checked_table(table: DataFrame, name: str = "the table") -> DataFrame:
    """The table, with numbers as numbers, or a message that says what is wrong with it.

    Parameters
    ----------
    table : pandas.DataFrame
        Columns as in `read_table`.
    name : str
        What the message calls it, such as a path.

    Raises
    ------
    ValueError
        If a column is missing or holds something of another type, a key is empty, positions do not count from 1,
        ``correct`` is not between 0 and 1 (percentages), a key is of two types, or a row is there twice.

    Examples
    --------
    >>> percent = pd.DataFrame({"subject": [1, 2], "correct": [50, 75]})
    >>> checked_table(percent)
    Traceback (most recent call last):
        ...
    ValueError: the table: correct goes up to 75; expected proportions from 0 to 1 (percentages? divide by 100)
    """
    if table.empty:
        raise ValueError(f"{name} has no rows")
    _check_columns(table, name)
    table = table.copy()
    for column in (*POSITIONS, "repetition", "delay", "latency", "correct", "repeat"):
        if column in table:
            table[column] = _numbers(table[column], name)
    for column in ("subject", "condition", "list", "repetition", "delay"):
        if column in table and table[column].isna().any():
            raise ValueError(f"{name}: {column} is empty in {_rows(table[column].isna())}; every row needs one")
    for column in ("subject", "condition", "list"):
        if column in table and len({isinstance(key, str) for key in table[column].unique()}) > 1:
            raise ValueError(
                f'{name}: {column} holds numbers and text, so 1 and "1" would differ; expected one of them'
            )
    for column in (*POSITIONS, "position", "list_position"):
        if column in table and is_numeric_dtype(table[column]):
            _check_positions(table[column], name)
    if "correct" in table:
        _check_proportions(table, name)
    _check_doubles(table, name)
    return table


def scored(table: DataFrame, scoring: str) -> DataFrame:
    """Rows that count, each with ``correct``: given, or worked out from the positions.

    Parameters
    ----------
    table : pandas.DataFrame
        As `read_table` gives it.
    scoring : str
        ``strict``: an item counts at its own position; any other: it counts wherever it came out.

    Returns
    -------
    pandas.DataFrame
        Without responses that were not on the list and without repeats.

    Raises
    ------
    ValueError
        If there is neither ``correct`` nor what it follows from.

    Examples
    --------
    >>> lists = pd.DataFrame({"subject": 1, "input_position": [1, 2, 3], "output_position": [1, 3, None]})
    >>> scored(lists, "free")["correct"].tolist(), scored(lists, "strict")["correct"].tolist()
    ([1.0, 1.0, 0.0], [1.0, 0.0, 0.0])
    """
    if "repeat" in table:
        table = table[~(table["repeat"] > 0)]
    if "input_position" in table and table["input_position"].notna().any():
        table = table[table["input_position"].notna()]
    if "correct" in table:
        return table
    if "output_position" not in table or (scoring == "strict" and "input_position" not in table):
        raise ValueError(
            "the table has no column correct, and it cannot be worked out: "
            f"{scoring} scoring needs output_position{' and input_position' if scoring == 'strict' else ''}"
        )
    if scoring == "strict":
        correct = table["output_position"] == table["input_position"]
    else:
        correct = table["output_position"].notna()
    return table.assign(correct=correct.astype(float))


def _check_columns(table: DataFrame, name: str) -> None:
    twice = table.columns[table.columns.duplicated()]
    if len(twice):
        raise ValueError(f"{name}: the column {twice[0]} is there twice")
    if "subject" not in table:
        found = [str(column) for column in table.columns]
        raise ValueError(f"{name}: missing column subject; there are {at_most(found)}.{nearest('subject', found)}")
    if "correct" not in table and "output_position" not in table:
        raise ValueError(
            f"{name}: missing column correct (0, 1 or a proportion), or output_position to work it out from"
        )


def _numbers(column: Series, name: str) -> Series:
    numbers, wrong = as_numbers(column)
    if wrong.any():
        raise ValueError(f'{name}: {column.name} is "{column[wrong].iloc[0]}" in {_rows(wrong)}; expected a number')
    infinite = numbers.abs() == np.inf
    if infinite.any():
        raise ValueError(f"{name}: {column.name} is infinite in {_rows(infinite)}")
    return numbers


def _check_positions(column: Series, name: str) -> None:
    given = column.dropna()
    if (given == 0).any() and (given >= 0).all():
        raise ValueError(f"{name}: {column.name} starts from 0; positions count from 1 (add 1), empty means none")
    wrong = (column < 1) | (column % 1 != 0) & column.notna()
    if wrong.any():
        raise ValueError(f"{name}: {column.name} is {column[wrong].iloc[0]:g} in {_rows(wrong)}; expected 1, 2, 3, …")


def _check_proportions(table: DataFrame, name: str) -> None:
    correct = table["correct"]
    if correct.max() > 1:
        raise ValueError(
            f"{name}: correct goes up to {correct.max():g}; expected proportions from 0 to 1 "
            "(percentages? divide by 100)"
        )
    if correct.min() < 0:
        raise ValueError(f"{name}: correct goes down to {correct.min():g}; expected proportions from 0 to 1")
    needed = pd.Series(True, index=table.index)
    if "input_position" in table:
        on_list = table["input_position"].notna()
        if on_list.any():
            needed &= on_list
    if "repeat" in table:
        needed &= ~(table["repeat"] > 0)
    empty = correct.isna() & needed
    if empty.any():
        raise ValueError(f"{name}: correct is empty in {_rows(empty)}; expected 0, 1 or a proportion")


def _check_doubles(table: DataFrame, name: str) -> None:
    whole = table.duplicated()
    placed = "input_position" in table and "list" in table
    averaged = "correct" in table and not table["correct"].dropna().isin([0, 1]).all()
    if whole.any() and (placed or averaged):
        raise ValueError(f"{name}: {_rows(whole)} repeat earlier rows")
    if not placed:  # rows may be single trials, of which many look the same
        return
    key = ["subject", *(column for column in LIST_KEY if column in table)]
    studied = table[table["input_position"].notna()]
    if "repeat" in studied:
        studied = studied[~(studied["repeat"] > 0)]
    twice = studied.duplicated([*key, "input_position"])
    if twice.any():
        where = ", ".join(f"{column} {studied.loc[twice, column].iloc[0]}" for column in key)
        where += f", input_position {studied.loc[twice, 'input_position'].iloc[0]:g}"
        raise ValueError(
            f"{name}: more than one row for {where}; expected one row for each item of a list "
            "(are list numbers used again in another block? then number lists anew)"
        )


def _rows(mask: Series) -> str:
    numbers = [str(number) for number in np.flatnonzero(mask.to_numpy()) + 1]
    return f"row {numbers[0]}" if len(numbers) == 1 else f"rows {at_most(numbers, 3)}"


def file_text(path: Path) -> str:
    """The text of a file in UTF-8, plain or packed by gzip, or a message that says why there is none."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    if len(content) > LARGEST_FILE:
        raise ValueError(f"{path} holds more than {LARGEST_FILE:,} bytes; expected a table of one experiment")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8") from None
