"""Raw files of serial recall experiments, read into the tidy table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame


def page2006(path: Path) -> DataFrame:
    """Page et al. (2006): proportion correct of 72 subjects, 3 kinds of list, 16 cycles, silent or suppressed.

    ``condition`` is ``repeated``, ``filler-a`` or ``filler-b``; ``suppression`` is ``silent`` or ``suppressed``.
    """
    wide = pd.read_csv(path, sep="\t")
    rows = wide.melt(["sub", "condition", "sup/nosup"], [str(c) for c in range(1, 17)], "repetition", "correct")
    return pd.DataFrame(
        {
            "subject": rows["sub"],
            "condition": rows["condition"].map({"HebbEffect": "repeated", "FillA": "filler-a", "FillB": "filler-b"}),
            "repetition": rows["repetition"].astype(int),
            "correct": rows["correct"],
            "suppression": rows["sup/nosup"].map({"ns": "silent", "su": "suppressed"}),
        }
    )


def grenfell_essam_ward2012_serial(path: Path) -> DataFrame:
    """Grenfell-Essam and Ward (2012), experiment 2: words written into numbered places, one row for each word.

    ``output_position`` is the place that was written in, ``output_order`` when it was written. Subjects of the two
    groups are different people: the same block, list and trial occur in both, and no word twice within one.
    """
    words = pd.read_csv(path, sep=r"\s+")
    table = _grenfell_essam_ward(words, words["TaskType"])
    table["output_position"] = words["writtenSP"].where(words["writtenSP"] > 0)
    table["correct"] = (words["writtenSP"] == words["serpos"]).astype(float)
    table["output_order"] = words["outputorder"].where(words["outputorder"] > 0)
    return table


def grenfell_essam_ward2012_free(path: Path) -> DataFrame:
    """Grenfell-Essam and Ward (2012), experiment 1: free recall, one row for each word; groups as in experiment 2."""
    words = pd.read_csv(path, sep=r"\s+")
    table = _grenfell_essam_ward(words, words["Knownlength"])
    table["output_position"] = words["outputorder"].where(words["outputorder"] > 0)
    table["correct"] = table["output_position"].notna().astype(float)
    return table


def madigan1971(path: Path) -> DataFrame:
    """Madigan (1971): 8 items, forward or backward, heard or seen; columns of fixed width.

    Lines that are not 12 characters long are left out, since nobody can say which character they lack. The eight codes
    say which item was given for each place, 0 none; backward, output begins with the last.
    """
    lines = [line for line in path.read_text(encoding="ascii").splitlines() if len(line) == 12]
    codes = np.array([[int(code) if code.isdigit() else 0 for code in line[4:]] for line in lines])
    lists = pd.DataFrame(
        {
            "subject": [int(line[:2]) for line in lines],
            "condition": [{"1": "auditory", "2": "visual"}[line[2]] for line in lines],
            "direction": [{"1": "forward", "2": "backward"}[line[3]] for line in lines],
        }
    )
    lists["list"] = lists.groupby("subject").cumcount() + 1
    table = _by_place(lists, codes)
    backward = table["direction"] == "backward"
    table["output_position"] = table["output_position"].where(~backward, 9 - table["output_position"])
    return table


def farrell_lewandowsky2004(path: Path) -> DataFrame:
    """Farrell and Lewandowsky (2004), experiment 2: 2,100 lists of 6, with latencies.

    Of the codes -9 is an omission, and -1, which the source does not explain, is taken as no item of the list.
    """
    raw = pd.read_csv(path, sep=r"\s+", header=None)
    lists = pd.DataFrame(
        {
            "subject": raw[0],
            "condition": raw[2].map({0: "none", 1: "interference"}),
            "list": raw[1],
        }
    )
    return _by_place(lists, raw.loc[:, 3:8].to_numpy(), raw.loc[:, 9:14].to_numpy() / 1000)


def _grenfell_essam_ward(words: DataFrame, group: pd.Series) -> DataFrame:
    subject = group.str.lower() + "-" + words["subj"].astype(str)
    place = [subject, *(words[column] for column in ("block", "list", "trialnumber"))]
    return pd.DataFrame(
        {
            "subject": subject,
            "condition": group.str.lower(),
            "list": words.groupby(place, sort=False).ngroup() + 1,
            "input_position": words["serpos"].astype(float),
            "item": words["word"],
            "list_length": words["length"],
        }
    )


def _by_place(lists: DataFrame, codes: np.ndarray, latency: np.ndarray | None = None) -> DataFrame:
    """Tidy rows of lists [list, …] whose `codes` [list, place] say which item was given for which place.

    The row of an item tells of the output at its own place, or else of its first one; what is left of the output are
    repeats (of items of the list) and responses that were not on the list (codes below 0).
    """
    number, length = codes.shape
    row, place = np.divmod(np.arange(number * length), length)
    code = codes.ravel()
    given = pd.DataFrame({"row": row, "code": code, "place": place + 1, "own": code == place + 1})
    if latency is not None:
        given["latency"] = latency.ravel()
    of_list = given[code > 0].sort_values(["row", "code", "own", "place"], ascending=[True, True, False, True])
    of_list["repeat"] = of_list.groupby(["row", "code"], sort=False).cumcount()
    studied = pd.DataFrame({"row": row, "code": place + 1})
    items = studied.merge(of_list, on=["row", "code"], how="left")
    items["repeat"] = items["repeat"].fillna(0).astype(int)
    items["correct"] = (items["own"].fillna(False).astype(bool)).astype(float).where(items["repeat"] == 0)
    items["input_position"] = items["code"].astype(float)
    others = given[(code < 0) & (code != -9)].assign(repeat=0)
    rows = pd.concat([items, others], ignore_index=True).sort_values(
        ["row", "input_position", "repeat", "place"], kind="stable"
    )
    told: DataFrame = lists.iloc[rows["row"].to_numpy()].reset_index(drop=True)
    told["input_position"] = rows["input_position"].to_numpy()
    told["output_position"] = rows["place"].to_numpy()
    told["repeat"] = rows["repeat"].to_numpy()
    told["correct"] = rows["correct"].to_numpy()
    if latency is not None:
        told["latency"] = rows["latency"].to_numpy()
    return told
