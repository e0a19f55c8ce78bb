"""A whole recording in one figure: the panels of the paper, and those of nights and circuits."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from ..capacity import average_performance
from ..circuit_metrics import lesioned_probes
from ..frequency import frequency_varies
from ..recorded_performance import in_shares, recorded_responses, sound_performance
from ..recorded_recall import recalling_models
from ..summaries import has_label
from .capacity import plot_gross_memory, plot_memorised
from .circuit_panels import circuit_panels, lists_probed, recall_panels
from .continual_panels import recorded_tasks, task_panels, wide_panels
from .frequency import plot_frequency_order, plot_performance_by_frequency
from .poisoning import plot_items_after_poisoning, plot_poisoning
from .recall_panels import list_recall_panels
from .repetition import plot_items_by_repetition, plot_repetition
from .serial_position import plot_learning_curves, plot_serial_position
from .style import GREY, model_styles, shades

if TYPE_CHECKING:
    from ...data.recording import Recording

COLUMNS = 5
PANEL = (2.9, 2.75)  # inches


@dataclass(frozen=True)
class Section:
    """Panels that belong together; `key` names what the shades of single-model panels stand for."""

    panels: Sequence[Callable[[Axes], Axes]]
    key: str = ""

    @property
    def columns(self) -> int:
        return min(COLUMNS, len(self.panels))

    @property
    def rows(self) -> int:
        return -(-len(self.panels) // COLUMNS)


def plot_recording(recording: Recording) -> Figure:
    """Plot what a recording shows, with the panels that its protocol calls for.

    Serial position (figure 2 of the paper): learning curves where they were recorded, final performance by item,
    memorised items and gross memory against the number trained. Hebb repetition (figure 3): performance by item for
    several repetitions, the weakest and the mean item by repetition. Poisoning (figure 4): performance before and
    after, share retained. Learning frequency (figure 5): performance against frequency and against order, and the
    rank correlations with both. Tasks: accuracy on all seen over tasks, against bytes and against image passes, and on
    each task after each task. Recall of lists: repeated list and fillers over repetitions, recall by condition and by
    position, transpositions in serial recall, lag-CRP and first recall in free recall, later tests, and kinds of
    responses. Deep learners: accuracy on corrupted images, and recalled images. Nights and lesions:
    recall over nights. Circuits: how often each item is replayed, the circuit, the weights of the cortex before and
    after the first night where snapshots were recorded, and, of the first sound subject, the first seconds of its first
    night and its hypnogram. Subjects that failed are left out; a running recording shows what is there.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    matplotlib.figure.Figure
        Not shown; save it with ``figure.savefig(path)``.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190, figures 2-5.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> engram.analysis.plot_recording(engram.open("runs/hebb.h5")).savefig("hebb.png", dpi=150)  # doctest: +SKIP
    """
    performance = sound_performance(recording)
    models = [str(name) for name in performance["model"].values]
    sections = _sections(recording, performance, models)
    width = PANEL[0] * max(section.columns for section in sections) + 0.6
    rows = [section.rows for section in sections]
    figure = Figure(
        figsize=(max(width, 6.4), PANEL[1] * sum(rows) + 0.9), layout=ConstrainedLayoutEngine(w_pad=0.06, h_pad=0.06)
    )
    figure.suptitle(_title(recording), fontsize="medium")
    parts = figure.subfigures(len(sections), 1, squeeze=False, height_ratios=rows)[:, 0]
    letters = iter(string.ascii_lowercase * 4)
    for section, part in zip(sections, parts, strict=True):
        _draw(section, part, letters)
    styles = model_styles(models)
    handles = [Line2D([], [], **style.line, markersize=4.5, label=name) for name, style in styles.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 6), frameon=False)
    return figure


def _sections(recording: Recording, performance: xr.DataArray, models: list[str]) -> list[Section]:
    presentations = recording.presentations()
    recalling = recalling_models(recording)
    naming = [name for name in models if name not in recalling]
    of_lists = [Section(panels, key) for panels, key in list_recall_panels(recording, performance)]
    found = []
    by_list = len(lists_probed(performance)) > 1  # probes of single lists make no serial position
    if has_label(performance, "repetition") and not by_list:
        found.append(_repetition(performance, models))
    if has_label(performance, "poisoning"):
        found.append(_poisoning(performance, models))
    if naming and frequency_varies(presentations) and not by_list:
        found.append(_frequency(performance.sel(model=naming), presentations))
    tasks = recorded_tasks(recording, performance)
    if tasks is not None:
        overall, by_model = task_panels(recording, performance, tasks, models)
        found = [*(Section(panels) for panels in (overall, by_model) if panels), *found]
    over_nights = models if lesioned_probes(performance) else naming  # lists without lesions are drawn by delay
    nights = recall_panels(recording, performance.sel(model=over_nights)) if tasks is None and over_nights else []
    small, wide = circuit_panels(recording, models)
    if nights or small:
        found.append(Section([*nights, *small]))
    if naming and (not found or (not nights and len(found) == bool(small))):
        found = [*_serial_position(recording, performance.sel(model=naming), presentations, naming), *found]
    return [*of_lists, *found, *(Section([panel]) for panel in [*wide_panels(recording, models), *wide])]


def _serial_position(
    recording: Recording, performance: xr.DataArray, presentations: pd.DataFrame, models: list[str]
) -> list[Section]:
    sections = []
    curves = _learning_curves(recording)
    if curves is not None:
        taught = [name for name in models if name in curves["model"].values]
        by_model = [lambda ax, name=name: plot_learning_curves(curves, ax, model=name) for name in taught]
        sections.append(Section(by_model, key="item"))
    panels: list[Callable[[Axes], Axes]] = [lambda ax: plot_serial_position(performance, ax)]
    shares = all(in_shares(recording, name) for name in models)  # sums and tests of an AUC mean nothing
    if shares and average_performance(performance, presentations)["trained"].nunique() > 1:
        responses = recorded_responses(recording)
        if responses is not None:
            panels.append(lambda ax: plot_memorised(responses, performance, presentations, ax))
        panels.append(lambda ax: plot_gross_memory(performance, presentations, ax))
    return [*sections, Section(panels)]


def _repetition(performance: xr.DataArray, models: list[str]) -> Section:
    by_model = [lambda ax, name=name: plot_items_by_repetition(performance, ax, model=name) for name in models]
    weakest: Callable[[Axes], Axes] = lambda ax: plot_repetition(performance, ax, measure="minimum")  # noqa: E731
    mean: Callable[[Axes], Axes] = lambda ax: plot_repetition(performance, ax, measure="mean")  # noqa: E731
    return Section([*by_model, weakest, mean], key="repetition")


def _poisoning(performance: xr.DataArray, models: list[str]) -> Section:
    by_model = [lambda ax, name=name: plot_items_after_poisoning(performance, ax, model=name) for name in models]
    return Section([*by_model, lambda ax: plot_poisoning(performance, ax)], key="poisoning")


def _frequency(performance: xr.DataArray, presentations: pd.DataFrame) -> Section:
    return Section(
        [
            lambda ax: plot_performance_by_frequency(performance, presentations, ax, against="frequency"),
            lambda ax: plot_performance_by_frequency(performance, presentations, ax, against="order"),
            lambda ax: plot_frequency_order(performance, presentations, ax),
        ]
    )


def _learning_curves(recording: Recording) -> xr.DataArray | None:
    try:
        curves = recording.learning_curves()
    except ValueError:  # not recorded
        return None
    return curves if curves.notnull().any() else None


def _draw(section: Section, part: SubFigure, letters: Iterator[str]) -> None:
    axes = part.subplots(section.rows, section.columns, squeeze=False).ravel()
    for ax, panel, letter in zip(axes, section.panels, letters, strict=False):
        panel(ax)
        ax.set_title(letter, loc="left", fontweight="bold")
    for ax in axes[len(section.panels) :]:
        ax.remove()
    if section.key:
        _draw_key(part, axes[0], section.key)


def _draw_key(part: SubFigure, ax: Axes, title: str) -> None:
    """Shades of the single-model panels, in grey, since every panel has its model's colour."""
    lines, names = ax.get_legend_handles_labels()
    if not lines:  # nothing measured yet
        return
    if not isinstance(lines[0], Line2D):  # bars, which look the same in every panel
        part.legend(handles=lines, loc="outside right upper", frameon=False, title=title, fontsize="small")
        return
    grey = shades(GREY, len(lines))
    every = -(-len(lines) // 10)
    shown = list(zip(grey, names, strict=True))[::every]
    handles = [Line2D([], [], color=color, linewidth=2, label=name) for color, name in shown]
    part.legend(handles=handles, loc="outside right upper", frameon=False, title=title, fontsize="small")


def _title(recording: Recording) -> str:
    table = recording.subjects()
    number, failed = table["subject"].nunique(), int((table["status"] == "failed").sum())
    parts = [recording.protocol_name, f"seed {recording.seed}", f"{number} subject{'s' * (number != 1)}"]
    parts += [f"{failed} of {len(table)} simulations failed and left out"] * bool(failed)
    return ", ".join(parts + [recording.status] * (recording.status != "complete"))
