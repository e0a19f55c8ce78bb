import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engram.data.recording import open_recording
from engram.models.deep import ResNet
from engram.sim import resume
from engram.sim.chunk_loop import Interrupted
from engram.sim.deep.distributed import Group, group_from_environment, single
from engram.sim.deep.gradients import normalise_together, normalises_apart
from engram.sim.ranks import Pauses, SilentWriter

SCRIPT = Path(__file__).parent / "backends" / "two_processes.py"
STORING = ("er", "few", "siesta", "maps", "dreamt-maps", "jpeg", "der", "der-parts", "met")
TABLES = ("losses", "costs", "episodic", "evaluations")


def load_script():
    spec = importlib.util.spec_from_file_location("two_processes", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def two_processes(folder):
    """What each of two processes said and how it ended, with torchrun's variables in their environments."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = []
    for rank in range(2):
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", **{name: str(value) for name, value in told.items()}}
        command = [sys.executable, str(SCRIPT), str(folder)]
        processes.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    return [(process.communicate()[1], process.returncode) for process in processes]


def same(first, second, model, tolerance):
    """Whether two recordings hold the same of a model."""
    for table in TABLES:
        if table == "episodic" and model not in STORING:
            continue
        one, other = first.table(model, 0, table), second.table(model, 0, table)
        assert len(one) == len(other), table
        for column in one.columns:
            if one[column].dtype.kind == "f":
                np.testing.assert_allclose(other[column], one[column], rtol=tolerance, atol=tolerance, err_msg=column)
            else:
                assert one[column].tolist() == other[column].tolist(), (table, column)
    np.testing.assert_allclose(first.performance(model), second.performance(model), atol=tolerance)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("distributed")


@pytest.fixture(scope="module")
def alone(folder):
    """Every model, by one process; and a run that it leaves to the two."""
    script = load_script()
    with pytest.raises(Interrupted):
        script.start(folder / "taken-over.h5", ("jpeg",), script.Interrupting(8), checkpoint_every=0.0)
    return script.start(folder / "alone.h5", script.MODELS)


@pytest.fixture(scope="module")
def ends(alone, folder):
    """Everything that two processes do, in tests/backends/two_processes.py."""
    ended = two_processes(folder)
    assert [code for _, code in ended] == [1, -signal.SIGKILL], "\n".join(words for words, _ in ended)
    return ended


def test_a_group_of_one():
    group = group_from_environment()
    assert (group.rank, group.size, group.first) == (0, 1, True)
    assert list(range(5))[group.rows()] == [0, 1, 2, 3, 4]
    assert group.share({"a": np.ones(2)})["a"].tolist() == [1, 1]
    assert list(group.lead(iter(["done"]))) == ["done"]
    assert group.any(True, False) == (True, False)
    assert Pauses(single()).decide(True, False) == (True, False)


@given(st.lists(st.integers(0, 99), max_size=40), st.integers(1, 5))
def test_rows_of_a_store_are_divided_evenly_and_mostly_to_those_who_own_them(items, size):
    items = np.array(items, dtype=np.int64)
    rows = [Group(rank, size).rows_of(items) for rank in range(size)]
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(items)))
    for rank, mine in enumerate(rows):
        owned = np.flatnonzero(items % size == rank)
        assert len(mine) == len(range(rank, len(items), size))
        assert set(owned[: len(mine)]) == set(mine) & set(owned)
        assert mine.tolist() == sorted(mine)


def test_frozen_statistics_stay_apart():
    network = ResNet(depth=18, norm="frozen", stem="small", width=4).build(1, 8, torch.Generator())
    kinds = [type(layer) for layer in network.modules()]
    normalise_together(network)
    assert [type(layer) for layer in network.modules()] == kinds
    assert not normalises_apart(network)
    network = ResNet(depth=18, norm="batch", stem="small", width=4).build(1, 8, torch.Generator())
    names = list(network.state_dict())
    assert normalises_apart(network)
    normalise_together(network)
    assert not normalises_apart(network)
    assert list(network.state_dict()) == names
    assert sum(isinstance(layer, torch.nn.SyncBatchNorm) for layer in network.modules()) == 20


def test_a_silent_writer_writes_nothing():
    with SilentWriter() as writer:
        writer.write_curve("er", [0], 0, 0, 0, 0, [[0.5]])
        writer.append("er", 0, "losses", {})
        assert writer.lengths("er", 0) == {}


def test_processes_agree(ends, folder):
    first, second = (json.loads((folder / f"heard-{rank}.json").read_text()) for rank in range(2))
    assert first.pop("rows") == [0, 2, 4, 6]
    assert second.pop("rows") == [1, 3, 5]
    assert first.pop("failed") == "OSError: the disk is full"
    assert second.pop("failed") == "LostProcess: the first process of this run has stopped: the disk is full"
    expected = {
        "sum": [2.0, 1.0],
        "total": [4.0, 1.0],
        "any": [True, False],
        "agree": [True, False],
        "json": {"said by": 0},
        "arrays": {"a/b": [0, 1, 2]},
        "gathered": [0, 1, 2, 3, 4, 5, 6],
        "parts": [[0], [0, 1]],
        "led": ["first", "second"],
        "before it failed": "so far",
    }
    assert first == expected
    assert second == expected


def test_two_processes_give_the_losses_of_one(alone, ends, folder):
    both = open_recording(folder / "whole.h5")
    assert both.status == "complete"
    assert both.log["machine"]["processes"] == 2
    for model in alone.models:
        same(alone, both, model, 1e-4)


def test_a_run_goes_on_with_as_many_processes_as_there_are(alone, ends, folder):
    stopped = {path.name for path in folder.glob("*-stopped-*")}
    runs = ("both", "left", "both-met", "left-met")
    assert stopped == {f"{name}-stopped-{rank}" for name in runs for rank in range(2)}
    same(alone, open_recording(folder / "both.h5"), "jpeg", 1e-4)
    same(alone, open_recording(folder / "taken-over.h5"), "jpeg", 1e-4)
    same(alone, resume(folder / "left.h5"), "jpeg", 1e-4)
    same(alone, open_recording(folder / "both-met.h5"), "der", 1e-4)
    same(alone, resume(folder / "left-met.h5"), "der", 1e-4)


def test_two_processes_give_the_same_bits_whether_interrupted_or_not(ends, folder):
    same(open_recording(folder / "whole.h5"), open_recording(folder / "both.h5"), "jpeg", 0)
    same(open_recording(folder / "whole.h5"), open_recording(folder / "both-met.h5"), "der", 0)


def test_the_death_of_one_process_leaves_a_checkpoint_of_the_last_update(alone, ends, folder):
    words = ends[0][0]
    assert words.splitlines()[-1].startswith("killed: another process of this run has ended before its time")
    assert "a checkpoint of the last update is written, go on with engram resume" in words
    assert (folder / "killed.h5.checkpoint").exists()
    unfinished = open_recording(folder / "killed.h5")
    assert unfinished.status == "running"
    before = len(unfinished.table("der", 0, "losses"))
    assert 0 < before < len(alone.table("der", 0, "losses"))
    same(alone, resume(folder / "killed.h5"), "der", 1e-4)


def test_batch_normalisation_on_the_cpu_is_told_of(ends, folder):
    with h5py.File(folder / "apart.h5") as file:
        told = file["models/apart/subjects/0"].attrs["message"]
    assert told.startswith(b"batch normalisation on the CPU sees the share of each of the 2 processes alone")


def test_what_cannot_be_divided_is_refused(ends, folder):
    for rank in range(2):
        told = (folder / f"undivided-{rank}").read_text()
        assert told.startswith("models: hybrid cannot be divided among the 2 processes of torchrun")
    assert not (folder / "undivided.h5").exists()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_torchrun_stops_a_run_with_one_line(tmp_path):
    path = tmp_path / "run.h5"
    settings = ["--set", 'er.backbone={"kind": "mlp", "hidden": [16]}', "--set", "er.epochs=40", "--subjects", "1"]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "engram"]
    command = [*torchrun, "run", "class-incremental-5", "--models", "er", "--out", str(path), *settings]
    with (tmp_path / "told").open("w") as told:
        started = subprocess.Popen(command, stderr=told, env={**os.environ, "OMP_NUM_THREADS": "1"})
        while not path.with_name("run.h5.checkpoint").exists():
            assert started.poll() is None, (tmp_path / "told").read_text()
            time.sleep(0.1)
        started.send_signal(signal.SIGINT)
        assert started.wait() != 0
    lines = (tmp_path / "told").read_text().splitlines()
    assert [line for line in lines if line.startswith("engram")] == [
        f"engram: interrupted; a checkpoint is written, go on with: engram resume {path}"
    ]
    assert open_recording(path).status == "running"
    assert resume(path).status == "complete"
