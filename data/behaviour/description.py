"""Reading a data set that is described by a YAML file with a CSV of condition means, or of subjects, beside it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..wording import nearest
from .csv_text import as_numbers, parse_table
from .data_set import RESULT_COLUMNS, Dataset, OrdinalCheck, OutputOrder, Scoring
from .summaries import dataset_from_table
from .tidy_table import as_tidy, file_text

if TYPE_CHECKING:
    from pandas import DataFrame

LARGEST_FILE = 4_000_000  # bytes; a description is thousands of times smaller
_PAIR = "a data set is name.yaml with name.csv beside it"


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
    """The data set described by ``name.yaml``, whose condition means or subjects stand in ``name.csv`` beside it.

    Parameters
    ----------
    path : path
        The YAML file. Its fields are those of `Dataset` but for ``name`` (the file's) and ``conditions``. Beside it
        stand condition means, or a table of subjects (`read_table`), of which they are made by `dataset_from_table`.

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
    beside = path.with_suffix(".csv")
    if not beside.is_file():
        raise FileNotFoundError(f"{beside} does not exist; {_PAIR}")
    table = parse_table(file_text(beside), ",", str(beside))
    of_subjects = "subject" in table and "mean" not in table
    rows = as_tidy(table, str(beside)) if of_subjects else _conditions(table, beside)
    try:
        return (_of_subjects if of_subjects else _of_means)(path.stem, described, rows)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _of_means(name: str, described: _Description, conditions: DataFrame) -> Dataset:
    return Dataset(
        name=name,
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
        conditions=conditions,
        ordinal=_checks(described),
        cannot_show=described.cannot_show,
    )


def _of_subjects(name: str, described: _Description, subjects: DataFrame) -> Dataset:
    made = dataset_from_table(
        subjects,
        name=name,
        factors=described.factors,
        measure=described.measure,
        scoring=described.scoring,
        output_order=described.output_order,
        chance=described.chance,
        needs=described.needs,
        protocols=described.protocols,
        ordinal=_checks(described),
        about=described.about,
        citation=described.citation,
        source=described.source,
    )
    cannot_show = f"{described.cannot_show} {made.cannot_show}".strip()
    return replace(made, doi=described.doi, licence=described.licence, cannot_show=cannot_show)


def _checks(described: _Description) -> tuple[OrdinalCheck, ...]:
    return tuple(OrdinalCheck(check.name, check.about, check.kind, check.arguments) for check in described.ordinal)


def _conditions(table: DataFrame, path: Path) -> DataFrame:
    columns = {}
    for column in RESULT_COLUMNS:
        if column not in table:
            raise ValueError(f"{path}: missing column {column}; wanted: the factors, then {', '.join(RESULT_COLUMNS)}")
        columns[column], wrong = as_numbers(table[column])
        if wrong.any():
            raise ValueError(f"{path}: column {column} holds something that is not a number")
    return table.assign(**columns)


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
        raise FileNotFoundError(f"{path} does not exist; {_PAIR}")
    if path.stat().st_size > LARGEST_FILE:
        raise ValueError(
            f"{path} is larger than {LARGEST_FILE:,} bytes; expected a description, with the data in name.csv"
        )
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
