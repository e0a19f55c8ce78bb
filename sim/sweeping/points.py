"""The points of a sweep: every combination of the values that parameters of a model take."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from pydantic import BaseModel

from ...data.recording.group_names import check_group_name
from ...data.wording import nearest, one_of
from ...models.base import Model
from ...models.by_kind import write_kind
from ...models.registry import model as named_model

MOST_POINTS = 10_000
LONGEST_NAME = 64  # of a group of a recording


@dataclass(frozen=True, kw_only=True)
class Point:
    """One model with one combination of parameters.

    Attributes
    ----------
    base : str
        Name of the model in the sweep, without its parameters.
    parameters : dict of str to JSON type
        Values by parameter; a dot reaches into one, as in ``flexibility.value``.
    model : Model
        The model that has them.
    """

    base: str
    parameters: dict[str, Any]
    model: Model


def grid(models: Mapping[str, Model | str], vary: Mapping[str, Sequence[Any]]) -> dict[str, Point]:
    """Every combination of parameters of every model, by the name that it has in the recording.

    Parameters
    ----------
    models : mapping of str to Model or str
        Models by name; a text is the name of a registered one.
    vary : mapping of str to sequence
        Values by ``model.parameter``. A model that it does not name has one point, its own; a parameter of one value is
        set to it.

    Returns
    -------
    dict of str to Point
        The last parameter of a model varies fastest.

    Raises
    ------
    ValueError
        A model or parameter is unknown, a value is impossible, or there are no or too many of them.

    Examples
    --------
    >>> points = grid({"hybrid": "hybrid", "stable": "stable"}, {"hybrid.rate": [0.5, 1], "hybrid.sensitivity": [3e3]})
    >>> list(points)
    ['hybrid_rate-0.5', 'hybrid_rate-1', 'stable']
    >>> points["hybrid_rate-0.5"].parameters, points["hybrid_rate-0.5"].model.rate
    ({'rate': 0.5, 'sensitivity': 3000.0}, 0.5)
    """
    axes = _axes(models, vary)
    number = sum(prod(map(len, values.values())) for values in axes.values())
    if number > MOST_POINTS:
        raise ValueError(f"vary: {number:,} combinations of values; a sweep has at most {MOST_POINTS:,}")
    points: dict[str, Point] = {}
    for base, values in axes.items():
        combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]
        for name, parameters in zip(_names(base, values, combinations), combinations, strict=True):
            check_group_name("model", name)
            if name in points:
                raise ValueError(f'models: "{name}" stands for two of the sweep; give "{base}" another name')
            points[name] = Point(base=base, parameters=parameters, model=_with(models[base], base, parameters))
    return points


def _axes(models: Mapping[str, Model | str], vary: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, list[Any]]]:
    """Values in plain JSON types by model and parameter."""
    axes: dict[str, dict[str, list[Any]]] = {base: {} for base in models}
    for path, values in vary.items():
        base, dot, parameter = path.partition(".")
        if not (dot and parameter and all(parameter.split("."))):
            raise ValueError(f"vary: found {path!r}; expected MODEL.PARAMETER, such as hybrid.rate")
        if base not in axes:
            raise ValueError(
                f'vary {path}: "{base}" is no model of this sweep; its models: {one_of(axes)}.{nearest(base, axes)}'
            )
        for other in axes[base]:
            if f"{other}.".startswith(f"{parameter}.") or f"{parameter}.".startswith(f"{other}."):
                raise ValueError(f"vary {path}: {base}.{other} is varied as well, of which it is a part")
        if isinstance(values, str | bytes) or (not isinstance(values, Sequence) and not hasattr(values, "tolist")):
            raise TypeError(f"vary {path}: found {values!r}; expected a list of values")
        plain = [_plain(path, value) for value in values]
        if not plain:
            raise ValueError(f"vary {path}: no values given; give at least one, such as {path}=1,2")
        texts = [json.dumps(value, sort_keys=True) for value in plain]
        if twice := [text for number, text in enumerate(texts) if text in texts[:number]]:
            raise ValueError(f"vary {path}: the value {twice[0]} is there twice")
        axes[base][parameter] = plain
    return axes


def _plain(path: str, value: Any) -> Any:
    """A value as it stands in a recording."""
    if isinstance(value, BaseModel) or (dataclasses.is_dataclass(value) and not isinstance(value, type)):
        value = write_kind(value)
    elif hasattr(value, "tolist"):  # of NumPy
        value = value.tolist()
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        raise ValueError(
            f"vary {path}: found {value!r}; expected numbers, words, or what a recording can hold as JSON"
        ) from None


def _names(base: str, values: Mapping[str, list[Any]], combinations: list[dict[str, Any]]) -> list[str]:
    """Readable where that is short enough and tells all apart, else with the number of the combination."""
    varied = [parameter for parameter, given in values.items() if len(given) > 1]
    short = [parameter.rpartition(".")[2] for parameter in varied]
    called = short if len(set(short)) == len(short) else varied
    names = [
        "_".join([base, *(f"{word}-{_in_a_name(chosen[p])}" for word, p in zip(called, varied, strict=True))])
        for chosen in combinations
    ]
    if len(set(names)) < len(names) or max(map(len, names)) > LONGEST_NAME:
        digits = len(str(len(names)))
        return [f"{base}_{number:0{digits}}" for number in range(1, len(names) + 1)]
    return names


def _in_a_name(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.6g}".replace("+", "")
    if isinstance(value, dict):
        value = [value[key] for key in sorted(value, key=lambda key: key != "kind")]
    text = "-".join(map(str, value)) if isinstance(value, list) else str(value)
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-") or "none"


def _with(given: Model | str, base: str, parameters: Mapping[str, Any]) -> Model:
    if not isinstance(given, Model | str):
        raise TypeError(f"models: {base} is {given!r}; expected a Model or the name of a registered one")
    try:
        if isinstance(given, str):
            return named_model(given, **_set({}, parameters))
        return given if not parameters else type(given)(**_set(given.spec(), parameters))
    except ValueError as error:
        if not parameters:
            raise
        told = ", ".join(f"{base}.{parameter} = {json.dumps(value)}" for parameter, value in parameters.items())
        raise ValueError(f"vary {told}: {error}") from None


def _set(fields: dict[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    for path, value in parameters.items():
        *outer, last = path.split(".")
        inner = fields
        for part in outer:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f'"{part}" is {inner!r}, which has no parameters')
        inner[last] = value
    return fields
