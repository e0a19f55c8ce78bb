"""Tables in psifr's form, read and written, against psifr itself."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psifr import fr

from engram.data.behaviour import dataset, dataset_from_table, from_psifr, read_table, to_psifr
from engram.data.behaviour.tidy_table import scored

POSITIONS = ["input_position", "output_position"]


def events(study, recall, subjects=None):
    return fr.table_from_lists(subjects or [1] * len(study), study, recall)


def plain(table):
    """Rows in one order, as tuples in which nothing is NaN."""
    return sorted(map(tuple, table.astype(object).where(table.notna(), None).to_numpy()), key=str)


WORDS = [["absence", "hollow", "pupil"], ["fountain", "piano", "pillow"]]
RECALLED = [["pupil", "absence", "empty"], ["pillow", "pupil", "piano", "pillow"]]


def test_events_by_hand():
    table = from_psifr(events(WORDS, RECALLED))
    first = table[table["list"] == 1]
    assert first["item"].tolist() == ["absence", "hollow", "pupil", "empty"]
    assert plain(first[POSITIONS]) == plain(pd.DataFrame([[1.0, 2.0], [2.0, None], [3.0, 1.0], [None, 3.0]]))
    second = table[table["list"] == 2].set_index(["item", "repeat"])
    assert second.loc[("pillow", 1), "output_position"] == 4
    assert second.loc[("pupil", 0), POSITIONS].isna().tolist() == [True, False]  # an intrusion of the first list


def test_what_counts_depends_on_the_scoring(tmp_path):
    """Read in psifr's form, an item is right where it came out, and not wherever it did, if scoring is strict."""
    path = tmp_path / "theirs.csv"
    events(WORDS, RECALLED).to_csv(path, index=False)
    table = read_table(path)
    assert "correct" not in table
    strict = dataset_from_table(table, scoring="strict", factors=["list", "position"])
    assert strict.conditions["mean"].tolist() == [0, 0, 0, 0, 0, 0]
    free = dataset(path)
    assert (free.scoring, free.factors) == ("free", ("position",))
    assert free.conditions["mean"].tolist() == [0.5, 0.5, 1]
    in_order = events([["a", "b", "c"]], [["a", "c", "b"]])
    assert dataset_from_table(from_psifr(in_order), scoring="strict").conditions["mean"].tolist() == [1, 0, 0]


@st.composite
def experiments(draw):
    """Up to three lists; no word is studied in two of them, but may come out in any, and more than once."""
    lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    study = [[f"{letter}{number}" for letter in "abcd"[:length]] for number, length in enumerate(lengths)]
    spoken = st.lists(st.sampled_from([word for words in study for word in words] + ["x", "y"]), max_size=6)
    return events(study, [draw(spoken) for _ in study])


@settings(max_examples=40)
@given(experiments())
def test_pairing_is_that_of_psifr(table):
    ours = to_psifr(from_psifr(table))
    theirs = fr.merge_free_recall(table)
    columns = ["subject", "list", "item", "input", "output", "study", "recall", "repeat", "intrusion"]
    assert plain(ours[columns]) == plain(theirs[columns])


@settings(max_examples=40)
@given(experiments())
def test_there_and_back(table):
    tidy = from_psifr(table)
    assert plain(from_psifr(to_psifr(tidy))[tidy.columns]) == plain(tidy)


def test_measures_of_psifr_run_on_our_tables():
    sample = fr.sample_data("Morton2013")
    sample = sample[sample["subject"] <= 3]
    merged = fr.merge_free_recall(sample)
    ours = to_psifr(from_psifr(sample))
    for measure in (fr.spc, fr.lag_crp, fr.pnr):
        pd.testing.assert_frame_equal(measure(ours), measure(merged), check_column_type=False)
    tidy = scored(from_psifr(sample), "free")
    by_position = tidy.groupby(["subject", "input_position"])["correct"].mean()
    np.testing.assert_allclose(by_position, fr.spc(merged)["recall"])


@pytest.mark.parametrize("form", ["events", "merged"])
def test_files_in_psifrs_form_are_recognised(tmp_path, form):
    table = events(WORDS, RECALLED)
    path = tmp_path / "theirs.csv"
    (table if form == "events" else fr.merge_free_recall(table)).to_csv(path, index=False)
    expected = from_psifr(table)
    assert plain(read_table(path)[expected.columns]) == plain(expected)


def test_a_factor_called_position_is_not_psifrs(tmp_path):
    path = tmp_path / "ours.csv"
    path.write_text("subject,position,correct\n1,1,0.5\n1,2,0.25\n")
    assert read_table(path).columns.tolist() == ["subject", "position", "correct"]


def test_more_than_one_session():
    one = events([["a", "b"]], [["b"]]).assign(session=1)
    two = events([["a", "b"]], [["a", "b"]]).assign(session=2)
    table = from_psifr(pd.concat([one, two]))
    assert table.groupby("session")["output_position"].count().to_dict() == {1: 1, 2: 2}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pd.DataFrame({"subject": [1], "list": 1, "trial_type": "study", "item": "a"}), "missing column position"),
        (pd.DataFrame({"subject": [1], "input": 1, "output": 1}), "missing column list of psifr's form"),
        (events(WORDS, RECALLED).replace("study", "presentation"), 'trial_type holds "presentation"'),
        (events([["a", "a"]], [["a"]]), "item a is studied twice in list 1 of subject 1"),
        (
            pd.DataFrame({"subject": [1], "list": 1, "input": 1, "output": 1, "study": "perhaps"}),
            'study holds "perhaps"; expected True or False',
        ),
    ],
)
def test_refusals(table, message):
    with pytest.raises(ValueError, match=message):
        from_psifr(table)


def test_to_psifr_needs_positions():
    with pytest.raises(ValueError, match="missing columns input_position, output_position"):
        to_psifr(pd.DataFrame({"subject": [1], "list": [1], "correct": [1]}))
