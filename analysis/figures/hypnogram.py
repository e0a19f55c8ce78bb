"""Stages of wake and sleep, and the items replayed in them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..probes import require_columns
from .modules import MODULE_COLORS
from .style import GREY, new_axes

LEVELS = ("wake", "rest", "REM", "NREM")
LEVEL_OF = {"rem": "REM", "nrem": "NREM", "rest": "rest", "quiet": "rest"}
TOP = len(LEVELS)
MOST_NAMES = 10  # of items


def plot_hypnogram(
    segments: pd.DataFrame,
    events: pd.DataFrame | None = None,
    ax: Axes | None = None,
    *,
    time_scale: float | None = None,
) -> Axes:
    """Plot the stages of a subject's time as steps, with a mark for every replayed item below.

    Parameters
    ----------
    segments : pandas.DataFrame
        What was done when: columns ``kind`` (of the phase), ``stage``, ``start``, ``stop`` (s).
    events : pandas.DataFrame, optional
        Bursts: columns ``peak`` (s) and ``item`` (0: matched to none, drawn grey in a line of their own), see
        `replay_events`.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure unless given.
    time_scale : float, optional
        Biological seconds per simulated second: the axis is then hours of sleep and rest, and what is waking or
        probed, which is not scaled, takes no room.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a column is missing, or `time_scale` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import plot_hypnogram
    >>> segments = pd.DataFrame({
    ...     "kind": ["wake", "sleep", "sleep"], "stage": ["exposure", "nrem", "rem"],
    ...     "start": [0.0, 0.6, 3.1], "stop": [0.6, 3.1, 4.3],
    ... })
    >>> events = pd.DataFrame({"peak": [1.0, 1.3], "item": [2, 1]})
    >>> ax = plot_hypnogram(segments, events)
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('simulated time (s)', '')
    """
    require_columns(segments, ("kind", "stage", "start", "stop"), "segments")
    if time_scale is not None and not time_scale > 0:
        raise ValueError(f"time_scale is {time_scale}; expected biological seconds per simulated second, above 0")
    ordered = segments.sort_values("start", kind="stable")
    asleep = ordered["kind"].isin(["sleep", "rest"]).to_numpy()
    if time_scale is not None:
        ordered, asleep = ordered[asleep], asleep[asleep]
    level = _levels(ordered, asleep)
    clock = _Clock(ordered, time_scale)
    axes = new_axes(ax, width=7.2, height=3.0)
    start, stop = clock(ordered["start"].to_numpy(dtype=float)), clock(ordered["stop"].to_numpy(dtype=float), end=True)
    for at in range(TOP):
        rows = level == at
        axes.hlines(
            np.full(rows.sum(), TOP - at), start[rows], stop[rows], color="black", linewidth=2.2 if at == 3 else 1.4
        )
    turns = np.flatnonzero(np.diff(level))
    axes.vlines(start[turns + 1], TOP - level[turns], TOP - level[turns + 1], color="black", linewidth=0.5)
    ticks: dict[float, str] = {TOP - at: name for at, name in enumerate(LEVELS) if (level == at).any()}
    lowest = float(min(ticks, default=0))
    if events is not None and len(events):
        names, lowest = _draw_events(axes, events, clock)
        ticks |= names
    axes.set_yticks(list(ticks), list(ticks.values()), fontsize="small")
    axes.set_ylim(lowest - 0.8, TOP + 0.6)
    axes.set_xlabel("simulated time (s)" if time_scale is None else "time asleep or at rest (h)")
    return axes


class _Clock:
    """Where on the axis a simulated time lies."""

    def __init__(self, segments: pd.DataFrame, time_scale: float | None) -> None:
        self.starts = segments["start"].to_numpy(dtype=float)
        self.lengths = (segments["stop"] - segments["start"]).to_numpy(dtype=float)
        self.before = np.concatenate(([0.0], np.cumsum(self.lengths)))
        self.time_scale = time_scale

    def __call__(self, times: np.ndarray, end: bool = False) -> np.ndarray:
        if self.time_scale is None:
            return times
        row = np.maximum(np.searchsorted(self.starts, times, side="left" if end else "right") - 1, 0)
        inside = np.clip(times - self.starts[row], 0, self.lengths[row])
        return np.asarray((self.before[row] + inside) * self.time_scale / 3600)


def _levels(segments: pd.DataFrame, asleep: np.ndarray) -> np.ndarray:
    """Line of each row, 0 being wake; a cue within sleep does not wake."""
    names = segments["stage"].map(LEVEL_OF).where(asleep)
    names = names.mask(asleep & (segments["stage"] == "cue").to_numpy(), "NREM").fillna("wake")
    return names.map({name: at for at, name in enumerate(LEVELS)}).to_numpy(dtype=np.int64)


def _draw_events(axes: Axes, events: pd.DataFrame, clock: _Clock) -> tuple[dict[float, str], float]:
    """A line for each item below the stages, and one for bursts of none: names by height, and the lowest line."""
    require_columns(events, ("peak", "item"), "events")
    ticks: dict[float, str] = {}
    last = int(events["item"].max())
    every, step = max(1, -(-last // MOST_NAMES)), min(0.55, 6.5 / max(last, 1))
    for item in sorted(set(events["item"].astype(int))):
        rows = events[events["item"] == item]
        line = -0.3 - step * (item or last + every)
        color = MODULE_COLORS["hippocampus"] if item else GREY
        axes.plot(
            clock(rows["peak"].to_numpy(dtype=float)), np.full(len(rows), line), linestyle="none", marker="|",
            markersize=5, markeredgewidth=0.8, color=color,
        )  # fmt: skip
        if item % every == 0:
            ticks[line] = f"item {item}" if item else "unmatched"
    return ticks, -0.3 - step * (last + every)
