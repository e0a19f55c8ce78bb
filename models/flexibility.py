"""Distributions of flexibility over synapses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
Shape = tuple[int, ...]
UnitInterval = Annotated[float, Field(ge=0.0, le=1.0)]


class Flexibility(ABC):
    """A distribution of flexibilities f in [0, 1]; subclasses are small frozen dataclasses."""

    @abstractmethod
    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        """One flexibility for each synapse.

        Parameters
        ----------
        shape : tuple of int
            Shape of the projection, (pre, post).
        rng : numpy.random.Generator

        Returns
        -------
        numpy.ndarray
            Float64, of ``shape``.
        """


@dataclass(frozen=True, config=STRICT)
class Fixed(Flexibility):
    """Every synapse has the same flexibility: 1 is the conventional network, 0.3 the paper's stable one.

    Examples
    --------
    >>> Fixed(0.3).sample((2,), np.random.default_rng(0)).tolist()
    [0.3, 0.3]
    """

    value: UnitInterval
    kind: Literal["fixed"] = "fixed"

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        return np.full(shape, self.value)


@dataclass(frozen=True, config=STRICT)
class Uniform(Flexibility):
    """Flexibilities spread evenly: the hybrid network.

    Examples
    --------
    >>> f = Uniform().sample((1000,), np.random.default_rng(0))
    >>> bool(f.min() >= 0) and bool(f.max() < 1), round(float(f.mean()), 1)
    (True, 0.5)
    """

    low: UnitInterval = 0.0
    high: UnitInterval = 1.0
    kind: Literal["uniform"] = "uniform"

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"Uniform needs low <= high; found low={self.low}, high={self.high}")

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.uniform(self.low, self.high, size=shape)


@dataclass(frozen=True, config=STRICT)
class Rising(Flexibility):
    """More flexible synapses than stable ones: P(F <= x) = (1 - a) x² + a x.

    With the paper's a = 0.5 the density rises linearly from 0.5 at f = 0 to 1.5 at f = 1; a = 1 is uniform.

    Examples
    --------
    >>> f = Rising().sample((100_000,), np.random.default_rng(0))
    >>> bool(abs((f <= 0.5).mean() - 0.375) < 0.005)  # .5 * .25 + .5 * .5
    True
    """

    a: UnitInterval = 0.5
    kind: Literal["rising"] = "rising"

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        return _rising(rng.random(shape), self.a)


@dataclass(frozen=True, config=STRICT)
class Falling(Flexibility):
    """More stable synapses than flexible ones: the mirror image, 1 - f, of `Rising`.

    Examples
    --------
    >>> f = Falling().sample((100_000,), np.random.default_rng(0))
    >>> bool(abs((f >= 0.5).mean() - 0.375) < 0.005)
    True
    """

    a: UnitInterval = 0.5
    kind: Literal["falling"] = "falling"

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        return 1.0 - _rising(rng.random(shape), self.a)


@dataclass(frozen=True, config=STRICT)
class Beta(Flexibility):
    """Beta-distributed flexibilities: a, b < 1 gives mostly very stable and very flexible synapses.

    Examples
    --------
    >>> round(float(Beta(2, 2).sample((10_000,), np.random.default_rng(0)).mean()), 1)
    0.5
    """

    a: Annotated[float, Field(gt=0, le=1e6)]
    b: Annotated[float, Field(gt=0, le=1e6)]
    kind: Literal["beta"] = "beta"

    def sample(self, shape: Shape, rng: np.random.Generator) -> NDArray[np.float64]:
        return rng.beta(self.a, self.b, size=shape)


def _rising(u: NDArray[np.float64], a: float) -> NDArray[np.float64]:
    if a == 0.0:
        return np.sqrt(u)
    # The inverse of (1 - a) x² + a x = u, in the form that does not cancel for small u.
    return 2.0 * u / (a + np.sqrt(a * a + 4.0 * (1.0 - a) * u))
