"""The torch backend: frozen features once for all subjects, then batched networks on a device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch

from ..data.items import Pool
from ..models.features import Encoder, FeaturePool, encode_pool
from ..models.metaplastic import MetaplasticNetwork
from .metaplastic_session import MetaplasticSession, projections
from .session import Session, Settings, Subjects
from .simulator import Simulator

if TYPE_CHECKING:
    from ..models.base import Model
    from ..protocols import Step

ARRAYS_PER_WEIGHT = 6  # weight, initial weight, stiffness, gate, gradient, and one passing copy


class TorchSimulator(Simulator):
    """Mixed-stability networks on a torch device.

    Parameters
    ----------
    model : MetaplasticNetwork
    pool : Pool
    slots : int
    settings : Settings

    Raises
    ------
    ValueError
        The device is unknown or not there, or the model is of a kind that this backend cannot simulate.
    """

    model: MetaplasticNetwork

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        super().__init__(model, pool, slots, settings)
        if not isinstance(model, MetaplasticNetwork):
            raise ValueError(f"the torch backend simulates MetaplasticNetwork; found {type(model).__name__}")
        check_device(settings.device)
        self.features = features_of(pool, model.encoder, settings)
        self.projections = projections(model, self.features, slots)
        widest = self.features.train.shape[1] + 2 * sum(post for _, post in self.projections.values())
        weights = ARRAYS_PER_WEIGHT * sum(math.prod(shape) for shape in self.projections.values())
        self.bytes_per_subject = 4 * (weights + widest * model.batch_size)

    def session(self, subjects: Subjects) -> Session:
        torch.set_num_threads(self.settings.threads)
        try:
            return MetaplasticSession(self.model, subjects, self.features, self.settings)
        except RuntimeError as error:
            if "memory" not in str(error):
                raise
            needed = self.bytes_per_subject * len(subjects) / 2**30
            raise MemoryError(
                f"{len(subjects)} subjects together need about {needed:.1f} GiB, more than there is; "
                "give a smaller chunk, hidden or batch_size"
            ) from error

    def points(self, step: Step, presentations: int) -> int:
        return presentations * self.model.plan(step).epochs


_features: WeakKeyDictionary[Pool, dict[Encoder, FeaturePool]] = WeakKeyDictionary()


def features_of(pool: Pool, encoder: Encoder, settings: Settings) -> FeaturePool:
    """Features of a pool, held once in memory for all models that use the same encoder, for as long as the pool is."""
    known = _features.setdefault(pool, {})
    if encoder not in known:
        known[encoder] = encode_pool(pool, encoder, settings.cache, settings.device)
    return known[encoder]


def check_device(name: str) -> None:
    """Refuse a torch device that is not there.

    Examples
    --------
    >>> check_device("cpu")
    """
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f'unknown device "{name}"; expected cpu, cuda, or cuda:N') from None
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ValueError(f'device "{name}" is not there: torch sees {torch.cuda.device_count()} CUDA devices; try cpu')
    if device.type not in ("cpu", "cuda"):
        raise ValueError(f'device "{name}" is not supported; expected cpu, cuda, or cuda:N')
