"""What a person hears of a run: lines in a file, a bar on a terminal."""

import io
import os
import re
import select

import pytest

from engram.sim import progress
from engram.sim.progress import Bar, Lines, Reporter, clock, reporter_for


@pytest.fixture
def time_is(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return lambda seconds: now.__setitem__(0, 100.0 + seconds)


def test_lines_tell_share_place_rate_and_time_left(time_is):
    stream = io.StringIO()
    with Lines(stream) as lines:
        lines.begin(total=1000, done=0)
        time_is(4.9)
        lines.work("hybrid", "repetition 2 wake", "item 3, epoch 1", 90)
        time_is(5.0)
        lines.work("hybrid", "repetition 2 wake", "item 3, epoch 2", 10)
        time_is(9.0)
        lines.work("hybrid", "repetition 2 wake", "item 3, epoch 3", 50)
        time_is(15.0)
        lines.work("stable", "sleep", "cycle 1", 50)
    assert stream.getvalue().splitlines() == [
        " 10 %  hybrid  repetition 2 wake  item 3, epoch 2  20.0 item epochs/s  0:00:45 left",
        " 20 %  stable  sleep  cycle 1  13.3 item epochs/s  0:01:00 left",
    ]


def test_a_resumed_run_takes_its_rate_from_its_own_work(time_is):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(total=100, done=50)
    time_is(10)
    lines.work("m", "wake", "item 1, epoch 1", 10)
    assert stream.getvalue() == " 60 %  m  wake  item 1, epoch 1  1.0 item epochs/s  0:00:40 left\n"


def test_models_that_live_in_biological_time_tell_its_rate(time_is):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(total=100, done=0)
    lines.simulated(18)
    time_is(1)
    lines.work("circuit", "night 1 sleep", "nrem 1", 1)
    for second in (3, 6):
        lines.simulated(45)
        time_is(second)
        lines.work("circuit", "night 1 sleep", f"nrem {second}", 1)
    time_is(20)
    lines.work("hybrid", "wake", "item 1, epoch 1", 7)
    lines.simulated(10)
    time_is(25)
    lines.work("circuit", "night 1 sleep", "nrem 3", 1)  # begun at 20 s
    assert stream.getvalue().splitlines() == [
        "  3 %  circuit  night 1 sleep  nrem 6  18.0 biological s/s  0:03:14 left",
        " 10 %  hybrid  wake  item 1, epoch 1  0.5 item epochs/s  0:03:00 left",
        " 11 %  circuit  night 1 sleep  nrem 3  2.0 biological s/s  0:03:22 left",
    ]


def test_models_that_learn_images_tell_how_many(time_is):
    stream = io.StringIO()
    lines = Lines(stream)
    lines.begin(total=100, done=0)
    lines.learned(0)
    time_is(5)
    lines.work("braincl", "task list-1 wake", "decoder ready", 10)
    lines.learned(30_000)
    time_is(15)
    lines.work("braincl", "task list-1 sleep", "epoch 1", 40)
    assert stream.getvalue().splitlines() == [
        " 10 %  braincl  task list-1 wake  decoder ready  0:00:45 left",
        " 50 %  braincl  task list-1 sleep  epoch 1  2,000 images/s  0:00:15 left",
    ]


def test_what_must_not_be_missed_is_told_at_once():
    stream = io.StringIO()
    Lines(stream).say("hybrid, subject 3: loss was not finite")
    assert stream.getvalue() == "hybrid, subject 3: loss was not finite\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00:00"), (59.6, "0:01:00"), (3600, "1:00:00"), (360_061, "100:01:01")]
)
def test_clock(seconds, text):
    assert clock(seconds) == text


def test_silence(capsys):
    with Reporter() as reporter:
        reporter.begin(2, 0)
        reporter.simulated(2.5)
        reporter.learned(64)
        reporter.work("m", "wake", "item 1", 1)
        reporter.say("nothing")
    assert capsys.readouterr() == ("", "")


def test_lines_in_a_file_and_a_bar_on_a_terminal(monkeypatch):
    assert isinstance(reporter_for(io.StringIO()), Lines)
    pty = pytest.importorskip("pty")
    reading, terminal = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "150")
    with open(terminal, "w") as stream:
        monkeypatch.setattr("sys.stderr", stream)
        bar = reporter_for(stream)
        assert isinstance(bar, Bar)
        with bar:
            bar.begin(total=200, done=0)
            for piece in range(10):
                bar.work("hybrid", "repetition 2 wake", f"item {piece + 1}, epoch 1", 10)
            bar._progress.refresh()
            bar.say("hybrid, subject 3: [loss] was not finite")
        shown = b""
        while select.select([reading], [], [], 0.2)[0]:
            shown += os.read(reading, 1 << 16)
    os.close(reading)
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode())
    assert "hybrid, subject 3: [loss] was not finite" in plain
    row = next(line for line in re.split(r"[\r\n]+", plain) if "item 10, epoch 1" in line)
    assert re.search(r"hybrid .*50% repetition 2 wake  item 10, epoch 1 \d+ item epochs/s +\d:\d\d:\d\d", row), row
