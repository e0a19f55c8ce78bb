"""Do mixed-stability networks do what their paper says? Every claim over the whole range of sensitivities.

    python benchmarks/mixed_stability.py hebb --seed 2001        repetition, poisoning, ablation (built-in digits)
    python benchmarks/mixed_stability.py frequency --seed 2001   learning frequency against order (built-in digits)
    python benchmarks/mixed_stability.py nontarget --seed 2001   with and without images of the other items
    python benchmarks/mixed_stability.py features --seed 2001 --data DIR   serial position, ten items, EfficientNet
    python benchmarks/mixed_stability.py capacity --seed 2001 --data DIR   the same with thirty items
    python benchmarks/mixed_stability.py report                            tables of all results kept

Settings were fixed on seeds below 1000; seeds from 2000 on are for reporting. Recordings are kept in runs/, so that a
run that was stopped goes on; tables go to benchmarks/results/ and figures to docs/figures/.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

import engram as eg
from engram.analysis import (
    count_memorised,
    frequency_and_order_correlation,
    gross_memory,
    memorised,
    metrics,
    model_styles,
    plot_gross_memory,
    plot_memorised,
    plot_serial_position,
    repetition_scores,
)
from engram.data import DigitPairs
from engram.data.recording import Recording
from engram.models import EfficientNetLite0, Pixels, encode_pool
from engram.protocols import ItemSpec, each, load, probe, wake
from engram.sim.progress import Lines

ROOT = Path(__file__).parent.parent
KAPPAS = (0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 10.0, 20.0, 50.0)
SUBJECTS = 10


def recorded(name: str, protocol, models, seed: int, **how) -> Recording:
    """Run, or go on with, or just open, a recording of this name."""
    path = ROOT / "runs" / f"{name}.h5"
    how = {"subjects": SUBJECTS, "threads": 1, **how}
    if not path.exists():
        return eg.run(protocol, models, seed=seed, out=path, reporter=Lines(), **how)
    recording = eg.open(path)
    if recording.seed != seed or set(recording.models) != set(models):
        sys.exit(f"{path} holds another run; remove it to run again")
    return recording if recording.status == "complete" else eg.resume(path, reporter=Lines())


def network(**settings) -> eg.MetaplasticNetwork:
    return eg.MetaplasticNetwork(**settings)


def over_sensitivity(kappas=KAPPAS, **settings) -> dict[str, eg.MetaplasticNetwork]:
    """Conventional once, hybrid and stable at every kappa."""
    models = {"conventional": network(flexibility=eg.Fixed(1.0), **settings)}
    for kappa in kappas:
        models[f"hybrid-{kappa:g}"] = network(flexibility=eg.Uniform(), kappa=kappa, **settings)
        models[f"stable-{kappa:g}"] = network(flexibility=eg.Fixed(0.3), kappa=kappa, **settings)
    return models


def family(name: str) -> tuple[str, float]:
    """`hybrid-3.5` is the hybrid network at kappa 3.5; the conventional one has no kappa."""
    kind, _, kappa = name.partition("-")
    return kind, float(kappa) if kappa else np.nan


def paired(first, second) -> float:
    """One-sided p of a paired t-test that the first is larger."""
    return float(stats.ttest_rel(first, second, alternative="greater").pvalue)


def write(name: str, result: dict, figure: Figure | None) -> None:
    results, figures = ROOT / "benchmarks" / "results", ROOT / "docs" / "figures"
    for folder in (results, figures):
        folder.mkdir(parents=True, exist_ok=True)
    (results / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if figure is not None:
        figure.savefig(figures / f"{name}.png", dpi=130)
    print(f"-> benchmarks/results/{name}.json")


def rows_of(seed: int, table: pd.DataFrame) -> dict:
    return {"seed": seed, "subjects": SUBJECTS, "rows": json.loads(table.to_json(orient="records"))}


def kappa_axes(axes, ylabel: str) -> None:
    axes.set(xscale="log", xlabel="κ = sensitivity × distance of the first item", ylabel=ylabel)
    axes.spines[["top", "right"]].set_visible(False)
    legend_below(axes)


def legend_below(axes) -> None:
    axes.legend(fontsize=8, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.17))


def draw_family(axes, table: pd.DataFrame, kind: str, column: str, label: str, filled: bool = True) -> None:
    rows = table[table.family == kind].sort_values("kappa")
    style = model_styles(["conventional", "hybrid", "stable", "fixed-rate"])[kind].line
    if kind in ("conventional", "fixed-rate"):
        width = 1.5 if filled else 3.0
        axes.axhline(
            rows[column].iloc[0], color=style["color"], linestyle=style["linestyle"], linewidth=width, label=label
        )
    else:
        axes.plot(rows.kappa, rows[column], **style, label=label, markerfacecolor=style["color"] if filled else "white")


# Repetition and poisoning ---------------------------------------------------------------------------------------------


def displacement(recording: Recording, model: str) -> float:
    """Mean distance of the weights from where they began, after the ninth repetition, over all synapses."""
    features = encode_pool(DigitPairs().pool(), Pixels()).dim
    sizes = [features, *recording.models[model].spec["hidden"], 10]
    synapses = dict(zip(("hidden1", "hidden2", "output"), np.multiply(sizes[:-1], sizes[1:]), strict=True))
    table = recording.weights().query("model == @model and label == 'repetition' and repetition == 9")
    by_projection = table.groupby("projection").mean_displacement.mean()
    return float(np.average([by_projection[name] for name in synapses], weights=list(synapses.values())))


def matched_rate(target: float, seed: int) -> tuple[Recording, list[tuple[float, float]]]:
    """Fixed learning rates, rate · f without a gate, that move the weights as far as the hybrid network's moved."""
    rate, tried = 1.0, []
    for attempt in range(5):
        model = {"fixed-rate": network(rule="rate", rate=rate)}
        recording = recorded(f"hebb-{seed}-rate-{attempt}", load("hebb-repetition"), model, seed)
        tried.append((rate, displacement(recording, "fixed-rate")))
        if abs(tried[-1][1] / target - 1) < 0.02:
            break
        slope = 1.0
        if len(tried) > 1:
            (r0, d0), (r1, d1) = tried[-2:]
            slope = np.log(r1 / r0) / np.log(d1 / d0)
        rate = float(rate * (target / tried[-1][1]) ** slope)
    return recording, tried


def hebb(seed: int) -> None:
    main = recorded(f"hebb-{seed}", load("hebb-repetition"), over_sensitivity(), seed)
    ablation, tried = matched_rate(displacement(main, "hybrid-5"), seed)
    rows = []
    for recording in (main, ablation):
        scores = repetition_scores(recording.performance())
        found = metrics(recording)
        for model in recording.models:
            kind, kappa = ("fixed-rate", np.nan) if model == "fixed-rate" else family(model)
            minimum = scores[scores.model == model].pivot(index="subject", columns="repetition", values="minimum")
            conventional = repetition_scores(main.performance("conventional")).pivot(
                index="subject", columns="repetition", values="minimum"
            )
            m = found[model]
            rows.append(
                {
                    "model": model,
                    "family": kind,
                    "kappa": kappa,
                    "sensitivity": float(recording.subjects().query("model == @model").sensitivity.mean()),
                    "minimum_1": float(minimum[1].mean()),
                    "minimum_9": float(minimum[9].mean()),
                    "p_minimum_9_above_1": paired(minimum[9], minimum[1]),
                    "p_minimum_9_above_conventional": paired(minimum[9], conventional[9]),
                    "mean_1": m["mean_by_repetition"][0],
                    "mean_9": m["mean_by_repetition"][-1],
                    "after_poisoning": m["after_poisoning"],
                    "retained": m["retained_after_poisoning"],
                    "displacement": displacement(recording, model),
                }
            )
    table = pd.DataFrame(rows)
    print(table.round(4).to_string(index=False))
    result = {**rows_of(seed, table), "fixed_rates_tried": tried}
    write(f"hebb-{seed}", result, draw_hebb(table))


def draw_hebb(table: pd.DataFrame) -> Figure:
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for kind in ("hybrid", "stable", "conventional", "fixed-rate"):
        draw_family(left, table, kind, "minimum_9", f"{kind}, repetition 9")
        if kind in ("hybrid", "stable"):
            draw_family(left, table, kind, "minimum_1", f"{kind}, repetition 1", filled=False)
        draw_family(right, table, kind, "retained", kind)
    kappa_axes(left, "performance of the weakest item")
    kappa_axes(right, "share retained after poisoning (chance taken off)")
    right.axhline(0, color="0.7", linewidth=0.8)
    return figure


# Learning frequency ---------------------------------------------------------------------------------------------------


def frequency(seed: int) -> None:
    recording = recorded(f"frequency-{seed}", load("learning-frequency"), over_sensitivity(), seed)
    table = frequency_and_order_correlation(recording.performance(), recording.presentations())
    print(table.to_string())
    found = metrics(recording)
    rows = []
    for model in recording.models:
        kind, kappa = family(model)
        rho = {name: found[model][name] for name in ("rho_frequency", "rho_order", "average", "memorised")}
        rows.append({"model": model, "family": kind, "kappa": kappa, **rho})
    summary = pd.DataFrame(rows)
    print(summary.round(3).to_string(index=False))
    figure = Figure(figsize=(6.5, 5), layout="constrained")
    axes = figure.subplots()
    for kind in ("hybrid", "stable", "conventional"):
        draw_family(axes, summary, kind, "rho_frequency", f"{kind}, with frequency")
        draw_family(axes, summary, kind, "rho_order", f"{kind}, with order", filled=False)
    kappa_axes(axes, "Spearman's ρ of final performance")
    write(
        f"frequency-{seed}",
        rows_of(seed, summary),
        figure,
    )


# Serial position on features of a network trained on ImageNet --------------------------------------------------------

FEATURES = EfficientNetLite0(size=112)
UNCENTRED = EfficientNetLite0(size=112, center=False)


def serial(count: int) -> eg.Protocol:
    """Items learned one after another, all tested after each: the library's protocol with fewer images."""
    items = ItemSpec(set="digit-pairs", count=count, train=500, test=250)
    return eg.Protocol(
        name=f"serial-position-{count}", items=items, schedule=[each("item", [wake("current"), probe("all")])]
    )


def serial_position(
    name: str, count: int, seed: int, data: str, kappas: tuple[float, ...], encoder: EfficientNetLite0
) -> tuple[Recording, pd.DataFrame]:
    models = over_sensitivity(kappas, encoder=encoder)
    return serial_table(recorded(f"{name}-{seed}", serial(count), models, seed, data=data))


def serial_table(recording: Recording) -> tuple[Recording, pd.DataFrame]:
    """What is known at the end of a list, one row for each network."""
    counts = count_memorised_by_subject(recording)
    found = metrics(recording)
    rows = []
    for model in recording.models:
        kind, kappa = family(model)
        final = found[model]["final_performance"]
        rows.append(
            {
                "model": model,
                "family": kind,
                "kappa": kappa,
                "memorised": float(counts[model].mean()),
                "p_memorised_above_conventional": paired(counts[model], counts["conventional"]),
                "average": found[model]["average"],
                "first": final[0],
                "last": final[-1],
                "minimum": min(final),
                "final_performance": final,
                "memorised_by_subject": counts[model].tolist(),
            }
        )
    table = pd.DataFrame(rows)
    print(table.drop(columns=["final_performance", "memorised_by_subject"]).round(4).to_string(index=False))
    return recording, table


def count_memorised_by_subject(recording: Recording) -> pd.DataFrame:
    """Items memorised at the last probe, one column for each model."""
    table = memorised(recording.responses().isel(probe=[-1]))
    return table.groupby(["subject", "model"]).memorised.sum().unstack()


def features(seed: int, data: str) -> None:
    recording, table = serial_position("features", 10, seed, data, KAPPAS, FEATURES)
    _, raw = serial_position("features-uncentred", 10, seed, data, (1.0, 2.0, 5.0, 10.0, 20.0), UNCENTRED)
    figure = Figure(figsize=(16, 5), layout="constrained")
    left, ends, curve, uncentred = figure.subplots(1, 4)
    for kind in ("hybrid", "stable", "conventional"):
        draw_family(left, table, kind, "memorised", kind)
        draw_family(ends, table, kind, "first", f"{kind}, first item")
        draw_family(ends, table, kind, "last", f"{kind}, last item", filled=False)
        draw_family(uncentred, raw, kind, "memorised", kind)
    kappa_axes(left, "items memorised of 10")
    kappa_axes(ends, "performance after the list")
    kappa_axes(uncentred, "items memorised of 10")
    uncentred.set_title("features not centred", fontsize=9)
    uncentred.set_ylim(left.get_ylim())
    shown = recording.performance(["conventional", "hybrid-5", "stable-5"])
    plot_serial_position(shown.assign_coords(model=["conventional", "hybrid", "stable"]), curve)
    curve.set_title("κ = 5", fontsize=9)
    legend_below(curve)
    write(f"features-{seed}", {"centred": rows_of(seed, table), "uncentred": rows_of(seed, raw)}, figure)


def nontarget(seed: int) -> None:
    """The ablation: serial position on the built-in digits with and without images of the other items."""
    parts = {}
    for name, mixed_in in (("with", True), ("without", False)):
        models = over_sensitivity((0.5, 2.0, 5.0, 20.0), nontarget=mixed_in)
        items = ItemSpec(set="digit-pairs", count=10)
        protocol = eg.Protocol(name="serial", items=items, schedule=[each("item", [wake("current"), probe("all")])])
        _, table = serial_table(recorded(f"nontarget-{name}-{seed}", protocol, models, seed))
        parts[name] = rows_of(seed, table)
    write(f"nontarget-{seed}", parts, None)


def capacity(seed: int, data: str) -> None:
    recording, table = serial_position("capacity", 30, seed, data, (2.0, 5.0, 10.0, 20.0), FEATURES)
    counts = count_memorised(recording.responses())
    gross = gross_memory(recording.performance(), recording.presentations())
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = ["conventional", "hybrid-2", "hybrid-5", "hybrid-10", "stable-2"]
    performance = recording.performance(shown)
    plot_memorised(recording.responses(shown), performance, recording.presentations(), left)
    plot_gross_memory(performance, recording.presentations(), right)
    legend_below(left)
    by_model = {
        name: gross[gross.model == name].groupby("probe").gross_memory.mean().tolist() for name in recording.models
    }
    result = {
        **rows_of(seed, table),
        "memorised_by_items_trained": {n: counts[counts.model == n]["mean"].tolist() for n in recording.models},
        "gross_memory_by_items_trained": by_model,
    }
    write(f"capacity-{seed}", result, figure)


# Tables for docs/mixed-stability.md -----------------------------------------------------------------------------------

COLUMNS = {
    "hebb": ["minimum_1", "minimum_9", "p_minimum_9_above_1", "p_minimum_9_above_conventional", "mean_9", "retained"],
    "frequency": ["rho_frequency", "rho_order", "average", "memorised"],
    "nontarget": ["memorised", "average", "first", "last", "minimum"],
    "features": ["memorised", "p_memorised_above_conventional", "average", "first", "last"],
    "capacity": ["memorised", "p_memorised_above_conventional", "average", "first", "last"],
}


def report() -> None:
    """Print every kept result as a Markdown table."""
    for path in sorted((ROOT / "benchmarks" / "results").glob("*-*.json")):
        kind = path.stem.partition("-")[0]
        result = json.loads(path.read_text(encoding="utf-8"))
        parts = {path.stem: result} if "rows" in result else {f"{path.stem}, {name}": r for name, r in result.items()}
        for title, part in parts.items():
            print(f"\n{title}\n\n| network | {' | '.join(COLUMNS[kind])} |\n|{'---|' * (1 + len(COLUMNS[kind]))}")
            for row in part["rows"]:
                cells = [
                    "–" if row[c] is None else f"{row[c]:.2g}" if c[:2] == "p_" else f"{row[c]:.3f}"
                    for c in COLUMNS[kind]
                ]
                print(f"| {row['model']} | {' | '.join(cells)} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiment", choices=["hebb", "frequency", "nontarget", "features", "capacity", "report"])
    parser.add_argument("--seed", type=int, default=2001)
    parser.add_argument("--data", help="folder with MNIST-style IDX files, for features and capacity")
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.experiment == "report":
        report()
    elif arguments.experiment in ("features", "capacity"):
        if arguments.data is None:
            parser.error("--data DIR is needed: a folder with MNIST-style IDX files")
        {"features": features, "capacity": capacity}[arguments.experiment](arguments.seed, arguments.data)
    else:
        {"hebb": hebb, "frequency": frequency, "nontarget": nontarget}[arguments.experiment](arguments.seed)
    print(f"{time.perf_counter() - start:.0f} s")
