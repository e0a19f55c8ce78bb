"""Models held against what people did.

Names are resolved on first use, so that importing this package loads neither pandas nor matplotlib.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

_MODULE_OF = {
    "Distance": ".yardstick",
    "EffectSize": ".ordinal",
    "Link": ".links",
    "ModelComparison": ".model_comparison",
    "Onsets": ".onsets",
    "OrdinalResult": ".ordinal",
    "Report": ".report",
    "compare": ".comparing",
    "compare_tables": ".comparing",
    "condition_table": ".conditions",
    "distance": ".yardstick",
    "evaluate_check": ".ordinal",
    "fit_logistic": ".links",
    "plot_conditions": ".conditions_figure",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULE_OF[name], __name__), name)


def __dir__() -> list[str]:
    return __all__
