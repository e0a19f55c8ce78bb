"""What is drawn anew for every subject.

A subject's draws fill one long *tape* of slot numbers. It begins with the slots themselves, so that place k < count
always holds slot k; every draw then writes its result behind those before it. Whatever is presented or probed is
thereby a set of places on the tape that is the same for all subjects, and only the tape differs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np

from .orders import Ints, balanced, derangement, shuffled
from .spacing import spaced


class Draw(Interface):
    """Writes slots to the tape, from its own place on."""

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        """Write to `tape`; `presented` are the places of everything presented, in order."""


@dataclass(frozen=True, slots=True)
class Shuffle:
    """Rounds through the slots at `places`, each round shuffled."""

    start: int
    places: Ints
    rounds: int = 1

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        orders = rng.permuted(np.tile(tape[self.places], (self.rounds, 1)), axis=1)
        tape[self.start : self.start + orders.size] = orders.ravel()


@dataclass(frozen=True, slots=True)
class Sequence:
    """Groups (rows of `places`) in a drawn order, group k coming ``counts[k]`` times."""

    start: int
    places: Ints  # [group, item]
    counts: tuple[int, ...]
    bound: float | None  # of the balanced order; None: shuffled

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        order = shuffled(self.counts, rng) if self.bound is None else balanced(self.counts, self.bound, rng)
        slots = tape[self.places[order]].ravel()
        tape[self.start : self.start + len(slots)] = slots


@dataclass(frozen=True, slots=True)
class Met:
    """The slots that were (or were not) among the first `until` presentations, in slot order."""

    start: int
    until: int
    count: int
    inverted: bool

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        met = np.zeros(self.count, dtype=bool)
        met[tape[presented[: self.until]]] = True
        slots = np.flatnonzero(met != self.inverted)
        tape[self.start : self.start + len(slots)] = slots


@dataclass(frozen=True, slots=True)
class Derangement:
    """For the slots at `places`, in slot order, the slots whose labels they are given."""

    start: int
    places: Ints

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        slots = np.sort(tape[self.places])
        tape[self.start : self.start + len(slots)] = slots[derangement(len(slots), rng)]

    def labels(self, tape: Ints, items: Ints) -> Ints:
        """Labels given to `items`."""
        slots = np.sort(tape[self.places])
        return tape[self.start + np.searchsorted(slots, items)]


@dataclass(frozen=True, slots=True)
class Spaced:
    """Several presentations of the slots at `places`, with so many others between two of one slot; see `spacing`."""

    start: int
    places: Ints
    exposures: int
    least: int
    most: int
    shuffled: bool

    def fill(self, tape: Ints, presented: Ints, rng: np.random.Generator) -> None:
        slots = tape[self.places]
        order = rng.permutation(len(slots)) if self.shuffled else np.arange(len(slots))
        drawn = slots[order[spaced(len(slots), self.exposures, self.least, self.most, rng)]]
        tape[self.start : self.start + len(drawn)] = drawn


def counterparts(these: Ints, those: Ints, wanted: Ints) -> Ints:
    """For each of `wanted`, which are among `these`, what stands at its place in `those`.

    Examples
    --------
    >>> counterparts(np.array([4, 2, 7]), np.array([0, 1, 3]), np.array([7, 4]))
    array([3, 0])
    """
    order = np.argsort(these)
    return those[order[np.searchsorted(these, wanted, sorter=order)]]
