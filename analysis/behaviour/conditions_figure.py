"""People's and models' condition means, with both intervals, on one axis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ..figures.style import GREY, ModelStyle, draw_band, model_styles, new_axes
from .report import Report

PEOPLE = "people"
COLUMNS = 4
LOGARITHMIC = 50
"""Levels that span more than this factor are drawn on a logarithmic axis: delays."""


def plot_conditions(report: Report, ax: Axes | None = None, *, of: Mapping[str, Any] | None = None) -> Axes:
    """Plot condition means of people (grey, with a band) and of every model (with bars), 95 % intervals each.

    Parameters
    ----------
    report : Report
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend; given axes get labelled lines only.
    of : mapping, optional
        Levels of all factors but the one along x, which is the last; needed where there are several factors.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        `of` leaves several conditions at one place, or none.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis.behaviour import compare_tables, plot_conditions
    >>> from engram.data.behaviour import Dataset
    >>> people = pd.DataFrame({"position": [1, 2], "mean": [0.9, 0.5], "low": [0.8, 0.4], "high": [1.0, 0.6],
    ...                        "se": [0.05] * 2, "n": [20] * 2})
    >>> data = Dataset("ours", about="", citation="", doi=None, source="", licence="", measure="proportion correct",
    ...                scoring="free", output_order="free", chance=0.0, needs=(), protocols=(), factors=("position",),
    ...                conditions=people, ordinal=(), cannot_show="")
    >>> scores = pd.DataFrame({"subject": [0, 0, 1, 1], "position": [1, 2] * 2, "score": [0.9, 0.5, 0.8, 0.4]})
    >>> axes = plot_conditions(compare_tables(scores, data))
    >>> [line.get_label() for line in axes.get_lines() if not line.get_label().startswith("_")]
    ['people']
    """
    along = report.dataset.factors[-1]
    chosen = {name: _rows(model.points, of or {}) for name, model in report.models.items()}
    first = next(iter(chosen.values()))
    if first.empty or first[along].duplicated().any():
        others = ", ".join(report.dataset.factors[:-1])
        raise ValueError(
            f"of={dict(of or {})!r} leaves {len(first)} conditions; expected one level of each of {others}"
        )
    axes = new_axes(ax)
    numeric = pd.api.types.is_numeric_dtype(first[along])
    x = first[along].to_numpy(dtype=float) if numeric else np.arange(len(first), dtype=float)
    order = np.argsort(x)
    _draw_people(axes, x[order], first.iloc[order])
    step = _step(x)
    for number, (name, style) in enumerate(model_styles(chosen).items()):
        shift = (number - (len(chosen) - 1) / 2) * 0.08 * step
        _draw_model(axes, x[order] + shift, chosen[name].iloc[order], style, name)
    axes.set(xlabel=along.replace("_", " "), ylabel=report.dataset.measure, ylim=_limits(chosen.values()))
    if not numeric:
        axes.set_xticks(x, [str(level) for level in first[along]])
        axes.set_xlim(-0.5, len(x) - 0.5)
    elif x.min() > 0 and x.max() / x.min() > LOGARITHMIC:
        axes.set_xscale("log")
    elif (x == np.round(x)).all():
        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    if ax is None:
        axes.legend(frameon=False, fontsize="small")
    return axes


def conditions_figure(report: Report) -> Figure:
    """All conditions of a report, a panel for each combination of levels of all factors but the last."""
    factors = list(report.dataset.factors)
    points = report.models[report.main].points
    panels: list[dict[str, Any]] = [{}]
    if len(factors) > 1:
        levels = points[factors[:-1]].drop_duplicates()
        panels = [dict(zip(factors[:-1], row, strict=True)) for row in levels.itertuples(index=False)]
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    width = {1: 6.5, 2: 9.0}.get(columns, 3.1 * columns)
    figure = Figure(figsize=(width, (3.3 if columns < 3 else 2.5) * rows + 0.6), layout="constrained")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        plot_conditions(report, axes, of=panel)
        axes.set_title(", ".join(f"{name.replace('_', ' ')} {_level(level)}" for name, level in panel.items()), size=9)
        if axes is not grid[0, 0] and axes not in grid[:, 0]:
            axes.set_ylabel("")
    for axes in grid.flat[len(panels) :]:
        axes.set_axis_off()
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=_columns(width), frameon=False)
    return figure


def effects_figure(report: Report) -> Figure:
    """Effect sizes of every ordinal check with their intervals, a row for each check; hollow where it failed."""
    names = list(dict.fromkeys(check.name for model in report.models.values() for check in model.ordinal))
    styles = model_styles(report.models)
    figure = Figure(figsize=(7.0, 1.1 + (0.28 + 0.16 * len(styles)) * len(names)), layout="constrained")
    axes = new_axes(figure.add_subplot())
    axes.axvline(0, color=GREY, linewidth=0.8)
    for number, (name, model) in enumerate(report.models.items()):
        shift = (number - (len(styles) - 1) / 2) * 0.5 / max(1, len(styles))
        for check in model.ordinal:
            effect = check.effect_size
            if effect is None:
                continue
            bar = np.array([[effect.value - effect.low], [effect.high - effect.value]])
            axes.errorbar(
                [effect.value], [names.index(check.name) + shift], xerr=np.nan_to_num(bar), capsize=2,
                color=styles[name].color, marker=styles[name].marker, markersize=5,
                markerfacecolor=styles[name].color if check.passed else "white",
            )  # fmt: skip
    for name, style in styles.items():
        axes.plot([], [], color=style.color, marker=style.marker, linestyle="none", label=name)
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.set_xlabel("Hedges' g with its 95 % interval; hollow: failed")
    figure.legend(loc="outside lower center", ncols=_columns(7.0), frameon=False)
    return figure


def _rows(points: pd.DataFrame, of: Mapping[str, Any]) -> pd.DataFrame:
    mask = np.ones(len(points), dtype=bool)
    for factor, level in of.items():
        mask &= (points[factor] == level).to_numpy()
    return points[mask]


def _draw_people(axes: Axes, x: np.ndarray, points: pd.DataFrame) -> None:
    low, high = (points[name].to_numpy(dtype=float) for name in ("human_low", "human_high"))
    draw_band(axes, x, low, high, GREY)
    axes.plot(x, points["human"], color=GREY, linewidth=2.6, solid_capstyle="round", label=PEOPLE)


def _draw_model(axes: Axes, x: np.ndarray, points: pd.DataFrame, style: ModelStyle, name: str) -> None:
    mean, low, high = (points[column].to_numpy(dtype=float) for column in ("model", "model_low", "model_high"))
    bars = np.nan_to_num(np.stack([mean - low, high - mean])).clip(min=0)
    axes.errorbar(x, mean, yerr=bars, markersize=4, linewidth=1.1, elinewidth=0.8, label=name, **style.line)


def _columns(width: float) -> int:
    """Columns of a legend that fit into so many inches, names of models being long."""
    return max(1, int(width / 2))


def _step(x: np.ndarray) -> float:
    gaps = np.diff(np.unique(x))
    return float(gaps.min()) if len(gaps) else 1.0


def _limits(points: Any) -> tuple[float, float]:
    columns = ["human", "human_low", "human_high", "model", "model_low", "model_high"]
    values = np.concatenate([table[columns].to_numpy(dtype=float).ravel() for table in points])
    return min(0.0, float(np.nanmin(values))), max(1.0, float(np.nanmax(values)))


def _level(level: object) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)
