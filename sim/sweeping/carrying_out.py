"""Carry out the plan of a sweep: here, one run after another, or on workers."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ...data.items import ItemSet
from ...data.recording.reader import open_recording
from ...data.recording.writer import RecordingWriter
from ..carrying_out import carry_out
from ..checkpoint import Place, checkpoint_lanes, remove_checkpoint
from ..chunk_ledger import ChunkLedger, Key, key_of
from ..chunk_loop import Interrupted
from ..engine import interrupts
from ..machine import machine
from ..memory import peak_memory
from ..planning import Plan
from ..progress import Reporter
from .dask_workers import DaskWorkers, dask_client
from .errand import errand, model_of_errand, one_count_of_threads

SECONDS_BETWEEN_CHECKPOINTS = 60.0


class Hands:
    """What simulates the runs of a sweep: this process, workers of our own, or those of a scheduler; a context.

    Parameters
    ----------
    plan : Plan
    items : ItemSet
    settings : mapping
        Of the run, as recorded.
    workers : int
    scheduler : str, optional
    reporter : Reporter

    Raises
    ------
    ValueError
        Workers cannot know a model or the items.
    ConnectionError
        The scheduler cannot be reached.
    """

    def __init__(
        self,
        plan: Plan,
        items: ItemSet,
        settings: Mapping[str, Any],
        workers: int,
        scheduler: str | None,
        reporter: Reporter,
    ) -> None:
        self._plan, self._reporter, self._threads = plan, reporter, settings["threads"]
        self._workers, self._scheduler = workers, scheduler
        self._alone = workers == 1 and scheduler is None
        self._closing = ExitStack()
        if not self._alone:
            self._common = errand(plan, items, settings)
            self._models = {name: model_of_errand(plan, name, settings) for name in plan.simulators}

    def __enter__(self) -> Self:
        if not self._alone:
            backends = {simulator.model.backend for simulator in self._plan.simulators.values()}
            packages = ("brian2",) if "brian2" in backends else ()
            self._client = self._closing.enter_context(dask_client(self._workers, self._scheduler, packages))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def carry_out(
        self,
        writer: RecordingWriter,
        path: Path,
        finished: Collection[Key] = (),
        checkpoints: Mapping[int, Place] | None = None,
    ) -> None:
        """Run what is not finished, and note how that went.

        Parameters
        ----------
        writer : RecordingWriter
        path : path
            The recording.
        finished : collection of (model, chunk)
        checkpoints : mapping of int to Place, optional
            Where a sweep without workers goes on.

        Raises
        ------
        Interrupted
            The user asked to stop.
        ConnectionError
            The scheduler was lost.
        Exception
            What a run raised; on workers, when all others have come to their end.
        """
        if self._alone:
            with one_count_of_threads(self._threads):
                carry_out(
                    self._plan,
                    writer,
                    path,
                    SECONDS_BETWEEN_CHECKPOINTS,
                    1,
                    self._reporter,
                    finished,
                    checkpoints,
                )
            return
        start, cpu = time.perf_counter(), time.process_time()
        self._forget(checkpoints or {}, writer, path)
        ledger = ChunkLedger(self._plan, writer, path, self._reporter)
        places = ledger.open(finished, {})
        workers = DaskWorkers(self._client, self._plan, writer, ledger, self._reporter, self._common, self._models)
        try:
            with interrupts() as asked:
                workers.run(places, asked)
            if workers.failures:
                raise _first_of(workers.failures)
        except Interrupted:
            raise
        except Exception as error:
            error.add_note(
                f"{path} holds every run that came to its end; once the cause is gone, go on with: "
                f"engram sweep --resume {path}"
            )
            raise
        writer.flush()
        failed = [name for name, model in open_recording(path).models.items() if set(model.statuses) == {"failed"}]
        writer.log(
            wall_s=time.perf_counter() - start,
            cpu_s=time.process_time() - cpu + workers.cpu_s,
            peak_memory_bytes=max(peak_memory(), workers.memory),
            machine=machine(),
        )
        writer.set_status("failed" if failed else "complete")

    def _forget(self, checkpoints: Mapping[int, Place], writer: RecordingWriter, path: Path) -> None:
        """Chunks that had not come to their end begin anew on workers, also those that had begun to be ended."""
        for place in checkpoints.values():
            for number in self._plan.numbers(*key_of(place)):
                writer.set_subject(place.model, number, status="running", message="")
        writer.flush()
        for lane in checkpoint_lanes(path):
            remove_checkpoint(path, lane)


def _first_of(failures: list[tuple[str, Exception]]) -> Exception:
    (where, error), *others = failures
    error.add_note(f"in {where}" + (f"; {len(others)} other runs failed too" if others else ""))
    return error
