"""Weights before and after a night."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from ..weight_changes import KINDS
from .style import GREY, legend_beside, new_axes

SHOWN = 3000  # points of one kind; more would hide each other
MARKERS = {"within": ("o", "#D55E00"), "between": ("^", "#0072B2")}


def plot_weights_before_after(
    before: ArrayLike, after: ArrayLike, ax: Axes | None = None, *, kinds: ArrayLike | None = None
) -> Axes:
    """Plot the weight of every synapse after a night against that before, with the line of no change.

    All synapses make a map of their density in grey (logarithmic). Where the kinds of the synapses are given, those
    within an item are circles and those between items triangles, evenly chosen where there are more than can be seen.
    The black line is the mean after, by weight before.

    Parameters
    ----------
    before, after : array_like
        Weights, shape [synapse].
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled marks only.
    kinds : array_like, optional
        Of each synapse: 0 within an item, 1 between items, 2 neither, see `synapse_kinds`.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> from engram.analysis import plot_weights_before_after
    >>> plot_weights_before_after([0.1, 0.2, 0.4], [0.1, 0.2, 0.3]).get_ylabel()
    'weight after'
    """
    old, new = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    if old.ndim != 1 or old.shape != new.shape:
        raise ValueError(f"before and after have shapes {old.shape} and {new.shape}; expected one weight per synapse")
    kind = np.full(old.shape, 2) if kinds is None else np.asarray(kinds)
    if kind.shape != old.shape:
        raise ValueError(f"kinds have shape {kind.shape}; expected one for each of {old.size:,} synapses")
    there = np.isfinite(old) & np.isfinite(new)
    old, new, kind = old[there], new[there], kind[there]
    axes = new_axes(ax, width=4.4, height=3.6)
    wide, high = (float(weights.max(initial=0)) or 1.0 for weights in (old, new))
    if old.size:
        axes.hexbin(
            old, new, gridsize=45, extent=(0, wide, 0, high), bins="log", mincnt=1, cmap="Greys", linewidths=0.1,
            zorder=1, vmin=0.3,
        )  # fmt: skip
    for number, name in enumerate(KINDS[:2]):
        rows = np.flatnonzero(kind == number)
        if rows.size and kinds is not None:
            rows = rows[:: max(1, -(-rows.size // SHOWN))]
            marker, color = MARKERS[name]
            axes.plot(
                old[rows], new[rows], linestyle="none", marker=marker, markersize=2.2, color=color, alpha=0.5,
                markeredgewidth=0, rasterized=True, label=f"{name} items" if number else "within an item", zorder=2,
            )  # fmt: skip
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=3)
    _draw_mean(axes, old, new, wide)
    axes.set(xlabel="weight before", ylabel="weight after", xlim=(0, 1.02 * wide), ylim=(0, 1.02 * high))
    axes.locator_params(nbins=6)
    legend_beside(axes, own=ax is None and kinds is not None)
    return axes


def _draw_mean(axes: Axes, old: np.ndarray, new: np.ndarray, wide: float, bins: int = 20, least: int = 10) -> None:
    place = np.minimum((old / wide * bins).astype(np.int64), bins - 1)
    number = np.bincount(place, minlength=bins)
    mean = np.bincount(place, weights=new, minlength=bins) / np.maximum(number, 1)
    shown = number >= least
    centre = (np.arange(bins) + 0.5) * wide / bins
    axes.plot(centre[shown], mean[shown], color="black", linewidth=1.4, zorder=4, label="mean")
