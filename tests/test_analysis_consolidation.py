import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.analysis import above_chance, compare_paired, consolidation_index, effect_size, recall_over_nights

NAN = np.nan


def timeline(kinds):
    return pd.DataFrame({"index": range(len(kinds)), "kind": kinds})


def table(values, phase, lesion, models=("two-stage",), chance=None):
    values = np.asarray(values, dtype=float)
    coords = {
        "model": list(models), "subject": np.arange(values.shape[1]), "item": np.arange(1, values.shape[3] + 1),
        "phase": ("probe", phase), "lesion": ("probe", lesion),
    }  # fmt: skip
    if chance is not None:
        coords["chance"] = ("model", list(chance))
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


NIGHTS = timeline(["wake", "probe", "probe", "sleep", "probe", "probe", "sleep", "probe", "probe"])
PHASE = [1, 2, 4, 5, 7, 8]
LESION = ["none", "hippocampus"] * 3
TWO = [
    [
        [[0.9, 0.9], [0.5, 0.5], [0.9, 0.9], [0.6, 0.8], [0.9, 0.9], [0.8, 0.8]],
        [[0.9, 0.7], [0.5, 0.5], [0.9, 0.9], [0.6, 0.6], [0.9, 0.9], [0.9, 0.9]],
    ]
]


def test_recall_by_night_and_lesion():
    found = recall_over_nights(table(TWO, PHASE, LESION), NIGHTS)
    assert found["night"].tolist() == [0, 0, 1, 1, 2, 2] * 2
    assert found["lesion"].tolist() == ["none", "hippocampus"] * 6
    np.testing.assert_allclose(found["recall"][:6], [0.9, 0.5, 0.9, 0.7, 0.9, 0.8])
    np.testing.assert_allclose(found["recall"][6:], [0.8, 0.5, 0.9, 0.6, 0.9, 0.9])


def test_an_item_is_read_at_the_last_probe_of_the_night_that_asked_for_it():
    values = [[[[0.1, NAN], [NAN, 0.4], [0.3, NAN]]]]  # two lists probed one after the other, the first twice
    found = recall_over_nights(table(values, [1, 2, 4], ["none"] * 3), timeline(["sleep"] + ["probe"] * 4))
    assert found[["night", "items"]].to_numpy().tolist() == [[1, 2]]
    assert found["recall"].item() == pytest.approx((0.3 + 0.4) / 2)


def test_rests_are_the_nights_of_a_protocol_without_sleep():
    values = [[[[0.9], [0.8]]]]
    awake = timeline(["probe", "rest", "probe"])
    assert recall_over_nights(table(values, [0, 2], ["none"] * 2), awake)["night"].tolist() == [0, 1]
    both = timeline(["probe", "rest", "probe", "sleep"])
    assert recall_over_nights(table(values, [0, 2], ["none"] * 2), both)["night"].tolist() == [0, 0][:1]


def test_models_keep_their_order_and_what_is_not_measured_has_no_row():
    values = np.concatenate([np.full((1, 1, 2, 1), 0.6), np.full((1, 1, 2, 1), NAN)])
    values[1, 0, 0] = 0.7
    found = recall_over_nights(
        table(values, [0, 2], ["none"] * 2, models=("z", "a")), timeline(["probe", "sleep", "probe"])
    )
    assert found[["model", "night"]].to_numpy().tolist() == [["z", 0], ["z", 1], ["a", 0]]


def test_probes_of_another_timeline_are_refused():
    with pytest.raises(ValueError, match="a phase that the timeline does not have"):
        recall_over_nights(table(TWO, [1, 2, 4, 5, 7, 99], LESION), NIGHTS)


def test_the_index_is_the_ratio_of_means_with_chance_taken_off():
    found = consolidation_index(table(TWO, PHASE, LESION, chance=[0.5]), NIGHTS)
    intact, lesioned = np.array([0.85, 0.9, 0.9]), np.array([0.5, 0.65, 0.85])
    np.testing.assert_allclose(found["index"], (lesioned - 0.5) / (intact - 0.5))
    assert found["subjects"].tolist() == [2, 2, 2]
    ratios = [(0.8 - 0.5) / 0.4, (0.9 - 0.5) / 0.4]  # of night 2, each subject alone
    assert found["low"][2] == pytest.approx(ratios[0])
    assert found["high"][2] == pytest.approx(ratios[1])


def test_without_a_chance_of_its_own_it_is_one_over_n():
    found = consolidation_index(table(TWO, PHASE, LESION), NIGHTS).iloc[1]
    assert found["index"] == pytest.approx((0.65 - 0.5) / (0.9 - 0.5))  # two items
    assert above_chance(table(TWO, PHASE, LESION, chance=[0.3]))["chance"].tolist() == [0.3, 0.3]


def test_which_lesion_must_be_clear():
    lesions = ["none", "hippocampus", "none", "cortex", "none", "cortex"]
    with pytest.raises(ValueError, match="choose hippocampus or cortex by lesion="):
        consolidation_index(table(TWO, PHASE, lesions), NIGHTS)
    with pytest.raises(ValueError, match=r'no probe under the lesion "hipocampus".*Did you mean "hippocampus"'):
        consolidation_index(table(TWO, PHASE, lesions), NIGHTS, lesion="hipocampus")
    with pytest.raises(ValueError, match="no probe was made under a lesion"):
        consolidation_index(table(TWO, PHASE, ["none"] * 6), NIGHTS)


def test_an_intact_subject_at_chance_has_no_index():
    values = [[[[0.5], [0.7]]]]
    found = consolidation_index(table(values, [0, 1], ["none", "hippocampus"], chance=[0.5]), timeline(["probe"] * 2))
    assert np.isnan(found["index"].item())


def test_effect_size_against_its_formulas():
    sleep, wake = np.array([0.8, 0.9, 0.7, 0.8, 0.9]), np.array([0.7, 0.6, 0.6, 0.7, 0.8])
    row = effect_size(sleep, wake).iloc[0]
    difference = sleep - wake
    factor = 0.7978845608  # Γ(2) / (Γ(3/2) √2), exact for 4 degrees of freedom
    dz = difference.mean() / difference.std(ddof=1)
    assert row["cohen_dz"] == pytest.approx(dz)
    assert row["hedges_gz"] == pytest.approx(factor * dz)
    spread = (sleep.std(ddof=1) + wake.std(ddof=1)) / 2
    assert row["hedges_gav"] == pytest.approx(factor * difference.mean() / spread)
    assert row["p"] == compare_paired(sleep, wake)["p_t"].item()


def test_the_interval_of_an_effect_holds_it_about_as_often_as_stated():
    rng, held = np.random.default_rng(0), 0
    for seed in range(200):
        wake = rng.normal(0, 1, 30)
        row = effect_size(wake + 0.5 + rng.normal(0, 1, 30), wake, samples=300, seed=seed).iloc[0]
        held += row["gz_low"] <= 0.5 <= row["gz_high"]
    assert 0.88 < held / 200 < 0.99


def test_effects_without_spread_or_subjects_are_nan():
    alike = effect_size([0.5, 0.4, 0.3], [0.3, 0.2, 0.1]).iloc[0]
    assert alike["difference"] == pytest.approx(0.2)
    assert alike[["cohen_dz", "hedges_gz", "gz_low", "gz_high"]].isna().all()
    assert np.isfinite(alike["hedges_gav"])
    one = effect_size([0.5, NAN], [0.3, 0.1]).iloc[0]
    assert one["subjects"] == 1
    assert one[["cohen_dz", "hedges_gz", "hedges_gav", "gav_low"]].isna().all()
    with pytest.raises(ValueError, match="no subject has both"):
        effect_size([NAN], [0.3])
