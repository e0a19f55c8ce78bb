"""Chunks of a sweep on the workers of a Dask scheduler, of which one process alone writes."""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING
from uuid import uuid4

from ...data.recording.writer import RecordingWriter
from ..checkpoint import Place
from ..chunk_ledger import ChunkLedger, key_of, subjects_in_words
from ..chunk_loop import Interrupted
from ..planning import Plan
from ..progress import Reporter
from ..worker_process import HANDED_ON
from .errand import Outcome, WorkerDiffers, simulate

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

ATTEMPTS = 3
"""How often a chunk is started whose worker dies, on this machine; a scheduler elsewhere has its own number."""

SECONDS_BETWEEN_LOOKS = 0.2
SECONDS_TO_ANSWER = 10.0
SECONDS_WITHOUT_WORKERS = 10.0
SENT_AT_ONCE = 1000
"""Chunks that wait at the scheduler: enough for clusters that grow with what there is to do."""


@contextmanager
def dask_client(workers: int, scheduler: str | None, packages: tuple[str, ...] = ()) -> Iterator[Client]:
    """A client of the scheduler of an address, or of workers of our own on this machine.

    Parameters
    ----------
    workers : int
        How many of our own.
    scheduler : str, optional
        Address.
    packages : tuple of str
        What workers have to import in their main thread.

    Raises
    ------
    ImportError
        Dask is not installed.
    ConnectionError
        No scheduler answers there.
    RuntimeError
        The workers of our own do not start.
    """
    try:
        import dask
        from distributed import Client

        from .worker_imports import MainThreadImports
    except ImportError as error:
        raise ImportError(
            "a sweep with more than one worker needs Dask: pip install 'engram[cluster]'; workers=1 does without"
        ) from error
    with _quietly(), ExitStack() as closing:
        if scheduler is None:
            ours = {
                "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
                "distributed.scheduler.worker-saturation": 1.0,  # who waits behind what kills a worker is not to blame
            }
            closing.enter_context(dask.config.set(ours))
            cluster = closing.enter_context(_own_workers(workers))
            client = Client(cluster, set_as_default=False)
        else:
            _refuse_silence(scheduler)
            client = Client(scheduler, timeout=SECONDS_TO_ANSWER, set_as_default=False)
        closing.enter_context(client)
        client.register_plugin(MainThreadImports(packages))
        yield client


def _own_workers(count: int) -> LocalCluster:
    from distributed import LocalCluster

    try:
        return LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            processes=True,
            memory_limit=None,
            dashboard_address="127.0.0.1:0",
            silence_logs=logging.CRITICAL,
            preload=["engram.sim.sweeping.deaf_worker"],
        )
    except RuntimeError as error:
        raise RuntimeError(
            f"worker processes do not start ({error}). A script that sweeps with workers > 1 is read again by every "
            'worker, and needs `if __name__ == "__main__":` above its calls'
        ) from error


def _refuse_silence(scheduler: str) -> None:
    """See whether a scheduler answers; a client that is never told of one leaves tracebacks behind."""
    from distributed import Security
    from distributed.comm.core import connect

    async def knock() -> None:
        how = Security().get_connection_args("client")  # of TLS, where Dask's configuration asks for it
        comm = await connect(scheduler, timeout=SECONDS_TO_ANSWER, **how)
        await comm.close()

    try:
        with ThreadPoolExecutor(1) as thread:  # where this one has an event loop of its own, as in a notebook
            thread.submit(lambda: asyncio.run(knock())).result()
    except (OSError, ValueError, TimeoutError) as error:
        raise ConnectionError(
            f"no Dask scheduler answers at {scheduler!r} ({' '.join(str(error).split()) or type(error).__name__}); "
            "start one with `dask scheduler` and give the address that it prints, or leave --scheduler out"
        ) from error


@contextmanager
def _quietly() -> Iterator[None]:
    """What matters of what Dask logs is told in our words."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


class DaskWorkers:
    """Hands chunks to workers and writes what comes back.

    Parameters
    ----------
    client : distributed.Client
    plan : Plan
    writer : RecordingWriter
    ledger : ChunkLedger
    reporter : Reporter
    common : str
        What all chunks share, as `errand` gives it.
    models : dict of str to str
        Each model, as `model_of_errand` gives it.

    Attributes
    ----------
    failures : list of (str, Exception)
        Runs that did not come to an end, in words, and why.
    cpu_s : float
        Processor time of the workers.
    memory : int
        Most memory that a worker has had, in bytes.
    """

    def __init__(
        self,
        client: Client,
        plan: Plan,
        writer: RecordingWriter,
        ledger: ChunkLedger,
        reporter: Reporter,
        common: str,
        models: dict[str, str],
    ) -> None:
        self.failures: list[tuple[str, Exception]] = []
        self.cpu_s, self.memory = 0.0, 0
        self._client, self._plan, self._writer, self._reporter = client, plan, writer, reporter
        self._ledger, self._common, self._models = ledger, common, models
        self._sent: dict[str, tuple[Future, Place]] = {}
        self._news: queue.SimpleQueue[Future] = queue.SimpleQueue()
        self._without_workers = 0.0

    def run(self, places: list[Place], asked: threading.Event) -> None:
        """Simulate chunks; those that fail are kept in `failures`, and the others go on.

        Raises
        ------
        Interrupted
            The user asked to stop.
        ConnectionError
            The scheduler is gone.
        WorkerDiffers, ImportError
            The workers cannot simulate these models.
        """
        waiting = iter(places)
        self._send(waiting, SENT_AT_ONCE)
        while self._sent:
            if asked.is_set():
                raise Interrupted
            try:
                future = self._news.get(timeout=SECONDS_BETWEEN_LOOKS)
            except queue.Empty:
                self._look()
                continue
            self._hear(future)
            self._send(waiting, 1)

    def _send(self, waiting: Iterator[Place], most: int) -> None:
        for _, place in zip(range(most), waiting, strict=False):
            key = f"{place.model}-{place.chunk}-{uuid4().hex}"
            future = self._client.submit(
                simulate, self._common, self._models[place.model], place.chunk, key=key, pure=False
            )
            self._sent[key] = future, place
            future.add_done_callback(self._news.put)

    def _hear(self, future: Future) -> None:
        from distributed import CancelledError

        _, place = self._sent.pop(str(future.key))
        try:
            outcome = future.result()
        except ImportError as error:
            error.add_note("on a worker, which needs the packages that this process has")
            raise
        except WorkerDiffers:
            raise
        except CancelledError:
            raise self._lost() from None
        except Exception as error:
            if self._client.status != "running":
                raise self._lost() from None
            error = _told(error)
            self.failures.append((self._in_words(place), error))
            self._reporter.say(f"{self._in_words(place)}: {type(error).__name__}: {error}")
            return
        finally:
            future.release()
        self._write(place, outcome)

    def _write(self, place: Place, outcome: Outcome) -> None:
        """Until all of a chunk is on the disk a checkpoint of its beginning says that it is not."""
        self._ledger.begin(place)
        self._ledger.keep(place, {})
        for method, arguments, named in outcome["written"]:
            if method not in HANDED_ON:
                raise ValueError(f"a worker asks for {method}, which is no method that a chunk calls")
            getattr(self._writer, method)(*arguments, **named)
        self._ledger.finish(place)
        for text in outcome["told"]:
            self._reporter.say(text)
        self.cpu_s += outcome["cpu_s"]
        self.memory = max(self.memory, outcome["memory"])
        numbers = self._plan.numbers(*key_of(place))
        self._reporter.work(place.model, subjects_in_words(numbers), "", self._plan.work(*key_of(place)))

    def _look(self) -> None:
        """While nothing comes: whether the scheduler is there, and has workers."""
        if self._client.status != "running":
            raise self._lost()
        if self._client.scheduler_info()["workers"]:
            self._without_workers = 0.0
            return
        before, self._without_workers = self._without_workers, self._without_workers + SECONDS_BETWEEN_LOOKS
        if before < SECONDS_WITHOUT_WORKERS <= self._without_workers:
            self._reporter.say("the scheduler has no workers: the sweep waits for some, and Ctrl-C stops it")

    def _lost(self) -> ConnectionError:
        return ConnectionError(f"the Dask scheduler at {self._client.scheduler.address} was lost")  # type: ignore[union-attr]

    def _in_words(self, place: Place) -> str:
        return f"{place.model}, {subjects_in_words(self._plan.numbers(*key_of(place)))}"


def _told(error: Exception) -> Exception:
    """The error of a run, where its worker has died in our words."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return RuntimeError(f"its worker died {error.allowed_failures + 1} times, perhaps for want of memory")
    return error
