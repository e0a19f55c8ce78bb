"""Poisoning: items before and after, and the share retained."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..poisoning import performance_around_poisoning, retention_after_poisoning, retention_by_subject
from ..serial_position import chance_level
from .style import GREY, count_ticks, draw_chance, legend_beside, model_styles, new_axes, one_model, shades

SHOWN = (-0.5, 1.5)  # a subject that was near chance before has no bound


def plot_items_after_poisoning(performance: xr.DataArray, ax: Axes | None = None, *, model: str | None = None) -> Axes:
    """Plot performance by position in the list before (light) and after (dark) poisoning, for one model.

    Means over subjects with 95 % intervals.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``label`` of each probe.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    model : str, optional
        Which model; not needed where there is only one.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the model or the label ``poisoning`` is not in the table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_items_after_poisoning
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.7], [0.8, 0.5]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition", "poisoning"]),
    ...     },
    ... )
    >>> plot_items_after_poisoning(performance).get_title()
    'hybrid'
    """
    name = one_model(performance["model"].values, model)
    table = performance_around_poisoning(performance)
    table = table[table["model"] == name]
    style = model_styles(performance["model"].values)[name]
    light, dark = shades(style.color, 2)
    axes = new_axes(ax)
    for when, color, linestyle, filled in (("before", light, "--", "white"), ("after", dark, "-", dark)):
        rows = mean_over_subjects(table, when, ("item",))
        spread = (rows["high"] - rows["mean"]).to_numpy()
        axes.errorbar(
            rows["item"], rows["mean"], yerr=spread if np.isfinite(spread).any() else None, color=color, elinewidth=0.8,
            linestyle=linestyle, marker=style.marker, markersize=4.5, markerfacecolor=filled, label=when,
        )  # fmt: skip
    draw_chance(axes, chance_level(performance))
    axes.set(xlabel="item (position in the list)", ylabel="performance", ylim=(0, 1), title=name)
    count_ticks(axes, performance.sizes["item"])
    legend_beside(axes, own=ax is None)
    return axes


def plot_poisoning(performance: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Plot the share retained after poisoning, with chance taken off: bars per model, points per subject.

    Bars are ratios of the means over subjects with 95 % bootstrap intervals. Points are the subjects' own ratios; those
    beyond the axis are drawn as triangles at its edge.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``label`` of each probe.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table or the label ``poisoning`` is missing.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_poisoning
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.7], [0.8, 0.5]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition", "poisoning"]),
    ...     },
    ... )
    >>> plot_poisoning(performance).get_ylabel()
    'retained after poisoning\\n(chance taken off)'
    """
    table = retention_after_poisoning(performance)
    subjects = retention_by_subject(performance)
    axes = new_axes(ax, width=3.6)
    styles = model_styles(performance["model"].values)
    for place, (model, style) in enumerate(styles.items()):
        rows = table[table["model"] == model]
        axes.bar(np.full(len(rows), place), rows["retained"], width=0.55, color=style.color, alpha=0.35)
        axes.vlines(np.full(len(rows), place), rows["low"], rows["high"], color="black", linewidth=1.2, zorder=4)
        _draw_subjects(axes, place, subjects.loc[subjects["model"] == model, "retained"], style.color, style.marker)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.axhline(1, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    crowded = len(styles) > 3
    axes.set_xticks(range(len(styles)), list(styles), rotation=40 * crowded, ha="right" if crowded else "center")
    axes.set(ylabel="retained after poisoning\n(chance taken off)", ylim=SHOWN, xlim=(-0.6, len(styles) - 0.4))
    return axes


def _draw_subjects(axes: Axes, place: int, retained: pd.Series, color: str, marker: str) -> None:
    values = retained.dropna().to_numpy()
    x = place + np.linspace(-0.16, 0.16, len(values)) if len(values) > 1 else np.full(len(values), float(place))
    inside = (values >= SHOWN[0]) & (values <= SHOWN[1])
    axes.plot(x[inside], values[inside], linestyle="none", marker=marker, color=color, markersize=3.5)
    for beyond, edge, arrow in ((values > SHOWN[1], SHOWN[1], 6), (values < SHOWN[0], SHOWN[0], 7)):
        if beyond.any():  # an empty line that is not clipped upsets the layout
            at_edge = np.full(beyond.sum(), edge)
            axes.plot(x[beyond], at_edge, linestyle="none", marker=arrow, color=color, markersize=5, clip_on=False)
