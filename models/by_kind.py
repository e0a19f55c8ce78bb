"""Fields that hold one of an open family of classes, told apart by the word in their ``kind``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from ..data.wording import nearest, one_of


def read_kind(base: type, given: Any) -> Any:
    """An instance of a subclass of ``base``, from an instance, the name of its kind, or a mapping with ``kind``.

    Subclasses that a user defines are found as well as ours.

    Parameters
    ----------
    base : type
        Such as `Flexibility`; its concrete subclasses have a ``kind`` with a default.
    given : instance, str or mapping

    Returns
    -------
    instance of ``base``

    Raises
    ------
    ValueError
        The kind is unknown, or its parameters are impossible.

    Examples
    --------
    >>> from engram.models.flexibility import Flexibility
    >>> read_kind(Flexibility, {"kind": "fixed", "value": 0.3})
    Fixed(value=0.3, kind='fixed')
    """
    if isinstance(given, base):
        return given
    fields = {"kind": given} if isinstance(given, str) else given
    known = {_kind_of(cls): cls for cls in _concrete(base)}
    if not isinstance(fields, dict) or "kind" not in fields:
        words = sorted(known)
        raise ValueError(
            f"found {given!r:.80}; expected the word for a kind of {base.__name__.lower()}: {one_of(words)}"
        )
    kind = fields["kind"]
    if kind not in known:
        words = sorted(known)
        raise ValueError(f'no {base.__name__.lower()} is called "{kind}": {one_of(words)}.{nearest(str(kind), words)}')
    try:
        return known[kind](**{name: value for name, value in fields.items() if name != "kind"})
    except TypeError as error:  # a parameter is missing or unknown
        raise ValueError(f"{kind}: {str(error).partition('__init__() ')[2] or error}") from None


def write_kind(value: Any) -> dict[str, Any]:
    """The instance as plain JSON types, as `read_kind` reads it.

    Examples
    --------
    >>> from engram.models.flexibility import Uniform
    >>> write_kind(Uniform())
    {'low': 0.0, 'high': 1.0, 'kind': 'uniform'}
    """
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else dataclasses.asdict(value)


def _concrete(base: type) -> Iterator[type]:
    subclasses: list[type] = base.__subclasses__()
    for cls in subclasses:
        if not getattr(cls, "__abstractmethods__", None) and isinstance(_kind_of(cls), str):
            yield cls
        yield from _concrete(cls)


def _kind_of(cls: type) -> Any:
    if issubclass(cls, BaseModel):
        return cls.model_fields["kind"].default
    return getattr(cls, "kind", None)
