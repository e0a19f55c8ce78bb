"""The site: its pages' code runs, its gallery holds every example, its API pages hold every public name, it builds."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engram.data import item_sets
from engram.models import registry
from engram.protocols import Protocol
from engram.sim import simulator

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REGISTERS = (item_sets, "_registered"), (simulator, "_registered"), (registry, "_presets"), (registry, "_kinds")


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", (DOCS / page).read_text(encoding="utf-8"), re.S | re.M)


@pytest.fixture
def run_page(tmp_path, monkeypatch):
    """Run the Python of a page from top to bottom with few subjects; what it registers is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    for module, name in REGISTERS:
        monkeypatch.setattr(module, name, dict(getattr(module, name)))

    def run(page, subjects=3):
        code = re.sub(r"^SUBJECTS = \d+$", f"SUBJECTS = {subjects}", "\n".join(blocks(page, "python")), flags=re.M)
        names = {"__name__": page.removesuffix(".md").replace("-", "_")}
        exec(compile(code, page, "exec"), names)
        return names

    return run


def test_getting_started(run_page, capsys):
    run = run_page("getting-started.md")["run"]
    assert run.performance().sizes == {"model": 2, "subject": 3, "probe": 48, "item": 8}
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    means = run.performance().mean(["subject", "probe"]).sel(model="simple").values
    (told,) = [row[1:] for row in rows if row[:1] == ["simple"]]
    assert [float(value) for value in told] == pytest.approx(means, abs=0.0051)


def test_getting_started_with_circuits(run_page, tmp_path, capsys):
    from engram.models import model

    run_page("getting-started-circuits.md")
    assert (tmp_path / "runs/circuit.png").stat().st_size > 10_000
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 8  # "eight projections"
    assert sum(" TraceRule " in line for line in told) == 4  # "four of which learn"
    (block,) = blocks("getting-started-circuits.md", "yaml")
    protocol = Protocol.from_yaml(block)
    assert set(protocol.abilities()) <= model("two-stage").abilities
    assert set(protocol.abilities()) <= model("two-stage-noiseless").abilities


def test_getting_started_with_tasks(run_page):
    table = run_page("getting-started-tasks.md", subjects=1)["table"].set_index("model")
    assert table.loc["er", "last"] > table.loc["finetune", "last"] + 0.2
    assert 0 < table.loc["er", "bytes"] <= 8000


def test_getting_started_with_behaviour(run_page, tmp_path, capsys):
    names = run_page("getting-started-behaviour.md", subjects=8)
    told = capsys.readouterr().out
    for model, found in names["told"]["models"].items():
        assert f"{model}: {found['rmsd_over_replication']:.1f} replications from people" in told
    shares = names["recalls"]["error_type"].value_counts(normalize=True)
    assert shares["correct"] > shares.drop("correct").max()
    assert (tmp_path / "runs/transpositions.png").stat().st_size > 5_000


def test_table_of_a_reader_is_one(tmp_path):
    from engram.data.behaviour import dataset

    (tmp_path / "mine.csv").write_text(blocks("getting-started-behaviour.md", "text")[0])
    assert dataset(tmp_path / "mine.csv").conditions["mean"].tolist() == [1.0, 0.5, 1.0]


def test_added_flexibility_is_read_back_by_its_kind(run_page):
    import numpy as np

    names = run_page("adding-a-flexibility.md")
    assert names["model"] == names["again"]
    sampled = names["TwoKinds"](share=0.3).sample((10_000,), np.random.default_rng(0))
    assert set(sampled) == {0.1, 1.0}
    assert (sampled == 1.0).mean() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 3)])
def test_added_codec_keeps_four_bits(run_page, shape):
    import numpy as np

    codec = run_page("adding-a-codec.md")["FourBits"](shape)
    images = np.random.default_rng(0).integers(0, 256, (5, *shape), dtype=np.uint8)
    symbols = codec.quantise(images)
    data = codec.pack(symbols, 0)
    assert len(data) == 5 * codec.record_bytes
    np.testing.assert_array_equal(codec.unpack(data, 5, 0), symbols)  # without loss
    again = codec.reconstruct(codec.working(symbols, 0), 0).numpy()
    assert again.shape == (5, shape[2] if len(shape) == 3 else 1, *shape[:2])
    channels_last = again.transpose(0, 2, 3, 1).reshape(images.shape)
    assert np.abs(channels_last.astype(int) - images).max() <= 8  # half of the sixteen that are told apart no more


def test_learner_with_the_added_codec_recalls(run_page, tmp_path):
    import engram as eg

    store = run_page("adding-a-codec.md")["FourBitStore"](budget="4kB")
    protocol = eg.Protocol.from_yaml(
        "name: two\nitems: {set: digits, count: 4, train: 20, test: 10, lists: {count: 2}}\n"
        "schedule: [{each: task, phases: [wake: current, probe: seen]}]"
    )
    from engram.models.deep import ExperienceReplay, SmallConvNet

    learner = ExperienceReplay(store=store, backbone=SmallConvNet(width=8), epochs=1)
    run = eg.run(protocol, {"er": learner}, subjects=1, out=tmp_path / "two.h5")
    kept = eg.analysis.continual_table(run)
    assert kept["bytes"].item() >= 40 * 32  # two digits of twenty images, 8 × 8 pixels, half a byte each


def test_added_data_set_is_compared_with(run_page, capsys):
    ours = run_page("adding-a-data-set.md", subjects=4)["ours"]
    assert ours.conditions["mean"].tolist() == pytest.approx([0.9 - 0.1 * p + 0.06 for p in range(1, 6)])
    assert "primacy" in capsys.readouterr().out


def test_added_model_guesses(run_page):
    performance = run_page("adding-a-model.md", subjects=4)["run"].performance()
    assert float(performance.mean()) == pytest.approx(0.1, abs=0.02)


@pytest.fixture
def site_code(monkeypatch):
    """Modules that make the pages of the site."""
    pytest.importorskip("sphinx", reason="needs pip install 'engram[docs]'")
    for folder in ("gallery", "api"):
        monkeypatch.syspath_prepend(str(DOCS / folder))
    import outside_pages
    import package_pages
    import scripts

    return scripts, package_pages, outside_pages


def test_every_example_has_a_place_in_the_gallery(site_code):
    scripts, *_ = site_code
    placed = [*scripts.run_names(), *scripts.shown_names()]
    assert sorted(placed) == sorted(path.stem for path in (ROOT / "examples").glob("*.py"))
    assert len(scripts.run_names()) >= 10
    for figure in filter(None, scripts.shown_names().values()):
        assert (DOCS / "figures" / figure).exists()


def test_every_example_says_what_one_sees_and_those_that_are_run_save_a_figure(site_code):
    scripts, *_ = site_code
    for path in (ROOT / "examples").glob("*.py"):
        text = path.read_text(encoding="utf-8")
        title, _, about = ast.get_docstring(ast.parse(text)).partition("\n\n")
        assert len(title.partition(": ")[0]) < 60, path.name
        if path.stem != "own_model":  # a page of its own tells it, from top to bottom
            assert len(about.split()) > 25, path.name
        if path.stem in scripts.run_names():
            assert re.search(r'savefig\("runs/\w+\.png"', text), path.name


def test_example_as_a_page(site_code):
    scripts, *_ = site_code
    page = scripts.as_page('"""A list: what is seen.\n\nWhy it matters.\n"""\n\nx = 1\n', None, runs=True)
    assert page == '"""\nA list\n======\n\nWhat is seen.\n\nWhy it matters.\n"""\n\nx = 1\n'
    shown = scripts.as_page('"""Long."""\nx = 1\n', "vogels2011.png", runs=False)
    assert ".. image:: /figures/vogels2011.png" in shown
    assert "without being run" in shown


def test_every_public_package_has_a_page_with_every_public_name(site_code):
    _, package_pages, _ = site_code
    import engram

    found = [path for package in engram._PACKAGES for path in (ROOT / package).rglob("__init__.py")]
    lazy = [path.parent for path in found if "_MODULE_OF" in path.read_text(encoding="utf-8")]
    assert len(lazy) > 10
    public = {f"engram.{'.'.join(folder.relative_to(ROOT).parts)}" for folder in lazy}
    assert public <= set(package_pages.PACKAGES) | {"engram.protocols"}
    text = {package: package_pages.page(package) for package in ("engram", "engram.models", "engram.data.behaviour")}
    assert ".. autofunction:: engram.data.behaviour.dataset" in text["engram.data.behaviour"]
    assert "See :py:obj:`engram.sim.run`" in text["engram"]  # described once, where it is at home
    for name in engram._PLACE_OF:
        assert re.search(rf"\b{name}\b", text["engram"]), name


def test_links_that_leave_the_folder_lead_to_pages(site_code):
    *_, outside_pages = site_code
    match = outside_pages.LINK.search
    assert outside_pages.lead(match("](../examples/own_model.py)")) == "](/examples/own/own_model.rst)"
    assert outside_pages.lead(match("](../benchmarks/results/stores.md#a)")) == "](/project/stores.md#a)"
    taken = outside_pages.taken_in(ROOT / "CONTRIBUTING.md")
    assert "](../tutorial-own-model.md)" in taken


@pytest.mark.slow
def test_site_builds_without_a_warning(site_code, tmp_path):
    """All pages and the API; the scripts of the gallery are laid out and not run."""
    pytest.importorskip("sphinx_gallery", reason="needs pip install 'engram[docs]'")
    pytest.importorskip("myst_parser", reason="needs pip install 'engram[docs]'")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-D", "plot_gallery=0", "-b", "html"]
    copied = ["docs", "examples", "benchmarks", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"]
    for name in copied:
        source, target = ROOT / name, tmp_path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("_build", "runs"))
        else:
            shutil.copy(source, target)
    built = subprocess.run([*command, "docs", "html"], cwd=tmp_path, capture_output=True, text=True, timeout=280)
    assert built.returncode == 0, built.stderr[-3000:]
    index = (tmp_path / "html/index.html").read_text(encoding="utf-8")
    assert not re.search(r'(src|href)="https?://(?!doi\.org)[^"]*\.(js|css)"', index)  # nothing is fetched to read it
    assert (tmp_path / "html/examples/order/serial_recall.html").exists()
