"""What is known after each task: of all items seen, and task by task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..confidence import mean_over_subjects
from ..probes import require_dims
from .style import count_ticks, draw_band, draw_chance, legend_beside, model_styles, new_axes, one_model

NUMBERED = 12  # tasks up to which each cell of a matrix shows its number


def plot_accuracy_over_tasks(seen: xr.DataArray, ax: Axes | None = None) -> Axes:
    """Plot accuracy on all items seen so far after each task, one line per model, with 95 % bands over subjects.

    Parameters
    ----------
    seen : xarray.DataArray
        Dimensions (model, subject, after), see `accuracy_on_seen`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

    Returns
    -------
    matplotlib.axes.Axes
        With a line for chance where the models agree on it: of a subject that guesses among all items.

    Raises
    ------
    TypeError, ValueError
        If `seen` is not such a table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_accuracy_over_tasks
    >>> seen = xr.DataArray(
    ...     [[[0.9, 0.8, 0.7]]], dims=("model", "subject", "after"),
    ...     coords={"model": ["er"], "subject": [0], "after": [1, 2, 3]},
    ... )
    >>> plot_accuracy_over_tasks(seen).get_lines()[0].get_ydata().tolist()
    [0.9, 0.8, 0.7]
    """
    require_dims(seen, ("model", "subject", "after"), "seen")
    table = seen.to_dataframe(name="accuracy").reset_index()[["model", "subject", "after", "accuracy"]]
    means = mean_over_subjects(table, "accuracy", ("model", "after"))
    axes = new_axes(ax)
    for model, style in model_styles(seen["model"].values).items():
        rows = means[means["model"] == model]
        axes.plot(rows["after"], rows["mean"], **style.line, markersize=4.5, label=model)
        draw_band(axes, rows["after"].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
    if "chance" in seen.coords and len(set(seen["chance"].values.tolist())) == 1:
        draw_chance(axes, float(seen["chance"].values[0]))
    axes.set(xlabel="tasks learned", ylabel="accuracy on all seen", ylim=(0, 1.02))
    count_ticks(axes, seen.sizes["after"])
    legend_beside(axes, own=ax is None)
    return axes


def plot_task_matrix(matrix: xr.DataArray, ax: Axes | None = None, *, model: str | None = None) -> Axes:
    """Plot accuracy on each task after each task as a heat map, the mean over subjects of one model.

    Parameters
    ----------
    matrix : xarray.DataArray
        Dimensions (model, subject, after, task), see `accuracy_matrix`.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    model : str, optional
        Which model; not needed where there is only one.

    Returns
    -------
    matplotlib.axes.Axes
        Dark is 1. Cells that were not tested are empty; up to 12 tasks, the numbers stand in the cells.

    Raises
    ------
    TypeError, ValueError
        If the model is not in the table or the table is none.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import plot_task_matrix
    >>> matrix = xr.DataArray(
    ...     [[[[0.9, float("nan")], [0.4, 0.8]]]], dims=("model", "subject", "after", "task"),
    ...     coords={"model": ["er"], "subject": [0], "after": [1, 2], "task": [1, 2]},
    ... )
    >>> [text.get_text() for text in plot_task_matrix(matrix).texts]
    ['.90', '.40', '.80']
    """
    require_dims(matrix, ("model", "subject", "after", "task"), "matrix")
    name = one_model(matrix["model"].values, model)
    of_model = matrix.sel(model=name).transpose("subject", "after", "task")
    values = pd.DataFrame(of_model.stack(cell=("after", "task")).values).mean().to_numpy()
    values = values.reshape(of_model.shape[1:])
    axes = new_axes(ax, width=4.2, height=3.6)
    tasks = len(values)
    image = axes.imshow(values, vmin=0, vmax=1, cmap="Greys", extent=(0.5, tasks + 0.5, tasks + 0.5, 0.5))
    if tasks <= NUMBERED:
        for (t, i), value in np.ndenumerate(values):
            if np.isfinite(value):
                text = f"{value:.2f}".replace("0.", ".", 1)
                color = "white" if value > 0.55 else "black"
                axes.text(i + 1, t + 1, text, ha="center", va="center", color=color, fontsize="x-small")
    if ax is None:
        axes.figure.colorbar(image, ax=axes, label="accuracy", shrink=0.8)
    axes.set(xlabel="accuracy on task", ylabel="after task", title=name)
    count_ticks(axes, tasks)
    axes.set_yticks(axes.get_xticks())
    axes.set(xlim=(0.5, tasks + 0.5), ylim=(tasks + 0.5, 0.5))
    return axes
