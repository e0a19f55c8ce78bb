"""What runs in a worker process: chunk after chunk, all that is to be written handed on to the process that writes."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Mapping
from functools import partial
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from .chunk_loop import ChunkLoop, Interrupted
from .memory import memory_in_words, peak_memory
from .progress import Reporter
from .simulator import prepare

if TYPE_CHECKING:
    from ..models.base import Model
    from .planning import Plan
    from .session import Settings

HANDED_ON = frozenset(
    [
        "append",
        "set_subject",
        "write_assemblies",
        "write_curve",
        "write_probe",
        "write_seconds",
        "write_synapses",
        "write_weights",
    ]
)
"""Methods of a recording's writer that a chunk calls."""


def work(connection: Connection) -> None:
    """Be a worker: say ``ready``, take a plan, then chunks, until told to stop.

    Parameters
    ----------
    connection : Connection
        To the process that has the recording. Messages are tuples that begin with a word. To there go ``ready``; while
        a chunk is simulated ``write`` (method, arguments), ``simulated``, ``work``, ``say`` and ``keep`` (place,
        state); then ``done`` (bytes of memory), ``stopped`` or ``failed`` (an exception). From there come the plan, and
        then ``chunk`` (place, state) or ``stop``.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # Ctrl-C reaches every process of the terminal; the parent decides
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        connection.send(("ready",))
        try:
            plan, models, checkpoint_every = pickle.loads(connection.recv_bytes())
            _work_on(connection, plan, models, checkpoint_every)
        except Interrupted:
            connection.send(("stopped",))
        except (BrokenPipeError, ConnectionResetError, EOFError):
            raise
        except Exception as error:
            connection.send(("failed", _sendable(error)))
    except (BrokenPipeError, ConnectionResetError, EOFError):  # there is nobody left to work for
        os._exit(1)


def _work_on(
    connection: Connection, plan: Plan, models: Mapping[str, tuple[Model, Settings]], checkpoint_every: float
) -> None:
    loop = ChunkLoop(
        plan=plan,
        writer=_DistantWriter(connection),  # type: ignore[arg-type]
        reporter=_DistantReporter(connection),
        keep=lambda place, state: connection.send(("keep", place, state)),
        stop_asked=connection.poll,  # while a chunk is simulated, to stop is the only thing that is ever sent
        checkpoint_every=checkpoint_every,
    )
    simulators: Any = plan.simulators
    while (message := connection.recv())[0] == "chunk":
        _, place, state = message
        if place.model not in simulators:
            model, settings = models[place.model]
            simulators[place.model] = prepare(model, plan.pool, plan.protocol.items.slots, settings)
        with memory_in_words():
            loop.run(place, state)
        connection.send(("done", peak_memory()))


class _DistantWriter:
    """Hands what is to be written on to the process that has the recording."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def __getattr__(self, method: str) -> Any:
        if method not in HANDED_ON:
            raise AttributeError(f"{method} is no method of a recording's writer that a chunk calls")
        return partial(self._hand_on, method)

    def _hand_on(self, method: str, *arguments: Any, **named: Any) -> None:
        self._connection.send(("write", method, arguments, named))


class _DistantReporter(Reporter):
    """Hands progress on to the process that a person looks at."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def simulated(self, seconds: float) -> None:
        self._connection.send(("simulated", seconds))

    def learned(self, images: int) -> None:
        self._connection.send(("learned", images))

    def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
        self._connection.send(("work", model, phase, doing, pieces))

    def say(self, text: str) -> None:
        self._connection.send(("say", text))


def _end_with_parent() -> None:
    """A worker whose parent was killed ends in the midst of its work, whatever that is."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _sendable(error: Exception) -> Exception:
    """The exception with its traceback as a note, or where it does not travel, one that does."""
    told = traceback.format_exc()
    try:
        error = pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(f"in a worker process:\n{told}")
    return error
