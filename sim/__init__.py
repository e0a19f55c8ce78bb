"""Runs protocols on models: engine, backends, checkpoints."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .circuit_network import CircuitNetwork as CircuitNetwork
    from .progress import Bar as Bar
    from .progress import Lines as Lines
    from .progress import Reporter as Reporter
    from .resuming import resume as resume
    from .running import run as run
    from .session import Progress as Progress
    from .session import Responses as Responses
    from .session import Session as Session
    from .session import Settings as Settings
    from .session import Subjects as Subjects
    from .simulation import Simulation as Simulation
    from .simulation import simulate as simulate
    from .simulator import Simulator as Simulator
    from .simulator import register_backend as register_backend
    from .sweeping import resume_sweep as resume_sweep
    from .sweeping import sweep as sweep

_MODULE_OF = {
    "Bar": "progress",
    "CircuitNetwork": "circuit_network",
    "Lines": "progress",
    "Reporter": "progress",
    "Progress": "session",
    "Responses": "session",
    "Session": "session",
    "Settings": "session",
    "Simulation": "simulation",
    "Simulator": "simulator",
    "Subjects": "session",
    "register_backend": "simulator",
    "resume": "resuming",
    "resume_sweep": "sweeping",
    "run": "running",
    "simulate": "simulation",
    "sweep": "sweeping",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
