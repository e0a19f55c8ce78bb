"""One budget of bytes for the episodic stores of all models of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ByteSize, TypeAdapter, ValidationError

from ..models.base import Model


def in_bytes(budget: int | str) -> int:
    """A budget as a number of bytes.

    Parameters
    ----------
    budget : int or str
        A text may carry a unit: ``"20MB"`` is 20,000,000, ``"20MiB"`` 20,971,520.

    Raises
    ------
    ValueError
        It is no such number, or below 1.

    Examples
    --------
    >>> in_bytes("20MB"), in_bytes(1000)
    (20000000, 1000)
    """
    try:
        size = 0 if isinstance(budget, (bool, float)) else int(TypeAdapter(ByteSize).validate_python(budget))
    except (ValidationError, OverflowError):
        size = 0
    if not 0 < size < 2**63:
        raise ValueError(
            f"budget: found {str(budget)[:80]!r}; expected a number of bytes, or a number with its unit, "
            "such as 20MB (20,000,000 bytes)"
        )
    return size


def within_budget(models: Mapping[str, Model], budget: int | str | None) -> dict[str, Model]:
    """The models, with the budget given to every episodic store among them that has no smaller one of its own.

    Parameters
    ----------
    models : mapping of str to Model
    budget : int or str or None
        None leaves them as they are.

    Raises
    ------
    ValueError
        The budget is no number of bytes, or no model has a store.
    """
    if budget is None:
        return dict(models)
    size = in_bytes(budget)
    stores = {name: store for name, model in models.items() if (store := getattr(model, "store", None)) is not None}
    if not stores:
        raise ValueError(f"budget: none of the models {', '.join(models)} keeps images in a store; leave it out")
    return {name: _with_budget(model, size) if name in stores else model for name, model in models.items()}


def _with_budget(model: Model, size: int) -> Model:
    store: Any = model.store  # type: ignore[attr-defined]
    fields = {name: getattr(model, name) for name in type(model).model_fields}
    least = size if store.budget is None else min(size, store.budget)
    return type(model)(**{**fields, "store": store.model_copy(update={"budget": least})})
