"""SIESTA: class means awake, rehearsal of quantised features asleep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, field_validator

from ..stores.spec import AnyStore, FeatureStore
from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class SIESTA(DeepLearner):
    """Awake, a class is the running mean of its features; asleep, stored feature maps train the upper network.

    The first lesson trains the whole network (``epochs``), unless its ``backbone`` has given weights; then everything
    up to ``layer`` is frozen for good. Of every image, the quantised feature map of that layer is stored. A new class
    gets its mean feature as weight in the head, without back-propagation. Asleep, feature maps drawn evenly over
    classes train the layers above and the head, for a fixed number of updates.

    Parameters
    ----------
    sleep_updates : int
        Updates of a night, where neither the protocol nor ``passes_per_hour`` tells its passes; ``sleep_epochs`` does
        not.
    temperature : float
        The head compares by cosine; the cosine is multiplied by this before the softmax.

    Notes
    -----
    Source: Harun et al. (2023), "SIESTA: efficient online continual learning with sleep", equation 1 (awake) and its
    balanced rehearsal (asleep).

    Examples
    --------
    >>> SIESTA().store.codebooks
    8
    """

    writes: ClassVar = "last"
    rehearses: ClassVar = ("features",)

    kind: Literal["siesta"] = "siesta"
    store: AnyStore | None = FeatureStore()
    sleep_updates: Annotated[int, Field(ge=0, le=100_000_000)] = 500
    temperature: Annotated[float, Field(gt=0, le=1000)] = 16.0

    @field_validator("store")
    @classmethod
    def _store_gives_features(cls, store: Any) -> Any:
        if store is not None and store.gives == "images":
            raise ValueError(
                f'this learner rehearses feature maps, and a store of kind "{store.kind}" gives images; give "features"'
            )
        return store

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        if step.kind == "wake":
            if task > 0 or self.backbone.weights is not None:
                return None
            return self.learning(limit_passes=None, most_passes=self.passes)
        return self.learning(
            parameters="upper",
            source="recalled",
            epochs=self.epochs_of_night(step),
            limit_passes=self.limit_of_night(step),
        )
