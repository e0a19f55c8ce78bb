import sys

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from engram.analysis import recall_regression

pytest.importorskip("statsmodels")


def simulated(rng, subjects=60, items=40, slope=0.8, spread=0.7):
    x = np.tile(np.arange(items) % 2, subjects)
    subject = np.repeat(np.arange(subjects), items)
    chance = expit(-0.3 + slope * x + rng.normal(0, spread, subjects)[subject])
    return pd.DataFrame({"subject": subject, "x": x, "correct": (rng.random(len(x)) < chance).astype(int)})


def test_an_intercept_alone_by_hand():
    rng = np.random.default_rng(1)
    table = simulated(rng, slope=0)
    row = recall_regression(table, []).iloc[0]
    p = table["correct"].mean()
    # subjects of equal size: the robust error is that of the sums within subjects
    sums = (table["correct"] - p).groupby(table["subject"]).sum()
    se = np.sqrt((sums**2).sum()) / (len(table) * p * (1 - p))
    np.testing.assert_allclose(row[["estimate", "se"]].astype(float), [logit(p), se], rtol=1e-5)
    np.testing.assert_allclose(
        [row["low"], row["high"]], [logit(p) - 1.959964 * se, logit(p) + 1.959964 * se], rtol=1e-5
    )


def test_words_and_interactions_give_the_odds_of_a_table():
    cells = {("filler", 0): 0.5, ("filler", 1): 0.25, ("repeated", 0): 0.5, ("repeated", 1): 0.75}
    rows = [
        (subject, kind, late, int(n < 4 * chance))
        for subject in range(6) for (kind, late), chance in cells.items() for n in range(4)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["subject", "list_type", "late", "correct"]).sample(frac=1, random_state=1)
    found = recall_regression(table, ["list_type", "late", "list_type:late"]).set_index("term")["estimate"]
    assert list(found.index) == ["intercept", "list_type[repeated]", "late", "list_type[repeated]:late"]
    # log odds of the cells: 0, -ln 3, 0, ln 3
    np.testing.assert_allclose(found, [0, 0, -np.log(3), 2 * np.log(3)], atol=1e-6)
    other = pd.Categorical(table["list_type"], ["repeated", "filler"])
    found = recall_regression(table.assign(list_type=other), ["list_type"])
    assert found["term"].to_list() == ["intercept", "list_type[filler]"]


def test_intervals_hold_the_population_average():
    rng = np.random.default_rng(2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(31)
    averages = [(weights * expit(-0.3 + 0.8 * x + 0.7 * nodes)).sum() / weights.sum() for x in (0, 1)]
    true = logit(averages[1]) - logit(averages[0])  # what the population's odds are, subjects differing by .7
    tables = [recall_regression(simulated(rng, items=10), ["x"]).iloc[1] for _ in range(150)]
    held = np.mean([row["low"] <= true <= row["high"] for row in tables])
    assert 0.87 < held <= 1  # 95 % within some four standard errors of a share of 150
    assert abs(np.mean([row["estimate"] for row in tables]) - true) < 0.06


def test_one_subject_under_two_models_is_one_cluster():
    table = simulated(np.random.default_rng(3), items=10)
    twice = pd.concat([table.assign(model="a"), table.assign(model="b")])
    row, doubled = recall_regression(table, ["x"]), recall_regression(twice, ["x"])
    np.testing.assert_allclose(doubled["se"], row["se"], rtol=1e-2)  # copies of the same subjects tell nothing new


@pytest.mark.parametrize(
    ("change", "terms", "message"),
    [
        ({"correct": 0.5}, ["x"], "correct holds values other than 0 and 1"),
        ({"correct": 1}, ["x"], "correct is 1 in every row"),
        ({"subject": 0}, ["x"], "scored holds one subject"),
        ({}, ["y"], "scored has no column 'y'"),
        ({"z": 2}, ["x", "z"], "the terms x or z determine each other"),
        ({"z": "a"}, ["z"], 'z is "a" in every row'),
        ({"z": np.nan}, ["z"], "z is missing in some rows"),
    ],
)
def test_regressions_that_cannot_be_are_refused_in_words(change, terms, message):
    table = simulated(np.random.default_rng(4), subjects=4, items=6).assign(**change)
    with pytest.raises(ValueError, match=message):
        recall_regression(table, terms)


def test_a_condition_in_which_everything_was_recalled_is_named_as_the_cause():
    table = simulated(np.random.default_rng(5), subjects=10)
    table.loc[table["x"] == 1, "correct"] = 1
    with pytest.raises(ValueError, match="did not settle; the likely cause is a condition in which everything"):
        recall_regression(table, ["x"])


def test_a_missing_library_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "statsmodels.api", None)
    with pytest.raises(ImportError, match=r"pip install 'engram\[behaviour\]'"):
        recall_regression(simulated(np.random.default_rng(6), subjects=4), ["x"])
