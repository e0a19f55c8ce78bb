"""The report of a comparison as one page that needs nothing else: no scripts, no fonts, no network."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from typing import TYPE_CHECKING

from .conditions_figure import conditions_figure, effects_figure
from .report import YARDSTICK, verdict
from .report_text import (
    between_subjects,
    distance_rows,
    effect_cell,
    fold,
    number,
    onset_line,
    p_value,
    source_lines,
    warnings_of,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .model_comparison import ModelComparison
    from .report import Report

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; margin: 2rem auto; max-width: 62rem;
       padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.2rem; margin-top: 2rem; } h3 { font-size: 1rem; }
table { border-collapse: collapse; margin: 0.5rem 0 1rem; font-size: 0.9rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { border-bottom: 1px solid #d0d0d0; padding: 0.25rem 0.7rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.wide { overflow-x: auto; } .distances th { white-space: nowrap; padding: 0.25rem 0.5rem; }
.passed { color: #00522e; font-weight: 600; } .failed { color: #9a2a00; font-weight: 600; }
.verdict { border-left: 4px solid #595959; padding: 0.3rem 0.8rem; background: #f5f5f5; }
figure { margin: 1rem 0; } figcaption, .small { font-size: 0.85rem; color: #404040; }
img { max-width: 100%; height: auto; } code { overflow-wrap: anywhere; }
"""


def report_page(report: Report) -> str:
    """The report as a page of HTML."""
    title = f"{report.main} against {report.dataset.name}"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title>",
        f"<style>{STYLE}</style>",
        "</head>",
        "<body>",
        "<main>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict">{escape(report.main)} {escape(verdict(report, report.main))}.</p>',
        *_notes(report),
        *_conditions(report),
        *_distances(report),
        *(line for name, model in report.models.items() for line in _model(report, name, model)),
        *_effects(report),
        *_identity(report),
        *_numbers(report),
        "</main>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def _notes(report: Report) -> list[str]:
    told = [*report.notes, *(f"not compared: {reason}" for reason in report.refused.values())]
    if report.dataset.cannot_show:
        told.append(f"what these data cannot show: {report.dataset.cannot_show}")
    return ["<ul>", *(f"<li>{escape(note)}</li>" for note in told), "</ul>"] if told else []


def _conditions(report: Report) -> list[str]:
    names = ", ".join(report.models)
    alt = (
        f"{report.dataset.measure} of people and of {names} by {' and '.join(report.dataset.factors)}, with 95 % "
        "intervals; the numbers are in the table of conditions below"
    )
    held = " The link was fitted on some of the conditions; the table says which." if report.link != "identity" else ""
    caption = (
        "Condition means. People: grey line, the band is the 95 % interval of their means. Models: bars are 95 % "
        f"intervals over simulated subjects.{held}"
    )
    return ["<h2>Condition means</h2>", *_figure(conditions_figure(report), alt, caption)]


def _distances(report: Report) -> list[str]:
    rows = distance_rows(report)
    return [
        '<section class="distances">',
        "<h2>Distance from people</h2>",
        *_table("Distances of every model, and of the flat mean", rows),
        "</section>",
        f'<p class="small">{escape(YARDSTICK)}. Correlation says something of shape alone: it is blind to level and '
        "scale.</p>",
    ]


def _model(report: Report, name: str, model: ModelComparison) -> list[str]:
    lines = [f"<h2>{escape(name)}</h2>", f"<p>{escape(verdict(report, name))}.</p>"]
    told = [*between_subjects(model), *warnings_of(model), model.link.formula]
    if model.on_fitted is not None:
        where = fold(report)
        told.append(
            f"fitted on {where} ({model.on_fitted.conditions} conditions, RMSD {number(model.on_fitted.rmsd)}); "
            f"distances are of the {model.distance.conditions} held out"
        )
    told += [onset_line(model)] if model.onsets else []
    lines += ["<ul>", *(f"<li>{escape(line)}</li>" for line in told), "</ul>"]
    rows: list[tuple[str, ...]] = [("check", "result", "statistic", "people", "p", "effect size [95 %]", "test")]
    for check in model.ordinal:
        size = effect_cell(check.effect_size)
        result = "passed" if check.passed else "failed"
        about = f"{check.name}: {check.about}" if check.about else check.name
        rows.append((about, result, number(check.statistic), number(check.human), p_value(check.p), size, check.test))
    if len(rows) > 1:
        lines += _table(f"What people showed, and whether {name} does", rows)
    if model.not_applicable:
        reasons = (f"{check}: {why}" for check, why in model.not_applicable.items())
        lines += ["<p>Not applicable:</p>", "<ul>", *(f"<li>{escape(reason)}</li>" for reason in reasons), "</ul>"]
    return lines


def _effects(report: Report) -> list[str]:
    sizes = [check for model in report.models.values() for check in model.ordinal if check.effect_size]
    if not sizes:
        return []
    alt = f"Effect sizes of {len(sizes)} checks with 95 % intervals; the numbers are in the tables of the models above"
    caption = "Effect sizes over simulated subjects, whose differences are those that each model declares."
    return ["<h2>Effect sizes</h2>", *_figure(effects_figure(report), alt, caption)]


def _identity(report: Report) -> list[str]:
    data = report.dataset
    rows: list[tuple[str, str]] = [
        ("name", data.name),
        ("about", data.about),
        ("citation", data.citation),
        ("DOI", data.doi or ""),
        ("source", data.source),
        ("licence", data.licence),
        ("SHA-256 of the means", data.sha256),
        ("measure, scoring", f"{data.measure}, {data.scoring}; output order {data.output_order}"),
        ("chance", number(data.chance)),
    ]
    cells = [
        f'<tr><th scope="row">{escape(head)}</th><td>{escape(" ".join(value.split()))}</td></tr>'
        for head, value in rows
        if value
    ]
    lines = ["<h2>Data set and recording</h2>", "<table>", "<caption>The data set</caption>", *cells, "</table>"]
    return [*lines, *(f"<p>{escape(line)}</p>" for line in source_lines(report))]


def _numbers(report: Report) -> list[str]:
    factors = list(report.dataset.factors)
    lines = ["<h2>Conditions</h2>"]
    for name, model in report.models.items():
        heads = (*factors, "people", "95 %", "model", "95 %", "model's own score", "link")
        rows: list[tuple[str, ...]] = [heads]
        for point in model.points.to_dict(orient="records"):
            levels = [f"{point[f]:g}" if isinstance(point[f], float) else str(point[f]) for f in factors]
            people = [number(point["human"]), _interval(point["human_low"], point["human_high"])]
            simulated = [number(point["model"]), _interval(point["model_low"], point["model_high"])]
            rows.append((*levels, *people, *simulated, number(point["score"]), "fitted" if point["fitted"] else ""))
        lines += [f"<details><summary>{escape(name)}: {len(rows) - 1} conditions</summary>"]
        lines += [*_table(f"Condition means of people and of {name}", rows), "</details>"]
    return lines


def _interval(low: float, high: float) -> str:
    return "–" if low != low else f"{number(low)} to {number(high)}"


def _table(caption: str, rows: Sequence[Sequence[str]]) -> list[str]:
    """A table; its first column names the rows."""
    heads, *body = rows
    lines = ['<div class="wide">', "<table>", f"<caption>{escape(caption)}</caption>", "<thead>", "<tr>"]
    right = [all(_is_number(row[c]) for row in body) for c in range(len(heads))]
    lines += [
        f'<th scope="col"{" class=number" if numeric else ""}>{escape(head) or "model"}</th>'
        for head, numeric in zip(heads, right, strict=True)
    ]
    lines += ["</tr>", "</thead>", "<tbody>"]
    for first, *cells in body:
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{"".join(map(_cell, cells))}</tr>')
    return [*lines, "</tbody>", "</table>", "</div>"]


def _cell(text: str) -> str:
    kind = text if text in ("passed", "failed") else "number" if _is_number(text) else ""
    return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"


def _is_number(text: str) -> bool:
    return text[:1] in tuple("-.–<0123456789")


def _figure(figure: Figure, alt: str, caption: str) -> Iterable[str]:
    """A figure within the page: SVG as an image, whose names cannot clash with those of another."""
    from matplotlib import rc_context

    buffer = BytesIO()
    with rc_context({"svg.hashsalt": "engram"}):  # the same report gives the same page
        figure.savefig(buffer, format="svg", metadata={"Date": None})
    encoded = base64.b64encode(buffer.getvalue()).decode()
    return [
        "<figure>",
        f'<img src="data:image/svg+xml;base64,{encoded}" alt="{escape(alt, quote=True)}">',
        f"<figcaption>{escape(caption)}</figcaption>",
        "</figure>",
    ]
