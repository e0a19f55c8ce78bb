"""Wake and sleep: a hippocampus of episodes, and a cortex that learns from them at night."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, model_validator
from pydantic.dataclasses import dataclass

from ...protocols import Probe
from .learner import HIPPOCAMPUS, PAPER, SMALL, SMALL_CUES, DeepLearner, Epochs
from .optimisation import Optimiser, Positive, Schedule
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...protocols import Protocol, Step


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Recognition:
    """The route through the hippocampus at test time: what is seen is compared with what is recalled.

    Images are averaged to `side` × `side` places and compared by the cosine of their differences from their own mean, a
    space that no learning changes. The nearest episodes vote, each with its similarity, and the votes and the
    cortex's probabilities are averaged.

    Parameters
    ----------
    neighbours : int
        Episodes that vote.
    weight : float
        Share of the votes in the answer; the cortex has the rest.
    side : int
        Places along a side.
    episodes : int
        Most episodes compared with, drawn evenly from the store.

    Examples
    --------
    >>> Recognition().neighbours
    5
    """

    neighbours: Annotated[int, Field(ge=1, le=1000)] = 5
    weight: Annotated[float, Field(gt=0, le=1)] = 0.5
    side: Annotated[int, Field(ge=1, le=64)] = 8
    episodes: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class Mixing:
    """REM sleep as mixtures of recalled episodes: two images and their labels, in shares λ and 1 - λ.

    Parameters
    ----------
    alpha : float
        λ is drawn from Beta(alpha, alpha), once per batch.
    share : float
        Share of REM in a night whose stages the protocol does not tell.

    Notes
    -----
    The variation is that of Zhang et al. (2018), "mixup: beyond empirical risk minimization", equation 1.

    Examples
    --------
    >>> Mixing(alpha=0.2).share
    0.25
    """

    alpha: Positive = 0.4
    share: Annotated[float, Field(gt=0, le=1)] = 0.25


class BrainCL(DeepLearner):
    """Awake it stores every image and learns with its head; asleep all of it learns from what it recalls.

    The first task is learned asleep only. Both phases learn from images recalled from the store, of all items so far.
    NREM is recall; REM is recall as well, unless ``rem`` says otherwise. A lesion of the hippocampus takes away the
    writing, the replay (a night then changes nothing) and the route of recognition, if there is one.

    With a store of features, what is recalled are quantised feature maps, and they mean something only as long as the
    layers below stay as they were. So the first lesson is learned awake, by the whole network and from its images, for
    ``first_sleep_epochs``; nights before the second lesson change nothing (with ``passes``, they spend what it left of
    them). Then everything up to ``layer`` is frozen for good, and nights train the layers above and the head.
    ``augment`` varies images, so those of the first lesson only.

    The store is one of learned cues unless another is given: with a decoder for each task in the preset ``paper``, with
    the codec of the first task for all in the preset ``small``.

    Parameters
    ----------
    epochs : float
        Awake, of the head; where ``passes`` are given, no more than the share of them that ``epochs`` are of ``epochs``
        and ``sleep_epochs`` together.
    first_sleep_epochs : float
        In the first night.
    sleep_epochs : float
        In the others; what the protocol says of passes goes first.
    wake_optimiser : Optimiser
        Of the head, at a constant rate.
    recognition : Recognition or None
        A route through the hippocampus at test time.
    rem : Mixing or None

    Notes
    -----
    Source: Liu et al. (2025), arXiv 2504.14727. ``preset: paper`` has its numbers: ResNet-18 from scratch, 100
    epochs in the first night and 70 in the others, 1 awake at a rate of 0.1. Its warm-up of 5 epochs is that of the
    first night; the other nights have 20.

    Examples
    --------
    >>> BrainCL(preset="paper").first_sleep_epochs
    100.0
    >>> BrainCL(store="raw", recognition={"neighbours": 1}).recognition.weight
    0.5
    """

    abilities: ClassVar[frozenset[str]] = DeepLearner.abilities | {"lesion", "selective-replay"}
    writes: ClassVar = "first"
    rehearses: ClassVar = ("images", "features")
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {**SMALL, "epochs": 1, "first_sleep_epochs": 5, "sleep_epochs": 5, "store": SMALL_CUES},
        "paper": {
            **PAPER,
            "epochs": 1,
            "first_sleep_epochs": 100,
            "sleep_epochs": 70,
            "night_warmup": 20,
            "store": {"kind": "cues", "channels": 128, "latent": 192, "stride": 16, "decoder": "task", "epochs": 50},
            "wake_optimiser": {"learning_rate": 0.1, "weight_decay": 2e-4},
        },
    }

    kind: Literal["braincl"] = "braincl"
    first_sleep_epochs: Epochs
    night_warmup: Annotated[float, Field(ge=0)] | None = None
    """Epochs of warm-up in the nights after the first; None: as the schedule says."""
    wake_optimiser: Optimiser = Optimiser()
    recognition: Recognition | None = None
    rem: Mixing | None = None

    @model_validator(mode="after")
    def _recognises_images(self) -> Self:
        if self.recognition is not None and self.split_layer is not None:
            raise ValueError(
                "recognition: images are compared with recalled images, and this store gives features; give one of "
                'images, such as "raw", or no recognition'
            )
        return self

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        if step.lesion == HIPPOCAMPUS:
            return None
        if step.kind == "wake":
            if task == 0:
                return None
            return self.learning(
                parameters="head",
                source="recalled",
                optimiser=self.wake_optimiser,
                schedule=Schedule(),
                limit_passes=None,
                most_passes=self._most_passes_awake,
            )
        schedule = self.schedule
        if task > 0 and self.night_warmup is not None:
            schedule = Schedule(kind=schedule.kind, warmup=self.night_warmup, final=schedule.final)
        usual = self.first_sleep_epochs if task == 0 else self.sleep_epochs
        return self.learning(
            parameters=self.above,
            source="recalled",
            epochs=self.epochs_of_night(step, usual),
            schedule=schedule,
            limit_passes=self.limit_of_night(step),
        )

    @property
    def _most_passes_awake(self) -> int | None:
        """Of a task's passes, the share that the waking epochs are of all its epochs; the night has the others."""
        return None if self.passes is None else int(self.passes * self.epochs / (self.epochs + self.sleep_epochs))

    def plan_of_first(self, step: Step) -> TrainingPlan | None:
        return None if step.lesion == HIPPOCAMPUS else self.learning(epochs=self.first_sleep_epochs)

    def check(self, protocol: Protocol, pool: Pool) -> None:
        from ...protocols.protocol import walk

        super().check(protocol, pool)
        for _, element in walk(protocol.schedule):
            lesions = element.lesions if isinstance(element, Probe) else ()
            if HIPPOCAMPUS in lesions and self.recognition is None:
                warnings.warn(
                    f'protocol "{protocol.name}" probes without the hippocampus, but this model answers with the '
                    "cortex alone: give it a route through the hippocampus, such as recognition: {weight: 0.5}",
                    stacklevel=2,
                )
