"""Run a sweep, and go on with one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from ...data.item_sets import item_set
from ...data.items import ItemSet
from ...data.recording.reader import open_recording
from ...data.recording.writer import RecordingWriter
from ...models.base import Model
from ...models.registry import model_from_spec
from ...protocols import Protocol, load
from ..arguments import MOST_WORKERS, check_whole
from ..chunk_ledger import key_of
from ..deep.distributed import group_from_environment
from ..laying_out import create_recording
from ..memory import memory_in_words
from ..named_models import resolve_models
from ..planning import LARGEST_RUN, MOST_THREADS, SETTINGS, fixed_parts, store_folder
from ..progress import Reporter
from ..resuming import finished_chunks, own_checkpoints, recorded_settings, refuse_changes, where_images_are
from ..run_images import items_of_run, taught_domains
from ..running import refuse_output
from ..store_budget import within_budget
from ..store_folders import refuse_foreign_files, remove_old_stores
from ..workers import refuse_unguarded_script
from .carrying_out import Hands
from .points import grid
from .sweep_plan import sweep_plan

if TYPE_CHECKING:
    from ...data.recording.reader import Recording


def sweep(
    protocol: Protocol | str | os.PathLike[str],
    models: Mapping[str, Model | str] | Sequence[str] | str = ("conventional", "hybrid"),
    vary: Mapping[str, Sequence[Any]] | None = None,
    *,
    subjects: int = 10,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    items: ItemSet | str | None = None,
    images: str | os.PathLike[str] | None = None,
    size: int | None = None,
    strict: bool = False,
    budget: int | str | None = None,
    data: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    threads: int = 1,
    chunk: int | None = None,
    overwrite: bool = False,
    workers: int = 1,
    scheduler: str | None = None,
    reporter: Reporter | None = None,
) -> Recording:
    """Take subjects of models with every combination of some parameters through a protocol, into one recording.

    The recording is that of `run` with one model for each combination, named like ``hybrid_rate-0.5``, and knows which
    model has which parameters (`engram.data.recording.sweep_parameters`). Subject k meets the same items under all of
    them. The number of workers changes no bit.

    Parameters
    ----------
    protocol : Protocol, str or path
        A protocol, the name of one of the library, or a file.
    models : mapping, sequence or str
        Models by name; names of registered models stand for themselves.
    vary : mapping of str to sequence, optional
        Values by ``model.parameter``, such as ``{"hybrid.rate": [0.1, 1.0]}``; a dot reaches into a parameter. Every
        combination is run. One value alone sets the parameter.
    subjects : int
        Simulated subjects of each combination.
    seed : int
        Gives every random stream its own child seed.
    out : path, optional
        The recording; ``runs/<protocol>-sweep.h5`` by default.
    items : ItemSet or str, optional
        In the place of the protocol's item set.
    images : path, optional
        The user's images, as of `run`; workers must find them there too.
    size : int, optional
        Height and width to which every image is brought.
    strict : bool
        Refuse files that cannot be used as images, and do not leave them out.
    budget : int or str, optional
        Bytes that the episodic store of each model may take, as of `run`; to vary it, vary ``model.store.budget``.
    data : path, optional
        Folder or file with the user's images, for item sets that read them; workers must find it there too.
    device : str
        Torch device of the models that run on torch.
    threads : int
        Threads of the numerical libraries of each process; recorded, since it may change the last bits.
    chunk : int, optional
        Subjects simulated together, which is what a worker gets at a time; by default as many as fit 4 GiB. Recorded,
        since it may change the last bits.
    overwrite : bool
        Replace an existing recording.
    workers : int
        Processes on this machine. More than one need ``pip install 'engram[cluster]'``, and a script that gives more
        than one needs ``if __name__ == "__main__":`` above this call.
    scheduler : str, optional
        Address of a Dask scheduler, such as ``tcp://10.0.0.1:8786``, whose workers are used in the place of our own.
    reporter : Reporter, optional
        Hears of the progress; silence by default.

    Returns
    -------
    Recording
        The finished recording, opened.

    Raises
    ------
    ValueError
        The protocol, a model, a parameter or an argument is not valid, or a model lacks an ability that the protocol
        asks for.
    FileExistsError
        The recording exists and ``overwrite`` is false.
    ImportError
        Workers are asked for and Dask is not installed.
    ConnectionError
        The scheduler cannot be reached, or was lost; `resume_sweep` goes on.
    KeyboardInterrupt
        The sweep was interrupted; `resume_sweep` goes on.
    OSError
        The recording cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from engram.data.recording.sweep_parameters import sweep_parameters
    >>> from engram.models import MetaplasticNetwork
    >>> from engram.protocols import ItemSpec, Protocol, probe, wake
    >>> items = ItemSpec(count=3, train=20, test=10)
    >>> protocol = Protocol(name="short", items=items, schedule=[wake("all"), probe("all")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     recording = sweep(protocol, {"small": MetaplasticNetwork(hidden=(8,))}, {"small.batch_size": [4, 20]},
    ...                       subjects=2, out=f"{folder}/short.h5")
    ...     sweep_parameters(recording)
                     model   base  batch_size
    0   small_batch_size-4  small           4
    1  small_batch_size-20  small          20
    """
    _refuse_start(workers, scheduler)
    if not isinstance(protocol, Protocol):
        protocol = load(protocol)
    check_whole("subjects", subjects, 1, LARGEST_RUN)
    check_whole("seed", seed, 0, 2**63 - 1)
    check_whole("threads", threads, 1, MOST_THREADS)
    if chunk is not None:
        check_whole("chunk", chunk, 1, LARGEST_RUN)
    out = Path("runs", f"{protocol.name}-sweep.h5") if out is None else Path(out)
    refuse_output(out, overwrite)
    refuse_foreign_files(out)
    items = items_of_run(protocol, items, images, size, strict)
    data = None if data is None else str(Path(data).resolve())
    settings = dict(zip(SETTINGS, (device, threads, data, subjects, None), strict=True))
    points = grid(within_budget(resolve_models(models), budget), vary or {})
    table = {name: {"base": point.base, "parameters": point.parameters} for name, point in points.items()}
    with memory_in_words(), ExitStack() as closing:
        pool = items.pool(data)
        protocol = protocol.for_classes(len(pool.classes), domains=taught_domains(pool), unknown=False)
        resolved = {name: point.model for name, point in points.items()}
        plan = sweep_plan(protocol, resolved, pool, seed, settings, chunk, store_folder(out))
        hands = closing.enter_context(Hands(plan, items, settings, workers, scheduler, reporter or Reporter()))
        writer = closing.enter_context(create_recording(plan, items, {**settings, "sweep": table}, out, overwrite))
        remove_old_stores(out)
        hands.carry_out(writer, out)
    return open_recording(out)


def resume_sweep(
    path: str | os.PathLike[str],
    *,
    models: Mapping[str, Model] | None = None,
    items: ItemSet | None = None,
    data: str | os.PathLike[str] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    reporter: Reporter | None = None,
) -> Recording:
    """Go on with a sweep that was interrupted; what has come to an end is not simulated again.

    Parameters
    ----------
    path : path
        The recording.
    models, items : optional
        Needed only for models and item sets made from objects that no registered name describes; models by the names
        that they have in the recording.
    data : path, optional
        Where the user's images lie now, if they have moved.
    workers, scheduler, reporter
        As of `sweep`; they need not be those that the sweep had.

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        The recording is finished, damaged or none of a sweep, or something that fixes its bits has changed since.
    ConnectionError
        The scheduler cannot be reached, or was lost.
    OSError
        The recording cannot be read or written.

    Examples
    --------
    >>> resume_sweep("runs/sweep.h5", workers=2).status  # doctest: +SKIP
    'complete'
    """
    _refuse_start(workers, scheduler)
    path = Path(path)
    recording = open_recording(path)
    if "sweep" not in recording.settings:
        raise ValueError(f"{path} is no sweep: go on with engram resume {path}")
    if recording.status == "complete":
        raise ValueError(f"{path} is complete: there is nothing to resume")
    if recording.status == "failed":
        raise ValueError(
            f"{path} is finished: every subject of a model stopped, and would stop again; `engram show {path}` says why"
        )
    protocol = Protocol.from_yaml(recording.protocol_text, source=f"{path} (protocol)")
    run = SimpleNamespace(
        path=path, models=recording.models, settings={k: v for k, v in recording.settings.items() if k != "sweep"}
    )
    recorded, found = recorded_settings(cast(Any, run))
    specs = {name: (models or {}).get(name) or model_from_spec(info.spec) for name, info in recording.models.items()}
    items = items or item_set(found.name, **found.options)
    settings = {name: getattr(recorded, name) for name in SETTINGS}
    with memory_in_words(), ExitStack() as closing:
        pool = items.pool(where_images_are(data, recorded.data))
        refuse_changes(path, {"items": pool.identity}, {"items": found.identity})
        now = fixed_parts(protocol, specs, pool, recording.seed, settings, recorded.chunks)
        then = {name: info.spec for name, info in recording.models.items()}
        refuse_changes(path, now, recorded.fixed, then, {name: model.spec() for name, model in specs.items()})
        plan = sweep_plan(protocol, specs, pool, recording.seed, settings, recorded.chunks, store_folder(path))
        hands = closing.enter_context(Hands(plan, items, settings, workers, scheduler, reporter or Reporter()))
        refuse_foreign_files(path)
        writer = closing.enter_context(RecordingWriter.resume(path))
        if writer.created != recording.log.get("created") or plan.identity != recorded.identity:
            raise ValueError(f"{path} was replaced by another run meanwhile")
        checkpoints = own_checkpoints(path, plan, writer)
        finished = finished_chunks(plan, recording) - {key_of(place) for place in checkpoints.values()}
        writer.log(resumed=min(int(recording.log.get("resumed", 0)) + 1, 2**31))
        hands.carry_out(writer, path, finished, checkpoints)
    return open_recording(path)


def _refuse_start(workers: int, scheduler: str | None) -> None:
    refuse_unguarded_script()
    check_whole("workers", workers, 1, MOST_WORKERS)
    if scheduler is not None and workers != 1:
        raise ValueError("found both workers and scheduler; give one: a scheduler has workers of its own")
    if group_from_environment().size > 1:
        raise ValueError("a sweep cannot be divided by torchrun; give workers or the address of a Dask scheduler")
