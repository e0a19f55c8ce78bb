"""Circuits as models: what they refuse, how images become patterns, how recall is scored, how long phases last."""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data.items import ImagePart, Pool
from engram.data.patterns import Patterns
from engram.models.registry import model_from_spec
from engram.models.spiking import LIF, AllToAll, BrainState, Circuit, Population, Projection, TraceRule
from engram.models.spiking.circuit_model import CircuitModel
from engram.models.spiking.encoding import ImageCode
from engram.models.spiking.presets import (
    fixed_rate_two_stage_model,
    flexible_two_stage_model,
    noiseless_two_stage_model,
    shuffled_two_stage_model,
    two_stage_model,
)
from engram.models.spiking.procedure import Procedure
from engram.protocols import Protocol, RecordSpec
from engram.protocols.phases import Rest, Sleep
from engram.sim.circuit_phases import presentation, rest_pieces, sleep_pieces, sleep_stages
from engram.sim.circuit_recall import best_match, cued_cells, recall_auc

CELLS = 20
STATES = ("wake", "probe", "reset", "nrem", "rem", "rest")


def model(recurrent=True, **procedure):
    populations = [Population("C", CELLS, LIF(), "cortex", 0.6), Population("H", 10, LIF(), "hippocampus")]
    learns = TraceRule(post_threshold=0.2)
    projections = [Projection("C", "C", learns, AllToAll()), Projection("C", "H", learns, AllToAll())]
    if recurrent:
        projections.append(Projection("H", "H", learns, AllToAll()))
    circuit = Circuit(populations, projections, [BrainState(name) for name in STATES])
    return CircuitModel(circuit=circuit, procedure=procedure)


def protocol(schedule, count=2):
    return Protocol.from_yaml(f"name: asked\nitems: {{set: patterns, count: {count}}}\nschedule:\n{schedule}")


def patterns(cells=CELLS, active=4, **options):
    return Patterns(cells=cells, active=active, classes=4, **options).pool()


# What is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        (
            "- wake: {present: all, labels: deranged}",
            r"schedule\[0\].wake: labels other than the true ones mean nothing",
        ),
        ("- wake: {present: all, labels: {wrong: 0.5}}", "has no cells for labels"),
        ("- sleep: {passes: 3}", "sleeps for a time, and this sleep has none"),
        ("- sleep: {duration: 6 h, replay: [0]}", "cannot be told which items"),
        (
            "- sleep: {duration: 6 h, cue: [0]}",
            'procedure.states.reactivation: found "reactivation"; .* no brain state',
        ),
        ("- lesion: hipocampus", 'no part "hipocampus" to lesion; .* Did you mean "hippocampus"'),
        ("- probe: {of: all, lesions: [none, C-D]}", 'no part "C-D" to lesion'),
        ("- probe: {of: all, kind: cued, cue: {fraction: 1}}", "the cue is the whole item"),
        ("- probe: {of: all, kind: recall}", '"recall"'),
        ("- rest: {duration: 1 h, replay: true}", 'states.quiet_replay: found "quiet-replay"'),
    ],
)
def test_what_a_circuit_cannot_be_taken_through_is_refused_in_words(schedule, words):
    with pytest.raises(ValueError, match=words):
        model().check(protocol(schedule), patterns())


@pytest.mark.parametrize(
    "schedule",
    [
        "- sleep: 6 h",
        "- rest: 1 h",
        "- lesion: C-H",
        "- probe: {of: all, lesions: [none, H]}",
        "- probe: {of: all, kind: cued, cue: {fraction: 1, noise: 0.5}}",
        "- probe: {of: all, kind: cued, cue: {fraction: 0}}",
    ],
)
def test_what_it_can_is_not(schedule):
    model().check(protocol(schedule), patterns())


@pytest.mark.parametrize("cells", [16, 500])
def test_patterns_over_another_number_of_cells_are_refused(cells):
    with pytest.raises(ValueError, match=rf"over {cells} cells, population C .* has 20 cells; .* cells: 20"):
        model().check(protocol("- wake: all"), patterns(cells))


def test_a_pattern_without_two_cells_or_without_two_others_is_refused():
    with pytest.raises(ValueError, match="makes 1 to 1 of 20 cells active"):
        model().check(protocol("- wake: all"), patterns(active=1))


def test_too_sparse_a_code_of_images_is_refused():
    images = Pool("dots", ("a", "b"), *[ImagePart(np.zeros((2, 3, 3), np.uint8), np.array([0, 1]))] * 2, "")
    model(active=0.1).check(protocol("- wake: all"), images)
    with pytest.raises(ValueError, match="fewer than two cells"):
        model(active=0.05).check(protocol("- wake: all"), images)


def test_sleep_without_recurrent_excitation_in_the_hippocampus_is_warned_of():
    with pytest.warns(UserWarning, match="nothing will replay"):
        model(recurrent=False).check(protocol("- sleep: 6 h"), patterns())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model(recurrent=False).check(protocol("- wake: all"), patterns())
        model().check(protocol("- sleep: 6 h"), patterns())


def test_where_no_module_is_called_hippocampus_any_population_that_excites_itself_may_replay():
    alone = Population("C", CELLS, LIF(), "", 0.6)
    states = [BrainState(name) for name in STATES]
    within = Projection("C", "C", TraceRule(post_threshold=0.2), AllToAll())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CircuitModel(circuit=Circuit([alone], [within], states)).check(protocol("- sleep: 6 h"), patterns())
    with pytest.warns(UserWarning, match="no population of the circuit excites itself"):
        CircuitModel(circuit=Circuit([alone], [], states)).check(protocol("- sleep: 6 h"), patterns())


@pytest.mark.parametrize("field", ["exposure", "cue", "piece", "reactivation_cue"])
def test_times_shorter_than_a_step_are_refused(field):
    with pytest.raises(
        ValueError, match=f"procedure.{field}: found 100 us; expected at least a step of the circuit, 1 ms"
    ):
        model(**{field: "100 us"})


@pytest.mark.parametrize(("name", "words"), [("C.w", 'no "C.w"; it has C.a'), ("D.v", 'no "D.v"')])
def test_states_of_what_is_not_there_are_refused(name, words):
    asked = protocol("- wake: all").model_copy(update={"record": RecordSpec(states={"of": [name], "every": "1 ms"})})
    with pytest.raises(ValueError, match=words):
        model().check(asked, patterns())
    fine = protocol("- wake: all").model_copy(update={"record": RecordSpec(states={"of": ["H.gE"], "every": "1 ms"})})
    model().check(fine, patterns())


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"driven": "D"}, 'procedure.driven: found "D"; the circuit has no population of that name, but C or H'),
        ({"driven": "H"}, "population H of the circuit has no drive_weight"),
        ({"rate_limits": {"HI": "9 Hz"}}, 'rate_limits: found "HI"'),
        ({"shuffled": ["H-C"]}, 'shuffled: found "H-C"; the circuit has no plastic projection'),
        ({"states": {"wake": "awake"}}, 'states.wake: found "awake"'),
        ({"exposure": 400}, "exposure: found 400, which has no unit"),
        ({"exposure": "0 ms"}, "expected a time above 0"),
        ({"cue_fraction": 1}, "less than 1"),
        ({"time_scale": 0}, "greater than 0"),
        ({"reactivation_every": "50 ms"}, "reactivation_every: found 50 ms; expected more than a cue lasts"),
        ({"piece": "1 V"}, "which is a voltage"),
        ({"exposures": "1 s"}, 'there is no such parameter. Did you mean "exposure"'),
        ({"cycle": [{"nrem": "0 s"}]}, "stages that last no time"),
    ],
)
def test_an_impossible_procedure_is_refused_in_words(fields, words):
    with pytest.raises(ValueError, match=words):
        model(**fields)


def test_a_spec_is_read_back():
    made = two_stage_model(procedure={"time_scale": 720, "states": {"rest": "quiet"}})
    assert model_from_spec(made.spec()) == made
    assert made.chance(8) == 0.5


@pytest.mark.parametrize(
    ("make", "differs"),
    [
        (flexible_two_stage_model, {"circuit.projections"}),
        (fixed_rate_two_stage_model, {"circuit.projections"}),
        (noiseless_two_stage_model, {"circuit.states"}),
        (shuffled_two_stage_model, {"procedure.shuffled"}),
    ],
)
def test_a_variant_differs_in_one_thing(make, differs):
    def flat(model):
        spec = model.spec()
        return {f"{part}.{name}": value for part in ("circuit", "procedure") for name, value in spec[part].items()}

    usual, variant = flat(two_stage_model()), flat(make())
    assert {name for name in usual if usual[name] != variant[name]} == differs
    given = make(procedure=Procedure(time_scale=99))
    assert given.procedure.time_scale == 99
    assert given.circuit == make().circuit
    assert given.procedure.shuffled == make().procedure.shuffled


# Images as patterns ---------------------------------------------------------------------------------------------------


def test_an_image_of_as_many_pixels_as_cells_is_taken_cell_by_cell():
    images = np.array([[[0, 51], [128, 255]]], np.uint8)
    pool = Pool("one", ("a",), *[ImagePart(images, np.array([0]))] * 2, "")
    code = ImageCode(pool, 4, 0.1)
    assert code.drive(images[0]).tolist() == pytest.approx([0, 0.2, 128 / 255, 1])
    assert code.members(images[0]).tolist() == [False, False, True, True]


@given(cells=st.integers(5, 60), active=st.floats(0.05, 0.9), colour=st.booleans())
def test_other_images_get_a_code_of_as_many_cells_as_was_asked_the_same_every_time(cells, active, colour):
    shape = (7, 11, 3) if colour else (7, 11)
    images = np.random.default_rng(cells).integers(0, 256, (4, *shape)).astype(np.uint8)
    pool = Pool("noise", ("a", "b"), *[ImagePart(images, np.array([0, 0, 1, 1]))] * 2, "")
    code, again = ImageCode(pool, cells, active), ImageCode(pool, cells, active)
    for image in images:
        assert code.members(image).sum() == max(1, round(active * cells))
        assert np.array_equal(code.members(image), again.members(image))
        assert np.array_equal(code.drive(image), code.members(image))


def test_like_images_have_like_codes():
    rng = np.random.default_rng(0)
    image, other = rng.integers(0, 256, (2, 10, 10))
    near = np.clip(image + rng.normal(0, 20, image.shape), 0, 255)
    images = np.stack([image, near, other]).astype(np.uint8)
    pool = Pool("noise", ("a",), *[ImagePart(images, np.zeros(3, int))] * 2, "")
    members = [ImageCode(pool, 400, 0.1).members(image) for image in images]
    assert (members[0] & members[1]).sum() > 2 * (members[0] & members[2]).sum()


# Recall ---------------------------------------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 4), min_size=8, max_size=8), st.integers(0, 3), st.integers(0, 3))
def test_auc_is_the_area_under_the_curve(counts, cued_inside, cued_outside):
    from sklearn.metrics import roc_auc_score

    members, cued = np.zeros(8, bool), np.zeros(8, bool)
    members[:4] = True
    cued[:cued_inside] = cued[4 : 4 + cued_outside] = True
    expected = roc_auc_score(members[~cued], np.array(counts)[~cued])
    assert recall_auc(np.array(counts), members, cued) == pytest.approx(expected)


def test_auc_of_nothing_to_recall_is_not_a_number():
    members = np.array([True, False])
    assert np.isnan(recall_auc(np.array([1, 2]), members, members))


def test_a_silent_network_answers_nothing():
    codes = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    assert best_match(np.zeros(4, int), codes, np.zeros(4, bool)) == -1
    assert best_match(np.array([0, 3, 3, 0]), codes, np.zeros(4, bool)) == -1


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 2**31))
def test_a_cue_has_the_size_that_was_asked_and_its_noise_lies_outside(fraction, noise, seed):
    members = np.zeros(40, bool)
    members[:10] = True
    cue = cued_cells(members, fraction, noise, np.random.default_rng(seed))
    shown = round(10 * fraction)
    assert cue.sum() == shown
    assert (cue & ~members).sum() == round(noise * shown)


# Phases ---------------------------------------------------------------------------------------------------------------


def test_a_duration_alone_is_filled_with_cycles_and_the_last_is_cut():
    stages = sleep_stages(Sleep(duration="4 h"), Procedure())
    assert stages == [(1, "nrem", 3600), (1, "rem", 1800), (2, "nrem", 3600), (2, "rem", 1800), (3, "nrem", 3600)]


@given(st.floats(0.01, 5), st.sampled_from(["100 ms", "300 ms", "1 s"]))
def test_pieces_of_a_stage_add_up_to_it_and_none_is_longer_than_allowed(seconds, piece):
    procedure = Procedure(time_scale=100, piece=piece)
    pieces = sleep_pieces(Sleep(stages=[{"rem": f"{seconds * 100} s"}]), procedure, ())
    lengths = [stretch.seconds for piece in pieces for stretch in piece.stretches]
    assert sum(lengths) == pytest.approx(seconds, abs=1.1e-3)
    assert max(lengths) <= {"100 ms": 0.1, "300 ms": 0.3, "1 s": 1.0}[piece] + 1e-9
    assert [p.stage_starts for p in pieces] == [True] + [False] * (len(pieces) - 1)
    assert [p.stage_ends for p in pieces] == [False] * (len(pieces) - 1) + [True]


def test_cued_nrem_is_as_long_as_uncued():
    procedure, phase = Procedure(time_scale=1000), Sleep(stages=[{"nrem": "2300 s"}])
    for cues in ((), [(0, np.ones(3, np.float32))]):
        stretches = [stretch for piece in sleep_pieces(phase, procedure, cues) for stretch in piece.stretches]
        assert sum(stretch.seconds for stretch in stretches) == pytest.approx(2.3)


def test_a_rest_without_time_is_nothing():
    assert rest_pieces(Rest(duration="0 s"), Procedure()) == []


def test_a_presentation_without_a_gap_is_an_exposure():
    (stretch,) = presentation(Procedure(gap="0 ms"), 2, np.ones(3, np.float32)).stretches
    assert (stretch.stage, stretch.state, stretch.seconds, stretch.item) == ("exposure", "wake", 0.4, 2)


def test_a_refused_circuit_is_not_repeated_in_full():
    spec = two_stage_model().spec()
    spec["circuit"]["populations"][1]["cell"]["mu"] = "x"
    with pytest.raises(ValueError, match=r"populations\.1: Population: cell: LIF: mu: found 'x'") as refusal:
        model_from_spec(spec)
    assert len(str(refusal.value)) < 600
