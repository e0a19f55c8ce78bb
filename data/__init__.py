"""What is learned, what is compared with, and what is recorded."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .digits import DigitPairs as DigitPairs
    from .digits import Digits as Digits
    from .images import Images as Images
    from .item_sets import item_set as item_set
    from .item_sets import item_set_names as item_set_names
    from .item_sets import register_item_set as register_item_set
    from .items import ImagePart as ImagePart
    from .items import ItemDraw as ItemDraw
    from .items import ItemSet as ItemSet
    from .items import Pool as Pool
    from .items import draw_items as draw_items
    from .patterns import Patterns as Patterns
    from .recording import Recording as Recording
    from .recording import RecordingWriter as RecordingWriter
    from .recording import open_recording as open_recording
    from .seeds import child_rng as child_rng
    from .seeds import child_seed as child_seed

_MODULE_OF = {
    "DigitPairs": "digits",
    "Digits": "digits",
    "ImagePart": "items",
    "Images": "images",
    "ItemDraw": "items",
    "ItemSet": "items",
    "Patterns": "patterns",
    "Pool": "items",
    "Recording": "recording",
    "RecordingWriter": "recording",
    "child_rng": "seeds",
    "child_seed": "seeds",
    "draw_items": "items",
    "item_set": "item_sets",
    "item_set_names": "item_sets",
    "open_recording": "recording",
    "register_item_set": "item_sets",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
