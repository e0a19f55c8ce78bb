"""``--set model.param=value``: parameters of models, as the command line gives them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .data.wording import nearest, one_of

LARGEST_LIST = 10_000_000

if TYPE_CHECKING:
    from .models.base import Model


def models_from(names: str, settings: Sequence[str]) -> dict[str, Model]:
    """Models that ``--models`` names, with the parameters of ``--set``.

    Parameters
    ----------
    names : str
        Registered names, separated by commas; ``NAME=REGISTERED`` gives a copy another name.
    settings : sequence of str
        Each ``NAME.PARAMETER=VALUE``; the value is read as JSON where it is JSON and as a word otherwise. A dot in
        PARAMETER reaches into it, as in ``hybrid.encoder.kind=alexnet``.

    Returns
    -------
    dict of str to Model

    Raises
    ------
    ValueError
        A name or parameter is unknown, a value impossible, or a setting has no ``=``.

    Examples
    --------
    >>> models_from("low=hybrid,stable", ["low.sensitivity=3e3"])["low"].sensitivity
    3000.0
    """
    from .models.registry import model

    presets: dict[str, str] = {}
    for entry in (part.strip() for part in names.split(",")):
        name, _, preset = entry.partition("=")
        if not name:
            raise ValueError(
                f"--models: found {names!r}; expected names separated by commas, such as conventional,hybrid"
            )
        if name in presets:
            raise ValueError(f'--models: "{name}" is there twice; give a copy another name: {name}2={preset or name}')
        presets[name] = preset or name
    parameters: dict[str, dict[str, Any]] = {name: {} for name in presets}
    for setting in settings:
        path, equals, value = setting.partition("=")
        name, dot, parameter = path.partition(".")
        if not (equals and dot and parameter):
            raise ValueError(
                f"--set: found {setting!r}; expected MODEL.PARAMETER=VALUE, such as hybrid.sensitivity=3e3"
            )
        if name not in presets:
            raise ValueError(
                f'--set {setting}: "{name}" is not a model of this run; its models: {one_of(presets)}.'
                f"{nearest(name, presets)}"
            )
        inner = parameters[name]
        *outer, last = parameter.split(".")
        for part in outer:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                raise ValueError(f'--set {setting}: "{part}" was set to {inner!r} before, which has no parameters')
        inner[last] = _value(value)
    return {name: model(preset, **parameters[name]) for name, preset in presets.items()}


def class_order_from(text: str) -> str | tuple[str, ...]:
    """The order of classes that ``--class-order`` gives.

    Parameters
    ----------
    text : str
        A word (``shuffled``, ``listed``, ``seed-1993``), names separated by commas, or a file with one name a line.

    Returns
    -------
    str or tuple of str

    Raises
    ------
    ValueError
        It is none of these.

    Examples
    --------
    >>> class_order_from("seed-1993"), class_order_from("cat, dog")
    ('seed-1993', ('cat', 'dog'))
    """
    from .protocols.items import CLASS_ORDERS

    if text in CLASS_ORDERS:
        return text
    path = Path(text)
    if path.is_file():
        if path.stat().st_size > LARGEST_LIST:
            raise ValueError(
                f"--class-order: {path} is larger than {LARGEST_LIST:,} bytes, too large for a list of names"
            )
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except UnicodeDecodeError:
            raise ValueError(f"--class-order: {path} is no text; expected one class name a line") from None
        names = tuple(line.strip() for line in lines if line.strip())
        if not names:
            raise ValueError(f"--class-order: {path} is empty; expected one class name a line")
        return names
    if "," not in text:
        raise ValueError(
            f"--class-order: found {text!r}; expected {one_of(CLASS_ORDERS)}, names separated by commas, or a file "
            f"with one name a line.{nearest(text, CLASS_ORDERS)}"
        )
    return tuple(name.strip() for name in text.split(","))


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
