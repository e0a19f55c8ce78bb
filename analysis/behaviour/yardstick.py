"""How far a model's means lie from people's, measured in how far a replication would lie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distance:
    """How far means lie from people's.

    Attributes
    ----------
    conditions : int
        How many are compared.
    rmsd : float
        Root of the mean squared difference.
    bias : float
        Mean difference, model less people.
    own_error : float
        Root of the mean squared standard error of the model's means: smaller with more simulated subjects.
    replication : float or None
        RMSD to be expected of a replication; None where the data set gives no standard errors.
    rmsd_over_replication : float or None
        1: as close as a second sample of people.
    within_ci : float or None
        Share of the means that lie inside people's 95 % interval; None where there are none.
    correlation : float or None
        Pearson's, of shape alone: blind to level and scale. None where one side is flat.
    """

    conditions: int
    rmsd: float
    bias: float
    own_error: float
    replication: float | None
    rmsd_over_replication: float | None
    within_ci: float | None
    correlation: float | None


def distance(
    model: Floats, own_error: Floats, human: Floats, human_error: Floats, low: Floats, high: Floats, *,
    people: bool = False,
) -> Distance:  # fmt: skip
    """Distance of a model's condition means from people's.

    A second sample of people as large as the first lies √2 standard errors from it. So the yardstick is
    √(mean of 2 SE²); a simulation adds its own error, since its means are those of a limited number of simulated
    subjects: √(mean of 2 SE² + SE_own²). Where other people stand in for the model, their own error *is* that of the
    second sample: √(mean of SE² + SE_own²). On this scale a perfect model lies at .71 and a replication at 1.

    Parameters
    ----------
    model, own_error : ndarray, shape [condition]
        Means and their standard errors over simulated subjects.
    human, human_error, low, high : ndarray, shape [condition]
        People's means, standard errors, and ends of the 95 % intervals; NaN where unknown.
    people : bool
        Other people stand in for the model.

    Returns
    -------
    Distance

    Examples
    --------
    >>> import numpy as np
    >>> human, error = np.array([0.5, 0.75, 0.25]), np.full(3, 0.0625)
    >>> found = distance(human + 0.125, 0 * error, human, error, human - 0.125, human + 0.125)
    >>> found.rmsd, found.bias, round(found.rmsd_over_replication, 3), found.within_ci, round(found.correlation, 3)
    (0.125, 0.125, 1.414, 1.0, 1.0)
    """
    difference = model - human
    squared = human_error**2 * (1 if people else 2) + own_error**2
    known = np.isfinite(squared)
    replication = float(np.sqrt(squared[known].mean())) if known.any() else None
    ratio = None
    if replication:
        ratio = float(np.sqrt((difference[known] ** 2).mean())) / replication
    bounded = np.isfinite(low) & np.isfinite(high)
    inside = (model >= low) & (model <= high)
    return Distance(
        conditions=len(human),
        rmsd=float(np.sqrt((difference**2).mean())),
        bias=float(difference.mean()),
        own_error=float(np.sqrt(np.nan_to_num(own_error**2).mean())),
        replication=replication,
        rmsd_over_replication=ratio,
        within_ci=float(inside[bounded].mean()) if bounded.any() else None,
        correlation=_correlation(model, human),
    )


def _correlation(model: Floats, human: Floats) -> float | None:
    if len(model) < 3 or min(np.ptp(model), np.ptp(human)) < 1e-12:
        return None
    return float(np.corrcoef(model, human)[0, 1])
