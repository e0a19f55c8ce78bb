"""What a recording says of a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a recording says of one model.

    Attributes
    ----------
    spec, item_set : dict
        The model's specification and the item set that its subjects draw from.
    encoder : str
        Frozen encoder in front of the model.
    abilities : tuple of str
        What the model is able to do.
    chance : float
        Performance of a subject that guesses.
    subjects : int
        Number of subjects.
    statuses : tuple of str
        ``running``, ``complete`` or ``failed``, by subject.
    projections : dict
        Units of the weights of each recorded projection.

    Examples
    --------
    >>> info = ModelInfo(
    ...     spec={}, item_set={"name": "digits"}, encoder="none", abilities=(), chance=0.1,
    ...     subjects=2, statuses=("complete", "failed"), projections={},
    ... )
    >>> info.statuses.count("failed")
    1
    """

    spec: dict[str, Any]
    item_set: dict[str, Any]
    encoder: str
    abilities: tuple[str, ...]
    chance: float
    subjects: int
    statuses: tuple[str, ...]
    projections: dict[str, str]
