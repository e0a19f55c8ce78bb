"""Figures of continual learners: what is drawn are the numbers of the tables."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgba

from engram.analysis import (
    continual_table,
    plot_accuracy_against,
    plot_accuracy_over_tasks,
    plot_recollections,
    plot_recording,
    plot_recordings,
    plot_robustness,
    plot_task_matrix,
)
from engram.analysis.figures.style import STYLES

RECORDINGS = Path(__file__).parent / "recordings"
if str(RECORDINGS) not in sys.path:
    sys.path.insert(0, str(RECORDINGS))

from two_tasks import record  # noqa: E402

NAN = float("nan")


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def seen():
    coords = {"model": ["er", "mine"], "subject": [0, 1], "after": [1, 2, 3], "chance": ("model", [0.1, 0.1])}
    values = [[[0.9, 0.8, 0.7], [0.7, 0.6, 0.7]], [[0.5, 0.4, NAN], [0.5, 0.2, NAN]]]
    return xr.DataArray(values, dims=("model", "subject", "after"), coords=coords)


def test_accuracy_over_tasks_draws_means_in_the_style_of_the_model():
    ax = plot_accuracy_over_tasks(seen())
    drawn = line(ax, "er")
    assert drawn.get_ydata().tolist() == pytest.approx([0.8, 0.7, 0.7])
    assert (drawn.get_color(), drawn.get_marker()) == (STYLES["er"].color, STYLES["er"].marker)
    assert line(ax, "mine").get_ydata()[:2].tolist() == pytest.approx([0.5, 0.3])
    assert [text.get_text() for text in ax.texts] == ["chance"]
    assert ax.get_legend() is not None


def test_no_two_presets_look_alike_in_greyscale():
    looks = [(str(style.linestyle), style.marker) for style in STYLES.values()]
    assert len(set(looks)) == len(looks)


def test_a_task_matrix_shows_means_over_subjects_and_leaves_untested_cells_empty():
    coords = {"model": ["er", "joint"], "subject": [0, 1], "after": [1, 2], "task": [1, 2]}
    values = np.array([[[[0.8, NAN], [0.2, 0.9]], [[1.0, NAN], [0.4, 0.9]]]] * 2)
    matrix = xr.DataArray(values, dims=("model", "subject", "after", "task"), coords=coords)
    ax = plot_task_matrix(matrix, model="er")
    shown = {text.get_position(): text.get_text() for text in ax.texts}
    assert shown == {(1, 1): ".90", (1, 2): ".30", (2, 2): ".90"}  # task across, after down
    assert np.ma.filled(ax.images[0].get_array(), NAN)[0, 0] == pytest.approx(0.9)
    with pytest.raises(ValueError, match="choose er or joint by model="):
        plot_task_matrix(matrix)


def test_accuracy_against_bytes_joins_recordings_and_draws_what_keeps_nothing_as_a_level(tmp_path):
    table = continual_table([record(tmp_path / f"{size}.h5", total=size) for size in (9000, 1000)])
    ax = plot_accuracy_against(table)
    assert line(ax, "er").get_xdata().tolist() == [1005, 9005]
    assert line(ax, "er").get_ydata().tolist() == pytest.approx([11 / 16] * 2)
    assert [text.get_text() for text in ax.texts] == ["finetune"]
    assert ax.get_xscale() == "log"
    passes = plot_accuracy_against(table, against="image_passes", accuracy="average_incremental")
    assert line(passes, "finetune").get_xdata().tolist() == [1200, 1200]
    with pytest.raises(ValueError, match="against is 'hours'"):
        plot_accuracy_against(table, against="hours")


def test_stores_of_one_model_are_lines_of_their_own():
    table = pd.DataFrame(
        {
            "recording": ["a", "b"],
            "model": "er",
            "subject": 0,
            "store": ["raw", "jpeg"],
            "bytes": 1e6,
            "last": [0.4, 0.6],
        }
    )
    ax = plot_accuracy_against(table)
    assert (line(ax, "er, raw").get_marker(), line(ax, "er, jpeg").get_marker()) == ("s", "^")
    assert line(ax, "er, raw").get_color() == line(ax, "er, jpeg").get_color() == STYLES["er"].color


def test_costs_that_are_nearly_equal_stand_together():
    table = pd.DataFrame({"recording": "a", "model": ["er", "icarl"], "subject": 0, "store": "raw", "last": 0.5})
    ax = plot_accuracy_against(table.assign(bytes=[98_832, 99_926]))
    assert ax.get_xscale() == "linear"
    left, right = ax.get_xlim()
    assert left == 0
    assert right == pytest.approx(1.2 * 99_926)


def test_robustness_has_a_bar_for_each_model_and_corruption_intact_first():
    rows = [(m, 0, kind, s, a) for m, off in (("er", 0.0), ("joint", 0.1)) for kind, s, a in
            (("fog", 1, 0.6 + off), ("fog", 3, 0.4 + off), ("intact", 0, 0.8 + off))]  # fmt: skip
    ax = plot_robustness(pd.DataFrame(rows, columns=["model", "subject", "kind", "severity", "accuracy"]))
    assert [label.get_text() for label in ax.get_xticklabels()] == ["intact", "fog"]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx([0.8, 0.5, 0.9, 0.6])
    assert ax.patches[0].get_facecolor() == to_rgba(STYLES["er"].color)
    assert ax.get_xlabel() == "severities 1-3"


def test_recollections_stand_below_what_was_seen():
    images = [np.arange(12, dtype=np.uint8) + 20 * k for k in range(3)]
    pairs = pd.DataFrame({"original": images, "recalled": [255 - image for image in images]})
    pairs.attrs = {"height": 2, "width": 2, "channels": 3}
    sheet = plot_recollections(pairs).images[0].get_array()
    assert sheet.shape == (6, 10, 3)
    assert np.array_equal(sheet[:2, 4:6], images[1].reshape(2, 2, 3))
    assert np.array_equal(sheet[4:, 4:6], 255 - images[1].reshape(2, 2, 3))
    assert plot_recollections(pairs, most=2).images[0].get_array().shape == (6, 6, 3)
    with pytest.raises(ValueError, match="nothing is recalled yet"):
        plot_recollections(pairs.iloc[:0])
    pairs.attrs = {}
    with pytest.raises(ValueError, match="attributes height"):
        plot_recollections(pairs)


def test_a_recording_with_tasks_gets_its_panels(tmp_path):
    figure = plot_recording(record(tmp_path / "run.h5"))
    labels = [ax.get_ylabel() for ax in figure.axes]
    assert labels == [
        "accuracy on all seen",
        "final accuracy",
        "final accuracy",
        "after task",
        "after task",
        "accuracy",
        "",
    ]
    figure.canvas.draw()


def test_what_is_recalled_exactly_is_not_shown_beside_itself(tmp_path):
    figure = plot_recording(record(tmp_path / "run.h5", psnr=np.inf))
    assert [ax.get_ylabel() for ax in figure.axes][-2:] == ["after task", "accuracy"]


def test_several_recordings_are_compared_and_one_is_drawn_whole(tmp_path):
    first, second = record(tmp_path / "a.h5"), record(tmp_path / "b.h5", total=4000)
    figure = plot_recordings([first, second])
    assert [ax.get_xlabel() for ax in figure.axes] == ["bytes kept"] * 2 + ["image passes"] * 2
    assert len(plot_recordings([first]).axes) == 7
