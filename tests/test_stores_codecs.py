"""Codecs of stores one by one, and the order of herding."""

import io
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engram.data.seeds import child_rng
from engram.models.stores import FeatureStore, JpegStore, RawStore, herd


def rng(*names):
    return child_rng(5, *names)


def textured(n, *shape):
    """Smooth images, uint8."""
    rows, columns = np.mgrid[: shape[0], : shape[1]] / 7.0
    waves = [np.sin(rows * (1 + k / n) + columns * (2 - k / n) + k) for k in range(n)]
    images = (127 + 120 * np.stack(waves)).astype(np.uint8)
    return images if len(shape) == 2 else np.stack([images, images[:, ::-1], images[:, :, ::-1]], axis=-1)


@pytest.mark.parametrize("shape", [(28, 28), (17, 30), (1, 1), (32, 32, 3), (65, 9, 3)])
def test_a_jpeg_scan_between_the_shared_tables_is_the_file_that_others_decode(shape):
    images = textured(5, *shape)
    codec = JpegStore(quality=60).codec(shape, rng)
    scans = codec.quantise(images)
    packed = [codec.pack(scans[i : i + 1], 0) for i in range(5)]
    decoded = codec.working([codec.unpack(data, 1, 0)[0] for data in packed], 0).numpy()
    for data, image in zip(packed, decoded, strict=True):
        whole = Image.open(io.BytesIO(codec.parameters(0) + data + b"\xff\xd9"))
        assert whole.size == (shape[1], shape[0])
        pillow = np.asarray(whole, int).reshape(*shape[:2], -1).transpose(2, 0, 1)
        # Decoders may differ by rounding, and by how they spread the halved colour.
        assert abs(pillow - image).mean() < 1.5


def test_higher_quality_costs_more_bytes_and_loses_less():
    images = textured(8, 40, 40)
    bytes_of, errors = [], []
    for quality in (10, 50, 95):
        codec = JpegStore(quality=quality).codec((40, 40), rng)
        scans = codec.quantise(images)
        bytes_of.append(sum(scan.nbytes for scan in scans))
        errors.append(np.square(codec.working(scans, 0).numpy()[:, 0] - images.astype(float)).mean())
    assert bytes_of == sorted(bytes_of)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 4


def test_threads_change_nothing_of_a_jpeg():
    images = textured(9, 80, 80, 3)
    one, four = (JpegStore().codec((80, 80, 3), rng, threads=threads) for threads in (1, 4))
    assert torch.equal(one.working(one.quantise(images), 0), four.working(four.quantise(images), 0))


def test_a_missing_jpeg_library_is_named_with_its_install_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "simplejpeg", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'engram\[deep\]'"):
        JpegStore().codec((8, 8), rng)


def fitted(features, **settings):
    codec = FeatureStore(**settings).codec((8, 8), rng)
    for _ in codec.fit(lambda places: features[places], len(features), 0):
        pass
    return codec


def test_features_that_lie_on_few_points_are_kept_exactly():
    # Two codebooks of three entries: halves of each position's channels take one of three values each.
    g = np.random.default_rng(0)
    points = np.array([[0.0, 1.0], [4.0, -2.0], [-8.0, 0.5]], np.float32)
    halves = points[g.integers(0, 3, (50, 2, 3, 2))]  # image, row, column, half, channel
    features = halves.reshape(50, 2, 3, 4).transpose(0, 3, 1, 2)
    codec = fitted(features, codebooks=2, entries=3, iterations=20)
    codes = codec.quantise(features)
    assert codes.shape == (50, 2, 3, 2)
    assert codec.record_bytes == len(codec.pack(codes[:1], 0)) == 2 * 3 * 2
    recalled = codec.reconstruct(codec.working(codec.unpack(codec.pack(codes, 0), 50, 0), 0), 0)
    np.testing.assert_array_equal(recalled.numpy(), features)


def test_codes_are_the_nearest_entries():
    features = np.random.default_rng(0).normal(size=(30, 6, 2, 2)).astype(np.float32)
    codec = fitted(features, codebooks=3, entries=5, iterations=3)
    books = codec.books.numpy()
    for image, codes in zip(features, codec.quantise(features), strict=True):
        for row in range(2):
            for column in range(2):
                parts = image[:, row, column].reshape(3, 2)
                brute = [np.argmin(((book - part) ** 2).sum(1)) for book, part in zip(books, parts, strict=True)]
                assert codes[row, column].tolist() == brute


def test_entries_are_means_of_their_points_as_k_means_has_them_in_the_end():
    features = np.random.default_rng(2).normal(size=(40, 2, 3, 3)).astype(np.float32)
    codec = fitted(features, codebooks=1, entries=4, iterations=100)
    points = features.transpose(0, 2, 3, 1).reshape(-1, 2)
    codes = codec.quantise(features).reshape(-1)
    means = np.stack([points[codes == entry].mean(0) for entry in range(4)])
    np.testing.assert_allclose(codec.books[0].numpy(), means, atol=2e-3)  # kept as float16


def test_codebooks_are_those_of_the_first_task_and_come_back_from_their_bytes():
    g = np.random.default_rng(0)
    first, second = g.normal(size=(2, 30, 4, 2, 2)).astype(np.float32)
    codec = fitted(first, codebooks=2, entries=8, iterations=4)
    books = codec.books.clone()
    assert list(codec.fit(lambda places: second[places], 30, 1)) == []
    assert torch.equal(codec.books, books)
    other = FeatureStore(codebooks=2, entries=8).codec((8, 8), rng)
    other.load_parameters(0, codec.parameters(0))
    np.testing.assert_array_equal(other.quantise(second), codec.quantise(second))
    assert codec.parameters_bytes(0) == 20 + 2 * 2 * 8 * 2
    with pytest.raises(ValueError, match="expected"):
        FeatureStore(codebooks=4, entries=8).codec((8, 8), rng).load_parameters(0, codec.parameters(0))


def test_a_fit_goes_on_in_its_middle_with_the_same_bits():
    features = np.random.default_rng(0).normal(size=(30, 4, 2, 2)).astype(np.float32)
    whole = fitted(features, codebooks=2, entries=8, iterations=6)
    codec = FeatureStore(codebooks=2, entries=8, iterations=6).codec((8, 8), rng)
    for passes, _ in enumerate(codec.fit(lambda places: features[places], 30, 0), start=1):
        if passes == 2:
            state = {name: values.copy() for name, values in codec.state().items()}
    again = FeatureStore(codebooks=2, entries=8, iterations=6).codec((8, 8), rng)
    again.load_state(state)
    assert len(list(again.fit(lambda places: features[places], 30, 0))) == 4
    assert torch.equal(again.books, whole.books)


def test_features_that_do_not_fit_are_refused():
    features = np.zeros((3, 6, 2, 2), np.float32)
    with pytest.raises(ValueError, match="4 codebooks do not divide 6 channels"):
        fitted(features, codebooks=4)
    codec = fitted(features, codebooks=2, entries=2)
    with pytest.raises(ValueError, match=r"shape \[6, 1, 2\]; this store was made for \[6, 2, 2\]"):
        codec.quantise(features[:, :, :1])


def test_raw_codes_are_the_pixels_with_channels_first():
    image = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(1, 2, 2, 3)
    codec = RawStore().codec((2, 2, 3), rng)
    assert list(codec.pack(codec.quantise(image), 0)) == [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11]
    assert codec.record_bytes == 12


@settings(max_examples=60)
@given(n=st.integers(1, 12), width=st.integers(1, 4), seed=st.integers(0, 10_000))
def test_herding_picks_what_its_definition_picks(n, width, seed):
    features = np.random.default_rng(seed).normal(size=(n, width))
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    mean, chosen = unit.mean(0), []
    for k in range(1, n + 1):
        left = [i for i in range(n) if i not in chosen]
        distance = {i: np.linalg.norm(mean - (unit[i] + unit[chosen].sum(0)) / k) for i in left}
        found = herd(features, k)
        assert found[: k - 1].tolist() == chosen
        # Where two are equally near (to rounding), either is right.
        assert distance[found[-1]] <= min(distance.values()) + 1e-9
        chosen.append(int(found[-1]))
    assert sorted(chosen) == list(range(n))
