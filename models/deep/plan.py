"""What is learned in one phase: the plan that a learner hands to the engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .augment import Augment, NoAugment
from .optimisation import Optimiser, Schedule

Parameters = Literal["all", "head", "upper"]
Source = Literal["lesson", "recalled", "lesson+recalled", "seen"]


@dataclass(frozen=True, kw_only=True)
class TrainingPlan:
    """Which weights learn in a phase, from which images, for how long, and how.

    Parameters
    ----------
    parameters : {"all", "head", "upper"}
        The whole network; the classifier alone; or the classifier and the layers above the learner's split.
    source : {"lesson", "recalled", "lesson+recalled", "seen"}
        The images presented; those that the store gives back; the first with some of the second in every batch; or all
        images presented so far, as they are in the pool.
    epochs : float
        Passes over the source (over the lesson, where both are mixed).
    batch_size : int
        Images of the source in a batch.
    replay_batch_size : int
        Recalled images added to every batch of a lesson.
    optimiser : Optimiser
    schedule : Schedule
    objective : str
        Word for the loss; a learner may bring its own.
    fresh : bool
        Whether all weights are drawn again first.
    augment : Augment
    limit_passes : int or None
        Image passes that the task may cost by the end of this phase: what is left of them is spent, whatever `epochs`
        says.
    most_passes : int or None
        Image passes that the task may cost by the end of this phase, which ends before if its `epochs` do.

    Examples
    --------
    >>> TrainingPlan(epochs=2).source
    'lesson'
    """

    parameters: Parameters = "all"
    source: Source = "lesson"
    epochs: float = 1.0
    batch_size: int = 64
    replay_batch_size: int = 0
    optimiser: Optimiser = field(default_factory=Optimiser)
    schedule: Schedule = field(default_factory=Schedule)
    objective: str = "cross-entropy"
    fresh: bool = False
    augment: Augment = field(default_factory=NoAugment)
    limit_passes: int | None = None
    most_passes: int | None = None
