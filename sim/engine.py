"""The engine: takes every model's subjects, chunk by chunk, through the timeline, here or in worker processes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path

from ..data.recording.writer import RecordingWriter
from .checkpoint import Place
from .chunk_ledger import ChunkLedger, Key
from .chunk_loop import ChunkLoop, StateDoesNotFit
from .deep.distributed import Group, LostProcess, single
from .planning import Plan
from .progress import Reporter
from .ranks import SharedLedger, SilentWriter
from .workers import Workers


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag; a second one stops at once. Off the main thread signals stay as they are.

    Where a process of the run is lost, torchrun ends the others; this one ends by itself when it has told why.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked
        return

    def on_signal(number: int, frame: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    except LostProcess:
        before[signal.SIGTERM] = signal.SIG_IGN
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Engine:
    """Carries out a plan.

    Parameters
    ----------
    plan : Plan
    writer : RecordingWriter
        The recording, already laid out for this plan; a silent one in processes beside the first.
    path : path
        Where the recording lies; checkpoints lie beside it.
    checkpoint_every : float
        Seconds between checkpoints within a phase; 0 writes one after every piece of work. At the end of a phase one is
        written when a tenth of that time has passed.
    reporter : Reporter
    workers : int
        Processes that simulate chunks at the same time, of models that can be simulated so.
    group : Group
        The processes that carry out the plan together.

    Attributes
    ----------
    worker_memory : int
        Sum over the workers of the most memory that each has had, in bytes.
    """

    def __init__(
        self,
        plan: Plan,
        writer: RecordingWriter | SilentWriter,
        path: Path,
        checkpoint_every: float,
        reporter: Reporter,
        workers: int = 1,
        group: Group | None = None,
    ) -> None:
        self.worker_memory = 0
        self._plan = plan
        self._writer = writer
        self._checkpoint_every = checkpoint_every
        self._reporter = reporter
        self._workers = workers
        self._group = group or single()
        own = None if isinstance(writer, SilentWriter) else ChunkLedger(plan, writer, path, reporter)
        self._ledger = own if own is not None and self._group.size == 1 else SharedLedger(own, self._group)

    def run(self, finished: Collection[Key] | None = None, checkpoints: Mapping[int, Place] | None = None) -> None:
        """Run what is not finished, each chunk from its checkpoint where there is one.

        Parameters
        ----------
        finished : collection of (model, chunk), optional
            Chunks that have no more to do.
        checkpoints : mapping of int to Place, optional
            Places of the checkpoints that lie beside the recording, by lane.

        Raises
        ------
        Interrupted
            The user asked to stop; the checkpoints are written.
        ValueError
            A checkpoint does not hold what its chunk needs.
        LostProcess
            Another process of the group has ended; where the chunk stands has been kept.
        """
        to_do = self._ledger.open(finished or (), checkpoints or {})
        with interrupts() as asked:
            for at_once, places in groupby(to_do, lambda place: self._plan.simulators[place.model].parallel):
                group = list(places)
                workers = min(self._workers, len(group)) if at_once else 1
                if workers > 1:
                    self._run_in_workers(group, workers, asked)
                else:
                    self._run_here(group, asked)

    def _run_here(self, places: list[Place], asked: threading.Event) -> None:
        loop = ChunkLoop(
            plan=self._plan,
            writer=self._writer,
            reporter=self._reporter,
            keep=self._ledger.keep,
            stop_asked=asked.is_set,
            checkpoint_every=self._checkpoint_every,
            group=self._group,
        )
        for place in places:
            try:
                loop.run(*self._ledger.begin(place))
            except StateDoesNotFit as error:
                raise self._ledger.misfit(place, error) from error
            self._ledger.finish(place)

    def _run_in_workers(self, places: list[Place], count: int, asked: threading.Event) -> None:
        assert isinstance(self._ledger, ChunkLedger)  # what runs in workers is not divided among a group
        assert not isinstance(self._writer, SilentWriter)
        workers = Workers(self._plan, self._writer, self._reporter, self._ledger, self._checkpoint_every)
        try:
            workers.run(places, count, asked.is_set)
        finally:
            self.worker_memory = max(self.worker_memory, workers.peak_memory)
