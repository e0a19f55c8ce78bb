"""The benchmark of the two-stage circuit: its sums, matching and comparisons, on numbers worked out by hand."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> dict[str, ModuleType]:
    sys.path.insert(0, str(FOLDER))
    try:
        import two_stage
        import two_stage_figures
        import two_stage_interference
        import two_stage_nights
        import two_stage_results
        import two_stage_variants
    finally:
        sys.path.remove(str(FOLDER))
    return {
        "main": two_stage,
        "figures": two_stage_figures,
        "interference": two_stage_interference,
        "nights": two_stage_nights,
        "results": two_stage_results,
        "variants": two_stage_variants,
    }


@pytest.mark.parametrize(
    ("value", "bounds", "bound", "verdict"),
    [
        (0.5, {"low": 0.45, "high": 0.56}, ".450 … .560", "holds"),
        (0.57, {"low": 0.45, "high": 0.56}, ".450 … .560", "**fails**"),
        (0.65, {"low": 0.65}, "≥ .650", "holds"),
        (0.57, {"high": 0.56}, "≤ .560", "**fails**"),
        (math.nan, {"low": 0.0}, "≥ 0", "not measured"),
        (None, {"low": 0.0}, "≥ 0", "not measured"),
        (0.3, {}, "", ""),
    ],
)
def test_a_criterion_holds_within_its_bounds(
    modules: dict[str, ModuleType], value: float | None, bounds: dict[str, float], bound: str, verdict: str
) -> None:
    criterion = modules["results"].Criterion(what="x", value=value, **bounds)
    assert (criterion.bound, criterion.verdict) == (bound, verdict)


def test_matching_finds_the_rate_of_a_power_law_and_keeps_what_it_tried(modules: dict[str, ModuleType]) -> None:
    found = modules["interference"].match(0.3, lambda rate: 2.0 * rate**0.5, first=0.001)
    assert found.rate == pytest.approx(0.0225, rel=0.05)  # 2 · sqrt(.0225) = .3
    assert found.tried[0][0] == 0.001
    assert len(found.tried) <= 5


def test_matching_that_saturates_takes_the_closest(modules: dict[str, ModuleType]) -> None:
    found = modules["interference"].match(0.5, lambda rate: min(rate, 0.4), first=0.1)
    assert min(found.tried[-1][1], 0.4) == 0.4
    assert found.rate >= 0.4


def test_synapses_of_a_list_have_both_cells_in_one_pattern(modules: dict[str, ModuleType]) -> None:
    assemblies = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]], dtype=bool)
    pre, post = np.array([0, 0, 1, 2, 0]), np.array([1, 2, 2, 3, 3])
    assert modules["interference"].own_synapses(pre, post, assemblies, range(2)).tolist() == [1, 0, 1, 0, 0]


def test_models_are_compared_where_b_gained_as_much(modules: dict[str, ModuleType]) -> None:
    """Mixed keeps 1, .8, .6 of A as B gains 0, .1, .2; flexible keeps .5 and .4 where B gained .05 and .1."""
    a = {"mixed": [0.5, 0.4, 0.3], "flexible": [0.4, 0.2, 0.16]}
    b = {"mixed": [0.0, 0.1, 0.2], "flexible": [0.01, 0.06, 0.11]}
    recall = {"mixed": [0.9, 0.8, 0.7], "flexible": [0.9, 0.6, 0.5]}
    rows = [
        (f"{kind}-10, overlap 0.2", 0, measure, block, value)
        for measure, values in (("excess of A", a), ("excess of B", b), ("lesioned recall of A", recall))
        for kind in ("mixed", "flexible")
        for block, value in enumerate(values[kind])
    ]
    table = pd.DataFrame(rows, columns=modules["results"].COLUMNS).sample(frac=1, random_state=0)
    found = modules["interference"].protection(table, 0.2, 10.0).iloc[0]
    assert found["gain of B"] == pytest.approx(0.1)  # the most that both reached
    assert (found["kept, mixed"], found["kept, flexible"]) == (pytest.approx(0.8), pytest.approx(0.4))
    assert found["recall of A, difference"] == pytest.approx(0.3)
    assert found["gain of B at the end, mixed"] == pytest.approx(0.2)
    one = modules["interference"].where_it_protects(pd.DataFrame([found]))[0]
    assert one.value == pytest.approx(0.4)
    assert "(1 of 1 subjects" in one.what


def test_downscaling_alone_is_geometric_where_the_gate_is_open(modules: dict[str, ModuleType]) -> None:
    before, initial = np.array([0.52, 0.22]), np.array([0.02, 0.02])
    left = modules["nights"].predicted(before, initial, np.ones(2))
    share = (left - initial) / (before - initial)
    assert share == pytest.approx([(1 - 0.12 * 0.1) ** 50] * 2)  # .12 per s, 50 steps of .1 s in 2 h / 1440
    rigid = modules["nights"].predicted(before, initial, np.full(2, 0.2))
    assert (rigid - initial)[0] / 0.5 > (rigid - initial)[1] / 0.2 > share[1]  # spared: the more, the further away


def test_variants_change_what_they_say_and_nothing_else(modules: dict[str, ModuleType]) -> None:
    variants = modules["variants"]
    whole, quiet = variants.subject().spec(), variants.without_replay_noise().spec()
    nrem = next(state for state in quiet["circuit"]["states"] if state["name"] == "nrem")
    assert nrem["cells"]["H"].pop("sigma") == 0.0
    for state in whole["circuit"]["states"]:
        if state["name"] == "nrem":
            assert state["cells"]["H"].pop("sigma") > 0
    assert quiet == whole
    ordinary = variants.learner(variants.flexible(), eta=0.001, downscaling=False, gap="50 ms")
    rule = ordinary.circuit.projection("C-C").rule
    assert (rule.eta, rule.mechanisms, rule.stability.sample(3, np.random.default_rng(0)).tolist()) == (
        0.001,
        (),
        [1] * 3,
    )
    assert variants.learner(variants.mixed(10.0)) == variants.subject()


def test_report_fills_the_places_of_a_page(
    modules: dict[str, ModuleType], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = modules["results"]
    rows = pd.DataFrame(
        [("a", 0, "recall", 1, 0.6), ("a", 1, "recall", 1, 0.8)],
        columns=["condition", "subject", "measure", "at", "value"],
    )
    criteria = [results.Criterion(what="recall", value=0.7, low=0.65), results.Criterion(what="order", value=math.nan)]
    result = results.Result(part="replay", rows=rows, criteria=criteria, tables={"order": rows})
    result.save(tmp_path, results.Runs(folder=tmp_path, seed=7, subjects=2))
    kept = json.loads((tmp_path / "replay.json").read_text(encoding="utf-8"))
    (found,) = kept["summary"]
    assert (found["mean"], found["lowest"], found["highest"], found["subjects"]) == (0.7, 0.6, 0.8, 2)
    page = tmp_path / "page.md"
    page.write_text("# Page\n<!-- replay criteria -->\nold\n<!-- end of replay criteria -->\ntext\n", encoding="utf-8")
    modules["main"].main(["report", "--results", str(tmp_path), "--page", str(page)])
    assert page.read_text(encoding="utf-8").splitlines() == [
        "# Page",
        "<!-- replay criteria -->",
        "|  | found | bound |  |",
        "|---|---|---|---|",
        "| recall | .700 | ≥ .650 | holds |",
        "| order | – |  | not measured |",
        "<!-- end of replay criteria -->",
        "text",
    ]
    assert "| a | recall | 1 | .700 ± .141 | .600 … .800 | 2 |" in capsys.readouterr().out


def test_every_part_has_a_place_in_the_page(modules: dict[str, ModuleType]) -> None:
    page = (FOLDER.parent / "docs" / "two-stage.md").read_text(encoding="utf-8")
    for part in modules["main"].PARTS:
        assert f"<!-- {part} criteria -->" in page
    assert set(modules["main"].CAPTIONS) == set(modules["figures"].FIGURES)
    for name in modules["main"].CAPTIONS:
        assert f"<!-- {name} figure -->" in page
