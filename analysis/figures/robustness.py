"""Accuracy on corrupted images, as bars."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..probes import require_columns
from .style import legend_beside, model_styles, new_axes

HATCHES = ("", "//", "..", "xx", "--", "\\\\", "oo", "++")


def plot_robustness(accuracies: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot accuracy by corruption, one bar per model, with 95 % intervals over subjects.

    Of several severities, the mean. Intact images come first.

    Parameters
    ----------
    accuracies : pandas.DataFrame
        See `corruption_accuracies`; the rows of one probe.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled bars only.

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
    >>> from engram.analysis import plot_robustness
    >>> accuracies = pd.DataFrame(
    ...     {"model": "er", "subject": 0, "kind": ["intact", "fog"], "severity": [0, 1], "accuracy": [0.9, 0.6]}
    ... )
    >>> [float(bar.get_height()) for bar in plot_robustness(accuracies).patches]
    [0.9, 0.6]
    """
    require_columns(accuracies, ("model", "subject", "kind", "severity", "accuracy"), "accuracies")
    by_kind = accuracies.groupby(["model", "subject", "kind"], sort=False)["accuracy"].mean().reset_index()
    means = mean_over_subjects(by_kind, "accuracy", ("model", "kind"))
    kinds = sorted(dict.fromkeys(accuracies["kind"]), key=lambda kind: kind != "intact")
    styles = model_styles(accuracies["model"])
    axes = new_axes(ax, width=max(4.8, 1.2 + 0.14 * len(kinds) * len(styles)))
    width = 0.84 / max(1, len(styles))
    for number, (model, style) in enumerate(styles.items()):
        rows = means[means["model"] == model].set_index("kind").reindex(kinds)
        spread = (rows["high"] - rows["mean"]).to_numpy()
        axes.bar(
            np.arange(len(kinds)) + (number - (len(styles) - 1) / 2) * width, rows["mean"], width,
            yerr=spread if np.isfinite(spread).any() else None, color=style.color, edgecolor="white", linewidth=0.3,
            hatch=HATCHES[number % len(HATCHES)], error_kw={"elinewidth": 0.7}, label=model,
        )  # fmt: skip
    names = [str(kind).replace("_", " ").replace("-", " ") for kind in kinds]
    axes.set_xticks(range(len(kinds)), names, rotation=45, ha="right", rotation_mode="anchor", fontsize="small")
    severities = sorted(set(accuracies.loc[accuracies["severity"] > 0, "severity"]))
    told = (
        f"severity {severities[0]}"
        if len(severities) == 1
        else f"severities {severities[0]}-{severities[-1]}"
        if severities
        else ""
    )
    axes.set(ylabel="accuracy", ylim=(0, 1.02), xlim=(-0.6, len(kinds) - 0.4), xlabel=told)
    legend_beside(axes, own=ax is None)
    return axes
