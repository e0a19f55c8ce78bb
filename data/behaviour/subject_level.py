"""Scores of single subjects, from the raw files, in the factors of the shipped data sets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..wording import nearest, one_of
from .raw_files import read_raw

if TYPE_CHECKING:
    from pandas import DataFrame


def subject_scores(name: str, folder: str | Path) -> DataFrame:
    """The mean score of every subject in every condition of a data set, from its raw file.

    Parameters
    ----------
    name : str
        A data set of which the raw file has subjects, such as ``page2006-hebb``.
    folder : path
        The folder of the raw files (`read_raw`).

    Returns
    -------
    pandas.DataFrame
        ``subject``, the factors of the data set, ``score`` (between 0 and 1).

    Raises
    ------
    ValueError
        If the data set has no raw file, or one without single subjects.
    FileNotFoundError
        If the raw file is not there.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "serial_recall_small").mkdir()
    >>> _ = (folder / "serial_recall_small" / "Madigan.1971.txt").write_text("012112345687\\n012113245678\\n")
    >>> subject_scores("madigan1971-serial", folder)["score"].tolist()
    [1.0, 0.5, 0.5, 1.0, 1.0, 1.0, 0.5, 0.5]
    """
    if name not in _CHOSEN:
        raise ValueError(
            f'no scores of single subjects for "{name}"; there are {one_of(_CHOSEN)}.{nearest(name, _CHOSEN)}'
        )
    choose, factors = _CHOSEN[name]
    rows = choose(read_raw(name, folder))
    if "repeat" in rows:
        rows = rows[(rows["repeat"] == 0) & rows["input_position"].notna()]
    for factor in ("position", "list_position", "length", "repetition", "session"):
        if factor in factors:
            rows = rows.astype({factor: int})
    scores = rows.rename(columns={"correct": "score"}).groupby(["subject", *factors], sort=True)["score"].mean()
    return scores.reset_index()


def _page2006(rows: DataFrame) -> DataFrame:
    rows = rows[(rows["suppression"] == "silent") & (rows["condition"] != "filler-a")]
    return rows.assign(list_type=rows["condition"].map({"repeated": "repeated", "filler-b": "filler"}))


def _by_length_and_position(rows: DataFrame) -> DataFrame:
    return rows.rename(columns={"list_length": "length", "input_position": "position"}).assign(
        input_position=rows["input_position"]
    )


def _madigan1971(rows: DataFrame) -> DataFrame:
    rows = rows[rows["direction"] == "forward"]
    return rows.assign(modality=rows["condition"], position=rows["input_position"])


def _farrell_lewandowsky2004(rows: DataFrame) -> DataFrame:
    return rows.assign(position=rows["input_position"])


def _pazdera_kahana2023(rows: DataFrame) -> DataFrame:
    rows = rows[(rows["condition"] == "2V") & (rows["list_length"] == 12)]
    return rows.assign(position=rows["input_position"])


def _pazdera_kahana2023_final(rows: DataFrame) -> DataFrame:
    rows = _pazdera_kahana2023(rows)
    return rows.assign(list_position=rows["position"], correct=rows["final_correct"])


def _kahana_howard2005(rows: DataFrame) -> DataFrame:
    return rows.assign(spacing=rows["condition"])


def _siefert2024(rows: DataFrame) -> DataFrame:
    rows = rows[(rows["feature"] != "novel") & ((rows["condition"] == "uncued") | (rows["cues"] > 0))]
    return rows.assign(cueing=rows["condition"])


_CHOSEN: dict[str, tuple[Callable[[DataFrame], DataFrame], tuple[str, ...]]] = {
    "farrell-lewandowsky2004-serial": (_farrell_lewandowsky2004, ("condition", "position")),
    "grenfell-essam-ward2012-free": (_by_length_and_position, ("length", "position")),
    "grenfell-essam-ward2012-serial": (_by_length_and_position, ("length", "position")),
    "kahana-howard2005-spacing": (_kahana_howard2005, ("spacing",)),
    "madigan1971-serial": (_madigan1971, ("modality", "position")),
    "page2006-hebb": (_page2006, ("list_type", "repetition")),
    "pazdera-kahana2023-final12": (_pazdera_kahana2023_final, ("list_position",)),
    "pazdera-kahana2023-free12": (_pazdera_kahana2023, ("position",)),
    "siefert2024-tmr": (_siefert2024, ("cueing", "feature", "session")),
}
