"""Runs of deep learners that are stopped anywhere end in the bits of a run that was not."""

import numpy as np
import pytest

from engram.models import Uniform
from engram.models.deep import MLP, BrainCL, ExperienceReplay, FineTune, Joint, Scratch, SmallConvNet
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, wake
from engram.sim import Reporter, resume, run

PROTOCOL = Protocol(
    name="two-tasks",
    items=ItemSpec(set="digits", count=4, train=24, test=8, lists={"size": 2, "count": 2}),
    schedule=[
        each("list", [wake("current"), probe("seen"), sleep("1 h"), probe("seen", lesions=["none", "hippocampus"])])
    ],
)
WITHOUT_LESIONS = PROTOCOL.model_copy(
    update={"schedule": (each("list", [wake("current", exposures=2), sleep("1 h"), probe("all")]),)}
)
SMALL = {"backbone": MLP(hidden=(12,)), "batch_size": 4, "epochs": 2, "replay_batch_size": 3}
LEARNERS = {
    "finetune": (FineTune, {"augment": {"kind": "crop-flip", "pad": 1}, "accumulate": 3}),
    "joint": (
        Joint,
        {"optimiser": {"kind": "adam", "learning_rate": 0.01}, "schedule": {"kind": "cosine", "warmup": 1}},
    ),
    "scratch": (Scratch, {"store": {"kind": "jpeg", "per_class": 10}}),
    "er": (ExperienceReplay, {"store": {"kind": "raw", "per_class": 5}, "passes": 333}),
    "online": (ExperienceReplay, {"store": {"kind": "raw", "budget": 2000, "keep": "reservoir"}}),
    "herding": (ExperienceReplay, {"store": {"kind": "raw", "per_class": 5, "keep": "herding"}}),
    "gated": (Joint, {"mixed_stability": {"flexibility": Uniform(), "layers": "all"}}),
    "batch-norm": (FineTune, {"backbone": SmallConvNet(width=4, norm="batch"), "optimiser": {"clip": 0.5}}),
    "braincl": (BrainCL, {"store": "raw", "recognition": {"neighbours": 3}, "rem": {"share": 0.5}}),
}


class Stopping(Reporter):
    def __init__(self, at):
        self.left = at

    def work(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


@pytest.mark.parametrize("name", LEARNERS)
def test_a_stopped_run_is_gone_on_with_to_the_same_bits(name, tmp_path, contents):
    kind, settings = LEARNERS[name]
    model = kind(**{**SMALL, **settings})
    protocol = PROTOCOL if name == "braincl" else WITHOUT_LESIONS
    options = {"models": {name: model}, "subjects": 1, "seed": 3, "threads": 1}
    whole = contents(run(protocol, out=tmp_path / "whole.h5", **options).path)
    path = tmp_path / "stopped.h5"
    at = iter((2, 5, 3, 7, 1))
    with pytest.raises(KeyboardInterrupt):
        run(protocol, out=path, checkpoint_every=0, reporter=Stopping(next(at)), **options)
    for count in at:
        with pytest.raises(KeyboardInterrupt):
            resume(path, checkpoint_every=0, reporter=Stopping(count))
    assert contents(resume(path).path) == whole


def test_a_run_is_stopped_in_the_middle_of_an_epoch_while_asleep(tmp_path, contents):
    model = BrainCL(**{**SMALL, "batch_size": 1, "store": "raw", "sleep_epochs": 1, "first_sleep_epochs": 1})
    options = {"models": {"braincl": model}, "subjects": 1, "seed": 3, "threads": 1}
    whole = contents(run(WITHOUT_LESIONS, out=tmp_path / "whole.h5", **options).path)

    class AtUpdate64(Reporter):
        def work(self, model, phase, doing, pieces):
            self.seen = getattr(self, "seen", 0) + ("sleep" in phase and "epoch 1" in doing)
            if self.seen == 5:  # 32 of the first night's 48, its end, then 32, 64 and 96 of the second's 96
                raise KeyboardInterrupt

    path = tmp_path / "stopped.h5"
    with pytest.raises(KeyboardInterrupt):
        run(WITHOUT_LESIONS, out=path, checkpoint_every=0, reporter=AtUpdate64(), **options)
    assert contents(resume(path).path) == whole


def test_subjects_differ_and_a_seed_fixes_every_bit(tmp_path, contents):
    options = {"models": {"finetune": FineTune(**SMALL)}, "subjects": 2, "threads": 1}
    first = run(WITHOUT_LESIONS, out=tmp_path / "first.h5", seed=1, **options)
    again = run(WITHOUT_LESIONS, out=tmp_path / "again.h5", seed=1, **options)
    other = run(WITHOUT_LESIONS, out=tmp_path / "other.h5", seed=2, **options)
    assert contents(first.path) == contents(again.path)
    losses = [
        recording.table("finetune", k, "losses")["loss"].to_numpy() for recording in (first, other) for k in (0, 1)
    ]
    assert len({losses_.tobytes() for losses_ in losses}) == 4
    assert all(np.isfinite(losses_).all() for losses_ in losses)
