"""A data set: condition means of an experiment with people, what they mean, and what they must show."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from reprlib import Repr
from typing import TYPE_CHECKING, Any, Literal, get_args

from ..wording import nearest, one_of

if TYPE_CHECKING:
    from pandas import DataFrame

Scoring = Literal["strict", "item", "free", "cued", "savings", "recognition"]
OutputOrder = Literal["forward", "free", "none"]

RESULT_COLUMNS = ("mean", "low", "high", "se", "n")
ORDINAL_ARGUMENTS = {
    "greater": {"left", "right"},
    "slope-greater": {"over", "left", "right"},
    "increasing": {"over", "where"},
    "decreasing": {"over", "where"},
    "primacy": {"over", "where"},
    "recency": {"over", "where"},
}

_BRIEF = Repr()
_BRIEF.maxlevel = 2  # lists of a YAML file may hold each other over and over


@dataclass(frozen=True)
class OrdinalCheck:
    """An order among conditions that the experiment showed and that a model is asked for.

    Parameters
    ----------
    name : str
        Short name, unique within its data set.
    about : str
        The finding in words.
    kind : str
        ``greater`` compares two means, ``slope-greater`` two least-squares slopes, ``increasing`` and ``decreasing``
        a trend, ``primacy`` and ``recency`` the first and the last position with the mean of the middle ones.
    arguments : mapping
        ``left`` and ``right`` (``greater``); ``over``, ``left`` and ``right`` (``slope-greater``); ``over`` and
        ``where`` (the rest). ``over`` is a factor; the others choose rows: a value, or a list of values, by factor.

    Raises
    ------
    ValueError
        If the kind is unknown, the arguments are not those of the kind, ``over`` is not one factor, or what chooses
        rows is no mapping of factors.

    Examples
    --------
    >>> OrdinalCheck("primacy", "The first word is recalled best.", "primacy", {"over": "position", "where": {}}).kind
    'primacy'
    """

    name: str
    about: str
    kind: str
    arguments: Mapping[str, Any]

    def __post_init__(self) -> None:
        if self.kind not in ORDINAL_ARGUMENTS:
            raise ValueError(
                f'ordinal check "{self.name}": kind "{self.kind}" is none of {one_of(ORDINAL_ARGUMENTS)}.'
                f"{nearest(self.kind, ORDINAL_ARGUMENTS)}"
            )
        wanted = ORDINAL_ARGUMENTS[self.kind]
        if set(self.arguments) != wanted:
            raise ValueError(
                f'ordinal check "{self.name}" of kind "{self.kind}" takes {", ".join(sorted(wanted))}; '
                f"given: {', '.join(sorted(map(str, self.arguments))) or 'nothing'}"
            )
        for part, value in self.arguments.items():
            if part == "over" and not isinstance(value, str):
                raise ValueError(
                    f'ordinal check "{self.name}": over is {_BRIEF.repr(value)}; expected the name of one factor'
                )
            if part != "over" and not _chooses_rows(value):
                raise ValueError(
                    f'ordinal check "{self.name}": {part} is {_BRIEF.repr(value)}; '
                    "expected values by factor, such as {position: 1} or {position: [1, 2]}"
                )

    def factors(self) -> set[str]:
        """Names of the factors that the check speaks of."""
        selections = [self.arguments.get(part, {}) for part in ("left", "right", "where")]
        named = {factor for selection in selections for factor in selection}
        return named | ({self.arguments["over"]} if "over" in self.arguments else set())


@dataclass(frozen=True, eq=False)
class Dataset:
    """Condition means of an experiment with people, with all that is needed to hold a model against them.

    Parameters
    ----------
    name : str
        Such as ``page2006-hebb``.
    about : str
        What was done, which subjects and trials the means are over, and how the intervals were made.
    citation : str
        The publication.
    doi : str or None
        Its DOI, without ``https://doi.org/``.
    source : str
        Where the numbers were taken from: table, page, or raw file.
    licence : str
        Terms of the source; the means themselves are facts.
    measure : str
        What ``mean`` is: ``proportion correct``, ``savings``, ``effect size d``. All but effect sizes are proportions
        from 0 to 1, of which savings may be below 0.
    scoring : {"strict", "item", "free", "cued", "savings", "recognition"}
        How the people were scored: at its own position, anywhere, recalled at all, in answer to a cue, …
    output_order : {"forward", "free", "none"}
        The order in which they had to answer.
    chance : float
        Score of guessing.
    needs : tuple of str
        Abilities without which a model's result says nothing about this experiment: ``order``, ``time``, ``recall``,
        ``sleep``, ``pairs`` …
    protocols : tuple of str
        Protocols of the library that reproduce the experiment.
    factors : tuple of str
        Names of the columns of `conditions` that tell conditions apart.
    conditions : pandas.DataFrame
        One row for each condition: the factors, then ``mean``, ``low`` and ``high`` (95 % interval), ``se`` (standard
        error of the mean over subjects) and ``n`` (subjects); NaN where the source gives none.
    ordinal : tuple of OrdinalCheck
        What a model has to show.
    cannot_show : str
        What the data cannot show and why; often empty.

    Raises
    ------
    ValueError
        If columns are missing, conditions or names of checks occur twice, numbers are infinite or no proportions, means
        lie outside of their intervals, standard errors are negative, subjects fewer than one, or a check speaks of
        factors that the table does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"spacing": ["massed", "long"], "mean": [0.3, 0.4], "low": [0.2, 0.3], "high": [0.4, 0.5],
    ...                       "se": [0.05, 0.05], "n": [20, 20]})
    >>> spacing = Dataset("ours", about="", citation="", doi=None, source="", licence="", scoring="free",
    ...                   measure="proportion recalled", output_order="free", chance=0.0, needs=("recall",),
    ...                   protocols=("spacing",), factors=("spacing",), conditions=table, ordinal=(), cannot_show="")
    >>> spacing.sha256[:8]
    'fc8586ff'
    """

    name: str
    about: str
    citation: str
    doi: str | None
    source: str
    licence: str
    measure: str
    scoring: Scoring
    output_order: OutputOrder
    chance: float
    needs: tuple[str, ...]
    protocols: tuple[str, ...]
    factors: tuple[str, ...]
    conditions: DataFrame
    ordinal: tuple[OrdinalCheck, ...]
    cannot_show: str

    def __post_init__(self) -> None:
        for field, allowed in (("scoring", get_args(Scoring)), ("output_order", get_args(OutputOrder))):
            word = getattr(self, field)
            if word not in allowed:
                raise ValueError(
                    f'data set "{self.name}": {field} "{word}" is none of {one_of(allowed)}.{nearest(word, allowed)}'
                )
        self._check_conditions()
        self._check_numbers()
        names = [check.name for check in self.ordinal]
        for check in self.ordinal:
            if names.count(check.name) > 1:
                raise ValueError(
                    f'data set "{self.name}": more than one ordinal check is called "{check.name}"; '
                    "expected names of their own"
                )
            if unknown := check.factors() - set(self.factors):
                raise ValueError(
                    f'data set "{self.name}": ordinal check "{check.name}" speaks of {", ".join(sorted(unknown))}; '
                    f"the factors are {', '.join(self.factors)}"
                )

    @property
    def sha256(self) -> str:
        """SHA-256 of the conditions as canonical CSV (`table_bytes`)."""
        return hashlib.sha256(table_bytes(self.conditions)).hexdigest()

    def _check_conditions(self) -> None:
        wanted = [*self.factors, *RESULT_COLUMNS]
        if list(self.conditions.columns) != wanted:
            raise ValueError(
                f'data set "{self.name}": the conditions must have the columns {", ".join(wanted)}; '
                f"they have {', '.join(map(str, self.conditions.columns))}"
            )
        if self.conditions.empty:
            raise ValueError(f'data set "{self.name}" has no conditions')
        if self.conditions["mean"].isna().any() or self.conditions[list(self.factors)].isna().any(axis=None):
            raise ValueError(f'data set "{self.name}": a factor or a mean is empty')
        twice = self.conditions.duplicated(list(self.factors))
        if twice.any():
            row = self.conditions.loc[twice, list(self.factors)].iloc[0]
            raise ValueError(f'data set "{self.name}" has the condition {dict(row)} more than once')
        outside = (self.conditions["mean"] < self.conditions["low"]) | (
            self.conditions["mean"] > self.conditions["high"]
        )
        if outside.any():
            row = self.conditions[outside].iloc[0]
            raise ValueError(f'data set "{self.name}": a mean lies outside of its own interval: {dict(row)}')

    def _check_numbers(self) -> None:
        lowest, highest = _range(self.measure)
        for column in RESULT_COLUMNS:
            values = self.conditions[column]
            infinite = list(values.abs() == math.inf)
            if any(infinite):
                raise ValueError(f'data set "{self.name}": {column} is infinite in row {infinite.index(True) + 1}')
            least, most = {"se": (0.0, highest), "n": (1.0, math.inf)}.get(column, (lowest, highest))
            wrong = f"goes up to {values.max():g}" if values.max() > most else ""
            wrong = f"goes down to {values.min():g}" if values.min() < least else wrong
            if wrong:
                raise ValueError(
                    f'data set "{self.name}": {column} {wrong}; expected {_expected(least, most)}'
                    + (_OTHER_MEASURES if most == 1 and column != "se" else "")
                )
        if not (math.isfinite(self.chance) and lowest <= self.chance <= highest):
            raise ValueError(
                f'data set "{self.name}": chance is {self.chance:g}; expected {_expected(lowest, highest)}'
            )


_OTHER_MEASURES = (
    ' (percentages? divide by 100; an interval beyond 0 or 1? cut it; an effect size? begin measure with "effect size")'
)


def _range(measure: str) -> tuple[float, float]:
    """Least and largest value of a measure."""
    if measure.startswith("effect size"):
        return -math.inf, math.inf
    return (-math.inf if measure.startswith("savings") else 0.0), 1.0


def _expected(least: float, most: float) -> str:
    if most == 1:
        return "proportions from 0 to 1" if least == 0 else "proportions up to 1"
    return f"{least:g} or more" if math.isfinite(least) else "a finite number"


def _chooses_rows(selection: object) -> bool:
    """Whether this is a value, or a list of values, by factor."""
    if not isinstance(selection, Mapping) or not all(isinstance(factor, str) for factor in selection):
        return False
    each = [value for given in selection.values() for value in (given if isinstance(given, list | tuple) else [given])]
    return not any(value is None or isinstance(value, Mapping | list | tuple) for value in each)


def table_bytes(conditions: DataFrame) -> bytes:
    """Conditions as canonical CSV: UTF-8, one line feed for a line, numbers in their shortest form, empty for NaN.

    Examples
    --------
    >>> import pandas as pd
    >>> table_bytes(pd.DataFrame({"position": [1, 2], "mean": [0.5, float("nan")]}))
    b'position,mean\\n1,0.5\\n2,\\n'
    """
    text: str = conditions.to_csv(index=False, lineterminator="\n")
    return text.encode()
