"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from .data.recording import Recording


def print_names(names: Mapping[str, str]) -> None:
    """Names and what they stand for, one a line."""
    width = max(map(len, names), default=0)
    for name, about in names.items():
        print(f"{name:{width}}  {about}")


def print_metrics(recording: Recording) -> None:
    """What came out of a run, one row for each metric and one column for each model."""
    from .analysis import summary

    found = summary(recording)
    models: dict[str, Any] = found["models"]
    console = Console()
    console.print(
        f"{recording.protocol_name}, seed {found['seed']}: {found['status']}", markup=False, highlight=False
    )
    table = Table(box=None, pad_edge=False)
    table.add_column("metric (mean over subjects)")
    for name, model in models.items():
        table.add_column(f"{name} (n={model['subjects']})", justify="right")
    metrics = list(dict.fromkeys(metric for model in models.values() for metric in model["metrics"]))
    for metric in metrics:
        values = [model["metrics"].get(metric) for model in models.values()]
        table.add_row(metric, *(_cell(value) for value in values))
    console.print(table)
    for row in recording.subjects().itertuples():
        if row.message:
            console.print(f"{row.model}, subject {row.subject}: {row.message}", markup=False, highlight=False)


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, list):
        if len(value) > 10:
            return f"{_cell(value[0])} … {_cell(value[-1])}"
        return " ".join(_cell(v) for v in value)
    if isinstance(value, float):
        return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
    return str(value)
