"""The training loop against a plain torch loop, and what a training costs."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from engram.data import child_rng
from engram.data.items import ImagePart, Pool, draw_items
from engram.models.deep import MLP, ExperienceReplay, FineTune, Joint, SmallConvNet, TrainingPlan
from engram.models.stores import RawStore
from engram.models.stores.store import EpisodicStore
from engram.protocols import ItemSpec, Protocol, unroll, wake
from engram.sim import Subjects
from engram.sim.deep.distributed import single
from engram.sim.deep.lessons import Course
from engram.sim.deep.loading import BatchLoader
from engram.sim.deep.objective import CrossEntropy
from engram.sim.deep.training import Diverged
from engram.sim.deep.workbench import Workbench

SIZE, CLASSES, IMAGES = 6, 3, 30


def pool():
    rng = np.random.default_rng(0)
    labels = np.arange(IMAGES) % CLASSES
    images = rng.integers(0, 256, (IMAGES, SIZE, SIZE), dtype=np.uint8)
    images[np.arange(IMAGES), labels] = 255  # one bright row tells the class
    part = ImagePart(images, labels)
    return Pool("rows", tuple("abc"), part, part, "made here")


def bench_of(model, tmp_path=None, *schedule):
    items = pool()
    protocol = Protocol(name="rows", items=ItemSpec(set="digits", count=3), schedule=list(schedule) or [wake("all")])
    timeline = unroll(protocol)
    subjects = Subjects(
        numbers=(0,),
        seed=4,
        pool=items,
        draws=(draw_items(items, 3, None, None, child_rng(4, "items")),),
        presentations=(timeline.presentations(0),),
        timeline=timeline,
    )
    store = None
    if model.store is not None:
        store = EpisodicStore(model.store, tmp_path / "store", (SIZE, SIZE), rng=lambda *names: child_rng(4, *names))
    bench = Workbench(model, subjects, "cpu", single(), BatchLoader(items.train.images), store)
    lessons = [Course(subjects).lesson(step) for step in timeline.steps]
    bench.begin_phase(lessons, "none")
    bench.teach(np.arange(3))
    return bench, lessons[-1]


def carry_out(ticks):
    return list(ticks)


def weights(bench):
    return {name: values.clone() for name, values in bench.network.state_dict().items()}


def same(first, second):
    return all(bool((first[name] == second[name]).all()) for name in first)


def small(**settings):
    return {"backbone": MLP(hidden=(7,)), "batch_size": 8, "epochs": 2, **settings}


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": {"learning_rate": 0.1, "momentum": 0.8, "weight_decay": 0.01}},
        {"optimiser": {"learning_rate": 0.1, "clip": 0.01}, "schedule": {"kind": "cosine", "warmup": 1, "final": 0.1}},
        {"optimiser": {"kind": "adam", "learning_rate": 0.01}, "schedule": {"kind": "one-cycle"}},
    ],
)
def test_an_update_is_what_a_plain_loop_makes_of_the_same_batches(settings):
    bench, lesson = bench_of(FineTune(**small(**settings)))
    plain = bench_of(FineTune(**small()))[0].network
    given = bench.model.optimiser
    if given.kind == "adam":
        optimiser = torch.optim.Adam(plain.parameters(), given.learning_rate, betas=(0.9, 0.999))
    else:
        optimiser = torch.optim.SGD(plain.parameters(), given.learning_rate, given.momentum, 0, given.weight_decay)
    updates, update = 2 * 4, 0
    for epoch in range(2):
        order = bench.rng("order", 0, epoch).permutation(IMAGES)
        for start in range(0, IMAGES, 8):
            chosen = order[start : start + 8]
            for group in optimiser.param_groups:
                group["lr"] = given.learning_rate * bench.model.schedule.share(update, updates, 4)
            images = torch.from_numpy(bench.images[lesson.indices[chosen]])[:, None]
            optimiser.zero_grad()
            cross_entropy(plain((images / 255 - 0.5) / 0.25), torch.from_numpy(lesson.labels[chosen])).backward()
            if given.clip:
                torch.nn.utils.clip_grad_norm_(plain.parameters(), given.clip)
            optimiser.step()
            update += 1
    carry_out(bench.train(bench.model.learning(), lesson))
    for name, values in plain.state_dict().items():
        assert torch.allclose(bench.network.state_dict()[name], values, rtol=1e-4, atol=1e-6), name
    assert (bench.cost.updates, bench.cost.image_passes) == (8, 60)


def test_a_batch_in_parts_has_the_same_gradient():
    whole, lesson = bench_of(FineTune(**small(backbone=SmallConvNet(width=8))))
    parts, _ = bench_of(FineTune(**small(backbone=SmallConvNet(width=8), accumulate=3)))
    for bench in (whole, parts):
        carry_out(bench.train(bench.model.learning(), lesson))
    for name, values in weights(whole).items():
        assert torch.allclose(parts.network.state_dict()[name], values, rtol=1e-3, atol=1e-5), name
    assert dict(whole.take_losses()) == pytest.approx(dict(parts.take_losses()), rel=1e-4)


def test_the_loss_of_an_epoch_is_the_mean_over_its_images():
    bench, lesson = bench_of(FineTune(**small(optimiser={"learning_rate": 1e-12})))
    images = bench.to_input(torch.from_numpy(bench.images[lesson.indices])[:, None])
    expected = cross_entropy(bench.network(images), torch.from_numpy(lesson.labels)).item()
    carry_out(bench.train(bench.model.learning(), lesson))
    assert [loss for _, loss in bench.take_losses()] == pytest.approx([expected] * 2, rel=1e-5)


def test_only_the_head_learns_where_only_the_head_is_meant():
    bench, lesson = bench_of(FineTune(**small(backbone=SmallConvNet(width=8, norm="batch"))))
    before = weights(bench)
    carry_out(bench.train(bench.model.learning(parameters="head"), lesson))
    changed = {name for name, values in weights(bench).items() if not bool((values == before[name]).all())}
    assert changed == {"head.weight", "head.bias"}
    carry_out(bench.train(bench.model.learning(), lesson))
    changed = {name for name, values in weights(bench).items() if not bool((values == before[name]).all())}
    assert changed == set(before) - {"closed"}


def test_only_the_upper_layers_learn_where_they_are_meant():
    bench, lesson = bench_of(FineTune(**small(backbone=SmallConvNet(width=8, norm="batch"))))
    bench.network.split(bench.model.backbone, "block2")
    before = weights(bench)
    carry_out(bench.train(bench.model.learning(parameters="upper"), lesson))
    changed = {name for name, values in weights(bench).items() if not bool((values == before[name]).all())}
    assert all(name.startswith(("features.block3", "head")) for name in changed)
    assert {"features.block3.conv.weight", "head.weight"} <= changed


def test_fresh_weights_are_other_ones_and_the_same_each_time():
    def after(fresh):
        bench, lesson = bench_of(FineTune(**small(optimiser={"learning_rate": 1e-12})))
        carry_out(bench.train(bench.model.learning(fresh=fresh), lesson))
        return weights(bench)

    assert same(after(True), after(True))
    assert not bool(torch.isclose(after(True)["head.weight"], after(False)["head.weight"]).any())


# Passes --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "updates", "passes"), [(100, 13, 98), (30, 4, 30), (29, 3, 24), (8, 1, 8), (7, 0, 0)]
)
def test_no_more_passes_than_a_task_may_cost(limit, updates, passes):
    bench, lesson = bench_of(FineTune(**small(passes=limit)))
    carry_out(bench.train(bench.model.learning(), lesson))
    assert (bench.cost.updates, bench.cost.image_passes) == (updates, passes)


def test_a_lesson_that_may_be_seen_once_is_seen_once():
    for settings in ({"epochs": 5}, {"passes": 1000}):
        bench, lesson = bench_of(FineTune(**small(**settings)), None, wake("all", passes=1, exposures=2))
        carry_out(bench.train(bench.model.learning(), lesson))
        assert bench.cost.image_passes == 2 * IMAGES


def test_recalled_images_count_as_passes(tmp_path):
    bench, lesson = bench_of(ExperienceReplay(**small(store=RawStore(), replay_batch_size=8, passes=200)), tmp_path)
    carry_out(bench.remember(lesson))
    bench.end_phase()
    carry_out(bench.train(bench.model.learning(source="lesson+recalled", replay_batch_size=8), lesson))
    assert bench.cost.image_passes == 3 * (30 + 4 * 8) + 0  # a further batch of 16 would be more than 200
    assert 200 - bench.cost.image_passes < 16


def test_what_an_earlier_phase_of_the_task_spent_is_counted():
    bench, lesson = bench_of(FineTune(**small(passes=100)))
    carry_out(bench.train(bench.model.learning(limit_passes=None), lesson))
    carry_out(bench.train(bench.model.learning(), lesson))
    assert bench.cost.image_passes == 60 + 40 - 2  # of the last 10, one batch of 8


def test_exposures_are_more_epochs():
    bench, lesson = bench_of(FineTune(**small()), None, wake("all", exposures=3))
    carry_out(bench.train(bench.model.learning(epochs=1.5), lesson))
    assert bench.cost.updates == round(3 * 1.5 * 4)


# Sources -------------------------------------------------------------------------------------------------------------


class Watching(CrossEntropy):
    """Notes what a training shows."""

    def __init__(self):
        self.batches = []

    def after_step(self, network, batch):
        self.batches.append(batch)


def test_everything_seen_is_learned_with_the_last_label():
    bench, _ = bench_of(Joint(**small()), None, wake([0, 1]), wake([0, 1], labels="deranged"), wake([2]))
    watching = Watching()
    carry_out(bench.train(bench.model.learning(source="seen", epochs=1), objective=watching, step=2))
    sources = np.concatenate([batch.sources for batch in watching.batches])
    labels = torch.cat([batch.labels for batch in watching.batches]).numpy()
    assert sorted(sources) == list(range(IMAGES))
    slot_of = np.argsort(bench._subjects.draws[0].classes)[pool().train.labels[sources]]
    assert (labels == np.array([1, 0, 2])[slot_of]).all()


def test_recalled_images_are_the_stored_ones_each_once(tmp_path):
    bench, lesson = bench_of(ExperienceReplay(**small(store=RawStore(per_class=4))), tmp_path)
    carry_out(bench.remember(lesson))
    watching = Watching()
    carry_out(bench.train(bench.model.learning(source="recalled", epochs=1), objective=watching, step=0))
    items = np.concatenate([batch.items for batch in watching.batches])
    assert sorted(items) == list(range(12))
    first = watching.batches[0]
    assert first.is_recalled.all()
    assert bool((first.raw[:, 0] == torch.from_numpy(bench.images[bench.store.sources[first.items]])).all())
    assert torch.allclose(first.images, (first.raw / 255 - 0.5) / 0.25, atol=1e-5)


def test_only_the_items_that_are_replayed_come_back(tmp_path):
    bench, lesson = bench_of(ExperienceReplay(**small(store=RawStore())), tmp_path)
    carry_out(bench.remember(lesson))
    watching, replayed = Watching(), np.array([True, False, True])
    plan = bench.model.learning(source="recalled", epochs=1)
    carry_out(bench.train(plan, objective=watching, step=0, replayed=replayed))
    labels = torch.cat([batch.labels for batch in watching.batches])
    assert (len(labels), set(labels.tolist())) == (20, {0, 2})


def test_replay_is_drawn_evenly_from_the_store(tmp_path):
    bench, lesson = bench_of(ExperienceReplay(**small(store=RawStore(), replay_batch_size=30)), tmp_path)
    carry_out(bench.remember(lesson))
    watching = Watching()
    plan = bench.model.learning(source="lesson+recalled", epochs=50, replay_batch_size=30)
    carry_out(bench.train(plan, lesson, watching))
    items = np.concatenate([batch.items[batch.is_recalled] for batch in watching.batches])
    times = np.bincount(items, minlength=30)
    assert len(items) == 50 * 4 * 30
    assert abs(times - 200).max() < 5 * np.sqrt(200)
    assert all((batch.items[:-30] == -1).all() for batch in watching.batches)


def test_under_a_lesion_nothing_is_written_and_nothing_recalled(tmp_path):
    bench, lesson = bench_of(ExperienceReplay(**small(store=RawStore())), tmp_path)
    carry_out(bench.remember(lesson))
    stored, before = len(bench.store), weights(bench)
    bench.begin_phase([lesson], "hippocampus")
    carry_out(bench.remember(lesson))
    carry_out(bench.train(bench.model.learning(source="recalled"), step=0))
    assert len(bench.store) == stored
    assert same(before, weights(bench))
    watching = Watching()
    carry_out(bench.train(bench.model.learning(source="lesson+recalled", replay_batch_size=8), lesson, watching))
    assert not any(batch.is_recalled.any() for batch in watching.batches)


# Faults and precision ------------------------------------------------------------------------------------------------


def test_a_loss_that_is_not_finite_is_told():
    bench, lesson = bench_of(FineTune(**small(optimiser={"learning_rate": 1e30}, epochs=4)))
    with pytest.raises(Diverged, match="epoch"):
        carry_out(bench.train(bench.model.learning(), lesson))


def test_bf16_learns_in_lower_precision_and_keeps_its_weights_in_full():
    full, lesson = bench_of(FineTune(**small()))
    half, _ = bench_of(FineTune(**small(precision="bf16")))
    for bench in (full, half):
        carry_out(bench.train(bench.model.learning(), lesson))
    assert half.network.head.weight.dtype == torch.float32
    a, b = full.network.head.weight, half.network.head.weight
    assert not bool((a == b).all())
    assert torch.allclose(a, b, atol=0.02)


def test_on_a_cpu_the_layout_of_images_changes_no_bit():
    usual, lesson = bench_of(FineTune(**small(backbone=SmallConvNet(width=4))))
    other, _ = bench_of(FineTune(**small(backbone=SmallConvNet(width=4), channels_last=True)))
    for bench in (usual, other):
        carry_out(bench.train(bench.model.learning(), lesson))
    assert bool((usual.network.head.weight == other.network.head.weight).all())


def test_gates_of_mixed_stability_hold_back_what_has_moved():
    settings = {"mixed_stability": {"flexibility": {"kind": "fixed", "value": 0.0}, "layers": "last"}}
    bench, lesson = bench_of(FineTune(**small(**settings)))
    before = weights(bench)
    carry_out(bench.train(bench.model.learning(), lesson))
    after = weights(bench)
    assert bool((after["head.weight"] == before["head.weight"]).all())  # flexibility 0 is frozen
    assert not bool((after["features.linear1.weight"] == before["features.linear1.weight"]).any())


def test_a_plan_without_its_lesson_is_told():
    bench, _ = bench_of(FineTune(**small()))
    with pytest.raises(ValueError, match="none was given"):
        carry_out(bench.train(TrainingPlan(), step=0))


def test_a_training_with_one_small_batch_of_its_passes_left_is_gone_on_with(monkeypatch):
    """What is left then, 6 images of 60, is less than a batch of 8, and the last batch of an epoch all the same."""
    monkeypatch.setattr("engram.sim.deep.training.VALUES_BETWEEN_TICKS", 1)
    model = FineTune(**small(passes=60))
    bench, lesson = bench_of(model)
    ticks = bench.train(model.learning(), lesson)
    for _ in range(7):
        next(ticks)
    again, lesson = bench_of(model)
    again.load_state(bench.state())
    again.begin_phase([lesson], "none")
    carry_out(again.train(model.learning(), lesson))
    carry_out(ticks)
    assert again.cost == bench.cost
    assert same(weights(again), weights(bench))
    assert (again.cost.updates, again.cost.image_passes) == (8, 60)
