"""The recording: one HDF5 file per run, its writer and its reader (docs/recording-format.md)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .layout import ModelLayout, ProjectionLayout, SubjectLayout
    from .model_info import ModelInfo
    from .reader import Recording, open_recording
    from .stream_layout import StreamLayout
    from .writer import RecordingWriter

_MODULES = {
    "ModelInfo": "model_info",
    "ModelLayout": "layout",
    "ProjectionLayout": "layout",
    "Recording": "reader",
    "RecordingWriter": "writer",
    "StreamLayout": "stream_layout",
    "SubjectLayout": "layout",
    "open_recording": "reader",
}
__all__ = [
    "ModelInfo",
    "ModelLayout",
    "ProjectionLayout",
    "Recording",
    "RecordingWriter",
    "StreamLayout",
    "SubjectLayout",
    "open_recording",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
