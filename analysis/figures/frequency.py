"""Learning frequency: does performance follow how often, or how recently, an item was met?"""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..frequency import frequency_and_order_correlation, performance_by_frequency
from ..serial_position import chance_level
from .style import GREY, count_ticks, draw_band, draw_chance, legend_beside, model_styles, new_axes

AXIS_NAMES = {"frequency": "frequency (presentations)", "order": "order of the last presentation (rank)"}


def plot_performance_by_frequency(
    performance: xr.DataArray,
    presentations: pd.DataFrame,
    ax: Axes | None = None,
    *,
    against: Literal["frequency", "order"] = "frequency",
) -> Axes:
    """Plot final performance against how often or how recently items were met, with 95 % bands over subjects.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order`` (within the phase), ``item`` (from 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    against : {"frequency", "order"}
        What is on the horizontal axis.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables, or `against` is neither.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import plot_performance_by_frequency
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.5, 0.9]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [6])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": range(6), "order": 0, "item": [3, 3, 2, 3, 1, 2]})
    >>> plot_performance_by_frequency(performance, presentations).get_xlabel()
    'frequency (presentations)'
    """
    if against not in AXIS_NAMES:
        raise ValueError(f"against is {against!r}; expected frequency or order")
    table = performance_by_frequency(performance, presentations)
    each = table.groupby(["model", "subject", against], sort=False)["performance"].mean().reset_index()
    means = mean_over_subjects(each, "performance", ("model", against)).sort_values(against)
    axes = new_axes(ax)
    for model, style in model_styles(performance["model"].values).items():
        rows = means[means["model"] == model]
        draw_band(axes, rows[against].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
        axes.plot(rows[against], rows["mean"], **style.line, markersize=4.5, label=model)
    draw_chance(axes, chance_level(performance))
    axes.set(xlabel=AXIS_NAMES[against], ylabel="performance", ylim=(0, 1))
    count_ticks(axes, int(each[against].max()) if len(each) else 1)
    legend_beside(axes, own=ax is None)
    return axes


def plot_frequency_order(performance: xr.DataArray, presentations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot each subject's rank correlations of performance with frequency and with order.

    One point per subject; bars and whiskers are means over subjects with 95 % intervals.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order`` (within the phase), ``item`` (from 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled points only.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables, or every item is presented equally often.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import plot_frequency_order
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.5, 0.9]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [6])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": range(6), "order": 0, "item": [3, 3, 2, 3, 1, 2]})
    >>> [text.get_text() for text in plot_frequency_order(performance, presentations).get_xticklabels()]
    ['with frequency', 'with order']
    """
    table = frequency_and_order_correlation(performance, presentations)
    styles = model_styles(performance["model"].values)
    axes = new_axes(ax, width=4.2)
    width = 0.8 / len(styles)
    for place, column in enumerate(("rho_frequency", "rho_order")):
        means = mean_over_subjects(table, column)
        for number, (model, style) in enumerate(styles.items()):
            centre = place + (number - (len(styles) - 1) / 2) * width
            values = table.loc[table["model"] == model, column].dropna().to_numpy()
            x = centre + (np.linspace(-0.3, 0.3, len(values)) * width if len(values) > 1 else np.zeros(len(values)))
            axes.plot(
                x, values, linestyle="none", marker=style.marker, color=style.color, alpha=0.55, markersize=4,
                label=model if place == 0 else None,
            )  # fmt: skip
            rows = means[means["model"] == model]
            axes.hlines(rows["mean"], centre - 0.36 * width, centre + 0.36 * width, color=style.color, linewidth=2.2)
            axes.vlines(np.full(len(rows), centre), rows["low"], rows["high"], color="black", linewidth=1.1, zorder=4)
    axes.axhline(0, color=GREY, linewidth=0.8, zorder=0)
    axes.set_xticks([0, 1], ["with frequency", "with order"])
    axes.set(ylabel="rank correlation of performance\n(Spearman's rho)", ylim=(-1.05, 1.05), xlim=(-0.55, 1.55))
    legend_beside(axes, own=ax is None)
    return axes
