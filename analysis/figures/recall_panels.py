"""The panels of a recording whose models recall lists."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ..confidence import mean_over_subjects
from ..recall_errors import error_shares, transposition_gradient
from ..recall_metrics import hebb_scores
from ..recall_order import first_recall, lag_crp
from ..recall_scoring import condition_means, scores_by_subject
from ..recorded_recall import CONDITION, RecordedRecall, recorded_recall
from .recall import (
    plot_errors,
    plot_lag_crp,
    plot_recall_by_position,
    plot_transpositions,
)
from .recall_hebb import plot_hebb_curves
from .style import model_styles

if TYPE_CHECKING:
    from ...data.recording import Recording

Panel = Callable[[Axes], Axes]
MOST_BANDS = 3  # that can lie over each other and still be told apart
VALUES = ("mean", "low", "high", "prob", "score")


def list_recall_panels(recording: Recording, performance: xr.DataArray) -> list[tuple[list[Panel], str]]:
    """Rows of panels, each with what its key tells apart: all models together, then one panel for each model."""
    tests = recorded_recall(recording, performance)
    if tests is None:
        return []
    if not tests:
        return [([_nothing_yet], "")]
    every = [str(name) for name in performance["model"].values]
    models = [name for name in every if (tests.studied["model"] == name).any()]
    first, scores = tests.first(), hebb_scores(tests)
    lists, expected = first.of("serial", "free"), first.of("serial", "cued").of_usual_length()
    rows: list[tuple[list[Panel], str]] = []
    if not scores.empty:
        rows.append(([lambda ax, m=m: _hebb(scores, ax, m, every) for m in models], ""))  # type: ignore[misc]
    rows.append((_together(tests, every), ""))
    if tests.factor and (varied := lists.of_conditions()):
        curves: list[Panel] = [lambda ax, m=m: _conditions_by_position(varied, ax, m, every) for m in models]  # type: ignore[misc]
        rows.append((curves, _words(tests.factor)))
    if expected:
        shares = error_shares(expected.recalls, expected.studied)
        rows.append(([lambda ax, m=m: _errors(shares, expected, ax, m) for m in models], "response"))  # type: ignore[misc]
    return [([_with_whole_markers(panel) for panel in panels], key) for panels, key in rows if panels]


def _together(tests: RecordedRecall, every: list[str]) -> list[Panel]:
    first, later = tests.first(), tests.later().of("free")
    panels: list[Panel] = []
    if tests.factor:
        panels.append(lambda ax: _by_condition(first.of_conditions(), ax, every))
    elif lists := first.of("serial", "free"):
        panels.append(lambda ax: _by_position(lists, "input_position", ax, every))
    if tests.studied["delay"].nunique() > 1:
        panels.append(lambda ax: _by_delay(tests, ax, every))
    if serial := first.of("serial").of_usual_length():
        gradient = transposition_gradient(serial.recalls, serial.studied)
        panels.append(lambda ax: _transpositions(gradient, serial, ax, every))
    if free := first.of("free").of_usual_length():
        crp, began = lag_crp(free.recalls, free.studied), first_recall(free.recalls, free.studied)
        panels.append(lambda ax: _lags(crp, free, ax, every))
        panels.append(lambda ax: _first_recall(began, free, ax, every))
    if later:
        panels.append(lambda ax: _later(later, ax, every))
    return panels


def _with_whole_markers(panel: Panel) -> Panel:
    """Proportions of 0 and 1 lie on the edge, which would cut their markers."""

    def draw(ax: Axes) -> Axes:
        for line in panel(ax).get_lines():
            if np.isfinite(
                np.asarray(line.get_ydata(), dtype=float)
            ).any():  # what is not drawn must take no room either
                line.set_clip_on(False)
        return ax

    return draw


def _in_styles_of(table: pd.DataFrame, every: list[str]) -> pd.DataFrame:
    """The table with all models of the recording in their order, which gives each its style; some without values."""
    values = {name: np.nan for name in VALUES if name in table.columns}
    absent = [table.iloc[:1].assign(model=name, **values) for name in every if name not in set(table["model"])]
    table = pd.concat([table, *absent], ignore_index=True)
    return table.assign(model=pd.Categorical(table["model"], every, ordered=True)).sort_values("model", kind="stable")


def _nothing_yet(ax: Axes) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(xlabel="position in the list", ylabel="proportion recalled", ylim=(0, 1))
    return ax


def _by_position(tests: RecordedRecall, column: str, ax: Axes, every: list[str]) -> Axes:
    studied = tests.studied.assign(position=tests.studied[column])
    return plot_recall_by_position(_in_styles_of(condition_means(scores_by_subject(studied), ("position",)), every), ax)


def _later(tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    """Recall of lists that had been tested before, by the place of each item in its list."""
    _by_position(tests.where(tests.studied["list_position"] > 0), "list_position", ax, every)
    ax.set_title("later tests", fontsize="medium")
    return ax


def _conditions_by_position(lists: RecordedRecall, ax: Axes, model: str, every: list[str]) -> Axes:
    """Serial position curves of one model in shades of the condition."""
    own = lists.studied[lists.studied["model"] == model]
    by = (CONDITION, "position")
    means = condition_means(scores_by_subject(own.assign(position=own["input_position"]), by), by)
    levels = [level for level in own[CONDITION].cat.categories if (own[CONDITION] == level).any()]
    if len(levels) > MOST_BANDS:
        means = means.assign(low=np.nan, high=np.nan)
    plot_recall_by_position(_in_styles_of(means, every), ax)
    names = iter(levels)
    for line in ax.get_lines():
        line.set_label(str(next(names)) if np.isfinite(line.get_ydata()).any() else "_nolegend_")
    ax.set_title(model)
    return ax


def _by_condition(tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    """Recall in each condition; the points of a model are joined where conditions are numbers."""
    means = condition_means(scores_by_subject(tests.studied, (CONDITION,)), (CONDITION,))
    levels = [level for level in means[CONDITION].cat.categories if (means[CONDITION] == level).any()]
    numbers = all(str(level).isdecimal() for level in levels)
    at = {level: float(level) if numbers else place for place, level in enumerate(levels)}
    _draw_points(means.assign(x=means[CONDITION].map(at).astype(float)), ax, every, 0 if numbers else 0.12)
    ax.set_xlabel(_words(tests.factor))
    ax.set_xticks(list(at.values()), [str(level) for level in levels])
    if not numbers:
        ax.set_xlim(-0.5, len(levels) - 0.5)
    return ax


def _by_delay(tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    studied = tests.studied.assign(x=tests.studied["delay"] / 3600)
    means = condition_means(scores_by_subject(studied, ("x",)), ("x",))
    _draw_points(means, ax, every, 0)
    if means["x"].min() > 0 and means["x"].max() > 10 * means["x"].min():
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlabel("delay (h)")
    return ax


def _draw_points(means: pd.DataFrame, ax: Axes, every: list[str], spread: float) -> None:
    """Means over subjects at ``x`` with their intervals; side by side and not joined where there is a spread."""
    styles = {name: style for name, style in model_styles(every).items() if (means["model"] == name).any()}
    for number, (model, style) in enumerate(styles.items()):
        rows = means[means["model"] == model]
        look = style.line | {"linestyle": "none"} if spread else style.line
        x = rows["x"] + spread * (number - (len(styles) - 1) / 2)
        ax.errorbar(x, rows["mean"], rows["high"] - rows["mean"], **look, markersize=4.5, elinewidth=1, label=model)
    ax.spines[["top", "right"]].set_visible(False)
    ax.set(ylabel="proportion recalled", ylim=(0, 1))


def _hebb(scores: pd.DataFrame, ax: Axes, model: str, every: list[str]) -> Axes:
    plot_hebb_curves(_in_styles_of(scores[scores["model"] == model], every), ax)
    style = model_styles(every)[model]
    looks: dict[str, tuple[Literal["-", "--"], str]] = {"repeated": ("-", style.color), "filler": ("--", "white")}
    handles = [
        Line2D(
            [],
            [],
            color=style.color,
            linestyle=line,
            marker=style.marker,
            markersize=4,
            markerfacecolor=face,
            label=kind,
        )
        for kind, (line, face) in looks.items()
    ]
    ax.legend(handles=handles, loc="best", fontsize="x-small", framealpha=0.8, edgecolor="none")
    ax.set_title(model)
    return ax


def _transpositions(gradient: pd.DataFrame, tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    plot_transpositions(_in_styles_of(gradient, every), ax)
    ax.set(xlabel="displacement (positions)", ylabel="transposition probability")
    return _of_length(_with_room(ax), tests)


def _lags(crp: pd.DataFrame, tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    plot_lag_crp(_in_styles_of(crp, every), ax)
    ax.set(xlabel="lag (positions)", ylabel="lag-CRP")
    return _of_length(_with_room(ax), tests)


def _first_recall(began: pd.DataFrame, tests: RecordedRecall, ax: Axes, every: list[str]) -> Axes:
    means = mean_over_subjects(began, "prob", ("model", "position"))
    plot_recall_by_position(_in_styles_of(means, every), ax)
    ax.set_ylabel("probability of first recall")
    return _of_length(ax, tests)


def _with_room(ax: Axes) -> Axes:
    """Every second tick on either side of 0: a narrow panel has no room for more."""
    ticks = [tick for tick in ax.get_xticks() if tick % 2]
    ax.set_xticks(ticks, [f"{tick:.0f}" for tick in ticks])
    low, high = ax.get_xlim()
    ax.set_xlim(min(low, -1.5), max(high, 1.5))
    ax.set_ylim(top=min(ax.get_ylim()[1], 1))
    return ax


def _errors(shares: pd.DataFrame, tests: RecordedRecall, ax: Axes, model: str) -> Axes:
    plot_errors(shares, ax, model=model)
    ax.set_title(model)
    if set(tests.studied["kind"]) == {"cued"}:
        ax.set_xlabel("cue, in the order of test")
    return ax


def _of_length(ax: Axes, tests: RecordedRecall) -> Axes:
    if tests.factor == "list_length":
        ax.set_title(f"lists of {tests.studied['list_length'].iloc[0]}", fontsize="medium")
    return ax


def _words(name: str) -> str:
    return name.replace("_", " ")
