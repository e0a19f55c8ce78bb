import numpy as np
import pandas as pd
import pytest
from scipy.optimize import curve_fit
from scipy.special import expit

from engram.analysis import hebb_slopes, onset

REPETITIONS = np.arange(1, 17)


def curves(values, **columns):
    values = np.atleast_2d(values)
    subjects, repetitions = values.shape
    return pd.DataFrame(
        {
            "subject": np.repeat(np.arange(subjects), repetitions),
            "repetition": np.tile(np.arange(1, repetitions + 1), subjects),
            "score": values.ravel(),
            **columns,
        }
    )


def answered(chances, rng, items=8):
    """Proportions of 8 items that each come out by chance."""
    return rng.binomial(items, chances) / items


def test_slopes_are_those_of_a_line_through_each_subject():
    rng = np.random.default_rng(1)
    repeated, filler = rng.random((5, 16)), rng.random((5, 16))
    scores = pd.concat([curves(repeated, list_type="repeated"), curves(filler, list_type="filler")])
    table = hebb_slopes(scores.sample(frac=1, random_state=2))
    np.testing.assert_allclose(table["repeated"], np.polyfit(REPETITIONS, repeated.T, 1)[0])
    np.testing.assert_allclose(table["filler"], np.polyfit(REPETITIONS, filler.T, 1)[0])
    np.testing.assert_allclose(table["difference"], table["repeated"] - table["filler"])


def test_slopes_of_models_are_kept_apart():
    scores = pd.concat(
        curves([0.1, 0.1 + gain], model=model, list=kind)
        for model, kind, gain in (("a", "hebb", 0.2), ("a", "filler", 0.0), ("b", "hebb", 0.1), ("b", "filler", 0.3))
    )
    table = hebb_slopes(scores, by="list", repeated="hebb")
    assert table["model"].to_list() == ["a", "b"]
    np.testing.assert_allclose(table["difference"], [0.2, -0.2])


def test_slopes_that_cannot_be_are_refused_in_words():
    scores = pd.concat([curves([0.1, 0.2], list_type="repeated"), curves([0.1], list_type="filler")])
    with pytest.raises(ValueError, match="subject 0 has fewer than two repetitions"):
        hebb_slopes(scores)
    with pytest.raises(ValueError, match=r'list_type holds no "fillers".*Did you mean "filler"'):
        hebb_slopes(scores, filler="fillers")
    with pytest.raises(ValueError, match="scores has no column 'repetition'"):
        hebb_slopes(scores.drop(columns="repetition"))


def test_bic_of_a_step_by_hand():
    scores = np.array([0.25, 0.375, 0.25, 0.75, 0.875, 0.75, 0.875, 0.75])
    row = onset(curves(scores)).iloc[0]
    low, high = scores[:3].mean(), scores[3:].mean()
    residual = ((scores[:3] - low) ** 2).sum() + ((scores[3:] - high) ** 2).sum()
    assert row["kind"] == "abrupt"
    assert row["onset"] == 4
    np.testing.assert_allclose([row["before"], row["after"]], [low, high])
    assert row["bic_abrupt"] == pytest.approx(8 * np.log(residual / 8) + 4 * np.log(8))
    flat = ((scores - scores.mean()) ** 2).sum()
    assert row["bic_flat"] == pytest.approx(8 * np.log(flat / 8) + 2 * np.log(8))


def test_bic_of_a_line_and_of_a_logistic_are_those_of_other_fits():
    scores = 0.3 + 0.6 * expit((REPETITIONS - 8) / 2) + np.random.default_rng(3).normal(0, 0.03, 16)
    row = onset(curves(scores)).iloc[0]
    line = np.polyval(np.polyfit(REPETITIONS, scores, 1), REPETITIONS)
    assert row["bic_linear"] == pytest.approx(16 * np.log(((scores - line) ** 2).sum() / 16) + 3 * np.log(16))

    def logistic(x, low, rise, middle, scale):
        return low + rise * expit((x - middle) / scale)

    fitted, _ = curve_fit(logistic, REPETITIONS, scores, p0=(0.3, 0.6, 8, 2))
    residual = ((scores - logistic(REPETITIONS, *fitted)) ** 2).sum()
    best = 16 * np.log(residual / 16) + 5 * np.log(16)
    # the grid is fine enough for a tenth of a unit of BIC, and never better than the best fit
    assert best - 1e-9 <= row["bic_logistic"] <= best + 0.1


def test_a_perfect_fit_is_held_at_the_rounding_of_the_scores():
    row = onset(curves([0.25] * 4 + [0.75] * 4)).iloc[0]
    assert row["bic_abrupt"] == pytest.approx(8 * np.log(0.5**2 / 12) + 4 * np.log(8))


def test_abrupt_and_gradual_learners_are_told_apart():
    rng = np.random.default_rng(4)
    starts = rng.integers(4, 14, 300)
    abrupt = onset(curves(answered(np.where(starts[:, None] <= REPETITIONS, 0.9, 0.4), rng)))
    assert (abrupt["kind"] == "abrupt").mean() > 0.75
    assert (abs(abrupt["onset"] - starts) <= 1).mean() > 0.95
    assert abrupt["evidence"].median() > 2
    gradual = onset(curves(answered(np.tile(0.4 + 0.55 * (REPETITIONS - 1) / 15, (300, 1)), rng)))
    assert (gradual["kind"] == "gradual").mean() > 0.65
    assert gradual["evidence"].median() < -1
    flat = onset(curves(answered(np.full((300, 16), 0.5), rng)))
    assert (flat["kind"] == "flat").mean() > 0.78


def test_a_curve_that_falls_is_flat():
    row = onset(curves(np.linspace(0.9, 0.1, 10))).iloc[0]
    assert row["kind"] == "flat"
    assert np.isnan(row["onset"])
    assert np.isnan(row["before"])


def test_several_curves_of_a_subject_are_told_apart_by_a_column():
    scores = pd.concat(
        [curves([0.1] * 3 + [0.9] * 5, list_type="repeated"), curves([0.5, 0.4] * 4, list_type="filler")]
    )
    table = onset(scores, by=("list_type",))
    assert dict(zip(table["list_type"], table["kind"], strict=True)) == {"repeated": "abrupt", "filler": "flat"}
    with pytest.raises(ValueError, match="several scores of one repetition; say by="):
        onset(scores)


def test_curves_that_cannot_be_told_apart_are_refused_in_words():
    with pytest.raises(ValueError, match="scores have 5 repetitions; expected at least 6"):
        onset(curves(np.full(5, 0.5)))
    with pytest.raises(ValueError, match="a subject has no score of repetition 8"):
        onset(curves(np.random.default_rng(5).random((2, 8))).iloc[:-1])
