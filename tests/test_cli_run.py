"""``engram run`` and ``engram resume``: results, exit codes, and what is refused in words."""

import contextlib
import json
import os
import resource
import subprocess

import h5py
import numpy as np
import pytest

from engram.data.recording import RecordingWriter, open_recording
from engram.sim.checkpoint import checkpoint_path

SMALL = ("--set", "hybrid.hidden=[8]", "--set", "hybrid.epochs_per_exposure=2", "--threads", 1, "--subjects", 2)


@pytest.fixture
def start(engram, tmp_path, tiny_file):
    """``engram run`` of a small hybrid network on the tiny protocol."""

    def run(*arguments, protocol=tiny_file, out=tmp_path / "run.h5"):
        return engram("run", protocol, "--models", "hybrid", *SMALL, "--out", out, *arguments)

    return run


@contextlib.contextmanager
def largest_file(size):
    """A disk on which no file can grow beyond a size."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def interrupted(start, monkeypatch):
    """A run that stopped at the tenth piece of work, after a checkpoint of the ninth."""
    from engram.sim.progress import Lines

    pieces = []

    def work(*_):
        pieces.append(1)
        if len(pieces) == 10:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lines, "work", work)
        return start("--checkpoint-every", 0)


def test_a_run_prints_what_came_out_and_where_it_is(start, tmp_path):
    result = start("--seed", 3)
    assert result.exit_code == 0
    assert result.stderr == ""
    lines = result.stdout.splitlines()
    assert lines[0] == "tiny, seed 3: complete"
    assert lines[1].split() == ["mean", "over", "subjects", "hybrid", "(n=2)"]
    assert lines[-1] == f"recording: {tmp_path / 'run.h5'}"
    recording = open_recording(tmp_path / "run.h5")
    assert (recording.status, recording.seed, len(recording.subjects())) == ("complete", 3, 2)
    assert recording.models["hybrid"].spec["hidden"] == [8]
    assert not checkpoint_path(tmp_path / "run.h5").exists()


def test_the_command_line_and_python_give_the_same_bits(start, tiny_file, tmp_path, contents):
    from engram.models.registry import model
    from engram.sim import run

    start("--seed", 3)
    network = {"hybrid": model("hybrid", hidden=(8,), epochs_per_exposure=2)}
    run(tiny_file, network, subjects=2, seed=3, threads=1, out=tmp_path / "python.h5")
    assert contents(tmp_path / "run.h5") == contents(tmp_path / "python.h5")


def test_quiet_says_nothing(start):
    result = start("--quiet")
    assert (result.exit_code, result.output) == (0, "")


def test_the_default_place(engram, tiny_file, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = engram("run", tiny_file, "--models", "hybrid", *SMALL)
    assert result.stdout.splitlines()[-1] == "recording: runs/tiny.h5"
    assert open_recording("runs/tiny.h5").status == "complete"


def test_an_interrupted_run_says_how_to_go_on(interrupted, engram, start, tmp_path, contents):
    out = tmp_path / "run.h5"
    assert interrupted.exit_code == 130
    assert interrupted.stderr == f"engram: stopped; go on from the last checkpoint with: engram resume {out}\n"
    again = engram("resume", out)
    assert again.exit_code == 0
    assert again.stdout.splitlines()[-1] == f"recording: {out}"
    start(out=tmp_path / "whole.h5")
    assert contents(out) == contents(tmp_path / "whole.h5")
    complete = engram("resume", out)
    assert (complete.exit_code, complete.stderr) == (2, f"engram: {out} is complete: there is nothing to resume\n")


def test_a_model_whose_subjects_all_stop(engram, tiny_file, tmp_path):
    out = tmp_path / "run.h5"
    models = ("--models", "wild=conventional,hybrid", "--set", "wild.learning_rate=1e30", "--set", "wild.hidden=[8]")
    result = engram("run", tiny_file, *models, *SMALL, "--out", out)
    assert result.exit_code == 1
    said = result.stderr.splitlines()
    assert said[0].startswith("wild, subject 0: loss was not finite in phase 0 (repetition), presentation 1, epoch ")
    assert said[-1] == f"engram: every subject of wild stopped; `engram show {out}` says why"
    assert "tiny, seed 0: failed" in result.stdout
    assert open_recording(out).models["hybrid"].statuses == ("complete", "complete")
    shown = engram("show", out)
    assert shown.exit_code == 0
    assert shown.stdout.count("loss was not finite") == 2
    again = engram("resume", out)
    assert again.exit_code == 2
    assert "every subject of a model stopped, and would stop again" in again.stderr


REFUSED = {
    "unknown protocol": (
        ["hebb-repetitoin"],
        'no protocol is named "hebb-repetitoin"',
        'Did you mean "hebb-repetition"?',
    ),
    "no such file": (["nothing/here.yaml"], "there is no file nothing/here.yaml", ""),
    "a folder": (["."], ". is a folder; expected a protocol file (.yaml)", ""),
    "unknown model": (["TINY", "--models", "hybird"], 'unknown model "hybird"', 'Did you mean "hybrid"?'),
    "no model": (["TINY", "--models", ","], "--models: found ','", "such as conventional,hybrid"),
    "a model twice": (["TINY", "--models", "hybrid,hybrid"], '"hybrid" is there twice', "hybrid2=hybrid"),
    "unknown items": (["TINY", "--items", "digit-pears"], 'no item set "digit-pears"', 'Did you mean "digit-pairs"?'),
    "unknown parameter": (["TINY", "--set", "hybrid.hiden=[8]"], "hiden: found [8]", 'Did you mean "hidden"?'),
    "wrong type": (["TINY", "--set", "hybrid.hidden=wide"], "hidden: found 'wide'", "should be a valid tuple"),
    "impossible value": (["TINY", "--set", "hybrid.learning_rate=-1"], "learning_rate: found -1", "greater than 0"),
    "not a number": (["TINY", "--set", "hybrid.learning_rate=NaN"], "learning_rate: found nan", ""),
    "unknown word": (["TINY", "--set", "hybrid.rule=gates"], "rule: found 'gates'", "'gate' or 'rate'"),
    "model not in the run": (["TINY", "--set", "stable.hidden=[8]"], '"stable" is not a model of this run', ""),
    "misspelt model": (["TINY", "--set", "hybird.hidden=[8]"], '"hybird" is not a model', 'Did you mean "hybrid"?'),
    "no value": (["TINY", "--set", "hybrid.hidden"], "expected MODEL.PARAMETER=VALUE", "hybrid.sensitivity=3e3"),
    "no model named": (["TINY", "--set", "hidden=[8]"], "expected MODEL.PARAMETER=VALUE", ""),
    "bottomless": (["TINY", "--set", "hybrid.hidden=" + "[" * 100_000], "hidden: found '[[[", ""),
    "huge number": (["TINY", "--set", "hybrid.kappa=" + "9" * 5000], "kappa: found", ""),
    "no subjects": (["TINY", "--subjects", "0"], "subjects: found 0", "from 1 to 100000"),
    "negative subjects": (["TINY", "--subjects", "-4"], "subjects: found -4", ""),
    "half a subject": (["TINY", "--subjects", "2.5"], "--subjects", ""),
    "negative seed": (["TINY", "--seed", "-1"], "seed: found -1", ""),
    "no threads": (["TINY", "--threads", "0"], "threads: found 0", ""),
    "negative time": (["TINY", "--checkpoint-every", "-1"], "--checkpoint-every", ""),
    "unknown device": (["TINY", "--device", "abacus"], 'unknown device "abacus"', "cpu, cuda, or cuda:N"),
    "device not there": (["TINY", "--device", "cuda:77"], 'device "cuda:77" is not there', "try cpu"),
    "ability": (["hebb-and-fillers"], "needs what the model", '"recall"'),
    "unknown option": (["TINY", "--sujects", "3"], "--sujects", ""),
    "no data there": (["TINY", "--items", "images", "--data", "nowhere"], "nowhere", ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_told_and_nothing_is_written(engram, tiny_file, tmp_path, monkeypatch, case):
    arguments, *words = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    arguments = [tiny_file if argument == "TINY" else argument for argument in arguments]
    result = engram("run", "--models", "hybrid", "--out", "run.h5", *arguments)
    assert result.exit_code == 2, result.output
    for word in words:
        assert word in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert os.listdir(tmp_path) == ["tiny.yaml"]


def test_other_items_cannot_teach_where_there_is_one_other(engram, tmp_path):
    (tmp_path / "two.yaml").write_text("name: two\nitems: {count: 2}\nschedule: [wake: all, probe: all]\n")
    result = engram("run", tmp_path / "two.yaml", "--models", "hybrid", "--out", tmp_path / "run.h5")
    assert result.exit_code == 2
    assert "non-target images need at least 3 items" in result.stderr
    assert os.listdir(tmp_path) == ["two.yaml"]


def test_what_is_there_is_overwritten_only_when_asked(start, tmp_path):
    out = tmp_path / "run.h5"
    out.write_text("precious")
    result = start()
    assert result.exit_code == 2
    assert f"{out} exists; give another name, or --overwrite" in result.stderr
    assert out.read_text() == "precious"
    assert start("--overwrite").exit_code == 0
    assert open_recording(out).status == "complete"


def test_output_paths_that_are_no_place_for_a_file(start, tmp_path, tiny_file):
    (tmp_path / "folder").mkdir()
    folder = start("--overwrite", out=tmp_path / "folder")
    assert (folder.exit_code, folder.stderr.count("is a folder; give the name of a file")) == (2, 1)
    below = start(out=tiny_file / "run.h5")
    assert (below.exit_code, below.stderr) == (
        1,
        f"engram: {tiny_file}/run.h5 cannot be created: {tiny_file} is not a folder\n",
    )
    assert sorted(os.listdir(tmp_path)) == ["folder", "tiny.yaml"]


@pytest.fixture
def read_only(tmp_path):
    """A folder that not even root can write to."""
    folder = tmp_path / "readonly"
    folder.mkdir()
    made = subprocess.run(["chattr", "+i", folder], capture_output=True, check=False) if os.geteuid() == 0 else None
    if made is None:
        folder.chmod(0o555)
    elif made.returncode != 0:
        pytest.skip("no folder can be made immutable here")
    yield folder
    folder.chmod(0o755) if made is None else subprocess.run(["chattr", "-i", folder], check=True)


def test_a_read_only_folder(start, read_only):
    result = start(out=read_only / "run.h5")
    told = f"engram: {read_only}/run.h5 cannot be created: the folder {read_only} is read-only\n"
    assert (result.exit_code, result.stderr) == (1, told)


def test_a_disk_that_is_full_from_the_start(start, tmp_path):
    with largest_file(5_000):
        result = start()
    assert result.exit_code == 1
    assert result.stderr == f"engram: the recording {tmp_path / 'run.h5'} cannot be created: File too large\n"
    assert os.listdir(tmp_path) == ["tiny.yaml"]


def test_a_disk_that_is_too_full_for_a_checkpoint(start, engram, tmp_path, contents):
    """The run stops, says so, and goes on from its last checkpoint when there is room."""
    out = tmp_path / "run.h5"
    protocol = tmp_path / "short.yaml"
    protocol.write_text("name: short\nitems: {count: 3, train: 12, test: 6}\nschedule: [wake: all, probe: all]\n")
    wide = ("--set", "hybrid.hidden=[64]", "--checkpoint-every", 0)
    start(*wide, protocol=protocol, out=tmp_path / "whole.h5")  # its features are kept for the next
    with largest_file((tmp_path / "whole.h5").stat().st_size + 1000):
        result = start(*wide, protocol=protocol)
    assert result.exit_code == 1
    told, _, after = result.stderr.partition("; the last one is kept; ")
    assert told == f"engram: cannot write the checkpoint {checkpoint_path(out)}: File too large"
    assert after.startswith(f"{out} holds what was recorded until then: once the cause is gone, engram resume {out}")
    assert sorted(os.listdir(tmp_path)) == ["run.h5", "run.h5.checkpoint", "short.yaml", "tiny.yaml", "whole.h5"]
    assert engram("resume", out).exit_code == 0
    assert contents(out) == contents(tmp_path / "whole.h5")


# resume -----------------------------------------------------------------------------------------------------------


def nonsense(folder):
    """Files that are no recordings, and what is said of them."""
    made = {"empty.h5": b"", "text.h5": b"name: tiny\n", "signature.h5": b"\x89HDF\r\n\x1a\n" + b"x" * 500}
    for name, content in made.items():
        (folder / name).write_bytes(content)
    with h5py.File(folder / "other.h5", "w") as file:
        file["numbers"] = np.arange(3)
    (folder / "folder.h5").mkdir()
    return {
        "missing.h5": "there is no such recording",
        "empty.h5": "is empty",
        "text.h5": "is not an HDF5 file",
        "signature.h5": "the recording is damaged or cut short",
        "other.h5": "is an HDF5 file but not an engram recording",
        "folder.h5": "is a folder",
    }


@pytest.mark.parametrize("command", ["resume", "show", "plot"])
def test_what_is_no_recording_is_told(engram, tmp_path, command):
    for name, words in nonsense(tmp_path).items():
        before = sorted(os.listdir(tmp_path))
        result = engram(command, tmp_path / name)
        assert (result.exit_code, result.stdout) == (2, ""), name
        assert result.stderr.startswith(f"engram: {tmp_path / name}"), name
        assert words in result.stderr
        assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize("command", ["resume", "show", "plot"])
def test_a_recording_cut_short_is_told(interrupted, engram, tmp_path, command):
    out = tmp_path / "run.h5"
    whole = out.read_bytes()
    for size in (100, 3000, len(whole) // 2):
        out.write_bytes(whole[:size])
        before = sorted(os.listdir(tmp_path))
        result = engram(command, out)
        assert (result.exit_code, result.stdout) == (2, ""), size
        assert str(out) in result.stderr
        assert sorted(os.listdir(tmp_path)) == before


def test_a_damaged_checkpoint_is_told(interrupted, engram, tmp_path):
    path = checkpoint_path(tmp_path / "run.h5")
    path.write_bytes(b"PK nonsense")
    result = engram("resume", tmp_path / "run.h5")
    assert result.exit_code == 2
    assert f"the checkpoint {path} is damaged" in result.stderr


def test_a_recording_that_another_process_writes(interrupted, engram, start, tmp_path):
    with RecordingWriter.resume(tmp_path / "run.h5"):
        result = engram("resume", tmp_path / "run.h5")
        replaced = start("--overwrite")
    told = f"engram: {tmp_path / 'run.h5'} is being written by another process: wait for it or stop it\n"
    assert (result.exit_code, result.stderr) == (1, told)
    assert (replaced.exit_code, replaced.stderr) == (1, told)


def test_a_running_recording_is_shown(interrupted, engram, tmp_path):
    result = engram("show", tmp_path / "run.h5")
    assert result.exit_code == 0
    assert result.stdout.startswith("tiny, seed 0: running\n")
    found = json.loads(engram("show", tmp_path / "run.h5", "--json").stdout)
    assert found["status"] == "running"


def test_an_error_that_nobody_thought_of_is_one_line(engram, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise AttributeError("no such\nthing")

    monkeypatch.setattr("engram.sim.resume", broken)
    with pytest.raises(AttributeError):
        engram("resume", tmp_path / "run.h5")
    monkeypatch.delenv("ENGRAM_TRACEBACK")
    result = engram("resume", tmp_path / "run.h5")
    told = "unexpected error: AttributeError: no such thing; run again with ENGRAM_TRACEBACK=1 for the traceback"
    assert (result.exit_code, result.stdout, result.stderr) == (1, "", f"engram: {told}\n")


def test_memory_that_runs_out_is_told_in_one_line(start, monkeypatch):
    torch = pytest.importorskip("torch")

    def full(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 99 GiB.\nMore about it")

    monkeypatch.setattr("engram.sim.metaplastic_session.MetaplasticSession.wake", full)
    result = start()
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "engram: there is not enough memory (CUDA out of memory. Tried to allocate 99 GiB.)"
    )
    assert "lower chunk (subjects simulated together), batch_size or hidden" in result.stderr
    assert result.stderr.count("\n") == 1


def test_resume_finds_images_that_have_moved(engram, tmp_path, monkeypatch):
    asked = {}
    monkeypatch.setattr("engram.sim.resume", lambda path, **options: asked.update(options) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        engram("resume", tmp_path / "run.h5", "--data", "moved")
    assert asked["data"].name == "moved"


@pytest.fixture
def broken_package(monkeypatch):
    """A model and an item set of an installed package that cannot be loaded."""
    from importlib import metadata

    from engram.data import item_sets
    from engram.models import registry

    def found(group):
        return [*metadata.entry_points(group=group), metadata.EntryPoint("aardvark", "not.there:At_All", group)]

    for module in (registry, item_sets):
        monkeypatch.setattr(module, "entry_points", found)


@pytest.mark.parametrize(("what", "other"), [("models", "hybrid"), ("items", "digit-pairs")])
def test_a_broken_package_does_not_hide_the_others(engram, broken_package, what, other):
    result = engram("list", what)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "cannot be used (" in lines["aardvark"]
    assert "No module named 'not'" in lines["aardvark"]
    assert "cannot" not in lines[other]


def test_a_broken_package_does_not_stop_a_resume(broken_package, recwarn, monkeypatch):
    from engram.models import registry

    spec = registry.model("hybrid").spec()
    monkeypatch.setattr(registry, "_kinds", {})
    assert registry.model_from_spec(spec) == registry.model("hybrid")
    assert not recwarn.list
    with (
        pytest.warns(UserWarning, match='the model "aardvark" cannot be used: ModuleNotFoundError'),
        pytest.raises(ValueError, match='kind "mine" is not known'),
    ):
        registry.model_from_spec({"kind": "mine"})
