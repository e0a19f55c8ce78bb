"""A spiking circuit as a model: the circuit, and the procedure by which phases are carried out on it."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import model_validator

from ...data.wording import at_most, counted, nearest, one_of
from ...protocols.phases import Lesion, Probe, Rest, Sleep, Wake
from ...protocols.problems import shown
from ...protocols.protocol import walk
from ..base import Model
from .circuit import Circuit
from .procedure import Procedure
from .quantities import in_si

if TYPE_CHECKING:
    import numpy as np

    from ...data.items import Pool
    from ...protocols import Protocol

VARIABLE = re.compile(r"^\s*(?:d(\w+)/dt\s*=|(\w+)\s*[:=])", re.MULTILINE)

HIPPOCAMPUS = "hippocampus"
"""Module whose bursts are replay; in a circuit without it, any population that excites itself may replay."""

PATTERNS = "patterns"
"""Item set whose pixels are cells, and not something to be seen by them."""


class CircuitModel(Model):
    """A subject that is a circuit of spiking populations.

    An item is a pattern over the cells of one population. An image with as many pixels as that population has cells is
    taken cell by cell: its pixels are the rates of the cells' input, and those above half are members of the pattern.
    Any other image is turned into a sparse pattern by a fixed random projection
    (`engram.models.spiking.encoding.ImageCode`).

    Performance is the area under the ROC curve of the spike counts, during the cue, of the item's cells that were not
    cued against all other uncued cells: .5 is chance. A response is the item whose pattern this activity matches best.

    Parameters
    ----------
    circuit : Circuit
    procedure : Procedure

    Raises
    ------
    ValueError
        The procedure names a population, projection or brain state that the circuit lacks.

    Examples
    --------
    >>> from engram.models.spiking import LIF, BrainState, Circuit, Population
    >>> states = [BrainState("wake"), BrainState("probe"), BrainState("reset", cells={"C": {"mu": -5.0}})]
    >>> pool = Circuit([Population("C", 100, LIF(mu=0.3), drive_weight=0.6)], states=states)
    >>> model = CircuitModel(circuit=pool, procedure={"exposure": "300 ms"})
    >>> model.cells, model.chance(8)
    (100, 0.5)
    """

    backend: ClassVar[str] = "brian2"
    measure: ClassVar[str] = "auc"
    abilities: ClassVar[frozenset[str]] = frozenset(
        {"sleep", "time", "lesion", "cued-recall", "targeted-reactivation", "quiet-replay"}
    )

    kind: Literal["circuit"] = "circuit"
    circuit: Circuit
    procedure: Procedure = Procedure()

    @model_validator(mode="after")
    def _procedure_fits(self) -> Self:
        populations = [population.name for population in self.circuit.populations]
        plastic = [projection.name for projection in self.circuit.projections if projection.rule.plastic]
        procedure = self.procedure
        for field, names, known, what in (
            ("driven", [procedure.driven], populations, "population"),
            ("rate_limits", procedure.rate_limits, populations, "population"),
            ("shuffled", procedure.shuffled, plastic, "plastic projection"),
        ):
            for name in names:
                if name not in known:
                    raise ValueError(
                        f'procedure.{field}: found "{name}"; the circuit has no {what} of that name, but '
                        f"{one_of(known) or 'none'}.{nearest(name, known)}"
                    )
        if self.circuit.population(procedure.driven).drive_weight is None:
            raise ValueError(
                f"procedure.driven: population {procedure.driven} of the circuit has no drive_weight, so nothing can "
                "drive it; give it one, such as 0.6"
            )
        for field in ("exposure", "cue", "piece", "reactivation_cue"):
            if in_si(getattr(procedure, field)) < in_si(self.circuit.dt):
                raise ValueError(
                    f"procedure.{field}: found {getattr(procedure, field)}; expected at least a step of the circuit, "
                    f"{self.circuit.dt}"
                )
        for use in ("wake", "probe"):
            self._state_of(use, f"procedure.states.{use}")
        if procedure.reset.split()[0] != "0":
            self._state_of("reset", "procedure.states.reset")
        return self

    def chance(self, slots: int) -> float:
        """Performance of a subject that knows nothing: .5, whatever the number of items."""
        return 0.5

    @property
    def cells(self) -> int:
        """Size of the population that items drive."""
        return self.circuit.population(self.procedure.driven).size

    def check(self, protocol: Protocol, pool: Pool) -> None:
        """Refuse, in words, a protocol or a pool that this circuit cannot be taken through.

        Parameters
        ----------
        protocol : Protocol
        pool : Pool

        Raises
        ------
        ValueError
            The protocol needs an ability, a lesion, a brain state or a length of sleep that is not there; or the
            patterns do not fit the population.

        Warns
        -----
        UserWarning
            The protocol has sleep, and the hippocampus (the circuit, where it has none) no recurrent excitation, so
            that nothing will replay.
        """
        for loc, element in walk(protocol.schedule):
            kind = getattr(element, "kind_of_phase", "")
            where = f'protocol "{protocol.name}", {shown((*loc, kind) if kind else loc)}'
            for problem in self._problems(element):
                raise ValueError(f"{where}: {problem}")
        super().check(protocol, pool)
        self._check_patterns(pool)
        if protocol.record.states is not None:
            self._check_watched(protocol.record.states.of)
        sleeps = any(isinstance(element, Sleep) for _, element in walk(protocol.schedule))
        if sleeps and not self._replays():
            some = "hippocampal population" if HIPPOCAMPUS in self.circuit.modules() else "population"
            warnings.warn(
                f'protocol "{protocol.name}" has sleep, but no {some} of the circuit excites itself: '
                "spontaneous reactivation needs recurrent excitation, so nothing will replay",
                stacklevel=2,
            )

    def _problems(self, element: object) -> Iterator[str]:
        match element:
            case Wake(labels=labels) if labels != "true":
                yield (
                    "labels other than the true ones mean nothing to a circuit: it has no cells for labels and "
                    "completes patterns. Give labels: true, or take a deep network"
                )
            case Sleep():
                yield from self._problems_of_sleep(element)
            case Rest(replay=replay):
                yield from self._missing_state("quiet_replay" if replay else "rest")
            case Lesion(of=of) if of != "none":
                yield from self._missing_part(of)
            case Probe():
                for of in element.lesions:
                    if of != "none":
                        yield from self._missing_part(of)
                if element.cue is not None and element.cue.fraction == 1 and element.cue.noise == 0:
                    yield (
                        "the cue is the whole item, so that no cell is left whose recall could be scored; "
                        "give a fraction below 1"
                    )

    def _problems_of_sleep(self, sleep: Sleep) -> Iterator[str]:
        if sleep.seconds == 0:
            yield (
                "a circuit sleeps for a time, and this sleep has none (passes are for models that count them); "
                "give a duration such as 6 h, or cycles and stages"
            )
        if sleep.replay is not None:
            yield (
                "a circuit replays what its recurrent synapses make it replay, and cannot be told which items "
                "(replay); to favour some, cue them (cue)"
            )
        kinds = {stage.kind for stage in sleep.stages or self.procedure.cycle}
        for kind in sorted(kinds | ({"reactivation"} if sleep.cue is not None else set())):
            yield from self._missing_state(kind)

    def _missing_state(self, use: str) -> Iterator[str]:
        try:
            self._state_of(use, f"procedure.states.{use}")
        except ValueError as error:
            yield str(error)

    def _missing_part(self, name: str) -> Iterator[str]:
        known = self.circuit.parts()
        if name not in known:
            yield f'the circuit has no part "{name}" to lesion; its parts: {one_of(known)}.{nearest(name, known)}'

    def _state_of(self, use: str, field: str) -> None:
        name, known = getattr(self.procedure.states, use), [state.name for state in self.circuit.states]
        if name not in known:
            raise ValueError(
                f'{field}: found "{name}"; the circuit has no brain state of that name, but {one_of(known) or "none"}.'
                f"{nearest(name, known)}"
            )

    def _check_patterns(self, pool: Pool) -> None:
        cells, driven = self.cells, self.procedure.driven
        pixels = int(_product(pool.image_shape))
        if pool.name == PATTERNS and pixels != cells:
            raise ValueError(
                f"the patterns lie over {counted(pixels, 'cell')}, population {driven} of the circuit has "
                f"{counted(cells, 'cell')}; give the item set the option cells: {cells}"
            )
        if pixels != cells:
            if round(self.procedure.active * cells) < 2:
                raise ValueError(
                    f"procedure.active: {self.procedure.active:g} of {counted(cells, 'cell')} is fewer than two cells, "
                    "too few to recall one from another"
                )
            return
        import numpy as np

        for part in (pool.train, pool.test):
            members = _sizes(np.asarray(part.images))
            if members.min() < 2 or members.max() > cells - 2:
                raise ValueError(
                    f"an image of item set {pool.name} makes {int(members.min())} to {int(members.max())} of {cells} "
                    "cells active; a pattern needs at least two cells, and at least two outside of it"
                )

    def _check_watched(self, names: tuple[str, ...]) -> None:
        variables = {
            f"{population.name}.{variable}"
            for population in self.circuit.populations
            for pair in VARIABLE.findall(population.cell.equations().model)
            for variable in pair
            if variable
        }
        for name in names:
            if name not in variables:
                raise ValueError(
                    f'record.states: the circuit has no "{name}"; it has {at_most(sorted(variables), 40)}.'
                    f"{nearest(name, variables)}"
                )

    def _replays(self) -> bool:
        modules = {population.name: population.module for population in self.circuit.populations}
        hippocampal = {name for name, module in modules.items() if module == HIPPOCAMPUS} or set(modules)
        return any(
            p.source == p.target and p.receptor == "excitatory" and p.source in hippocampal
            for p in self.circuit.projections
        )


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for length in shape:
        product *= length
    return product


def _sizes(images: np.ndarray) -> np.ndarray:
    """Members of the pattern of each image, [image]."""
    sizes: np.ndarray = (images.reshape(len(images), -1) > 127).sum(axis=1)
    return sizes
