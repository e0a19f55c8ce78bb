"""The backend of deep learners."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ...models.deep.learner import DeepLearner
from ..session import Session, Settings, Subjects
from ..simulator import Simulator
from ..torch_backend import check_device
from .distributed import group_from_environment
from .loading import BatchLoader, usual_workers
from .session import POINTS_OF_A_PHASE, DeepSession
from .streams import stream_layouts

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...models.base import Model
    from ...protocols import Step


class DeepSimulator(Simulator):
    """Deep learners on a torch device, one subject at a time.

    Parameters
    ----------
    model : DeepLearner
    pool : Pool
    slots : int
    settings : Settings

    Raises
    ------
    ValueError
        The device is not there, or the model is of a kind that this backend cannot simulate.
    """

    model: DeepLearner
    subjects_together = 1
    divisible = True

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        super().__init__(model, pool, slots, settings)
        if not isinstance(model, DeepLearner):
            raise ValueError(f"the deep backend simulates deep learners; found {type(model).__name__}")
        check_device(settings.device)
        self._group = group_from_environment()
        self._device = self._group.device(settings.device)
        self._pool = pool
        self._loader: BatchLoader | None = None
        self._passing: tempfile.TemporaryDirectory[str] | None = None
        has_store = model.store is not None
        self.streams = stream_layouts(
            pool.image_shape, has_store, model.store is not None and model.store.gives == "images"
        )

    def session(self, subjects: Subjects) -> Session:
        torch.set_num_threads(self.settings.threads)
        if self._loader is None:
            workers = -(-usual_workers(self._pool.train.images, self._device) // self._group.neighbours)
            self._loader = BatchLoader(self._pool.train.images, device=self._device, workers=workers)
        return DeepSession(self.model, subjects, self.settings, self._loader, self._folder(subjects), self._group)

    def points(self, step: Step, presentations: int) -> int:
        return POINTS_OF_A_PHASE

    def _folder(self, subjects: Subjects) -> Path:
        """Where a subject's store lies: beside the recording, or, where there is none, for as long as this lives."""
        folder = self.settings.folder
        if folder is None:
            self._passing = self._passing or tempfile.TemporaryDirectory(prefix="engram-store-")
            folder = Path(self._passing.name)
        return Path(folder, str(subjects.numbers[0]))
