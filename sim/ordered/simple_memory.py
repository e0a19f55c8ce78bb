"""SIMPLE: what comes back follows from when each item was last presented."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...models.ordered.simple import SIMPLE
from ...protocols import Step
from ...protocols.recall_tests import RecallTest
from .chance import Chance
from .memory import Outputs, Timeless

Doubles = NDArray[np.float64]


class SimpleMemory(Timeless):
    """Memories of the subjects of `SIMPLE`.

    Parameters
    ----------
    model : SIMPLE
    chance : Chance
    """

    def __init__(self, model: SIMPLE, chance: Chance) -> None:
        self._model, self._chance = model, chance
        traits = chance.traits(model)
        self._distinctiveness = traits["distinctiveness"].astype(np.float64)
        self._threshold = traits["threshold"].astype(np.float64)

    def serial(self, step: Step, test: RecallTest) -> Outputs:
        drawn = self._chance.uniform((test.length, 2), "recall", step.index)
        outputs = np.full(test.items.shape, -1, dtype=np.int64)
        for k in range(test.length):
            now = step.start + (k + 1) * self._model.output_time
            share = self._shares(test, now, self._model.temporal_weight, k)
            sums = share.cumsum(axis=1)
            found = (drawn[:, k, :1] * sums[:, -1:] >= sums).sum(axis=1).clip(max=test.length - 1)
            certainty = np.take_along_axis(share, found[:, None], axis=1)[:, 0]
            said = drawn[:, k, 1] < self._said(certainty)
            chosen = np.take_along_axis(test.items, found[:, None], axis=1)[:, 0]
            outputs[:, k] = np.where(said & (certainty > 0), chosen, -1)
        return np.where(test.items < 0, -1, outputs)

    def free(self, step: Step, test: RecallTest) -> Outputs:
        drawn = self._chance.uniform(test.length, "recall", step.index)
        now = step.start + (1 + test.length / 2) * self._model.output_time
        own = np.stack([self._shares(test, now, 1.0, k)[:, k] for k in range(test.length)], axis=1)
        said = (drawn < self._said(own)) & (own > 0)
        order = np.argsort(np.where(said, -own, np.inf), axis=1, kind="stable")
        return np.take_along_axis(np.where(said, test.items, -1), order, axis=1)

    def _shares(self, test: RecallTest, now: float, weight: float, cued: int) -> Doubles:
        """How much of a cue's similarity to all items of the list each item has, [subject, position]."""
        age = np.log(now - test.times)
        distance = weight * np.abs(age - age[:, cued, None]) + (1.0 - weight) * np.abs(np.arange(test.length) - cued)
        similarity: Doubles = np.nan_to_num(np.exp(-self._distinctiveness[:, None] * distance))  # never presented: none
        similarity /= np.maximum(similarity.sum(axis=1, keepdims=True), 1e-300)
        return similarity

    def _said(self, certainty: Doubles) -> Doubles:
        """Probability that what came to mind is said, [subject] or [subject, position]."""
        threshold = self._threshold if certainty.ndim == 1 else self._threshold[:, None]
        return 1.0 / (1.0 + np.exp(-self._model.slope * (certainty - threshold)))
