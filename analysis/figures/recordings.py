"""Several recordings in one figure: what is known against what it cost."""

from __future__ import annotations

import string
from collections.abc import Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..learner_table import continual_table
from .budgets import plot_accuracy_against
from .recording import PANEL, plot_recording

if TYPE_CHECKING:
    from ...data.recording import Recording


def plot_recordings(recordings: Sequence[Recording]) -> Figure:
    """Plot one recording, or compare the learners of several at the bytes and image passes that they took.

    Parameters
    ----------
    recordings : sequence of engram.data.recording.Recording
        Opened recordings, of protocols with tasks where there are several.

    Returns
    -------
    matplotlib.figure.Figure
        Final and average incremental accuracy against bytes (above) and against image passes (below).

    Raises
    ------
    ValueError
        If no recording is given, or several without tasks.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> runs = [engram.open(f"runs/budget-{size}.h5") for size in ("1MB", "4MB")]  # doctest: +SKIP
    >>> engram.analysis.plot_recordings(runs).savefig("bytes.png", dpi=150)  # doctest: +SKIP
    """
    if len(recordings) == 1:
        return plot_recording(recordings[0])
    table = continual_table(recordings)
    if table["last"].isna().all():
        raise ValueError(
            "none of the recordings has accuracies over tasks: several are compared where protocols teach tasks; "
            "give one recording to see all of it"
        )
    costs = [cost for cost in ("bytes", "image_passes") if table[cost].notna().any()] or ["image_passes"]
    figure = Figure(
        figsize=(2 * 1.35 * PANEL[0] + 1.8, 1.25 * PANEL[1] * len(costs) + 0.4),
        layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06),
    )
    axes = figure.subplots(len(costs), 2, squeeze=False)
    places = [(row, cost, column) for row, cost in enumerate(costs) for column in range(2)]
    for letter, (row, cost, column) in zip(string.ascii_lowercase, places, strict=False):
        accuracy = ("last", "average_incremental")[column]
        ax = plot_accuracy_against(table, axes[row, column], against=cost, accuracy=accuracy)  # type: ignore[arg-type]
        ax.set_title(letter, loc="left", fontweight="bold")
    handles = {label: line for ax in axes.ravel() for line, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles.keys(), loc="outside right upper", frameon=False, fontsize="small")
    return figure
