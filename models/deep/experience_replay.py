"""Experience replay."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal

from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class ExperienceReplay(DeepLearner):
    """Learns each lesson with images of earlier ones in every batch. Sleep leaves it unchanged.

    ``replay_batch_size`` images are drawn evenly from the store. The lesson is stored when it has been learned; with
    ``keep: reservoir`` its batches are stored as they are met.

    With a store of features it replays as REMIND does: the first lesson trains the whole network, from its images;
    then everything up to ``layer`` is frozen for good. Images of later lessons go through the frozen part once, and
    their quantised feature maps, as the store would give them back, are mixed with recalled ones to train the layers
    above and the head. ``augment`` varies images, so those of the first lesson only. Lessons are then stored as a
    whole, with ``keep: reservoir`` too. Under a lesion of the hippocampus the layers above learn from the images.

    Parameters
    ----------
    As of `DeepLearner`; by default with a store of raw images.

    Notes
    -----
    Source: Chaudhry et al. (2019), "On tiny episodic memories in continual learning", algorithm 1. With features:
    Hayes et al. (2020), "REMIND your neural network to prevent catastrophic forgetting".

    Examples
    --------
    >>> ExperienceReplay(store={"per_class": 20}).replay_batch_size
    64
    """

    abilities: ClassVar[frozenset[str]] = DeepLearner.abilities | {"lesion"}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        name: {**fields, "store": {"kind": "raw"}} for name, fields in DeepLearner.presets.items()
    }
    writes: ClassVar = "last"
    rehearses: ClassVar = ("images", "features")

    kind: Literal["experience-replay"] = "experience-replay"

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        if step.kind != "wake":
            return None
        return self.learning(parameters=self.above, source="lesson+recalled", replay_batch_size=self.replay_batch_size)
