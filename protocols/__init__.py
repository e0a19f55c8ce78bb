"""What happens to a subject: the schedule language, its unrolling, and a library of protocols."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .blocks import Each as Each
    from .blocks import Repeat as Repeat
    from .durations import Duration as Duration
    from .items import ItemSpec as ItemSpec
    from .loading import library as library
    from .loading import load as load
    from .phases import Cue as Cue
    from .phases import Lesion as Lesion
    from .phases import Probe as Probe
    from .phases import Rest as Rest
    from .phases import Sleep as Sleep
    from .phases import Stage as Stage
    from .phases import Wake as Wake
    from .phases import WrongLabels as WrongLabels
    from .presentations import Presentations as Presentations
    from .protocol import Protocol as Protocol
    from .protocol import RecordSpec as RecordSpec
    from .protocol import StatesSpec as StatesSpec
    from .recall_tests import RecallTest as RecallTest
    from .recall_tests import RecallTests as RecallTests
    from .schema import json_schema as json_schema
    from .shorthand import each as each
    from .shorthand import lesion as lesion
    from .shorthand import probe as probe
    from .shorthand import repeat as repeat
    from .shorthand import rest as rest
    from .shorthand import sleep as sleep
    from .shorthand import wake as wake
    from .timeline import Step as Step
    from .timeline import Timeline as Timeline
    from .unrolling import unroll as unroll

_MODULES = {
    "blocks": ("Each", "Repeat"),
    "durations": ("Duration",),
    "items": ("ItemSpec",),
    "loading": ("library", "load"),
    "phases": ("Cue", "Lesion", "Probe", "Rest", "Sleep", "Stage", "Wake", "WrongLabels"),
    "presentations": ("Presentations",),
    "protocol": ("Protocol", "RecordSpec", "StatesSpec"),
    "recall_tests": ("RecallTest", "RecallTests"),
    "schema": ("json_schema",),
    "shorthand": ("each", "lesion", "probe", "repeat", "rest", "sleep", "wake"),
    "timeline": ("Step", "Timeline"),
    "unrolling": ("unroll",),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
