"""SGD with momentum, without what `torch.optim.SGD` brings along."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.sgd import sgd


class MomentumSGD:
    """The updates of `torch.optim.SGD`, bit by bit, through torch's own function for them.

    An instance of ``torch.optim.Optimizer`` imports torch's compiler, a second of CPU time at the start of every run,
    and wraps each step in hooks, a tenth of the update of a small network.

    Parameters
    ----------
    weights : iterable of torch.nn.Parameter
    learning_rate : float
    momentum : float
    weight_decay : float
        L2 penalty, added to the gradient.

    Attributes
    ----------
    param_groups : list of dict
        One: its ``lr`` is the learning rate of the next step.
    state : dict
        For each weight that has moved, with momentum, its ``momentum_buffer``.

    Examples
    --------
    >>> weight = nn.Parameter(torch.tensor([1.0]))
    >>> optimiser = MomentumSGD([weight], 0.5, momentum=0.5)
    >>> for _ in range(2):
    ...     weight.grad = torch.tensor([1.0])
    ...     optimiser.step()
    ...     weight.item()
    0.5
    -0.25
    """

    def __init__(
        self, weights: Iterable[nn.Parameter], learning_rate: float, *, momentum: float = 0.0, weight_decay: float = 0.0
    ) -> None:
        self._weights = list(weights)
        self._momentum, self._weight_decay = momentum, weight_decay
        self.param_groups: list[dict[str, Any]] = [{"lr": learning_rate}]
        self.state: dict[Tensor, dict[str, Any]] = {weight: {} for weight in self._weights}

    @torch.no_grad()
    def step(self) -> None:
        """Change every weight that has a gradient."""
        moving = [weight for weight in self._weights if weight.grad is not None]
        velocities: list[Tensor | None] = []
        if self._momentum:
            for weight in moving:
                if "momentum_buffer" not in self.state[weight]:
                    self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
                velocities.append(self.state[weight]["momentum_buffer"])
        sgd(
            list[Tensor](moving),
            [weight.grad for weight in moving if weight.grad is not None],
            velocities or [None] * len(moving),
            fused=True,
            lr=self.param_groups[0]["lr"],
            momentum=self._momentum,
            weight_decay=self._weight_decay,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )

    def zero_grad(self) -> None:
        """Let go of all gradients."""
        for weight in self._weights:
            weight.grad = None
