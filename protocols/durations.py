"""Durations with a unit, such as "60 min"."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from ..data.wording import nearest, one_of
from .problems import found, refuse

SECONDS = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
LONGEST = 100 * 365.25 * SECONDS["d"]

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\W\d_]*)")


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time that keeps the form in which it was written.

    Parameters
    ----------
    text : str
        A number and a unit: ms, s, min, h or d.

    Attributes
    ----------
    seconds : float
        Length in seconds.

    Raises
    ------
    ValueError
        Without a unit, with an unknown one, or if the number is negative, not finite or above 100 years.

    Notes
    -----
    Durations are equal when they are written alike; compare `seconds` to compare lengths.

    Examples
    --------
    >>> Duration("90 min").seconds
    5400.0
    >>> print(Duration("90 min"))
    90 min
    """

    text: str
    seconds: float = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.text, str):
            hint = "; give a unit" if isinstance(self.text, (int, float)) else ""
            raise ValueError(f'{found(self.text)}; expected a duration such as "60 min"{hint}')
        if len(self.text) > 40:
            raise refuse(self.text, 'a duration such as "60 min"')
        match = _FORM.fullmatch(self.text.strip())
        if match is None:
            raise refuse(self.text, f'a finite number and a unit, such as "60 min" (units: {one_of(SECONDS)})')
        number, unit = match.groups()
        if not unit:
            raise refuse(self.text, f'a unit after the number ({one_of(SECONDS)}), such as "{number} min"; give a unit')
        if unit not in SECONDS:
            raise ValueError(f"{found(self.text)}; allowed units: {one_of(SECONDS)}.{nearest(unit, SECONDS)}")
        if float(number) < 0:
            raise refuse(self.text, "a duration that is not negative")
        seconds = float(number) * SECONDS[unit]
        if seconds > LONGEST:
            raise refuse(self.text, "at most 36525 d (100 years)")
        object.__setattr__(self, "seconds", seconds)

    def __str__(self) -> str:
        return self.text


def _read(value: Any) -> Duration:
    return value if isinstance(value, Duration) else Duration(value)


DurationField = Annotated[
    Duration,
    PlainValidator(_read),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\s*\+?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*(ms|s|min|h|d)\s*$",
            "examples": ["60 min", "400 ms"],
        }
    ),
]


def format_seconds(seconds: float) -> str:
    """Seconds in the largest unit that keeps the number at one or more.

    Examples
    --------
    >>> format_seconds(5400), format_seconds(0.4), format_seconds(0)
    ('1.5 h', '400 ms', '0 s')
    """
    if seconds == 0:
        return "0 s"
    unit = next((u for u in ("d", "h", "min", "s") if seconds >= SECONDS[u]), "ms")
    return f"{seconds / SECONDS[unit]:.6g} {unit}"
