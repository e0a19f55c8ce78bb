"""The Python form of a protocol: source text that builds it again."""

from __future__ import annotations

import json
from typing import Any

from .blocks import Each, Element, Repeat
from .items import ItemSpec
from .plain_form import changed, plain
from .protocol import Protocol, RecordSpec


def source(protocol: Protocol) -> str:
    """Python source of a protocol, in the words of `engram.protocols`."""
    lines = ["Protocol("]
    for name, value in changed(protocol).items():
        if name == "schedule":
            lines += ["    schedule=[", *_elements(value, 8), "    ],"]
        elif isinstance(value, (ItemSpec, RecordSpec)):
            lines.append(f"    {name}={type(value).__name__}({_keywords(plain(value))}),")
        else:
            lines.append(f"    {name}={_literal(plain(value))},")
    return "\n".join([*lines, ")"])


def _elements(elements: tuple[Element, ...], indent: int) -> list[str]:
    pad, lines = " " * indent, []
    for element in elements:
        fields = changed(element)
        if isinstance(element, (Repeat, Each)):
            kind = "repeat" if isinstance(element, Repeat) else "each"
            lead, inner = _literal(fields.pop(kind)), fields.pop("phases")
            rest = f", {_keywords({name: plain(value) for name, value in fields.items()})}" if fields else ""
            lines += [f"{pad}{kind}({lead}, [", *_elements(inner, indent + 4), f"{pad}]{rest}),"]
        else:
            lines.append(f"{pad}{_phase(element, {name: plain(value) for name, value in fields.items()})},")
    return lines


def _phase(phase: Any, fields: dict[str, Any]) -> str:
    arguments = [_literal(fields.pop(phase.short))] if phase.short in fields else []
    if fields:
        arguments.append(_keywords(fields))
    return f"{phase.kind_of_phase}({', '.join(arguments)})"


def _keywords(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name}={_literal(value)}" for name, value in fields.items())


def _literal(value: Any) -> str:
    if isinstance(value, str):
        # JSON's double quotes are valid Python, except for characters it would escape as surrogate pairs.
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_literal(name)}: {_literal(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_literal(entry) for entry in value) + "]"
    return repr(value)
