"""The synapses of the positional network, against the rule of `models/synapses.py` in double precision."""

from __future__ import annotations

import numpy as np
import pytest

from engram.models import Fixed, Uniform, gate
from engram.models.flexibility import Flexibility
from engram.models.ordered import PositionalNetwork
from engram.sim.ordered.association import Association
from engram.sim.ordered.chance import Chance

CONTEXT, ITEM = 8, 5
ALL = slice(0, 2)


def association(subjects=2, **settings) -> Association:
    model = PositionalNetwork(**{"context_size": CONTEXT, "item_size": ITEM, **settings})
    return Association(model, Chance(100, tuple(range(subjects))), together=subjects)


def lesson(seed=0, subjects=2):
    rng = np.random.default_rng(seed)
    context = 0.3 * rng.standard_normal((subjects, CONTEXT)).astype(np.float32)
    return context, rng.standard_normal((subjects, ITEM)).astype(np.float32)


def flexibilities(distribution: Flexibility, subjects=2):
    chance = Chance(100, tuple(range(subjects)))
    return np.stack([distribution.sample((CONTEXT, ITEM), chance.rng(k, "flexibility", 0)) for k in range(subjects)])


@pytest.mark.parametrize("distribution", [Uniform(), Fixed(1.0), Fixed(0.3), Fixed(0.0)], ids=lambda d: str(d))
def test_steps_are_those_of_the_rule(distribution):
    synapses = association(flexibility=distribution, sensitivity=3.0)
    f, initial = flexibilities(distribution), synapses.weights.astype(np.float64)
    weights, rate = initial.copy(), np.array([0.5, 0.2], dtype=np.float32)
    for seed in range(4):
        context, item = lesson(seed)
        error = item - np.einsum("sc,sci->si", context, weights)
        weights += gate(weights, initial, f, 3.0) * rate[:, None, None] * context[:, :, None] * error[:, None, :]
        synapses.learn(context, item, rate, ALL)
    assert np.allclose(synapses.weights, weights, atol=1e-6)


def test_frozen_synapses_keep_their_bits():
    synapses = association(flexibility=Fixed(0.0))
    before = synapses.weights.copy()
    synapses.learn(*lesson(), np.ones(2, np.float32), ALL)
    assert np.array_equal(synapses.weights, before)


def test_a_step_too_large_is_the_one_that_corrects_everything():
    synapses = association(flexibility=Fixed(1.0))
    context, item = lesson()
    synapses.learn(5 * context, item, np.full(2, 100, np.float32), ALL)
    assert np.allclose(np.einsum("sc,sci->si", 5 * context, synapses.weights), item, atol=1e-5)


def test_the_sensitivity_is_kappa_over_the_distance_travelled_at_first():
    synapses = association(flexibility=Uniform(), kappa=0.2)
    before = synapses.weights.astype(np.float64)
    synapses.learn(*lesson(), np.full(2, 0.5, np.float32), ALL)
    travelled = np.sqrt(np.square(synapses.weights - before).mean(axis=(1, 2)))
    synapses.calibrate()
    assert synapses.sensitivity == pytest.approx(0.2 / travelled, rel=1e-5)


def test_frozen_synapses_do_not_count_for_the_distance():
    class Half(Flexibility):
        kind = "half"

        def sample(self, shape, rng):
            return np.where(np.arange(shape[0] * shape[1]).reshape(shape) % 2, 1.0, 0.0) * 0.5

    model = PositionalNetwork(context_size=CONTEXT, item_size=ITEM).model_copy(update={"flexibility": Half()})
    synapses = Association(model, Chance(100, (0,)), together=1)
    before = synapses.weights.astype(np.float64)
    context, item = lesson(subjects=1)
    synapses.learn(context, item, np.full(1, 0.5, np.float32), slice(0, 1))
    moved = (synapses.weights - before)[0].ravel()[1::2]
    synapses.calibrate()
    assert synapses.sensitivity == pytest.approx(model.kappa / np.sqrt(np.square(moved).mean()), rel=1e-5)


@pytest.mark.parametrize("sensitivity", [2.0, 50.0])
def test_weights_go_back_with_the_time_constant_of_their_flexibility(sensitivity):
    synapses = association(flexibility=Uniform(), sensitivity=sensitivity)
    initial = synapses.weights.astype(np.float64)
    synapses.learn(*lesson(), np.full(2, 0.5, np.float32), ALL)
    learned = synapses.weights.astype(np.float64)
    synapses.relax(300.0, flexible_time=100.0, stable_time=10_000.0)
    f = flexibilities(Uniform())
    tau = np.exp((1 - f) * np.log(10_000.0) + f * np.log(100.0))
    assert np.allclose(synapses.weights, initial + (learned - initial) * np.exp(-300.0 / tau), atol=1e-5)


def test_two_rests_are_one_long_rest():
    one, two = association(), association()
    for synapses, rests in ((one, [500.0]), (two, [200.0, 300.0])):
        synapses.learn(*lesson(), np.full(2, 0.5, np.float32), ALL)
        synapses.calibrate()
        for seconds in rests:
            synapses.relax(seconds, 100.0, 10_000.0)
    assert np.allclose(one.weights, two.weights, atol=1e-6)


def test_a_state_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="weights have shape"):
        association(2).load_state(association(3).state())
