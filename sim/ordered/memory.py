"""What a session asks of a model's memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...protocols import Step
from ...protocols.recall_tests import RecallTest
from ..session import State
from .lessons import Lesson

Outputs = NDArray[np.int64]


class Memory(ABC):
    """The memories of all subjects of a session (abstract).

    Outputs are slots, or -1 where nothing comes out, as `engram.sim.recalls.recalled` takes them.
    """

    @abstractmethod
    def study(self, lesson: Lesson) -> None:
        """Present items."""

    @abstractmethod
    def rest(self, step: Step) -> None:
        """Let time pass."""

    @abstractmethod
    def serial(self, step: Step, test: RecallTest) -> Outputs:
        """Recall in order: what comes out at each position, [subject, position]."""

    def free(self, step: Step, test: RecallTest) -> Outputs:
        """Recall in any order: what comes out, one after the other, [subject, output]."""
        raise ValueError("this model has no free recall; its check should have refused the protocol")

    def cued(self, step: Step, test: RecallTest) -> Outputs:
        """Recall by cues: what comes out to each, [subject, cue]."""
        raise ValueError("this model learns no pairs; its check should have refused the protocol")

    @abstractmethod
    def state(self) -> State:
        """Everything that later recall depends on."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """Go back to a state."""

    def sensitivities(self) -> NDArray[np.floating] | None:
        """Sensitivity in use, [subject], where there is one."""
        return None

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        """As of `engram.sim.session.Session`."""
        return {}

    def weights(self) -> NDArray[np.floating]:
        """All weights, [subject, pre, post]."""
        raise ValueError("this model has no weights")


class Timeless(Memory):
    """A memory that keeps nothing: what it recalls follows from the protocol alone, and from chance (abstract)."""

    def study(self, lesson: Lesson) -> None:
        """Nothing: a test says when each item was presented."""

    def rest(self, step: Step) -> None:
        """Nothing: a test says when it takes place."""

    def state(self) -> State:
        return {}

    def load_state(self, state: State) -> None:
        return None
