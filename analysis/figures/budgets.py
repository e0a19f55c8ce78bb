"""What is known at the end against what it cost: bytes, image passes."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from ...data.wording import one_of
from ..confidence import mean_over_subjects
from ..probes import require_columns
from .style import draw_band, legend_beside, model_styles, name_beside, new_axes

COSTS = {"bytes": "bytes kept", "image_passes": "image passes", "updates": "updates", "seconds": "wall time"}
STORE_MARKERS = {"none": "o", "raw": "s", "jpeg": "^", "features": "D", "cues": "P"}


def plot_accuracy_against(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    against: Literal["bytes", "image_passes", "updates", "seconds"] = "bytes",
    accuracy: Literal["last", "average_incremental"] = "last",
) -> Axes:
    """Plot accuracy against a cost, over one or several recordings.

    The mean over subjects of a model in one recording is a point; points of one model and kind of store are joined in
    the order of the cost. Against bytes, models that keep nothing are level lines, named at their end.

    Parameters
    ----------
    table : pandas.DataFrame
        See `continual_table`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    against : {"bytes", "image_passes", "updates", "seconds"}
        The cost, on a logarithmic axis where it differs by more than a factor of three, else on one from 0.
    accuracy : {"last", "average_incremental"}
        Accuracy on all items at the end, or its mean over tasks.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a column is missing or `against` or `accuracy` is none of these.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import plot_accuracy_against
    >>> table = pd.DataFrame({
    ...     "recording": ["1MB", "4MB"], "model": "er", "subject": 0, "store": "raw", "bytes": [1e6, 4e6],
    ...     "last": [0.5, 0.7],
    ... })
    >>> plot_accuracy_against(table).get_lines()[0].get_xydata().tolist()
    [[1000000.0, 0.5], [4000000.0, 0.7]]
    """
    if against not in COSTS:
        raise ValueError(f"against is {against!r}; expected {one_of(COSTS)}")
    if accuracy not in ("last", "average_incremental"):
        raise ValueError(f"accuracy is {accuracy!r}; expected last or average_incremental")
    require_columns(table, ("recording", "model", "subject", "store", against, accuracy), "table")
    several = table.groupby("model")["store"].nunique()
    axes = new_axes(ax)
    for model, style in model_styles(table["model"]).items():
        for store, rows in table[table["model"] == model].groupby("store", sort=False):
            points = mean_over_subjects(rows, accuracy, ("recording",))
            costs = rows.groupby("recording", sort=False)[against].mean().to_numpy(dtype=float)
            order = np.argsort(costs, kind="stable")
            points, costs = points.iloc[order], costs[order]
            if against == "bytes" and not np.isfinite(costs).any():
                level = float(points["mean"].mean())
                axes.axhline(level, color=style.color, linestyle=style.linestyle, linewidth=1.0, zorder=1)
                name_beside(axes, level, model)
                continue
            label = f"{model}, {store}" if several[model] > 1 else model
            look = {**style.line, **({"marker": STORE_MARKERS.get(str(store), "o")} if several[model] > 1 else {})}
            axes.plot(costs, points["mean"], **look, markersize=5.5, label=label, zorder=3)
            draw_band(axes, costs, points["low"].to_numpy(), points["high"].to_numpy(), style.color)
    _scale(axes, table[against], "B" if against == "bytes" else "s" if against == "seconds" else "")
    named = "final accuracy" if accuracy == "last" else "average incremental accuracy"
    axes.set(xlabel=COSTS[against], ylabel=named, ylim=(0, 1.02))
    legend_beside(axes, own=ax is None)
    return axes


def _scale(axes: Axes, costs: pd.Series, unit: str) -> None:
    positive = costs[costs > 0]
    if len(positive) and positive.max() > 3 * positive.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if positive.max() < 100 * positive.min() else (1,)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        if len(positive):  # a few bytes' difference is none: costs that are alike stand close together
            axes.set_xlim(0, max(1.2 * positive.max(), axes.get_xlim()[1]))
        axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(unit=unit, sep=" " if unit else ""))
