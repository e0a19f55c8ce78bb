"""Registered presets: the networks that the paper compares, and the ablation without the gate."""

from __future__ import annotations

from typing import Any

from .flexibility import Falling, Fixed, Rising, Uniform
from .metaplastic import MetaplasticNetwork


def conventional(**settings: Any) -> MetaplasticNetwork:
    """Every synapse fully flexible: an ordinary network.

    Examples
    --------
    >>> conventional().flexibility
    Fixed(value=1.0, kind='fixed')
    """
    return MetaplasticNetwork(**{"flexibility": Fixed(1.0), **settings})


def hybrid(**settings: Any) -> MetaplasticNetwork:
    """Stable and flexible synapses intermixed evenly.

    Examples
    --------
    >>> hybrid(sensitivity=3e3).sensitivity
    3000.0
    """
    return MetaplasticNetwork(**{"flexibility": Uniform(), **settings})


def stable(**settings: Any) -> MetaplasticNetwork:
    """Every synapse of flexibility 0.3.

    Examples
    --------
    >>> stable().flexibility.value
    0.3
    """
    return MetaplasticNetwork(**{"flexibility": Fixed(0.3), **settings})


def rising(**settings: Any) -> MetaplasticNetwork:
    """More flexible synapses than stable ones.

    Examples
    --------
    >>> rising().flexibility.a
    0.5
    """
    return MetaplasticNetwork(**{"flexibility": Rising(), **settings})


def falling(**settings: Any) -> MetaplasticNetwork:
    """More stable synapses than flexible ones.

    Examples
    --------
    >>> falling().flexibility.a
    0.5
    """
    return MetaplasticNetwork(**{"flexibility": Falling(), **settings})


def fixed_rate(**settings: Any) -> MetaplasticNetwork:
    """The ablation: flexibilities as fixed learning rates, without the tanh gate.

    Examples
    --------
    >>> fixed_rate(rate=0.5).rule
    'rate'
    """
    return MetaplasticNetwork(**{"flexibility": Uniform(), "rule": "rate", **settings})
