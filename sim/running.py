"""Run a protocol on models, and resume a run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ..data.item_sets import item_set
from ..data.items import ItemSet
from ..data.recording.layout import check_group_name
from ..data.recording.reader import open_recording
from ..data.recording.writer import RecordingWriter
from ..models.base import Model
from ..models.registry import model as named_model
from ..models.registry import model_from_spec
from ..protocols import Protocol, load
from .checkpoint import Place, load_checkpoint, remove_checkpoint
from .engine import Engine, is_out_of_memory, run_name
from .laying_out import create_recording
from .planning import LARGEST_RUN, MOST_THREADS, Plan, RecordedItems, RecordedSettings, fixed_parts, make_plan
from .progress import Reporter
from .session import State

if TYPE_CHECKING:
    from ..data.recording.reader import Recording

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
    _check_whole("threads", threads, 1, MOST_THREADS)
    if chunk is not None:
        _check_whole("chunk", chunk, 1, LARGEST_RUN)
    _check_seconds(checkpoint_every)
    out = Path("runs", f"{protocol.name}.h5") if out is None else Path(out)
    _refuse_output(out, overwrite)
    if not isinstance(items, ItemSet):
        items = item_set(items or protocol.items.set)
    data = None if data is None else str(Path(data).resolve())
    settings = dict(zip(SETTINGS, (device, threads, data, subjects), strict=True))
    resolved = _resolve_models(models)
    with _memory_in_words():
        plan = make_plan(protocol, resolved, items.pool(data), seed, settings, chunk)
        start = time.perf_counter(), time.process_time()
        writer = create_recording(plan, items, settings, out, overwrite)
        return _carry_out(plan, writer, out, None, checkpoint_every, reporter or Reporter(), start)


def resume(
    path: str | os.PathLike[str],
    *,
    models: Mapping[str, Model] | None = None,
    items: ItemSet | None = None,
    data: str | os.PathLike[str] | None = None,
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
    data : path, optional
        Where the user's images lie now, if they have moved. By default the recorded folder or file; where that is no
        longer there, the environment variable ``ENGRAM_DATA``. The images must be the same.
    checkpoint_every : float
        Seconds between checkpoints.
    reporter : Reporter, optional

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        The run is complete, the recording or its checkpoint is damaged, or something that fixes the bits of the run
        (items, models, settings, versions) has changed since.
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
    recorded, found = _recorded(recording)
    specs = {name: (models or {}).get(name) or model_from_spec(info.spec) for name, info in recording.models.items()}
    if items is None:
        items = item_set(found.name, **found.options)
    settings = {name: getattr(recorded, name) for name in SETTINGS}
    with _memory_in_words():
        pool = items.pool(_where_images_are(data, recorded.data))
        _refuse_changes(path, {"items": pool.identity}, {"items": found.identity})
        now = fixed_parts(protocol, specs, pool, recording.seed, settings, recorded.chunks)
        _refuse_changes(path, now, recorded.fixed)
        plan = make_plan(protocol, specs, pool, recording.seed, settings, recorded.chunks)
        start = time.perf_counter(), time.process_time()
        writer = RecordingWriter.resume(path)
        checkpoint = None
        try:
            if writer.created != recording.log.get("created") or plan.identity != recorded.identity:
                raise ValueError(f"{path} was replaced by another run meanwhile")
            checkpoint = _own_checkpoint(path, plan, recording, writer, reporter or Reporter())
            resumed = recording.log.get("resumed", 0)
            writer.log(resumed=int(resumed) + 1 if 0 <= resumed < 2**31 else 1)
        except BaseException:
            writer.close()
            raise
        return _carry_out(plan, writer, path, checkpoint, checkpoint_every, reporter or Reporter(), start)


def _recorded(recording: Recording) -> tuple[RecordedSettings, RecordedItems]:
    """What a recording says of its run, checked like the arguments of a new one."""
    path, models = recording.path, recording.models
    settings, items = recording.settings, next(iter(models.values())).item_set
    missing = set(RecordedSettings.model_fields) - set(settings) | set(RecordedItems.model_fields) - set(items)
    if missing:
        raise ValueError(
            f"{path} cannot be resumed: it was not made by `engram run` and lacks {', '.join(sorted(missing))}"
        )
    try:
        recorded, found = RecordedSettings.model_validate(settings), RecordedItems.model_validate(items)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{path} cannot be resumed: its settings are damaged "
            f"({where}: found {str(first['input'])[:80]}; {first['msg']})"
        ) from None
    if any(info.subjects != recorded.subjects for info in models.values()):
        raise ValueError(f"{path} cannot be resumed: it does not hold the {recorded.subjects} subjects of its settings")
    if set(recorded.chunks) != set(models) or max(recorded.chunks.values()) > LARGEST_RUN:
        raise ValueError(f"{path} cannot be resumed: the chunks of its settings are damaged ({recorded.chunks})")
    return recorded, found


def _where_images_are(given: str | os.PathLike[str] | None, recorded: str | None) -> str | None:
    if given is not None:
        return str(Path(given).resolve())
    if recorded is not None and not os.path.exists(recorded):
        return os.environ.get("ENGRAM_DATA") or recorded
    return recorded


def _refuse_changes(path: Path, now: Mapping[str, str], then: Mapping[str, str]) -> None:
    changed = [
        f"{name} ({then.get(name, 'none')}, now {now[name]})" if name.startswith("version") else name
        for name in now
        if now[name] != then.get(name)
    ]
    if changed:
        raise ValueError(
            f"{path} cannot be resumed: {', '.join(changed)} changed since it was started; run it again instead"
        )


def _own_checkpoint(
    path: Path, plan: Plan, recording: Recording, writer: RecordingWriter, reporter: Reporter
) -> tuple[Place, State] | None:
    found = load_checkpoint(path)
    if found is not None and found[0].run == run_name(plan, writer):
        return found
    if _has_progress(recording):
        why = "has no checkpoint" if found is None else "has only the checkpoint of another run"
        reporter.say(f"{path} {why} beside it: the run begins again from its start")
    return None


def _has_progress(recording: Recording) -> bool:
    name, first = next(iter(recording.models.items()))
    return set(first.statuses) != {"running"} or bool(recording.performance(name).notnull().any())


@contextmanager
def _memory_in_words() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"there is not enough memory ({str(error).splitlines()[0]}); lower chunk (subjects simulated together), "
            "batch_size or hidden, or use another device"
        ) from error


def _carry_out(
    plan: Plan,
    writer: RecordingWriter,
    path: Path,
    checkpoint: tuple[Place, State] | None,
    checkpoint_every: float,
    reporter: Reporter,
    start: tuple[float, float],
) -> Recording:
    place, state = checkpoint or (None, {})
    with writer:
        if checkpoint is None:  # what lies there is of an earlier recording; this one's lock is held by now
            remove_checkpoint(path)
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
        check_group_name("model", name)
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
