"""The protocols of image streams, each taken by a learner from its first image to its last probe."""

import numpy as np
import pytest
from PIL import Image

from engram.data.images import Images
from engram.data.item_sets import item_set
from engram.data.recording import open_recording
from engram.models.deep import BrainCL, ExperienceReplay, FineTune
from engram.protocols import ItemSpec, Protocol, load
from engram.sim import run
from engram.sim.run_images import check_unknown, items_of_run, unknown_images
from engram.sim.store_budget import in_bytes, within_budget

FEW = {"epochs": 1, "batch_size": 8, "backbone": {"kind": "mlp", "hidden": [8]}}


def shortened(name, train=12, test=6):
    """A protocol of the library with few images of each digit."""
    protocol = load(name)
    fields = {field: getattr(protocol, field) for field in protocol.model_fields_set}
    items = protocol.items
    items = ItemSpec(set="digits", count=items.count, lists=items.lists, train=train, test=test, classes=items.classes)
    return Protocol(**{**fields, "items": items})


def taken(protocol, tmp_path, model=None, **options):
    model = model or ExperienceReplay(store="raw", **FEW)
    return run(protocol, {"learner": model}, subjects=1, threads=1, out=tmp_path / "run.h5", **options)


def test_class_incremental(tmp_path):
    found = taken(shortened("class-incremental-5"), tmp_path)
    performance = found.performance("learner")[0, 0].values  # [probe, item]
    asked = [np.flatnonzero(~np.isnan(row)).tolist() for row in performance]
    assert asked == [list(range(2 * task)) for task in (1, 2, 3, 4, 5)] + [list(range(10))]
    assert (performance[4] == performance[5]).all()  # nothing is learned between the two
    evaluations = found.table("learner", 0, "evaluations")
    corrupted = [name for name in evaluations["name"] if name.startswith("corruption/")]
    assert len(set(corrupted)) == 15
    assert set(evaluations["phase"][evaluations["name"].str.startswith("corruption/")]) == {15}
    assert not any(name.startswith("unknown/") for name in evaluations["name"])
    steps = found.phases()
    assert steps["list"].tolist()[:15:3] == [f"list-{k}" for k in range(1, 6)]


def test_an_online_stream_is_gone_over_once(tmp_path):
    many = FineTune(**{**FEW, "epochs": 7})
    found = taken(shortened("online-stream"), tmp_path, many)
    costs = found.table("learner", 0, "costs").set_index("phase")["image_passes"]
    assert costs[[0, 3, 6, 9, 12]].tolist() == [24] * 5  # two classes of twelve images, each once
    assert costs[[1, 4, 7, 10, 13]].tolist() == [0] * 5  # asleep this learner does not learn


def test_a_poisoned_stream_teaches_the_first_task_under_wrong_names(tmp_path):
    calm = {"epochs": 20, "backbone": {"kind": "mlp", "hidden": [64]}, "optimiser": {"learning_rate": 0.01}}
    found = taken(shortened("poisoned-stream"), tmp_path, FineTune(**{**FEW, **calm}))
    presentations = found.presentations()
    last = presentations[presentations["phase"] == 15]
    assert dict(zip(last["item"], last["label"], strict=True)) in ({1: 2, 2: 1},)
    performance = found.performance("learner")[0, 0].values
    assert performance[0, :2].min() >= 0.8
    assert performance[-1, :2].max() <= 0.2  # by then it says the one where it was taught the other


def test_domains_one_after_another(tmp_path):
    rng = np.random.default_rng(0)
    for session in ("s1", "s2", "s3"):  # of CORe50; s3 is for the tests
        for number in (1, 6):  # two objects of two categories
            folder = tmp_path / "core50" / session / f"o{number}"
            folder.mkdir(parents=True)
            for frame in range(4):
                pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"C_{session[1:]:0>2}_{number:02}_{frame:03}.png")
    found = taken(load("domain-incremental"), tmp_path, FineTune(**FEW), images=tmp_path / "core50")
    steps = found.phases()
    assert steps["list"].tolist() == ["s1"] * 3 + ["s2"] * 3 + [""]
    costs = found.table("learner", 0, "costs").set_index("phase")["image_passes"]
    assert costs[[0, 3]].tolist() == [8, 8]


def test_systems_consolidation_of_a_deep_learner(tmp_path):
    """Without a hippocampus nothing comes back at first; after three nights the cortex stands alone."""
    learner = BrainCL(store="raw", recognition={}, first_sleep_epochs=4, sleep_epochs=4, backbone=FEW["backbone"])
    found = taken(load("systems-consolidation"), tmp_path, learner, items="digits")
    performance = found.performance("learner")[0, 0].mean("item").values
    intact, lesioned = performance[0::2], performance[1::2]
    assert intact[0] > 0.6
    assert lesioned[0] < 0.35
    assert lesioned[3] > lesioned[0] + 0.3
    assert np.all(intact > lesioned)


# What a run is given besides ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("budget", "size"),
    [("20MB", 20_000_000), ("20 MB", 20_000_000), ("1.5kB", 1500), ("20MiB", 20 << 20), ("4096", 4096), (4096, 4096)],
)
def test_budgets_in_bytes(budget, size):
    assert in_bytes(budget) == size


@pytest.mark.parametrize("budget", ["", "MB", "-1", "0", 0, -3, True, 2.5, "1e400", "9" * 400, "20 MBB", "nan", None])
def test_what_is_no_budget(budget):
    with pytest.raises(ValueError, match=r"budget: found .*such as 20MB"):
        in_bytes(budget)


def test_a_budget_goes_to_the_stores_and_changes_nothing_else():
    models = {"er": ExperienceReplay(store={"kind": "jpeg", "quality": 40}, **FEW), "finetune": FineTune(**FEW)}
    within = within_budget(models, "1MB")
    assert within["er"].store.budget == 1_000_000
    assert within["er"].store.quality == 40
    assert within["er"].spec() == {**models["er"].spec(), "store": within["er"].store.model_dump(mode="json")}
    assert within["finetune"] is models["finetune"]
    assert within_budget(models, None) == models
    assert (
        within_budget({"er": ExperienceReplay(store={"kind": "raw", "budget": 5000}, **FEW)}, "1MB")["er"].store.budget
        == 5000
    )


def test_images_of_a_run_are_those_that_the_user_names(tmp_path):
    protocol = load("class-incremental-20")
    assert items_of_run(protocol, None, None, None, False) == item_set("digit-pairs")
    assert items_of_run(protocol, "digits", None, None, False) == item_set("digits")
    named = items_of_run(protocol, None, tmp_path, 32, False)
    assert named == Images(path=str(tmp_path.resolve()), size=32)
    assert items_of_run(protocol, None, tmp_path, None, True).strict
    with pytest.raises(ValueError, match="size: set them on the item set itself"):
        items_of_run(protocol, named, None, 32, False)


def test_strange_images_take_the_form_of_the_others(tmp_path):
    for name in ("eel", "fox"):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("RGB", (9, 9), (80 * number, 10 + 60 * (name == "fox"), 0)).save(
                tmp_path / name / f"{number}{name}.png"
            )
    pool = item_set("digits").pool()
    strange = unknown_images(str(tmp_path), pool)
    assert strange.image_shape == pool.image_shape == (8, 8)
    assert unknown_images(None, pool) is None
    with pytest.raises(ValueError, match="no probe of the protocol"):
        check_unknown(load("poisoned-stream"), str(tmp_path))


def test_the_settled_protocol_is_recorded(tmp_path):
    taken(shortened("poisoned-stream"), tmp_path)
    text = open_recording(tmp_path / "run.h5").protocol_text
    assert "count: 10" in text
    assert Protocol.from_yaml(text) == shortened("poisoned-stream").for_classes(10)
