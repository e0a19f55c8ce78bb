"""The training loop."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...models.deep.augment import NoAugment
from .augmentation import augment
from .gradients import Gradients
from .lessons import Tick
from .objective import Batch, Objective
from .sources import Drawn, Source

if TYPE_CHECKING:
    from ...models.deep.plan import TrainingPlan
    from .workbench import Workbench

VALUES_BETWEEN_TICKS = 2**22
"""Pixels that go by between two places for a checkpoint, in up to 32 updates."""

UPDATES_BETWEEN_LOOKS = 128
"""After so many updates the loss is looked at: earlier would keep a GPU waiting."""


class Diverged(ArithmeticError):
    """A loss is not a finite number."""


class Training:
    """One training, from its first update to its last.

    Parameters
    ----------
    bench : Workbench
    plan : TrainingPlan
    source : Source
    objective : Objective
    updates : int
        In all.
    path : tuple
        Names the random streams of this training.
    """

    def __init__(
        self,
        bench: Workbench,
        plan: TrainingPlan,
        source: Source,
        objective: Objective,
        updates: int,
        path: tuple[str | int, ...],
    ) -> None:
        self.bench, self.plan, self.source, self.objective = bench, plan, source, objective
        self.updates, self.update = updates, 0
        self._path = path
        self._learning = bench.set_learning(plan.parameters)
        self._optimiser = plan.optimiser.build(self._learning)
        self._gradients = Gradients(bench, objective, self._learning)
        self._loss = torch.zeros((), dtype=torch.float64, device=bench.device)
        self._images = 0

    def run(self) -> Iterator[Tick]:
        """Train to the end, from wherever the state is; yields where it may be taken."""
        bench, per_epoch, optimiser = self.bench, self.source.per_epoch, self._optimiser
        constant = self.plan.schedule.kind == "constant" and not self.plan.schedule.warmup
        ticks = self._updates_between_ticks()
        while self.update < self.updates:
            epoch, start = divmod(self.update, per_epoch)
            seeds = bench.rng("augmentation", *self._path, epoch).integers(2**63, size=per_epoch)
            for drawn in self.source.epoch(bench.rng("order", *self._path, epoch), start):
                if not constant:
                    share = self.plan.schedule.share(self.update, self.updates, per_epoch)
                    for weights in optimiser.param_groups:
                        weights["lr"] = share * self.plan.optimiser.learning_rate
                batch = self._batch(drawn, int(seeds[self.update % per_epoch]))
                loss = self._gradients.add_up(batch, list(_parts(batch, bench.model.accumulate)))
                if self.plan.optimiser.clip is not None:
                    nn.utils.clip_grad_norm_(self._learning, self.plan.optimiser.clip)
                with bench.gated_step():
                    optimiser.step()
                optimiser.zero_grad()
                self.objective.after_step(bench.network, batch)
                self._loss += loss * drawn.size
                self._images += drawn.size
                bench.cost.updates += 1
                bench.cost.image_passes += drawn.size
                bench.cost.forward_passes += self.objective.looks * drawn.size
                self.update += 1
                ends = self.update % per_epoch == 0 or self.update == self.updates
                if ends or self.update % UPDATES_BETWEEN_LOOKS == 0:
                    self._look(epoch)
                if ends:
                    self._end_epoch(epoch)
                if ends or self.update % ticks == 0:
                    yield Tick(f"epoch {epoch + 1}", self.update, self.updates)
                if self.update == self.updates:
                    break

    def _batch(self, drawn: Drawn, seed: int) -> Batch:
        bench, images = self.bench, drawn.images
        raw = None
        of_maps = images.dtype != torch.uint8
        if not of_maps:
            raw = images
            if not isinstance(self.plan.augment, NoAugment):
                generator = torch.Generator().manual_seed(seed)
                images = augment(images, self.plan.augment, generator, total=drawn.size, rows=drawn.rows)
            images = bench.normalised(images)
        is_recalled = drawn.items >= 0
        extra = None
        if self.objective.uses_extra and bench.store is not None and is_recalled.any():
            extra = torch.from_numpy(bench.store.extra(drawn.items[is_recalled])).to(bench.device)
        return Batch(
            images=images,
            labels=torch.from_numpy(drawn.labels).to(bench.device),
            is_recalled=is_recalled,
            items=drawn.items,
            extra=extra,
            raw=raw,
            sources=drawn.sources,
            places=drawn.rows,
            size=drawn.size,
            recalled=drawn.recalled,
            of_maps=of_maps,
            share=self.update / self.updates,
            update=self.update,
        )

    def _look(self, epoch: int) -> None:
        if not math.isfinite(self._loss.item()):
            raise Diverged(f"epoch {epoch + 1}")

    def _end_epoch(self, epoch: int) -> None:
        self.bench.record_loss(epoch, self._loss.item() / max(1, self._images))
        self._loss.zero_()
        self._images = 0

    def _updates_between_ticks(self) -> int:
        values = (self.source.batch_size + self.source.replay) * math.prod(self.bench.image_shape)
        return max(1, min(32, VALUES_BETWEEN_TICKS // values))

    # State ------------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, NDArray]:
        state = {
            "update": np.array([self.update, self.updates, self._images], np.int64),
            "loss": self._loss.cpu().numpy().copy(),
        }
        for number, weight in enumerate(self._learning):
            for name, value in self._optimiser.state.get(weight, {}).items():
                if value is not None:
                    state[f"optimiser/{number}/{name}"] = torch.as_tensor(value).cpu().numpy().copy()
        return state | {f"objective/{name}": array for name, array in self.objective.state().items()}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self.update, self.updates, self._images = (int(n) for n in state["update"])
        self._loss.fill_(float(state["loss"]))
        objective: dict[str, NDArray] = {}
        for key, array in state.items():
            part, _, name = key.partition("/")
            if part == "objective":
                objective[name] = array
            elif part == "optimiser":
                number, _, what = name.partition("/")
                weight = self._learning[int(number)]
                value: Any = torch.from_numpy(array.copy())
                if value.ndim and value.shape != weight.shape:
                    raise ValueError(f"{key} has shape {list(value.shape)}; expected {list(weight.shape)}")
                self._optimiser.state[weight][what] = value.to(self.bench.device)
        self.objective.load_state(objective)


def _parts(batch: Batch, count: int) -> Iterator[Batch]:
    """The batch, or so many parts of it, each with its share of the recalled images."""
    if count == 1:
        yield batch
        return
    recalled = np.cumsum(batch.is_recalled) - 1
    for first in range(max(1, min(count, len(batch.labels)))):
        rows = slice(first, None, count)
        mine = batch.is_recalled[rows]
        yield Batch(
            images=batch.images[rows],
            labels=batch.labels[rows],
            is_recalled=mine,
            items=batch.items[rows],
            extra=None if batch.extra is None else batch.extra[torch.from_numpy(recalled[rows][mine])],
            raw=None if batch.raw is None else batch.raw[rows],
            sources=batch.sources[rows],
            places=batch.places[rows],
            size=batch.size,
            recalled=batch.recalled,
            of_maps=batch.of_maps,
            share=batch.share,
            update=batch.update,
        )
