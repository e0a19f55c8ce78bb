"""Notices networks that run away or stay silent."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import TYPE_CHECKING

from ..models.spiking.procedure import Procedure
from ..models.spiking.quantities import in_si

if TYPE_CHECKING:
    from ..models.spiking.circuit import Circuit
    from ..protocols import Step


LONG_SILENCE = 0.5
"""Simulated seconds of NREM, in which two to seven bursts are common."""


class ActivityGuard:
    """Compares the activity of each piece of work with the limits of a procedure.

    Each thing is told once for each kind of phase.

    Parameters
    ----------
    circuit : Circuit
    procedure : Procedure

    Attributes
    ----------
    told : set of (str, str, str)
        What was told: population, kind of phase, and ``runaway``, ``silent`` or ``still``.
    """

    def __init__(self, circuit: Circuit, procedure: Procedure) -> None:
        self._sizes = {population.name: population.size for population in circuit.populations}
        inhibitory = {p.source for p in circuit.projections if p.receptor == "inhibitory"}
        limits = {name: procedure.runaway_rate for name in self._sizes if name not in inhibitory}
        self._recurrent = {
            p.source: None for p in circuit.projections if p.source == p.target and p.receptor == "excitatory"
        }
        self._limits = {name: in_si(rate) for name, rate in {**limits, **procedure.rate_limits}.items()}
        self.told: set[tuple[str, str, str]] = set()

    def runaways(self, step: Step, spikes: Mapping[str, int], seconds: float) -> list[str]:
        """Populations that fired too fast, in words.

        Parameters
        ----------
        step : Step
        spikes : mapping of str to int
            Spikes of each population.
        seconds : float
            Simulated time in which they were fired.
        """
        said = []
        for name, limit in self._limits.items():
            rate = spikes.get(name, 0) / (self._sizes[name] * seconds)
            if rate > limit and self._is_new(name, step, "runaway"):
                said.append(
                    f"population {name} ran away in {_named(step)}: {rate:.0f} Hz in the mean over {seconds:.2g} s, "
                    f"limit {limit:g} Hz; weaken its recurrent excitation or strengthen its inhibition"
                )
        return said

    def silence(self, step: Step, population: str, spikes: int, item: int) -> list[str]:
        """Whether a driven population stayed silent, in words."""
        if spikes > 0 or not self._is_new(population, step, "silent"):
            return []
        return [
            f"population {population} fired no spike (0 Hz) in {_named(step)} while item {item + 1} drove it: nothing "
            "is learned; is it lesioned, or are drive_rate or the weight of the drive too low?"
        ]

    def no_replay(self, step: Step, spikes: Mapping[str, int], seconds: float, silenced: Container[str]) -> list[str]:
        """Populations that excite themselves and yet stayed silent through a stretch of NREM, in words.

        Parameters
        ----------
        step : Step
        spikes : mapping of str to int
            Spikes of each population.
        seconds : float
            Simulated time in which they were fired; too short a time tells nothing.
        silenced : container of str
            Populations that are lesioned.
        """
        if seconds < LONG_SILENCE:
            return []
        return [
            f"population {name} fired no spike (0 Hz) in {_named(step)} for {seconds:.2g} s of NREM: nothing replays; "
            "are its noise, its drive or its recurrent excitation too low?"
            for name in self._recurrent
            if spikes.get(name, 0) == 0 and name not in silenced and self._is_new(name, step, "still")
        ]

    def _is_new(self, population: str, step: Step, what: str) -> bool:
        new = (population, step.kind, what) not in self.told
        self.told.add((population, step.kind, what))
        return new


def _named(step: Step) -> str:
    label = " ".join(filter(None, [step.label, str(step.repetition or "")]))
    return f"phase {step.index} ({', '.join(filter(None, [label, step.kind]))})"
