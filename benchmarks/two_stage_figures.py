"""Figures of the two-stage benchmark, from the tables and recordings that its parts keep."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from two_stage_interference import OVERLAPS, SENSITIVITIES, curve
from two_stage_nights import MODEL, nights
from two_stage_results import Runs, chosen
from two_stage_sleep import ASLEEP, WAKE
from two_stage_variants import CORTEX, rem_alone, subject

from engram.analysis import (
    index_assemblies,
    model_styles,
    plot_circuit,
    plot_hypnogram,
    plot_nights,
    plot_raster,
    plot_replay_counts,
    plot_weights_before_after,
    recall_over_nights,
    recorded_spikes,
    replay_counts,
    replay_events,
    synapse_kinds,
)

SUBJECT = 0  # that is drawn
STYLES = model_styles(["hybrid", "conventional", "stable", "fixed-rate"])
MIXED, FLEXIBLE, QUIET = STYLES["hybrid"].line, STYLES["conventional"].line, STYLES["stable"].line


def plain(axes: Axes, **labels: object) -> Axes:
    axes.set(**labels)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def draw_mean(axes: Axes, rows: pd.DataFrame, label: str, lesioned: bool, line: dict[str, object]) -> None:
    """Mean over subjects with its 95 % interval, and the subjects as thin lines; open and dashed is lesioned."""
    wide = rows.assign(at=rows["at"].astype(float)).pivot(index="at", columns="subject", values="value").sort_index()
    style = {**line, "linestyle": "--" if lesioned else "-", "markerfacecolor": "white" if lesioned else line["color"]}
    half = 1.96 * wide.std(axis=1) / np.sqrt(wide.shape[1]) if wide.shape[1] > 1 else 0 * wide.mean(axis=1)
    axes.plot(wide.index, wide, color=str(line["color"]), linewidth=0.5, alpha=0.3)
    axes.errorbar(wide.index, wide.mean(axis=1), half, capsize=2, label=label, **style)


# The circuit and its nights -------------------------------------------------------------------------------------------


def circuit(runs: Runs, results: Path) -> Figure:
    figure = Figure(figsize=(6, 4), layout="constrained")
    plot_circuit(nights(runs).circuit(MODEL), figure.subplots())
    return figure


def night(runs: Runs, results: Path) -> Figure:
    """Spikes of the first cycle of the first night, and all of it with what was replayed."""
    run = nights(runs)
    spikes, segments, sizes = recorded_spikes(run, MODEL, SUBJECT), run.segments(MODEL, SUBJECT), run.populations(MODEL)
    first = segments[segments["kind"] == "sleep"]["phase"].min()
    slept = segments[segments["phase"] == first]
    start = float(slept["start"].min())
    cells = {
        "C": run.assemblies(MODEL, SUBJECT, "C"),
        "H": index_assemblies(*spikes["H"], sizes["H"], segments, before=start + 1e-9),
    }
    figure = Figure(figsize=(11, 8), layout="constrained")
    above, below = figure.subplots(2, 1, height_ratios=(3, 2))
    end = float(slept.loc[slept["cycle"] == slept["cycle"].min(), "stop"].max())
    plot_raster(spikes, run.circuit(MODEL), segments, above, start=start, stop=end, assemblies=cells, cells=60)
    events = replay_events(run, MODEL, SUBJECT)
    plot_hypnogram(slept, events[events["phase"] == first], below, time_scale=run.time_scale(MODEL))
    return figure


def recall(runs: Runs, results: Path) -> Figure:
    run = nights(runs)
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    plot_nights(recall_over_nights(run.performance(), run.phases()), axes, chance=0.5)
    axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    axes.set_ylabel("recall (AUC)")
    return figure


def replayed(runs: Runs, results: Path) -> Figure:
    run = nights(runs)
    events = pd.concat([replay_events(run, MODEL, number) for number in range(runs.subjects)], ignore_index=True)
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_replay_counts(replay_counts(events, int(events["item"].max())), left)
    left.legend(title="night", fontsize=7, frameon=False)
    right.hist(events["duration_ms"], bins=np.arange(0, 205, 5), color="0.5")
    right.axvspan(30, 150, color="#0072B2", alpha=0.1, linewidth=0)
    plain(right, xlabel="duration of a burst (ms)", ylabel="bursts")
    return figure


def weights(runs: Runs, results: Path) -> Figure:
    """A night's change of cortical synapses, and what REM takes off by flexibility and size."""
    run = runs.recorded("rem-alone", rem_alone(), {MODEL: subject()})
    before, after = run.snapshots(MODEL, SUBJECT, CORTEX)[:2]
    synapses, assemblies = run.synapses(MODEL, SUBJECT, CORTEX), run.assemblies(MODEL, SUBJECT, "C")
    kinds = synapse_kinds(synapses["pre"], synapses["post"], assemblies)
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_weights_before_after(before, after, left, kinds=kinds)
    left.legend(fontsize=7, frameon=False, markerscale=2)
    left.set_title("first night, C to C", fontsize=9)
    bins = pd.read_csv(results / "downscaling-by-flexibility-and-size.csv")
    shades = matplotlib.colormaps["viridis"](np.linspace(0.8, 0.1, bins["size"].nunique()))
    for (number, own), marker, shade in zip(bins.groupby("size"), "os^", shades, strict=True):
        middle = (own["flexibility_low"] + own["flexibility_high"]) / 2
        label = f"{('small', 'middle', 'large')[number - 1]} (mean {own['size_mean'].mean():.2f})"
        right.errorbar(middle, own["relative"], own["sd"], marker=marker, color=shade, capsize=2, label=label)
    right.legend(title="weight before", fontsize=7, frameon=False)
    right.axhline(0, color="0.7", linewidth=0.8)
    plain(right, xlabel="flexibility", ylabel="relative change across two hours of REM")
    return figure


# Repetition and sleep -------------------------------------------------------------------------------------------------


def repetition(runs: Runs, results: Path) -> Figure:
    rows = pd.read_csv(results / "repetition.csv")
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, side in zip(figure.subplots(1, 2, sharey=True), ("lesioned", "intact"), strict=True):
        for name, line in (("repeated", MIXED), ("fillers", FLEXIBLE)):
            own = chosen(rows, condition=name, measure=f"{side} recall")
            draw_mean(axes, own, name, side == "lesioned", line)
        plain(axes, xlabel="repetition", title=side, ylim=(0.45, 1.02))
        axes.axhline(0.5, color="0.7", linewidth=0.8)
        axes.legend(fontsize=8, frameon=False)
    figure.axes[0].set_ylabel("recall (AUC)")
    return figure


def sleep(runs: Runs, results: Path) -> Figure:
    rows = pd.read_csv(results / "sleep.csv")
    figure = Figure(figsize=(11, 8), layout="constrained")
    (waking, cued), (prototypes, rests) = figure.subplots(2, 2)
    names = {"sleep": ASLEEP, **{name.removeprefix(f"{ASLEEP}-").replace("-", "\n"): name for name in WAKE}}
    draw_pairs(waking, chosen(rows, at="after"), names)
    waking.set_title("after six hours", fontsize=9)
    lists = {name: f"targeted-reactivation, {name}" for name in ("cued", "uncued")}
    draw_pairs(cued, chosen(rows, at="after"), lists)
    cued.set_title("after a nap with cues", fontsize=9)
    kinds = {"nights": ("prototype-extraction", MIXED), "days awake": ("prototype-extraction-wake", FLEXIBLE)}
    for word, (name, line) in kinds.items():
        for side in ("intact", "lesioned"):
            own = chosen(rows, condition=name, measure=f"{side} recall")
            draw_mean(prototypes, own, f"{word}, {side}", side == "lesioned", line)
    plain(prototypes, xlabel="nights or days", ylabel="recall of prototypes (AUC)", xticks=range(4))
    for side in ("intact", "lesioned"):
        own = chosen(rows, condition="rest, a month", measure=f"{side} recall")
        draw_mean(rests, own, side, side == "lesioned", QUIET)
    plain(rests, xlabel="days of rest", ylabel="recall (AUC)")
    rests.set_xscale("symlog", linthresh=1)
    rests.set_xticks([0, 1, 2, 4, 8, 16, 32], ["0", "1", "2", "4", "8", "16", "32"])
    for axes in (waking, cued, prototypes, rests):
        axes.axhline(0.5, color="0.7", linewidth=0.8)
        axes.legend(fontsize=7, frameon=False)
    return figure


def draw_pairs(axes: Axes, rows: pd.DataFrame, names: dict[str, str]) -> None:
    """Intact and lesioned recall of each condition: subjects as points, means as bars."""
    for side, offset, color in (("intact", -0.18, "#0072B2"), ("lesioned", 0.18, "#D55E00")):
        for place, name in enumerate(names.values()):
            own = chosen(rows, condition=name, measure=f"{side} recall")["value"]
            axes.bar(place + offset, own.mean(), 0.32, color=color, alpha=0.35, label=side if place == 0 else None)
            scatter = np.linspace(-0.1, 0.1, len(own)) if len(own) > 1 else np.zeros(1)
            axes.plot(place + offset + scatter, own, ".", color=color, markersize=4)
    axes.set_xticks(range(len(names)), list(names), fontsize=8)
    plain(axes, ylabel="recall (AUC)", ylim=(0.4, 1.02))


# Interference ---------------------------------------------------------------------------------------------------------


def protection(runs: Runs, results: Path) -> Figure:
    """Where mixed stability protects: the map, and the curves that it is read from."""
    cells = pd.read_csv(results / "interference-protection.csv")
    rows = pd.read_csv(results / "interference.csv")
    figure = Figure(figsize=(13, 7.5), layout="constrained")
    upper, lower = figure.subfigures(2, 1, height_ratios=(1, 1))
    maps = upper.subplots(1, 2)
    for axes, column, title in zip(
        maps,
        ("kept, difference", "recall of A, difference"),
        ("share of A's excess kept", "lesioned recall of A (AUC)"),
        strict=True,
    ):
        draw_map(axes, cells, column)
        axes.set_title(f"{title}: mixed − flexible, where B gained as much", fontsize=9)
    panels = lower.subplots(1, len(OVERLAPS), sharey=True)
    for axes, overlap in zip(panels, OVERLAPS, strict=True):
        draw_trade_off(axes, rows, overlap)
    panels[0].set_ylabel("share of A's excess kept")
    panels[-1].legend(fontsize=6.5, frameon=False)
    return figure


def draw_map(axes: Axes, cells: pd.DataFrame, column: str) -> None:
    """Mean over subjects, written in; bold where all subjects agree on the sign."""
    groups = cells.groupby(["sensitivity", "overlap"])[column]
    mean = groups.mean().unstack("overlap")
    agree = groups.agg(lambda own: bool((own > 0).all() or (own < 0).all())).unstack("overlap")
    limit = max(float(np.nanmax(np.abs(mean.to_numpy()))), 1e-6)
    axes.imshow(mean, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto", origin="lower")
    for (y, x), value in np.ndenumerate(mean.to_numpy()):
        dark = abs(value) > 0.65 * limit
        weight = "bold" if agree.to_numpy()[y, x] else "normal"
        axes.text(
            x, y, f"{round(value, 2) + 0.0:+.2f}", ha="center", va="center", weight=weight, color="w" if dark else "k"
        )
    axes.set_xticks(range(mean.shape[1]), [f"{o:g}" for o in mean.columns])
    axes.set_yticks(range(mean.shape[0]), [f"{s:g}" for s in mean.index])
    axes.set(xlabel="overlap of patterns", ylabel="sensitivity")


def draw_trade_off(axes: Axes, rows: pd.DataFrame, overlap: float) -> None:
    for s, width in zip(SENSITIVITIES, (1.0, 1.8, 2.8), strict=True):
        for kind, line in (("mixed", MIXED), ("flexible", FLEXIBLE)):
            name = f"{kind}-{s:g}, overlap {overlap:g}"
            numbers = rows.loc[rows["condition"] == name, "subject"].unique()
            a, b = (
                np.array([curve(rows, name, number, measure) for number in numbers])
                for measure in ("excess of A", "excess of B")
            )
            learned, kept = (b - b[:, :1]).mean(axis=0), (a / a[:, :1]).mean(axis=0)
            label = f"{kind}, s = {s:g}" if kind == "mixed" else f"flexible, learns as s = {s:g}"
            axes.plot(learned, kept, **line, linewidth=width, markersize=2 + width, label=label)
    plain(axes, title=f"overlap {overlap:g}", xlabel="gain of B's synapses")


FIGURES: dict[str, Callable[[Runs, Path], Figure]] = {
    "circuit": circuit,
    "night": night,
    "consolidation": recall,
    "replay": replayed,
    "weights": weights,
    "repetition": repetition,
    "sleep": sleep,
    "interference": protection,
}
