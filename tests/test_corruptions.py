"""Corruptions, occlusion, and the filters they are made of, against answers by hand and independent computations."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy import ndimage

from engram.data.corruptions import CORRUPTIONS, SEVERITIES, corrupt
from engram.data.image_filters import convolved, disk, displaced, line, rough_field, smooth_field, squeezed, zoomed
from engram.data.occlusion import occlude

SHAPES = {"grey, 28 px": (12, 28, 28), "colour, 32 px": (12, 32, 32, 3), "colour, 96 px": (3, 96, 96, 3)}


def pictures(shape, seed=0):
    """Soft blobs with hard edges on top: something to blur, to shift and to compress."""
    rng = np.random.default_rng(seed)
    side = shape[1]
    channels = shape[3] if len(shape) == 4 else 1
    soft = ndimage.gaussian_filter(rng.standard_normal((*shape[:3], channels)), (0, side / 9, side / 9, 0))
    soft = 0.5 + soft / np.abs(soft).max() / 2.5
    row, column = np.mgrid[:side, :side] / side
    for number in range(shape[0]):
        low, left = rng.uniform(0.1, 0.5, 2)
        block = (row > low) & (row < low + 0.3) & (column > left) & (column < left + 0.35)
        soft[number, block] = rng.uniform(0, 1, channels)
    return np.clip(soft * 255, 0, 255).astype(np.uint8).reshape(shape)


@pytest.mark.parametrize("kind", CORRUPTIONS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_the_error_grows_with_every_severity(kind, shape):
    images = pictures(shape)
    changed = [corrupt(images, kind, severity, 3) for severity in SEVERITIES]
    assert all(result.shape == shape and result.dtype == np.uint8 for result in changed)
    errors = [np.abs(result.astype(float) - images).mean() for result in changed]
    assert errors[0] > 0.3
    assert np.all(np.diff(errors) > 0), np.round(errors, 2)
    assert errors[-1] < 128  # something of the image is left


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_one_state_gives_one_result(kind):
    images = pictures((4, 28, 28))
    before = images.copy()
    first = corrupt(images, kind, 2, np.random.default_rng(5))
    assert (corrupt(images, kind, 2, 5) == first).all()
    assert (images == before).all()
    random = kind not in ("defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression")
    assert (corrupt(images, kind, 2, 6) != first).any() == random


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_odd_images(kind):
    for shape in [(1, 1, 1), (2, 5, 9), (1, 9, 5, 3), (1, 8, 8, 1), (0, 28, 28)]:
        assert corrupt(np.full(shape, 200, np.uint8), kind, 5, 0).shape == shape
    if kind.endswith("blur") or kind in ("contrast", "elastic_transform", "pixelate"):
        even = np.full((1, 28, 28, 3), 96, np.uint8)  # nothing to blur or to shift
        assert np.abs(corrupt(even, kind, 5, 0).astype(int) - 96).max() <= 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "gausian_noise"}, 'no corruption "gausian_noise". Did you mean "gaussian_noise"'),
        ({"severity": 0}, "severity: found 0; expected a whole number from 1 to 5"),
        ({"severity": 6}, "severity: found 6"),
        ({"images": np.zeros((2, 4, 4))}, "have shape .* and type float64; expected uint8"),
        ({"images": np.zeros((4, 4), np.uint8)}, "expected uint8"),
        ({"images": np.zeros((2, 4, 4, 4), np.uint8)}, "expected uint8"),
    ],
)
def test_what_cannot_be_corrupted(change, words):
    with pytest.raises(ValueError, match=words):
        corrupt(**{"images": np.zeros((1, 8, 8), np.uint8), "kind": "fog", "severity": 1, "rng": 0, **change})


# What single numbers of ImageNet-C mean -----------------------------------------------------------------------------


def test_gaussian_noise_has_its_standard_deviation():
    grey = np.full((20, 32, 32), 128, np.uint8)
    noise = corrupt(grey, "gaussian_noise", 1, 0).astype(float) - 128
    assert noise.std() == pytest.approx(0.08 * 255, rel=0.02)
    assert abs(noise.mean()) < 0.5


def test_shot_noise_counts_photons():
    grey = np.full((40, 32, 32), 102, np.uint8)  # .4 of white, 60 photons at white: 24 on average
    counts = corrupt(grey, "shot_noise", 1, 0) / 255 * 60
    assert counts.mean() == pytest.approx(24, rel=0.01)
    assert counts.var() == pytest.approx(24, rel=0.05)


def test_impulse_noise_is_half_salt_and_half_pepper():
    grey = np.full((40, 32, 32), 128, np.uint8)
    noisy = corrupt(grey, "impulse_noise", 5, 0)
    assert (noisy == 0).mean() == pytest.approx(0.135, abs=0.01)
    assert (noisy == 255).mean() == pytest.approx(0.135, abs=0.01)
    assert set(np.unique(noisy)) == {0, 128, 255}


def test_brightness_adds_to_the_value_and_keeps_hue_and_saturation():
    import colorsys

    [[[changed]]] = corrupt(np.array([[[[100, 50, 25]]]], np.uint8), "brightness", 2, 0)
    hue, saturation, value = colorsys.rgb_to_hsv(100 / 255, 50 / 255, 25 / 255)
    expected = np.array(colorsys.hsv_to_rgb(hue, saturation, value + 0.2)) * 255
    assert changed == pytest.approx(expected, abs=1)
    assert corrupt(np.zeros((1, 2, 2), np.uint8), "brightness", 2, 0).ravel().tolist() == [51] * 4


def test_contrast_keeps_the_mean_of_each_channel():
    images = pictures((3, 32, 32, 3))
    lower = corrupt(images, "contrast", 3, 0)
    assert lower.mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=0.6)
    assert lower.std(axis=(1, 2)) == pytest.approx(0.2 * images.std(axis=(1, 2)), abs=0.6)


def test_jpeg_is_what_pillow_makes_of_it():
    images = pictures((2, 32, 32, 3))
    file = io.BytesIO()
    Image.fromarray(images[1]).save(file, "JPEG", quality=10)
    assert (corrupt(images, "jpeg_compression", 4, 0)[1] == np.asarray(Image.open(file))).all()


def test_pixelation_is_a_box_filter_and_nearest_neighbours():
    images = pictures((1, 40, 40))
    small = Image.fromarray(images[0]).resize((20, 20), Image.Resampling.BOX)
    expected = np.asarray(small.resize((40, 40), Image.Resampling.NEAREST), int)
    assert np.abs(corrupt(images, "pixelate", 2, 0)[0] - expected).max() <= 1


def test_lengths_grow_with_the_image():
    """A blur takes the same share of a field of 56 pixels as of one of 224, so it looks the same."""
    large = np.zeros((1, 224, 224), np.uint8)
    large[:, :, 112:] = 255
    small = large[:, ::4, ::4]
    for severity in (3, 5):
        wide = corrupt(large, "defocus_blur", severity, 0)[0, 0].reshape(56, 4).mean(axis=1)
        assert np.abs(corrupt(small, "defocus_blur", severity, 0)[0, 0] - wide).max() < 8


# Filters ------------------------------------------------------------------------------------------------------------


@given(arrays(np.float32, (2, 5, 7, 2), elements=st.floats(0, 1, width=32)), st.sampled_from([1, 3, 5]))
def test_convolution_is_that_of_scipy(images, size):
    kernel = np.random.default_rng(size).random((size, size)).astype(np.float32)
    expected = ndimage.convolve(images.astype(float), kernel[None, :, :, None].astype(float), mode="reflect")
    assert convolved(images, kernel) == pytest.approx(expected, abs=1e-4)


def test_each_image_may_have_its_own_kernel():
    images = np.random.default_rng(0).random((2, 6, 6, 1)).astype(np.float32)
    kernels = np.random.default_rng(1).random((2, 3, 3)).astype(np.float32)
    apart = np.concatenate([convolved(images[k : k + 1], kernels[k]) for k in range(2)])
    assert convolved(images, kernels) == pytest.approx(apart, abs=1e-5)


@given(st.floats(0.05, 12))
def test_a_disk_is_even_and_as_wide_as_its_radius(radius):
    kernel = disk(radius).astype(float)
    assert kernel.sum() == pytest.approx(1, abs=1e-5)
    assert kernel == pytest.approx(kernel.T, abs=1e-6)
    assert kernel == pytest.approx(kernel[::-1], abs=1e-6)
    place = np.arange(len(kernel)) - len(kernel) // 2
    # Variance of a disk is r²/4 along an axis; to deal a point out to two pixels adds p(1 - p), at most a quarter.
    spread = (kernel.sum(axis=0) * place**2).sum()
    assert radius**2 / 4 - 0.02 * radius**2 <= spread <= radius**2 / 4 * 1.02 + 0.25


def test_a_line_runs_along_its_angle():
    across, down = line(3.0, 1e9, np.array([0.0, np.pi / 2]))
    assert across == pytest.approx(down.T, abs=1e-6)
    assert across[len(across) // 2].sum() == pytest.approx(1, abs=1e-6)


def test_displacement_by_whole_pixels_is_a_shift():
    images = np.random.default_rng(0).random((1, 6, 6, 2)).astype(np.float32)
    moved = displaced(images, np.full((1, 6, 6), 2.0), np.full((1, 6, 6), -1.0))
    assert moved[0, :4, 1:] == pytest.approx(images[0, 2:, :5])
    assert moved[0, 5, 1:] == pytest.approx(images[0, 3, :5])  # beyond the edge: mirrored at the last row


def test_displacement_is_that_of_scipy():
    rng = np.random.default_rng(0)
    images = rng.random((1, 9, 9, 1)).astype(np.float32)
    shifts = rng.uniform(-12, 12, (2, 1, 9, 9)).astype(np.float32)
    places = np.mgrid[:9, :9] + shifts[:, 0]
    expected = ndimage.map_coordinates(images[0, :, :, 0], places, order=1, mode="mirror")
    assert displaced(images, *shifts)[0, :, :, 0] == pytest.approx(expected, abs=1e-4)


def test_zooming_keeps_the_middle_and_enlarges_around_it():
    ramp = np.tile(np.arange(9, dtype=np.float32), (9, 1))[None, :, :, None]
    assert zoomed(ramp, 1.0) == pytest.approx(ramp)
    assert zoomed(ramp, 2.0)[0, 0, :, 0] == pytest.approx(4 + (np.arange(9) - 4) / 2)


def test_squeezing_keeps_the_mean_where_it_divides():
    images = np.random.default_rng(0).random((2, 8, 8, 3)).astype(np.float32)
    assert squeezed(images, 0.25).mean(axis=(1, 2)) == pytest.approx(images.mean(axis=(1, 2)), abs=1e-5)
    assert len(np.unique(squeezed(images, 0.25)[0, :, :, 0])) == 4


@pytest.mark.parametrize("field", [smooth_field, rough_field])
def test_fields_are_standardised_for_each_image(field):
    made = field(np.random.default_rng(0), (3, 32, 32), 1.5)
    assert made.mean(axis=(1, 2)) == pytest.approx(np.zeros(3), abs=1e-5)
    assert made.std(axis=(1, 2)) == pytest.approx(np.ones(3), abs=1e-4)
    steps = np.diff(made, axis=1).std()
    assert steps < 0.8  # neighbours are alike: those of white noise differ by 1.41


# Occlusion ----------------------------------------------------------------------------------------------------------


@given(st.floats(0, 1), st.floats(0, 1))
def test_so_many_patches_are_shown(fraction, noise):
    images = np.where(np.indices((2, 16, 16)).sum(axis=0) % 2, 255, 0).astype(np.uint8)  # mean 127.5, in no pixel
    partial = occlude(images, fraction, noise, 0)
    of_patch = lambda mask: mask.reshape(2, 8, 2, 8, 2).all(axis=(2, 4)).sum(axis=(1, 2))  # noqa: E731
    shown = round(fraction * 64)
    noisy = round(noise * shown)
    same, hidden = of_patch(partial == images), of_patch(partial == 128)
    assert np.abs(same - (shown - noisy)).max() <= 1  # four pixels of noise are seldom those of the image
    assert np.abs(hidden - (64 - shown)).max() <= 1


def test_nothing_and_everything():
    images = pictures((2, 28, 28, 3))
    assert (occlude(images, 1, 0, 0) == images).all()
    assert all(len(np.unique(part.reshape(-1, 3), axis=0)) == 1 for part in occlude(images, 0, 0, 0))
    with pytest.raises(ValueError, match=r"fraction: found 1.5; expected a share from 0 to 1"):
        occlude(images, 1.5, 0, 0)
    with pytest.raises(ValueError, match="noise: found nan"):
        occlude(images, 1, float("nan"), 0)


def test_noise_is_not_what_was_there():
    plain = np.zeros((1, 64, 64), np.uint8)
    noisy = occlude(plain, 1, 1, 0)
    assert len(zlib.compress(noisy.tobytes())) > 4000
    assert noisy.mean() == pytest.approx(127.5, abs=5)
