"""One subject that is a spiking circuit, taken through a timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data.seeds import child_rng, child_seed
from ..models.spiking.circuit_model import CircuitModel
from ..models.spiking.encoding import ImageCode
from ..models.spiking.quantities import in_si
from ..models.synapses import gate
from ..protocols import Probe
from .circuit_guard import ActivityGuard
from .circuit_phases import Piece, Stretch, cue, presentation, rest_pieces, sleep_pieces
from .circuit_recall import Cells, best_match, cued_cells, recall_auc
from .circuit_streams import CircuitRows, watched
from .session import Progress, Responses, Session, Settings, State, Subjects

if TYPE_CHECKING:
    from ..protocols import Step
    from .circuit_network import CircuitNetwork

STRONG = 1.5
"""A synapse above so many times its initial weight is strong: those whose down-scaling in sleep is recorded."""


class CircuitSession(Session):
    """A session of exactly one subject of a `CircuitModel`.

    Simulated seconds run on over the whole subject, probes included, although a probe leaves the network as it was.

    Parameters
    ----------
    model : CircuitModel
    subjects : Subjects
    settings : Settings
    code : ImageCode
        Turns the images of the pool into patterns.
    network : CircuitNetwork

    Raises
    ------
    ValueError
        The session is to hold several subjects.
    """

    model: CircuitModel

    def __init__(
        self,
        model: CircuitModel,
        subjects: Subjects,
        settings: Settings,
        code: ImageCode,
        network: CircuitNetwork,
    ) -> None:
        super().__init__(model, subjects, settings)
        if len(subjects) != 1:
            raise ValueError(f"a circuit is one subject; found {len(subjects)} together")
        self._procedure = model.procedure
        self._network = network
        self._code = code
        self._draw, self._met = subjects.draws[0], subjects.presentations[0]
        self._synapses = {name: network.synapses(name) for name in model.circuit.plastic()}
        self._sizes = {population.name: population.size for population in model.circuit.populations}
        self._record = settings.record
        self._rows = CircuitRows(self._record, self._sizes)
        self._guard = ActivityGuard(model.circuit, model.procedure)
        if self._record.states is not None:
            for name, cells in watched(self._record, self._sizes).items():
                population, _, variable = name.partition(".")
                network.watch(population, variable, cells, self._record.states.every.seconds)
        if network.notice:
            self._warn([network.notice])
        self._piece = 0
        self._ahead = 0.0  # of the network's clock: the probes, which it does not remember
        self._segment_start = np.nan
        self._at_stage_start: dict[str, NDArray[np.floating]] = {}

    # Phases -----------------------------------------------------------------------------------------------------------

    def wake(self, step: Step) -> Iterator[Progress]:
        before, items = int(np.searchsorted(self._met.phase, step.index)), self._met.of(step.index).item

        def piece(number: int) -> Piece:
            item = int(items[number])
            exposures = int((self._met.item[: before + number] == item).sum())
            image = self._draw.train[item, exposures % self._draw.train.shape[1]]
            self._network.refresh_gates()
            drive = self._code.drive(self.subjects.pool.train.images[image])
            return presentation(self._procedure, item, self._hertz(drive))

        yield from self._go_through(step, len(items), piece)
        self._network.apply_caps()

    def sleep(self, step: Step) -> Iterator[Progress]:
        pieces = sleep_pieces(step.phase, self._procedure, self._reactivated(step))  # type: ignore[arg-type]
        if self._piece == 0:
            self._shuffle(step)
            self._network.refresh_gates()
        yield from self._go_through(step, len(pieces), pieces.__getitem__)

    def rest(self, step: Step) -> Iterator[Progress]:
        pieces = rest_pieces(step.phase, self._procedure)  # type: ignore[arg-type]
        yield from self._go_through(step, len(pieces), pieces.__getitem__)

    def lesion(self, step: Step) -> Iterator[Progress]:
        # Every later step names the lesion in force, so there is nothing to remember.
        yield Progress("no lesion" if step.lesion == "none" else f"without {step.lesion}", 1, 1, seconds=0.0)

    def _go_through(self, step: Step, count: int, piece_of: Callable[[int], Piece]) -> Iterator[Progress]:
        for number in range(self._piece, count):
            if self.stopped:
                break
            piece = piece_of(number)
            if piece.stage_starts:
                self._at_stage_start = {name: self._network.weights(name).copy() for name in self._synapses}
            self._play(step, piece.stretches, number)
            if piece.stage_ends:
                self._end_stage(step, piece.stretches[-1])
            self._piece = number + 1
            seconds = self._time_scale(step) * sum(stretch.seconds for stretch in piece.stretches)
            yield Progress(piece.doing, number + 1, count, number, seconds=seconds)
        self._piece = 0

    def _reactivated(self, step: Step) -> list[tuple[int, NDArray[np.float32]]]:
        """Slots that a sleep cues, each with the drive of its pattern."""
        timeline = self.subjects.timeline
        cued = None if timeline is None else timeline.cued(step, self._met)
        if cued is None:
            return []
        rate = in_si(self._procedure.reactivation_rate)
        return [(slot, np.float32(rate) * self._pattern(slot)) for slot in np.flatnonzero(cued).tolist()]

    def _shuffle(self, step: Step) -> None:
        for name in self._procedure.shuffled:
            rng = self._rng("shuffle", step.index, name)
            self._network.set_weights(name, rng.permutation(self._network.weights(name)))

    def _end_stage(self, step: Step, last: Stretch) -> None:
        for name, before in self._at_stage_start.items():
            initial = self._synapses[name][2]
            strong = (before > STRONG * initial) & (initial > 0)
            self._rows.add(
                "stages",
                phase=np.int32(step.index),
                cycle=np.int32(last.cycle),
                stage=last.stage,
                projection=name,
                strong=np.int64(strong.sum()),
                before=float(before[strong].sum()),
                after=float(self._network.weights(name)[strong].sum()),
            )
        self._at_stage_start = {}

    # Probes -----------------------------------------------------------------------------------------------------------

    def probe(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        slots, tests = self._draw.test.shape
        performance = np.full((1, slots), np.nan, dtype=np.float32)
        counts = np.full((1, slots, slots), -1, dtype=np.int32)
        trials = np.full((1, slots, tests), -1, dtype=np.int16)
        patterns = np.stack([self._pattern(slot) for slot in range(slots)])
        before = self._network.state()
        for slot in np.flatnonzero(asked[0]).tolist():
            if self.stopped:
                break
            scores, counts[0, slot] = [], 0
            for number in range(self._procedure.cues_per_item):
                fired, members, cued = self._recall(step, slot, number, before)
                scores.append(recall_auc(fired, members, cued))
                answer = best_match(fired, patterns, cued)
                if answer >= 0:
                    counts[0, slot, answer] += 1
                if number < tests:
                    trials[0, slot, number] = answer
            performance[0, slot] = np.mean(scores)
        if self.stopped:
            performance[:], counts[:], trials[:] = np.nan, -1, -1
        return Responses(performance=performance, counts=counts, trials=trials)

    def _recall(self, step: Step, slot: int, number: int, before: State) -> tuple[NDArray[np.int64], Cells, Cells]:
        """Cue an item and go back to the state before; spikes, members and cued cells, [cell]."""
        fraction, noise = self._cue_of(step)
        members = self._pattern(slot, number % self._draw.test.shape[1])
        cued = cued_cells(members, fraction, noise, self._rng("cue", slot, number))
        start = self._network.time
        fired = self._play(step, cue(self._procedure, slot, self._hertz(cued)), self._piece, "cue", slot, number)
        self._ahead += self._network.time - start
        self._network.load_state(before)
        return fired, members, cued

    def _cue_of(self, step: Step) -> tuple[float, float]:
        """Share of an item's cells that a probe drives, and share of those that are replaced by others."""
        phase: object = step.phase
        if step.curve and self.subjects.timeline is not None:
            phase = self.subjects.timeline.steps[step.index + 1].phase
        if isinstance(phase, Probe) and phase.cue is not None:
            return phase.cue.fraction, phase.cue.noise
        return self._procedure.cue_fraction, 0.0

    # Runs of the network ----------------------------------------------------------------------------------------------

    def _play(self, step: Step, stretches: Sequence[Stretch], *names: str | int) -> NDArray[np.int64]:
        """Run stretches one after another; returns the spikes of each driven cell during the one with an item."""
        driven = self._procedure.driven
        spikes, fired = dict.fromkeys(self._sizes, 0), np.zeros(self._sizes[driven], dtype=np.int64)
        self._network.time_scale = self._time_scale(step)
        for number, stretch in enumerate(stretches):
            self._network.set_state(stretch.state)
            self._network.silence([] if step.lesion == "none" else [step.lesion])
            undriven = np.zeros(self._sizes[driven], dtype=np.float32)
            self._network.drive(driven, undriven if stretch.drive is None else stretch.drive)
            if np.isnan(self._segment_start):
                self._segment_start = self._now
            seed = child_seed(self.subjects.seed, *self._path, "network", step.index, *names, number)
            self._network.run(stretch.seconds, int(seed.generate_state(1)[0]))
            self._take_spikes(spikes)
            if stretch.stage in ("exposure", "cue") and stretch.item >= 0:
                fired = self._network.counts(driven)
            if stretch.stage == "exposure":
                self._warn(self._guard.silence(step, driven, int(fired.sum()), stretch.item))
            if stretch.ends:
                self._close_segment(step, stretch)
        seconds = sum(stretch.seconds for stretch in stretches)
        if stretches[-1].stage == "nrem":
            lesioned, _ = self.model.circuit.silenced([] if step.lesion == "none" else [step.lesion])
            self._warn(self._guard.no_replay(step, spikes, seconds, lesioned))
        runaways = self._guard.runaways(step, spikes, seconds)
        self._warn(runaways)
        if runaways and self._procedure.on_runaway == "stop":
            self.stopped[0] = runaways[0]
        return fired

    def _time_scale(self, step: Step) -> float:
        return self._procedure.time_scale if step.kind in ("sleep", "rest") else 1.0

    def _take_spikes(self, spikes: dict[str, int]) -> None:
        taken = {name: (times + self._ahead, cells) for name, (times, cells) in self._network.take_spikes().items()}
        for name, (times, _) in taken.items():
            spikes[name] += len(times)
        self._rows.add_spikes(taken, self._now)
        if self._record.states is not None:
            for name, (times, values) in self._network.take_states().items():
                self._rows.add(f"states/{name}", time=times + self._ahead, values=values.astype(np.float32))

    def _close_segment(self, step: Step, stretch: Stretch) -> None:
        self._rows.add(
            "segments",
            phase=np.int32(step.index),
            stage=stretch.stage,
            item=np.int32(stretch.item),
            lesion=step.lesion,
            cycle=np.int32(stretch.cycle),
            start=self._segment_start,
            stop=self._now,
        )
        self._segment_start = np.nan

    @property
    def _now(self) -> float:
        """Simulated seconds since the beginning."""
        return self._network.time + self._ahead

    @property
    def _path(self) -> tuple[str, int]:
        return "subject", self.subjects.numbers[0]

    def _rng(self, *names: str | int) -> np.random.Generator:
        return child_rng(self.subjects.seed, *self._path, *names)

    def _pattern(self, slot: int, test: int = 0) -> NDArray[np.bool_]:
        """Cells of one of an item's test images."""
        return self._code.members(self.subjects.pool.test.images[self._draw.test[slot, test]])

    def _hertz(self, drive: NDArray) -> NDArray[np.float32]:
        return drive.astype(np.float32) * np.float32(in_si(self._procedure.drive_rate))

    def _warn(self, texts: Sequence[str]) -> None:
        for text in texts:
            self.note(0, text)

    # What is recorded, and the state ----------------------------------------------------------------------------------

    def drain(self) -> list[tuple[int, str, Mapping[str, NDArray]]]:
        return list(self._rows.drain())

    def sensitivities(self) -> NDArray[np.floating] | None:
        """The sensitivity that all gates of the circuit share; None where there are several, or no gate."""
        shared = {self.model.circuit.sensitivity(name) for name in self._synapses} - {None}
        return np.array([shared.pop()], dtype=np.float64) if len(shared) == 1 else None

    def synapses(self) -> list[Mapping[str, tuple[NDArray, NDArray, NDArray, NDArray]]]:
        return [self._synapses]

    def assemblies(self) -> list[Mapping[str, NDArray[np.uint8]]]:
        patterns = np.stack([self._pattern(slot) for slot in range(self.subjects.slots)])
        return [{self._procedure.driven: patterns.astype(np.uint8)}]

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        summaries = {}
        for name, (_, _, initial, flexibility) in self._synapses.items():
            weights = self._network.weights(name)
            travelled = np.abs(weights - initial)
            sensitivity = self.model.circuit.sensitivity(name)
            open_ = 1.0 if sensitivity is None else gate(weights, initial, flexibility, sensitivity).mean()
            quantities = {
                "mean_displacement": travelled.mean(),
                "rms_displacement": np.sqrt(np.square(travelled).mean()),
                "mean_abs_weight": np.abs(weights).mean(),
                "mean_gate": open_,
            }
            summaries[name] = {quantity: np.array([value]) for quantity, value in quantities.items()}
        return summaries

    def weight_snapshot(self, projection: str) -> NDArray[np.floating]:
        return self._network.weights(projection)[None].copy()

    def state(self) -> State:
        state: State = {
            "target": np.array(self._network.target),
            "place": np.array([self._piece]),
            "clock": np.array([self._ahead, self._segment_start]),
            "told": np.array([" ".join(entry) for entry in sorted(self._guard.told)], dtype=np.str_),
        }
        if self.noted:
            state["noted"] = np.array(self.noted[0], dtype=np.str_)
        if self.stopped:
            state["why_stopped"] = np.array(self.stopped[0])
        state |= {f"stage/{name}": weights for name, weights in self._at_stage_start.items()}
        state |= {f"rows/{name}": array for name, array in self._rows.state().items()}
        return state | {f"network/{name}": array for name, array in self._network.state().items()}

    def load_state(self, state: State) -> None:
        def part(prefix: str) -> State:
            return {name.removeprefix(prefix): array for name, array in state.items() if name.startswith(prefix)}

        if str(state["target"]) != self._network.target:
            raise ValueError(
                f"it was simulated by the target {state['target']}, and here by {self._network.target}, "
                "whose bits differ: it is whole, and goes on where that target works"
            )
        (self._piece,) = (int(n) for n in state["place"])
        if self._piece < 0:
            raise ValueError(f"piece {self._piece} is no place in a phase")
        self._ahead, self._segment_start = (float(seconds) for seconds in state["clock"])
        self._guard.told = {tuple(str(entry).split(" ")) for entry in state["told"]}  # type: ignore[misc]
        self.noted = {0: [str(text) for text in state["noted"]]} if "noted" in state else {}
        self.warnings()  # heard before the run was interrupted
        self.stopped = {0: str(state["why_stopped"])} if "why_stopped" in state else {}
        self._at_stage_start = part("stage/")
        for name, weights in self._at_stage_start.items():
            if name not in self._synapses or weights.shape != self._synapses[name][2].shape:
                raise ValueError(f"stage/{name} has shape {list(weights.shape)}, which is no projection of the circuit")
        self._rows.load_state(part("rows/"))
        self._network.load_state(part("network/"))
