"""A circuit as a C++ program, for one long segment in one brain state.

Brian2's standalone device knows no pieces: the program is compiled, runs once, and its results are read back. It gives
other random numbers than the other targets.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import brian2
import numpy as np
from brian2.core.clocks import Clock
from numpy.typing import ArrayLike

from ..models.spiking.circuit import Circuit
from ..models.spiking.quantities import in_si
from . import brian2_objects as objects
from . import modulation
from .simulation import Simulation


def run_standalone(
    circuit: Circuit,
    length: float,
    rng_of: Callable[..., np.random.Generator],
    *,
    seed: int,
    state: str | None,
    drive: Mapping[str, ArrayLike],
    spike_trains: Mapping[str, tuple[ArrayLike, ArrayLike]],
    time_scale: float,
) -> Simulation:
    """Compile, run and read back; parameters as for `simulate`.

    Raises
    ------
    OSError
        No C++ compiler works here.
    """
    brain_state = modulation.beginning(circuit, state)
    with tempfile.TemporaryDirectory(prefix="engram-") as folder, _standalone_device(folder) as device:
        clock = Clock(dt=objects.quantity(circuit.dt), name="network_clock")
        populations = {p.name: p for p in circuit.populations}
        groups = {name: objects.neurons(p, clock, None) for name, p in populations.items()}
        parts: list[Any] = list(groups.values())
        for name, values in modulation.of_cells(circuit, brain_state).items():
            at_rest = {v: in_si(text) for v, text in populations[name].cell.equations().initial.items()}
            _set(groups[name], {**values, **at_rest, "lastspike": -1e4, "not_refractory": True})
        for name, rates in drive.items():
            population = circuit.population(name)
            everyone = np.broadcast_to(objects.drive_rates(population, rates), population.size)
            objects.drive(population, groups[name])
            _set(groups[name], {"drive_rate": everyone})
        for name, (times, cells) in spike_trains.items():
            parts += objects.given_spikes(circuit.population(name), groups[name], times, cells)
        fixed = {p.name: objects.drawn(p, circuit, rng_of) for p in circuit.projections}
        shared = modulation.of_synapses(circuit, brain_state, time_scale=time_scale)
        slow_clocks: dict[str, Clock] = {}
        synapses = {}
        for projection in circuit.projections:
            name = projection.name
            made = synapses[name] = objects.synapses(projection, circuit, groups, fixed[name], slow_clocks)
            own = (
                objects.initial_values(fixed[name])
                if projection.rule.plastic
                else {"w": projection.rule.mean_initial()}
            )
            _set(made, {**own, **shared[name]})
            learns = bool(shared[name].get("eta"))
            pathways = {pathway.objname: pathway for pathway in made._pathways}
            for pathway in pathways.values():
                pathway.active = learns if pathway.objname != "pre" else not (learns and "learn" in pathways)
        monitors = {name: brian2.SpikeMonitor(group, name=f"spikes_{name}") for name, group in groups.items()}
        brian2.seed(seed)
        network = brian2.Network(*parts, *synapses.values(), *monitors.values())
        network.run(length * brian2.second, namespace={})
        try:
            device.build(directory=folder, compile=True, run=True, debug=False, clean=False)
        except Exception as error:  # Brian2 raises whatever the compiler's process gave
            raise OSError(f"the C++ program of this circuit could not be compiled or run: {error}") from error
        return Simulation(
            duration=length,
            spikes={
                name: (np.array(m.t / brian2.second), np.array(m.i, dtype=np.int32)) for name, m in monitors.items()
            },
            rates={name: np.array(m.count) / length for name, m in monitors.items()},
            weights={name: np.array(synapses[name].w) for name in circuit.plastic()},
            synapses={name: fixed[name] for name in circuit.plastic()},
        )


@contextlib.contextmanager
def _standalone_device(folder: str) -> Iterator[Any]:
    brian2.set_device("cpp_standalone", build_on_run=False, directory=folder)
    try:
        yield brian2.get_device()
    finally:
        brian2.get_device().reinit()
        brian2.set_device("runtime")


def _set(owner: Any, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if name in owner.variables:
            owner.variables[name].set_value(value)
