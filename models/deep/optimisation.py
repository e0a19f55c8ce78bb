"""How weights are changed: the optimiser, and its learning rate over a phase."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from .momentum import MomentumSGD

FROZEN = ConfigDict(extra="forbid")
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]

ADAM_MOMENTS = 0.999
"""Decay of Adam's second moment; that of the first is the momentum."""


@dataclass(frozen=True, kw_only=True, config=FROZEN)
class Optimiser:
    """Which optimiser, and its constants.

    Parameters
    ----------
    kind : {"sgd", "adam"}
    learning_rate : float
        At its highest; see `Schedule`.
    momentum : float
        Of SGD; the decay of the first moment of Adam.
    weight_decay : float
        L2 penalty, added to the gradient.
    clip : float or None
        Largest norm of the gradient of all weights together; None for no limit.

    Examples
    --------
    >>> Optimiser(learning_rate=0.1).momentum
    0.9
    """

    kind: Literal["sgd", "adam"] = "sgd"
    learning_rate: Positive = 0.05
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    weight_decay: NotNegative = 0.0
    clip: Positive | None = None

    def build(self, parameters: Iterable[torch.nn.Parameter]) -> torch.optim.Optimizer | MomentumSGD:
        """The optimiser of these parameters.

        Parameters
        ----------
        parameters : iterable of torch.nn.Parameter

        Returns
        -------
        torch.optim.Optimizer or MomentumSGD
        """
        weights = list(parameters)
        if self.kind == "adam":
            import torch

            betas = (self.momentum, ADAM_MOMENTS)
            return torch.optim.Adam(
                weights, self.learning_rate, betas=betas, weight_decay=self.weight_decay, fused=True
            )
        from .momentum import MomentumSGD

        return MomentumSGD(weights, self.learning_rate, momentum=self.momentum, weight_decay=self.weight_decay)


@dataclass(frozen=True, kw_only=True, config=FROZEN)
class Schedule:
    """The learning rate over a phase, as a share of the optimiser's.

    It rises linearly over the warm-up. Then it stays (``constant``), or falls along half a cosine to `final`
    (``cosine``). ``one-cycle`` rises along half a cosine from a twenty-fifth over the first `warmup` epochs, or the
    first three tenths where none are given, and falls along half a cosine to `final`.

    Parameters
    ----------
    kind : {"constant", "cosine", "one-cycle"}
    warmup : float
        Epochs; in a phase that is shorter, half of it.
    final : float
        Share of the learning rate at the end of the phase.

    Examples
    --------
    >>> cosine = Schedule(kind="cosine")
    >>> [round(cosine.share(update, 4, 1), 3) for update in range(5)]
    [1.0, 0.854, 0.5, 0.146, 0.0]
    >>> [round(Schedule(warmup=2).share(update, 8, 2), 3) for update in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]
    """

    kind: Literal["constant", "cosine", "one-cycle"] = "constant"
    warmup: NotNegative = 0.0
    final: Share = 0.0

    def share(self, update: int, updates: int, per_epoch: int) -> float:
        """The share of the learning rate at one update.

        Parameters
        ----------
        update : int
            From 0.
        updates : int
            Of the whole phase.
        per_epoch : int
            Updates of one epoch.

        Returns
        -------
        float
        """
        rise = min(round(self.warmup * per_epoch), updates // 2)
        if self.kind == "one-cycle":
            rise = rise or (3 * updates) // 10
            if update < rise:
                return _half_cosine(0.04, 1.0, update / rise)
        elif update < rise:
            return (update + 1) / rise
        if self.kind == "constant":
            return 1.0
        return _half_cosine(1.0, self.final, (update - rise) / max(1, updates - rise))


def _half_cosine(start: float, end: float, way: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * way))
