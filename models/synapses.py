"""The mixed-stability synapse: one rule, three renderings.

Every synapse has a fixed flexibility f in [0, 1]. Its weight w is drawn back to nothing, but the further it has
travelled from its initial value w0, the smaller its next step:

    gate = 1 - tanh²( s · ((1 - f) / f) · (w - w0) )          Δw = -lr · gate · ∂L/∂w

f = 1 is an ordinary synapse (gate 1 for ever) and f = 0 is frozen by definition (gate 0, although the formula's limit
at w = w0 is 1). Since 1 - tanh² cancels where it matters, all renderings compute sech².

Source: Cho, Lee, Baek & Paik (2025), "Neuromimetic metaplasticity for adaptive continual learning", Neural
Networks 190, doi:10.1016/j.neunet.2025.107762.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import torch

AUTO_KAPPA = 5.0
"""Sensitivity times the distance that a synapse travels during the first item (see `auto_sensitivity`)."""

BRIAN2_GATE = "int(f > 0) / cosh(clip(s * (1 - f) / clip(f, 1e-12, 1) * (w - w0), -350, 350))**2"
"""The gate as a Brian2 expression over the synaptic variables ``w``, ``w0``, ``f`` and the sensitivity ``s``."""


def stiffness(flexibility: ArrayLike, sensitivity: ArrayLike) -> NDArray[np.float64]:
    """How fast the gate closes with distance: s · (1 - f) / f, finite for every f.

    Parameters
    ----------
    flexibility : array_like
        f, each in [0, 1].
    sensitivity : array_like
        s > 0, in units of 1 / weight; broadcast against ``flexibility``.

    Returns
    -------
    numpy.ndarray
        Float64, capped at the largest float32; 0 where f = 0, which `gate` treats as frozen.

    Raises
    ------
    ValueError
        A flexibility outside [0, 1], or a sensitivity that is negative or not finite.

    Examples
    --------
    >>> stiffness([1.0, 0.5, 0.25], 100.0).tolist()
    [0.0, 100.0, 300.0]
    """
    f = np.asarray(flexibility, dtype=np.float64)
    s = np.asarray(sensitivity, dtype=np.float64)
    if not (f.min(initial=1.0) >= 0 and f.max(initial=0.0) <= 1):  # false also where one of them is NaN
        raise ValueError(f"flexibility must lie in [0, 1]; found values from {np.min(f)} to {np.max(f)}")
    if not np.all(np.isfinite(s) & (s >= 0)):
        raise ValueError(f"sensitivity must be a finite number of at least 0; found {s.tolist()}")
    largest = float(np.finfo(np.float32).max)
    with np.errstate(divide="ignore", over="ignore"):
        # Capped before and after: neither f = 0 nor a tiny f may make an inf, which a weight of w0 would turn into NaN.
        k = np.asarray(s * np.minimum((1.0 - f) / f, largest))
    np.minimum(k, largest, out=k)
    k[np.broadcast_to(f == 0, k.shape)] = 0.0
    return k


def gate(weight: ArrayLike, initial: ArrayLike, flexibility: ArrayLike, sensitivity: ArrayLike) -> NDArray[np.float64]:
    """Factor by which a synapse's step is scaled, in float64.

    Parameters
    ----------
    weight, initial : array_like
        w and w0, of one shape.
    flexibility : array_like
        f in [0, 1], of the same shape or broadcastable.
    sensitivity : array_like
        s, in units of 1 / weight.

    Returns
    -------
    numpy.ndarray
        Values in [0, 1]: exactly 1 where f = 1, exactly 0 where f = 0.

    Examples
    --------
    >>> gate([0.1, 0.1, 0.1], [0.0, 0.0, 0.0], [0.0, 0.5, 1.0], 10.0).round(4).tolist()
    [0.0, 0.42, 1.0]
    """
    distance = np.abs(np.asarray(weight, dtype=np.float64) - np.asarray(initial, dtype=np.float64))
    with np.errstate(over="ignore", under="ignore"):
        decay = np.exp(-2.0 * stiffness(flexibility, sensitivity) * distance)
        open_ = np.minimum(4.0 * decay / (1.0 + decay) ** 2, 1.0)  # rounding can exceed 1 by one bit
    return np.where(np.asarray(flexibility) > 0, open_, 0.0)


def gate_torch(
    weight: torch.Tensor,
    initial: torch.Tensor,
    stiffness: torch.Tensor,
    frozen: torch.Tensor | None,
    out: torch.Tensor,
) -> torch.Tensor:
    """The gate in torch, written into ``out`` without allocating.

    Parameters
    ----------
    weight, initial : torch.Tensor
        w and w0, of one shape.
    stiffness : torch.Tensor
        `stiffness` of the synapses, of the same shape.
    frozen : torch.Tensor of bool or None
        Where f = 0; None where no synapse is frozen.
    out : torch.Tensor
        Receives the gate; of the same shape and type as ``weight``.

    Returns
    -------
    torch.Tensor
        ``out``.

    Examples
    --------
    >>> import torch
    >>> w, w0, k = torch.tensor([0.1, 0.0]), torch.zeros(2), torch.tensor([10.0, 10.0])
    >>> [round(g, 4) for g in gate_torch(w, w0, k, None, torch.empty(2)).tolist()]
    [0.42, 1.0]
    """
    import torch

    torch.sub(weight, initial, out=out)
    # sech² = 1 / cosh²: cosh overflows to inf only where sech² is 0 to the last bit of the type.
    out.mul_(stiffness).cosh_().reciprocal_().square_()
    if frozen is not None:
        out.masked_fill_(frozen, 0.0)
    return out


def auto_sensitivity(travelled: ArrayLike, kappa: float = AUTO_KAPPA) -> NDArray[np.float64]:
    """Sensitivity from how far fully flexible synapses travelled while the first item was learned.

    Since every gate is 1 at w = w0, all but frozen synapses move freely during the first item. A sensitivity of
    κ / d, with d the root-mean-square distance travelled, makes the rule independent of the scale of the weights,
    the features and the learning rate.

    Parameters
    ----------
    travelled : array_like
        Root mean square of w - w0 over the gated synapses after the first item, in units of weight.
    kappa : float
        Dimensionless: 1 / κ is the distance, in units of d, at which a synapse of f = 0.5 has a gate of .42.

    Returns
    -------
    numpy.ndarray
        s, in units of 1 / weight.

    Raises
    ------
    ValueError
        Where nothing moved, so that no sensitivity can be calibrated.

    Examples
    --------
    >>> auto_sensitivity([0.01, 0.02], kappa=4.0).tolist()
    [400.0, 200.0]
    """
    d = np.asarray(travelled, dtype=np.float64)
    if not np.all(d > 0):
        raise ValueError(
            "sensitivity: auto needs weights that moved during the first item, but they did not; "
            "is the learning rate 0, every synapse frozen, or the input blank? Give sensitivity a number instead"
        )
    return kappa / d
