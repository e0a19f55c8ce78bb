"""The engine, with a scripted model whose answers are known beforehand."""

import json
import os
import signal
import threading
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
import pytest

from engram.data.recording import open_recording
from engram.models.base import Model
from engram.models.registry import register_model
from engram.protocols import Protocol
from engram.sim import Progress, Responses, Session, Simulator, register_backend, resume, run
from engram.sim.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from engram.sim.progress import Reporter

IMAGES = 6
EPOCHS = 2


class Scripted(Model):
    kind: Literal["scripted"] = "scripted"
    backend: ClassVar[str] = "scripted"
    abilities: ClassVar[frozenset[str]] = frozenset({"sleep", "time", "lesion"})
    fails: tuple[int, ...] = ()


class ScriptedSession(Session):
    """Answers item k with the label (k + pieces of work done + number of the subject) mod items, on every image."""

    log: ClassVar[list] = []

    def __init__(self, model, subjects, settings):
        super().__init__(model, subjects, settings)
        self.pieces = self.place = 0
        self.log.append(("begin", subjects.numbers))

    def _work(self, step, count):
        for piece in range(self.place, count):
            self.pieces += 1
            self.place = piece + 1
            if self.pieces == 2:
                for number in set(self.model.fails) & set(self.subjects.numbers):
                    self.stopped[self.subjects.numbers.index(number)] = "it burst"
            yield Progress(f"piece {piece + 1}", piece + 1, count, piece // EPOCHS, piece % EPOCHS)
        self.place = 0

    def wake(self, step):
        yield from self._work(step, EPOCHS * len(self.subjects.presentations[0].of(step.index)))

    def sleep(self, step):
        yield from self._work(step, 1)

    rest = lesion = sleep

    def probe(self, step, asked):
        self.log.append(("probe", step.index, self.pieces))
        slots = np.arange(self.subjects.slots)
        shift = self.pieces + np.array(self.subjects.numbers)
        labels = (slots + shift[:, None]) % self.subjects.slots
        working = np.array([place not in self.stopped for place in range(len(self.subjects))])
        return Responses.from_trials(np.repeat(labels[..., None], IMAGES, axis=2), asked & working[:, None])

    def state(self):
        return {"place": np.array([self.pieces, self.place]), "stopped": np.array(list(self.stopped))}

    def load_state(self, state):
        self.pieces, self.place = state["place"].tolist()
        self.stopped = dict.fromkeys(state["stopped"].astype(int).tolist(), "it burst")

    def sensitivities(self):
        return 10.0 + np.array(self.subjects.numbers)

    def weight_summaries(self):
        return {"output": {"mean_displacement": np.full(len(self.subjects), float(self.pieces))}}

    def weight_snapshot(self, projection):
        return np.array([[[100.0 * number + self.pieces]] for number in self.subjects.numbers])


class ScriptedSimulator(Simulator):
    projections: ClassVar[dict] = {"output": (1, 1)}

    def session(self, subjects):
        return ScriptedSession(self.model, subjects, self.settings)

    def points(self, step, presentations):
        return EPOCHS * presentations


@pytest.fixture(autouse=True)
def scripted():
    register_backend("scripted", ScriptedSimulator)
    register_model("scripted", Scripted)
    ScriptedSession.log.clear()


def protocol(schedule, **record):
    record = {"responses": "trials", "weights": "snapshots", "every": "phase", **record}
    head = f"name: short\nitems: {{count: 3, train: 6, test: {IMAGES}}}\nrecord: {json.dumps(record)}\n"
    return Protocol.from_yaml(f"{head}schedule:\n{schedule}")


TWO_WAKES = """
- wake: [0]
- probe: {of: all, every: epoch}
- sleep: 1 h
- wake: [2, 1]
  label: late
- probe: [1, 2]
"""
# Pieces of work done at the probes: 2 epochs of one item; then 1 night and 2 epochs of two items.
AT_PROBES = (2, 7)


def right(slot, pieces, number):
    return float((pieces + number) % 3 == 0)


def test_what_the_sessions_answer_is_what_is_recorded(tmp_path):
    recording = run(protocol(TWO_WAKES), {"a": Scripted(), "b": Scripted()}, subjects=5, chunk=2, out=tmp_path / "x.h5")
    performance = recording.performance()
    assert performance.shape == (2, 5, 2, 3)
    assert performance["phase"].values.tolist() == [1, 4]
    for model in ("a", "b"):
        for k in range(5):
            found = performance.sel(model=model, subject=k).values
            assert found[0].tolist() == [right(slot, 2, k) for slot in range(3)]
            assert np.isnan(found[1, 0])
            assert found[1, 1:].tolist() == [right(slot, 7, k) for slot in (1, 2)]
    # label given to item `slot` by subject k, on every image
    responses = recording.responses("b").values[0]
    trials = recording.trials("b")
    for k in range(5):
        for probe, pieces in enumerate(AT_PROBES):
            for slot in range(3):
                given = (slot + pieces + k) % 3
                asked = (probe, slot) != (1, 0)
                expected = [IMAGES * (label == given) if asked else -1 for label in range(3)]
                assert responses[k, probe, slot].tolist() == expected
                rows = trials.query(f"subject == {k} and probe == {probe} and input_position == {slot + 1}")
                assert rows["response"].tolist() == [given + 1] * IMAGES * asked
    # the first wake phase is probed after each of its two epochs
    curves = recording.learning_curves().sel(model="a")
    assert [curves[c].values.tolist() for c in ("phase", "presentation", "epoch")] == [[0, 0], [0, 0], [0, 1]]
    assert curves.sel(subject=2).values.tolist() == [
        [right(s, 1, 2) for s in range(3)],
        [right(s, 2, 2) for s in range(3)],
    ]
    # weights after the wake and sleep phases
    weights = recording.weights().query("model == 'a' and subject == 3")
    assert weights[["phase", "mean_displacement"]].values.tolist() == [[0, 2], [2, 3], [3, 7]]
    assert weights["mean_gate"].isna().all()
    assert recording.snapshots("b", 4, "output").ravel().tolist() == [402, 403, 407]
    assert recording.subjects()["sensitivity"].tolist() == [10, 11, 12, 13, 14] * 2
    assert set(recording.subjects()["status"]) == {"complete"}
    assert [entry[1] for entry in ScriptedSession.log if entry[0] == "begin"] == [(0, 1), (2, 3), (4,)] * 2
    assert not checkpoint_path(tmp_path / "x.h5").exists()


def test_what_a_protocol_does_not_ask_for_is_not_recorded(tmp_path):
    short = protocol("- wake: all\n- probe: all\n", responses="none", weights="none")
    recording = run(short, {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5")
    assert recording.performance().notnull().all()
    for ask in (recording.responses, recording.trials, recording.learning_curves, recording.weights):
        with pytest.raises(ValueError, match="a protocol with"):
            ask()
    assert [entry for entry in ScriptedSession.log if entry[0] == "probe"] == [("probe", 1, 6)]


def test_a_subject_that_stops_leaves_the_others_running(tmp_path):
    told = []

    class Listener(Reporter):
        def say(self, text):
            told.append(text)

    models = {"weak": Scripted(fails=(1, 3)), "sound": Scripted()}
    recording = run(protocol(TWO_WAKES), models, subjects=4, chunk=3, out=tmp_path / "x.h5", reporter=Listener())
    table = recording.subjects().query("model == 'weak'")
    assert table["status"].tolist() == ["complete", "failed", "complete", "failed"]
    assert table["message"].tolist() == ["", "it burst", "", "it burst"]
    assert told == [
        "weak, subject 1: it burst",
        "weak, subject 3: it burst",
        "weak: every subject of this chunk stopped",
    ]
    assert recording.status == "complete"
    performance = recording.performance()
    assert performance.sel(model="weak", subject=[1, 3]).isnull().all()
    same = performance.sel(subject=[0, 2])
    np.testing.assert_array_equal(same.sel(model="weak"), same.sel(model="sound"))


def test_a_model_whose_subjects_all_stop_fails_the_run_and_is_not_run_again(tmp_path):
    models = {"weak": Scripted(fails=(0, 1)), "sound": Scripted()}
    recording = run(protocol(TWO_WAKES), models, subjects=2, out=tmp_path / "x.h5")
    assert recording.status == "failed"
    assert recording.subjects()["status"].tolist() == ["failed", "failed", "complete", "complete"]
    with pytest.raises(ValueError, match=r"x\.h5 is finished: every subject of a model stopped, and would stop again"):
        resume(tmp_path / "x.h5")


class Interrupting(Reporter):
    """Sends this process a signal at the n-th piece of work."""

    def __init__(self, at, number=signal.SIGINT):
        self.at, self.number, self.phases = at, number, []

    def begin(self, total, done):
        self.total, self.done = total, done

    def work(self, model, phase, doing, pieces):
        self.phases.append((model, phase, doing, pieces))
        if len(self.phases) == self.at:
            os.kill(os.getpid(), self.number)


@pytest.mark.parametrize(("at", "number"), [*((at, signal.SIGINT) for at in range(1, 15)), (3, signal.SIGTERM)])
def test_an_interrupted_run_writes_a_checkpoint_and_resumes_to_the_same_bits(tmp_path, contents, at, number):
    models = {"a": Scripted(fails=(0,)), "b": Scripted()}
    run(protocol(TWO_WAKES), models, subjects=2, out=tmp_path / "whole.h5")
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        run(protocol(TWO_WAKES), models, subjects=2, out=tmp_path / "x.h5", reporter=Interrupting(at, number))
    assert signal.getsignal(number) is before
    place, state = load_checkpoint(tmp_path / "x.h5")
    assert (place.model, state["place"][0]) == (("a", at) if at <= 7 else ("b", at - 7))
    assert open_recording(tmp_path / "x.h5").status == "running"
    ScriptedSession.log.clear()
    resume(tmp_path / "x.h5")
    assert len([entry for entry in ScriptedSession.log if entry[0] == "begin"]) == (2 if at <= 7 else 1)
    assert contents(tmp_path / "x.h5") == contents(tmp_path / "whole.h5")


def test_a_subject_that_stopped_at_the_last_piece_of_work_is_told_of_by_the_resumed_run(tmp_path, contents):
    """The wake phase is the last one: after the checkpoint there is no piece of work left at which to tell."""
    short = protocol("- probe: all\n- wake: [0]\n")
    run(short, {"a": Scripted(fails=(1,))}, subjects=2, out=tmp_path / "whole.h5")
    with pytest.raises(KeyboardInterrupt):
        run(short, {"a": Scripted(fails=(1,))}, subjects=2, out=tmp_path / "x.h5", reporter=Interrupting(2))
    resume(tmp_path / "x.h5")
    assert open_recording(tmp_path / "x.h5").subjects()["status"].tolist() == ["complete", "failed"]
    assert contents(tmp_path / "x.h5") == contents(tmp_path / "whole.h5")


def test_a_second_signal_stops_at_once(tmp_path):
    class Impatient(Reporter):
        def work(self, model, phase, doing, pieces):
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            raise AssertionError("still running")

    with pytest.raises(KeyboardInterrupt):
        run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5", reporter=Impatient())
    assert load_checkpoint(tmp_path / "x.h5")[0].step == 0


def test_off_the_main_thread_signals_stay_as_they_are(tmp_path):
    before = signal.getsignal(signal.SIGINT)
    found = []

    class Listener(Reporter):
        def work(self, model, phase, doing, pieces):
            found.append(signal.getsignal(signal.SIGINT))

    def start():
        run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5", reporter=Listener())

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert set(found) == {before}
    assert open_recording(tmp_path / "x.h5").status == "complete"


def test_progress_counts_every_piece_of_work_of_every_subject(tmp_path):
    listener = Interrupting(at=-1)
    run(
        protocol(TWO_WAKES),
        {"a": Scripted(), "b": Scripted()},
        subjects=3,
        chunk=2,
        out=tmp_path / "x.h5",
        reporter=listener,
    )
    # the sleep counts once, each epoch of the 3 presentations too; learning curves and probes do not
    assert (listener.total, listener.done) == (2 * 3 * (3 * EPOCHS + 1), 0)
    assert sum(pieces for *_, pieces in listener.phases) == listener.total
    assert listener.phases[:3] == [
        ("a", "wake", "piece 1", 2),
        ("a", "wake", "piece 2", 2),
        ("a", "sleep", "piece 1", 2),
    ]
    assert listener.phases[3] == ("a", "late wake", "piece 1", 2)


def test_a_resumed_run_counts_what_was_done_before(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        run(
            protocol(TWO_WAKES),
            {"a": Scripted(), "b": Scripted()},
            subjects=3,
            chunk=2,
            out=tmp_path / "x.h5",
            reporter=Interrupting(12),
        )
    again = Interrupting(at=-1)
    resume(tmp_path / "x.h5", reporter=again)
    assert (again.total, again.done) == (42, 2 * 7 + 5)  # the first chunk, and 2 + 1 + 2 pieces of the second


def test_a_checkpoint_that_does_not_fit_is_told(tmp_path, monkeypatch):
    with pytest.raises(KeyboardInterrupt):
        run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5", reporter=Interrupting(3))
    monkeypatch.setattr(ScriptedSession, "load_state", lambda self, state: state["weights"])
    with pytest.raises(
        ValueError, match=r"the checkpoint .*x\.h5\.checkpoint is damaged \(KeyError: 'weights'\); delete it"
    ):
        resume(tmp_path / "x.h5")
    checkpoint_path(tmp_path / "x.h5").unlink()
    assert resume(tmp_path / "x.h5").status == "complete"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "b"}, 'there is no model "b", only a'),
        ({"chunk": 1}, "chunk 1 of 1"),
        ({"step": 6}, "step 6 of 5"),
        ({"curve_row": 3}, "3 rows of learning curves, expected 2 to 2"),
        ({"curve_row": 1}, "1 rows of learning curves, expected 2 to 2"),
        ({"step": 10**30}, "step 10{30} of 5"),
    ],
)
def test_a_checkpoint_of_a_place_that_is_not_in_the_plan_is_told(tmp_path, change, words):
    path = tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt):
        run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=path, reporter=Interrupting(4))
    place, state = load_checkpoint(path)
    assert (place.step, place.curve_row) == (3, 2)
    save_checkpoint(path, replace(place, **change), state)
    with pytest.raises(ValueError, match=rf"the checkpoint .* is damaged \({words}\); delete it"):
        resume(path)
    save_checkpoint(path, place, state)
    assert resume(path).status == "complete"


def test_checkpoints_at_the_ends_of_phases_come_after_a_tenth_of_the_time(tmp_path, monkeypatch):
    """A clock that goes on by one second for every piece of work, and a checkpoint every 20 s."""
    now, saved = [0.0], []

    class Clock(Reporter):
        def work(self, *_):
            now[0] += 1.0

    def save(path, place, state, lane):
        saved.append((place.step, place.curve_row, now[0]))
        save_checkpoint(path, place, state, lane)

    monkeypatch.setattr("engram.sim.chunk_loop.time.monotonic", lambda: now[0])
    monkeypatch.setattr("engram.sim.chunk_ledger.save_checkpoint", save)
    run(
        protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5", checkpoint_every=20, reporter=Clock()
    )
    # pieces of work: 2 in the first wake phase, 1 in the sleep, 4 in the second wake phase
    assert saved == [(0, 0, 0.0), (1, 2, 2.0), (4, 2, 7.0)]


@pytest.mark.parametrize("ends", range(1, 6))
def test_a_run_killed_between_phases_resumes_to_the_same_bits(tmp_path, monkeypatch, contents, ends):
    run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=2, out=tmp_path / "whole.h5")

    def save(path, place, state, lane):
        save_checkpoint(path, place, state, lane)
        if place.step == ends and (state["place"][1] == 0 if state else False):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("engram.sim.chunk_ledger.save_checkpoint", save)
        with pytest.raises(KeyboardInterrupt):
            run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=2, out=tmp_path / "x.h5", checkpoint_every=0)
    assert load_checkpoint(tmp_path / "x.h5")[0].step == ends
    resume(tmp_path / "x.h5")
    assert contents(tmp_path / "x.h5") == contents(tmp_path / "whole.h5")


def test_memory_that_runs_out_says_what_to_lower(tmp_path, monkeypatch):
    def full(*_):
        raise RuntimeError("CUDA out of memory. Tried to allocate 99 GiB")
        yield

    monkeypatch.setattr(ScriptedSession, "wake", full)
    with pytest.raises(
        MemoryError, match=r"not enough memory \(CUDA out of memory.*\); lower chunk .* batch_size or hidden"
    ):
        run(protocol(TWO_WAKES), {"a": Scripted()}, subjects=1, out=tmp_path / "x.h5")


class Slow(Interrupting):
    """Every piece of work takes four seconds of a clock of its own, and the n-th is the last before a signal."""

    def __init__(self, monkeypatch, at=0):
        super().__init__(at)
        self.now = 0.0
        monkeypatch.setattr("engram.sim.chunk_loop.time", self)

    def monotonic(self):
        return self.now

    def work(self, *piece):
        self.now += 4.0
        super().work(*piece)


def test_seconds_of_every_step_are_in_the_log_shared_by_the_subjects_of_a_chunk(tmp_path, monkeypatch):
    recording = run(
        protocol(TWO_WAKES), {"a": Scripted()}, subjects=3, chunk=2, out=tmp_path / "x.h5", reporter=Slow(monkeypatch)
    )
    assert recording.seconds("a").tolist() == [[4, 0, 2, 8, 0], [4, 0, 2, 8, 0], [8, 0, 4, 16, 0]]


def test_a_resumed_run_adds_its_seconds(tmp_path, monkeypatch):
    models, out = {"a": Scripted()}, tmp_path / "x.h5"
    with pytest.raises(KeyboardInterrupt):  # in the third of the four pieces of step 3
        run(protocol(TWO_WAKES), models, subjects=1, out=out, reporter=Slow(monkeypatch, at=6))
    assert open_recording(out).seconds("a")[0, :4].tolist() == [8, 0, 4, 12]
    assert np.isnan(open_recording(out).seconds("a")[0, 4])
    resume(out, reporter=Slow(monkeypatch))
    assert open_recording(out).seconds("a").tolist() == [[8, 0, 4, 16, 0]]
