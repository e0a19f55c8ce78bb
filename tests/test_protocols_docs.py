"""The examples of docs/protocol-language.md are protocols that load and code that runs."""

import re
from pathlib import Path

import pytest

from engram.protocols import Probe, Protocol, library, load, unroll
from engram.protocols.protocol import walk

TEXT = (Path(__file__).parent.parent / "docs" / "protocol-language.md").read_text(encoding="utf-8")
AROUND = "name: example\nitems: {count: 12, lists: {A: [0, 1], B: [2, 3]}}\nschedule:\n"


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", blocks("yaml"))
def test_yaml(example):
    text = example if example.startswith("name:") else AROUND + example
    assert len(unroll(Protocol.from_yaml(text).settled())) > 0


@pytest.mark.parametrize("example", blocks("python"))
def test_python(example, capsys):
    exec(example, {})
    assert capsys.readouterr().out


def test_the_example_of_a_mistake():
    [told] = blocks("text")
    text = "name: x\nitems: {count: 4}\nschedule:\n  - repeat: 3\n    phases:\n      - probe: all\n      - wake:\n"
    with pytest.raises(ValueError) as error:
        Protocol.from_yaml(text + "          present: curent\n", "mine.yaml")
    assert str(error.value) == told.strip()


def test_the_timeline_that_is_shown():
    first = unroll(Protocol.from_yaml(blocks("yaml")[0])).describe().splitlines()
    assert "\n".join(first[:4]) in TEXT


def test_the_table_of_abilities():
    from engram.models import MetaplasticNetwork
    from engram.models.deep import BrainCL, DeepLearner
    from engram.models.ordered import PositionalNetwork
    from engram.models.spiking.circuit_model import CircuitModel

    row = r"^\| `([\w-]+)` \| (nothing|`.*`) \| (yes|no) \| (yes|with a store|no) \| (yes|no) \| (yes|no) \|$"
    rows = re.findall(row, TEXT, re.MULTILINE)
    assert [name for name, *_ in rows] == list(library())
    for name, asked, metaplastic, deep, circuit, ordered in rows:
        abilities = set(load(name).abilities())
        assert set(re.findall(r"`([\w-]+)`", asked)) == abilities, name
        assert (metaplastic == "yes") == (abilities <= MetaplasticNetwork.abilities), name
        assert (deep == "yes") == (abilities <= DeepLearner.abilities), name
        assert (deep != "no") == (abilities <= BrainCL.abilities), name
        assert (circuit == "yes") == (abilities <= CircuitModel.abilities), name
        recalled = all(phase.kind == "recall" for _, phase in walk(load(name).schedule) if isinstance(phase, Probe))
        assert (ordered == "yes") == (recalled and abilities <= PositionalNetwork.abilities), name


def test_every_ability_that_a_protocol_can_ask_for_is_explained():
    explained = set(re.findall(r"^\| `([a-z-]+)` \| .+ \|$", TEXT.split("## What a model must be able to do")[1], re.M))
    assert {ability for name in library() for ability in load(name).abilities()} <= explained
