"""Circuits without an engine: populations, projections between them, and the states that a brain can be in."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import Field, model_validator

from ...data.wording import at_most, nearest, one_of
from . import benna_fusi, own_equations, stdp  # noqa: F401  the kinds that a circuit read from JSON may name
from .cells import AnyCell
from .connectivity import AnyConnectivity
from .quantities import Delay, Time, dimension, in_si, read_quantity
from .spec import Spec
from .stability import MixedStability
from .synapse_rules import AnyRule

if TYPE_CHECKING:
    import networkx

NAME = r"[A-Za-z][A-Za-z0-9_]*"
PROJECTION_NAME = r"[A-Za-z][A-Za-z0-9_-]*"
TAKEN = ("none", "time")
"""Names that mean something else: no lesion, and the time of recorded rates."""

LONGEST_STEP, LONGEST_DELAY = "10 ms", "10 s"
Factors = dict[str, Annotated[float, Field(ge=0)]]


class Population(Spec):
    """A group of cells of one kind.

    Parameters
    ----------
    name : str
        Letters, digits and underscores.
    size : int
        Number of cells.
    cell : Cell
    module : str
        The part of the brain it belongs to, such as ``hippocampus``; "" is none.
    drive_weight : float or None
        Weight of one spike of a cell's own Poisson source, in the unit of its excitatory receptor; None: the population
        cannot be driven.

    Examples
    --------
    >>> from engram.models.spiking import LIF
    >>> Population("C", 500, LIF(mu=0.3), "cortex").size
    500
    """

    name: Annotated[str, Field(pattern=f"^{NAME}$", max_length=32)]
    size: Annotated[int, Field(ge=1, le=10_000_000)]
    cell: AnyCell
    module: Annotated[str, Field(pattern=f"^({NAME})?$", max_length=32)] = ""
    drive_weight: Annotated[float, Field(ge=0)] | None = None


class Projection(Spec):
    """The synapses from one population to another.

    Parameters
    ----------
    source, target : str
        Names of populations.
    rule : SynapseRule
        What spikes do to the weights.
    connectivity : Connectivity
        Which cell reaches which.
    delay : time
        Between a spike and its effect, the same for all synapses; rounded to time steps.
    receptor : {"excitatory", "inhibitory"}
        Through which receptor of the target cell it acts.
    name : str
        By default ``source-target``; a second projection between the same populations needs one of its own.

    Examples
    --------
    >>> from engram.models.spiking import InDegree, Static
    >>> Projection("C", "H", Static(0.5), InDegree(75)).name
    'C-H'
    """

    source: str
    target: str
    rule: AnyRule
    connectivity: AnyConnectivity
    delay: Delay = "0 ms"
    receptor: Literal["excitatory", "inhibitory"] = "excitatory"
    name: Annotated[str, Field(pattern=f"^{PROJECTION_NAME}$", max_length=64)]

    @model_validator(mode="before")
    @classmethod
    def _named(cls, given: Any) -> Any:
        if isinstance(given, dict) and not given.get("name"):
            return {**given, "name": f"{given.get('source')}-{given.get('target')}"}
        return given


class BrainState(Spec):
    """What neuromodulation changes: how strongly projections transmit, how fast they learn, how excitable cells are.

    Parameters
    ----------
    name : str
        Such as ``wake``, ``nrem``, ``rem``, ``probe``.
    gains : dict
        Projection → factor on what it transmits; 1 where not named.
    rates : dict
        Projection → share of its rule's learning rate that acts; 0 where not named: nothing learns unless told to.
    cells : dict
        Population → {parameter: value}; the cell's own value where not named.

    Examples
    --------
    >>> BrainState("nrem", gains={"C-H": 0.0}, cells={"H": {"mu": 0.5}}).rates
    {}
    """

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]*$", max_length=32)]
    gains: Factors = Field(default_factory=dict)
    rates: Factors = Field(default_factory=dict)
    cells: dict[str, dict[str, float | str]] = Field(default_factory=dict)


class Circuit(Spec):
    """Populations, the projections between them, and brain states; validated, and free of any engine.

    Parameters
    ----------
    populations : tuple of Population
    projections : tuple of Projection
    states : tuple of BrainState
        Their first is the one in which a simulation without a protocol runs; none is the plain circuit.
    dt : time
        Step of the simulation.

    Raises
    ------
    ValueError
        Names that are given twice or that nothing bears, projections without ends, connectivity that cannot be met,
        receptors or traces that the cells do not have, states that name what there is not.

    Examples
    --------
    >>> from engram.models.spiking import LIF, AllToAll, Static
    >>> pair = Circuit(
    ...     [Population("E", 4, LIF(mu=1.2)), Population("I", 2, LIF())],
    ...     [Projection("E", "I", Static(0.5), AllToAll())],
    ... )
    >>> pair.synapses(pair.projection("E-I"))
    8
    >>> Circuit.model_validate_json(pair.model_dump_json()) == pair
    True
    """

    populations: Annotated[tuple[Population, ...], Field(min_length=1)]
    projections: tuple[Projection, ...] = ()
    states: tuple[BrainState, ...] = ()
    dt: Time = "1 ms"

    @model_validator(mode="after")
    def _consistent(self) -> Circuit:
        _once("population", [p.name for p in self.populations])
        _once("projection", [p.name for p in self.projections])
        _once("projection", [p.name.replace("-", "_to_") for p in self.projections])
        _once("brain state", [s.name for s in self.states])
        if in_si(self.dt) > in_si(LONGEST_STEP):
            raise ValueError(f"dt: found {self.dt}; no cell can be simulated in steps above {LONGEST_STEP}")
        for population in self.populations:
            if population.drive_weight is not None and "excitatory" not in population.cell.equations().receptors:
                raise ValueError(
                    f'population "{population.name}": drive_weight: its cells have no excitatory receptor, through '
                    "which a drive would act"
                )
        for projection in self.projections:
            self._check_projection(projection)
        for state in self.states:
            self._check_state(state)
        parts = {p.name for p in self.populations} | {p.name for p in self.projections}
        for name in TAKEN:
            if name in parts or name in self.modules():
                raise ValueError(f'"{name}" cannot name a part of a circuit, since protocols or recordings use it')
        modules = {p.module for p in self.populations} & parts
        if modules:
            raise ValueError(f'"{min(modules)}" names a module and a part of it; lesions could not tell them apart')
        return self

    def _check_projection(self, projection: Projection) -> None:
        names = [p.name for p in self.populations]
        for end in ("source", "target"):
            given = getattr(projection, end)
            if given not in names:
                raise ValueError(
                    f'projection "{projection.name}": no population is called "{given}" ({end}); '
                    f"there are {one_of(names)}.{nearest(given, names)}"
                )
        if in_si(projection.delay) > in_si(LONGEST_DELAY):
            raise ValueError(
                f'projection "{projection.name}": found a delay of {projection.delay}; expected at most {LONGEST_DELAY}'
            )
        try:
            count = self.synapses(projection)
        except ValueError as error:
            raise ValueError(f'projection "{projection.name}": {error}') from None
        if not 1 <= count < 2**31:
            raise ValueError(f'projection "{projection.name}" has {count} synapses; expected 1 to 2^31 - 1')
        source, target = (self.population(end).cell.equations() for end in (projection.source, projection.target))
        if projection.receptor not in target.receptors:
            raise ValueError(
                f'projection "{projection.name}": cells of {projection.target} have no {projection.receptor} receptor; '
                f"they have {one_of(target.receptors) or 'none'}"
            )
        rule = projection.rule.equations()
        states = [state.name for state in self.states]
        for process in rule.processes:
            for stage in process.stages or ():
                if states and stage not in states:
                    raise ValueError(
                        f'projection "{projection.name}": its {process.rate} acts in "{stage}", but there is no such '
                        f"brain state; there are {one_of(states)}.{nearest(stage, states)}"
                    )
        for word, cell, name in (
            ("trace_pre", source, projection.source),
            ("trace_post", target, projection.target),
        ):
            if cell.trace is None and re.search(rf"\b{word}\b", f"{rule.on_pre} {rule.on_post} {rule.model}"):
                raise ValueError(
                    f'projection "{projection.name}": its rule "{projection.rule.kind}" reads the spike trace of cells '
                    f"of {name}, which have none; give them one (tau_x of an LIF cell)"
                )

    def _check_state(self, state: BrainState) -> None:
        names = [p.name for p in self.projections]
        for table in ("gains", "rates"):
            for name in getattr(state, table):
                if name not in names:
                    raise ValueError(
                        f'brain state "{state.name}": {table}: no projection is called "{name}"; there are '
                        f"{one_of(names) or 'none'}.{nearest(name, names)}"
                    )
        for name in state.rates:
            if not self.projection(name).rule.plastic:
                raise ValueError(f'brain state "{state.name}": rates: projection "{name}" is static and learns nothing')
        populations = [p.name for p in self.populations]
        for name, values in state.cells.items():
            if name not in populations:
                raise ValueError(
                    f'brain state "{state.name}": cells: no population is called "{name}"; there are '
                    f"{one_of(populations)}.{nearest(name, populations)}"
                )
            defaults = self.population(name).cell.equations().states
            for parameter, value in values.items():
                if parameter not in defaults:
                    raise ValueError(
                        f'brain state "{state.name}": cells of {name} have no parameter "{parameter}" that a state may '
                        f"change; they have {one_of(defaults) or 'none'}.{nearest(parameter, defaults)}"
                    )
                wanted = dimension(defaults[parameter])
                if not wanted and isinstance(value, str):
                    raise ValueError(
                        f'brain state "{state.name}": {name}.{parameter}: found "{value}"; expected a plain number'
                    )
                if wanted:
                    try:
                        read_quantity(wanted, value)
                    except ValueError as error:
                        raise ValueError(f'brain state "{state.name}": {name}.{parameter}: {error}') from None

    def population(self, name: str) -> Population:
        """The population of that name.

        Raises
        ------
        ValueError
            There is none.
        """
        return _named("population", name, self.populations)

    def projection(self, name: str) -> Projection:
        """The projection of that name.

        Raises
        ------
        ValueError
            There is none.
        """
        return _named("projection", name, self.projections)

    def state(self, name: str) -> BrainState:
        """The brain state of that name.

        Raises
        ------
        ValueError
            There is none.
        """
        return _named("brain state", name, self.states)

    def synapses(self, projection: Projection) -> int:
        """Number of synapses of a projection."""
        pre, post = self.population(projection.source).size, self.population(projection.target).size
        return projection.connectivity.count(pre, post, projection.source == projection.target)

    def plastic(self) -> tuple[str, ...]:
        """Names of the projections that can learn, in their order."""
        return tuple(p.name for p in self.projections if p.rule.plastic)

    def sensitivity(self, projection: str) -> float | None:
        """Sensitivity of a projection's mixed-stability gate, in units of 1 / weight; None where it has no gate."""
        stability = getattr(self.projection(projection).rule, "stability", None)
        return stability.sensitivity if isinstance(stability, MixedStability) else None

    def modules(self) -> tuple[str, ...]:
        """Names of the modules, in the order of their first population."""
        return tuple(dict.fromkeys(p.module for p in self.populations if p.module))

    def parts(self) -> tuple[str, ...]:
        """What can be lesioned: names of modules, populations and projections."""
        return (*self.modules(), *(p.name for p in self.populations), *(p.name for p in self.projections))

    def silenced(self, parts: Iterable[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Populations and projections that a lesion of some parts silences.

        A population takes the projections that leave and reach it along.

        Parameters
        ----------
        parts : iterable of str
            Names from `parts`.

        Returns
        -------
        tuple of two frozenset of str
            Names of populations, names of projections.

        Raises
        ------
        ValueError
            There is no such part.
        """
        populations: set[str] = set()
        projections: set[str] = set()
        for part in parts:
            if part in self.modules():
                populations.update(p.name for p in self.populations if p.module == part)
            elif any(p.name == part for p in self.populations):
                populations.add(part)
            elif any(p.name == part for p in self.projections):
                projections.add(part)
            else:
                raise ValueError(
                    f'a circuit without the part "{part}" cannot lose it; there are {one_of(self.parts())}.'
                    f"{nearest(part, self.parts())}"
                )
        projections.update(p.name for p in self.projections if p.source in populations or p.target in populations)
        return frozenset(populations), frozenset(projections)

    def graph(self) -> networkx.MultiDiGraph:
        """The circuit as a graph: populations are nodes, projections edges whose keys are their names.

        Returns
        -------
        networkx.MultiDiGraph
        """
        import networkx

        graph = networkx.MultiDiGraph()
        for p in self.populations:
            graph.add_node(p.name, name=p.name, size=p.size, module=p.module, cell=p.cell.kind)
        for e in self.projections:
            graph.add_edge(
                e.source,
                e.target,
                key=e.name,
                name=e.name,
                synapses=self.synapses(e),
                rule=e.rule.kind,
                plastic=e.rule.plastic,
                receptor=e.receptor,
                mean_weight=e.rule.mean_initial(),
                delay=in_si(e.delay),
            )
        return graph

    def plain_graph(self) -> dict[str, Any]:
        """The graph as plain JSON types, in networkx's node-link form, as recordings keep it.

        Nodes have name, size, module and cell; edges source, target, name, synapses, rule, receptor, mean_weight
        and delay (seconds).
        """
        import networkx

        plain: dict[str, Any] = networkx.node_link_data(self.graph(), edges="edges")
        return plain


Named = TypeVar("Named", Population, Projection, BrainState)


def _named(word: str, name: str, things: Iterable[Named]) -> Named:
    known = {thing.name: thing for thing in things}
    if name not in known:
        raise ValueError(f'the circuit has no {word} "{name}"; it has {one_of(known) or "none"}.{nearest(name, known)}')
    return known[name]


def _once(word: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        hint = "; a second projection between the same populations needs a name" if word == "projection" else ""
        raise ValueError(f"{word} names must differ; given more than once: {at_most(twice)}{hint}")
