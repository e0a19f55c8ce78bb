"""A score over one or two parameters of a sweep."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from ..probes import require_columns
from ..sweeps import one_parameter, varied_parameters
from .style import draw_band, draw_chance, legend_beside, model_styles, new_axes, shades

LOGARITHMIC_FROM = 20.0
"""Ratio of the largest value to the smallest from which an axis of positive values is logarithmic."""


def plot_score_over_parameters(
    table: pd.DataFrame,
    ax: Axes | None = None,
    *,
    x: str | None = None,
    shade: str | None = None,
    chance: float | None = None,
    ylabel: str = "performance",
) -> Axes:
    """Plot a score over a parameter, for each value of a second one, with confidence bands.

    Every model has its colour, line and marker; values of the second parameter go from light to dark. Models that lack
    the parameter are a horizontal line with its band. Axes of positive values that span a factor of 20 are logarithmic;
    words stand side by side.

    Parameters
    ----------
    table : pandas.DataFrame
        As `score_over_parameters` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    x : str, optional
        Parameter along the axis; not needed where one alone varies.
    shade : str, optional
        Second parameter; not needed where two vary and `x` is the other.
    chance : float, optional
        Score of a subject that guesses.
    ylabel : str
        What the score is.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        No such parameter varies, or a third one does, over which lines would not be one curve.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"model": ["a", "b"], "base": "hybrid", "rate": [0.1, 1.0], "mean": [0.4, 0.8],
    ...                       "low": [0.3, 0.7], "high": [0.5, 0.9], "subjects": 5})
    >>> plot_score_over_parameters(table).get_lines()[0].get_ydata().tolist()
    [0.4, 0.8]
    """
    require_columns(table, ("model", "base", "mean", "low", "high"), "table")
    x, shade = _chosen(varied_parameters(table), x, shade)
    axes = new_axes(ax)
    levels = _levels(table, x)
    has_x = table[table[x].notna()]
    styles = model_styles(table["base"])
    for base, rows in table.groupby("base", sort=False):
        style = styles[str(base)]
        of_model = has_x[has_x["base"] == base]
        if of_model.empty:
            _draw_level(axes, rows, str(base), style.color, style.linestyle)
            continue
        values = [None] if shade is None else list(dict.fromkeys(of_model[shade]))
        for value, shaded in zip(values, shades(style.color, len(values)), strict=True):
            color = to_hex(shaded)
            line = of_model if shade is None or value != value else of_model[of_model[shade] == value]
            line = line.assign(place=[levels[each] for each in line[x]]).sort_values("place")
            told = f"{base}" if shade is None or value != value else f"{base}, {shade} {value}"
            axes.plot(line["place"], line["mean"], **{**style.line, "color": color}, markersize=4, label=told)
            draw_band(axes, line["place"].to_numpy(float), line["low"].to_numpy(), line["high"].to_numpy(), color)
    _name_levels(axes, levels)
    if chance is not None:
        draw_chance(axes, chance)
    axes.set(xlabel=x, ylabel=ylabel)
    legend_beside(axes, own=ax is None)
    return axes


def _chosen(names: list[str], x: str | None, shade: str | None) -> tuple[str, str | None]:
    free = [name for name in names if name != shade]
    x = one_parameter(free, x, "x")
    others = [name for name in names if name != x]
    if shade is None and len(others) == 1:
        shade = others[0]
    elif shade is not None:
        shade = one_parameter(others, shade, "shade")
    beyond = [name for name in others if name != shade]
    if beyond:
        raise ValueError(
            f"{', '.join(beyond)} varies as well; keep the rows of one value, such as "
            f'table[table["{beyond[0]}"] == …], and choose the two others by x= and shade='
        )
    return x, shade


def _levels(table: pd.DataFrame, x: str) -> dict[object, float]:
    """Where each value of the parameter stands on the axis: numbers at themselves, words side by side."""
    values = list(dict.fromkeys(table[x].dropna()))
    if all(isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in values):
        return {value: float(value) for value in values}
    return {value: float(place) for place, value in enumerate(values)}


def _name_levels(axes: Axes, levels: dict[object, float]) -> None:
    places = list(levels.values())
    if any(isinstance(value, str | bool) for value in levels):
        axes.set_xticks(places, [str(value) for value in levels])
    elif min(places) > 0 and max(places) / min(places) >= LOGARITHMIC_FROM:
        axes.set_xscale("log")


def _draw_level(axes: Axes, rows: pd.DataFrame, name: str, color: str, linestyle: Any) -> None:
    """A model that the sweep does not vary along the axis."""
    numbers = rows[["mean", "low", "high"]].to_numpy(dtype=float)
    for place, (mean, low, high) in enumerate(numbers):
        axes.axhline(mean, color=color, linestyle=linestyle, label=name if place == 0 else None)
        if np.isfinite(low):
            axes.axhspan(low, high, color=color, alpha=0.16, linewidth=0, zorder=1)
