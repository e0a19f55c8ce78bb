"""Several recordings in one figure: what is known at the end against what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

    from .data.recording import Recording


def plot_several(recordings: Sequence[Recording]) -> Figure:
    """Accuracy at the end against the bytes kept and against image passes, over recordings of streams of tasks.

    Parameters
    ----------
    recordings : sequence of Recording
        Such as runs of one protocol under several budgets.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        One of them has no tasks or no deep learners.
    """
    from matplotlib.figure import Figure

    from .analysis import continual_table, plot_accuracy_against

    table = continual_table(recordings)
    figure = Figure(figsize=(9.6, 4.0), layout="constrained")
    lines: dict[str, Line2D] = {}
    for axes, cost in zip(figure.subplots(1, 2, sharey=True), ("bytes", "image_passes"), strict=True):
        plot_accuracy_against(table, axes, against=cost)
        labelled = {str(line.get_label()): line for line in axes.get_lines()}
        lines |= {name: line for name, line in labelled.items() if not name.startswith("_")}
    figure.legend(handles=list(lines.values()), loc="outside lower center", ncols=4, frameon=False)
    return figure
