"""Reading a data set that is described by a YAML file with a CSV of condition means beside it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..wording import nearest
from .data_set import RESULT_COLUMNS, Dataset, OrdinalCheck, OutputOrder, Scoring

if TYPE_CHECKING:
    from pandas import DataFrame

LARGEST_FILE = 4_000_000  # bytes; a table of condition means is thousands of times smaller


class _Check(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    about: str = ""
    kind: str
    arguments: dict[str, Any]


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    about: str = ""
    citation: str = ""
    doi: str | None = None
    source: str = ""
    licence: str = ""
    measure: str
    scoring: Scoring
    output_order: OutputOrder = "none"
    chance: float = 0.0
    needs: list[str] = []
    protocols: list[str] = []
    factors: list[str] = Field(min_length=1)
    ordinal: list[_Check] = []
    cannot_show: str = ""


def read_description(path: str | Path) -> Dataset:
    """The data set described by ``name.yaml``, whose condition means stand in ``name.csv`` beside it.

    Parameters
    ----------
    path : path
        The YAML file. Its fields are those of `Dataset` but for ``name`` (the file's) and ``conditions``.

    Raises
    ------
    FileNotFoundError
        If one of the two files is missing.
    ValueError
        If one of them cannot be read, or does not describe a data set.

    Examples
    --------
    >>> import tempfile
    >>> described = Path(tempfile.mkdtemp()) / "ours.yaml"
    >>> _ = described.write_text("measure: proportion correct\\nscoring: strict\\nfactors: [position]\\n")
    >>> _ = described.with_suffix(".csv").write_text("position,mean,low,high,se,n\\n1,0.9,,,,\\n2,0.5,,,,12\\n")
    >>> read_description(described).conditions["mean"].tolist()
    [0.9, 0.5]
    """
    path = Path(path)
    try:
        described = _Description.model_validate(_yaml(path))
    except ValidationError as error:
        raise ValueError(f"{path}: {_first_problem(error)}") from None
    return Dataset(
        name=path.stem,
        about=described.about,
        citation=described.citation,
        doi=described.doi,
        source=described.source,
        licence=described.licence,
        measure=described.measure,
        scoring=described.scoring,
        output_order=described.output_order,
        chance=described.chance,
        needs=tuple(described.needs),
        protocols=tuple(described.protocols),
        factors=tuple(described.factors),
        conditions=_conditions(path.with_suffix(".csv")),
        ordinal=tuple(OrdinalCheck(c.name, c.about, c.kind, c.arguments) for c in described.ordinal),
        cannot_show=described.cannot_show,
    )


def _conditions(path: Path) -> DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(StringIO(_text(path)))
    except pd.errors.ParserError as error:
        raise ValueError(f"{path} is no CSV table: {error}") from None
    for column in RESULT_COLUMNS:
        if column not in table:
            raise ValueError(f"{path}: missing column {column}; wanted: the factors, then {', '.join(RESULT_COLUMNS)}")
        if len(table) and not pd.api.types.is_numeric_dtype(table[column]):
            raise ValueError(f"{path}: column {column} holds something that is not a number")
    return table.astype(dict.fromkeys(RESULT_COLUMNS, float))


def _yaml(path: Path) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(_text(path))
    except YAMLError as error:
        raise ValueError(f"{path} is no YAML file: {error}") from None
    except RecursionError:
        raise ValueError(f"{path} is no description of a data set: it is nested too deeply") from None


def _text(path: Path) -> str:
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; a data set is name.yaml with name.csv beside it")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{path} is larger than {LARGEST_FILE:,} bytes; condition means were expected, not raw data")
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not a text file in UTF-8") from None


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    field = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = list(_Description.model_fields)
        return f"unknown field {field}.{nearest(cast(str, problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"field {field} is missing"
    return f"{field or 'the file'}: {problem['msg']}"
