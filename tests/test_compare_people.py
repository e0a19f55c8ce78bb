"""People against people: halves of a sample are a replication of each other, and shuffled scores are not."""

import os
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from engram.analysis.behaviour import compare_tables, distance
from engram.data.behaviour import condition_means, dataset, subject_scores

pytestmark = pytest.mark.realdata

LARGE = ("page2006-hebb", "grenfell-essam-ward2012-serial", "pazdera-kahana2023-free12", "pazdera-kahana2023-final12")
SMALL = (
    "farrell-lewandowsky2004-serial",
    "grenfell-essam-ward2012-free",
    "kahana-howard2005-spacing",
    "madigan1971-serial",
)
"""Too few people, or too small an effect, for every half to show it beyond chance."""


@pytest.fixture(scope="module")
def scores():
    folder = os.environ.get("ENGRAM_DATA")
    if not folder:
        pytest.skip("ENGRAM_DATA names no folder")
    found = {}

    def of(name):
        if name not in found:
            try:
                found[name] = subject_scores(name, folder)
            except FileNotFoundError as error:
                pytest.skip(str(error))
        return found[name]

    return of


def halved(data, scores, rng):
    """Two random halves of the people; groups that differ in their conditions are halved each."""
    conditions = scores.assign(condition=scores[list(data.factors)].astype(str).agg("/".join, axis=1))
    groups = conditions.groupby("subject")["condition"].agg(lambda names: tuple(sorted(names)))
    while True:
        first = set()
        for _, members in groups.groupby(groups):
            first |= set(rng.permutation(members.index.to_numpy())[: len(members) // 2])
        chosen = scores["subject"].isin(first)
        yield scores[chosen], scores[~chosen]


@pytest.mark.parametrize("name", LARGE + SMALL)
def test_the_whole_sample_is_the_data_set(scores, name):
    report = compare_tables(scores(name), dataset(name), stand_in="people")
    model = report.models["people"]
    assert model.distance.rmsd < 1e-6  # six decimals are shipped
    assert model.distance.within_ci == 1
    assert [check.name for check in model.ordinal if not check.passed] == []
    assert model.not_applicable == {}
    for check in model.ordinal:
        assert check.statistic == pytest.approx(check.human, abs=1e-5)


@pytest.mark.parametrize("name", LARGE + SMALL)
def test_halves_of_people_lie_at_one_on_the_yardstick(scores, name):
    data = dataset(name)
    found = []
    for one, other in islice(halved(data, scores(name), np.random.default_rng(1)), 40):
        a, b = condition_means(one, data.factors), condition_means(other, data.factors)
        numbers = (a["mean"], a["se"], b["mean"], b["se"], b["low"], b["high"])
        found.append(distance(*(column.to_numpy() for column in numbers), people=True).rmsd_over_replication)
    assert 0.7 < np.sqrt(np.mean(np.square(found))) < 1.4


@pytest.mark.parametrize("name", LARGE)
def test_halves_of_people_show_what_all_show(scores, name):
    data = dataset(name)
    for one, other in islice(halved(data, scores(name), np.random.default_rng(2)), 4):
        half = replace(data, conditions=condition_means(other, data.factors))
        model = compare_tables(one, half, stand_in="people").models["people"]
        assert [check.name for check in model.ordinal if not check.passed] == []


@pytest.mark.parametrize("name", ["page2006-hebb", "grenfell-essam-ward2012-serial", "pazdera-kahana2023-free12"])
def test_people_with_shuffled_conditions_fail(scores, name):
    rng = np.random.default_rng(3)
    people = scores(name)
    shuffled = people.assign(score=people.groupby("subject")["score"].transform(rng.permutation))
    report = compare_tables(shuffled, dataset(name), stand_in="people")
    model = report.models["people"]
    assert report.passed is False
    assert not any(check.passed for check in model.ordinal)
    assert model.distance.rmsd_over_replication > 1.4
    assert model.distance.bias == pytest.approx(0, abs=1e-3)  # the level is right, the shape is not


def test_a_hebb_curve_of_people_lies_where_the_papers_say(scores):
    report = compare_tables(scores("page2006-hebb"), dataset("page2006-hebb"), stand_in="people").json()
    slope = report["ordinal"]["hebb slope above filler slope"]["statistic"]
    assert slope == pytest.approx(0.0152 - 0.0041, abs=1e-4)
    assert sum(report["onset"]["counts"].values()) == 72
