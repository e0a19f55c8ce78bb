import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch

from engram.analysis import (
    plot_circuit,
    plot_hypnogram,
    plot_nights,
    plot_raster,
    plot_replay_counts,
    plot_weights_before_after,
)
from engram.analysis.figures.modules import MODULE_COLORS, STAGE_GREYS, joined_stages, module_color

CIRCUIT = {
    "nodes": [
        {"name": "C", "size": 6, "module": "cortex"},
        {"name": "H", "size": 4, "module": "hippocampus"},
        {"name": "HI", "size": 2, "module": "hippocampus"},
    ],
    "edges": [
        {"source": "C", "target": "H", "synapses": 8, "mean_weight": 1.0, "receptor": "excitatory", "rule": "trace"},
        {"source": "H", "target": "C", "synapses": 8, "mean_weight": 0.0, "receptor": "excitatory", "rule": "trace"},
        {"source": "H", "target": "H", "synapses": 8, "mean_weight": 0.5, "receptor": "excitatory", "rule": "trace"},
        {"source": "HI", "target": "H", "synapses": 8, "mean_weight": 0.2, "receptor": "inhibitory", "rule": "static"},
    ],
}
SEGMENTS = pd.DataFrame(
    {
        "kind": ["wake", "sleep", "sleep", "sleep", "sleep", "rest", "probe"],
        "stage": ["exposure", "nrem", "cue", "nrem", "rem", "quiet", "cue"],
        "start": [0.0, 1.0, 3.0, 3.5, 5.0, 6.0, 8.0],
        "stop": [1.0, 3.0, 3.5, 5.0, 6.0, 8.0, 9.0],
    }
)
SPIKES = {
    "C": (np.array([0.5, 1.5, 2.5]), np.array([0, 3, 5])),
    "H": (np.array([1.2, 8.5]), np.array([0, 3])),
    "HI": (np.array([]), np.array([], dtype=int)),
}


def drawn(ax, label):
    return next(line for line in ax.get_lines() if line.get_label() == label)


def saved(ax):
    ax.figure.savefig(io.BytesIO(), format="png", dpi=40)
    return ax


def test_raster_puts_every_population_on_lines_of_its_own():
    ax = saved(plot_raster(SPIKES, CIRCUIT))
    lines = {name: set(drawn(ax, name).get_ydata()) for name in SPIKES}
    assert lines["H"] == {2.5, 5.5}  # HI has lines 0 and 1 at the bottom, H has 2 to 5, cell 0 on top
    assert lines["C"] == {11.5, 8.5, 6.5}
    assert ax.get_ylim() == (0, 12)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["HI", "H", "C"]
    assert drawn(ax, "C").get_color() == MODULE_COLORS["cortex"]


def test_raster_shows_a_window_and_orders_cells_by_item():
    member = np.zeros((2, 6), dtype=bool)
    member[0, 5] = member[1, 3] = True
    ax = plot_raster(SPIKES, CIRCUIT, start=1.0, stop=3.0, assemblies={"C": member})
    assert drawn(ax, "C").get_xdata().tolist() == [1.5, 2.5]
    assert drawn(ax, "C").get_ydata().tolist() == [10.5, 11.5]  # cell 5 of item 1 on top, then cell 3 of item 2
    with pytest.raises(ValueError, match="from 3 to 1 s"):
        plot_raster(SPIKES, CIRCUIT, start=3, stop=1)
    with pytest.raises(ValueError, match="expected some of C, H or HI"):
        plot_raster({"CA3": SPIKES["C"]}, CIRCUIT)


def test_raster_draws_no_more_cells_than_asked_for():
    ids = np.arange(400)
    circuit = {"nodes": [{"name": "C", "size": 400, "module": "cortex"}], "edges": []}
    ax = plot_raster({"C": (ids / 400, ids)}, circuit, cells=50)
    heights = drawn(ax, "C").get_ydata()
    assert sorted(heights) == [place + 0.5 for place in range(50)]


def test_stages_are_shaded_and_named_where_there_is_room():
    ax = saved(plot_raster(SPIKES, CIRCUIT, SEGMENTS))
    assert [text.get_text() for text in ax.texts] == ["exposure", "NREM", "cue", "NREM", "REM", "quiet replay", "cue"]
    shades = {tuple(np.round(patch.get_facecolor()[:3], 3)) for patch in ax.patches}
    assert shades == {tuple(np.round(to_rgb(STAGE_GREYS[stage]), 3)) for stage in set(SEGMENTS["stage"])}


def test_touching_stretches_of_one_stage_are_one():
    parts = pd.DataFrame({"stage": ["nrem", "nrem", "nrem"], "start": [0.0, 1.0, 3.0], "stop": [1.0, 2.0, 4.0]})
    assert joined_stages(parts)[["start", "stop"]].to_numpy().tolist() == [[0, 2], [3, 4]]


def hypnogram_level(ax, time):
    names = {place: text.get_text() for place, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    for collection in ax.collections:
        for start, stop in (segment for segment in collection.get_segments() if len(segment) == 2):
            if start[1] == stop[1] and start[0] <= time < stop[0]:
                return names[start[1]]
    return None


def test_hypnogram_has_a_level_for_every_stage():
    ax = saved(plot_hypnogram(SEGMENTS))
    assert [hypnogram_level(ax, t) for t in (0.5, 2, 3.2, 4, 5.5, 7, 8.5)] == [
        "wake", "NREM", "NREM", "NREM", "REM", "rest", "wake",
    ]  # fmt: skip


def test_events_stand_below_in_the_line_of_their_item():
    events = pd.DataFrame({"peak": [1.5, 2.0, 4.0], "item": [2, 1, 0]})
    ax = plot_hypnogram(SEGMENTS, events)
    names = {text.get_text(): place for place, text in zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)}
    marks = {line.get_ydata()[0]: line.get_xdata().tolist() for line in ax.get_lines()}
    assert marks == {names["item 1"]: [2.0], names["item 2"]: [1.5], names["unmatched"]: [4.0]}


def test_hypnogram_in_hours_leaves_out_what_is_not_scaled():
    events = pd.DataFrame({"peak": [3.5], "item": [1]})
    ax = plot_hypnogram(SEGMENTS, events, time_scale=1440)
    assert ax.get_lines()[0].get_xdata().tolist() == [2.5 * 1440 / 3600]  # wake and probes take no room
    assert hypnogram_level(ax, 6.5 * 1440 / 3600) == "rest"
    assert "wake" not in [text.get_text() for text in ax.get_yticklabels()]
    with pytest.raises(ValueError, match="time_scale is 0"):
        plot_hypnogram(SEGMENTS, time_scale=0)


def recall(subjects=3, models=("two-stage",), lesions=("none", "hippocampus")):
    rows = [
        (model, k, night, lesion, 0.9 - 0.02 * k if lesion == "none" else 0.5 + 0.1 * night + 0.01 * k)
        for model in models for k in range(subjects) for night in range(4) for lesion in lesions
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["model", "subject", "night", "lesion", "recall"])


def test_nights_tell_intact_from_lesioned_without_colour():
    ax = saved(plot_nights(recall(), chance={"two-stage": 0.5}))
    intact, lesioned = (container.lines[0] for container in ax.containers)
    np.testing.assert_allclose(intact.get_ydata().astype(float), [0.88] * 4)
    np.testing.assert_allclose(lesioned.get_ydata().astype(float), [0.51, 0.61, 0.71, 0.81])
    assert intact.get_linestyle() != lesioned.get_linestyle()
    assert intact.get_markerfacecolor() != lesioned.get_markerfacecolor() == "white"
    assert [text.get_text() for text in ax.texts] == ["chance"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["before", "1", "2", "3"]


def test_nights_of_two_models_and_of_one_subject():
    ax = saved(plot_nights(recall(models=("two-stage", "no-noise")), chance={"two-stage": 0.5, "no-noise": 0.1}))
    assert [text.get_text() for text in ax.get_legend().get_texts()][2] == "no-noise, intact"
    assert not ax.texts  # the models do not agree on chance
    alone = saved(plot_nights(recall(subjects=1)))
    assert all(not container.has_yerr for container in alone.containers)
    given = Figure().add_subplot()
    assert plot_nights(recall(), given) is given
    assert given.get_legend() is None


def test_replay_counts_are_means_over_subjects():
    counts = pd.DataFrame(
        {"subject": [0, 0, 1, 1] * 2, "night": [1] * 4 + [2] * 4, "item": [1, 2] * 4, "count": [4, 6, 2, 8, 5, 5, 5, 7]}
    )
    ax = saved(plot_replay_counts(counts))
    assert drawn(ax, "1").get_ydata().tolist() == [3, 7]
    assert drawn(ax, "2").get_ydata().tolist() == [5, 6]
    assert drawn(ax, "1").get_marker() != drawn(ax, "2").get_marker()
    assert plot_replay_counts(counts.iloc[:0]).get_xlabel() == "item"


def test_weights_after_are_drawn_against_those_before():
    before = np.repeat([0.1, 0.3], 50)
    after = np.repeat([0.2, 0.3], 50)
    kinds = np.repeat([2, 0], 50)
    ax = saved(plot_weights_before_after(before, after, kinds=kinds))
    np.testing.assert_allclose(drawn(ax, "mean").get_ydata(), [0.2, 0.3])
    assert set(drawn(ax, "within an item").get_xdata()) == {0.3}
    for empty in (plot_weights_before_after([], []), plot_weights_before_after([0.0, np.nan], [0.0, 1.0])):
        saved(empty)
    with pytest.raises(ValueError, match="expected one weight per synapse"):
        plot_weights_before_after([0.1], [0.1, 0.2])
    with pytest.raises(ValueError, match="kinds have shape"):
        plot_weights_before_after([0.1], [0.1], kinds=[0, 1])


def test_a_circuit_is_drawn_with_its_parts():
    ax = saved(plot_circuit(CIRCUIT))
    assert sum(isinstance(patch, Circle) for patch in ax.patches) == 3
    arrows = [patch for patch in ax.patches if isinstance(patch, FancyArrowPatch)]
    forward, back, loop, inhibition = arrows
    assert forward.get_linewidth() > loop.get_linewidth() > inhibition.get_linewidth() > back.get_linewidth()
    assert forward.get_linestyle() in ("-", "solid")
    assert back.get_linestyle() not in ("-", "solid")  # no weight yet
    assert type(forward.get_arrowstyle()) is not type(inhibition.get_arrowstyle())


def test_modules_keep_their_colours_apart():
    assert module_color("cortex") != module_color("hippocampus")
    assert module_color("amygdala") == module_color("amygdala")
    greys = [np.dot(to_rgb(color), [0.299, 0.587, 0.114]) for color in STAGE_GREYS.values()]
    assert min(greys) > 0.7  # spikes stay readable upon them


def test_the_name_of_a_module_is_drawn_as_it_is_and_not_as_mathematics():
    odd = {**CIRCUIT, "nodes": [{**node, "module": r"$\bad{$"} for node in CIRCUIT["nodes"]]}
    assert r"$\bad{$" in [text.get_text() for text in saved(plot_circuit(odd)).texts]
