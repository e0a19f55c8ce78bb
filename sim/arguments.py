"""Numbers that the caller of a run gives, checked."""

from __future__ import annotations

from typing import Any

MOST_WORKERS = 1024


def check_whole(name: str, value: Any, least: int, most: int) -> None:
    """Refuse what is no whole number between two others.

    Examples
    --------
    >>> check_whole("seed", 3, 0, 9)
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ValueError(f"{name}: found {value!r}; expected a whole number from {least} to {most}")


def check_seconds(checkpoint_every: float) -> None:
    """Refuse what is no time between checkpoints."""
    if not checkpoint_every >= 0:
        raise ValueError(f"checkpoint_every: found {checkpoint_every}; expected a number of seconds, at least 0")
