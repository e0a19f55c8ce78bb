"""What cannot work is told before anything is begun, and what fails later says what stays behind."""

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from engram.data.recording import open_recording
from engram.data.seeds import child_rng
from engram.models.deep import MLP, SIESTA, DarkExperienceReplay, ExperienceReplay, FineTune, Scratch
from engram.models.stores import CueStore, EpisodicStore, FeatureStore, JpegStore, RawStore
from engram.models.stores.cues import training
from engram.models.stores.cues.codec import CueCodec
from engram.protocols import ItemSpec, Protocol, each, probe, wake
from engram.sim import run
from engram.sim.planning import fixed_parts

PROTOCOL = Protocol(
    name="two-tasks",
    items=ItemSpec(set="digits", count=4, train=24, test=8, lists={"count": 2}),
    schedule=[each("list", [wake("current"), probe("seen")])],
)
SMALL = {"backbone": MLP(hidden=(4,)), "batch_size": 8, "epochs": 1}
OPTIONS = {"subjects": 1, "seed": 3, "threads": 1}


def rng(*names):
    return child_rng(1, *names)


def cue_weights(path, fill=0.01, **sizes):
    spec = CueStore(**{"channels": 4, "latent": 2, **sizes})
    network = CueCodec(spec, (8, 8), rng)._new_network(0)
    torch.nn.init.constant_(next(network.parameters()), fill)
    save_file(network.state_dict(), path)
    return str(path)


def given(store, kind=ExperienceReplay):
    return lambda folder: kind(**SMALL, store=store)


def with_weights(write):
    def make(folder):
        return FineTune(**SMALL | {"backbone": MLP(hidden=(4,), weights=str(write(folder / "net.safetensors")))})

    return make


def maps(**store):
    return lambda folder: SIESTA(epochs=1, store=FeatureStore(**store))


def pickled(path):
    torch.save({"linear1.weight": torch.zeros(4, 64)}, path)
    return path


def other_network(path):
    save_file({"linear1.weight": torch.zeros(5, 64), "linear1.bias": torch.zeros(5)}, path)
    return path


def of_type(dtype, fill=0.0):
    def write(path):
        shapes = {"linear1.weight": (4, 64), "linear1.bias": (4,)}
        save_file({name: torch.full(shape, fill, dtype=dtype) for name, shape in shapes.items()}, path)
        return path

    return write


def of_cues(**other):
    def make(folder):
        path = cue_weights(folder / "cues.safetensors", **other)
        return ExperienceReplay(**SMALL, store=CueStore(channels=4, latent=2, epochs=0, weights=path))

    return make


LESSONS_NEEDED = "learns how to code images from whole lessons, and cannot take them one by one"
REFUSED = {
    "raw": (given(RawStore(budget=103)), "too small for one item of a raw store, which takes at least 104"),
    "jpeg": (given(JpegStore(budget=200)), "budget of 200 bytes is too small for one item"),
    "decoder": (given(CueStore(budget=1000)), r"budget of 1,000 bytes is too small .* takes at least [2-9],\d\d\d"),
    "features": (given(FeatureStore(), Scratch), 'rehearses images, and a store of kind "features" gives features'),
    "codebooks": (maps(codebooks=7), "7 codebooks do not divide 64 channels evenly"),
    "codebooks and a map": (
        maps(budget=32_935),
        "too small for one item of a features store, .* 32,936",
    ),
    "online cues": (given(CueStore(keep="reservoir")), LESSONS_NEEDED),
    "DER++": (given(CueStore(), DarkExperienceReplay), LESSONS_NEEDED),
    "no weights": (with_weights(lambda path: path), "net.safetensors"),
    "pickle": (with_weights(pickled), "is not a safetensors file"),
    "shapes": (with_weights(other_network), r"linear1.bias has shape \[5\]; this network has \[4\]"),
    "types": (with_weights(of_type(torch.int32)), "has type torch.int32; expected floating-point weights"),
    "too large": (with_weights(of_type(torch.float64, 1e300)), "has values that are not finite, or not in float32"),
    "no cue weights": (given(CueStore(weights="none.safetensors")), "there is no file none.safetensors"),
    "cue shapes": (of_cues(channels=5), "are the channels, the latent channels or the colours others"),
    "decoders of all lessons": (
        given(CueStore(channels=4, latent=2, epochs=1, budget=900)),
        "a budget of 900 bytes is too small for the 2 lessons of this protocol",
    ),
    "cue NaN": (of_cues(fill=float("nan")), "holds values that are not finite"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_before_anything_is_begun(case, tmp_path):
    make, words = REFUSED[case]
    model = make(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=words) as told:
        run(PROTOCOL, {"model": model}, out=tmp_path / "run.h5", **OPTIONS)
    assert not hasattr(told.value, "__notes__")
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith("run.h5")]


def test_a_budget_of_exactly_one_item_is_enough(tmp_path):
    protocol = PROTOCOL.model_copy(
        update={"items": ItemSpec(set="digits", count=2, train=4, test=2, lists={"count": 2})}
    )
    least = 40 + 64 + 4
    model = ExperienceReplay(**SMALL, store=RawStore(budget=least))
    recording = run(protocol, {"er": model}, out=tmp_path / "run.h5", **OPTIONS)
    assert recording.table("er", 0, "episodic")["items"].tolist() == [1, 1]
    assert recording.table("er", 0, "episodic")["total_bytes"].tolist() == [least, least]


def test_a_budget_that_turns_out_too_small_says_what_is_needed_and_what_stays_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "FEWEST_STEPS", 2)
    store = CueStore(channels=4, latent=2, epochs=1, decoder="first")
    own = CueCodec(store, (8, 8), rng).least_bytes()
    model = ExperienceReplay(**SMALL, store=store.model_copy(update={"budget": own + 60}))
    path = tmp_path / "run.h5"
    with pytest.raises(ValueError, match=r"too small: the codec's own .* so at least [\d,]+ are needed") as told:
        run(PROTOCOL, {"er": model}, out=path, **OPTIONS)
    assert told.value.__notes__ == [
        f"{path} holds what was recorded until then: once the cause is gone, engram resume {path} goes on; otherwise "
        "run it again with --overwrite"
    ]
    assert open_recording(path).status == "running"


def test_cues_are_refused_online_before_they_are_learned(tmp_path):
    store = EpisodicStore(CueStore(channels=4, latent=2), tmp_path / "store", (8, 8), rng=rng)
    with pytest.raises(ValueError, match=LESSONS_NEEDED):
        store.add(np.zeros((4, 8, 8), np.uint8), np.zeros(4, np.int64), 0)
    assert not (tmp_path / "store").exists()


def test_cues_that_diverge_stop_their_subject_in_words(tmp_path):
    wild = ExperienceReplay(**SMALL, store=CueStore(channels=4, latent=2, learning_rate=1e8))
    recording = run(PROTOCOL, {"wild": wild, "calm": FineTune(**SMALL)}, out=tmp_path / "run.h5", **OPTIONS)
    assert (recording.models["wild"].statuses, recording.models["calm"].statuses) == (("failed",), ("complete",))
    assert "the training of cues diverged in step" in recording.subjects()["message"][0]


def test_a_run_is_fixed_by_the_content_of_the_weights_of_its_store(tmp_path):
    path = cue_weights(tmp_path / "cues.safetensors")
    model = ExperienceReplay(**SMALL, store=CueStore(channels=4, latent=2, epochs=0, weights=path))
    before = fixed(model)
    cue_weights(path)
    assert fixed(model) == before
    cue_weights(path, fill=0.02)
    assert {name for name, value in fixed(model).items() if value != before[name]} == {"network weights"}


def fixed(model):
    from engram.data import item_set

    settings = {"device": "cpu", "threads": 1, "subjects": 1}
    return fixed_parts(PROTOCOL, {"er": model}, item_set("digits").pool(), 0, settings, {"er": 1})


@pytest.mark.parametrize("budget", [-1, True, 1.5, "nan", "infGB", "1e300GB", 2**70, "", []])
def test_what_is_no_number_of_bytes_is_told(budget):
    with pytest.raises(ValueError, match="expected a number of bytes, or a number with its unit"):
        RawStore(budget=budget)
