"""Pieces of a phase: what a phase that is resumed has behind it, and does not do again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from .lessons import Tick


class Pieces:
    """Counts the pieces of a phase. A resumed phase is begun again from its first line; finished pieces are left out.

    Attributes
    ----------
    begun, finished : int
        Pieces that this phase has come by, and those that are finished.

    Examples
    --------
    >>> def piece():
    ...     yield Tick("learning")
    >>> pieces = Pieces(finished=1)
    >>> [len(list(pieces.go_through(piece))) for _ in range(2)]
    [0, 1]
    >>> pieces.finished
    2
    """

    def __init__(self, finished: int = 0) -> None:
        self.begun, self.finished = 0, finished

    def go_through(self, make: Callable[[], Iterator[Tick]]) -> Iterator[Tick]:
        """The next piece: gone through, or left out where it is finished already."""
        number = self.begun
        self.begun += 1
        if number < self.finished:
            return
        yield from make()
        self.finished = number + 1
