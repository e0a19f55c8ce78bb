"""The Brian2 backend: circuits of spiking populations, one subject at a time, several in parallel processes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..data.seeds import child_rng
from ..models.spiking.circuit_model import CircuitModel
from ..models.spiking.encoding import ImageCode
from .circuit_phases import piece_count
from .circuit_session import CircuitSession
from .circuit_streams import stream_layouts
from .session import Session, Settings, Subjects
from .simulator import Simulator

if TYPE_CHECKING:
    from ..data.items import Pool
    from ..models.base import Model
    from ..protocols import Step


class Brian2Simulator(Simulator):
    """Circuits in Brian2.

    Parameters
    ----------
    model : CircuitModel
    pool : Pool
    slots : int
    settings : Settings

    Raises
    ------
    ValueError
        The device is not ``cpu``, the model is no circuit, or the protocol asks for states of cells that are not there.
    """

    subjects_together = 1
    parallel = True
    model: CircuitModel

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        super().__init__(model, pool, slots, settings)
        if not isinstance(model, CircuitModel):
            raise ValueError(f"the brian2 backend simulates CircuitModel; found {type(model).__name__}")
        if settings.device != "cpu":
            raise ValueError(f'circuits are simulated on the cpu; found device "{settings.device}"')
        circuit = model.circuit
        sizes = {population.name: population.size for population in circuit.populations}
        plastic = [projection for projection in circuit.projections if projection.rule.plastic]
        self._code = ImageCode(pool, model.cells, model.procedure.active)
        self.projections = {p.name: (circuit.synapses(p),) for p in plastic}
        self.streams = stream_layouts(settings.record, sizes, list(self.projections))
        self.time_scale = model.procedure.time_scale
        self.circuit = circuit.plain_graph()

    def session(self, subjects: Subjects) -> Session:
        from .circuit_network import CircuitNetwork

        number = subjects.numbers[0]

        def rng_of(*names: str | int) -> np.random.Generator:
            return child_rng(subjects.seed, "subject", number, *names)

        network = CircuitNetwork(self.model.circuit, rng_of, self.model.procedure.target)
        return CircuitSession(self.model, subjects, self.settings, self._code, network)

    def points(self, step: Step, presentations: int) -> int:
        return piece_count(step, presentations, self.model.procedure)
