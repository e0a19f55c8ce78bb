"""``engram compare``: a recording against what people did."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer


class LinkName(StrEnum):
    identity = "identity"
    logistic = "logistic"


def compare(
    recording: Annotated[
        str,
        typer.Argument(
            help="A recording (.h5); where conditions are protocols of their own, LEVEL=RECORDING,LEVEL=RECORDING.",
            show_default=False,
        ),
    ],
    dataset: Annotated[
        str, typer.Argument(help="A name that `engram list datasets` prints, or a table (.csv) of your own.")
    ],
    link: Annotated[
        LinkName | None,
        typer.Option(help="From score to probability of a response; logistic is fitted on some conditions."),
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Names, separated by commas; the report is about the first. All by default.")
    ] = None,
    where: Annotated[
        list[str] | None,
        typer.Option(metavar="FACTOR=LEVEL,…", help="Compare these conditions only; may be repeated."),
    ] = None,
    fit_on: Annotated[
        list[str] | None,
        typer.Option(metavar="FACTOR=LEVEL,…", help="Fit the logistic link on these; every second by default."),
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write the report as one page, with figures.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing page.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of bootstrap intervals.")] = 0,
) -> None:
    """Hold the models of a recording against what people did."""
    import json

    from .analysis.behaviour import compare as against_people

    if html is not None:
        refuse_page_path(html, overwrite)
    names = [name.strip() for name in models.split(",") if name.strip()] if models is not None else None
    report = against_people(
        recordings_from(recording),
        dataset,
        link.value if link else None,
        names,
        where=levels_from(where or [], "--where"),
        fit_on=levels_from(fit_on or [], "--fit-on"),
        seed=seed,
    )
    page = report.html() if html is not None else ""
    typer.echo(json.dumps(report.json(), indent=2, allow_nan=False) if json_ else report.text())
    if html is not None:
        write_page(page, html)
        typer.echo(f"report: {html}", err=json_)


def recordings_from(given: str) -> str | dict[str, str]:
    """The path of a recording, or of one for each level.

    Examples
    --------
    >>> recordings_from("runs/hebb.h5")
    'runs/hebb.h5'
    >>> recordings_from("sleep=runs/night.h5,wake=runs/day.h5")
    {'sleep': 'runs/night.h5', 'wake': 'runs/day.h5'}
    """
    parts = [part.strip().partition("=") for part in given.split(",")]
    if Path(given).exists() or not all(level and equals and path for level, equals, path in parts):
        return given
    return {level: path for level, _, path in parts}


def levels_from(given: Sequence[str], option: str) -> Mapping[str, str | list[str]]:
    """Factors with their levels.

    Raises
    ------
    ValueError
        A text is not of the form FACTOR=LEVEL, or a factor is named twice.

    Examples
    --------
    >>> levels_from(["modality=visual", "length=6,8"], "--where")
    {'modality': 'visual', 'length': ['6', '8']}
    """
    levels: dict[str, str | list[str]] = {}
    for text in given:
        factor, equals, named = (part.strip() for part in text.partition("="))
        words = [word.strip() for word in named.split(",") if word.strip()]
        if not (factor and equals and words):
            raise ValueError(f'{option} is "{text}"; expected FACTOR=LEVEL, such as length=6 or length=6,8')
        if factor in levels:
            raise ValueError(f"{option} names {factor} twice; write {factor}=LEVEL,LEVEL")
        levels[factor] = words if len(words) > 1 else words[0]
    return levels


def refuse_page_path(path: Path, overwrite: bool) -> None:
    """Say what is wrong with the path of a page before anything is compared.

    Raises
    ------
    ValueError
        The name does not end in .html.
    IsADirectoryError, FileExistsError
        There is a folder, or a file that may not be replaced.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file, such as {path / 'report.html'}")
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f'{path} does not end in .html; give such a name, as in "{path.with_suffix(".html").name}"')
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another name with --html, or --overwrite to replace it")


def write_page(page: str, path: Path) -> None:
    """Write a page under a temporary name and rename it.

    Raises
    ------
    OSError
        It cannot be written: no permission, a full disk.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            temporary.write_text(page, encoding="utf-8")
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"the report {path} cannot be written: {error.strerror or error}") from error
