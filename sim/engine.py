"""The engine: takes every model's subjects, chunk by chunk, through the timeline, and writes down what is seen."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..data.recording.writer import RecordingWriter
from ..protocols import Step
from .checkpoint import Place, damaged, save_checkpoint
from .planning import Plan
from .progress import Reporter
from .session import Session, State, Subjects


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get memory, on a GPU or off it; torch is not imported to tell."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


class Interrupted(KeyboardInterrupt):
    """The user stopped the run; a checkpoint was written."""


@contextmanager
def interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into a flag; a second one stops at once. Off the main thread signals stay as they are."""
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
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_name(plan: Plan, writer: RecordingWriter) -> str:
    """What the checkpoints of a recording say they belong to."""
    return f"{plan.identity} {writer.created}"


class Engine:
    """Carries out a plan.

    Parameters
    ----------
    plan : Plan
    writer : RecordingWriter
        The recording, already laid out for this plan.
    path : path
        Where the recording lies; checkpoints lie beside it.
    checkpoint_every : float
        Seconds between checkpoints within a phase; 0 writes one after every piece of work. At the end of a phase one is
        written when a tenth of that time has passed.
    reporter : Reporter
    """

    def __init__(
        self, plan: Plan, writer: RecordingWriter, path: Path, checkpoint_every: float, reporter: Reporter
    ) -> None:
        self._plan = plan
        self._writer = writer
        self._path = path
        self._checkpoint_every = checkpoint_every
        self._reporter = reporter
        self._last_checkpoint = time.monotonic()
        self._probe_row = {index: row for row, index in enumerate(plan.timeline.probe_steps)}
        weight_steps = plan.timeline.weight_steps(plan.protocol.record)
        self._weight_row = {index: row for row, index in enumerate(weight_steps)}

    def run(self, start: Place | None, state: State) -> None:
        """Run the plan from a place with the state of its session, or from the beginning.

        Raises
        ------
        Interrupted
            The user asked to stop; the checkpoint is written.
        ValueError
            The plan does not come to that place, or the state does not fit it.
        """
        places = list(self._plan.places(run_name(self._plan, self._writer)))
        first = 0
        if start is not None:
            try:
                self._plan.check(start)
            except ValueError as error:
                raise damaged(self._path, error) from error
            first = places.index(replace(start, step=0, curve_row=0))
            places[first] = start
        total, done = self._work_in(places), self._work_in(places[:first])
        if start is not None:
            done += self._work_of(start, self._plan.timeline.steps[: start.step])
        self._reporter.begin(total, done)
        with interrupts() as asked:
            for place in places[first:]:
                self._run_chunk(place, state, asked)
                state = {}

    def _run_chunk(self, place: Place, state: State, asked: threading.Event) -> None:
        subjects = self._plan.subjects(place.model, place.chunk)
        session = self._plan.simulators[place.model].session(subjects)
        if state or place.step or place.curve_row:
            self._load(session, state)
        else:
            self._checkpoint(place, {})
        for number in subjects.numbers:
            self._writer.set_subject(place.model, number, status="running")
        said: set[int] = set()
        self._tell_stopped(place.model, subjects, session, said)
        here = place
        for step in self._plan.timeline.steps[place.step :]:
            here = replace(here, step=step.index)
            for curve_row in self._run_step(session, subjects, here):
                self._tell_stopped(place.model, subjects, session, said)
                here = replace(here, curve_row=curve_row)
                self._pause(here, session, asked, self._checkpoint_every)
            if len(session.stopped) == len(subjects):
                self._reporter.say(f"{place.model}: every subject of this chunk stopped")
                break
            if step.index in self._weight_row:
                self._record_weights(place.model, subjects, session, self._weight_row[step.index])
            self._pause(replace(here, step=step.index + 1), session, asked, self._checkpoint_every / 10)
        self._finish_subjects(place.model, subjects, session)

    def _run_step(self, session: Session, subjects: Subjects, place: Place) -> Iterator[int]:
        """One step of the timeline; yields the rows of the learning curves so far wherever the state may be taken."""
        step = self._plan.timeline.steps[place.step]
        curve_row = place.curve_row
        if step.kind == "probe" or step.curve:
            asked = np.stack([self._plan.timeline.probed(step, p) for p in subjects.presentations])
        if step.kind == "probe":
            responses = session.probe(step, asked)
            recorded = self._plan.protocol.record.responses
            self._writer.write_probe(
                place.model,
                subjects.numbers,
                self._probe_row[step.index],
                responses.performance,
                responses.counts if recorded != "none" else None,
                responses.trials if recorded == "trials" else None,
            )
            return
        for progress in getattr(session, step.kind)(step):
            if step.curve:
                performance = session.probe(step, asked).performance
                where = (step.index, progress.presentation, progress.epoch)
                self._writer.write_curve(place.model, subjects.numbers, curve_row, *where, performance)
                curve_row += 1
            phase = " ".join(filter(None, [step.label, str(step.repetition or ""), step.kind]))
            self._reporter.work(place.model, phase, progress.doing, len(subjects))
            yield curve_row

    def _record_weights(self, model: str, subjects: Subjects, session: Session, row: int) -> None:
        for projection, summary in session.weight_summaries().items():
            snapshot = None
            if self._plan.protocol.record.weights == "snapshots":
                snapshot = session.weight_snapshot(projection)
            self._writer.write_weights(model, subjects.numbers, row, projection, summary, snapshot)

    def _tell_stopped(self, model: str, subjects: Subjects, session: Session, said: set[int]) -> None:
        for place, why in session.stopped.items():
            if place not in said:
                said.add(place)
                number = subjects.numbers[place]
                self._writer.set_subject(model, number, status="failed", message=why)
                self._reporter.say(f"{model}, subject {number}: {why}")

    def _finish_subjects(self, model: str, subjects: Subjects, session: Session) -> None:
        sensitivities = session.sensitivities()
        for place, number in enumerate(subjects.numbers):
            if place not in session.stopped:
                self._writer.set_subject(model, number, status="complete")
            if sensitivities is not None:
                self._writer.set_subject(model, number, sensitivity=float(sensitivities[place]))

    def _load(self, session: Session, state: State) -> None:
        try:
            session.load_state(state)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            raise damaged(self._path, f"{type(error).__name__}: {error}") from error

    def _pause(self, place: Place, session: Session, asked: threading.Event, after: float) -> None:
        """Write a checkpoint if so many seconds have passed since the last; stop if the user asked to."""
        if asked.is_set() or time.monotonic() - self._last_checkpoint >= after:
            self._checkpoint(place, session.state())
        if asked.is_set():
            raise Interrupted

    def _checkpoint(self, place: Place, state: State) -> None:
        self._writer.flush()
        save_checkpoint(self._path, place, state)
        self._last_checkpoint = time.monotonic()

    def _work_in(self, places: list[Place]) -> int:
        return sum(self._work_of(place, self._plan.timeline.steps) for place in places)

    def _work_of(self, place: Place, steps: tuple[Step, ...]) -> int:
        subjects = len(self._plan.subjects(place.model, place.chunk))
        return subjects * sum(self._plan.points(place.model, step) for step in steps)
