"""Frozen descriptions whose mistakes are told in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from ..wrong_fields import wrong_fields

if TYPE_CHECKING:

    class _Fields:
        """What type checkers see of pydantic: its own signature would forbid fields by position."""

        model_config: ClassVar[ConfigDict]
        model_fields: ClassVar[dict[str, Any]]

        def __init__(self, *positional: Any, **fields: Any) -> None: ...
        def __iter__(self) -> Iterator[tuple[str, Any]]: ...
        def model_dump(self, *, mode: str = "python", exclude_unset: bool = False) -> dict[str, Any]: ...
        def model_dump_json(self) -> str: ...
        def model_copy(self, *, update: dict[str, Any] | None = None) -> Self: ...
        @classmethod
        def model_validate(cls, given: Any) -> Self: ...
        @classmethod
        def model_validate_json(cls, text: str | bytes) -> Self: ...

else:
    _Fields = BaseModel


class Spec(_Fields):
    """A frozen description of a part of a circuit; fields may be given by position, in the order of declaration.

    Raises
    ------
    ValueError
        A field is unknown, missing or impossible; the message names each.

    Examples
    --------
    >>> class Channel(Spec):
    ...     conductance: float
    ...     kind: str = "channel"
    >>> Channel(2.0)
    Channel(conductance=2.0, kind='channel')
    >>> Channel(conductanse=2.0)
    Traceback (most recent call last):
    ...
    ValueError: Channel: conductance: is missing
    Channel: conductanse: found 2.0; there is no such parameter. Did you mean "conductance"?
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def __init__(self, *positional: Any, **fields: Any) -> None:
        names = [name for name in type(self).model_fields if name != "kind"]
        if len(positional) > len(names):
            raise TypeError(f"{type(self).__name__} takes at most {len(names)} values: {', '.join(names)}")
        for name, value in zip(names, positional, strict=False):
            if name in fields:
                raise TypeError(f"{type(self).__name__}: {name} is given twice")
            fields[name] = value
        for name, value in fields.items():
            field = type(self).model_fields.get(name)
            numeric = field is not None and ("float" in repr(field.annotation) or field.annotation is int)
            if numeric and hasattr(value, "dimensions"):
                raise ValueError(f"{type(self).__name__}: {name}: found {value}; expected a plain number, without unit")
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(wrong_fields(type(self), error)) from None  # type: ignore[arg-type]
