"""The primacy model: the most active item of the list is chosen and put down, again and again."""

from __future__ import annotations

import numpy as np

from ...models.ordered.primacy import PrimacyModel
from ...protocols import Step
from ...protocols.recall_tests import RecallTest
from .chance import Chance
from .memory import Outputs, Timeless


class PrimacyMemory(Timeless):
    """Memories of the subjects of a `PrimacyModel`.

    Parameters
    ----------
    model : PrimacyModel
    chance : Chance
    """

    def __init__(self, model: PrimacyModel, chance: Chance) -> None:
        self._model, self._chance = model, chance
        self._traits = chance.traits(model)

    def serial(self, step: Step, test: RecallTest) -> Outputs:
        model = self._model
        noise = self._chance.normal((test.length, test.length + 1), "recall", step.index).astype(np.float64)
        left = ~np.isnan(test.times)
        end = np.where(left, test.times, 0.0).max(axis=1)  # of the list
        gradient = model.peak - np.arange(test.length)
        rows = np.arange(len(left))
        outputs = np.full(test.items.shape, -1, dtype=np.int64)
        for k in range(test.length):
            elapsed = step.start + (k + 1) * model.output_time - end
            active = np.where(left, gradient * np.exp(-model.decay * elapsed)[:, None], -np.inf)
            chosen = (active + self._traits["choice_noise"][:, None] * noise[:, k, :-1]).argmax(axis=1)
            strength = active[rows, chosen] + model.output_noise * noise[:, k, -1]
            outputs[:, k] = np.where(strength > self._traits["threshold"], test.items[rows, chosen], -1)
            left[rows, chosen] = False
        return np.where(test.items < 0, -1, outputs)
