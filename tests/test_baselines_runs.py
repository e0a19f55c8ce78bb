"""The baselines as they learn: what pins each of them down, and runs that are stopped anywhere."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from engram.data import child_rng
from engram.data.items import ImagePart, Pool, draw_items
from engram.models.deep import (
    EWC,
    MLP,
    SIESTA,
    BrainCL,
    DarkExperienceReplay,
    ExperienceReplay,
    FineTune,
    ICaRL,
    Joint,
    SleepReplay,
    SmallConvNet,
)
from engram.models.stores import FeatureStore
from engram.models.stores.store import EpisodicStore
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, unroll, wake
from engram.sim import Reporter, Subjects, resume, run
from engram.sim.deep.distributed import single
from engram.sim.deep.learner import runtime_of
from engram.sim.deep.lessons import Course
from engram.sim.deep.loading import BatchLoader
from engram.sim.deep.workbench import Workbench

SIZE, CLASSES, EACH = 8, 4, 12
TINY = {"backbone": MLP(hidden=(9,)), "batch_size": 5, "epochs": 2, "replay_batch_size": 3}
CONV = {**TINY, "backbone": SmallConvNet(width=4)}
NIGHTS = [each("list", [wake("current"), sleep()])]


class Subject:
    """One subject, phase by phase, with its network and store at hand."""

    def __init__(self, model, folder, schedule=NIGHTS, seed=4):
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(CLASSES), EACH)
        images = rng.integers(0, 200, (len(labels), SIZE, SIZE), dtype=np.uint8)
        images[np.arange(len(labels)), labels] = 255  # one bright row tells the class
        part = ImagePart(images, labels)
        pool = Pool("rows", tuple("abcd"), part, part, "made here")
        protocol = Protocol(
            name="rows", items=ItemSpec(set="digits", count=4, lists={"size": 2, "count": 2}), schedule=schedule
        )
        timeline = unroll(protocol)
        subjects = Subjects(
            numbers=(0,),
            seed=seed,
            pool=pool,
            draws=(draw_items(pool, 4, None, None, child_rng(4, "items")),),
            presentations=(timeline.presentations(0),),
            timeline=timeline,
        )
        store = None
        if model.store is not None:
            store = EpisodicStore(model.store, folder / "store", (SIZE, SIZE), rng=lambda *names: child_rng(4, *names))
        self.images, self.steps, self.course = images, timeline.steps, Course(subjects)
        self.bench = Workbench(model, subjects, "cpu", single(), BatchLoader(images), store)
        self.learner = runtime_of(model)(self.bench)
        self.done = 0

    def phase(self):
        """Go through the next phase; returns its lesson or night."""
        step = self.steps[self.done]
        self.bench.begin_phase(list(self.course.lessons_until(step)), "none")
        given = self.course.lesson(step) if step.kind == "wake" else self.course.night(step)
        for _ in getattr(self.learner, step.kind)(given):
            pass
        self.bench.end_phase()
        self.done += 1
        return given

    def all_phases(self):
        for _ in self.steps:
            self.phase()
        return self

    def weights(self):
        return {name: values.clone() for name, values in self.bench.network.state_dict().items()}

    @torch.no_grad()
    def scores(self, indices):
        self.bench.network.eval()
        return torch.cat([self.learner.scores(batch) for batch in self.bench.inputs(indices)])


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


# EWC ------------------------------------------------------------------------------------------------------------------


def test_ewc_without_stiffness_is_fine_tuning_bit_by_bit(tmp_path):
    optimiser = {"learning_rate": 0.05, "clip": 1.0}
    loose = Subject(EWC(stiffness=0, optimiser=optimiser, **TINY), tmp_path).all_phases()
    plain = Subject(FineTune(optimiser=optimiser, **TINY), tmp_path).all_phases()
    assert same(loose.weights(), plain.weights())
    assert loose.bench.cost == plain.bench.cost


def test_ewc_learns_the_first_lesson_as_fine_tuning_does_and_leaves_less_of_what_mattered_in_the_second(tmp_path):
    settings = {**TINY, "epochs": 20, "optimiser": {"learning_rate": 0.02, "momentum": 0, "clip": None}}
    held, plain = (Subject(model, tmp_path) for model in (EWC(stiffness=5000, **settings), FineTune(**settings)))
    for subject in (held, plain):
        subject.phase()
    first = plain.weights()
    assert same(held.weights(), first)
    fisher = {name: values.clone() for name, values in held.learner.springs.curvature.items()}
    for subject in (held, plain):
        subject.phase()
        subject.phase()

    def lost(subject):
        return sum((fisher[name] * (subject.weights()[name] - first[name]) ** 2).sum().item() for name in fisher)

    assert lost(held) < 0.3 * lost(plain)


@pytest.mark.parametrize(("fisher_images", "measured"), [(10, 10), (1000, 24)])
def test_the_fisher_information_comes_out_of_the_passes_of_a_task(tmp_path, fisher_images, measured):
    subject = Subject(EWC(fisher_images=fisher_images, passes=100, **TINY), tmp_path)
    subject.phase()
    epochs, rest = divmod(100 - measured, 24)
    assert subject.bench.cost.image_passes == measured + 24 * epochs + 5 * (rest // 5)


def test_without_stiffness_all_passes_of_a_task_go_to_its_images(tmp_path):
    subject = Subject(EWC(stiffness=0, passes=96, **TINY), tmp_path)
    subject.phase()
    assert subject.bench.cost.image_passes == 96


def test_springs_hang_where_the_lesson_left_the_weights(tmp_path):
    subject = Subject(EWC(**TINY), tmp_path)
    subject.phase()
    springs, weights = subject.learner.springs, subject.weights()
    assert all(torch.equal(springs.lowest[name], weights[name]) for name in springs.lowest)
    assert springs.curvature["head.weight"][subject.bench.taught].abs().sum() > 0
    untaught = [slot for slot in range(CLASSES) if slot not in subject.bench.taught]
    assert springs.curvature["head.weight"][untaught].abs().sum() == 0


# Experience replay ----------------------------------------------------------------------------------------------------


def test_replay_from_a_store_of_everything_is_joint_training_at_equal_passes(tmp_path):
    """On digits, all ten, in five lists; every image counts the same in both from the second list on."""
    protocol = Protocol(
        name="pairs",
        items=ItemSpec(set="digits", count=10, train=100, test=40, lists={"size": 2, "count": 5}),
        schedule=[each("list", [wake("current")]), probe("all")],
    )
    settings = {"backbone": MLP(hidden=(64,)), "passes": 4000, "optimiser": {"learning_rate": 0.02}}
    models = {
        "er": ExperienceReplay(store="raw", batch_size=16, replay_batch_size=48, **settings),
        "joint": Joint(batch_size=64, **settings),
    }
    recording = run(protocol, models=models, subjects=2, seed=1, threads=1, out=tmp_path / "run.h5")
    last = recording.performance().values.mean(axis=-1)[..., -1].mean(axis=1)
    assert last[1] > 0.9
    assert last[0] == pytest.approx(last[1], abs=0.02)


# DER++ ----------------------------------------------------------------------------------------------------------------


def test_every_image_is_stored_once_with_an_answer_of_its_lesson(tmp_path):
    subject = Subject(DarkExperienceReplay(**TINY), tmp_path).all_phases()
    store = subject.bench.store
    assert sorted(store.sources.tolist()) == list(range(CLASSES * EACH))
    items = np.arange(len(store))
    np.testing.assert_array_equal(store.read(items)[:, 0].numpy(), subject.images[store.sources])
    known = np.isfinite(store.extra(items)).sum(axis=1)
    assert known.tolist() == [2 if task == 0 else 4 for task in store.tasks]


def test_images_that_the_protocol_shows_once_are_stored_all_the_same(tmp_path):
    schedule = [each("list", [wake("current", passes=1)])]
    subject = Subject(DarkExperienceReplay(**{**TINY, "epochs": 5}), tmp_path, schedule).all_phases()
    assert sorted(subject.bench.store.sources.tolist()) == list(range(CLASSES * EACH))


def test_without_weight_on_what_is_recalled_der_is_fine_tuning(tmp_path):
    """Its recalled images then only cost: the lesson comes in the order in which fine-tuning meets it."""
    optimiser = {"learning_rate": 0.05, "clip": None}
    dark = Subject(DarkExperienceReplay(alpha=0, beta=0, optimiser=optimiser, **TINY), tmp_path).all_phases()
    plain = Subject(FineTune(optimiser=optimiser, **TINY), tmp_path).all_phases()
    for name, values in plain.weights().items():
        torch.testing.assert_close(dark.weights()[name], values, rtol=1e-4, atol=1e-5)


def test_a_reservoir_of_answers_counts_them_in_bytes(tmp_path):
    subject = Subject(DarkExperienceReplay(store={"kind": "raw", "budget": 2000}, **TINY), tmp_path).all_phases()
    store = subject.bench.store
    assert 0 < store.nbytes <= 2000
    assert store.bytes_by_part()["extra"] >= 4 * CLASSES * len(store)


# iCaRL ----------------------------------------------------------------------------------------------------------------


def test_exemplars_are_those_of_the_definition(tmp_path):
    """Greedy, in the features of the network when the lesson has been learned (no later lesson here)."""
    model = ICaRL(store={"kind": "raw", "per_class": 3}, **TINY)
    subject = Subject(model, tmp_path, [wake("all")])
    lesson = subject.phase()
    store, labels = subject.bench.store, lesson.labels
    for slot in range(CLASSES):
        mine = lesson.indices[labels == slot]
        unit = normalize(torch.from_numpy(subject.bench.embed(mine)).double(), dim=1).numpy()
        chosen = []
        for k in range(1, 4):
            left = [i for i in range(len(mine)) if i not in chosen]
            gaps = [np.linalg.norm(unit.mean(axis=0) - unit[[*chosen, i]].sum(axis=0) / k) for i in left]
            chosen.append(left[int(np.argmin(gaps))])
        assert set(store.sources[store.labels == slot].tolist()) == set(mine[chosen].tolist())


def test_a_lesson_that_is_presented_again_gives_no_exemplar_twice(tmp_path):
    subject = Subject(ICaRL(store={"kind": "raw", "per_class": 5}, **TINY), tmp_path, [wake("all"), wake("all")])
    for _ in range(2):
        subject.phase()
        assert len(set(subject.bench.store.sources.tolist())) == len(subject.bench.store) == 5 * CLASSES


def test_answers_are_the_nearest_mean_of_exemplars(tmp_path):
    subject = Subject(ICaRL(store={"kind": "raw", "per_class": 2}, **TINY), tmp_path)
    subject.phase()
    everything = np.arange(CLASSES * EACH)
    scores = subject.scores(everything)
    taught, store = subject.bench.taught, subject.bench.store
    unit = normalize(torch.from_numpy(subject.bench.embed(everything)), dim=1)
    for slot in range(CLASSES):
        if slot not in taught:
            assert (scores[:, slot] == -torch.inf).all()
            continue
        mean = normalize(unit[store.sources[store.labels == slot]].mean(dim=0), dim=0)
        torch.testing.assert_close(scores[:, slot], -((unit - mean) ** 2).sum(dim=1), rtol=0, atol=1e-5)


def test_answers_follow_the_exemplars_that_a_lesson_has_replaced(tmp_path):
    """Asked in the middle of a lesson, and again when the exemplars have changed without a further update."""
    subject = Subject(ICaRL(store={"kind": "raw", "per_class": 2}, **TINY), tmp_path, [wake("all")])
    step = subject.steps[0]
    subject.bench.begin_phase([subject.course.lesson(step)], "none")
    for _ in subject.learner.wake(subject.course.lesson(step)):
        subject.scores(np.arange(4))
    asked = subject.scores(np.arange(4))
    subject.learner._means = None
    assert torch.equal(asked, subject.scores(np.arange(4)))


def test_exemplars_are_learned_with_the_lesson_once_in_an_epoch(tmp_path):
    subject = Subject(ICaRL(store={"kind": "raw", "per_class": 3}, **TINY), tmp_path)
    for _ in range(3):
        subject.phase()
    assert subject.bench.cost.image_passes == 2 * (2 * EACH) + 2 * (2 * EACH + 2 * 3)


def test_looking_back_on_old_answers_is_counted(tmp_path):
    subject = Subject(ICaRL(store={"kind": "raw", "per_class": 3}, **TINY), tmp_path, [each("list", [wake("current")])])
    subject.phase()
    assert subject.bench.cost.forward_passes == 24  # for herding; there is nothing to look back on yet
    subject.phase()
    assert subject.bench.cost.forward_passes == 24 + 24 + 2 * (24 + 2 * 3)  # every batch of the second lesson, too


# SIESTA ---------------------------------------------------------------------------------------------------------------


MAPS = {"kind": "features", "codebooks": 4, "entries": 16}


def siesta(**settings):
    return SIESTA(store=MAPS, layer="block2", **{**CONV, "sleep_updates": 6, **settings})


def test_the_weight_of_a_class_is_the_mean_of_its_features_as_they_will_be_recalled(tmp_path):
    subject = Subject(siesta(), tmp_path)
    subject.phase()
    network, store = subject.bench.network.eval(), subject.bench.store
    for slot in subject.bench.taught:
        features = network.upper(store.read(np.flatnonzero(store.labels == slot))).detach()
        assert len(features) == EACH
        torch.testing.assert_close(network.head.weight[slot].detach(), features.mean(dim=0), rtol=1e-5, atol=1e-6)


def test_every_image_that_is_looked_at_is_counted(tmp_path):
    subject = Subject(siesta(), tmp_path)
    subject.phase()
    assert subject.bench.cost.forward_passes == 3 * 24  # for the codebooks, the store, and the means
    subject.phase()
    subject.phase()
    assert subject.bench.cost.forward_passes == 3 * 24 + 2 * 24


def test_codebooks_are_learned_from_no_more_images_than_they_need():
    codec = FeatureStore(fit_on=100).codec((8, 8), lambda *names: child_rng(0, *names))
    assert [codec.learned_from(n, 4, 4) for n in (5, 7, 8)] == [5, 7, 7]  # 7 maps of 16 positions


def test_after_the_first_lesson_waking_changes_nothing_but_the_new_weights(tmp_path):
    subject = Subject(siesta(), tmp_path)
    subject.phase()
    subject.phase()
    before, old = subject.weights(), subject.bench.taught
    subject.phase()
    after = subject.weights()
    new = [slot for slot in subject.bench.taught if slot not in old]
    assert not torch.equal(before["head.weight"][new], after["head.weight"][new])
    assert torch.equal(before["head.weight"][old], after["head.weight"][old])
    assert all(torch.equal(before[n], after[n]) for n in before if n.startswith("features"))


def test_a_night_trains_the_layers_above_by_a_fixed_number_of_updates(tmp_path):
    subject = Subject(siesta(), tmp_path)
    subject.phase()
    before, updates = subject.weights(), subject.bench.cost.updates
    subject.phase()
    after = subject.weights()
    assert subject.bench.cost.updates - updates == 6
    changed = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"block3", "weight"}  # of the backbone, and of the head


def test_a_night_spends_what_the_first_lesson_has_left_of_the_passes_of_a_task(tmp_path):
    subject = Subject(siesta(passes=90), tmp_path)
    subject.phase()
    awake = subject.bench.cost.image_passes
    assert awake == 2 * 2 * EACH
    subject.phase()
    assert subject.bench.cost.image_passes == awake + (90 - awake) // 5 * 5


# Sleep replay ---------------------------------------------------------------------------------------------------------


def test_a_night_of_no_steps_changes_no_bit(tmp_path):
    subject = Subject(SleepReplay(steps=0, **TINY), tmp_path)
    subject.phase()
    before = subject.weights()
    subject.phase()
    assert same(subject.weights(), before)


def test_a_night_changes_what_it_should_and_costs_no_image(tmp_path):
    subject = Subject(SleepReplay(steps=20, input_rate=1.0, **TINY), tmp_path)
    subject.phase()
    before, cost = subject.weights(), subject.bench.cost.image_passes
    subject.phase()
    after = subject.weights()
    assert subject.bench.cost.image_passes == cost
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"features.linear1.weight", "head.weight"}
    untaught = [slot for slot in range(CLASSES) if slot not in subject.bench.taught]
    assert torch.equal(before["head.weight"][untaught], after["head.weight"][untaught])


def test_the_mean_image_is_that_of_all_lessons(tmp_path):
    subject = Subject(SleepReplay(steps=0, **TINY), tmp_path).all_phases()
    np.testing.assert_allclose(
        subject.learner._pixels, subject.images.reshape(-1, SIZE**2).mean(axis=0) / 255, atol=1e-6
    )


# Stopped and gone on with ---------------------------------------------------------------------------------------------

DIGITS = Protocol(
    name="two-tasks",
    items=ItemSpec(set="digits", count=4, train=24, test=8, lists={"size": 2, "count": 2}),
    schedule=[each("list", [wake("current"), sleep(), probe("seen")])],
)
LEARNERS = {
    "ewc": EWC(fisher_images=20, evaluation_batch_size=8, **TINY),
    "der": DarkExperienceReplay(store={"kind": "raw", "budget": 3000}, **TINY),
    "icarl": ICaRL(store={"kind": "raw", "per_class": 5}, **TINY),
    "siesta": siesta(evaluation_batch_size=8),
    "er-maps": ExperienceReplay(store=MAPS, evaluation_batch_size=8, **CONV),
    "braincl-maps": BrainCL(store=MAPS, first_sleep_epochs=2, sleep_epochs=2, evaluation_batch_size=8, **CONV),
    "src": SleepReplay(steps=120, **TINY),
}


class Stopping(Reporter):
    def __init__(self, at):
        self.left = at

    def work(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", LEARNERS)
def test_a_run_stopped_again_and_again_ends_in_the_same_bits(name, tmp_path, contents):
    """Each time a little later, since a piece that only looks at images begins again."""
    options = {"models": {name: LEARNERS[name]}, "subjects": 1, "seed": 3, "threads": 1}
    whole = contents(run(DIGITS, out=tmp_path / "whole.h5", **options).path)
    path = tmp_path / "stopped.h5"
    with pytest.raises(KeyboardInterrupt):
        run(DIGITS, out=path, checkpoint_every=0, reporter=Stopping(2), **options)
    for count in range(3, 100):
        try:
            resume(path, checkpoint_every=0, reporter=Stopping(count))
            break
        except KeyboardInterrupt:
            continue
    assert count > 4
    found = contents(path)
    different = {key for key in whole if found.get(key) != whole[key]}
    assert found.keys() == whole.keys()
    assert not different
