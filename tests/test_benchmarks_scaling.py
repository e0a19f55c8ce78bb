"""What ImageNet costs on paper: by hand, and as the page has it."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def estimate():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        import scaling_estimate
    finally:
        sys.path.remove(str(ROOT / "benchmarks"))
    return scaling_estimate


def test_passes_are_those_of_the_papers_schedule(estimate):
    rows = {row.name: estimate.work_of(row) for row in estimate.ROWS}
    n = estimate.IMAGES / 10
    later = sum(range(2, 11))  # tasks seen in the nights after the first
    assert rows["braincl, cues of all"].whole == pytest.approx(n * (100 + 70 * later), rel=1e-5)
    assert rows["braincl, cues of all"].head == pytest.approx(n * later, rel=1e-5)
    assert rows["finetune"].passes == 70 * estimate.IMAGES
    assert rows["joint"].passes == pytest.approx(70 * n * (1 + later), rel=1e-5)
    assert rows["joint, once at the end, 100 epochs"].passes == 100 * estimate.IMAGES
    assert rows["er, 20 raw images a class"].recalled == pytest.approx(70 * 9 * n, rel=1e-5)
    exemplars = sum(20 * 100 * task for task in range(10))
    assert rows["icarl, 20 raw images a class"].whole == pytest.approx(70 * (10 * n + exemplars), rel=1e-5)


def test_work_is_counted_in_passes_of_the_whole_network(estimate):
    adds = estimate.multiply_adds()
    # By hand: positions × 25 × inputs × outputs of four transposed convolutions, and three normalisations.
    sides, widths = (16, 32, 64, 128), (192, 128, 128, 128, 3)
    decoder = sum(side**2 * 25 * a * b for side, a, b in zip(sides, widths[:-1], widths[1:], strict=True))
    decoder += sum(side**2 * 128**2 for side in sides[1:])
    assert adds["decode"] == decoder
    assert adds["lower"] + adds["upper"] == pytest.approx(adds["network"])
    finetune = next(row for row in estimate.ROWS if row.name == "finetune")
    assert estimate.in_passes(finetune) == pytest.approx(70 * estimate.IMAGES)


def test_the_page_has_what_the_estimate_says(estimate):
    page = (ROOT / "docs/scaling.md").read_text(encoding="utf-8")
    assert estimate.table(estimate.RATE) in page
    assert estimate.feeding(estimate.RATE) in page
