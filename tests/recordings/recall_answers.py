"""A stand-in for a recording of models that recall, from answers written down by hand."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from engram.data.recording.recall_tables import RecallTables

ITEMS = 6
_OF_TEST = ["subject", "trial", "list", "label", "repetition", "lesion", "list_length", "delay"]
_RECALLS = [*_OF_TEST, "phase", "output_position", "input_position", "expected", "response", "error_type"]
_STUDIED = [*_OF_TEST, "phase", "input_position", "item", "list_trial", "list_position"]


@dataclass
class Asked:
    """One test of one subject: items in the order of the list, and what came out (0: nothing)."""

    subject: int
    items: list
    outputs: list
    phase: int = 1
    kind: str = "strict"
    list: str = "all"
    label: str = ""
    repetition: int = 0
    lesion: str = "none"
    first_trial: int | None = None  # the test of the same list before it
    targets: tuple = ()


class HandMade:
    """What `metrics` asks of a recording, from tests by model; other models have performance .5 everywhere."""

    protocol_name, seed, status = "by-hand", 7, "complete"

    def __init__(self, tests, failed=(), others=()):
        self.tests, self.failed = tests, failed
        self.models = {name: SimpleNamespace() for name in [*tests, *others]}
        self.subject_count = 1 + max((t.subject for own in tests.values() for t in own), default=0)
        self.steps = sorted({(t.phase, t.lesion, t.label) for own in tests.values() for t in own}) or [(1, "none", "")]

    def streams(self, model):
        return ("recalls",) if model in self.tests else ()

    def measure(self, model):
        return "proportion recalled" if model in self.tests else "share correct"

    def _tables(self, model):
        trials, recalls, studied, scores = {}, [], [], []
        for test in self.tests[model]:
            trial = trials[test.subject] = trials.get(test.subject, -1) + 1
            of_test = {
                "subject": test.subject, "trial": trial, "list": test.list, "label": test.label,
                "repetition": test.repetition, "lesion": test.lesion, "list_length": len(test.items), "delay": 0.0,
            }  # fmt: skip
            asked = test.targets or test.items
            came = []
            for place, item in enumerate(test.outputs):
                own = test.kind != "free" and item == asked[place]
                kind = (
                    "omission" if not item
                    else "repetition" if item in came and not own
                    else "intrusion" if item not in test.items
                    else "correct" if own or test.kind == "free"
                    else "transposition"
                )  # fmt: skip
                came.append(item)
                recalls.append(
                    of_test | {
                        "phase": test.phase, "output_position": place + 1, "error_type": kind,
                        "input_position": test.items.index(item) + 1 if item in test.items else 0,
                        "expected": -1 if test.kind == "free" else asked[place], "response": item or -1,
                    }
                )  # fmt: skip
            first = trial if test.first_trial is None else test.first_trial
            for place, item in enumerate(test.items):
                right = (
                    item in test.outputs if test.kind in ("free", "item") else test.outputs[asked.index(item)] == item
                )
                scores.append((test.subject, test.phase, item, float(right)))
                studied.append(
                    of_test | {"phase": 0, "input_position": place + 1, "item": item, "list_trial": first,
                               "list_position": place + 1}
                )  # fmt: skip
        return pd.DataFrame(recalls, columns=_RECALLS), pd.DataFrame(studied, columns=_STUDIED), scores

    def recalls(self, model):
        return self._tables(model)[0]

    def recall_tables(self, model):
        return RecallTables(self.recalls(model), self.studied(model))

    def studied(self, model):
        return self._tables(model)[1]

    def performance(self):
        phases = [phase for phase, _, _ in self.steps]
        values = np.full((len(self.models), self.subject_count, len(phases), ITEMS), np.nan)
        for row, model in enumerate(self.models):
            if model not in self.tests:
                values[row] = 0.5
                continue
            for subject, phase, item, right in self._tables(model)[2]:
                values[row, subject, phases.index(phase), item - 1] = right
        return xr.DataArray(
            values,
            dims=("model", "subject", "probe", "item"),
            coords={
                "model": list(self.models), "subject": range(self.subject_count), "item": range(1, ITEMS + 1),
                "phase": ("probe", phases), "lesion": ("probe", [lesion for _, lesion, _ in self.steps]),
                "label": ("probe", [label for _, _, label in self.steps]), "repetition": ("probe", [0] * len(phases)),
                "list": ("probe", [""] * len(phases)),
            },
        )  # fmt: skip

    def responses(self):
        raise ValueError("not recorded")

    def learning_curves(self):
        raise ValueError("not recorded")

    def phases(self):
        kinds = ["wake"] * (1 + max(phase for phase, _, _ in self.steps))
        return pd.DataFrame({"index": range(len(kinds)), "kind": kinds, "label": "", "list": "all"})

    def presentations(self):
        return pd.DataFrame(
            [(k, 0, i, i + 1) for k in range(self.subject_count) for i in range(ITEMS)],
            columns=["subject", "phase", "order", "item"],
        )

    def subjects(self):
        rows = [(name, k) for name in self.models for k in range(self.subject_count)]
        table = pd.DataFrame(rows, columns=["model", "subject"])
        return table.assign(status=["failed" if pair in self.failed else "complete" for pair in rows], message="")


def hebb(subject):
    """Four cycles: the repeated list gains one item in each, the fillers stay at two of four."""
    tests = []
    for cycle, order in enumerate([[4, 1, 3, 2], [2, 3, 1, 4], [1, 4, 2, 3], [3, 2, 4, 1]], start=1):
        filler = [*order[:2], 0, 0]
        repeated = [*[1, 2, 3, 4][:cycle], *[0] * (4 - cycle)]
        tests.append(Asked(subject, order, filler, phase=2 * cycle, list="filler", repetition=cycle))
        tests.append(Asked(subject, [1, 2, 3, 4], repeated, phase=2 * cycle + 1, list="hebb", repetition=cycle))
    return tests
