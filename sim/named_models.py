"""The models of a run by the names that they have in its recording."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..data.recording.group_names import check_group_name
from ..models.base import Model
from ..models.registry import model


def resolve_models(models: Mapping[str, Model | str] | Sequence[str] | str) -> dict[str, Model]:
    """Models by name; names of registered models stand for themselves.

    Parameters
    ----------
    models : mapping of str to Model or str, sequence of str, or str
        A text is names separated by commas.

    Raises
    ------
    ValueError
        None is given, one is there twice, or a name is not registered or cannot be the name of a group.
    TypeError
        One is neither a model nor a name.

    Examples
    --------
    >>> list(resolve_models("hybrid, stable")), list(resolve_models({"wide": "hybrid"}))
    (['hybrid', 'stable'], ['wide'])
    """
    if isinstance(models, str):
        models = [name.strip() for name in models.split(",") if name.strip()]
    if not isinstance(models, Mapping):
        if len(set(models)) < len(models):
            raise ValueError(f"models: found {', '.join(models)}; each model can be run once, give copies other names")
        models = {name: name for name in models}
    if not models:
        raise ValueError("models: none given; give at least one, such as hybrid")
    resolved = {}
    for name, given in models.items():
        check_group_name("model", name)
        if not isinstance(given, Model | str):
            raise TypeError(f"models: {name} is {given!r}; expected a Model or the name of a registered one")
        resolved[name] = model(given) if isinstance(given, str) else given
    return resolved
