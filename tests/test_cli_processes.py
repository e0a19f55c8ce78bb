"""What only a process of its own shows: signals, pipes, closed streams, start-up."""

import os
import signal
import subprocess
import sys
import time

import pytest

from engram.models.registry import model
from engram.sim import resume, run
from engram.sim.checkpoint import checkpoint_path

LONG = """
name: long
items: {count: 3, train: 12, test: 6}
schedule:
  - repeat: 100
    phases: [wake: all, probe: all]
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_in_words_and_it_resumes_to_the_same_bits(tmp_path, contents, number):
    (tmp_path / "long.yaml").write_text(LONG)
    out = tmp_path / "run.h5"
    command = [sys.executable, "-m", "engram", "run", tmp_path / "long.yaml", "--models", "hybrid", "--out", out]
    settings = ["--set", "hybrid.hidden=[8]", "--subjects", "2", "--threads", "1", "--seed", "3"]
    process = subprocess.Popen([*command, *settings], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    patience = time.monotonic() + 200
    while not checkpoint_path(out).exists() and time.monotonic() < patience:
        time.sleep(0.01)
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=100)
    assert (process.returncode, stdout) == (130, "")
    assert stderr.endswith(f"engram: interrupted; a checkpoint is written, go on with: engram resume {out}\n")
    assert "Traceback" not in stderr
    resume(out)
    network = {"hybrid": model("hybrid", hidden=(8,))}
    run(tmp_path / "long.yaml", network, subjects=2, seed=3, threads=1, out=tmp_path / "whole.h5")
    assert contents(out) == contents(tmp_path / "whole.h5")


def test_a_reader_that_goes_away_is_no_error_to_tell(tmp_path):
    """More is written than a pipe holds, so that the write fails; and less, so that the last flush does."""
    (tmp_path / "long.yaml").write_text(LONG.replace("100", "5000"))
    for arguments in (["validate", "long.yaml", "--timeline"], ["list", "protocols"]):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, "-m", "engram", *arguments]
        outcome = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
        os.close(writing)
        assert (outcome.returncode, outcome.stderr) == (1, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_output_that_cannot_be_written_is_told(engram_process):
    with open("/dev/full", "w") as full:
        outcome = engram_process("list", "protocols", stdout=full, stderr=subprocess.PIPE, capture_output=False)
    assert outcome.returncode == 1
    assert outcome.stderr.endswith("No space left on device\n")
    assert outcome.stderr.count("\n") == 1


def test_closed_streams_do_no_harm(tmp_path):
    script = f"{sys.executable} -m engram list protocols >&- 2>&- <&-"
    outcome = subprocess.run(["sh", "-c", script], check=False, cwd=tmp_path)
    assert outcome.returncode == 0


def test_errors_of_a_process(engram_process, tmp_path):
    outcome = engram_process("show", tmp_path / "none.h5")
    told = f"engram: {tmp_path / 'none.h5'}: there is no such recording\n"
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (2, "", told)


def test_warnings_are_told_in_one_line(tmp_path):
    script = "import sys, warnings, engram.cli as c; c.app = lambda: warnings.warn('a block is damaged'); c.main()"
    outcome = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert outcome.stderr == "engram: a block is damaged\n"
