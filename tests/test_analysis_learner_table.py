"""Costs, memory, probe evaluations and confusion of recorded learners; the numbers are those of `two_tasks`."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from sklearn.metrics import confusion_matrix

from engram.analysis import (
    confusion,
    continual_table,
    corruption_accuracies,
    costs_by_phase,
    evaluations,
    memory_by_phase,
    metrics,
    summary,
    unknown_detection,
)

RECORDINGS = Path(__file__).parent / "recordings"
if str(RECORDINGS) not in sys.path:
    sys.path.insert(0, str(RECORDINGS))

from two_tasks import RIGHT, record  # noqa: E402


def test_costs_of_every_step(tmp_path):
    table = costs_by_phase(record(tmp_path / "run.h5"))
    rows = table[(table["model"] == "finetune") & (table["subject"] == 1)].reset_index(drop=True)
    assert rows[["phase", "kind", "list", "updates", "image_passes", "forward_passes", "seconds"]].values.tolist() == [
        [0, "wake", "a", 1, 100, 7, 3.0],
        [1, "sleep", "a", 2, 200, 7, 3.0],
        [3, "wake", "b", 4, 400, 7, 3.0],
        [4, "sleep", "b", 5, 500, 7, 3.0],
    ]
    assert len(table) == 16


def test_memory_only_of_models_with_a_store(tmp_path):
    table = memory_by_phase(record(tmp_path / "run.h5"))
    assert set(table["model"]) == {"er"}
    assert table[["subject", "phase", "total_bytes", "codes_bytes"]].values.tolist() == [
        [0, 0, 500, 470],
        [0, 3, 1000, 970],
        [1, 0, 500, 470],
        [1, 3, 1010, 980],
    ]


def test_evaluations_by_kind(tmp_path):
    measured = evaluations(record(tmp_path / "run.h5"))
    of_first = measured[(measured["model"] == "er") & (measured["subject"] == 0)]
    assert corruption_accuracies(of_first)[["phase", "kind", "severity", "accuracy"]].values.tolist() == [
        [2, "fog", 1, 0.9],
        [5, "intact", 0, 0.75],
        [5, "fog", 1, 0.5],
        [5, "fog", 2, 0.3],
        [5, "snow", 1, 0.7],
    ]
    unknown = unknown_detection(of_first).set_index("score")
    assert unknown["auroc"].to_dict() == {"msp": 0.9, "energy": 0.1}
    assert unknown.loc["msp", "fpr95"] == 0.4
    assert unknown.loc["msp", "aupr"] == 0.7
    assert np.isnan(unknown.loc["msp", "aupr_unknown"])


def test_nothing_measured_gives_empty_tables():
    nothing = pd.DataFrame({"model": [], "subject": [], "phase": [], "name": [], "value": []})
    assert corruption_accuracies(nothing).empty
    assert unknown_detection(nothing).empty


def test_learners_side_by_side_over_recordings(tmp_path):
    runs = [record(tmp_path / "small.h5", total=1000), record(tmp_path / "large.h5", total=4000)]
    table = continual_table(runs)
    assert table[["recording", "model", "subject"]].values.tolist() == [
        [name, model, k] for name in ("small", "large") for model in ("er", "finetune") for k in (0, 1)
    ]
    first = table.iloc[0]
    assert (first["store"], first["budget"], first["bytes"], first["psnr"]) == ("raw", 5000, 1000, 30)
    assert (first["image_passes"], first["updates"], first["forward_passes"], first["seconds"]) == (1200, 12, 28, 8)
    assert first["average_incremental"] == pytest.approx((7 / 8 + 11 / 16) / 2)
    assert first["last"] == pytest.approx(11 / 16)
    assert first["forgetting"] == pytest.approx(7 / 8 - 3 / 8)
    assert first["bwt"] == pytest.approx(3 / 8 - 7 / 8)
    assert first["corruption_accuracy"] == pytest.approx((0.5 + 0.3 + 0.7) / 3)
    assert (first["auroc"], first["aupr"], first["fpr95"], first["ece"]) == (0.9, 0.7, 0.4, 0.05)
    plain = table[table["model"] == "finetune"]
    assert set(plain["store"]) == {"none"}
    assert plain[["budget", "bytes", "psnr", "fwt"]].isna().all(axis=None)
    assert table.query("recording == 'large' and model == 'er'")["bytes"].tolist() == [4000, 4010]
    pd.testing.assert_frame_equal(continual_table(runs[0]), table.iloc[:4])


def test_failed_subjects_are_left_out(tmp_path):
    table = continual_table(record(tmp_path / "run.h5", failed={("er", 0)}))
    assert table[["model", "subject"]].values.tolist() == [["er", 1], ["finetune", 0], ["finetune", 1]]


def test_no_recording_is_refused():
    with pytest.raises(ValueError, match="no recording is given"):
        continual_table([])


def test_metrics_are_means_over_subjects_and_nulls_have_reasons(tmp_path):
    recording = record(tmp_path / "run.h5")
    found = summary(recording)["models"]
    er, finetune = found["er"]["metrics"], found["finetune"]["metrics"]
    assert er["last"] == pytest.approx((11 / 16 + 11 / 16) / 2)
    assert er["forgetting"] == pytest.approx(((7 / 8 - 3 / 8) + (1 - 7 / 8)) / 2)
    assert (er["bytes"], er["image_passes"], er["updates"], er["psnr"], er["bpp"]) == (1005, 1200, 12, 30, 0.5)
    assert (er["corruption_accuracy"], er["auroc"], er["fpr95"]) == (0.5, 0.85, 0.4)
    assert finetune["last"] == pytest.approx((8 + 6) / 32)
    assert found["er"]["reasons"] == {"fwt": "items are not asked for before they are taught"}
    assert set(found["finetune"]["reasons"]) == {"fwt", "bytes", "psnr", "bpp"}
    assert "has no store" in found["finetune"]["reasons"]["bytes"]
    assert all((value is None) == (name in found["er"]["reasons"]) for name, value in er.items())
    assert metrics(recording)["er"] == er
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_images_kept_without_error_have_no_psnr_and_say_so(tmp_path):
    found = summary(record(tmp_path / "exact.h5", psnr=np.inf))["models"]["er"]
    assert (found["metrics"]["psnr"], found["metrics"]["bpp"]) == (None, 0.5)
    assert found["reasons"]["psnr"] == "its store keeps images as they are, without error"
    found = summary(record(tmp_path / "features.h5", psnr=np.nan))["models"]["er"]
    assert found["reasons"]["psnr"] == "its store gives no images back"


def test_forward_transfer_is_told_apart(tmp_path):
    asked = {"er": RIGHT["er"].copy(), "finetune": RIGHT["finetune"].copy()}
    asked["er"][:, 0, 2], asked["finetune"][:, 0, 2] = 4, 0
    found = summary(record(tmp_path / "run.h5", right=asked))["models"]
    assert found["er"]["metrics"]["fwt"] == pytest.approx(4 / 8 - 1 / 3, abs=1e-6)
    assert found["finetune"]["metrics"]["fwt"] is None
    assert "no output" in found["finetune"]["reasons"]["fwt"]


def test_a_run_that_is_not_finished_says_so(tmp_path):
    unfinished = {"er": RIGHT["er"].copy()}
    unfinished["er"][:, 1] = -1
    found = summary(record(tmp_path / "run.h5", right=unfinished, status="running"))["models"]["er"]
    assert found["metrics"]["last"] is None
    assert {found["reasons"][name] for name in ("last", "forgetting", "bwt")} == {"not every task is tested yet"}


# -- confusion ------------------------------------------------------------------------------------------------------


def test_confusion_is_that_of_scikit_learn():
    rng = np.random.default_rng(3)
    given, named = rng.integers(1, 5, 200), rng.integers(1, 5, 200)
    counts = np.zeros((4, 4), int)
    np.add.at(counts, (given - 1, named - 1), 1)
    table = np.stack([np.full((4, 4), -1), counts, counts * 9])[None, None]
    responses = xr.DataArray(
        table,
        dims=("model", "subject", "probe", "item", "response"),
        coords={
            "model": ["er"],
            "subject": [0],
            "item": range(1, 5),
            "response": range(1, 5),
            "lesion": ("probe", ["none", "none", "hippocampus"]),
        },
    )
    assert np.array_equal(confusion(responses).values[0, 0], confusion_matrix(given, named))
    shares = confusion(responses, normalise="item").sel(model="er", subject=0)
    np.testing.assert_allclose(shares, confusion_matrix(given, named, normalize="true"))
    assert np.isnan(confusion(responses.isel(probe=[0])).values).all()
    with pytest.raises(ValueError, match="expected none or item"):
        confusion(responses, normalise="row")
