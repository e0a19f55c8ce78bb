import numpy as np
import pandas as pd
import pytest

from engram.analysis import (
    downscaling,
    flexibility_and_change,
    relative_change,
    synapse_kinds,
    weight_change_by_assembly,
)
from engram.models.synapses import gate

NAN = np.nan


def test_kinds_of_synapses_between_two_populations():
    source = [[1, 1, 0, 0], [0, 1, 1, 0]]  # cell 1 belongs to both items
    target = [[1, 0, 0], [0, 1, 0]]
    pre, post = [0, 0, 1, 1, 2, 3, 0], [0, 1, 0, 1, 0, 0, 2]
    assert synapse_kinds(pre, post, source, target).tolist() == [0, 1, 0, 0, 1, 2, 2]


def test_changes_are_those_of_the_means():
    found = weight_change_by_assembly(
        [0, 1, 0, 3], [1, 0, 2, 0], [0.1, 0.3, 0.2, 0.0], [0.3, 0.7, 0.1, 0.1], [[1, 1, 0, 0], [0, 0, 1, 0]]
    ).set_index("kind")
    np.testing.assert_allclose(found.loc["within", ["before", "after", "change"]].astype(float), [0.2, 0.5, 0.3])
    assert found.loc["within", "relative"] == pytest.approx(1.5)
    assert found.loc["outside", "change"] == pytest.approx(0.1)
    assert np.isnan(found.loc["outside", "relative"])  # from nothing
    assert found["synapses"].tolist() == [2, 1, 1]


@pytest.mark.parametrize(
    ("pre", "post", "post_assemblies", "message"),
    [
        ([0], [0, 1], None, "expected one cell per synapse"),
        ([5], [0], None, "pre names cell 5; the assemblies are of 2 cells"),
        ([0], [0], [[1, 0]] * 3, "of 1 and of 3 items"),
    ],
)
def test_what_does_not_fit_is_refused(pre, post, post_assemblies, message):
    with pytest.raises(ValueError, match=message):
        synapse_kinds(pre, post, [[1, 0]], post_assemblies)


def test_gated_downscaling_shows_its_dependence_on_flexibility():
    rng = np.random.default_rng(0)
    flexibility, weight, initial = rng.uniform(0.05, 1, 20_000), rng.uniform(0.1, 0.6, 20_000), 0.02
    opened = gate(weight, initial, flexibility, 10.0)
    found = flexibility_and_change(weight, weight * (1 - 0.2 * opened), flexibility, flexibilities=5, sizes=3)
    assert found["synapses"].sum() == 20_000
    assert len(found) == 15
    flexible = found[found["flexibility_low"] == 0.8]["relative"]
    stable = found[(found["flexibility_low"] == 0.0)]["relative"]
    assert flexible.max() < -0.14
    assert stable.min() > -0.02
    middle = found[found["flexibility_low"] == 0.4].set_index("size")["relative"]
    assert middle[1] < middle[2] < middle[3]  # larger synapses are spared more


def test_bins_hold_what_they_say():
    found = flexibility_and_change([1, 2, 3, 4], [2, 2, 3, 2], [0.1, 0.1, 1.0, 1.0], flexibilities=2, sizes=2)
    assert found["flexibility_low"].tolist() == [0.0, 0.5]
    assert found["size"].tolist() == [1, 2]
    np.testing.assert_allclose(found["relative"], [1 / 3, -2 / 7])
    np.testing.assert_allclose(found["spread"], [0.5, 0.25])  # own changes: 1 and 0, 0 and -.5
    assert flexibility_and_change([0.0, 1.0], [0.5, 0.5], [0.5, 0.5])["synapses"].sum() == 1
    with pytest.raises(ValueError, match="expected 0 to 1"):
        flexibility_and_change([1.0], [1.0], [1.5])


def test_relative_change_looks_at_strong_synapses_only():
    row = relative_change([3.0, 2.0, 1.4, 9.0], [1.5, 2.0, 9.0, 0.0], [1.0, 1.0, 1.0, 0.0]).iloc[0]
    assert row["strong"] == 2
    assert row["change"] == pytest.approx((1.75 - 2.5) / 2.5)
    nothing = relative_change([1.0], [0.5], [1.0]).iloc[0]
    assert nothing["strong"] == 0
    assert np.isnan(nothing["change"])


def test_downscaling_multiplies_the_stages_of_a_night():
    stages = pd.DataFrame(
        {
            "subject": [0, 0, 0, 1],
            "phase": [3, 3, 6, 3],
            "cycle": [1, 2, 1, 1],
            "stage": "rem",
            "projection": "C-C",
            "strong": [4, 6, 5, 0],
            "before": [2.0, 3.0, 4.0, 0.0],
            "after": [1.8, 2.4, 3.0, 0.0],
        }
    )
    found = downscaling(pd.concat([stages, stages.assign(stage="nrem", after=99.0)]))
    assert found[["subject", "phase", "stages"]].to_numpy().tolist() == [[0, 3, 2], [0, 6, 1]]
    np.testing.assert_allclose(found["change"], [0.9 * 0.8 - 1, -0.25])
    assert downscaling(stages.iloc[:0]).empty
    with pytest.raises(ValueError, match="no column 'strong'"):
        downscaling(stages.drop(columns="strong"))
