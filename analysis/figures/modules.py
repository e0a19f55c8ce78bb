"""Colours of modules and greys of stages, the same in every figure of a circuit."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from .style import GREY

# Okabe & Ito (2008); the names stand beside the data, so that no figure hangs on colour.
MODULE_COLORS = {"cortex": "#0072B2", "hippocampus": "#D55E00"}
OTHER_MODULES = ("#009E73", "#CC79A7", "#8C6D00", "#4B2E83")

STAGE_GREYS = {"exposure": "#D9D9D9", "cue": "#BFBFBF", "nrem": "#E3E8F0", "rem": "#F5E6D8", "quiet": "#EDEDED"}
STAGE_NAMES = {
    "exposure": "exposure",
    "cue": "cue",
    "nrem": "NREM",
    "rem": "REM",
    "rest": "rest",
    "quiet": "quiet replay",
}
SMALLEST_NAME = 0.035  # of the width: narrower stretches go without their name


def module_color(module: str) -> str:
    """Colour of a module; other names than cortex and hippocampus take one by their letters, always the same."""
    return MODULE_COLORS.get(module) or OTHER_MODULES[sum(map(ord, module)) % len(OTHER_MODULES)]


def joined_stages(segments: pd.DataFrame) -> pd.DataFrame:
    """Stretches of time of one stage each, neighbours of one stage joined: ``stage``, ``start``, ``stop``."""
    ordered = segments.sort_values("start", kind="stable")
    apart = (ordered["stage"] != ordered["stage"].shift()) | (ordered["start"] - ordered["stop"].shift() > 1e-6)
    groups = ordered.groupby(apart.cumsum(), sort=False)
    return groups.agg(stage=("stage", "first"), start=("start", "first"), stop=("stop", "last")).reset_index(drop=True)


def shade_stages(axes: Axes, segments: pd.DataFrame, first: float, last: float) -> None:
    """Shade what happened when, with names above where there is room."""
    for stage, start, stop in joined_stages(segments).itertuples(index=False):
        if stage not in STAGE_GREYS:
            continue
        left, right = max(start, first), min(stop, last)
        axes.axvspan(left, right, color=STAGE_GREYS[stage], linewidth=0, zorder=0)
        if right - left > SMALLEST_NAME * (last - first):
            axes.annotate(
                STAGE_NAMES[stage], ((left + right) / 2, 1), xycoords=("data", "axes fraction"), xytext=(0, 2),
                textcoords="offset points", ha="center", va="bottom", fontsize="x-small", color=GREY,
            )  # fmt: skip
