"""Distributions of flexibility against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from engram.models import Beta, Falling, Fixed, Rising, Uniform

CDF = {
    Uniform(): lambda x: x,
    Uniform(0.2, 0.6): lambda x: np.clip((x - 0.2) / 0.4, 0, 1),
    Rising(): lambda x: 0.5 * x**2 + 0.5 * x,
    Rising(0.0): lambda x: x**2,
    Rising(1.0): lambda x: x,
    Falling(): lambda x: 1 - (0.5 * (1 - x) ** 2 + 0.5 * (1 - x)),
    Beta(0.5, 0.5): stats.beta(0.5, 0.5).cdf,
}


@pytest.mark.parametrize("flexibility", CDF, ids=repr)
def test_samples_follow_the_distribution(flexibility: Uniform) -> None:
    sample = flexibility.sample((20_000,), np.random.default_rng(1))
    assert stats.kstest(sample, CDF[flexibility]).pvalue > 0.001
    assert sample.min() >= 0
    assert sample.max() <= 1


def test_falling_mirrors_rising() -> None:
    rising = Rising(0.3).sample((5, 4), np.random.default_rng(2))
    np.testing.assert_array_equal(Falling(0.3).sample((5, 4), np.random.default_rng(2)), 1 - rising)


def test_fixed_is_exact() -> None:
    assert (Fixed(0.3).sample((3, 2), np.random.default_rng(0)) == 0.3).all()


@pytest.mark.parametrize(
    "make", [lambda: Fixed(1.5), lambda: Uniform(0.7, 0.2), lambda: Beta(0, 1), lambda: Rising(-1)]
)
def test_impossible_parameters_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError):
        make()
