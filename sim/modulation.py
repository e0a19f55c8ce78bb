"""What a brain state and a lesion make of the shared parameters of a circuit."""

from __future__ import annotations

from collections.abc import Iterable

from ..models.spiking.circuit import BrainState, Circuit
from ..models.spiking.quantities import in_si
from ..models.spiking.synapse_rules import PlasticRule


def of_cells(circuit: Circuit, state: BrainState, silent: Iterable[str] = ()) -> dict[str, dict[str, float]]:
    """Population → {shared parameter: value in SI units}; ``alive`` is 0 where a lesion silences it."""
    silenced, _ = circuit.silenced(silent)
    return {
        p.name: {
            "alive": float(p.name not in silenced),
            **{
                name: in_si(str(value))
                for name, value in {**p.cell.equations().states, **state.cells.get(p.name, {})}.items()
            },
        }
        for p in circuit.populations
    }


def of_synapses(
    circuit: Circuit, state: BrainState, silent: Iterable[str] = (), time_scale: float = 1.0
) -> dict[str, dict[str, float]]:
    """Projection → {shared parameter: value}: gain, learning rate, and the rates of what goes on in time.

    What a lesion silences neither transmits nor learns.
    """
    _, silenced = circuit.silenced(silent)
    values: dict[str, dict[str, float]] = {}
    for p in circuit.projections:
        lost = p.name in silenced
        own = values[p.name] = {"gain": 0.0 if lost else state.gains.get(p.name, 1.0)}
        if not isinstance(p.rule, PlasticRule):
            continue
        equations = p.rule.equations()
        own["eta"] = 0.0 if lost else state.rates.get(p.name, 0.0) * p.rule.eta
        own.update({name: in_si(value) for name, value in equations.states.items()})
        for process in equations.processes:
            acts = process.stages is None or state.name in process.stages
            own[process.rate] = in_si(process.value) * (time_scale if process.biological else 1.0) * acts
    return values


def beginning(circuit: Circuit, name: str | None = None) -> BrainState:
    """The brain state of that name, else the circuit's first, else plain parameters with all learning on."""
    if name is not None:
        return circuit.state(name)
    return circuit.states[0] if circuit.states else BrainState("none", rates=dict.fromkeys(circuit.plastic(), 1.0))
