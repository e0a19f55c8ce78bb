"""The flat timeline of a protocol, and what one subject meets along it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from .draws import Derangement, Draw, counterparts
from .durations import format_seconds
from .orders import Ints
from .phases import AnyPhase, Lesion, Probe, Rest, Sleep, Wake
from .presentations import Presentations
from .protocol import RecordSpec

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the timeline, common to all subjects.

    Parameters
    ----------
    index : int
        Place in the timeline, from 0.
    kind : str
        ``wake``, ``sleep``, ``rest``, ``probe`` or ``lesion``.
    label : str
        Innermost label; empty where there is none.
    repetition : int
        Pass of the innermost enclosing `repeat`, from 1; 0 outside of any.
    list : str
        Name of the list that is gone over or named; empty where none is, or where the order of lists is drawn.
    lesion : str
        Lesion in force (of a probe: the one it is made under); ``none`` where there is none.
    start, stop : float
        Seconds of protocol time.
    phase : Wake, Sleep, Rest, Probe or Lesion
        The phase with its settings.
    curve : bool
        A wake step whose epochs are probed, since the probe after it says ``every: epoch``.
    """

    index: int
    kind: str
    label: str
    repetition: int
    list: str
    lesion: str
    start: float
    stop: float
    phase: AnyPhase
    curve: bool = False


@dataclass(frozen=True, slots=True)
class Program:
    """How presentations follow from the draws; see `draws`."""

    places: Ints  # [presentation] on the tape
    per_step: Ints  # [step] presentations
    wrong: NDArray[np.float64]  # [step]
    draws: tuple[Draw, ...]
    length: int  # of the tape
    deranged: tuple[tuple[Derangement, Ints], ...]  # with the presentations it gives labels to
    paired: tuple[tuple[Ints, Ints, slice], ...]  # places of items and of their cues, with the presentations
    asked: dict[tuple[int, str], Ints | str]  # (step, field) -> places on the tape, "seen" or "new"


@dataclass(frozen=True, eq=False, repr=False)
class Timeline:
    """The unrolled schedule: steps common to all subjects, and the draws in which they differ.

    Parameters
    ----------
    steps : tuple of Step
        The rows.
    count : int
        Number of item slots.
    program : Program
        How a subject's presentations are drawn.

    Examples
    --------
    >>> from engram.protocols import load, unroll
    >>> timeline = unroll(load("hebb-repetition"))
    >>> len(timeline), timeline.steps[-1].label
    (200, 'poisoning')
    """

    steps: tuple[Step, ...]
    count: int
    program: Program = field(repr=False)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    @property
    def presentations_per_step(self) -> Ints:
        """Presentations of each step, the same for all subjects; int64 [step]."""
        return self.program.per_step

    @cached_property
    def probe_steps(self) -> tuple[int, ...]:
        """Indices of the probes."""
        return tuple(step.index for step in self.steps if step.kind == "probe")

    @cached_property
    def recall_steps(self) -> tuple[int, ...]:
        """Indices of the probes of kind recall: the recall tests, in their order."""
        return tuple(k for k in self.probe_steps if getattr(self.steps[k].phase, "kind", "") == "recall")

    @cached_property
    def curve_steps(self) -> tuple[int, ...]:
        """Indices of the wake steps that are probed after each epoch."""
        return tuple(step.index for step in self.steps if step.curve)

    def presentations(self, rng: np.random.Generator | int) -> Presentations:
        """Draw what one subject is given.

        Parameters
        ----------
        rng : numpy.random.Generator or int
            The subject's stream, or a seed. The same stream gives the same presentations.

        Returns
        -------
        Presentations

        Examples
        --------
        >>> from engram.protocols import load, unroll
        >>> timeline = unroll(load("learning-frequency"))
        >>> np.bincount(timeline.presentations(7).item)
        array([ 1,  2,  3,  4,  5,  6,  7,  8,  9, 10])
        """
        rng = np.random.default_rng(rng)
        program = self.program
        tape = np.full(program.length, -1, dtype=np.int64)
        tape[: self.count] = np.arange(self.count)
        for draw in program.draws:
            draw.fill(tape, program.places, rng)
        item = tape[program.places]
        label = item.copy()
        for exchange, rows in program.deranged:
            label[rows] = exchange.labels(tape, item[rows])
        cue = np.full(len(item), -1, dtype=np.int64)
        for answers, cues, these in program.paired:
            cue[these] = counterparts(tape[answers], tape[cues], item[these])
        starts = np.cumsum(program.per_step) - program.per_step
        return Presentations(
            phase=np.repeat(np.arange(len(self.steps)), program.per_step),
            order=np.arange(len(item)) - np.repeat(starts, program.per_step),
            item=item,
            label=label,
            wrong=np.repeat(program.wrong, program.per_step),
            cue=cue,
            drawn=tape,
        )

    def probed(self, step: int | Step, presentations: Presentations) -> Mask:
        """Which slots a subject is asked for by a probe.

        Parameters
        ----------
        step : int or Step
            A probe, or a wake step whose epochs are probed (then what the probe after it asks).
        presentations : Presentations
            Of the subject.

        Returns
        -------
        bool array [slot]

        Raises
        ------
        ValueError
            If the step is neither.

        Examples
        --------
        >>> from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
        >>> protocol = Protocol(name="part", items=ItemSpec(count=3), schedule=[wake([0, 2]), probe("seen")])
        >>> timeline = unroll(protocol)
        >>> timeline.probed(1, timeline.presentations(0))
        array([ True, False,  True])
        """
        row = self.steps[step if isinstance(step, int) else step.index]
        if row.kind == "probe":
            return self._selected(row.index, "of", row.index, presentations)
        if row.curve:
            return self._selected(row.index + 1, "of", row.index, presentations)
        raise ValueError(f"found step {row.index}, a {row.kind} step; expected a probe or a step with a learning curve")

    def replayed(self, step: int | Step, presentations: Presentations) -> Mask | None:
        """Which slots a sleep replays, or None where it says nothing; bool [slot]."""
        return self._asleep(step, "replay", presentations)

    def cued(self, step: int | Step, presentations: Presentations) -> Mask | None:
        """Which slots are cued during a sleep, or None where none are; bool [slot]."""
        return self._asleep(step, "cue", presentations)

    def _asleep(self, step: int | Step, name: str, presentations: Presentations) -> Mask | None:
        index = step if isinstance(step, int) else step.index
        if self.steps[index].kind != "sleep":
            raise ValueError(f"found step {index}, a {self.steps[index].kind} step; expected a sleep step")
        if (index, name) not in self.program.asked:
            return None
        return self._selected(index, name, index, presentations)

    def _selected(self, index: int, name: str, now: int, presentations: Presentations) -> Mask:
        wanted = self.program.asked[index, name]
        if isinstance(wanted, str):
            seen = presentations.seen(now, self.count)
            return seen if wanted == "seen" else ~seen
        mask = np.zeros(self.count, dtype=bool)
        mask[presentations.drawn[wanted]] = True
        return mask

    def weight_steps(self, record: RecordSpec) -> tuple[int, ...]:
        """Steps after which weights are recorded.

        Parameters
        ----------
        record : RecordSpec
            ``every: phase`` is every wake and sleep step, ``repetition`` the last of each run of steps with one
            label and repetition, ``end`` the very last.

        Returns
        -------
        tuple of int
            Step indices; empty if the record keeps no weights.

        Examples
        --------
        >>> from engram.protocols import RecordSpec, load, unroll
        >>> timeline = unroll(load("hebb-repetition"))
        >>> timeline.weight_steps(RecordSpec(every="repetition"))
        (18, 38, 58, 78, 98, 118, 138, 158, 178, 198)
        """
        learning = [step for step in self.steps if step.kind in ("wake", "sleep")]
        if record.weights == "none" or not learning:
            return ()
        if record.every == "phase":
            return tuple(step.index for step in learning)
        if record.every == "end":
            return (learning[-1].index,)
        runs = [(step.label, step.repetition) for step in learning]
        ends = [k for k in range(len(runs)) if k + 1 == len(runs) or runs[k + 1] != runs[k]]
        return tuple(learning[k].index for k in ends)

    def table(self) -> dict[str, NDArray]:
        """The steps as columns of equal length; texts are UTF-8 in arrays of fixed-length bytes.

        Examples
        --------
        >>> from engram.protocols import load, unroll
        >>> unroll(load("hebb-repetition")).table()["kind"][:2]
        array([b'wake', b'probe'], dtype='|S5')
        """

        def texts(name: str) -> NDArray[np.bytes_]:
            return np.array([getattr(step, name).encode() for step in self.steps], dtype=np.bytes_)

        return {
            "index": np.array([step.index for step in self.steps], dtype=np.int64),
            "kind": texts("kind"),
            "label": texts("label"),
            "repetition": np.array([step.repetition for step in self.steps], dtype=np.int64),
            "list": texts("list"),
            "lesion": texts("lesion"),
            "start": np.array([step.start for step in self.steps], dtype=np.float64),
            "stop": np.array([step.stop for step in self.steps], dtype=np.float64),
        }

    def describe(self) -> str:
        """The timeline as an aligned table, one line per step.

        Examples
        --------
        >>> from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
        >>> protocol = Protocol(name="short", items=ItemSpec(count=3), schedule=[wake("all"), probe("all")])
        >>> print(unroll(protocol).describe())
        step  start  kind   presented  settings
           0  0 s    wake           3  present all
           1  3 s    probe          0  of all
        """
        rows = [self._row(step) for step in self.steps]
        heads = ("step", "start", "kind", "label", "repetition", "list", "lesion", "presented", "settings")
        keep = [c for c, head in enumerate(heads) if head not in _OPTIONAL or any(row[c] for row in rows)]
        widths = {c: max(len(heads[c]), *(len(row[c]) for row in rows)) for c in keep}
        lines = []
        for row in (heads, *rows):
            cells = [row[c].rjust(widths[c]) if heads[c] in _RIGHT else row[c].ljust(widths[c]) for c in keep]
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    __str__ = describe

    def _row(self, step: Step) -> tuple[str, ...]:
        lesion = "" if step.lesion == "none" else step.lesion
        repetition = str(step.repetition) if step.repetition else ""
        presented = str(self.program.per_step[step.index])
        return (
            str(step.index),
            format_seconds(step.start),
            step.kind,
            step.label,
            repetition,
            step.list,
            lesion,
            presented,
            settings(step.phase) + (", probed every epoch" if step.curve else ""),
        )


_OPTIONAL = ("label", "repetition", "list", "lesion")
_RIGHT = ("step", "repetition", "presented")


def settings(phase: AnyPhase) -> str:
    """Settings of a phase that differ from the defaults, in one line."""
    match phase:
        case Wake():
            lead = f"present {_short(phase.present)}"
        case Probe():
            lead = f"of {_short(phase.of)}"
        case Sleep():
            lead = format_seconds(phase.seconds) if phase.seconds else ""
        case Rest():
            lead = str(phase.duration)
        case Lesion():
            lead = phase.of
    rest = [
        f"{name.replace('_', ' ')} {_short(getattr(phase, name))}"
        for name, field_ in type(phase).model_fields.items()
        if name not in (phase.short, "label", "duration", "stages", "cycles")
        and getattr(phase, name) != field_.get_default()
    ]
    return ", ".join(filter(None, [lead, *rest]))


def _short(value: object) -> str:
    if isinstance(value, tuple):
        shown = ", ".join(str(v) for v in value[:8])
        return f"[{shown}{', …' if len(value) > 8 else ''}]"
    return str(value)
