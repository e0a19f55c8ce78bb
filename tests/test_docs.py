"""What the pages say holds: their protocols validate, their links lead somewhere, their code is the examples' code."""

import doctest
import re
from pathlib import Path

import pytest
import typer

from engram.cli import app
from engram.data import item_sets
from engram.models import registry
from engram.protocols import Protocol, load
from engram.sim import simulator

ROOT = Path(__file__).parent.parent
REGISTERS = (item_sets, "_registered"), (simulator, "_registered"), (registry, "_presets"), (registry, "_kinds")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.S | re.M)


def anchors(page):
    heads = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M), re.M
    )
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


@pytest.mark.parametrize("page", ["README.md", "docs/protocol-language.md"])
def test_whole_protocols_validate(page):
    whole = [block for block in blocks(page, "yaml") if re.search(r"^name:", block, re.M)]
    assert whole
    for block in whole:
        Protocol.from_yaml(block, source=page)


def test_protocol_of_the_readme_is_that_of_the_library():
    (block,) = blocks("README.md", "yaml")
    assert Protocol.from_yaml(block) == load("hebb-repetition").model_copy(update={"source": ""})


def test_scripts_of_the_readme_are_the_examples():
    """Which `test_examples.py` runs."""
    for block, name in zip(blocks("README.md", "python"), ["hebb_repetition.py", "one_night.py"], strict=True):
        assert (ROOT / "examples" / name).read_text(encoding="utf-8").endswith(f'"""\n\n{block}')


def test_tutorial_is_the_example_and_its_refusal_is_what_engram_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, name in REGISTERS:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))
    shown = "".join(blocks("docs/tutorial-own-model.md", "python"))
    code = (ROOT / "examples/own_model.py").read_text(encoding="utf-8")
    assert shown.replace("\n", "") == code.replace("\n", "")

    names = {"__name__": "own_model"}
    exec(code.replace("SUBJECTS = 10", "SUBJECTS = 2"), names)
    (refusal,) = blocks("docs/tutorial-own-model.md", "pycon")
    test = doctest.DocTestParser().get_doctest(refusal, names, "tutorial", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0
    assert not (tmp_path / "runs/refused.h5").exists()


def test_learner_of_the_page_on_wake_and_sleep_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    exec("".join(blocks("docs/wake-and-sleep.md", "python")), names)
    last = names["eg"].analysis.continual_table(names["run"]).set_index("model")["last"]
    assert last["even"] > 0.6  # chance is .1
    assert last["even"] != last["double"]


def sections(page):
    """Text under each heading of the second level."""
    parts = re.split(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_command_line_page_has_every_command_and_option():
    commands = typer.main.get_command(app).commands
    page = sections("docs/command-line.md")
    assert {head.removeprefix("engram ") for head in page if head.startswith("engram ")} == set(commands)
    for name, command in commands.items():
        rows = re.findall(r"^\| (`-.+?) \|", page[f"engram {name}"], re.M)
        told = {option for row in rows for option in re.findall(r"`(-[^`]+)`", row)}
        taken = {option for p in command.params if p.param_type_name == "option" for option in p.opts} - {
            "-h",
            "--help",
        }
        assert told == taken, name


def test_command_line_page_has_every_default():
    commands = typer.main.get_command(app).commands
    rows = sections("docs/command-line.md")["engram run"]
    defaults = dict(re.findall(r"^\| `(--[\w-]+)`.*\| `?([\w,]+)`? \|$", rows, re.M))
    taken = {p.opts[0]: p.default for p in commands["run"].params if p.param_type_name == "option"}
    for option in ("--models", "--subjects", "--seed", "--device"):
        assert defaults[option] == str(taken[option])
    assert float(defaults["--checkpoint-every"]) == taken["--checkpoint-every"]


def test_citation_has_what_its_format_asks_for():
    from ruamel.yaml import YAML

    citation = YAML(typ="safe").load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["cff-version"] == "1.2.0"
    dois = [reference.get("doi") for reference in citation["references"]]
    assert dois[0] == "10.1016/j.neunet.2025.107762"
    assert citation["references"][1]["identifiers"][0]["value"] == "arXiv:2504.14727"
