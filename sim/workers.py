"""Worker processes: chunks of subjects simulated at the same time, and one process that writes."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from ..data.recording.writer import RecordingWriter
from .checkpoint import Place
from .chunk_ledger import ChunkLedger, Key, key_of, subjects_in_words
from .chunk_loop import Interrupted, StateDoesNotFit
from .planning import Plan
from .progress import Reporter
from .worker_process import work

ATTEMPTS = 3
"""How often a chunk is started whose worker dies."""

SECONDS_BETWEEN_LOOKS = 0.2
"""How long a Ctrl-C may wait while no worker says anything."""

SECONDS_TO_END = 10.0
"""How long a worker that has no more to do may take to end."""

ONE_THREAD = dict.fromkeys(
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"], "1"
)


def refuse_unguarded_script() -> None:
    """Say what is wrong where a worker, which reads the user's script anew, comes upon the call that started it.

    Raises
    ------
    RuntimeError
        This process is a worker that is just being started.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):
        raise RuntimeError(
            "a script that runs with workers > 1 is read again by every worker: put the call of run or resume below "
            '`if __name__ == "__main__":`'
        )


@dataclass(eq=False)
class _Worker:
    """One process, this end of its pipe, and the chunk that it has in hand."""

    process: BaseProcess
    connection: Connection
    started: bool = False
    place: Place | None = None
    pieces: int = 0  # since the last checkpoint
    memory: int = 0
    exit_code: int = 0


class Workers:
    """Simulates chunks in processes of their own.

    Every worker is one spawned process with one pipe. It sends what is to be written and its checkpoints, and waits
    while the pipe is full, so that memory stays bounded; this process alone writes. A worker that dies is noticed by
    its pipe and its process, and the chunk that it had in hand is started again from its last checkpoint.
    `concurrent.futures.ProcessPoolExecutor` would not do: one killed process breaks the whole pool, and which of the
    tasks it had in hand is not told.

    Parameters
    ----------
    plan : Plan
    writer : RecordingWriter
    reporter : Reporter
    ledger : ChunkLedger
    checkpoint_every : float
        Seconds between checkpoints of one chunk.

    Attributes
    ----------
    peak_memory : int
        Sum over the workers of the most memory that each has had, in bytes.
    """

    def __init__(
        self, plan: Plan, writer: RecordingWriter, reporter: Reporter, ledger: ChunkLedger, checkpoint_every: float
    ) -> None:
        self.peak_memory = 0
        self._plan = plan
        self._writer = writer
        self._reporter = reporter
        self._ledger = ledger
        models = {name: (simulator.model, simulator.settings) for name, simulator in plan.simulators.items()}
        self._plan_bytes = pickle.dumps((replace(plan, simulators={}), models, checkpoint_every))
        self._waiting: deque[Place] = deque()
        self._workers: list[_Worker] = []
        self._deaths: Counter[Key] = Counter()
        self._stopping = False

    def run(self, places: list[Place], count: int, stop_asked: Callable[[], bool]) -> None:
        """Simulate chunks, so many at a time.

        Raises
        ------
        Interrupted
            The user asked to stop; where every chunk stands has been kept.
        RuntimeError
            The worker processes do not start.
        """
        self._waiting.extend(places)
        try:
            for _ in range(count):
                self._start()
            while self._workers:
                if stop_asked() and not self._stopping:
                    self._stop()
                for worker in self._with_news():
                    self._hear(worker)
        finally:
            for worker in list(self._workers):
                worker.process.kill()
                self._end(worker)
        if self._stopping:
            raise Interrupted

    def _start(self) -> None:
        here, there = multiprocessing.Pipe()
        process = multiprocessing.get_context("spawn").Process(target=work, args=(there,), daemon=True)
        with _as_workers_should_be():
            process.start()
        there.close()
        self._workers.append(_Worker(process, here))

    def _with_news(self) -> list[_Worker]:
        handles: dict[Any, _Worker] = {}
        for worker in self._workers:
            handles |= {worker.connection: worker, worker.process.sentinel: worker}
        return list(dict.fromkeys(handles[handle] for handle in wait(list(handles), SECONDS_BETWEEN_LOOKS)))

    def _hear(self, worker: _Worker) -> None:
        try:
            if not worker.connection.poll():  # it has died, and all that it had said was heard
                raise EOFError
            word, *content = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if word == "write":
            method, arguments, named = content
            getattr(self._writer, method)(*arguments, **named)
        elif word == "work":
            worker.pieces += content[-1]
            self._reporter.work(*content)
        elif word == "simulated":
            self._reporter.simulated(*content)
        elif word == "learned":
            self._reporter.learned(*content)
        elif word == "say":
            self._reporter.say(*content)
        elif word == "keep":
            worker.pieces = 0
            self._ledger.keep(*content)
        elif word == "ready":
            worker.started = True
            self._give_work(worker)
        elif word == "done":
            assert worker.place is not None
            self._ledger.finish(worker.place)
            worker.place, worker.memory = None, content[0]
            self._give_work(worker)
        elif word == "stopped":
            self._end(worker)
        elif word == "failed":
            (error,) = content
            if isinstance(error, StateDoesNotFit) and worker.place is not None:
                raise self._ledger.misfit(worker.place, error) from error
            raise error

    def _give_work(self, worker: _Worker) -> None:
        """The next chunk, or the end where there is none."""
        try:
            if not self._waiting:
                worker.connection.send(("stop",))
                self._end(worker)
                return
            if worker.memory == 0:
                worker.connection.send_bytes(self._plan_bytes)
            worker.place, state = self._ledger.begin(self._waiting.popleft())
            worker.pieces = 0
            worker.connection.send(("chunk", worker.place, state))
        except OSError:
            self._bury(worker)

    def _stop(self) -> None:
        """Ask every worker to keep where its chunk stands and to stop."""
        self._stopping = True
        self._waiting.clear()
        for worker in list(self._workers):
            if worker.place is None:  # it is still starting
                worker.process.kill()
                self._end(worker)
                continue
            with suppress(OSError):  # that it has died is noticed soon
                worker.connection.send(("stop",))

    def _bury(self, worker: _Worker) -> None:
        """Go on without a worker that has died: another one takes its chunk up, but not for ever."""
        self._end(worker)
        how = _end_in_words(worker.exit_code)
        if not worker.started:
            raise RuntimeError(
                f"a worker process did not start ({how}); it may have said why. A script that runs with workers > 1 is "
                'read again by every worker, and needs `if __name__ == "__main__":` above its calls'
            )
        if worker.place is not None and not self._stopping:
            place = worker.place
            self._deaths[key_of(place)] += 1
            whose = f"{place.model}, {subjects_in_words(self._plan.numbers(*key_of(place)))}"
            if self._deaths[key_of(place)] < ATTEMPTS:
                self._waiting.appendleft(place)
                self._reporter.say(f"{whose}: the process {how}; started again from the last checkpoint")
            else:
                self._ledger.give_up(place, f"its process {how}; given up after {ATTEMPTS} attempts")
                self._reporter.say(f"{whose}: the process {how}; given up after {ATTEMPTS} attempts")
            self._ledger.count_work({key_of(w.place): w.pieces for w in self._workers if w.place is not None})
        if len(self._waiting) > 0:
            self._start()

    def _end(self, worker: _Worker) -> None:
        self._workers.remove(worker)
        self.peak_memory += worker.memory
        worker.connection.close()
        worker.process.join(SECONDS_TO_END)
        if worker.process.is_alive():
            worker.process.kill()
            worker.process.join()
        worker.exit_code = worker.process.exitcode or 0
        worker.process.close()


@contextmanager
def _as_workers_should_be() -> Iterator[None]:
    """One numerical thread, and deaf to Ctrl-C from the first moment: a process that is started keeps what is set."""
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    blocked = None
    if hasattr(signal, "pthread_sigmask"):  # not on Windows
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        if blocked is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _end_in_words(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"
