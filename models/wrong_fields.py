"""What is wrong with the fields of a spec, in words."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from ..data.wording import nearest

LONGEST_ECHO = 200
"""Characters of a wrong value that a message repeats."""


def wrong_fields(spec: type[BaseModel], error: ValidationError) -> str:
    """One line for each field that is wrong: what was found, and what was expected.

    Parameters
    ----------
    spec : type
        The class whose fields they are.
    error : pydantic.ValidationError

    Returns
    -------
    str

    Examples
    --------
    >>> class Cell(BaseModel, extra="forbid"):
    ...     threshold: float | None = None
    >>> try:
    ...     Cell(treshold=1)
    ... except ValidationError as error:
    ...     print(wrong_fields(Cell, error))
    Cell: treshold: found 1; there is no such parameter. Did you mean "threshold"?
    """
    whole: list[str] = []
    found: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}  # every member of a union may want something else of a field
    for problem in error.errors():
        # Tags of the members of a union, such as constrained-float, are no part of what the user wrote.
        path = ".".join(str(part) for part in problem["loc"] if str(part).isidentifier() or isinstance(part, int))
        if not path:  # the parts do not fit together: there is no one of them to show
            whole.append(_message(problem, path, spec))
            continue
        message = _message(problem, path, spec)
        wanted.setdefault(path, []).append(message)
        if problem["type"] != "missing" and "found" not in message:
            found[path] = _echo(problem["input"])
    lines = [f"{spec.__name__}: {message}" for message in whole]
    for path, messages in wanted.items():
        given = f"found {found[path]}; " if path in found else ""
        lines.append(f"{spec.__name__}: {path}: {given}{' or '.join(messages)}")
    return "\n".join(lines)


def _message(problem: Any, path: str, spec: type[BaseModel]) -> str:
    message: str = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    match problem["type"]:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            if "." in path:  # of a part, whose parameters are not these
                return "there is no such parameter."
            return f"there is no such parameter.{nearest(path, spec.model_fields) or f' There are: {_names(spec)}.'}"
        case "string_pattern_mismatch":
            return message.replace("String should match pattern", "expected a name of the pattern")
    return message


def _names(spec: type[BaseModel]) -> str:
    return ", ".join(name for name in spec.model_fields if name != "kind")


def _echo(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}..."
