"""``engram sweep`` as a person at a terminal sees it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from engram.cli import in_words
from engram.data.recording import open_recording
from engram.data.recording.sweep_parameters import sweep_parameters
from engram.sweep_command import sweep, values_of

BACKENDS = Path(__file__).parent / "backends"
NIGHT = "name: night\nitems: {count: 3, train: 6, test: 2}\nschedule: [wake: all, probe: all, sleep: 1 h]\n"
MAIN = f"""
import sys
sys.path.insert(0, {str(BACKENDS)!r})
import ticking
import typer
from engram.cli import in_words
from engram.sweep_command import sweep
if __name__ == "__main__":
    app = typer.Typer()
    app.command()(in_words(sweep))
    app()
"""


@pytest.fixture
def command(monkeypatch):
    monkeypatch.setenv("ENGRAM_TRACEBACK", "1")
    monkeypatch.syspath_prepend(str(BACKENDS))
    import ticking  # noqa: F401 - registers its models

    app = typer.Typer()
    app.command()(in_words(sweep))

    def call(*arguments):
        return CliRunner().invoke(app, list(map(str, arguments)))

    return call


@pytest.fixture
def night(tmp_path):
    path = tmp_path / "night.yaml"
    path.write_text(NIGHT)
    return path


def test_a_sweep_is_recorded_and_told(command, night, tmp_path):
    out = tmp_path / "sweep.h5"
    given = ["--models", "a=ticking,lone", "--vary", "a.bursts=[],[1]", "--subjects", 2, "--seed", 4, "--out", out]
    result = command(night, *given)
    assert (result.exit_code, result.stdout) == (0, f"3 runs, 6 subjects\nrecording: {out}\n")
    recording = open_recording(out)
    assert recording.seed == 4
    assert sweep_parameters(recording)["model"].tolist() == ["a_bursts-none", "a_bursts-1", "lone"]
    assert recording.models["a_bursts-1"].statuses == ("complete", "failed")
    again = command(night, *given)
    assert again.exit_code == 2
    assert again.stderr == f"engram: {out} exists; give another name, or --overwrite (overwrite=True) to replace it\n"
    assert command(night, *given, "--overwrite", "--quiet").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "give a protocol to sweep, such as hebb-repetition; or --resume RECORDING"),
        (["--resume", "a.h5", "--vary", "a.b=1", "--seed", "1"], "leave --vary, --seed out"),
        (["night", "--resume", "a.h5"], "leave the protocol night out"),
        (["--resume", "absent.h5"], "absent.h5: there is no such recording"),
        (["NIGHT", "--vary", "ticking"], "found 'ticking'; expected MODEL.PARAMETER=V1,V2"),
        (["NIGHT", "--vary", "ticking.bursts=1,,2"], "in which a value is empty"),
        (["NIGHT", "--vary", "ticking.bursts=[]", "--vary", "ticking.bursts=[1]"], "ticking.bursts is there twice"),
        (["NIGHT", "--models", "ticking,,"], "expected names separated by commas"),
        (["NIGHT", "--models", "lone,lone"], '"lone" is there twice; give a copy another name: lone2=lone'),
        (["NIGHT", "--vary", "tocking.bursts=[]"], 'its models: ticking. Did you mean "ticking"'),
        (["NIGHT", "--vary", "ticking.burst=[]"], 'there is no such parameter. Did you mean "bursts"'),
        (["NIGHT", "--scheduler", "tcp://127.0.0.1:9", "--workers", "2"], "give one: a scheduler has workers"),
    ],
)  # fmt: skip
def test_mistakes_are_told_and_nothing_is_made(command, night, tmp_path, arguments, words):
    given = [str(night) if argument == "NIGHT" else argument for argument in arguments]
    models = ["--models", "ticking"] if "NIGHT" in arguments and "--models" not in arguments else []
    out = ["--out", str(tmp_path / "sweep.h5")] if "NIGHT" in arguments else []
    result = command(*given, *models, *out)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "sweep.h5").exists()


def test_values_may_be_lists_words_and_numbers():
    texts = [
        "m.a=1,2.5",
        "m.b=x,y",
        "m.c=auto,1e3,true",
        "m.d=[1,2],[3]",
        'm.e={"kind":"fixed","value":0.3}',
        "m.f=a=b",
    ]
    assert list(values_of(texts).values()) == [
        [1, 2.5], ["x", "y"], ["auto", 1000.0, True], [[1, 2], [3]], [{"kind": "fixed", "value": 0.3}], ["a=b"]
    ]  # fmt: skip


def alive(numbers):
    return [number for number in numbers if Path(f"/proc/{number}/stat").exists()]


def descendants(number):
    """Processes that a process has started, and theirs."""
    children = [
        int(child)
        for thread in Path(f"/proc/{number}/task").iterdir()
        for child in (thread / "children").read_text().split()
    ]
    return [*children, *(other for child in children for other in descendants(child))]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="children are found in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_sweep_that_is_stopped_or_killed_leaves_no_process_and_goes_on(command, night, tmp_path, contents, number):
    """Ctrl-C is sent to the group of processes, as a terminal does."""
    (tmp_path / "main.py").write_text(MAIN)
    given = [str(night), "--models", "ticking", "--vary", "ticking.bursts=[],[9]", "--subjects", "6"]
    assert command(*given, "--out", tmp_path / "whole.h5").exit_code == 0
    out = tmp_path / "sweep.h5"
    process = subprocess.Popen(
        [sys.executable, str(tmp_path / "main.py"), *given, "--out", str(out), "--workers", "2"],
        env={**os.environ, "TICK_S": "0.1"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    patience = time.monotonic() + 60

    def done():
        found = open_recording(out).models.values() if out.exists() else []
        return sum(model.statuses.count("complete") for model in found)

    while done() < 2:
        assert (process.poll(), time.monotonic() < patience) == (None, True)
        time.sleep(0.05)
    started = descendants(process.pid)
    assert len(started) >= 2
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    _, told = process.communicate(timeout=60)
    patience = time.monotonic() + 20
    while alive(started) and time.monotonic() < patience:
        time.sleep(0.05)
    assert alive(started) == []
    assert "Traceback" not in told
    if number == signal.SIGINT:
        assert process.returncode == 130
        last = f"engram: interrupted; what is done is kept, go on with: engram sweep --resume {out}"
        assert told.splitlines()[-1] == last
    assert 2 <= done() < 12
    resumed = command("--resume", out)
    assert (resumed.exit_code, resumed.stdout) == (0, f"2 runs, 12 subjects\nrecording: {out}\n")
    assert contents(out) == contents(tmp_path / "whole.h5")
