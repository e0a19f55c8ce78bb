"""When a repeated list begins to be learned: abruptly or gradually, subject by subject."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..hebb_onset import onset

FEWEST = 6
"""Repetitions that tell the kinds of curves apart."""


@dataclass(frozen=True)
class Onsets:
    """Kinds of learning curves of the repeated list among subjects.

    Attributes
    ----------
    counts : mapping
        ``abrupt``, ``gradual`` or ``flat`` -> number of subjects whose curve it fits best.
    median, first_quartile, third_quartile : float or None
        Repetition at which abrupt learners begin; None where there are none.
    """

    counts: Mapping[str, int]
    median: float | None
    first_quartile: float | None
    third_quartile: float | None


def onsets_of(scores: NDArray[np.float64], factors: pd.DataFrame) -> Onsets | None:
    """Onset of every subject's repeated list; None where the conditions are no Hebb curve of six repetitions or more.

    Parameters
    ----------
    scores : ndarray, shape [subject, condition]
        Subjects that lack a repetition are left out.
    factors : pandas.DataFrame
        One row per condition; a Hebb curve has the columns ``list_type`` (``repeated``, ``filler``) and ``repetition``.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> factors = pd.DataFrame({"list_type": "repeated", "repetition": np.arange(1, 9)})
    >>> onsets_of(np.array([[0.2, 0.3, 0.2, 0.3, 0.8, 0.9, 0.8, 0.9]]), factors)
    Onsets(counts={'abrupt': 1, 'gradual': 0, 'flat': 0}, median=5.0, first_quartile=5.0, third_quartile=5.0)
    """
    if not {"list_type", "repetition"} <= set(factors.columns):
        return None
    repeated = (factors["list_type"] == "repeated").to_numpy()
    curves = scores[:, repeated]
    curves = curves[np.isfinite(curves).all(axis=1)]
    if repeated.sum() < FEWEST or not len(curves):
        return None
    repetitions = factors.loc[repeated, "repetition"].to_numpy(dtype=float)
    subjects = np.repeat(np.arange(len(curves)), len(repetitions))
    table = onset(
        pd.DataFrame(
            {"subject": subjects, "repetition": np.tile(repetitions, len(curves)), "score": curves.reshape(-1)}
        )
    )
    counts = {kind: int((table["kind"] == kind).sum()) for kind in ("abrupt", "gradual", "flat")}
    begins = table.loc[table["kind"] == "abrupt", "onset"].to_numpy(dtype=float)
    if not len(begins):
        return Onsets(counts, None, None, None)
    first, middle, third = (float(value) for value in np.quantile(begins, [0.25, 0.5, 0.75]))
    return Onsets(counts, middle, first, third)
