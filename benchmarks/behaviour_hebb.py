"""Does mixed stability bring the positional network closer to people's Hebb learning than other synapses do?

    python benchmarks/behaviour_hebb.py --candidates 128
    python benchmarks/behaviour_hebb.py report

The gate of mixed and of stable synapses closes the sooner the larger kappa is; with kappa going to 0 both become
ordinary ones. So kappa is gone through from 0 on, and with each the same candidates for the parameters that all
networks share, from one Sobol sequence, are fitted by the RMSD of some cycles of Page et al. (2006) on seed 150. The
five that fit best go to the cycles held out, with other seeds. Two splits: the first four cycles against the rest (does
the network foresee what people learn?), and odd cycles against even ones.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from ordered_hebb import CYCLES, levels, slopes
from pages import put_into
from scipy.stats import qmc

from engram.analysis import compare_tables
from engram.data.behaviour import dataset
from engram.data.item_sets import item_set
from engram.models import Fixed, Uniform
from engram.models.ordered import PositionalNetwork
from engram.protocols import load
from engram.sim.planning import make_plan

HERE = Path(__file__).parent
DATASET = "page2006-hebb"
FLEXIBILITIES = {"flexible": Fixed(1.0), "mixed": Uniform(), "stable": Fixed(0.3)}
KAPPAS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
NETWORKS = (("flexible", 0.0), *((synapses, kappa) for synapses in ("mixed", "stable") for kappa in KAPPAS))
"""Kinds of synapses with their kappa; flexible ones have no gate, which is kappa 0 of the others."""
RANGES = {
    "learning_rate": (0.05, 1.0, "log"),
    "noise": (0.02, 0.4, "log"),
    "threshold": (0.08, 0.4, "linear"),
    "similarity": (0.1, 0.7, "linear"),
    "release": (0.3, 1.0, "linear"),
}
SPLITS = {"first four": range(1, 5), "odd": range(1, CYCLES + 1, 2)}
FIT_SEED = 150
BEST = 5


def candidates(count: int) -> list[dict[str, float]]:
    """Points that fill the ranges evenly, the same ones for every kind of synapse."""
    points = qmc.Sobol(len(RANGES), scramble=True, seed=0).random(count)
    found = []
    for point in points:
        chosen = {}
        for share, (name, (low, high, scale)) in zip(point, RANGES.items(), strict=True):
            chosen[name] = float(low * (high / low) ** share if scale == "log" else low + share * (high - low))
        found.append(chosen)
    return found


def network(synapses: str, kappa: float, chosen: dict[str, float]) -> PositionalNetwork:
    gate = {"kappa": kappa} if kappa else {}
    return PositionalNetwork(flexibility=FLEXIBILITIES[synapses], **gate, **chosen)


def curves(built: PositionalNetwork, subjects: int, seed: int) -> NDArray[np.float64]:
    """Proportion recalled of the repeated list and of the fillers, [subject, type, cycle]."""
    protocol = load("hebb-and-fillers")
    settings = {"device": "cpu", "threads": 1, "subjects": subjects}
    spec = protocol.items
    pool = item_set(spec.set, **spec.options).pool()
    plan = make_plan(protocol, {"network": built}, pool, seed, settings, None)
    session = plan.simulators["network"].session(plan.subjects("network", 0))
    recalled = []
    for step in plan.timeline.steps:
        if step.kind == "probe":
            recalled.append(session.probe(step, np.empty(0, dtype=bool)).performance)
        else:
            for _ in getattr(session, step.kind)(step):
                pass
        session.drain()
    return np.stack(levels(np.stack(recalled, axis=1)), axis=1)


def people() -> NDArray[np.float64]:
    """Means of the repeated list and of the fillers, [type, cycle]."""
    table = dataset(DATASET).conditions.set_index(["list_type", "repetition"])["mean"].unstack()
    return table.loc[["repeated", "filler"]].to_numpy()


def search(count: int, subjects: int) -> pd.DataFrame:
    """Distance of every candidate from people on the fitted cycles of each split."""
    human, rows = people(), []
    for synapses, kappa in NETWORKS:
        for number, chosen in enumerate(candidates(count)):
            model = curves(network(synapses, kappa, chosen), subjects, FIT_SEED).mean(axis=0)
            fits = {split: rms(model, human, np.array(cycles) - 1) for split, cycles in SPLITS.items()}
            rows.append({"synapses": synapses, "kappa": kappa, "candidate": number, **chosen, **fits})
        print(f"{synapses}, kappa {kappa:g}: {count} candidates", flush=True)
    return pd.DataFrame(rows)


def rms(model: NDArray[np.float64], human: NDArray[np.float64], places: NDArray[np.int64]) -> float:
    return float(np.sqrt(np.mean((model - human)[:, places] ** 2)))


def held_out(found: pd.DataFrame, subjects: int, seeds: list[int]) -> pd.DataFrame:
    """The candidates that fit best, on the cycles and the seeds that they were not chosen by."""
    rows = []
    for split, cycles in SPLITS.items():
        others = [cycle for cycle in range(1, CYCLES + 1) if cycle not in cycles]
        for (synapses, kappa), tried in found.groupby(["synapses", "kappa"], sort=False):
            for place, best in enumerate(tried.nsmallest(BEST, split).to_dict("records")):
                chosen = {name: best[name] for name in RANGES}
                built = network(synapses, kappa, chosen)
                own = np.concatenate([curves(built, subjects, seed) for seed in seeds])
                report = compare_tables(scores_of(own), DATASET, where={"repetition": others}).json()
                difference = slopes(own[:, 0]) - slopes(own[:, 1])
                rows.append(
                    {
                        "split": split,
                        "synapses": synapses,
                        "kappa": kappa,
                        "place": place + 1,
                        **chosen,
                        "fit": best[split],
                    }
                    | {key: report[key] for key in ("rmsd", "rmsd_over_replication", "within_ci", "correlation")}
                    | {"flat": report["baselines"]["flat"]["rmsd"], "own_error": report["own_error"]}
                    | {"slope_repeated": slopes(own[:, 0]).mean(), "slope_filler": slopes(own[:, 1]).mean()}
                    | {"difference": difference.mean(), "subjects": len(own)}
                )
        print(f"{split}: held out", flush=True)
    return pd.DataFrame(rows)


def scores_of(own: NDArray[np.float64]) -> pd.DataFrame:
    subject, kind, cycle = np.indices(own.shape).reshape(3, -1)
    types = np.array(["repeated", "filler"])[kind]
    return pd.DataFrame({"subject": subject, "list_type": types, "repetition": cycle + 1, "score": own.ravel()})


def in_markdown(table: pd.DataFrame) -> dict[str, str]:
    """One table for each split: the best fit with every kappa, and the range of the five best."""
    tables = {}
    for split, rows in table.groupby("split", sort=False):
        lines = [
            "| synapses | κ | fitted RMSD | held-out RMSD | of the five best fits | ÷ replication | inside 95 % | "
            "slope, repeated | slope, fillers | learning rate, noise, threshold, similarity, release |",
            "|---|---|---|---|---|---|---|---|---|---|",
        ]
        for (synapses, kappa), tried in rows.groupby(["synapses", "kappa"], sort=False):
            best: Any = tried.iloc[0]
            values = [
                str(synapses),
                f"{kappa:g}" if kappa else "",
                f"{best.fit:.3f}",
                f"{best.rmsd:.3f}",
                f"{tried['rmsd'].min():.3f} to {tried['rmsd'].max():.3f}",
                f"{best.rmsd_over_replication:.2f}",
                f"{best.within_ci:.2f}",
                f"{best.slope_repeated:.4f}",
                f"{best.slope_filler:.4f}",
                ", ".join(f"{best[name]:.2g}" for name in RANGES),
            ]
            lines.append("| " + " | ".join(values) + " |")
        lines.append(f"| flat mean | | | {rows['flat'].iloc[0]:.3f} | | | | | | |")
        tables[f"hebb, {split}"] = "\n".join(lines)
    return tables


def draw(table: pd.DataFrame, path: Path) -> None:
    """Distance from people on the cycles held out, by how soon the gate closes."""
    figure, panels = plt.subplots(1, len(SPLITS), figsize=(8.5, 3.2), sharey=True, layout="constrained")
    for axes, (split, rows) in zip(panels, table.groupby("split", sort=False), strict=True):
        best = rows[rows["place"] == 1]
        axes.axhline(best["flat"].iloc[0], color="0.5", linestyle=":", label="flat mean")
        axes.axhline(best.query("synapses == 'flexible'")["rmsd"].item(), color="black", label="flexible")
        for synapses, marker in (("mixed", "o-"), ("stable", "s--")):
            chosen = best[best["synapses"] == synapses]
            axes.plot(chosen["kappa"], chosen["rmsd"], marker, label=synapses)
        axes.set(
            xscale="log", xlabel="κ", title=f"fitted on {'the first four' if 'four' in str(split) else split} cycles"
        )
    panels[0].set(ylabel="RMSD on cycles held out", ylim=(0, None))
    panels[0].legend(frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"], nargs="?", default="run")
    parser.add_argument("--candidates", type=int, default=128)
    parser.add_argument("--subjects", type=int, default=60, help="of each candidate; those held out have 100")
    parser.add_argument("--seeds", type=int, nargs="+", default=[3001, 3002, 3003])
    parser.add_argument("--results", type=Path, default=HERE / "results" / "behaviour")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "behaviour.md")
    given = parser.parse_args()
    given.results.mkdir(parents=True, exist_ok=True)
    kept = given.results / "hebb.csv"
    if given.what == "run":
        found = search(given.candidates, given.subjects)
        found.to_csv(given.results / "hebb-candidates.csv", index=False, float_format="%.6g")
        held_out(found, 100, given.seeds).to_csv(kept, index=False, float_format="%.6g")
    tables = in_markdown(pd.read_csv(kept))
    print("\n\n".join(tables.values()))
    if given.page.exists():
        put_into(given.page, tables)
        draw(pd.read_csv(kept), given.page.parent / "figures" / "hebb-by-kappa.png")


if __name__ == "__main__":
    main()
