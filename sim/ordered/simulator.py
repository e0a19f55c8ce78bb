"""The backend of models with order: all subjects of a session together, in NumPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...data.items import Pool
from ...models.ordered.positional import PositionalNetwork
from ...models.ordered.primacy import PrimacyModel
from ...models.ordered.simple import SIMPLE
from ..recalls import RECALLS
from ..session import Session, Settings, Subjects
from ..simulator import Simulator
from .chance import Chance
from .item_vectors import item_vectors
from .memory import Memory
from .positional_memory import PositionalMemory, Vectors
from .primacy_memory import PrimacyMemory
from .session import OrderedSession
from .simple_memory import SimpleMemory

if TYPE_CHECKING:
    from ...models.base import Model
    from ...protocols import Step

ARRAYS_PER_WEIGHT = 4  # weight, initial weight, stiffness, and one passing copy


class OrderedSimulator(Simulator):
    """Models with order in NumPy.

    Parameters
    ----------
    model : PositionalNetwork, SIMPLE or PrimacyModel
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

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        super().__init__(model, pool, slots, settings)
        if not isinstance(model, PositionalNetwork | SIMPLE | PrimacyModel):
            raise ValueError(
                "the ordered backend simulates PositionalNetwork, SIMPLE and PrimacyModel; "
                f"found {type(model).__name__}"
            )
        if settings.device != "cpu":
            raise ValueError(f'models with order are simulated on the cpu; found device "{settings.device}"')
        self.bytes_per_subject = 64 * slots
        self._vectors: Vectors | None = None
        if isinstance(model, PositionalNetwork):
            half = model.context_size // 2
            self._vectors = Vectors(
                items=item_vectors(pool, model.item_size, "items"),
                moments=item_vectors(pool, half, "moments"),
                cues=item_vectors(pool, half, "cues"),
            )
            self.projections = {"association": (model.context_size, model.item_size)}
            self.bytes_per_subject += 4 * ARRAYS_PER_WEIGHT * model.context_size * model.item_size

    def session(self, subjects: Subjects) -> Session:
        return OrderedSession(self.model, subjects, self.settings, self._memory(subjects))

    def _memory(self, subjects: Subjects) -> Memory:
        chance = Chance(subjects.seed, subjects.numbers)
        match self.model:
            case PositionalNetwork():
                assert self._vectors is not None
                return PositionalMemory(self.model, subjects, self._vectors, chance)
            case SIMPLE():
                return SimpleMemory(self.model, chance)
            case PrimacyModel():
                return PrimacyMemory(self.model, chance)
        raise AssertionError(self.model)

    def points(self, step: Step, presentations: int) -> int:
        return 1
