import numpy as np
import pandas as pd
import pytest

from engram.analysis import (
    assembly_overlap,
    index_assemblies,
    match_bursts,
    replay_and_recall,
    replay_counts,
    replay_evenness,
)

CELLS, ITEMS, SIZE = 300, 8, 30


def assemblies(overlap=0, items=ITEMS, size=SIZE, cells=CELLS):
    """Each item shares `overlap` cells with the next."""
    member = np.zeros((items, cells), dtype=bool)
    for item in range(items):
        start = item * (size - overlap)
        member[item, start : start + size] = True
    return member


def bursts(member, items, rng, *, share=0.8, spikes=4.0, background=0.1):
    """One burst per entry of `items` (lists of items, from 0)."""
    counts = rng.poisson(background, (len(items), member.shape[1]))
    for row, active in enumerate(items):
        for item in active:
            fires = member[item] & (rng.random(member.shape[1]) < share)
            counts[row, fires] += rng.poisson(spikes, fires.sum())
    return counts


def test_bursts_are_matched_to_their_item():
    rng, member = np.random.default_rng(0), assemblies()
    played = rng.integers(0, ITEMS, 60)
    found = match_bursts(bursts(member, [[item] for item in played], rng), member, rng=1)
    assert (found["item"] == played + 1).all()
    assert (found["items"] == 1).all()
    assert (found["best"] == found["item"]).all()


@pytest.mark.parametrize("overlap", [0, 12])
def test_chance_matches_at_the_stated_rate(overlap):
    rng, member = np.random.default_rng(2), assemblies(overlap)
    others = ~member.any(axis=0)
    counts = np.zeros((2000, CELLS), dtype=int)
    for row in counts:  # bursts of random cells, unrelated to any item
        row[rng.choice(CELLS, 35, replace=False)] = rng.poisson(5, 35) + 1
    assert others.any()
    found = match_bursts(counts, member, rng=3)
    assert 0.02 < (found["item"] > 0).mean() < 0.06  # at most alpha = .05, less for sums that tie
    for null in ("null_shuffled", "null_random"):
        assert found[null].mean() == pytest.approx((found["item"] > 0).mean(), abs=0.02)


def test_nulls_of_true_replay_stay_at_chance():
    rng, member = np.random.default_rng(4), assemblies()
    found = match_bursts(bursts(member, [[i % ITEMS] for i in range(200)], rng), member, rng=5)
    assert found["item"].gt(0).mean() == 1
    assert found["null_shuffled"].mean() < 0.1
    assert found["null_random"].mean() < 0.1


def test_two_items_at_once_are_no_match():
    rng, member = np.random.default_rng(6), assemblies()
    found = match_bursts(bursts(member, [[0, 3], [5, 6]], rng), member, rng=7)
    assert found["items"].tolist() == [2, 2]
    assert found["item"].tolist() == [0, 0]


def test_shared_cells_do_not_count_for_the_neighbour():
    rng, member = np.random.default_rng(8), assemblies(overlap=12)
    assert assembly_overlap(member)[0, 1] == pytest.approx(0.4)
    played = np.tile(np.arange(ITEMS), 10)
    found = match_bursts(bursts(member, [[item] for item in played], rng), member, rng=9)
    assert (found["item"] == played + 1).mean() > 0.95
    both = match_bursts(bursts(member, [[2, 3]] * 5, rng), member, rng=9)
    assert (both["items"] == 2).all()


def test_an_item_inside_another_yields_to_it():
    member = np.zeros((2, 50), dtype=bool)
    member[0, :10] = member[1, :6] = True
    counts = np.zeros((1, 50), dtype=int)
    counts[0, :10] = 3
    assert match_bursts(counts, member, rng=0)["item"].tolist() == [1]


def test_items_without_cells_and_silent_bursts_match_nothing():
    member = assemblies()
    member[3] = False
    counts = np.zeros((2, CELLS), dtype=int)
    counts[0, member[1]] = 2
    found = match_bursts(counts, member, rng=0)
    assert found["item"].tolist() == [2, 0]
    assert found["best"].tolist() == [2, 0]
    nothing = match_bursts(counts, np.zeros_like(member), rng=0)
    assert (nothing["item"] == 0).all()
    assert match_bursts(counts[:0], member, rng=0).empty


def test_the_same_seed_gives_the_same_answer():
    rng, member = np.random.default_rng(10), assemblies()
    counts = bursts(member, [[0], [1]], rng, spikes=0.6, share=0.5)
    pd.testing.assert_frame_equal(match_bursts(counts, member, rng=3), match_bursts(counts, member, rng=3))


def test_bad_shapes_and_levels_are_refused():
    with pytest.raises(ValueError, match="assemblies are of 4 cells, the spikes of 3"):
        match_bursts(np.zeros((1, 3)), np.zeros((2, 4)), rng=0)
    with pytest.raises(ValueError, match="at least 2 items / alpha"):
        match_bursts(np.zeros((1, 3)), np.ones((2, 3)), rng=0, samples=10)


def exposures(order, seconds=0.4, gap=0.2):
    start = np.arange(len(order)) * (seconds + gap)
    return pd.DataFrame({"stage": "exposure", "item": order, "start": start, "stop": start + seconds})


def spikes_of(segments, member, rate, rng, background=1.0):
    times, cells = [], []
    for row in segments.itertuples():
        rates = np.where(member[row.item - 1], rate, background)
        number = rng.poisson(rates * (row.stop - row.start))
        cells.append(np.repeat(np.arange(member.shape[1]), number))
        times.append(rng.uniform(row.start, row.stop, number.sum()))
    return np.concatenate(times), np.concatenate(cells)


def test_index_cells_are_found_in_the_spikes_of_exposures():
    rng, member = np.random.default_rng(11), assemblies(overlap=3)
    segments = exposures([*range(1, 9)] * 3)
    found = index_assemblies(*spikes_of(segments, member, 20, rng), CELLS, segments)
    assert (found & member).sum() / member.sum() > 0.97
    assert (found & ~member).sum() <= 2  # of 2,160 cells and items at alpha .001, and reliable besides


def test_only_the_last_exposures_count_and_only_those_before():
    segments = exposures([1, 2, 1, 2])
    times = np.concatenate([np.linspace(s, s + 0.3, 10) for s in segments["start"]])
    cells = np.repeat([0, 1, 2, 3], 10)  # item 1 moves from cell 0 to cell 2, item 2 from 1 to 3
    now = index_assemblies(times, cells, 5, segments, last=1)
    assert now.tolist() == [[False, False, True, False, False], [False, False, False, True, False]]
    then = index_assemblies(times, cells, 5, segments, last=1, before=segments["stop"][1])
    assert then.tolist() == [[True, False, False, False, False], [False, True, False, False, False]]


def test_items_that_were_not_exposed_have_no_cells():
    segments = exposures([1, 2])
    found = index_assemblies([0.1], [0], 3, segments, items=4)
    assert found.shape == (4, 3)
    assert not found[2:].any()
    assert index_assemblies([], [], 3, segments.iloc[:0], items=2).sum() == 0
    with pytest.raises(ValueError, match="item 2 is exposed, and there are 1"):
        index_assemblies([], [], 3, segments, items=1)


def test_counts_keep_items_that_were_never_replayed():
    events = pd.DataFrame({"subject": [0, 0, 1], "night": 1, "item": [2, 2, 0]})
    table = replay_counts(events, [1, 2], by=["subject", "night"])
    assert table["count"].tolist() == [0, 2, 0, 0]
    even = replay_evenness(table, by=["subject", "night"])
    assert even["cv"].tolist()[0] == 1.0  # counts 0 and 2: mean 1, standard deviation 1
    assert np.isnan(even["cv"].tolist()[1])
    assert even["replayed"].tolist() == [1, 0]


def test_replay_and_recall_are_correlated_within_subjects():
    counts = pd.DataFrame({"subject": [0] * 3 + [1] * 3, "item": [1, 2, 3] * 2, "count": [1, 2, 3, 5, 5, 5]})
    recall = counts.assign(performance=[0.9, 0.8, 0.7, 0.1, 0.2, 0.3]).drop(columns="count")
    table = replay_and_recall(counts, recall)
    assert table["rho"].tolist()[0] == -1
    assert np.isnan(table["rho"].tolist()[1])  # all counts alike
    with pytest.raises(ValueError, match="several performances"):
        replay_and_recall(counts, pd.concat([recall, recall]))
