"""What differs between two specs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def spec_changes(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Paths of the parts in which two JSON values differ. Members of a list that have names go by them.

    Parameters
    ----------
    then, now : JSON types
    path : str
        Of these two, in what they are part of.

    Examples
    --------
    >>> then = {"dt": "1 ms", "populations": [{"name": "H", "size": 300}, {"name": "C", "size": 500}]}
    >>> now = {"dt": "1 ms", "populations": [{"name": "C", "size": 400}, {"name": "H", "size": 300}]}
    >>> list(spec_changes({"two-stage": then}, {"two-stage": now}))
    ['two-stage.populations.C.size']
    """
    before, after = _members(then), _members(now)
    if before is None or after is None:
        if then != now:
            yield path
        return
    for name in dict.fromkeys([*before, *after]):
        where = f"{path}.{name}" if path else name
        if name in before and name in after:
            yield from spec_changes(before[name], after[name], where)
        else:
            yield where


def _members(value: Any) -> dict[str, Any] | None:
    if isinstance(value, dict):
        return value
    if not isinstance(value, list):
        return None
    names = [member.get("name") if isinstance(member, dict) else None for member in value]
    if not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        names = [str(place) for place in range(len(value))]
    return {str(name): member for name, member in zip(names, value, strict=True)}
