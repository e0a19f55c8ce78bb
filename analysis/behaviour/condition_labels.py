"""Conditions that a protocol writes into labels: ``spacing=massed, design=ab-ac``."""

from __future__ import annotations

import numpy as np
import pandas as pd


def label_keys(labels: pd.Series) -> list[str]:
    """Factors that labels name, each once.

    Examples
    --------
    >>> label_keys(pd.Series(["spacing=massed, design=ab-ac", "spacing=long", "cycle"]))
    ['spacing', 'design']
    """
    parts = [part for label in labels.astype(str).unique() for part in label.split(", ") if "=" in part]
    return list(dict.fromkeys(part.partition("=")[0] for part in parts))


def from_labels(labels: pd.Series, key: str) -> pd.Series:
    """What labels say of a factor; NaN where they say nothing.

    Examples
    --------
    >>> from_labels(pd.Series(["spacing=massed, design=ab-ac", "cycle"]), "design").tolist()
    ['ab-ac', nan]
    """
    said = {}
    for label in labels.astype(str).unique():
        pairs = dict(part.split("=", 1) for part in label.split(", ") if "=" in part)
        said[label] = pairs.get(key, np.nan)
    return labels.astype(str).map(said)
