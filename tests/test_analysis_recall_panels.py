"""Figures of recordings whose models recall lists."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest

from engram.analysis import model_styles, plot_recording

sys.path.insert(0, str(Path(__file__).parent / "recordings"))

from recall_answers import Asked, HandMade, hebb

LIST = [Asked(0, [2, 1, 3], [2, 3, 1]), Asked(1, [2, 1, 3], [2, 0, 3])]
FREE = [
    Asked(0, [1, 2], [2, 1], phase=1, kind="free"),
    Asked(0, [3, 4], [4], phase=2, kind="free"),
    Asked(0, [1, 2, 3, 4], [4], phase=3, kind="free", first_trial=0),
]
LABELLED = [
    Asked(0, [1, 2], [1, 0], phase=1, label="spacing=massed"),
    Asked(0, [3, 4], [3, 4], phase=2, label="spacing=long"),
    Asked(0, [5, 6], [5, 6], phase=3),
]
LENGTHS = [Asked(0, [1, 2], [1, 2], phase=1), Asked(0, [3, 4, 5], [3, 0, 0], phase=2)]
CUED = [Asked(0, [1, 2, 3], [3, 1, 6], kind="cued", targets=(3, 2, 1))]


def panels(recording):
    return [(ax.get_xlabel(), ax.get_ylabel(), ax.get_title()) for ax in plot_recording(recording).axes]


def drawn(axes):
    """Lines that can be seen: their colour and their heights."""
    seen = [line for line in axes.get_lines() if len(line.get_ydata()) and np.isfinite(line.get_ydata()).any()]
    return [(line.get_color().lower(), np.asarray(line.get_ydata()).round(3).tolist()) for line in seen]


def test_serial_recall_of_one_list():
    figure = plot_recording(HandMade({"mine": LIST}))
    position, transposed, kinds = figure.axes
    assert drawn(position) == [(model_styles(["mine"])["mine"].color.lower(), [1, 0, 0.5])]
    assert transposed.get_xlabel() == "displacement (positions)"
    assert kinds.get_title() == "mine"
    correct, transpositions = ([bar.get_height() for bar in bars] for bars in kinds.containers[:2])
    assert (correct, transpositions) == ([1, 0, 0.5], [0, 0.5, 0.5])


def test_free_recall_and_the_final_test():
    assert panels(HandMade({"mine": FREE})) == [
        ("position in the list", "proportion recalled", ""),
        ("lag (positions)", "lag-CRP", ""),
        ("position in the list", "probability of first recall", ""),
        ("position in the list", "proportion recalled", "later tests"),
    ]


@pytest.mark.parametrize(("tests", "factor", "levels"), [
    (LABELLED, "spacing", ["massed", "long"]), (LENGTHS, "list length", ["2", "3"]),
])  # fmt: skip
def test_conditions_have_a_panel_and_curves_in_shades(tests, factor, levels):
    figure = plot_recording(HandMade({"mine": tests}))
    first = figure.axes[0]
    assert first.get_xlabel() == factor
    assert [tick.get_text() for tick in first.get_xticklabels()] == levels
    curves = next(ax for ax in figure.axes if ax.get_title() == "mine")
    assert curves.get_legend_handles_labels()[1] == levels
    titles = [legend.get_title().get_text() for part in figure.subfigs for legend in part.legends]
    assert titles == [factor, "response"]


def test_cued_recall_has_kinds_of_responses_in_the_order_of_the_cues():
    assert panels(HandMade({"mine": CUED})) == [("cue, in the order of test", "share of responses", "mine")]


def test_each_model_has_its_own_panel_and_its_own_look_in_all():
    models = {"second": [*hebb(0), *hebb(1)], "first": [*hebb(0), *hebb(1)]}
    figure = plot_recording(HandMade(models))
    styles = model_styles(models)  # in the order of the recording, not of the alphabet
    curves = figure.axes[:2]
    assert [ax.get_title() for ax in curves] == ["second", "first"]
    for ax in curves:
        color = styles[ax.get_title()].color.lower()
        assert drawn(ax) == [(color, [0.25, 0.5, 0.75, 1]), (color, [0.5] * 4)]
    assert [color for color, _ in drawn(figure.axes[2])] == [styles[name].color.lower() for name in models]


def test_other_models_are_drawn_by_what_they_have():
    figure = plot_recording(HandMade({"mine": LIST}, others=["theirs"]))
    styles = model_styles(["mine", "theirs"])
    assert [color for color, _ in drawn(figure.axes[0])] == [styles["mine"].color.lower()]
    assert [ax.get_ylabel() for ax in figure.axes][-1] == "performance"
    assert len(figure.axes) == 4


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("tests", [[], LIST[:1], hebb(0)[:1], FREE[:1], LABELLED[:1]])
def test_runs_that_have_only_begun_are_drawn_without_a_warning(tests):
    plot_recording(HandMade({"mine": tests})).savefig(io.BytesIO(), format="png", dpi=40)


def test_panels_do_not_overlap():
    figure = plot_recording(HandMade(dict.fromkeys(("positional", "simple", "primacy"), LABELLED)))
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    boxes += [legend.get_window_extent() for part in [figure, *figure.subfigs] for legend in part.legends]
    for i, box in enumerate(boxes):
        assert not any(box.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98)) for other in boxes[i + 1 :]), (i, box)
