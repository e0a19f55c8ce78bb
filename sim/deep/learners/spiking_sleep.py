"""A network of threshold units as a spiking one that is driven by noise and learns by a local Hebbian rule (SRC)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor


def spike_gains(largest: Sequence[float]) -> list[float]:
    """Factors that make every layer's strongest activation worth one threshold.

    Parameters
    ----------
    largest : sequence of float
        Largest input, then largest activation of each layer, as seen while learning.

    Returns
    -------
    list of float
        One for each layer: with them, units that fire at the rate of their share of the largest activation give the
        next layer its share. 0 for a layer that never was active.

    Notes
    -----
    Data-based weight normalisation (Diehl et al. 2015), as used by Tadros et al. 2022.

    Examples
    --------
    >>> spike_gains([1.0, 4.0, 2.0])
    [0.25, 2.0]
    """
    return [before / after if after > 0 else 0.0 for before, after in pairwise(largest)]


def spike_step(
    spikes: Tensor,
    weights: Sequence[Tensor],
    potentials: Sequence[Tensor],
    gains: Sequence[float],
    threshold: float,
    increase: float,
    decrease: float,
) -> list[Tensor]:
    """One time step of all layers, from the first to the last; potentials and weights change in place.

    Parameters
    ----------
    spikes : float tensor, [input]
        1 where an input fires in this step, else 0.
    weights : sequence of float tensor, [post, pre]
        Of each layer.
    potentials : sequence of float tensor, [post]
        Membrane potentials, in thresholds of the normalised network.
    gains : sequence of float
        As `spike_gains` gives them.
    threshold : float
        A unit fires above it, and starts from 0 again.
    increase, decrease : float
        A synapse onto a unit that fires grows by ``increase`` if its own cell fired in this step, and shrinks by
        ``decrease`` if it did not.

    Returns
    -------
    list of float tensor, [post]
        Spikes of each layer.

    Notes
    -----
    Tadros et al. 2022, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> weights, potentials = [torch.tensor([[2.0, 0.5]])], [torch.zeros(1)]
    >>> spike_step(torch.tensor([1.0, 0.0]), weights, potentials, [1.0], 1.0, 0.25, 0.125)[0].tolist()
    [1.0]
    >>> weights[0].tolist(), potentials[0].tolist()
    ([[2.25, 0.375]], [0.0])
    """
    fired = []
    for weight, potential, gain in zip(weights, potentials, gains, strict=True):
        potential.add_(weight @ spikes, alpha=gain)
        post = potential > threshold
        potential.masked_fill_(post, 0.0)
        if bool(post.any()):
            weight[post] += (increase + decrease) * spikes - decrease
        spikes = post.to(weight.dtype)
        fired.append(spikes)
    return fired
