"""Deep learners through whole runs: what wakes, sleeps, lesions and probes do to them, and what is recorded."""

import h5py
import numpy as np
import pytest

from engram.models.deep import MLP, BrainCL, ExperienceReplay, FineTune, Joint
from engram.models.stores import RawStore
from engram.protocols import Cue, ItemSpec, Protocol, Stage, each, lesion, probe, sleep, wake
from engram.sim import run

TASKS = ItemSpec(set="digits", count=6, train=40, test=20, lists={"size": 2, "count": 3})
SMALL = {"backbone": MLP(hidden=(32,)), "batch_size": 16}


def recorded(tmp_path, schedule, items=TASKS, subjects=1, **models):
    protocol = Protocol(name="short", items=items, schedule=list(schedule))
    return run(protocol, models, subjects=subjects, seed=2, out=tmp_path / "run.h5", threads=1)


def mean(recording, model, probe_number=-1):
    return float(recording.performance(model).isel(probe=probe_number).mean(skipna=True))


def test_who_forgets_and_who_does_not(tmp_path):
    schedule = [each("list", [wake("current"), sleep("1 h"), probe("seen")])]
    recording = recorded(
        tmp_path,
        schedule,
        finetune=FineTune(**SMALL),
        joint=Joint(**SMALL),
        er=ExperienceReplay(**SMALL, store=RawStore(per_class=20)),
        braincl=BrainCL(**SMALL, store=RawStore(per_class=20)),
    )
    last = {name: mean(recording, name) for name in recording.models}
    assert last["finetune"] < 0.4  # two of six items
    assert last["joint"] > 0.85
    assert min(last["er"], last["braincl"]) > 0.75
    # One batch of a lesson, as many recalled: 40 or 80 images of two items in batches of 16.
    costs = recording.table("er", 0, "costs")
    awake = costs[costs["updates"] > 0]
    assert awake["updates"].tolist() == [5 * 5] * 3
    assert awake["image_passes"].tolist() == [5 * 80] + [5 * (80 + 5 * 64)] * 2
    assert recording.table("er", 0, "losses").groupby("phase").size().tolist() == [5, 5, 5]
    episodic = recording.table("braincl", 0, "episodic")
    assert episodic["items"].tolist() == [40, 80, 120]
    assert episodic["classes"].tolist() == [2, 4, 6]
    parts = episodic[["codes_bytes", "parameter_bytes", "other_bytes"]].sum(axis=1)
    assert parts.tolist() == episodic["total_bytes"].tolist()
    stores = tmp_path / "run.h5.stores" / "braincl" / "0"
    on_disk = sum(file.stat().st_size for file in stores.rglob("*") if file.is_file())
    assert on_disk == episodic["total_bytes"].iloc[-1]
    seconds = recording.seconds("braincl")
    assert np.isfinite(np.asarray(seconds)).all()


def test_recalled_images_lie_beside_their_originals(tmp_path):
    models = {"raw": BrainCL(**SMALL, store="raw"), "jpeg": BrainCL(**SMALL, store={"kind": "jpeg", "quality": 30})}
    recording = recorded(tmp_path, [wake("list-1"), sleep("1 h"), probe("seen")], **models)
    for name, exact in (("raw", True), ("jpeg", False)):
        rows = recording.table(name, 0, "recollections")
        assert len(rows) == 4
        original, recalled = (np.stack(rows[column]) for column in ("original", "recalled"))
        assert original.shape == (4, 64)
        assert (original == recalled).all() == exact
        assert np.corrcoef(original.ravel(), recalled.ravel())[0, 1] > 0.9
    assert recording.table("jpeg", 0, "episodic")["psnr"].iloc[0] < 45


def test_at_equal_passes_every_task_costs_the_same(tmp_path):
    schedule = [each("list", [wake("current"), sleep("1 h"), probe("seen")])]
    store = RawStore(per_class=20)
    recording = recorded(
        tmp_path,
        schedule,
        finetune=FineTune(**SMALL, passes=1000),
        er=ExperienceReplay(**SMALL, store=store, passes=1000, replay_batch_size=16),
        braincl=BrainCL(**SMALL, store=store, passes=1000),
    )
    for name in recording.models:
        costs = recording.table(name, 0, "costs")
        of_task = costs["image_passes"].to_numpy().reshape(3, 2).sum(axis=1)
        assert (of_task <= 1000).all()
        assert (of_task > 1000 - 32).all()


def test_a_lesion_of_the_hippocampus_takes_writing_replay_and_route(tmp_path):
    route = BrainCL(**SMALL, store="raw", recognition={"neighbours": 3}, first_sleep_epochs=30)
    schedule = [
        wake("list-1"),
        probe("seen", lesions=["none", "hippocampus"]),
        sleep("8 h"),
        probe("seen", lesions=["none", "hippocampus"]),
        lesion("hippocampus"),
        wake("list-2"),
        sleep("8 h"),
        probe("list-2"),
        lesion("none"),
        probe("list-1"),
    ]
    recording = recorded(tmp_path, schedule, braincl=route)
    intact, lesioned, late, late_lesioned, amnesic, after = (mean(recording, "braincl", k) for k in range(6))
    assert intact > 0.9
    assert lesioned < 0.8
    assert late_lesioned > 0.9
    assert late > 0.9
    assert amnesic < 0.6  # the head was opened for the new items, and learned nothing of them
    assert after > 0.9
    costs = recording.table("braincl", 0, "costs").set_index("phase")["updates"]
    assert [bool(costs[phase]) for phase in (0, 3, 7, 8)] == [False, True, False, False]
    assert recording.table("braincl", 0, "episodic")["items"].tolist() == [80]


def test_rem_is_recall_unless_it_mixes(tmp_path):
    night = sleep(cycles=2, stages=[Stage(nrem="60 min"), Stage(rem="30 min")])
    models = {
        "plain": BrainCL(**SMALL, store="raw"),
        "unstaged": BrainCL(**SMALL, store="raw", rem=None),
        "mixing": BrainCL(**SMALL, store="raw", rem={"alpha": 0.4}),
    }
    recording = recorded(tmp_path, [wake("list-1"), night, probe("seen")], **models)
    losses = {name: recording.table(name, 0, "losses")["loss"].to_numpy() for name in models}
    assert (losses["plain"] == losses["unstaged"]).all()
    # Four epochs of five make two cycles of ten and five updates each: the first REM begins in the second epoch.
    assert losses["mixing"][0] == losses["plain"][0]
    assert losses["mixing"][-1] > losses["plain"][-1]


def test_wrong_labels_harm_what_is_learned_from_them(tmp_path):
    schedule = [wake("list-1"), probe("seen"), wake("list-1", labels="deranged"), probe("seen")]
    recording = recorded(tmp_path, schedule, finetune=FineTune(**SMALL, epochs=10))
    assert mean(recording, "finetune", 0) > 0.9
    assert mean(recording, "finetune", 1) < 0.1


def test_answers_are_counted_over_all_test_images_of_an_item(tmp_path):
    items = ItemSpec(set="digits", count=3)
    recording = recorded(tmp_path, [wake("all"), probe([0, 1])], items=items, finetune=FineTune(**SMALL))
    pool_sizes = {45, 44, 46, 43, 42, 47}  # of digits' test parts
    counts = recording.responses("finetune").to_numpy().reshape(3, 3)
    assert (counts[2] == -1).all()
    assert set(counts[:2].sum(axis=1).tolist()) <= pool_sizes
    shares = np.diagonal(counts)[:2] / counts[:2].sum(axis=1)
    assert recording.performance("finetune").to_numpy().ravel()[:2] == pytest.approx(shares)


def test_items_are_not_answered_before_they_are_taught(tmp_path):
    recording = recorded(tmp_path, [probe("all"), wake("list-1"), probe("all")], finetune=FineTune(**SMALL))
    performance = recording.performance("finetune").to_numpy().reshape(2, 6)
    assert (performance[0] == 0).all()
    assert (performance[1, 2:] == 0).all()
    assert (performance[1, :2] > 0.5).all()


def test_corruptions_cues_and_unknown_classes_are_evaluated(tmp_path):
    tests = [
        probe("all", corruptions=["gaussian_noise"], severities=[1, 5], unknown=True),
        probe("all", kind="cued", cue=Cue(fraction=0.3)),
    ]
    items = ItemSpec(set="digits", count=6)
    recording = recorded(tmp_path, [wake("all"), *tests], items=items, finetune=FineTune(**SMALL, epochs=20))
    told = recording.table("finetune", 0, "evaluations")
    first = told[told["phase"] == 1].set_index("name")["value"]
    assert first["accuracy/intact"] > first["corruption/gaussian_noise/1"] - 0.02
    assert first["accuracy/intact"] > first["corruption/gaussian_noise/5"] + 0.05
    for score in ("msp", "energy"):
        assert 0.6 < first[f"unknown/{score}/auroc"] < 1
        assert {f"unknown/{score}/{m}" for m in ("aupr", "aupr_unknown", "fpr95")} <= set(first.index)
    assert 0 <= first["calibration/ece"] < 0.5
    assert mean(recording, "finetune", 1) < mean(recording, "finetune", 0) - 0.1


def test_a_loss_that_is_not_finite_stops_that_subject_and_says_why(tmp_path):
    models = {"wild": FineTune(**SMALL, optimiser={"learning_rate": 1e30}), "tame": FineTune(**SMALL)}
    recording = recorded(tmp_path, [wake("all"), wake("all"), probe("all")], subjects=2, **models)
    assert recording.models["wild"].statuses == ("failed",) * 2
    assert recording.models["tame"].statuses == ("complete",) * 2
    with h5py.File(recording.path) as file:
        why = file["models/wild/subjects/0"].attrs["message"]
    assert "loss was not finite in phase 0 (wake), epoch" in str(why)


def test_too_little_memory_is_told_with_what_to_lower(tmp_path, monkeypatch):
    from engram.sim.deep.training import Training

    def no_memory(*_):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")

    monkeypatch.setattr(Training, "_batch", no_memory)
    with pytest.raises(MemoryError, match=r"lower batch_size \(now 16\) or raise accumulate \(now 1\)"):
        recorded(tmp_path, [wake("all"), probe("all")], finetune=FineTune(**SMALL))


def test_a_learner_of_ones_own(tmp_path):
    from engram.sim.deep.learner import Learner, learns

    class Forgetful(FineTune):
        kind: str = "forgetful"

    @learns(Forgetful)
    class ForgetfulLearner(Learner):
        def wake(self, lesson):
            self.bench.teach(lesson.slots)
            yield from self.bench.piece(lambda: iter(()))

    recording = recorded(tmp_path, [wake("all"), probe("all")], forgetful=Forgetful(**SMALL))
    assert recording.table("forgetful", 0, "costs")["updates"].tolist() == [0]
    assert mean(recording, "forgetful") < 0.5
