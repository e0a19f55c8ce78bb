"""One circuit as a Brian2 network: built once, then run piece by piece through brain states."""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import brian2
import numpy as np
from brian2.core.clocks import Clock
from numpy.typing import ArrayLike, NDArray

from ..models.spiking.circuit import BrainState, Circuit, Projection
from ..models.spiking.quantities import in_si
from ..models.synapses import gate
from . import brian2_objects as objects
from . import modulation, network_state
from .prepared_network import PreparedNetwork
from .spike_tape import SpikeTape
from .targets import CODE, NO_COMPILER, Target, generated_for, runnable

Streams = Callable[..., np.random.Generator]


class CircuitNetwork:
    """A circuit that runs: one Brian2 network, prepared once, so that a further piece costs about a millisecond.

    Parameters
    ----------
    circuit : Circuit
    rng_of : callable
        ``rng_of("connectivity", projection)``, ``rng_of("weights", projection)`` and ``rng_of("flexibility",
        projection)`` give the generators from which NumPy draws what each projection starts from.
    target : {"auto", "numpy", "cython"}
        How code is run; ``auto`` is Cython where a compiler works, and NumPy elsewhere.
    time_scale : float
        Biological seconds per simulated second, for mechanisms whose rates are biological.
    spike_trains : mapping or None
        Population → (times in simulated seconds, cells): spikes that reach its cells with its drive weight, besides
        any drive.

    Attributes
    ----------
    notice : str
        What a user should know of the target, such as that no compiler works; else empty.

    Notes
    -----
    Within a time step, in this order: the drive arrives; cells are integrated (a refractory one keeps its potential);
    those above threshold spike; their spikes, or those of a delay ago, are transmitted with the weights as they stand
    and the rule's part for the source acts; then its part for the target; then spiking cells are reset and their
    traces raised, so that no cell's trace holds its own spike while that is learned from. Given spikes arrive after
    the thresholds.

    Examples
    --------
    >>> import numpy as np
    >>> from engram.models.spiking import LIF, Circuit, Population
    >>> pacemaker = Circuit([Population("P", 2, LIF(mu=2.0, tau_a=None))])
    >>> network = CircuitNetwork(pacemaker, lambda *names: np.random.default_rng(0), target="numpy")
    >>> network.run(0.1, seed=1)
    >>> network.counts("P").tolist()
    [6, 6]
    """

    def __init__(
        self,
        circuit: Circuit,
        rng_of: Streams,
        target: Target = "auto",
        time_scale: float = 1.0,
        spike_trains: Mapping[str, tuple[ArrayLike, ArrayLike]] | None = None,
    ) -> None:
        gc.collect()  # Brian2's objects are full of cycles, and those of a network before this one may be large
        self.circuit = circuit
        self.target = runnable(target)
        self.time_scale = time_scale
        self.notice = NO_COMPILER if target == "auto" and self.target == "numpy" else ""
        code = CODE[self.target]
        self._clock = Clock(dt=objects.quantity(circuit.dt), name="network_clock")
        self._groups = {}
        for p in circuit.populations:
            with objects.refusals_in_words(f"population {p.name}"):
                self._groups[p.name] = objects.neurons(p, self._clock, code)
        self._drives = {
            p.name: objects.drive(p, self._groups[p.name]) for p in circuit.populations if p.drive_weight is not None
        }
        self._drawn: dict[str, objects.Drawn] = {}
        self._synapses: dict[str, brian2.Synapses] = {}
        slow_clocks: dict[str, Clock] = {}
        with generated_for("numpy"):  # what is only done once is not worth compiling
            for projection in circuit.projections:
                self._connect(projection, objects.drawn(projection, circuit, rng_of), slow_clocks)
            self._given = [
                part
                for name, train in (spike_trains or {}).items()
                for part in objects.given_spikes(circuit.population(name), self._groups[name], *train)
            ]
        t = self._clock.variables["t"].get_value()
        self._tapes = {name: SpikeTape(group, t) for name, group in self._groups.items()}
        self._watched: dict[str, tuple[Any, NDArray[np.int32]]] = {}
        self._network = PreparedNetwork(
            [*self._groups.values(), *self._synapses.values(), *self._given], self._clock, self._tapes.values()
        )
        self._counts = {p.name: np.zeros(p.size, dtype=np.int64) for p in circuit.populations}
        self._brain_state = modulation.beginning(circuit)
        self._silent: tuple[str, ...] = ()
        for name in self._groups:
            self._rest(name)
        self._modulate()
        self._choose()

    def _connect(self, projection: Projection, drawn: objects.Drawn, clocks: dict[str, Clock]) -> None:
        name, rule = projection.name, projection.rule
        with objects.refusals_in_words(f"projection {name}"):
            synapses = objects.synapses(projection, self.circuit, self._groups, drawn, clocks)
        self._synapses[name] = synapses
        variables = synapses.variables
        if rule.plastic:
            for variable, value in objects.initial_values(drawn).items():
                if variable in variables:
                    variables[variable].get_value()[:] = value
            kept = {"pre": "_synaptic_pre", "post": "_synaptic_post", "initial": "w0", "flexibility": "f"}
            # Brian2's own arrays, rather than a second copy of each
            drawn = drawn._replace(**{k: variables[v].get_value() for k, v in kept.items() if v in variables})
        else:
            _shared(synapses, "w", rule.mean_initial())
        self._drawn[name] = drawn

    # --- brain states, drive and lesions

    def set_state(self, name: str) -> None:
        """Put the brain into one of the circuit's states.

        Parameters
        ----------
        name : str

        Raises
        ------
        ValueError
            The circuit has no such state.
        """
        self._brain_state = self.circuit.state(name)
        self._modulate()

    def silence(self, parts: Iterable[str]) -> None:
        """Silence these parts, and no others, until told otherwise; no part lifts every lesion.

        A silenced population never spikes; a silenced projection neither transmits nor learns.

        Parameters
        ----------
        parts : iterable of str
            Names of modules, populations or projections.

        Raises
        ------
        ValueError
            The circuit has no such part.
        """
        parts = tuple(parts)
        self.circuit.silenced(parts)
        self._silent = parts
        self._modulate()

    def drive(self, population: str, rates_hz: ArrayLike) -> None:
        """Rates of the Poisson sources of a population's cells, until told otherwise.

        Parameters
        ----------
        population : str
        rates_hz : array_like
            One for each cell, or one for all; 0 is no drive.

        Raises
        ------
        ValueError
            The population cannot be driven, or the rates do not fit it.
        """
        rates = objects.drive_rates(self.circuit.population(population), rates_hz)
        self._groups[population].variables["drive_rate"].get_value()[:] = rates
        self._chosen = False

    def _modulate(self) -> None:
        state = self._brain_state
        for table, owners in (
            (modulation.of_cells(self.circuit, state, self._silent), self._groups),
            (modulation.of_synapses(self.circuit, state, self._silent, self.time_scale), self._synapses),
        ):
            for owner, values in table.items():
                for name, value in values.items():
                    _shared(owners[owner], name, value)
        self._chosen = False

    def _choose(self) -> None:
        """Run only what has an effect, by the shared variables alone, so that a loaded state does the same."""
        names = {thing.name for group in self._groups.values() for thing in (group, *group.contained_objects)}
        names |= {monitor.name for monitor, _ in self._watched.values()}
        names |= {part.name for given in self._given for part in (given, *given.contained_objects)}
        for population, drive in self._drives.items():
            if not self._groups[population].variables["drive_rate"].get_value().any():
                names.discard(drive.name)
        instead = {}
        for projection in self.circuit.projections:
            synapses = self._synapses[projection.name]
            learns = projection.rule.plastic and bool(_value(synapses, "eta"))
            if learns or _value(synapses, "gain") or in_si(projection.delay) > 0:
                names.add(f"{synapses.name}_pre")
            if learns:
                pathways = {pathway.objname: pathway for pathway in synapses._pathways}
                if "learn" in pathways:
                    instead[f"{synapses.name}_pre"] = pathways["learn"]
                if "post" in pathways:
                    names.add(f"{synapses.name}_post")
            for process in projection.rule.equations().processes:
                if _value(synapses, process.rate):
                    names.add(f"{synapses.name}_{process.rate}")
        self._network.use(names, instead)
        self._chosen = True

    # --- running

    @property
    def time(self) -> float:
        """Simulated time, in seconds."""
        return float(self._clock.variables["t"].get_value()[0])

    @property
    def dt(self) -> float:
        """Time step, in simulated seconds."""
        return float(self._clock.dt_)

    def run(self, seconds: float, seed: int | np.random.SeedSequence) -> None:
        """Run for some simulated seconds, rounded to time steps.

        Parameters
        ----------
        seconds : float
        seed : int or numpy.random.SeedSequence
            Of this piece alone. The caller's global random state is left as it was.
        """
        if isinstance(seed, np.random.SeedSequence):
            seed = int(seed.generate_state(1)[0])
        if not self._chosen:
            self._choose()
        kept = {name: len(tape) for name, tape in self._tapes.items()}
        before = np.random.get_state()  # noqa: NPY002
        try:
            brian2.seed(seed)
            self._network.advance(round(seconds / self.dt))
        finally:
            np.random.set_state(before)  # noqa: NPY002
        self._counts = {name: tape.counts(since=kept[name]) for name, tape in self._tapes.items()}

    def counts(self, population: str) -> NDArray[np.int64]:
        """Spikes of each cell during the last run.

        Returns
        -------
        numpy.ndarray
            int64, [cell].
        """
        self.circuit.population(population)
        return self._counts[population].copy()

    def take_spikes(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.int32]]]:
        """Spikes since they were last taken, which are then forgotten.

        Returns
        -------
        dict
            Population → (times in simulated seconds, cells), in the order of time.
        """
        return {name: tape.take() for name, tape in self._tapes.items()}

    def watch(self, population: str, variable: str, cells: ArrayLike, every: float) -> None:
        """Record a variable of some cells from now on.

        Parameters
        ----------
        population, variable : str
            Such as ``"H"``, ``"a2"``.
        cells : array_like of int
        every : float
            Simulated seconds between two values.

        Raises
        ------
        ValueError
            There is no such variable.
        """
        self.circuit.population(population)
        group = self._groups[population]
        public = sorted(v for v, what in group.variables.items() if not v.startswith("_") and not what.constant)
        if variable not in public:
            raise ValueError(f'cells of {population} have no variable "{variable}"; they have {", ".join(public)}')
        ids = np.atleast_1d(np.asarray(cells, dtype=np.int32))
        steps = max(1, round(every / self.dt))
        clock = self._clock if steps == 1 else Clock(dt=steps * self._clock.dt, name=f"every_{steps}_steps")
        monitor = brian2.StateMonitor(
            group,
            variable,
            record=ids,
            clock=clock,
            name=f"watch_{population}_{variable}",
            codeobj_class=group.codeobj_class,
        )
        self._watched[f"{population}.{variable}"] = (monitor, ids)
        self._network.add(monitor)
        self._chosen = False

    def take_states(self) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float32]]]:
        """Watched variables since they were last taken, in SI units.

        Returns
        -------
        dict
            ``population.variable`` → (times in simulated seconds [time], values [time, cell]).
        """
        taken = {}
        for name, (monitor, ids) in self._watched.items():
            variable = name.rpartition(".")[2]
            times = np.array(monitor.variables["t"].get_value())
            values = np.array(monitor.variables[variable].get_value(), dtype=np.float32)
            taken[name] = (times, values.reshape(len(times), len(ids)))
            monitor.resize(0)
            monitor.variables["N"].set_value(0)
        return taken

    # --- weights

    def weights(self, projection: str) -> NDArray[np.float64]:
        """Weights of a projection's synapses, [synapse]."""
        self.circuit.projection(projection)
        w = self._synapses[projection].variables["w"].get_value()
        return np.array(np.broadcast_to(w, len(self._drawn[projection].pre)))

    def set_weights(self, projection: str, weights: ArrayLike) -> None:
        """Give every synapse of a plastic projection its weight.

        Raises
        ------
        ValueError
            The projection is static, or the weights do not fit it.
        """
        self.circuit.projection(projection)
        if projection not in self.circuit.plastic():
            raise ValueError(f'projection "{projection}" is static: its synapses have no weights of their own')
        given = np.asarray(weights, dtype=np.float64)
        w = self._synapses[projection].variables["w"].get_value()
        if given.shape != w.shape or not np.isfinite(given).all():
            raise ValueError(f'projection "{projection}": expected {len(w)} finite weights; found shape {given.shape}')
        w[:] = given

    def synapses(self, projection: str) -> objects.Drawn:
        """What a projection's synapses are and were at the start.

        Returns
        -------
        tuple of numpy.ndarray
            Source cell, target cell, initial weight and flexibility (1 where the rule knows none) of each synapse.
        """
        self.circuit.projection(projection)
        return self._drawn[projection]

    def apply_caps(self) -> None:
        """Scale the weights onto every cell down to the cap of its projection (see `IncomingCap`)."""
        for name in self.circuit.plastic():
            projection = self.circuit.projection(name)
            size = self.circuit.population(projection.target).size
            w = self._synapses[name].variables["w"].get_value()
            for mechanism in getattr(projection.rule, "mechanisms", ()):
                w[:] = mechanism.capped(w, self._drawn[name].post, size)

    def refresh_gates(self) -> None:
        """Read the gates that are held over an item anew."""
        for name in self.circuit.plastic():
            variables, drawn = self._synapses[name].variables, self._drawn[name]
            s = self.circuit.sensitivity(name)
            if s is not None and "alpha" in variables:
                variables["alpha"].get_value()[:] = gate(
                    variables["w"].get_value(), drawn.initial, drawn.flexibility, s
                )

    # --- state

    def reset_activity(self) -> None:
        """Put every cell to rest and forget spikes in flight; weights and brain state stay."""
        for name in self._groups:
            self._rest(name)
        for pathway in self._delayed():
            network_state.empty_queue(pathway)

    def _rest(self, population: str) -> None:
        group = self._groups[population]
        cell = self.circuit.population(population).cell.equations()
        kept = {"alive", "drive_rate", *cell.states}
        for name, variable in network_state.changing(group).items():
            if name not in kept:
                variable.get_value()[:] = in_si(cell.initial.get(name, "0"))
        group.variables["lastspike"].get_value()[:] = -1e4
        group.variables["not_refractory"].get_value()[:] = True

    def state(self) -> dict[str, NDArray]:
        """Everything that changes while the network runs, as plain arrays; spikes must have been taken before.

        Returns
        -------
        dict of str to numpy.ndarray
        """
        held: dict[str, NDArray] = {
            "timestep": np.array(self._clock.variables["timestep"].get_value()),
            "brain_state": np.array(self._brain_state.model_dump_json().encode()),
            "silent": np.array(json.dumps(self._silent).encode()),
        }
        held.update(network_state.values(self._owners()))
        for pathway in self._delayed():
            held.update(network_state.spikes_in_flight(pathway))
        return held

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        """Continue from a state, with the same bits on the same target.

        Parameters
        ----------
        state : mapping of str to numpy.ndarray
            From `state` of a network of the same circuit, drawn from the same generators.

        Raises
        ------
        ValueError
            It is the state of another circuit.
        """
        own = self.state()
        odd = sorted(k for k in {*own, *state} if k not in state or k not in own)
        if odd:
            raise ValueError(f"this is the state of another circuit; they differ in {', '.join(odd[:5])}")
        self.take_spikes()
        self.take_states()
        self._clock.variables["timestep"].get_value()[:] = state["timestep"]
        self._clock.variables["t"].get_value()[:] = state["timestep"] * self.dt
        self._brain_state = BrainState.model_validate_json(bytes(state["brain_state"].item()))
        self._silent = tuple(json.loads(bytes(state["silent"].item())))
        for owner in self._owners():
            for name, variable in network_state.changing(owner).items():
                variable.get_value()[:] = state[f"{owner.name}.{name}"]
        self._chosen = False
        for pathway in self._delayed():
            network_state.put_in_flight(pathway, state)

    def _owners(self) -> list[Any]:
        return [*self._groups.values(), *self._synapses.values(), *self._given]

    def _delayed(self) -> list[Any]:
        """Pathways in which spikes may be in flight between two steps."""
        return [self._synapses[p.name].pre for p in self.circuit.projections if in_si(p.delay) > 0]


def _shared(owner: Any, name: str, value: Any) -> None:
    owner.variables[name].get_value()[:] = value


def _value(owner: Any, name: str) -> Any:
    return owner.variables[name].get_value()[0]
