"""Numbers with a unit, as text: "20 ms".

Descriptions of circuits keep quantities as canonical text, so that they read as in a paper and survive JSON; an engine
asks for SI values with `in_si`.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from ...data.wording import nearest, one_of

_PREFIX = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12}

UNITS: dict[str, dict[str, float]] = {
    "time": {"s": 1.0, "ms": 1e-3, "us": 1e-6, "min": 60.0, "h": 3600.0, "d": 86400.0},
    "rate": {"Hz": 1.0, "kHz": 1e3, "/s": 1.0, "/min": 1 / 60.0, "/h": 1 / 3600.0, "/d": 1 / 86400.0},
    "voltage": {f"{p}V": x for p, x in _PREFIX.items()},
    "current": {f"{p}A": x for p, x in _PREFIX.items()},
    "conductance": {f"{p}S": x for p, x in _PREFIX.items()},
    "capacitance": {f"{p}F": x for p, x in _PREFIX.items()},
}
"""Units of each dimension, in SI."""

_SYNONYMS = {
    "second": "s",
    "seconds": "s",
    "sec": "s",
    "msecond": "ms",
    "minute": "min",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
    "hertz": "Hz",
    "volt": "V",
    "mvolt": "mV",
    "µs": "us",
    "siemens": "S",
    "nsiemens": "nS",
    "farad": "F",
    "pfarad": "pF",
    "amp": "A",
    "namp": "nA",
    "pamp": "pA",
    "1/s": "/s",
    "1/min": "/min",
    "1/h": "/h",
    "1/d": "/d",
    "per h": "/h",
    "per d": "/d",
}
_EXAMPLE = {
    "time": "20 ms",
    "rate": "5 Hz",
    "voltage": "-70 mV",
    "current": "150 pA",
    "conductance": "10 nS",
    "capacitance": "200 pF",
}
_DIMENSION_OF = {unit: dimension for dimension, units in UNITS.items() for unit in units}
_NUMBER = re.compile(r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)\s*\*?\s*(\S.*?)?\s*")


def read_quantity(dimension: str, given: Any) -> str:
    """A quantity as canonical text.

    Parameters
    ----------
    dimension : str
        A key of `UNITS`.
    given : str or brian2.Quantity
        ``"20 ms"``, ``"20*ms"`` or ``20*ms``.

    Returns
    -------
    str
        Number, blank, unit.

    Raises
    ------
    ValueError
        Without a unit, with a unit of another dimension, or not finite.

    Examples
    --------
    >>> read_quantity("time", "20*ms"), read_quantity("voltage", "-.07 V")
    ('20 ms', '-0.07 V')
    >>> read_quantity("time", 20)
    Traceback (most recent call last):
    ...
    ValueError: found 20, which has no unit; expected a time such as "20 ms"
    """
    expected = f'expected a {dimension} such as "{_EXAMPLE[dimension]}"'
    if hasattr(given, "dimensions") and not isinstance(given, str):
        given = _of_brian2(given)
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        raise ValueError(f"found {given}, which has no unit; {expected}")
    match = _NUMBER.fullmatch(given) if isinstance(given, str) and len(given) < 100 else None
    if match is None:
        raise ValueError(f"found {given!r}; {expected}")
    number, unit = float(match[1]), match[2]
    if unit is None:
        raise ValueError(f"found {given}, which has no unit; {expected}")
    unit = _SYNONYMS.get(unit, unit)
    allowed = UNITS[dimension]
    if unit not in allowed:
        what = (
            f"which is a {_DIMENSION_OF[unit]}" if unit in _DIMENSION_OF else f"whose unit is none of {one_of(allowed)}"
        )
        raise ValueError(f'found "{given}", {what}; {expected}.{nearest(unit, allowed)}')
    if not abs(number) < 1e300:
        raise ValueError(f"found {given!r}, which is not finite; {expected}")
    return f"{int(number) if number == int(number) and abs(number) < 1e15 else number!r} {unit}"


def _of_brian2(given: Any) -> str:
    """A Brian2 quantity as text: in the unit that it names itself, or in SI where eight digits are not all of it."""
    text = str(given)
    number, _, unit = text.partition(" ")
    unit = _SYNONYMS.get(unit, unit)
    if unit not in _DIMENSION_OF or getattr(given, "shape", ()) != ():
        return text
    if math.isclose(float(number) * _scale(unit), float(given), rel_tol=1e-12):
        return text
    si = next(name for name, scale in UNITS[_DIMENSION_OF[unit]].items() if scale == 1)
    return f"{float(given)!r} {si}"


def in_si(text: str) -> float:
    """Value in SI units of a quantity; a plain number is its own value.

    Examples
    --------
    >>> in_si("20 ms"), in_si("-70 mV"), in_si("0.3")
    (0.02, -0.07, 0.3)
    """
    number, _, unit = str(text).strip().partition(" ")
    return float(number) * _scale(unit) if unit else float(number)


def dimension(text: str) -> str:
    """Which dimension a quantity has: a key of `UNITS`, or "" for a plain number.

    Examples
    --------
    >>> dimension("20 ms"), dimension("3")
    ('time', '')
    """
    _, _, unit = str(text).strip().partition(" ")
    return _DIMENSION_OF[unit] if unit else ""


def seconds(given: Any) -> float:
    """A time in seconds.

    Examples
    --------
    >>> seconds("20 ms")
    0.02
    """
    return in_si(read_quantity("time", given))


def hertz(given: Any) -> float:
    """A rate per second.

    Examples
    --------
    >>> hertz("5 Hz"), hertz("60 /min")
    (5.0, 1.0)
    """
    return in_si(read_quantity("rate", given))


def _scale(unit: str) -> float:
    if unit not in _DIMENSION_OF:
        raise ValueError(f'unknown unit "{unit}"; expected {one_of(_DIMENSION_OF)}')
    return UNITS[_DIMENSION_OF[unit]][unit]


def _text_of(dimension: str, least: float | None = None, above: bool = False) -> Any:
    def read(given: Any) -> str:
        text = read_quantity(dimension, given)
        if least is not None and (in_si(text) < least or (above and in_si(text) == least)):
            raise ValueError(f'found "{text}"; expected a {dimension} {"above" if above else "of at least"} {least:g}')
        return text

    return PlainValidator(read)


def _schema(dimension: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "description": f'a {dimension} such as "{_EXAMPLE[dimension]}"'})


Time = Annotated[str, _text_of("time", 0.0, above=True), _schema("time")]
"""A time above 0, such as a time constant."""
Delay = Annotated[str, _text_of("time", 0.0), _schema("time")]
"""A time of at least 0."""
Rate = Annotated[str, _text_of("rate", 0.0), _schema("rate")]
Voltage = Annotated[str, _text_of("voltage"), _schema("voltage")]
Current = Annotated[str, _text_of("current"), _schema("current")]
Conductance = Annotated[str, _text_of("conductance", 0.0), _schema("conductance")]
Capacitance = Annotated[str, _text_of("capacitance", 0.0, above=True), _schema("capacitance")]
