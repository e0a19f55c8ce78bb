"""What do a hippocampus of learned cues and a night of sleep buy on a stream of images, at equal bytes and passes?

    python benchmarks/image_streams.py fashion         Fashion-MNIST, 5 tasks of 2 classes, 4 MB: learners and stores
    python benchmarks/image_streams.py fashion-equal   the same, every learner with the same number of image passes
    python benchmarks/image_streams.py tiny            20 Tiny-ImageNet classes, 5 tasks, 1 MB, at equal passes: fewer
    python benchmarks/image_streams.py sizes           accuracy against bytes of every store at 28, 32 and 64 pixels
    python benchmarks/image_streams.py decoders        whose decoder recalls a task, on training images alone (seed 100)
    python benchmarks/image_streams.py report          the tables, also into docs/image-streams-results.md, and a figure

Image files are those of a folder (--data, else ENGRAM_DATA) with fashion-mnist/, cifar10-jpeg-*.tar.xz and
tiny-imagenet.tar.xz. Settings were fixed on seed 100; seed 7 is for reporting. Every cell is a recording in
runs/image-streams/, so that a benchmark that was stopped goes on; tables go to benchmarks/results/image-streams/.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from image_stream_cells import CELLS, SEED, SEEDS, Cell
from pages import put_into

import engram as eg
from engram.analysis import continual_table, plot_accuracy_against
from engram.data.recording import open_recording

ROOT = Path(__file__).parent.parent
COLUMNS = {
    "average_incremental": "average",
    "last": "last",
    "forgetting": "forgetting",
    "bytes": "bytes",
    "items": "items",
    "image_passes": "image passes",
    "psnr": "PSNR, dB",
    "bits_per_pixel": "bits/pixel",
    "corruption_accuracy": "corrupted",
    "seconds": "s",
}
DIGITS = {"bytes": 0, "items": 0, "image_passes": 0, "psnr": 1, "bits_per_pixel": 2, "seconds": 0}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=[*CELLS, "all", "report"])
    parser.add_argument("--data", type=Path, default=os.environ.get("ENGRAM_DATA"))
    parser.add_argument("--subjects", type=int, default=3)
    parser.add_argument("--seed", type=int, help=f"{SEED}, and {SEEDS} for parts by which settings are chosen")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", help="names of cells, separated by commas")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "image-streams")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results" / "image-streams")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "image-streams-results.md")
    parser.add_argument("--figure", type=Path, default=ROOT / "docs" / "figures" / "accuracy-against-bytes.png")
    given = parser.parse_args(arguments)
    if given.part == "report":
        report(given.results, given.page)
        if (sizes := given.results / "sizes.csv").exists():
            draw_sizes(pd.read_csv(sizes), given.figure)
        return
    if given.data is None:
        parser.error("where are the images? Give --data, or set ENGRAM_DATA")
    for part in CELLS if given.part == "all" else [given.part]:
        cells = CELLS[part]
        if given.only:
            cells = [cell for cell in cells if cell.name in given.only.split(",")]
        table = run_cells(part, cells, given)
        print(f"\n{part}\n\n{in_markdown(table)}", flush=True)
        if not given.only:
            given.results.mkdir(parents=True, exist_ok=True)
            table.to_csv(given.results / f"{part}.csv", index=False, float_format="%.9g")


def run_cells(part: str, cells: list[Cell], given: argparse.Namespace) -> pd.DataFrame:
    """Every cell that is not finished yet, a few at a time; then one row per cell and subject."""
    seed = SEEDS.get(part, SEED) if given.seed is None else given.seed
    folder = given.runs / f"{part}-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(given.processes, mp_context=get_context("spawn")) as pool:
        work = [pool.submit(run_cell, cell, folder, given.data, seed, given.subjects) for cell in cells]
        for cell, running in zip(cells, work, strict=True):
            print(f"{cell.name}: {running.result():.0f} s", flush=True)
    return pd.concat([rows_of(cell, folder) for cell in cells], ignore_index=True)


def run_cell(cell: Cell, folder: Path, data: Path, seed: int, subjects: int) -> float:
    """Run a cell to its end, or go on with it; returns seconds."""
    start = time.perf_counter()
    out = folder / f"{cell.name}.h5"
    warnings.simplefilter("ignore", UserWarning)
    if out.exists():
        if open_recording(out).status != "complete":
            eg.resume(out)
    else:
        eg.run(
            cell.protocol(),
            {cell.name: cell.model()},
            items=cell.items(data),
            subjects=subjects,
            seed=seed,
            budget=cell.budget,
            threads=1,
            checkpoint_every=120,
            out=out,
        )
    return time.perf_counter() - start


def rows_of(cell: Cell, folder: Path) -> pd.DataFrame:
    """What came out for each subject of a cell."""
    recording = open_recording(folder / f"{cell.name}.h5")
    table = continual_table(recording)
    if cell.tasks == 1:  # one lesson is no series of tasks: accuracy at the end is all there is
        table["last"] = recording.performance(cell.name).isel(model=0, probe=-1).mean("item").to_numpy()
    return table.assign(cell=cell.name, learner=cell.learner, budget=cell.budget or "")[["cell", "learner", *COLUMNS]]


def in_markdown(table: pd.DataFrame) -> str:
    """Mean and standard error over subjects, one line per cell, in the order of the cells."""
    subjects = table.groupby("cell", sort=False)
    lines = ["| " + " | ".join(["cell", *COLUMNS.values()]) + " |", "|" + "---|" * (len(COLUMNS) + 1)]
    for cell, rows in subjects:
        values = [in_words(rows[name], DIGITS.get(name, 3)) for name in COLUMNS]
        lines.append("| " + " | ".join([str(cell), *values]) + " |")
    return "\n".join(lines)


def in_words(values: pd.Series, digits: int) -> str:
    if values.isna().all():
        return "-"
    if values.isin([float("inf")]).all():
        return "∞"
    spread = f"\u00a0±\u00a0{values.sem():,.{digits}f}" if digits and len(values) > 1 else ""  # one line in a table
    return f"{values.mean():,.{digits}f}{spread}"


def report(results: Path, page: Path) -> None:
    """Print the kept tables, and put them where the page has a place for them."""
    tables = {}
    for part in CELLS:
        path = results / f"{part}.csv"
        if not path.exists():
            print(f"{part} was not run yet")
            continue
        tables[part] = in_markdown(pd.read_csv(path))
        print(f"\n{part}\n\n{tables[part]}")
    if page.exists():
        put_into(page, tables)


PANELS = {"fashion": "Fashion-MNIST, 28 px, grey", "cifar": "CIFAR-10, 32 px", "tiny": "Tiny-ImageNet (20), 64 px"}


def draw_sizes(table: pd.DataFrame, path: Path) -> None:
    """Accuracy against bytes, a panel for each size of images that was run and a line for each store."""
    parts = table["cell"].str.split("-", expand=True)
    table = table.assign(images=parts[0], model=parts[1], store=parts[1], recording=table["cell"])
    table["subject"] = table.groupby("cell").cumcount()
    table["model"] = table["model"].replace("all", "all images")
    run = {images: title for images, title in PANELS.items() if (table["images"] == images).any()}
    figure, (panels,) = plt.subplots(1, len(run), figsize=(3.5 * len(run), 3.2), layout="constrained", squeeze=False)
    for axes, (images, title) in zip(panels, run.items(), strict=True):
        plot_accuracy_against(table[table["images"] == images], axes)
        axes.set_title(title, fontsize="medium")
        axes.set_ylim(0, None)
    panels[0].legend(frameon=False, loc="lower right")
    figure.savefig(path, dpi=150)


if __name__ == "__main__":
    main()
