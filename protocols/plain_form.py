"""What is written of a protocol: the fields that differ from their defaults, as plain values."""

from __future__ import annotations

from typing import Any

from .blocks import Each, Element, Repeat
from .durations import Duration
from .problems import Spec


def plain(value: Any) -> Any:
    """Value as numbers, texts, lists and mappings.

    Examples
    --------
    >>> from engram.protocols import ItemSpec
    >>> plain(ItemSpec(count=4, lists={"A": [0, 1], "B": {"permutes": "A"}}))
    {'count': 4, 'lists': {'A': [0, 1], 'B': {'permutes': 'A'}}}
    """
    if isinstance(value, Spec):
        return {name: plain(entry) for name, entry in changed(value).items()}
    if isinstance(value, dict):
        return {name: plain(entry) for name, entry in value.items()}
    if isinstance(value, tuple):
        return [plain(entry) for entry in value]
    return str(value) if isinstance(value, Duration) else value


def changed(spec: Spec) -> dict[str, Any]:
    """Fields of a spec that differ from their defaults, by the names they have in YAML."""
    return {
        field.alias or name: getattr(spec, name)
        for name, field in type(spec).model_fields.items()
        if field.is_required() or getattr(spec, name) != field.get_default()
    }


def yaml_element(element: Element) -> dict[str, Any]:
    """A phase or block in the YAML form, short where nothing but the short form's field is set."""
    fields = changed(element)
    label = {"label": fields.pop("label")} if "label" in fields else {}
    if isinstance(element, (Repeat, Each)):
        phases = [yaml_element(inner) for inner in fields.pop("phases")]
        kind = "repeat" if isinstance(element, Repeat) else "each"
        return {
            kind: fields.pop(kind),
            **label,
            **{name: plain(value) for name, value in fields.items()},
            "phases": phases,
        }
    body = {name: plain(value) for name, value in fields.items()}
    # A probe of everything is written out: an empty mapping would say less.
    if element.kind_of_phase == "probe":
        body = {"of": plain(element.of), **body}  # type: ignore[union-attr]
    return {**label, element.kind_of_phase: body[element.short] if set(body) == {element.short} else body}
