"""Subjects in worker processes: the same bits as one after another, whatever happens to the processes."""

import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engram.data.recording import open_recording
from engram.protocols import Protocol
from engram.sim import resume, run
from engram.sim.checkpoint import checkpoint_lanes, load_checkpoint, save_checkpoint

BACKENDS = Path(__file__).parent / "backends"
if str(BACKENDS) not in sys.path:
    sys.path.insert(0, str(BACKENDS))  # spawned processes have it as well

from listening import NIGHT, PIECES, Listener  # noqa: E402
from ticking import CELLS, SECONDS, SYNAPSES, Lone, Ticking  # noqa: E402

PROBES = 2


@pytest.fixture
def start(tmp_path):
    def run_night(name, models=None, **options):
        options = {"subjects": 4, "seed": 3, "threads": 1, **options}
        return run(Protocol.from_yaml(NIGHT), models or {"a": Ticking()}, out=tmp_path / f"{name}.h5", **options)

    return run_night


@pytest.fixture
def whole(start, contents):
    """The run that nothing has happened to, one subject after another."""
    return contents(start("whole").path)


def test_what_a_session_gives_is_what_is_recorded(start):
    listener = Listener()
    recording = start("run", subjects=2, reporter=listener)
    assert recording.models["a"].chance == 0.5
    assert (recording.measure("a"), recording.time_scale("a")) == ("auc", 10.0)
    assert recording.populations("a") == {"C": CELLS}
    assert recording.circuit("a")["edges"][0]["name"] == "C-C"
    for k in range(2):
        times, cells = recording.spikes("a", k, "C")
        assert len(times) == len(cells) > PROBES
        assert (np.diff(times) >= 0).all()
        assert times.max() <= PIECES * SECONDS
        assert (times == 3 * SECONDS).sum() == 1  # the spike of the first probe
        table = recording.synapses("a", k, "C-C")
        assert table["pre"].tolist() == [0, 1, 2, 3, 0]
        assert table["post"].tolist() == [0, 3, 2, 1, 0]
        assert set(table["flexibility"]) == {0.25}
        assert recording.assemblies("a", k, "C").tolist() == np.eye(3, CELLS, dtype=bool).tolist()
        # synapses start where the first snapshot has moved away from
        moved = recording.snapshots("a", k, "C-C")[0] - table["initial"].to_numpy()
        first = recording.weights().query(f"subject == {k}")["mean_displacement"].iloc[0]
        np.testing.assert_allclose(np.abs(moved).mean(), first, rtol=1e-6)
        assert recording.snapshots("a", k, "C-C").shape == (3, SYNAPSES)
    assert listener.told == ["a, subject 0: it is silent", "a, subject 1: it is silent"]
    assert listener.begun == [(2 * PIECES, 0)]
    assert (listener.pieces, listener.seconds) == (2 * PIECES, 2 * PIECES * 10 * SECONDS)
    assert 1e7 < recording.log["peak_memory_bytes"] < 1e10


def test_the_bits_do_not_depend_on_the_number_of_workers(start, contents, whole, tmp_path):
    for workers in (2, 3):
        listener = Listener()
        recording = start(f"by{workers}", workers=workers, reporter=listener)
        assert contents(recording.path) == whole
        assert listener.begun == [(4 * PIECES, 0)]
        assert listener.pieces == 4 * PIECES
        assert sorted(listener.told) == [f"a, subject {k}: it is silent" for k in range(4)]
        assert checkpoint_lanes(recording.path) == []
        assert recording.log["cpu_s"] > workers * 0.2  # the processes' own
    assert sorted(os.listdir(tmp_path)) == ["by2.h5", "by3.h5", "whole.h5"]


def test_models_that_cannot_be_simulated_so_are_simulated_in_between(start, contents, tmp_path):
    models = {"a": Ticking(), "lone": Lone(), "b": Ticking(bursts=(0,)), "c": Ticking()}
    start("one", models, subjects=2)
    order = []

    class Order(Listener):
        def work(self, model, phase, doing, pieces):
            super().work(model, phase, doing, pieces)
            if model not in order:
                order.append(model)

    listener = Order()
    start("two", models, subjects=2, workers=2, reporter=listener)
    assert contents(tmp_path / "one.h5") == contents(tmp_path / "two.h5")
    assert order[:2] == ["a", "lone"]
    assert set(order[2:]) == {"b", "c"}
    assert listener.pieces == 4 * 2 * PIECES - (PIECES - 3)  # one burst in its first phase


def test_a_killed_worker_is_told_and_its_subject_goes_on_from_its_checkpoint(
    start, contents, whole, tmp_path, monkeypatch
):
    monkeypatch.setenv("TICK_DEATHS", f"2:5:2:{tmp_path}")
    listener = Listener()
    recording = start("run", workers=2, checkpoint_every=0, reporter=listener)
    assert contents(recording.path) == whole
    again = [text for text in listener.told if "silent" not in text]
    assert again == ["a, subject 2: the process was killed by SIGKILL; started again from the last checkpoint"] * 2
    assert listener.begun[0] == (4 * PIECES, 0)
    # what a dead worker had not told of was not counted, so nothing is counted twice
    assert listener.pieces == 4 * PIECES
    for (total, done), pieces in zip(listener.begun[1:], (1, 1), strict=True):
        assert total == 4 * PIECES
        assert done >= 4 * pieces


def test_a_worker_that_is_killed_before_any_checkpoint_begins_again(start, contents, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("TICK_DEATHS", f"0:6:1:{tmp_path}")
    recording = start("run", workers=2, checkpoint_every=1e9)
    assert contents(recording.path) == whole


def test_a_subject_whose_worker_dies_three_times_is_given_up_and_the_others_complete(start, tmp_path, monkeypatch):
    sound = start("sound")
    monkeypatch.setenv("TICK_DEATHS", f"1:5:99:{tmp_path}")
    listener = Listener()
    recording = start("run", workers=2, reporter=listener)
    assert len(list(tmp_path.glob("death*"))) == 3
    table = recording.subjects()
    assert table["status"].tolist() == ["complete", "failed", "complete", "complete"]
    assert table["message"][1] == "its process was killed by SIGKILL; given up after 3 attempts"
    assert listener.told[-1].startswith("a, subject ")
    assert "a, subject 1: the process was killed by SIGKILL; given up after 3 attempts" in listener.told
    assert recording.status == "complete"
    others = [0, 2, 3]
    np.testing.assert_array_equal(recording.performance().sel(subject=others), sound.performance().sel(subject=others))
    assert checkpoint_lanes(recording.path) == []


def test_a_subject_that_stops_and_an_error_in_a_worker(start, contents, tmp_path, monkeypatch):
    models = {"a": Ticking(bursts=(1,))}
    one = contents(start("one", models).path)
    listener = Listener()
    assert contents(start("two", models, workers=2, reporter=listener).path) == one
    assert "a, subject 1: it burst" in listener.told
    monkeypatch.setenv("TICK_ERROR", "3")
    with pytest.raises(ArithmeticError, match="a tick too many") as told:
        start("run", workers=2, checkpoint_every=0)
    assert re.search(r'in a worker process:\nTraceback .*ticking\.py", line', "".join(told.value.__notes__), re.DOTALL)
    monkeypatch.delenv("TICK_ERROR")
    resume(tmp_path / "run.h5", workers=3)
    assert contents(tmp_path / "run.h5") == contents(start("whole").path)


@pytest.mark.parametrize(("again", "number"), [(1, signal.SIGINT), (3, signal.SIGTERM)])
def test_an_interrupted_run_resumes_with_any_number_of_workers(
    start, contents, whole, tmp_path, monkeypatch, again, number
):
    listener = Listener(at=9, number=number)
    monkeypatch.setenv("TICK_S", "0.05")
    with pytest.raises(KeyboardInterrupt):
        start("run", workers=2, checkpoint_every=1e9, reporter=listener)
    monkeypatch.delenv("TICK_S")
    path = tmp_path / "run.h5"
    lanes = checkpoint_lanes(path)
    assert lanes
    places = [load_checkpoint(path, lane)[0] for lane in lanes]
    assert all("spikes/C" in place.rows[str(place.chunk)] for place in places)
    statuses = open_recording(path).models["a"].statuses
    listener = Listener()
    resume(path, workers=again, reporter=listener)
    # all that was done before is known: pieces within phases too
    total, done = listener.begun[0]
    finished = sum(status == "complete" for status in statuses)
    assert (total, done + listener.pieces) == (4 * PIECES, 4 * PIECES)
    assert done >= finished * PIECES + sum(place.pieces for place in places)
    assert contents(path) == whole
    assert checkpoint_lanes(path) == []


SCRIPT = """
import sys
sys.path.insert(0, {backends!r})
from ticking import Ticking
from engram.protocols import Protocol
from engram.sim import run
{guard}
    run(Protocol.from_yaml({protocol!r}), {{"a": Ticking()}}, subjects=4, seed=3, threads=1, out={out!r},
        checkpoint_every=0, workers=2)
"""


def script(tmp_path, guard='if __name__ == "__main__":'):
    path = tmp_path / "script.py"
    out = str(tmp_path / "run.h5")
    path.write_text(SCRIPT.format(backends=str(BACKENDS), protocol=NIGHT, out=out, guard=guard))
    return [sys.executable, str(path)]


def alive(numbers):
    return [number for number in numbers if Path(f"/proc/{number}/stat").exists()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
def test_workers_end_when_their_parent_is_killed_and_the_run_resumes(tmp_path, contents, whole):
    environment = {**os.environ, "TICK_S": "0.1"}
    process = subprocess.Popen(script(tmp_path), env=environment, stderr=subprocess.PIPE, text=True)
    path, patience = tmp_path / "run.h5", time.monotonic() + 60

    def pieces():
        places = [load_checkpoint(path, lane) for lane in checkpoint_lanes(path)] if path.exists() else []
        return [place[0].step + place[0].pieces for place in places if place]

    while len(done := pieces()) < 2 or min(done) < 2:
        assert (process.poll(), time.monotonic() < patience) == (None, True)
        time.sleep(0.02)
    children = [
        int(child)
        for thread in Path(f"/proc/{process.pid}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    assert len(children) >= 2
    process.kill()
    _, told = process.communicate(timeout=20)
    patience = time.monotonic() + 10
    while alive(children) and time.monotonic() < patience:
        time.sleep(0.02)
    assert alive(children) == []
    assert "Traceback" not in told
    resume(path, workers=3)
    assert contents(path) == whole


def test_ctrl_c_in_a_terminal_reaches_every_process_and_only_the_first_stops(tmp_path, contents, whole):
    """Sent to the group of processes, as a terminal does."""
    (tmp_path / "night.yaml").write_text(NIGHT)
    path = tmp_path / "run.h5"
    main = f"import sys; sys.path.insert(0, {str(BACKENDS)!r}); import ticking; from engram.cli import main; main()"
    options = ["--models", "a=ticking", "--subjects", "4", "--seed", "3", "--threads", "1", "--workers", "2"]
    process = subprocess.Popen(
        [sys.executable, "-c", main, "run", str(tmp_path / "night.yaml"), *options, "--out", str(path)],
        env={**os.environ, "TICK_S": "0.1"}, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    patience = time.monotonic() + 60
    while len(checkpoint_lanes(path)) < 2:
        assert (process.poll(), time.monotonic() < patience) == (None, True)
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=30)
    assert process.returncode == 130
    assert told.endswith(f"engram: interrupted; a checkpoint is written, go on with: engram resume {path}\n")
    assert "Traceback" not in told
    resume(path, workers=2)
    assert contents(path) == whole


def test_a_script_that_workers_would_run_again_is_told(tmp_path):
    outcome = subprocess.run(
        script(tmp_path, guard="if True:"), capture_output=True, text=True, timeout=60, check=False
    )
    assert outcome.returncode == 1
    assert 'put the call of run or resume below `if __name__ == "__main__":`' in outcome.stderr
    assert "RuntimeError: a worker process did not start (ended with exit status 1)" in outcome.stderr


def test_a_model_that_has_changed_is_not_resumed_and_what_changed_is_told(start, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start("run", reporter=Listener(at=3))
    with pytest.raises(ValueError, match=r"cannot be resumed: models \(a\.bursts\.0\) changed since it was started"):
        resume(tmp_path / "run.h5", models={"a": Ticking(bursts=(1,))})


@pytest.mark.parametrize(
    ("change", "words"),
    [({"spikes/C": 10**6}, "spikes/C"), ({"spikes/H": 1}, "spikes/H")],
    ids=["more than there are", "of another table"],
)
def test_rows_of_a_checkpoint_that_do_not_fit_are_told(start, tmp_path, contents, whole, change, words):
    path = tmp_path / "run.h5"
    with pytest.raises(KeyboardInterrupt):
        start("run", reporter=Listener(at=9))
    place, state = load_checkpoint(path)
    save_checkpoint(path, replace(place, rows={str(place.chunk): change}), state)
    with pytest.raises(ValueError, match=rf"the checkpoint .* is damaged \(.*{words}.*\); delete it"):
        resume(path)
    save_checkpoint(path, place, state)
    resume(path)
    assert contents(path) == whole


@pytest.mark.parametrize("workers", [0, -1, 1.5, True, 10**6])
def test_numbers_of_workers(start, workers):
    with pytest.raises(ValueError, match=rf"workers: found {workers}; expected a whole number from 1 to 1024"):
        start("run", workers=workers)
