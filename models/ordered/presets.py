"""Models with order by name, for the command line."""

from __future__ import annotations

from typing import Any

from ..flexibility import Fixed, Uniform
from .positional import PositionalNetwork
from .primacy import PrimacyModel
from .simple import SIMPLE


def positional(**settings: Any) -> PositionalNetwork:
    """Positions and times associated with items through synapses of mixed stability.

    Examples
    --------
    >>> positional().flexibility
    Uniform(low=0.0, high=1.0, kind='uniform')
    """
    return PositionalNetwork(**{"flexibility": Uniform(), **settings})


def positional_flexible(**settings: Any) -> PositionalNetwork:
    """The positional network with ordinary synapses, of flexibility 1.

    Examples
    --------
    >>> positional_flexible().flexibility.value
    1.0
    """
    return PositionalNetwork(**{"flexibility": Fixed(1.0), **settings})


def positional_stable(**settings: Any) -> PositionalNetwork:
    """The positional network with synapses of flexibility 0.3.

    Examples
    --------
    >>> positional_stable().flexibility.value
    0.3
    """
    return PositionalNetwork(**{"flexibility": Fixed(0.3), **settings})


def simple(**settings: Any) -> SIMPLE:
    """Items told apart by the logarithm of their age, after Brown, Neath & Chater (2007).

    Examples
    --------
    >>> simple(threshold=0.5).threshold
    0.5
    """
    return SIMPLE(**settings)


def primacy(**settings: Any) -> PrimacyModel:
    """A gradient of activation over the list, after Page & Norris (1998).

    Examples
    --------
    >>> primacy().peak
    11.5
    """
    return PrimacyModel(**settings)
