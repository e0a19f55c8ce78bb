"""What one subject is given along a timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .orders import Ints


@dataclass(frozen=True, eq=False)
class Presentations:
    """What one subject is given, one row per presentation, sorted by phase and order.

    Parameters
    ----------
    phase : int64 array [presentation]
        Index of the wake step.
    order : int64 array [presentation]
        Place within the step, from 0.
    item : int64 array [presentation]
        Slot that is presented.
    label : int64 array [presentation]
        Slot whose label is given.
    wrong : float64 array [presentation]
        Share of the images that get wrong labels.
    cue : int64 array [presentation]
        Slot that is shown together with the item; -1 where none is.
    drawn : int64 array
        Everything drawn for this subject; `Timeline.probed` reads it.

    Examples
    --------
    >>> from engram.protocols import ItemSpec, Protocol, unroll, wake
    >>> protocol = Protocol(name="two", items=ItemSpec(count=2), schedule=[wake("all"), wake([1])])
    >>> presentations = unroll(protocol).presentations(np.random.default_rng(0))
    >>> presentations.item
    array([0, 1, 1])
    >>> presentations.of(1).item
    array([1])
    """

    phase: Ints
    order: Ints
    item: Ints
    label: Ints
    wrong: NDArray[np.float64]
    cue: Ints
    drawn: Ints = field(repr=False)

    def of(self, phase: int) -> Presentations:
        """The rows of one wake step."""
        first, last = np.searchsorted(self.phase, [phase, phase + 1])
        rows = slice(first, last)
        return Presentations(
            self.phase[rows],
            self.order[rows],
            self.item[rows],
            self.label[rows],
            self.wrong[rows],
            self.cue[rows],
            self.drawn,
        )

    def __len__(self) -> int:
        return len(self.item)

    @cached_property
    def _first_met(self) -> Ints:
        """Step at which each slot is first presented; beyond the last step where it never is."""
        first = np.full(int(self.item.max(initial=-1)) + 1, np.iinfo(np.int64).max)
        first[self.item[::-1]] = self.phase[::-1]
        return first

    def seen(self, step: int, count: int) -> NDArray[np.bool_]:
        """Which of `count` slots were presented up to and including a step; bool [slot]."""
        met = np.zeros(count, dtype=bool)
        met[: len(self._first_met)] = self._first_met <= step
        return met
