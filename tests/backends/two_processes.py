"""What tests/test_distributed.py lets two processes do, each with torchrun's variables in its environment.

Called with a folder. One scenario comes after another, since starting takes longer than any of them; in the last one
the second process dies.
"""

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch

import engram as eg
from engram.models.deep import (
    SIESTA,
    BrainCL,
    DarkExperienceReplay,
    ExperienceReplay,
    FineTune,
    ResNet,
    SmallConvNet,
)
from engram.models.deep.augment import CropFlip
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, wake
from engram.sim import Reporter
from engram.sim.chunk_loop import Interrupted
from engram.sim.deep.distributed import LostProcess, group_from_environment

OPTIMISER = {"kind": "sgd", "learning_rate": 0.05, "momentum": 0.9}
COMMON = {"epochs": 2, "batch_size": 10, "optimiser": OPTIMISER}
SMALL = SmallConvNet(width=4, norm="group")
MODELS = {
    "plain": FineTune(backbone=SMALL, **COMMON),  # 42 images in batches of 10: one process has 1 image more at the end
    "varied": FineTune(backbone=SMALL, augment=CropFlip(pad=1), **COMMON),
    "single": FineTune(backbone=SMALL, **{**COMMON, "batch_size": 41, "accumulate": 3}),  # the last batch has one image
    "frozen": FineTune(backbone=ResNet(depth=18, norm="frozen", stem="small", width=4), **COMMON),
    "er": ExperienceReplay(backbone=SMALL, store={"kind": "raw", "per_class": 7}, replay_batch_size=5, **COMMON),
    "few": ExperienceReplay(backbone=SMALL, store={"kind": "raw", "per_class": 7}, replay_batch_size=1, **COMMON),
    "siesta": SIESTA(backbone=SMALL, **COMMON),  # keeps features; its loss leaves the bias of the head out
    "maps": ExperienceReplay(backbone=SMALL, store={"kind": "features"}, replay_batch_size=5, **COMMON),
    "dreamt-maps": BrainCL(
        backbone=SMALL, store={"kind": "features"}, first_sleep_epochs=1, sleep_epochs=1, **{**COMMON, "epochs": 1}
    ),
    "jpeg": BrainCL(backbone=SMALL, store={"kind": "jpeg"}, sleep_epochs=2, **COMMON),
    # Stored as they are met. With 41 images in a batch, the last one has an image that only one process holds.
    "der": DarkExperienceReplay(backbone=SMALL, store={"kind": "raw", "per_class": 8}, replay_batch_size=3, **COMMON),
    "der-parts": DarkExperienceReplay(
        backbone=SMALL, store={"kind": "jpeg", "budget": 2000}, replay_batch_size=4, **{**COMMON, "accumulate": 3}
    ),
    "met": ExperienceReplay(
        backbone=SMALL,
        store={"kind": "jpeg", "keep": "reservoir", "budget": 1800},
        replay_batch_size=5,
        **{**COMMON, "batch_size": 41},
    ),
}
PROTOCOL = Protocol(
    name="two-tasks",
    items=ItemSpec(set="digits", count=4, train=21, test=9, lists={"count": 2}),
    schedule=[each("list", [wake("current"), sleep(), probe("seen")])],
)
SECONDS = 280
"""After which a process that waits in vain ends itself, on however busy a machine."""


class Interrupting(Reporter):
    """Sends this process a signal after so many pieces of work."""

    def __init__(self, after, number=signal.SIGINT):
        self._left, self._number = after, number

    def work(self, model, phase, doing, pieces):
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), self._number)


def start(out, names=("er",), reporter=None, **settings):
    settings = {"subjects": 1, "seed": 3, "threads": 1, "checkpoint_every": 1000.0, **settings}
    return eg.run(PROTOCOL, {name: MODELS[name] for name in names}, out=out, reporter=reporter, **settings)


def talk(folder):
    """What a group says, written down by each process."""
    group = group_from_environment()
    rank = group.rank
    heard = {
        "sum": group.sum_(torch.tensor([1.0, rank])).tolist(),
        "total": group.total(2, rank),
        "any": group.any(rank == 1, False),
        "agree": [group.agree(rank == 0), group.agree(rank == 1)],
        "json": group.share_json({"said by": rank}),
        "arrays": {name: a.tolist() for name, a in group.share({"a/b": np.arange(3) + rank}).items()},
        "rows": list(range(7))[group.rows()],
        "parts": [part["own"].tolist() for part in group.gather({"own": np.arange(rank + 1)})],
        "gathered": group.gather_rows(torch.arange(7)[group.rows()], 7).tolist(),
        "led": list(group.lead(iter(["first", "second"]) if group.first else None)),
    }

    def failing():
        yield "so far"
        raise OSError("the disk is full")

    try:
        for said in group.lead(failing() if group.first else None):
            heard["before it failed"] = said
    except OSError as error:
        heard["failed"] = f"{type(error).__name__}: {error}"
    Path(folder, f"heard-{rank}.json").write_text(json.dumps(heard))


def apart(folder):
    """Batch normalisation, which on the CPU sees a share of the batch alone, is told of."""
    model = FineTune(backbone=SmallConvNet(width=4, norm="batch"), **COMMON)
    eg.run(PROTOCOL, {"apart": model}, subjects=1, seed=3, threads=1, out=f"{folder}/apart.h5")


def whole(folder):
    start(f"{folder}/whole.h5", MODELS)


def stopped(folder):
    """The second process is interrupted in its second sleep, then both go on; another run is left to others."""
    rank = int(os.environ["RANK"])
    for name, model in (("both", "jpeg"), ("left", "jpeg"), ("both-met", "der"), ("left-met", "der")):
        try:
            start(f"{folder}/{name}.h5", (model,), Interrupting(8) if rank == 1 else None, checkpoint_every=0.0)
        except Interrupted:
            Path(folder, f"{name}-stopped-{rank}").touch()
    for name in ("both", "both-met"):
        eg.resume(f"{folder}/{name}.h5")


def going_on(folder):
    eg.resume(f"{folder}/taken-over.h5")


def killed(folder):
    start(f"{folder}/killed.h5", ("der",), Interrupting(4, signal.SIGKILL) if os.environ["RANK"] == "1" else None)


def undivided(folder):
    protocol = PROTOCOL.model_copy(update={"schedule": (wake("all"), probe("all"))})
    try:
        eg.run(protocol, "hybrid", subjects=1, out=f"{folder}/undivided.h5")
    except ValueError as error:
        Path(folder, f"undivided-{os.environ['RANK']}").write_text(str(error))


if __name__ == "__main__":
    signal.alarm(SECONDS)
    for scenario in (talk, undivided, apart, whole, stopped, going_on, killed):
        try:
            scenario(sys.argv[1])
        except LostProcess as lost:
            sys.exit(f"{scenario.__name__}: {lost}")
