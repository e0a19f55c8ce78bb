"""A simulator of which only the shape is kept, so that hundreds of models need not be ready at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..session import Session, Settings, Subjects
from ..simulator import Simulator, prepare

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...models.base import Model
    from ...protocols import Presentations, Step, Timeline


class Outline(Simulator):
    """All that a recording is laid out from; the model is made ready anew when its subjects are simulated.

    Parameters
    ----------
    model : Model
    pool : Pool
    slots : int
    settings : Settings
    timeline : Timeline
    presentations : Presentations
        Of any subject.
    """

    def __init__(
        self,
        model: Model,
        pool: Pool,
        slots: int,
        settings: Settings,
        timeline: Timeline,
        presentations: Presentations,
    ) -> None:
        super().__init__(model, pool, slots, settings)
        ready = prepare(model, pool, slots, settings)
        self.projections = dict(ready.projections)
        self.bytes_per_subject, self.subjects_together = ready.bytes_per_subject, ready.subjects_together
        self.parallel, self.divisible = ready.parallel, ready.divisible
        self.streams: Sequence = tuple(ready.streams)
        self.time_scale, self.circuit = ready.time_scale, ready.circuit
        self._slots = slots
        self._points = {
            step.index: ready.points(step, len(presentations.of(step.index).item) if step.kind == "wake" else 0)
            for step in timeline.steps
            if step.kind in ("wake", "sleep", "rest")
        }

    def session(self, subjects: Subjects) -> Session:
        return prepare(self.model, subjects.pool, self._slots, self.settings).session(subjects)

    def points(self, step: Step, presentations: int) -> int:
        return self._points[step.index]
