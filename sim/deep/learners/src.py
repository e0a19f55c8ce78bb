"""Sleep replay by spiking noise (SRC), as it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from ....models.deep.sleep_replay import SleepReplay
from ..learner import Learner, learns
from ..lessons import Lesson, Night, Tick
from ..network import CorticalNetwork
from ..objective import Batch, Objective
from ..workbench import MEAN, STD
from .spiking_sleep import spike_gains, spike_step

if TYPE_CHECKING:
    from ....models.deep.plan import TrainingPlan
    from ..workbench import Workbench

STEPS_BETWEEN_TICKS = 50


@learns(SleepReplay)
class SleepReplayLearner(Learner):
    """A network without biases, and what its sleep needs to know: the mean image and the largest activations."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.model: SleepReplay = bench.model  # type: ignore[assignment]
        layers = len(fully_connected(bench.network))
        self._seen = 0
        self._pixels = np.zeros(int(np.prod(bench.image_shape)))
        self._largest = np.array([1.0] + layers * [0.0])

    def objective(self, plan: TrainingPlan, lesson: Lesson | None = None, night: Night | None = None) -> Objective:
        return WithoutBiases()

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        yield from super().wake(lesson)
        yield from self.bench.piece(lambda: self._look_over(lesson))

    def sleep(self, night: Night) -> Iterator[Tick]:
        if self.model.steps and self._seen:
            yield from self.bench.piece(lambda: self._dream(night))

    def scores(self, images: Tensor) -> Tensor:
        return activations(self.bench.network, images)[-1]

    @torch.no_grad()
    def _look_over(self, lesson: Lesson) -> Iterator[Tick]:
        """Take a lesson into the mean image and the largest activations."""
        bench, taught = self.bench, self.bench.taught
        pixels, largest = self._pixels * self._seen, self._largest.copy()
        done = 0
        for batch in bench.inputs(lesson.indices):
            layers = activations(bench.network, batch)
            layers[-1] = layers[-1][:, taught]
            pixels += layers[0].sum(dim=0, dtype=torch.float64).cpu().numpy()
            largest[1:] = np.maximum(largest[1:], [layer.max().item() for layer in layers[1:]])
            done += len(batch)
            if done < len(lesson):
                yield Tick(f"mean of {done:,} images", done, len(lesson))
        self._seen += len(lesson)
        self._pixels, self._largest = pixels / self._seen, largest
        bench.cost.forward_passes += len(lesson)

    @torch.no_grad()
    def _dream(self, night: Night) -> Iterator[Tick]:
        model, network, taught = self.model, self.bench.network, self.bench.taught
        layers = fully_connected(network)
        weights = [layer.weight.clone() for layer in layers[:-1]] + [network.head.weight[taught].clone()]
        potentials = [weight.new_zeros(len(weight)) for weight in weights]
        gains = spike_gains(self._largest.tolist())
        brightest = max(float(self._pixels.max()), np.finfo(float).tiny)
        chance = torch.from_numpy(model.input_rate * self._pixels / brightest)
        seed = self.bench.rng("dream", night.step.index).integers(2**63)
        generator = torch.Generator().manual_seed(int(seed))
        for step in range(1, model.steps + 1):
            fires = torch.rand(chance.shape, generator=generator, dtype=chance.dtype) < chance
            spikes = fires.to(weights[0])
            spike_step(spikes, weights, potentials, gains, model.threshold, model.increase, model.decrease)
            if step % STEPS_BETWEEN_TICKS == 0 and step < model.steps:
                yield Tick(f"time step {step:,}", step, model.steps)
        for layer, weight in zip(layers[:-1], weights[:-1], strict=True):
            layer.weight.copy_(weight)
        network.head.weight[taught] = weights[-1]

    def state(self) -> Mapping[str, NDArray]:
        return {"seen": np.array(self._seen), "pixels": self._pixels.copy(), "largest": self._largest.copy()}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self._seen, self._pixels = int(state["seen"]), state["pixels"].copy()
        self._largest = state["largest"].copy()


class WithoutBiases(Objective):
    """Cross-entropy of a network whose biases take no part."""

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        return functional.cross_entropy(activations(network, batch.images)[-1].float(), batch.labels)


def fully_connected(network: CorticalNetwork) -> list[nn.Linear]:
    """The layers of a network from the first to the head."""
    return [*(layer for layer in network.features.children() if isinstance(layer, nn.Linear)), network.head]


def activations(network: CorticalNetwork, images: Tensor) -> list[Tensor]:
    """What goes through the layers: pixels from 0 to 1, [image, pixel]; of each layer, [image, unit]; logits last."""
    layers = fully_connected(network)
    found = [images.flatten(1) * STD + MEAN]
    for layer in layers[:-1]:
        found.append(functional.relu(functional.linear(found[-1], layer.weight)))
    return [*found, functional.linear(found[-1], layers[-1].weight) + network.closed]
