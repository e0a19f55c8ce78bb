"""The ledger of a run: which chunks are done, where the others stand, and in which file that is kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count
from pathlib import Path

from ..data.recording.writer import RecordingWriter
from ..models.stores.segment import DamagedStore
from .checkpoint import (
    DamagedCheckpoint,
    Place,
    checkpoint_path,
    damaged,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
)
from .planning import Plan
from .progress import Reporter
from .session import State

Key = tuple[str, int]
"""Model and chunk."""


def run_name(plan: Plan, writer: RecordingWriter) -> str:
    """What the checkpoints of a recording say they belong to."""
    return f"{plan.identity} {writer.created}"


class ChunkLedger:
    """Keeps the checkpoints of the chunks of a run beside its recording.

    A chunk keeps its lane, which is its file, until it is finished; then the lane is free for another.

    Parameters
    ----------
    plan : Plan
    writer : RecordingWriter
    path : path
        The recording.
    reporter : Reporter
    """

    def __init__(self, plan: Plan, writer: RecordingWriter, path: Path, reporter: Reporter) -> None:
        self._plan = plan
        self._writer = writer
        self._path = path
        self._reporter = reporter
        self._lanes: dict[Key, int] = {}
        self._kept: dict[Key, Place] = {}
        self._finished: set[Key] = set()

    def open(self, finished: Collection[Key], checkpoints: Mapping[int, Place]) -> list[Place]:
        """Take over what an earlier process has left.

        Parameters
        ----------
        finished : collection of Key
            Chunks that have no more to do.
        checkpoints : mapping of int to Place
            Places of the checkpoints that lie beside the recording, by lane.

        Returns
        -------
        list of Place
            What there is to do, in the order of the plan.
        """
        self._lanes = {key_of(place): lane for lane, place in checkpoints.items()}
        self._kept = {key_of(place): place for place in checkpoints.values()}
        self._finished = set(finished) - set(self._kept)
        places = self._plan.places(run_name(self._plan, self._writer))
        to_do = [self._kept.get(key_of(place), place) for place in places if key_of(place) not in self._finished]
        self.count_work({})
        return to_do

    def begin(self, place: Place) -> tuple[Place, State]:
        """Where a chunk goes on, and the state that its session had there; rows recorded later are cut off.

        Raises
        ------
        ValueError
            The checkpoint is damaged.
        """
        key, state = key_of(place), State()
        if key in self._lanes:
            found = load_checkpoint(self._path, self._lanes[key])
            if found is not None:
                place, state = found
        else:
            self._lanes[key] = next(lane for lane in count() if lane not in self._lanes.values())
        if self._plan.simulators[place.model].streams:
            self._cut_streams(place)
        return place, state

    def _cut_streams(self, place: Place) -> None:
        for number in self._plan.numbers(*key_of(place)):
            try:
                self._writer.truncate(place.model, number, place.rows.get(str(number), {}))
            except ValueError as error:
                raise self.misfit(place, error) from error

    def keep(self, place: Place, state: State) -> None:
        """Write a checkpoint, when all rows before it are on the disk."""
        self._writer.flush()
        if self._plan.simulators[place.model].streams:
            numbers = self._plan.numbers(*key_of(place))
            place = replace(place, rows={str(n): dict(self._writer.lengths(place.model, n)) for n in numbers})
        save_checkpoint(self._path, place, state, self._lanes[key_of(place)])
        self._kept[key_of(place)] = place

    def finish(self, place: Place) -> None:
        """A chunk has no more to do: once its rows are on the disk its checkpoint is not needed any more."""
        self._writer.flush()
        remove_checkpoint(self._path, self._lanes.pop(key_of(place)))
        self._kept.pop(key_of(place), None)
        self._finished.add(key_of(place))

    def give_up(self, place: Place, why: str) -> None:
        """Mark the subjects of a chunk as failed, so that the others can complete."""
        for number in self._plan.numbers(*key_of(place)):
            self._writer.set_subject(place.model, number, status="failed", message=why)
        self.finish(place)

    def misfit(self, place: Place, why: object) -> ValueError:
        """Error that says that a checkpoint does not hold what its chunk needs."""
        lane = self._lanes[key_of(place)]
        if isinstance(why, Exception) and isinstance(why.__cause__, DamagedStore):
            path = checkpoint_path(self._path, lane)
            return DamagedCheckpoint(f"{why}; without the checkpoint {path}, resuming begins its subjects again")
        return damaged(self._path, lane, why)

    def count_work(self, since: Mapping[Key, int]) -> None:
        """Tell the reporter how many pieces of work there are and how many are done.

        Parameters
        ----------
        since : mapping of Key to int
            Pieces of work done since the last checkpoints.
        """
        total = done = 0
        for model in self._plan.simulators:
            for chunk in range(self._plan.chunk_count(model)):
                key, whole = (model, chunk), self._plan.work(model, chunk)
                total += whole
                done += whole if key in self._finished else self._work_before(key) + since.get(key, 0)
        self._reporter.begin(total, done)

    def _work_before(self, key: Key) -> int:
        if key not in self._kept:
            return 0
        place = self._kept[key]
        before = self._plan.work(*key, self._plan.timeline.steps[: place.step])
        return before + place.pieces * len(self._plan.numbers(*key))


def key_of(place: Place) -> Key:
    """The chunk that a place is in."""
    return place.model, place.chunk


def subjects_in_words(numbers: tuple[int, ...]) -> str:
    """Subjects of a chunk, for a person to read.

    Examples
    --------
    >>> subjects_in_words((3,)), subjects_in_words((0, 1, 2))
    ('subject 3', 'subjects 0 to 2')
    """
    return f"subject {numbers[0]}" if len(numbers) == 1 else f"subjects {numbers[0]} to {numbers[-1]}"
