"""The Hebb effect in recall: repeated list and fillers over repetitions, and when learning sets in."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..probes import require_columns
from .style import count_ticks, draw_band, legend_beside, model_styles, new_axes

_LINES = ("-", "--", ":", "-.")


def plot_hebb_curves(scores: pd.DataFrame, ax: Axes | None = None, *, by: str = "list_type") -> Axes:
    """Plot recall over repetitions, one line per model and kind of list, means over subjects with 95 % bands.

    Parameters
    ----------
    scores : pandas.DataFrame
        As `hebb_slopes` takes it: ``subject``, `by`, ``repetition`` and ``score``; ``model`` gives colours.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    by : str
        The column that tells the lists apart; each has its own kind of line.

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
    >>> from engram.analysis import plot_hebb_curves
    >>> scores = pd.DataFrame({
    ...     "subject": 0, "list_type": ["filler", "filler", "repeated", "repeated"], "repetition": [1, 2, 1, 2],
    ...     "score": [0.5, 0.5, 0.5, 0.7],
    ... })
    >>> [line.get_label() for line in plot_hebb_curves(scores).get_lines()]
    ['repeated', 'filler']
    """
    require_columns(scores, ("subject", by, "repetition", "score"), "scores")
    with_models = "model" in scores.columns
    scores = scores if with_models else scores.assign(model="")
    means = mean_over_subjects(scores, "score", ("model", by, "repetition"))
    kinds = sorted(dict.fromkeys(scores[by]), key=lambda kind: (kind != "repeated", str(kind)))
    axes = new_axes(ax)
    for model, style in model_styles(scores["model"]).items():
        for number, kind in enumerate(kinds):
            rows = means[(means["model"] == model) & (means[by] == kind)].sort_values("repetition")
            draw_band(axes, rows["repetition"].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
            axes.plot(
                rows["repetition"], rows["mean"], color=style.color, linestyle=_LINES[number % len(_LINES)],
                marker=style.marker, markersize=4, markerfacecolor=style.color if number == 0 else "white",
                label=f"{model}, {kind}" if with_models else f"{kind}",
            )  # fmt: skip
    axes.set(xlabel="repetition", ylabel="proportion recalled", ylim=(0, 1))
    count_ticks(axes, int(scores["repetition"].max()))
    legend_beside(axes, own=ax is None)
    return axes


def plot_onsets(onsets: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot at which repetition abrupt learning sets in, and how many subjects learn gradually or not.

    Parameters
    ----------
    onsets : pandas.DataFrame
        From `onset`, with ``model`` or without.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled bars only.

    Returns
    -------
    matplotlib.axes.Axes
        Bars are shares of a model's subjects: by repetition for abrupt learning, then gradual and flat.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import plot_onsets
    >>> onsets = pd.DataFrame({"subject": [0, 1, 2], "kind": ["abrupt", "abrupt", "flat"], "onset": [3, 5, 2]})
    >>> [tick.get_text() for tick in plot_onsets(onsets).get_xticklabels()]
    ['2', '3', '4', '5', 'gradual', 'flat']
    """
    require_columns(onsets, ("subject", "kind", "onset"), "onsets")
    onsets = onsets if "model" in onsets.columns else onsets.assign(model="")
    abrupt = onsets[onsets["kind"] == "abrupt"]
    last = int(abrupt["onset"].max()) if len(abrupt) else 2
    steps = list(range(2, last + 1))
    places = np.array([*steps, last + 2.5, last + 2.5 + max(1, last / 6)])  # words need room
    styles = model_styles(onsets["model"])
    width = 0.8 / len(styles)
    axes = new_axes(ax)
    for number, (model, style) in enumerate(styles.items()):
        own = onsets[onsets["model"] == model]
        counts = [((own["kind"] == "abrupt") & (own["onset"] == step)).sum() for step in steps]
        counts += [(own["kind"] == kind).sum() for kind in ("gradual", "flat")]
        x = places + (number - (len(styles) - 1) / 2) * width
        axes.bar(x, np.array(counts) / len(own), width=width, color=style.color, label=model or None)
    shown = [*range(0, len(steps), 1 + len(steps) // 9), len(steps), len(steps) + 1]
    axes.set_xticks(places[shown], [[*map(str, steps), "gradual", "flat"][number] for number in shown])
    axes.set(xlabel="abrupt learning from repetition", ylabel="share of subjects")
    if axes.get_legend_handles_labels()[1]:
        legend_beside(axes, own=ax is None)
    return axes
