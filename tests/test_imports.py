"""Imports run one way, and importing engram is quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {
    "data": {"data"},
    "protocols": {"data", "protocols"},
    "models": {"data", "protocols", "models"},
    "sim": {"data", "protocols", "models", "sim"},
    "analysis": {"data", "analysis"},
    "engram": {"data", "protocols", "models", "sim", "analysis", "engram"},
}


def imported_parts(path: Path, part: str) -> set[str]:
    """Parts of the package that a source file imports from, wherever the import stands."""
    package = path.relative_to(ROOT).parts[:-1]
    package = package[1:] if part == "engram" else package
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            modules = [base + (node.module or "").split(".")]
            if not node.module:
                modules = [[*base, alias.name] for alias in node.names]
            if not node.level:
                modules = [(node.module or "").split(".")]
        else:
            continue
        for module in modules:
            top = module[1] if module[0] == "engram" and len(module) > 1 else module[0]
            if top in MAY_IMPORT:
                assert module[0] != top or (isinstance(node, ast.ImportFrom) and node.level), (
                    f"{path}: imports {top} past the engram package"
                )
                found.add(top)
    return found


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_imports_run_one_way(part: str) -> None:
    sources = sorted((ROOT / part).rglob("*.py"))
    assert sources
    for path in sources:
        forbidden = imported_parts(path, part) - MAY_IMPORT[part]
        assert not forbidden, f"{path.relative_to(ROOT)} imports from {', '.join(sorted(forbidden))}"


def test_a_wrong_direction_would_be_found() -> None:
    tree = "from ..sim import run"
    node = ast.parse(tree).body[0]
    assert isinstance(node, ast.ImportFrom)
    assert node.level == 2
    assert node.module == "sim"


@pytest.mark.parametrize("folder", ["tests", "examples", "benchmarks"])
def test_users_import_engram_only(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            for name in names:
                assert name.split(".")[0] not in set(MAY_IMPORT) - {"engram"}, f"{path}: imports {name}"


@pytest.mark.parametrize(
    "statement",
    [
        "import engram",
        "from engram import cli",
        "import engram.models, engram.sim, engram.models.spiking",
        "from engram.models import model; model('two-stage').circuit.plain_graph()",
    ],
)
def test_heavy_libraries_load_when_used(statement: str) -> None:
    code = (
        f"import sys; {statement}; "
        "print([m for m in ('torch', 'brian2', 'pandas', 'xarray', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
