"""The data sets that come with engram: what they are, that they hold together, and how mistakes are told."""

import doctest
import hashlib
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import engram.data.behaviour
from engram.data.behaviour import MISSING, Dataset, OrdinalCheck, dataset, datasets
from engram.data.behaviour.data_set import table_bytes
from engram.data.behaviour.description import LARGEST_FILE, read_description
from engram.protocols import load

TABLES = Path(engram.data.behaviour.__path__[0]) / "tables"
NAMES = [
    "berres-erdfelder2021-sleep",
    "ebbinghaus1885-forgetting",
    "farrell-lewandowsky2004-serial",
    "grenfell-essam-ward2012-free",
    "grenfell-essam-ward2012-serial",
    "kahana-howard2005-spacing",
    "madigan1971-serial",
    "murre-dros2015-forgetting",
    "page2006-hebb",
    "pazdera-kahana2023-final12",
    "pazdera-kahana2023-free12",
    "riefer-batchelder1988-abac",
    "siefert2024-tmr",
]
WITHOUT_INTERVAL = {"berres-erdfelder2021-sleep", "riefer-batchelder1988-abac"}


def rows(table, where):
    for factor, value in where.items():
        table = table[table[factor].isin(value if isinstance(value, list) else [value])]
    assert len(table), where
    return table


def slope(table, over):
    curve = table.groupby(over)["mean"].mean()
    return np.polyfit(curve.index, curve, 1)[0]


def holds(check, table):
    """The order that a check speaks of, in the means: an independent reading of the six kinds."""
    arguments = check.arguments
    if check.kind == "greater":
        return rows(table, arguments["left"])["mean"].mean() > rows(table, arguments["right"])["mean"].mean()
    over = arguments["over"]
    if check.kind == "slope-greater":
        return slope(rows(table, arguments["left"]), over) > slope(rows(table, arguments["right"]), over)
    curve = rows(table, arguments["where"]).groupby(over)["mean"].mean()
    assert len(curve) > 2
    if check.kind in ("increasing", "decreasing"):
        rank = curve.reset_index().corr("spearman").iloc[0, 1]
        return rank > 0.8 if check.kind == "increasing" else rank < -0.8
    end = curve.iloc[0] if check.kind == "primacy" else curve.iloc[-1]
    return end > curve.iloc[1:-1].mean()


def test_names():
    assert list(datasets()) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_data_set_holds_together(name):
    data = dataset(name)
    assert data.name == name
    assert all([data.about, data.citation, data.source, data.licence, data.measure, data.protocols, data.ordinal])
    means = data.conditions[["mean", "low", "high"]]
    assert means.min().min() >= 0
    assert means.max().max() <= 1
    assert (data.conditions["se"].isna() == (name in WITHOUT_INTERVAL)).all()
    assert data.conditions["mean"].notna().all()
    assert data.chance < data.conditions["mean"].max()
    assert data.sha256 == hashlib.sha256((TABLES / f"{name}.csv").read_bytes()).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_people_show_what_models_are_asked_for(name):
    data = dataset(name)
    assert {check.name: holds(check, data.conditions) for check in data.ordinal} == {c.name: True for c in data.ordinal}
    assert len({check.name for check in data.ordinal}) == len(data.ordinal)


def test_abilities():
    """What a comparison would be vacuous without."""
    strict = {name for name in NAMES if dataset(name).scoring == "strict"}
    assert all("order" in dataset(name).needs for name in strict)
    assert {name for name in NAMES if "time" in dataset(name).needs} == {
        "ebbinghaus1885-forgetting",
        "murre-dros2015-forgetting",
    }
    assert dataset("riefer-batchelder1988-abac").needs == ("recall", "pairs")
    assert dataset("berres-erdfelder2021-sleep").needs == ("sleep",)


@pytest.mark.parametrize("name", NAMES)
def test_protocols_ask_for_what_the_data_set_needs(name):
    data = dataset(name)
    for protocol in data.protocols:
        assert set(data.needs) <= set(load(protocol).abilities())


def test_what_cannot_be_shown_is_said():
    assert "control" in dataset("riefer-batchelder1988-abac").cannot_show
    assert "awake" in dataset("siefert2024-tmr").cannot_show
    assert not set(MISSING) & set(NAMES)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("page2006-heb", 'no data set "page2006-heb".*Did you mean "page2006-hebb"'),
        ("", "no data set"),
        ("../page2006-hebb", r'no data set "\.\./page2006-hebb"'),
        ("musfeld2023-hebb", "is not shipped: the curves of its subjects are not at hand"),
    ],
)
def test_unknown_name(name, message):
    with pytest.raises(ValueError, match=message):
        dataset(name)


def test_pandas_is_imported_only_when_a_data_set_is():
    program = "import sys, engram.data.behaviour as b; b.__all__; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "False\n"


# A user's own description


def put(folder, description, table="position,mean,low,high,se,n\n1,0.9,0.8,1,0.05,12\n2,0.5,,,,\n"):
    path = folder / "ours.yaml"
    path.write_text(description)
    path.with_suffix(".csv").write_text(table)
    return path


MINIMAL = "measure: proportion correct\nscoring: strict\nfactors: [position]\n"
CHECK = MINIMAL + "ordinal:\n  - {{name: a, kind: {}}}\n"
FOLDED = ", ".join(["&a0 [1]", *(f"&a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10))])
TWO_CHECKS = CHECK.format("primacy, arguments: {over: position, where: {}}") + (
    "  - {name: a, kind: recency, arguments: {over: position, where: {}}}\n"
)


def test_own_description(tmp_path):
    check = "ordinal:\n  - {name: down, kind: decreasing, arguments: {over: position, where: {}}}\n"
    data = dataset(put(tmp_path, MINIMAL + check))
    assert (data.name, data.factors, data.output_order, data.doi) == ("ours", ("position",), "none", None)
    assert data.conditions["mean"].tolist() == [0.9, 0.5]
    assert data.ordinal == (OrdinalCheck("down", "", "decreasing", {"over": "position", "where": {}}),)


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("scoring: strict\nfactors: [position]\n", "measure is missing"),
        (MINIMAL + "licens: none\n", 'unknown field licens. Did you mean "licence"'),
        (MINIMAL.replace("strict", "stric"), "scoring: Input should be 'strict', 'item'"),
        (MINIMAL.replace("[position]", "[place]"), "the conditions must have the columns place, mean"),
        (MINIMAL.replace("[position]", "[]"), "factors"),
        (MINIMAL + "chance: none\n", "chance"),
        (MINIMAL + "ordinal: [{name: a, kind: rising, arguments: {}}]\n", 'kind "rising" is none of greater'),
        (MINIMAL + "ordinal: [{name: a, kind: greater, arguments: {left: {}}}]\n", "takes left, right; given: left"),
        (
            MINIMAL + "ordinal: [{name: a, kind: primacy, arguments: {over: place, where: {}}}]\n",
            "speaks of place; the factors are position",
        ),
        (MINIMAL + "chance: 1.5\n", "chance is 1.5; expected proportions from 0 to 1"),
        (MINIMAL + "chance: .nan\n", "chance is nan; expected proportions from 0 to 1"),
        (
            CHECK.format("greater, arguments: {left: 3, right: {position: 1}}"),
            r'"a": left is 3; expected values by factor',
        ),
        (CHECK.format("greater, arguments: {left: {1: 2}, right: {}}"), "left is {1: 2}; expected values by factor"),
        (CHECK.format("greater, arguments: {left: {position: {}}, right: {}}"), "expected values by factor"),
        (
            CHECK.format("primacy, arguments: {over: [position], where: {}}"),
            r"ours\.yaml: ordinal check \"a\": over is \['position'\]; expected the name of one factor",
        ),
        (
            CHECK.format("greater, arguments: {right: {}, left: {position: [" + FOLDED + "]}}"),
            "left is .{0,200} expected",
        ),
        (TWO_CHECKS, 'more than one ordinal check is called "a"'),
        ("- a list\n", "the file"),
        ("a: [unclosed\n", "is no YAML file"),
        ("about: " + "[" * 20_000, "nested too deeply"),
        ("a: !!python/object/apply:os.system ['true']\n", "is no YAML file"),
        ("", "the file"),
    ],
)
def test_wrong_description(tmp_path, description, message):
    with pytest.raises(ValueError, match=message):
        read_description(put(tmp_path, description))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("position,mean,low,high,se\n1,0.9,0.8,1,0.05\n", "missing column n"),
        ("position,mean,low,high,se,n\n1,high,0.8,1,0.05,3\n", "column mean holds something that is not a number"),
        ("position,mean,low,high,se,n\n1,,0.8,1,0.05,3\n", "a factor or a mean is empty"),
        ("position,mean,low,high,se,n\n,0.9,0.8,1,0.05,3\n", "a factor or a mean is empty"),
        ("position,mean,low,high,se,n\n1,0.9,,,,\n1,0.8,,,,\n", "more than once"),
        ("position,mean,low,high,se,n\n1,0.9,0.1,0.2,0.05,3\n", "lies outside of its own interval"),
        ("position,mean,low,high,se,n\n", "has no conditions"),
        ("", r"ours\.csv is no table: No columns"),
        ("position,mean,low,high,se,n\n1,0.9,0.8,1,0.05,3,7\n", r"ours\.csv: rows have 7 fields, the header 6"),
        ("position,mean,low,high,se,n\n1,90,80,100,5,10\n", "mean goes up to 90; expected proportions .*percentages"),
        ("position,mean,low,high,se,n\n1,0.9,0.8,95,0.05,10\n", "high goes up to 95; expected proportions"),
        ("position,mean,low,high,se,n\n1,0.1,-0.1,0.3,0.1,10\n", "low goes down to -0.1; expected proportions"),
        ("position,mean,low,high,se,n\n1,-0.1,,,,10\n", "mean goes down to -0.1; expected proportions from 0 to 1"),
        ("position,mean,low,high,se,n\n2,0.5,,,,\n1,inf,,,0.05,10\n", "mean is infinite in row 2"),
        ("position,mean,low,high,se,n\n1,0.5,-inf,,0.05,10\n", "low is infinite in row 1"),
        ("position,mean,low,high,se,n\n1,0.5,,,-0.05,10\n", "se goes down to -0.05; expected proportions"),
        ("position,mean,low,high,se,n\n1,0.5,,,5,10\n", "se goes up to 5; expected proportions"),
        ("position,mean,low,high,se,n\n1,0.5,,,,0\n", "n goes down to 0; expected 1 or more"),
        ("position,mean,low,high,se,n\n1,0.5,,,,-3\n", "n goes down to -3; expected 1 or more"),
        ("position,mean,low,high,se,n\n1,0.5,0.6,0.7,,\n", "lies outside of its own interval"),
        ("position,mean,low,high,se,n\n1,0.5,0.6,,,\n", "lies outside of its own interval"),
        ("position,mean\n1,2,3,4\n1,2,3,4,5\n", r"ours\.csv is no table"),
    ],
)
def test_wrong_conditions(tmp_path, table, message):
    with pytest.raises(ValueError, match=message):
        read_description(put(tmp_path, MINIMAL, table))


def test_measures_that_are_no_plain_proportions(tmp_path):
    table = "position,mean,low,high,se,n\n1,{0},,,,NA\n2,0.5,,,,12\n"
    effect = MINIMAL.replace("proportion correct", "effect size g")
    assert read_description(put(tmp_path, effect, table.format(-1.4))).conditions["mean"].tolist() == [-1.4, 0.5]
    savings = MINIMAL.replace("proportion correct", "savings")
    assert read_description(put(tmp_path, savings, table.format(-0.2))).conditions["n"].isna().tolist() == [True, False]
    with pytest.raises(ValueError, match=r"mean goes up to 58\.2; expected proportions up to 1 .percentages"):
        read_description(put(tmp_path, savings, table.format(58.2)))
    with pytest.raises(ValueError, match="mean is infinite in row 1"):
        read_description(put(tmp_path, effect, table.format("inf")))


def test_levels_that_look_like_missing_numbers(tmp_path):
    named = MINIMAL.replace("position", "condition")
    table = "condition,mean,low,high,se,n\nNone,0.5,,,NA,NA\nNA,0.75,,,NA,NA\n"
    assert read_description(put(tmp_path, named, table)).conditions["condition"].tolist() == ["None", "NA"]


def test_description_beside_a_table_of_subjects(tmp_path):
    """So the path of a file is enough to say how `correct` came about."""
    free = "measure: proportion recalled\nscoring: free\nfactors: [position]\nlicence: ours\n"
    table = "subject,input_position,group,correct\n1,1,a,1\n1,2,a,0.5\n2,1,b,0.5\n2,2,b,0\n"
    data = dataset(put(tmp_path, free, table))
    assert (data.name, data.scoring, data.factors, data.licence) == ("ours", "free", ("position",), "ours")
    assert data.conditions["mean"].tolist() == [0.75, 0.25]
    assert data.cannot_show == "The means are over all levels of group, which the factors leave out."
    with pytest.raises(ValueError, match=r"ours\.csv: correct goes up to 50"):
        dataset(put(tmp_path, free, "subject,input_position,correct\n1,1,50\n"))
    with pytest.raises(ValueError, match=r"ours\.yaml: ours: no column position for a factor"):
        dataset(put(tmp_path, free, "subject,correct\n1,0.5\n"))


def test_missing_and_unreadable_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml does not exist; a data set is name\.yaml with name\.csv"):
        dataset(tmp_path / "none.yaml")
    path = put(tmp_path, MINIMAL)
    path.with_suffix(".csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"ours\.csv does not exist"):
        dataset(path)
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a text file in UTF-8"):
        dataset(path)
    path.write_bytes(b"#" * (LARGEST_FILE + 1))
    with pytest.raises(ValueError, match="is larger than 4,000,000 bytes"):
        dataset(path)


def test_wrong_words():
    table = pd.DataFrame({"position": [1], "mean": 0.5, "low": 0.4, "high": 0.6, "se": 0.1, "n": 3.0})
    known = dict.fromkeys(("about", "citation", "doi", "source", "licence", "measure", "cannot_show"), "")
    rest = {"chance": 0.0, "needs": (), "protocols": (), "factors": ("position",), "conditions": table, "ordinal": ()}
    with pytest.raises(ValueError, match='scoring "serial" is none of strict'):
        Dataset(name="a", scoring="serial", output_order="free", **known, **rest)
    with pytest.raises(ValueError, match=r'output_order "foward" is none of .* Did you mean "forward"'):
        Dataset(name="a", scoring="strict", output_order="foward", **known, **rest)


def test_hash_is_of_content():
    table = pd.DataFrame({"position": [1, 2], "mean": [0.5, 0.25], "n": [3.0, np.nan]})
    assert table_bytes(table) == b"position,mean,n\n1,0.5,3.0\n2,0.25,\n"


# The page


PAGE = Path(__file__).parent.parent / "docs" / "behavioural-data.md"


def test_page_names_every_data_set_and_its_examples_run():
    text = PAGE.read_text(encoding="utf-8")
    rows_of_table = re.findall(r"^\| `([a-z0-9-]+)` \|(.*)\|$", text, re.M)
    assert sorted(name for name, _ in rows_of_table if "-" in name) == NAMES
    for name, row in rows_of_table:
        if name in NAMES:
            assert row.split(" | ")[2].strip() == dataset(name).scoring
    shown = "\n".join(re.findall(r"^```pycon\n(.*?)^```$", text, re.S | re.M))
    test = doctest.DocTestParser().get_doctest(shown, {}, PAGE.name, None, None)
    assert len(test.examples) > 10
    assert doctest.DocTestRunner().run(test).failed == 0


def test_description_of_the_page_is_one(tmp_path):
    (block,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.S | re.M)
    table = "activity,mean,low,high,se,n\nsleep,0.6,,,,\nwake,0.5,,,,\n"
    assert dataset(put(tmp_path, block, table)).needs == ("recall", "sleep")
