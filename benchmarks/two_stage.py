"""Does the two-stage circuit do what its science asks? Every criterion, with every subject's number.

    python benchmarks/two_stage.py consolidation    three nights, with and without the hippocampus; two controls
    python benchmarks/two_stage.py replay           bursts, what they reactivate, and in which order
    python benchmarks/two_stage.py repetition       repeated items against fillers
    python benchmarks/two_stage.py interference     list A, then list B; where mixed stability protects
    python benchmarks/two_stage.py downscaling      what REM takes off, and of which synapses
    python benchmarks/two_stage.py sleep            sleep against waking; cues; prototypes; forgetting
    python benchmarks/two_stage.py all              these six
    python benchmarks/two_stage.py figures          figures of what was found
    python benchmarks/two_stage.py report           the tables, also into docs/two-stage.md

Settings were fixed on seeds 100, 200, ... 600; seed 7 is for reporting. Recordings are kept in runs/two-stage/, so that
a run that was stopped goes on; tables go to benchmarks/results/two-stage/ and figures to docs/figures/.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
from two_stage_interference import interfere
from two_stage_nights import consolidation, rem, replay
from two_stage_results import Criterion, Result, Runs, criteria_table, plain_table, summary_table
from two_stage_sleep import repetition, sleep_and_wake

ROOT = Path(__file__).parent.parent
PARTS: dict[str, Callable[[Runs], Result]] = {
    "consolidation": consolidation,
    "replay": replay,
    "repetition": repetition,
    "interference": interfere,
    "downscaling": rem,
    "sleep": sleep_and_wake,
}
SUBJECTS = {"sleep": 10}  # of a paired comparison; 5 elsewhere
CAPTIONS = {
    "circuit": "The circuit: modules as boxes, projections as wide as what a target cell gets",
    "night": "Spikes of the first cycle of the first night, and what was replayed in all of it",
    "consolidation": "Recall over nights, intact and lesioned, with the controls",
    "replay": "How often each item is replayed, and how long bursts last",
    "weights": "Weights before and after a night; what REM takes off, by flexibility and size",
    "repetition": "Recall of repeated items and of fillers, over repetitions",
    "interference": "Where mixed stability protects: overlap against sensitivity, and the curves behind it",
    "sleep": "Sleep against waking, cues in sleep, prototypes, and forgetting",
}
LONGEST = 60  # lines of a table that is printed; all are in the results


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*PARTS, "all", "figures", "report"])
    parser.add_argument("--subjects", type=int, help="5 unless given, 10 for sleep")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "two-stage")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "two-stage")
    parser.add_argument("--figures", type=Path, default=ROOT / "docs" / "figures")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "two-stage.md")
    given = parser.parse_args(arguments)

    def runs(part: str) -> Runs:
        subjects = given.subjects or SUBJECTS.get(part, 5)
        return Runs(folder=given.runs, seed=given.seed, subjects=subjects, workers=given.workers)

    if given.part == "figures":
        draw(runs("figures"), given.results, given.figures)
    elif given.part == "report":
        report(given.results, given.page)
    else:
        for part in PARTS if given.part == "all" else [given.part]:
            start = time.perf_counter()
            result = PARTS[part](runs(part))
            result.save(given.results, runs(part))
            print(f"\n{part}\n\n{criteria_table(result.criteria)}\n\n{time.perf_counter() - start:.0f} s", flush=True)


def draw(runs: Runs, results: Path, folder: Path) -> None:
    from two_stage_figures import FIGURES

    folder.mkdir(parents=True, exist_ok=True)
    for name, figure_of in FIGURES.items():
        try:
            figure = figure_of(runs, results)
        except FileNotFoundError as error:
            print(f"two-stage-{name}.png is left out: {error.filename} is missing; run its part first")
            continue
        figure.savefig(folder / f"two-stage-{name}.png", dpi=130)
        print(f"-> two-stage-{name}.png")


def report(results: Path, page: Path) -> None:
    """Print criteria and tables of all kept results, and put them where the page has a place for them."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    for part in PARTS:
        path = results / f"{part}.json"
        if not path.exists():
            print(f"{part} was not run yet")
            continue
        kept = json.loads(path.read_text(encoding="utf-8"))
        print(f"\n{part}, seed {kept['seed']}, {kept['subjects']} subjects")
        for place, table in tables_of(kept, results).items():
            if table.count("\n") < LONGEST:
                print(f"\n{place}\n\n{table}")
            text = filled(text, place, table)
    for name, caption in CAPTIONS.items():
        figure = f"figures/two-stage-{name}.png"
        if (page.parent / figure).exists():
            text = filled(text, f"{name} figure", f"![{caption}]({figure})")
    if page.exists():
        page.write_text(text, encoding="utf-8")


def tables_of(kept: dict, results: Path) -> dict[str, str]:
    """Markdown of everything that a part keeps, by the name of its place in the page."""
    part = kept["part"]
    criteria = [
        Criterion(
            what=c["what"],
            value=c["value"],
            low=-math.inf if c["low"] is None else c["low"],
            high=math.inf if c["high"] is None else c["high"],
        )
        for c in kept["criteria"]
    ]
    summary = pd.DataFrame(kept["summary"])
    extra = {f"{part} {name}": plain_table(pd.read_csv(results / f"{part}-{name}.csv")) for name in kept["tables"]}
    return {f"{part} criteria": criteria_table(criteria), f"{part} summary": summary_table(summary), **extra}


def filled(text: str, place: str, table: str) -> str:
    """A page with a table between the two comments of its place, in the stead of what was there."""
    begin, end = f"<!-- {place} -->", f"<!-- end of {place} -->"
    return re.sub(f"{re.escape(begin)}.*?{re.escape(end)}", lambda _: f"{begin}\n{table}\n{end}", text, flags=re.DOTALL)


if __name__ == "__main__":
    main()
