import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import engram.protocols
from engram.protocols import Protocol, json_schema, library, load, unroll
from engram.protocols.yaml_form import parse

CONTROLS = ["quiet", "quiet-replay", "busy", "busy-replay"]
NAMES = [
    "ab-ac",
    "ab-dc",
    "forgetting",
    "free-recall",
    "free-recall-12",
    "hebb-and-fillers",
    "hebb-repetition",
    "item-repetition",
    "learning-frequency",
    "lesion-gradient",
    "list-a-list-b",
    "prototype-extraction",
    "prototype-extraction-wake",
    "rest-and-forgetting",
    "serial-position-10",
    "serial-position-30",
    "serial-position-patterns",
    "serial-recall",
    "sleep-and-wake",
    "sleep-vs-wake",
    *[f"sleep-vs-wake-{control}" for control in CONTROLS],
    "spacing",
    "systems-consolidation",
    "targeted-reactivation",
]
NIGHT = 6 * 3600


def test_the_library_holds_what_the_docs_promise():
    assert set(NAMES) <= set(library())


@pytest.mark.parametrize("name", sorted(library()))
def test_every_protocol_of_the_library(name):
    protocol = load(name)
    assert protocol.name == name
    assert protocol.about
    assert protocol.source.startswith("doi:")
    assert load(library()[name]) == protocol
    settled = protocol.for_classes(200, domains=["s1", "s2"])
    assert not settled.open
    assert (settled is protocol) == (not protocol.open)
    assert len(unroll(settled)) > 0


def test_serial_position():
    line = unroll(load("serial-position-10"))
    assert [s.kind for s in line] == ["wake", "probe"] * 10
    assert line.curve_steps == tuple(range(0, 20, 2))
    assert line.presentations(0).item.tolist() == list(range(10))
    assert unroll(load("serial-position-30")).presentations(0).item.tolist() == list(range(30))


def test_hebb_repetition():
    protocol = load("hebb-repetition")
    line = unroll(protocol)
    assert [(s.label, s.repetition) for s in line][::20] == [("repetition", k) for k in range(1, 10)] + [
        ("poisoning", 0)
    ]
    got = line.presentations(0)
    assert got.item.tolist() == list(range(10)) * 10
    assert (got.label[:90] == got.item[:90]).all()
    assert (got.label[90:] != got.item[90:]).all()
    assert sorted(got.label[90:]) == list(range(10))
    assert set(protocol.abilities()) == {"labels"}


def test_learning_frequency():
    line = unroll(load("learning-frequency"))
    assert [s.kind for s in line] == ["wake"] * 55 + ["probe"]
    assert np.bincount(line.presentations(0).item).tolist() == list(range(1, 11))


def test_hebb_and_fillers():
    protocol = load("hebb-and-fillers")
    line = unroll(protocol)
    tested = [s for s in line if s.kind == "probe"]
    assert [s.list for s in tested] == ["filler", "filler", "hebb"] * 16
    assert [s.repetition for s in tested if s.list == "hebb"] == list(range(1, 17))
    assert set(protocol.abilities()) == {"recall", "order"}


def kinds_and_lesions(line):
    return [(s.kind, s.repetition, s.lesion) for s in line]


def asked(line, subject=0):
    """Slots that each probe asks for."""
    presentations = line.presentations(subject)
    return [np.flatnonzero(line.probed(k, presentations)).tolist() for k in line.probe_steps]


def test_systems_consolidation():
    protocol = load("systems-consolidation")
    line = unroll(protocol)
    tests = [("probe", "none"), ("probe", "hippocampus")]
    assert kinds_and_lesions(line) == [
        ("wake", 0, "none"),
        *[(kind, 0, lesion) for kind, lesion in tests],
        *[(kind, n, lesion) for n in (1, 2, 3) for kind, lesion in [("sleep", "none"), *tests]],
    ]
    shown = line.presentations(0).item.reshape(3, 8)  # three exposures of each
    assert [sorted(row) for row in shown.tolist()] == [list(range(8))] * 3
    assert len({tuple(row) for row in shown}) == 3  # in another order each time
    assert [s.stop - s.start for s in line if s.kind == "sleep"] == [NIGHT] * 3
    assert asked(line) == [list(range(8))] * 8
    assert set(protocol.abilities()) == {"sleep", "lesion", "cued-recall"}


def test_prototypes_are_extracted_with_and_without_sleep():
    slept, waked = load("prototype-extraction"), load("prototype-extraction-wake")
    assert slept.items == waked.items
    assert slept.items.options == {"noise": 0.2}
    night, day = unroll(slept), unroll(waked)
    assert np.bincount(night.presentations(3).item).tolist() == [6] * 8
    assert night.presentations(3).item.tolist() == day.presentations(3).item.tolist()
    assert [s.start for s in night] == [s.start for s in day]
    assert {"sleep": "rest"}.items() <= {a.kind: b.kind for a, b in zip(night, day, strict=True)}.items()


@pytest.mark.parametrize("control", CONTROLS)
def test_waking_controls_of_sleep(control):
    slept, waked = load("sleep-vs-wake"), load(f"sleep-vs-wake-{control}")
    assert waked.items == slept.items
    night, day = unroll(slept), unroll(waked)
    # Subject 4 learns the same in the same order, is asked the same, and as much time goes by.
    assert night.presentations(4).item.tolist() == day.presentations(4).item[:24].tolist()
    assert asked(night) == asked(day) == [list(range(8))] * 4
    assert [night.steps[k].start for k in night.probe_steps] == [day.steps[k].start for k in day.probe_steps]
    others = day.presentations(4).item[24:].tolist()
    assert others == (np.repeat(np.arange(8, 16), 3).tolist() if "busy" in control else [])
    assert {s.phase.replay for s in day if s.kind == "rest"} == {"replay" in control}
    assert ("quiet-replay" in waked.abilities()) == ("replay" in control)
    assert {s.label for s in day if s.kind == "rest"} == {"retention"}


def test_item_repetition():
    line = unroll(load("item-repetition"))
    steps = [s for s in line if s.kind != "rest"]
    assert len(steps) == 6 * 6
    for cycle in range(6):
        wake, sleep, *probes = steps[6 * cycle : 6 * cycle + 6]
        assert (wake.kind, sleep.kind, {s.repetition for s in (wake, sleep, *probes)}) == ("wake", "sleep", {cycle + 1})
        assert [(s.list, s.lesion) for s in probes] == [
            (name, lesion) for name in ("repeated", "fillers") for lesion in ("none", "hippocampus")
        ]
        fillers = list(range(4 + 4 * cycle, 8 + 4 * cycle))  # never met before
        shown = line.presentations(2).of(wake.index).item.reshape(3, 8).tolist()
        assert [sorted(row) for row in shown] == [[0, 1, 2, 3, *fillers]] * 3
        assert all(row[:4] != [0, 1, 2, 3] for row in shown)  # mixed
        assert asked(line)[4 * cycle : 4 * cycle + 4] == [[0, 1, 2, 3]] * 2 + [fillers] * 2


def test_list_a_list_b():
    protocol = load("list-a-list-b")
    line = unroll(protocol)
    assert protocol.items.options == {"overlap": 0.2}
    assert [s.kind for s in line if s.kind != "probe"] == ["wake", "sleep", "wake", "sleep"]
    tested = [(s.label, s.list) for s in line if s.kind == "probe" and s.lesion == "none"]
    assert tested == [("before B", "A"), ("after B", "A"), ("after B", "B")]
    assert asked(line)[::2] == [[0, 1, 2, 3], [0, 1, 2, 3], [4, 5, 6, 7]]
    shown = line.presentations(1)
    assert [sorted(set(shown.of(k).item.tolist())) for k in (0, 4)] == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_serial_position_of_patterns():
    line = unroll(load("serial-position-patterns"))
    assert [s.kind for s in line] == ["wake", "probe"] * 10 + ["sleep", "probe", "probe"]
    assert line.presentations(0).item.tolist() == np.repeat(np.arange(10), 3).tolist()
    assert [s.lesion for s in line][-2:] == ["none", "hippocampus"]
    assert asked(line) == [list(range(10))] * 12


def test_targeted_reactivation():
    protocol = load("targeted-reactivation")
    line = unroll(protocol)
    [night] = [s for s in line if s.kind == "sleep"]
    assert np.flatnonzero(line.cued(night, line.presentations(0))).tolist() == [0, 1, 2, 3]
    assert asked(line)[::2] == [[0, 1, 2, 3], [4, 5, 6, 7]] * 2
    assert "targeted-reactivation" in protocol.abilities()


def test_rest_and_forgetting():
    line = unroll(load("rest-and-forgetting"))
    learned = line.steps[0].stop
    since = {s.label: (s.start - learned) / 3600 for s in line if s.kind == "probe"}
    assert list(since) == ["at once", "20 min", "1 h", "8.8 h", "24 h"]
    assert list(since.values()) == pytest.approx([0, 1 / 3, 1, 8.8, 24])


def test_an_unknown_name_gives_the_nearest():
    with pytest.raises(ValueError, match=r'no protocol is named "hebb-repetiton".*Did you mean "hebb-repetition"'):
        load("hebb-repetiton")


def test_files_that_cannot_be_loaded(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load(tmp_path / "none.yaml")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        load(tmp_path)
    path = tmp_path / "broken.yaml"
    path.write_bytes(b"name: a\nabout: \xff\n")
    with pytest.raises(ValueError, match=r"broken.yaml:2: found byte 0xff"):
        load(path)
    path.write_text("#" * (1 << 21))
    with pytest.raises(ValueError, match="larger than 1024 KiB"):
        load(str(path))


def test_a_file_of_ones_own(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nitems: {count: 2}\nschedule: [wake: all, probe: all]\n")
    assert load(path) == load(str(path)) == Protocol.from_yaml(path.read_text())


@pytest.fixture(scope="module")
def schema():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(json_schema())
    return jsonschema.Draft202012Validator(json_schema())


@pytest.mark.parametrize("name", NAMES)
def test_the_schema_accepts_the_library(schema, name):
    schema.validate(parse(library()[name].read_bytes(), name)[0])
    schema.validate(parse(load(name).to_yaml(), name)[0])


@pytest.mark.parametrize(
    "element",
    [
        "wake: {present: all, labels: true, order: [1, 0, 3, 2], exposures: 2, duration: 400 ms}",
        "wake: [0, 1]",
        "sleep:",
        "sleep: {cycles: 4, stages: [{nrem: 60 min}, {rem: 30 min}]}",
        "lesion: none",
        "lesion: {none}",
        "rest: 10 min",
        "rest: {duration: 6 h, replay: true}",
        "wake: [A, B]",
        "probe: {of: [A, B]}",
        "sleep: {cue: [B], replay: A}",
        "probe: {kind: cued, cue: {fraction: 0.5}, lesions: [none, hippocampus]}",
        "{repeat: 2, label: a, phases: [{each: item, frequency: {from: 1, step: 1}, phases: [{wake: current}]}]}",
    ],
)
def test_the_schema_accepts_all_forms(schema, element):
    text = f"name: x\nitems: {{count: 4, lists: {{A: [0], B: [1]}}}}\nschedule:\n- wake: all\n- {element}\n"
    Protocol.from_yaml(text)
    schema.validate(parse(text, "f")[0])


@pytest.mark.parametrize(
    "element",
    [
        "wak: all",
        "wake: {presnt: all}",
        "wake: []",
        "wake:",
        "wake: {present: all, labels: derange}",
        "rest: 10",
        "rest: {duration: 1 s, replay: 1}",
        "wake: [A, 0]",
        "rest: 10 minutes",
        "lesion: {a: 3}",
        "{wake: all, probe: all}",
        "{repeat: -1, phases: [{wake: all}]}",
        "{repeat: 2, phases: []}",
        "{each: items, phases: [{wake: all}]}",
        "sleep: {passes: 0}",
        "probe: {kind: recal}",
    ],
)
def test_the_schema_refuses_what_we_refuse(schema, element):
    text = f"name: x\nitems: {{count: 4}}\nschedule:\n- {element}\n"
    with pytest.raises(ValueError):
        Protocol.from_yaml(text)
    assert not schema.is_valid(parse(text, "f")[0])


ITEMS_AND_RECORD = [
    "items: {count: 2, options: {overlap: 0.2, sizes: [1, 2], path: mine, exact: true, none: null}}",
    "items: {count: 2}\nrecord: {spikes: none, rates: 10 ms, states: {of: [C.v], every: 2 ms, cells: 3}}",
]
NEITHER = [
    "items: {count: 2, options: 3}",
    "items: {count: 2, options: {Overlap: 3}}",
    "items: {count: 2, options: {overlap: {mean: 3}}}",
    "items: {count: 2}\nrecord: {spikes: some}",
    "items: {count: 2}\nrecord: {rates: 10}",
    "items: {count: 2}\nrecord: {states: {of: [v]}}",
    "items: {count: 2}\nrecord: {states: {every: 1 ms}}",
    "items: {count: 2}\nrecord: {states: {of: [C.v], cells: 0}}",
]


@pytest.mark.parametrize("head", ITEMS_AND_RECORD)
def test_the_schema_accepts_options_and_what_is_recorded(schema, head):
    text = f"name: x\n{head}\nschedule: [wake: all]\n"
    Protocol.from_yaml(text)
    schema.validate(parse(text, "f")[0])


@pytest.mark.parametrize("head", NEITHER)
def test_the_schema_refuses_wrong_options_and_records(schema, head):
    text = f"name: x\n{head}\nschedule: [wake: all]\n"
    with pytest.raises(ValueError):
        Protocol.from_yaml(text)
    assert not schema.is_valid(parse(text, "f")[0])


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(engram.protocols.__path__)])
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"engram.protocols.{module}")).failed == 0


def test_public_names_resolve_and_say_what_they_are():
    for name in engram.protocols.__all__:
        assert getattr(engram.protocols, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        engram.protocols.nonsense  # noqa: B018


def test_lists_of_all_lengths_are_recalled_in_order_or_freely():
    serial, free = load("serial-recall"), load("free-recall")
    assert serial.items == free.items
    assert set(serial.abilities()) == {"recall", "order"}
    assert set(free.abilities()) == {"recall"}
    line = unroll(serial)
    assert sorted(line.presentations_per_step[::2].tolist()) == sorted([4, 5, 6, 7, 8, 10, 12, 15] * 4)
    assert sorted(line.presentations(0).item.tolist()) == list(range(268))


def test_free_recall_of_twelve_ends_with_everything():
    line = unroll(load("free-recall-12"))
    assert [s.kind for s in line] == ["wake", "probe"] * 16 + ["probe"]
    assert [len(slots) for slots in asked(line)] == [12] * 16 + [192]
    assert line.steps[-1].start == pytest.approx(192 * 1.6)
    assert load("free-recall-12").items.count == 192


def test_forgetting_at_the_delays_of_ebbinghaus():
    line = unroll(load("forgetting"))
    learned = line.steps[0].stop
    hours = [(line.steps[k].start - learned) / 3600 for k in line.probe_steps]
    assert hours == pytest.approx([1 / 3, 1, 8.8, 24, 48, 144, 744])


def test_spacing_comes_massed_and_with_short_and_long_lags():
    line = unroll(load("spacing"))
    presentations = line.presentations(5)
    lags = {"massed": (1, 1), "short": (3, 6), "long": (6, 20)}  # in places, as Kahana and Howard count them
    seen = set()
    for step in line.steps[::2]:
        items = presentations.of(step.index).item
        seen |= set(items.tolist())
        places = np.argsort(items, kind="stable").reshape(30, 3)
        apart = np.diff(places, axis=1)
        assert lags[step.list][0] <= apart.min() <= apart.max() <= lags[step.list][1]
        assert line.steps[step.index + 1].label == f"spacing={step.list}"
    assert len(seen) == 270
    turns = [step.list for step in line.steps[::2]]
    assert [sorted(turns[k::3]) for k in range(3)] == [["long", "massed", "short"]] * 3  # each once in each place


def test_interference_and_its_control_share_the_first_pairs():
    same, other = unroll(load("ab-ac")), unroll(load("ab-dc"))
    assert load("ab-ac").items == load("ab-dc").items
    ac, dc = same.presentations(2), other.presentations(2)
    assert ac.item.tolist() == dc.item.tolist()
    assert ac.cue[:36].tolist() == dc.cue[:36].tolist()
    first, second = slice(0, 36), slice(36, 54)
    assert (ac.cue[first] == ac.item[first] - 18).all()
    assert (ac.cue[second] == ac.item[second] - 36).all()
    assert (dc.cue[second] == dc.item[second] + 18).all()
    assert np.bincount(ac.item)[18:36].tolist() == [1] * 6 + [2] * 6 + [3] * 6
    assert [same.steps[k].label for k in same.probe_steps] == [f"presentations={n}" for n in (1, 2, 3)]
    assert set(load("ab-ac").abilities()) == {"pairs", "recall"}


def test_lesion_gradient():
    line = unroll(load("lesion-gradient"))
    assert [s.kind for s in line.steps[:8]] == ["wake", "sleep"] * 4
    tests = [(line.steps[k].label, line.steps[k].lesion) for k in line.probe_steps]
    assert tests == [(f"nights={n}", lesion) for n in (4, 3, 2, 1) for lesion in ("none", "hippocampus")]
    assert asked(line)[::2] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_sleep_and_wake_last_equally_long_in_one_subject():
    line = unroll(load("sleep-and-wake"))
    lasting = {s.kind: s.stop - s.start for s in line if s.kind in ("sleep", "rest")}
    assert lasting == {"sleep": NIGHT, "rest": NIGHT}
    assert [line.steps[k].label for k in line.probe_steps] == ["activity=sleep", "activity=wake"]
    assert asked(line) == [list(range(8)), list(range(8, 16))]
