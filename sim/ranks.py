"""What the processes of one run beside the first do: the same work, of which nothing is written."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict
from typing import Any, Self

from ..data.wording import one_of
from .checkpoint import Place
from .chunk_ledger import ChunkLedger, Key
from .deep.distributed import Group
from .session import State
from .simulator import Simulator

SECONDS_BETWEEN_WORDS = 0.2
"""How long a Ctrl-C may wait until all processes have heard of it."""


def refuse_undivided(simulators: Mapping[str, Simulator], group: Group) -> None:
    """Refuse models whose sessions cannot be divided among processes.

    Raises
    ------
    ValueError
        There are several processes, and such a model.
    """
    alone = [name for name, simulator in simulators.items() if not simulator.divisible]
    if group.size > 1 and alone:
        raise ValueError(
            f"models: {one_of(alone)} cannot be divided among the {group.size} processes of torchrun; deep learners "
            "can. Run the others without torchrun"
        )


class SilentWriter:
    """Takes the place of a recording's writer in processes that write nothing.

    Examples
    --------
    >>> with SilentWriter() as writer:
    ...     writer.write_probe("er", [0], 0, [[0.5]])
    """

    created = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def lengths(self, model: str, subject: int) -> dict[str, int]:
        """No row is ever written here."""
        return {}

    def __getattr__(self, method: str) -> Callable[..., None]:
        if method.startswith("_"):
            raise AttributeError(method)
        return _nothing


def _nothing(*arguments: Any, **named: Any) -> None:
    return None


class SharedLedger:
    """A ledger that the first process keeps, and that tells the others where each chunk goes on.

    Parameters
    ----------
    own : ChunkLedger or None
        Of the first process; None in the others.
    group : Group
    """

    def __init__(self, own: ChunkLedger | None, group: Group) -> None:
        self._own = own
        self._group = group

    def open(self, finished: Collection[Key], checkpoints: Mapping[int, Place]) -> list[Place]:
        """As of `ChunkLedger`, for all."""
        places = [] if self._own is None else self._own.open(finished, checkpoints)
        return [Place(**place) for place in self._group.share_json([asdict(place) for place in places])]

    def begin(self, place: Place) -> tuple[Place, State]:
        """As of `ChunkLedger`, for all."""
        found, state = (place, None) if self._own is None else self._own.begin(place)
        return Place(**self._group.share_json(asdict(found))), self._group.share(state)

    def keep(self, place: Place, state: State) -> None:
        """As of `ChunkLedger`, by the first process."""
        if self._own is not None:
            self._own.keep(place, state)

    def finish(self, place: Place) -> None:
        """As of `ChunkLedger`, by the first process."""
        if self._own is not None:
            self._own.finish(place)

    def misfit(self, place: Place, why: object) -> ValueError:
        """As of `ChunkLedger`."""
        return ValueError(str(why)) if self._own is None else self._own.misfit(place, why)


class Pauses:
    """When a chunk is to be kept, and when it is to stop: the same for all processes.

    They speak about it a few times a second, however many pieces of work that are: the first process says after how
    many pieces they speak again.

    Parameters
    ----------
    group : Group
    """

    def __init__(self, group: Group) -> None:
        self._group = group
        self._left = self._since = 0
        self._spoke = time.monotonic()

    def decide(self, asked: bool, due: bool) -> tuple[bool, bool]:
        """Whether to stop, and whether to keep.

        Parameters
        ----------
        asked : bool
            Whether this process was asked to stop.
        due : bool
            Whether it is time for a checkpoint, by this process's clock; that of the first counts.
        """
        if self._group.size == 1:
            return asked, due
        self._since += 1
        if self._left > 0:
            self._left -= 1
            return False, False
        took = max(time.monotonic() - self._spoke, 1e-6)
        pieces = 0 if due else min(int(self._since * SECONDS_BETWEEN_WORDS / took), 10_000)
        (stop,) = self._group.any(asked)
        keep, self._left = self._group.share_json((due, pieces))
        self._since, self._spoke = 0, time.monotonic()
        return stop, keep
