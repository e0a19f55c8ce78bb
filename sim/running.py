"""Run a protocol on models, and resume a run."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.item_sets import item_set
from ..data.items import ItemSet
from ..data.recording.reader import open_recording
from ..data.recording.writer import RecordingWriter
from ..models.base import Model
from ..models.registry import model as named_model
from ..models.registry import model_from_spec
from ..protocols import Protocol, load
from .checkpoint import load_checkpoint, remove_checkpoint
from .engine import Engine
from .laying_out import create_recording
from .planning import Plan, make_plan
from .progress import Reporter

if TYPE_CHECKING:
    from ..data.recording.reader import Recording

LARGEST_RUN = 100_000
"""Subjects of one run."""

SETTINGS = ("device", "threads", "data", "subjects")


def run(
    protocol: Protocol | str | os.PathLike[str],
    models: Mapping[str, Model | str] | Sequence[str] | str = ("conventional", "hybrid"),
    *,
    subjects: int = 10,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    items: ItemSet | str | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    chunk: int | None = None,
    checkpoint_every: float = 60.0,
    overwrite: bool = False,
    reporter: Reporter | None = None,
) -> Recording:
    """Take subjects of one or more models through a protocol and record what is seen.

    Parameters
    ----------
    protocol : Protocol, str or path
        A protocol, the name of one of the library, or a file.
    models : mapping, sequence or str
        Models by name; names of registered models stand for themselves.
    subjects : int
        Simulated subjects of each model. Subject k meets the same items under every model.
    seed : int
        Gives every random stream of the run its own child seed.
    out : path, optional
        The recording; ``runs/<protocol>.h5`` by default.
    items : ItemSet or str, optional
        In the place of the protocol's item set.
    data : path, optional
        Folder or file with the user's images, for item sets that read them.
    device : str
        Torch device of the models that run on torch.
    threads : int, optional
        Threads of the numerical libraries, at most four by default; recorded, since it may change the last bits.
    chunk : int, optional
        Subjects simulated together; by default as many as fit 4 GiB. Recorded, since it may change the last bits: on
        the CPUs tried so far it does not, and a GPU may choose another product of matrices.
    checkpoint_every : float
        Seconds between checkpoints.
    overwrite : bool
        Replace an existing recording.
    reporter : Reporter, optional
        Hears of the progress; silence by default.

    Returns
    -------
    Recording
        The finished recording, opened.

    Raises
    ------
    ValueError
        The protocol, a model or an argument is not valid, or a model lacks an ability that the protocol asks for.
    FileExistsError
        The recording exists and ``overwrite`` is false.
    OSError
        The recording cannot be written.
    KeyboardInterrupt
        The run was interrupted; `resume` goes on from the checkpoint.

    Examples
    --------
    >>> import tempfile
    >>> from engram.models import MetaplasticNetwork
    >>> from engram.protocols import ItemSpec, Protocol, probe, wake
    >>> items = ItemSpec(count=3, train=20, test=10)
    >>> protocol = Protocol(name="short", items=items, schedule=[wake("all"), probe("all")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recording = run(protocol, {"small": MetaplasticNetwork(hidden=(8,))}, subjects=2, out=f"{folder}/short.h5")
    ...     recording.performance().shape
    (1, 2, 1, 3)
    """
    if not isinstance(protocol, Protocol):
        protocol = load(protocol)
    _check_whole("subjects", subjects, 1, LARGEST_RUN)
    _check_whole("seed", seed, 0, 2**63 - 1)
    if threads is None:
        threads = min(4, os.cpu_count() or 1)
    _check_whole("threads", threads, 1, 1024)
    if chunk is not None:
        _check_whole("chunk", chunk, 1, LARGEST_RUN)
    _check_seconds(checkpoint_every)
    out = Path("runs", f"{protocol.name}.h5") if out is None else Path(out)
    _refuse_output(out, overwrite)
    if not isinstance(items, ItemSet):
        items = item_set(items or protocol.items.set)
    data = None if data is None else str(Path(data).resolve())
    settings = dict(zip(SETTINGS, (device, threads, data, subjects), strict=True))
    plan = make_plan(protocol, _resolve_models(models), items, seed, settings, chunk)
    start = time.perf_counter(), time.process_time()
    writer = create_recording(plan, items, settings, out, overwrite)
    return _carry_out(plan, writer, out, None, checkpoint_every, reporter or Reporter(), start)


def resume(
    path: str | os.PathLike[str],
    *,
    models: Mapping[str, Model] | None = None,
    items: ItemSet | None = None,
    checkpoint_every: float = 60.0,
    reporter: Reporter | None = None,
) -> Recording:
    """Go on with an interrupted or killed run, to the same bits as if it had not been interrupted.

    Parameters
    ----------
    path : path
        The recording.
    models, items : optional
        Needed only for models and item sets made from objects that no registered name describes.
    checkpoint_every : float
        Seconds between checkpoints.
    reporter : Reporter, optional

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        The run is complete, the recording or its checkpoint is damaged, or the items have changed since.
    OSError
        The recording cannot be read or written.
    """
    path = Path(path)
    _check_seconds(checkpoint_every)
    recording = open_recording(path)
    if recording.status == "complete":
        raise ValueError(f"{path} is complete: there is nothing to resume")
    if recording.status == "failed":
        raise ValueError(
            f"{path} is finished: every subject of a model stopped, and would stop again; `engram show {path}` says why"
        )
    protocol = Protocol.from_yaml(recording.protocol_text, source=f"{path} (protocol)")
    settings = dict(recording.settings)
    found = next(iter(recording.models.values())).item_set
    missing = {*SETTINGS, "chunks", "identity"} - set(settings) | {"name", "options", "identity"} - set(found)
    if missing:
        raise ValueError(
            f"{path} cannot be resumed: it was not made by `engram run` and lacks {', '.join(sorted(missing))}"
        )
    chunks, identity = settings.pop("chunks"), settings.pop("identity")
    if items is None:
        items = item_set(found["name"], **found["options"])
    specs = {name: (models or {}).get(name) or model_from_spec(info.spec) for name, info in recording.models.items()}
    plan = make_plan(protocol, specs, items, recording.seed, settings, chunks)
    if plan.identity != identity:
        what = "items" if plan.pool.identity != found["identity"] else "models or the version of engram"
        raise ValueError(f"{path} cannot be resumed: the {what} changed since it was started; run it again instead")
    checkpoint = load_checkpoint(path)
    if checkpoint is not None and checkpoint[0].run != identity:
        checkpoint = None
    start = time.perf_counter(), time.process_time()
    writer = RecordingWriter.resume(path)
    writer.log(resumed=int(recording.log.get("resumed", 0)) + 1)
    return _carry_out(plan, writer, path, checkpoint, checkpoint_every, reporter or Reporter(), start)


def _carry_out(
    plan: Plan,
    writer: RecordingWriter,
    path: Path,
    checkpoint: Any,
    checkpoint_every: float,
    reporter: Reporter,
    start: tuple[float, float],
) -> Recording:
    place, state = checkpoint or (None, {})
    with writer:
        engine = Engine(plan, writer, path, checkpoint_every, reporter)
        engine.run(place, state)
        writer.flush()
        failed = [name for name, model in open_recording(path).models.items() if set(model.statuses) == {"failed"}]
        writer.log(wall_s=time.perf_counter() - start[0], cpu_s=time.process_time() - start[1])
        writer.set_status("failed" if failed else "complete")
    remove_checkpoint(path)
    return open_recording(path)


def _resolve_models(models: Mapping[str, Model | str] | Sequence[str] | str) -> dict[str, Model]:
    if isinstance(models, str):
        models = [name.strip() for name in models.split(",") if name.strip()]
    if not isinstance(models, Mapping):
        if len(set(models)) < len(models):
            raise ValueError(f"models: found {', '.join(models)}; each model can be run once, give copies other names")
        models = {name: name for name in models}
    if not models:
        raise ValueError("models: none given; give at least one, such as hybrid")
    resolved = {}
    for name, given in models.items():
        if not isinstance(given, Model | str):
            raise TypeError(f"models: {name} is {given!r}; expected a Model or the name of a registered one")
        resolved[name] = named_model(given) if isinstance(given, str) else given
    return resolved


def _refuse_output(out: Path, overwrite: bool) -> None:
    """Say what is wrong with the output path before any time is spent on the run."""
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder; give the name of a file, such as {out / 'run.h5'}")
    if out.exists() and not overwrite:
        raise FileExistsError(f"{out} exists; give another name, or --overwrite (overwrite=True) to replace it")
    folder = next(parent for parent in out.absolute().parents if parent.exists())
    if not folder.is_dir():
        raise NotADirectoryError(f"{out} cannot be created: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"{out} cannot be created: the folder {folder} is read-only")


def _check_whole(name: str, value: Any, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: found {value!r}; expected a whole number from {least} to {most}")


def _check_seconds(checkpoint_every: float) -> None:
    if not checkpoint_every >= 0:
        raise ValueError(f"checkpoint_every: found {checkpoint_every}; expected a number of seconds, at least 0")
