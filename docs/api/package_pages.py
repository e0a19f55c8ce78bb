"""One page for each public sub-package, made of the names that its ``__init__`` lists and of their docstrings."""

import inspect
import re
from importlib import import_module
from pathlib import Path

from sphinx.pycode import ModuleAnalyzer

PACKAGES = {
    "engram": "The names that a script needs most. Everything else is in the packages below.",
    "engram.data": None,
    "engram.data.behaviour": None,
    "engram.data.recording": None,
    "engram.data.streams": None,
    "engram.protocols": None,
    "engram.models": None,
    "engram.models.ordered": None,
    "engram.models.deep": None,
    "engram.models.stores": None,
    "engram.models.stores.cues": None,
    "engram.models.spiking": None,
    "engram.sim": None,
    "engram.sim.sweeping": None,
    "engram.analysis": None,
    "engram.analysis.behaviour": None,
}


def public_names(package: str) -> list[str]:
    """Names that a package lists, modules left out."""
    module = import_module(package)
    names = getattr(module, "__all__", None) or list(module._MODULE_OF)
    return sorted((name for name in names if not inspect.ismodule(getattr(module, name))), key=str.lower)


def write(folder: Path) -> None:
    """Write the page of every package, and the list of them."""
    for package in PACKAGES:
        write_if_new(folder / f"{package}.rst", page(package))
    listed = "\n".join(f"   {package}" for package in PACKAGES)
    write_if_new(folder / "index.rst", f"{heading('API reference', '=')}\n\n{ABOUT}\n\n.. toctree::\n\n{listed}\n")


ABOUT = (
    "Every public function and class, with parameters, shapes, units and examples, from their docstrings; "
    "``help(engram.run)`` prints the same. Names are imported from the package on whose page they stand."
)


def page(package: str) -> str:
    module = import_module(package)
    names = public_names(package)
    parts = [heading(package, "="), PACKAGES[package] or (inspect.getdoc(module) or "").strip()]
    parts.append(f".. py:module:: {package}")
    groups = {"Functions": [], "Classes": [], "Data": []}
    for name in names:
        thing = getattr(module, name)
        groups["Classes" if inspect.isclass(thing) else "Functions" if callable(thing) else "Data"].append(name)
    for title, members in groups.items():
        if not members:
            continue
        parts.append(heading(title, "-"))
        parts += [entry(package, name, title) for name in members]
    return "\n\n".join(parts) + "\n"


def entry(package: str, name: str, title: str) -> str:
    full = f"{package}.{name}"
    elsewhere = shorter_home(package, name)
    if elsewhere:  # described once, where it is at home
        return f"``{name}``\n   See :py:obj:`{elsewhere}`."
    if title == "Functions":
        return f".. autofunction:: {full}"
    if title == "Classes":
        return f".. autoclass:: {full}\n   :members:"
    said = "\n   ".join(words_of(package, name))
    return f".. py:data:: {full}\n\n   {said}"


def words_of(package: str, name: str) -> list[str]:
    """The docstring that stands under a constant, in the module that it comes from."""
    module = import_module(package)
    place = getattr(module, "_MODULE_OF", {}).get(name)
    home = import_module(f".{place.lstrip('.')}", package).__name__ if place else package
    docs = ModuleAnalyzer.for_module(home).find_attr_docs()
    return [line for line in docs.get(("", name), []) if line.strip()]


def shorter_home(package: str, name: str) -> str | None:
    """The package in which a thing is described, where it is another one: the deepest that lists it."""
    thing = getattr(import_module(package), name)
    homes = [other for other in PACKAGES if other != package and lists(other, name, thing)]
    deeper = [other for other in homes if other.startswith(f"{package}.")]
    return f"{max(deeper, key=len)}.{name}" if deeper else None


def lists(package: str, name: str, thing: object) -> bool:
    return name in public_names(package) and getattr(import_module(package), name) is thing


def heading(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}"


def write_if_new(path: Path, text: str) -> None:
    """A page that says the same is left alone, so that it is not rendered again."""
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def tidy(app, what, name, thing, options, lines) -> None:
    """Make of a docstring, which is written to be read as it stands, what Sphinx reads in the same way.

    A bar is a bar and no substitution, and the words of a type are words and no references.
    """
    in_example = False
    for k, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if in_example:
            continue
        named = TYPE.fullmatch(line)
        if named and "`" not in line:
            lines[k] = f"{named[1]}*{named[2].replace('*', chr(92) + '*')}*"
        else:
            lines[k] = LITERAL_OR_BAR.sub(lambda found: found[0] if found[0] != "|" else r"\|", line)


TYPE = re.compile(r"(\s*:(?:var)?type [^:]+: )(\S.*)")
LITERAL_OR_BAR = re.compile(r"``.*?``|\\\||\|")


def skip(app, what, name, thing, skipped, options) -> bool | None:
    """Members that pydantic or the base of a family has are not told again in each class."""
    if what == "class" and name in {"model_config", "model_fields", "model_computed_fields", "model_post_init"}:
        return True
    return None
