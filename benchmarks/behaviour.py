"""Which effects of human memory does each model show, and how far do its means lie from people's?

    python benchmarks/behaviour.py run                 every model on every data set it can be held against
    python benchmarks/behaviour.py run --only circuit  one family of models
    python benchmarks/behaviour.py report              put the kept tables into docs/behaviour.md

Models run with their defaults, which were set on textbook patterns and on no data set. Seeds 100 to 199 were used while
they were made; what is reported is of seed 3001. A recording that is there is not run again. The parameters that fit
the Hebb data are sought by behaviour_hebb.py.
"""

from __future__ import annotations

import argparse
import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pandas as pd
from pages import put_into

import engram as eg
from engram.analysis import compare
from engram.analysis.behaviour import Report
from engram.analysis.behaviour.conditions_figure import conditions_figure
from engram.data.recording import open_recording
from engram.models import Model
from engram.models.registry import model

HERE = Path(__file__).parent
ORDERED = ("positional", "positional-flexible", "positional-stable", "simple", "primacy")
LEARNS_FREELY = ORDERED[:-1]  # the primacy model says nothing of free recall
PAIRED = ORDERED[:3]
CLASSIFIERS = ("hybrid", "conventional", "stable", "fixed-rate")
LEARNERS = ("braincl", "er")
CIRCUITS = ("two-stage", "two-stage-flexible", "two-stage-fixed-rate")


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Models that go through one protocol, or through one for each level of the experiment's factor."""

    family: str
    models: tuple[str, ...]
    protocols: Mapping[str, str]
    """Level of the factor -> name of a protocol; one protocol has the level ``""``."""
    subjects: int

    def recordings(self, runs: Path, seed: int) -> dict[str, Path]:
        """Its recordings, run where they are not there yet."""
        paths = {}
        for level, protocol in self.protocols.items():
            paths[level] = runs / f"{self.family}-{protocol}-{seed}.h5"
            own = HERE / "protocols" / f"{protocol.replace('-', '_')}.yaml"
            if not (paths[level].exists() and open_recording(paths[level]).status == "complete"):
                eg.run(
                    own if own.exists() else protocol,
                    {name: built(name) for name in self.models},
                    subjects=self.subjects,
                    seed=seed,
                    out=paths[level],
                    overwrite=True,
                )
        return paths


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One data set held against the recordings of one experiment."""

    dataset: str
    experiment: Experiment
    where: Mapping[str, Any] = field(default_factory=dict)
    link: str | None = None
    fit_on: Mapping[str, Any] = field(default_factory=dict)

    def report(self, runs: Path, seed: int) -> Report:
        paths = self.experiment.recordings(runs, seed)
        one = next(iter(paths.values())) if list(paths) == [""] else paths
        return compare(one, self.dataset, self.link, where=self.where or None, fit_on=self.fit_on or None)


def built(name: str) -> Model:
    """A model by name; BrainCL with raw images, since the digits here are too few for a decoder."""
    return model(name, store="raw") if name == "braincl" else model(name)


def of(family: str, models: tuple[str, ...], protocol: str | Mapping[str, str], subjects: int) -> Experiment:
    protocols = {"": protocol} if isinstance(protocol, str) else protocol
    return Experiment(family=family, models=models, protocols=protocols, subjects=subjects)


SERIAL = of("ordered", ORDERED, "serial-recall", 100)
FREE = of("ordered", LEARNS_FREELY, "free-recall", 100)
FREE_12 = of("ordered", LEARNS_FREELY, "free-recall-12", 100)
FORGETTING = of("ordered", ORDERED, "forgetting", 100)
IN_TURN = of("deep", CLASSIFIERS, "twelve-in-turn", 50)
SPACED = of("deep", CLASSIFIERS, "classes-spaced", 30)
NIGHTS = of("deep", LEARNERS, {"sleep": "lessons-and-nights", "wake": "lessons-and-days"}, 30)
RESTED = of("circuit", CIRCUITS, "rest-and-forgetting", 16)
NIGHT = of("circuit", CIRCUITS, "sleep-and-wake", 16)
PATTERNS = of("circuit", CIRCUITS, "patterns-in-turn", 16)

DRAWN = "page2006-hebb"
"""The comparison whose figure stands in the page."""

FIRST_DAY = {"ebbinghaus": {"delay_hours": [0.33, 1, 8.8, 24]}, "murre": {"delay_hours": [0.3333, 1, 9, 24]}}

COMPARISONS = (
    Comparison(dataset="page2006-hebb", experiment=of("ordered", ORDERED, "hebb-and-fillers", 100)),
    Comparison(dataset="madigan1971-serial", experiment=SERIAL, where={"modality": "visual"}),
    Comparison(dataset="farrell-lewandowsky2004-serial", experiment=SERIAL, where={"condition": "none"}),
    Comparison(dataset="grenfell-essam-ward2012-serial", experiment=SERIAL),
    Comparison(dataset="grenfell-essam-ward2012-free", experiment=FREE),
    Comparison(dataset="pazdera-kahana2023-free12", experiment=FREE_12),
    Comparison(dataset="pazdera-kahana2023-final12", experiment=FREE_12),
    Comparison(dataset="kahana-howard2005-spacing", experiment=of("ordered", LEARNS_FREELY, "spacing", 100)),
    Comparison(dataset="riefer-batchelder1988-abac", experiment=of("ordered", PAIRED, "ab-ac", 100)),
    Comparison(dataset="ebbinghaus1885-forgetting", experiment=FORGETTING, link="logistic"),
    Comparison(dataset="murre-dros2015-forgetting", experiment=FORGETTING, link="logistic"),
    Comparison(dataset="pazdera-kahana2023-free12", experiment=IN_TURN, link="logistic"),
    Comparison(dataset="kahana-howard2005-spacing", experiment=SPACED, link="logistic"),
    Comparison(dataset="berres-erdfelder2021-sleep", experiment=NIGHTS),
    Comparison(dataset="pazdera-kahana2023-free12", experiment=PATTERNS, link="logistic"),
    Comparison(dataset="berres-erdfelder2021-sleep", experiment=NIGHT),
    Comparison(dataset="ebbinghaus1885-forgetting", experiment=RESTED, link="logistic", where=FIRST_DAY["ebbinghaus"]),
    Comparison(dataset="murre-dros2015-forgetting", experiment=RESTED, link="logistic", where=FIRST_DAY["murre"]),
)


def rows_of(comparison: Comparison, report: Report) -> list[dict[str, Any]]:
    """One line of the table for each model, and one for the flat mean."""
    found = report.json()
    common = {"family": comparison.experiment.family, "dataset": report.dataset.name, "link": report.link}
    common["protocol"] = " / ".join(comparison.experiment.protocols.values())
    rows = []
    for name, one in found["models"].items():
        checks = one["ordinal"]
        rows.append(
            common
            | {
                "model": name,
                "subjects": one["subjects"]["compared"],
                "checks": len(checks),
                "shown": sum(check["passed"] for check in checks.values()),
                "missing": "; ".join(check for check, result in checks.items() if not result["passed"]),
                "passed": one["passed"],
                **{key: one[key] for key in ("rmsd", "bias", "rmsd_over_replication", "within_ci", "correlation")},
                "g": effect_of(report, one["conditions"]),
            }
        )
    flat = found["baselines"]["flat"]
    rows.append(common | {"model": "flat mean"} | {k: flat[k] for k in ("rmsd", "rmsd_over_replication", "within_ci")})
    return rows


def effect_of(report: Report, conditions: list[dict[str, Any]]) -> float | None:
    """A model's own Hedges' g, for data sets whose means are effect sizes."""
    if not report.dataset.measure.startswith("effect size"):
        return None
    return next(point["model"] for point in conditions if point["human"] != 0)


def in_markdown(table: pd.DataFrame) -> str:
    """The table of one family, data set by data set."""
    lines = [
        "| data set | model | effects shown | not shown | RMSD | ÷ replication | inside 95 % | correlation |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for (dataset, link), rows in table.groupby(["dataset", "link"], sort=False):
        if rows["g"].notna().any():  # a flat line has no effect
            rows = rows[rows["model"] != "flat mean"]
        for place, row in enumerate(rows.itertuples()):
            first = f"{dataset}{' (logistic)' if link == 'logistic' else ''}" if place == 0 else ""
            shown = "" if pd.isna(row.checks) else f"{row.shown:.0f} of {row.checks:.0f}"
            missing = "" if pd.isna(row.missing) else "all" if row.shown == 0 < row.checks else row.missing
            distance = number(row.rmsd, 3) if pd.isna(row.g) else f"g = {row.g:.2f}"
            values = [shown, missing, distance, number(row.rmsd_over_replication, 2)]
            values += [number(row.within_ci, 2), number(row.correlation, 2)]
            lines.append("| " + " | ".join([first, str(row.model), *values]) + " |")
    return "\n".join(lines)


def number(value: float, digits: int) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "report"])
    parser.add_argument("--only", choices=["ordered", "deep", "circuit"], help="one family of models")
    parser.add_argument("--seed", type=int, default=3001)
    parser.add_argument("--runs", type=Path, default=HERE.parent / "runs" / "behaviour")
    parser.add_argument("--results", type=Path, default=HERE / "results" / "behaviour")
    parser.add_argument("--page", type=Path, default=HERE.parent / "docs" / "behaviour.md")
    given = parser.parse_args()
    warnings.simplefilter("ignore", UserWarning)
    families = [given.only] if given.only else ["ordered", "deep", "circuit"]
    if given.what == "run":
        given.runs.mkdir(parents=True, exist_ok=True)
        given.results.mkdir(parents=True, exist_ok=True)
        for family in families:
            rows, texts = [], []
            for comparison in (c for c in COMPARISONS if c.experiment.family == family):
                report = comparison.report(given.runs, given.seed)
                print(report.text(), "\n", flush=True)
                rows += rows_of(comparison, report)
                texts.append(report.text().replace(f"{HERE.parent}/", ""))  # runs/… wherever the repository lies
                (given.runs / f"{family}-{comparison.dataset}.html").write_text(report.html(), encoding="utf-8")
                if report.dataset.name == DRAWN:
                    conditions_figure(report).savefig(given.page.parent / "figures" / f"{DRAWN}.png", dpi=110)
            pd.DataFrame(rows).to_csv(given.results / f"{family}.csv", index=False, float_format="%.6g")
            (given.results / f"{family}.txt").write_text("\n\n\n".join(texts) + "\n", encoding="utf-8")
    kept = {family: given.results / f"{family}.csv" for family in families}
    tables = {family: in_markdown(pd.read_csv(path)) for family, path in kept.items() if path.exists()}
    if given.page.exists():
        put_into(given.page, tables)


if __name__ == "__main__":
    main()
