"""Serial position: the list at the end, and epoch by epoch."""

from __future__ import annotations

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from ..epochs import learning_curves
from ..serial_position import chance_level, serial_position_curve
from .style import count_ticks, draw_band, draw_chance, legend_beside, model_styles, new_axes, one_model, shades


def plot_serial_position(performance: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Plot final performance by position in the list, one line per model, with 95 % bands over subjects.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item).
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_serial_position
    >>> performance = xr.DataArray(
    ...     [[[[0.4, 0.8]], [[0.6, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0, 1], "item": [1, 2]},
    ... )
    >>> plot_serial_position(performance).get_xlabel()
    'item (position in the list)'
    """
    curve = serial_position_curve(performance)
    axes = new_axes(ax)
    for model, style in model_styles(performance["model"].values).items():
        rows = curve[curve["model"] == model]
        draw_band(axes, rows["item"].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
        axes.plot(rows["item"], rows["mean"], **style.line, markersize=4.5, label=model)
    draw_chance(axes, chance_level(performance))
    axes.set(xlabel="item (position in the list)", ylabel="performance", ylim=(0, 1))
    count_ticks(axes, performance.sizes["item"])
    legend_beside(axes, own=ax is None)
    return axes


def plot_learning_curves(curves: xr.DataArray, ax: Axes | None = None, *, model: str | None = None) -> Axes:
    """Plot the performance of every item after every epoch, for one model.

    Items go from light to dark in the order of the list; a thin line marks where the next presentation begins.

    Parameters
    ----------
    curves : xarray.DataArray
        Dimensions (model, subject, point, item), a point being one epoch.
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
        If `curves` is not such a table, or the model is not in it.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_learning_curves
    >>> curves = xr.DataArray(
    ...     [[[[0.5, 0.0], [0.7, 0.0]]]],
    ...     dims=("model", "subject", "point", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2]},
    ... )
    >>> plot_learning_curves(curves).get_xlabel()
    'epoch'
    """
    table = learning_curves(curves)
    name = one_model(curves["model"].values, model)
    table = table[table["model"] == name]
    axes = new_axes(ax)
    style = model_styles(curves["model"].values)[name]
    items = list(curves["item"].values)
    for item, color in zip(items, shades(style.color, len(items)), strict=True):
        rows = table[table["item"] == item]
        axes.plot(rows["point"], rows["mean"], color=color, linewidth=1.2, label=f"{item}")
    if "epoch" in table.columns:
        points = table.drop_duplicates("point")
        starts = points["point"].to_numpy()[1:][np.diff(points["epoch"].to_numpy()) <= 0]
        axes.vlines(starts - 0.5, 0, 1, color="#D9D9D9", linewidth=0.6, zorder=0)
    draw_chance(axes, chance_level(curves))
    axes.set(xlabel="epoch", ylabel="performance", ylim=(0, 1), title=name)
    count_ticks(axes, curves.sizes["point"])
    legend_beside(axes, own=ax is None, title="item")
    return axes
