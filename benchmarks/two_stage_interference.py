"""What is left of list A once list B was learned: mixed stability against ordinary synapses that learn as strongly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from two_stage_results import COLUMNS, Criterion, Result, Runs, by_subject, mean_of, probe_means
from two_stage_variants import (
    CORTEX,
    fixed_rates,
    flexible,
    interference,
    learner,
    list_a_alone,
    mixed,
    overwriting,
    own_rate,
)

from engram.analysis import compare_paired
from engram.data.recording import Recording
from engram.models.spiking import CircuitModel

LISTS = {"A": range(4), "B": range(4, 8)}
DEVELOPMENT = {"seed": 100, "subjects": 2}  # rates are matched on these, results are told of others
CLOSE = 0.03  # replay is random: two subjects do not tell less apart
TRIALS = 5


# Matching -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Match:
    """Learning rates that were tried for a model, the excess that each gave, and the excess that was wanted."""

    wanted: float
    tried: tuple[tuple[float, float], ...]

    @property
    def rate(self) -> float:
        return min(self.tried, key=lambda trial: abs(np.log(trial[1] / self.wanted)))[0]


def match(wanted: float, excess_at: Callable[[float], float], first: float) -> Match:
    """Look for the learning rate with this excess, by secants on logarithmic axes."""
    tried: list[tuple[float, float]] = []
    rate = first
    while len(tried) < TRIALS:
        tried.append((rate, excess_at(rate)))
        if abs(tried[-1][1] / wanted - 1) < CLOSE:
            break
        slope = 1.0
        if len(tried) > 1:
            (r0, e0), (r1, e1) = tried[-2:]
            slope = float(np.clip(np.log(e1 / e0) / np.log(r1 / r0), 0.25, 4.0))
        rate *= float(np.clip(wanted / tried[-1][1], 0.1, 10.0)) ** (1 / slope)
    return Match(wanted, tuple(tried))


def gained(runs: Runs, name: str, overlap: float, model: CircuitModel) -> float:
    """Mean excess of A's synapses after A's night, on development subjects."""
    run = runs.of(**DEVELOPMENT).recorded(f"matching/{name}", list_a_alone(overlap), {"model": model})
    return float(np.mean([excess(run, "model", number)["A"][-1] for number in range(DEVELOPMENT["subjects"])]))


def matched(runs: Runs, name: str, overlap: float, wanted: float, learning: Callable[[float], CircuitModel]) -> Match:
    """The rate at which a model gains as much from A and its night, on development subjects."""
    return match(wanted, lambda rate: gained(runs, f"{name}-{rate:.6f}", overlap, learning(rate)), own_rate() / 3)


def excess(run: Recording, model: str, number: int) -> dict[str, np.ndarray]:
    """Mean weight above the initial one of the synapses of A alone and of B alone, at every snapshot."""
    synapses = run.synapses(model, number, CORTEX)
    pre, post = synapses["pre"].to_numpy(), synapses["post"].to_numpy()
    gain = run.snapshots(model, number, CORTEX) - synapses["initial"].to_numpy()
    within = {name: own_synapses(pre, post, run.assemblies(model, number, "C"), items) for name, items in LISTS.items()}
    alone = {"A": within["A"] & ~within["B"], "B": within["B"] & ~within["A"]}
    return {name: gain[:, chosen].mean(axis=1) for name, chosen in alone.items()}


def own_synapses(pre: np.ndarray, post: np.ndarray, assemblies: np.ndarray, items: range) -> np.ndarray:
    """Synapses both of whose cells are in one pattern of a list: [synapse]."""
    found = np.zeros(len(pre), dtype=bool)
    for item in items:
        found |= assemblies[item][pre] & assemblies[item][post]
    return found


# List A, then list B, with a night after each -------------------------------------------------------------------------

OVERLAP = 0.2  # of the library's protocol
AFTER_A, AFTER_B = 1, -1  # snapshots: wake A, night, wake B, night


def lists(runs: Runs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of every subject and the rates that were matched."""
    models, matches = {}, []
    for scaled, word in ((True, ""), (False, "-no-downscaling")):
        models[f"mixed{word}"] = learner(mixed(10.0), downscaling=scaled)
        wanted = gained(runs, f"lists{word}-mixed", OVERLAP, models[f"mixed{word}"])
        for name, stability in (("flexible", flexible()), ("fixed-rates", fixed_rates())):
            learning = partial(learner, stability, downscaling=scaled)
            found = matched(runs, f"lists{word}-{name}", OVERLAP, wanted, learning)
            matches += tried_rows(f"{name}{word}", OVERLAP, 10.0, found)
            models[f"{name}{word}"] = learning(found.rate)
    run = runs.recorded("list-a-list-b", interference(), models)
    rows = []
    for name in models:
        for number in range(run.models[name].subjects):
            found = excess(run, name, number)
            rows += [
                (name, number, "excess of A", "before B", found["A"][AFTER_A]),
                (name, number, "excess of A", "after B", found["A"][AFTER_B]),
                (name, number, "excess of B", "after B", found["B"][AFTER_B]),
                (name, number, "share of A's excess kept", "after B", found["A"][AFTER_B] / found["A"][AFTER_A]),
            ]
    probed = probe_means(run)
    side = probed["lesion"].map({"none": "intact", "hippocampus": "lesioned"})
    probed = probed.assign(condition=probed["model"], measure=side + " recall of " + probed["list"])
    recall = probed.rename(columns={"label": "at", "recall": "value"})[COLUMNS]
    return pd.concat([pd.DataFrame(rows, columns=COLUMNS), recall], ignore_index=True), pd.DataFrame(matches)


def tried_rows(model: str, overlap: float, sensitivity: float, found: Match) -> list[dict[str, object]]:
    return [
        {"model": model, "overlap": overlap, "sensitivity": sensitivity, "wanted": found.wanted, "rate": rate,
         "excess": gain, "chosen": rate == found.rate}
        for rate, gain in found.tried
    ]  # fmt: skip


# Overwriting ----------------------------------------------------------------------------------------------------------

OVERLAPS = (0.1, 0.3, 0.5)
SENSITIVITIES = (3.0, 10.0, 30.0)
GAP = "50 ms"  # between presentations: nothing that lasts longer than a trial matters here


def overwritten(runs: Runs, overlap: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Mixed synapses of each sensitivity and flexible ones that learned A as strongly: rows by block, and matches."""
    models, matches = {}, []
    learning = partial(learner, flexible(), downscaling=False, gap=GAP)
    for s in SENSITIVITIES:
        models[f"mixed-{s:g}"] = learner(mixed(s), downscaling=False, gap=GAP)
        wanted = gained(runs, f"overwriting-{overlap:g}-mixed-{s:g}", overlap, models[f"mixed-{s:g}"])
        found = matched(runs, f"overwriting-{overlap:g}-flexible", overlap, wanted, learning)
        matches += tried_rows("flexible", overlap, s, found)
        models[f"flexible-{s:g}"] = learning(found.rate)
    run = runs.recorded(f"overwriting-{overlap:g}", overwriting(overlap), models)
    recall = probe_means(run)
    rows = []
    for name in models:
        for number in range(run.models[name].subjects):
            found = excess(run, name, number)
            own = recall[(recall["model"] == name) & (recall["subject"] == number)]
            of_a, of_b = (own.loc[own["list"] == word, "recall"].to_numpy() for word in LISTS)
            for block in range(len(of_b) + 1):
                rows += [
                    (name, number, "excess of A", block, found["A"][AFTER_A + block]),
                    (name, number, "excess of B", block, found["B"][AFTER_A + block]),
                    (name, number, "lesioned recall of A", block, of_a[block]),
                ]
                if block:
                    rows.append((name, number, "lesioned recall of B", block, of_b[block - 1]))
    table = pd.DataFrame(rows, columns=COLUMNS)
    table["condition"] += f", overlap {overlap:g}"
    return table, pd.DataFrame(matches)


def at_equal_learning(learned: np.ndarray, kept: np.ndarray, level: float) -> float:
    """What is kept when B has gained so much, along a straight line from block to block."""
    return float(np.interp(level, np.maximum.accumulate(learned), kept))


def curve(rows: pd.DataFrame, condition: str, number: int, measure: str) -> np.ndarray:
    """One subject's numbers from block to block."""
    own = rows[(rows["condition"] == condition) & (rows["subject"] == number) & (rows["measure"] == measure)]
    return own.sort_values("at", key=lambda at: at.astype(int))["value"].to_numpy(float)


def protection(rows: pd.DataFrame, overlap: float, sensitivity: float) -> pd.DataFrame:
    """Mixed against flexible at the same gain of B, the most that both reached: one row per subject."""
    names = {kind: f"{kind}-{sensitivity:g}, overlap {overlap:g}" for kind in ("mixed", "flexible")}
    found = []
    for number in sorted(rows.loc[rows["condition"] == names["mixed"], "subject"].unique()):
        a, b, recall = (
            {kind: curve(rows, name, number, measure) for kind, name in names.items()}
            for measure in ("excess of A", "excess of B", "lesioned recall of A")
        )
        learned = {kind: values - values[0] for kind, values in b.items()}
        level = min(float(values.max()) for values in learned.values())
        kept = {kind: at_equal_learning(learned[kind], a[kind] / a[kind][0], level) for kind in names}
        recalled = {kind: at_equal_learning(learned[kind], recall[kind], level) for kind in names}
        found.append(
            {
                "overlap": overlap,
                "sensitivity": sensitivity,
                "subject": number,
                "gain of B": level,
                "excess of A, mixed": a["mixed"][0],
                "excess of A, flexible": a["flexible"][0],
                "kept, mixed": kept["mixed"],
                "kept, flexible": kept["flexible"],
                "kept, difference": kept["mixed"] - kept["flexible"],
                "kept at the end, mixed": a["mixed"][-1] / a["mixed"][0],
                "kept at the end, flexible": a["flexible"][-1] / a["flexible"][0],
                "gain of B at the end, mixed": learned["mixed"][-1],
                "gain of B at the end, flexible": learned["flexible"][-1],
                "recall of A, mixed": recalled["mixed"],
                "recall of A, flexible": recalled["flexible"],
                "recall of A, difference": recalled["mixed"] - recalled["flexible"],
            }
        )
    return pd.DataFrame(found)


def interfere(runs: Runs) -> Result:
    """Both experiments."""
    rows, matches = lists(runs)
    parts, matching = [rows], [matches]
    for overlap in OVERLAPS:
        found, tried = overwritten(runs, overlap)
        parts.append(found)
        matching.append(tried)
    table = pd.concat(parts, ignore_index=True)
    cells = pd.concat([protection(table, o, s) for o in OVERLAPS for s in SENSITIVITIES], ignore_index=True)
    return Result(
        part="interference",
        rows=table,
        criteria=[*retention(rows), *where_it_protects(cells)],
        tables={"protection": cells, "matching": pd.concat(matching, ignore_index=True)},
    )


def retention(rows: pd.DataFrame) -> list[Criterion]:
    """What list B and its night leave of A."""
    found = []
    for word, scaled in (("with down-scaling", ""), ("without down-scaling", "-no-downscaling")):
        for name in ("mixed", "flexible", "fixed-rates"):
            where = {"condition": f"{name}{scaled}"}
            kept = mean_of(rows, **where, measure="share of A's excess kept")
            drop = by_subject(rows, **where, measure="lesioned recall of A", at="before B") - by_subject(
                rows, **where, measure="lesioned recall of A", at="after B"
            )
            found += [
                Criterion(what=f"A then B, {name}, {word}: share of A's excess kept", value=kept),
                Criterion(what=f"A then B, {name}, {word}: loss of lesioned recall of A", value=float(drop.mean())),
            ]
    return found


def where_it_protects(cells: pd.DataFrame) -> list[Criterion]:
    """Of every cell of the map, how much more mixed synapses keep at equal learning of B."""
    found = []
    for (overlap, sensitivity), own in cells.groupby(["overlap", "sensitivity"], sort=False):
        p = float(compare_paired(own["kept, mixed"], own["kept, flexible"])["p_t"].item()) if len(own) > 2 else np.nan
        better = int((own["kept, difference"] > 0).sum())
        where = f"overlap {overlap:g}, sensitivity {sensitivity:g}"
        what = f"overwriting, {where}: kept more than flexible ({better} of {len(own)} subjects, p {p:.2g})"
        found.append(Criterion(what=what, value=float(own["kept, difference"].mean())))
    return found
