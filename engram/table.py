"""Tables in plain text, for a terminal or a file."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data.recording import Recording

MESSAGES_SHOWN = 10
OF_TASKS = ("average_incremental", "last", "forgetting", "bwt", "fwt", "bytes", "image_passes", "updates")
"""Where a protocol has tasks, these are what one looks for first."""


def print_names(names: Mapping[str, str]) -> None:
    """Names and what they stand for, one a line."""
    width = max(map(len, names), default=0)
    for name, about in names.items():
        print(f"{name:{width}}  {about}")


def print_metrics(recording: Recording) -> None:
    """What came out of a run; lines are broken only on a terminal, at its width."""
    from .analysis import summary

    found = summary(recording)
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print(f"{recording.protocol_name}, seed {found['seed']}: {found['status']}")
    print("\n".join([*metric_lines(found["models"], columns), *reason_lines(found["models"])]))
    subjects = recording.subjects()
    told = subjects[subjects["message"] != ""]
    for row in islice(told.itertuples(), MESSAGES_SHOWN):
        print(f"{row.model}, subject {row.subject}: {row.message}")
    if len(told) > MESSAGES_SHOWN:
        print(f"and {len(told) - MESSAGES_SHOWN} more subjects with messages")


def metric_lines(models: Mapping[str, Any], columns: int | None) -> list[str]:
    """Single numbers as a table with one column for each model, then lists of numbers as one row for each model.

    Parameters
    ----------
    models : mapping
        Models of `engram.analysis.summary`.
    columns : int or None
        Characters of a line; None leaves long lines whole.

    Examples
    --------
    >>> metrics = {"average": 0.5, "mean_by_repetition": [0.25, 1.0]}
    >>> print("\\n".join(metric_lines({"hybrid": {"subjects": 3, "metrics": metrics}}, None)))
    mean over subjects  hybrid (n=3)
    average                     .500
    <BLANKLINE>
    mean_by_repetition  hybrid   .25 1.00
    """
    metrics = list(dict.fromkeys(name for model in models.values() for name in model["metrics"]))
    if any(model["metrics"].get("last") is not None for model in models.values()):
        metrics.sort(key=lambda name: name not in OF_TASKS)
    values = {metric: [model["metrics"].get(metric) for model in models.values()] for metric in metrics}
    lists = [metric for metric in metrics if any(isinstance(value, list) for value in values[metric])]
    heads = [f"{name} (n={model['subjects']})" for name, model in models.items()]
    first, second = "mean over subjects", max(map(len, models), default=0)
    left = max(map(len, [first, *metrics]))

    lines = ["  ".join([f"{first:{left}}", *heads])]
    for metric in metrics:
        if metric not in lists:
            cells = [f"{_number(value, 3):>{len(head)}}" for value, head in zip(values[metric], heads, strict=True)]
            lines.append("  ".join([f"{metric:{left}}", *cells]))
    for metric in lists:
        lines.append("")
        for name, value in zip(models, values[metric], strict=True):
            lead = f"{metric if name == next(iter(models)) else '':{left}}  {name:{second}}  "
            lines += _row(lead, value or [], columns)
    return lines


def reason_lines(models: Mapping[str, Any]) -> list[str]:
    """Why metrics are missing, one line for each reason.

    Parameters
    ----------
    models : mapping
        Models of `engram.analysis.summary`.

    Examples
    --------
    >>> missing = {"psnr": "it keeps no episodes", "bpp": "it keeps no episodes"}
    >>> reason_lines({"finetune": {"reasons": missing}, "joint": {"reasons": missing}})
    ['', 'no psnr, bpp of finetune, joint: it keeps no episodes']
    """
    told: dict[str, dict[str, tuple[str, ...]]] = {}  # reason -> model -> metrics
    for name, model in models.items():
        for metric, reason in model.get("reasons", {}).items():
            by_model = told.setdefault(reason, {})
            by_model[name] = (*by_model.get(name, ()), metric)
    lines = []
    for reason, by_model in told.items():
        for metrics in dict.fromkeys(by_model.values()):
            names = [name for name, missing in by_model.items() if missing == metrics]
            lines.append(f"no {', '.join(metrics)} of {', '.join(names)}: {reason}")
    return ["", *lines] if lines else []


def _row(lead: str, values: Sequence[float | None], columns: int | None) -> list[str]:
    cells = [f"{_number(value, 2):>4}" for value in values]
    per_line = max(1, len(cells) if columns is None else (columns - len(lead) + 1) // 5)
    parts = [" ".join(cells[first : first + per_line]) for first in range(0, len(cells), per_line)] or [""]
    return [lead + parts[0], *(" " * len(lead) + part for part in parts[1:])]


def _number(value: float | None, digits: int) -> str:
    if value is None:
        return "–"
    if abs(value) >= 1000 or isinstance(value, int):
        return f"{value:,.0f}"
    return f"{value:.{digits}f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.2f}"
