"""Tables in plain text."""

import pytest

from engram.table import metric_lines, print_names


@pytest.fixture
def models():
    curve = [k / 100 for k in range(30)]
    return {
        "conventional": {"subjects": 10, "metrics": {"final_performance": curve, "memorised": 1.5, "average": 0.0625}},
        "low": {"subjects": 9, "metrics": {"final_performance": [1.0, None], "memorised": None, "average": -0.5}},
    }


def test_numbers_in_columns_and_lists_in_rows(models):
    curve = " ".join(f" .{k:02d}" for k in range(30))
    assert metric_lines(models, None) == [
        "mean over subjects  conventional (n=10)  low (n=9)",
        "memorised                          1.50          –",
        "average                            .062      -.500",
        "",
        "final_performance   conventional  " + curve,
        "                    low           1.00    –",
    ]


def test_what_is_looked_for_first_in_tasks_comes_first():
    known = {"average": 0.5, "average_incremental": 0.75, "last": 0.5, "ece": 0.25, "bytes": 1000}
    rows = metric_lines({"er": {"subjects": 1, "metrics": known}}, None)
    assert [row.split()[0] for row in rows[1:]] == ["average_incremental", "last", "bytes", "average", "ece"]
    without_tasks = {**known, "average_incremental": None, "last": None}
    rows = metric_lines({"er": {"subjects": 1, "metrics": without_tasks}}, None)
    assert [row.split()[0] for row in rows[1:]] == list(known)


def test_on_a_terminal_lists_are_broken_at_its_width(models):
    rows = metric_lines(models, 60)[4:]
    assert rows[0] == "final_performance   conventional   .00  .01  .02  .03  .04"
    assert rows[1] == "                                   .05  .06  .07  .08  .09"
    assert len(rows) == 6 + 1
    assert max(map(len, rows)) <= 60


def test_a_terminal_that_is_too_narrow_gets_a_number_a_line(models):
    rows = metric_lines(models, 10)[4:]
    assert len(rows) == 30 + 2


def test_a_model_that_lacks_a_metric_has_an_empty_row():
    models = {"a": {"subjects": 1, "metrics": {"curve": [0.5]}}, "b": {"subjects": 1, "metrics": {}}}
    assert [line.rstrip() for line in metric_lines(models, None)[1:]] == [
        "",
        "curve               a   .50",
        "                    b",
    ]


def test_names_with_what_they_stand_for(capsys):
    print_names({"a": "first " * 40, "longer": "second"})
    assert capsys.readouterr().out == f"a       {'first ' * 40}\nlonger  second\n"
