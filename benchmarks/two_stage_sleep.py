"""Repetition, sleep against waking, cues in sleep, prototypes, and forgetting."""

from __future__ import annotations

import pandas as pd
from two_stage_results import (
    COLUMNS,
    Criterion,
    Result,
    Runs,
    by_subject,
    chosen,
    fastest_in_cues,
    mean_of,
    no_runaway,
    probe_means,
    recall_rows,
)
from two_stage_variants import long_rests, subject

from engram.analysis import effect_size, recall_over_nights
from engram.protocols import load

MODEL = "two-stage"
SIDES = {"none": "intact", "hippocampus": "lesioned"}


# Repetition -----------------------------------------------------------------------------------------------------------


def repetition(runs: Runs) -> Result:
    """Items that come back in every cycle against fillers that are new in each."""
    run = runs.recorded("item-repetition", load("item-repetition"), {MODEL: subject()})
    table = probe_means(run)
    rows = pd.DataFrame(
        {
            "condition": table["list"],
            "subject": table["subject"],
            "measure": table["lesion"].map(SIDES) + " recall",
            "at": table["repetition"],
            "value": table["recall"].astype(float),
        }
    )[COLUMNS]
    rows = pd.concat([rows, difference(rows, "repeated", "fillers")], ignore_index=True)
    where = {"condition": "repeated − fillers", "measure": "lesioned recall"}
    rates = fastest_in_cues(run, "item-repetition", MODEL)
    first, second, sixth = (mean_of(rows, **where, at=cycle) for cycle in (1, 2, 6))
    intact = mean_of(rows, condition="repeated − fillers", measure="intact recall", at=6)
    criteria = [
        Criterion(what="lesioned, repeated − fillers, repetition 1, mean", value=first, low=-0.12, high=0.12),
        Criterion(what="lesioned, repeated − fillers, repetition 2, mean", value=second, low=0.10),
        Criterion(what="lesioned, repeated − fillers, repetition 6, mean", value=sixth, low=0.18),
        Criterion(what="intact, repeated − fillers, repetition 6, mean", value=intact),
        no_runaway(rates),
    ]
    return Result(part="repetition", rows=pd.concat([rows, rates], ignore_index=True), criteria=criteria)


def difference(rows: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Rows of one condition less those of another, paired by subject."""
    keys = ["subject", "measure", "at"]
    both = chosen(rows, condition=first).merge(chosen(rows, condition=second), on=keys, suffixes=("", "_second"))
    return both.assign(condition=f"{first} − {second}", value=both["value"] - both["value_second"])[COLUMNS]


# Sleep ----------------------------------------------------------------------------------------------------------------

ASLEEP = "sleep-vs-wake"
WAKE = tuple(f"sleep-vs-wake-{kind}" for kind in ("quiet", "quiet-replay", "busy", "busy-replay"))


def sleep_and_wake(runs: Runs) -> Result:
    """Sleep against four ways to be awake; cues in sleep; prototypes; forgetting over rests."""
    parts, effects, criteria = [], [], []
    for rows, table, told in (against_waking(runs), reactivation(runs), prototypes(runs), forgetting(runs)):
        parts.append(rows)
        effects.append(table)
        criteria += told
    rows = pd.concat(parts, ignore_index=True)
    return Result(
        part="sleep",
        rows=rows,
        criteria=[*criteria, no_runaway(rows)],
        tables={"effects": pd.concat(effects, ignore_index=True)},
    )


Found = tuple[pd.DataFrame, pd.DataFrame, list[Criterion]]


def against_waking(runs: Runs) -> Found:
    """Recall after six hours asleep and awake; subject k learned the same items in all five."""
    parts = []
    for name in (ASLEEP, *WAKE):
        run = runs.recorded(name, load(name), {MODEL: subject()})
        recall = recall_over_nights(run.performance(), run.phases())
        ends = recall[recall["night"].isin([0, recall["night"].max()])].assign(model=name)
        rows = recall_rows(ends)
        parts.append(rows.assign(at=rows["at"].eq(0).map({True: "before", False: "after"})))
        parts.append(fastest_in_cues(run, name, MODEL))
    rows = pd.concat(parts, ignore_index=True)
    effects = [
        effect(rows, f"{side} recall", (ASLEEP, name), "after", f"sleep − {name.removeprefix(ASLEEP + '-')}, {side}")
        for side in SIDES.values()
        for name in WAKE
    ]
    table = pd.concat(effects, ignore_index=True)
    return rows, table, told_effects(table)


def effect(rows: pd.DataFrame, measure: str, conditions: tuple[str, str], at: object, what: str) -> pd.DataFrame:
    first, second = (by_subject(rows, condition=name, measure=measure, at=at) for name in conditions)
    return effect_size(first, second).assign(comparison=what)


def told_effects(table: pd.DataFrame) -> list[Criterion]:
    return [
        Criterion(
            what=f"{r.comparison} (g_z {r.hedges_gz:.2f}, 95 % {r.gz_low:.2f} … {r.gz_high:.2f}; p {r.p:.2g})",
            value=r.difference,
        )
        for r in table.itertuples()
    ]


def reactivation(runs: Runs) -> Found:
    """Items cued in NREM against those that were not."""
    run = runs.recorded("targeted-reactivation", load("targeted-reactivation"), {MODEL: subject()})
    table = probe_means(run)
    rows = pd.DataFrame(
        {
            "condition": "targeted-reactivation, " + table["list"],
            "subject": table["subject"],
            "measure": table["lesion"].map(SIDES) + " recall",
            "at": table["label"],
            "value": table["recall"].astype(float),
        }
    )[COLUMNS]
    names = ("targeted-reactivation, cued", "targeted-reactivation, uncued")
    effects = [effect(rows, f"{side} recall", names, "after", f"cued − uncued, {side}") for side in SIDES.values()]
    effects = pd.concat(effects, ignore_index=True)
    lesioned = float(effects.loc[effects["comparison"] == "cued − uncued, lesioned", "difference"].item())
    above = Criterion(what="cued − uncued, lesioned, mean", value=lesioned, low=0)
    rates = fastest_in_cues(run, "targeted-reactivation", MODEL)
    return pd.concat([rows, rates], ignore_index=True), effects, [above, *told_effects(effects)]


def prototypes(runs: Runs) -> Found:
    """Prototypes that were never seen, over nights and over days without sleep."""
    parts = []
    for name in ("prototype-extraction", "prototype-extraction-wake"):
        run = runs.recorded(name, load(name), {MODEL: subject()})
        parts.append(recall_rows(recall_over_nights(run.performance(), run.phases()).assign(model=name)))
        parts.append(fastest_in_cues(run, name, MODEL))
    rows = pd.concat(parts, ignore_index=True)
    names = ("prototype-extraction", "prototype-extraction-wake")
    effects = [
        effect(rows, f"{side} recall", names, 3, f"prototypes, three nights − three days awake, {side}")
        for side in SIDES.values()
    ]
    table = pd.concat(effects, ignore_index=True)
    told = [
        Criterion(
            what=f"lesioned recall of prototypes after night {night}",
            value=mean_of(rows, condition=names[0], measure="lesioned recall", at=night),
        )
        for night in range(4)
    ]
    return rows, table, [*told, *told_effects(table)]


DAY_A_SECOND = 86_400.0


def forgetting(runs: Runs) -> Found:
    """Rests of minutes to a month; only the stated decay of hippocampal weights forgets."""
    hours = {"at once": 0.0, "20 min": 1 / 3, "1 h": 1.0, "8.8 h": 8.8, "24 h": 24.0}
    short = runs.recorded("rest-and-forgetting", load("rest-and-forgetting"), {MODEL: subject()})
    long = runs.recorded("long-rests", long_rests(), {MODEL: subject(time_scale=DAY_A_SECOND)})
    parts = []
    for condition, run, days in (
        ("rest, first day", short, lambda label: round(hours[label] / 24, 4)),
        ("rest, a month", long, float),
    ):
        table = probe_means(run)
        parts.append(
            pd.DataFrame(
                {
                    "condition": condition,
                    "subject": table["subject"],
                    "measure": table["lesion"].map(SIDES) + " recall",
                    "at": table["label"].map(days),
                    "value": table["recall"].astype(float),
                }
            )[COLUMNS]
        )
    rows = pd.concat(parts, ignore_index=True)
    intact = {"condition": "rest, a month", "measure": "intact recall"}
    effects = effect_size(by_subject(rows, **intact, at=0.0), by_subject(rows, **intact, at=32.0))
    told = [
        Criterion(what=f"intact recall after {day} days of rest", value=mean_of(rows, **intact, at=float(day)))
        for day in (0, 1, 8, 32)
    ]
    lost = Criterion(what="intact recall lost over 32 days of rest", value=effects["difference"].item(), low=0)
    return rows, effects.assign(comparison="rest: at once − after 32 days, intact"), [*told, lost]
