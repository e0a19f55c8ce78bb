"""Full disks, short memory and dying readers in the midst of a deep run: told once, and nothing is lost."""

import errno
import os
import signal

import pytest
import torch

from engram.data.recording import open_recording
from engram.data.recording.writer import RecordingWriter
from engram.data.streams.synthetic import SyntheticImageNet
from engram.models.deep import MLP, BrainCL, FineTune, SmallConvNet
from engram.models.stores.segment import Segment
from engram.models.stores.store import EpisodicStore
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, wake
from engram.sim import Reporter, checkpoint, resume, run
from engram.sim.deep import simulator
from engram.sim.deep.network import CorticalNetwork

PROTOCOL = Protocol(
    name="two-nights",
    items=ItemSpec(set="digits", count=4, train=24, test=8, lists={"count": 2}),
    schedule=[each("list", [wake("current"), sleep(), probe("seen")])],
)
MODEL = BrainCL(backbone=MLP(hidden=(12,)), batch_size=4, epochs=2, sleep_epochs=3, store="jpeg")
OPTIONS = {"models": {"braincl": MODEL}, "subjects": 1, "seed": 3, "threads": 1}


def disk_is_full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return run(PROTOCOL, out=tmp_path_factory.mktemp("whole") / "whole.h5", **OPTIONS).path


def fails_then_goes_on(path, monkeypatch, where, name, after, whole, contents):
    """Let something fail when it is called for the so many-th time, and go on when it is well again."""
    well, calls = getattr(where, name), []

    def failing(*given, **named):
        calls.append(None)
        return disk_is_full() if len(calls) == after else well(*given, **named)

    with monkeypatch.context() as patched:
        patched.setattr(where, name, failing)
        with pytest.raises(OSError, match="No space left on device") as told:
            run(PROTOCOL, out=path, checkpoint_every=0, **OPTIONS)
        assert told.value.errno == errno.ENOSPC
    assert len(calls) >= after
    assert open_recording(path).status == "running"
    assert contents(resume(path).path) == contents(whole)
    return str(told.value)


def test_the_disk_is_full_while_episodes_are_stored(tmp_path, monkeypatch, whole, contents):
    fails_then_goes_on(tmp_path / "full.h5", monkeypatch, Segment, "append", 3, whole, contents)


def test_the_disk_is_full_when_a_night_is_to_be_kept(tmp_path, monkeypatch, whole, contents):
    told = fails_then_goes_on(tmp_path / "full.h5", monkeypatch, checkpoint.os, "replace", 12, whole, contents)
    assert "cannot write the checkpoint" in told
    assert "the last one is kept" in told


@pytest.mark.parametrize("after", [2, 9])
def test_the_disk_is_full_when_losses_are_recorded(after, tmp_path, monkeypatch, whole, contents):
    fails_then_goes_on(tmp_path / "full.h5", monkeypatch, RecordingWriter, "append", after, whole, contents)


def test_a_store_whose_file_was_cut_is_refused(tmp_path, monkeypatch, whole, contents):
    path = tmp_path / "cut.h5"
    with monkeypatch.context() as patched:
        patched.setattr(EpisodicStore, "reconstruction", disk_is_full)
        with pytest.raises(OSError, match="No space left"):
            run(PROTOCOL, out=path, checkpoint_every=0, **OPTIONS)
    codes = max((tmp_path / "cut.h5.stores").rglob("*.codes"), key=lambda file: file.stat().st_size)
    os.truncate(codes, codes.stat().st_size - 1)
    words = rf"^store .*{codes.name} is .*; without the checkpoint .*, resuming begins its subjects again$"
    with pytest.raises(ValueError, match=words) as told:
        resume(path)
    assert not hasattr(told.value, "__notes__")
    (tmp_path / "cut.h5.checkpoint").unlink()
    assert contents(resume(path).path) == contents(whole)


def test_what_kills_left_of_checkpoints_goes_when_the_run_goes_on(tmp_path):
    class Stopping(Reporter):
        def work(self, *_):
            raise KeyboardInterrupt

    path = tmp_path / "killed.h5"
    with pytest.raises(KeyboardInterrupt):
        run(PROTOCOL, out=path, checkpoint_every=0, reporter=Stopping(), **OPTIONS)
    left = tmp_path / "killed.h5.checkpoint.0123abcd.part"
    left.write_bytes(b"half of one")
    with pytest.raises(KeyboardInterrupt):
        resume(path, reporter=Stopping())
    assert not left.exists()
    assert (tmp_path / "killed.h5.checkpoint").exists()


def test_short_memory_says_what_to_lower(tmp_path, monkeypatch):
    def short(*_):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(CorticalNetwork, "forward", short)
    with pytest.raises(MemoryError, match=r"not enough memory.*Tried to allocate 2.00 GiB.*lower batch_size \(now 4\)"):
        run(PROTOCOL, out=tmp_path / "short.h5", **OPTIONS)


def test_a_reader_that_dies_stops_the_run_which_can_be_gone_on_with(tmp_path, monkeypatch, contents):
    protocol = Protocol(
        name="pictures",
        items=ItemSpec(set="synthetic-imagenet", count=2, train=40, test=4),
        schedule=[wake("all"), probe("all")],
    )
    items = SyntheticImageNet(images=200, classes=2, size=32)
    model = FineTune(backbone=SmallConvNet(width=4), batch_size=8, epochs=3)
    options = {"models": {"finetune": model}, "items": items, "subjects": 1, "threads": 1}
    calm = contents(run(protocol, out=tmp_path / "calm.h5", **options).path)
    monkeypatch.setattr(simulator, "usual_workers", lambda images, device: 1)

    class Killing(simulator.BatchLoader):
        batches = 0

        def read(self, chosen):
            for images in super().read(chosen):
                Killing.batches += 1
                if Killing.batches == 7:
                    for process in self._ahead._processes:
                        os.kill(process.pid, signal.SIGKILL)
                        process.join()
                yield images

    with monkeypatch.context() as patched:
        patched.setattr(simulator, "BatchLoader", Killing)
        with pytest.raises((OSError, RuntimeError), match="a process that reads images has died"):
            run(protocol, out=tmp_path / "killed.h5", checkpoint_every=0, **options)
    assert open_recording(tmp_path / "killed.h5").status == "running"
    assert contents(resume(tmp_path / "killed.h5").path) == calm
