from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.analysis import first_recall, lag_crp, score_recalls, scores_by_subject

NAN = np.nan


def tables(*answers, length):
    """Lists of one subject: what came out, by input position, 0 or None nothing of the list."""
    rows = [(0, n, o, p) for n, answer in enumerate(answers) for o, p in enumerate(answer, 1)]
    recalls = pd.DataFrame(rows, columns=["subject", "list", "output_position", "input_position"], dtype=float)
    places = [(0, n, p) for n in range(len(answers)) for p in range(1, length + 1)]
    return recalls, pd.DataFrame(places, columns=["subject", "list", "input_position"])


def counts(table, name):
    return {row[name]: (row["actual"], row["possible"]) for _, row in table.iterrows() if row["possible"]}


def test_lags_by_hand():
    # 2 to 3: lags -1, 1 and 2 were open; 3 to 1: lags -2 and 1
    found = lag_crp(*tables([2, 3, 1], length=4))
    assert counts(found, "lag") == {-2: (1, 1), -1: (0, 1), 1: (1, 2), 2: (0, 1)}
    assert found["lag"].to_list() == [-3, -2, -1, 1, 2, 3]
    np.testing.assert_allclose(found["prob"], [NAN, 1, 0, 0.5, 0, NAN])


@pytest.mark.parametrize(
    "answer",
    [
        [1, None, 2, 3],  # an intrusion: neither the step to it nor from it
        [1, 1, 2, 3],  # a repeat, the same
        [2, 3, 2],  # and at the end
    ],
)
def test_intrusions_and_repeats_break_the_chain(answer):
    found = lag_crp(*tables(answer, length=3))
    assert found["actual"].sum() == 1
    assert counts(found, "lag")[1][0] == 1


def test_conditions_are_kept_apart():
    recalls, studied = tables([1, 2], [2, 1], length=2)
    found = lag_crp(recalls, studied.assign(condition=np.where(studied["list"] == 0, "a", "b")), by=("condition",))
    assert found[["condition", "lag", "actual", "possible"]].to_numpy().tolist() == [
        ["a", -1, 0, 0],
        ["a", 1, 1, 1],
        ["b", -1, 1, 1],
        ["b", 1, 0, 0],
    ]


def test_first_recall_by_hand():
    found = first_recall(*tables([3, 1], [0, 2], [0, 0], [3], length=3))
    assert counts(found, "position") == {1: (0, 3), 2: (1, 3), 3: (2, 3)}


def test_nothing_recalled_gives_no_probability():
    recalls, studied = tables([], length=3)
    assert lag_crp(recalls, studied)["prob"].isna().all()
    assert first_recall(recalls, studied)["prob"].isna().all()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=4))
def test_laws_of_order(answers):
    recalls, studied = tables(*answers, length=6)
    crp = lag_crp(recalls, studied)
    assert (crp["actual"] <= crp["possible"]).all()
    steps = 0
    for answer in answers:
        seen = set()
        for before, after in pairwise(answer):
            fresh = before and before not in seen
            seen.add(before)
            steps += bool(fresh and after and after not in seen)
    assert crp["actual"].sum() == steps
    first = first_recall(recalls, studied)
    assert first["actual"].sum() == sum(any(answer) for answer in answers)
    mirrored = recalls.assign(input_position=np.where(recalls["input_position"] > 0, 7 - recalls["input_position"], 0))
    back = lag_crp(mirrored, studied)
    np.testing.assert_array_equal(back["possible"], crp["possible"].to_numpy()[::-1])


@pytest.fixture(scope="module", params=["Morton2013", "peers_notask"])
def sample(request):
    """Sample data of psifr: its own merged table, and recalls and studied items made of the same events."""
    fr = pytest.importorskip("psifr.fr")
    events = fr.sample_data(request.param)
    events = events[events["subject"].isin(sorted(events["subject"].unique())[:25])]
    if "session" in events and request.param == "peers_notask":
        events = events.assign(list=100 * events["session"] + events["list"])  # lists are numbered anew each session
    studied = events[events["trial_type"] == "study"].rename(columns={"position": "input_position"})
    studied = studied[["subject", "list", "item", "input_position"]]
    recalls = events[events["trial_type"] == "recall"].rename(columns={"position": "output_position"})
    recalls = recalls[["subject", "list", "item", "output_position"]]
    return fr, fr.merge_free_recall(events), recalls.merge(studied, how="left"), studied


def same(ours, theirs, key):
    both = ours.merge(theirs, on=["subject", key], how="outer", suffixes=("", "_psifr"), validate="one_to_one")
    assert len(both) >= 400
    for name in ("actual", "possible"):
        np.testing.assert_array_equal(both[name].fillna(0), both[f"{name}_psifr"])
    np.testing.assert_allclose(both["prob"], both["prob_psifr"], rtol=1e-12)


def test_lag_crp_is_that_of_psifr(sample):
    fr, merged, recalls, studied = sample
    same(lag_crp(recalls, studied), fr.lag_crp(merged), "lag")


def test_first_recall_is_that_of_psifr(sample):
    fr, merged, recalls, studied = sample
    theirs = fr.pnr(merged).query("output == 1").rename(columns={"input": "position"})
    same(first_recall(recalls, studied), theirs, "position")


def test_serial_position_curves_are_those_of_psifr(sample):
    fr, merged, recalls, studied = sample
    theirs = fr.spc(merged).rename(columns={"input": "position"})
    ours = scores_by_subject(score_recalls(recalls, studied, "free"))
    both = ours.merge(theirs, on=["subject", "position"], validate="one_to_one")
    assert len(both) == len(theirs) == len(ours)
    np.testing.assert_allclose(both["score"], both["recall"], rtol=1e-12)
