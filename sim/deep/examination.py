"""A probe of a deep learner: answers to test images, and what else it is asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...data.streams.reader import ImageReader
from ...data.streams.reading_ahead import ReadAhead
from ...protocols import Probe
from ..session import Responses
from .evaluation import calibration_error, detection, maximum_softmax, negative_energy
from .loading import channels_first, usual_workers

if TYPE_CHECKING:
    from ...data.items import ImagePart
    from ...protocols import Step
    from ..session import Subjects
    from .learner import Learner
    from .streams import DeepRows
    from .workbench import Workbench


_Change = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
_Corrupted = dict[tuple[str, int], NDArray[np.int64]]
"""Answers [image] to each corruption at each severity."""


class _Shown(NamedTuple):
    """Test images of the items asked for, and their slots, [image]."""

    indices: NDArray[np.int64]
    slots: NDArray[np.int64]


class Examination:
    """Tests one subject.

    Parameters
    ----------
    bench : Workbench
    learner : Learner
    subjects : Subjects
        Of a session of one subject.
    rows : DeepRows
        Takes the results of evaluations.
    """

    def __init__(self, bench: Workbench, learner: Learner, subjects: Subjects, rows: DeepRows) -> None:
        self._bench, self._learner, self._subjects, self._rows = bench, learner, subjects, rows
        self._draw = subjects.draws[0]

    def responses(self, step: Step, asked: NDArray[np.bool_]) -> Responses:
        """Answers to a probe.

        Parameters
        ----------
        step : Step
        asked : bool array, [slot]
        """
        probe = step.phase
        assert isinstance(probe, Probe)
        wanted = np.flatnonzero(asked).tolist()
        sizes = [len(self._draw.all_test[slot]) for slot in wanted]
        indices = [self._draw.all_test[slot] for slot in wanted]
        shown = _Shown(np.concatenate(indices), np.repeat(wanted, sizes))
        logits, corrupted = self._answers(probe, shown)
        answers = np.where(np.isfinite(logits).any(axis=1), logits.argmax(axis=1), -1)
        self._evaluate(step, probe, shown, logits, corrupted)
        return self._counted(wanted, shown, answers)

    def _answers(self, probe: Probe, shown: _Shown) -> tuple[NDArray[np.float32], _Corrupted]:
        """Logits for the test images, and the answers to each corruption of them; every image is read once."""
        cued = self._as_cued(probe)
        kinds = probe.corrupted() if self._bench.taught else ()
        changes = [self._corrupting(kind, severity) for kind, severity in kinds]
        logits: list[NDArray[np.float32]] = []
        answers: list[list[NDArray[np.int64]]] = [[] for _ in kinds]
        for batch in self._batches(self._subjects.pool.test, shown.indices):
            logits.append(self._logits(cued(batch)))
            for change, given in zip(changes, answers, strict=True):
                given.append(self._logits(change(batch)).argmax(axis=1))
        return np.concatenate(logits), {kind: np.concatenate(g) for kind, g in zip(kinds, answers, strict=True)}

    def _counted(self, wanted: list[int], shown: _Shown, answers: NDArray[np.int64]) -> Responses:
        slots, tests = self._draw.test.shape
        performance = np.full((1, slots), np.nan, dtype=np.float32)
        counts = np.full((1, slots, slots), -1, dtype=np.int32)
        trials = np.full((1, slots, tests), -1, dtype=np.int16)
        for slot in wanted:
            given = answers[shown.slots == slot]
            counts[0, slot] = np.bincount(given[given >= 0], minlength=slots)
            performance[0, slot] = (given == slot).mean()
            trials[0, slot] = given[:tests]
        return Responses(performance=performance, counts=counts, trials=trials)

    def _evaluate(
        self,
        step: Step,
        probe: Probe,
        shown: _Shown,
        logits: NDArray[np.float32],
        corrupted: _Corrupted,
    ) -> None:
        if not self._bench.taught:
            return
        note = self._rows.evaluation
        note(step.index, "accuracy/intact", float((logits.argmax(axis=1) == shown.slots).mean()))
        note(step.index, "calibration/ece", calibration_error(logits, shown.slots))
        for (kind, severity), answers in corrupted.items():
            note(step.index, f"corruption/{kind}/{severity}", float((answers == shown.slots).mean()))
        if probe.unknown is True:
            self._evaluate_unknown(step, logits)

    def _evaluate_unknown(self, step: Step, known: NDArray[np.float32]) -> None:
        parts = [self._logits(batch) for part, which in self._unknown() for batch in self._batches(part, which)]
        if not parts:
            return
        unknown = np.concatenate(parts)
        scores = {"msp": maximum_softmax, "energy": negative_energy}
        if not self._learner.answers_in_logits:
            del scores["energy"]
        for name, score in scores.items():
            for measure, value in detection(score(known), score(unknown)).items():
                self._rows.evaluation(step.index, f"unknown/{name}/{measure}", value)

    def _unknown(self) -> Iterator[tuple[ImagePart, NDArray[np.int64]]]:
        """Images of classes that this subject is never taught."""
        test = self._subjects.pool.test
        strange = np.flatnonzero(~np.isin(test.labels, self._draw.classes))
        if len(strange):
            yield test, strange
        if self._subjects.unknown is not None:
            for part in (self._subjects.unknown.train, self._subjects.unknown.test):
                yield part, np.arange(len(part))

    # Images -----------------------------------------------------------------------------------------------------------

    def _batches(self, part: ImagePart, which: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        size = self._bench.model.evaluation_batch_size
        chosen = [which[start : start + size] for start in range(0, len(which), size)]
        workers = min(-(-usual_workers(part.images, self._bench.device) // self._bench.group.neighbours), len(chosen))
        if workers and isinstance(part.images, ImageReader):
            with ReadAhead(part.images, workers, prefetch=1) as ahead:
                yield from ahead.read(chosen)
            return
        for numbers in chosen:
            yield np.asarray(part.images[numbers])

    def _as_cued(self, probe: Probe) -> _Change:
        """What a probe shows of a batch: all, or a part of each image where it gives a cue."""
        if probe.kind != "cued" or probe.cue is None:
            return lambda batch: batch
        from ...data.occlusion import occlude

        fraction, noise = probe.cue.fraction, probe.cue.noise
        rng = self._bench.rng("cue", str(fraction), str(noise))
        return lambda batch: occlude(batch, fraction, noise, rng)

    def _corrupting(self, kind: str, severity: int) -> _Change:
        from ...data.corruptions import corrupt

        rng = self._bench.rng("corruption", kind, severity)
        return lambda batch: corrupt(batch, kind, severity, rng)

    @torch.no_grad()
    def _logits(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """What the subject answers, [image, slot]."""
        bench = self._bench
        bench.network.eval()
        divided = len(batch) >= bench.group.size
        mine = np.ascontiguousarray(batch[bench.group.rows()] if divided else batch)
        images = channels_first(torch.from_numpy(mine).to(bench.device))
        with bench.autocast():
            answers = self._learner.scores(bench.to_input(images)).float().cpu()
        return (bench.group.gather_rows(answers, len(batch)) if divided else answers).numpy()
