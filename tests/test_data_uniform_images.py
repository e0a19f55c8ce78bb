import numpy as np
import pytest

from engram.data import uniform_images as module
from engram.data.uniform_images import fit_image, uniform_images

RED = np.array([[[255, 0, 0]]], np.uint8)


def test_images_of_one_size_stay_as_they_are():
    first, second = np.arange(6, dtype=np.uint8).reshape(2, 3), np.full((2, 3), 9, np.uint8)
    (train, test) = uniform_images([[first, second], [second]], None, "auto")
    assert train.tolist() == [first.tolist(), second.tolist()]
    assert test.tolist() == [second.tolist()]


def test_several_sizes_need_a_size():
    small, large = np.zeros((2, 3), np.uint8), np.zeros((5, 4), np.uint8)
    with pytest.raises(
        ValueError, match=r"have 2 sizes: 5 × 4 \(2 images\), 2 × 3 \(1 images\); give size, .* size: 4"
    ):
        uniform_images([[small], [large, large]], None, "auto")
    assert [part.shape for part in uniform_images([[small], [large, large]], 3, "auto")] == [(1, 3, 3), (2, 3, 3)]


def test_colour_anywhere_makes_all_rgb():
    grey = np.full((1, 1), 7, np.uint8)
    train, test = uniform_images([[grey], [RED]], None, "auto")
    assert train.tolist() == [[[[7, 7, 7]]]]
    assert test.tolist() == [RED.tolist()]


def test_rgb_without_colour_becomes_grey():
    (only,) = uniform_images([np.full((2, 1, 1, 3), 8, np.uint8)], None, "auto")
    assert only.tolist() == [[[8]], [[8]]]


def test_colour_can_be_asked_for():
    (grey,) = uniform_images([[RED]], None, "grey")
    assert grey.tolist() == [[[round(0.299 * 255)]]]
    (rgb,) = uniform_images([[np.full((1, 1), 7, np.uint8)]], None, "rgb")
    assert rgb.tolist() == [[[[7, 7, 7]]]]


def test_fit_takes_the_centre_square():
    wide = np.array([[1, 2, 3, 4], [5, 6, 7, 8]], np.uint8)
    assert fit_image(wide, 2).tolist() == [[2, 3], [6, 7]]
    assert fit_image(wide.T.copy(), 2).tolist() == [[2, 6], [3, 7]]
    assert fit_image(np.stack([wide] * 3, axis=2), 2)[..., 1].tolist() == [[2, 3], [6, 7]]


def test_fit_averages_on_the_way_down():
    ramp = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None], 64, axis=0)
    small = fit_image(ramp, 4).astype(int)
    assert abs(np.diff(small, axis=1) - 64).max() <= 8
    assert abs(small.mean() - ramp.mean()) < 1


def test_strip_does_not_grow():
    strip = np.zeros((1, 10_000_000), np.uint8)
    assert fit_image(strip, 4096).shape == (4096, 4096)


def test_limit_counts_what_will_be_held(monkeypatch):
    images = [np.zeros((2, 2), np.uint8)] * 3
    monkeypatch.setattr(module, "MAX_DECODED_BYTES", 12)
    uniform_images([images], None, "auto")
    with pytest.raises(ValueError, match="3 images of 2 × 2 pixels take 36 bytes; at most 12"):
        uniform_images([images], None, "rgb")
