"""The loop of a run: takes the subjects of one chunk through the timeline. It knows neither files nor processes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from ..data.recording.writer import RecordingWriter
from ..models.stores.segment import DamagedStore
from .checkpoint import Place
from .deep.distributed import Group, LostProcess, single
from .memory import is_out_of_memory
from .planning import Plan
from .progress import Reporter
from .ranks import Pauses, SilentWriter
from .session import Session, State, Subjects


class Interrupted(KeyboardInterrupt):
    """The user stopped the run; a checkpoint was written."""


class StateDoesNotFit(ValueError):
    """A state that a session of these subjects cannot have given."""


class Keep(Protocol):
    """Puts away where a chunk stands, so that it can go on from there."""

    def __call__(self, place: Place, state: State) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ChunkLoop:
    """Takes the subjects of one chunk through the timeline.

    Parameters
    ----------
    plan : Plan
    writer : RecordingWriter
        Takes what is seen; in a worker, one that hands everything on.
    reporter : Reporter
    keep : callable
        Called with a place and the state of the session there.
    stop_asked : callable
        Whether the user has asked to stop.
    checkpoint_every : float
        Seconds between checkpoints within a phase. At the end of a phase one is written when a tenth of that time has
        passed.
    group : Group
        The processes that carry out the run together.
    """

    plan: Plan
    writer: RecordingWriter | SilentWriter
    reporter: Reporter
    keep: Keep
    stop_asked: Callable[[], bool]
    checkpoint_every: float
    group: Group = field(default_factory=single)

    def run(self, place: Place, state: State) -> None:
        """Run a chunk from a place with the state of its session, or from the beginning.

        Raises
        ------
        Interrupted
            The user asked to stop; where the chunk stands has been kept.
        StateDoesNotFit
            The state is not one of such a session.
        LostProcess
            Another process of the run has ended; where the chunk stands has been kept.
        """
        subjects = self.plan.subjects(place.model, place.chunk)
        session = self.plan.simulators[place.model].session(subjects)
        run = _Run(self, place, subjects, session)
        try:
            run.through(state)
        except LostProcess as error:
            raise LostProcess(f"{error}; {run.keep_what_is_done()}") from error


class _Run:
    """One pass of a chunk through the loop."""

    def __init__(self, loop: ChunkLoop, place: Place, subjects: Subjects, session: Session) -> None:
        self._loop, self._plan = loop, loop.plan
        self._writer, self._reporter = loop.writer, loop.reporter
        self._here, self._subjects, self._session = place, subjects, session
        self._model = place.model
        self._told: set[int] = set()
        self._last_kept = self._last_told = time.monotonic()
        self._begun, self._step = False, place.step
        self._pauses = Pauses(loop.group)
        timeline = self._plan.timeline
        self._probe_row = {index: row for row, index in enumerate(timeline.probe_steps)}
        self._weight_row = {i: row for row, i in enumerate(timeline.weight_steps(self._plan.protocol.record))}

    def through(self, state: State) -> None:
        start = self._here
        if state or start.step or start.curve_row:
            self._load(state)
        else:
            self._keep(start, {})
            self._record_anatomy()
        self._begun = True
        for number in self._subjects.numbers:
            self._writer.set_subject(self._model, number, status="running", message="")
        for index in self._session.noted:
            self._write_notes(index)
        self._listen()
        for step in self._plan.timeline.steps[start.step :]:
            if step.index > start.step:
                self._here = replace(self._here, step=step.index, pieces=0)
            self._step, self._last_told = step.index, time.monotonic()
            for place in self._run_step():
                self._here = place
                self._listen()
                self._pause(self._loop.checkpoint_every)
            self._listen()
            if len(self._session.stopped) == len(self._subjects):
                self._tell_time()
                self._reporter.say(f"{self._model}: every subject of this chunk stopped")
                break
            if step.index in self._weight_row:
                self._record_weights(self._weight_row[step.index])
            self._tell_time()
            self._here = replace(self._here, step=step.index + 1, pieces=0)
            self._pause(self._loop.checkpoint_every / 10)
        self._finish_subjects()

    def _run_step(self) -> Iterator[Place]:
        """One step of the timeline; yields where the chunk stands wherever its state may be taken."""
        here, session = self._here, self._session
        step = self._plan.timeline.steps[here.step]
        if step.kind == "probe" or step.curve:
            asked = np.stack([self._plan.timeline.probed(step, p) for p in self._subjects.presentations])
        if step.kind == "probe":
            responses = session.probe(step, asked)
            recorded = self._plan.protocol.record.responses
            self._writer.write_probe(
                self._model,
                self._subjects.numbers,
                self._probe_row[step.index],
                responses.performance,
                responses.counts if recorded != "none" else None,
                responses.trials if recorded == "trials" else None,
            )
            return
        phase = " ".join(filter(None, [step.label, str(step.repetition or ""), step.list, step.kind]))
        for progress in getattr(session, step.kind)(step):
            if step.curve:
                performance = session.probe(step, asked).performance
                where = (step.index, progress.presentation, progress.epoch)
                self._writer.write_curve(self._model, self._subjects.numbers, here.curve_row, *where, performance)
                here = replace(here, curve_row=here.curve_row + 1)
            here = replace(here, pieces=here.pieces + progress.pieces)
            if progress.seconds is not None:
                self._reporter.simulated(progress.seconds * len(self._subjects))
            if progress.images is not None:
                self._reporter.learned(progress.images * len(self._subjects))
            self._reporter.work(self._model, phase, progress.doing, progress.pieces * len(self._subjects))
            yield here

    def _record_anatomy(self) -> None:
        if self._weight_row:
            for number, synapses in zip(self._subjects.numbers, self._session.synapses(), strict=False):
                for projection, columns in synapses.items():
                    self._writer.write_synapses(self._model, number, projection, *columns)
        for number, assemblies in zip(self._subjects.numbers, self._session.assemblies(), strict=False):
            for population, cells in assemblies.items():
                self._writer.write_assemblies(self._model, number, population, cells)

    def _record_weights(self, row: int) -> None:
        for projection, summary in self._session.weight_summaries().items():
            snapshot = None
            if self._plan.protocol.record.weights == "snapshots":
                snapshot = self._session.weight_snapshot(projection)
            self._writer.write_weights(self._model, self._subjects.numbers, row, projection, summary, snapshot)

    def _listen(self) -> None:
        """Take what the session has recorded since, and tell of subjects that stopped or should be looked after."""
        for place, stream, columns in self._session.drain():
            self._writer.append(self._model, self._subjects.numbers[place], stream, columns)
        for place, text in self._session.warnings():
            self._reporter.say(f"{self._model}, subject {self._subjects.numbers[place]}: {text}")
            self._write_notes(place)
        for place, why in self._session.stopped.items():
            if place not in self._told:
                self._told.add(place)
                number = self._subjects.numbers[place]
                self._writer.set_subject(self._model, number, status="failed", message=why)
                self._reporter.say(f"{self._model}, subject {number}: {why}")

    def _write_notes(self, place: int) -> None:
        notes = "; ".join(self._session.noted[place])
        self._writer.set_subject(self._model, self._subjects.numbers[place], message=notes)

    def _finish_subjects(self) -> None:
        sensitivities = self._session.sensitivities()
        for place, number in enumerate(self._subjects.numbers):
            if place not in self._session.stopped:
                self._writer.set_subject(self._model, number, status="complete")
            if sensitivities is not None:
                self._writer.set_subject(self._model, number, sensitivity=float(sensitivities[place]))

    def _load(self, state: State) -> None:
        try:
            self._session.load_state(state)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            told = " ".join(str(error).split())
            raise StateDoesNotFit(
                told if isinstance(error, DamagedStore) else f"{type(error).__name__}: {told}"
            ) from error

    def _pause(self, after: float) -> None:
        """Keep where the chunk stands if so many seconds have passed since the last time; stop if the user asked to."""
        due = time.monotonic() - self._last_kept >= after
        asked, due = self._pauses.decide(self._loop.stop_asked(), due)
        if asked or due:
            self._keep_here()
        if asked:
            raise Interrupted

    def keep_what_is_done(self) -> str:
        """Keep where the chunk stands although a process is lost; say what was kept.

        An update takes place in no process unless it does in all, so that what this one has is whole.
        """
        if not self._begun or not self._loop.group.first:
            return "go on from the last checkpoint with engram resume"
        self._listen()
        self._keep_here()
        return "a checkpoint of the last update is written, go on with engram resume"

    def _keep_here(self) -> None:
        self._tell_time()
        if self._loop.group.first:
            self._keep(self._here, self._session.state())
        self._last_kept = time.monotonic()

    def _tell_time(self) -> None:
        """Add what has gone by since the last time to the step."""
        now = time.monotonic()
        self._writer.write_seconds(self._model, self._subjects.numbers, self._step, now - self._last_told)
        self._last_told = now

    def _keep(self, place: Place, state: State) -> None:
        self._loop.keep(place, state)
        self._last_kept = time.monotonic()
