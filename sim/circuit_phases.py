"""What a phase of a protocol is for a circuit: pieces between which the state may be taken, made of single runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..models.spiking.procedure import Procedure
from ..models.spiking.quantities import in_si
from ..protocols.durations import format_seconds
from ..protocols.phases import Rest, Sleep

if TYPE_CHECKING:
    from ..protocols import Step

SHORTEST = 1e-3
"""Seconds of simulated time: no stage or rest that lasts at all is shorter than one common time step."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """One uninterrupted run of the network: one brain state, one drive.

    Attributes
    ----------
    stage : str
        Its name in the recorded segments: exposure, gap, cue, reset, nrem, rem, rest or quiet.
    state : str
        Brain state of the circuit.
    seconds : float
        Simulated time.
    item : int
        Slot that is driven; -1 for none.
    drive : float32 array, [cell], or None
        Hz of the input to each driven cell.
    cycle : int
        Sleep cycle, from 1; 0 outside of sleep.
    ends : bool
        Whether its segment ends with it, or goes on in the next stretch.
    """

    stage: str
    state: str
    seconds: float
    item: int = -1
    drive: NDArray[np.float32] | None = None
    cycle: int = 0
    ends: bool = True


@dataclass(frozen=True, eq=False)
class Piece:
    """Stretches that follow each other, with a place for a checkpoint after the last.

    Attributes
    ----------
    doing : str
        For a person to read.
    stretches : sequence of Stretch
    stage_starts, stage_ends : bool
        Whether a stage of sleep starts before it or ends after it.
    """

    doing: str
    stretches: Sequence[Stretch] = field(repr=False)
    stage_starts: bool = False
    stage_ends: bool = False


def presentation(procedure: Procedure, item: int, drive: NDArray[np.float32]) -> Piece:
    """One exposure and the gap after it."""
    state = procedure.states.wake
    stretches = [Stretch("exposure", state, in_si(procedure.exposure), item, drive)]
    if in_si(procedure.gap) > 0:
        stretches.append(Stretch("gap", state, in_si(procedure.gap)))
    return Piece(f"item {item + 1}", stretches)


def cue(procedure: Procedure, item: int, drive: NDArray[np.float32] | None) -> list[Stretch]:
    """One cue of a probe: reset, cue, gap."""
    states = procedure.states
    stretches = [Stretch("cue", states.probe, in_si(procedure.cue), item, drive)]
    if in_si(procedure.reset) > 0:
        stretches.insert(0, Stretch("reset", states.reset, in_si(procedure.reset)))
    if in_si(procedure.cue_gap) > 0:
        stretches.append(Stretch("gap", states.probe, in_si(procedure.cue_gap)))
    return stretches


def sleep_stages(phase: Sleep, procedure: Procedure) -> list[tuple[int, str, float]]:
    """Stages of a sleep phase in order: cycle from 1, ``nrem`` or ``rem``, biological seconds.

    Examples
    --------
    >>> sleep_stages(Sleep(duration="2 h"), Procedure())
    [(1, 'nrem', 3600.0), (1, 'rem', 1800.0), (2, 'nrem', 1800.0)]
    """
    if phase.stages is not None:
        return [
            (cycle + 1, stage.kind, stage.duration.seconds)
            for cycle in range(phase.cycles or 1)
            for stage in phase.stages
            if stage.duration.seconds > 0
        ]
    stages: list[tuple[int, str, float]] = []
    left, cycle = phase.seconds, 0
    while left > 1e-9:
        cycle += 1
        for stage in procedure.cycle:
            seconds = min(stage.duration.seconds, left)
            if seconds > 1e-9:
                stages.append((cycle, stage.kind, seconds))
            left -= seconds
    return stages


def sleep_pieces(phase: Sleep, procedure: Procedure, cues: Sequence[tuple[int, NDArray[np.float32]]]) -> list[Piece]:
    """A sleep phase in pieces.

    Parameters
    ----------
    phase : Sleep
    procedure : Procedure
    cues : sequence of (slot, drive)
        Items reactivated in NREM, in turn.
    """
    states, pieces, cued = procedure.states, [], 0
    for cycle, kind, biological in sleep_stages(phase, procedure):
        state = states.nrem if kind == "nrem" else states.rem
        longest = in_si(procedure.piece)
        if kind == "nrem" and cues:
            longest = in_si(procedure.reactivation_every)
        parts = _divided(biological / procedure.time_scale, longest)
        passed = 0.0
        for number, seconds in enumerate(parts):
            passed += seconds
            first, last = number == 0, number == len(parts) - 1
            stretches = [Stretch(kind, state, seconds, cycle=cycle, ends=last or bool(kind == "nrem" and cues))]
            cue_length = in_si(procedure.reactivation_cue)
            if kind == "nrem" and cues and seconds > cue_length:
                item, drive = cues[cued % len(cues)]
                cued += 1
                stretches = [
                    Stretch("cue", states.reactivation, cue_length, item, drive, cycle),
                    Stretch(kind, state, seconds - cue_length, cycle=cycle),
                ]
            slept = format_seconds(round(passed * procedure.time_scale / 60) * 60)
            pieces.append(Piece(f"cycle {cycle}, {kind}, {slept}", stretches, first, last))
    return pieces


def rest_pieces(phase: Rest, procedure: Procedure) -> list[Piece]:
    """A rest in pieces: quiet wake, with or without replay."""
    state = procedure.states.quiet_replay if phase.replay else procedure.states.rest
    stage = "quiet" if phase.replay else "rest"
    parts = _divided(phase.duration.seconds / procedure.time_scale, in_si(procedure.piece))
    passed = np.cumsum(parts) * procedure.time_scale
    pieces = []
    for number, (seconds, done) in enumerate(zip(parts, passed, strict=True)):
        stretch = Stretch(stage, state, seconds, ends=number == len(parts) - 1)
        pieces.append(Piece(f"{stage}, {format_seconds(round(done / 60) * 60)}", [stretch]))
    return pieces


def piece_count(step: Step, presentations: int, procedure: Procedure) -> int:
    """How many pieces a step has, whatever the subject; the number of presentations of a wake step is given."""
    match step.phase:
        case Sleep() as phase:
            cued = [(0, np.zeros(0, np.float32))] if phase.cue is not None else []
            return len(sleep_pieces(phase, procedure, cued))
        case Rest() as phase:
            return len(rest_pieces(phase, procedure))
        case _:
            return presentations if step.kind == "wake" else 0


def _divided(seconds: float, longest: float) -> list[float]:
    """Whole pieces and what is left; a remainder too short to simulate is left out."""
    whole = int(seconds / longest + 1e-9)
    parts = [longest] * whole
    left = seconds - whole * longest
    if left >= SHORTEST or (seconds > 0 and not parts):
        parts.append(max(round(left / SHORTEST) * SHORTEST, SHORTEST))
    return parts
