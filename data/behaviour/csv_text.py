"""Text with separators, read into columns of one type each."""

from __future__ import annotations

import warnings
from io import StringIO
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame, Series

NO_NUMBER = ("NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "NAN", "nan", "None", "NULL", "null")
"""Words for a missing number; as a name, such as the initials of a subject, each is as good as any other."""


def parse_table(text: str, separator: str, name: str) -> DataFrame:
    """A table of which each column has one type: numbers, or text where any value is text.

    Parameters
    ----------
    text : str
        Lines of values; the first line names the columns.
    separator : str
        What stands between values.
    name : str
        What the message calls the table, such as a path.

    Returns
    -------
    pandas.DataFrame
        Empty values are NaN. Words for a missing number (``NO_NUMBER``) are so only among numbers.

    Raises
    ------
    ValueError
        If there is nothing to read, a column is named twice, or rows have more fields than the header. One more is
        no error where it is empty in every row.

    Examples
    --------
    >>> parse_table("subject,age\\nNA,31\\nMB,NA\\n", ",", "ours.csv").to_dict("list")
    {'subject': ['NA', 'MB'], 'age': [31.0, nan]}
    """
    try:
        named = pd.read_csv(StringIO(text), sep=separator, header=None, nrows=1, dtype=str).iloc[0].dropna()
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)  # that values stand beyond the last column
            table = pd.read_csv(
                StringIO(text), sep=separator, index_col=False, low_memory=False, keep_default_na=False, na_values=[""]
            )
    except pd.errors.ParserWarning:
        raise ValueError(f"{name}: {_surplus(text, separator)}") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{name} is no table: {error}") from None
    if named.duplicated().any():
        raise ValueError(f"{name}: the column {named[named.duplicated()].iloc[0]} is there twice")
    for column in table:
        if table[column].isin(NO_NUMBER).any():
            numbers, wrong = as_numbers(table[column])
            if numbers.notna().any() and not wrong.any():
                table[column] = numbers
    return table


def as_numbers(column: Series) -> tuple[Series, Series]:
    """A column as numbers, NaN where there is none, and which of its values are something else.

    Examples
    --------
    >>> numbers, wrong = as_numbers(pd.Series(["1", "NA", "x"]))
    >>> numbers.tolist(), wrong.tolist()
    ([1.0, nan, nan], [False, False, True])
    """
    given = column.mask(column.isin(NO_NUMBER))
    numbers = pd.to_numeric(given, errors="coerce").astype(float)
    return numbers, numbers.isna() & given.notna()


def _surplus(text: str, separator: str) -> str:
    """What to say of rows that have more fields than the header: pandas takes the first ones for an index."""
    first = pd.read_csv(StringIO(text), sep=separator, nrows=1)
    columns = first.shape[1]
    return (
        f"rows have {columns + first.index.nlevels} fields, the header {columns}; expected a name for every field "
        f'(a "{separator}" too many at the end of lines? take it away)'
    )
