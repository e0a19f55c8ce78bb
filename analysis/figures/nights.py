"""Recall over nights, intact and lesioned."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..consolidation import INTACT, lesions_of
from ..probes import require_columns
from .style import draw_chance, legend_beside, model_styles, new_axes

LESIONED = ((0, (4, 2)), (0, (1, 1.2)), (0, (6, 1, 1, 1)))


def plot_nights(
    recall: pd.DataFrame, ax: Axes | None = None, *, chance: Mapping[str, float] | float | None = None
) -> Axes:
    """Plot recall by night: intact filled and solid, lesioned open and dashed, with 95 % intervals over subjects.

    Thin lines are the subjects.

    Parameters
    ----------
    recall : pandas.DataFrame
        Columns ``model``, ``subject``, ``night``, ``lesion``, ``recall``, see `recall_over_nights`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    chance : float or mapping of str to float, optional
        Recall of a subject that guesses, of all models or by model; a line where the models agree on it.

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
    >>> from engram.analysis import plot_nights
    >>> recall = pd.DataFrame({
    ...     "model": "two-stage", "subject": 0, "night": [0, 1, 0, 1],
    ...     "lesion": ["none", "none", "hippocampus", "hippocampus"], "recall": [0.9, 0.9, 0.5, 0.7],
    ... })
    >>> ax = plot_nights(recall, chance=0.5)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['intact', 'hippocampus lesioned']
    """
    require_columns(recall, ("model", "subject", "night", "lesion", "recall"), "recall")
    styles = model_styles(recall["model"])
    means = mean_over_subjects(recall, "recall", ("model", "lesion", "night"))
    conditions = [INTACT, *lesions_of(recall)] if (recall["lesion"] == INTACT).any() else lesions_of(recall)
    axes = new_axes(ax)
    for number, (model, style) in enumerate(styles.items()):
        for condition in conditions:
            rows = means[(means["model"] == model) & (means["lesion"] == condition)].sort_values("night")
            whole = condition == INTACT
            line = "-" if whole else LESIONED[(conditions.index(condition) - 1) % len(LESIONED)]
            _draw_subjects(
                axes, recall[(recall["model"] == model) & (recall["lesion"] == condition)], style.color, line
            )
            spread = (rows["high"] - rows["mean"]).to_numpy()
            what = "intact" if whole else f"{condition} lesioned"
            axes.errorbar(
                rows["night"] + 0.04 * (number - (len(styles) - 1) / 2), rows["mean"],
                yerr=spread if np.isfinite(spread).any() else None, color=style.color, linestyle=line,
                marker=style.marker, markersize=5.5, markerfacecolor=style.color if whole else "white", elinewidth=0.9,
                zorder=3, label=what if len(styles) == 1 else f"{model}, {what}",
            )  # fmt: skip
    level = _one_chance(chance)
    if level is not None:
        draw_chance(axes, level)
    first, last = (int(recall["night"].min()), int(recall["night"].max())) if len(recall) else (0, 0)
    if last - first < 12:
        axes.set_xticks(range(first, last + 1), [str(night or "before") for night in range(first, last + 1)])
    axes.set(
        xlabel="night", ylabel="recall", ylim=(min(0.4, _lowest(recall, level)), 1.02), xlim=(first - 0.25, last + 0.25)
    )
    legend_beside(axes, own=ax is None)
    return axes


def _draw_subjects(axes: Axes, recall: pd.DataFrame, color: str, line: str | tuple) -> None:
    if recall["subject"].nunique() < 2:
        return
    for _, rows in recall.groupby("subject"):
        axes.plot(rows["night"], rows["recall"], color=color, linestyle=line, linewidth=0.5, alpha=0.45, zorder=2)


def _one_chance(chance: Mapping[str, float] | float | None) -> float | None:
    if chance is None:
        return None
    levels = set(chance.values()) if isinstance(chance, Mapping) else {float(chance)}
    return levels.pop() if len(levels) == 1 else None


def _lowest(recall: pd.DataFrame, chance: float | None) -> float:
    lowest = [value for value in (recall["recall"].min() if len(recall) else None, chance) if value is not None]
    return max(0.0, min([float(v) for v in lowest if np.isfinite(v)], default=0.4) - 0.05)
