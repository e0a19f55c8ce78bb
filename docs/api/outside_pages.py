"""Pages and links that lie outside the folder of the site: examples become pages of the gallery, texts are taken in."""

import re
from pathlib import Path

import scripts
from package_pages import write_if_new
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")
FENCE = re.compile(r"(^```.*?^```$)", re.M | re.S)


def write(docs: Path) -> None:
    """Take in the texts that the pages point to outside the folder, with their own links led to the site."""
    folder = docs / "project"
    folder.mkdir(exist_ok=True)
    targets = {"CHANGELOG.md", "CONTRIBUTING.md"}
    for path in docs.glob("*.md"):
        targets |= {target for target, _ in LINK.findall(path.read_text(encoding="utf-8")) if target.endswith(".md")}
    for target in sorted(targets):
        source = ROOT / target.removeprefix("../")
        if source.name != "README.md":
            write_if_new(folder / source.name.lower(), taken_in(source))


def taken_in(source: Path) -> str:
    """Text of a page, its relative links as seen from the folder ``project``."""

    def lead(match):
        target = match.group(1)
        if re.match(r"[a-z]+:|#", target):
            return match.group(0)
        name, hash_, anchor = target.partition("#")
        place = (source.parent / name).resolve().relative_to(ROOT)
        if place.parts[0] == "docs":
            return f"](../{Path(*place.parts[1:]).as_posix()}{hash_}{anchor})"
        if place.name in ("CHANGELOG.md", "CONTRIBUTING.md"):
            return f"]({place.name.lower()}{hash_}{anchor})"
        return f"](../../{place.as_posix()})"

    return re.sub(r"\]\(([^)\s]+)\)", lead, source.read_text(encoding="utf-8"))


def lead_links_to_the_site(app, name: str, source: list[str]) -> None:
    """Lead links to examples to the gallery, and links to other texts outside to where they are taken in."""
    if "/" in name or not (Path(app.srcdir) / f"{name}.md").exists():
        return
    parts = FENCE.split(source[0])
    source[0] = "".join(part if part.startswith("```") else LINK.sub(lead, part) for part in parts)
    if name == "index":
        source[0] += contents(Path(app.srcdir))


def contents(docs: Path) -> str:
    """Tables of contents for the side bar: those of contents.yaml, and whatever page is not in it."""
    groups = YAML(typ="safe").load((docs / "contents.yaml").read_text(encoding="utf-8"))
    named = {page for pages in groups.values() for page in pages} | {"index"}
    groups["More"] = [
        *sorted(path.stem for path in docs.glob("*.md") if path.stem not in named),
        *(f"project/{path.stem}" for path in sorted((docs / "project").glob("*.md"))),
    ]
    there = {
        caption: [page for page in pages if "/" in page or (docs / f"{page}.md").exists()]
        for caption, pages in groups.items()
    }
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(pages) + "\n```\n"
        for caption, pages in there.items()
    )


def lead(match) -> str:
    target, anchor = match.group(1).removeprefix("../"), match.group(2) or ""
    path = Path(target)
    if path.parts[0] == "examples" and path.suffix == ".py":
        return f"](/examples/{scripts.section_of(path.stem)}/{path.stem}.rst)"
    if path.parts == ("examples",):
        return "](/examples/index.rst)"
    if target == "README.md":
        return "](/getting-started.md)"
    if path.suffix == ".md" and path.parts[0] != "docs":
        return f"](/project/{path.name.lower()}{anchor})"
    return match.group(0)
