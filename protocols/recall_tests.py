"""What recall tests ask for: which items, in which order they were last presented, by which cues."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .draws import counterparts
from .orders import Ints
from .phases import Probe, Wake
from .presentations import Presentations
from .timeline import Step, Timeline

Scoring = Literal["strict", "item", "free", "cued"]


@dataclass(frozen=True, eq=False)
class RecallTest:
    """What one recall test asks of several subjects.

    Parameters
    ----------
    trial : int
        Number of the test among the recall tests of a subject, from 0.
    list : str
        Name of the list that is asked for; empty where none is named.
    scoring : ``"strict"``, ``"item"``, ``"free"`` or ``"cued"``
        What counts: the item at its own position, anywhere in the output, in free output; or to its cue.
    learn : bool
        Whether what comes out is learned.
    items : int64 array [subject, position]
        Slots that are asked for, in the order in which they were last presented; those that never were come last. -1
        behind the end, where subjects are asked for different numbers of items.
    times : float64 array [subject, position]
        Protocol time at which the last presentation of each ended, in s; NaN for those never presented.
    seen : bool array [subject, slot]
        What was presented by then, or shown as a cue.
    cues : int64 array [subject, cue] or None
        Slots that are shown one after the other.
    targets : int64 array [subject, cue] or None
        The slot that each cue asks for.

    Examples
    --------
    >>> from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
    >>> schedule = [wake([2, 1]), wake([0]), wake([2]), probe("all", kind="recall", scoring="free")]
    >>> timeline = unroll(Protocol(name="again", items=ItemSpec(count=3), schedule=schedule))
    >>> test = RecallTests(timeline, [timeline.presentations(0)]).at(3)
    >>> test.items.tolist(), test.times.tolist(), test.scoring
    ([[1, 0, 2]], [[2.0, 3.0, 4.0]], 'free')
    """

    trial: int
    list: str
    scoring: Scoring
    learn: bool
    items: Ints
    times: NDArray[np.float64]
    seen: NDArray[np.bool_]
    cues: Ints | None = None
    targets: Ints | None = None

    @property
    def length(self) -> int:
        """Positions of the list."""
        return len(self.items[0])


class RecallTests:
    """The recall tests of several subjects.

    Parameters
    ----------
    timeline : Timeline
        Of all of them.
    presentations : sequence of Presentations
        Of each subject.

    Examples
    --------
    >>> from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
    >>> schedule = [wake([2, 0, 1]), probe("all", kind="recall", scoring="strict")]
    >>> timeline = unroll(Protocol(name="three", items=ItemSpec(count=3), schedule=schedule))
    >>> RecallTests(timeline, [timeline.presentations(seed) for seed in (0, 1)]).at(1).items
    array([[2, 0, 1],
           [2, 0, 1]])
    """

    def __init__(self, timeline: Timeline, presentations: Sequence[Presentations]) -> None:
        self._timeline = timeline
        self._drawn = np.stack([each.drawn for each in presentations])  # [subject, place on the tape]
        self._item = np.stack([each.item for each in presentations])  # [subject, presentation]
        self._cue = np.stack([each.cue for each in presentations])
        self._paired = bool((self._cue >= 0).any())
        phase = presentations[0].phase
        self._until = np.searchsorted(phase, np.arange(len(timeline)), side="right")  # [step] presentations by its end
        self._ends = _ends(timeline, presentations[0])
        self._trial = {step: trial for trial, step in enumerate(timeline.recall_steps)}
        self._rows = np.arange(len(presentations))
        self._last = np.full((len(presentations), timeline.count), -1, dtype=np.int64)  # presentation, by slot
        self._counted = 0  # presentations that `_last` knows of

    def at(self, step: int | Step) -> RecallTest:
        """The test at a step of the timeline.

        Parameters
        ----------
        step : int or Step
            A probe of kind recall. Tests that are asked for in their order take the least time.

        Returns
        -------
        RecallTest

        Raises
        ------
        ValueError
            If the step is no recall test.
        """
        row = self._timeline.steps[step if isinstance(step, int) else step.index]
        phase = row.phase
        if row.index not in self._trial or not isinstance(phase, Probe):
            raise ValueError(f"found step {row.index}, a {row.kind} step; expected a probe of kind recall")
        self._count(int(self._until[row.index]))
        wanted = self._timeline.program.asked[row.index, "of"]
        listed = self._met(wanted) if isinstance(wanted, str) else _each_once(self._drawn[:, wanted])
        last = np.where(listed < 0, -1, np.take_along_axis(self._last, listed.clip(min=0), axis=1))
        shown = len(self._ends)  # in the place of a presentation: nothing was
        order = np.argsort(np.where(listed < 0, shown + 1, np.where(last < 0, shown, last)), axis=1, kind="stable")
        last = np.take_along_axis(last, order, axis=1)
        ends = np.append(self._ends, np.nan)
        cues, targets = self._pairs(row.index, listed)
        return RecallTest(
            trial=self._trial[row.index],
            list=row.list,
            scoring="cued" if cues is not None else phase.scoring or "item",
            learn=phase.learn,
            items=np.take_along_axis(listed, order, axis=1),
            times=ends[last],
            seen=self._shown(row.index),
            cues=cues,
            targets=targets,
        )

    def _count(self, until: int) -> None:
        """Know of the first `until` presentations, and of no others."""
        if until < self._counted:
            self._last[:] = -1
            self._counted = 0
        for number in range(self._counted, until):
            self._last[self._rows, self._item[:, number]] = number
        self._counted = until

    def _shown(self, step: int) -> NDArray[np.bool_]:
        seen = self._last >= 0
        if self._paired:
            cue = self._cue[:, : self._until[step]]
            seen[np.broadcast_to(self._rows[:, None], cue.shape)[cue >= 0], cue[cue >= 0]] = True
        return seen

    def _met(self, wanted: str) -> Ints:
        """Slots seen (or new) in each subject; -1 behind the end."""
        chosen = (self._last >= 0) == (wanted == "seen")
        slots = np.where(chosen, np.arange(chosen.shape[1]), -1)
        front = np.argsort(~chosen, axis=1, kind="stable")[:, : int(chosen.sum(axis=1).max())]
        return np.take_along_axis(slots, front, axis=1)

    def _pairs(self, step: int, answers: Ints) -> tuple[Ints | None, Ints | None]:
        asked = self._timeline.program.asked
        places, given_at = asked.get((step, "cued_by")), asked.get((step, "targets"))
        if places is None or given_at is None or isinstance(places, str) or isinstance(given_at, str):
            return None, None
        cues, targets = self._drawn[:, places], self._drawn[:, given_at]
        given = [counterparts(*subject) for subject in zip(answers, cues, targets, strict=True)]
        return np.stack(given), targets


def _each_once(listed: Ints) -> Ints:
    """Lists without what stands in them a second time, as where two lists share items; -1 behind the end."""
    ordered = np.sort(listed, axis=1)
    if not (ordered[:, 1:] == ordered[:, :-1]).any():
        return listed
    rows = [np.unique(row) for row in listed]
    longest = max(len(row) for row in rows)
    return np.stack([np.pad(row, (0, longest - len(row)), constant_values=-1) for row in rows])


def _ends(timeline: Timeline, presentations: Presentations) -> NDArray[np.float64]:
    """When each presentation ends, the same for all subjects, in s."""
    start = np.array([step.start for step in timeline])
    lasts = np.array([step.phase.duration.seconds if isinstance(step.phase, Wake) else 0.0 for step in timeline])
    ends: NDArray[np.float64] = start[presentations.phase] + (presentations.order + 1) * lasts[presentations.phase]
    return ends
