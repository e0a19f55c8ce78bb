"""Sweeps: one recording, the same bits here and on workers, whatever happens to them."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from engram.data.recording import open_recording
from engram.data.recording.fixed_text import set_text
from engram.data.recording.sweep_parameters import sweep_parameters
from engram.models import MetaplasticNetwork
from engram.protocols import Protocol
from engram.sim import resume, run
from engram.sim.checkpoint import checkpoint_lanes
from engram.sim.chunk_ledger import ChunkLedger
from engram.sim.sweeping import grid, resume_sweep, sweep

BACKENDS = Path(__file__).parent / "backends"
if str(BACKENDS) not in sys.path:
    sys.path.insert(0, str(BACKENDS))  # spawned processes have it as well

from listening import NIGHT, PIECES, Listener  # noqa: E402
from ticking import Ticking  # noqa: E402

SUBJECTS = 3
VARY = {"tick.bursts": [[], [7]]}  # two models of equal work, as no subject has this number
NAMES = ["tick_bursts-none", "tick_bursts-7"]
RUNS = 2 * SUBJECTS


@pytest.fixture
def start(tmp_path):
    def sweep_night(name, **options):
        options = {"subjects": SUBJECTS, "seed": 3, **options}
        return sweep(Protocol.from_yaml(NIGHT), {"tick": Ticking()}, VARY, out=tmp_path / f"{name}.h5", **options)

    return sweep_night


@pytest.fixture(scope="module")
def scheduler():
    """Address of a scheduler with two workers, which are started again when they die."""
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1, "distributed.scheduler.worker-saturation": 1.0}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster,
    ):
        yield cluster.scheduler_address


@pytest.fixture
def whole(start, contents):
    """The sweep without workers, which nothing has happened to."""
    return contents(start("whole").path)


def test_a_sweep_is_the_run_of_its_points(start, contents, whole, tmp_path):
    points = grid({"tick": Ticking()}, VARY)
    assert list(points) == NAMES
    models = {name: point.model for name, point in points.items()}
    plain = run(Protocol.from_yaml(NIGHT), models, subjects=SUBJECTS, seed=3, threads=1, out=tmp_path / "run.h5")
    found = contents(plain.path)
    settings = "@settings"
    assert found.pop(settings) != whole.pop(settings)
    assert found == whole
    recorded = open_recording(tmp_path / "whole.h5").settings
    assert recorded.pop("sweep")["tick_bursts-7"] == {"base": "tick", "parameters": {"bursts": [7]}}
    assert recorded == plain.settings


def test_two_workers_one_of_which_is_killed_half_way_give_the_same_bits(start, contents, whole, tmp_path, monkeypatch):
    monkeypatch.setenv("TICK_DEATHS", f"1:5:1:{tmp_path}")
    listener = Listener()
    recording = start("two", workers=2, reporter=listener)
    assert (tmp_path / "death0").exists()
    assert contents(recording.path) == whole
    assert recording.status == "complete"
    assert (listener.begun, listener.pieces) == ([(RUNS * PIECES, 0)], RUNS * PIECES)
    assert sorted(listener.told) == sorted(
        f"{name}, subject {k}: it is silent" for name in NAMES for k in range(SUBJECTS)
    )
    assert checkpoint_lanes(recording.path) == []


@pytest.mark.slow
def test_batched_subjects_give_the_same_bits_in_chunks_on_a_scheduler(contents, scheduler, tmp_path):
    def start(name, **options):
        return sweep(
            Protocol.from_yaml("name: short\nitems: {count: 3, train: 12, test: 6}\nschedule: [wake: all, probe: all]"),
            {"small": MetaplasticNetwork(hidden=(8,)), "stable": "stable"},
            {"small.batch_size": [4, 20], "stable.hidden": [[6]]},
            subjects=3, seed=1, chunk=2, out=tmp_path / name, **options,
        )  # fmt: skip

    here, there = start("here.h5"), start("there.h5", scheduler=scheduler)
    assert contents(here.path) == contents(there.path)
    performance = there.performance()
    assert performance["model"].values.tolist() == ["small_batch_size-4", "small_batch_size-20", "stable"]
    assert performance.notnull().all()
    assert there.models["stable"].spec["hidden"] == [6]
    table = sweep_parameters(there)
    assert table["base"].tolist() == ["small", "small", "stable"]
    assert table["batch_size"].tolist()[:2] == [4, 20]
    assert np.isnan(table["batch_size"][2])
    assert table["hidden"].tolist()[2] == "[6]"


@pytest.mark.slow
def test_circuits_give_the_same_bits_on_workers(contents, scheduler, tmp_path):
    """Brian2 has to be imported in the main thread of a worker, whose runs are in another."""
    from engram.models.spiking import LIF, AllToAll, BrainState, Circuit, Population, Projection, TraceRule
    from engram.models.spiking.circuit_model import CircuitModel

    circuit = Circuit(
        [Population("C", 20, LIF(mu=0.4, sigma=0.2), "cortex", 0.6)],
        [Projection("C", "C", TraceRule(eta=0.05, maximum=0.5, post_threshold=0.2), AllToAll())],
        [BrainState("wake", rates={"C-C": 1.0}), BrainState("probe"), BrainState("reset")],
    )
    model = CircuitModel(
        circuit=circuit, procedure={"exposure": "50 ms", "gap": "10 ms", "cue": "50 ms", "target": "numpy"}
    )
    protocol = """
name: circuit
items: {set: patterns, count: 2, options: {cells: 20, active: 5, classes: 4}}
schedule: [wake: all, probe: all]
"""

    def start(name, **options):
        protocol_, vary = Protocol.from_yaml(protocol), {"c.procedure.cue": ["20 ms", "50 ms"]}
        return sweep(protocol_, {"c": model}, vary, subjects=1, out=tmp_path / name, **options)

    here, there = start("here.h5"), start("there.h5", scheduler=scheduler)
    assert contents(here.path) == contents(there.path)
    assert there.performance().notnull().all()
    assert len(there.spikes("c_cue-20-ms", 0, "C")[0]) > 0


@pytest.mark.slow
def test_a_scheduler_without_workers_is_waited_for(start, contents, whole, tmp_path, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.setattr("engram.sim.sweeping.dask_workers.SECONDS_WITHOUT_WORKERS", 0.4)

    class Employer(Listener):
        def say(self, text):
            super().say(text)
            if "no workers" in text:
                cluster.scale(1)

    listener = Employer()
    with LocalCluster(n_workers=0, dashboard_address="127.0.0.1:0", silence_logs=50) as cluster:
        start("run", scheduler=cluster.scheduler_address, reporter=listener)
    assert listener.told[0] == "the scheduler has no workers: the sweep waits for some, and Ctrl-C stops it"
    assert sum("no workers" in text for text in listener.told) == 1
    assert contents(tmp_path / "run.h5") == whole


def test_a_sweep_is_gone_on_with_as_any_run_is(start, contents, whole, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start("run", reporter=Listener(at=4))
    resume(tmp_path / "run.h5")
    assert contents(tmp_path / "run.h5") == whole


@pytest.mark.parametrize("again", [1, 2], ids=["here", "on workers"])
def test_an_interrupted_sweep_goes_on_and_runs_nothing_again(start, contents, whole, scheduler, tmp_path, again):
    with pytest.raises(KeyboardInterrupt):
        start("run", scheduler=scheduler, reporter=Listener(at=2 * PIECES))
    path = tmp_path / "run.h5"
    statuses = [status for model in open_recording(path).models.values() for status in model.statuses]
    done = statuses.count("complete")
    assert 2 <= done < RUNS
    assert statuses.count("running") == RUNS - done
    listener = Listener()
    recording = resume_sweep(path, reporter=listener, **({} if again == 1 else {"scheduler": scheduler}))
    assert (listener.begun[0], listener.pieces) == ((RUNS * PIECES, done * PIECES), (RUNS - done) * PIECES)
    assert contents(path) == whole
    assert recording.log["resumed"] == 1
    with pytest.raises(ValueError, match="is complete: there is nothing to resume"):
        resume_sweep(path)


@pytest.mark.parametrize("again", [1, 2], ids=["here", "on workers"])
def test_a_run_whose_rows_may_not_all_be_on_the_disk_is_run_again(
    start, contents, whole, scheduler, tmp_path, monkeypatch, again
):
    with monkeypatch.context() as patch:
        finish, finished = ChunkLedger.finish, []

        def fail(ledger, place):
            finished.append(place)
            if len(finished) == 2:
                raise OSError(errno.ENOSPC, "the disk is full")
            finish(ledger, place)

        patch.setattr(ChunkLedger, "finish", fail)
        with pytest.raises(OSError, match="the disk is full") as told:
            start("run", scheduler=scheduler)
    assert "go on with: engram sweep --resume" in told.value.__notes__[0]
    path = tmp_path / "run.h5"
    place = finished[1]
    assert open_recording(path).models[place.model].statuses[place.chunk] == "complete"
    listener = Listener()
    resume_sweep(path, reporter=listener, **({} if again == 1 else {"scheduler": scheduler}))
    assert listener.begun[0] == (RUNS * PIECES, PIECES)
    assert contents(path) == whole


def test_what_was_interrupted_without_workers_goes_on_with_them(start, contents, whole, scheduler, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        start("run", reporter=Listener(at=PIECES + 4))
    path = tmp_path / "run.h5"
    assert checkpoint_lanes(path) == [0]
    listener = Listener()
    resume_sweep(path, scheduler=scheduler, reporter=listener)
    assert listener.begun == [(RUNS * PIECES, PIECES)]
    assert contents(path) == whole
    assert checkpoint_lanes(path) == []


@pytest.mark.slow
def test_runs_that_fail_are_told_and_the_others_come_to_their_end(
    start, contents, whole, scheduler, tmp_path, monkeypatch
):
    monkeypatch.setattr("engram.sim.sweeping.dask_workers.ATTEMPTS", 2)
    monkeypatch.setenv("TICK_DEATHS", f"1:5:99:{tmp_path}")
    monkeypatch.setenv("TICK_ERROR", "0")
    listener = Listener()
    with pytest.raises((RuntimeError, ArithmeticError)) as told:
        start("run", workers=2, reporter=listener)
    path = tmp_path / "run.h5"
    notes = " ".join(told.value.__notes__)
    assert "3 other runs failed too" in notes
    assert notes.endswith(f"go on with: engram sweep --resume {path}")
    for name in NAMES:
        assert f"{name}, subject 0: ArithmeticError: a tick too many" in listener.told
        died = "RuntimeError: its worker died 2 times, perhaps for want of memory"
        assert f"{name}, subject 1: {died}" in listener.told
    assert len(list(tmp_path.glob("death*"))) == 4
    recording = open_recording(path)
    assert {model.statuses for model in recording.models.values()} == {("running", "running", "complete")}
    assert recording.status == "running"
    resume_sweep(path, scheduler=scheduler)
    assert contents(path) == whole


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:9", "http://127.0.0.1:9", "nowhere"])
def test_a_scheduler_that_does_not_answer_is_told_before_anything_is_made(start, tmp_path, monkeypatch, address):
    monkeypatch.setattr("engram.sim.sweeping.dask_workers.SECONDS_TO_ANSWER", 0.3)
    with pytest.raises(ConnectionError, match=f"no Dask scheduler answers at '{address}' .*start one with `dask sched"):
        start("run", scheduler=address)
    assert list(tmp_path.iterdir()) == []


CLUSTER = """
import time
from distributed import LocalCluster
if __name__ == "__main__":
    cluster = LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0", silence_logs=50)
    print(cluster.scheduler_address, flush=True)
    time.sleep(60)
"""


@pytest.mark.slow
def test_a_scheduler_that_dies_half_way_is_told_and_nothing_is_lost(start, contents, whole, tmp_path):
    (tmp_path / "cluster.py").write_text(CLUSTER)
    environment = {**os.environ, "PYTHONPATH": str(BACKENDS), "TICK_S": "0.05"}
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "cluster.py")], env=environment, stdout=subprocess.PIPE, text=True
    )

    class Killer(Listener):
        def work(self, *what):
            process.kill()

    try:
        address = process.stdout.readline().strip()
        with pytest.raises(ConnectionError, match=f"the Dask scheduler at {address} was lost") as told:
            start("run", scheduler=address, reporter=Killer())
    finally:
        process.kill()
        process.communicate()
    path = tmp_path / "run.h5"
    assert told.value.__notes__[-1].endswith(f"go on with: engram sweep --resume {path}")
    done = sum(model.statuses.count("complete") for model in open_recording(path).models.values())
    assert 1 <= done < RUNS
    resume_sweep(path)
    assert contents(path) == whole


def test_without_dask_it_is_named(start, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"needs Dask: pip install 'engram\[cluster\]'"):
        start("run", workers=2)
    assert list(tmp_path.iterdir()) == []


def test_workers_and_a_scheduler_exclude_each_other(start):
    with pytest.raises(ValueError, match="found both workers and scheduler; give one"):
        start("run", workers=2, scheduler="tcp://127.0.0.1:9")


def test_a_model_that_workers_cannot_import_is_refused_before_they_start(tmp_path):
    class Mine(Ticking):
        pass

    with pytest.raises(ValueError, match="Mine is defined in the script itself, where workers do not find it"):
        sweep(Protocol.from_yaml(NIGHT), {"mine": Mine()}, subjects=1, workers=2, out=tmp_path / "run.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_worker_with_other_versions_or_models_refuses():
    from engram.data.digits import Digits
    from engram.sim.sweeping.errand import WorkerDiffers, errand, model_of_errand, simulate
    from engram.sim.sweeping.sweep_plan import sweep_plan

    settings = {"device": "cpu", "threads": 1, "data": None, "subjects": 1, "unknown": None}
    items = Digits()
    protocol = Protocol.from_yaml(NIGHT)
    plan = sweep_plan(protocol, {"tick": Ticking()}, items.pool(None), 3, settings, None, None)
    common, model = errand(plan, items, settings), model_of_errand(plan, "tick", settings)
    assert simulate(common, model, 0)["told"] == ["tick, subject 0: it is silent"]
    other = json.loads(model)
    other["fixed"]["version of numpy"] = "1.0"
    other["fixed"]["items"] = "0"
    with pytest.raises(WorkerDiffers, match=rf"other items, version of numpy \(1\.0, here {np.__version__}\)"):
        simulate(common, json.dumps(other), 0)
    other = json.loads(model) | {"module": "os", "class": "PathLike"}
    with pytest.raises(WorkerDiffers, match=r"os\.PathLike is no model"):
        simulate(common, json.dumps(other), 0)


def test_a_sweep_of_which_a_model_stopped_altogether_is_finished(contents, scheduler, tmp_path):
    def start(name, **options):
        vary = {"tick.bursts": [[], [0, 1]]}
        out = tmp_path / name
        return sweep(Protocol.from_yaml(NIGHT), {"tick": Ticking()}, vary, subjects=2, out=out, **options)

    recording = start("there.h5", scheduler=scheduler)
    assert contents(recording.path) == contents(start("here.h5").path)
    assert recording.status == "failed"
    assert {name: model.statuses for name, model in recording.models.items()} == {
        "tick_bursts-none": ("complete", "complete"), "tick_bursts-0-1": ("failed", "failed")
    }  # fmt: skip
    assert recording.subjects()["message"].tolist() == ["it is silent"] * 2 + ["it burst"] * 2
    with pytest.raises(ValueError, match="every subject of a model stopped, and would stop again"):
        resume_sweep(recording.path)


def test_a_recording_that_is_no_sweep_and_one_that_is_damaged(start, tmp_path):
    run(Protocol.from_yaml(NIGHT), {"tick": Ticking()}, subjects=1, out=tmp_path / "run.h5")
    with pytest.raises(ValueError, match=r"run\.h5 is no sweep: go on with engram resume"):
        resume_sweep(tmp_path / "run.h5")
    with pytest.raises(ValueError, match="is no sweep: its models have no parameters"):
        sweep_parameters(open_recording(tmp_path / "run.h5"))
    path = start("sweep").path
    with h5py.File(path, "r+") as file:
        settings = json.loads(file.attrs["settings"])
        settings["sweep"].pop("tick_bursts-7")
        set_text(file, "settings", json.dumps(settings))
    with pytest.raises(ValueError, match="is damaged: its table of parameters does not fit"):
        sweep_parameters(open_recording(path))
