"""``engram run`` on one's own images: size, budget, unknown classes, order of classes; ``engram pack`` before it."""

import json
import shutil
import tarfile

import numpy as np
import pytest
from PIL import Image

from engram.data.images import Images
from engram.data.recording import open_recording

PROTOCOL = """
name: stream
items: {count: all, lists: {count: 2}}
schedule:
  - each: task
    label: task
    phases: [{wake: {present: current, order: shuffled}}, {probe: seen}]
  - probe: {of: all, corruptions: [fog], severities: [1], unknown: if-any}
    label: final
"""
SMALL = ("--set", "er.epochs=1", "--set", "er.batch_size=8", "--threads", 1, "--subjects", 1, "--quiet")
CLASSES = ("ant", "bee", "cat", "dog")


def draw_images(folder, classes, count=6, side=12):
    rng = np.random.default_rng(len(classes))
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(0, 256, (side, side), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture
def images(tmp_path):
    return draw_images(tmp_path / "images", CLASSES)


@pytest.fixture
def start(engram, tmp_path):
    """``engram run`` of experience replay on a stream of two tasks."""
    (tmp_path / "stream.yaml").write_text(PROTOCOL)

    def run(*arguments, models="er"):
        out = tmp_path / "run.h5"
        return engram("run", tmp_path / "stream.yaml", "--models", models, *SMALL, "--out", out, *arguments)

    return run


@pytest.fixture
def recording(tmp_path):
    return lambda: open_recording(tmp_path / "run.h5")


def test_a_folder_of_images_in_all_its_classes(start, recording, images):
    result = start("--images", images, "--size", 8, "--budget", "2kB")
    assert (result.exit_code, result.stderr) == (0, "")
    found = recording()
    model = found.models["er"]
    assert model.item_set["name"] == "images"
    assert model.item_set["options"]["path"] == str(images)
    assert model.item_set["options"]["size"] == 8
    assert model.spec["store"]["budget"] == 2000
    assert "count: 4" in found.protocol_text
    assert sorted(found.performance().coords["item"].values.tolist()) == [1, 2, 3, 4]
    assert found.table("er", 0, "episodic")["total_bytes"].max() <= 2000


def test_classes_in_the_order_wanted_leave_the_others_unknown(start, recording, images, tmp_path):
    (tmp_path / "order.txt").write_text("dog\n\nant\n")
    for order in ("dog,ant", tmp_path / "order.txt"):
        assert start("--images", images, "--class-order", order, "--overwrite").exit_code == 0
        found = recording()
        assert "count: 2" in found.protocol_text
        assert "unknown: true" in found.protocol_text
        assert found.items()["name"].tolist() == ["dog", "ant"]
        names = set(found.table("er", 0, "evaluations")["name"])
        assert {"unknown/msp/auroc", "corruption/fog/1"} <= names


def test_images_of_unknown_classes(start, recording, images, tmp_path):
    strange = draw_images(tmp_path / "strange", ("eel", "fox"), side=20)
    assert start("--images", images, "--unknown", strange).exit_code == 0
    found = recording()
    assert found.settings["unknown"] == str(strange)
    assert "unknown images" in found.settings["fixed"]
    evaluations = found.table("er", 0, "evaluations").set_index("name")["value"]
    assert 0 <= evaluations["unknown/msp/auroc"] <= 1


def test_without_unknown_images_none_are_tested(start, recording, images):
    assert start("--images", images).exit_code == 0
    assert "unknown" not in recording().protocol_text
    assert "unknown images" not in recording().settings["fixed"]


REFUSED = {
    "both": (["--images", "IMAGES", "--items", "digits"], "found both items and images"),
    "no folder": (["--images", "nowhere"], "nowhere: no such folder or file"),
    "no such option": (["--items", "digits", "--size", "8"], 'no option "size"'),
    "no size": (["--images", "IMAGES", "--size", "0"], "size"),
    "no budget": (["--images", "IMAGES", "--budget", "2 potatoes"], "found '2 potatoes'; expected a number of bytes"),
    "empty budget": (["--images", "IMAGES", "--budget", "0"], "budget: found '0'"),
    "unknown order": (["--images", "IMAGES", "--class-order", "listd"], 'Did you mean "listed"?'),
    "unknown class": (["--images", "IMAGES", "--class-order", "ant,be"], 'no class "be"'),
    "class twice": (["--images", "IMAGES", "--class-order", "ant,ant"], 'found the class "ant" twice'),
    "empty list": (["--images", "IMAGES", "--class-order", "EMPTY"], "is empty; expected one class name a line"),
    "no text": (["--images", "IMAGES", "--class-order", "BINARY"], "is no text; expected one class name a line"),
    "too few classes": (["--images", "IMAGES", "--class-order", "ant,"], "found"),
    "no strangers": (["--images", "IMAGES", "--unknown", "nowhere"], "nowhere: no such folder or file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_told_and_nothing_is_written(engram, start, images, tmp_path, monkeypatch, case):
    arguments, words = REFUSED[case]
    (tmp_path / "EMPTY").write_text("\n")
    (tmp_path / "BINARY").write_bytes(b"\xff\xfe\x00")
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    result = start(*[str(images) if argument == "IMAGES" else argument for argument in arguments])
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert result.stdout == ""
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_strange_images_need_a_probe_that_shows_them(engram, images, tmp_path):
    (tmp_path / "plain.yaml").write_text("name: plain\nitems: {count: all}\nschedule: [wake: all, probe: all]\n")
    result = engram(
        "run", tmp_path / "plain.yaml", "--models", "er", "--images", images, "--unknown", images, "--out", "no.h5"
    )
    assert result.exit_code == 2
    assert "no probe of the protocol" in result.stderr


def test_a_budget_that_holds_no_image(start, images):
    result = start("--images", images, "--budget", 3)
    assert result.exit_code == 2
    assert "a budget of 3 bytes is too small for one item" in result.stderr


def test_a_budget_needs_a_store(engram, images, tmp_path):
    result = engram(
        "run", "class-incremental-5", "--models", "finetune", "--budget", "2kB", "--out", tmp_path / "no.h5"
    )
    assert result.exit_code == 2
    assert "none of the models finetune keeps images in a store" in result.stderr


def test_more_tasks_than_classes(engram, images, tmp_path):
    result = engram("run", "class-incremental-5", "--models", "er", "--images", images, "--out", tmp_path / "no.h5")
    assert result.exit_code == 2
    assert "found 5 lists for 4 items; every list needs at least one item" in result.stderr
    assert not (tmp_path / "no.h5").exists()


def test_images_that_have_moved_since(start, engram, recording, images, tmp_path, monkeypatch):
    from engram.sim.progress import Lines

    strange = draw_images(tmp_path / "strange", ("eel", "fox"))
    pieces = []

    def work(*_):
        pieces.append(1)
        if len(pieces) == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("engram.sim.progress.Reporter.work", work)
        patch.setattr(Lines, "work", work)
        stopped = start("--images", images, "--unknown", strange, "--checkpoint-every", 0)
    assert stopped.exit_code == 130, stopped.output
    images.rename(tmp_path / "moved")
    strange.rename(tmp_path / "stranger")
    lost = engram("resume", tmp_path / "run.h5")
    assert (lost.exit_code, str(images) in lost.stderr) == (2, True)
    other = engram("resume", tmp_path / "run.h5", "--images", tmp_path / "moved", "--unknown", tmp_path / "moved")
    assert other.exit_code == 2
    assert "unknown images changed since it was started" in other.stderr
    found = engram(
        "resume", tmp_path / "run.h5", "--images", tmp_path / "moved", "--unknown", tmp_path / "stranger", "--quiet"
    )
    assert (found.exit_code, found.stderr) == (0, "")
    assert recording().status == "complete"


def test_recordings_under_several_budgets_in_one_figure(start, engram, images, tmp_path):
    from engram.comparison_figure import plot_several

    for budget in (2000, 4000):
        assert start("--images", images, "--budget", budget, "--overwrite").exit_code == 0
        (tmp_path / "run.h5").rename(tmp_path / f"{budget}.h5")
    paths = [tmp_path / f"{budget}.h5" for budget in (2000, 4000)]
    drawn = engram("plot", *paths, "-o", tmp_path / "both.png")
    assert (drawn.exit_code, drawn.stdout) == (0, f"figure: {tmp_path / 'both.png'}\n")
    assert (tmp_path / "both.png").read_bytes()[:4] == b"\x89PNG"
    [line] = plot_several([open_recording(path) for path in paths]).axes[0].get_lines()
    kept = [open_recording(path).table("er", 0, "episodic")["total_bytes"].iloc[-1] for path in paths]
    assert line.get_xdata().tolist() == kept


# validate -----------------------------------------------------------------------------------------------------------


def test_a_protocol_that_takes_all_classes_is_validated(engram):
    plain = engram("validate", "class-incremental-10")
    assert plain.stdout == (
        "class-incremental-10: valid; 31 steps, all classes of the item set (tried with 20 items); "
        "abilities needed: corruptions, sleep, unknown-items\n"
    )
    line = engram("validate", "class-incremental-10", "--classes", 15, "--timeline").stdout.splitlines()
    presented = [row.split()[-5] for row in line if " wake " in row]
    assert presented == ["2"] * 5 + ["1"] * 5
    few = engram("validate", "class-incremental-10", "--classes", 9)
    assert (few.exit_code, "found 10 lists for 9 items" in few.stderr) == (2, True)


# pack ---------------------------------------------------------------------------------------------------------------


def test_images_are_packed_and_learned_from_the_pack(engram, start, recording, images, tmp_path):
    packed = engram("pack", images, tmp_path / "pack", "--size", 8)
    assert packed.exit_code == 0, packed.output
    assert packed.stdout.splitlines()[-1] == f"pack: {tmp_path / 'pack'}"
    manifest = json.loads((tmp_path / "pack" / "manifest.json").read_text())
    assert set(CLASSES) <= set(json.dumps(manifest).replace('"', " ").split())
    assert start("--images", tmp_path / "pack").exit_code == 0
    assert recording().models["er"].item_set["options"]["path"] == str(tmp_path / "pack")


def test_a_pack_replaces_a_pack_and_nothing_else(engram, images, tmp_path):
    def pack(*arguments, out="pack"):
        result = engram("pack", images, tmp_path / out, "--size", 8, *arguments)
        return result.exit_code, result.stderr

    assert pack() == (0, "")
    first = (tmp_path / "pack" / "manifest.json").read_bytes()
    assert pack() == (
        2,
        f"engram: {tmp_path / 'pack'} holds a pack; give another folder, or --overwrite to replace it\n",
    )
    assert pack("--overwrite") == (0, "")
    assert (tmp_path / "pack" / "manifest.json").read_bytes() == first
    (tmp_path / "pack" / "notes.txt").write_text("precious")
    code, told = pack("--overwrite")
    assert (code, "holds more than a pack (notes.txt)" in told) == (2, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("precious")
    code, told = pack("--overwrite", out="full")
    assert (code, "holds other files and is no pack" in told) == (2, True)
    code, told = pack(out="images/pack")
    assert (code, "lies within" in told) == (2, True)
    code, told = pack(out="images/ant/0.png")
    assert code == 2
    assert not (tmp_path / "pack.new").exists()


def test_the_folders_above_the_classes_are_domains_of_a_pack_if_asked_for(engram, images, tmp_path):
    for domain in ("photo", "sketch"):
        shutil.copytree(images, tmp_path / "domains" / domain)
    for path in (tmp_path / "domains" / "sketch").glob("*/*.png"):  # an image that comes twice is taken once
        Image.fromarray(255 - np.asarray(Image.open(path))).save(path)
    assert engram("pack", tmp_path / "domains", tmp_path / "pack", "--size", 8, "--domain-folders").exit_code == 0
    assert Images(path=tmp_path / "pack").pool().domains == ("photo", "sketch")


def test_an_archive_of_nothing_but_refused_members_names_them(engram, tmp_path):
    with tarfile.open(tmp_path / "bad.tar", "w") as archive:
        link = tarfile.TarInfo("cat/0.png")
        link.type, link.linkname = tarfile.SYMTYPE, "elsewhere.png"
        archive.addfile(link)
    told = engram("pack", tmp_path / "bad.tar", tmp_path / "pack")
    assert told.exit_code == 2
    assert "no images; 1 file cannot be used: cat/0.png" in told.stderr


# What lies where stores go ------------------------------------------------------------------------------------------


def test_unknown_images_are_not_those_of_the_items(start, images, tmp_path):
    strange = draw_images(tmp_path / "strange", ("eel", "fox", "gnu"))
    (images / "ant" / "0.png").rename(strange / "eel" / "0.png")
    assert start("--images", images, "--unknown", strange).exit_code == 0
    (images / "ant" / "0.png").write_bytes((strange / "eel" / "0.png").read_bytes())
    told = start("--images", images, "--unknown", strange, "--overwrite")
    assert told.exit_code == 2
    assert "unknown: 1 of 18 images of" in told.stderr


@pytest.mark.parametrize("kind", ["file", "link", "no folder"])
def test_what_is_not_of_a_store_is_never_removed(start, images, tmp_path, kind):
    stores = tmp_path / "run.h5.stores"
    precious = tmp_path / "precious" / "notes.txt"
    precious.parent.mkdir()
    if kind == "file":
        precious = stores / "er" / "0" / "notes.txt"
        precious.parent.mkdir(parents=True)
    elif kind == "link":
        (stores / "er").mkdir(parents=True)
        (stores / "er" / "0").symlink_to(precious.parent)
    else:
        stores.write_text("mine")
    precious.write_text("mine")
    told = start("--images", images)
    assert (told.exit_code, "is for the stores of this run" in told.stderr) == (2, True)
    assert precious.read_text() == "mine"
    assert not (tmp_path / "run.h5").exists()


def test_stores_of_an_earlier_run_go_with_its_recording(start, images, tmp_path):
    assert start("--images", images, "--subjects", 2).exit_code == 0
    assert (tmp_path / "run.h5.stores" / "er" / "1").is_dir()
    assert start("--images", images, "--overwrite").exit_code == 0
    assert [path.name for path in sorted((tmp_path / "run.h5.stores" / "er").iterdir())] == ["0", "0.aside"]


def test_a_sweep_over_budgets_of_ones_own_images(engram, images, tmp_path):
    (tmp_path / "stream.yaml").write_text(PROTOCOL)
    given = ["--models", "er", "--vary", "er.store.budget=1kB,2kB", "--vary", "er.epochs=1", "--images", images]
    result = engram("sweep", tmp_path / "stream.yaml", *given, "--size", 8, "--subjects", 1, "--out", tmp_path / "s.h5")
    assert result.exit_code == 0, result.stderr
    spent = [open_recording(tmp_path / "s.h5").table(name, 0, "episodic")["total_bytes"].max() for name in
             open_recording(tmp_path / "s.h5").models]  # fmt: skip
    assert 500 < spent[0] <= 1000 < spent[1] <= 2000
    result = engram("sweep", tmp_path / "stream.yaml", "--models", "er", "--images", images, "--budget", "many")
    assert result.exit_code == 2
    assert 'budget: found "many"' in result.stderr or "budget: found 'many'" in result.stderr
