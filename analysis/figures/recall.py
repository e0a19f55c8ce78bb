"""Recall: by position, in which order it comes out, and what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from ..confidence import mean_over_subjects
from ..probes import require_columns
from ..recall_errors import ERROR_TYPES
from .style import ModelStyle, count_ticks, draw_band, legend_beside, model_styles, new_axes, one_model, shades

_STATISTICS = {"model", "subject", "mean", "low", "high", "se", "n", "subjects", "prob", "actual", "possible"}


def plot_recall_by_position(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot serial position curves, one line per model and condition, with their intervals as bands.

    Parameters
    ----------
    table : pandas.DataFrame
        From `recall_by_position`: ``position``, ``mean``, ``low``, ``high``; ``model`` and other columns part the
        lines, conditions of one model going from light to dark.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

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
    >>> from engram.analysis import plot_recall_by_position
    >>> table = pd.DataFrame({
    ...     "list_length": [2, 2], "position": [1, 2], "mean": [0.9, 0.7], "low": [0.8, 0.6], "high": [1.0, 0.8]
    ... })
    >>> plot_recall_by_position(table).get_xlabel()
    'position in the list'
    """
    require_columns(table, ("position", "mean", "low", "high"), "the table")
    axes = _draw_lines(table, "position", new_axes(ax), own=ax is None)
    axes.set(xlabel="position in the list", ylabel="proportion recalled", ylim=(0, 1))
    count_ticks(axes, int(table["position"].max()))
    return axes


def plot_lag_crp(crp: pd.DataFrame, ax: Axes | None = None, *, farthest: int = 5) -> Axes:
    """Plot the conditional response probability by lag, means over subjects with 95 % bands.

    Parameters
    ----------
    crp : pandas.DataFrame
        From `lag_crp`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    farthest : int
        Lags drawn on either side.

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
    >>> from engram.analysis import plot_lag_crp
    >>> crp = pd.DataFrame({
    ...     "subject": 0, "lag": [-1, 1], "prob": [0.2, 0.5], "actual": [1, 2], "possible": [5, 4]
    ... })
    >>> plot_lag_crp(crp).get_ylabel()
    'conditional response probability'
    """
    require_columns(crp, ("subject", "lag", "prob"), "crp")
    near = crp[crp["lag"].abs().between(1, farthest)]
    axes = _draw_two_sided(near, "lag", new_axes(ax), own=ax is None)
    axes.set(xlabel="lag (positions in the list)", ylabel="conditional response probability")
    return axes


def plot_transpositions(gradient: pd.DataFrame, ax: Axes | None = None, *, farthest: int = 5) -> Axes:
    """Plot how far items move in serial recall, means over subjects with 95 % bands; correct ones are left out.

    Parameters
    ----------
    gradient : pandas.DataFrame
        From `transposition_gradient`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.
    farthest : int
        Displacements drawn on either side.

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
    >>> from engram.analysis import plot_transpositions
    >>> gradient = pd.DataFrame({
    ...     "subject": 0, "displacement": [-1, 0, 1], "prob": [0.1, 0.8, 0.1], "actual": 1, "possible": 9
    ... })
    >>> plot_transpositions(gradient).get_xlabel()
    'displacement (output - input position)'
    """
    require_columns(gradient, ("subject", "displacement", "prob"), "gradient")
    near = gradient[gradient["displacement"].abs().between(1, farthest)]
    axes = _draw_two_sided(near, "displacement", new_axes(ax), own=ax is None)
    axes.set(xlabel="displacement (output - input position)", ylabel="probability")
    return axes


def plot_first_recall(first: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Plot the probability of each position to be recalled first, means over subjects with 95 % bands.

    Parameters
    ----------
    first : pandas.DataFrame
        From `first_recall`.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled lines only.

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
    >>> from engram.analysis import plot_first_recall
    >>> first = pd.DataFrame({"subject": 0, "position": [1, 2], "prob": [0.6, 0.4], "actual": 1, "possible": 5})
    >>> plot_first_recall(first).get_ylabel()
    'probability of first recall'
    """
    require_columns(first, ("subject", "position", "prob"), "first")
    first = first[first["prob"].notna()]
    axes = _draw_lines(_means(first, "position"), "position", new_axes(ax), own=ax is None)
    axes.set(xlabel="position in the list", ylabel="probability of first recall")
    axes.set_ylim(bottom=0)
    count_ticks(axes, int(first["position"].max()))
    return axes


def plot_errors(shares: pd.DataFrame, ax: Axes | None = None, *, model: str | None = None) -> Axes:
    """Plot the kinds of responses at each output position, stacked, means over the subjects of one model.

    Parameters
    ----------
    shares : pandas.DataFrame
        From `error_shares`, of one condition.
    ax : matplotlib.axes.Axes, optional
        Where to draw. A new figure gets a legend beside the data; given axes get labelled areas only.
    model : str, optional
        Which model; not needed where there is only one.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a column is missing, the model is not there, or there are several conditions.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import plot_errors
    >>> shares = pd.DataFrame({
    ...     "subject": 0, "position": [1, 1, 2, 2], "error_type": ["correct", "omission"] * 2,
    ...     "share": [0.9, 0.1, 0.7, 0.3],
    ... })
    >>> plot_errors(shares).get_xlabel()
    'output position'
    """
    require_columns(shares, ("subject", "position", "error_type", "share"), "shares")
    if "model" in shares.columns:
        shares = shares[shares["model"] == one_model(shares["model"], model)]
    if shares.duplicated(["subject", "position", "error_type"]).any():
        raise ValueError("shares hold several conditions; this figure shows one, choose its rows first")
    means = shares.pivot_table(index="position", columns="error_type", values="share", aggfunc="mean")
    axes = new_axes(ax)
    below = np.zeros(len(means))
    kinds = [kind for kind in ERROR_TYPES if kind in means.columns]
    for kind, grey in zip(kinds, np.linspace(0.9, 0.15, len(kinds)), strict=True):
        axes.bar(means.index, means[kind], bottom=below, width=0.8, color=str(grey), edgecolor="white", label=kind)
        below = below + means[kind].to_numpy()
    axes.set(xlabel="output position", ylabel="share of responses", ylim=(0, 1))
    count_ticks(axes, int(means.index.max()))
    legend_beside(axes, own=ax is None)
    return axes


def _draw_two_sided(table: pd.DataFrame, x: str, axes: Axes, own: bool) -> Axes:
    """Lines for what lies below 0 and what lies above, not joined over the gap."""
    means = _means(table, x)
    _draw_lines(means[means[x] < 0], x, axes, own=False)
    for line in axes.get_lines():
        line.set_label("_nolegend_")
    _draw_lines(means[means[x] > 0], x, axes, own=own)
    axes.set_ylim(bottom=0)
    axes.set_xticks(sorted(means[x].unique()))
    return axes


def _means(table: pd.DataFrame, x: str) -> pd.DataFrame:
    return mean_over_subjects(table, "prob", [*_keys(table, x), x])


def _keys(table: pd.DataFrame, x: str) -> list[str]:
    return ["model"] * ("model" in table.columns) + [n for n in table.columns if n not in _STATISTICS and n != x]


def _draw_lines(table: pd.DataFrame, x: str, axes: Axes, own: bool) -> Axes:
    for rows, label, style in _lines(table, _keys(table, x)):
        rows = rows.sort_values(x)
        draw_band(axes, rows[x].to_numpy(), rows["low"].to_numpy(), rows["high"].to_numpy(), style.color)
        axes.plot(rows[x], rows["mean"], **style.line, markersize=4.5, label=label or None)
    if own and axes.get_legend_handles_labels()[1]:
        legend_beside(axes, own)
    return axes


def _lines(table: pd.DataFrame, keys: Sequence[str]) -> Iterator[tuple[pd.DataFrame, str, ModelStyle]]:
    """Rows, name and look of each line: a model has its own look, its conditions shades of it."""
    if not keys:
        yield table, "", model_styles([""])[""]
        return
    shown = [name for name in keys if table[name].nunique() > 1 or name == "model"]
    groups = [
        (name if isinstance(name, tuple) else (name,), rows) for name, rows in table.groupby(list(keys), sort=True)
    ]
    labels = [", ".join(_word(n, v) for n, v in zip(keys, values, strict=True) if n in shown) for values, _ in groups]
    by_model = keys[0] == "model"
    styles = model_styles([str(values[0]) for values, _ in groups] if by_model else labels)
    seen: dict[str, int] = {}
    for (values, rows), label in zip(groups, labels, strict=True):
        name = str(values[0]) if by_model else label
        style = styles[name]
        if by_model:
            of_model = sum(str(others[0]) == name for others, _ in groups)
            shade = to_hex(shades(style.color, of_model)[seen.get(name, 0)])
            seen[name] = seen.get(name, 0) + 1
            style = ModelStyle(shade, style.linestyle, style.marker)
        yield rows, label, style


def _word(name: str, value: object) -> str:
    return str(value) if isinstance(value, str) else f"{name.replace('_', ' ')} {value}"
