"""What a deep learner is given in a phase: the images of a lesson, the stages of a night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...data.seeds import child_rng

if TYPE_CHECKING:
    from ...protocols import Step
    from ..session import Subjects

Ints = NDArray[np.int64]


class Tick(NamedTuple):
    """A point within a phase where the state may be taken."""

    doing: str
    done: int = 0
    total: int = 1


@dataclass(frozen=True, eq=False, kw_only=True)
class Lesson:
    """All images presented in one wake step.

    Attributes
    ----------
    step : Step
    task : int
        Number of the task, from 0: of the set of items (and of the domain) that is presented; one that comes again
        keeps its number.
    indices : int64 array, [image]
        Images, as indices into the pool's training part.
    labels : int64 array, [image]
        Slots whose label each is given, wrong ones where the protocol says so.
    slots : int64 array
        Slots that are presented or given as labels, rising.
    domain : str or None
    exposures : int
        How often each is presented.
    """

    step: Step
    task: int
    indices: Ints
    labels: Ints
    slots: Ints
    domain: str | None = None
    exposures: int = 1

    def __len__(self) -> int:
        return len(self.indices)


@dataclass(frozen=True, eq=False, kw_only=True)
class Night:
    """One sleep step.

    Attributes
    ----------
    step : Step
    task : int
        The task whose items were presented last.
    stages : tuple of (str, float)
        ``nrem`` or ``rem`` and its share of the night, in order; empty where the protocol tells none.
    replayed : bool array, [slot], or None
        Items that the protocol says are replayed; None: all.
    """

    step: Step
    task: int
    stages: tuple[tuple[str, float], ...] = ()
    replayed: NDArray[np.bool_] | None = None

    def stage(self, share: float) -> str:
        """The stage at a share of the night, in [0, 1); ``nrem`` where the protocol tells none."""
        for kind, length in self.stages:
            if share < length:
                return kind
            share -= length
        return self.stages[-1][0] if self.stages else "nrem"


class Course:
    """The lessons and nights of one subject, as they follow from the timeline and its draws.

    Parameters
    ----------
    subjects : Subjects
        Of a session of one subject.
    """

    def __init__(self, subjects: Subjects) -> None:
        self._subjects = subjects
        self._seed, self._number = subjects.seed, subjects.numbers[0]
        self._draw, self._met = subjects.draws[0], subjects.presentations[0]
        assert subjects.timeline is not None
        self._timeline = subjects.timeline

    @cached_property
    def _tasks(self) -> dict[int, int]:
        """Number of the task of each wake step."""
        numbers: dict[tuple[object, int], int] = {}
        tasks = {}
        for step in self._timeline.steps:
            if step.kind == "wake":
                keys = [(step.phase.domain, item) for item in self._met.of(step.index).item.tolist()]  # type: ignore[union-attr]
                known = [numbers[key] for key in keys if key in numbers]
                new = len(known) < len(keys)
                tasks[step.index] = max(numbers.values(), default=-1) + 1 if new else known[0]
                for key in keys:
                    numbers.setdefault(key, tasks[step.index])
        return tasks

    def task_before(self, step: Step) -> int:
        """The task whose items were last presented before a step; 0 where none were."""
        earlier = [index for index in self._tasks if index <= step.index]
        return self._tasks[max(earlier)] if earlier else 0

    def lesson(self, step: Step) -> Lesson:
        """The lesson of a wake step."""
        rows = self._met.of(step.index)
        domain = step.phase.domain  # type: ignore[union-attr]
        items, first, times = np.unique(rows.item, return_index=True, return_counts=True)
        exposures = int(times[0]) if len(set(times.tolist())) == 1 else 1
        places = sorted(first.tolist()) if exposures > 1 else range(len(rows.item))
        indices, labels = [], []
        for place in places:
            images = self._images(int(rows.item[place]), domain)
            indices.append(images)
            labels.append(self._labels(step, place, len(images), int(rows.label[place]), float(rows.wrong[place])))
        given = np.concatenate(labels)
        return Lesson(
            step=step,
            task=self._tasks[step.index],
            indices=np.concatenate(indices),
            labels=given,
            slots=np.union1d(items, given).astype(np.int64),
            domain=domain,
            exposures=exposures,
        )

    def night(self, step: Step) -> Night:
        """The night of a sleep step."""
        sleep = step.phase
        stages = [(stage.kind, stage.duration.seconds) for stage in sleep.stages or ()] * (sleep.cycles or 1)  # type: ignore[union-attr]
        whole = sum(seconds for _, seconds in stages) or 1.0
        return Night(
            step=step,
            task=self.task_before(step),
            stages=tuple((kind, seconds / whole) for kind, seconds in stages),
            replayed=self._timeline.replayed(step, self._met),
        )

    def lessons_until(self, step: Step) -> Iterator[Lesson]:
        """All lessons up to and including those of a step."""
        for earlier in self._timeline.steps[: step.index + 1]:
            if earlier.kind == "wake":
                yield self.lesson(earlier)

    def _images(self, item: int, domain: str | None) -> Ints:
        images = self._draw.all_train[item]
        if domain is None:
            return images
        pool = self._subjects.pool
        assert pool.train.domains is not None
        chosen: Ints = images[pool.train.domains[images] == pool.domains.index(domain)]
        return chosen

    def _labels(self, step: Step, place: int, count: int, label: int, wrong: float) -> Ints:
        """The label for all images, but for a share that gets those of other items, as evenly as can be."""
        labels = np.full(count, label, dtype=np.int64)
        if mislabelled := round(wrong * count):
            rng = child_rng(self._seed, "subject", self._number, "teaching", step.index, place)
            chosen = rng.choice(count, mislabelled, replace=False)
            others = rng.permutation(np.delete(np.arange(self._subjects.slots), label))
            labels[chosen] = rng.permutation(np.resize(others, mislabelled))
        return labels
