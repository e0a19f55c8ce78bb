"""What a plan comes to for one subject: the batches it means, and how many updates it lasts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .feature_maps import LessonMapsSource
from .sources import LessonSource, MixedSource, RecalledSource, Source

if TYPE_CHECKING:
    from ...models.deep.plan import TrainingPlan
    from .feature_maps import QuantisedMaps
    from .lessons import Lesson
    from .workbench import Workbench


def source_of(
    bench: Workbench,
    plan: TrainingPlan,
    lesson: Lesson | None,
    replayed: NDArray[np.bool_] | None,
    maps: QuantisedMaps | None = None,
) -> Source | None:
    """Where the batches of a plan come from; None where there is nothing to learn from.

    Parameters
    ----------
    bench : Workbench
    plan : TrainingPlan
    lesson : Lesson or None
    replayed : bool array, [slot], or None
        Items that are recalled; None: all.
    maps : QuantisedMaps, optional
        Of the lesson, where they take the place of its images.
    """
    store = bench.store_in_use
    if plan.source == "recalled":
        if store is None:
            return None
        labels = store.labels
        items = np.arange(len(labels)) if replayed is None else np.flatnonzero(replayed[labels])
        return RecalledSource(store, bench.group, items, plan.batch_size) if len(items) else None
    source: Source
    if maps is not None and lesson is not None:
        source = LessonMapsSource(maps, bench.group, lesson, plan.batch_size)
    else:
        indices, labels = bench.seen() if plan.source == "seen" else _of(lesson)
        source = LessonSource(bench.loader, bench.group, indices, labels, plan.batch_size)
    if store is None or plan.source != "lesson+recalled" or not plan.replay_batch_size:
        return source
    if not len(store) and store.spec.keep != "reservoir":
        return source
    return MixedSource(source, store, bench.group, plan.replay_batch_size)


def updates_of(plan: TrainingPlan, source: Source, lesson: Lesson | None, spent: int) -> int:
    """Updates of a plan: its epochs, or what is left of the image passes that the task may cost.

    Parameters
    ----------
    plan : TrainingPlan
    source : Source
    lesson : Lesson or None
    spent : int
        Image passes of the task so far.
    """
    most = most_epochs(lesson)
    if plan.limit_passes is None:
        epochs = min(most, plan.epochs * (1 if lesson is None else lesson.exposures))
        updates = max(1, round(epochs * source.per_epoch))
        return updates if plan.most_passes is None else min(updates, _updates_for(plan.most_passes - spent, source))
    return int(min(_updates_for(plan.limit_passes - spent, source), most * source.per_epoch))


def _updates_for(passes: int, source: Source) -> int:
    """Updates that cost no more than so many image passes."""
    whole, rest = divmod(max(0, passes), source.passes_per_epoch)
    return whole * source.per_epoch + rest // (source.batch_size + source.replay)


def most_epochs(lesson: Lesson | None) -> float:
    """How often the protocol lets a lesson be gone through, all exposures together; infinite where it does not tell."""
    passes = None if lesson is None else getattr(lesson.step.phase, "passes", None)
    return math.inf if lesson is None or passes is None else lesson.exposures * passes


def _of(lesson: Lesson | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    if lesson is None:
        raise ValueError("the plan learns from a lesson, and none was given")
    return lesson.indices, lesson.labels
