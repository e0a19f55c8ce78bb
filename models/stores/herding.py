"""Herding: exemplars whose running mean stays nearest to the mean of their class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def herd(features: NDArray[np.floating], m: int | None = None) -> NDArray[np.int64]:
    """Order in which images of one class are chosen as exemplars (Rebuffi 2017, iCaRL, algorithm 4).

    The k-th exemplar is the image, among those not yet chosen, for which the mean of the first k exemplars lies nearest
    to the mean μ of the class: argmin over x of ‖μ − (φ(x) + Σ φ(p_j)) / k‖, features scaled to unit length. So the
    first k of m exemplars are the best k in that order, and shrinking keeps a prefix.

    Parameters
    ----------
    features : float array, [image, feature]
        Features of one class, of any scale.
    m : int or None
        Number of exemplars; None for all.

    Returns
    -------
    int64 array, [m]
        Places in ``features``, the first chosen first. Of equals, the first in place is chosen.

    Examples
    --------
    >>> herd(np.array([[1.0, 0.0], [0.0, 1.0], [0.7, 0.7]]), 2).tolist()
    [2, 0]
    """
    n = len(features)
    count = n if m is None else min(m, n)
    unit = np.asarray(features, np.float64)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    mean = unit.mean(axis=0)
    # ‖kμ − s − φ‖² = ‖φ‖² − 2 φ·(kμ − s) + const, with s the sum of those chosen; φ·s is carried along.
    squares = np.einsum("nd,nd->n", unit, unit)
    to_mean = unit @ mean
    to_chosen = np.zeros(n)
    order = np.empty(count, np.int64)
    free = np.zeros(n)
    for k in range(count):
        distance = squares - 2.0 * ((k + 1) * to_mean - to_chosen) + free
        order[k] = np.argmin(distance)
        free[order[k]] = np.inf
        to_chosen += unit @ unit[order[k]]
    return order
