"""A session: a batch of subjects of one model, taken through a timeline by a backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ..data.seeds import child_rng
from ..models.teaching import teaching_set
from ..protocols import RecordSpec

if TYPE_CHECKING:
    from ..data.items import ItemDraw, Pool
    from ..models.base import Model
    from ..protocols import Presentations, Step, Timeline

State = dict[str, NDArray]


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """The subjects of one session, and what each of them meets.

    Attributes
    ----------
    numbers : tuple of int
        Number of each subject in the run.
    seed : int
        Seed of the run, from which every stream of every subject derives (`engram.data.child_rng`).
    pool : Pool
    draws : tuple of ItemDraw
        Items of each subject.
    presentations : tuple of Presentations
        What each subject is presented, phase by phase.
    timeline : Timeline or None
        The timeline common to all; a run always gives it.
    unknown : Pool or None
        Images of classes that are never taught, which the user named for the run.
    """

    numbers: tuple[int, ...]
    seed: int
    pool: Pool
    draws: tuple[ItemDraw, ...]
    presentations: tuple[Presentations, ...]
    timeline: Timeline | None = None
    unknown: Pool | None = None

    @property
    def slots(self) -> int:
        """Number of items."""
        return len(self.draws[0].classes)

    def __len__(self) -> int:
        return len(self.numbers)

    def lesson(
        self, place: int, step: Step, presentation: int, nontarget: bool = False
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Images and labels of one presentation to one subject, the same under every model.

        Parameters
        ----------
        place : int
            Place of the subject in the session.
        step : Step
            A wake step.
        presentation : int
            Place of the presentation within the step, from 0.
        nontarget : bool
            Whether images of the other items, with other wrong labels, are mixed in.

        Returns
        -------
        images : int64 array, [image]
            Indices into the pool's training part, in no particular order.
        labels : int64 array, [image]
            Slots.
        """
        row = self.presentations[place].of(step.index)
        rng = child_rng(self.seed, "subject", self.numbers[place], "teaching", step.index, presentation)
        item, label, wrong = row.item[presentation], row.label[presentation], row.wrong[presentation]
        return teaching_set(self.draws[place].train, int(item), int(label), float(wrong), nontarget, rng)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a run is carried out; recorded with it, so that a resumed run goes on in the same way.

    Attributes
    ----------
    device : str
        Such as ``cpu`` or ``cuda``.
    threads : int
        Threads of the numerical libraries.
    cache : path or None
        Folder of cached features; None for the user's cache folder.
    record : RecordSpec
        What the protocol asks to record.
    folder : path or None
        Where this model may keep files of its own, in a folder for each subject; None for a place that passes.
    """

    device: str = "cpu"
    threads: int = 1
    cache: str | PathLike[str] | None = None
    record: RecordSpec = field(default_factory=RecordSpec)
    folder: Path | None = None


@dataclass(frozen=True)
class Progress:
    """A point between two pieces of work, where the state of a session may be taken.

    Attributes
    ----------
    doing : str
        What was just done, for a person to read.
    done, total : int
        Pieces of this phase done so far, and in all.
    presentation, epoch : int
        Place within the phase, both from 0.
    seconds : float or None
        Biological time that went by in this piece, in s; None for models without a clock.
    images : int or None
        Images that went through a network to learn in this piece; None for models that are counted by the item.
    pieces : int
        How many of the pieces that `Simulator.points` counts were done, for those who look at a bar; none, where a
        session yields more often than it can tell before.
    """

    doing: str
    done: int
    total: int
    presentation: int = 0
    epoch: int = 0
    seconds: float | None = None
    images: int | None = None
    pieces: int = 1


@dataclass(frozen=True, kw_only=True)
class Responses:
    """Answers of a session's subjects to one probe.

    Attributes
    ----------
    performance : float32 array, [subject, slot]
        Share of each item's test images given its label; NaN for an item that was not asked for.
    counts : int32 array, [subject, slot, response]
        How often each label was given to each item's test images; -1 for an item that was not asked for.
    trials : int16 array, [subject, slot, image], or None
        Label given to every single test image.
    """

    performance: NDArray[np.float32]
    counts: NDArray[np.int32]
    trials: NDArray[np.int16] | None = None

    @classmethod
    def from_trials(cls, trials: NDArray[np.integer], asked: NDArray[np.bool_]) -> Responses:
        """Count the labels given.

        Parameters
        ----------
        trials : int array, [subject, slot, image]
            Label given to every single test image, a slot.
        asked : bool array, [subject, slot]
            Items that the probe asks for.

        Returns
        -------
        Responses

        Examples
        --------
        >>> r = Responses.from_trials(np.array([[[0, 1], [1, 1]]]), np.array([[True, True]]))
        >>> r.performance.tolist(), r.counts.tolist()
        ([[0.5, 1.0]], [[[1, 1], [0, 2]]])
        """
        subjects, slots, images = trials.shape
        row = np.arange(subjects * slots).reshape(subjects, slots, 1)
        counts = np.bincount((row * slots + trials).ravel(), minlength=subjects * slots * slots)
        counts = counts.reshape(subjects, slots, slots)
        performance = np.diagonal(counts, axis1=1, axis2=2) / images
        return cls(
            performance=np.where(asked, performance, np.nan).astype(np.float32),
            counts=np.where(asked[..., None], counts, -1).astype(np.int32),
            trials=np.where(asked[..., None], trials, -1).astype(np.int16),
        )


class Session(ABC):
    """A batch of subjects of one model (abstract).

    A backend subclasses it. Phases that do something are generators: they yield a `Progress` wherever `state` may
    be taken, and when called again after `load_state` they go on from there.

    Parameters
    ----------
    model : Model
    subjects : Subjects
    settings : Settings

    Attributes
    ----------
    stopped : dict of int to str
        Subjects (by place in the session) that cannot go on, and why. The others do.
    noted : dict of int to list of str
        What a person should know of subjects that go on, by place in the session (see `note`). It is part of the state,
        so that the recording of a resumed run says the same.
    """

    def __init__(self, model: Model, subjects: Subjects, settings: Settings) -> None:
        self.model = model
        self.subjects = subjects
        self.settings = settings
        self.stopped: dict[int, str] = {}
        self.noted: dict[int, list[str]] = {}
        self._heard: dict[int, int] = {}

    def wake(self, step: Step) -> Iterator[Progress]:
        """Present items. See `engram.protocols.Wake`."""
        raise ValueError(self._cannot("wake"))

    def sleep(self, step: Step) -> Iterator[Progress]:
        """Consolidate without input."""
        raise ValueError(self._cannot("sleep"))

    def rest(self, step: Step) -> Iterator[Progress]:
        """Let time pass."""
        raise ValueError(self._cannot("rest"))

    def lesion(self, step: Step) -> Iterator[Progress]:
        """Silence a part of the model until the lesion is lifted. Lifting one that never was does nothing."""
        if step.lesion == "none":
            return iter(())
        raise ValueError(self._cannot("lesion"))

    @abstractmethod
    def probe(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        """Test memory.

        Parameters
        ----------
        step : Step
            The probe, or the wake step whose learning curve is measured.
        asked : bool array, [subject, slot]
        """

    @abstractmethod
    def state(self) -> State:
        """Everything that the rest of the run depends on, as a plain dictionary of arrays."""

    @abstractmethod
    def load_state(self, state: State) -> None:
        """Go back to a state that a session of the same subjects has given."""

    def weight_summaries(self) -> Mapping[str, Mapping[str, NDArray[np.floating]]]:
        """Summaries of the weights: projection → quantity → [subject]. Empty for models without weights."""
        return {}

    def weight_snapshot(self, projection: str) -> NDArray[np.floating]:
        """All weights of a projection, [subject, pre, post]."""
        raise ValueError(self._cannot("weight snapshots"))

    def sensitivities(self) -> NDArray[np.floating] | None:
        """Sensitivity in use, [subject], where the model has one and it is known by now."""
        return None

    def drain(self) -> list[tuple[int, str, Mapping[str, NDArray]]]:
        """What was recorded since the last call, for tables that grow; the session lets go of it.

        Asked for after every `Progress` and every probe, and always before `state`.

        Returns
        -------
        list of tuple
            Place of the subject in the session, name of the stream (one of the simulator's ``streams``), and its new
            rows by column.
        """
        return []

    def synapses(self) -> list[Mapping[str, tuple[NDArray, NDArray, NDArray, NDArray]]]:
        """Synapses of each subject, by projection: pre, post (cell indices), initial weight and flexibility, [synapse].

        Asked for once, before the first phase. Empty for models whose projections are matrices.
        """
        return []

    def assemblies(self) -> list[Mapping[str, NDArray[np.uint8]]]:
        """Cells that belong to each item, for each subject by population: 0 or 1, [slot, cell].

        Asked for once, before the first phase.
        """
        return []

    def note(self, place: int, text: str) -> None:
        """Say something of a subject that goes on: to the person now, and in the recording."""
        self.noted.setdefault(place, []).append(text)

    def warnings(self) -> list[tuple[int, str]]:
        """What was noted since the last call, by place in the session."""
        new = [(place, text) for place, texts in self.noted.items() for text in texts[self._heard.get(place, 0) :]]
        self._heard = {place: len(texts) for place, texts in self.noted.items()}
        return new

    def _cannot(self, what: str) -> str:
        return f"{type(self).__name__} has no {what}; its model's check should have refused a protocol that needs it"
