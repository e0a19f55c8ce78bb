"""What repeating a list gains over lists that are not repeated: slopes over repetitions, subject by subject."""

from __future__ import annotations

import pandas as pd

from ..data.wording import nearest, one_of
from .probes import require_columns
from .recall_tables import subject_key


def hebb_slopes(
    scores: pd.DataFrame, *, by: str = "list_type", repeated: str = "repeated", filler: str = "filler"
) -> pd.DataFrame:
    """Least-squares slope of recall over repetitions, of the repeated list and of the fillers of every subject.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per subject, kind of list and repetition (or more, which are fitted together): ``subject``, `by`,
        ``repetition`` (from 1) and ``score`` (proportion).
    by : str
        The column that tells the lists apart.
    repeated, filler : str
        Its words for the repeated list and for the fillers.

    Returns
    -------
    pandas.DataFrame
        One row per subject: ``model`` (where there is one), ``subject``, ``repeated``, ``filler`` and ``difference``
        (slopes, proportion per repetition). As `compare_paired` and `effect_size` want them.

    Raises
    ------
    ValueError
        If a column or one of the two kinds of list is missing, or a subject has fewer than two repetitions of one.

    References
    ----------
    Hebb (1961); Page, Cumming, Norris, Hitch & McNeil (2006), Journal of Experimental Psychology: LMC 32:716.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import hebb_slopes
    >>> scores = pd.DataFrame({
    ...     "subject": 0, "list_type": ["repeated"] * 3 + ["filler"] * 3, "repetition": [1, 2, 3] * 2,
    ...     "score": [0.4, 0.5, 0.6, 0.5, 0.5, 0.5],
    ... })
    >>> hebb_slopes(scores).round(3)
       subject  repeated  filler  difference
    0        0       0.1     0.0         0.1
    """
    require_columns(scores, ("subject", by, "repetition", "score"), "scores")
    kinds = list(dict.fromkeys(scores[by]))
    for kind in (repeated, filler):
        if kind not in kinds:
            raise ValueError(f'{by} holds no "{kind}"; it holds {one_of(kinds)}.{nearest(kind, map(str, kinds))}')
    key = subject_key(scores)
    chosen = scores[scores[by].isin([repeated, filler])].dropna(subset=["score"])
    groups = chosen.groupby([*key, by], sort=True)
    off = chosen["repetition"] - groups["repetition"].transform("mean")
    parts = chosen.assign(above=off * chosen["score"], below=off**2).groupby([*key, by], sort=True)[["above", "below"]]
    sums = parts.sum()
    slopes = (sums["above"] / sums["below"].where(sums["below"] > 0)).unstack(by).reindex(columns=[repeated, filler])
    if slopes.isna().any(axis=None):
        short = slopes.isna().any(axis=1).idxmax()
        subject = short[-1] if isinstance(short, tuple) else short
        raise ValueError(f"subject {subject} has fewer than two repetitions of one kind of list, which have no slope")
    table = slopes.set_axis(["repeated", "filler"], axis=1).reset_index()
    return table.assign(difference=table["repeated"] - table["filler"])
