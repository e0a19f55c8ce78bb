"""Models by name: presets for the command line, and classes for reading a recording's specs back."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from types import FunctionType
from typing import Any

from ..data.wording import nearest, one_of
from .base import Model

_presets: dict[str, Callable[..., Model]] = {}
_kinds: dict[str, type[Model]] = {}


def register_model(name: str, make: Callable[..., Model]) -> None:
    """Make a model known by name, to `model` and to the command line of the same process.

    Packages register theirs by an entry point in the group ``engram.models``.

    Parameters
    ----------
    name : str
    make : callable
        A `Model` class, or a function that takes its fields as keywords and returns one.

    Raises
    ------
    TypeError
        ``make`` cannot be called.
    """
    if not callable(make):
        raise TypeError(f"model {name!r}: expected a Model class or a function that makes one; found {make!r}")
    _presets[name] = make
    if isinstance(make, type) and issubclass(make, Model):
        _kinds[make.model_fields["kind"].default] = make


def model_names() -> list[str]:
    """Names of the registered models.

    Examples
    --------
    >>> "hybrid" in model_names()
    True
    """
    return sorted({entry.name for entry in entry_points(group="engram.models")} | set(_presets))


def model(name: str, **settings: Any) -> Model:
    """A registered model with some of its parameters set.

    Parameters
    ----------
    name : str
        Such as ``"hybrid"``.
    **settings
        Fields of the model, in the place of its defaults.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        Unknown name, unknown parameter or impossible value.

    Examples
    --------
    >>> model("stable").flexibility.value
    0.3
    """
    if name not in _presets:
        found = {entry.name: entry for entry in entry_points(group="engram.models")}
        if name not in found:
            known = model_names()
            raise ValueError(f'unknown model "{name}"; known: {one_of(known)}.{nearest(name, known)}')
        register_model(name, found[name].load())
    return _presets[name](**settings)


def about_model(name: str) -> str:
    """What a registered model is, in a line: the first of what documents its preset, or else its class.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Examples
    --------
    >>> about_model("stable")
    'Every synapse of flexibility 0.3.'
    """
    made = model(name)
    preset = _presets[name]
    told = preset.__doc__ if isinstance(preset, FunctionType | type) else None
    return (told or type(made).__doc__ or "").strip().partition("\n")[0]


def model_from_spec(spec: Mapping[str, Any]) -> Model:
    """The model that a recording's spec describes.

    Parameters
    ----------
    spec : mapping
        As `Model.spec` gives it.

    Returns
    -------
    Model

    Raises
    ------
    ValueError
        The kind is unknown here, or the spec does not fit it.

    Examples
    --------
    >>> model_from_spec(model("hybrid").spec()) == model("hybrid")
    True
    """
    kind = str(spec.get("kind"))
    for name in _ours_first():
        if kind in _kinds:
            break
        try:
            _kinds.setdefault(*_kind_of(name))
        except Exception as error:  # of a package that is not ours: what it lacks need not concern this spec
            warnings.warn(f'the model "{name}" cannot be used: {type(error).__name__}: {error}', stacklevel=2)
    if kind not in _kinds:
        raise ValueError(
            f'a model of kind "{kind}" is not known here; import the package that registers it, or give the model '
            f"again: resume(path, models={{...}})"
        )
    return _kinds[kind](**spec)


def _ours_first() -> list[str]:
    ours = {entry.name for entry in entry_points(group="engram.models") if entry.value.startswith("engram.")}
    return sorted(model_names(), key=lambda name: name not in ours)


def _kind_of(name: str) -> tuple[str, type[Model]]:
    made = model(name)
    return made.kind, type(made)
