"""Recordings that are kept and gone on with, every subject's numbers, criteria, and the tables made of them."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import engram as eg
from engram.data.recording import Recording
from engram.models.spiking import CircuitModel
from engram.protocols import Protocol
from engram.sim.progress import Lines
from engram.sim.spec_changes import spec_changes

COLUMNS = ["condition", "subject", "measure", "at", "value"]
EXCITATORY = ("C", "H")
FASTEST = "fastest population in a cue, Hz"
RUNAWAY = 80.0  # Hz, the runaway rate of the procedure


@dataclass(frozen=True, kw_only=True)
class Runs:
    """Where recordings are kept, and of whom they are."""

    folder: Path
    seed: int
    subjects: int
    workers: int = 1

    def recorded(self, name: str, protocol: Protocol, models: Mapping[str, CircuitModel]) -> Recording:
        """Run, or go on with, or just open, the recording of this name."""
        path = self.folder / f"{name}-seed-{self.seed}-of-{self.subjects}.h5"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            how: dict[str, Any] = {"subjects": self.subjects, "seed": self.seed, "workers": self.workers}
            return eg.run(protocol, models, out=path, threads=1, reporter=Lines(), **how)
        recording = eg.open(path)
        then = {model: info.spec for model, info in recording.models.items()}
        changed = list(spec_changes(then, {name: model.spec() for name, model in models.items()}))
        if Protocol.from_yaml(recording.protocol_text) != protocol:
            changed.append("the protocol")
        if changed:
            sys.exit(f"{path} was recorded before these changed: {', '.join(changed)}; remove it to run again")
        if recording.status == "complete":
            return recording
        return eg.resume(path, workers=self.workers, reporter=Lines())

    def of(self, *, seed: int, subjects: int) -> Runs:
        """The same folder and workers for other subjects."""
        return Runs(folder=self.folder, seed=seed, subjects=subjects, workers=self.workers)


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A number that was found, and the bounds that it was to keep to; without bounds it is only told."""

    what: str
    value: float | None
    low: float = -math.inf
    high: float = math.inf

    @property
    def bound(self) -> str:
        if math.isfinite(self.low) and math.isfinite(self.high):
            return f"{shown(self.low)} … {shown(self.high)}"
        if math.isfinite(self.low):
            return f"≥ {shown(self.low)}"
        return f"≤ {shown(self.high)}" if math.isfinite(self.high) else ""

    @property
    def holds(self) -> bool | None:
        """None where there is nothing to hold, or no number."""
        if not self.bound or not self.measured:
            return None
        return bool(self.low <= self.value <= self.high)

    @property
    def measured(self) -> bool:
        return self.value is not None and not math.isnan(self.value)

    @property
    def verdict(self) -> str:
        if not self.measured:
            return "not measured"
        return "" if self.holds is None else "holds" if self.holds else "**fails**"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What one part found: a row for every number of every subject, criteria, and tables of what else there is."""

    part: str
    rows: pd.DataFrame
    criteria: list[Criterion]
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def summary(self) -> pd.DataFrame:
        """Mean, SD and range over subjects."""
        return (
            self.rows.groupby(["condition", "measure", "at"], sort=False)["value"]
            .agg(subjects="count", mean="mean", sd="std", lowest="min", highest="max")
            .reset_index()
        )

    def save(self, folder: Path, runs: Runs) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rows.round(5).to_csv(folder / f"{self.part}.csv", index=False)
        for name, table in self.tables.items():
            table.round(5).to_csv(folder / f"{self.part}-{name}.csv", index=False)
        kept = {
            "part": self.part,
            "seed": runs.seed,
            "subjects": runs.subjects,
            "criteria": [{**asdict(c), "bound": c.bound, "holds": c.holds} for c in self.criteria],
            "summary": self.summary().to_dict(orient="records"),
            "tables": sorted(self.tables),
        }
        text = json.dumps(in_json(kept), indent=1, ensure_ascii=False)
        (folder / f"{self.part}.json").write_text(text + "\n", encoding="utf-8")


def in_json(value: Any) -> Any:
    """Numbers that JSON does not know become null."""
    if isinstance(value, dict):
        return {name: in_json(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [in_json(entry) for entry in value]
    if isinstance(value, (float, np.floating)):
        return round(float(value), 5) if math.isfinite(value) else None
    return value.item() if isinstance(value, np.generic) else value


def shown(value: float | None) -> str:
    """Three digits, without a zero before the point."""
    if value is None or not math.isfinite(value):
        return "–"
    if value == round(value):
        return f"{value:.0f}"
    text = f"{value:.3g}" if abs(value) >= 1 else f"{value:.3f}" if abs(value) >= 0.01 else f"{value:.2g}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(cells) + " |" for cells in rows)])


def criteria_table(criteria: Iterable[Criterion]) -> str:
    rows = [(c.what, shown(c.value), c.bound, c.verdict) for c in criteria]
    return markdown(("", "found", "bound", ""), rows)


def plain_table(table: pd.DataFrame) -> str:
    rows = [[shown(c) if isinstance(c, float) else str(c) for c in row] for row in table.itertuples(index=False)]
    return markdown(map(str, table.columns), rows)


def summary_table(summary: pd.DataFrame) -> str:
    rows = [
        (str(r.condition), str(r.measure), str(r.at), f"{shown(r.mean)} ± {shown(r.sd)}",
         f"{shown(r.lowest)} … {shown(r.highest)}", str(r.subjects))
        for r in summary.itertuples()
    ]  # fmt: skip
    return markdown(("condition", "measure", "at", "mean ± SD", "range", "subjects"), rows)


def mean_of(rows: pd.DataFrame, **where: object) -> float | None:
    """Mean over subjects of the rows in which columns have these values; None without any."""
    values = chosen(rows, **where)["value"]
    return float(values.mean()) if len(values) else None


def by_subject(rows: pd.DataFrame, **where: object) -> pd.Series:
    """One value per subject, in their order."""
    return chosen(rows, **where).set_index("subject")["value"].sort_index()


def chosen(rows: pd.DataFrame, **where: object) -> pd.DataFrame:
    for column, value in where.items():
        rows = rows[rows[column] == value]
    return rows


def long_rows(table: pd.DataFrame, condition: str, at: str, measures: Iterable[str]) -> pd.DataFrame:
    """Columns of a table with one row per subject and place, as rows of one value each."""
    parts = [
        pd.DataFrame(
            {"condition": table[condition], "subject": table["subject"], "measure": measure, "at": table[at],
             "value": table[measure].astype(float)}
        )
        for measure in measures
    ]  # fmt: skip
    return pd.concat(parts, ignore_index=True)[COLUMNS]


def recall_rows(recall: pd.DataFrame) -> pd.DataFrame:
    """Rows of `recall_over_nights`, with intact and lesioned recall as two measures."""
    names = {"none": "intact recall", "hippocampus": "lesioned recall"}
    return pd.DataFrame(
        {
            "condition": recall["model"].astype(str),
            "subject": recall["subject"],
            "measure": recall["lesion"].map(names),
            "at": recall["night"],
            "value": recall["recall"].astype(float),
        }
    )[COLUMNS]


def probe_means(recording: Recording) -> pd.DataFrame:
    """Mean performance over the items of each probe: model, subject, label, repetition, list, lesion, recall."""
    mean = recording.performance().mean("item").rename("recall")
    table = mean.to_dataframe().reset_index().dropna(subset=["recall"])
    wanted = ["model", "subject", "probe", "label", "repetition", "list", "lesion", "recall"]
    return table[wanted].sort_values(["model", "subject", "probe"], ignore_index=True)


def fastest_in_cues(recording: Recording, condition: str, model: str) -> pd.DataFrame:
    """The highest mean rate of an excitatory population in any cue of each subject: whether a probe ran away."""
    rows = []
    for number in range(recording.models[model].subjects):
        segments, sizes = recording.segments(model, number), recording.populations(model)
        cues = segments[(segments["kind"] == "probe") & (segments["stage"] == "cue")]
        seconds = (cues["stop"] - cues["start"]).to_numpy()
        fastest = 0.0
        for name in EXCITATORY:
            times = np.sort(recording.spikes(model, number, name)[0])
            spikes = np.searchsorted(times, cues["stop"]) - np.searchsorted(times, cues["start"])
            fastest = max(fastest, float((spikes / seconds).max() / sizes[name]))
        rows.append((condition, number, FASTEST, "probes", fastest))
    return pd.DataFrame(rows, columns=COLUMNS)


def no_runaway(rows: pd.DataFrame) -> Criterion:
    fastest = chosen(rows, measure=FASTEST)["value"].max()
    return Criterion(what="C or H in any cue of any subject, highest mean rate, Hz", value=float(fastest), high=RUNAWAY)
