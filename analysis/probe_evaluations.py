"""What a probe measured beside performance: corrupted images, unknown images, calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from .learning_costs import gathered

if TYPE_CHECKING:
    from ..data.recording import Recording

UNKNOWN_MEASURES = ("auroc", "aupr", "fpr95", "aupr_unknown")


def evaluations(recording: Recording) -> pd.DataFrame:
    """All single numbers that probes have measured.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``phase`` (step of the probe), ``name`` (such as ``corruption/fog/3``) and ``value``.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> engram.analysis.evaluations(engram.open("runs/stream.h5"))["name"].unique()  # doctest: +SKIP
    """
    return gathered(recording, "evaluations", ("name", "value"))


def corruption_accuracies(measured: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on corrupted test images.

    Parameters
    ----------
    measured : pandas.DataFrame
        See `evaluations`.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``phase``, ``kind`` (``intact`` for the images as they are), ``severity`` (1 to 5; 0 for
        intact ones) and ``accuracy``.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import corruption_accuracies
    >>> names = ["accuracy/intact", "corruption/fog/3", "calibration/ece"]
    >>> measured = pd.DataFrame({"model": "er", "subject": 0, "phase": 8, "name": names, "value": [0.9, 0.5, 0.1]})
    >>> corruption_accuracies(measured)
      model  subject  phase    kind  severity  accuracy
    0    er        0      8  intact         0       0.9
    1    er        0      8     fog         3       0.5
    """
    names = measured["name"].astype(str)
    intact = names == "accuracy/intact"
    parts = names.where(~intact, "corruption/intact/0").str.split("/", expand=True).reindex(columns=range(3))
    rows = parts[0] == "corruption"
    return (
        measured.loc[rows, ["model", "subject", "phase"]]
        .assign(kind=parts.loc[rows, 1], severity=parts.loc[rows, 2].astype(int), accuracy=measured.loc[rows, "value"])
        .reset_index(drop=True)
    )


def unknown_detection(measured: pd.DataFrame) -> pd.DataFrame:
    """How well images of unknown classes are told from those of known ones.

    Parameters
    ----------
    measured : pandas.DataFrame
        See `evaluations`.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``phase``, ``score`` (``msp``: the maximum softmax probability, or ``energy``), and the
        columns ``auroc``, ``aupr``, ``fpr95`` and ``aupr_unknown``.

    References
    ----------
    Hendrycks & Gimpel (2017), ICLR, maximum softmax; Liu, Wang, Owens & Li (2020), NeurIPS 33, energy.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import unknown_detection
    >>> names = [f"unknown/msp/{name}" for name in ("auroc", "aupr", "fpr95", "aupr_unknown")]
    >>> values = [0.9, 0.8, 0.3, 0.7]
    >>> measured = pd.DataFrame({"model": "er", "subject": 0, "phase": 8, "name": names, "value": values})
    >>> unknown_detection(measured)
      model  subject  phase score  auroc  aupr  fpr95  aupr_unknown
    0    er        0      8   msp    0.9   0.8    0.3           0.7
    """
    parts = measured["name"].astype(str).str.split("/", expand=True).reindex(columns=range(3))
    rows = measured[parts[0] == "unknown"].assign(score=parts[1], measure=parts[2])
    keys = ["model", "subject", "phase", "score"]
    wide = rows.drop_duplicates([*keys, "measure"], keep="last").pivot(index=keys, columns="measure", values="value")
    return wide.reindex(columns=list(UNKNOWN_MEASURES)).rename_axis(columns=None).reset_index()


def at_last_probe(measured: pd.DataFrame) -> pd.DataFrame:
    """The rows of each subject's last probe."""
    last = measured.groupby(["model", "subject"], sort=False)["phase"].transform("max")
    return measured[measured["phase"] == last].reset_index(drop=True)
