"""What turns images, or features, into the bytes of an episodic store and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Symbols = NDArray | list[NDArray]
"""Integers that stand for items, one array for each: an array [item, ...], or a list where they differ in length."""
Read = Callable[[NDArray[np.int64]], NDArray]


class Codec(ABC):
    """One way of keeping items as bytes (abstract).

    Coding has an exact half and one that may lose something. `quantise` turns originals into whole numbers, and
    `reconstruct` guesses the originals from them; between the two, `pack` and `unpack` lose nothing. Parameters that
    reconstruct (a decoder, tables, codebooks) have a *version*. Items remember which version made them, and every
    version in use is kept on disk and counted.

    Attributes
    ----------
    gives : str
        What `reconstruct` gives: ``"images"`` or ``"features"``.
    block : int
        Items that are packed together. Reading one item unpacks its block.
    record_bytes : int or None
        Bytes of every packed item, where they are always the same and ``block`` is 1: packed items laid end to end are
        then what `unpack` takes for several. None where they vary.
    caches : bool
        Whether the store may hold copies (`working`) of unpacked items in working memory.
    version : int
        Version that `quantise` and `pack` write now.
    needs_lessons : bool
        Whether `quantise` is there only while a whole lesson is stored, so that items cannot be added one by one.
    """

    gives: ClassVar[Literal["images", "features"]] = "images"
    block: int = 1
    record_bytes: int | None = None
    caches: bool = True
    version: int = 0
    needs_lessons: bool = False

    def fit(self, read: Read, n: int, task: int) -> Iterator[str]:
        """Learn the parameters of a task's items, before they are coded.

        A generator that yields, in words, wherever `state` may be taken. Called again after `load_state`, it goes on
        from there; what is fitted already is not fitted again. Afterwards `version` is the one to code these items
        with; parameters of no other version may have changed.

        Parameters
        ----------
        read : callable
            Gives originals by place, int64 array of 0 … n - 1: uint8 [item, height, width(, 3)], or features
            float32 [item, channel, height, width].
        n : int
            Number of items.
        task : int
        """
        yield from ()

    def finish(self, task: int) -> None:  # noqa: B027
        """Drop what was only needed to code a task's items, which are all coded by now."""

    @abstractmethod
    def quantise(self, originals: NDArray) -> Symbols:
        """Integers that stand for items, by the parameters of the present `version`.

        Parameters
        ----------
        originals : array
            Images, uint8 [item, height, width] or [item, height, width, 3]; or features, float32 [item, channel,
            height, width].
        """

    @abstractmethod
    def pack(self, symbols: Symbols, version: int) -> bytes:
        """Bytes of one block of items, without loss. Equal symbols give equal bytes, on every machine."""

    @abstractmethod
    def unpack(self, data: bytes, count: int, version: int) -> Symbols:
        """The symbols of a block of ``count`` items.

        Raises
        ------
        ValueError
            The bytes are none that `pack` gives.
        """

    @abstractmethod
    def working(self, symbols: Symbols, version: int) -> Tensor:
        """What of each item is held in working memory, and given to `reconstruct`.

        Returns
        -------
        Tensor, [item, ...]
            Of one shape and dtype for all items of a store, on the CPU.
        """

    @abstractmethod
    def reconstruct(self, working: Tensor, version: int) -> Tensor:
        """Items as they are recalled.

        Parameters
        ----------
        working : Tensor, [item, ...]
            What `working` gave, on the device.
        version : int

        Returns
        -------
        uint8 Tensor, [item, channel, height, width]; float32 for features
            On the device of ``working``.
        """

    def estimated_bits(self, symbols: Symbols, version: int) -> float | None:
        """Bits that a block of symbols should take by the codec's own model of them; None where it has none."""
        return None

    def parameters(self, version: int) -> bytes:
        """Everything that decoding items of a version needs, as it lies on disk; empty for none."""
        return b""

    def load_parameters(self, version: int, data: bytes) -> None:  # noqa: B027
        """Take parameters from what `parameters` gave.

        Raises
        ------
        ValueError
            They do not fit this codec.
        """

    def parameters_bytes(self, version: int) -> int:
        """Bytes of `parameters`."""
        return len(self.parameters(version))

    def least_bytes(self) -> int:
        """Bytes that one packed item and the parameters it needs take at least, as far as is known before any `fit`."""
        return self.record_bytes or 1

    def bytes_of_a_lesson(self) -> int:
        """Bytes of parameters that every lesson after the first adds at least, as far as is known before any `fit`."""
        return 0

    def state(self) -> dict[str, NDArray]:
        """What a fit, or the coding of a task, needs to go on; small or empty when neither is under way."""
        return {}

    def load_state(self, state: dict[str, NDArray]) -> None:  # noqa: B027
        """Go back to a state. Parameters of finished versions come from `load_parameters`, which is called before."""
