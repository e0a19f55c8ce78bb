"""The positional network: what is associated with what, and how a list comes back from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...models.ordered.positional import PositionalNetwork
from ...protocols import Step
from ...protocols.recall_tests import RecallTest
from ..session import State, Subjects
from .association import Association
from .chance import Chance
from .contexts import drift, position_context
from .lessons import Lesson
from .memory import Memory, Outputs

Floats = NDArray[np.float32]

STUDYING, RECALLING = 16, 64
"""Subjects at a time: while studying all their arrays stay in a cache, recalling is one product over all."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """What the classes of a pool are to the network, each [class, element] and of length 1.

    Parameters
    ----------
    items : float32 array
        What is associated with contexts, and comes back.
    moments : float32 array
        What a class brings into the temporal context.
    cues : float32 array
        What a class is as a cue, in the place of a position.
    """

    items: Floats
    moments: Floats
    cues: Floats


class PositionalMemory(Memory):
    """Memories of the subjects of a `PositionalNetwork`.

    Parameters
    ----------
    model : PositionalNetwork
    subjects : Subjects
    vectors : Vectors
    chance : Chance
    """

    def __init__(self, model: PositionalNetwork, subjects: Subjects, vectors: Vectors, chance: Chance) -> None:
        self._model, self._chance = model, chance
        self._items, self._moments, self._cues = vectors.items, vectors.moments, vectors.cues
        self._class = np.stack([draw.classes for draw in subjects.draws])  # [subject, slot]
        self._slot = np.full((len(subjects), len(vectors.items)), -1, dtype=np.int64)  # [subject, class]
        np.put_along_axis(self._slot, self._class, np.arange(subjects.slots)[None], axis=1)
        self._known = np.zeros(self._slot.shape, dtype=bool)  # classes presented so far
        self._association = Association(model, chance, STUDYING)
        self._traits = chance.traits(model)
        self._half = model.context_size // 2
        self._retrieved = np.zeros((RECALLING, model.item_size), dtype=np.float32)
        self._time = chance.directions(self._half, "context")
        self._begin = self._time.copy()  # the temporal context in which the last list began
        self._list_start = 0.0  # protocol time at which it did, in s

    # Study ------------------------------------------------------------------------------------------------------------

    def study(self, lesson: Lesson) -> None:
        classes = np.take_along_axis(self._class, lesson.items, axis=1)
        shown = None if lesson.cues is None else np.take_along_axis(self._class, lesson.cues, axis=1)
        count, first = lesson.items.shape[1], 0
        if count and not self._association.calibrated:
            for places in self._blocks(STUDYING):
                self._present(lesson, classes, shown, range(1), places)
            self._association.calibrate()
            first = 1
        for places in self._blocks(STUDYING):
            self._present(lesson, classes, shown, range(first, count), places)
        if (begins := np.flatnonzero(lesson.positions == 0)).size:
            self._list_start = float(lesson.starts[begins[-1]])
        np.put_along_axis(self._known, classes, True, axis=1)

    def _present(self, lesson: Lesson, classes: NDArray, shown: NDArray | None, which: range, places: slice) -> None:
        rate, time = self._traits["learning_rate"][places], self._time[places]
        context = self._context(len(rate))
        for k in which:
            item = classes[places, k]
            if lesson.positions[k] == 0:
                self._begin[places] = time
            if shown is None:
                context[:, : self._half] = self._position(int(lesson.positions[k]), int(lesson.lengths[k]))
            else:
                context[:, : self._half] = self._cues[shown[places, k]]
            np.multiply(time, self._model.temporal, out=context[:, self._half :])
            self._association.learn(context, self._items[item], rate, places)
            drift(time, self._moments[item], self._model.drift)

    def rest(self, step: Step) -> None:
        seconds = step.stop - step.start
        model = self._model
        self._association.relax(seconds, model.flexible_time, model.stable_time)
        kept = np.exp(-seconds / model.context_time)
        fresh = self._chance.directions(self._half, "drift", step.index)
        for time in (self._time, self._begin):
            time[...] = _unit(kept * time + np.sqrt(1.0 - kept**2) * fresh)

    # Recall -----------------------------------------------------------------------------------------------------------

    def serial(self, step: Step, test: RecallTest) -> Outputs:
        outputs = np.full(test.items.shape, -1, dtype=np.int64)
        for places in self._blocks(RECALLING):
            noise = self._noise(step, test.length, places)
            context, suppressed = self._context(len(noise)), self._nothing(places)
            time = self._begin[places].copy()
            for k in range(test.length):
                context[:, : self._half] = self._position(k, test.length)
                np.multiply(time, self._model.temporal, out=context[:, self._half :])
                found, out = self._compete(context, noise[:, k], suppressed, places)
                suppressed *= self._model.release
                suppressed[np.flatnonzero(out), found[out]] = 1.0
                outputs[places, k] = self._said(found, out, places)
                if test.learn:
                    self._learn_recalled(context, found, out, places)
                turned = time.copy()
                drift(turned, self._moments[found], self._model.drift)
                time[out] = turned[out]
        return np.where(test.items < 0, -1, outputs)

    def cued(self, step: Step, test: RecallTest) -> Outputs:
        assert test.cues is not None
        shown = np.take_along_axis(self._class, test.cues, axis=1)
        outputs = np.full(shown.shape, -1, dtype=np.int64)
        for places in self._blocks(RECALLING):
            noise = self._noise(step, shown.shape[1], places)
            context, suppressed = self._context(len(noise)), self._nothing(places)
            context[:, self._half :] = self._time[places] * self._model.temporal
            for k in range(shown.shape[1]):
                context[:, : self._half] = self._cues[shown[places, k]]
                found, out = self._compete(context, noise[:, k], suppressed, places)
                outputs[places, k] = self._said(found, out, places)
                if test.learn:
                    self._learn_recalled(context, found, out, places)
        return outputs

    def free(self, step: Step, test: RecallTest) -> Outputs:
        tries = 2 * test.length + self._model.attempts
        outputs = np.full((len(self._time), tries), -1, dtype=np.int64)
        for places in self._blocks(RECALLING):
            outputs[places] = self._free_block(step, test, tries, places)
        return outputs[:, : max(1, int((outputs >= 0).sum(axis=1).max()))]

    def _free_block(self, step: Step, test: RecallTest, tries: int, places: slice) -> Outputs:
        noise = self._noise(step, tries, places)
        older = bool((test.times < self._list_start).any())  # items of earlier lists are asked for as well
        rows = np.arange(len(noise))
        said = np.full((len(noise), tries), -1, dtype=np.int64)
        count, failed = np.zeros(len(noise), dtype=np.int64), np.zeros(len(noise), dtype=np.int64)
        time, suppressed = self._time[places].copy(), self._nothing(places)
        context = self._context(len(noise))
        for k in range(tries):
            context[:, self._half :] = time
            found, out = self._compete(context, noise[:, k], suppressed, places)
            out &= failed < self._model.attempts
            learned = self._learned_context(found, places)
            suppressed[rows, found] = np.where(out, np.inf, suppressed[rows, found])
            if not older:
                out &= self._is_of_this_list(learned, places)
            if not out.any() and (failed >= self._model.attempts).all():
                break
            failed = np.where(out, 0, failed + 1)
            said[rows[out], count[out]] = self._said(found, out, places)[out]
            count += out
            if test.learn:
                self._learn_recalled(context, found, out, places)
            self._reinstate(time, learned, found, out)
            # Where nothing comes any more, one begins again from how the list began.
            time[~out] = self._begin[places][~out]
        return said

    def _learned_context(self, found: NDArray, places: slice) -> Floats:
        """The temporal context in which each item was learned, as the synapses tell when read backwards."""
        weights = self._association.weights[places, self._half :]
        learned = np.matmul(weights, self._items[found][:, :, None])[:, :, 0]
        return _unit(learned)

    def _is_of_this_list(self, learned: Floats, places: slice) -> NDArray[np.bool_]:
        """Whether a temporal context is near enough to the beginning or to the end of the list."""
        begin, end = (np.einsum("se,se->s", learned, time[places]) for time in (self._begin, self._time))
        near: NDArray[np.bool_] = np.maximum(begin, end) > self._model.monitor
        return near

    def _reinstate(self, time: Floats, learned: Floats, found: NDArray, out: NDArray[np.bool_]) -> None:
        """Turn the temporal context to what came out: to the one in which it was learned, and to what it brings."""
        share = self._model.reinstatement
        turned = time.copy()
        drift(turned, _unit(share * learned + (1.0 - share) * self._moments[found]), self._model.drift)
        time[out] = turned[out]

    def _compete(
        self, context: Floats, noise: Floats, suppressed: Floats, places: slice
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Which class a context brings to mind, and whether strongly enough to be said; both [subject]."""
        subjects = len(context)
        np.matmul(context[:, None, :], self._association.weights[places], out=self._retrieved[:subjects, None])
        self._retrieved[:subjects] += noise
        # Always a product of the same size: its last bits would hang on how many subjects there are.
        strength = (self._retrieved @ self._items.T)[:subjects]
        strength -= suppressed
        strength[~self._known[places]] = -np.inf
        found = strength.argmax(axis=1)
        return found, np.take_along_axis(strength, found[:, None], axis=1)[:, 0] > self._traits["threshold"][places]

    def _learn_recalled(self, context: Floats, found: NDArray, out: NDArray[np.bool_], places: slice) -> None:
        rate = np.where(out, self._traits["learning_rate"][places], np.float32(0))
        first = places.start
        for start in range(0, len(rate), STUDYING):
            part = slice(start, min(start + STUDYING, len(rate)))
            where = slice(first + part.start, first + part.stop)
            self._association.learn(context[part], self._items[found[part]], rate[part], where)

    # Parts ------------------------------------------------------------------------------------------------------------

    def _blocks(self, size: int) -> Iterator[slice]:
        total = len(self._time)
        return (slice(start, min(start + size, total)) for start in range(0, total, size))

    def _position(self, position: int, length: int) -> Floats:
        m = self._model
        return position_context(position, length, self._half, m.start_decay, m.end_strength, m.end_decay, m.similarity)

    def _context(self, subjects: int) -> Floats:
        return np.zeros((subjects, self._model.context_size), dtype=np.float32)

    def _nothing(self, places: slice) -> Floats:
        return np.zeros(self._known[places].shape, dtype=np.float32)

    def _noise(self, step: Step, count: int, places: slice) -> Floats:
        drawn = self._chance.normal((count, self._model.item_size), "recall", step.index, places=places)
        drawn *= self._traits["noise"][places, None, None]
        return drawn

    def _said(self, found: NDArray, out: NDArray[np.bool_], places: slice) -> Outputs:
        slots = np.take_along_axis(self._slot[places], found[:, None], axis=1)[:, 0]
        return np.where(out, slots, -1)

    # State ------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        return {
            "time": self._time.copy(),
            "begin": self._begin.copy(),
            "list_start": np.array(self._list_start),
            "known": self._known.copy(),
            **self._association.state(),
        }

    def load_state(self, state: State) -> None:
        if state["time"].shape != self._time.shape or state["known"].shape != self._known.shape:
            raise ValueError(f"{len(state['time'])} temporal contexts; expected {len(self._time)}")
        self._association.load_state(state)
        self._time[...] = state["time"]
        self._begin[...] = state["begin"]
        self._list_start = float(state["list_start"])
        self._known[...] = state["known"]

    def sensitivities(self) -> NDArray[np.floating] | None:
        return self._association.sensitivity

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        return {"association": self._association.summaries()}

    def weights(self) -> NDArray[np.floating]:
        return self._association.weights.copy()


def _unit(vectors: Floats) -> Floats:
    """Vectors of length 1, [subject, element]."""
    units: Floats = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return units
