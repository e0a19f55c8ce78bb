"""How often each item is replayed, night by night."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from ..probes import require_columns
from .modules import MODULE_COLORS
from .style import count_ticks, legend_beside, new_axes, shades

MARKERS = "osD^vPXd"
CROWDED = 12  # items; with more, those that are not replayed in a night have no mark


def plot_replay_counts(counts: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot how often each item is replayed in each night: means over subjects, and every subject as a small point.

    Nights go from light to dark and have a marker each. The dotted line is an even share of the night's replay.

    Parameters
    ----------
    counts : pandas.DataFrame
        Columns ``night``, ``item``, ``count``, and ``subject`` where there are several, see `replay_counts`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled points only.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import plot_replay_counts
    >>> counts = pd.DataFrame({"night": 1, "item": [1, 2, 3], "count": [5, 7, 4]})
    >>> plot_replay_counts(counts).get_ylabel()
    'replays in a night'
    """
    require_columns(counts, ("night", "item", "count"), "counts")
    nights = sorted(counts["night"].unique())
    axes = new_axes(ax)
    width = 0.7 / max(len(nights), 1)
    crowded = counts["item"].nunique() > CROWDED
    for at, (night, color) in enumerate(zip(nights, shades(MODULE_COLORS["hippocampus"], len(nights)), strict=True)):
        rows = counts[counts["night"] == night]
        mean = rows.groupby("item")["count"].mean()
        if crowded:
            mean = mean[mean > 0]
        x = mean.index.to_numpy(dtype=float) + (at - (len(nights) - 1) / 2) * width
        if "subject" in rows.columns and rows["subject"].nunique() > 1:
            place = dict(zip(mean.index, x, strict=True))
            rows = rows[rows["item"].isin(mean.index)]
            axes.plot(
                rows["item"].map(place), rows["count"], linestyle="none", marker=".", markersize=3, color=color,
                alpha=0.6, zorder=2,
            )  # fmt: skip
        axes.vlines(x, 0, mean, color=color, linewidth=1.2, zorder=1)
        axes.plot(
            x, mean, linestyle="none", marker=MARKERS[at % len(MARKERS)], markersize=3.5 if crowded else 5,
            color=color, markeredgecolor="black", markeredgewidth=0.5, label=f"{night}", zorder=3,
        )  # fmt: skip
    if len(counts):
        axes.axhline(counts["count"].mean(), color="black", linestyle=(0, (1, 1.5)), linewidth=0.9, zorder=0)
        count_ticks(axes, int(counts["item"].max()))
    axes.set(xlabel="item", ylabel="replays in a night")
    axes.set_ylim(0, max(1.0, 1.08 * counts["count"].to_numpy().max(initial=0)))
    legend_beside(axes, own=ax is None and bool(nights), title="night")
    return axes
