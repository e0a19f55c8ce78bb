"""A circuit without a protocol: run it for a while in one of its brain states, and look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.seeds import child_rng, child_seed
from ..models.spiking.circuit import Circuit
from ..models.spiking.quantities import seconds
from .arguments import check_whole

Spikes = tuple[NDArray[np.float64], NDArray[np.int32]]


@dataclass(frozen=True)
class Simulation:
    """What a circuit did.

    Attributes
    ----------
    duration : float
        Simulated seconds.
    spikes : dict
        Population → (times in seconds, cells), in the order of time.
    rates : dict
        Population → mean rate of each cell, in Hz, [cell].
    weights : dict
        Plastic projection → weights at the end, [synapse].
    synapses : dict
        Plastic projection → (source cell, target cell, initial weight, flexibility), each [synapse].
    """

    duration: float
    spikes: dict[str, Spikes]
    rates: dict[str, NDArray[np.float64]]
    weights: dict[str, NDArray[np.float64]]
    synapses: dict[str, tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]]


def simulate(
    circuit: Circuit,
    duration: str,
    *,
    state: str | None = None,
    drive: Mapping[str, ArrayLike] | None = None,
    spike_trains: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    seed: int = 0,
    target: Literal["auto", "numpy", "cython", "cpp_standalone"] = "auto",
    time_scale: float = 1.0,
) -> Simulation:
    """Run a circuit for a while.

    Parameters
    ----------
    circuit : Circuit
    duration : time
        Simulated, such as ``"2 s"``.
    state : str or None
        Brain state; None is the circuit's first, or its plain parameters with all learning on where it has none.
    drive : mapping or None
        Population → rates of the Poisson sources of its cells, in Hz: one for each cell, or one for all.
    spike_trains : mapping or None
        Population → (times in seconds, cells): spikes that reach its cells with its drive weight.
    seed : int
        Of the wiring, the flexibilities and the noise.
    target : {"auto", "numpy", "cython", "cpp_standalone"}
        NumPy compiles nothing; Cython compiles each part once and caches it; a C++ program runs fastest over long times
        with large circuits, is compiled anew in about half a minute, and gives other random numbers.
    time_scale : float
        Biological seconds per simulated second, for mechanisms with biological rates.

    Returns
    -------
    Simulation

    Raises
    ------
    ValueError
        There is no such state or population, the drive does not fit, or nothing would be simulated.
    OSError
        The target needs a compiler and none works.

    Examples
    --------
    >>> from engram.models.spiking import LIF, Circuit, Population
    >>> pacemakers = Circuit([Population("P", 2, LIF(mu=2.0, tau_a=None))])
    >>> simulate(pacemakers, "100 ms", target="numpy").rates["P"].tolist()
    [60.0, 60.0]
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"expected a Circuit; found {type(circuit).__name__}")
    length = seconds(duration)
    if length < seconds(circuit.dt):
        raise ValueError(f"duration: found {duration}; expected at least one step of the circuit, {circuit.dt}")
    if not 0 < time_scale < np.inf:
        raise ValueError(f"time_scale: found {time_scale}; expected a finite number above 0")
    check_whole("seed", seed, 0, 2**63 - 1)

    def rng_of(*names: str) -> np.random.Generator:
        return child_rng(seed, *names)

    if target == "cpp_standalone":
        from .standalone import run_standalone

        return run_standalone(
            circuit,
            length,
            rng_of,
            seed=int(child_seed(seed, "run").generate_state(1)[0]),
            state=state,
            drive=drive or {},
            spike_trains=spike_trains or {},
            time_scale=time_scale,
        )
    from .circuit_network import CircuitNetwork

    network = CircuitNetwork(circuit, rng_of, target, time_scale, spike_trains)
    if state is not None:
        network.set_state(state)
    for population, rates in (drive or {}).items():
        network.drive(population, rates)
    network.run(length, child_seed(seed, "run"))
    return Simulation(
        duration=length,
        spikes=network.take_spikes(),
        rates={p.name: network.counts(p.name) / length for p in circuit.populations},
        weights={name: network.weights(name) for name in circuit.plastic()},
        synapses={name: network.synapses(name) for name in circuit.plastic()},
    )
