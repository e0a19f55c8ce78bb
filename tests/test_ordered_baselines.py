"""SIMPLE and the primacy model against their formulas."""

from __future__ import annotations

from math import erf, sqrt

import numpy as np
import pytest

from engram.data.patterns import Patterns
from engram.models.ordered import SIMPLE, OrderedModel, PrimacyModel
from engram.protocols import ItemSpec, Protocol, probe, rest, wake
from engram.sim.ordered.simulator import OrderedSimulator
from engram.sim.planning import make_plan
from engram.sim.simulator import register_backend

register_backend("ordered", OrderedSimulator)
SUBJECTS = 1500
WITHIN = 4 / (2 * sqrt(SUBJECTS))  # four standard errors of a proportion of .5
DELAY = 4.0


def outputs(model: OrderedModel, length: int, scoring: str = "strict", delay: float = DELAY, seed: int = 100):
    """Responses of many subjects to one list of items presented for a second each, [subject, output]; -1 for none."""
    schedule = [wake("all"), rest(f"{delay} s"), probe("all", kind="recall", scoring=scoring)]
    protocol = Protocol(name="one-list", items=ItemSpec(set="patterns", count=length), schedule=schedule)
    pool = Patterns(cells=60, active=5, classes=12).pool()
    settings = {"device": "cpu", "threads": 1, "subjects": SUBJECTS}
    plan = make_plan(protocol, {"m": model}, pool, seed, settings, None)
    session = plan.simulators["m"].session(plan.subjects("m", 0))
    for step in plan.timeline.steps[:2]:
        for _ in getattr(session, step.kind)(step):
            pass
    performance = session.probe(plan.timeline.steps[2], np.empty(0, dtype=bool)).performance
    said = np.full((SUBJECTS, length), -1)
    for place, _, columns in session.drain():
        said[place, columns["output_position"] - 1] = columns["response"]
    return said, performance


def logistic(x):
    return 1 / (1 + np.exp(-x))


# --- SIMPLE

PLAIN = {"spread": 0.0, "distinctiveness": 6.0, "slope": 7.0, "threshold": 0.5}


@pytest.mark.parametrize("weight", [1.0, 0.6])
def test_serial_recall_by_simple_is_its_formula(weight):
    n, model = 4, SIMPLE(temporal_weight=weight, output_time=0.5, **PLAIN)
    said, _ = outputs(model, n)
    presented = np.arange(1, n + 1)  # each ends after so many seconds
    for cue in range(n):
        age = np.log(n + DELAY + (cue + 1) * 0.5 - presented)
        distance = weight * np.abs(age - age[cue]) + (1 - weight) * np.abs(np.arange(n) - cue)
        similarity = np.exp(-6.0 * distance)
        share = similarity / similarity.sum()
        expected = share * logistic(7.0 * (share - 0.5))
        found = [(said[:, cue] == item).mean() for item in range(n)]
        assert np.allclose(found, expected, atol=WITHIN)


def test_free_recall_by_simple_is_its_formula_and_the_most_distinct_come_first():
    n = 5
    said, performance = outputs(SIMPLE(output_time=2.0, **PLAIN), n, scoring="free")
    age = np.log(n + DELAY + (1 + n / 2) * 2.0 - np.arange(1, n + 1))
    distinct = 1 / np.exp(-6.0 * np.abs(age[:, None] - age)).sum(axis=1)
    assert np.allclose(performance.mean(axis=0), logistic(7.0 * (distinct - 0.5)), atol=WITHIN)
    rank = np.argsort(np.argsort(-distinct))
    for row in said:
        assert (np.diff(rank[row[row >= 0]]) > 0).all()


def test_ages_that_keep_their_ratios_are_told_apart_as_well():
    """Ten times slower presentation and ten times the delay: scale invariance."""
    pool = Patterns(cells=60, active=5, classes=12).pool()
    level = []
    for scale in (1, 10):
        schedule = [
            wake("all", duration=f"{scale} s"),
            rest(f"{3 * scale} s"),
            probe("all", kind="recall", scoring="free"),
        ]
        protocol = Protocol(name="scaled", items=ItemSpec(set="patterns", count=6), schedule=schedule)
        settings = {"device": "cpu", "threads": 1, "subjects": 50}
        model = SIMPLE(output_time=0.25 * scale, **PLAIN)
        plan = make_plan(protocol, {"m": model}, pool, 100, settings, None)
        session = plan.simulators["m"].session(plan.subjects("m", 0))
        level.append(session.probe(plan.timeline.steps[2], np.empty(0, dtype=bool)).performance)
    assert np.array_equal(*level)


def test_recency_is_lost_with_a_delay():
    """The item before the last one loses more than the second: at the ends, edges help whatever the delay."""
    fresh, late = (outputs(SIMPLE(**PLAIN), 8, "free", delay)[1].mean(axis=0) for delay in (0.5, 60.0))
    assert fresh[-2] > fresh[1]
    assert fresh[-2] - late[-2] > fresh[1] - late[1]


# --- Primacy

QUIET = {"spread": 0.0, "choice_noise": 0.0, "output_noise": 0.0}


def test_without_noise_a_list_comes_back_until_it_is_too_weak():
    """Item i has 7 - i left, halved every second; of the outputs at 5, 6, 7 … s, the first four are above .12."""
    model = PrimacyModel(peak=6.0, decay=np.log(2.0), output_time=1.0, threshold=0.06, **QUIET)
    said, _ = outputs(model, 6)
    strength = (6.0 - np.arange(6)) * 0.5 ** (DELAY + np.arange(1, 7))
    expected = np.where(strength > 0.06, np.arange(6), -1)
    assert expected.tolist() == [0, 1, -1, -1, -1, -1]
    assert (said == expected).all()


def test_two_items_change_places_as_often_as_their_noise_says():
    """P(the second is chosen first) = Φ(-difference / (σ √2)), with a difference of exp(-decay · elapsed)."""
    model = PrimacyModel(decay=0.1, output_time=1.0, threshold=1e-9, spread=0.0, choice_noise=0.7, output_noise=0.0)
    said, _ = outputs(model, 2)
    z = np.exp(-0.1 * (DELAY + 1)) / (0.7 * sqrt(2))
    expected = 0.5 * (1 - erf(z / sqrt(2)))
    assert (said[:, 0] == 1).mean() == pytest.approx(expected, abs=WITHIN)
    assert (np.sort(said, axis=1) == [0, 1]).all()


def test_nothing_comes_twice_and_errors_grow_along_the_list():
    said, performance = outputs(PrimacyModel(), 6, delay=0.0)
    for row in said:
        assert len(set(row[row >= 0])) == (row >= 0).sum()
    level = performance.mean(axis=0)
    assert level[0] > level[1] > level[2] > level[3]
    assert level[5] > level[4]  # the last one has a neighbour on one side only


def test_spread_is_that_of_the_logarithm_of_a_trait():
    from engram.sim.ordered.chance import Chance

    traits = Chance(100, tuple(range(2000))).traits(SIMPLE(spread=0.3, threshold=0.5))
    logs = np.log(traits["threshold"] / 0.5)
    assert logs.mean() == pytest.approx(0, abs=4 * 0.3 / sqrt(2000))
    assert logs.std() == pytest.approx(0.3, rel=0.07)
    assert abs(np.corrcoef(logs, traits["distinctiveness"])[0, 1]) < 0.09
