"""Tables of users' own human data: read, refused with one message, summarised."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engram.data.behaviour import (
    checked_table,
    condition_means,
    dataset,
    dataset_from_table,
    datasets,
    read_table,
    summaries,
)
from engram.data.behaviour import tidy_table as tidy
from engram.data.behaviour.tidy_table import scored

GOOD = """subject,condition,list,input_position,output_position
a,x,1,1,2
a,x,1,2,1
a,x,1,3,
b,x,1,1,1
b,x,1,2,
b,x,1,3,3
"""


@pytest.fixture
def put(tmp_path):
    def put(content, name="ours.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return put


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", GOOD.encode()),
        ("a.tsv", GOOD.replace(",", "\t").encode()),
        ("a.txt", GOOD.replace(",", "\t").replace("\n", "\r\n").encode()),
        ("a.csv.gz", gzip.compress(GOOD.encode())),
        ("a.csv", b"\xef\xbb\xbf" + GOOD.encode()),
    ],
)
def test_reads_what_was_written(put, name, content):
    table = read_table(put(content, name))
    assert table["output_position"].tolist()[:2] == [2, 1]
    assert table["output_position"].isna().tolist() == [False, False, True, False, True, False]
    assert table["subject"].tolist() == list("aaabbb")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("list,correct\n1,1\n", "missing column subject; there are list, correct"),
        ("Subject,correct\n1,1\n", 'Did you mean "Subject"'),
        ("subject,list\n1,1\n", r"missing column correct \(0, 1 or a proportion\), or output_position"),
        ("subject,correct\n", "has no rows"),
        ("", "is no table"),
        ("subject,correct\n1,yes\n2,1\n", 'correct is "yes" in row 1; expected a number'),
        ("subject,correct\n1,\n2,1\n", "correct is empty in row 1"),
        ("subject,correct\n,1\n2,1\n", "subject is empty in row 1"),
        ("subject,condition,correct\n1,,1\n2,b,1\n", "condition is empty in row 1"),
        ("subject,list,correct\n1,,1\n2,1,1\n", "list is empty in row 1"),
        ("subject,correct\n1,50\n2,75\n", "correct goes up to 75; expected proportions from 0 to 1 .percentages"),
        ("subject,correct\n1,-0.5\n", "correct goes down to -0.5"),
        ("subject,correct\n1,inf\n", "correct is infinite in row 1"),
        (
            "subject,list,input_position,correct\n1,1,0,1\n1,1,1,1\n",
            "input_position starts from 0; positions count from 1",
        ),
        ("subject,list,input_position,output_position\n1,1,1,0\n1,1,2,1\n", "output_position starts from 0"),
        ("subject,position,correct\n1,0,0.5\n1,1,0.25\n", "position starts from 0; positions count from 1"),
        ("subject,list,input_position,correct\n1,1,-1,1\n", "input_position is -1 in row 1"),
        ("subject,list,input_position,correct\n1,1,1.5,1\n", "input_position is 1.5 in row 1"),
        (
            "subject,list,input_position,correct\n1,1,1,1\n1,1,1,0\n",
            "more than one row for subject 1, list 1, input_position 1; expected one row",
        ),
        ("subject,list,input_position,correct\n1,1,1,1\n1,1,1,1\n", "row 2 repeat earlier rows"),
        ("subject,condition,correct\n1,a,0.4\n1,a,0.4\n", "row 2 repeat earlier rows"),
        ("subject,delay,correct\n1,a day,1\n", 'delay is "a day" in row 1'),
        ("subject,list\n1,2,3\n1,2,3,4\n", "is no table"),
        ("subject,correct\n1,0.5,3,4\n2,0.3\n", "rows have 4 fields, the header 2; expected a name for every field"),
        ("subject,correct\n1,0.5,\n2,0.3,7\n", "rows have 3 fields, the header 2"),
        ("subject,correct,correct\n1,0.5,1\n", "the column correct is there twice"),
        ("subject,correct\n1,0.5\nNA,0.3\n", "subject is empty in row 2"),
    ],
)
def test_refusals(put, content, message):
    with pytest.raises(ValueError, match=message):
        read_table(put(content))


def test_a_separator_too_many_shifts_nothing(put):
    content = "".join(f"{line},\n" for line in GOOD.splitlines()[1:])
    pd.testing.assert_frame_equal(
        read_table(put(GOOD.splitlines()[0] + "\n" + content, "comma.csv")), read_table(put(GOOD))
    )


def test_a_column_is_of_one_type_in_a_large_file(put):
    """Such as pandas would read in parts, with 1 in one of them and "1" in another."""
    rows = 200_000
    content = "subject,correct\n" + "1,1\n" * rows + "x,1\n" + "1,1\n" * rows
    table = read_table(put(content))
    assert set(table["subject"]) == {"1", "x"}
    assert len(dataset_from_table(table, factors=["subject"]).conditions) == 2


@pytest.mark.parametrize("key", ["subject", "condition", "list"])
def test_keys_of_two_types_are_refused(key):
    table = pd.DataFrame({"subject": [1, 2, 3], "correct": 1.0} | {key: [1, "1", "x"]})
    with pytest.raises(ValueError, match=f'{key} holds numbers and text, so 1 and "1" would differ'):
        checked_table(table)


def test_names_that_look_like_missing_numbers(put):
    table = read_table(put("subject,condition,correct,latency,age\nNA,None,1,NA,30\nNB,None,0,NaN,NA\n"))
    assert table["subject"].tolist() == ["NA", "NB"]
    assert table["condition"].tolist() == ["None", "None"]
    assert table["latency"].isna().all()
    assert table["age"].isna().tolist() == [False, True]
    recalled = read_table(put("subject,list,input_position,output_position\n1,1,1,NA\n1,1,2,1\n"))
    assert recalled["output_position"].isna().tolist() == [True, False]


def test_files_that_are_no_tables(put, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_table(tmp_path / "none.csv")
    with pytest.raises(ValueError, match=r"a table is read from \.csv, \.tsv or \.txt"):
        read_table(put(GOOD, "ours.xlsx"))
    with pytest.raises(ValueError, match="not a text file"):
        read_table(put(b"\xff\xfe\x00\x01"))
    with pytest.raises(ValueError, match="cannot be read"):
        read_table(put(GOOD, "a.csv.gz"))
    with pytest.raises(ValueError, match="cannot be read"):
        read_table(put(gzip.compress(GOOD.encode() * 50)[:-20], "b.csv.gz"))
    monkeypatch.setattr(tidy, "LARGEST_FILE", 1000)
    with pytest.raises(ValueError, match="more than 1,000 bytes"):  # also where it is small when packed
        read_table(put(gzip.compress(b"subject,correct\n" + b"1,1\n" * 5000), "c.csv.gz"))


def test_same_column_twice():
    table = pd.DataFrame([[1, 1, 0]], columns=["subject", "correct", "correct"])
    with pytest.raises(ValueError, match="the column correct is there twice"):
        checked_table(table)


def test_intrusions_and_repeats_need_no_score():
    table = pd.DataFrame(
        {
            "subject": 1,
            "list": 1,
            "input_position": [1, 2, 2, None],
            "output_position": [None, 1, 3, 2],
            "repeat": [0, 0, 1, 0],
            "correct": [0, 1, None, None],
        }
    )
    assert scored(checked_table(table), "free")["correct"].tolist() == [0, 1]


def test_scoring_without_positions_is_refused():
    table = pd.DataFrame({"subject": [1], "output_position": [1]})
    with pytest.raises(ValueError, match="strict scoring needs output_position and input_position"):
        scored(table, "strict")


# Condition means


def scores(*values, **columns):
    return pd.DataFrame({"subject": range(len(values)), "score": values, "condition": "a", **columns})


def test_t_interval_is_that_of_scipy():
    values = [0.2, 0.5, 0.6, 0.9]
    row = condition_means(scores(*values), ["condition"]).iloc[0]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert row[["mean", "low", "high", "se", "n"]].tolist() == pytest.approx(
        [0.55, max(low, 0), min(high, 1), stats.sem(values), 4]
    )


def test_subjects_count_the_same_however_many_rows_they_have():
    table = pd.DataFrame({"subject": [1, 1, 1, 2], "score": [0, 0, 0.3, 0.9], "condition": "a"})
    row = condition_means(table, ["condition"]).iloc[0]
    assert (row["mean"], row["n"]) == (pytest.approx(0.5), 2)


def test_one_subject_has_no_interval():
    for interval in ("t", "bootstrap"):
        row = condition_means(scores(0.4), ["condition"], interval).iloc[0]
        assert row[["low", "high", "se"]].isna().all()
        assert (row["mean"], row["n"]) == (0.4, 1)


def test_equal_scores_have_a_point():
    row = condition_means(scores(0.1, 0.1, 0.1), ["condition"]).iloc[0]
    assert (row["low"], row["high"], row["se"]) == (row["mean"], row["mean"], 0)


def test_bootstrap_of_two_subjects_by_hand():
    """Means of two drawn from 0 and 1 are 0, .5, .5, 1: the 2.5 % and 97.5 % percentiles are 0 and 1."""
    row = condition_means(scores(0.0, 1.0), ["condition"], "bootstrap").iloc[0]
    assert (row["low"], row["high"]) == (0, 1)


def test_bootstrap_covers_the_mean():
    rng = np.random.default_rng(5)
    trials, subjects = 300, 40
    drawn = rng.beta(2, 3, size=(trials, subjects))
    table = pd.DataFrame(
        {
            "subject": np.tile(np.arange(subjects), trials),
            "score": drawn.ravel(),
            "condition": np.repeat(np.arange(trials), subjects),
        }
    )
    means = condition_means(table, ["condition"], "bootstrap", samples=2000, seed=1)
    covered = ((means["low"] <= 0.4) & (means["high"] >= 0.4)).mean()
    assert 0.91 <= covered <= 0.97  # 95 %, a little less with percentiles; standard error .013
    again = condition_means(table, ["condition"], "bootstrap", samples=2000, seed=1)
    assert again.equals(means)


def test_bootstrap_leaves_out_subjects_without_a_condition():
    table = pd.concat([scores(0.2, 0.4, 0.6), scores(0.5, 0.7).assign(condition="b")])
    means = condition_means(table, ["condition"], "bootstrap").set_index("condition")
    assert 0.5 <= means.loc["b", "low"] <= 0.6 <= means.loc["b", "high"] <= 0.7
    assert means["n"].tolist() == [3, 2]


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from("ab"), st.floats(0, 1)), min_size=1, max_size=30),
    st.randoms(use_true_random=False),
)
def test_order_of_rows_plays_no_role(rows, random):
    table = pd.DataFrame(rows, columns=["subject", "condition", "score"])
    shuffled = table.sample(frac=1, random_state=random.randrange(1000))
    left, right = (condition_means(t, ["condition"]) for t in (table, shuffled))
    pd.testing.assert_frame_equal(left, right)
    inside = left.dropna()
    assert (inside["low"] <= inside["mean"]).all()
    assert (inside["mean"] <= inside["high"]).all()


# Data sets of users' own tables


def test_factors_are_those_that_vary():
    table = read_table_from(GOOD)
    ours = dataset_from_table(table, scoring="strict")
    assert ours.factors == ("position",)
    assert ours.conditions["mean"].tolist() == [0.5, 0, 0.5]
    free = dataset_from_table(table, scoring="free")
    assert free.conditions["mean"].tolist() == [1, 0.5, 0.5]
    assert free.conditions["position"].tolist() == [1, 2, 3]
    named = dataset_from_table(table, scoring="free", factors=["condition", "position"])
    assert named.factors == ("condition", "position")


def read_table_from(text):
    from io import StringIO

    return pd.read_csv(StringIO(text))


@pytest.mark.parametrize("factor", ["list_type", "spacing", "modality", "presentations", "lesion", "delay_hours"])
def test_columns_called_as_a_factor_are_factors(factor):
    levels = [1, 2] if factor == "presentations" else [0.5, 8.0] if factor == "delay_hours" else ["a", "b"]
    table = pd.DataFrame({"subject": [1, 1, 2, 2], factor: levels * 2, "correct": [0.2, 0.6, 0.4, 0.8]})
    ours = dataset_from_table(table)
    assert (ours.factors, ours.cannot_show) == ((factor,), "")
    assert ours.conditions["mean"].tolist() == pytest.approx([0.3, 0.7])
    with pytest.raises(ValueError, match=f"the factor {factor} is empty in some rows.*or choose other factors"):
        dataset_from_table(pd.concat([table, pd.DataFrame({"subject": [3], "correct": 0.1})]))


def test_factors_of_the_shipped_data_sets_are_read_by_name():
    """But for `condition`, which any table may have, and `session`, over which tables are averaged."""
    factors = {factor for name in datasets() for factor in dataset(name).factors} - {"session"}
    assert factors <= {*summaries._FACTORS.values(), *summaries._BY_NAME}


def test_other_columns_that_vary_are_said_to_be_averaged_over():
    table = read_table_from(GOOD).assign(frequency=["high", "low", "low"] * 2, group=list("uuuvvv"), site="here")
    ours = dataset_from_table(table, scoring="free")
    assert ours.factors == ("position",)
    assert ours.cannot_show == "The means are over all levels of frequency, group, which the factors leave out."
    chosen = dataset_from_table(table, scoring="free", factors=["group", "frequency"])
    assert chosen.cannot_show == ""


def lists_of(lengths, **columns):
    rows = [(s, k, p, 1 / p) for s in (1, 2) for k, length in enumerate(lengths) for p in range(1, length + 1)]
    return pd.DataFrame(rows, columns=["subject", "list", "input_position", "correct"]).assign(**columns)


def test_lists_of_different_length_are_told_apart():
    ours = dataset_from_table(lists_of([2, 3, 2]))
    assert ours.factors == ("length", "position")
    assert ours.conditions[["length", "position"]].to_numpy().tolist() == [[2, 1], [2, 2], [3, 1], [3, 2], [3, 3]]
    assert ours.conditions["length"].dtype == int
    assert dataset_from_table(lists_of([3, 3])).factors == ("position",)
    assert dataset_from_table(lists_of([2, 3], list_length=3)).factors == ("position",)  # as the table says
    over_all = dataset_from_table(lists_of([2, 3]), factors=["position"])
    assert over_all.cannot_show == "The means are over all levels of length, which the factors leave out."


def test_the_same_list_number_in_two_sessions_is_two_lists():
    two = pd.concat([lists_of([2], session=1), lists_of([3], session=2)])
    assert dataset_from_table(two).conditions["length"].tolist() == [2, 2, 3, 3, 3]


def test_delays_are_told_in_hours():
    table = pd.DataFrame({"subject": [1, 2, 1, 2], "delay": [1200, 1200, 86400, 86400], "correct": [1, 0.5, 0.5, 0]})
    ours = dataset_from_table(table, scoring="savings", measure="savings")
    assert ours.factors == ("delay_hours",)
    assert ours.conditions["delay_hours"].tolist() == pytest.approx([1 / 3, 24])
    assert ours.conditions["mean"].tolist() == [0.75, 0.25]


def test_one_subject_and_one_condition_are_said():
    alone = dataset_from_table(pd.DataFrame({"subject": [1, 1], "condition": ["a", "b"], "correct": [0.2, 0.6]}))
    assert "One subject only: there is no interval" in alone.about
    single = dataset_from_table(pd.DataFrame({"subject": [1, 2], "correct": [0.2, 0.6]}))
    assert "One condition only" in single.about
    assert single.conditions["condition"].tolist() == ["all"]
    both = dataset_from_table(
        pd.DataFrame({"subject": [1, 2, 2], "condition": ["a", "a", "b"], "correct": [0.2, 0.6, 0.1]}), about="Ours."
    )
    assert both.about == "Ours. 1 condition with one subject only, without interval."


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"factors": ["positon"]}, 'no column positon for a factor.*Did you mean "position"'),
        ({"factors": ["note"]}, "the factor note is empty in some rows"),
        ({"interval": "bayes"}, 'interval "bayes" is none of t or bootstrap'),
        ({"scoring": "serial"}, 'scoring "serial" is none of'),
    ],
)
def test_wrong_options(options, message):
    table = read_table_from(GOOD).assign(note=[None, *"abcde"])
    with pytest.raises(ValueError, match=message):
        dataset_from_table(table, **options)


def test_data_set_from_a_path(put):
    ours = dataset(str(put(GOOD, "pilot.csv")))
    assert (ours.name, ours.scoring, ours.source) == ("pilot", "free", "pilot.csv")
    assert ours.conditions["mean"].tolist() == [1, 0.5, 0.5]
    scored_by_hand = dataset(put("subject,condition,correct\n1,a,0.5\n2,a,0.7\n1,b,0.1\n2,b,0.3\n"))
    assert scored_by_hand.scoring == "item"
    assert scored_by_hand.conditions["mean"].tolist() == pytest.approx([0.6, 0.2])
    with pytest.raises(FileNotFoundError, match=r"none\.csv does not exist"):
        dataset("none.csv")
