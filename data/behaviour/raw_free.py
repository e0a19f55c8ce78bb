"""Raw files of free recall experiments, read into the tidy table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame

LAGS = {0: "massed", 1: "long", 2: "short"}


def pazdera_kahana2023(path: Path) -> DataFrame:
    """Pazdera and Kahana (2023): one row for each word of 37,712 lists, recalled at once and at the end.

    ``correct`` is recall of the list, ``final_correct`` recall in the final test; both as the source scored them.
    ``condition`` is the experiment (1, 2A, 2V); ``output_position`` is the place at which the word came out first,
    where the order of output names it.
    """
    text = ["experiment", "recalled_by_serialpos", "final_recalled_by_serialpos", "recall_order_serialpos"]
    lists = pd.read_csv(path, dtype=dict.fromkeys(text, str), keep_default_na=False)
    length = lists["list_len"].to_numpy()
    row = np.repeat(np.arange(len(lists)), length)
    position = np.arange(len(row)) - np.repeat(np.cumsum(length) - length, length) + 1
    columns = lists.iloc[row].reset_index(drop=True)
    return pd.DataFrame(
        {
            "subject": columns["subject"],
            "condition": columns["experiment"],
            "list": columns["trial"],
            "input_position": position.astype(float),
            "output_position": _first_outputs(lists["recall_order_serialpos"], row, position),
            "correct": _digits(lists["recalled_by_serialpos"]),
            "final_correct": _digits(lists["final_recalled_by_serialpos"]),
            "list_length": columns["list_len"],
            "modality": columns["modality"].map({"v": "visual", "a": "auditory"}),
            "rate": columns["pres_rate_ms"] / 1000,
        }
    )


def kahana_howard2005(path: Path) -> DataFrame:
    """Kahana and Howard (2005): one row for each of the 30 words of a list, which was shown three times.

    ``condition`` is ``massed``, ``short`` or ``long``; ``input_position`` is the place of the first presentation among
    the list's 90, ``lag`` the mean distance of successive presentations.
    """
    shown = pd.read_csv(path)
    key = ["subject", "list", "item"]
    shown = shown.sort_values([*key, "input"])
    words = shown.groupby(key, sort=False)
    table = words.agg(
        condition=("condition", "first"),
        input_position=("input", "min"),
        last=("input", "max"),
        output_position=("output", "first"),
        correct=("recall", "max"),
        presentations=("input", "size"),
    ).reset_index()
    table["condition"] = table["condition"].map(LAGS)
    table["correct"] = table["correct"].astype(float)
    table["input_position"] = table["input_position"].astype(float)
    table["lag"] = (table.pop("last") - table["input_position"]) / (table["presentations"] - 1)
    return table


def _digits(texts: pd.Series) -> np.ndarray:
    return (np.frombuffer("".join(texts).encode("ascii"), dtype=np.uint8) - ord("0")).astype(float)


def _first_outputs(orders: pd.Series, row: np.ndarray, position: np.ndarray) -> np.ndarray:
    words = [order.split() for order in orders]
    count = np.array([len(order) for order in words])
    of_list = np.repeat(np.arange(len(orders)), count)
    place = np.arange(len(of_list)) - np.repeat(np.cumsum(count) - count, count) + 1
    code = np.array([word for order in words for word in order], dtype=int)
    width = int(position.max()) + 1
    first = np.full(len(orders) * width, np.nan)
    inside = (code > 0) & (code < width)
    # Written from the last output to the first, so that the first stays.
    first[(of_list * width + code)[inside][::-1]] = place[inside][::-1]
    return np.asarray(first[row * width + position])
