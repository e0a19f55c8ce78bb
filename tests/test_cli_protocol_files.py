"""Protocol files with mistakes, through ``engram validate`` and ``engram run``; lists and the schema."""

import json
import os

import pytest

from engram.protocols import library

HEAD = "name: x\nitems: {count: 3}\n"
GOOD = HEAD + "schedule:\n  - wake: all\n  - probe: all\n"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)

# Content of the file, the line that is named, and words of the message.
MISTAKES = {
    "unknown field": (HEAD + "schedule:\n  - wake: {presnt: all}\n", 4, ["presnt", 'Did you mean "present"?']),
    "unknown phase": (HEAD + "schedule:\n  - wak: all\n", 4, ["wak", '"wake"']),
    "wrong type": (
        "name: x\nitems: {count: many}\nschedule: [wake: all]\n",
        2,
        ["items.count", "many", "whole number"],
    ),
    "missing field": ("name: x\nitems: {count: 3}\n", 1, ["schedule", "is missing"]),
    "impossible selection": (HEAD + "schedule:\n  - wake: [7]\n", 4, ["7"]),
    "empty schedule": (HEAD + "schedule: []\n", 3, ["schedule"]),
    "empty phases": (HEAD + "schedule:\n  - repeat: 3\n    phases: []\n", 5, ["phases"]),
    "negative count": ("name: x\nitems: {count: -3}\nschedule: [wake: all]\n", 2, ["-3"]),
    "huge count": (HEAD + "schedule:\n  - repeat: 999999999999\n    phases: [wake: all]\n", 4, ["999999999999"]),
    "tab": ("name: x\nitems:\n\tcount: 3\n", 3, ["found a tab in the indentation"]),
    "duplicate key": ("name: x\nname: y\nitems: {count: 3}\nschedule: [wake: all]\n", 2, ["name", "twice", "line 1"]),
    "bomb": (BOMB + GOOD, 1, ["anchors are not allowed"]),
    "tag": ("name: !!python/object/apply:os.system ['true']\n" + GOOD, 1, ["tags are not allowed"]),
    "not UTF-8": (GOOD.replace("x", "x # caf\xe9").encode("latin-1"), 1, ["0xe9", "not UTF-8"]),
    "control character": ("name: x\nabout: \x07\n", 2, ["#x0007"]),
    "empty file": ("", 1, ["the file is empty"]),
    "a list": ("- name: x\n", 1, ["expected a protocol"]),
    "two documents": (GOOD + "---\n" + GOOD, 6, ["second document"]),
    "broken": ("name: [x\nitems: 3\n", 2, ["not valid YAML"]),
    "binary": (bytes(range(256)), None, ["bad.yaml"]),
    "too large": (GOOD + "#" * (1 << 20), None, ["is larger than 1024 KiB"]),
    "deep": ("name: " + "[" * 5000, 1, ["nested more than"]),
}


@pytest.fixture
def bad_file(tmp_path):
    def write(content):
        path = tmp_path / "bad.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("command", ["validate", "run"])
def test_mistakes_are_told_with_file_and_line(engram, bad_file, tmp_path, monkeypatch, command, mistake):
    content, line, words = MISTAKES[mistake]
    monkeypatch.chdir(tmp_path)
    result = engram(command, bad_file(content))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"engram: {tmp_path}/bad.yaml:{'' if line is None else f'{line}: '}")
    for word in words:
        assert word in result.stderr
    assert len(result.stderr) < 2000
    assert os.listdir(tmp_path) == ["bad.yaml"]


def test_a_valid_file(engram, bad_file):
    result = engram("validate", bad_file(GOOD))
    told = "x: valid; 2 steps, 3 items; abilities needed: none beyond learning and recognition\n"
    assert (result.exit_code, result.output) == (0, told)


def test_abilities_that_are_needed(engram):
    assert engram("validate", "hebb-and-fillers").stdout.endswith("abilities needed: order, recall\n")


def test_the_timeline_is_printed_row_by_row(engram, bad_file):
    lines = engram("validate", bad_file(GOOD), "--timeline").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["step", "0", "1"]
    assert "present all" in lines[1]


def test_lists(engram):
    protocols = engram("list", "protocols").stdout.splitlines()
    assert [line.split("  ")[0] for line in protocols] == list(library())
    ours = {"conventional", "hybrid", "stable", "rising", "falling", "fixed-rate", "two-stage", "two-stage-flexible"}
    lines = [line.partition(" ") for line in engram("list", "models").stdout.splitlines()]
    models = {name: about.strip() for name, _, about in lines if name in ours}  # other tests register some, too
    assert set(models) == ours
    assert len(set(models.values()) - {""}) == len(ours)  # each preset says what sets it apart
    items = dict(line.split(maxsplit=1) for line in engram("list", "items").stdout.splitlines())
    assert {"digits", "digit-pairs", "images"} <= set(items)
    assert engram("list", "datasets").exit_code == 0
    unknown = engram("list", "modles")
    assert unknown.exit_code == 2
    assert "modles" in unknown.stderr


def test_the_schema_is_json_and_knows_the_phases(engram):
    schema = json.loads(engram("schema").stdout)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert "schedule" in schema["required"]
    assert "wake" in json.dumps(schema)


def test_version_help_and_nothing(engram):
    from engram import __version__

    assert engram("--version").stdout == f"engram {__version__}\n"
    commands = ("run", "resume", "validate", "show", "plot", "list", "schema")
    for arguments in (["--help"], ["-h"]):
        shown = engram(*arguments).stdout
        assert all(f"\n  {command} " in shown for command in commands)
    assert engram().exit_code == 2
    assert engram("rnu").exit_code == 2


def test_options_that_the_item_set_does_not_have_are_told(engram, tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("name: my\nitems: {set: patterns, count: 3, options: {overlp: 0.2}}\nschedule:\n- wake: all\n")
    found = engram("validate", str(path))
    assert found.exit_code == 2
    assert 'item set "patterns": no option "overlp". Did you mean "overlap"?' in found.stderr
