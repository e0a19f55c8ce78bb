"""``engram show`` and ``engram plot``."""

import json
import os
import resource

import pytest

from engram.analysis import summary
from engram.data.recording import open_recording


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Bytes of the recording of a finished run; the first test that needs it makes it."""
    made = {}

    def run(protocol):
        if not made:
            from engram.models import Fixed, MetaplasticNetwork
            from engram.sim import run

            small = {"hidden": (8,), "epochs_per_exposure": 1, "batch_size": 8}
            models = {
                "conventional": MetaplasticNetwork(flexibility=Fixed(1.0), **small),
                "hybrid": MetaplasticNetwork(**small),
            }
            path = tmp_path_factory.mktemp("runs") / "tiny.h5"
            run(protocol, models, subjects=3, seed=4, threads=1, out=path)
            made["bytes"] = path.read_bytes()
        return made["bytes"]

    return run


@pytest.fixture
def recording(run_once, tiny_file, tmp_path):
    path = tmp_path / "tiny.h5"
    path.write_bytes(run_once(tiny_file))
    return path


def test_json_has_the_documented_keys(engram, recording):
    found = json.loads(engram("show", recording, "--json").stdout, parse_constant=lambda word: pytest.fail(word))
    assert {key: found[key] for key in ("format", "status", "protocol", "seed")} == {
        "format": "engram",
        "status": "complete",
        "protocol": "tiny",
        "seed": 4,
    }
    assert set(found) == {"format", "format_version", "status", "protocol", "seed", "models"}
    assert list(found["models"]) == ["conventional", "hybrid"]
    for model in found["models"].values():
        assert model["subjects"] == 3
        assert {
            "final_performance",
            "memorised",
            "average",
            "gross_memory",
            "minimum_by_repetition",
            "mean_by_repetition",
            "after_poisoning",
            "retained_after_poisoning",
        } <= set(model["metrics"])
        assert [len(model["metrics"][name]) for name in ("final_performance", "minimum_by_repetition")] == [3, 2]
    assert found == json.loads(json.dumps(summary(open_recording(recording))))


def test_what_is_shown_are_the_numbers_of_the_summary(engram, recording):
    result = engram("show", recording)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[:2] == ["tiny, seed 4: complete", f"{'mean over subjects':24}  conventional (n=3)  hybrid (n=3)"]
    metrics = summary(open_recording(recording))["models"]
    row = next(line for line in lines if line.startswith("average "))
    assert [float(cell) for cell in row.split()[1:]] == [round(m["metrics"]["average"], 3) for m in metrics.values()]
    place = next(k for k, line in enumerate(lines) if line.startswith("final_performance"))
    for line, model in zip(lines[place : place + 2], metrics.values(), strict=True):
        shown = [float(cell) for cell in line.split()[-3:]]
        assert shown == pytest.approx(model["metrics"]["final_performance"], abs=0.00501)


def test_long_rows_are_not_broken_in_a_file(engram, tmp_path, monkeypatch):
    """Thirty positions are one row, however narrow a terminal would be."""
    monkeypatch.setenv("COLUMNS", "40")
    protocol = tmp_path / "long.yaml"
    protocol.write_text("name: long\nitems: {count: 30, train: 4, test: 2}\nschedule: [wake: [0], probe: all]\n")
    small = ("--set", "hybrid.hidden=[4]", "--set", "hybrid.epochs_per_exposure=1", "--subjects", 1, "--threads", 1)
    result = engram("run", protocol, "--models", "hybrid", *small, "--out", tmp_path / "run.h5")
    row = next(line for line in result.stdout.splitlines() if line.startswith("final_performance"))
    assert len(row.split()) == 2 + 30


@pytest.mark.parametrize("command", ["show", "plot"])
def test_a_run_that_has_measured_nothing_yet(engram, recording, tmp_path, recwarn, command):
    import h5py
    import numpy as np

    with h5py.File(recording, "r+") as file:
        for subjects in (file[f"models/{name}/subjects"] for name in ("conventional", "hybrid")):
            for subject in subjects.values():
                for part in ("probes/performance", "curves/performance"):
                    subject[part][...] = np.nan
                for part in ("probes/responses", "probes/trials"):
                    subject[part][...] = -1
    result = engram(command, recording)
    assert (result.exit_code, result.stderr) == (0, "")
    assert [str(warning.message) for warning in recwarn] == []
    if command == "show":
        assert json.loads(engram("show", recording, "--json").stdout)["models"]["hybrid"]["metrics"]["average"] is None


SIGNATURES = {"png": b"\x89PNG", "pdf": b"%PDF", "svg": b"<?xml"}


@pytest.mark.parametrize("ending", SIGNATURES)
def test_figures_of_every_format(engram, recording, tmp_path, ending):
    result = engram("plot", recording, "-o", tmp_path / f"new/folder/figure.{ending}")
    assert (result.exit_code, result.stdout) == (0, f"figure: {tmp_path}/new/folder/figure.{ending}\n")
    assert (tmp_path / f"new/folder/figure.{ending}").read_bytes().startswith(SIGNATURES[ending])
    assert os.listdir(tmp_path / "new/folder") == [f"figure.{ending}"]


def test_the_default_figure_lies_beside_the_recording(engram, recording, tmp_path):
    assert engram("plot", recording).exit_code == 0
    first = (tmp_path / "tiny.png").read_bytes()
    again = engram("plot", recording)
    assert (again.exit_code, again.stderr.count("tiny.png exists; give another name")) == (2, 1)
    assert (tmp_path / "tiny.png").read_bytes() == first
    assert engram("plot", recording, "--overwrite").exit_code == 0


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("figure.pgn", 2, 'has the ending ".pgn"; known formats of figures: pdf, png or svg. Did you mean "png"?'),
        ("figure", 2, "figure has no ending; known formats"),
        ("tiny.h5", 2, 'tiny.h5 has the ending ".h5"'),
        (".", 2, "is a folder; give the name of a file"),
        ("tiny.yaml/figure.png", 1, "tiny.yaml/figure.png cannot be written: Not a directory"),
    ],
)
def test_places_that_cannot_hold_a_figure(engram, recording, tmp_path, name, code, words):
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    result = engram("plot", recording, "--out", tmp_path / name, "--overwrite")
    assert (result.exit_code, result.stdout) == (code, "")
    assert words in result.stderr
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_full_disk_leaves_no_half_figure(engram, recording, tmp_path):
    (tmp_path / "old.png").write_text("precious")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, hard))
    try:
        result = engram("plot", recording, "--out", tmp_path / "old.png", "--overwrite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert result.exit_code == 1
    assert result.stderr == f"engram: the figure {tmp_path / 'old.png'} cannot be written: File too large\n"
    assert (tmp_path / "old.png").read_text() == "precious"
    assert sorted(os.listdir(tmp_path)) == ["old.png", "tiny.h5", "tiny.yaml"]
