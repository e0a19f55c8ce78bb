"""Mistakes in a protocol, each with the path of the field it stands in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from ..data.wording import nearest, one_of

Loc = tuple[str | int, ...]


class Problem(NamedTuple):
    """One mistake: where it stands, and what was found and expected there."""

    loc: Loc
    text: str


class ProtocolError(ValueError):
    """A protocol that breaks the rules of the language; `problems` lists every mistake found.

    Examples
    --------
    >>> print(ProtocolError([Problem(("schedule", 0, "wake", "present"), "is missing")]))
    schedule[0].wake.present: is missing
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(f"{shown(loc)}: {text}" if loc else text for loc, text in self.problems)

    def within(self, *prefix: str | int) -> list[Problem]:
        """The problems, seen from outside the field at `prefix`."""
        return [Problem((*prefix, *loc), text) for loc, text in self.problems]


def shown(loc: Loc) -> str:
    """Path of a field as it is written in messages.

    Examples
    --------
    >>> shown(("schedule", 0, "repeat", "phases", 1, "wake", "present"))
    'schedule[0].repeat.phases[1].wake.present'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part or '(no name)'}" for part in loc).removeprefix(
        "."
    )


def found(value: Any) -> str:
    """What stands in the field, as in "found 12", cut to a readable length."""
    if isinstance(value, str):
        text = f'"{value}"' if value else "an empty text"
    elif value is None:
        text = "nothing"
    elif isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, (list, tuple, dict)) and not value:
        text = f"an empty {'mapping' if isinstance(value, dict) else 'list'}"
    elif isinstance(value, (list, tuple, dict)):
        text = json.dumps(value, ensure_ascii=False, default=str)
    else:
        text = str(value)
    return f"found {text if len(text) <= 80 else text[:77] + '...'}"


def refuse(value: Any, expected: str) -> ValueError:
    """Error for a value that is not what was expected."""
    return ValueError(f"{found(value)}; expected {expected}")


def refuse_word(value: Any, allowed: Sequence[str], more: str = "") -> ValueError:
    """Error for a word that is not one of those allowed; `more` says what else could stand there."""
    words = [*allowed, more] if more else allowed
    return ValueError(f"{found(value)}; allowed: {one_of(words)}.{nearest(str(value), allowed)}")


class Spec(BaseModel):
    """A frozen piece of a protocol; takes keywords only and names every mistake in words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def __init__(self, /, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            problems = _in_words(error, type(self))
        else:
            return
        # Outside the except clause, so that no traceback shows the validator's own wording.
        raise ProtocolError(problems)

    @classmethod
    def words(cls) -> list[str]:
        """Names of the fields, as they are written in YAML."""
        return [field.alias or name for name, field in cls.model_fields.items()]


def _in_words(error: ValidationError, spec: type[Spec]) -> list[Problem]:
    problems: dict[Problem, None] = {}
    misspelt: set[str] = set()
    # Unknown fields come first: a field that is misspelt is not missing as well.
    mistakes = sorted(error.errors(include_url=False), key=lambda mistake: mistake["type"] != "extra_forbidden")
    for mistake in mistakes:
        loc, kind = tuple(mistake["loc"]), mistake["type"]
        inner = mistake.get("ctx", {}).get("error")
        if isinstance(inner, ProtocolError):
            problems.update(dict.fromkeys(inner.within(*loc)))
        elif kind == "extra_forbidden":
            allowed = spec.words()
            hint = nearest(str(loc[-1]), allowed)
            misspelt.update(word for word in allowed if f'"{word}"' in hint)
            problems[Problem(loc, f"unknown field; allowed: {one_of(allowed)}.{hint}")] = None
        elif kind == "missing":
            if loc[-1] not in misspelt:
                problems[Problem(loc, "is missing; this field is required")] = None
        else:
            problems[Problem(loc, _text(kind, mistake, inner))] = None
    return list(problems)


def _text(kind: str, mistake: Any, inner: Exception | None) -> str:
    value, limits = mistake["input"], mistake.get("ctx", {})
    if inner is not None:
        return str(inner)
    if kind == "literal_error":
        return str(refuse_word(value, re.findall(r"'([^']*)'", limits["expected"])))
    if kind.startswith("int") and isinstance(value, float) and abs(value) >= 1e15:
        return f"{found(value)}; expected a smaller whole number"
    expected = _EXPECTED.get(kind)
    if expected is None:
        return f"{found(value)}; {str(mistake['msg'])[:1].lower()}{str(mistake['msg'])[1:]}"
    return f"{found(value)}; expected {expected.format(**limits)}"


_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "a text",
    "string_too_long": "at most {max_length} characters",
    "tuple_type": "a list",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "greater_than_equal": "at least {ge:g}",
    "greater_than": "more than {gt:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "less than {lt:g}",
    "too_short": "at least {min_length}",
}
