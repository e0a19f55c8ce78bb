"""What remembers: specs of models, the rule of the mixed-stability synapse, flexibilities and frozen features."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Model as Model
    from .features import AlexNet as AlexNet
    from .features import EfficientNetLite0 as EfficientNetLite0
    from .features import Encoder as Encoder
    from .features import Pixels as Pixels
    from .features import encode_pool as encode_pool
    from .flexibility import Beta as Beta
    from .flexibility import Falling as Falling
    from .flexibility import Fixed as Fixed
    from .flexibility import Flexibility as Flexibility
    from .flexibility import Rising as Rising
    from .flexibility import Uniform as Uniform
    from .metaplastic import MetaplasticNetwork as MetaplasticNetwork
    from .mixed_stability import MixedStability as MixedStability
    from .ordered.positional import PositionalNetwork as PositionalNetwork
    from .ordered.primacy import PrimacyModel as PrimacyModel
    from .ordered.simple import SIMPLE as SIMPLE
    from .registry import model as model
    from .registry import model_names as model_names
    from .registry import register_model as register_model
    from .synapses import auto_sensitivity as auto_sensitivity
    from .synapses import gate as gate
    from .synapses import gate_torch as gate_torch

_MODULE_OF = {
    "AlexNet": "features",
    "Beta": "flexibility",
    "EfficientNetLite0": "features",
    "Encoder": "features",
    "Falling": "flexibility",
    "Fixed": "flexibility",
    "Flexibility": "flexibility",
    "MetaplasticNetwork": "metaplastic",
    "MixedStability": "mixed_stability",
    "Model": "base",
    "Pixels": "features",
    "PositionalNetwork": "ordered.positional",
    "PrimacyModel": "ordered.primacy",
    "Rising": "flexibility",
    "SIMPLE": "ordered.simple",
    "Uniform": "flexibility",
    "auto_sensitivity": "synapses",
    "encode_pool": "features",
    "gate": "synapses",
    "gate_torch": "synapses",
    "model": "registry",
    "model_names": "registry",
    "register_model": "registry",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
