"""Creation that fails, disks that are full, and runs that are killed."""

import fcntl
import inspect
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from engram.data.recording import ModelLayout, RecordingWriter, SubjectLayout, creation, open_recording
from engram.data.recording.disk_file import DiskFile


def create(path, slots=3, probes=40, settings=None, overwrite=False):
    nothing = {column: [] for column in ("phase", "order", "item", "label", "wrong")}
    subjects = [SubjectLayout(seed="", items=["x"] * slots, presentations=nothing) for _ in range(2)]
    steps = np.arange(probes)
    words = [""] * probes
    texts = dict.fromkeys(("kind", "label", "list", "lesion"), words)
    numbers = dict.fromkeys(("index", "repetition", "start", "stop"), steps)
    return RecordingWriter.create(
        path,
        protocol="",
        seed=1,
        timeline={**texts, **numbers},
        probe_steps=steps,
        models={"m": ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=subjects, slots=slots)},
        settings=settings or {},
        overwrite=overwrite,
    )


# What the processes below begin with.
SETUP = f"""
import os, random, resource, signal, sys, time
import numpy as np
from engram.data.recording import ModelLayout, RecordingWriter, SubjectLayout, open_recording

{inspect.getsource(create)}
"""


def run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", SETUP + textwrap.dedent(script), *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "run.h5"
    path.write_text("precious")
    with pytest.raises(FileExistsError, match=r"run\.h5 exists: give another name, or --overwrite to replace it"):
        create(path)
    assert path.read_text() == "precious"
    create(path, overwrite=True).close()
    assert open_recording(path).status == "running"
    assert os.listdir(tmp_path) == ["run.h5"]


def test_a_recording_that_is_being_written_is_not_overwritten(tmp_path):
    with create(tmp_path / "run.h5"), pytest.raises(BlockingIOError, match="is being written by another process"):
        create(tmp_path / "run.h5", overwrite=True)
    assert open_recording(tmp_path / "run.h5").status == "running"


def test_of_two_creations_of_one_name_only_one_has_the_file(tmp_path, monkeypatch):
    """The second begins while the first is still being built: it may overwrite, but not what the other writes."""
    build, writers = creation.build, []

    def slowly(*parts, **named):
        monkeypatch.setattr(creation, "build", build)
        writers.append(create(tmp_path / "run.h5", overwrite=True))
        build(*parts, **named)

    monkeypatch.setattr(creation, "build", slowly)
    with pytest.raises(BlockingIOError, match=r"run\.h5 is being written by another process"):
        create(tmp_path / "run.h5", overwrite=True)
    (first,) = writers
    first.write_probe("m", [0], 0, np.ones((1, 3)))
    first.close()
    assert open_recording(tmp_path / "run.h5").performance()[0, 0, 0].values.tolist() == [1, 1, 1]
    assert os.listdir(tmp_path) == ["run.h5"]


def test_recordings_of_one_name_differ_in_when_they_were_created(tmp_path):
    created = set()
    for _ in range(3):
        with create(tmp_path / "run.h5", overwrite=True) as writer:
            created.add(writer.created)
        assert open_recording(tmp_path / "run.h5").log["created"] == writer.created
    assert len(created) == 3


def test_a_folder_is_no_place_for_a_recording(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder: give the name of a file"):
        create(tmp_path, overwrite=True)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "notes").write_text("x")
    with pytest.raises(OSError, match=r"the recording .*run\.h5 cannot be created"):
        create(tmp_path / "notes" / "run.h5")


def test_a_failed_creation_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "run.h5"
    path.write_text("precious")
    with pytest.raises(TypeError, match="JSON"):
        create(path, settings={"not json": object()}, overwrite=True)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["run.h5"]


def one_subject():
    return SubjectLayout(
        seed="", items=["x"], presentations={c: [] for c in ("phase", "order", "item", "label", "wrong")}
    )


def test_what_a_killed_creation_left_is_swept_up(tmp_path):
    (tmp_path / ".run.h5.0123456789ab.partial").write_text("half")
    (tmp_path / ".other.h5.0123456789ab.partial").write_text("half")
    create(tmp_path / "run.h5").close()
    assert sorted(os.listdir(tmp_path)) == [".other.h5.0123456789ab.partial", "run.h5"]


def test_a_creation_that_still_goes_on_is_not_swept_up(tmp_path):
    other = DiskFile(tmp_path / ".run.h5.0123456789ab.partial", "x+b")
    other.lock()
    create(tmp_path / "run.h5").close()
    assert other.path.exists()
    other.close()


def test_a_file_that_comes_up_during_the_creation_is_kept(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    build = creation.build

    def slowly(*parts, **named):
        build(*parts, **named)
        path.write_text("precious")

    monkeypatch.setattr(creation, "build", slowly)
    with pytest.raises(FileExistsError, match=r"run\.h5 cannot be created: File exists"):
        create(path)
    assert path.read_text() == "precious"
    assert os.listdir(tmp_path) == ["run.h5"]


def test_a_recording_larger_than_the_disk_is_refused_at_once(tmp_path):
    with pytest.raises(OSError, match=r"needs [\d,]+ bytes and the disk has [\d,]+ free"):
        create(tmp_path / "run.h5", slots=20_000, probes=100_000)
    assert os.listdir(tmp_path) == []


def test_a_read_only_folder(tmp_path):
    outcome = run(
        """
        if os.geteuid() == 0:
            os.setuid(65534)  # permissions do not bind root
        try:
            create(sys.argv[1])
        except PermissionError as error:
            print(error)
        """,
        tmp_path / "run.h5",
    )
    tmp_path.chmod(0o555)
    assert f"the recording {tmp_path / 'run.h5'} cannot be created: Permission denied" in outcome.stdout, outcome.stderr
    tmp_path.chmod(0o755)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("limit", [0, 500, 5_000, 20_000, 30_000])
def test_a_disk_that_fills_up_during_creation(tmp_path, limit):
    (tmp_path / "run.h5").write_text("precious")
    outcome = run(
        """
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
        try:
            create(sys.argv[1], overwrite=True)
        except OSError as error:
            print(type(error).__name__, error)
        """,
        tmp_path / "run.h5",
        limit,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert outcome.stderr == ""
    assert outcome.stdout == f"OSError the recording {tmp_path / 'run.h5'} cannot be created: File too large\n"
    assert (tmp_path / "run.h5").read_text() == "precious"
    assert os.listdir(tmp_path) == ["run.h5"]


def test_a_disk_that_is_full(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24k", "tmpfs", disk]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        with pytest.raises(OSError, match=r"run\.h5 cannot be created: No space left on device"):
            create(disk / "run.h5", probes=10)
        assert os.listdir(disk) == []
    finally:
        subprocess.run(["umount", disk], check=True)


def test_a_disk_that_fails_during_the_run(tmp_path):
    """Every flush tells it, closing does not again; nothing more is written, also when there is room again."""
    outcome = run(
        """
        with create(sys.argv[1]) as writer:
            writer.write_probe("m", [0, 1], 0, np.full((2, 3), .5))
            writer.flush()
            resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
            writer.write_probe("m", [0, 1], 1, np.ones((2, 3)))
            for attempt in (writer.flush, writer.flush, lambda: writer.set_status("complete")):
                try:
                    attempt()
                except OSError as error:
                    print(error)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        writer.close()
        print("closed")
        """,
        tmp_path / "run.h5",
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{tmp_path / 'run.h5'} can no longer be written: File too large\n" * 3 + "closed\n"
    performance = open_recording(tmp_path / "run.h5").performance()[0, 0]
    assert performance[0].values.tolist() == [0.5] * 3
    assert performance[1].isnull().all()


def test_a_disk_that_fails_at_the_last_moment_is_told_by_close(tmp_path):
    outcome = run(
        """
        writer = create(sys.argv[1])
        writer.write_probe("m", [0, 1], 1, np.ones((2, 3)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (4_000, resource.RLIM_INFINITY))
        try:
            writer.close()
        except OSError as error:
            print(error)
        writer.close()
        """,
        tmp_path / "run.h5",
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert outcome.stdout == f"{tmp_path / 'run.h5'} can no longer be written: File too large\n"


def test_a_process_that_forgets_to_close_ends_well(tmp_path):
    outcome = run(
        """
        writer = create(sys.argv[1])
        writer.write_probe("m", [0, 1], 0, np.ones((2, 3)))
        writer.flush()
        """,
        tmp_path / "run.h5",
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
    assert (open_recording(tmp_path / "run.h5").performance()[0, :, 0] == 1).all()


def test_a_killed_run_leaves_rows_as_written_or_missing(tmp_path):
    """20 kills, 4 of them about the creation; each file opens, is resumed, and holds nothing else.

    The others wait until a random row was written, and the run waits a few rows on: how fast it is does not matter.
    """
    outcome = run(
        """
        from engram.data.recording import writer as writer_module
        writer_module.BUFFERED_ROWS = 7
        os.fsync = lambda descriptor: None  # what a killed process has written is not lost
        draw = random.Random(5)
        found = []
        for trial in range(20):
            path = f"{sys.argv[1]}/run{trial}.h5"
            seen, last = (draw.randrange(20, 350), 40) if trial % 5 else (0, 400)
            reading, writing = os.pipe()
            child = os.fork()
            if child == 0:
                with create(path, probes=400) as writer:
                    for row in range(400):
                        values = row + np.arange(6.).reshape(2, 3) / 8
                        counts = np.full((2, 3, 3), row) if row % 3 else None
                        writer.write_probe("m", [0, 1], row, values, counts)
                        writer.set_subject("m", row % 2, message="x" * (row % 500), sensitivity=float(row))
                        os.write(writing, b".")
                        if row == seen + last:
                            signal.pause()
                os._exit(0)
            os.close(writing)
            for _ in range(seen):
                os.read(reading, 1)
            time.sleep(draw.uniform(0, .01))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reading)
            if not os.path.exists(path):
                found.append("none")
                continue
            for attempt in range(2):
                recording = open_recording(path)
                performance = recording.performance().values[0]
                expected = np.arange(400)[None, :, None] + (np.arange(6) / 8).reshape(2, 1, 3)
                assert ((performance == expected) | np.isnan(performance)).all()
                responses = recording.responses().values[0]
                assert ((responses == np.arange(400)[None, :, None, None]) | (responses == -1)).all()
                assert set(recording.subjects()["status"]) == {"running"}
                RecordingWriter.resume(path).close()
            written = int((~np.isnan(performance[0, :, 0])).sum())
            found.append("all" if written == 400 else "some" if written else "blank")
        print(*found)
        """,
        tmp_path,
    )
    assert outcome.returncode == 0, outcome.stderr
    assert len(outcome.stdout.split()) == 20
    assert outcome.stdout.count("some") >= 16, outcome.stdout


def test_what_is_half_written_is_not_called_damaged_while_its_writer_lives(tmp_path):
    path = tmp_path / "run.h5"
    with create(path):
        pass
    path.write_bytes(path.read_bytes()[:3000])
    with path.open("rb") as writer:
        fcntl.flock(writer, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="being written by another process, and cannot be read at this moment"):
            open_recording(path)
    with pytest.raises(ValueError, match="damaged or cut short"):
        open_recording(path)
