"""The benchmarks of models beside people, in small."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from engram.data.behaviour import dataset
from engram.protocols import load

FOLDER = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(scope="module")
def modules():
    sys.path.insert(0, str(FOLDER))
    try:
        import behaviour
        import behaviour_hebb
        import pages
    finally:
        sys.path.remove(str(FOLDER))
    return behaviour, behaviour_hebb, pages


@pytest.mark.parametrize("path", sorted((FOLDER / "protocols").glob("*.yaml")), ids=lambda path: path.stem)
def test_protocols_are_valid_and_called_like_their_files(path):
    assert load(path).name == path.stem.replace("_", "-")


def test_every_data_set_with_means_has_a_comparison(modules):
    behaviour, _, _ = modules
    compared = {comparison.dataset for comparison in behaviour.COMPARISONS}
    assert len(compared) >= 11
    assert {comparison.experiment.family for comparison in behaviour.COMPARISONS} == {"ordered", "deep", "circuit"}
    for comparison in behaviour.COMPARISONS:
        assert set(comparison.where) <= set(dataset(comparison.dataset).factors)


def test_one_comparison_from_its_run_to_its_lines(modules, tmp_path):
    behaviour, _, _ = modules
    experiment = behaviour.of("ordered", ("positional", "simple"), "spacing", 4)
    comparison = behaviour.Comparison(dataset="kahana-howard2005-spacing", experiment=experiment)
    table = pd.DataFrame(behaviour.rows_of(comparison, comparison.report(tmp_path, 5)))
    assert table["model"].tolist() == ["positional", "simple", "flat mean"]
    lines = behaviour.in_markdown(table).splitlines()
    assert lines[2].startswith("| kahana-howard2005-spacing | positional | ")
    assert len(lines) == 5
    before = (tmp_path / "ordered-spacing-5.h5").stat().st_mtime_ns
    comparison.report(tmp_path, 5)
    assert (tmp_path / "ordered-spacing-5.h5").stat().st_mtime_ns == before


def test_a_fit_to_hebb_learning_goes_from_candidates_to_held_out_cycles(modules, monkeypatch):
    _, hebb, _ = modules
    monkeypatch.setattr(hebb, "NETWORKS", (("flexible", 0.0), ("mixed", 0.1)))
    monkeypatch.setattr(hebb, "BEST", 1)
    found = hebb.search(2, 3)
    assert found["synapses"].tolist() == ["flexible"] * 2 + ["mixed"] * 2
    assert found["first four"].between(0, 1).all()
    table = hebb.held_out(found, 3, [7])
    assert set(table["split"]) == {"first four", "odd"}
    best = found[found["synapses"] == "mixed"]["odd"].min()
    assert table.query("split == 'odd' and synapses == 'mixed'")["fit"].item() == best
    assert set(hebb.in_markdown(table)) == {"hebb, first four", "hebb, odd"}


def test_candidates_lie_within_their_ranges_and_are_the_same_for_all(modules):
    _, hebb, _ = modules
    chosen = pd.DataFrame(hebb.candidates(16))
    for name, (low, high, _) in hebb.RANGES.items():
        assert chosen[name].between(low, high).all()
    assert chosen.equals(pd.DataFrame(hebb.candidates(16)))
    assert np.unique(chosen["noise"]).size == 16


def test_a_table_goes_to_its_place(modules, tmp_path):
    _, _, pages = modules
    page = tmp_path / "page.md"
    page.write_text("a\n<!-- t -->\nold\n<!-- end of t -->\nz\n")
    pages.put_into(page, {"t": "| \\1 |"})
    assert page.read_text() == "a\n<!-- t -->\n| \\1 |\n<!-- end of t -->\nz\n"
    with pytest.raises(ValueError, match="has no place for other"):
        pages.put_into(page, {"other": ""})
