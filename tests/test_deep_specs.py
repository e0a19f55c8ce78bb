"""What deep learners say: settings, plans, and what they refuse."""

import re

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engram.data.items import ImagePart, Pool
from engram.models.deep import MLP, BrainCL, ExperienceReplay, FineTune, Joint, Schedule, Scratch
from engram.models.registry import model, model_from_spec
from engram.models.stores import JpegStore, RawStore
from engram.protocols import ItemSpec, Protocol, Stage, each, lesion, probe, sleep, unroll, wake
from engram.sim.planning import fixed_parts

OURS = ["braincl", "braincl-light", "finetune", "joint", "joint-recalled", "scratch-recalled", "er"]


@pytest.mark.parametrize("preset", ["small", "paper"])
@pytest.mark.parametrize("name", OURS)
def test_a_spec_survives_json(name, preset):
    given = model(name, preset=preset)
    assert model_from_spec(given.spec()) == given
    assert given.backend == "deep"


def test_the_paper_in_numbers():
    paper = model("braincl", preset="paper")
    assert (paper.backbone.depth, paper.batch_size, paper.augment.size) == (18, 128, 224)
    assert (paper.first_sleep_epochs, paper.sleep_epochs, paper.epochs) == (100, 70, 1)
    sgd = paper.optimiser
    assert (sgd.kind, sgd.learning_rate, sgd.momentum, sgd.weight_decay) == ("sgd", 0.1, 0.9, 2e-4)
    assert paper.schedule.final * sgd.learning_rate == pytest.approx(1e-3)
    assert (paper.store.channels, paper.store.latent, paper.store.decoder, paper.store.epochs) == (128, 192, "task", 50)


def test_what_is_given_goes_before_the_preset():
    given = FineTune(preset="paper", batch_size=32, optimiser={"weight_decay": 0.0})
    assert (given.batch_size, given.optimiser.weight_decay, given.optimiser.learning_rate) == (32, 0.0, 0.1)


def test_a_change_to_the_usual_store_keeps_its_kind():
    assert model("er", store={"budget": "4MB"}).store == RawStore(budget="4MB")
    assert model("braincl-light", store={"quality": 50}).store == JpegStore(quality=50)
    assert model("joint-recalled", store={"budget": "4MB"}).store.kind == "cues"
    paper = model("braincl", preset="paper", store={"budget": "4MB"}).store
    assert (paper.kind, paper.latent, paper.budget) == ("cues", 192, 4_000_000)
    assert model("braincl", preset="paper", store="raw").store == RawStore()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ExperienceReplay(store=None), "store: none is given"),
        (lambda: Joint(recalled=True), "store: none is given"),
        (lambda: Scratch(store="rwa"), 'no store is called "rwa".*Did you mean "raw"'),
        (lambda: FineTune(backbone="resnt"), 'no backbone is called "resnt".*Did you mean "resnet"'),
        (lambda: FineTune(batch_sise=3), "no such parameter.*batch_size"),
        (lambda: FineTune(optimiser={"learning_rate": 0}), "greater than 0"),
        (lambda: FineTune(epochs=0), "greater than 0"),
        (lambda: Scratch(store="raw", mixed_stability={}), "mixed_stability"),
    ],
)
def test_settings_that_cannot_be_are_told(make, words):
    with pytest.raises(ValueError, match=re.compile(words, re.DOTALL)):
        make()


def test_a_run_is_fixed_by_the_weights_that_its_networks_begin_with(tmp_path):
    def parts(value):
        net = MLP(hidden=(2,)).build(1, 8, torch.Generator())
        torch.nn.init.constant_(net.linear1.bias, value)
        save_file(net.state_dict(), tmp_path / "net.safetensors")
        learner = FineTune(backbone=MLP(hidden=(2,), weights=str(tmp_path / "net.safetensors")))
        settings = {"device": "cpu", "threads": 1, "subjects": 1}
        return fixed_parts(protocol(wake("all")), {"net": learner}, pool(8, 8), 0, settings, {"net": 1})

    first, again, other = parts(0.0), parts(0.0), parts(1.0)
    assert first == again
    assert {name for name in first if first[name] != other[name]} <= {"network weights", "models"}
    assert first["network weights"] != other["network weights"]
    assert "network weights" not in fixed_parts(
        protocol(wake("all")), {"net": FineTune()}, pool(8, 8), 0, {"device": "cpu", "threads": 1, "subjects": 1}, {}
    )


# Plans ---------------------------------------------------------------------------------------------------------------


def steps(*schedule):
    protocol = Protocol(name="night", items=ItemSpec(set="digits", count=4), schedule=list(schedule))
    return unroll(protocol).steps


AWAKE, ASLEEP = steps(wake("all"), sleep("2 h"))


def test_who_learns_when_and_from_what():
    def told(learner, step, task=1):
        plan = learner.plan(step, task)
        return None if plan is None else (plan.parameters, plan.source, plan.epochs)

    brain = BrainCL(store="raw", first_sleep_epochs=9, sleep_epochs=7, epochs=2)
    assert told(brain, AWAKE, task=0) is None
    assert told(brain, AWAKE) == ("head", "recalled", 2)
    assert told(brain, ASLEEP, task=0) == ("all", "recalled", 9)
    assert told(brain, ASLEEP) == ("all", "recalled", 7)
    assert told(FineTune(epochs=3), AWAKE) == ("all", "lesson", 3)
    assert told(Joint(), AWAKE) == ("all", "seen", 5)
    assert told(Joint(recalled=True, store="raw"), AWAKE) == ("all", "recalled", 5)
    assert told(ExperienceReplay(store="raw"), AWAKE) == ("all", "lesson+recalled", 5)
    assert told(Scratch(store="raw"), AWAKE) == ("all", "recalled", 5)
    assert Scratch(store="raw").plan(AWAKE, 1).fresh
    for awake_only in (FineTune(), Joint(), ExperienceReplay(store="raw"), Scratch(store="raw")):
        assert awake_only.plan(ASLEEP, 1) is None


def test_how_long_a_night_is():
    brain = BrainCL(store="raw", sleep_epochs=7, passes_per_hour=1.5)
    (_, told_passes) = steps(wake("all"), sleep("2 h", passes=4))
    assert brain.plan(told_passes, 1).epochs == 4
    assert brain.plan(ASLEEP, 1).epochs == 3
    assert BrainCL(store="raw", sleep_epochs=7).plan(ASLEEP, 1).epochs == 7


def test_the_head_learns_at_a_constant_rate_and_later_nights_warm_up_longer():
    brain = BrainCL(preset="paper")
    assert brain.plan(AWAKE, 1).schedule == Schedule()
    assert [brain.plan(ASLEEP, task).schedule.warmup for task in (0, 1)] == [5, 20]


def test_schedules_by_hand():
    cosine = Schedule(kind="cosine", warmup=1, final=0.1)
    shares = [cosine.share(update, 6, 2) for update in range(7)]
    assert shares == pytest.approx(
        [0.5, 1.0, 1.0, 0.1 + 0.9 * (2 + 2**0.5) / 4, 0.55, 0.1 + 0.9 * (2 - 2**0.5) / 4, 0.1]
    )
    cycle = Schedule(kind="one-cycle")
    shares = [cycle.share(update, 10, 5) for update in range(11)]
    assert shares[:4] == pytest.approx([0.04, 0.04 + 0.96 / 4, 0.04 + 0.96 * 3 / 4, 1.0])
    assert shares[-1] == 0
    assert shares[3:] == sorted(shares[3:], reverse=True)
    long = Schedule(warmup=100)
    assert [long.share(update, 4, 2) for update in range(4)] == [0.5, 1, 1, 1]  # half of a short phase


# Protocols and images ------------------------------------------------------------------------------------------------


def pool(height, width):
    part = ImagePart(np.zeros((4, height, width), np.uint8), np.arange(4))
    return Pool("blank", tuple("abcd"), part, part, "made here")


def protocol(*schedule):
    return Protocol(name="short", items=ItemSpec(set="digits", count=4), schedule=list(schedule))


@pytest.mark.parametrize(
    ("schedule", "size", "words"),
    [
        ([wake("all"), probe("all")], (8, 9), "9 × 8 pixels; deep learners take square ones"),
        ([each("item", [wake("current"), probe("all", every="epoch")])], (8, 8), "between phases"),
        ([wake("all"), probe("all", lesions=["none", "cortex"])], (8, 8), 'no part "cortex".*hippocampus'),
        ([lesion("amygdala"), wake("all")], (8, 8), 'no part "amygdala"'),
        ([wake("all"), probe("all", kind="recall")], (8, 8), "recall"),
    ],
)
def test_what_cannot_be_done_is_refused(schedule, size, words):
    with pytest.raises(ValueError, match=words):
        BrainCL(store="raw", recognition={}).check(protocol(*schedule), pool(*size))


def test_lesions_need_a_hippocampus():
    lesioned = protocol(lesion("hippocampus"), wake("all"))
    ExperienceReplay(store="raw").check(lesioned, pool(8, 8))
    with pytest.raises(ValueError, match="lesion"):
        FineTune().check(lesioned, pool(8, 8))


def test_a_lesion_that_no_answer_would_show_is_warned_of():
    probed = protocol(wake("all"), sleep("1 h"), probe("all", lesions=["none", "hippocampus"]))
    with pytest.warns(UserWarning, match="answers with the cortex alone"):
        BrainCL(store="raw").check(probed, pool(8, 8))


def test_stages_are_read():
    (_, night) = steps(wake("all"), sleep(cycles=2, stages=[Stage(nrem="60 min"), Stage(rem="30 min")]))
    assert BrainCL(store="raw", passes_per_hour=2).plan(night, 1).epochs == 6


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"store": 3}, "FineTune: store: found 3; expected the word for a kind of store: .*jpeg"),
        ({"store": "rav"}, 'FineTune: store: found \'rav\'; no store is called "rav": .* Did you mean "raw"?'),
        ({"optimiser": {"clip": "s"}}, "FineTune: optimiser.clip: found 's'; should be a valid number"),
        ({"epoch": 3}, 'FineTune: epoch: found 3; there is no such parameter. Did you mean "epochs"?'),
    ],
)
def test_what_is_found_is_told_once(fields, message):
    with pytest.raises(ValueError, match=message) as refusal:
        FineTune(**fields)
    assert str(refusal.value).count("found") <= 1
