"""Which cell of one population reaches which cell of another: every rule has a known number of synapses.

The number of synapses lays out a recording before anything is drawn; the draw is NumPy's, since the code-generation
targets of one engine draw different networks from the same seed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator

from ..by_kind import read_kind, write_kind
from .spec import Spec

Pairs = tuple[NDArray[np.int32], NDArray[np.int32]]


class Connectivity(Spec, ABC):
    """A rule that draws the pairs (source cell, target cell) of a projection."""

    @abstractmethod
    def count(self, pre: int, post: int, recurrent: bool) -> int:
        """Number of synapses.

        Parameters
        ----------
        pre, post : int
            Cells of the source and of the target.
        recurrent : bool
            Whether source and target are one population, so that a cell may not reach itself.

        Returns
        -------
        int

        Raises
        ------
        ValueError
            The rule cannot be met with so few cells.
        """

    @abstractmethod
    def draw(self, pre: int, post: int, recurrent: bool, rng: np.random.Generator) -> Pairs:
        """Indices of the source and target cell of every synapse.

        Parameters
        ----------
        pre, post, recurrent
            As for `count`.
        rng : numpy.random.Generator

        Returns
        -------
        tuple of two numpy.ndarray
            int32, [count], sorted by source and then by target.
        """


class AllToAll(Connectivity):
    """Every source cell reaches every target cell.

    Parameters
    ----------
    self_connections : bool
        Whether, within a population, a cell reaches itself.

    Examples
    --------
    >>> i, j = AllToAll().draw(3, 3, True, np.random.default_rng(0))
    >>> list(zip(i.tolist(), j.tolist()))
    [(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)]
    """

    self_connections: bool = False
    kind: Literal["all-to-all"] = "all-to-all"

    def count(self, pre: int, post: int, recurrent: bool) -> int:
        return pre * post - (min(pre, post) if recurrent and not self.self_connections else 0)

    def draw(self, pre: int, post: int, recurrent: bool, rng: np.random.Generator) -> Pairs:
        possible = np.arange(self.count(pre, post, recurrent))
        return _pairs(possible, post, recurrent and not self.self_connections)


class OneToOne(Connectivity):
    """Cell k reaches cell k.

    Examples
    --------
    >>> OneToOne().draw(2, 2, False, np.random.default_rng(0))[1].tolist()
    [0, 1]
    """

    kind: Literal["one-to-one"] = "one-to-one"

    def count(self, pre: int, post: int, recurrent: bool) -> int:
        if pre != post:
            raise ValueError(f"one-to-one needs as many source as target cells; found {pre} and {post}")
        return pre

    def draw(self, pre: int, post: int, recurrent: bool, rng: np.random.Generator) -> Pairs:
        cells = np.arange(self.count(pre, post, recurrent), dtype=np.int32)
        return cells, cells.copy()


class InDegree(Connectivity):
    """Every target cell is reached by ``n`` different source cells, drawn at random.

    Examples
    --------
    >>> i, j = InDegree(2).draw(5, 3, False, np.random.default_rng(0))
    >>> np.bincount(j).tolist()
    [2, 2, 2]
    """

    n: Annotated[int, Field(ge=1)]
    kind: Literal["in-degree"] = "in-degree"

    def count(self, pre: int, post: int, recurrent: bool) -> int:
        if self.n > pre - recurrent:
            raise ValueError(f"an in-degree of {self.n} needs as many source cells; there are {pre - recurrent}")
        return self.n * post

    def draw(self, pre: int, post: int, recurrent: bool, rng: np.random.Generator) -> Pairs:
        self.count(pre, post, recurrent)
        i = np.empty((post, self.n), dtype=np.int32)
        for cell in range(post):
            sources = rng.choice(pre - recurrent, size=self.n, replace=False, shuffle=False)
            i[cell] = sources + (recurrent & (sources >= cell))
        j = np.repeat(np.arange(post, dtype=np.int32), self.n)
        order = np.lexsort((j, i.ravel()))
        return i.ravel()[order], j[order]


class Probability(Connectivity):
    """Exactly round(p · possible) pairs, drawn at random without repetition.

    Examples
    --------
    >>> i, j = Probability(0.5).draw(4, 4, True, np.random.default_rng(0))
    >>> len(i), bool((i != j).all())
    (6, True)
    """

    p: Annotated[float, Field(gt=0, le=1)]
    kind: Literal["probability"] = "probability"

    def count(self, pre: int, post: int, recurrent: bool) -> int:
        return round(self.p * (pre * post - (min(pre, post) if recurrent else 0)))

    def draw(self, pre: int, post: int, recurrent: bool, rng: np.random.Generator) -> Pairs:
        possible = pre * post - (min(pre, post) if recurrent else 0)
        drawn = rng.choice(possible, size=self.count(pre, post, recurrent), replace=False, shuffle=False)
        return _pairs(np.sort(drawn), post, recurrent)


def _pairs(drawn: NDArray[np.int64], post: int, no_self: bool) -> Pairs:
    """Pair number → (source, target), counted by source; without pairs of a cell with itself where asked."""
    width = post - no_self
    i, j = np.divmod(drawn, max(width, 1))
    if no_self:
        j = j + (j >= i)
    return i.astype(np.int32), j.astype(np.int32)


AnyConnectivity = Annotated[Connectivity, PlainValidator(partial(read_kind, Connectivity)), PlainSerializer(write_kind)]
