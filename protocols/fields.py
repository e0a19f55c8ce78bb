"""The kinds of value that fields of a protocol hold: numbers, names, selections, orders."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, WithJsonSchema

from .problems import found, refuse, refuse_word

MAX_COUNT = 100_000
SELECTIONS = ("all", "seen", "current", "new")

Count = Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT)]
Share = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Flag = Annotated[bool, Field(strict=True)]


def _checked_text(text: str) -> str:
    if any(c in "\ufffe\uffff" or (c != "\n" and unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")) for c in text):
        raise refuse(text.encode("unicode_escape").decode(), "a text without control characters")
    return text


def _line(text: str) -> str:
    if "\n" in text:
        raise refuse(text, "one line")
    return text.strip()


def _name(pattern: str, expected: str) -> Any:
    form = re.compile(pattern)

    def read(value: Any) -> str:
        if not isinstance(value, str) or not form.fullmatch(value):
            raise refuse(value, expected)
        return value

    return PlainValidator(read)


Text = Annotated[str, Field(strict=True, max_length=10_000), AfterValidator(_checked_text)]
Label = Annotated[str, Field(strict=True, max_length=100), AfterValidator(_checked_text), AfterValidator(_line)]

SLUG = r"[a-z0-9]+(?:-[a-z0-9]+)*"
WORD = r"[A-Za-z](?:[A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?"
Slug = Annotated[
    str,
    _name(rf"(?=.{{1,100}}$){SLUG}", 'a name of small letters, digits and hyphens, such as "my-protocol"'),
    WithJsonSchema({"type": "string", "pattern": f"^{SLUG}$", "maxLength": 100}),
]
Word = Annotated[
    str,
    _name(WORD, "a name of letters, digits, hyphens and underscores that begins with a letter"),
    WithJsonSchema({"type": "string", "pattern": f"^{WORD}$"}),
]

StateName = Annotated[
    str,
    _name(rf"{WORD}\.[A-Za-z]\w{{0,63}}", "a population and one of its variables, such as C.v"),
    WithJsonSchema({"type": "string", "pattern": rf"^{WORD}\.[A-Za-z]\w{{0,63}}$"}),
]


def read_slots(value: Any) -> tuple[int, ...]:
    """A non-empty list of different slot numbers."""
    if not isinstance(value, (list, tuple)):
        raise refuse(value, "a list of slot numbers, such as [0, 1, 2]")
    if not value:
        raise refuse(value, "at least one slot number")
    if len(value) > MAX_COUNT:
        raise ValueError(f"found {len(value)} slot numbers; expected at most {MAX_COUNT}")
    met: set[int] = set()
    for slot in value:
        if isinstance(slot, bool) or not isinstance(slot, int) or slot < 0:
            raise refuse(slot, "slot numbers: 0, 1, 2, ...")
        if slot in met:
            raise ValueError(f"found slot {slot} twice; each slot may stand in a list once")
        met.add(slot)
    return tuple(value)


def _targets(value: Any) -> str | tuple[int, ...] | tuple[str, ...]:
    if isinstance(value, str) and re.fullmatch(WORD, value):
        return value
    if not isinstance(value, (list, tuple)):
        raise refuse_word(value, SELECTIONS, "a list name or slot numbers")
    if not value or not all(isinstance(name, str) for name in value):
        return read_slots(value)
    if len(value) > MAX_COUNT:
        raise ValueError(f"found {len(value)} list names; expected at most {MAX_COUNT}")
    for name in value:
        if not re.fullmatch(WORD, name):
            raise refuse(name, "the name of a list")
    return tuple(value)


def _selection(value: Any) -> str | tuple[int, ...] | tuple[str, ...]:
    selection = _targets(value)
    if isinstance(selection, tuple) and isinstance(selection[0], str):
        for name in selection:
            if name in SELECTIONS:
                raise ValueError(f"{found(name)} among list names; this word stands alone")
        if len(set(selection)) < len(selection):
            raise ValueError(f"{found(value)}; expected each list once")
    return selection


def _cues(value: Any) -> Any:
    if isinstance(value, str) and value in SELECTIONS:
        raise ValueError(f"{found(value)}; expected the list whose items are the cues, by name, or slot numbers")
    return _selection(value)


def _lag(value: Any) -> Any:
    numbers = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= MAX_COUNT for n in numbers):
        raise refuse(value, f"how many other presentations stand between, from 0 to {MAX_COUNT}, or two such numbers")
    if not isinstance(value, (list, tuple)):
        return value
    if len(value) != 2 or value[0] > value[1]:
        raise refuse(value, "the least and the most, such as [2, 5]")
    return tuple(value)


def _order(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return read_slots(value)
    if not isinstance(value, str) or value not in ("listed", "shuffled"):
        raise refuse_word(value, ("listed", "shuffled"), "a list of slot numbers")
    return value


def _each_order(value: Any) -> Any:
    """As `_order`, but a slot may come back, as often as its frequency says."""
    if isinstance(value, (list, tuple)):
        read_slots(list(dict.fromkeys(value)) if all(type(v) is int for v in value) else value)
        return tuple(value)
    if not isinstance(value, str) or value not in ("listed", "shuffled", "balanced"):
        raise refuse_word(value, ("listed", "shuffled", "balanced"), "a list of slot numbers")
    return value


SLOTS_SCHEMA = {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1, "uniqueItems": True}
_names_schema = {"type": "array", "items": {"type": "string", "pattern": f"^{WORD}$"}, "minItems": 1}
_selection_schema = {
    "anyOf": [
        {"enum": list(SELECTIONS)},
        {"type": "string", "pattern": f"^{WORD}$"},
        SLOTS_SCHEMA,
        {**_names_schema, "uniqueItems": True},
    ],
    "description": "all, seen, current, new, the name of a list or of several, or slot numbers",
}

Slots = Annotated[tuple[int, ...], PlainValidator(read_slots), WithJsonSchema(SLOTS_SCHEMA)]
Selection = Annotated[
    str | tuple[int, ...] | tuple[str, ...], PlainValidator(_selection), WithJsonSchema(_selection_schema)
]
Cues = Annotated[
    str | tuple[int, ...] | tuple[str, ...],
    PlainValidator(_cues),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "pattern": f"^{WORD}$", "not": {"enum": list(SELECTIONS)}},
                SLOTS_SCHEMA,
                {**_names_schema, "uniqueItems": True},
            ]
        }
    ),
]
_lag_schema = {"type": "integer", "minimum": 0, "maximum": MAX_COUNT}
Lag = Annotated[
    int | tuple[int, int],
    PlainValidator(_lag),
    WithJsonSchema({"anyOf": [_lag_schema, {"type": "array", "items": _lag_schema, "minItems": 2, "maxItems": 2}]}),
]
Targets = Annotated[
    str | tuple[int, ...] | tuple[str, ...],
    PlainValidator(_targets),
    WithJsonSchema({"anyOf": [_selection_schema, _names_schema]}),
]
Order = Annotated[
    Literal["listed", "shuffled"] | tuple[int, ...],
    PlainValidator(_order),
    WithJsonSchema({"anyOf": [{"enum": ["listed", "shuffled"]}, SLOTS_SCHEMA]}),
]
EachOrder = Annotated[
    Literal["listed", "shuffled", "balanced"] | tuple[int, ...],
    PlainValidator(_each_order),
    WithJsonSchema(
        {"anyOf": [{"enum": ["listed", "shuffled", "balanced"]}, {**SLOTS_SCHEMA, "uniqueItems": False}]},
    ),
]
