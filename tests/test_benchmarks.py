"""The benchmark script: each measurement once at tiny sizes, and that a measurement tells what there is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def speed() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        import speed
    finally:
        sys.path.remove(str(FOLDER))
    return speed


@pytest.fixture(scope="module")
def measuring(speed: ModuleType) -> ModuleType:
    return sys.modules["measuring"]


UNITS = {
    "gate": ["×", "×", "×", "bytes"],
    "batching": ["×", "×"],
    "recording": ["×"],
    "memory": ["×", "ms", "ms"],
    "start-up": ["s", "s"],
    "run": ["s"],
    "rates": ["rows/s", "ms", "images/s"],
}


@pytest.mark.parametrize("name", UNITS)
def test_every_measurement_finds_a_number(speed: ModuleType, measuring: ModuleType, name: str) -> None:
    lines = speed.MEASUREMENTS[name](measuring.QUICK)
    assert [line.unit for line in lines] == UNITS[name]
    for line in lines:
        if line.measured is None:
            assert line.spread in ("no CUDA device", "the extra features is not installed")
        elif line.unit == "bytes":
            assert line.measured == 0
        else:
            assert 0 < line.measured < np.inf


def test_every_measurement_is_tested(speed: ModuleType) -> None:
    assert set(speed.MEASUREMENTS) == set(UNITS)


def test_ratio_of_work_to_half_the_work_is_two(measuring: ModuleType) -> None:
    clock = iter(np.cumsum([0, 6, 0, 3, 0, 6, 0, 3]).astype(float))  # start and stop of A, B, A, B
    done = {"whole": 0, "half": 0}

    def whole(times: int) -> None:
        done["whole"] += times

    def half(times: int) -> None:
        done["half"] += times

    seconds = measuring.interleaved((whole, half), rounds=2, times=3, clock=lambda: next(clock))
    assert seconds.tolist() == [[2, 1], [2, 1]]
    assert done == {"whole": 7, "half": 7}  # once to warm up, then three times in each of two rounds
    line = measuring.ratio("whole / half", *seconds.T, at_most=1.1)
    assert (line.measured, line.verdict, line.spread) == (2, "missed", "2.000 … 2.000; 2,000 and 1,000 ms")


def test_ratio_is_the_median_over_rounds_and_not_the_ratio_of_sums(measuring: ModuleType) -> None:
    line = measuring.ratio("a / b", np.array([1.0, 2.0, 90.0]), np.array([1.0, 1.0, 10.0]))
    assert line.measured == 2
    assert line.spread.startswith("1.000 … 9.000")


def test_a_side_works_long_enough(measuring: ModuleType) -> None:
    ticks = iter([10.0, 10.5])
    assert measuring.enough(lambda times: None, 2.0, clock=lambda: next(ticks)) == 4
    assert measuring.enough(lambda times: time.sleep(0), 0.0) == 1


def test_tensors_that_are_allocated_are_found(measuring: ModuleType) -> None:
    import torch

    x = torch.ones(1000)
    assert measuring.tensor_bytes_allocated(lambda: x + x) == 4000
    assert measuring.tensor_bytes_allocated(lambda: x.add_(x).mul_(0.5)) == 0


def test_peak_memory_is_that_of_the_process_alone_and_remembers_what_was_given_back() -> None:
    mebibyte = 2**20
    held_by_the_parent = np.ones(300 * mebibyte, np.uint8)
    code = (
        f"import sys; sys.path.insert(0, {str(FOLDER)!r}); import measuring, numpy; "
        f"before = measuring.peak_memory_bytes(); "
        f"numpy.ones(100 * {mebibyte}, numpy.uint8); print(before, measuring.peak_memory_bytes())"
    )
    found = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout
    before, peak = (int(word) / mebibyte for word in found.split())
    assert before < 150 < held_by_the_parent.nbytes / mebibyte
    assert peak - before == pytest.approx(100, abs=5)


@pytest.mark.parametrize(
    ("measured", "target", "verdict"),
    [
        (1.1, {"at_most": 1.1}, "met"),
        (1.11, {"at_most": 1.1}, "missed"),
        (0.95, {"at_least": 0.95}, "met"),
        (0.94, {"at_least": 0.95}, "missed"),
        (float("nan"), {"at_most": 1.1}, "missed"),
        (None, {"at_least": 8.0}, "not measured"),
        (3.0, {}, ""),
    ],
)
def test_verdict(measuring: ModuleType, measured: float | None, target: dict[str, float], verdict: str) -> None:
    assert measuring.Line(what="a / b", measured=measured, unit="×", **target).verdict == verdict


@pytest.mark.parametrize(("options", "code"), [([], 0), (["--strict"], 1)])
def test_a_missed_target_is_said_and_kept_and_fails_where_asked(
    speed: ModuleType,
    measuring: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    code: int,
) -> None:
    line = measuring.Line(what="slow / fast", measured=12345.6, unit="×", at_most=1.1, spread="wide")
    monkeypatch.setattr(speed, "MEASUREMENTS", {"one": lambda sizes: [line]})
    assert speed.main(["--quick", "--out", str(tmp_path), *options]) == code
    row = "| slow / fast | 12,346 × | ≤ 1.1  | missed | wide   |"
    assert row in capsys.readouterr().out.splitlines()
    assert row in (tmp_path / "speed.md").read_text(encoding="utf-8").splitlines()
    kept = json.loads((tmp_path / "speed.json").read_text(encoding="utf-8"))
    assert kept["lines"][0]["measured"] == 12345.6
    assert kept["lines"][0]["verdict"] == "missed"
    assert kept["machine"]["cores"] >= 1


def test_quick_sizes_and_single_measurements_leave_the_kept_table_alone(
    speed: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(speed, "RESULTS", tmp_path)
    monkeypatch.setattr(speed, "MEASUREMENTS", {"none": lambda sizes: []})
    assert speed.main(["--quick"]) == speed.main(["--only", "none"]) == 0
    assert not any(tmp_path.iterdir())
    assert speed.main([]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"speed.json", "speed.md"}
