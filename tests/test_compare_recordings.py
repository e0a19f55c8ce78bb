"""Whole comparisons: recordings of models that recall and of one that does not, in Python and on the command line."""

import json
import time

import pytest

import engram as eg
from engram.analysis import compare
from engram.data.behaviour import dataset
from engram.models.ordered.presets import positional, positional_stable, primacy, simple
from engram.sim import register_backend
from engram.sim.ordered.simulator import OrderedSimulator

register_backend("ordered", OrderedSimulator)

SHORT_HEBB = """
name: short-hebb
items:
  set: patterns
  count: 4
  lists: {hebb: {size: 4}, filler: {permutes: hebb}}
schedule:
  - repeat: 16
    label: cycle
    phases:
      - each: list
        of: [filler, hebb]
        phases:
          - wake: current
          - probe: {of: current, kind: recall, scoring: strict}
needs: [order]
"""

DELAYS = """
name: delays
items: {set: patterns, count: 3}
schedule:
  - wake: all
  - rest: 1 h
  - probe: {of: all, kind: recall, scoring: strict}
  - rest: 23 h
  - probe: {of: all, kind: recall, scoring: strict}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compared")


@pytest.fixture(scope="module")
def hebb(folder):
    protocol = folder / "short_hebb.yaml"
    protocol.write_text(SHORT_HEBB)
    return eg.run(
        str(protocol), models={"positional": positional(), "primacy": primacy()}, subjects=8, seed=3,
        out=folder / "hebb.h5",
    )  # fmt: skip


@pytest.fixture(scope="module")
def serial(folder):
    models = {"simple": simple(), "positional": positional()}
    return eg.run("serial-recall", models=models, subjects=4, seed=5, out=folder / "serial.h5")


def test_a_recording_of_recall_is_scored_as_people_were(hebb):
    report = compare(hebb, "page2006-hebb", seed=1)
    found = report.json()
    assert list(found["models"]) == ["positional", "primacy"]
    assert found["recording"]["seed"] == 3
    assert found["recording"]["protocol"] == "short-hebb"
    assert found["recording"]["versions"]["engram"] == eg.__version__
    assert found["dataset_info"]["sha256"] == dataset("page2006-hebb").sha256
    assert len(found["models"]["positional"]["conditions"]) == 32
    assert found["models"]["positional"]["subjects"]["compared"] == 8
    assert sum(found["onset"]["counts"].values()) == 8
    assert any("none of those that reproduce" in note for note in found["notes"])
    # an independent way to the same numbers: performance of the strict probes
    performance = hebb.performance("positional").sel(model="positional")
    of_list = performance.isel(probe=[i for i, name in enumerate(performance["list"].values) if name == "hebb"])
    means = of_list.mean("item").mean("subject").values
    scored = [row["score"] for row in found["models"]["positional"]["conditions"] if row["list_type"] == "repeated"]
    assert scored == pytest.approx(list(means), abs=1e-6)


def test_the_declared_protocol_may_leave_conditions_out_and_says_so(serial):
    report = compare(serial, "grenfell-essam-ward2012-serial", models="positional")
    assert len(report.models["positional"].points) == 67
    assert "67 of 73 conditions of the data set; serial-recall leaves out length 1, 2, 3" in report.text()
    assert set(report.models) == {"positional"}


def test_positions_of_one_list_length_are_those_of_such_lists(serial):
    whole = compare(serial, "grenfell-essam-ward2012-serial", models="positional").models["positional"].points
    eight = compare(serial, "madigan1971-serial", models="positional", where={"modality": "visual"})
    expected = whole[whole["length"] == 8]["score"].tolist()
    assert eight.models["positional"].points["score"].tolist() == pytest.approx(expected)


def test_savings_need_a_link_and_get_one(serial, hebb):
    with pytest.raises(ValueError, match=r"scored by .*savings.*link logistic"):
        compare(hebb, "ebbinghaus1885-forgetting")


def test_a_data_set_that_does_not_fit_names_the_protocol_that_would(serial):
    with pytest.raises(ValueError, match=r'does not vary "list_type".*protocols that fit it: hebb-and-fillers'):
        compare(serial, "page2006-hebb")


@pytest.fixture(scope="module")
def delays(folder):
    protocol = folder / "delays.yaml"
    protocol.write_text(DELAYS)
    return eg.run(
        str(protocol), models={"positional": positional(), "stable": positional_stable()}, subjects=3, seed=1,
        out=folder / "delays.h5",
    )  # fmt: skip


def test_conditions_that_the_recording_lacks_are_named(delays):
    with pytest.raises(
        ValueError,
        match=r"delays lacks conditions of .*delay_hours 0.33, 8.8, 48.*delay_hours=1,24.*fit it: forgetting",
    ):
        compare(delays, "ebbinghaus1885-forgetting", link="logistic")


def test_a_model_without_the_ability_is_refused_or_left_out(folder, hebb):
    protocol = folder / "recognised.yaml"
    protocol.write_text(
        "name: recognised\nitems: {count: 3, train: 12, test: 6}\nschedule: [{wake: all}, {probe: all}]\n"
    )
    recording = eg.run(str(protocol), models={"plain": "conventional"}, subjects=2, out=folder / "recognised.h5")
    with pytest.raises(ValueError, match=r'"plain" lacks the abilities recall, order'):
        compare(recording, "page2006-hebb")
    with pytest.raises(ValueError, match=r'"plain" lacks the ability time'):
        compare(recording, "ebbinghaus1885-forgetting", link="logistic")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dataset": "page2006-heb"}, 'Did you mean "page2006-hebb"'),
        ({"models": "positonal"}, 'Did you mean "positional"'),
        ({"recording": {"sleep": "a.h5"}}, "has the factors list_type, repetition"),
    ],
)
def test_names_that_are_not_there_are_refused(hebb, options, message):
    given = {"recording": hebb, "dataset": "page2006-hebb", **options}
    with pytest.raises(ValueError, match=message):
        compare(**given)


def test_a_level_that_is_none_is_refused(hebb):
    with pytest.raises(ValueError, match='"nap" is no activity'):
        compare({"nap": hebb.path}, "berres-erdfelder2021-sleep")


def test_the_command_prints_and_writes_the_report(engram, hebb, folder):
    page = folder / "reports" / "hebb.html"
    printed = engram("compare", hebb.path, "page2006-hebb", "--models", "primacy", "--html", page)
    assert printed.exit_code == 0
    assert "primacy: shows" in printed.output
    assert f"report: {page}" in printed.output
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in page.parent.iterdir()] == ["hebb.html"]
    again = engram("compare", hebb.path, "page2006-hebb", "--html", page)
    assert again.exit_code == 2
    assert "--overwrite" in again.output


def test_the_command_prints_json(engram, hebb):
    printed = engram("compare", hebb.path, "page2006-hebb", "--json", "--where", "repetition=1,2,3,4", "--seed", "2")
    found = json.loads(printed.output)
    assert found == compare(hebb, "page2006-hebb", where={"repetition": [1, 2, 3, 4]}, seed=2).json() | {
        "where": {"repetition": ["1", "2", "3", "4"]}
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--where", "length"], "expected FACTOR=LEVEL"),
        (["--where", "repetition=1", "--where", "repetition=2"], "names repetition twice"),
        (["--html", "report.pdf"], "does not end in .html"),
        (["--link", "logistic", "--fit-on", "list_type=fill"], 'Did you mean "filler"'),
    ],
)
def test_mistakes_on_the_command_line_are_told(engram, hebb, arguments, message):
    told = engram("compare", hebb.path, "page2006-hebb", *arguments)
    assert told.exit_code == 2
    assert message in told.output


def test_a_recording_for_each_level(engram, folder, hebb):
    told = engram("compare", f"sleep={hebb.path},wake={folder / 'none.h5'}", "berres-erdfelder2021-sleep")
    assert told.exit_code == 2
    assert "none.h5" in told.output


@pytest.mark.slow
def test_a_hundred_subjects_are_compared_in_less_than_five_seconds(folder):
    recording = eg.run("serial-recall", models={"positional": positional()}, subjects=100, out=folder / "hundred.h5")
    compare(recording, "farrell-lewandowsky2004-serial", where={"condition": "none"})  # what is imported once
    start = time.process_time()  # other processes may keep this one waiting
    report = compare(recording, "grenfell-essam-ward2012-serial")
    report.text(), report.json(), report.html()
    assert time.process_time() - start < 5


def test_the_choice_of_conditions_stands_in_the_report(hebb):
    report = compare(hebb, "page2006-hebb", models="positional", where={"repetition": [1, 2]})
    assert "where repetition 1, 2: 4 of the data set's 32 conditions" in report.notes
    assert "note: where repetition 1, 2: 4 of the data set's 32 conditions" in report.text()


@pytest.mark.parametrize(
    "choice", [{"where": {"repetition": [1, 99]}}, {"link": "logistic", "fit_on": {"repetition": [1, 99]}}]
)
def test_a_level_that_is_not_there_is_refused_beside_those_that_are(hebb, choice):
    with pytest.raises(ValueError, match=r"no condition (with|has) repetition 99"):
        compare(hebb, "page2006-hebb", models="positional", **choice)
