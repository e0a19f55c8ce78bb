"""One colour, line and marker per model, the same in every figure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ...data.wording import nearest, one_of


@dataclass(frozen=True)
class ModelStyle:
    """How a model is drawn.

    Parameters
    ----------
    color : str
        Hexadecimal colour.
    linestyle : str or tuple
        As matplotlib names it.
    marker : str
        As matplotlib names it.

    Examples
    --------
    >>> from engram.analysis.figures.style import ModelStyle
    >>> ModelStyle("#0072B2", "-", "o").line
    {'color': '#0072B2', 'linestyle': '-', 'marker': 'o'}
    """

    color: str
    linestyle: str | tuple[float, tuple[float, ...]]
    marker: str

    @property
    def line(self) -> dict[str, Any]:
        """Keywords of a line with markers."""
        return {"color": self.color, "linestyle": self.linestyle, "marker": self.marker}


# Colours of Okabe & Ito (2008), told apart by the colour-blind; line and marker tell them apart in greyscale.
STYLES = {
    "conventional": ModelStyle("#D55E00", "--", "s"),
    "hybrid": ModelStyle("#0072B2", "-", "o"),
    "stable": ModelStyle("#009E73", "-.", "^"),
    "rising": ModelStyle("#CC79A7", (0, (4, 1, 1, 1, 1, 1)), "D"),
    "falling": ModelStyle("#56B4E9", (0, (7, 2)), "v"),
    "fixed-rate": ModelStyle("#E69F00", ":", "X"),
    "braincl": ModelStyle("#0072B2", "-", "P"),
    "braincl-light": ModelStyle("#56B4E9", (0, (7, 2)), "P"),
    "er": ModelStyle("#D55E00", "--", "D"),
    "der": ModelStyle("#E69F00", (0, (3, 1)), "d"),
    "icarl": ModelStyle("#CC79A7", "-.", "v"),
    "siesta": ModelStyle("#009E73", (0, (4, 1, 1, 1, 1, 1)), "<"),
    "ewc": ModelStyle("#8C6D00", ":", "^"),
    "src": ModelStyle("#4B2E83", (0, (1, 1)), "p"),
    "finetune": ModelStyle("#7F7F7F", ":", "s"),
    "joint": ModelStyle("#000000", "-", "*"),
    "joint-recalled": ModelStyle("#4D4D4D", "--", "*"),
    "scratch-recalled": ModelStyle("#B3B3B3", "-.", "h"),
    "positional": ModelStyle("#0072B2", "-", "p"),
    "positional-flexible": ModelStyle("#D55E00", "--", "X"),
    "positional-stable": ModelStyle("#009E73", "-.", "<"),
    "simple": ModelStyle("#CC79A7", (0, (4, 1, 1, 1, 1, 1)), ">"),
    "primacy": ModelStyle("#E69F00", ":", "d"),
}
_OTHER_COLORS = ("#000000", "#7F7F7F", "#8C6D00", "#4B2E83", "#A6A6A6", "#882255", "#44AA99", "#999933")
_OTHER_LINES: tuple[str | tuple[float, tuple[float, ...]], ...] = ("-", (0, (5, 1)), (0, (1, 1)), (0, (3, 1, 1, 1)))
_OTHER_MARKERS = ("P", "*", "p", "h", "<", ">", "d")

GREY = "#595959"


def model_styles(models: Iterable[str]) -> dict[str, ModelStyle]:
    """Style of every model: the fixed table for the presets, a cycle for all other names.

    Parameters
    ----------
    models : iterable of str
        Names of models; unknown ones take the next free style in this order.

    Returns
    -------
    dict of str to ModelStyle

    Examples
    --------
    >>> from engram.analysis import model_styles
    >>> styles = model_styles(["hybrid", "mine"])
    >>> styles["hybrid"].color, styles["mine"].color
    ('#0072B2', '#000000')
    """
    names = list(dict.fromkeys(map(str, models)))
    fresh = _other_styles([STYLES[name] for name in names if name in STYLES])
    return {name: STYLES[name] if name in STYLES else next(fresh) for name in names}


def new_axes(ax: Axes | None, width: float = 4.8, height: float = 3.2) -> Axes:
    """The given axes, or those of a new figure that needs no display."""
    if ax is None:
        ax = Figure(figsize=(width, height), layout="constrained").add_subplot()
    ax.spines[["top", "right"]].set_visible(False)
    return ax


def legend_beside(ax: Axes, own: bool, title: str | None = None) -> None:
    """Legend right of the data, where the figure is our own: given axes leave it to who gave them."""
    if own:
        ax.legend(loc="upper left", bbox_to_anchor=(1.02, 1), borderaxespad=0, frameon=False, title=title)


def draw_chance(ax: Axes, chance: float) -> None:
    """Chance line, named beside the axes."""
    ax.axhline(chance, color=GREY, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0)
    name_beside(ax, chance, "chance")


def name_beside(ax: Axes, y: float, name: str) -> None:
    """Name of a line, right of the axes at the height of its end."""
    ax.annotate(
        name, (1, y), xycoords=("axes fraction", "data"), xytext=(2, 0), textcoords="offset points", va="center",
        fontsize="x-small", color=GREY,
    )  # fmt: skip


def draw_band(ax: Axes, x: np.ndarray, low: np.ndarray, high: np.ndarray, color: str) -> None:
    """Confidence band, where there is one."""
    if np.isfinite(low).any():
        ax.fill_between(x, low, high, color=color, alpha=0.16, linewidth=0, zorder=1)


def shades(color: str, number: int) -> list[tuple[float, float, float]]:
    """Shades of a colour from light to full, for an order within one model."""
    full = np.asarray(to_rgb(color))
    shares = np.linspace(0.35, 1, number) if number > 1 else np.ones(number)
    return [tuple(1 - (1 - full) * share) for share in shares]


def count_ticks(ax: Axes, last: int) -> None:
    """Ticks for positions and counts 1 to `last`: whole numbers, the first and the last among them."""
    if last > 10:
        step = next(digit * 10**power for power in count() for digit in (2, 5, 10) if last <= 6 * digit * 10**power)
        ax.set_xticks([1, *range(step, last + 1, step)])
    else:
        ax.set_xticks(range(1, last + 1))


def one_model(names: Iterable[str], model: str | None) -> str:
    """The model of a panel that can show one only."""
    models = list(dict.fromkeys(map(str, names)))
    if model is None and len(models) == 1:
        return models[0]
    if model not in models:
        asked = "this figure shows one model" if model is None else f'found no model "{model}"'
        raise ValueError(f"{asked}; choose {one_of(models)} by model=.{nearest(model or '', models)}")
    return model


def _other_styles(taken: list[ModelStyle]) -> Iterator[ModelStyle]:
    """Styles that none of those taken looks like, in colour or without it, as long as there are any."""
    colors = [color for color in _OTHER_COLORS if color not in {style.color for style in taken}] or list(_OTHER_COLORS)
    every = [(_OTHER_LINES[i % len(_OTHER_LINES)], _OTHER_MARKERS[i % len(_OTHER_MARKERS)]) for i in range(28)]
    looks = [look for look in every if look not in {(style.linestyle, style.marker) for style in taken}]
    for color, (line, marker) in zip(cycle(colors), cycle(looks), strict=False):
        yield ModelStyle(color, line, marker)
