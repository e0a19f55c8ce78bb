"""Whose scores are compared, and what is declared of how they differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...data.recording import ModelInfo


@dataclass(frozen=True)
class Subjects:
    """Who was compared.

    Attributes
    ----------
    kind : str
        Kind of the model; empty for scores that come from no recording.
    measure : str
        What its performance is.
    chance : float
        Performance of guessing; NaN where it is not known.
    abilities : tuple of str
    recorded, failed : int
        Subjects of the recording, and how many of these failed and are left out.
    spread : mapping
        Parameters that declare how subjects differ from each other.
    """

    kind: str = ""
    measure: str = ""
    chance: float = float("nan")
    abilities: tuple[str, ...] = ()
    recorded: int = 0
    failed: int = 0
    spread: Mapping[str, float] = field(default_factory=dict)


def simulated_subjects(info: ModelInfo, measure: str) -> Subjects:
    """What a recording says of a model's subjects."""
    return Subjects(
        kind=str(info.spec.get("kind", "")),
        measure=measure,
        chance=info.chance,
        abilities=tuple(sorted(info.abilities)),
        recorded=info.subjects,
        failed=info.statuses.count("failed"),
        spread=_declared_spread(info.spec),
    )


def _declared_spread(spec: Mapping[str, Any], place: str = "") -> dict[str, float]:
    """Parameters of a spec that say how subjects differ: numbers whose name speaks of a spread."""
    found: dict[str, float] = {}
    for name, value in spec.items():
        if isinstance(value, Mapping):
            inner = {f"{name}.{k}": v for k, v in value.items()} if "spread" in name else value
            found |= _declared_spread(inner, f"{place}{name}." if "spread" not in name else place)
        elif "spread" in name and isinstance(value, (int, float)) and not isinstance(value, bool):
            found[f"{place}{name}"] = float(value)
    return found
