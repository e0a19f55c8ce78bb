"""Brian2 groups and synapses from the description of a circuit.

Every object has an explicit name, since the cache of compiled code depends on the text of the code and the names are
part of it; every namespace is explicit, so that nothing is read from whatever frame happens to call.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import brian2
import numpy as np
from brian2.core.clocks import Clock
from numpy.typing import ArrayLike, NDArray

from ..models.spiking.circuit import Circuit, Population, Projection
from ..models.spiking.quantities import dimension, in_si

if "brian2" in sys.excepthook.__module__:  # it would report every uncaught error as one of Brian2's own
    sys.excepthook = sys.__excepthook__

# Of a circuit that is refused half-way, Brian2 would warn of every part, where it was made.
brian2.BrianLogger.suppress_name("unused_brian_object")

_BASE_UNIT = {
    "": 1,
    "time": brian2.second,
    "rate": brian2.hertz,
    "voltage": brian2.volt,
    "current": brian2.amp,
    "conductance": brian2.siemens,
    "capacitance": brian2.farad,
}
_UNIT_NAME = {"": "1", "rate": "Hz", "time": "second", "voltage": "volt", "current": "amp", "conductance": "siemens"}


def quantity(text: str) -> Any:
    """A Brian2 quantity (or a plain number) from its canonical text."""
    return in_si(text) * _BASE_UNIT[dimension(text)]


@contextmanager
def refusals_in_words(what: str) -> Iterator[None]:
    """Turn whatever Brian2 raises about equations into a ValueError that names their owner.

    Raises
    ------
    ValueError
        The equations are impossible: units that do not fit, unknown names, wrong syntax.
    OSError
        The compiler failed.
    """
    try:
        yield
    except (OSError, MemoryError):
        raise
    except Exception as error:
        if type(error).__name__ in ("CompileError", "LinkError", "CCompilerError"):
            raise OSError(f"{what}: the compiler failed: {error}") from error
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        reason = root.args[0] if isinstance(root, KeyError) and root.args else root
        raise ValueError(f"{what}: these equations cannot be simulated: {reason}") from error


class Drawn(NamedTuple):
    """The synapses of a projection as they start, each [synapse]; a flexibility of 1 where the rule knows none."""

    pre: NDArray[np.int32]
    post: NDArray[np.int32]
    initial: NDArray[np.float64]
    flexibility: NDArray[np.float64]


def drawn(projection: Projection, circuit: Circuit, rng_of: Callable[..., np.random.Generator]) -> Drawn:
    """Draw a projection's synapses in NumPy, each quantity from its own stream."""
    name, rule = projection.name, projection.rule
    pre, post = projection.connectivity.draw(
        circuit.population(projection.source).size,
        circuit.population(projection.target).size,
        projection.source == projection.target,
        rng_of("connectivity", name),
    )
    stability = getattr(rule, "stability", None)
    return Drawn(
        pre,
        post,
        rule.start(len(pre), rng_of("weights", name)),
        np.ones(len(pre)) if stability is None else stability.sample(len(pre), rng_of("flexibility", name)),
    )


def initial_values(synapses: Drawn) -> dict[str, NDArray[np.float64]]:
    """Values of a synapse's own variables at the start, of those that its rule has."""
    f = synapses.flexibility
    return {"w": synapses.initial, "w0": synapses.initial, "f": f, "alpha": (f > 0).astype(float)}


def neurons(population: Population, clock: Clock, code: type | None) -> brian2.NeuronGroup:
    """The cells of a population, at rest.

    Besides the cell's own variables they have ``alive``, without which they never spike.
    """
    cell = population.cell.equations()
    driven = "drive_rate : Hz\n" if population.drive_weight is not None else ""
    return brian2.NeuronGroup(
        population.size,
        f"{cell.model}\nalive : boolean (shared)\n{driven}",
        threshold=f"({cell.threshold}) and alive",
        reset=cell.reset,
        refractory=quantity(cell.refractory),
        method=cell.method,
        namespace={name: quantity(value) for name, value in cell.constants.items()},
        clock=clock,
        name=f"cells_{population.name}",
        codeobj_class=code,
    )


def drive_weight(population: Population) -> Any:
    """What one spike of a cell's Poisson source adds.

    Raises
    ------
    ValueError
        The population cannot be driven.
    """
    if population.drive_weight is None:
        raise ValueError(f"population {population.name} cannot be driven: give it a drive_weight")
    return population.drive_weight * quantity(population.cell.equations().receptors["excitatory"][1])


def drive_rates(population: Population, given: ArrayLike) -> NDArray[np.float64]:
    """Rates of the Poisson sources of a population's cells in Hz, one for each or one for all.

    Raises
    ------
    ValueError
        The population cannot be driven, or the rates do not fit it.
    """
    drive_weight(population)
    name, size = population.name, population.size
    try:
        rates = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"drive of {name}: found {given!r}; expected plain numbers, in Hz") from None
    if rates.shape not in ((), (size,)):
        raise ValueError(f"drive of {name}: expected one rate for all, or {size} rates; found shape {rates.shape}")
    if not np.all(np.isfinite(rates) & (rates >= 0)):
        raise ValueError(f"drive of {name}: expected finite rates of at least 0 Hz; found {given!r}")
    return rates


def drive(population: Population, group: brian2.NeuronGroup) -> Any:
    """One Poisson source for each cell: at every step, as many spikes of it as its rate says arrive at once."""
    variable, _ = population.cell.equations().receptors["excitatory"]
    group.namespace.update(drive_weight=drive_weight(population))
    return group.run_regularly(
        f"{variable} += drive_weight*poisson(drive_rate*dt)",
        clock=group.clock,
        when="start",
        name=f"{group.name}_drive",
        codeobj_class=group.codeobj_class,
    )


def given_spikes(
    population: Population, group: brian2.NeuronGroup, times: ArrayLike, cells: ArrayLike
) -> tuple[brian2.SpikeGeneratorGroup, brian2.Synapses]:
    """Spikes at given times, each with the weight of a spike of a cell's Poisson source.

    Raises
    ------
    ValueError
        There is no such cell, or a cell is to receive two spikes in one time step.
    """
    variable, _ = population.cell.equations().receptors["excitatory"]
    times, given = np.asarray(times, dtype=np.float64), np.asarray(cells)
    cells = given.astype(np.int32)
    if times.shape != cells.shape or np.any((cells != given) | (cells < 0) | (cells >= population.size)):
        raise ValueError(
            f"spikes for {population.name}: expected as many cells as times, whole numbers from 0 to "
            f"{population.size - 1}"
        )
    if not np.all(np.isfinite(times) & (times >= 0)):
        raise ValueError(f"spikes for {population.name}: expected finite times in seconds, from 0 on")
    steps = np.round(times / group.clock.dt_)
    if len(np.unique(np.stack([steps, cells]), axis=1).T) < len(steps):
        raise ValueError(f"spikes for {population.name}: a cell is given two spikes within a time step")
    source = brian2.SpikeGeneratorGroup(
        population.size,
        cells,
        times * brian2.second,
        clock=group.clock,
        name=f"given_{population.name}",
        codeobj_class=group.codeobj_class,
    )
    arriving = brian2.Synapses(
        source,
        group,
        on_pre=f"{variable}_post += drive_weight",
        delay=0 * brian2.second,
        namespace={"drive_weight": drive_weight(population)},
        clock=group.clock,
        name=f"synapses_given_{population.name}",
        codeobj_class=group.codeobj_class,
    )
    every = np.arange(population.size)
    _connect(arriving, every, every)
    return source, arriving


def synapses(
    projection: Projection,
    circuit: Circuit,
    groups: Mapping[str, brian2.NeuronGroup],
    drawn: Drawn,
    slow_clocks: dict[str, Clock],
) -> brian2.Synapses:
    """The synapses of a projection, connected.

    A projection that learns has three pathways: ``pre`` transmits, ``learn`` transmits and learns, ``post`` learns;
    those in use follow from the brain state, so that synapses that do not learn cost no more than static ones.
    """
    rule = projection.rule.equations()
    pre = circuit.population(projection.source).cell.equations()
    post = circuit.population(projection.target).cell.equations()
    source, target = groups[projection.source], groups[projection.target]
    variable, unit = post.receptors[projection.receptor]
    transmit = f"{variable}_post += gain*w" + ("" if unit == "1" else "*receptor_unit")

    def named(text: str) -> str:
        text = re.sub(r"\btrace_pre\b", f"{pre.trace}_pre", text)
        return re.sub(r"\btrace_post\b", f"{post.trace}_post", text)

    model = "gain : 1 (shared)\n"
    if projection.rule.plastic:
        model += "eta : 1 (shared)\nw : 1\nw0 : 1\n" + "".join(f"{name} : 1\n" for name in rule.parameters)
        model += "".join(f"{name} : {_UNIT_NAME[dimension(value)]} (shared)\n" for name, value in rule.states.items())
        model += "".join(f"{process.rate} : Hz (shared)\n" for process in rule.processes)
        model += named(rule.model)
    else:
        model += "w : 1 (shared)\n"
    on_pre, on_post = {"pre": transmit}, {}
    if rule.on_pre:
        on_pre["learn"] = f"{transmit}\n{named(rule.on_pre)}"
    if rule.on_post:
        on_post["post"] = named(rule.on_post)
    delay = quantity(projection.delay)
    result = brian2.Synapses(
        source,
        target,
        model,
        on_pre=on_pre,
        on_post=on_post or None,
        delay={**dict.fromkeys(on_pre, delay), **dict.fromkeys(on_post, 0 * brian2.second)},
        namespace={
            **{name: quantity(value) for name, value in rule.constants.items()},
            **({} if unit == "1" else {"receptor_unit": quantity(unit)}),
        },
        clock=source.clock,
        name=f"synapses_{projection.name.replace('-', '_to_')}",
        codeobj_class=source.codeobj_class,
    )
    _connect(result, drawn.pre, drawn.post)
    for process in rule.processes:
        every = process.every
        clock = slow_clocks.setdefault(every, Clock(dt=quantity(every), name=f"every_{every.replace(' ', '_')}"))
        result.run_regularly(
            process.code,
            clock=clock,
            when="start",
            name=f"{result.name}_{process.rate}",
            codeobj_class=source.codeobj_class,
        )
    return result


def _connect(synapses: brian2.Synapses, i: ArrayLike, j: ArrayLike) -> None:
    """Connect by the target of the moment: what is only done once is not worth code of its own."""
    code, synapses.codeobj_class = synapses.codeobj_class, None
    synapses.connect(i=i, j=j)
    synapses.codeobj_class = code
