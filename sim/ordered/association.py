"""Contexts associated with items by synapses of mixed stability, for many subjects at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ...models.ordered.positional import PositionalNetwork
from ...models.synapses import auto_sensitivity, stiffness
from ..session import State
from .chance import Chance

Floats = NDArray[np.float32]
ALL = slice(None)
LARGEST = float(np.finfo(np.float32).max)


class Association:
    """Synapses from the elements of a context to those of an item, one matrix for each subject.

    One presentation is one step of the delta rule, through the gate of the mixed-stability rule (`models/synapses.py`):

        Δw = rate · gate(w - w0) · context · (item - context · w)

    Parameters
    ----------
    model : PositionalNetwork
    chance : Chance
        Of the subjects.
    together : int
        Subjects whose steps are made at once, so that what they need stays in a processor's cache.
    """

    def __init__(self, model: PositionalNetwork, chance: Chance, together: int) -> None:
        shape = (model.context_size, model.item_size)
        subjects = len(chance.numbers)
        self._kappa = model.kappa
        self._initial = np.empty((subjects, *shape), dtype=np.float32)
        self._stiffness = np.empty_like(self._initial)
        movable = np.ones(self._initial.shape, dtype=bool)
        ordinary = True
        for place in range(subjects):
            drawn = chance.rng(place, "weights", 0).standard_normal(shape)
            self._initial[place] = drawn * np.sqrt(2.0 / sum(shape))
            flexibility = model.flexibility.sample(shape, chance.rng(place, "flexibility", 0))
            ordinary &= bool((flexibility == 1).all())
            self._stiffness[place] = stiffness(flexibility, 1.0)
            movable[place] = flexibility > 0
        self._movable = None if movable.all() else movable
        self._gated = not ordinary
        self.weights = self._initial.copy()
        self.sensitivity: NDArray[np.float64] | None = None
        if model.sensitivity != "auto":
            self._set_sensitivity(np.full(subjects, float(model.sensitivity)))
        elif not (self._stiffness > 0).any():  # where every synapse is frozen or ordinary, no sensitivity matters
            self._set_sensitivity(np.ones(subjects))
        self._gate = np.empty((together, *shape), dtype=np.float32)
        self._step = np.empty_like(self._gate)

    @property
    def calibrated(self) -> bool:
        """Whether the sensitivity is known."""
        return self.sensitivity is not None

    def learn(self, context: Floats, item: Floats, rate: Floats, places: slice) -> None:
        """One step for some subjects, at most as many as are made together.

        Parameters
        ----------
        context : float32 array [subject, context element]
        item : float32 array [subject, item element]
        rate : float32 array [subject]
        places : slice
            Places of the subjects in the session.
        """
        weights = self.weights[places]
        step = self._step[: len(weights)]
        error = item - np.matmul(context[:, None, :], weights)[:, 0]
        # A step of more than 1 / |context|² would overshoot what it corrects.
        error *= np.minimum(rate, 1.0 / np.einsum("sc,sc->s", context, context))[:, None]
        np.multiply(context[:, :, None], error[:, None, :], out=step)
        if self._gated and self.calibrated:
            gate_ = self._gate[: len(weights)]
            # sech² = 1 / cosh², as in gate_torch: where cosh overflows the gate is 0 to the last bit.
            with np.errstate(over="ignore"):
                np.subtract(weights, self._initial[places], out=gate_)
                gate_ *= self._stiffness[places]
                np.cosh(gate_, out=gate_)
                np.square(gate_, out=gate_)
            step /= gate_
        if self._movable is not None:
            step *= self._movable[places]
        weights += step

    def calibrate(self) -> None:
        """Set the sensitivity from how far the synapses that are not frozen have travelled by now."""
        squares = np.square(self.weights - self._initial, dtype=np.float64).sum(axis=(1, 2))
        synapses = self._initial[0].size if self._movable is None else self._movable.sum(axis=(1, 2))
        self._set_sensitivity(auto_sensitivity(np.sqrt(squares / synapses), self._kappa))

    def relax(self, seconds: float, flexible_time: float, stable_time: float) -> None:
        """Let weights go back to where they came from, each with the time constant of its flexibility.

        Parameters
        ----------
        seconds : float
        flexible_time, stable_time : float
            Time constants, in s, of f = 1 and towards f = 0; between them log τ is linear in f.
        """
        scale = np.ones(len(self.weights)) if self.sensitivity is None else self.sensitivity
        for place, (weights, initial) in enumerate(zip(self.weights, self._initial, strict=True)):
            # f from the stiffness s (1 - f) / f; a frozen synapse has not moved, whatever comes out for it.
            flexibility = 1.0 / (1.0 + self._stiffness[place] / scale[place])
            times = stable_time ** (1.0 - flexibility) * flexible_time**flexibility
            weights -= initial
            weights *= np.exp(-seconds / times)
            weights += initial

    def state(self) -> State:
        """Weights, and the sensitivity where it is known."""
        state: State = {"weights": self.weights.copy()}
        if self.sensitivity is not None:
            state["sensitivity"] = self.sensitivity.copy()
        return state

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        if state["weights"].shape != self.weights.shape or state["weights"].dtype != self.weights.dtype:
            raise ValueError(f"weights have shape {state['weights'].shape}; expected {self.weights.shape}")
        self.weights[...] = state["weights"]
        if "sensitivity" in state and not self.calibrated:
            if state["sensitivity"].shape != (len(self.weights),):
                raise ValueError(f"{state['sensitivity'].size} sensitivities of {len(self.weights)} subjects")
            self._set_sensitivity(state["sensitivity"])

    def summaries(self) -> Mapping[str, NDArray[np.floating]]:
        """Mean and root mean square distance travelled, mean absolute weight and mean gate; by name, [subject]."""
        distance = np.abs(self.weights - self._initial)
        with np.errstate(over="ignore"):
            gates = 1.0 / np.square(np.cosh(distance * (self._stiffness if self.calibrated else 0.0)))
        if self._movable is not None:
            gates *= self._movable
        return {
            "mean_displacement": distance.mean(axis=(1, 2)),
            "rms_displacement": np.sqrt(np.square(distance).mean(axis=(1, 2))),
            "mean_abs_weight": np.abs(self.weights).mean(axis=(1, 2)),
            "mean_gate": gates.mean(axis=(1, 2)),
        }

    def _set_sensitivity(self, sensitivity: NDArray[np.float64]) -> None:
        self.sensitivity = sensitivity
        scaled = self._stiffness * sensitivity[:, None, None]
        self._stiffness = np.minimum(scaled, LARGEST).astype(np.float32)
