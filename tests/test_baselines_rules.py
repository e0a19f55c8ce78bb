"""The rules of the baselines as functions, against answers worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

torch = pytest.importorskip("torch")

from engram.models.stores.herding import herd  # noqa: E402
from engram.sim.deep.learners.class_means import add_to_class_means, balanced_draw  # noqa: E402
from engram.sim.deep.learners.dark_logits import dark_distances, kept_answers  # noqa: E402
from engram.sim.deep.learners.exemplar_means import (  # noqa: E402
    classification_and_distillation,
    exemplar_means,
    nearest_mean_scores,
)
from engram.sim.deep.learners.fisher import QuadraticPenalty, diagonal_fisher  # noqa: E402
from engram.sim.deep.learners.spiking_sleep import spike_gains, spike_step  # noqa: E402

NAN = float("nan")


def generator(seed: int = 0) -> "torch.Generator":
    return torch.Generator().manual_seed(seed)


# Fisher information ---------------------------------------------------------------------------------------------------


def test_fisher_of_a_softmax_layer_is_that_of_its_formula():
    """F of weight (k, d) is E[x_d² p_k (1 - p_k)], averaged over labels drawn from p."""
    torch.manual_seed(1)
    weight = torch.randn(3, 2, requires_grad=True)
    images = torch.randn(5, 1, 2)
    repeated = [image[None] for image in images for _ in range(1000)]
    fisher = diagonal_fisher({"weight": weight}, lambda x: x.flatten(1) @ weight.T, repeated, generator())["weight"]
    flat = images.flatten(1)
    chances = torch.softmax(flat @ weight.detach().T, dim=1)
    expected = torch.einsum("nk,nd->kd", chances * (1 - chances), flat**2) / len(flat)
    torch.testing.assert_close(fisher, expected, rtol=0.1, atol=0.005)


def test_fisher_uses_the_networks_own_labels():
    """Sure of class 0, the network has nothing to learn, whatever the images' labels are."""
    logit = torch.tensor([100.0], requires_grad=True)
    fisher = diagonal_fisher(
        {"logit": logit}, lambda _: torch.cat([logit, torch.zeros(1)])[None], [torch.zeros(1)], generator()
    )
    assert fisher["logit"].item() == 0


def test_fisher_skips_classes_without_an_output_and_parameters_without_a_part():
    logits = torch.zeros(2, requires_grad=True)
    idle = torch.ones(3, requires_grad=True)
    masked = torch.tensor([False, True])
    fisher = diagonal_fisher(
        {"logits": logits, "idle": idle},
        lambda _: torch.where(masked, -torch.inf, logits)[None],
        [torch.zeros(1)] * 3,
        generator(),
    )
    assert fisher["logits"].tolist() == [0, 0]  # one class left: p = 1
    assert fisher["idle"].tolist() == [0, 0, 0]


def test_fisher_without_images_is_refused():
    with pytest.raises(ValueError, match="at least one image"):
        diagonal_fisher({"w": torch.ones(1)}, lambda x: x, [], generator())


def test_penalty_of_two_tasks_by_hand():
    """½·2·(w-1)² + ½·6·(w-5)² = ½·8·(w-4)² + 24: the constant is left out."""
    penalty = QuadraticPenalty()
    penalty.add({"w": torch.tensor([2.0])}, {"w": torch.tensor([1.0])})
    penalty.add({"w": torch.tensor([6.0])}, {"w": torch.tensor([5.0])})
    assert penalty({"w": torch.tensor([4.0])}).item() == 0
    assert penalty({"w": torch.tensor([6.0])}).item() == 16


@given(
    arrays.arrays(np.float64, (4, 3), elements=st.floats(0, 10)),
    arrays.arrays(np.float64, (5, 3), elements=st.floats(-5, 5)),
)
def test_penalty_pulls_as_the_sum_of_its_tasks(fishers, places):
    """The gradient, which is all that learning sees, is Σ F_t (θ - θ_t)."""
    penalty = QuadraticPenalty()
    for fisher, place in zip(fishers, places[:4], strict=True):
        penalty.add({"w": torch.from_numpy(fisher)}, {"w": torch.from_numpy(place)})
    here = torch.from_numpy(places[4]).requires_grad_()
    penalty({"w": here}).backward()
    expected = (fishers * (places[4] - places[:4])).sum(axis=0)
    np.testing.assert_allclose(here.grad, expected, atol=1e-9)


def test_weights_that_never_mattered_are_free_wherever_they_are():
    penalty = QuadraticPenalty()
    penalty.add({"w": torch.tensor([0.0, 1.0])}, {"w": torch.tensor([3.0, 3.0])})
    penalty.add({"w": torch.tensor([0.0, 0.0])}, {"w": torch.tensor([7.0, 7.0])})
    assert penalty({"w": torch.tensor([-50.0, 5.0])}).item() == 2.0
    assert penalty.lowest["w"].tolist() == [7.0, 3.0]


# Dark experience ------------------------------------------------------------------------------------------------------


def test_answers_are_held_against_the_classes_of_their_time():
    logits = torch.tensor([[1.0, 2.0, 9.0], [0.0, 0.0, 0.0]], requires_grad=True)
    kept = torch.tensor([[0.0, 4.0, NAN], [3.0, NAN, NAN]])
    distance = dark_distances(logits, kept).mean()
    assert distance.item() == (2.5 + 9) / 2
    distance.backward()
    # ∂/∂z of ½ Σ_images mean over known classes of (z - k)²
    assert logits.grad.tolist() == [[0.5, -1.0, 0.0], [-3.0, 0.0, 0.0]]


def test_untaught_outputs_of_minus_infinity_do_no_harm():
    logits = torch.tensor([[1.0, -torch.inf]], requires_grad=True)
    kept = kept_answers(logits, torch.tensor([True, False]))
    distance = dark_distances(logits, kept).mean()
    distance.backward()
    assert distance.item() == 0
    assert logits.grad.tolist() == [[0, 0]]


# iCaRL ----------------------------------------------------------------------------------------------------------------


def test_class_means_lie_on_the_unit_sphere():
    features = torch.tensor([[2.0, 0.0], [0.0, 0.5], [0.0, -3.0]])
    labels = torch.tensor([0, 0, 2])
    means = exemplar_means([(features[:1], labels[:1]), (features[1:], labels[1:])], 3)
    root = 0.5**0.5
    torch.testing.assert_close(means, torch.tensor([[root, root], [NAN, NAN], [0.0, -1.0]]), equal_nan=True)


def test_means_of_no_exemplars_are_refused():
    with pytest.raises(ValueError, match="at least one exemplar"):
        exemplar_means([], 3)


def test_nearest_mean_is_the_nearest_of_the_definition():
    rng = np.random.default_rng(3)
    features, means = rng.standard_normal((20, 4)), rng.standard_normal((5, 4))
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    means[2] = np.nan
    scores = nearest_mean_scores(torch.from_numpy(features), torch.from_numpy(means)).numpy()
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    distance = np.linalg.norm(unit[:, None] - means[None], axis=2)
    np.testing.assert_allclose(scores[:, [0, 1, 3, 4]], -(distance[:, [0, 1, 3, 4]] ** 2), atol=1e-12)
    assert (scores[:, 2] == -np.inf).all()
    assert (scores.argmax(axis=1) == np.nanargmin(distance, axis=1)).all()


def test_distillation_by_hand():
    """Slot 0 is old (it answered .8), slots 1 and 2 are new, slot 3 has not been taught."""
    logits = torch.log(torch.tensor([[0.25, 0.5, 0.8, 1.0]]) / torch.tensor([[0.75, 0.5, 0.2, 1.0]]))
    before = torch.log(torch.tensor([[0.8, 0.5, 0.5, 0.5]]) / torch.tensor([[0.2, 0.5, 0.5, 0.5]]))
    taught, kept = torch.tensor([True, True, True, False]), torch.tensor([True, False, False, False])
    loss = classification_and_distillation(logits, torch.tensor([1]), taught, before, kept)
    expected = -(0.8 * np.log(0.25) + 0.2 * np.log(0.75)) - np.log(0.5) - np.log(1 - 0.8)
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_an_exemplar_of_an_old_class_is_distilled_and_not_labelled():
    """Algorithm 3: the label of an old class stands in no output's target."""
    before = torch.zeros(1, 2)
    taught, kept = torch.tensor([True, True]), torch.tensor([True, False])
    logits = torch.tensor([[2.0, -1.0]])
    as_old = classification_and_distillation(logits, torch.tensor([0]), taught, before, kept)
    expected = np.log1p(np.exp(-2.0)) * 0.5 + np.log1p(np.exp(2.0)) * 0.5 + np.log1p(np.exp(-1.0))
    assert as_old.item() == pytest.approx(expected, rel=1e-5)


@given(arrays.arrays(np.float64, (7, 3), elements=st.floats(-1, 1).map(lambda x: round(x, 3)), unique=True))
def test_herding_picks_what_the_definition_picks(features):
    """Algorithm 4, word for word: the k-th exemplar brings the mean of the first k nearest to the class mean."""
    norms = np.linalg.norm(features, axis=1, keepdims=True)
    if (norms < 1e-3).any():
        return
    unit = features / norms
    chosen: list[int] = []
    order = herd(features, 5)
    for k in range(1, 6):
        left = [i for i in range(7) if i not in chosen]
        distances = [np.linalg.norm(unit.mean(axis=0) - unit[[*chosen, i]].sum(axis=0) / k) for i in left]
        picked = int(order[k - 1])
        assert picked in left
        assert distances[left.index(picked)] == pytest.approx(min(distances), abs=1e-9)
        chosen.append(picked)


# SIESTA ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(1, 11))
def test_running_means_are_the_class_means_however_the_stream_is_cut(labels, cut):
    features = np.random.default_rng(len(labels)).standard_normal((len(labels), 2)).astype(np.float32)
    means, counts = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
    for part in (slice(0, cut), slice(cut, None)):
        add_to_class_means(means, counts, torch.from_numpy(features[part]), torch.tensor(labels[part]).long())
    for slot in range(4):
        mine = np.array(labels) == slot
        assert counts[slot] == mine.sum()
        expected = features[mine].mean(axis=0) if mine.any() else np.zeros(2)
        np.testing.assert_allclose(means[slot], expected, atol=1e-5)


def test_rehearsal_is_balanced_over_unequal_classes():
    labels = torch.tensor([7] * 90 + [2] * 9 + [5])
    drawn = balanced_draw(labels, 30_000, generator())
    shares = torch.bincount(labels[drawn], minlength=8)[[2, 5, 7]] / 30_000
    assert shares.tolist() == pytest.approx([1 / 3] * 3, abs=0.01)
    within = torch.bincount(drawn, minlength=100)[:90] / 10_000
    assert within.tolist() == pytest.approx([1 / 90] * 90, abs=0.006)


# Sleep replay ---------------------------------------------------------------------------------------------------------


def test_gains_make_every_layer_reach_one_threshold_at_its_largest_activation():
    """A chain of one unit each: 2 · 3 · .5; all weights normalised are 1."""
    weights, largest = [2.0, 3.0, 0.5], [1.0, 2.0, 6.0, 3.0]
    assert [w * g for w, g in zip(weights, spike_gains(largest), strict=True)] == [1.0, 1.0, 1.0]
    assert spike_gains([1.0, 0.0, 2.0]) == [0.0, 0.0]


def test_two_layers_of_spikes_by_hand():
    first, second = torch.tensor([[0.5, 0.25], [0.25, 0.0]]), torch.tensor([[4.0, 1.0]])
    potentials = [torch.zeros(2), torch.tensor([-2.5])]
    step = {"gains": [2.0, 1.0], "threshold": 0.75, "increase": 0.5, "decrease": 0.125}
    # Drive of the first layer 2 · [.5, .25]: only unit 0 fires, and its first synapse grows while the second shrinks.
    fired = spike_step(torch.tensor([1.0, 0.0]), [first, second], potentials, **step)
    assert [f.tolist() for f in fired] == [[1.0, 0.0], [1.0]]
    assert first.tolist() == [[1.0, 0.125], [0.25, 0.0]]
    assert second.tolist() == [[4.5, 0.875]]
    assert [p.tolist() for p in potentials] == [[0.0, 0.5], [0.0]]
    # Without input nothing fires in the first layer, and nothing changes.
    fired = spike_step(torch.zeros(2), [first, second], potentials, **step)
    assert [f.tolist() for f in fired] == [[0.0, 0.0], [0.0]]
    assert first.tolist() == [[1.0, 0.125], [0.25, 0.0]]
