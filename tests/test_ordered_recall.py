"""How the positional network recalls: session by session, without a recording."""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from engram.data.patterns import Patterns
from engram.models import Fixed
from engram.models.ordered import PositionalNetwork
from engram.protocols import ItemSpec, Protocol, each, load, probe, repeat, rest, unroll, wake
from engram.sim.ordered.simulator import OrderedSimulator
from engram.sim.planning import make_plan
from engram.sim.session import Settings
from engram.sim.simulator import register_backend

register_backend("ordered", OrderedSimulator)
POOL = Patterns(cells=300, active=20, classes=96).pool()
SURE = {"noise": 0.0, "threshold": 0.02, "spread": 0.0}
STRICT = {"kind": "recall", "scoring": "strict"}


def protocol_of(*schedule, count=6, **items) -> Protocol:
    return Protocol(
        name="short",
        items=ItemSpec(set="patterns", count=count, **items),
        schedule=list(schedule),
        record={"responses": "none"},
    )


def lists(size, count, **how) -> Protocol:
    schedule = each("list", [wake("current"), probe("current", **{**STRICT, **how})])
    return protocol_of(schedule, count=size * count, lists={"size": size, "count": count})


def session_of(model, protocol, subjects=1, seed=100, chunk=None, pool=POOL):
    settings = {"device": "cpu", "threads": 1, "subjects": subjects}
    plan = make_plan(protocol, {"m": model}, pool, seed, settings, chunk)
    return plan.simulators["m"].session(plan.subjects("m", 0)), plan


def go_through(session, steps):
    """Performance [probe, subject, slot], and rows of the table of recalls by subject."""
    performance, rows = [], []
    for step in steps:
        if step.kind == "probe":
            performance.append(session.probe(step, np.empty(0, dtype=bool)).performance)
        else:
            for _ in getattr(session, step.kind)(step):
                pass
        rows.extend(session.drain())
    return np.array(performance), rows


def recalled(model, protocol, subjects=1, seed=100, chunk=None, pool=POOL):
    session, plan = session_of(model, protocol, subjects, seed, chunk, pool)
    performance, rows = go_through(session, plan.timeline.steps)
    columns = {
        name: np.concatenate([table[name] for _, _, table in rows])
        for name in ("output_position", "input_position", "error_type", "response", "trial")
    }
    places = np.concatenate([np.full(len(table["trial"]), place) for place, _, table in rows])
    return SimpleNamespace(performance=performance, subject=places, **columns)


# --- Without noise


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 1, 0, 2]])
def test_a_single_list_without_noise_comes_back_whole(order):
    protocol = protocol_of(wake(order), probe("all", **STRICT), count=4)
    apart = {"similarity": 0.0, "end_strength": 0.0, "temporal": 0.0}  # so that no place disturbs another
    found = recalled(PositionalNetwork(flexibility=Fixed(1.0), **apart, **SURE), protocol, subjects=8)
    assert (found.performance == 1).all()
    assert found.response.reshape(8, 4).tolist() == [order] * 8


def test_pairs_come_back_by_their_cues():
    protocol = protocol_of(wake([3, 4, 5], cued_by=[0, 1, 2]), probe([3, 4, 5], kind="recall", cued_by=[0, 1, 2]))
    sure = PositionalNetwork(flexibility=Fixed(1.0), learning_rate=1.0, temporal=0.0, context_size=512, **SURE)
    assert (recalled(sure, protocol, subjects=8).performance[0, :, 3:] == 1).all()


def test_nothing_was_presented_and_nothing_comes():
    protocol = protocol_of(probe("all", **STRICT), wake("all"), probe("all", kind="recall", scoring="free"))
    found = recalled(PositionalNetwork(**SURE), protocol, subjects=4)
    assert (found.performance[0] == 0).all()
    assert set(found.error_type[found.trial == 0]) == {b"omission"}


def test_above_the_threshold_alone_something_is_said():
    found = recalled(PositionalNetwork(threshold=50.0, spread=0.0), lists(4, 2), subjects=4)
    assert set(found.error_type) == {b"omission"}


def test_frozen_synapses_remember_nothing():
    found = recalled(PositionalNetwork(flexibility=Fixed(0.0), spread=0.0), lists(6, 8), subjects=40)
    guessing = 1 / 6  # of those who say an item of the list, if the list were all that is known
    assert found.performance[np.isfinite(found.performance)].mean() < guessing


# --- Textbook patterns


@pytest.fixture(scope="module")
def six():
    return recalled(PositionalNetwork(), lists(6, 12), subjects=60)


def by_position(found, length):
    return np.array([(found.error_type[found.output_position == k + 1] == b"correct").mean() for k in range(length)])


def test_primacy_and_recency(six):
    curve = by_position(six, 6)
    assert curve[0] > curve[1] > curve[2] > curve[3]
    assert curve[5] > curve[4] + 0.03


def test_transpositions_go_to_near_places(six):
    moved = np.abs(six.input_position - six.output_position)[six.error_type == b"transposition"]
    share = np.bincount(moved, minlength=6)[1:] / len(moved)
    possible = np.array([5, 4, 3, 2, 1])  # pairs of places at each distance
    assert (np.diff(share / possible) < 0).all()


def test_intrusions_are_of_earlier_lists_and_there_are_none_in_the_first(six):
    intruded = six.error_type == b"intrusion"
    assert intruded.any()
    assert not (intruded & (six.trial == 0)).any()
    assert (six.response[intruded] // 6 < six.trial[intruded]).all()  # list k has the slots 6 k to 6 k + 5


def test_long_lists_are_recalled_worse():
    levels = [by_position(recalled(PositionalNetwork(), lists(n, 6), subjects=40), n).mean() for n in (4, 8, 12)]
    assert levels[0] > levels[1] + 0.1 > levels[2] + 0.15


def test_free_recall_has_recency_and_goes_to_neighbours():
    found = recalled(PositionalNetwork(), lists(12, 6, scoring="free"), subjects=60)
    correct = found.error_type == b"correct"
    curve = np.bincount(found.input_position[correct], minlength=13)[1:] / (60 * 6)
    assert curve[-1] > curve[-2] > curve[5:8].mean()
    assert curve[:2].mean() > curve[5:8].mean()
    assert b"repetition" not in set(found.error_type)
    crp = lag_crp(found, 12)
    assert crp[1] > 1.5 * crp[5]
    assert crp[1] > crp[-1] > 1.2 * crp[-5]


def lag_crp(found, length):
    """Of the moves to each lag that were possible (the item was still to come), the share that was made."""
    made, possible = dict.fromkeys(range(-length, length + 1), 0), dict.fromkeys(range(-length, length + 1), 1e-9)
    for test in np.unique(found.subject * 1000 + found.trial):
        positions = found.input_position[found.subject * 1000 + found.trial == test].tolist()
        left = set(range(1, length + 1))
        for here, there in pairwise(positions):
            left.discard(here)
            if here > 0 and there in left:
                made[there - here] += 1
                for other in left:
                    possible[other - here] += 1
    return {lag: made[lag] / possible[lag] for lag in made}


def test_a_list_that_comes_back_among_fillers_is_learned():
    found = recalled(PositionalNetwork(), load("hebb-and-fillers"), subjects=40)
    level = np.nanmean(found.performance, axis=(1, 2)).reshape(16, 3)  # filler, filler, repeated
    assert level[12:, 2].mean() > level[:2, 2].mean() + 0.3
    assert abs(level[12:, :2].mean() - level[2:6, :2].mean()) < 0.1


def test_what_is_recalled_is_learned_as_if_it_were_presented_there():
    """A list of one item, without a temporal context: recalling it is presenting it again."""

    def weights(*schedule):
        model = PositionalNetwork(temporal=0.0, learning_rate=0.3, **SURE)
        session, plan = session_of(model, protocol_of(*schedule), subjects=5)
        go_through(session, plan.timeline.steps)
        return session.state()["weights"]

    once, twice = weights(wake([0]), probe([0], **STRICT)), weights(wake([0], exposures=2))
    recalled_ = weights(wake([0]), probe([0], learn=True, **STRICT))
    assert np.allclose(recalled_, twice, atol=1e-6)
    assert not np.allclose(recalled_, once, atol=1e-3)
    assert np.array_equal(once, weights(wake([0])))


def test_forgetting_slows_down_with_time():
    """Evenly spread flexibilities lose as much in a day as in the week after it; ordinary synapses all at once."""
    protocol = load("forgetting")
    mixed = recalled(PositionalNetwork(), protocol, subjects=40).performance.mean(axis=(1, 2))
    assert (np.diff(mixed) < 0).all()
    assert mixed[0] - mixed[3] > mixed[3] - mixed[5]
    assert mixed[3] > 0.1
    ordinary = recalled(PositionalNetwork(flexibility=Fixed(1.0)), protocol, subjects=40).performance.mean(axis=(1, 2))
    assert ordinary[2] < 0.05


def test_pairs_that_share_their_cues_interfere():
    changed, control = (
        recalled(PositionalNetwork(), load(name), subjects=40).performance for name in ("ab-ac", "ab-dc")
    )
    kept = [np.nanmean(each_, axis=(1, 2)) for each_ in (changed, control)]
    assert (kept[0] < kept[1] - 0.1).all()
    assert kept[1][2] > kept[1][0]


# --- The same bits

MIXED = protocol_of(
    wake("all"),
    rest("10 min"),
    probe("all", learn=True, **STRICT),
    repeat(2, [wake("all", order="shuffled"), probe("all", kind="recall", scoring="free")]),
    wake([3, 4, 5], cued_by=[0, 1, 2]),
    probe([3, 4, 5], kind="recall", cued_by=[0, 1, 2]),
)


@pytest.mark.parametrize("at", range(9))
def test_a_session_goes_on_from_a_state_to_the_same_bits(at):
    """The state is taken before step `at`, or in the midst of it where that is possible."""
    model = PositionalNetwork()
    session, plan = session_of(model, MIXED, subjects=3)
    steps = plan.timeline.steps
    go_through(session, steps[:at])
    if steps[at].kind != "probe":
        next(iter(getattr(session, steps[at].kind)(steps[at])))
    state = session.state()
    other, _ = session_of(model, MIXED, subjects=3)
    other.load_state(state)
    ended, _ = session_of(model, MIXED, subjects=3)
    whole, _ = go_through(ended, steps)
    part, _ = go_through(other, steps[at:])
    assert np.array_equal(part, whole[len(whole) - len(part) :], equal_nan=True)
    for name, values in ended.state().items():
        assert np.array_equal(values, other.state()[name]), name


def test_a_state_holds_plain_arrays_of_its_own():
    session, plan = session_of(PositionalNetwork(), MIXED, subjects=2)
    go_through(session, plan.timeline.steps[:1])
    state = session.state()
    before = {name: values.copy() for name, values in state.items()}
    go_through(session, plan.timeline.steps[1:])
    assert all(np.array_equal(state[name], values) for name, values in before.items())
    assert all(values.dtype.kind in "fiub" for values in state.values())


def test_a_subject_answers_the_same_whoever_shares_its_batch():
    together, alone = (recalled(PositionalNetwork(), MIXED, subjects=5, chunk=chunk) for chunk in (5, 1))
    first = together.performance[:, :1]
    assert np.array_equal(first, alone.performance, equal_nan=True)


def test_subjects_differ_by_the_declared_spread_alone():
    """Without noise and spread, and with ordinary synapses, only the initial weights and the items differ."""
    level = {}
    for spread in (0.0, 0.6):
        performance = recalled(PositionalNetwork(spread=spread), lists(6, 12), subjects=40).performance
        level[spread] = np.nanmean(performance, axis=(0, 2)).std()
    assert level[0.6] > 1.5 * level[0.0]


def test_a_model_of_another_kind_or_device_is_refused():
    from engram.models import MetaplasticNetwork

    with pytest.raises(ValueError, match="found MetaplasticNetwork"):
        OrderedSimulator(MetaplasticNetwork(), POOL, 4, Settings())
    with pytest.raises(ValueError, match='found device "cuda"'):
        OrderedSimulator(PositionalNetwork(), POOL, 4, Settings(device="cuda"))


def test_a_state_of_other_subjects_is_refused():
    session, _ = session_of(PositionalNetwork(), MIXED, subjects=2)
    other, _ = session_of(PositionalNetwork(), MIXED, subjects=3)
    with pytest.raises(ValueError, match="temporal contexts"):
        session.load_state(other.state())


def test_the_timeline_of_the_mixed_protocol_is_covered():
    assert len(unroll(MIXED)) == 9
