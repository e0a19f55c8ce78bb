"""engram: a simulator of memory, from protocol file to figure.

>>> import engram as eg
>>> eg.MetaplasticNetwork(flexibility=eg.Uniform()).hidden
(256, 256)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import analysis as analysis
    from . import data as data
    from . import models as models
    from . import protocols as protocols
    from . import sim as sim
    from .data.recording import open_recording as open  # noqa: F401
    from .models import Beta as Beta
    from .models import Falling as Falling
    from .models import Fixed as Fixed
    from .models import MetaplasticNetwork as MetaplasticNetwork
    from .models import MixedStability as MixedStability
    from .models import PositionalNetwork as PositionalNetwork
    from .models import Rising as Rising
    from .models import Uniform as Uniform
    from .protocols import Protocol as Protocol
    from .sim import resume as resume
    from .sim import run as run
    from .sim import sweep as sweep

__version__ = "0.1.0"

_PLACE_OF = {
    "Beta": ("models", "Beta"),
    "Falling": ("models", "Falling"),
    "Fixed": ("models", "Fixed"),
    "MetaplasticNetwork": ("models", "MetaplasticNetwork"),
    "MixedStability": ("models", "MixedStability"),
    "PositionalNetwork": ("models", "PositionalNetwork"),
    "Protocol": ("protocols", "Protocol"),
    "Rising": ("models", "Rising"),
    "Uniform": ("models", "Uniform"),
    "open": ("data.recording", "open_recording"),
    "resume": ("sim", "resume"),
    "run": ("sim", "run"),
    "sweep": ("sim", "sweep"),
}
_PACKAGES = ("analysis", "data", "models", "protocols", "sim")

__all__ = [*sorted(_PLACE_OF), *_PACKAGES]


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f".{name}", __name__)
    if name not in _PLACE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    package, attribute = _PLACE_OF[name]
    return getattr(import_module(f".{package}", __name__), attribute)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
