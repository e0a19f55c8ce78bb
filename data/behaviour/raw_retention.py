"""Raw files of forgetting and of sleep, read into the tidy table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame


def ebbinghaus1885(path: Path) -> DataFrame:
    """Ebbinghaus (1885): savings of one person at seven delays, with the probable error of the mean."""
    means = pd.read_csv(path)
    return pd.DataFrame(
        {
            "subject": "Ebbinghaus",
            "delay": means["hours"] * 3600,
            "correct": means["savings_pct"] / 100,
            "probable_error": means["probable_error_mean"] / 100,
        }
    )


def murre_dros2015(path: Path) -> DataFrame:
    """Murre and Dros (2015), table 3: savings of Dros and of two earlier replications, with standard errors.

    The column that the file calls Ebbinghaus is left out: its first three numbers are not those of 1885.
    """
    table = pd.read_csv(path)
    people = [
        pd.DataFrame(
            {
                "subject": "Dros" if name == "Drost" else name,
                "delay": table["Interval secs"].astype(float),
                "correct": table[name] / 100,
                "se": table[f"{name} SE"],
            }
        )
        for name in ("Mack", "Seitz", "Drost")
    ]
    return pd.concat(people, ignore_index=True)


def siefert2024(path: Path) -> DataFrame:
    """Siefert et al. (2024): tests of single features before and after a nap in which sounds cued some of the items.

    ``condition`` is ``cued`` or ``uncued``, ``feature`` is ``unique``, ``shared`` or ``novel``, ``session`` 1 before
    and 2 after the nap, ``cues`` how often the item was cued. Trials without an answer (second parts of novel items)
    are left out.
    """
    trials = pd.read_csv(path)
    trials = trials[trials["Accuracy"].notna()]
    return pd.DataFrame(
        {
            "subject": trials["SubNum"],
            "condition": trials["Cued"].map({1: "cued", -1: "uncued"}),
            "item": trials["SatNum"],
            "correct": trials["Accuracy"].astype(float),
            "feature": trials["TestType"],
            "session": trials["SessionNum"],
            "cues": trials["NumberOfTimesCued"],
        }
    ).reset_index(drop=True)
