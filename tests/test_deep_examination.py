"""Tests of a deep learner's answers: every image is read once, by as many processes as there are to spare."""

import numpy as np
import pytest

from engram.analysis.probe_evaluations import evaluations
from engram.data.streams.synthetic import SyntheticImageNet
from engram.models.deep import FineTune, SmallConvNet
from engram.protocols import ItemSpec, Protocol, probe, wake
from engram.sim import run
from engram.sim.deep import examination

PROTOCOL = Protocol(
    name="corrupted-and-unknown",
    items=ItemSpec(set="synthetic-imagenet", count=2, train=8, test=8),
    schedule=[wake("all"), probe("all", corruptions=["fog", "gaussian_noise"], severities=[1, 3], unknown=True)],
)


@pytest.fixture
def settings():
    # Three classes, of which two are taught: the third is unknown.
    items = SyntheticImageNet(images=60, classes=3, size=32)
    model = FineTune(backbone=SmallConvNet(width=4), batch_size=8, epochs=1, evaluation_batch_size=4)
    return {"models": {"finetune": model}, "items": items, "subjects": 1, "threads": 1, "seed": 4}


def test_workers_change_nothing_in_what_is_answered(tmp_path, monkeypatch, settings, contents):
    alone = contents(run(PROTOCOL, out=tmp_path / "alone.h5", **settings).path)
    monkeypatch.setattr(examination, "usual_workers", lambda images, device: 2)
    started = []

    class Counting(examination.ReadAhead):
        def __init__(self, images, workers, prefetch):
            started.append(workers)
            super().__init__(images, workers, prefetch)

    monkeypatch.setattr(examination, "ReadAhead", Counting)
    assert contents(run(PROTOCOL, out=tmp_path / "helped.h5", **settings).path) == alone
    assert started
    assert set(started) <= {1, 2}


def test_images_are_read_once_however_many_corruptions_there_are(tmp_path, monkeypatch, settings):
    read = []
    batches = examination.Examination._batches

    def counted(self, part, which):
        read.append(np.asarray(which))
        return batches(self, part, which)

    monkeypatch.setattr(examination.Examination, "_batches", counted)
    recording = run(PROTOCOL, out=tmp_path / "once.h5", **settings)
    known, unknown = read
    assert len(known) == len(set(known.tolist()))
    assert not set(known.tolist()) & set(unknown.tolist())
    told = evaluations(recording)["name"]
    assert told.str.startswith("corruption/").sum() == 4
    assert told.str.startswith("unknown/").any()
