"""What recall tests asked for and what came out, one row each, in the columns that analyses of recall read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..wording import one_of
from .checked_file import CheckedFile, following_growth, open_checked
from .contents import ModelContents, read_stream, read_table, subject_path
from .timeline_columns import checked_steps, decoded_texts, read_phases, read_steps

Ints = NDArray[np.int64]
Columns = dict[str, NDArray]

_COLUMNS = (
    "phase",
    "list",
    "trial",
    "output_position",
    "input_position",
    "expected",
    "response",
    "error_type",
    "latency",
)


class RecallTables(NamedTuple):
    """What came out at the recall tests of a model, and what they asked for; see `Recording.recalls` and `studied`."""

    recalls: pd.DataFrame
    studied: pd.DataFrame


@following_growth
def recall_tables(path: Path, model: ModelContents, name: str) -> RecallTables:
    """Both tables of a model, whose streams are read once."""
    recalls: list[Columns] = []
    studied: list[Columns] = []
    with open_checked(path) as file:
        phases = read_phases(file)
        for subject in range(model.subjects):
            rows = _recalls(file, model, name, subject, len(phases["index"]))
            tests = _Tests.of(file, model, name, subject, phases, rows)
            recalls.append(_came_out(rows, tests, subject, phases))
            studied.append(_asked_for(tests, subject, phases))
    return RecallTables(_joined(recalls), _joined(studied))


def _came_out(rows: Columns, tests: _Tests, subject: int, phases: Columns) -> Columns:
    row = np.searchsorted(tests.trial, rows["trial"])
    slot = rows["response"]
    from_list = slot >= 0
    return {
        "subject": np.full(len(row), subject),
        "phase": rows["phase"],
        "trial": rows["trial"],
        "list": rows["list"],
        "output_position": rows["output_position"],
        "input_position": rows["input_position"],
        "expected": _from_one(rows["expected"]),
        "response": _from_one(slot),
        "error_type": rows["error_type"],
        "latency": rows["latency"].astype(np.float64),
        "list_trial": np.where(from_list, tests.list_trial[row, slot], -1),
        "list_position": np.where(from_list, tests.list_position[row, slot], 0),
        **tests.told(row, phases),
    }


def _asked_for(tests: _Tests, subject: int, phases: Columns) -> Columns:
    row, slot = np.nonzero(tests.position)
    order = np.lexsort((tests.position[row, slot], row))
    row, slot = row[order], slot[order]
    return {
        "subject": np.full(len(row), subject),
        "phase": tests.studied_in[row, slot],
        "trial": tests.trial[row],
        "list": phases["list"][tests.phase[row]],
        "input_position": tests.position[row, slot],
        "item": slot + 1,
        "list_trial": tests.list_trial[row, slot],
        "list_position": tests.list_position[row, slot],
        **tests.told(row, phases),
    }


@dataclass(frozen=True)
class _Tests:
    """The recall tests of one subject that are written."""

    trial: Ints  # [test]
    phase: Ints  # [test]
    position: Ints  # [test, slot] from 1 among what was asked for; 0 where it was not
    studied_in: Ints  # [test, slot] step of the last presentation until then; -1 without one
    list_trial: Ints  # [test, slot] first test that asked since that presentation; -1 without one
    list_position: Ints  # [test, slot] position there
    delay: NDArray[np.float64]  # [test]

    @classmethod
    def of(
        cls,
        file: CheckedFile,
        model: ModelContents,
        name: str,
        subject: int,
        phases: Columns,
        rows: Columns,
    ) -> _Tests:
        place = subject_path(name, subject)
        trial, first = np.unique(rows["trial"], return_index=True)
        phase = rows["phase"][first]
        if (rows["phase"] != phase[np.searchsorted(trial, rows["trial"])]).any() or (np.diff(phase) <= 0).any():
            raise file.refuse(f"{place}/recalls has tests in another order than the timeline; it is damaged")
        probes = read_steps(file, model, name, subject, "probes/phase", phases)
        if not np.isin(phase, probes).all():
            raise file.refuse(f"{place}/recalls names steps that are no probes; it is damaged")
        asked = ~np.isnan(read_table(file, model, name, subject, "probes/performance"))[np.searchsorted(probes, phase)]
        shown = read_steps(file, model, name, subject, "presentations/phase", phases)
        item = read_table(file, model, name, subject, "presentations/item").astype(np.int64)
        if item.size and not (item.min() >= 0 and item.max() < model.slots):
            raise file.refuse(f"{place}/presentations names items that the model does not have")
        last = _last_presentations(phase, shown, item, model.slots)
        position = _positions(asked, last)
        list_trial, list_position = _first_asked(trial, asked, last, position)
        studied_in = np.where(last >= 0, shown[last], -1) if len(shown) else np.full(last.shape, -1)
        return cls(
            trial=trial,
            phase=phase,
            position=position,
            studied_in=studied_in,
            list_trial=list_trial,
            list_position=list_position,
            delay=_delays(phases, phase, np.where(asked, studied_in, -1).max(axis=1, initial=-1)),
        )

    def told(self, row: Ints, phases: Columns) -> Columns:
        """What is said of the test of each row."""
        step = self.phase[row]
        return {
            "list_length": (self.position > 0).sum(axis=1)[row],
            "repetition": phases["repetition"][step],
            "label": phases["label"][step],
            "delay": self.delay[row],
            "lesion": phases["lesion"][step],
        }


def _last_presentations(phase: Ints, shown: Ints, item: Ints, slots: int) -> Ints:
    """Number of the last presentation of each slot before each test, [test, slot]; -1 without one."""
    last = np.full((len(phase) + 1, slots), -1)
    np.maximum.at(last, (np.searchsorted(phase, shown), item), np.arange(len(item)))
    last = np.maximum.accumulate(last, axis=0)
    return last[: len(phase)]


def _positions(asked: NDArray[np.bool_], last: Ints) -> Ints:
    """Place of each slot among those asked for, by last presentation; those that never were come last."""
    largest = np.iinfo(np.int64).max
    order = np.argsort(np.where(asked, np.where(last < 0, largest - 1, last), largest), axis=1, kind="stable")
    position = np.empty_like(order)
    np.put_along_axis(position, order, np.broadcast_to(np.arange(1, asked.shape[1] + 1), order.shape), axis=1)
    return np.where(asked, position, 0)


def _first_asked(trial: Ints, asked: NDArray[np.bool_], last: Ints, position: Ints) -> tuple[Ints, Ints]:
    """For each test and slot, the first test that asked for it since its last presentation, and its position there."""
    list_trial, list_position = np.full(last.shape, -1), np.zeros(last.shape, dtype=np.int64)
    for k in range(len(trial)):
        if k:
            same = last[k] == last[k - 1]
            list_trial[k, same] = list_trial[k - 1, same]
            list_position[k, same] = list_position[k - 1, same]
        new = asked[k] & (list_position[k] == 0)
        list_trial[k, new] = trial[k]
        list_position[k, new] = position[k, new]
    return list_trial, list_position


def _delays(phases: Columns, test: Ints, study: Ints) -> NDArray[np.float64]:
    """Seconds of rest and sleep between two steps; NaN where nothing was studied."""
    idle = np.isin(phases["kind"], ("rest", "sleep"))
    passed = np.cumsum(np.where(idle, phases["stop"] - phases["start"], 0.0))
    if not len(passed):
        return np.zeros(len(test))
    return np.where(study >= 0, passed[test] - passed[study], np.nan)


def _recalls(file: CheckedFile, model: ModelContents, name: str, subject: int, steps: int) -> Columns:
    """Rows of the stream, checked."""
    place = f"{subject_path(name, subject)}/recalls"
    columns: dict[str, Any] = read_stream(file, model, name, subject, "recalls")
    if missing := [column for column in _COLUMNS if column not in columns]:
        raise file.refuse(f"{place} has no column {one_of(missing)}; it was not written by engram")
    columns["phase"] = checked_steps(file, place, columns["phase"], steps)
    for column in ("list", "error_type"):
        columns[column] = decoded_texts(file, place, columns[column])
    limits = {"trial": (0, steps), "output_position": (1, 2**31), "input_position": (0, model.slots + 1)}
    limits |= {"expected": (-1, model.slots), "response": (-2, model.slots)}
    for column, (least, end) in limits.items():
        values = columns[column] = columns[column].astype(np.int64)
        if values.size and not (values.min() >= least and values.max() < end):
            raise file.refuse(f"{place}/{column} goes from {values.min()} to {values.max()}; it is damaged")
    return columns


def _from_one(slots: Ints) -> Ints:
    """Items are counted from 1; what is no item keeps its negative number."""
    return np.where(slots >= 0, slots + 1, slots)


def _joined(parts: list[Columns]) -> pd.DataFrame:
    return pd.DataFrame({column: np.concatenate([part[column] for part in parts]) for column in parts[0]})
