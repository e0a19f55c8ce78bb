"""What people did, from the raw files: the measures of recall against published numbers and against psifr."""

import os
from pathlib import Path

import numpy as np
import pytest

from engram.analysis import (
    effect_size,
    error_shares,
    first_recall,
    hebb_slopes,
    lag_crp,
    onset,
    recall_by_position,
    recall_regression,
    recalls_and_studied,
    score_recalls,
    transposition_gradient,
)
from engram.data.behaviour import read_raw, to_psifr

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def folder():
    place = os.environ.get("ENGRAM_DATA", "")
    if not place or not Path(place, "behaviour").is_dir():
        pytest.skip("ENGRAM_DATA names no folder with the raw files of behaviour")
    return Path(place)


@pytest.fixture(scope="module")
def serial(folder):
    return recalls_and_studied(read_raw("grenfell-essam-ward2012-serial", folder))


@pytest.fixture(scope="module")
def page(folder):
    table = read_raw("page2006-hebb", folder)
    silent = table[(table["suppression"] == "silent") & (table["condition"] != "filler-a")]
    return silent.rename(columns={"correct": "score", "condition": "list_type"})


def test_words_recalled_in_place_by_position(serial):
    curves = recall_by_position(*serial, "strict").set_index("list_length")["mean"]
    np.testing.assert_allclose(curves[6], [0.778, 0.569, 0.397, 0.359, 0.409, 0.619], atol=5e-4)
    np.testing.assert_allclose(curves[8], [0.628, 0.412, 0.250, 0.197, 0.141, 0.212, 0.397, 0.659], atol=6e-4)
    by_length = curves.groupby(level=0).mean()
    np.testing.assert_allclose(by_length[[4, 6, 8, 10, 15]], [0.907, 0.522, 0.362, 0.259, 0.184], atol=5e-4)


def test_order_of_free_recall_is_that_of_psifr(folder):
    fr = pytest.importorskip("psifr.fr")
    table = read_raw("grenfell-essam-ward2012-free", folder)
    table = table[table["list_length"] == 12]
    ours, theirs = lag_crp(*recalls_and_studied(table)), fr.lag_crp(to_psifr(table))
    both = ours.merge(theirs, on=["subject", "lag"], suffixes=("", "_psifr"))
    assert len(both) == 40 * 22
    np.testing.assert_array_equal(both["actual"], both["actual_psifr"])
    np.testing.assert_allclose(both["prob"], both["prob_psifr"])
    means = ours.groupby("lag")["prob"].mean()
    assert means[1] > 2 * means[-1] > 2 * means[-5]  # people go on to what came next
    first = first_recall(*recalls_and_studied(table)).groupby("position")["prob"].mean()
    assert first[[10, 11, 12]].sum() > 0.5


def test_transpositions_of_serial_recall_are_near(folder):
    recalls, studied = recalls_and_studied(read_raw("farrell-lewandowsky2004-serial", folder))
    moved = transposition_gradient(recalls, studied).groupby("displacement")["prob"].mean()
    assert moved[[0, 1, 2, 3, 4, 5]].is_monotonic_decreasing
    assert moved[[0, -1, -2, -3, -4, -5]].is_monotonic_decreasing
    shares = error_shares(recalls, studied, by=("condition",))
    np.testing.assert_allclose(shares.groupby(["subject", "condition", "position"])["share"].sum(), 1)
    correct = shares[shares["error_type"] == "correct"].groupby("position")["share"].mean()
    assert correct[1] > correct[6] > correct[5]


def test_repeated_lists_gain_what_page_and_others_found(page):
    slopes = hebb_slopes(page, filler="filler-b")
    assert len(slopes) == 72
    np.testing.assert_allclose(slopes[["repeated", "filler"]].mean(), [0.0152, 0.0041], atol=5e-5)
    effect = effect_size(slopes["repeated"], slopes["filler"]).iloc[0]
    assert effect["gz_low"] > 0.2
    assert effect["p"] < 0.001


def test_more_people_learn_a_repeated_list_than_a_filler(page):
    kinds = onset(page, by=("list_type",)).groupby("list_type")["kind"].value_counts(normalize=True)
    assert kinds["filler-b", "flat"] > 0.75 > 0.6 > kinds["repeated", "flat"]


def test_regression_finds_the_length_of_the_list(serial):
    scored = score_recalls(*serial, "strict")
    scored = scored[scored["list_length"].isin([6, 8, 10])]
    table = recall_regression(scored, ["list_length"]).set_index("term")
    means = scored.groupby("list_length")["correct"].mean()
    odds = np.log(means / (1 - means))
    np.testing.assert_allclose(table.loc["list_length", "estimate"], np.polyfit([6, 8, 10], odds, 1)[0], atol=0.05)
    assert table.loc["list_length", "high"] < 0
