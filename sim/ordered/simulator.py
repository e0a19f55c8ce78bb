"""The backend of models with order: all subjects of a session together, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data.items import Pool
from ...models.ordered.ordered_model import OrderedModel
from ...models.ordered.positional import PositionalNetwork
from ..recalls import RECALLS
from ..session import Session, Settings, Subjects
from ..simulator import Simulator
from .chance import Chance
from .item_vectors import item_vectors
from .memory import Memory
from .session import OrderedSession

if TYPE_CHECKING:
    from ...models.base import Model
    from ...protocols import Step

ARRAYS_PER_WEIGHT = 4  # weight, initial weight, stiffness, and one passing copy


class OrderedSimulator(Simulator):
    """Models with order in NumPy, on one thread.

    Parameters
    ----------
    model : OrderedModel
    pool : Pool
    slots : int
    settings : Settings

    Raises
    ------
    ValueError
        The device is not ``cpu``, or the model is of a kind that this backend cannot simulate.
    """

    parallel = True
    streams = (RECALLS,)
    model: OrderedModel

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        super().__init__(model, pool, slots, settings)
        if not isinstance(model, PositionalNetwork):
            raise ValueError(f"the ordered backend simulates models with order; found {type(model).__name__}")
        if settings.device != "cpu":
            raise ValueError(f'models with order are simulated on the cpu; found device "{settings.device}"')
        self._items = item_vectors(pool, model.item_size, "items")
        self._moments = item_vectors(pool, model.context_size // 2, "moments")
        self._cues = item_vectors(pool, model.context_size // 2, "cues")
        self.projections = {"association": (model.context_size, model.item_size)}
        self.bytes_per_subject = 4 * ARRAYS_PER_WEIGHT * model.context_size * model.item_size + 32 * slots

    def session(self, subjects: Subjects) -> Session:
        chance = Chance(subjects.seed, subjects.numbers)
        return OrderedSession(self.model, subjects, self.settings, self._memory(subjects, chance))

    def _memory(self, subjects: Subjects, chance: Chance) -> Memory:
        from .positional_memory import PositionalMemory

        return PositionalMemory(self.model, subjects, self._items, self._moments, self._cues, chance)

    def points(self, step: Step, presentations: int) -> int:
        return 1
