import io
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from engram.analysis import (
    minimum_by_repetition,
    model_styles,
    plot_frequency_order,
    plot_gross_memory,
    plot_items_after_poisoning,
    plot_items_by_repetition,
    plot_learning_curves,
    plot_memorised,
    plot_performance_by_frequency,
    plot_poisoning,
    plot_recording,
    plot_repetition,
    plot_serial_position,
    serial_position_curve,
)
from engram.analysis.figures.style import STYLES

DIMS = ("model", "subject", "probe", "item")
N = 4


def hebb(subjects=5, models=("conventional", "hybrid"), repetitions=9):
    labels = ["repetition"] * repetitions + ["poisoning"]
    numbers = [*range(1, repetitions + 1), 0]
    values = np.random.default_rng(0).uniform(0.3, 0.9, (len(models), subjects, repetitions + 1, N))
    return xr.DataArray(
        values,
        dims=DIMS,
        coords={
            "model": list(models), "subject": range(subjects), "item": range(1, N + 1),
            "label": ("probe", labels), "repetition": ("probe", numbers), "lesion": ("probe", ["none"] * len(labels)),
            "phase": ("probe", [2 * i + 1 for i in range(len(labels))]),
        },
    )  # fmt: skip


def frequency(subjects=5):
    rng = np.random.default_rng(1)
    sequence = [rng.permutation(np.repeat(np.arange(1, N + 1), np.arange(1, N + 1))) for _ in range(subjects)]
    table = pd.concat(
        pd.DataFrame({"subject": k, "phase": range(10), "order": 0, "item": s}) for k, s in enumerate(sequence)
    )
    return hebb(subjects, repetitions=1).isel(probe=[0]).assign_coords(
        phase=("probe", [10]), label=("probe", [""])
    ), table


def listed(subjects, steps):
    rows = [(k, 2 * i, 0, i % N + 1) for k in range(subjects) for i in range(steps)]
    return pd.DataFrame(rows, columns=["subject", "phase", "order", "item"])


class StandIn:
    """What a figure asks of a recording."""

    protocol_name, seed, status = "demo", 7, "complete"

    def __init__(self, performance, presentations, responses=None, curves=None):
        self.tables = {"performance": performance, "responses": responses, "curves": curves}
        self.shown = presentations

    def _get(self, name):
        if self.tables[name] is None:
            raise ValueError(f"{name} were not recorded")
        return self.tables[name]

    def performance(self):
        return self._get("performance")

    def responses(self):
        return self._get("responses")

    def learning_curves(self):
        return self._get("curves")

    def presentations(self):
        return self.shown

    def phases(self):
        return pd.DataFrame({"index": range(40), "kind": "wake"})

    def subjects(self):
        performance = self.tables["performance"]
        rows = [(m, k, "complete") for m in performance["model"].values for k in performance["subject"].values]
        return pd.DataFrame(rows, columns=["model", "subject", "status"])


def line(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def test_serial_position_draws_the_curve_in_the_styles_of_the_models():
    performance = hebb()
    ax = plot_serial_position(performance)
    curve = serial_position_curve(performance)
    for model in ("conventional", "hybrid"):
        drawn = line(ax, model)
        np.testing.assert_allclose(drawn.get_ydata(), curve[curve["model"] == model]["mean"])
        assert (drawn.get_color(), drawn.get_marker()) == (STYLES[model].color, STYLES[model].marker)
    assert len(ax.collections) == 2  # a band for each model
    assert [text.get_text() for text in ax.texts] == ["chance"]
    assert ax.get_lines()[-1].get_ydata()[0] == 1 / N


def test_one_subject_has_no_band():
    assert not plot_serial_position(hebb(subjects=1)).collections


def test_given_axes_are_drawn_in_and_keep_their_legend_to_themselves():
    ax = Figure().add_subplot()
    assert plot_serial_position(hebb(), ax) is ax
    assert ax.get_legend() is None
    assert plot_serial_position(hebb()).get_legend() is not None


def test_repetition_draws_minimum_and_mean():
    performance = hebb()
    table = minimum_by_repetition(performance)
    drawn = plot_repetition(performance).containers[0].lines[0]
    np.testing.assert_allclose(drawn.get_ydata().astype(float), table[table["model"] == "conventional"]["mean"])
    assert plot_repetition(performance, measure="mean").get_ylabel() == "performance, mean over items"
    with pytest.raises(ValueError, match="measure is 'median'; expected minimum or mean"):
        plot_repetition(performance, measure="median")


@pytest.mark.parametrize(("last", "shown"), [(9, "1369"), (2, "12"), (1, "1")])
def test_items_by_repetition_shows_the_papers_repetitions(last, shown):
    ax = plot_items_by_repetition(hebb(repetitions=last), model="hybrid")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(shown)


def test_a_panel_of_one_model_asks_which():
    for plot in (plot_items_by_repetition, plot_items_after_poisoning):
        with pytest.raises(ValueError, match="shows one model; choose conventional or hybrid by model="):
            plot(hebb())
        with pytest.raises(ValueError, match=r'no model "hybird".*Did you mean "hybrid"'):
            plot(hebb(), model="hybird")


def test_retention_beyond_the_axis_is_drawn_at_its_edge():
    performance = hebb(subjects=2, models=("hybrid",), repetitions=1)
    performance.values[0, :, 0] = [[0.26] * N, [0.65] * N]
    performance.values[0, :, 1] = [[0.65] * N, [0.45] * N]  # retained 40 and .5
    ax = plot_poisoning(performance)
    points = [line.get_ydata().tolist() for line in ax.get_lines() if len(line.get_ydata()) == 1]
    assert points == [[pytest.approx(0.5)], [1.5]]
    assert ax.patches[0].get_height() == pytest.approx((0.55 - 0.25) / (0.455 - 0.25))


def test_growth_is_drawn_against_the_number_trained():
    performance = hebb(repetitions=3)
    presentations = listed(5, 4)
    ax = plot_gross_memory(performance, presentations)
    np.testing.assert_allclose(line(ax, "hybrid").get_xdata(), [1, 2, 3, 4])
    expected = [performance.values[1, :, k, : k + 1].sum(axis=-1).mean() for k in range(4)]
    np.testing.assert_allclose(line(ax, "hybrid").get_ydata(), expected)


def test_memorised_items_are_counted_at_the_same_probes():
    performance = hebb(subjects=1, models=("hybrid",), repetitions=1)
    counts = np.stack([np.diag([20, 0, 0, 0]) + np.diag([0, 20, 20, 20], 0)[:, [0, 2, 3, 1]], np.eye(N) * 20])
    responses = xr.DataArray(
        counts[None, None].astype(int), dims=(*DIMS, "response"), coords={"model": ["hybrid"], "item": range(1, N + 1)}
    )
    ax = plot_memorised(responses, performance, listed(1, 2))
    assert line(ax, "hybrid").get_ydata().tolist() == [1.0, 4.0]


def test_frequency_figures():
    performance, presentations = frequency()
    ax = plot_performance_by_frequency(performance, presentations)
    np.testing.assert_allclose(line(ax, "hybrid").get_ydata(), performance.values[1, :, 0].mean(axis=0))
    by_order = plot_performance_by_frequency(performance, presentations, against="order")
    assert line(by_order, "hybrid").get_xdata().tolist() == [1, 2, 3, 4]
    assert len(line(plot_frequency_order(performance, presentations), "hybrid").get_ydata()) == 5
    with pytest.raises(ValueError, match="against is 'time'"):
        plot_performance_by_frequency(performance, presentations, against="time")


def test_learning_curves_mark_where_the_next_presentation_begins():
    values = np.random.default_rng(2).random((1, 3, 6, N))
    curves = xr.DataArray(
        values,
        dims=("model", "subject", "point", "item"),
        coords={
            "model": ["hybrid"], "subject": range(3), "item": range(1, N + 1),
            "phase": ("point", [0, 0, 0, 2, 2, 2]), "epoch": ("point", [0, 1, 2] * 2),
        },
    )  # fmt: skip
    ax = plot_learning_curves(curves)
    np.testing.assert_allclose(line(ax, "2").get_ydata(), values[0, :, :, 1].mean(axis=0))
    assert [segment[0, 0] for segment in ax.collections[0].get_segments()] == [3.5]


def panels(figure):
    return [ax.get_title(loc="left") for ax in figure.axes]


def test_a_recording_gets_the_panels_of_its_protocol():
    performance = hebb()
    growing = performance.assign_coords(label=("probe", [""] * 10))
    sequence = listed(5, 10).query("phase < 8")
    by_item = plot_recording(StandIn(growing, sequence))
    assert [ax.get_ylabel() for ax in by_item.axes] == ["performance", "gross memory (items)"]
    repeated = plot_recording(StandIn(performance, sequence))
    assert panels(repeated) == list("abcdefg")  # two models, minimum, mean; two models, retention
    assert [ax.get_ylabel() for ax in repeated.axes][2:4] == [
        "performance, weakest item",
        "performance, mean over items",
    ]
    varied, presentations = frequency()
    assert len(plot_recording(StandIn(varied, presentations)).axes) == 3


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("unmeasured", [slice(0, None), slice(1, None), slice(9, None)])
def test_running_recordings_are_drawn_without_a_warning(unmeasured):
    performance = hebb()
    performance.values[:, :, unmeasured] = np.nan
    figure = plot_recording(StandIn(performance, listed(5, 4)))
    figure.savefig(io.BytesIO(), format="svg")


@pytest.mark.filterwarnings("error")
def test_one_subject_of_many_models_is_drawn_without_a_warning():
    performance = hebb(subjects=1, models=[*STYLES, "mine"])
    plot_recording(StandIn(performance, listed(1, 4))).savefig(io.BytesIO(), format="png", dpi=40)


def test_panels_do_not_overlap():
    figure = plot_recording(StandIn(hebb(models=("conventional", "hybrid", "stable")), listed(5, 4)))
    figure.savefig(io.BytesIO(), format="png", dpi=50)
    boxes = [ax.get_tightbbox() for ax in figure.axes]
    boxes += [legend.get_window_extent() for part in [figure, *figure.subfigs] for legend in part.legends]
    for i, box in enumerate(boxes):
        assert not any(box.shrunk(0.98, 0.98).overlaps(other.shrunk(0.98, 0.98)) for other in boxes[i + 1 :]), (i, box)


PLASTIC = ["conventional", "hybrid", "stable", "rising", "falling", "fixed-rate"]
ORDERED = ["positional", "positional-flexible", "positional-stable", "simple", "primacy"]
DEEP = [name for name in STYLES if name not in (*PLASTIC, *ORDERED)]


@pytest.mark.parametrize("presets", [PLASTIC, DEEP, ORDERED], ids=["plastic", "deep", "ordered"])
def test_styles_of_models_that_meet_differ_in_colour_and_without_it(presets):
    styles = model_styles([*presets, "a", "b", "c", "d", presets[0], "a"])
    assert len(styles) == len(presets) + 4
    assert len({style.color for style in styles.values()}) == len(styles)
    assert len({(str(style.linestyle), style.marker) for style in styles.values()}) == len(styles)
    assert all(max(to_rgb(style.color)) < 0.95 or min(to_rgb(style.color)) < 0.4 for style in styles.values())


def test_a_models_style_does_not_depend_on_its_company():
    assert model_styles(["mine", "hybrid"])["hybrid"] == model_styles(["hybrid"])["hybrid"] == STYLES["hybrid"]


def test_figures_need_no_display_and_leave_pyplot_alone():
    plot_recording(StandIn(hebb(), listed(5, 4)))
    assert "matplotlib.pyplot" not in sys.modules or not sys.modules["matplotlib.pyplot"].get_fignums()
