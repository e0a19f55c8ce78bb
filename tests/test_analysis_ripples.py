import numpy as np
import pandas as pd
import pytest

from engram.analysis import ripple_band

BURSTS = pd.DataFrame({"start": np.arange(60.0), "stop": np.arange(60.0) + 0.08})


def modulated(frequency, depth, rng, rate=2000.0):
    """Spikes of a population whose rate in each burst oscillates."""
    times = []
    for start in BURSTS["start"]:
        when = rng.uniform(0, 0.08, rng.poisson(rate * 0.08 * 2))
        kept = rng.random(when.size) < (1 + depth * np.sin(2 * np.pi * frequency * when + rng.uniform(0, 6))) / 2
        times.append(start + when[kept])
    return np.concatenate(times)


def test_an_oscillation_in_the_band_is_found():
    row = ripple_band(modulated(180, 0.8, np.random.default_rng(7)), 1e-4, BURSTS, rng=0).iloc[0]
    assert row["ripple"]
    assert row["frequency_hz"] == pytest.approx(180, abs=10)


@pytest.mark.parametrize("frequency", [20, 400])
def test_oscillations_outside_of_the_band_are_none(frequency):
    row = ripple_band(modulated(frequency, 0.8, np.random.default_rng(8)), 1e-4, BURSTS, rng=0).iloc[0]
    assert row["p"] > 0.01


def test_noise_has_a_uniform_p():
    p = [
        ripple_band(modulated(180, 0, np.random.default_rng(seed)), 5e-5, BURSTS.iloc[:10], rng=seed, shuffles=40)[
            "p"
        ].item()
        for seed in range(60)
    ]
    assert np.mean(np.array(p) < 0.05) <= 0.15
    assert np.mean(p) == pytest.approx(0.5, abs=0.13)


@pytest.mark.parametrize(("dt", "told"), [(1e-3, "1 ms"), (2e-4, "0.2 ms")])
def test_ripples_are_refused_where_the_step_cannot_show_them(dt, told):
    with pytest.raises(ValueError, match=f"not measurable at dt = {told}"):
        ripple_band([0.1], dt, BURSTS, rng=0)
    with pytest.raises(ValueError, match="no burst"):
        ripple_band([0.1], 1e-4, BURSTS.iloc[:0], rng=0)
