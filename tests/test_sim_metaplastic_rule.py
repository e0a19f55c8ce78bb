"""A session of two items against the paper's procedure, written again in float64 with autograd."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from engram.data import DigitPairs, child_rng, draw_items
from engram.models import Fixed, MetaplasticNetwork, Pixels, Uniform, auto_sensitivity, encode_pool, gate
from engram.models.teaching import teaching_set
from engram.protocols import ItemSpec, Protocol, unroll, wake
from engram.sim import Settings, Subjects
from engram.sim.metaplastic_session import MetaplasticSession

SEED = 11
PROTOCOL = Protocol(name="two-of-three", items=ItemSpec(count=3, train=8, test=4), schedule=[wake([0, 2]), wake([1])])
FEATURES = Pixels(norm=30.0)


def make_session(model: MetaplasticNetwork, subjects: int = 2) -> MetaplasticSession:
    pool = DigitPairs(train_per_class=8, test_per_class=4).pool()
    timeline = unroll(PROTOCOL)
    numbers = tuple(range(subjects))
    batch = Subjects(
        numbers=numbers,
        seed=SEED,
        pool=pool,
        draws=tuple(draw_items(pool, 3, 8, 4, child_rng(SEED, "subject", k, "items")) for k in numbers),
        presentations=tuple(timeline.presentations(child_rng(SEED, "subject", k, "schedule")) for k in numbers),
    )
    return MetaplasticSession(model, batch, encode_pool(pool, FEATURES), Settings())


def papers_procedure(model: MetaplasticNetwork, subject: int) -> list[np.ndarray]:
    """Weights after the protocol, by the procedure as the paper words it."""
    pool = DigitPairs(train_per_class=8, test_per_class=4).pool()
    features = torch.tensor(encode_pool(pool, FEATURES).train, dtype=torch.float64)
    draw = draw_items(pool, 3, 8, 4, child_rng(SEED, "subject", subject, "items"))
    sizes = [features.shape[1], *model.hidden, 3]
    weights, flexibilities = [], []
    for layer, shape in enumerate(pairwise(sizes)):
        rng = child_rng(SEED, "subject", subject, "weights", layer)
        weights.append(torch.tensor(rng.standard_normal(shape) * np.sqrt(2 / sum(shape)), requires_grad=True))
        rng = child_rng(SEED, "subject", subject, "flexibility", layer)
        flexibilities.append(model.flexibility.sample(shape, rng))
    biases = [torch.zeros(n, dtype=torch.float64, requires_grad=True) for n in sizes[1:]]
    initial = [w.detach().numpy().copy() for w in weights]
    sensitivity = None if model.sensitivity == "auto" else model.sensitivity
    for phase, presentation, item in ((0, 0, 0), (0, 1, 2), (1, 0, 1)):
        rng = child_rng(SEED, "subject", subject, "teaching", phase, presentation)
        images, labels = teaching_set(draw.train, item, item, 0.0, True, rng)
        gates = [
            gate(w.detach().numpy(), w0, f, sensitivity or 0.0)
            for w, w0, f in zip(weights, initial, flexibilities, strict=True)
        ]
        for epoch in range(model.epochs_per_exposure):
            order = child_rng(SEED, "subject", subject, "order", phase, presentation, epoch).permutation(len(images))
            for start in range(0, len(order), model.batch_size):
                chosen = order[start : start + model.batch_size]
                h = features[images[chosen]]
                for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
                    h = h @ w + b
                    h = h.relu() if layer < len(weights) - 1 else h
                torch.nn.functional.cross_entropy(h, torch.tensor(labels[chosen])).backward()
                with torch.no_grad():
                    for w, b, g in zip(weights, biases, gates, strict=True):
                        w -= model.learning_rate * torch.tensor(g) * w.grad
                        b -= model.learning_rate * b.grad
                        w.grad = b.grad = None
        if sensitivity is None:
            moved = np.concatenate([(w.detach().numpy() - w0).ravel() for w, w0 in zip(weights, initial, strict=True)])
            sensitivity = float(auto_sensitivity(np.sqrt(np.mean(moved**2)), model.kappa))
    return [w.detach().numpy() for w in weights]


@pytest.mark.parametrize(
    ("flexibility", "sensitivity"), [(Uniform(), 300.0), (Uniform(), "auto"), (Fixed(0.3), 50.0), (Fixed(1.0), "auto")]
)
def test_session_follows_the_papers_procedure(flexibility: Uniform, sensitivity: float | str) -> None:
    model = MetaplasticNetwork(
        flexibility=flexibility,
        sensitivity=sensitivity,
        encoder=FEATURES,
        hidden=(6, 5),
        learning_rate=0.01,
        batch_size=5,
        epochs_per_exposure=3,
    )
    session = make_session(model)
    initial = [session.weight_snapshot(name) for name in ("hidden1", "hidden2", "output")]
    for step in unroll(PROTOCOL).steps:
        list(session.wake(step))
    for subject in range(2):
        for name, start, expected in zip(
            ("hidden1", "hidden2", "output"), initial, papers_procedure(model, subject), strict=True
        ):
            found = session.weight_snapshot(name)[subject]
            assert np.abs(found - start[subject]).max() > 0.01  # something was learned
            assert_allclose(found, expected, atol=1e-4)  # float32, and gates that magnify its rounding


def test_a_gate_read_at_every_step_differs_from_one_read_per_item() -> None:
    weights = []
    for refresh in ("item", "step"):
        model = MetaplasticNetwork(
            sensitivity=500.0, encoder=FEATURES, hidden=(6,), learning_rate=0.01, batch_size=5, gate_refresh=refresh
        )
        session = make_session(model, subjects=1)
        for step in unroll(PROTOCOL).steps:
            list(session.wake(step))
        weights.append(session.weight_snapshot("hidden1"))
    assert np.abs(weights[0] - weights[1]).max() > 1e-3


def test_auto_with_a_gate_read_at_every_step_is_calibrated_before_learning() -> None:
    settings = {"encoder": FEATURES, "hidden": (6,), "learning_rate": 0.01, "batch_size": 5}
    by_item = make_session(MetaplasticNetwork(gate_refresh="item", **settings))
    by_step = make_session(MetaplasticNetwork(gate_refresh="step", **settings))
    step = unroll(PROTOCOL).steps[0]
    next(iter(by_step.wake(step)))
    list(by_item.wake(step))
    # The rehearsal is the first item learned with open gates: the same distance, so the same sensitivity.
    assert_allclose(by_step.sensitivities(), by_item.sensitivities(), rtol=1e-6)


def test_a_subject_that_diverges_in_its_last_step_is_stopped() -> None:
    """The loss is taken before the step, so weights that the very last step ruins must be found by themselves."""
    settings = {"encoder": FEATURES, "hidden": (6,), "batch_size": 1000, "epochs_per_exposure": 1}
    session = make_session(MetaplasticNetwork(flexibility=Fixed(1.0), learning_rate=1e38, **settings))
    step = unroll(PROTOCOL).steps[1]
    list(session.wake(step))
    assert sorted(session.stopped) == [0, 1]
    assert "loss was not finite in phase 1" in session.stopped[0]
    responses = session.probe(step, np.ones((2, 3), dtype=bool))
    assert np.isnan(responses.performance).all()
    assert (responses.counts == -1).all()


def test_weights_that_do_not_move_stop_the_subject_in_words() -> None:
    session = make_session(MetaplasticNetwork(encoder=FEATURES, hidden=(6,), learning_rate=1e-30))
    list(session.wake(unroll(PROTOCOL).steps[0]))
    assert "sensitivity: auto needs weights that moved" in session.stopped[0]
    assert np.isnan(session.sensitivities()).all()


def test_a_rehearsal_that_diverges_stops_the_subject_in_words() -> None:
    settings = {"encoder": FEATURES, "hidden": (6,), "batch_size": 5, "gate_refresh": "step"}
    session = make_session(MetaplasticNetwork(learning_rate=1e38, **settings))
    list(session.wake(unroll(PROTOCOL).steps[0]))
    assert "loss was not finite in phase 0 (wake), the first item" in session.stopped[0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda state: state.pop("weight0"),
        lambda state: state.update(weight0=np.zeros((1, 1, 1), np.float32)),
        lambda state: state.update(bias1=state["bias1"].astype(np.float64)),
        lambda state: state.update(place=np.array([-7, 99])),
        lambda state: state.update(sensitivity=np.ones(3)),
    ],
)
def test_a_state_that_does_not_fit_is_refused(damage: Callable[[dict], object]) -> None:
    model = MetaplasticNetwork(encoder=FEATURES, hidden=(6,))
    session = make_session(model)
    next(iter(session.wake(unroll(PROTOCOL).steps[0])))
    state = session.state()
    damage(state)
    with pytest.raises((KeyError, ValueError)):
        make_session(model).load_state(state)
