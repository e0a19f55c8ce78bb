"""Runs that are killed, and resumed to the bits of the run that was not.

One process imports engram and forks a child for every run and every resume: the parent kills it after a time, or the
child kills itself at a chosen point of the run.
"""

import subprocess
import sys
import textwrap

import h5py
import numpy as np
import pytest

from engram.data.recording import open_recording
from engram.sim.checkpoint import checkpoint_path

pytestmark = pytest.mark.timeout(900)

SETUP = """
import os, random, signal, sys, time
import torch
torch.set_num_threads(1)
import engram
from engram.models import Fixed, MetaplasticNetwork
from engram.data.recording import RecordingWriter
from engram.sim import chunk_ledger
from engram.sim.progress import Reporter

os.fsync = lambda descriptor: None  # what a killed process has written is not lost: only a loss of power needs this
folder, text = sys.argv[1:3]
protocol = engram.Protocol.from_yaml(text)
models = {
    "hybrid": MetaplasticNetwork(hidden=(8,), epochs_per_exposure=3, batch_size=8),
    "conventional": MetaplasticNetwork(flexibility=Fixed(1.0), hidden=(8,), epochs_per_exposure=2, batch_size=8),
    "stepwise": MetaplasticNetwork(hidden=(8,), epochs_per_exposure=2, batch_size=8, gate_refresh="step"),
}

def start(path, **options):
    engram.run(protocol, models, subjects=3, seed=11, out=path, threads=1, chunk=2, overwrite=True, **options)

def go_on(path, **options):
    engram.resume(path, **options)

start(f"{folder}/whole.h5")  # also loads, before any fork, what is loaded on first use

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Death(Reporter):
    'Ends the process when so many pieces of work of a model were heard of.'
    def __init__(self, model, count):
        self.model, self.count = model, count
    def work(self, model, phase, doing, pieces):
        self.count -= model == self.model
        if self.count == 0:
            die()

def child(action, *arguments, **options):
    number = os.fork()
    if number == 0:
        code = 1
        try:
            action(*arguments, **options)
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    return number

def wait(number):
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])

def finished(*arguments, **options):
    code = wait(child(*arguments, **options))
    assert code == 0, code

def killed(*arguments, **options):
    code = wait(child(*arguments, **options))
    assert code == -signal.SIGKILL, code
"""


@pytest.fixture
def forks(tmp_path, tiny_text):
    def run(script):
        outcome = subprocess.run(
            [sys.executable, "-c", SETUP + textwrap.dedent(script), str(tmp_path), tiny_text],
            capture_output=True,
            text=True,
            timeout=800,
            check=False,
        )
        assert (outcome.returncode, outcome.stderr) == (0, "")
        return outcome.stdout.split()

    return run


@pytest.mark.slow
def test_twenty_kills_at_random_moments(forks, tmp_path, contents):
    """Checkpoints after every piece of work, after some, and at the beginnings of chunks only.

    Sixteen kills wait until a random piece of work was done, and the run waits for them a few pieces on, so that
    it is always killed while it runs, however fast it is; four come soon after the start, about the creation.
    """
    found = forks(
        """
        class Watched(Reporter):
            'Tells of every piece of work through a pipe, and waits at the last one that it may do.'
            def __init__(self, pipe, last):
                self.pipe, self.left = pipe, last
            def work(self, *_):
                os.write(self.pipe, b".")
                self.left -= 1
                if self.left == 0:
                    while True:
                        signal.pause()

        draw = random.Random(20)
        for trial in range(20):
            every = (0, .02, 1e9)[trial % 3]
            seen = draw.randrange(1, 120) if trial < 16 else 0
            reading, writing = os.pipe()
            watched = Watched(writing, seen + 6)
            number = child(start, f"{folder}/{trial}.h5", checkpoint_every=every, reporter=watched)
            os.close(writing)
            for _ in range(seen):
                os.read(reading, 1)
            time.sleep(draw.uniform(0, .02))
            os.kill(number, signal.SIGKILL)
            assert wait(number) == -signal.SIGKILL
            os.close(reading)
            if os.path.exists(f"{folder}/{trial}.h5"):
                print(engram.open(f"{folder}/{trial}.h5").status)
                finished(go_on, f"{folder}/{trial}.h5", checkpoint_every=every or .05)
            else:
                print("unborn")
        """
    )
    assert len(found) == 20
    assert found[:16] == ["running"] * 16
    whole = contents(tmp_path / "whole.h5")
    assert len(whole) > 300
    for trial, state in enumerate(found):
        path = tmp_path / f"{trial}.h5"
        if state == "unborn":
            assert not path.exists()
            continue
        assert contents(path) == whole, trial
        assert not checkpoint_path(path).exists()
    assert not list(tmp_path.glob("*.part"))


# hybrid: 9 presentations of 3 epochs, in two chunks; conventional: the same with 2 epochs.
# Every second of them is killed before the checkpoint that follows the piece of work, the others after it.
PLACES = {
    "within the first item, before the sensitivity is known": ("hybrid", 2),
    "within the first item, after a checkpoint": ("hybrid", 1),
    "within the second item, whose gates are held": ("hybrid", 5),
    "within the second item, after a checkpoint": ("hybrid", 4),
    "within the phase that presents all items": ("hybrid", 23),
    "second chunk, within the first item": ("hybrid", 29),
    "second model": ("conventional", 3),
    "second chunk of the second model": ("conventional", 21),
    "gates that are read at every step, within the first item": ("stepwise", 2),
    "gates that are read at every step, second item": ("stepwise", 3),
    "the last piece of work": ("stepwise", 36),
}


@pytest.mark.slow
def test_kills_at_chosen_places_before_or_after_the_checkpoint(forks, tmp_path, contents):
    forks(
        f"""
        save = chunk_ledger.save_checkpoint

        class DeathAfterCheckpoint(Death):
            def work(self, model, phase, doing, pieces):
                self.count -= model == self.model
                if self.count == 0:
                    chunk_ledger.save_checkpoint = lambda *arguments: (save(*arguments), die())

        for trial, place in enumerate({list(PLACES.values())}):
            death = (Death, DeathAfterCheckpoint)[trial % 2]
            killed(start, f"{{folder}}/{{trial}}.h5", checkpoint_every=0, reporter=death(*place))
            finished(go_on, f"{{folder}}/{{trial}}.h5", checkpoint_every=1e9)
        """
    )
    whole = contents(tmp_path / "whole.h5")
    for trial, place in enumerate(PLACES):
        assert contents(tmp_path / f"{trial}.h5") == whole, place


def test_kills_of_a_resumed_run_and_before_the_first_checkpoint(forks, tmp_path, contents):
    forks(
        """
        # again and again
        killed(start, f"{folder}/thrice.h5", checkpoint_every=0, reporter=Death("hybrid", 20))
        killed(go_on, f"{folder}/thrice.h5", checkpoint_every=0, reporter=Death("hybrid", 9))
        killed(go_on, f"{folder}/thrice.h5", checkpoint_every=1e9, reporter=Death("conventional", 20))
        killed(go_on, f"{folder}/thrice.h5", checkpoint_every=0, reporter=Death("conventional", 1))
        finished(go_on, f"{folder}/thrice.h5")

        # no checkpoint at all, beside an overwritten recording that had one
        killed(start, f"{folder}/early.h5", checkpoint_every=0, reporter=Death("conventional", 10))
        assert os.path.exists(f"{folder}/early.h5.checkpoint")
        save = chunk_ledger.save_checkpoint
        chunk_ledger.save_checkpoint = lambda *arguments: die()
        killed(start, f"{folder}/early.h5")
        chunk_ledger.save_checkpoint = save
        assert not os.path.exists(f"{folder}/early.h5.checkpoint")
        finished(go_on, f"{folder}/early.h5")

        # while a checkpoint is written, and while the end is noted
        replace = os.replace
        os.replace = lambda *names: die() if str(names[0]).endswith(".part") else replace(*names)
        killed(start, f"{folder}/writing.h5", checkpoint_every=0)
        os.replace = replace
        finished(go_on, f"{folder}/writing.h5", checkpoint_every=1e9)
        note = RecordingWriter.set_status
        RecordingWriter.set_status = lambda writer, status: (note(writer, status), die())
        killed(start, f"{folder}/end.h5", checkpoint_every=1e9)

        # between the end of a chunk and the removal of its checkpoint, and between that and the next chunk
        for trial, remove in enumerate([chunk_ledger.remove_checkpoint, lambda *_: None]):
            RecordingWriter.set_status = note
            chunk_ledger.remove_checkpoint = lambda path, lane: (remove(path, lane), die())
            killed(start, f"{folder}/between{trial}.h5", checkpoint_every=1e9)
            chunk_ledger.remove_checkpoint = remove
            finished(go_on, f"{folder}/between{trial}.h5", checkpoint_every=1e9)
        """
    )
    whole = contents(tmp_path / "whole.h5")
    for name in ("thrice", "early", "writing", "end", "between0", "between1"):
        assert contents(tmp_path / f"{name}.h5") == whole, name
    assert open_recording(tmp_path / "thrice.h5").log["resumed"] == 4
    assert not list(tmp_path.glob("*.part"))


def test_the_recordings_compared_here_hold_what_is_measured(forks, tmp_path, contents):
    """The comparison sees every number: one bit of one dataset, or of one attribute, makes two recordings differ."""
    forks("")
    path = tmp_path / "whole.h5"
    whole = contents(path)
    with h5py.File(path, "r+") as file:
        subject = file["models/hybrid/subjects/2"]
        assert not np.isnan(subject["probes/performance"][...]).any()
        assert not np.isnan(subject["curves/performance"][...]).any()
        assert not np.isnan(subject["weights/output/snapshots"][...]).any()
        assert np.isfinite(subject.attrs["sensitivity"])
        snapshots = subject["weights/output/snapshots"]
        snapshots[3, 1, 1] = np.nextafter(snapshots[3, 1, 1], np.float32(9))
        file["log"].attrs["wall_s"] = 1e9
    changed = contents(path)
    assert {name for name in whole if whole[name] != changed[name]} == {
        "models/hybrid/subjects/2/weights/output/snapshots"
    }
