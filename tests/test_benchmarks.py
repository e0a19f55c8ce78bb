"""The benchmark script: each measurement once at tiny sizes, and that a measurement tells what there is."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
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


@pytest.fixture(scope="module")
def deep_speed(speed: ModuleType) -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        import deep_speed
    finally:
        sys.path.remove(str(FOLDER))
    return deep_speed


@pytest.fixture(scope="module")
def circuit_speed(speed: ModuleType) -> Iterator[ModuleType]:
    import brian2

    sys.path.insert(0, str(FOLDER))
    try:
        import circuit_speed
    finally:
        sys.path.remove(str(FOLDER))
    before = brian2.prefs["codegen.target"], brian2.defaultclock.dt
    yield circuit_speed
    brian2.prefs["codegen.target"], brian2.defaultclock.dt = before  # a plain Brian2 script sets them for good


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


CIRCUIT_UNITS = {
    "brian2": ["×", "×", "×", "Hz"],
    "phases": ["×", "ms"],
    "compiling": ["modules", "modules", "modules", "s", "s", "s"],
    "memory": ["×"],
    "consolidation": ["s", "s", "s", "MiB"],
}


@pytest.mark.parametrize("name", CIRCUIT_UNITS)
def test_every_measurement_of_circuits_finds_a_number(circuit_speed: ModuleType, name: str) -> None:
    lines = circuit_speed.MEASUREMENTS[name](circuit_speed.QUICK)
    assert [line.unit for line in lines] == CIRCUIT_UNITS[name]
    for line in lines:
        if line.unit == "modules":
            assert line.measured == 0  # NumPy compiles nothing
        elif line.at_most is not None:
            assert 0 < line.measured < np.inf
        else:
            assert np.isfinite(line.measured)


def test_every_measurement_of_circuits_is_tested(circuit_speed: ModuleType) -> None:
    assert set(circuit_speed.MEASUREMENTS) == set(CIRCUIT_UNITS)


def test_the_network_written_by_hand_does_what_the_circuit_does(circuit_speed: ModuleType) -> None:
    import brian2

    networks = sys.modules["same_network"]
    sizes = networks.Sizes(excitatory=300, inhibitory=60, in_degree=60)
    ours = networks.by_engram(sizes, "numpy")
    written = networks.by_hand(sizes, "numpy", ours)
    ours.run(1.5, seed=1)
    written.run(1.5 * brian2.second, namespace={})
    for name, size in (("E", 300), ("I", 60)):
        rate = written[f"spikes_of_{name}"].num_spikes / size
        assert ours.counts(name).mean() == pytest.approx(rate, rel=0.1)
    moved = ours.weights("E-E") - networks.INITIAL
    by_hand = np.array(written["E_E"].w) - networks.INITIAL
    assert np.quantile(moved, [0.05, 0.25, 0.75, 0.95]) == pytest.approx(
        np.quantile(by_hand, [0.05, 0.25, 0.75, 0.95]), rel=0.1, abs=5e-4
    )


def test_sides_take_turns_and_the_first_round_only_warms_up(circuit_speed: ModuleType) -> None:
    numbers = iter(range(6))
    a, b = (lambda: float(next(numbers)) for _ in range(2))
    assert circuit_speed.in_turns((a, b), rounds=2).tolist() == [[2, 4], [3, 5]]


def test_scaling_has_a_row_for_each_network_and_target_and_says_what_failed(circuit_speed: ModuleType) -> None:
    scaling = sys.modules["circuit_scaling"]
    rows = scaling.scaling(scaling.ScalingSizes(networks=((10, 30),), targets=("numpy", "abacus"), seconds=0.01))
    assert [row["target"] for row in rows] == ["numpy", "abacus"]
    assert rows[0]["run"] > 0
    assert rows[0]["memory"] > 50 * 2**20
    assert rows[1]["failed"] == "ended with 1"
    assert scaling.rows_table(rows).splitlines()[-1] == "| 10 | 30 | abacus | ended with 1 | | | |"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc, which only Linux has")
def test_a_program_is_watched_by_its_name(circuit_speed: ModuleType, tmp_path: Path) -> None:
    program = tmp_path / "busy-bee"
    program.symlink_to(sys.executable)
    count = "import os; x = bytearray(100 * 2**20)\nwhile sum(os.times()[:2]) < 0.5: pass"
    with sys.modules["circuit_scaling"].WatchedProgram("busy-bee") as watched:
        subprocess.run([program, "-c", count], check=True)
    assert 0.1 < watched.seconds < 1
    assert 100 < watched.memory / 2**20 < 200


@pytest.mark.parametrize("name", ["replay", "sleep", "starting"])
def test_every_measurement_of_deep_learners_finds_a_number(deep_speed: ModuleType, name: str) -> None:
    assert set(deep_speed.MEASUREMENTS) == {"replay", "sleep", "starting"}
    lines = deep_speed.MEASUREMENTS[name](deep_speed.QUICK)
    assert lines
    assert all(0 < line.measured < np.inf for line in lines)
