"""Recalls and what was studied, as a recording tells of them: by hand, through a whole run, and of damaged files."""

import json
from typing import ClassVar, Literal

import h5py
import numpy as np
import pytest

import engram as eg
from engram.data.recording import ModelLayout, RecordingWriter, StreamLayout, SubjectLayout, open_recording
from engram.models import registry
from engram.models.base import Model
from engram.protocols import ItemSpec, Protocol, each, probe, repeat, rest, sleep, unroll, wake
from engram.protocols.recall_tests import RecallTests
from engram.sim import Progress, Session, Simulator, simulator
from engram.sim.recalls import RECALLS, recalled

STREAM = "models/parrot/subjects/0/recalls"


class Parrot(Model):
    kind: Literal["parrot"] = "parrot"
    backend: ClassVar[str] = "parrot"
    abilities: ClassVar[frozenset[str]] = frozenset({"recall", "order", "pairs", "time", "learning-recall"})


class ParrotSession(Session):
    """Says back what it heard, but for one item in five."""

    def __init__(self, model, subjects, settings):
        super().__init__(model, subjects, settings)
        self.tests = RecallTests(subjects.timeline, subjects.presentations)
        self.rows = []

    def wake(self, step):
        count = int(self.subjects.timeline.presentations_per_step[step.index])
        for k in range(count):
            yield Progress("heard", k + 1, count, k)

    def rest(self, step):
        return iter(())

    def probe(self, step, asked):
        test = self.tests.at(step)
        outputs = np.where((np.arange(test.length) + step.index) % 5 == 0, -1, test.items)
        if test.targets is not None:
            outputs = np.where(np.arange(test.length) % 5 == 0, -1, test.targets)
        if test.scoring == "free":
            outputs = np.take_along_axis(outputs, np.argsort(outputs == -1, axis=1, kind="stable"), axis=1)
        counts = self.settings.record.responses != "none"
        responses, rows = recalled(step, test, outputs, self.subjects.slots, counts=counts)
        self.rows += rows
        return responses

    def drain(self):
        rows, self.rows = self.rows, []
        return rows

    def state(self):
        return {}

    def load_state(self, state):
        pass


class ParrotSimulator(Simulator):
    streams = (RECALLS,)

    def session(self, subjects):
        return ParrotSession(self.model, subjects, self.settings)


@pytest.fixture
def run(tmp_path, monkeypatch):
    for module, name in [(simulator, "_registered"), (registry, "_kinds")]:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    simulator.register_backend("parrot", ParrotSimulator)
    return lambda protocol, subjects=2: eg.run(
        protocol, models={"parrot": Parrot()}, subjects=subjects, seed=3, out=tmp_path / "run.h5"
    )


def by_hand(path, schedule, outputs, count=4, lists=None, subjects=1, streams=(RECALLS,)):
    """A recording of subjects who gave these outputs, step by step."""
    protocol = Protocol(name="x", items=ItemSpec(count=count, lists=lists), schedule=schedule)
    timeline = unroll(protocol)
    presentations = [timeline.presentations(seed) for seed in range(subjects)]
    columns = [{name: getattr(p, name) for name in ("phase", "order", "item", "label", "wrong")} for p in presentations]
    names = [f"word-{slot}" for slot in range(count)]
    model = ModelLayout(
        spec=json.dumps({}),
        item_set="{}",
        chance=0.0,
        measure="proportion recalled",
        subjects=[SubjectLayout(seed="", items=names, presentations=rows) for rows in columns],
        slots=count,
        streams=streams,
    )
    writer = RecordingWriter.create(
        path,
        name="x",
        protocol=protocol.to_yaml(),
        seed=0,
        timeline=timeline.table(),
        probe_steps=timeline.probe_steps,
        models={"parrot": model},
        settings={},
    )
    with writer:
        tests = RecallTests(timeline, presentations)
        for step, given in outputs.items():
            row = timeline.probe_steps.index(step)
            responses, rows = recalled(timeline.steps[step], tests.at(step), np.array([given] * subjects), count)
            writer.write_probe("parrot", range(subjects), row, responses.performance, responses.counts)
            for place, stream, values in rows:
                writer.append("parrot", place, stream, values)
    return open_recording(path)


def free(of):
    return probe(of, kind="recall", scoring="free")


def test_rows_by_hand(tmp_path):
    schedule = [
        repeat(2, [wake([2, 0]), rest("1 h"), probe([0, 2], kind="recall", scoring="strict")], label="turn"),
        wake([1, 3]),
        free([1, 3]),
        rest("30 min"),
        sleep("8 h"),
        free("all"),
    ]
    run = by_hand(tmp_path / "run.h5", schedule, {2: [2, -1], 5: [0, 3], 7: [3, 2], 10: [3, 0, -2]})
    told = run.recalls("parrot")
    assert told.drop(columns=["latency", "lesion", "list", "subject"]).to_dict("list") == {
        "phase": [2, 2, 5, 5, 7, 7, 10, 10, 10],
        "trial": [0, 0, 1, 1, 2, 2, 3, 3, 3],
        "output_position": [1, 2, 1, 2, 1, 2, 1, 2, 3],
        "input_position": [1, 0, 2, 0, 2, 0, 4, 2, 0],
        "expected": [3, 1, 3, 1, -1, -1, -1, -1, -1],
        "response": [3, -1, 1, 4, 4, 3, 4, 1, -2],
        "error_type": [
            *("correct", "omission"),
            *("transposition", "extra-list"),
            *("correct", "intrusion"),
            *("correct", "correct", "extra-list"),
        ],
        # Where it comes from: item 4 was first asked for in test 2, item 3 in its second turn in test 1.
        "list_trial": [0, -1, 1, -1, 2, 1, 2, 1, -1],
        "list_position": [1, 0, 2, 0, 2, 1, 2, 2, 0],
        "list_length": [2, 2, 2, 2, 2, 2, 4, 4, 4],
        "repetition": [1, 1, 2, 2, 0, 0, 0, 0, 0],
        "label": ["turn"] * 4 + [""] * 5,
        "delay": [3600.0] * 4 + [0.0] * 2 + [30600.0] * 3,
    }
    assert told["latency"].isna().all()
    assert set(told["lesion"]) == {"none"}
    studied = run.studied("parrot")
    assert studied.drop(columns=["lesion", "list", "subject", "label", "repetition"]).to_dict("list") == {
        "phase": [0, 0, 3, 3, 6, 6, 3, 3, 6, 6],
        "trial": [0, 0, 1, 1, 2, 2, 3, 3, 3, 3],
        "input_position": [1, 2, 1, 2, 1, 2, 1, 2, 3, 4],
        "item": [3, 1, 3, 1, 2, 4, 3, 1, 2, 4],
        "list_trial": [0, 0, 1, 1, 2, 2, 1, 1, 2, 2],
        "list_position": [1, 2, 1, 2, 1, 2, 1, 2, 1, 2],
        "list_length": [2] * 6 + [4] * 4,
        "delay": [3600.0] * 4 + [0.0] * 2 + [30600.0] * 4,
    }
    assert run.measure("parrot") == "proportion recalled"


def test_items_never_presented_have_no_step(tmp_path):
    run = by_hand(tmp_path / "run.h5", [wake([1]), probe("all", kind="recall")], {1: [1, -1, -1, -1]})
    studied = run.studied("parrot")
    assert studied["item"].tolist() == [2, 1, 3, 4]
    assert studied["phase"].tolist() == [0, -1, -1, -1]
    assert studied["delay"].tolist() == [0.0] * 4


def test_only_what_is_written_is_told(tmp_path):
    schedule = [wake("all"), free("all"), wake([0]), free([0]), free("all")]
    run = by_hand(tmp_path / "run.h5", schedule, {1: [3, 2, -1], 3: [-1, -1]}, subjects=2)
    assert run.recalls("parrot")["trial"].tolist() == [0, 0, 1] * 2
    assert run.recalls("parrot")["subject"].tolist() == [0] * 3 + [1] * 3
    assert run.studied("parrot").groupby(["subject", "trial"]).size().tolist() == [4, 1] * 2
    empty = by_hand(tmp_path / "empty.h5", schedule, {})
    assert len(empty.recalls("parrot")) == len(empty.studied("parrot")) == 0
    assert list(empty.recalls("parrot").columns) == list(run.recalls("parrot").columns)


def test_a_model_without_recall_says_so(tmp_path):
    run = by_hand(tmp_path / "run.h5", [wake("all"), probe("all")], {}, streams=())
    with pytest.raises(ValueError, match=r"holds no recalls of parrot: models that recall lists do"):
        run.recalls("parrot")
    with pytest.raises(ValueError, match=r'no model "parot".* Did you mean "parrot"'):
        run.studied("parot")


def test_a_thousand_subjects_do_not_take_a_block_of_the_largest_size_each():
    assert RECALLS.block == 512
    assert RECALLS.block * RECALLS.row_bytes <= 2**16


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [
        ("phase", 9, "recalls/phase names steps that the timeline does not have"),
        ("phase", 0, "recalls names steps that are no probes|recalls has tests in another order"),
        ("response", 4, "recalls/response goes from .* to 4; it is damaged"),
        ("response", -3, "recalls/response goes from -3"),
        ("expected", -2, "recalls/expected goes from -2"),
        ("input_position", -1, "recalls/input_position goes from -1"),
        ("output_position", 0, "recalls/output_position goes from 0"),
        ("trial", -1, "recalls/trial goes from -1"),
        ("error_type", b"\xff", "recalls is damaged: it is not UTF-8"),
    ],
)
def test_damaged_rows_are_refused(tmp_path, column, value, told):
    path = tmp_path / "run.h5"
    run = by_hand(path, [wake("all"), free("all")], {1: [3, 2, -1]})
    with h5py.File(path, "r+") as file:
        file[f"{STREAM}/{column}"][0] = value
    for read in (run.recalls, run.studied):
        with pytest.raises(ValueError, match=told):
            read("parrot")


def test_a_stream_of_that_name_with_other_columns_is_refused(tmp_path):
    other = StreamLayout(name="recalls", columns={"phase": "<i4", "trial": "<i4"})
    run = by_hand(tmp_path / "run.h5", [wake("all"), free("all")], {}, streams=(other,))
    with pytest.raises(ValueError, match=r"recalls has no column list, .* or latency; it was not written by engram"):
        run.recalls("parrot")


PROTOCOLS = ["serial-recall", "free-recall-12", "forgetting", "spacing", "ab-ac", "ab-dc", "hebb-and-fillers"]


@pytest.mark.parametrize("name", PROTOCOLS)
def test_whole_runs_agree_with_performance(run, name):
    recording = run(name)
    told, studied = recording.recalls("parrot"), recording.studied("parrot")
    performance = recording.performance().sel(model="parrot")
    asked = studied.groupby(["subject", "trial"])["item"].apply(set)
    correct = told[told["error_type"] == "correct"].groupby(["subject", "trial"])["response"].apply(set)
    for (subject, trial), items in asked.items():
        row = performance.isel(subject=subject, probe=trial)
        assert set(np.flatnonzero(row.notnull()) + 1) == items
        assert set(np.flatnonzero(row == 1) + 1) == correct[subject, trial]
    assert set(told["error_type"]) <= {"correct", "omission"}
    assert (studied["input_position"] <= studied["list_length"]).all()
    first = studied[studied["list_trial"] == studied["trial"]]
    assert (first["input_position"] == first["list_position"]).all()
    assert recording.status == "complete"


def test_final_free_recall_tells_the_place_in_the_first_list(run):
    studied = run("free-recall-12").studied("parrot")
    final = studied[studied["label"] == "final"]
    assert set(final["trial"]) == {16}
    assert final["list_length"].tolist() == [192] * 192 * 2
    assert final["list_position"].tolist() == [*range(1, 13)] * 16 * 2
    assert final["list_trial"].tolist() == np.repeat(np.arange(16), 12).tolist() * 2


def test_conditions_of_the_library_are_in_labels_and_delays(run):
    assert set(run("spacing").studied("parrot")["label"]) == {"spacing=massed", "spacing=short", "spacing=long"}


def test_delays_of_ebbinghaus(run):
    studied = run("forgetting").studied("parrot")
    hours = studied.groupby("trial")["delay"].first() / 3600
    np.testing.assert_allclose(hours, [1 / 3, 1, 8.8, 24, 48, 144, 744])


def test_lists_of_every_length_are_fresh(run):
    studied = run("serial-recall", subjects=1).studied("parrot")
    assert studied["item"].is_unique
    assert len(studied) == 268
    lengths = studied.groupby("trial")["list_length"].first()
    assert lengths.value_counts().to_dict() == dict.fromkeys([4, 5, 6, 7, 8, 10, 12, 15], 4)
    assert (studied["list"] == "length-" + studied["list_length"].astype(str)).all()


def test_each_list_has_its_order_in_the_recording(run):
    protocol = Protocol(
        name="x",
        items=ItemSpec(count=6, lists={"A": {"size": 6}, "P": {"permutes": "A"}}),
        schedule=[each("list", [wake("current"), probe("current", kind="recall", scoring="strict")], of=["P", "P"])],
    )
    recording = run(protocol, subjects=3)
    shown = recording.presentations()
    studied = recording.studied("parrot")
    for (subject, trial), rows in studied.groupby(["subject", "trial"]):
        order = shown[(shown["subject"] == subject) & (shown["phase"] == 2 * trial)]["item"]
        assert rows["item"].tolist() == order.tolist()
