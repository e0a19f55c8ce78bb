"""The examples in all docstrings run, and every public name has one."""

import doctest
import inspect
import pkgutil
import re
from importlib import import_module

import pytest

import engram
from engram.data import item_sets
from engram.models import registry
from engram.sim import simulator

PACKAGES = [
    "engram",
    *(f"engram.{name}" for name in engram._PACKAGES),
    "engram.data.behaviour",
    "engram.data.recording",
    "engram.data.streams",
    "engram.models.deep",
    "engram.models.ordered",
    "engram.models.spiking",
    "engram.models.stores",
    "engram.models.stores.cues",
    "engram.sim.sweeping",
]
REGISTERS = (item_sets, "_registered"), (simulator, "_registered"), (registry, "_presets"), (registry, "_kinds")
SECTIONS = ["Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "Notes", "References", "Examples"]

# Small records and abstract classes, whose examples are those of what makes them or fills them in: their docstrings
# say it all, and an example would only repeat the names of the fields.
WITHOUT_EXAMPLE = {
    "data.ItemDraw": "draw_items",
    "data.behaviour.MISSING": "dataset",
    "models.Flexibility": "Fixed",
    "models.deep.Augment": "CropFlip",
    "models.spiking.Cell": "LIF",
    "models.spiking.CellEquations": "EquationCell",
    "models.spiking.Connectivity": "AllToAll",
    "models.spiking.Mechanism": "DownScaling",
    "models.spiking.PlasticRule": "TraceRule",
    "models.spiking.Process": "DownScaling",
    "models.spiking.RuleEquations": "EquationRule",
    "models.spiking.Stability": "MixedStability",
    "models.spiking.SynapseRule": "Static",
    "models.stores.Codec": "docs/episodic-stores.md",
    "models.stores.Reconstruction": "EpisodicStore",
    "models.stores.cues.Size": "size_of",
    "models.stores.cues.load_weights": "learn_weights",
    "models.stores.cues.save_weights": "learn_weights",
    "protocols.Step": "unroll",
    "sim.Progress": "Session",
    "sim.sweeping.Point": "grid",
    "sim.Session": "docs/tutorial-own-model.md",
    "sim.Settings": "run",
    "sim.Simulation": "simulate",
    "sim.Simulator": "docs/tutorial-own-model.md",
    "sim.Subjects": "docs/tutorial-own-model.md",
    "models.register_model": "docs/tutorial-own-model.md",
    "sim.register_backend": "docs/tutorial-own-model.md",
    "resume": "docs/command-line.md",
    "sim.resume": "docs/command-line.md",
}


def modules():
    """Names of all modules, also where the packages lie in folders of their own (an editable installation)."""
    found = set(PACKAGES)
    for name in PACKAGES:
        found |= {module.name for module in pkgutil.walk_packages(import_module(name).__path__, f"{name}.")}
    return sorted(found - {"engram.__main__"})  # which runs the command line when it is imported


def public_names():
    for package in PACKAGES:
        module = import_module(package)
        for name in getattr(module, "__all__", None) or module._MODULE_OF:
            thing = getattr(module, name)
            if not inspect.ismodule(thing):
                yield f"{package}.{name}".removeprefix("engram."), thing


PUBLIC = dict(public_names())


def sections_of(thing):
    """Headings of the numpydoc sections of a docstring, in order."""
    return re.findall(r"^([A-Z][A-Za-z ]+)\n-{3,}$", inspect.getdoc(thing) or "", re.M)


def methods_of(thing):
    return [inspect.unwrap(getattr(thing, name)) for name in vars(thing) if not name.startswith("_")]


@pytest.mark.parametrize("name", modules())
def test_examples_of_docstrings_run(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module, register in REGISTERS:
        monkeypatch.setattr(module, register, dict(getattr(module, register)))
    at_a_prompt = {"annotations": None}  # a reader who tries an example has not imported it from __future__
    module = import_module(name)
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    assert doctest.testmod(module, optionflags=flags, extraglobs=at_a_prompt).failed == 0


@pytest.mark.parametrize("name", PUBLIC)
def test_public_name_is_documented(name):
    thing = PUBLIC[name]
    assert (thing.__doc__ or "").strip(), "no docstring of its own"
    sections = sections_of(thing)
    assert sections == sorted(sections, key=SECTIONS.index)
    has_example = "Examples" in sections or (
        inspect.isclass(thing) and any("Examples" in sections_of(method) for method in methods_of(thing))
    )
    assert has_example != (name in WITHOUT_EXAMPLE), f"examples: {has_example}; see WITHOUT_EXAMPLE"


def test_no_module_hides_a_public_name():
    """Importing a module puts it into its package, where it would take the place of a function of the same name."""
    assert not set(modules()) & {f"engram.{name}" for name in PUBLIC}


@pytest.mark.parametrize("package", PACKAGES)
def test_unknown_name_is_an_attribute_error(package):
    with pytest.raises(AttributeError, match="plot_everything"):
        _ = import_module(package).plot_everything
