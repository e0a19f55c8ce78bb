"""JSON Schema of the YAML form, for editors that complete protocol files."""

from __future__ import annotations

import inspect
import re
from typing import Any

from .blocks import BLOCKS, ELEMENTS_SCHEMA
from .fields import WORD
from .items import ItemSpec
from .phases import PHASES, Phase
from .protocol import Protocol, RecordSpec, StatesSpec

_REF = "#/$defs/{model}"
_PARAMETER = re.compile(r"^(\w[\w, ]*) : .*\n((?:    .*\n?)+)", re.MULTILINE)


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of protocol files, short forms included.

    Returns
    -------
    dict
        Serialises to JSON as it is.

    Examples
    --------
    >>> json_schema()["required"]
    ['name', 'items', 'schedule']
    """
    schema = _explained(Protocol.model_json_schema(ref_template=_REF), Protocol)
    defs = schema.setdefault("$defs", {})
    for part in (ItemSpec, RecordSpec, StatesSpec):
        _explained(defs[part.__name__], part)
    for kind, phase in PHASES.items():
        defs[kind] = _phase(kind, phase, defs)
    for kind, block in BLOCKS.items():
        body = _explained(block.model_json_schema(ref_template=_REF), block)
        defs |= body.pop("$defs", {})
        defs[kind] = _tidied(body)
    defs["elements"] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [{"$ref": _REF.format(model=kind)} for kind in (*PHASES, *BLOCKS)]},
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "engram protocol"}
    tidy: dict[str, Any] = _tidied({**schema, **head})
    return tidy


def _phase(kind: str, phase: type[Phase], defs: dict[str, Any]) -> dict[str, Any]:
    body = _explained(phase.model_json_schema(ref_template=_REF), phase)
    defs |= body.pop("$defs", {})
    label = body["properties"].pop("label")
    forms = [body["properties"][phase.short], body]
    if not body.get("required"):
        forms.append({"type": "null"})  # `- sleep:` with nothing behind it
    if kind == "lesion":
        nothing = {
            "type": "object",
            "propertyNames": {"pattern": f"^{WORD}$"},
            "additionalProperties": {"type": "null"},
        }
        forms.append({**nothing, "minProperties": 1, "maxProperties": 1})  # `- lesion: {none}`
    return {
        "type": "object",
        "description": _first_line(phase),
        "properties": {kind: {"anyOf": forms}, "label": label},
        "required": [kind],
        "additionalProperties": False,
    }


def _explained(body: dict[str, Any], cls: type) -> dict[str, Any]:
    """With the docstring's words on each field, which editors show beside it."""
    for names, text in _PARAMETER.findall(inspect.getdoc(cls) or ""):
        for name in names.split(", "):
            if name in body["properties"]:
                body["properties"][name]["description"] = " ".join(text.replace("`", "").split())
    return body


def _first_line(cls: type) -> str:
    return (cls.__doc__ or "").strip().split("\n")[0]


def _tidied(schema: Any) -> Any:
    """With references to the elements, without generated titles, and with docstrings cut to their first line."""
    if isinstance(schema, list):
        return [_tidied(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("$comment") == ELEMENTS_SCHEMA["$comment"]:
        return {"$ref": _REF.format(model="elements")}
    tidy = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str) and value != "engram protocol":
            continue
        if key == "default" and isinstance(value, dict) and "text" in value:
            value = value["text"]  # of a duration: the form in which it is written
        tidy[key] = value.split("\n\n")[0] if key == "description" and isinstance(value, str) else _tidied(value)
    return tidy
