"""What is studied in one wake step, and at which place of its list each item stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...protocols import Presentations, Step, Timeline, Wake

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Lesson:
    """The presentations of one wake step.

    Parameters
    ----------
    items : int64 array [subject, presentation]
        Slots, in the order in which they are presented.
    cues : int64 array [subject, presentation] or None
        Slots that are shown with them; None where there are none.
    positions : int64 array [presentation]
        Place of each in its list, from 0; the same for all subjects.
    lengths : int64 array [presentation]
        Length of that list.
    starts : float64 array [presentation]
        Protocol time at which each presentation begins, in s.
    """

    items: Ints
    cues: Ints | None
    positions: Ints
    lengths: Ints
    starts: NDArray[np.float64]


class Lessons:
    """Wake steps of a timeline as lessons.

    A list begins with every wake step, and with every round through its items; where items are presented several times
    at a stated lag, all presentations of the step are one list. Wake steps of a single presentation that follow each
    other, and bear the same list, label and repetition, are one list together.

    Parameters
    ----------
    timeline : Timeline
    presentations : sequence of Presentations
        Of each subject.
    """

    def __init__(self, timeline: Timeline, presentations: Sequence[Presentations]) -> None:
        self._per_step = timeline.presentations_per_step
        self._first = np.cumsum(self._per_step) - self._per_step
        self._items = np.stack([each.item for each in presentations])  # [subject, presentation]
        self._cues = np.stack([each.cue for each in presentations])
        self._single = _single_item_lists(timeline)

    def of(self, step: Step) -> Lesson:
        """What a wake step presents."""
        assert isinstance(step.phase, Wake)
        first, count = int(self._first[step.index]), int(self._per_step[step.index])
        rows = slice(first, first + count)
        cues = self._cues[:, rows]
        if step.index in self._single:
            place, length = self._single[step.index]
            positions, lengths = np.full(count, place), np.full(count, length)
        else:
            size = count // step.phase.exposures if step.phase.lag is None else count
            positions, lengths = np.arange(count) % max(size, 1), np.full(count, size)
        return Lesson(
            items=self._items[:, rows],
            cues=cues if (cues >= 0).any() else None,
            positions=positions,
            lengths=lengths,
            starts=step.start + step.phase.duration.seconds * np.arange(count, dtype=np.float64),
        )


def _single_item_lists(timeline: Timeline) -> dict[int, tuple[int, int]]:
    """Place in its list, and the list's length, of wake steps that present one item; by step."""
    runs: list[list[int]] = []
    previous: tuple[int, str, str, int] | None = None
    for step in timeline:
        if step.kind != "wake" or timeline.presentations_per_step[step.index] != 1:
            continue
        here = (step.index, step.list, step.label, step.repetition)
        if previous is None or here != (previous[0] + 1, *previous[1:]):
            runs.append([])
        runs[-1].append(step.index)
        previous = here
    return {index: (place, len(run)) for run in runs for place, index in enumerate(run)}
