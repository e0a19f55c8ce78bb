"""Tasks and the measures of continual learning, against answers by hand and slow loops over single test images."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.analysis import (
    accuracy_matrix,
    accuracy_on_seen,
    average_incremental,
    bwt,
    continual_scores,
    forgetting,
    fwt,
    last,
    tasks_of,
)
from engram.analysis.tasks import share_items
from engram.protocols import load, unroll

NAN = float("nan")
DIMS = ("model", "subject", "probe", "item")


def shown(steps, subjects=1):
    """Presentations of {step: items}, the same for all subjects."""
    rows = [
        (k, step, order, item)
        for k in range(subjects)
        for step, items in steps.items()
        for order, item in enumerate(items)
    ]
    return pd.DataFrame(rows, columns=["subject", "phase", "order", "item"])


def timeline(*steps):
    """Rows of (kind, list[, label])."""
    kind, lists, label = zip(*((*step, "")[:3] for step in steps), strict=True)
    return pd.DataFrame({"index": range(len(steps)), "kind": kind, "label": label, "list": lists})


def grouped(table):
    """Items by task, start and until."""
    columns = ["task", "name", "start", "until"]
    return {key: rows["item"].tolist() for key, rows in table[table["subject"] == 0].groupby(columns, sort=False)}


def of(protocol, **sizes):
    resolved = unroll(load(protocol).for_classes(**sizes))
    rows = resolved.presentations(3)
    presentations = pd.DataFrame({"subject": 0, "phase": rows.phase, "order": rows.order, "item": rows.item + 1})
    phases = pd.DataFrame(resolved.table())
    for column in ("kind", "label", "list"):
        phases[column] = phases[column].str.decode("utf-8")
    return tasks_of(presentations, phases)


def test_tasks_of_the_library():
    found = grouped(of("class-incremental-5", classes=12))
    assert found == {
        (1, "list-1", 0, 3): [1, 2, 3],
        (2, "list-2", 3, 6): [4, 5, 6],
        (3, "list-3", 6, 9): [7, 8],
        (4, "list-4", 9, 12): [9, 10],
        (5, "list-5", 12, 16): [11, 12],
    }
    poisoned = grouped(of("poisoned-stream", classes=10))
    assert list(poisoned)[-1] == (5, "list-5", 12, 15)  # until the poisoning begins
    domains = of("domain-incremental", classes=2, domains=("s1", "s2"))
    assert grouped(domains) == {(1, "s1", 0, 3): [1, 2], (2, "s2", 3, 7): [1, 2]}
    assert share_items(domains)
    assert not share_items(of("online-stream", classes=5))


@pytest.mark.parametrize(
    "name", ["serial-position-10", "hebb-repetition", "learning-frequency", "systems-consolidation"]
)
def test_items_that_come_one_by_one_or_all_at_once_are_no_tasks(name):
    found = of(name, classes=10)
    assert found.empty
    assert list(found) == ["subject", "task", "name", "item", "start", "until"]


def test_a_run_of_one_list_is_one_task_whatever_it_repeats():
    phases = timeline(("wake", "a"), ("wake", "a"), ("probe", ""), ("wake", "b"), ("wake", "a"), ("probe", ""))
    steps = {0: [2], 1: [1], 3: [3], 4: [1, 2]}
    assert grouped(tasks_of(shown(steps), phases)) == {(1, "a", 0, 3): [1, 2], (2, "b", 3, 6): [3]}


def test_without_lists_a_step_with_several_items_is_a_task():
    phases = timeline(("wake", ""), ("wake", ""), ("wake", ""))
    assert grouped(tasks_of(shown({0: [1, 2], 1: [3, 4, 1], 2: [5, 6]}), phases)) == {
        (1, "", 0, 1): [1, 2],
        (2, "", 1, 2): [3, 4],
        (3, "", 2, 3): [5, 6],
    }
    assert tasks_of(shown({0: [1, 2], 1: [3], 2: [5, 6]}), phases).empty


def test_subjects_may_have_other_items_in_a_task():
    presentations = pd.concat([shown({0: [1, 2], 1: [3, 4]}), shown({0: [4, 1], 1: [2, 3]}).assign(subject=1)])
    found = tasks_of(presentations, timeline(("wake", "a"), ("wake", "b")))
    assert found.query("subject == 1").groupby("task")["item"].agg(list).tolist() == [[1, 4], [2, 3]]


def test_missing_columns_are_named():
    with pytest.raises(ValueError, match="phases has no column 'list'"):
        tasks_of(shown({0: [1]}), timeline(("wake", "a")).drop(columns="list"))


# -- measures -------------------------------------------------------------------------------------------------------

# After 1: knows 1 well. After 2: has lost some of 1. After 3: has lost more of 2 than of 1, which came back a little.
MATRIX = np.array([[0.9, 0.2, 0.1], [0.5, 0.8, 0.3], [0.6, 0.4, 1.0]])


def test_measures_worked_out_by_hand():
    assert forgetting(MATRIX).item() == pytest.approx(((0.9 - 0.6) + (0.8 - 0.4)) / 2)
    assert bwt(MATRIX).item() == pytest.approx(((0.6 - 0.9) + (0.4 - 0.8)) / 2)
    assert fwt(MATRIX, 0.1).item() == pytest.approx(((0.2 - 0.1) + (0.3 - 0.1)) / 2)
    assert fwt(MATRIX, [0.2, 0.3]).item() == pytest.approx(0)
    assert average_incremental([0.9, 0.65, 0.5]).item() == pytest.approx(2.05 / 3)
    assert last([0.9, 0.65, 0.5]).item() == 0.5


def test_forgetting_looks_for_the_best_time_and_bwt_at_the_first():
    later = np.array([[0.5, 0, 0], [0.9, 0.8, 0], [0.7, 0.9, 1.0]])
    assert forgetting(later).item() == pytest.approx(((0.9 - 0.7) + (0.8 - 0.9)) / 2)
    assert bwt(later).item() == pytest.approx(((0.7 - 0.5) + (0.9 - 0.8)) / 2)


def test_what_lies_above_the_diagonal_matters_to_forward_transfer_alone():
    hidden = np.where(np.triu(np.ones((3, 3)), 1), NAN, MATRIX)
    assert forgetting(hidden) == forgetting(MATRIX)
    assert bwt(hidden) == bwt(MATRIX)
    assert np.isnan(fwt(hidden, 0.1))


def test_a_missing_number_makes_no_mean():
    for t, i in ((0, 0), (1, 0), (2, 1)):
        holed = MATRIX.copy()
        holed[t, i] = NAN
        assert np.isnan(forgetting(holed))


def test_a_matrix_of_one_task_is_refused():
    for measure in (forgetting, bwt):
        with pytest.raises(ValueError, match=r"shape \(1, 1\); expected"):
            measure([[0.5]])
    with pytest.raises(ValueError, match=r"shape \(2, 3\)"):
        fwt(np.zeros((2, 3)), 0)


# -- from single test images ----------------------------------------------------------------------------------------


def recorded(rng, tasks, images):
    """Random answers of 2 models x 2 subjects to `images` per item, probed after every task, all items asked."""
    n, steps = len(images), tasks["task"].nunique()
    counts = np.stack(
        [
            [
                [[rng.multinomial(images[j], np.full(n, 1 / n)) for j in range(n)] for _ in range(steps)]
                for _ in range(2)
            ]
            for _ in range(2)
        ]
    )  # model, subject, probe, item, response
    probes = [int(until) - 1 for until in tasks.drop_duplicates("task")["until"]]
    coords = {"model": ["a", "b"], "subject": [0, 1], "item": range(1, n + 1), "phase": ("probe", probes)}
    responses = xr.DataArray(counts, dims=(*DIMS, "response"), coords={**coords, "response": range(1, n + 1)})
    right = np.diagonal(counts, axis1=3, axis2=4) / np.asarray(images)
    return xr.DataArray(right, dims=DIMS, coords=coords), responses


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_weighted_accuracies_are_those_of_a_loop_over_test_images(seed):
    rng = np.random.default_rng(seed)
    images = rng.integers(1, 9, 5).tolist()
    orders = [rng.permutation(5) + 1 for _ in range(2)]
    presentations = pd.concat(
        shown({0: order[:2], 2: order[2:3], 4: order[3:]}).assign(subject=k) for k, order in enumerate(orders)
    )
    tasks = tasks_of(presentations, timeline(*[(kind, name) for name in "abc" for kind in ("wake", "probe")]))
    performance, responses = recorded(rng, tasks, images)
    matrix, seen = accuracy_matrix(performance, tasks, responses), accuracy_on_seen(performance, tasks, responses)
    for m in range(2):
        for k, order in enumerate(orders):
            groups = [order[:2], order[2:3], order[3:]]
            for t in range(3):
                hits = {
                    item: [
                        label == item
                        for label in range(1, 6)
                        for _ in range(responses.values[m, k, t, item - 1, label - 1])
                    ]
                    for item in order
                }
                for i, group in enumerate(groups):
                    assert matrix.values[m, k, t, i] == pytest.approx(
                        np.mean([hit for item in group for hit in hits[item]])
                    )
                so_far = [hit for group in groups[: t + 1] for item in group for hit in hits[item]]
                assert seen.values[m, k, t] == pytest.approx(np.mean(so_far))
    scores = continual_scores(performance, tasks, responses)
    assert scores["average_incremental"].tolist() == pytest.approx(seen.mean("after").values.ravel().tolist())
    assert scores["bwt"].tolist() == pytest.approx(
        [((a[2, 0] - a[0, 0]) + (a[2, 1] - a[1, 1])) / 2 for a in matrix.values.reshape(4, 3, 3)]
    )


TWO = shown({0: [1, 2], 3: [3]})
TWO_TASKS = tasks_of(
    TWO, timeline(("wake", "a"), ("probe", ""), ("probe", ""), ("wake", "b"), ("probe", ""), ("probe", "", "final"))
)


def performance_of(values, phases, lesions=None, chance=None, models=("er",)):
    coords = {"model": list(models), "subject": [0], "item": [1, 2, 3], "phase": ("probe", phases)}
    if lesions:
        coords["lesion"] = ("probe", lesions)
    if chance:
        coords["chance"] = ("model", [chance] * len(models))
    return xr.DataArray(np.asarray(values, float)[:, None], dims=DIMS, coords=coords)


def test_each_item_is_read_at_the_last_intact_probe_before_the_next_task_that_asked_for_it():
    values = [[[0.1, 0.2, NAN], [0.5, NAN, NAN], [0.0, 0.0, 0.0], [0.3, 0.4, 0.5], [NAN, NAN, 0.9]]]
    performance = performance_of(values, [1, 2, 2, 4, 5], ["none", "none", "hippocampus", "none", "none"])
    matrix = accuracy_matrix(performance, TWO_TASKS)
    assert matrix.values[0, 0].tolist() == [
        [pytest.approx(0.35), pytest.approx(NAN, nan_ok=True)],
        [pytest.approx(0.35), 0.9],
    ]
    assert matrix["name"].values.tolist() == ["a", "b"]
    seen = accuracy_on_seen(performance, TWO_TASKS)
    assert seen.values[0, 0].tolist() == pytest.approx([0.35, (0.3 + 0.4 + 0.9) / 3])


def test_an_item_without_test_images_does_not_count():
    performance = performance_of([[[0.5, NAN, NAN], [0.25, NAN, 1.0]]], [1, 4])
    counts = np.zeros((1, 1, 2, 3, 3), int)
    counts[0, 0, :, 0] = [2, 2, 0]
    counts[0, 0, 0, 2] = -1  # not asked for yet
    counts[0, 0, 1, 2] = [0, 0, 8]
    responses = xr.DataArray(counts, dims=(*DIMS, "response"), coords={**performance.coords, "response": [1, 2, 3]})
    assert accuracy_on_seen(performance, TWO_TASKS, responses).values[0, 0].tolist() == pytest.approx([0.5, 9 / 12])
    assert np.isnan(accuracy_on_seen(performance, TWO_TASKS).values).all()


def test_forward_transfer_is_missing_where_nothing_is_named_before_it_is_taught():
    values = [[[0.9, 0.9, 0.0], [0.5, 0.5, 0.5]], [[0.9, 0.9, 0.4], [0.5, 0.5, 0.5]]]
    performance = performance_of(values, [1, 4], chance=0.25, models=("grows", "whole"))
    scores = continual_scores(performance, TWO_TASKS).set_index("model")
    assert np.isnan(scores.loc["grows", "fwt"])
    assert scores.loc["whole", "fwt"] == pytest.approx(0.4 - 0.25)
    assert scores.loc["grows", "forgetting"] == pytest.approx(0.4)


def test_a_running_recording_has_no_last_accuracy():
    performance = performance_of([[[0.9, 0.9, NAN], [NAN, NAN, NAN]]], [1, 4])
    scores = continual_scores(performance, TWO_TASKS)
    assert scores[["average_incremental", "last", "forgetting", "bwt"]].isna().all(axis=None)
    assert accuracy_on_seen(performance, TWO_TASKS).values[0, 0, 0] == pytest.approx(0.9)


def test_domains_have_accuracies_on_all_items_alone():
    tasks = tasks_of(
        shown({0: [1, 2, 3], 2: [1, 2, 3]}), timeline(("wake", "d1"), ("probe", ""), ("wake", "d2"), ("probe", ""))
    )
    performance = performance_of([[[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]], [1, 3])
    with pytest.raises(ValueError, match="have items in common"):
        accuracy_matrix(performance, tasks)
    scores = continual_scores(performance, tasks).loc[0]
    assert (scores["average_incremental"], scores["last"]) == (pytest.approx(0.35), pytest.approx(0.5))
    assert scores[["forgetting", "bwt", "fwt"]].isna().all()


def test_a_protocol_without_tasks_is_refused_in_words():
    with pytest.raises(ValueError, match="the protocol has no tasks"):
        accuracy_on_seen(performance_of([[[0.1, 0.2, 0.3]]], [1]), TWO_TASKS.iloc[:0])
