"""How much is remembered as the list grows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..capacity import average_performance, first_pass, gross_memory
from ..confidence import mean_over_subjects
from ..shuffle_test import count_by_subject, memorised
from .style import GREY, count_ticks, draw_band, legend_beside, model_styles, name_beside, new_axes


def plot_memorised(
    responses: xr.DataArray, performance: xr.DataArray, presentations: pd.DataFrame, ax: Axes | None = None
) -> Axes:
    """Plot the number of memorised items against the number of items trained, with 95 % bands over subjects.

    Each number trained is read at the first probe after it was reached. The dotted line is what guessing would give:
    the exact number of false positives of the test, over all items asked for.

    Parameters
    ----------
    responses : xarray.DataArray
        Counts, dimensions (model, subject, probe, item, response), see `memorised`.
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order``, ``item`` (from 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import plot_memorised
    >>> coords = {"model": ["hybrid"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [1])}
    >>> counts = [[[[[3, 1, 0], [0, 2, 2], [0, 2, 2]]]]]
    >>> responses = xr.DataArray(counts, dims=("model", "subject", "probe", "item", "response"), coords=coords)
    >>> performance = xr.DataArray(
    ...     [[[[0.75, 0.5, 0.5]]]], dims=("model", "subject", "probe", "item"), coords=coords
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": 0, "order": [0, 1, 2], "item": [1, 2, 3]})
    >>> plot_memorised(responses, performance, presentations).get_ylabel()
    'memorised items'
    """
    trained = first_pass(average_performance(performance, presentations))[["model", "subject", "probe", "trained"]]
    counts = count_by_subject(memorised(responses)).merge(trained, on=["model", "subject", "probe"], how="inner")
    axes = new_axes(ax)
    _draw_growth(axes, counts, "memorised", performance)
    guessed = counts.groupby("trained")["false_positive"].mean()
    _draw_guessing(axes, guessed.index.to_numpy(), guessed.to_numpy())
    axes.set(xlabel="items trained", ylabel="memorised items")
    axes.set_ylim(bottom=0)
    legend_beside(axes, own=ax is None)
    return axes


def plot_gross_memory(performance: xr.DataArray, presentations: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot gross memory against the number of items trained, with 95 % bands over subjects.

    Each number trained is read at the first probe after it was reached. Guessing evenly gives 1/N per item trained.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order``, ``item`` (from 1).
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import plot_gross_memory
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.1], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2], "phase": ("probe", [1, 3])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": [0, 2], "order": 0, "item": [1, 2]})
    >>> plot_gross_memory(performance, presentations).get_xlabel()
    'items trained'
    """
    table = first_pass(gross_memory(performance, presentations))
    axes = new_axes(ax)
    _draw_growth(axes, table, "gross_memory", performance)
    trained = sorted(table["trained"].unique())
    _draw_guessing(axes, np.array(trained), np.array(trained) / performance.sizes["item"])
    axes.set(xlabel="items trained", ylabel="gross memory (items)")
    axes.set_ylim(bottom=0)
    legend_beside(axes, own=ax is None)
    return axes


def _draw_guessing(axes: Axes, trained: np.ndarray, expected: np.ndarray) -> None:
    axes.plot(trained, expected, color=GREY, linestyle=(0, (1, 1.5)), linewidth=1)
    if trained.size:
        name_beside(axes, float(expected[-1]), "chance")


def _draw_growth(axes: Axes, table: pd.DataFrame, value: str, performance: xr.DataArray) -> None:
    means = mean_over_subjects(table, value, ("model", "trained")).sort_values("trained")
    crowded = means["trained"].nunique() > 15
    for model, style in model_styles(performance["model"].values).items():
        rows = means[means["model"] == model]
        draw_band(axes, rows["trained"].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
        every = 3 if crowded else 1
        axes.plot(rows["trained"], rows["mean"], **style.line, markersize=4.5, markevery=every, label=model)
    count_ticks(axes, performance.sizes["item"])
