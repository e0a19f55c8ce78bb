"""The command line."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer

from .compare_command import compare
from .sweep_command import sweep

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130

app = typer.Typer(
    name="engram",
    help="A simulator of memory: protocols, models, recordings and figures.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


class Listable(StrEnum):
    protocols = "protocols"
    models = "models"
    items = "items"
    datasets = "datasets"


def in_words(command: Callable[..., None]) -> Callable[..., None]:
    """Print what is wrong without a traceback, and exit with 2 for bad input, 1 for failure, 130 for Ctrl-C."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except KeyboardInterrupt:
            fail("interrupted", INTERRUPTED)
        except (ValueError, TypeError, FileNotFoundError, FileExistsError, IsADirectoryError, ImportError) as error:
            fail(_words_of(error), BAD_INPUT)
        except BrokenPipeError:
            raise  # `main` knows what to do
        except (OSError, MemoryError) as error:
            fail(_words_of(error), FAILED)
        except typer.Exit:
            raise
        except Exception as error:
            if os.environ.get("ENGRAM_TRACEBACK"):
                raise
            told = " ".join(f"{type(error).__name__}: {error}".split())
            fail(f"unexpected error: {told}; run again with ENGRAM_TRACEBACK=1 for the traceback", FAILED)

    return wrapped


def fail(message: str, code: int) -> None:
    """Print an error and leave. Of several processes the first speaks for all, but for what fails in one alone."""
    if _rank() == 0:
        typer.echo(f"engram: {message}", err=True)
    elif code == FAILED:
        typer.echo(f"engram (process {_rank()}): {message}", err=True)
    raise typer.Exit(code)


def _rank() -> int:
    """Number of this process, where torchrun has started several."""
    return int(os.environ.get("RANK", "0")) if os.environ.get("WORLD_SIZE", "1") != "1" else 0


def _words_of(error: BaseException) -> str:
    return "; ".join([_own_words_of(error), *getattr(error, "__notes__", ())])


def _own_words_of(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        named = f"{error.filename}: " if error.filename and str(error.filename) not in error.strerror else ""
        return f"{named}{error.strerror}"
    return str(error) or type(error).__name__


def _show_version(asked: bool) -> None:
    if asked:
        from . import __version__

        typer.echo(f"engram {__version__}")
        raise typer.Exit


@app.callback()
def engram(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A simulator of memory: protocols, models, recordings and figures."""


Seconds = Annotated[float, typer.Option(min=0, help="Seconds between checkpoints.")]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=1024,
        help="Processes that simulate subjects of circuits at the same time; by default the cores there are.",
    ),
]
RecordingPath = Annotated[Path, typer.Argument(help="A recording (.h5).", show_default=False)]


@app.command()
@in_words
def run(
    protocol: Annotated[str, typer.Argument(help="A protocol file, or a name that `engram list protocols` prints.")],
    models: Annotated[
        str, typer.Option(help="Names, separated by commas; NAME=MODEL gives a copy another name.")
    ] = "conventional,hybrid",
    subjects: Annotated[int, typer.Option(help="Simulated subjects of each model.")] = 10,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    out: Annotated[Path | None, typer.Option(help="The recording; runs/PROTOCOL.h5 by default.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="MODEL.PARAM=VALUE", help="Set a parameter; may be repeated.")
    ] = None,
    items: Annotated[str | None, typer.Option(help="Item set, in the place of the protocol's.")] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder or file with your images, in the place of the protocol's item set.")
    ] = None,
    size: Annotated[int | None, typer.Option(help="Height and width to which every image is brought.")] = None,
    class_order: Annotated[
        str | None,
        typer.Option(help="shuffled, listed, seed-1993, names separated by commas, or a file with one name a line."),
    ] = None,
    unknown: Annotated[
        Path | None, typer.Option(help="Folder or file with images of classes that are never taught.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help="Bytes that the store of each model may take, such as 20MB.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse image files that cannot be used, where they would be left out.")
    ] = False,
    data: Annotated[
        Path | None, typer.Option(envvar="ENGRAM_DATA", help="Folder or file where item sets look for images.")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda or cuda:N.")] = "cpu",
    threads: Annotated[int | None, typer.Option(help="Threads; at most four by default.")] = None,
    chunk: Annotated[int | None, typer.Option(help="Subjects simulated together.")] = None,
    workers: Workers = None,
    checkpoint_every: Seconds = 60.0,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing recording.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Take subjects of one or more models through a protocol and record what is seen."""
    from .protocols import load
    from .settings import class_order_from, models_from

    loaded = load(protocol)
    if class_order is not None:
        loaded = loaded.in_class_order(class_order_from(class_order))
    specs = models_from(models, set_ or [])
    out = out or Path("runs", f"{loaded.name}.h5")
    from .sim import run as start

    _carry_out(
        out,
        quiet,
        lambda reporter: start(
            loaded,
            specs,
            subjects=subjects,
            seed=seed,
            out=out,
            items=items,
            images=images,
            size=size,
            unknown=unknown,
            budget=budget,
            strict=strict,
            data=data,
            device=device,
            threads=threads,
            chunk=chunk,
            checkpoint_every=checkpoint_every,
            overwrite=overwrite,
            workers=workers or _cores(),
            reporter=reporter,
        ),
    )


@app.command()
@in_words
def resume(
    recording: RecordingPath,
    images: Annotated[
        Path | None, typer.Option(help="Where the images lie now that the run was given by --images.")
    ] = None,
    unknown: Annotated[
        Path | None, typer.Option(help="Where the images lie now that the run was given by --unknown.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Where your images lie now; the recorded place by default, else ENGRAM_DATA.")
    ] = None,
    workers: Workers = None,
    checkpoint_every: Seconds = 60.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress.")] = False,
) -> None:
    """Go on with an interrupted or killed run."""
    from .sim import resume as go_on

    _carry_out(
        recording,
        quiet,
        lambda reporter: go_on(
            recording,
            images=images,
            unknown=unknown,
            data=data,
            checkpoint_every=checkpoint_every,
            workers=workers or _cores(),
            reporter=reporter,
        ),
    )


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _carry_out(out: Path, quiet: bool, start: Callable[[Any], Any]) -> None:
    from .sim.chunk_loop import Interrupted
    from .sim.progress import Reporter, reporter_for
    from .table import print_metrics

    quiet = quiet or _rank() > 0
    try:
        with Reporter() if quiet else reporter_for(sys.stderr) as reporter:
            recording = start(reporter)
    except Interrupted:
        fail(f"interrupted; a checkpoint is written, go on with: engram resume {out}", INTERRUPTED)
    except KeyboardInterrupt:
        hint = f"; go on from the last checkpoint with: engram resume {out}" if out.exists() else ""
        fail(f"stopped{hint}", INTERRUPTED)
    if not quiet:
        print_metrics(recording)
        typer.echo(f"recording: {out}")
    failed = [name for name, model in recording.models.items() if set(model.statuses) == {"failed"}]
    if failed and _rank() == 0:
        fail(f"every subject of {', '.join(failed)} stopped; `engram show {out}` says why", FAILED)


@app.command()
@in_words
def validate(
    protocol: Annotated[str, typer.Argument(help="A protocol file, or the name of one of the library.")],
    timeline: Annotated[bool, typer.Option("--timeline", help="Print the unrolled timeline.")] = False,
    classes: Annotated[
        int | None,
        typer.Option(
            min=1, help="Classes of the item set, for a protocol that takes all; by default as few as will do."
        ),
    ] = None,
) -> None:
    """Check a protocol file."""
    from .data.item_sets import item_set, item_set_names
    from .protocols import load, unroll

    loaded = load(protocol)
    settled = loaded.settled(classes)
    unrolled = unroll(settled)
    if loaded.items.set in item_set_names():  # another one may be of a script of the user's
        item_set(loaded.items.set, **loaded.items.options)
    if timeline:
        typer.echo(str(unrolled))
        return
    needs = ", ".join(sorted(loaded.abilities())) or "none beyond learning and recognition"
    many = f"{settled.items.slots} items"
    if loaded.items.count == "all":
        many = f"all classes of the item set (tried with {many})"
    typer.echo(f"{loaded.name}: valid; {len(unrolled.steps)} steps, {many}; abilities needed: {needs}")


@app.command()
@in_words
def pack(
    source: Annotated[Path, typer.Argument(help="Images by class: a folder, an archive, or another source of images.")],
    out: Annotated[Path, typer.Argument(help="Folder for the shards.")],
    size: Annotated[int, typer.Option(min=1, max=4096, help="Height and width to which every image is brought.")] = 256,
    quality: Annotated[int, typer.Option(min=1, max=100, help="Quality of the JPEG files, as libjpeg counts.")] = 90,
    strict: Annotated[
        bool, typer.Option("--strict", help="Refuse files that cannot be used, where they would be left out.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing pack.")] = False,
    domain_folders: Annotated[
        bool, typer.Option("--domain-folders", help="Take the outermost folders, above the classes, for domains.")
    ] = False,
) -> None:
    """Bring images to one size and pack them into a few large files, once."""
    from .image_pack import make_pack

    typer.echo(make_pack(source, out, size, quality, strict, overwrite, "folders" if domain_folders else "none"))


@app.command()
@in_words
def show(
    recording: RecordingPath,
    json_: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print what a recording holds and what came out."""
    import json

    from .analysis import summary
    from .data.recording import open_recording
    from .table import print_metrics

    opened = open_recording(recording)
    if json_:
        typer.echo(json.dumps(summary(opened), indent=2, allow_nan=False))
    else:
        print_metrics(opened)


@app.command()
@in_words
def plot(
    recordings: Annotated[
        list[Path],
        typer.Argument(help="A recording (.h5); several are drawn against what they cost.", show_default=False),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="PNG, PDF or SVG; beside the recording by default.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing figure.")] = False,
) -> None:
    """Draw the figures that a recording's protocol calls for, or accuracy against cost over several recordings."""
    from .analysis import plot_recording
    from .comparison_figure import plot_several
    from .data.recording import open_recording
    from .figure_file import refuse_figure_path, save_figure

    opened = [open_recording(recording) for recording in recordings]
    out = out or recordings[0].with_suffix(".png")
    refuse_figure_path(out, overwrite)
    save_figure(plot_recording(opened[0]) if len(opened) == 1 else plot_several(opened), out)
    typer.echo(f"figure: {out}")


app.command()(in_words(compare))
app.command()(in_words(sweep))


@app.command("list")
@in_words
def list_(what: Annotated[Listable, typer.Argument(help="protocols, models, items or datasets.")]) -> None:
    """List what there is by name."""
    from .table import print_names

    if what is Listable.protocols:
        from .protocols import library, load

        print_names({name: load(name).about for name in library()})
    elif what is Listable.models:
        from .models.registry import about_model, model_names

        print_names({name: _told(about_model, name) for name in model_names()})
    elif what is Listable.items:
        from .data import item_set, item_set_names

        print_names({name: _told(lambda name: _first_line(item_set(name)), name) for name in item_set_names()})
    else:
        from .data.behaviour import dataset, datasets

        print_names({name: _first_sentence(dataset(name).about) for name in datasets()})


def _first_sentence(text: str) -> str:
    return text.partition(". ")[0].removesuffix(".") + "."


def _first_line(thing: object) -> str:
    return (type(thing).__doc__ or "").strip().partition("\n")[0]


def _told(about: Callable[[str], str], name: str) -> str:
    try:
        return about(name)
    except Exception as error:  # of a package that is not ours: the others are listed all the same
        return " ".join(f"cannot be used ({type(error).__name__}: {error})".split())


@app.command()
@in_words
def schema() -> None:
    """Print the JSON Schema of protocol files, for editors."""
    import json

    from .protocols import json_schema

    typer.echo(json.dumps(json_schema(), indent=2))


def main() -> None:
    """Entry point of ``engram``."""
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    warnings.formatwarning = lambda message, *where, **more: f"engram: {message}\n"
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - None where the shell has closed it
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    try:
        try:
            app()
        finally:
            sys.stdout.flush()
    except OSError as error:
        # Also what the interpreter still holds is then let go of without a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):  # a reader that has gone need not be told
            typer.echo(f"engram: standard output cannot be written: {error.strerror}", err=True)
        sys.exit(FAILED)
