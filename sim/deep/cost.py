"""What a subject has spent on learning."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cost:
    """Updates and images that went through a network, and how many of them before the task in hand.

    Attributes
    ----------
    updates : int
        Steps of the optimiser.
    image_passes : int
        Images that went through the network forwards and back.
    forward_passes : int
        Images that went through it forwards only, other than in probes.
    task : int
        The task in hand; -1 before the first.
    before_task : int
        Image passes when it began.

    Examples
    --------
    >>> cost = Cost()
    >>> for task in (0, 0, 1):
    ...     cost.begin_task(task)
    ...     cost.image_passes += 10
    >>> cost.image_passes, cost.of_task
    (30, 10)
    """

    updates: int = 0
    image_passes: int = 0
    forward_passes: int = 0
    task: int = -1
    before_task: int = 0

    def begin_task(self, task: int) -> None:
        """Go on with a task, or begin it where another was in hand."""
        if task != self.task:
            self.task, self.before_task = task, self.image_passes

    @property
    def of_task(self) -> int:
        """Image passes since the task began."""
        return self.image_passes - self.before_task
