"""iCaRL: incremental classifier and representation learning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator

from ..stores.spec import AnyStore, RawStore, Store
from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class ICaRL(DeepLearner):
    """Learns features from each lesson and the exemplars together, and answers with the nearest mean of exemplars.

    Outputs of new classes are taught the labels, those of old classes what they answered before the lesson. After it,
    exemplars are chosen by herding in the new features; where the store has to make room, the last chosen go first.
    Sleep leaves it unchanged.

    Parameters
    ----------
    store : Store
        Keeps by herding unless it says otherwise.

    Notes
    -----
    Source: Rebuffi et al. (2017), "iCaRL: incremental classifier and representation learning", algorithms 1 to 5.

    Examples
    --------
    >>> ICaRL(store={"kind": "raw", "per_class": 20}).store.keep
    'herding'
    """

    writes: ClassVar = "last"

    kind: Literal["icarl"] = "icarl"
    store: AnyStore | None = RawStore(keep="herding")

    @field_validator("store")
    @classmethod
    def _store_herds(cls, store: Any) -> Any:
        if isinstance(store, Store) and "keep" not in store.model_fields_set:
            return store.model_copy(update={"keep": "herding"})
        return store

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning(objective="distillation") if step.kind == "wake" else None
