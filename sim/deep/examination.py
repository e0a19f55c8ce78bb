"""A probe of a deep learner: answers to test images, and what else it is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from ...protocols import Probe
from ..session import Responses
from .evaluation import calibration_error, detection, maximum_softmax, negative_energy
from .loading import channels_first

if TYPE_CHECKING:
    from ...data.items import ImagePart
    from ...protocols import Step
    from ..session import Subjects
    from .learner import Learner
    from .streams import DeepRows
    from .workbench import Workbench


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
        logits = self._logits(self._cued(probe, shown))
        answers = np.where(np.isfinite(logits).any(axis=1), logits.argmax(axis=1), -1)
        self._evaluate(step, probe, shown, logits)
        return self._counted(wanted, shown, answers)

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

    def _evaluate(self, step: Step, probe: Probe, shown: _Shown, logits: NDArray[np.float32]) -> None:
        if not self._bench.taught:
            return
        note = self._rows.evaluation
        note(step.index, "accuracy/intact", float((logits.argmax(axis=1) == shown.slots).mean()))
        note(step.index, "calibration/ece", calibration_error(logits, shown.slots))
        for kind, severity in probe.corrupted():
            answers = self._logits(self._corrupted(shown, kind, severity)).argmax(axis=1)
            note(step.index, f"corruption/{kind}/{severity}", float((answers == shown.slots).mean()))
        if probe.unknown is True:
            self._evaluate_unknown(step, logits)

    def _evaluate_unknown(self, step: Step, known: NDArray[np.float32]) -> None:
        parts = [self._logits(self._batches(part, which)) for part, which in self._unknown()]
        if not parts:
            return
        unknown = np.concatenate(parts)
        for name, score in (("msp", maximum_softmax), ("energy", negative_energy)):
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
        for start in range(0, len(which), size):
            yield np.asarray(part.images[which[start : start + size]])

    def _cued(self, probe: Probe, shown: _Shown) -> Iterator[NDArray[np.uint8]]:
        """The test images, or a part of each where the probe gives a cue."""
        images = self._batches(self._subjects.pool.test, shown.indices)
        if probe.kind != "cued" or probe.cue is None:
            yield from images
            return
        from ...data.occlusion import occlude

        rng = self._bench.rng("cue", str(probe.cue.fraction), str(probe.cue.noise))
        for batch in images:
            yield occlude(batch, probe.cue.fraction, probe.cue.noise, rng)

    def _corrupted(self, shown: _Shown, kind: str, severity: int) -> Iterator[NDArray[np.uint8]]:
        from ...data.corruptions import corrupt

        rng = self._bench.rng("corruption", kind, severity)
        for batch in self._batches(self._subjects.pool.test, shown.indices):
            yield corrupt(batch, kind, severity, rng)

    @torch.no_grad()
    def _logits(self, batches: Iterator[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """What the subject answers, [image, slot]."""
        bench = self._bench
        bench.network.eval()
        scores = []
        for batch in batches:
            divided = len(batch) >= bench.group.size
            mine = np.ascontiguousarray(batch[bench.group.rows()] if divided else batch)
            images = channels_first(torch.from_numpy(mine).to(bench.device))
            with bench.autocast():
                answers = self._learner.scores(bench.to_input(images)).float().cpu()
            scores.append((bench.group.gather_rows(answers, len(batch)) if divided else answers).numpy())
        return np.concatenate(scores)
