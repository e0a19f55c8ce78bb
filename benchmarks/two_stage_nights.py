"""Consolidation over nights, its controls, replay, order, and what REM takes off."""

from __future__ import annotations

import numpy as np
import pandas as pd
from two_stage_results import (
    Criterion,
    Result,
    Runs,
    by_subject,
    chosen,
    fastest_in_cues,
    long_rows,
    mean_of,
    no_runaway,
    recall_rows,
)
from two_stage_variants import (
    CORTEX,
    ordered_list,
    rem_alone,
    subject,
    without_replay_noise,
    without_what_was_learned_between,
)

from engram.analysis import (
    burst_sequences,
    compression,
    decode_items,
    decoded_sequences,
    downscaling,
    flexibility_and_change,
    index_assemblies,
    item_rates,
    learned_interval,
    recall_over_nights,
    recorded_stages,
    relative_change,
    replay_by_night,
    replay_events,
    sequence_replay,
)
from engram.data.recording import Recording
from engram.models.spiking.quantities import in_si
from engram.models.synapses import gate
from engram.protocols import load

MODEL = "two-stage"
CONTROLS = {"no replay noise": "no-replay-noise", "H-C shuffled": "h-c-shuffled"}
LAST = 3  # nights


def nights(runs: Runs) -> Recording:
    models = {
        MODEL: subject(),
        CONTROLS["no replay noise"]: without_replay_noise(),
        CONTROLS["H-C shuffled"]: without_what_was_learned_between(),
    }
    return runs.recorded("systems-consolidation", load("systems-consolidation"), models)


def consolidation(runs: Runs) -> Result:
    """Recall over three nights with and without the hippocampus, and two controls that must not consolidate."""
    run = nights(runs)
    rows = recall_rows(recall_over_nights(run.performance(), run.phases()))
    lesioned = {"condition": MODEL, "measure": "lesioned recall"}
    means = [mean_of(rows, **lesioned, at=night) for night in range(LAST + 1)]
    gained = by_subject(rows, **lesioned, at=LAST) - by_subject(rows, **lesioned, at=0)
    intact = chosen(rows, condition=MODEL, measure="intact recall")
    criteria = [
        Criterion(what="lesioned recall before sleep, mean", value=means[0], low=0.45, high=0.56),
        Criterion(what="lesioned recall after night 1, mean", value=means[1], low=0.65),
        Criterion(what="lesioned recall after night 3, mean", value=means[LAST], low=0.75),
        Criterion(what="night 3 − night 1, lesioned, mean", value=means[LAST] - means[1], low=0),
        Criterion(what="night 3 − night 0, lesioned, least of all subjects", value=float(gained.min()), low=0.20),
        Criterion(what="intact recall, mean of the worst night", value=float(lowest_mean(intact)), low=0.85),
        Criterion(what="intact recall, worst night of any subject", value=float(intact["value"].min())),
    ]
    for words, name in CONTROLS.items():
        after = mean_of(rows, condition=name, measure="lesioned recall", at=LAST)
        criteria.append(Criterion(what=f"lesioned recall after night 3, {words}, mean", value=after, high=0.56))
    rates = fastest_in_cues(run, MODEL, MODEL)
    return Result(
        part="consolidation",
        rows=pd.concat([rows, rates], ignore_index=True),
        criteria=[*criteria, no_runaway(rates)],
    )


def lowest_mean(rows: pd.DataFrame) -> float:
    return float(rows.groupby("at")["value"].mean().min())


# Replay ---------------------------------------------------------------------------------------------------------------

PER_NIGHT = ("median_ms", "within", "per_simulated_second", "per_biological_second", "matched", "null_shuffled",
             "null_random", "replayed", "cv")  # fmt: skip
ORDERS = {
    "rank order of cells within bursts": "within",
    "Bayesian decoding within bursts": "decoded",
    "order of consecutive bursts": "over",
}


def replay(runs: Runs) -> Result:
    """Bursts of the hippocampus in NREM, the items that they reactivate, and whether lists come back in order."""
    table = replay_by_night(nights(runs), [MODEL])
    rows = long_rows(table.assign(condition=MODEL), "condition", "night", PER_NIGHT)
    null = float(table[["null_shuffled", "null_random"]].mean().max())
    missed = int((table["items"] - table["replayed"]).sum())
    criteria = [
        Criterion(what="duration of events, median, ms", value=mean_of(rows, measure="median_ms"), low=40, high=120),
        Criterion(what="events that last 30-150 ms, share", value=mean_of(rows, measure="within"), low=0.80),
        Criterion(what="events per simulated s", value=mean_of(rows, measure="per_simulated_second"), low=2, high=7),
        Criterion(what="events that match one stored item", value=mean_of(rows, measure="matched"), low=0.85),
        Criterion(what="the same by chance, the larger null", value=null, high=0.20),
        Criterion(what="items not replayed in a night, all nights", value=float(missed), high=0),
        Criterion(what="CV of replay counts, mean", value=mean_of(rows, measure="cv"), high=0.45),
        Criterion(what="CV of replay counts, most uneven night", value=float(table["cv"].max())),
    ]
    ordered, pooled = order_of_replay(runs)
    for found in pooled.itertuples():
        why = f" ({found.reason})" if found.reason else ""
        z, speed = (number if np.isfinite(number) else None for number in (found.z, found.compression))
        criteria += [
            Criterion(what=f"{found.order}: z over shuffles, {found.sequences} sequences", value=z, low=1.645),
            Criterion(what=f"{found.order}: times faster than learned{why}", value=speed, low=3, high=20),
        ]
    return Result(
        part="replay",
        rows=pd.concat([rows, ordered], ignore_index=True),
        criteria=criteria,
        tables={"nights": table.drop(columns="model"), "order": pooled},
    )


def order_of_replay(runs: Runs) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items learned in a fixed order: rho of every subject, and the pooled tests."""
    run = runs.recorded("ordered-list", ordered_list(), {MODEL: subject()})
    parts: dict[str, list[pd.DataFrame]] = {words: [] for words in ORDERS}
    rows, interval = [], float("nan")
    for number in range(run.models[MODEL].subjects):
        interval = learned_interval(run.segments(MODEL, number))
        for words, sequences in sequences_of(run, number).items():
            parts[words].append(sequences)
            rows.append((words, number, "rho", "all nights", float(sequences["rho"].mean())))
    pooled = [
        compression(pd.concat(sequences, ignore_index=True), interval).assign(order=words)
        for words, sequences in parts.items()
    ]
    table = pd.concat(pooled, ignore_index=True)
    return pd.DataFrame(rows, columns=["condition", "subject", "measure", "at", "value"]), table


def sequences_of(run: Recording, number: int) -> dict[str, pd.DataFrame]:
    """Order of items in the bursts of all nights of one subject, in three ways."""
    events = replay_events(run, MODEL, number)
    times, cells = run.spikes(MODEL, number, "H")
    size, segments = run.populations(MODEL)["H"], run.segments(MODEL, number)
    assemblies = index_assemblies(times, cells, size, segments)
    decoded = decode_items(times, cells, item_rates(times, cells, size, segments), events)
    found = (
        sequence_replay(times, cells, assemblies, events, number),
        decoded_sequences(decoded, number),
        burst_sequences(events["item"], events["start"]),
    )
    return dict(zip(ORDERS, found, strict=True))


# Down-scaling ---------------------------------------------------------------------------------------------------------


def rem(runs: Runs) -> Result:
    """What REM takes off strong cortical synapses, and of which flexibility and size."""
    stages = recorded_stages(nights(runs), [MODEL])
    stages = stages[(stages["projection"] == CORTEX) & (stages["stage"] == "rem")]
    per_night = downscaling(stages)
    place = {phase: night for night, phase in enumerate(sorted(per_night["phase"].unique()), start=1)}
    per_night = per_night.assign(condition="REM of a night", at=per_night["phase"].map(place))
    run = runs.recorded("rem-alone", rem_alone(), {MODEL: subject()})
    parts = [rem_of_subject(run, number) for number in range(run.models[MODEL].subjects)]
    alone = pd.DataFrame([part[0] for part in parts])
    rows = pd.concat(
        [
            long_rows(per_night, "condition", "at", ["change"]),
            long_rows(each_stage(stages, place), "condition", "at", ["change"]),
            long_rows(alone, "condition", "at", ["change", "unexplained"]),
        ],
        ignore_index=True,
    )
    bins = pd.concat([part[1] for part in parts], ignore_index=True)
    shape = bins.groupby(["flexibility_low", "flexibility_high", "size"]).agg(
        size_mean=("size_mean", "mean"), synapses=("synapses", "sum"), relative=("relative", "mean"),
        sd=("relative", "std"),
    ).reset_index()  # fmt: skip
    night, stage = (mean_of(rows, condition=name) for name in ("REM of a night", "a stage of REM"))
    hours = mean_of(rows, condition="REM alone", measure="change")
    flexibility = [float(part[2]) for part in parts]
    criteria = [
        Criterion(what="change across the REM of a night, mean", value=night, low=-0.25, high=-0.10),
        Criterion(what="change across a single stage of REM, mean", value=stage),
        Criterion(what="change across two hours of REM alone, mean", value=hours),
        Criterion(what="what the rule alone does not predict, largest", value=float(alone["unexplained"].max())),
        Criterion(what="flexibility of strong synapses, mean (all: .525)", value=float(np.mean(flexibility))),
    ]
    return Result(part="downscaling", rows=rows, criteria=criteria, tables={"by-flexibility-and-size": shape})


def each_stage(stages: pd.DataFrame, place: dict[int, int]) -> pd.DataFrame:
    change = stages["after"] / stages["before"] - 1
    named = stages["phase"].map(place).astype(str) + "." + stages["cycle"].astype(str)
    return pd.DataFrame({"condition": "a stage of REM", "subject": stages["subject"], "at": named, "change": change})


def rem_of_subject(run: Recording, number: int) -> tuple[dict[str, object], pd.DataFrame, float]:
    """One subject's strong synapses across REM alone: their change, also by flexibility and size."""
    before, after = run.snapshots(MODEL, number, CORTEX)[-2:].astype(float)
    synapses = run.synapses(MODEL, number, CORTEX)
    initial, flexibility = synapses["initial"].to_numpy(float), synapses["flexibility"].to_numpy(float)
    strong = before > 1.5 * initial
    change = relative_change(before, after, initial)["change"].item()
    left = np.abs(after - predicted(before, initial, flexibility))[strong].max()
    row = {"condition": "REM alone", "subject": number, "at": "2 h", "change": change, "unexplained": left}
    bins = flexibility_and_change(before[strong], after[strong], flexibility[strong], sizes=3)
    return row, bins, float(flexibility[strong].mean())


def predicted(before: np.ndarray, initial: np.ndarray, flexibility: np.ndarray) -> np.ndarray:
    """The weights that down-scaling alone leaves after two hours of REM: what is by construction."""
    model = subject()
    rule = model.circuit.projection(CORTEX).rule
    process = next(m for m in rule.mechanisms if m.kind == "down-scaling").process("gate")
    step = in_si(process.every)
    weights, share = before.copy(), in_si(process.value) * step
    for _ in range(round(2 * 3600 / model.procedure.time_scale / step)):
        open_ = gate(weights, initial, flexibility, rule.stability.sensitivity)
        weights -= share * open_ * (weights - initial)
    return weights
