"""Rules of deep learners written a second time, in plain NumPy, and held against what is simulated."""

from math import log2, tanh

import h5py
import numpy as np
import pytest
import torch

from engram.analysis import accuracy_matrix, continual_scores, tasks_of
from engram.data import child_rng
from engram.data.items import ImagePart, Pool, draw_items
from engram.models.deep import MLP, BrainCL, ExperienceReplay, FineTune
from engram.models.stores import FeatureStore, RawStore
from engram.models.stores.cues.bottleneck import Bottleneck
from engram.models.stores.store import EpisodicStore
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, unroll, wake
from engram.sim import Subjects, run
from engram.sim.deep.distributed import single
from engram.sim.deep.learner import runtime_of
from engram.sim.deep.lessons import Course
from engram.sim.deep.loading import BatchLoader
from engram.sim.deep.workbench import Workbench

SEED, SIZE, EACH = 4, 5, 9


class Network:
    """Two layers, softmax over the classes that are open, cross-entropy, SGD with momentum: all by hand."""

    def __init__(self, weights):
        self.weights = [np.asarray(w, float).copy() for w in weights]  # first layer, its biases, head, its biases

    def begin(self, learning):
        self.learning, self.velocity = learning, [np.zeros_like(w) for w in self.weights]

    def update(self, images, labels, is_open, rate, momentum):
        """One step; gives the mean loss before it."""
        w1, b1, w2, b2 = self.weights
        x = (images.reshape(len(images), -1) / 255 - 0.5) / 0.25
        hidden = np.maximum(x @ w1.T + b1, 0)
        odds = np.exp(hidden @ w2.T + b2) * is_open
        chances = odds / odds.sum(1, keepdims=True)
        error = (chances - np.eye(len(b2))[labels]) / len(labels)
        back = (error @ w2) * (hidden > 0)
        gradients = [back.T @ x, back.sum(0), error.T @ hidden, error.sum(0)]
        for place in self.learning:
            self.velocity[place] = momentum * self.velocity[place] + gradients[place]
            self.weights[place] = self.weights[place] - rate * self.velocity[place]
        return -np.log(chances[np.arange(len(labels)), labels]).mean()


class Subject:
    """A subject of a model, and the same network by hand."""

    def __init__(self, model, folder, schedule):
        rng = np.random.default_rng(0)
        labels = np.repeat(np.arange(4), EACH)
        self.images = rng.integers(0, 256, (len(labels), SIZE, SIZE), dtype=np.uint8)
        part = ImagePart(self.images, labels)
        pool = Pool("noise", tuple("abcd"), part, part, "made here")
        items = ItemSpec(set="digits", count=4, lists={"size": 2, "count": 2})
        timeline = unroll(Protocol(name="two", items=items, schedule=schedule))
        subjects = Subjects(
            numbers=(0,),
            seed=SEED,
            pool=pool,
            draws=(draw_items(pool, 4, None, None, child_rng(SEED, "items")),),
            presentations=(timeline.presentations(0),),
            timeline=timeline,
        )
        self.store = EpisodicStore(model.store, folder / "store", (SIZE, SIZE), rng=lambda *n: child_rng(SEED, *n))
        self.bench = Workbench(model, subjects, "cpu", single(), BatchLoader(self.images), self.store)
        self.learner, self.course, self.steps = runtime_of(model)(self.bench), Course(subjects), timeline.steps
        self.by_hand = Network([w.detach().numpy() for w in self.bench.network.parameters()])

    def phase(self, step):
        """Go through a phase; gives its lesson or night and its mean losses by epoch."""
        self.bench.begin_phase(list(self.course.lessons_until(step)), "none")
        given = self.course.lesson(step) if step.kind == "wake" else self.course.night(step)
        for _ in getattr(self.learner, step.kind)(given):
            pass
        self.bench.end_phase()
        return given, [loss for _, loss in self.bench.take_losses()]

    def stream(self, *names):
        return child_rng(SEED, "subject", 0, *names)

    def agrees(self):
        for mine, theirs in zip(self.by_hand.weights, self.bench.network.parameters(), strict=True):
            np.testing.assert_allclose(mine, theirs.detach().numpy(), rtol=1e-4, atol=1e-6)


SETTINGS = {
    "backbone": MLP(hidden=(7,)),
    "batch_size": 4,
    "replay_batch_size": 3,
    "optimiser": {"learning_rate": 0.1, "momentum": 0.8},
}


def test_experience_replay(tmp_path):
    """Chaudhry 2019, algorithm 1: each batch of the lesson with images drawn evenly from what is stored."""
    subject = Subject(ExperienceReplay(**SETTINGS, epochs=3), tmp_path, [each("list", [wake("current")])])
    net, is_open, stored = subject.by_hand, np.zeros(4, bool), (np.empty((0, SIZE, SIZE)), np.empty(0, int))
    for step in subject.steps:
        lesson, losses = subject.phase(step)
        images, labels = subject.images[lesson.indices], lesson.labels
        is_open[labels] = True
        net.begin([0, 1, 2, 3])
        expected = []
        for epoch in range(3):
            rng = subject.stream("order", step.index, epoch)
            chances = rng.spawn(1)[0].random((5, 3))
            order, total, count = rng.permutation(18), 0.0, 0
            for batch in range(5):
                mine = order[4 * batch : 4 * batch + 4]
                drawn = (chances[batch] * len(stored[1])).astype(int)[: 3 * bool(len(stored[1]))]
                x, y = np.concatenate([images[mine], stored[0][drawn]]), np.append(labels[mine], stored[1][drawn])
                total, count = total + len(y) * net.update(x, y, is_open, 0.1, 0.8), count + len(y)
            expected.append(total / count)
        assert losses == pytest.approx(expected, rel=1e-5)
        subject.agrees()
        stored = subject.images[subject.store.sources], subject.store.labels
    assert subject.bench.cost.image_passes == 3 * 18 + 3 * (18 + 5 * 3)


def test_waking_and_sleeping(tmp_path):
    """Liu 2025: awake one epoch of the head, but not of the first task; asleep all weights; both from all recalled."""
    model = BrainCL(**SETTINGS, store="raw", first_sleep_epochs=3, sleep_epochs=2, wake_optimiser={"momentum": 0})
    subject = Subject(model, tmp_path, [each("list", [wake("current"), sleep()])])
    net, is_open, passes = subject.by_hand, np.zeros(4, bool), 0
    for step in subject.steps:
        given, losses = subject.phase(step)
        if step.kind == "wake":
            is_open[given.slots] = True
        first, awake = given.task == 0, step.kind == "wake"
        stored = subject.images[subject.store.sources], subject.store.labels
        assert len(stored[1]) == 18 * (given.task + 1)  # the current lesson, too
        epochs = (0 if first else 1) if awake else (3 if first else 2)
        net.begin([2, 3] if awake else [0, 1, 2, 3])
        expected = []
        for epoch in range(epochs):
            # Awake, the lesson is stored first, and learning from what is recalled is the second piece.
            path = (step.index, 1, epoch) if awake else (step.index, epoch)
            order, total = subject.stream("order", *path).permutation(len(stored[1])), 0.0
            for start in range(0, len(order), 4):
                mine = order[start : start + 4]
                rate, momentum = (0.05, 0) if awake else (0.1, 0.8)
                total += len(mine) * net.update(stored[0][mine], stored[1][mine], is_open, rate, momentum)
            expected.append(total / len(order))
        assert losses == pytest.approx(expected, rel=1e-5)
        subject.agrees()
        passes += epochs * len(stored[1])
        assert subject.bench.cost.image_passes == passes


def test_bits_of_cues_by_the_factorised_prior():
    """Ballé 2018, appendix 6.1, channel by channel and value by value."""
    density = Bottleneck(2, torch.Generator().manual_seed(0))
    rng = np.random.default_rng(1)
    with torch.no_grad():
        for values in density.parameters():
            values.add_(torch.from_numpy(rng.normal(0, 0.3, values.shape)).float())
    kinds = (density.matrices, density.biases, density.factors)
    matrices, biases, factors = ([values.detach().double().numpy() for values in kind] for kind in kinds)

    def cumulative(channel, value):
        hidden = np.array([value])
        for layer in range(4):
            matrix, bias = matrices[layer][channel], biases[layer][channel][:, 0]
            hidden = np.log1p(np.exp(matrix)) @ hidden + bias
            if layer < 3:
                a = factors[layer][channel][:, 0]
                hidden = np.array([h + tanh(k) * tanh(h) for h, k in zip(hidden, a, strict=True)])
        return 1 / (1 + np.exp(-hidden[0]))

    cues = rng.integers(-6, 7, (3, 2, 2, 4)).astype(np.float32)
    bits = 0.0
    for place in np.ndindex(cues.shape):
        value, channel = float(cues[place]), place[1]
        bits -= log2(cumulative(channel, value + 0.5) - cumulative(channel, value - 0.5))
    assert density.bits(torch.from_numpy(cues)).item() == pytest.approx(bits, rel=1e-5)


def test_product_quantisation():
    """Every position of a map in parts of its channels, each the number of its nearest vector (Jégou 2011)."""
    rng = np.random.default_rng(0)
    maps = rng.normal(0, 1, (6, 4, 3, 2)).astype(np.float32)
    codec = FeatureStore(codebooks=2, entries=5, iterations=3).codec((8, 8), lambda *n: child_rng(0, *n))
    for _ in codec.fit(lambda places: maps[places], len(maps), 0):
        pass
    head = 5 * 4  # five numbers before the books, which are kept in half precision
    books = np.frombuffer(codec.parameters(0), np.float16, offset=head).reshape(2, 5, 2).astype(float)
    codes, recalled = np.zeros((6, 3, 2, 2), np.uint8), np.zeros_like(maps)
    for image, row, column, book in np.ndindex(codes.shape):
        part = maps[image, 2 * book : 2 * book + 2, row, column]
        nearest = min(range(5), key=lambda entry: sum((part - books[book, entry]) ** 2))
        codes[image, row, column, book] = nearest
        recalled[image, 2 * book : 2 * book + 2, row, column] = books[book, nearest]
    symbols = codec.quantise(maps)
    np.testing.assert_array_equal(symbols, codes)
    assert codec.pack(symbols, 0) == codes.tobytes()
    again = codec.reconstruct(codec.working(codec.unpack(codes.tobytes(), 6, 0), 0), 0)
    np.testing.assert_array_equal(again.numpy(), recalled)


def test_measures_of_continual_learning_from_the_file(tmp_path):
    """Read with h5py alone: the last probe within each task, in images rightly named."""
    items = ItemSpec(set="digits", count=6, train=20, test=10, lists={"size": 2, "count": 3})
    schedule = [each("list", [wake("current"), probe("seen"), sleep("1 h"), probe("seen")])]
    settings = {"backbone": MLP(hidden=(16,)), "epochs": 3, "batch_size": 8}
    models = {"finetune": FineTune(**settings), "braincl": BrainCL(**settings, store=RawStore(per_class=4))}
    out = tmp_path / "run.h5"
    recording = run(Protocol(name="three", items=items, schedule=schedule), models, seed=3, subjects=2, out=out)
    performance = recording.performance()
    tasks = tasks_of(recording.presentations(), recording.phases())
    matrix, scores = accuracy_matrix(performance, tasks), continual_scores(performance, tasks)
    with h5py.File(out) as file:
        for name in models:
            for subject in range(2):
                named = file[f"models/{name}/subjects/{subject}/probes/responses"][:]
                right = np.array([np.diag(counts) for counts in named]) / 10  # probe x item; -.1 where not asked
                a = np.full((3, 3), np.nan)
                for after in range(3):
                    for task in range(after + 1):
                        a[after, task] = right[2 * after + 1, 2 * task : 2 * task + 2].mean()
                found = matrix.sel(model=name, subject=subject + int(performance["subject"][0]))
                np.testing.assert_allclose(found.values, a, atol=1e-6)
                row = scores[(scores["model"] == name)].iloc[subject]
                seen = [a[0, 0], a[1, :2].mean(), a[2].mean()]
                assert row["average_incremental"] == pytest.approx(sum(seen) / 3)
                assert row["last"] == pytest.approx(seen[2])
                lost = [max(a[0, 0], a[1, 0]) - a[2, 0], a[1, 1] - a[2, 1]]
                assert row["forgetting"] == pytest.approx(sum(lost) / 2)
                assert row["bwt"] == pytest.approx((a[2, 0] - a[0, 0] + a[2, 1] - a[1, 1]) / 2)
                assert np.isnan(row["fwt"])  # nothing is asked for before it is taught
