"""What belongs to one subject: its network, its store, its streams of chance, and what has been spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import astuple
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...data.seeds import child_rng, child_seed
from ...models.deep.learner import HIPPOCAMPUS
from .augmentation import at_test
from .cost import Cost
from .gates import gates_state, load_gates_state, mixed_stability
from .gradients import normalise_together
from .lessons import Lesson, Tick
from .loading import BatchLoader
from .network import build_network
from .objective import CrossEntropy, Objective
from .pieces import Pieces
from .planned import source_of, updates_of
from .sources import Source
from .training import Training

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...models.deep.learner import DeepLearner
    from ...models.deep.plan import Parameters, TrainingPlan
    from ...models.stores.store import EpisodicStore
    from ..session import Subjects
    from .distributed import Group
    from .feature_maps import QuantisedMaps

MEAN, STD = 0.5, 0.25
"""Of the pixels, from 0 to 1, in every channel: what inputs are centred and scaled by."""


class Workbench:
    """One subject's things, for a learner to work with.

    Parameters
    ----------
    model : DeepLearner
    subjects : Subjects
        Of exactly one subject.
    device : str
    group : Group
    loader : BatchLoader
        Reads the pool's training images.
    store : EpisodicStore or None

    Attributes
    ----------
    model, store, group, loader
    network : CorticalNetwork
    stability : MixedStability or None
    cost : Cost
    lesion : str
        In force; ``none`` where there is none.
    """

    def __init__(
        self,
        model: DeepLearner,
        subjects: Subjects,
        device: str,
        group: Group,
        loader: BatchLoader,
        store: EpisodicStore | None,
    ) -> None:
        self.model, self.store, self.group = model, store, group
        self.pool: Pool = subjects.pool
        self.device = torch.device(device)
        self.cost, self.lesion = Cost(), "none"
        self._seed, self._number = subjects.seed, subjects.numbers[0]
        self.loader = loader
        self._subjects = subjects
        self.network = build_network(
            model.backbone, self.channels, self.size, subjects.slots, self._seed, "subject", self._number, "weights"
        )
        if group.size > 1 and self.device.type == "cuda":
            normalise_together(self.network)
        on_gpu = self.device.type == "cuda"  # on CPUs the backward pass of some layers dies in this layout (torch 2.13)
        layout = torch.channels_last if model.channels_last and on_gpu else torch.contiguous_format
        self.network = self.network.to(self.device, memory_format=layout)  # type: ignore[call-overload]
        self._layout = layout
        if model.compile is True or (model.compile == "auto" and self.device.type == "cuda"):
            self.network.compile()
        self._trainable = [weight for weight in self.network.parameters() if weight.requires_grad]
        seed = child_seed(self._seed, "subject", self._number, "flexibility").generate_state(1)[0]
        self.stability = mixed_stability(model.mixed_stability, self.network, int(seed))
        self._pieces = Pieces()
        self._gated = False
        self._training: Training | None = None
        self._waiting: Mapping[str, NDArray] = {}
        self._lessons: list[Lesson] = []
        self._losses: list[tuple[int, float]] = []

    # What there is ----------------------------------------------------------------------------------------------------

    @property
    def images(self):  # type: ignore[no-untyped-def]
        """The pool's training images: an array or an `ImageReader`."""
        return self.pool.train.images

    @property
    def channels(self) -> int:
        """Of the images: 1 or 3."""
        return self.pool.image_shape[2] if len(self.pool.image_shape) == 3 else 1

    @property
    def size(self) -> int:
        """Side of the images that the network sees, in pixels."""
        return self.model.augment.size or self.pool.image_shape[0]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channel, height, width) of the images that the network sees."""
        return self.channels, self.size, self.size

    @property
    def finished(self) -> int:
        """Pieces of this phase that are finished."""
        return self._pieces.finished

    @property
    def taught(self) -> list[int]:
        """Slots taught so far, rising."""
        return self.network.taught

    def rng(self, *names: str | int) -> np.random.Generator:
        """The generator of a named stream of this subject; the same names give the same numbers every time."""
        return child_rng(self._seed, "subject", self._number, *names)

    def seen(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All images presented so far, each once with the label it was given last.

        Returns
        -------
        indices, labels : int64 array, [image]
        """
        indices = np.concatenate([lesson.indices for lesson in reversed(self._lessons)])
        labels = np.concatenate([lesson.labels for lesson in reversed(self._lessons)])
        unique, first = np.unique(indices, return_index=True)
        return unique, labels[first]

    @property
    def store_in_use(self) -> EpisodicStore | None:
        """The store; None under a lesion of the hippocampus."""
        return None if self.lesion == HIPPOCAMPUS else self.store

    def lessons_stored(self, before: int) -> int:
        """How many lessons before a step of this index the hippocampus was there to store."""
        return sum(lesson.step.index < before and lesson.step.lesion != HIPPOCAMPUS for lesson in self._lessons)

    # What a learner does with them ------------------------------------------------------------------------------------

    def piece(self, make: Callable[[], Iterator[Tick]]) -> Iterator[Tick]:
        """A piece of a phase: gone on with, or left out, where a resumed phase comes by it again.

        A phase that is resumed is begun again from its first line. Whatever changes the subject must therefore stand in
        a piece. Pieces of a phase come in the same order each time, and do not contain one another. A piece of one's
        own that is interrupted begins again; if it cannot, it must not yield.

        Parameters
        ----------
        make : callable
            Gives the piece as an iterator of ticks; called when it begins.
        """
        return self._pieces.go_through(make)

    def teach(self, slots: NDArray[np.int64]) -> None:
        """Give the network an answer for these slots, where it has none yet."""
        self.network.open([int(slot) for slot in slots])

    def remember(self, lesson: Lesson, *, features: Any | None = None, extra: NDArray | None = None) -> Iterator[Tick]:
        """Write a lesson to the store, as a piece of the phase; nothing under a lesion of the hippocampus.

        Images that are presented again are episodes of their own and stored again, but not where exemplars are chosen
        by herding: those are a set.

        Parameters
        ----------
        lesson : Lesson
        features : float32 array, [image, feature] or [image, channel, height, width], optional
            For stores that choose by features, or keep them; by default, where a store chooses by features, those of
            the network.
        extra : float32 array, [image, value], optional
            Kept beside each image.
        """
        if self.store is None or self.lesion == HIPPOCAMPUS:
            return
        store = self.store

        def write() -> Iterator[Tick]:
            given = features
            looked = self.cost.forward_passes
            if given is None and store.spec.keep == "herding":
                given = self.embed(lesson.indices)
            # Counted at the end, since a piece that is interrupted looks at the images again.
            looked, self.cost.forward_passes = self.cost.forward_passes - looked, looked
            new = _not_held(lesson, store) if store.spec.keep == "herding" else np.arange(len(lesson))
            work: Iterator[str] | None = None
            if self.group.first and len(new):
                work = store.write(
                    self.images,
                    lesson.indices[new],
                    lesson.labels[new],
                    lesson.task,
                    features=given if given is None or len(new) == len(lesson) else given[new],
                    extra=extra if extra is None else extra[new],
                )
            elif self.group.first:
                work = iter(())
            for doing in self.group.lead(work):
                yield Tick(doing)
            self.cost.forward_passes += looked
            self.follow_store()

        yield from self.piece(write)

    def follow_store(self) -> None:
        """Take up, in the other processes, what the first one has written to the store."""
        if self.store is not None and self.group.size > 1:
            outline = self.group.share(self.store.outline() if self.group.first else None)
            if not self.group.first:
                self.store.follow(outline)

    def train(
        self,
        plan: TrainingPlan,
        lesson: Lesson | None = None,
        objective: Objective | None = None,
        *,
        step: int | None = None,
        replayed: NDArray[np.bool_] | None = None,
        source: Source | None = None,
        maps: QuantisedMaps | None = None,
    ) -> Iterator[Tick]:
        """Carry out a plan, as a piece of the phase.

        Parameters
        ----------
        plan : TrainingPlan
        lesson : Lesson, optional
            Needed where the plan learns from one.
        objective : Objective, optional
            Cross-entropy by default.
        step : int, optional
            Index of the step, which names the streams of chance; by default the lesson's.
        replayed : bool array, [slot], optional
            Items that are recalled; all by default.
        source : Source, optional
            Where the batches come from, in place of what the plan says.
        maps : QuantisedMaps, optional
            Feature maps of the lesson, where a plan that learns from it takes them in place of its images.
        """
        number = self._pieces.begun

        def learn() -> Iterator[Tick]:
            at = lesson.step.index if step is None and lesson is not None else int(step or 0)
            path = (at, number) if number else (at,)
            batches = source or source_of(self, plan, lesson, replayed, maps)
            waiting, self._waiting = self._waiting, {}
            updates = 0 if batches is None else updates_of(plan, batches, lesson, self.cost.of_task)
            if batches is None or not (updates or waiting):  # one that was interrupted knows how many it has
                return
            if plan.fresh and not waiting:
                self._draw_again(at)
            # With a single class there is nothing to learn, so that lesson says nothing of how far weights travel.
            self._gated = plan.parameters != "head" and len(self.taught) > 1
            self._training = Training(self, plan, batches, objective or CrossEntropy(), updates, path)
            if waiting:
                self._training.load_state(waiting)
            elif self.stability is not None and self._gated:
                try:
                    self.stability.start_item()
                except ValueError as why:  # the sensitivity cannot be calibrated: the end of this subject alone
                    raise FloatingPointError(str(why)) from None
            yield from self._training.run()
            self._training = None

        yield from self.piece(learn)

    @torch.no_grad()
    def embed(self, indices: NDArray[np.int64], images: object = None) -> NDArray[np.float32]:
        """Features of images, by the network as it is.

        Parameters
        ----------
        indices : int64 array, [image]
        images : array or ImageReader, optional
            By default the pool's training images.

        Returns
        -------
        float32 array, [image, feature]
        """
        features = [self.network.features(batch).float().cpu() for batch in self.inputs(indices, images)]
        self.cost.forward_passes += len(indices)
        return torch.cat(features).numpy()

    def inputs(self, indices: NDArray[np.int64], images: object = None) -> Iterator[Tensor]:
        """Images as the network is tested on them, batch by batch, with the network made ready for tests.

        Parameters
        ----------
        indices, images
            As of `embed`.

        Yields
        ------
        float32 tensor, [image, channel, height, width]
        """
        self.network.eval()
        loader = self.loader if images is None else BatchLoader(images, device=self.device)  # type: ignore[arg-type]
        for batch in loader.epoch(indices, self.model.evaluation_batch_size):
            yield self.to_input(batch.images)

    def to_input(self, images: Tensor) -> Tensor:
        """Images as the network is tested on them.

        Parameters
        ----------
        images : uint8 tensor, [image, channel, height, width]

        Returns
        -------
        float32 tensor, [image, channel, height, width]
            Of the size that the network sees, (x / 255 - 0.5) / 0.25.
        """
        shown = at_test(images, self.model.augment)
        return self.normalised(shown.clone() if shown is images else shown)

    def normalised(self, images: Tensor) -> Tensor:
        """Pixels from 0 to 255 as the network takes them: (x / 255 - 0.5) / 0.25; float ones are changed in place."""
        values = images.to(torch.float32, memory_format=self._layout, copy=images.dtype != torch.float32)
        return values.mul_(1 / (255 * STD)).sub_(MEAN / STD)

    def autocast(self) -> AbstractContextManager[object]:
        """Context in which the network computes in its precision."""
        if self.model.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, torch.bfloat16)

    # What a training needs --------------------------------------------------------------------------------------------

    def set_learning(self, parameters: Parameters) -> list[nn.Parameter]:
        """Let some of the weights learn, and only them; the rest of the network is as in a test."""
        network = self.network
        parts = {"all": (network,), "head": (network.head,)}.get(parameters) or (network.upper, network.head)
        chosen = {id(weight) for part in parts for weight in part.parameters()}
        network.eval()
        for part in parts:
            part.train()
        for weight in self._trainable:
            weight.requires_grad_(id(weight) in chosen)
        return [weight for weight in self._trainable if id(weight) in chosen]

    def gated_step(self) -> AbstractContextManager[None]:
        """Context of one step of the optimiser."""
        return self.stability.step() if self.stability is not None and self._gated else nullcontext()

    def record_loss(self, epoch: int, loss: float) -> None:
        """Note the mean loss of an epoch."""
        self._losses.append((epoch, loss))

    def _draw_again(self, step: int) -> None:
        """Draw all weights again; which answers there are stays."""
        path = ("subject", self._number, "weights", step)
        drawn = build_network(self.model.backbone, self.channels, self.size, self._subjects.slots, self._seed, *path)
        drawn.closed.copy_(self.network.closed)
        self.network.load_state_dict(drawn.state_dict())

    # Phases and state -------------------------------------------------------------------------------------------------

    def begin_phase(self, lessons: list[Lesson], lesion: str) -> None:
        """Get ready for a phase, or for going on with it.

        Parameters
        ----------
        lessons : list of Lesson
            All presented so far, those of this phase included.
        lesion : str
        """
        self._pieces.begun = 0
        self._lessons, self.lesion = lessons, lesion
        if lessons:
            self.cost.begin_task(lessons[-1].task)

    def end_phase(self) -> None:
        """Be ready for the next phase."""
        self._pieces = Pieces()

    def take_losses(self) -> list[tuple[int, float]]:
        """Epochs and mean losses since the last call."""
        losses, self._losses = self._losses, []
        return losses

    def state(self) -> dict[str, NDArray]:
        """Everything but the store."""
        state = {"bench": np.array([self.finished, *astuple(self.cost)], np.int64)}
        state |= {f"network/{n}": t.detach().cpu().numpy().copy() for n, t in self.network.state_dict().items()}
        if self._training is not None:
            state |= {f"training/{name}": array for name, array in self._training.state().items()}
        if self.stability is not None:
            state |= {f"gates/{name}": array for name, array in gates_state(self.stability).items()}
        return state

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        """Go back to a state."""
        finished, *spent = (int(n) for n in state["bench"])
        self.cost, self._pieces = Cost(*spent), Pieces(finished)
        weights = below(state, "network")
        known = self.network.state_dict()
        if set(weights) != set(known):
            raise ValueError(f"the state has {len(weights)} tensors of the network; expected {len(known)}")
        self.network.load_state_dict({name: torch.from_numpy(array.copy()) for name, array in weights.items()})
        self._waiting = below(state, "training")
        if self.stability is not None:
            load_gates_state(self.stability, below(state, "gates"))


def _not_held(lesson: Lesson, store: EpisodicStore) -> NDArray[np.int64]:
    """Places of a lesson's images that a store does not hold under the same label."""
    held = set(zip(store.sources.tolist(), store.labels.tolist(), strict=True))
    pairs = zip(lesson.indices.tolist(), lesson.labels.tolist(), strict=True)
    return np.array([place for place, pair in enumerate(pairs) if pair not in held], np.int64)


def below(state: Mapping[str, NDArray], part: str) -> dict[str, NDArray]:
    """What a state holds under ``part/``, by the rest of its name."""
    return {name.removeprefix(f"{part}/"): array for name, array in state.items() if name.startswith(f"{part}/")}
