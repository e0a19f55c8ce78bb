"""Learners that recall feature maps: what is frozen, what is mixed, what it costs, what is refused."""

import importlib.util
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch

from engram.models.deep import MLP, BrainCL, ExperienceReplay, Joint, Scratch, SmallConvNet
from engram.protocols import ItemSpec, Protocol, each, lesion, probe, wake
from engram.sim import run
from engram.sim.deep.feature_maps import QuantisedMaps
from engram.sim.deep.learner import Learner, learns
from engram.sim.deep.objective import CrossEntropy, Objective

_spec = importlib.util.spec_from_file_location("baselines", Path(__file__).with_name("test_baselines_runs.py"))
baselines = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(baselines)
CONV, EACH, Subject = baselines.CONV, baselines.EACH, baselines.Subject

STORE = {"kind": "features", "codebooks": 4, "entries": 16}
LESSON = 2 * EACH
BELOW = ("features.block1.", "features.block2.")
KINDS = {"er": ExperienceReplay, "braincl": BrainCL}


def learner(kind, **settings):
    own = {"first_sleep_epochs": 3, "epochs": 1, "sleep_epochs": 2} if kind is BrainCL else {}
    return kind(store=STORE, **{**CONV, **own, **settings})


def below(subject):
    return {
        name: values
        for name, values in subject.weights().items()
        if name.startswith(("features.block1.", "features.block2."))
    }


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"backbone": SmallConvNet(width=4, norm="batch"), "accumulate": 2},
        {"mixed_stability": {"sensitivity": 2.0}, "optimiser": {"weight_decay": 0.01, "momentum": 0.9}},
    ],
    ids=["plain", "batch norm in parts", "mixed stability"],
)
def test_the_first_lesson_teaches_all_layers_awake_and_then_those_below_stay_bit_by_bit(kind, settings, tmp_path):
    subject = Subject(learner(kind, **settings), tmp_path)
    drawn = below(subject)
    subject.phase()
    assert any("weight" in name for name in changed(drawn, below(subject)))
    learned = subject.weights()
    subject.phase()
    assert not changed(learned, subject.weights())  # the first night
    frozen = below(subject)
    subject.phase()
    subject.phase()
    assert not changed(frozen, below(subject))
    assert any(name.startswith("features.block3.") for name in changed(learned, subject.weights()))


def test_maps_of_a_lesson_are_what_the_layers_below_give_and_what_the_store_recalls(tmp_path):
    subject = Subject(learner(ExperienceReplay), tmp_path)
    for _ in range(3):
        lesson = subject.phase()
    bench = subject.bench
    books = bench.store.codec.books.numpy()
    given = np.concatenate([bench.network.lower(images).detach().numpy() for images in bench.inputs(lesson.indices)])
    parts = given.transpose(0, 2, 3, 1).reshape(*given.shape[:1], *given.shape[2:], len(books), -1)
    nearest = np.square(parts[..., None, :] - books).sum(axis=-1).argmin(axis=-1)
    expected = np.stack([books[book][nearest[..., book]] for book in range(len(books))], axis=-2)
    expected = expected.reshape(*expected.shape[:3], -1).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(QuantisedMaps(bench, lesson)[np.arange(LESSON)], expected)
    place = {index: number for number, index in enumerate(lesson.indices.tolist())}
    items = np.flatnonzero(bench.store.tasks == 1)
    assert len(items) == LESSON
    for item in items:
        np.testing.assert_array_equal(bench.store.read([item])[0], expected[place[bench.store.sources[item]]])


def test_a_loss_of_ones_own_asks_the_network_for_its_answer_and_need_not_know_of_maps(tmp_path):
    class Twice(ExperienceReplay):
        kind: Literal["twice"] = "twice"

    class Doubled(Objective):
        def loss(self, network, batch):
            return 2 * torch.nn.functional.cross_entropy(network.answer(batch), batch.labels)

    @learns(Twice)
    class TwiceLearner(Learner):
        def objective(self, plan, lesson=None, night=None):
            return Doubled()

    ends = []
    for kind, rate in ((Twice, 0.02), (ExperienceReplay, 0.04)):  # plain SGD: twice the loss is twice the rate
        plain = {"optimiser": {"learning_rate": rate, "momentum": 0.0}}
        subject = Subject(learner(kind, **plain), tmp_path / kind.__name__)
        for _ in range(3):
            subject.phase()
        ends.append(subject.weights())
    for name, values in ends[0].items():
        assert torch.allclose(values, ends[1][name], atol=1e-6), name


def test_er_mixes_quantised_maps_of_the_lesson_with_recalled_ones(tmp_path):
    met = []

    class Watched(ExperienceReplay):
        kind: Literal["watched"] = "watched"

    class Watching(CrossEntropy):
        def loss(self, network, batch):
            met.append(batch)
            return super().loss(network, batch)

    @learns(Watched)
    class WatchedLearner(Learner):
        def objective(self, plan, lesson=None, night=None):
            return Watching()

    subject = Subject(learner(Watched), tmp_path)
    subject.phase()
    assert not any(batch.of_maps for batch in met)
    subject.phase()
    met.clear()
    recalled = subject.bench.store.read(np.arange(LESSON))
    lesson = subject.phase()
    maps = QuantisedMaps(subject.bench, lesson)
    place = {index: number for number, index in enumerate(lesson.indices.tolist())}
    assert len(met) == 2 * 5
    for batch in met:
        assert batch.of_maps
        assert batch.is_recalled.sum() == 3
        for image, item, source, label in zip(batch.images, batch.items, batch.sources, batch.labels, strict=True):
            assert (item < 0) != (source < 0)
            if item >= 0:
                assert torch.equal(image, recalled[item])
            else:
                assert torch.equal(image, maps.read(np.array([place[source]]))[0])
                assert label == lesson.labels[place[source]]
    presented = np.concatenate([batch.sources[~batch.is_recalled] for batch in met])
    assert sorted(presented.tolist()) == sorted(2 * lesson.indices.tolist())


@pytest.mark.parametrize(
    ("kind", "passes", "looks"),
    [
        # Each epoch of the second lesson is 5 batches with 3 recalled maps.
        (ExperienceReplay, [2 * LESSON, 0, 2 * (LESSON + 5 * 3), 0], [2 * LESSON, 0, LESSON, 0]),
        (BrainCL, [3 * LESSON, 0, 2 * LESSON, 2 * 2 * LESSON], [2 * LESSON, 0, LESSON, 0]),
    ],
    ids=KINDS,
)
def test_images_are_looked_at_once_but_for_the_codebooks(kind, passes, looks, tmp_path):
    subject = Subject(learner(kind), tmp_path)
    spent = [(0, 0)]
    for _ in subject.steps:
        subject.phase()
        spent.append((subject.bench.cost.image_passes, subject.bench.cost.forward_passes))
    assert np.diff(spent, axis=0).T.tolist() == [passes, looks]


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_task_costs_the_passes_it_may(kind, tmp_path):
    subject = Subject(learner(kind, passes=200), tmp_path)
    tasks = []
    for _ in range(2):
        subject.phase()
        subject.phase()
        tasks.append(subject.bench.cost.of_task)
    assert all(200 - 8 < task <= 200 for task in tasks)


def test_a_reservoir_of_maps_is_filled_by_the_lesson(tmp_path):
    store = {**STORE, "keep": "reservoir", "per_class": 5}
    model = learner(ExperienceReplay).model_copy(update={"store": ExperienceReplay(store=store).store})
    assert not model.stores_online
    subject = Subject(model, tmp_path).all_phases()
    assert np.bincount(subject.bench.store.labels).tolist() == [5, 5, 5, 5]


def protocol(*schedule):
    items = ItemSpec(set="digits", count=4, train=24, test=8, lists={"count": 2})
    return Protocol(name="two-tasks", items=items, schedule=list(schedule))


def test_without_a_hippocampus_the_layers_above_learn_from_the_images_themselves(tmp_path):
    schedule = [wake([0, 1]), lesion("hippocampus"), wake([2, 3])]
    subject = Subject(learner(ExperienceReplay), tmp_path, schedule)
    subject.phase()
    first = subject.weights()
    bench, step = subject.bench, subject.steps[-1]
    bench.begin_phase(list(subject.course.lessons_until(step)), step.lesion)
    before = bench.cost.forward_passes
    for _ in subject.learner.wake(subject.course.lesson(step)):
        pass
    moved = changed(first, subject.weights())
    assert {"features.block3.conv.weight", "head.weight"} <= moved
    assert not any(name.startswith(BELOW) for name in moved)
    assert bench.cost.forward_passes == before
    assert set(bench.store.tasks.tolist()) == {0}


LAYER = ExperienceReplay(store=STORE, layer="block9", **CONV)
REFUSED = {
    "joint": (Joint(recalled=True, store=STORE, **CONV), 'rehearses images, and a store of kind "features" gives'),
    "scratch": (Scratch(store=STORE, **CONV), 'rehearses images, and a store of kind "features" gives features'),
    "no layers": (learner(BrainCL, backbone=MLP(hidden=(4,))), "kind mlp cannot be split at a layer"),
    "layer": (LAYER, 'no layer "block9" to split at; .* Did you mean "block'),
    "codebooks": (learner(BrainCL, backbone=SmallConvNet(width=3)), "4 codebooks do not divide 6 channels evenly"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_begun(case, tmp_path):
    model, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        run(
            protocol(each("list", [wake("current"), probe("seen")])),
            {"model": model},
            subjects=1,
            out=tmp_path / "a.h5",
        )
    assert not (tmp_path / "a.h5").exists()


def test_maps_cannot_be_compared_with_what_is_seen():
    with pytest.raises(ValueError, match="recognition: images are compared with recalled images"):
        learner(BrainCL, recognition={"neighbours": 3})
