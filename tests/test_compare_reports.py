"""Comparisons of tables, and reports: numbers by hand, JSON, text, and a page that is whole and needs no network."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from engram.analysis.behaviour import compare_tables, plot_conditions
from engram.analysis.behaviour.conditions_figure import conditions_figure
from engram.data.behaviour import Dataset, OrdinalCheck

PEOPLE = pd.DataFrame(
    {
        "position": [1.0, 2.0, 3.0, 4.0],
        "mean": [0.8, 0.5, 0.4, 0.6],
        "low": [0.7, 0.4, 0.3, 0.5],
        "high": [0.9, 0.6, 0.5, 0.7],
        "se": [0.05] * 4,
        "n": [20.0] * 4,
    }
)
CHECKS = (
    OrdinalCheck("first is best", "The first item is recalled best.", "primacy", {"over": "position", "where": {}}),
    OrdinalCheck("last is better", "The last is better.", "recency", {"over": "position", "where": {}}),
    OrdinalCheck("a ninth", "", "greater", {"left": {"position": 9}, "right": {"position": 1}}),
)
DATA = Dataset(
    "ours", about="Four words <b>read</b> & recalled.", citation="Someone (2001)", doi="10.1000/x", source="table 1",
    licence="facts", measure="proportion correct", scoring="strict", output_order="forward", chance=0.25, needs=(),
    protocols=("serial-recall",), factors=("position",), conditions=PEOPLE, ordinal=CHECKS,
    cannot_show="what they thought",
)  # fmt: skip


def scores(means, subjects=6, spread=0.05, seed=0, **columns):
    rng = np.random.default_rng(seed)
    values = np.clip(np.array(means) + spread * rng.standard_normal((subjects, len(means))), 0, 1)
    return pd.DataFrame(
        [(s, p + 1, values[s, p]) for s in range(subjects) for p in range(len(means))],
        columns=["subject", "position", "score"],
    ).assign(**columns)


@pytest.fixture(scope="module")
def report():
    tables = [scores([0.8, 0.5, 0.45, 0.65], model="good"), scores([0.5, 0.5, 0.5, 0.3], seed=1, model="<poor>")]
    return compare_tables(pd.concat(tables), DATA)


def test_the_numbers_of_a_table():
    table = pd.DataFrame({"subject": [0] * 4 + [1] * 4, "position": [1, 2, 3, 4] * 2})
    found = compare_tables(table.assign(score=[0.9, 0.5, 0.6, 0.6, 0.7, 0.5, 0.4, 0.8]), DATA).json()
    assert found["rmsd"] == pytest.approx(np.sqrt((0 + 0 + 0.1**2 + 0.1**2) / 4))
    assert found["bias"] == pytest.approx(0.05)
    own = [0.1, 0, 0.1, 0.1]  # half the difference of two values is the standard error of their mean
    expected = np.sqrt(np.mean([2 * 0.05**2 + e**2 for e in own]))
    assert found["rmsd_over_replication"] == pytest.approx(found["rmsd"] / expected)
    assert found["within_ci"] == 1.0
    assert found["ordinal"]["first is best"]["statistic"] == pytest.approx(0.8 - 0.5)
    assert found["ordinal"]["first is best"]["human"] == pytest.approx(0.8 - 0.45)


def test_json_has_what_it_promises_and_no_nan(report):
    found = json.loads(json.dumps(report.json(), allow_nan=False))
    assert found["dataset"] == "ours"
    assert found["dataset_info"]["sha256"] == DATA.sha256
    assert (found["link"], found["model"], found["passed"]) == ("identity", "good", True)
    for key in ("rmsd", "bias", "rmsd_over_replication", "within_ci", "correlation"):
        assert found[key] == found["models"]["good"][key] != found["models"]["<poor>"][key]
    assert {name: check["passed"] for name, check in found["ordinal"].items()} == {
        "first is best": True,
        "last is better": True,
    }
    assert found["effect_size"]["first is best"]["low"] < found["effect_size"]["first is best"]["value"]
    assert found["not_applicable"] == {"a ninth": "no condition with position 9"}
    assert set(found["baselines"]) == {"flat", "<poor>"}
    assert found["baselines"]["flat"]["rmsd"] == pytest.approx(np.std([0.8, 0.5, 0.4, 0.6]))
    assert found["models"]["<poor>"]["passed"] is False
    assert [row["human"] for row in found["models"]["good"]["conditions"]] == [0.8, 0.5, 0.4, 0.6]


def test_the_text_says_what_passed_and_what_did_not(report):
    text = report.text()
    assert "good: shows 2 of 2 effects; as close to people as another sample would be" in text
    assert "<poor>: shows 0 of 2 effects (not: first is best, last is better)" in text
    assert "not applicable: a ninth (no condition with position 9)" in text
    assert "What these data cannot show: what they thought" in text
    for word in ("RMSD", "÷ replication", "flat mean", "doi:10.1000/x", DATA.sha256[:16], "identity"):
        assert word in text


class Outline(HTMLParser):
    """Elements of a page, all of which must be closed."""

    EMPTY = frozenset({"meta", "img", "br", "link"})

    def __init__(self, page):
        super().__init__()
        self.open, self.found, self.declared = [], [], []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_decl(self, decl):
        self.declared.append(decl)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def test_the_page_is_whole_accessible_and_needs_nothing_else(report):
    page = report.html()
    outline = Outline(page)
    assert outline.declared == ["DOCTYPE html"]
    assert outline.all("html") == [{"lang": "en"}]
    assert len(outline.all("title")) == len(outline.all("h1")) == len(outline.all("main")) == 1
    assert len(outline.all("img")) == 2
    for image in outline.all("img"):
        assert image["src"].startswith("data:image/svg+xml;base64,")
        assert len(image["alt"]) > 40
    assert all(head.get("scope") in ("row", "col") for head in outline.all("th"))
    assert len(outline.all("caption")) == len(outline.all("table"))
    for tag in ("script", "link", "iframe", "object"):
        assert outline.all(tag) == []
    assert not re.search(r"url\(|@import|https?://", page)
    assert len(page.encode()) < 3_000_000


def test_names_and_texts_from_outside_stay_texts(report):
    page = report.html()
    assert "<poor>" not in page
    assert "&lt;poor&gt;" in page
    assert "<b>read</b>" not in page
    assert "&lt;b&gt;read&lt;/b&gt; &amp; recalled." in page


def test_the_same_report_gives_the_same_page(report):
    assert report.html() == report.html()


def test_every_condition_is_drawn_for_people_and_models(report):
    axes = plot_conditions(report)
    lines = {line.get_label(): line for line in axes.get_lines()}
    np.testing.assert_allclose(lines["people"].get_ydata(), [0.8, 0.5, 0.4, 0.6])
    assert {container.get_label() for container in axes.containers} == {"good", "<poor>"}
    assert axes.get_xlabel() == "position"
    with pytest.raises(ValueError, match="leaves 0 conditions"):
        plot_conditions(report, of={"position": 7})


def test_a_panel_for_each_list(report):
    lengths = pd.concat([PEOPLE.assign(length=length) for length in (4.0, 5.0)])
    data = replace(DATA, factors=("length", "position"), ordinal=(),
                   conditions=lengths[["length", *PEOPLE.columns]].reset_index(drop=True))  # fmt: skip
    table = pd.concat([scores([0.8, 0.5, 0.4, 0.6]).assign(length=length) for length in (4, 5)])
    both = compare_tables(table, data)
    with pytest.raises(ValueError, match="expected one level of each of length"):
        plot_conditions(both)
    assert len(plot_conditions(both, of={"length": 5.0}).get_lines()[0].get_xdata()) == 4
    titles = [axes.get_title() for axes in conditions_figure(both).axes]
    assert titles == ["length 4", "length 5"]


def test_a_link_is_fitted_on_some_conditions_and_tested_on_the_others():
    steep = scores([0.95, 0.5, 0.3, 0.7], subjects=40, spread=0.02)
    found = compare_tables(steep, DATA, link="logistic", fit_on={"position": [1, 3]}).json()
    assert found["link"] == "logistic"
    assert found["link_fit"]["b"] > 0
    assert [row["fitted"] for row in found["models"]["model"]["conditions"]] == [True, False, True, False]
    fitted = found["models"]["model"]["link_fit"]["on_fitted"]
    assert fitted["rmsd"] == pytest.approx(0, abs=1e-3)  # two parameters for two conditions
    held_out = [row for row in found["models"]["model"]["conditions"] if not row["fitted"]]
    assert found["rmsd"] == pytest.approx(np.sqrt(np.mean([(row["model"] - row["human"]) ** 2 for row in held_out])))
    trials = [p * (1 - p) / 0.05**2 for p in (0.8, 0.4)]
    assert found["trials"] == pytest.approx(sum(trials))
    assert found["bic"] == pytest.approx(2 * np.log(sum(trials)) - 2 * found["log_likelihood"])
    assert found["held_out"] < 0


def test_every_second_condition_is_the_fold_by_default():
    found = compare_tables(scores([0.9, 0.5, 0.3, 0.7]), DATA, link="logistic")
    assert found.models["model"].points["fitted"].tolist() == [True, False, True, False]
    assert "every second condition" in found.text()


def test_checks_are_of_the_model_itself_whatever_the_link():
    table = scores([0.9, 0.5, 0.3, 0.7])
    plain, linked = (compare_tables(table, DATA, link=link).json()["ordinal"] for link in ("identity", "logistic"))
    assert plain == linked


def test_savings_have_no_likelihood():
    found = compare_tables(scores([0.8, 0.5, 0.4, 0.6]), replace(DATA, measure="savings")).json()
    assert found["log_likelihood"] is None
    assert found["rmsd_over_replication"] > 0


def test_effect_sizes_are_compared_as_such():
    activity = pd.DataFrame({"activity": ["sleep", "wake"], "mean": [0.44, 0.0]})
    activity = activity.assign(low=float("nan"), high=float("nan"), se=float("nan"), n=float("nan"))
    check = OrdinalCheck("sleep", "", "greater", {"left": {"activity": "sleep"}, "right": {"activity": "wake"}})
    data = replace(DATA, measure="effect size g", factors=("activity",), conditions=activity, ordinal=(check,))
    rng = np.random.default_rng(4)
    wake = rng.normal(0.5, 0.1, 400)
    table = pd.DataFrame({"subject": list(range(400)) * 2, "activity": ["sleep"] * 400 + ["wake"] * 400})
    found = compare_tables(table.assign(score=[*(wake + 0.05), *wake]), data)  # half a standard deviation
    points = found.models["model"].points.set_index("activity")
    assert points.loc["sleep", "model"] == pytest.approx(0.05 / wake.std(ddof=1), rel=0.01)
    assert points.loc["wake", "model"] == 0
    assert found.json()["rmsd"] == pytest.approx(points.loc["sleep", "model"] - 0.44)
    assert found.json()["baselines"]["flat"]["rmsd"] == pytest.approx(0.44)
    with pytest.raises(ValueError, match="effect sizes"):
        compare_tables(table.assign(score=0.5), data, link="logistic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="position"), "no column 'position'"),
        (lambda t: t.assign(score=t["score"] * 100), "expected proportions from 0 to 1"),
        (lambda t: pd.concat([t, t]), "several scores in one condition"),
        (lambda t: t[t["subject"] == 0], "one subject"),
        (lambda t: t.assign(subject=t["subject"].where(t["subject"] > 0)), "no subject"),
        (lambda t: t[t["position"] < 3], r"lacks conditions of \"ours\": position 3, 4.*position=1,2"),
        (lambda t: t.assign(position=t["position"] + 10), "hold none of the conditions"),
        (lambda t: t.assign(score=t["score"].where(t["position"] != 2)), "without any score"),
    ],
)
def test_tables_that_cannot_be_compared_are_refused_in_words(change, message):
    with pytest.raises(ValueError, match=message):
        compare_tables(change(scores([0.8, 0.5, 0.4, 0.6])), DATA)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"link": "logit"}, 'Did you mean "logistic"'),
        ({"fit_on": {"position": 1}}, "identity has nothing to fit"),
        ({"link": "logistic", "fit_on": {"position": 1}}, "fitted on 1 of 4 conditions"),
        ({"link": "logistic", "fit_on": {"position": [1, 2, 3, 4]}}, "fitted on 4 of 4"),
        ({"stand_in": "human"}, "expected model or people"),
        ({"where": {"position": 9}}, "no condition with position 9"),
        ({"where": {"positoin": 1}}, 'Did you mean "position"'),
    ],
)
def test_choices_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        compare_tables(scores([0.8, 0.5, 0.4, 0.6]), DATA, **options)


def test_a_factor_is_not_named_like_a_column_of_the_comparison():
    data = replace(DATA, factors=("fitted",), ordinal=(), conditions=PEOPLE.rename(columns={"position": "fitted"}))
    with pytest.raises(ValueError, match="has a factor 'fitted'"):
        compare_tables(scores([0.8, 0.5, 0.4, 0.6]).rename(columns={"position": "fitted"}), data)


def test_people_in_the_place_of_a_model_bring_their_own_error():
    table = scores([0.8, 0.5, 0.4, 0.6], subjects=20, spread=0.2)
    model, people = (compare_tables(table, DATA, stand_in=who).json() for who in ("model", "people"))
    own = model["own_error"]
    assert people["replication"] == pytest.approx(np.sqrt(0.05**2 + own**2))
    assert model["replication"] == pytest.approx(np.sqrt(2 * 0.05**2 + own**2))


def test_a_link_without_slope_is_told():
    report = compare_tables(scores([0.2, 0.8, 0.3, 0.9]), DATA, "logistic", fit_on={"position": [1, 2]})
    assert report.models["model"].link.b == pytest.approx(0)
    assert "the link has no slope" in report.text()
    assert "the link has no slope" in report.html()
