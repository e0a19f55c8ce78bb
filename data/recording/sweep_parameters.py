"""Which model of a sweep's recording has which parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from .reader import Recording


def sweep_parameters(recording: Recording) -> pd.DataFrame:
    """Parameters of each model of a sweep.

    Parameters
    ----------
    recording : Recording
        Of `engram.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row for each model of the recording: ``model`` (its name there), ``base`` (its name in the sweep), and a
        column for each parameter that the sweep sets; None where a model has no such parameter of the sweep. What is
        no number, text or truth value stands there as JSON text.

    Raises
    ------
    ValueError
        The recording is none of a sweep, or damaged.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> sweep_parameters(engram.open("runs/sweep.h5"))  # doctest: +SKIP
                  model    base  rate
    0  hybrid_rate-0.1  hybrid   0.1
    1    hybrid_rate-1  hybrid   1.0
    """
    import pandas as pd

    told = recording.settings.get("sweep")
    if told is None:
        raise ValueError(f"{recording.path} is no sweep: its models have no parameters beside their specs")
    names = list(recording.models)
    sound = isinstance(told, dict) and set(told) == set(names)
    if not sound or not all(_is_point(told[name]) for name in names):
        raise ValueError(f"{recording.path} is damaged: its table of parameters does not fit its models")
    paths = dict.fromkeys(path for name in names for path in told[name]["parameters"])
    columns: dict[str, list[Any]] = {"model": names, "base": [told[name]["base"] for name in names]}
    for path in paths:
        columns[f"{path}_" if path in columns else path] = [_cell(told[name]["parameters"].get(path)) for name in names]
    return pd.DataFrame(columns)


def _is_point(point: Any) -> bool:
    return isinstance(point, dict) and isinstance(point.get("base"), str) and isinstance(point.get("parameters"), dict)


def _cell(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, dict | list) else value
