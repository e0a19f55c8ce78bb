"""What every deep learner has in common: one network per subject, an optimiser, and perhaps an episodic store."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import ConfigDict, Field, PlainSerializer, PlainValidator, model_validator
from pydantic.dataclasses import dataclass

from ...data.wording import one_of
from ...protocols import Each, Lesion, Probe
from ...protocols.problems import shown
from ..base import Model
from ..by_kind import read_kind, write_kind
from ..flexibility import Flexibility, Uniform
from ..stores.spec import AnyStore, FeatureStore
from .augment import Augment, NoAugment
from .backbone import AnyBackbone, SmallConvNet
from .optimisation import Optimiser, Positive, Schedule
from .plan import Parameters, TrainingPlan

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...protocols import Protocol, Sleep, Step

AnyAugment = Annotated[Augment, PlainValidator(partial(read_kind, Augment)), PlainSerializer(write_kind)]
AnyFlexibility = Annotated[Flexibility, PlainValidator(partial(read_kind, Flexibility)), PlainSerializer(write_kind)]
Epochs = Annotated[float, Field(gt=0, le=100_000, allow_inf_nan=False)]
HIPPOCAMPUS = "hippocampus"
"""The one part of these models that a lesion can take away: the store, and all that comes of it."""

BatchSize = Annotated[int, Field(ge=1, le=1_000_000)]


@dataclass(frozen=True, kw_only=True, config=ConfigDict(extra="forbid"))
class MixedStabilityCortex:
    """Mixed-stability synapses in the cortex (see `engram.models.MixedStability`).

    Gates are read when the main learning of a task begins, which is what an item is to the rule.

    Parameters
    ----------
    flexibility : Flexibility
    sensitivity : float or "auto"
        In units of 1 / weight; ``"auto"`` calibrates it when the second task begins.
    layers : {"all", "last"}
        Which weights are gated: those of all layers, or those of the classifier.

    Examples
    --------
    >>> MixedStabilityCortex(layers="last").sensitivity
    'auto'
    """

    flexibility: AnyFlexibility = Uniform()
    sensitivity: Positive | Literal["auto"] = "auto"
    layers: Literal["all", "last"] = "all"


SMALL: dict[str, Any] = {}
"""What the fields' own defaults say: 28 to 64 pixels, on a CPU."""

SMALL_CUES: dict[str, Any] = {"kind": "cues", "decoder": "first"}
"""A network sees from which decoder an image comes, and learns it: where tasks have one codec, it learns images."""

PAPER: dict[str, Any] = {
    "backbone": {"kind": "resnet", "depth": 18},
    "optimiser": {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 2e-4},
    "schedule": {"kind": "cosine", "warmup": 5, "final": 0.01},
    "batch_size": 128,
    "epochs": 70,
    "sleep_epochs": 70,
    "augment": {"kind": "resized-crop-flip", "size": 224},
}
"""Sizes of Liu et al. (2025): ResNet-18 from scratch, 224 px, SGD 0.1 → 0.001, batch 128."""


class DeepLearner(Model):
    """A deep network that learns images, awake or asleep (abstract). One subject is one network with its own seed.

    Subclasses say what is learned in a phase (`plan`); the backend ``deep`` says how.

    Parameters
    ----------
    preset : {"small", "paper"}
        Fills what is not given. ``small`` suits images of 28 to 64 pixels on a CPU; ``paper`` has the numbers of Liu
        et al. (2025) for 256 px.
    backbone : Backbone
    optimiser : Optimiser
    schedule : Schedule
        Of the learning rate, over each phase.
    batch_size : int
        Images of a batch, over all processes.
    replay_batch_size : int
        Recalled images added to each batch, for learners that mix them.
    epochs : float
        Passes over a lesson while it is presented; each exposure is as many.
    sleep_epochs : float
        Passes over what is recalled in a night, where the protocol tells neither passes nor, for learners with
        ``passes_per_hour``, a duration.
    passes_per_hour : float or None
        Passes over what is recalled in an hour of sleep; None: a night is ``sleep_epochs``, however long.
    augment : Augment
    store : Store or None
        What is kept of each image (`engram.models.stores`).
    layer : str or None
        Where the store keeps feature maps: the last layer of the part that is frozen when the first lesson has been
        learned, by the backbone's name. None: the backbone's own choice, ``block2`` of the small network and
        ``layer3`` of a ResNet.
    mixed_stability : MixedStabilityCortex or None
    passes : int or None
        Image passes that a task may cost, all of its phases together: what is left of them is spent in the phase in
        which the learner mainly learns, whatever its epochs. With it, learners are compared at equal passes. Passes
        that a sleep step of the protocol states go first.
    precision : {"float32", "bf16"}
        Of the products; weights are float32 always.
    channels_last : bool
        Layout of images in memory, faster for convolutions on a GPU; on a CPU it changes nothing.
    compile : {"auto"} or bool
        Whether the network is compiled (torch.compile); ``auto``: on a GPU.
    accumulate : int
        Parts in which a batch goes through the network, one after another, to need less memory.
    deterministic : bool
        Only algorithms that give the same bits every time, where a GPU has a faster one that does not.
    evaluation_batch_size : int
        Images tested at once.

    Examples
    --------
    >>> from engram.models.deep import FineTune
    >>> FineTune(preset="paper").backbone.depth
    18
    >>> FineTune(epochs=3, optimiser={"learning_rate": 0.01}).optimiser.learning_rate
    0.01
    """

    backend: ClassVar[str] = "deep"
    abilities: ClassVar[frozenset[str]] = frozenset(
        {"sleep", "time", "labels", "domains", "passes", "cued-recall", "unknown-items", "corruptions"}
    )
    writes: ClassVar[Literal["never", "first", "last"]] = "never"
    """When a lesson is stored: before it is learned, or after (of an online stream: batch by batch)."""
    rehearses: ClassVar[tuple[str, ...]] = ("images",)
    """What can be recalled from the store: ``"images"``, ``"features"``, or both."""
    presets: ClassVar[dict[str, dict[str, Any]]] = {"small": SMALL, "paper": PAPER}

    preset: Literal["small", "paper"] = "small"
    backbone: AnyBackbone = SmallConvNet()
    optimiser: Optimiser = Optimiser()
    schedule: Schedule = Schedule()
    batch_size: BatchSize = 64
    replay_batch_size: Annotated[int, Field(ge=0, le=1_000_000)] = 64
    epochs: Epochs = 5.0
    sleep_epochs: Epochs = 5.0
    passes_per_hour: Positive | None = None
    augment: AnyAugment = NoAugment()
    store: AnyStore | None = None
    layer: str | None = None
    mixed_stability: MixedStabilityCortex | None = None
    passes: Annotated[int, Field(ge=1)] | None = None
    precision: Literal["float32", "bf16"] = "float32"
    channels_last: bool = False
    compile: Literal["auto"] | bool = "auto"
    accumulate: Annotated[int, Field(ge=1, le=4096)] = 1
    deterministic: bool = False
    evaluation_batch_size: BatchSize = 500

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        filled = dict(given)
        for name, value in cls.presets.get(given.get("preset", "small"), {}).items():
            if name not in filled:
                filled[name] = value
            elif isinstance(value, dict) and isinstance(filled[name], dict) and "kind" not in filled[name]:
                filled[name] = {**value, **filled[name]}  # a change to what the preset says
        return filled

    @model_validator(mode="after")
    def _store_fits(self) -> Self:
        if self.writes != "never" and self.store is None:
            raise ValueError('store: none is given, and this learner keeps what it sees; give one, such as "raw"')
        return self

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        """What is learned in a wake or sleep step; None where nothing is.

        Parameters
        ----------
        step : Step
        task : int
            The task whose items were last presented, from 0.

        Returns
        -------
        TrainingPlan or None
        """
        return None

    def plan_of_first(self, step: Step) -> TrainingPlan | None:
        """How the first lesson is learned where the store keeps feature maps: all of the network, from its images.

        Parameters
        ----------
        step : Step

        Returns
        -------
        TrainingPlan or None
        """
        return self.learning()

    @property
    def split_layer(self) -> str | None:
        """The last layer below which all is frozen after the first lesson; None where images are recalled."""
        if self.store is None or self.store.gives == "images":
            return None
        return self.layer or self.backbone.middle

    @property
    def above(self) -> Parameters:
        """Which weights learn, the head and whatever is not frozen."""
        return "all" if self.split_layer is None else "upper"

    def learning(self, **changes: Any) -> TrainingPlan:
        """A plan of this learner's own settings.

        Parameters
        ----------
        **changes
            Fields of `TrainingPlan`, in their place.

        Returns
        -------
        TrainingPlan
        """
        own = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimiser": self.optimiser,
            "schedule": self.schedule,
            "augment": self.augment,
            "limit_passes": self.passes,
        }
        return TrainingPlan(**{**own, **changes})

    def epochs_of_night(self, step: Step, usual: float | None = None) -> float:
        """Passes over what is recalled in a sleep step.

        Parameters
        ----------
        step : Step
        usual : float, optional
            Where neither the protocol nor ``passes_per_hour`` tells; by default ``sleep_epochs``.

        Returns
        -------
        float
        """
        sleep: Sleep = step.phase  # type: ignore[assignment]
        if sleep.passes is not None:
            return float(sleep.passes)
        if self.passes_per_hour is not None and sleep.seconds:
            return self.passes_per_hour * sleep.seconds / 3600
        return self.sleep_epochs if usual is None else usual

    def limit_of_night(self, step: Step) -> int | None:
        """Image passes that the task may cost by the end of a sleep step; None where the protocol tells its passes."""
        sleep: Sleep = step.phase  # type: ignore[assignment]
        return self.passes if sleep.passes is None else None

    def check(self, protocol: Protocol, pool: Pool) -> None:
        """Refuse, in words, a protocol or images that this learner cannot be taken through.

        Parameters
        ----------
        protocol : Protocol
        pool : Pool

        Raises
        ------
        ValueError
            The protocol needs an ability or a part that is not there, probes within a wake step, the images are not
            square, the store cannot keep one of them, the backbone cannot be split at the layer whose feature maps
            are to be kept, or weights from a file do not fit.
        """
        from ...protocols.protocol import walk

        super().check(protocol, pool)
        height, width = pool.image_shape[:2]
        if height != width:
            raise ValueError(
                f"images of item set {pool.name} are {width} × {height} pixels; deep learners take square ones. "
                "Give the item set a size, such as size: 64"
            )
        for loc, element in walk(protocol.schedule):
            where = f'protocol "{protocol.name}", {shown(loc)}'
            if isinstance(element, Probe) and element.every is not None:
                raise ValueError(
                    f"{where}: a deep learner learns all items of a wake step together and is probed between phases, "
                    "not after every epoch; leave out every: epoch"
                )
            for lesion in _lesions(element):
                if lesion not in ("none", HIPPOCAMPUS):
                    raise ValueError(
                        f'{where}: the model has no part "{lesion}" to lesion; its parts: {one_of([HIPPOCAMPUS])}'
                    )

        if self.passes is not None and self.passes < self.batch_size:
            warnings.warn(
                f"passes: {self.passes} image passes for a task are less than one batch of {self.batch_size}, so that "
                "nothing is learned; give more, or a smaller batch_size",
                stacklevel=2,
            )
        if self.store is not None:
            lessons = _lessons_of(protocol)
            self.store.check(pool.image_shape, self.rehearses, self.stores_online, lessons)  # type: ignore[arg-type]
        channels = pool.image_shape[2] if len(pool.image_shape) == 3 else 1
        if self.backbone.weights is not None:
            from torch import Generator

            self.backbone.build(channels, self.augment.size or height, Generator())
        if self.split_layer is not None:
            self._check_maps(self.split_layer, channels, self.augment.size or height)

    def _check_maps(self, layer: str, channels: int, size: int) -> None:
        import torch

        with torch.random.fork_rng(devices=[]):
            module = self.backbone.module(channels, size)
        lower, _ = self.backbone.split(module, layer)
        if isinstance(self.store, FeatureStore):
            with torch.no_grad():
                found = lower.eval()(torch.zeros(1, channels, size, size))
            self.store.check_maps(tuple(found.shape[1:]))

    @property
    def stores_online(self) -> bool:
        """Whether items are stored batch by batch, while they are learned. Feature maps are stored by the lesson."""
        if self.store is None or self.split_layer is not None:
            return False
        return self.store.keep == "reservoir" and self.writes == "last"

    def weights_sha256(self) -> str:
        """Hash of the files that the network, and the store's, begin with; empty where there are none."""
        store = "" if self.store is None else self.store.weights_sha256()
        return " ".join(filter(None, [self.backbone.weights_sha256(), store]))


def _lessons_of(protocol: Protocol) -> int:
    """Lists that a protocol goes over one by one, or 1 where it does not: lessons that are surely written."""
    from ...protocols.protocol import walk

    by_list = any(
        isinstance(element, Each) and element.each in ("list", "task") and element.of is None
        for _, element in walk(protocol.schedule)
    )
    return len(protocol.items.list_names()) if by_list else 1


def _lesions(element: object) -> tuple[str, ...]:
    match element:
        case Probe():
            return element.lesions
        case Lesion():
            return (element.of,)
    return ()
