"""The report of a comparison as lines for a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

from .contrasts import in_words
from .report import YARDSTICK, verdict

if TYPE_CHECKING:
    from .model_comparison import Likelihood, ModelComparison
    from .ordinal import EffectSize
    from .report import Report
    from .yardstick import Distance

WIDTH = 110
NO_SLOPE = 1e-6
"""Of a link: below it, scores make no difference."""


def report_text(report: Report) -> str:
    """The report as lines for a terminal."""
    data = report.dataset
    lines = [
        f"{data.name}: {data.measure}, {data.scoring} scoring, chance {number(data.chance)}",
        *_wrapped(f"{data.citation} {f'doi:{data.doi}' if data.doi else ''}"),
        *(_wrapped(f"licence: {data.licence}") if data.licence else []),
        f"  sha256 {data.sha256[:16]}",
        *source_lines(report),
        *(f"note: {note}" for note in report.notes),
        *(f"not compared: {reason}" for reason in report.refused.values()),
        "",
        *distance_table(report),
        *_wrapped(YARDSTICK + "; correlation says something of shape alone.", "  "),
    ]
    for name, model in report.models.items():
        lines += ["", *_model_lines(report, name, model)]
    if data.cannot_show:
        lines += ["", *_wrapped(f"What these data cannot show: {data.cannot_show}", "")]
    return "\n".join(lines)


def source_lines(report: Report) -> list[str]:
    """Which recording was compared, in words."""
    source = report.source
    if source is None:
        return ["scores: of a table"]
    version = source.versions.get("engram", "unknown")
    return [f"recording: {source.path}, protocol {source.protocol}, seed {source.seed}, engram {version}"]


def distance_table(report: Report) -> list[str]:
    """Distances of all models and of the flat mean, a line each."""
    return aligned(distance_rows(report))


def distance_rows(report: Report) -> list[tuple[str, ...]]:
    """Cells of the table of distances, its heads first."""
    heads = (
        "",
        "subjects",
        "RMSD",
        "bias",
        "own error",
        "÷ replication",
        "inside 95 %",
        "correlation",
        "log-likelihood",
        "BIC",
    )
    rows: list[tuple[str, ...]] = [heads]
    for name, model in report.models.items():
        rows.append((name, str(model.compared), *_distance_cells(model.distance), *_likelihood_cells(model.likelihood)))
    flat = report.flat
    rows.append(("flat mean", "–", *_distance_cells(flat.distance), *_likelihood_cells(flat.likelihood)))
    if report.link == "identity":
        return rows
    likelihoods = [*(model.likelihood for model in report.models.values()), flat.likelihood]
    cells = ["held-out log-likelihood", *(number(found.held_out if found else None, 1) for found in likelihoods)]
    return [(*row, cell) for row, cell in zip(rows, cells, strict=True)]


def _distance_cells(found: Distance) -> tuple[str, ...]:
    ratio, inside, r = found.rmsd_over_replication, found.within_ci, found.correlation
    return (
        number(found.rmsd),
        number(found.bias),
        number(found.own_error),
        number(ratio, 2),
        number(inside, 2),
        number(r, 2),
    )


def _likelihood_cells(found: Likelihood | None) -> tuple[str, str]:
    return ("–", "–") if found is None else (number(found.log_likelihood, 1), number(found.bic, 1))


def _model_lines(report: Report, name: str, model: ModelComparison) -> list[str]:
    lines = [f"{name}: {verdict(report, name)}", f"  {model.link.formula}"]
    if model.on_fitted is not None:
        where = fold(report)
        lines.append(
            f"  fitted on {where} ({model.on_fitted.conditions} conditions, RMSD {number(model.on_fitted.rmsd)}); "
            f"the table is of the {model.distance.conditions} held out"
        )
    lines += [f"  {line}" for line in [*between_subjects(model), *warnings_of(model)]]
    rows = [("check", "", "statistic", "people", "p", "effect size [95 %]", "test")]
    for check in model.ordinal:
        size = effect_cell(check.effect_size)
        told = "passed" if check.passed else "FAILED"
        rows.append(
            (check.name, told, number(check.statistic), number(check.human), p_value(check.p), size, check.test)
        )
    lines += [f"  {line}" for line in aligned(rows)] if len(rows) > 1 else []
    lines += [f"  not applicable: {name} ({reason})" for name, reason in model.not_applicable.items()]
    if model.onsets is not None:
        lines.append(f"  {onset_line(model)}")
    return lines


def between_subjects(model: ModelComparison) -> list[str]:
    """What makes simulated subjects differ, in words; nothing where they come from a table."""
    subjects = model.subjects
    if not subjects.recorded:
        return []
    failed = f", {subjects.failed} failed" if subjects.failed else ""
    declared = ", ".join(f"{name} = {value:g}" for name, value in subjects.spread.items())
    cause = (
        f"they differ as declared: {declared}" if declared else "no declared spread, they differ by their seeds alone"
    )
    return [f"{subjects.kind}: {subjects.recorded} simulated subjects{failed}; {cause}"]


def warnings_of(model: ModelComparison) -> list[str]:
    """What makes a small distance say little: a coarse simulation, or a link that has let go of the model."""
    found, told = model.distance, []
    if model.subjects.recorded and found.replication and 2 * found.own_error**2 > found.replication**2:
        told.append(
            f"the simulation's own error ({number(found.own_error)}) makes up most of the yardstick "
            f"({number(found.replication)}): simulate more subjects"
        )
    if model.link.fitted and model.link.b < NO_SLOPE:
        told.append(
            "the link has no slope, since the model's scores do not follow people's where it was fitted: the distance "
            "is that of a flat line"
        )
    return told


def fold(report: Report) -> str:
    """The conditions that the link was fitted on, in words."""
    return in_words(report.fit_on) or "every second condition"


def onset_line(model: ModelComparison) -> str:
    """Kinds of Hebb curves, in words."""
    onsets = model.onsets
    if onsets is None:
        return ""
    counts = ", ".join(f"{count} {kind}" for kind, count in onsets.counts.items())
    when = ""
    if onsets.median is not None:
        when = f"; abrupt ones begin at repetition {onsets.median:g} "
        when += f"(quartiles {onsets.first_quartile:g} and {onsets.third_quartile:g})"
    return f"learning of the repeated list: {counts}{when}"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Cells under each other: first column to the left, the others to the right where they are numbers."""
    widths = [max(len(row[c]) for row in rows) for c in range(len(rows[0]))]
    numeric = [all(_is_number(row[c]) for row in rows[1:]) for c in range(len(rows[0]))]
    return [
        "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
        for row in rows
    ]


def number(value: float | None, digits: int = 3) -> str:
    """A number, or a dash where it is not known.

    Examples
    --------
    >>> number(0.1234), number(None), number(-12.345, 1)
    ('.123', '–', '-12.3')
    """
    if value is None or value != value:
        return "–"
    text = f"{round(value, digits) + 0.0:.{digits}f}"  # no -0
    return text.replace("0.", ".", 1) if abs(value) < 1 and text.lstrip("-").startswith("0.") else text


def effect_cell(effect: EffectSize | None) -> str:
    """An effect size with its interval."""
    return f"{number(effect.value, 2)} [{number(effect.low, 2)}, {number(effect.high, 2)}]" if effect else "–"


def p_value(p: float | None) -> str:
    """A probability as it is written: three digits, or that it is smaller.

    Examples
    --------
    >>> p_value(0.0321), p_value(1e-9), p_value(None)
    ('.032', '<.001', '–')
    """
    return "<.001" if p is not None and p < 0.001 else number(p)


def _is_number(cell: str) -> bool:
    return not cell.strip("–<") or cell.strip("<").replace(",", "").replace("-", "").replace(".", "").isdigit()


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(" ".join(text.split()), WIDTH, initial_indent=indent, subsequent_indent=indent)
