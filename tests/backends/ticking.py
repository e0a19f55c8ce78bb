"""A model for tests of worker processes: cells that count what happens to them, each subject in a process of its own.

Its sessions can be made slow, to die, to burst or to raise an error by environment variables, which worker processes
inherit and recordings do not hold:

- ``TICK_S``: seconds that a piece of work takes
- ``TICK_DEATHS``: ``subject:piece:times:folder``, killed by SIGKILL; the folder counts how often it has happened
- ``TICK_ERROR``: subject that raises an error at its second piece
"""

import os
import signal
import time
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from engram.data import child_rng
from engram.data.recording import StreamLayout
from engram.models.base import Model
from engram.models.registry import register_model
from engram.sim import Progress, Responses, Session, Simulator, register_backend

CELLS, SYNAPSES, SECONDS = 4, 5, 0.5
GRAPH = {
    "directed": True,
    "multigraph": True,
    "graph": {},
    "nodes": [{"id": "C", "name": "C", "size": CELLS, "module": "cortex", "cell": "lif"}],
    "edges": [{"source": "C", "target": "C", "key": "C-C", "name": "C-C", "synapses": SYNAPSES}],
}


class Ticking(Model):
    kind: Literal["ticking"] = "ticking"
    backend: ClassVar[str] = "ticking"
    abilities: ClassVar[frozenset[str]] = frozenset({"sleep", "time"})
    measure: ClassVar[str] = "auc"
    bursts: tuple[int, ...] = ()

    def chance(self, slots):
        return 0.5


class Lone(Ticking):
    kind: Literal["lone"] = "lone"
    backend: ClassVar[str] = "lone"


class TickingSession(Session):
    """Weights take random steps; every piece of work gives as many spikes as its generator says."""

    def __init__(self, model, subjects, settings):
        super().__init__(model, subjects, settings)
        (self.number,) = subjects.numbers
        self.weights = child_rng(subjects.seed, "subject", self.number, "weights").random(SYNAPSES)
        self.start = self.weights.copy()
        self.pieces = self.place = 0
        self._rows = []

    def _tick(self, step, count):
        for piece in range(self.place, count):
            rng = child_rng(self.subjects.seed, "subject", self.number, "piece", step.index, piece)
            self.weights += rng.normal(size=SYNAPSES)
            spikes = int(rng.integers(20))
            times = SECONDS * (self.pieces + np.sort(rng.random(spikes)))
            self._rows.append(
                (0, "spikes/C", {"timestamps": times, "node_ids": rng.integers(CELLS, size=spikes).astype(np.int32)})
            )
            self.pieces += 1
            self.place = piece + 1
            self._trouble()
            yield Progress(f"piece {piece + 1}", piece + 1, count, piece, 0, seconds=10 * SECONDS)
        self.place = 0

    def _trouble(self):
        time.sleep(float(os.environ.get("TICK_S", "0")))
        if self.pieces == 2 and self.number in self.model.bursts:
            self.stopped[0] = "it burst"
        if self.pieces == 2 and os.environ.get("TICK_ERROR") == str(self.number):
            raise ArithmeticError("a tick too many")
        subject, piece, times, folder = os.environ.get("TICK_DEATHS", "-1:0:0:").split(":", 3)
        if (self.number, self.pieces) == (int(subject), int(piece)):
            before = len(list(Path(folder).glob("death*")))
            if before < int(times):
                Path(folder, f"death{before}").touch()
                os.kill(os.getpid(), signal.SIGKILL)
        if self.pieces == 1:
            self.note(0, "it is silent")

    def wake(self, step):
        yield from self._tick(step, len(self.subjects.presentations[0].of(step.index)))

    def sleep(self, step):
        yield from self._tick(step, 3)

    def probe(self, step, asked):
        self._rows.append((0, "spikes/C", {"timestamps": [SECONDS * self.pieces], "node_ids": np.array([0], "i4")}))
        slots = self.subjects.slots
        performance = np.where(asked, np.resize(self.weights, slots), np.nan).astype(np.float32)
        return Responses(performance=performance, counts=np.full((1, slots, slots), 1, np.int32))

    def state(self):
        return {"weights": self.weights.copy(), "place": np.array([self.pieces, self.place, len(self.stopped)])}

    def load_state(self, state):
        self.weights = state["weights"].copy()
        self.pieces, self.place, stopped = state["place"].tolist()
        self.stopped = {0: "it burst"} if stopped else {}
        self.noted = {0: ["it is silent"]} if self.pieces else {}
        self.warnings()

    def weight_summaries(self):
        return {"C-C": {"mean_displacement": np.abs(self.weights - self.start).mean(keepdims=True)}}

    def weight_snapshot(self, projection):
        return self.weights[None].astype(np.float32)

    def drain(self):
        rows, self._rows = self._rows, []
        return rows

    def synapses(self):
        pre = np.arange(SYNAPSES, dtype=np.int32) % CELLS
        return [{"C-C": (pre, pre[::-1].copy(), self.start, np.full(SYNAPSES, 0.25))}]

    def assemblies(self):
        return [{"C": np.eye(self.subjects.slots, CELLS, dtype=np.uint8)}]


class TickingSimulator(Simulator):
    projections: ClassVar[dict] = {"C-C": (SYNAPSES,)}
    subjects_together = 1
    parallel = True
    streams = (StreamLayout(name="spikes/C", columns={"timestamps": "<f8", "node_ids": "<i4"}),)
    time_scale = 10.0
    circuit: ClassVar[dict] = GRAPH

    def session(self, subjects):
        return TickingSession(self.model, subjects, self.settings)

    def points(self, step, presentations):
        return presentations if step.kind == "wake" else 3


class LoneSimulator(TickingSimulator):
    parallel = False


register_model("ticking", Ticking)
register_model("lone", Lone)
register_backend("ticking", TickingSimulator)
register_backend("lone", LoneSimulator)
