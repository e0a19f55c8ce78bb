"""Deep learners by name, for the command line; each takes the fields of its model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .braincl import BrainCL
from .experience_replay import ExperienceReplay
from .finetune import FineTune
from .joint import Joint
from .learner import SMALL_CUES
from .scratch import Scratch

if TYPE_CHECKING:
    from .dark_experience import DarkExperienceReplay
    from .ewc import EWC
    from .icarl import ICaRL
    from .siesta import SIESTA
    from .sleep_replay import SleepReplay


def braincl(**settings: Any) -> BrainCL:
    """Wake and sleep with a hippocampus of learned cues.

    Examples
    --------
    >>> braincl(store={"budget": "4MB"}).store.kind
    'cues'
    """
    return BrainCL(**settings)


def braincl_light(**settings: Any) -> BrainCL:
    """Wake and sleep with a hippocampus of JPEG files and two passes a night.

    Examples
    --------
    >>> braincl_light().sleep_epochs
    2.0
    """
    return BrainCL(**{"first_sleep_epochs": 2, "sleep_epochs": 2, **_storing({"kind": "jpeg"}, settings)})


def finetune(**settings: Any) -> FineTune:
    """Learns each lesson and nothing else: what continual learning is measured against.

    Examples
    --------
    >>> finetune().store is None
    True
    """
    return FineTune(**settings)


def joint(**settings: Any) -> Joint:
    """Learns everything presented so far, again after each lesson.

    Examples
    --------
    >>> joint().recalled
    False
    """
    return Joint(**settings)


def joint_recalled(**settings: Any) -> Joint:
    """Learns everything again after each lesson, as it is recalled from learned cues.

    Examples
    --------
    >>> joint_recalled(store="jpeg").recalled
    True
    """
    return Joint(**{"recalled": True, **_storing(SMALL_CUES, settings)})


def scratch_recalled(**settings: Any) -> Scratch:
    """A new network after each lesson, from everything recalled from learned cues.

    Examples
    --------
    >>> scratch_recalled().kind
    'scratch'
    """
    return Scratch(**settings)


def er(**settings: Any) -> ExperienceReplay:
    """Experience replay: each batch of a lesson with as many earlier images.

    Examples
    --------
    >>> er(replay_batch_size=32).store.kind
    'raw'
    """
    return ExperienceReplay(**settings)


def ewc(**settings: Any) -> EWC:
    """Elastic weight consolidation: weights that mattered are held back."""
    from .ewc import EWC

    return EWC(**settings)


def der(**settings: Any) -> DarkExperienceReplay:
    """Dark experience replay (DER++): earlier images with the logits they had."""
    from .dark_experience import DarkExperienceReplay

    return DarkExperienceReplay(**settings)


def icarl(**settings: Any) -> ICaRL:
    """iCaRL: exemplars by herding, distillation, nearest mean of exemplars."""
    from .icarl import ICaRL

    return ICaRL(**settings)


def siesta(**settings: Any) -> SIESTA:
    """SIESTA: running class means awake, replay of quantised features asleep."""
    from .siesta import SIESTA

    return SIESTA(**settings)


def src(**settings: Any) -> SleepReplay:
    """Sleep replay consolidation: a spiking network driven by noise, without stored images."""
    from .sleep_replay import SleepReplay

    return SleepReplay(**settings)


def _storing(usual: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with this store, or with what they change of it."""
    store = settings.get("store", usual)
    return {**settings, "store": {**usual, **store} if isinstance(store, dict) and "kind" not in store else store}
