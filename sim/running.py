"""Run a protocol on models."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..data.items import ItemSet
from ..data.recording.reader import open_recording
from ..models.base import Model
from ..protocols import Protocol, load
from .arguments import MOST_WORKERS, check_seconds, check_whole
from .carrying_out import carry_out
from .deep.distributed import group_from_environment
from .laying_out import create_recording
from .memory import memory_in_words
from .named_models import resolve_models
from .planning import LARGEST_RUN, MOST_THREADS, SETTINGS, make_plan, store_folder
from .progress import Reporter
from .ranks import SilentWriter, refuse_undivided
from .run_images import check_unknown, items_of_run, refuse_taught, taught_domains, unknown_images
from .store_budget import within_budget
from .store_folders import refuse_foreign_files, remove_old_stores
from .workers import refuse_unguarded_script

if TYPE_CHECKING:
    from ..data.recording.reader import Recording


def run(
    protocol: Protocol | str | os.PathLike[str],
    models: Mapping[str, Model | str] | Sequence[str] | str = ("conventional", "hybrid"),
    *,
    subjects: int = 10,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    items: ItemSet | str | None = None,
    images: str | os.PathLike[str] | None = None,
    size: int | None = None,
    unknown: str | os.PathLike[str] | None = None,
    budget: int | str | None = None,
    strict: bool = False,
    data: str | os.PathLike[str] | None = None,
    device: str = "cpu",
    threads: int | None = None,
    chunk: int | None = None,
    checkpoint_every: float = 60.0,
    overwrite: bool = False,
    workers: int = 1,
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
    images : path, optional
        Folder or file with the user's images, in the place of the protocol's item set: short for
        ``items=Images(path=...)``.
    size : int, optional
        Height and width to which every image is brought.
    unknown : path, optional
        Folder or file with images of classes that are never taught, for probes of unknown classes.
    budget : int or str, optional
        Bytes that the episodic store of each model may take, such as ``"20MB"``.
    strict : bool
        Refuse image files that cannot be used, where they would be left out and counted.
    data : path, optional
        Folder or file with the user's images, for item sets that read them.
    device : str
        Torch device of the models that run on torch.
    threads : int, optional
        Threads of the numerical libraries of each process, at most four by default; recorded, since it may change the
        last bits.
    chunk : int, optional
        Subjects simulated together; by default as many as fit 4 GiB. Recorded, since it may change the last bits: on
        the CPUs tried so far it does not, and a GPU may choose another product of matrices.
    checkpoint_every : float
        Seconds between checkpoints.
    overwrite : bool
        Replace an existing recording.
    workers : int
        Processes that simulate subjects at the same time, of models that can be simulated so (circuits). It changes no
        bit. A script that gives more than one needs ``if __name__ == "__main__":`` above this call.
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
    RuntimeError
        Worker processes do not start.

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
    refuse_unguarded_script()
    group = group_from_environment()
    if not isinstance(protocol, Protocol):
        protocol = load(protocol)
    check_whole("subjects", subjects, 1, LARGEST_RUN)
    check_whole("seed", seed, 0, 2**63 - 1)
    if threads is None:
        threads = max(1, min(4, (os.cpu_count() or 1) // group.neighbours))
    check_whole("threads", threads, 1, MOST_THREADS)
    if chunk is not None:
        check_whole("chunk", chunk, 1, LARGEST_RUN)
    check_whole("workers", workers, 1, MOST_WORKERS)
    check_seconds(checkpoint_every)
    out = Path("runs", f"{protocol.name}.h5") if out is None else Path(out)
    if group.first:
        refuse_output(out, overwrite)
        refuse_foreign_files(out)
    items = items_of_run(protocol, items, images, size, strict)
    data, unknown = (None if path is None else str(Path(path).resolve()) for path in (data, unknown))
    check_unknown(protocol, unknown)
    settings = dict(zip(SETTINGS, (device, threads, data, subjects, unknown), strict=True))
    resolved = within_budget(resolve_models(models), budget)
    with memory_in_words():
        pool = items.pool(data)
        strangers = unknown_images(unknown, pool, strict)
        refuse_taught(strangers, pool)
        protocol = protocol.for_classes(len(pool.classes), domains=taught_domains(pool), unknown=strangers is not None)
        plan = make_plan(protocol, resolved, pool, seed, settings, chunk, strangers, store_folder(out))
        refuse_undivided(plan.simulators, group)
        with create_recording(plan, items, settings, out, overwrite) if group.first else SilentWriter() as writer:
            if group.first:
                remove_old_stores(out)
            carry_out(plan, writer, out, checkpoint_every, workers, reporter or Reporter())
    group.barrier()
    return open_recording(out)


def refuse_output(out: Path, overwrite: bool) -> None:
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
