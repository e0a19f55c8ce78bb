"""Spikes of all populations, with what was done shaded behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ...data.wording import one_of
from ..assemblies import membership
from ..probes import require_columns
from .modules import module_color, shade_stages
from .style import new_axes

CELLS = 100  # most cells of a population that are drawn, unless more are asked for
SPIKES = 200_000  # more would only be ink


def plot_raster(
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]],
    circuit: Mapping[str, Any],
    segments: pd.DataFrame | None = None,
    ax: Axes | None = None,
    *,
    start: float | None = None,
    stop: float | None = None,
    assemblies: Mapping[str, np.ndarray] | None = None,
    cells: int = CELLS,
) -> Axes:
    """Plot the spikes of a circuit, population above population, each in the colour of its module.

    Stages are shaded and named. Where the cells of the items are known, they come first and in the order of the items,
    so that an item's replay is a band.

    Parameters
    ----------
    spikes : mapping of str to (array, array)
        Times (s) and cells of each population, see `recorded_spikes`.
    circuit : mapping
        Plain graph with ``nodes``: ``name``, ``size``, ``module``, as a recording's ``circuit()`` gives it.
    segments : pandas.DataFrame, optional
        What was done when: columns ``stage``, ``start``, ``stop`` (s).
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure unless given.
    start, stop : float, optional
        What to show, s; all of it unless given.
    assemblies : mapping of str to array, optional
        Cells of each item by population, shape [item, cell], bool.
    cells : int
        Most cells of a population to draw.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a population has no spikes given, or `stop` is not after `start`.

    Examples
    --------
    >>> import numpy as np
    >>> from engram.analysis import plot_raster
    >>> circuit = {"nodes": [{"name": "C", "size": 2, "module": "cortex"}], "edges": []}
    >>> plot_raster({"C": (np.array([0.1, 0.2]), np.array([0, 1]))}, circuit).get_xlabel()
    'simulated time (s)'
    """
    nodes = [node for node in circuit["nodes"] if node["name"] in spikes]
    if not nodes:
        names = one_of(node["name"] for node in circuit["nodes"])
        raise ValueError(f"spikes are given for {one_of(spikes) or 'no population'}; expected some of {names}")
    first, last = _window(spikes, segments, start, stop)
    axes = new_axes(ax, width=7.2, height=3.6)
    if segments is not None:
        require_columns(segments, ("stage", "start", "stop"), "segments")
        shade_stages(axes, segments[(segments["stop"] > first) & (segments["start"] < last)], first, last)
    below, centres = 0, []
    for node in reversed(nodes):
        times, ids = (np.asarray(part) for part in spikes[node["name"]])
        height = _heights(int(node["size"]), (assemblies or {}).get(node["name"]), cells)
        shown = (times >= first) & (times <= last)
        shown[shown] = height[ids[shown]] >= 0
        places = np.flatnonzero(shown)
        places = places[:: max(1, -(-places.size // SPIKES))]
        drawn = min(int(node["size"]), cells)
        axes.plot(
            times[places], below + height[ids[places]] + 0.5, linestyle="none", marker="|", rasterized=True, zorder=3,
            markersize=float(np.clip(220 / drawn, 0.8, 4)), markeredgewidth=0.6,
            color=module_color(node.get("module", "")), label=node["name"],
        )  # fmt: skip
        centres.append((below + drawn / 2, node["name"]))
        below += drawn
        axes.axhline(below, color="white", linewidth=1.5, zorder=4)
    axes.set_yticks(*zip(*centres, strict=True))
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(first, last), ylim=(0, below), xlabel="simulated time (s)")
    return axes


def _window(
    spikes: Mapping[str, tuple[np.ndarray, np.ndarray]],
    segments: pd.DataFrame | None,
    start: float | None,
    stop: float | None,
) -> tuple[float, float]:
    ends = [float(np.max(times)) for times, _ in spikes.values() if len(times)]
    if segments is not None and len(segments):
        ends.append(float(segments["stop"].max()))
    first = 0.0 if start is None else float(start)
    last = max(ends, default=first + 1) if stop is None else float(stop)
    if not last > first:
        raise ValueError(f"the raster would run from {first:g} to {last:g} s; expected a stop after the start")
    return first, last


def _heights(size: int, assemblies: np.ndarray | None, cells: int) -> np.ndarray:
    """Line of each cell, -1 for those left out: evenly chosen, those of items on top and in the order of the items."""
    order = np.arange(size)
    if assemblies is not None:
        member = membership(assemblies, size)
        order = np.argsort(np.where(member.any(axis=0), member.argmax(axis=0), len(member)), kind="stable")
    kept = order[np.linspace(0, size - 1, min(size, cells)).round().astype(np.int64)]
    height = np.full(size, -1)
    height[kept] = np.arange(len(kept))[::-1]
    return height
