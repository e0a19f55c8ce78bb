"""Hebb repetition: items in shades of the repetition, and what the weakest and the mean item gain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..repetition import mean_by_repetition, minimum_by_repetition, performance_by_repetition
from ..serial_position import chance_level
from .style import count_ticks, draw_chance, legend_beside, model_styles, new_axes, one_model, shades


def plot_items_by_repetition(
    performance: xr.DataArray,
    ax: Axes | None = None,
    *,
    model: str | None = None,
    repetitions: Sequence[int] | None = None,
) -> Axes:
    """Plot performance by position in the list after several repetitions, for one model.

    Repetitions go from light to dark. Means over subjects.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    model : str, optional
        Which model; not needed where there is only one.
    repetitions : sequence of int, optional
        Which repetitions; the first, those after one and two thirds, and the last unless given (1, 3, 6, 9 of 9).

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the model or the label ``repetition`` is not in the table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_items_by_repetition
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.8], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition"] * 2), "repetition": ("probe", [1, 2]),
    ...     },
    ... )
    >>> [line.get_label() for line in plot_items_by_repetition(performance).get_lines()[:2]]
    ['1', '2']
    """
    name = one_model(performance["model"].values, model)
    table = performance_by_repetition(performance)
    table = table[table["model"] == name]
    means = mean_over_subjects(table, "performance", ("repetition", "item"))
    chosen = _spread(table["repetition"].max()) if repetitions is None and len(table) else list(repetitions or [])
    style = model_styles(performance["model"].values)[name]
    axes = new_axes(ax)
    for repetition, color in zip(chosen, shades(style.color, len(chosen)), strict=True):
        rows = means[means["repetition"] == repetition]
        axes.plot(rows["item"], rows["mean"], color=color, marker=style.marker, markersize=4, label=f"{repetition}")
    draw_chance(axes, chance_level(performance))
    axes.set(xlabel="item (position in the list)", ylabel="performance", ylim=(0, 1), title=name)
    count_ticks(axes, performance.sizes["item"])
    legend_beside(axes, own=ax is None, title="repetition")
    return axes


def plot_repetition(
    performance: xr.DataArray, ax: Axes | None = None, *, measure: Literal["minimum", "mean"] = "minimum"
) -> Axes:
    """Plot what repetition gains, one line per model, with 95 % intervals over subjects.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    measure : {"minimum", "mean"}
        Weakest item of each subject, or mean over its items.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table, the label ``repetition`` is missing, or `measure` is neither.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_repetition
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.8], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition"] * 2), "repetition": ("probe", [1, 2]),
    ...     },
    ... )
    >>> plot_repetition(performance).get_ylabel()
    'performance, weakest item'
    """
    if measure not in ("minimum", "mean"):
        raise ValueError(f"measure is {measure!r}; expected minimum or mean")
    weakest = measure == "minimum"
    table = minimum_by_repetition(performance) if weakest else mean_by_repetition(performance)
    axes = new_axes(ax)
    for model, style in model_styles(performance["model"].values).items():
        rows = table[table["model"] == model]
        spread = (rows["high"] - rows["mean"]).to_numpy()
        error = spread if np.isfinite(spread).any() else None
        axes.errorbar(
            rows["repetition"], rows["mean"], yerr=error, **style.line, markersize=4.5, elinewidth=0.8, label=model
        )
    draw_chance(axes, chance_level(performance))
    axes.set(xlabel="repetition", ylabel="performance, weakest item" if weakest else "performance, mean over items")
    axes.set_ylim(bottom=0)
    count_ticks(axes, int(table["repetition"].max()) if len(table) else 1)
    legend_beside(axes, own=ax is None)
    return axes


def _spread(last: int) -> list[int]:
    return sorted({1, max(1, last // 3), max(1, 2 * last // 3), int(last)})
