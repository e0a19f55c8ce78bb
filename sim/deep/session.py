"""One subject that is a deep network, taken through a timeline."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ...models.deep.learner import HIPPOCAMPUS, DeepLearner
from ...models.stores.store import EpisodicStore
from ..session import Progress, Responses, Session, Settings, State, Subjects
from .examination import Examination
from .gradients import normalises_apart
from .learner import runtime_of
from .lessons import Course, Tick
from .loading import BatchLoader
from .streams import DeepRows
from .surroundings import algorithms, memory_told
from .training import Diverged
from .workbench import Workbench, below

if TYPE_CHECKING:
    from ...protocols import Step
    from .distributed import Group

POINTS_OF_A_PHASE = 100
"""Parts of a phase that a person sees go by."""

RECOLLECTIONS = 4
"""Recalled images that are recorded beside their originals, of each wake step."""


class DeepSession(Session):
    """A session of exactly one subject of a deep learner.

    Parameters
    ----------
    model : DeepLearner
    subjects : Subjects
    settings : Settings
    loader : BatchLoader
        Reads the pool's training images.
    folder : path
        Where the store of this subject lies.
    group : Group

    Raises
    ------
    ValueError
        The session is to hold several subjects.
    """

    model: DeepLearner

    def __init__(
        self,
        model: DeepLearner,
        subjects: Subjects,
        settings: Settings,
        loader: BatchLoader,
        folder: Path,
        group: Group,
    ) -> None:
        super().__init__(model, subjects, settings)
        if len(subjects) != 1:
            raise ValueError(f"a deep learner is one subject; found {len(subjects)} together")
        self._folder = folder
        self._course, self._rows = Course(subjects), DeepRows()
        self._bench = Workbench(model, subjects, settings.device, group, loader, None)
        self._learner = runtime_of(model)(self._bench)
        self._spent = (0, 0, 0)
        self._points = self._told_of = 0
        if group.size > 1 and normalises_apart(self._bench.network):
            self.note(
                0,
                f"batch normalisation on the CPU sees the share of each of the {group.size} processes alone, so losses "
                'are not those of one process; norm: "group" or "frozen" gives the same',
            )

    # Phases -----------------------------------------------------------------------------------------------------------

    def wake(self, step: Step) -> Iterator[Progress]:
        lesson = self._course.lesson(step)
        yield from self._through(step, lambda: self._learner.wake(lesson))

    def sleep(self, step: Step) -> Iterator[Progress]:
        night = self._course.night(step)
        yield from self._through(step, lambda: self._learner.sleep(night))

    def rest(self, step: Step) -> Iterator[Progress]:
        yield Progress("rest", 1, 1, images=0, pieces=POINTS_OF_A_PHASE)

    def lesion(self, step: Step) -> Iterator[Progress]:
        # Every later step names the lesion in force, so there is nothing to remember.
        yield Progress("no lesion" if step.lesion == "none" else f"without {step.lesion}", 1, 1, images=0)

    def _through(self, step: Step, phase: Callable[[], Iterator[Tick]]) -> Iterator[Progress]:
        """Go through a phase, or on with it; yields where the state may be taken."""
        bench = self._bench
        self._open_store()
        bench.begin_phase(list(self._course.lessons_until(step)), step.lesion)
        try:
            with memory_told(self.model, str(bench.device)), algorithms(self.model):
                for tick in phase():
                    self._take_losses(step)
                    yield self._progress(tick)
        except Diverged as where:
            self.stopped[0] = (
                f"loss was not finite in phase {step.index} ({step.label or step.kind}), {where}; "
                "lower optimiser.learning_rate, or give optimiser.clip"
            )
            return
        except FloatingPointError as error:  # of a codec that is learned
            self.stopped[0] = f"phase {step.index} ({step.label or step.kind}): {error}"
            return
        yield Progress("done", 1, 1, images=0, pieces=POINTS_OF_A_PHASE - self._points)
        self._take_losses(step)
        self._end_phase(step)

    def _progress(self, tick: Tick) -> Progress:
        """How far the phase is: how many pieces of work will follow, nobody knows, so each is half of what is left."""
        before = 0.5**self._bench.finished
        way = 1 - before * (1 - 0.5 * tick.done / max(1, tick.total))
        points = min(POINTS_OF_A_PHASE - 1, int(way * POINTS_OF_A_PHASE))
        new, self._points = max(0, points - self._points), max(points, self._points)
        passes = self._bench.cost.image_passes
        images, self._told_of = passes - self._told_of, passes
        return Progress(tick.doing, tick.done, tick.total, images=images, pieces=new)

    def _take_losses(self, step: Step) -> None:
        for epoch, loss in self._bench.take_losses():
            self._rows.add("losses", phase=step.index, epoch=epoch, loss=loss)

    def _end_phase(self, step: Step) -> None:
        cost, store = self._bench.cost, self._bench.store
        spent = (cost.updates, cost.image_passes, cost.forward_passes)
        updates, passes, forward = (now - before for now, before in zip(spent, self._spent, strict=True))
        self._rows.add("costs", phase=step.index, updates=updates, image_passes=passes, forward_passes=forward)
        self._spent, self._points = spent, 0
        written = step.kind == "wake" and self._bench.group.first
        if store is not None and written and step.lesion != HIPPOCAMPUS and len(store):
            self._record_store(step, store)
        self._bench.end_phase()

    def _record_store(self, step: Step, store: EpisodicStore) -> None:
        parts, images = store.bytes_by_part(), self.subjects.pool.train.images
        codes, parameters = parts.get("codes", 0), parts.get("parameters", 0)
        told = store.reconstruction(images) if store.gives == "images" else None
        self._rows.add(
            "episodic",
            phase=step.index,
            items=len(store),
            classes=len(np.unique(store.labels)),
            codes_bytes=codes,
            parameter_bytes=parameters,
            other_bytes=store.nbytes - codes - parameters,
            total_bytes=store.nbytes,
            working_bytes=store.working_bytes,
            psnr=np.nan if told is None else told.psnr,
            bits_per_pixel=np.nan if told is None else told.bits_per_pixel,
        )
        known = np.flatnonzero((store.tasks == store.tasks.max()) & (store.sources >= 0))
        if store.gives != "images" or not len(known):
            return
        rng = self._bench.rng("recollections", step.index)
        items = np.sort(rng.choice(known, min(RECOLLECTIONS, len(known)), replace=False))
        recalled = store.read(items).permute(0, 2, 3, 1).cpu().numpy()
        for item, image in zip(items.tolist(), recalled, strict=True):
            self._rows.add(
                "recollections",
                phase=step.index,
                label=store.labels[item],
                original=np.asarray(images[int(store.sources[item])]).ravel(),
                recalled=image.ravel(),
            )

    # Probes -----------------------------------------------------------------------------------------------------------

    def probe(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        self._open_store()
        self._bench.lesion = step.lesion
        with memory_told(self.model, str(self._bench.device)), algorithms(self.model):
            return Examination(self._bench, self._learner, self.subjects, self._rows).responses(step, asked[0])

    # State ------------------------------------------------------------------------------------------------------------

    def state(self) -> State:
        state = self._bench.state()
        state["session"] = np.array([*self._spent, self._points], np.int64)
        state |= {f"learner/{name}": array for name, array in self._learner.state().items()}
        if self._bench.store is not None:
            state |= {f"store/{name}": array for name, array in self._bench.store.state().items()}
        return state

    def load_state(self, state: State) -> None:
        self._bench.load_state(state)
        *spent, self._points = (int(n) for n in state["session"])
        self._spent = (spent[0], spent[1], spent[2])
        self._told_of = self._bench.cost.image_passes
        stored = below(state, "store")
        if stored:
            self._open_store(stored)
        self._learner.load_state(below(state, "learner"))

    def sensitivities(self) -> NDArray[np.floating] | None:
        stability = self._bench.stability
        if stability is None or stability.sensitivity == "auto":
            return None
        return np.array([stability.sensitivity])

    def drain(self) -> list[tuple[int, str, Mapping[str, NDArray]]]:
        return self._rows.drain()

    def _open_store(self, state: Mapping[str, NDArray] | None = None) -> None:
        """Open the store where it was left, or begin an empty one. Of several processes the first one does."""
        bench = self._bench
        if bench.store is not None or self.model.store is None:
            return
        if bench.group.first:
            if state is None and self._folder.is_dir() and not self._folder.is_symlink():
                shutil.rmtree(self._folder)
                shutil.rmtree(f"{self._folder}.aside", ignore_errors=True)
            self._folder.mkdir(parents=True, exist_ok=True)
        bench.group.barrier()
        bench.store = EpisodicStore(
            self.model.store,
            self._folder,
            self.subjects.pool.image_shape,  # type: ignore[arg-type]
            rng=lambda *names: bench.rng("store", *names),
            device=str(bench.device),
            threads=self.settings.threads,
            copies=not bench.group.first,
        )
        if state is not None:
            if bench.group.first:
                bench.store.load_state(dict(state))
            bench.follow_store()
