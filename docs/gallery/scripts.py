"""The scripts of the gallery: which section each belongs to, which are run, and where their figures are found.

An example is a plain script; what sphinx-gallery wants of it (a heading, a folder for each section) is made here, in
copies. They run in the folder of the copies, so that what they write does not lie among the sources.
"""

import ast
import re
import shutil
from pathlib import Path

from ruamel.yaml import YAML

HERE = Path(__file__).parent
SECTIONS = YAML(typ="safe").load((HERE / "sections.yaml").read_text(encoding="utf-8"))
HEADER = HERE / "header.rst"


def section_names() -> list[str]:
    return [section["name"] for section in SECTIONS]


def run_names() -> list[str]:
    """Names of the scripts that are run while the site is built, without ``.py``."""
    return [name for section in SECTIONS for name in section.get("run", [])]


def shown_names() -> dict[str, str | None]:
    """Names of the scripts that are only shown, and the figure of ``docs/figures`` that stands for each."""
    return {name: figure for section in SECTIONS for name, figure in section.get("shown", {}).items()}


def section_of(name: str) -> str:
    """Section of a script."""
    for section in SECTIONS:
        if name in section.get("run", []) or name in section.get("shown", {}):
            return section["name"]
    raise KeyError(f"{name} has no section in docs/gallery/sections.yaml")


def run_pattern() -> str:
    return rf"[/\\]({'|'.join(map(re.escape, run_names()))})\.py$"


def place_in_section(filename: str) -> int:
    return [*run_names(), *shown_names()].index(Path(filename).stem)


def copy_examples(examples: Path, target: Path) -> None:
    """Lay the examples out in sections, each with its docstring as a page: a heading, and what one sees."""
    target.mkdir(parents=True, exist_ok=True)
    shutil.copy(HEADER, target / "GALLERY_HEADER.rst")
    for section in SECTIONS:
        folder = target / section["name"]
        folder.mkdir(exist_ok=True)
        title = section["title"]
        (folder / "GALLERY_HEADER.rst").write_text(f"{title}\n{'-' * len(title)}\n\n{section['about']}\n", "utf-8")
        names = [*section.get("run", []), *section.get("shown", {})]
        for old in set(folder.glob("*.py")) - {folder / f"{name}.py" for name in names}:
            old.unlink()
        for name in names:
            text = (examples / f"{name}.py").read_text(encoding="utf-8")
            new = as_page(text, section.get("shown", {}).get(name), runs=name in section.get("run", []))
            place = folder / f"{name}.py"
            if not place.exists() or place.read_text(encoding="utf-8") != new:
                place.write_text(new, encoding="utf-8")


def as_page(text: str, figure: str | None, *, runs: bool) -> str:
    """The script with a docstring that begins with a heading, as sphinx-gallery reads it."""
    first = ast.parse(text).body[0]
    heading, _, rest = ast.literal_eval(first.value).strip().partition("\n\n")
    title, _, more = " ".join(heading.split()).partition(": ")
    title = title.rstrip(".")
    parts = [f"{title}\n{'=' * len(title)}"]
    if more:
        parts.append(more[0].upper() + more[1:])
    if rest:
        parts.append(rest.strip())
    comment = ""
    if not runs:
        parts.append("*It takes minutes, and is shown here without being run.*")
        if figure:
            parts.append(f".. image:: /figures/{figure}")
            comment = f"# sphinx_gallery_thumbnail_path = 'figures/{figure}'\n"
    body = "\n".join(text.splitlines()[first.end_lineno :]).lstrip("\n")
    docstring = "\n\n".join(parts)
    return f'"""\n{docstring}\n"""\n\n{comment}{body}\n'


def saved_figures(block, block_vars, gallery_conf, **_) -> str:
    """Images that a script wrote into its folder ``runs``, as sphinx-gallery shows them."""
    from sphinx_gallery.scrapers import figure_rst

    shown = []
    for path in sorted(Path(block_vars["src_file"]).parent.glob("runs/*.png"), key=lambda path: path.stat().st_mtime):
        place = next(block_vars["image_path_iterator"])
        shutil.move(path, place)
        shown.append(place)
    return figure_rst(shown, gallery_conf["src_dir"])


def forget_registered(gallery_conf, fname, when) -> None:
    """What a script registers is known to that script alone."""
    from engram.data import item_sets
    from engram.models import registry
    from engram.sim import simulator

    registers = [(item_sets, "_registered"), (simulator, "_registered"), (registry, "_presets"), (registry, "_kinds")]
    for module, name in registers:
        key = module, name
        if when == "before":
            _KEPT[key] = dict(getattr(module, name))
        elif key in _KEPT:
            setattr(module, name, _KEPT.pop(key))


_KEPT = {}
