"""A Brian2 network that is made ready once and then run for as many short pieces as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import brian2
from brian2.codegen.runtime.cython_rt import CythonCodeObject
from brian2.core.clocks import Clock
from brian2.synapses.synapses import SynapticPathway

from ..data.wording import at_most
from .brian2_objects import refusals_in_words


class PreparedNetwork:
    """Runs Brian2 objects without preparing them anew for every run.

    ``brian2.Network.run`` checks and prepares every object each time, which takes a third of a second; a protocol has
    hundreds of short pieces. Here an object is prepared when it is first used, in the order in which Brian2 would run
    it. Objects on a slower clock than the network's run at every so-manieth step.

    Parameters
    ----------
    objects : iterable of brian2 objects
    clock : brian2.Clock
        That of the network; every other is a multiple of it.
    listeners : iterable of callable
        Called after everything else of each time step.
    """

    def __init__(self, objects: Iterable[Any], clock: Clock, listeners: Iterable[Callable[[], None]]) -> None:
        self._listeners = tuple(listeners)
        self._network = brian2.Network(*objects)
        self._clock = clock
        self._prepared: set[str] = set()
        self._steps: list[Callable[[], Any]] = []
        self._slow: list[tuple[int, Clock, Callable[[], Any]]] = []
        self._order()

    def add(self, thing: Any) -> None:
        """Another object, such as a monitor; used from the next `use` on."""
        self._network.add(thing)
        self._order()

    def _order(self) -> None:
        self.objects = self._network.sorted_objects
        names = [thing.name for thing in self.objects]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(
                f"two things in the simulator are called {at_most(twice)}: the name of a population or projection is "
                "that of another with an ending of the simulator's own, such as _drive or _pre; give it another name"
            )
        for thing in self.objects:
            thing._network = self._network.id

    def use(self, names: set[str], instead: dict[str, SynapticPathway]) -> None:
        """Run the objects of these names from now on.

        Parameters
        ----------
        names : set of str
        instead : dict
            Name of a pathway → another pathway of the same synapses whose code takes its place: its spikes, in flight
            or new, are those of the first.
        """
        self._steps, self._slow = [], []
        for thing in self.objects:
            if thing.name not in names:
                continue
            self._prepare(thing)
            if isinstance(thing, SynapticPathway):
                coded = instead.get(thing.name, thing)
                if coded is not thing:
                    self._prepare(coded)
                    coded.codeobj.namespace["_queue"] = thing.queue
                self._steps.append(_arrival(thing, _call(coded.codeobj)))
                continue
            every = round(thing.clock.dt_ / self._clock.dt_)
            for code in thing.code_objects:
                if every == 1:
                    self._steps.append(_call(code))
                else:
                    self._slow.append((every, thing.clock, _call(code)))
        self._steps += self._listeners

    def _prepare(self, thing: Any) -> None:
        if thing.name in self._prepared:
            return
        with refusals_in_words(thing.name):
            if isinstance(thing, SynapticPathway):  # without the code that only calls these two back
                thing.create_default_code_object({})
                thing.initialise_queue()
            else:
                thing.before_run({})
        self._prepared.add(thing.name)

    def advance(self, steps: int) -> None:
        """Run for a number of time steps."""
        timestep, t = (self._clock.variables[name].get_value() for name in ("timestep", "t"))
        dt = self._clock.dt_
        fast, slow = self._steps, self._slow
        first = int(timestep[0])
        due = [every for every, _, _ in slow]
        for step in range(first, first + steps):
            for every in due:
                if step % every == 0:
                    self._run_slow(step)
                    break
            for run in fast:
                run()
            timestep[0] = step + 1
            t[0] = (step + 1) * dt

    def _run_slow(self, step: int) -> None:
        for every, clock, run in self._slow:
            if step % every == 0:
                clock.variables["timestep"].get_value()[:] = step // every
                clock.variables["t"].get_value()[:] = (step // every) * clock.dt_
                run()


def _call(code: Any) -> Callable[[], Any]:
    """The code itself, without what Brian2 wraps around it where that does nothing."""
    block = code.compiled_code["run"]
    if block is not None and not code.nonconstant_values:
        if isinstance(code, CythonCodeObject):
            return partial(block.main, code.namespace)
        return partial(exec, block, code.namespace)
    strong: Callable[[], Any] = code.__call__  # of the object itself: Brian2 hands out weak proxies
    return strong


def _arrival(pathway: SynapticPathway, run: Callable[[], Any]) -> Callable[[], None]:
    """New spikes enter the queue of a pathway, and its code runs: without delays only in a step with spikes."""
    spiking, push = pathway.eventspace, pathway.queue.push
    delayed = bool(pathway.variables["delay"].get_value().any())

    def arrive() -> None:
        count = spiking[-1]
        if count:
            push(spiking[:count])
        elif not delayed:
            return
        run()

    return arrive
