"""``engram sweep``: models × parameters × subjects, on this machine or on those of a Dask scheduler."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from .data.recording import Recording

DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,3})?", re.IGNORECASE | re.ASCII)
"""Numbers as people write them where JSON does not: .5, 1., +2."""

NEW_ONLY = (
    "models", "vary", "subjects", "seed", "out", "items", "images", "size", "strict", "budget", "device", "threads",
    "chunk", "overwrite",
)  # fmt: skip
"""Options that a sweep which goes on has from its recording."""


def sweep(
    context: typer.Context,
    protocol: Annotated[
        str | None, typer.Argument(help="A protocol file, or a name that `engram list protocols` prints.")
    ] = None,
    models: Annotated[
        str, typer.Option(help="Names, separated by commas; NAME=MODEL gives a copy another name.")
    ] = "conventional,hybrid",
    vary: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL.PARAM=V1,V2,…", help="Values of a parameter; repeat it for every combination."),
    ] = None,
    subjects: Annotated[int, typer.Option(help="Simulated subjects of each combination.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the sweep.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The recording; runs/PROTOCOL-sweep.h5 by default.")] = None,
    items: Annotated[str | None, typer.Option(help="Item set, in the place of the protocol's.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder or file with your images, in the place of the protocol's item set.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Height and width to which every image is brought.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse files that cannot be used as images.")] = False,
    budget: Annotated[str | None, typer.Option(help="Bytes of each model's store, such as 20MB.")] = None,
    data: Annotated[
        Path | None, typer.Option(envvar="ENGRAM_DATA", help="Folder or file where item sets look for images.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int, typer.Option(help="Threads of each process.")] = 1,
    chunk: Annotated[int | None, typer.Option(help="Subjects simulated together.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=1024, help="Processes on this machine.")] = 1,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Dask scheduler, such as tcp://10.0.0.1:8786.")
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="RECORDING", help="Go on with an interrupted sweep; give no protocol.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing recording.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Run every combination of parameters of models, into one recording."""
    if resume is not None:
        _refuse_new(context, protocol)
        from .sim.sweeping import resume_sweep

        _carry_out(
            resume,
            quiet,
            lambda reporter: resume_sweep(resume, data=data, workers=workers, scheduler=scheduler, reporter=reporter),
        )
        return
    if protocol is None:
        raise ValueError("give a protocol to sweep, such as hebb-repetition; or --resume RECORDING to go on")
    from .protocols import load
    from .sim.sweeping import sweep as start

    loaded = load(protocol)
    path = out or Path("runs", f"{loaded.name}-sweep.h5")
    _carry_out(
        path,
        quiet,
        lambda reporter: start(
            loaded,
            names_of(models),
            values_of(vary or []),
            subjects=subjects,
            seed=seed,
            out=path,
            items=items,
            images=images,
            size=size,
            strict=strict,
            budget=budget,
            data=data,
            device=device,
            threads=threads,
            chunk=chunk,
            overwrite=overwrite,
            workers=workers,
            scheduler=scheduler,
            reporter=reporter,
        ),
    )


def names_of(text: str) -> dict[str, str]:
    """Registered models by the names that ``--models`` gives them.

    Examples
    --------
    >>> names_of("stable,wide=hybrid")
    {'stable': 'stable', 'wide': 'hybrid'}
    """
    named: dict[str, str] = {}
    for entry in (part.strip() for part in text.split(",")):
        name, _, preset = entry.partition("=")
        if not name:
            raise ValueError(f"--models: found {text!r}; expected names separated by commas, such as stable,hybrid")
        if name in named:
            raise ValueError(f'--models: "{name}" is there twice; give a copy another name: {name}2={preset or name}')
        named[name] = preset or name
    return named


def values_of(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Values by parameter, as ``--vary`` gives them.

    Parameters
    ----------
    texts : sequence of str
        Each ``MODEL.PARAMETER=V1,V2``; a value is read as a number or other JSON where it is that, else as a word.

    Raises
    ------
    ValueError
        One has no values, or is there twice.

    Examples
    --------
    >>> values_of(["hybrid.rate=.1,1", "hybrid.hidden=[8],[8,8]", "hybrid.sensitivity=auto,3e3"])
    {'hybrid.rate': [0.1, 1], 'hybrid.hidden': [[8], [8, 8]], 'hybrid.sensitivity': ['auto', 3000.0]}
    """
    values: dict[str, list[Any]] = {}
    for text in texts:
        path, equals, given = text.partition("=")
        if not (equals and path and given):
            raise ValueError(f"--vary: found {text!r}; expected MODEL.PARAMETER=V1,V2, such as hybrid.rate=0.1,1")
        if path in values:
            raise ValueError(f"--vary: {path} is there twice; give all its values at once, such as {path}=1,2")
        values[path] = _values(text, given)
    return values


def _values(text: str, given: str) -> list[Any]:
    try:
        return list(json.loads(f"[{given}]"))
    except (ValueError, RecursionError):
        pass
    words = [word.strip() for word in given.split(",")]
    if not all(words):
        raise ValueError(f"--vary: found {text!r}, in which a value is empty; expected such as hybrid.rate=0.1,1")
    return [_value(word) for word in words]


def _value(word: str) -> Any:
    try:
        return json.loads(word)
    except (ValueError, RecursionError):
        return float(word) if DECIMAL.fullmatch(word) else word


def _refuse_new(context: typer.Context, protocol: str | None) -> None:
    given = [f"--{name}" for name in NEW_ONLY if _is_given(context, name)]
    if protocol is not None:
        given.insert(0, f"the protocol {protocol}")
    if given:
        raise ValueError(f"--resume takes what the sweep is from its recording; leave {', '.join(given)} out")


def _is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _carry_out(out: Path, quiet: bool, start: Callable[[Any], Recording]) -> None:
    from .cli import FAILED, INTERRUPTED, fail
    from .data.recording.sweep_parameters import sweep_parameters
    from .sim.progress import Reporter, reporter_for

    try:
        with Reporter() if quiet else reporter_for(sys.stderr) as reporter:
            recording = start(reporter)
    except KeyboardInterrupt:
        hint = f"; what is done is kept, go on with: engram sweep --resume {out}" if _is_unfinished(out) else ""
        fail(f"interrupted{hint}", INTERRUPTED)
    if not quiet:
        typer.echo(f"{len(sweep_parameters(recording))} runs, {len(recording.subjects()):,} subjects")
        typer.echo(f"recording: {out}")
    failed = [name for name, model in recording.models.items() if set(model.statuses) == {"failed"}]
    if failed:
        fail(f"every subject of {', '.join(failed)} stopped; `engram show {out}` says why", FAILED)


def _is_unfinished(out: Path) -> bool:
    from .data.recording import open_recording

    try:
        return open_recording(out).status == "running"
    except (ValueError, OSError):
        return False
