"""The chance of each subject: streams named by their place in the timeline."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.seeds import child_rng
from ...models.ordered.ordered_model import OrderedModel

Floats = NDArray[np.float32]
ALL = slice(None)


@dataclass(frozen=True)
class Chance:
    """Draws of several subjects, each from a stream of its own.

    Parameters
    ----------
    seed : int
        Of the run.
    numbers : tuple of int
        Of the subjects.

    Examples
    --------
    >>> both, second = Chance(7, (0, 1)).normal(3, "recall", 2), Chance(7, (1,)).normal(3, "recall", 2)
    >>> both.shape, bool((both[1] == second[0]).all())
    ((2, 3), True)
    """

    seed: int
    numbers: tuple[int, ...]

    def rng(self, place: int, *names: str | int) -> np.random.Generator:
        """The stream of the subject at a place in the session."""
        return child_rng(self.seed, "subject", self.numbers[place], *names)

    def normal(self, size: int | tuple[int, ...], *names: str | int, places: slice = ALL) -> Floats:
        """Standard normal numbers of the subjects at some places, [subject, *size]."""
        shape = (size,) if isinstance(size, int) else size
        chosen = range(len(self.numbers))[places]
        drawn = np.empty((len(chosen), *shape), dtype=np.float32)
        for row, place in enumerate(chosen):
            self.rng(place, *names).standard_normal(dtype=np.float32, out=drawn[row])
        return drawn

    def uniform(self, size: int | tuple[int, ...], *names: str | int) -> NDArray[np.float64]:
        """Numbers from 0 to 1, [subject, *size]."""
        return np.stack([self.rng(place, *names).random(size) for place in range(len(self.numbers))])

    def directions(self, size: int, *names: str | int) -> Floats:
        """Random unit vectors, [subject, size]."""
        drawn = self.normal(size, *names)
        drawn /= np.linalg.norm(drawn, axis=1, keepdims=True)
        return drawn

    def traits(self, model: OrderedModel) -> dict[str, Floats]:
        """Each subject's own value of the parameters in which subjects differ: by name, [subject]."""
        z = self.normal(len(model.traits), "traits").astype(np.float64)
        return {
            name: (getattr(model, name) * np.exp(model.spread * z[:, column])).astype(np.float32)
            for column, name in enumerate(model.traits)
        }
