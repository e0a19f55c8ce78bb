"""Tables that grow: whenever writing stops, the file opens and holds the first rows of what was written."""

import contextlib
import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import h5py
import numpy as np
import pytest

from engram.data.recording import (
    RecordingWriter,
    open_recording,
    stream_layout,
)
from engram.data.recording import writer as writer_module
from engram.data.recording.disk_file import DiskFile

RECORDINGS = Path(__file__).parent / "recordings"
if str(RECORDINGS) not in sys.path:
    sys.path.insert(0, str(RECORDINGS))

from one_night import SEGMENTS, SPIKES, create, segments, spikes  # noqa: E402


def check_spikes(path):
    """Spikes of both subjects, after a look at each of them."""
    recording = open_recording(path)
    found = []
    for subject in range(2):
        times, cells = recording.spikes("circuit", subject, "C")
        expected = spikes(0, len(times))
        np.testing.assert_array_equal(times, expected["timestamps"])
        np.testing.assert_array_equal(cells, expected["node_ids"])
        found.append(len(times))
    return found


def check_segments(path):
    table = open_recording(path).segments("circuit", 0)
    expected = segments(0, len(table))
    for column in ("cycle", "start", "stop", "stage", "lesion"):
        assert table[column].tolist() == list(expected[column])
    assert table["item"].tolist() == (expected["item"] + 1).tolist()
    return len(table)


class Watched(io.FileIO):
    """A file that notes what is done to it."""

    log: list

    def write(self, data):
        Watched.log.append((self.tell(), bytes(data)))
        return super().write(data)

    def truncate(self, size):
        Watched.log.append((size, None))
        return super().truncate(size)


def states_of(before, log):
    """The file after each write, and within one that crosses pages.

    Whole nodes are taken to be written at once. Blocks of rows are skipped, but for the last of several.
    """
    data = bytearray(before)
    for number, (place, written) in enumerate(log):
        if written is None:
            data = data[:place] + bytes(max(0, place - len(data)))
            yield data
            continue
        pages = () if written[:4] == b"TREE" else range((place // 4096 + 1) * 4096, place + len(written), 4096)
        ends = [*pages, place + len(written)]
        for end in ends:
            data += bytes(max(0, end - len(data)))
            data[place:end] = written[: end - place]
            following = log[number + 1][1] if number + 1 < len(log) else None
            if len(written) not in BLOCKS or following is None or len(following) not in BLOCKS:
                yield data


BLOCKS = (8 * 8, 8 * 4)  # bytes of a block of spikes, where one has eight rows


def test_every_moment_of_growing_and_trimming_leaves_a_file_that_opens(tmp_path, monkeypatch):
    """Not kills at random, but one after each single write: blocks so small that the index of blocks splits."""
    monkeypatch.setattr(stream_layout, "BLOCK_BYTES", 100)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    path = tmp_path / "run.h5"
    create(path, [SPIKES, SEGMENTS]).close()
    before = path.read_bytes()
    Watched.log = []
    with monkeypatch.context() as patch:
        patch.setattr(io, "FileIO", Watched)
        patch.setattr(writer_module, "BUFFERED_SECONDS", -1.0)
        patch.setattr(writer_module, "BETWEEN_WRITES", 0)
        writer = RecordingWriter.resume(path)
        for number in range(4):
            writer.append("circuit", 1, "spikes/C", spikes(140 * number, 140))
            writer.append("circuit", 0, "spikes/C", spikes(10 * number, 10))
            writer.append("circuit", 0, "segments", segments(number, 1))
        writer.truncate("circuit", 1, {"spikes/C": 450})
        writer.set_subject("circuit", 1, status="complete")
        writer.set_status("complete")
        writer.close()
    after = path.read_bytes()
    seen = []
    for state in states_of(before, Watched.log):
        path.write_bytes(state)
        seen.append(check_spikes(path))
        if len(seen) % 20 == 0:
            rows = check_segments(path)
            if open_recording(path).status != "complete":
                with RecordingWriter.resume(path) as writer:
                    writer.append("circuit", 0, "spikes/C", spikes(seen[-1][0], 25))
                    writer.append("circuit", 1, "spikes/C", spikes(seen[-1][1], 500))
                assert check_spikes(path) == [seen[-1][0] + 25, seen[-1][1] + 500]
                assert check_segments(path) == rows
    assert state == after
    grown = seen[: seen.index([40, 560])]
    assert grown == sorted(grown)
    assert seen[-1] == [40, 450]
    assert check_segments(path) == 4
    with h5py.File(path) as file:
        assert file["models/circuit/subjects/1/spikes/C/node_ids"].shape == (450,)


def test_an_interrupt_in_the_middle_of_growing_loses_nothing(tmp_path, monkeypatch):
    """Wherever Ctrl-C strikes, the rows are written at the next occasion."""
    write_at = DiskFile._write_at
    for strikes in range(20):
        path = tmp_path / f"{strikes}.h5"
        with create(path, [SPIKES, SEGMENTS]) as writer:
            writer.append("circuit", 0, "spikes/C", spikes(0, 10))
            calls = iter(range(100))

            def interrupt(disk, offset, data, calls=calls, strikes=strikes):
                if disk._held and next(calls) == strikes:
                    raise KeyboardInterrupt
                write_at(disk, offset, data)

            with monkeypatch.context() as patch:
                patch.setattr(DiskFile, "_write_at", interrupt)
                with contextlib.suppress(KeyboardInterrupt):
                    writer.flush()
            writer.append("circuit", 0, "spikes/C", spikes(10, 10))
            writer.append("circuit", 0, "segments", segments(0, 2))
        assert check_spikes(path) == [20, 0]
        assert check_segments(path) == 2
    assert 8 < next(calls) < strikes  # every write was interrupted once


# What the processes below begin with.
SETUP = f"""
import sys
sys.path.insert(0, {os.path.dirname(__file__)!r})
import os, random, resource, signal, time
from pathlib import Path
from test_recording_growth import *
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SETUP + textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.mark.parametrize("more", [0, 100, 100_000, 200_000, 300_000])
def test_a_disk_that_fills_up_while_a_table_grows(tmp_path, more):
    """The error is told, what was written stays, and closing goes well; with room again, the run is resumed."""
    outcome = run(
        """
        path = Path(sys.argv[1])
        with create(path) as writer:
            writer.append("circuit", 0, "spikes/C", spikes(0, 1000))
            writer.append("circuit", 0, "segments", segments(0, 3))
            writer.flush()
            size = path.stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size + int(sys.argv[2]), resource.RLIM_INFINITY))
            writer.append("circuit", 0, "spikes/C", spikes(1000, 30_000))
            writer.append("circuit", 1, "spikes/C", spikes(0, 30_000))
            for attempt in range(2):
                try:
                    writer.flush()
                except OSError as error:
                    print(error)
            try:
                writer.append("circuit", 0, "segments", segments(3, 1))
                writer.set_subject("circuit", 0, status="failed")
                writer.set_status("failed")
            except OSError as error:
                print(error)
        print("closed")
        """,
        tmp_path / "run.h5",
        more,
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{tmp_path / 'run.h5'} can no longer be written: File too large\n" * 3 + "closed\n"
    assert check_spikes(tmp_path / "run.h5") == [1000, 0]
    assert check_segments(tmp_path / "run.h5") == 3
    with RecordingWriter.resume(tmp_path / "run.h5") as writer:
        writer.append("circuit", 0, "spikes/C", spikes(1000, 30_000))
    assert check_spikes(tmp_path / "run.h5") == [31_000, 0]


def test_a_killed_run_leaves_the_first_rows(tmp_path):
    outcome = run(
        """
        stream_layout.BLOCK_BYTES = 4000
        writer_module.BUFFERED_PIECES = 3
        os.fsync = lambda descriptor: None  # what a killed process has written is not lost
        draw = random.Random(5)
        for trial in range(int(sys.argv[2])):
            path = Path(sys.argv[1]) / f"run{trial}.h5"
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                writer = create(path, [SPIKES, SEGMENTS])
                for number in range(100_000):
                    writer.append("circuit", number % 2, "spikes/C", spikes(number // 2 * 100, 100))
                    writer.append("circuit", 0, "segments", segments(number, 1))
                    if number == 20:
                        os.write(writing, b".")
            os.read(reading, 1)
            time.sleep(draw.uniform(0, .15))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            rows = check_spikes(path)
            assert min(rows) > 0, rows
            kept, events = min(rows) // 2, check_segments(path) // 2
            with RecordingWriter.resume(path) as writer:
                for subject in range(2):
                    named = {"spikes/C": kept, **({} if subject else {"segments": events})}
                    writer.truncate("circuit", subject, named)
                    writer.append("circuit", subject, "spikes/C", spikes(kept, 5000))
                writer.append("circuit", 0, "segments", segments(events, 7))
            assert check_spikes(path) == [kept + 5000] * 2
            assert check_segments(path) == events + 7
            print("opened", rows)
        """,
        tmp_path,
        6,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stdout.count("opened") == 6
