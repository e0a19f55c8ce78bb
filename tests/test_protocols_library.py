import doctest
import importlib
import pkgutil

import numpy as np
import pytest

import engram.protocols
from engram.protocols import Protocol, json_schema, library, load, unroll
from engram.protocols.yaml_form import parse

NAMES = ["hebb-and-fillers", "hebb-repetition", "learning-frequency", "serial-position-10", "serial-position-30"]


def test_the_library_holds_what_the_docs_promise():
    assert set(NAMES) <= set(library())


@pytest.mark.parametrize("name", sorted(library()))
def test_every_protocol_of_the_library(name):
    protocol = load(name)
    assert protocol.name == name
    assert protocol.about
    assert protocol.source.startswith("doi:")
    assert load(library()[name]) == protocol
    assert len(unroll(protocol)) > 0


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
        "probe: {kind: cued, cue: {fraction: 0.5}, lesions: [none, hippocampus]}",
        "{repeat: 2, label: a, phases: [{each: item, frequency: {from: 1, step: 1}, phases: [{wake: current}]}]}",
    ],
)
def test_the_schema_accepts_all_forms(schema, element):
    text = f"name: x\nitems: {{count: 4}}\nschedule:\n- wake: all\n- {element}\n"
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


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(engram.protocols.__path__)])
def test_examples_in_docstrings(module):
    assert doctest.testmod(importlib.import_module(f"engram.protocols.{module}")).failed == 0


def test_public_names_resolve_and_say_what_they_are():
    for name in engram.protocols.__all__:
        assert getattr(engram.protocols, name).__doc__
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        engram.protocols.nonsense  # noqa: B018
