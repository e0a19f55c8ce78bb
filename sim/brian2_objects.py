"""Brian2 groups and synapses from the description of a circuit.

Every object has an explicit name, since the cache of compiled code depends on the text of the code and the names are
part of it; every namespace is explicit, so that nothing is read from whatever frame happens to call.
"""

from __future__ import annotations

import re
from typing import Any

import brian2
import numpy as np
from brian2.core.clocks import Clock

from ..models.spiking.circuit import Population, Projection
from ..models.spiking.quantities import dimension, in_si

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


def neurons(population: Population, clock: Clock, code: type) -> brian2.NeuronGroup:
    """The cells of a population, at rest.

    Besides the cell's own variables they have ``alive``, without which they never spike.
    """
    cell = population.cell.equations()
    driven = "drive_rate : Hz\n" if population.drive_weight is not None else ""
    group = brian2.NeuronGroup(
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
    return group


def drive(population: Population, group: brian2.NeuronGroup) -> Any:
    """One Poisson source for each cell: at every step, as many spikes of it as its rate says arrive at once."""
    variable, unit = population.cell.equations().receptors["excitatory"]
    group.namespace.update(drive_weight=population.drive_weight * quantity(unit))
    return group.run_regularly(
        f"{variable} += drive_weight*poisson(drive_rate*dt)",
        clock=group.clock,
        when="start",
        name=f"{group.name}_drive",
        codeobj_class=group.codeobj_class,
    )


def synapses(
    projection: Projection,
    source: brian2.NeuronGroup,
    target: brian2.NeuronGroup,
    cells: dict[str, Population],
    pairs: tuple[np.ndarray, np.ndarray],
    regular_clocks: dict[str, Clock],
) -> brian2.Synapses:
    """The synapses of a projection, connected.

    A projection that learns has three pathways: ``pre`` transmits, ``learn`` transmits and learns, ``post`` learns;
    those in use follow from the brain state, so that synapses that do not learn cost no more than static ones.
    """
    rule = projection.rule.equations()
    pre = cells[projection.source].cell.equations()
    post = cells[projection.target].cell.equations()
    variable, unit = post.receptors[projection.receptor]
    transmit = f"{variable}_post += gain*w" + ("" if unit == "1" else "*receptor_unit")

    def named(text: str) -> str:
        text = re.sub(r"\btrace_pre\b", f"{pre.trace}_pre", text)
        return re.sub(r"\btrace_post\b", f"{post.trace}_post", text)

    model = "gain : 1 (shared)\n"
    if projection.rule.plastic:
        model += "eta : 1 (shared)\nw : 1\nw0 : 1\n" + "".join(f"{name} : 1\n" for name in rule.parameters)
        model += "".join(f"{name} : {_UNIT_NAME[dimension(value)]} (shared)\n" for name, value in rule.states.items())
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
    result.connect(i=pairs[0], j=pairs[1])
    for driving_rate, code, every in rule.regular:
        clock = regular_clocks.setdefault(
            every, Clock(dt=quantity(every), name=f"every_{re.sub(r'[^0-9a-z]', '_', every)}")
        )
        result.run_regularly(
            code,
            clock=clock,
            when="start",
            name=f"{result.name}_{driving_rate}",
            codeobj_class=source.codeobj_class,
        )
    return result
