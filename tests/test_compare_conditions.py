"""Recordings in the conditions of experiments: recall tests laid out by hand."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.analysis.behaviour import condition_table
from engram.data.behaviour import Dataset


def data_set(factors, rows, scoring="strict", **more):
    table = pd.DataFrame(rows, columns=[*factors, "mean"]).assign(low=float("nan"), high=float("nan"), se=0.1, n=20.0)
    told = {"measure": "proportion correct", "output_order": "forward", "protocols": ("fitting-protocol",), **more}
    return Dataset(
        "ours", about="", citation="", doi=None, source="", licence="", scoring=scoring, chance=0.0, needs=(),
        factors=tuple(factors), conditions=table, ordinal=(), cannot_show="", **told,
    )  # fmt: skip


@dataclass
class Lists:
    """A recording of recall tests: each list is one test of one subject."""

    protocol_name: str = "own-protocol"
    rows: list = field(default_factory=list)
    statuses: tuple = ("complete", "complete")

    def test(self, subject, outputs, length, *, serial=True, list_="list", label="", repetition=0, delay=0.0, **more):
        """What came out, as positions of the list; None is an omission."""
        trial = sum(row["subject"] == subject for row in self.rows)
        self.rows.append(
            {"subject": subject, "trial": trial, "list_trial": trial, "outputs": outputs, "list_length": length,
             "serial": serial, "list": list_, "label": label, "repetition": repetition, "delay": delay,
             "lesion": "none", **more}
        )  # fmt: skip
        return self

    @property
    def models(self):
        return {"mine": SimpleNamespace(abilities=("recall", "order"), statuses=self.statuses)}

    def recalls(self, model):
        rows = []
        for test in self.rows:
            for place, position in enumerate(test["outputs"], start=1):
                expected = place if test["serial"] else -1
                response = -1 if position is None else position
                came = {"output_position": place, "expected": expected, "response": response}
                rows.append({**self.told(test), **came, "input_position": position or 0})
        return pd.DataFrame(rows)

    def recall_tables(self, model):
        return self.recalls(model), self.studied(model)

    def studied(self, model):
        return pd.DataFrame(
            {**self.told(test), "input_position": position, "list_position": position, "item": position}
            for test in self.rows
            for position in range(1, test["list_length"] + 1)
        )

    @staticmethod
    def told(test):
        return {key: value for key, value in test.items() if key not in ("outputs", "serial")}


def table_of(recording, data, **options):
    found = condition_table(recording, data, "mine", **options)
    assert list(found.columns) == ["subject", *data.factors, "score"]
    return {tuple(row[:-1]): row[-1] for row in found.itertuples(index=False)}


POSITIONS = data_set(["position"], [(1, 0.9), (2, 0.5), (3, 0.6)])


def test_strict_scoring_asks_for_the_place_and_item_scoring_for_the_item():
    recording = Lists().test(0, [1, 3, 2], 3).test(0, [1, None, 3], 3).test(1, [2, None, None], 3)
    assert table_of(recording, POSITIONS) == {
        (0, 1): 1.0, (0, 2): 0.0, (0, 3): 0.5, (1, 1): 0.0, (1, 2): 0.0, (1, 3): 0.0,
    }  # fmt: skip
    anywhere = data_set(["position"], [(1, 0.9), (2, 0.5), (3, 0.6)], scoring="item")
    assert table_of(recording, anywhere) == {
        (0, 1): 1.0, (0, 2): 0.5, (0, 3): 1.0, (1, 1): 0.0, (1, 2): 1.0, (1, 3): 0.0,
    }  # fmt: skip


def test_free_recall_counts_what_came_out_and_a_list_of_which_nothing_did():
    free = data_set(["position"], [(1, 0.9), (2, 0.5), (3, 0.6)], scoring="free")
    recording = Lists().test(0, [3, 1], 3, serial=False).test(0, [None], 3, serial=False)
    assert table_of(recording, free) == {(0, 1): 0.5, (0, 2): 0.0, (0, 3): 0.5}


def test_fillers_and_the_repeated_list_by_repetition():
    hebb = data_set(["list_type", "repetition"], [(t, r, 0.5) for t in ("repeated", "filler") for r in (1, 2)])
    recording = Lists()
    for cycle, repeated in ((1, [None, 2]), (2, [1, 2])):
        recording.test(0, [2, 1], 2, list_="filler", label="cycle", repetition=cycle)
        recording.test(0, [1, 2], 2, list_="filler", label="cycle", repetition=cycle)
        recording.test(0, repeated, 2, list_="hebb", label="cycle", repetition=cycle)
    assert table_of(recording, hebb) == {
        (0, "repeated", 1): 0.5, (0, "repeated", 2): 1.0, (0, "filler", 1): 0.5, (0, "filler", 2): 0.5,
    }  # fmt: skip


def test_delays_match_the_nearest_level():
    forgetting = data_set(["delay_hours"], [(0.33, 0.6), (1, 0.4), (24, 0.3)])
    recording = (
        Lists().test(0, [1], 1, delay=1200.0).test(0, [None], 1, delay=3600.0).test(0, [1], 1, delay=12 * 3600.0)
    )
    assert table_of(recording, forgetting) == {(0, 0.33): 1.0, (0, 1.0): 0.0}  # 12 h is none of them


def test_labels_that_say_a_factor_are_read():
    spacing = data_set(["spacing"], [("massed", 0.3), ("long", 0.4)], scoring="free")
    recording = Lists().test(0, [1], 2, serial=False, label="spacing=massed")
    recording.test(0, [1, 2], 2, serial=False, label="spacing=long")
    assert table_of(recording, spacing) == {(0, "long"): 1.0, (0, "massed"): 0.5}


def test_numbers_in_labels_are_numbers():
    pairs = data_set(["presentations"], [(1, 0.5), (2, 0.7)], scoring="cued")
    recording = Lists().test(0, [1, None], 2, label="presentations=1").test(0, [1, 2], 2, label="presentations=2")
    assert table_of(recording, pairs) == {(0, 1.0): 0.5, (0, 2.0): 1.0}


def test_first_tests_belong_to_positions_and_later_ones_to_positions_in_the_list():
    recording = Lists().test(0, [1, 2], 2, serial=False)
    recording.test(0, [2], 2, serial=False, list_trial=0, label="final")
    first = data_set(["position"], [(1, 0.5), (2, 0.5)], scoring="free")
    final = data_set(["list_position"], [(1, 0.5), (2, 0.5)], scoring="free")
    assert table_of(recording, first) == {(0, 1): 1.0, (0, 2): 1.0}
    assert table_of(recording, final) == {(0, 1): 0.0, (0, 2): 1.0}


def test_lists_of_other_lengths_are_no_part_of_an_experiment_without_lengths():
    recording = Lists().test(0, [1, 2, 3], 3).test(0, [None, 2, 3, 4], 4)
    assert table_of(recording, POSITIONS) == {(0, 1): 1.0, (0, 2): 1.0, (0, 3): 1.0}
    chosen = table_of(recording, POSITIONS, where={"length": 4})
    assert chosen == {(0, 1): 0.0, (0, 2): 1.0, (0, 3): 1.0}


def test_lengths_and_positions_of_an_experiment_with_both():
    lengths = data_set(["length", "position"], [(n, p, 0.5) for n in (2, 3) for p in range(1, n + 1)])
    recording = Lists().test(0, [1, None], 2).test(0, [None, 2, 3], 3)
    assert table_of(recording, lengths) == {(0, 2, 1): 1, (0, 2, 2): 0, (0, 3, 1): 0, (0, 3, 2): 1, (0, 3, 3): 1}
    assert set(table_of(recording, lengths, where={"length": "2"})) == {(0, 2, 1), (0, 2, 2)}


def test_a_factor_that_no_recording_has_is_chosen():
    modality = data_set(["modality", "position"], [(m, p, 0.5) for m in ("auditory", "visual") for p in (1, 2)])
    recording = Lists().test(0, [1, None], 2)
    with pytest.raises(ValueError, match=r'does not vary "modality".*auditory, visual.*modality=auditory'):
        condition_table(recording, modality, "mine")
    found = table_of(recording, modality, where={"modality": "visual"})
    assert found == {(0, "visual", 1): 1.0, (0, "visual", 2): 0.0}


def test_what_the_recording_varies_beside_the_experiment_is_chosen():
    recording = Lists().test(0, [1, 2, 3], 3, label="design=ab-ac").test(0, [None, None, 3], 3, label="design=ab-dc")
    with pytest.raises(ValueError, match=r'varies "design" \(ab-ac, ab-dc\)'):
        condition_table(recording, POSITIONS, "mine")
    assert table_of(recording, POSITIONS, where={"design": "ab-dc"}) == {(0, 1): 0, (0, 2): 0, (0, 3): 1}


def test_lesioned_tests_and_failed_subjects_are_left_out():
    recording = Lists(statuses=("complete", "failed"))
    recording.test(0, [1, 2, 3], 3).test(0, [None] * 3, 3, lesion="hippocampus").test(1, [None] * 3, 3)
    assert table_of(recording, POSITIONS) == {(0, 1): 1.0, (0, 2): 1.0, (0, 3): 1.0}


@pytest.mark.parametrize(
    ("serial", "scoring", "message"),
    [(False, "strict", "are of free recall; expected tests of serial"), (True, "free", "are of serial or cued recall")],
)
def test_another_kind_of_recall_is_refused_with_the_protocol_that_fits(serial, scoring, message):
    recording = Lists().test(0, [1, 2, 3], 3, serial=serial)
    data = data_set(["position"], [(1, 0.9), (2, 0.5), (3, 0.6)], scoring=scoring)
    with pytest.raises(ValueError, match=f"{message}.*protocols that fit it: fitting-protocol"):
        condition_table(recording, data, "mine")


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"positoin": 1}, 'Did you mean "position"'),
        ({"position": 9}, "it has 1, 2 or 3"),
        ({"length": 5}, "no test that the data set"),
    ],
)
def test_a_choice_of_what_is_not_there_is_refused(where, message):
    with pytest.raises(ValueError, match=message):
        condition_table(Lists().test(0, [1, 2, 3], 3), POSITIONS, "mine", where=where)


def test_another_model_is_refused():
    with pytest.raises(ValueError, match='no model "main"; it has mine'):
        condition_table(Lists().test(0, [1, 2, 3], 3), POSITIONS, "main")


@dataclass
class Probes:
    """A recording of a model that does not recall: performance of two items before and after a night."""

    performances: tuple
    protocol_name: str = "own-protocol"
    labels: tuple = ("",) * 4
    models = {"mine": SimpleNamespace(abilities=("sleep", "time"), statuses=("complete",))}  # noqa: RUF012

    def performance(self):
        lesions = ["none", "hippocampus", "none", "hippocampus"]
        along = {
            "phase": [1, 2, 4, 5],
            "label": list(self.labels),
            "repetition": [0] * 4,
            "list": ["all"] * 4,
            "lesion": lesions,
        }
        return xr.DataArray(
            np.array(self.performances, dtype=np.float32)[None, None],
            dims=("model", "subject", "probe", "item"),
            coords={"model": ["mine"], "subject": [0], "item": [1, 2]} | {k: ("probe", v) for k, v in along.items()},
        )

    def subjects(self):
        return pd.DataFrame({"model": ["mine"], "subject": [0], "status": ["complete"]})

    def presentations(self):
        return pd.DataFrame({"subject": 0, "phase": 0, "order": [0, 1], "item": [2, 1]})

    def phases(self):
        kinds = ["wake", "probe", "probe", "sleep", "probe", "probe"]
        stops = [2.0, 2.0, 2.0, 2.0 + 8 * 3600, 2.0 + 8 * 3600, 2.0 + 8 * 3600]
        return pd.DataFrame({"index": range(6), "kind": kinds, "start": [0.0, *stops[:-1]], "stop": stops})


NIGHT = Probes(((0.9, 0.7), (0.1, 0.1), (0.8, 0.5), (0.2, 0.2)))


def test_performance_is_read_at_its_delay_without_the_lesioned_probes():
    forgetting = data_set(["delay_hours"], [(0.0, 0.9), (8.0, 0.5)], scoring="savings", measure="savings")
    assert table_of(NIGHT, forgetting) == {(0, 0.0): pytest.approx(0.8), (0, 8.0): pytest.approx(0.65)}
    lesioned = table_of(NIGHT, forgetting, where={"lesion": "hippocampus"})
    assert lesioned == {(0, 0.0): pytest.approx(0.1), (0, 8.0): pytest.approx(0.2)}


def test_performance_by_position_is_that_of_the_last_probe_in_the_order_of_presentation():
    positions = data_set(["position"], [(1, 0.9), (2, 0.5)], scoring="recognition")
    assert table_of(NIGHT, positions) == {(0, 1): pytest.approx(0.5), (0, 2): pytest.approx(0.8)}


def test_the_last_probe_counts_where_nothing_tells_tests_apart():
    activity = data_set(["activity"], [("sleep", 0.4), ("wake", 0.0)], scoring="free", measure="effect size g")
    found = table_of(NIGHT, activity, where={"activity": "sleep"})
    assert found == {(0, "sleep"): pytest.approx(0.65)}


def test_tests_that_labels_tell_apart_all_count():
    activity = data_set(["activity"], [("sleep", 0.4), ("wake", 0.0)], scoring="free", measure="effect size g")
    labelled = replace(NIGHT, labels=("activity=wake",) * 2 + ("activity=sleep",) * 2)
    assert table_of(labelled, activity) == {(0, "wake"): pytest.approx(0.8), (0, "sleep"): pytest.approx(0.65)}


def test_a_run_without_any_probe_yet_is_told_so():
    nothing = Probes(((np.nan,) * 2,) * 4)
    with pytest.raises(ValueError, match="no probe of the model"):
        condition_table(nothing, data_set(["position"], [(1, 0.9)], scoring="recognition"), "mine")
