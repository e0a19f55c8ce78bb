"""What the default two-stage circuit is for, with one subject and one night; benchmarks/two_stage.py has all of it."""

import pytest

import engram as eg
from engram.analysis import metrics
from engram.protocols import ItemSpec, Protocol, probe, sleep, wake

CYCLES = {"cycles": 4, "stages": [{"nrem": "60 min"}, {"rem": "30 min"}]}


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    asked = probe("all", kind="cued", cue={"fraction": 0.5}, lesions=["none", "hippocampus"])
    schedule = [wake("all", exposures=3, order="shuffled"), asked, sleep(**CYCLES), asked]
    protocol = Protocol(name="one-night", items=ItemSpec(set="patterns", count=8), schedule=schedule)
    out = tmp_path_factory.mktemp("night") / "night.h5"
    return metrics(eg.run(protocol, ["two-stage", "two-stage-noiseless"], subjects=1, seed=11, out=out, threads=1))


@pytest.mark.slow
def test_the_cortex_learns_in_one_night_what_the_hippocampus_learned_in_a_day(found):
    before, after = found["two-stage"]["lesioned_recall"]
    assert 0.45 <= before <= 0.56
    assert after >= 0.65
    assert min(found["two-stage"]["intact_recall"]) >= 0.85


@pytest.mark.slow
def test_without_noise_nothing_replays_and_nothing_is_consolidated(found):
    assert found["two-stage-noiseless"]["lesioned_recall"][1] <= 0.56
    assert found["two-stage-noiseless"]["burst_rate"] == 0


@pytest.mark.slow
def test_bursts_replay_single_items_evenly_and_rem_scales_down(found):
    night = found["two-stage"]
    assert 2 <= night["burst_rate"] <= 7
    assert 40 <= night["burst_median_ms"] <= 120
    assert night["burst_match"] >= 0.85
    assert night["burst_match_null"] <= 0.2
    assert night["replay_cv"] <= 0.45
    assert -0.25 <= night["downscaling"] <= -0.1
