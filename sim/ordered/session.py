"""A session of subjects whose model has order: lists are studied, come back, and are scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from ...models.base import Model
from ...protocols import Step
from ...protocols.recall_tests import RecallTests
from ..recalls import recalled
from ..session import Progress, Responses, Session, Settings, State, Subjects
from .lessons import Lessons
from .memory import Memory


class OrderedSession(Session):
    """A batch of subjects of one model with order.

    A phase is one piece of work: it is done whole before it yields.

    Parameters
    ----------
    model : OrderedModel
    subjects : Subjects
    settings : Settings
    memory : Memory
        Of these subjects.
    """

    def __init__(self, model: Model, subjects: Subjects, settings: Settings, memory: Memory) -> None:
        super().__init__(model, subjects, settings)
        assert subjects.timeline is not None
        self._memory = memory
        self._lessons = Lessons(subjects.timeline, subjects.presentations)
        self._tests = RecallTests(subjects.timeline, subjects.presentations)
        self._counts = settings.record.responses != "none"
        self._rows: list[tuple[int, str, Mapping[str, NDArray]]] = []
        self._done = False  # whether the phase at hand is over but for its last yield

    def wake(self, step: Step) -> Iterator[Progress]:
        if not self._done:
            lesson = self._lessons.of(step)
            self._memory.study(lesson)
            self._done = True
            count = lesson.items.shape[1]
            yield Progress("a list" if count > 1 else "an item", 1, 1)
        self._done = False

    def rest(self, step: Step) -> Iterator[Progress]:
        if not self._done:
            self._memory.rest(step)
            self._done = True
            yield Progress("rest", 1, 1)
        self._done = False

    def probe(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        test = self._tests.at(step)
        if test.scoring == "free":
            outputs = self._memory.free(step, test)
        elif test.scoring == "cued":
            outputs = self._memory.cued(step, test)
        else:
            outputs = self._memory.serial(step, test)
        responses, rows = recalled(step, test, outputs, self.subjects.slots, counts=self._counts)
        self._rows.extend(rows)
        return responses

    def drain(self) -> list[tuple[int, str, Mapping[str, NDArray]]]:
        rows, self._rows = self._rows, []
        return rows

    def state(self) -> State:
        return {"done": np.array(self._done), **self._memory.state()}

    def load_state(self, state: State) -> None:
        self._memory.load_state(state)
        self._done = bool(state["done"])

    def sensitivities(self) -> NDArray[np.floating] | None:
        return self._memory.sensitivities()

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        return self._memory.weight_summaries()

    def weight_snapshot(self, projection: str) -> NDArray[np.floating]:
        return self._memory.weights()
