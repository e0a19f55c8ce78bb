"""Deep learners: what is learned awake and asleep, and with which network."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .augment import Augment as Augment
    from .augment import CropFlip as CropFlip
    from .augment import NoAugment as NoAugment
    from .augment import ResizedCropFlip as ResizedCropFlip
    from .augment import TrivialAugment as TrivialAugment
    from .backbone import MLP as MLP
    from .backbone import Backbone as Backbone
    from .backbone import ResNet as ResNet
    from .backbone import SmallConvNet as SmallConvNet
    from .braincl import BrainCL as BrainCL
    from .braincl import Mixing as Mixing
    from .braincl import Recognition as Recognition
    from .dark_experience import DarkExperienceReplay as DarkExperienceReplay
    from .ewc import EWC as EWC
    from .experience_replay import ExperienceReplay as ExperienceReplay
    from .finetune import FineTune as FineTune
    from .icarl import ICaRL as ICaRL
    from .joint import Joint as Joint
    from .learner import DeepLearner as DeepLearner
    from .learner import MixedStabilityCortex as MixedStabilityCortex
    from .optimisation import Optimiser as Optimiser
    from .optimisation import Schedule as Schedule
    from .plan import TrainingPlan as TrainingPlan
    from .scratch import Scratch as Scratch
    from .siesta import SIESTA as SIESTA
    from .sleep_replay import SleepReplay as SleepReplay

_MODULE_OF = {
    "EWC": "ewc",
    "MLP": "backbone",
    "SIESTA": "siesta",
    "Augment": "augment",
    "Backbone": "backbone",
    "BrainCL": "braincl",
    "CropFlip": "augment",
    "DarkExperienceReplay": "dark_experience",
    "DeepLearner": "learner",
    "ExperienceReplay": "experience_replay",
    "FineTune": "finetune",
    "ICaRL": "icarl",
    "Joint": "joint",
    "MixedStabilityCortex": "learner",
    "Mixing": "braincl",
    "NoAugment": "augment",
    "Optimiser": "optimisation",
    "Recognition": "braincl",
    "ResNet": "backbone",
    "ResizedCropFlip": "augment",
    "Schedule": "optimisation",
    "Scratch": "scratch",
    "SleepReplay": "sleep_replay",
    "SmallConvNet": "backbone",
    "TrainingPlan": "plan",
    "TrivialAugment": "augment",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
