import copy
import math
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("constriction")

from engram.data.seeds import child_rng  # noqa: E402
from engram.models.stores import CueStore  # noqa: E402
from engram.models.stores.cues import CueCodec, learn_weights, size_of  # noqa: E402
from engram.models.stores.cues.network import CueNetwork  # noqa: E402
from engram.models.stores.cues.refinement import refine  # noqa: E402
from engram.models.stores.cues.training import Training, rate_distortion  # noqa: E402

SIDE = 12
SPEC = CueStore(channels=6, latent=4, stride=4, epochs=2, batch_size=16, learning_rate=2e-2)


def waves(n, seed, colours=None):
    """Smooth images: each a sum of two waves of random direction and phase."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    shape = (n, 2, 1, 1, colours or 1)
    along, across, phase = rng.uniform(-4, 4, shape), rng.uniform(-4, 4, shape), rng.uniform(0, 2 * np.pi, shape)
    sums = np.cos(along * y[..., None] + across * x[..., None] + phase).sum(1)
    images = np.rint(127.5 + 60 * sums).astype(np.uint8)
    return images if colours else images[..., 0]


IMAGES, LATER = waves(320, 0), waves(320, 1)


def new_codec(spec=SPEC, shape=(SIDE, SIDE)):
    return CueCodec(spec, shape, partial(child_rng, 7))


def fit(codec, images, task, steps=None):
    words = codec.fit(lambda places: images[places], len(images), task)
    for _ in zip(words, range(steps) if steps else iter(int, 1), strict=False):
        pass


STEPS = "engram.models.stores.cues.training.FEWEST_STEPS"


@pytest.fixture(autouse=True, scope="module")
def enough_steps_for_small_waves():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(STEPS, 160)
        yield


@pytest.fixture
def few_steps(monkeypatch):
    """Where networks need not have learned anything."""
    monkeypatch.setattr(STEPS, 1)


@pytest.fixture(scope="module")
def fitted():
    codec = new_codec()
    fit(codec, IMAGES, 0)
    return codec


def recalled(codec, cues, version):
    return codec.reconstruct(codec.working(cues, version), version).numpy()


def psnr(one, other):
    return -10 * math.log10(((one.astype(float) - other) ** 2).mean() / 255**2)


def test_the_loss_is_weighted_error_plus_bits_of_a_pixel():
    network = CueNetwork(size_of(SPEC, (SIDE, SIDE)), (SIDE, SIDE), torch.Generator().manual_seed(0))
    images = network.to_input(IMAGES[:5])
    noise = torch.rand(network.cue_shape(5), generator=torch.Generator().manual_seed(1)) - 0.5
    with torch.no_grad():
        loss = rate_distortion(network, images, noise, 0.003)
        cues = network.analysis(images) + noise
        error = float(((network.synthesis(cues) * 255 - images * 255) ** 2).mean())
        bits = sum(
            -math.log2(float(network.bottleneck.likelihood(cues[:, channel].reshape(1, -1).expand(4, -1))[channel, i]))
            for channel in range(4)
            for i in range(5 * 9)
        )
    assert loss.total.item() == pytest.approx(0.003 * error + bits / (5 * SIDE * SIDE), rel=1e-4)


def test_recalled_images_resemble_their_originals(fitted):
    found = psnr(recalled(fitted, fitted.quantise(IMAGES), 0)[:, 0], IMAGES)
    mean_image = psnr(np.broadcast_to(IMAGES.mean(0), IMAGES.shape), IMAGES)
    assert found > mean_image + 6


def test_cues_come_back_exactly_and_take_the_bits_that_the_entropy_model_says(fitted):
    cues = np.asarray(fitted.quantise(IMAGES[:256]))
    data = fitted.pack(cues, 0)
    np.testing.assert_array_equal(fitted.unpack(data, 256, 0), cues)
    medians = fitted._decoders[0].medians[:, None, None]
    with torch.no_grad():
        bits = fitted._network.bottleneck.bits(torch.from_numpy(cues).float() + medians).item()
    assert 8 * len(data) == pytest.approx(bits, rel=0.02)
    assert fitted.estimated_bits(cues, 0) == pytest.approx(bits, rel=0.02)


def test_a_decoder_read_from_disk_is_the_same_decoder(fitted):
    cues = fitted.quantise(IMAGES[:9])
    again = new_codec()
    again.load_parameters(0, fitted.parameters(0))
    assert again.parameters(0) == fitted.parameters(0)
    np.testing.assert_array_equal(again.unpack(fitted.pack(cues, 0), 9, 0), cues)
    np.testing.assert_array_equal(recalled(again, cues, 0), recalled(fitted, cues, 0))


def test_every_parameter_of_a_decoder_is_counted(fitted):
    convolutions = 25 * (4 * 6 + 6 * 1) + 6 + 1
    normalisation = 6 * 6 + 6
    tables = sum(2 + 2 + 2 * len(row) for row in fitted._decoders[0].tables.counts)
    assert fitted.parameters_bytes(0) == 2 * (convolutions + normalisation + 4) + tables


def test_damaged_parameters_are_told(fitted):
    data = fitted.parameters(0)
    with pytest.raises(ValueError, match="numbers of two bytes"):
        new_codec().load_parameters(0, data[:100])
    with pytest.raises(ValueError, match="2 bytes follow"):
        new_codec().load_parameters(0, data + b"..")
    with pytest.raises(ValueError, match="not all finite"):
        new_codec().load_parameters(0, b"\x00\x7c" + data[2:])
    with pytest.raises(ValueError, match=r"numbers of two bytes|cut short|add up"):
        CueCodec(SPEC, (SIDE, SIDE, 3), partial(child_rng, 7)).load_parameters(0, data)


def test_half_precision_of_the_stored_decoder_costs_next_to_nothing():
    size = size_of(SPEC, (SIDE, SIDE))
    network = CueNetwork(size, (SIDE, SIDE), torch.Generator().manual_seed(0))
    for _ in Training(network, size, 2e-3, lambda places: IMAGES[places], 320, 0, partial(child_rng, 7)).run():
        pass
    full = copy.deepcopy(network)
    codec = new_codec()
    codec._network = network
    codec._add_version(network)
    cues = codec.quantise(IMAGES)
    with torch.no_grad():
        offsets = codec._decoders[0].medians[:, None, None]
        exact = full.synthesis(torch.from_numpy(cues).float() + offsets)[:, 0].numpy() * 255
    assert psnr(recalled(codec, cues, 0)[:, 0], IMAGES) == pytest.approx(
        psnr(np.rint(exact).clip(0, 255), IMAGES), abs=0.01
    )


@pytest.mark.parametrize("decoder", ["task", "shared"])
def test_older_cues_decode_to_the_same_images_after_later_tasks(decoder):
    codec = new_codec(SPEC.model_copy(update={"decoder": decoder}))
    fit(codec, IMAGES, 0)
    cues = codec.quantise(IMAGES[:20])
    data, before = codec.pack(cues, 0), recalled(codec, cues, 0)
    codec.finish(0)
    fit(codec, 255 - LATER, 1)
    assert codec.version == 1
    np.testing.assert_array_equal(recalled(codec, codec.unpack(data, 20, 0), 0), before)

    later = codec.quantise(255 - LATER)
    assert psnr(recalled(codec, later, 1)[:, 0], 255 - LATER) > 18
    if decoder == "shared":
        assert codec.parameters_bytes(1) < 0.3 * codec.parameters_bytes(0)
    again = new_codec(SPEC.model_copy(update={"decoder": decoder}))
    for version in (0, 1):
        again.load_parameters(version, codec.parameters(version))
    np.testing.assert_array_equal(recalled(again, later, 1), recalled(codec, later, 1))


def test_training_goes_on_from_its_middle_with_the_same_bits(few_steps):
    whole = new_codec()
    fit(whole, IMAGES, 0)
    first = new_codec()
    words = first.fit(lambda places: IMAGES[places], len(IMAGES), 0)
    for _ in range(23):
        next(words)
    state = {name: np.array(value) for name, value in first.state().items()}
    second = new_codec()
    second.load_state(state)
    fit(second, IMAGES, 0)
    assert second.parameters(0) == whole.parameters(0)
    assert second.pack(second.quantise(IMAGES[:50]), 0) == whole.pack(whole.quantise(IMAGES[:50]), 0)


def test_coding_goes_on_from_its_middle_with_the_same_bits(fitted):
    again = new_codec()
    again.load_parameters(0, fitted.parameters(0))
    again.load_state(fitted.state())
    np.testing.assert_array_equal(again.quantise(IMAGES), fitted.quantise(IMAGES))


def test_the_analysis_network_is_dropped_when_a_task_is_coded(few_steps):
    codec = new_codec()
    fit(codec, IMAGES, 0)
    codec.finish(0)
    assert codec.state() == {}
    with pytest.raises(ValueError, match="is dropped after it"):
        codec.quantise(IMAGES[:1])


def test_the_codec_of_the_first_task_codes_later_ones_and_is_counted_whole():
    spec = SPEC.model_copy(update={"decoder": "first"})
    codec, own = new_codec(spec), new_codec()
    for each in (codec, own):
        fit(each, IMAGES, 0)
    analysis = 2 * sum(p.numel() for p in own._network.analysis.parameters())
    assert codec.parameters_bytes(0) == own.parameters_bytes(0) + analysis
    cues = codec.quantise(LATER)
    assert psnr(recalled(codec, cues, 0)[:, 0], LATER) > 22
    codec.finish(0)
    assert codec.state() == {}
    before = codec.parameters(0)
    fit(codec, 255 - LATER, 1)
    assert codec.version == 0
    assert codec.parameters(0) == before
    np.testing.assert_array_equal(codec.quantise(LATER), cues)
    again = new_codec(spec)
    again.load_parameters(0, before)
    again.load_state({})
    np.testing.assert_array_equal(again.quantise(LATER), cues)
    with pytest.raises(ValueError, match="not all finite"):
        new_codec(spec).load_parameters(0, b"\x00\x7c" + before[2:])


def test_what_refinement_needs_is_not_there_where_the_first_codec_stays():
    with pytest.raises(ValueError, match='found "first" with refine_steps'):
        CueStore(decoder="first", refine_steps=5)


def test_colour_images_keep_their_channels():
    images = waves(64, 2, colours=3)
    codec = new_codec(shape=(SIDE, SIDE, 3))
    fit(codec, images, 0)
    back = recalled(codec, codec.quantise(images), 0)
    assert back.shape == (64, 3, SIDE, SIDE)
    assert psnr(back.transpose(0, 2, 3, 1), images) > psnr(back.transpose(0, 2, 3, 1)[..., ::-1], images) + 3


def test_refinement_never_makes_an_image_worse_and_tells_what_it_changed(fitted):
    network, medians = fitted._network, fitted._decoders[0].medians
    images = network.to_input(IMAGES[:40])
    before, nothing = refine(network, images, medians, 2e-3, steps=0, rate=0.1)
    after, change = refine(network, images, medians, 2e-3, steps=15, rate=0.1)
    assert (nothing.symbols_changed, nothing.psnr_gained, nothing.bits_saved) == (0, 0, 0)
    with torch.no_grad():
        losses, errors, bits = [], [], []
        for symbols in (before, after):
            cues = symbols + medians[:, None, None]
            errors.append((network.synthesis(cues) - images).square().mean((1, 2, 3)))
            bits.append(torch.stack([network.bottleneck.bits(cue[None]) for cue in cues]))
            losses.append(2e-3 * 255**2 * errors[-1] + bits[-1] / SIDE**2)
    assert (losses[1] <= losses[0] + 1e-5).all()
    assert losses[1].mean() < losses[0].mean() - 1e-3
    assert change.symbols_changed == pytest.approx((before != after).float().mean().item())
    assert change.psnr_gained == pytest.approx(10 * (errors[0] / errors[1]).log10().mean().item(), abs=1e-4)
    assert change.bits_saved == pytest.approx((bits[0] - bits[1]).mean().item(), abs=1e-2)


def test_refined_cues_are_stored_and_reported(fitted):
    codec = new_codec(SPEC.model_copy(update={"refine_steps": 5, "refine_rate": 0.1}))
    codec.load_parameters(0, fitted.parameters(0))
    codec.load_state(fitted.state())
    refined, plain = codec.quantise(IMAGES[:60]), fitted.quantise(IMAGES[:60])
    assert codec.refinement.images == 60
    assert codec.refinement.symbols_changed == pytest.approx((refined != plain).mean())


def test_given_weights_are_used_as_they_are_or_trained_on(tmp_path):
    path = tmp_path / "cues.safetensors"
    learn_weights(IMAGES, path, SPEC, seed=5)
    codec = new_codec(SPEC.model_copy(update={"weights": str(path), "epochs": 0}))
    fit(codec, LATER, 0)
    codec.finish(0)
    fit(codec, LATER, 1)
    assert codec.version == 0  # every task uses the same
    assert psnr(recalled(codec, codec.quantise(LATER), 0)[:, 0], LATER) > 18

    warm = new_codec(SPEC.model_copy(update={"weights": str(path)}))
    fit(warm, LATER, 0)
    assert warm.parameters(0) != codec.parameters(0)


def test_weights_that_do_not_fit_are_told(tmp_path, few_steps):
    path = tmp_path / "cues.safetensors"
    learn_weights(IMAGES[:20], path, SPEC)

    def start(given, **settings):
        fit(new_codec(SPEC.model_copy(update={"weights": str(given), **settings})), IMAGES, 0, steps=1)

    with pytest.raises(ValueError, match=r"has shape .* are the channels"):
        start(path, channels=7)
    with pytest.raises(ValueError, match=r"of another network.*is the stride another"):
        start(path, stride=8)
    with pytest.raises(FileNotFoundError, match="there is no file"):
        start(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_bytes(b"not at all")
    with pytest.raises(ValueError, match="is no safetensors file"):
        start(tmp_path / "text.safetensors")
    with pytest.raises(ValueError, match="no weights are given"):
        CueStore(epochs=0)


def test_few_images_are_learned_for_as_many_steps_as_a_network_needs():
    training = Training(
        CueNetwork(size_of(SPEC, (SIDE, SIDE)), (SIDE, SIDE), torch.Generator()),
        size_of(SPEC, (SIDE, SIDE)),
        2e-3,
        lambda places: IMAGES[places],
        n=20,
        task=0,
        rng=partial(child_rng, 0),
    )
    assert (training.batches, training.steps) == (2, 160)


def test_learning_that_diverges_is_told():
    with pytest.raises(FloatingPointError, match="lower learning_rate, now 1e\\+30"):
        fit(new_codec(SPEC.model_copy(update={"learning_rate": 1e30})), IMAGES, 0)
