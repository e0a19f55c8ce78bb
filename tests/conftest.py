"""What all tests share: no data and no cache of the user's, one thread, and engram runs in processes of their own."""

import os
import subprocess
import sys

import hypothesis
import pytest
from typer.testing import CliRunner

os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")
hypothesis.settings.register_profile("engram", deadline=None)
hypothesis.settings.load_profile("engram")


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENGRAM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def no_data_of_the_user(request, monkeypatch):
    if request.node.get_closest_marker("realdata") is None:
        monkeypatch.delenv("ENGRAM_DATA", raising=False)


@pytest.fixture(autouse=True)
def one_torch_thread():
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(1)


@pytest.fixture
def engram_process():
    """``python -m engram …`` in a process of its own: what a person at a terminal would see."""

    def run(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "engram", *map(str, arguments)],
            **{"capture_output": True, "text": True, "timeout": 120, "check": False, **options},
        )

    return run


@pytest.fixture
def engram(monkeypatch):
    """The same within this process, which is faster; an exception that is not put into words fails the test."""
    from engram.cli import app

    monkeypatch.setenv("ENGRAM_TRACEBACK", "1")

    def run(*arguments):
        result = CliRunner().invoke(app, list(map(str, arguments)))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


TINY = """
name: tiny
items: {count: 3, train: 12, test: 6}
schedule:
  - repeat: 2
    label: repetition
    phases:
      - each: item
        phases:
          - wake: current
          - probe: {of: all, every: epoch}
  - wake: {present: all, order: shuffled, labels: deranged}
    label: poisoning
  - probe: seen
    label: poisoning
record: {responses: trials, weights: snapshots, every: phase}
"""


@pytest.fixture
def tiny_text():
    """A protocol with everything that is recorded, in a second or less."""
    return TINY


@pytest.fixture
def tiny_file(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture
def contents():
    """Every number and attribute of a recording but the log, by name: equal for recordings of equal bits."""
    return _contents


def _contents(path):
    import h5py
    import numpy as np

    found = {}

    def plain(value):
        value = np.asarray(value)
        if value.dtype.kind == "O":  # references to other datasets, and lists of them
            return [file[part].name if isinstance(part, h5py.Reference) else plain(part) for part in value.ravel()]
        if value.dtype.names:
            return [plain(value[name]) for name in value.dtype.names]
        return value.dtype.str, value.shape, value.tobytes()

    def visit(name, thing):
        if name.split("/")[0] == "log":
            return
        if isinstance(thing, h5py.Dataset):
            found[name] = plain(thing[()])
        found.update({f"{name}@{key}": plain(value) for key, value in thing.attrs.items()})

    with h5py.File(path, "r") as file:
        visit("", file)
        file.visititems(visit)
    return found
