"""Dark experience replay (DER++)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import field_validator

from ..stores.spec import AnyStore, RawStore, Store
from .learner import PAPER, SMALL, DeepLearner
from .optimisation import NotNegative
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class DarkExperienceReplay(DeepLearner):
    """Learns each lesson with earlier images whose former answers it has to give again.

    Beside each stored image lie the logits that the network gave when it was stored, which is while it was being
    learned. Every batch of the lesson is joined by two draws from the store: one is held against its logits, one
    against its labels. Its images are stored as they are met (a reservoir). Sleep leaves it unchanged. Gradients
    are clipped at a norm of 1, unless an optimiser is given that says otherwise.

    Parameters
    ----------
    store : Store
        Kept as a reservoir.
    alpha : float
        Weight of the mean squared distance of logits.
    beta : float
        Weight of the cross-entropy of recalled images; 0 is plain dark experience replay.

    Notes
    -----
    Source: Buzzega et al. (2020), "Dark experience for general continual learning: a strong, simple baseline",
    equation 6 and algorithm 2. ``replay_batch_size`` is the size of each of the two draws.

    Examples
    --------
    >>> DarkExperienceReplay(store={"kind": "raw", "budget": "1MB"}).store.keep
    'reservoir'
    """

    writes: ClassVar = "last"
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {**SMALL, "optimiser": {"clip": 1.0}},
        "paper": {**PAPER, "optimiser": {**PAPER["optimiser"], "clip": 1.0}},
    }

    kind: Literal["dark-experience-replay"] = "dark-experience-replay"
    store: AnyStore | None = RawStore(keep="reservoir")
    alpha: NotNegative = 0.2
    beta: NotNegative = 0.5

    @field_validator("store")
    @classmethod
    def _store_is_a_reservoir(cls, store: Any) -> Any:
        if isinstance(store, Store) and "keep" not in store.model_fields_set:
            return store.model_copy(update={"keep": "reservoir"})
        if isinstance(store, Store) and store.keep != "reservoir":
            raise ValueError(f'keep: "{store.keep}" cannot be done batch by batch; this learner needs "reservoir"')
        return store

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        if step.kind != "wake":
            return None
        return self.learning(
            source="lesson+recalled", replay_batch_size=2 * self.replay_batch_size, objective="dark-experience"
        )
