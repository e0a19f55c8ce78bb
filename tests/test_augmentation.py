import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageOps
from pydantic import ValidationError
from torch.nn.functional import interpolate

from engram.models.by_kind import read_kind, write_kind
from engram.models.deep.augment import Augment, CropFlip, NoAugment, ResizedCropFlip, TrivialAugment
from engram.sim.deep.augmentation import ATTEMPTS, at_test, augment, draw_windows
from engram.sim.deep.resampling import resize_windows
from engram.sim.deep.trivial_changes import CHANGES, STRENGTHS, change

SPECS = [
    NoAugment(),
    CropFlip(pad=3),
    ResizedCropFlip(size=12),
    ResizedCropFlip(size=None),
    TrivialAugment(size=12),
    TrivialAugment(size=None, flip=0.5),
]


def random_images(count, channels=3, side=16, seed=0):
    numbers = np.random.default_rng(seed).integers(0, 256, (count, channels, side, side))
    return torch.from_numpy(numbers.astype(np.uint8))


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("spec", SPECS)
def test_specs_are_read_back(spec):
    assert read_kind(Augment, write_kind(spec)) == spec


def test_impossible_specs_are_refused():
    with pytest.raises(ValueError, match=r"scale as \(least, most\); found \(0.9, 0.1\)"):
        ResizedCropFlip(scale=(0.9, 0.1))
    with pytest.raises(ValidationError):
        CropFlip(pad=-1)
    with pytest.raises(ValueError, match="no augment is called"):
        read_kind(Augment, "crop")


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("ranks", [2, 3])
def test_a_divided_batch_is_varied_as_a_whole_one(spec, ranks):
    images = random_images(7)
    whole = augment(images, spec, seeded())
    for rank in range(ranks):
        rows = slice(rank, None, ranks)
        part = augment(images[rows], spec, seeded(), total=7, rows=rows)
        torch.testing.assert_close(part, whole[rows], rtol=0, atol=1e-3)


@pytest.mark.parametrize("spec", SPECS)
def test_bytes_and_floats_are_varied_alike_within_the_range_of_bytes(spec):
    images = random_images(40)
    varied = augment(images, spec, seeded())
    assert varied.dtype == torch.float32
    assert varied.shape == (40, 3, spec.size or 16, spec.size or 16)
    assert varied.min() >= -1e-3
    assert varied.max() <= 255 + 1e-3
    torch.testing.assert_close(varied, augment(images.float(), spec, seeded()))


def test_the_generator_alone_decides():
    images = random_images(8)
    first = augment(images, CropFlip(), seeded(1))
    assert torch.equal(first, augment(images, CropFlip(), seeded(1)))
    assert not torch.equal(first, augment(images, CropFlip(), seeded(2)))
    generator = seeded(1)
    augment(images, CropFlip(), generator)
    assert not torch.equal(first, augment(images, CropFlip(), generator))


def test_crop_flip_gives_windows_of_the_padded_image_each_equally_often():
    image = torch.arange(1, 10, dtype=torch.uint8).view(1, 1, 3, 3)
    padded = np.pad(image[0, 0].numpy(), 1)
    windows = {}
    for down in range(3):
        for right in range(3):
            window = padded[down : down + 3, right : right + 3]
            windows[window.tobytes()] = windows[window[:, ::-1].tobytes()] = 0
    assert len(windows) == 18
    varied = augment(image.expand(18_000, 1, 3, 3), CropFlip(pad=1), seeded())
    for window in varied[:, 0].to(torch.uint8).numpy():
        windows[window.tobytes()] += 1  # a window that is none raises
    assert max(abs(count - 1000) for count in windows.values()) < 5 * np.sqrt(1000)


def test_no_flip_mirrors_nothing():
    images = random_images(50)
    assert torch.equal(augment(images, CropFlip(pad=0, flip=0.0), seeded()), images.float())
    assert torch.equal(augment(images, CropFlip(pad=0, flip=1.0), seeded()), images.flip(-1).float())


@given(
    side=st.tuples(st.integers(2, 20), st.integers(2, 20)),  # torch copies rows of windows that are one pixel wide
    size=st.tuples(st.integers(2, 20), st.integers(2, 20)),
    data=st.data(),
)
def test_windows_are_resized_as_torch_resizes_one(side, size, data):
    height, width = side
    tall, wide = data.draw(st.integers(2, height)), data.draw(st.integers(2, width))
    top, left = data.draw(st.integers(0, height - tall)), data.draw(st.integers(0, width - wide))
    image = torch.from_numpy(np.random.default_rng(height * width).random((1, 2, height, width), dtype=np.float32))
    window = image[:, :, top : top + tall, left : left + wide]
    expected = interpolate(window, size, mode="bilinear", antialias=True)
    box = torch.tensor([[top, left, tall, wide]])
    torch.testing.assert_close(resize_windows(image, box, size), expected, rtol=0, atol=1e-5)
    mirrored = resize_windows(image, box, size, torch.tensor([True]))
    torch.testing.assert_close(mirrored, expected.flip(-1), rtol=0, atol=1e-5)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (20, 60), (60, 20)])
def test_windows_have_the_areas_and_shapes_asked_for(height, width):
    numbers = torch.rand(20_000, 2 * ATTEMPTS + 2, generator=seeded())
    windows = draw_windows(numbers, height, width, (0.25, 0.5), (0.5, 2.0)).double()
    top, left, tall, wide = windows.T
    assert min(top.min(), left.min()) >= 0
    assert max((top + tall).max() - height, (left + wide).max() - width) <= 0
    if height == width:  # where none has to be drawn twice
        share = tall * wide / (height * width)
        rounding = (tall + wide + 1) / (height * width)
        assert (share > 0.25 - rounding).all()
        assert (share < 0.5 + rounding).all()
        assert share.mean().item() == pytest.approx(0.375, abs=0.005)
        assert torch.log(wide / tall).mean().item() == pytest.approx(0.0, abs=0.01)
        assert (top - (height - tall) / 2).mean().item() == pytest.approx(0.0, abs=0.1)
        assert (left - (width - wide) / 2).mean().item() == pytest.approx(0.0, abs=0.1)


def test_where_no_window_fits_the_middle_is_taken():
    numbers = torch.rand(3, 2 * ATTEMPTS + 2, generator=seeded())
    assert draw_windows(numbers, 10, 40, (1.0, 1.0), (0.5, 2.0)).tolist() == [[0, 10, 10, 20]] * 3
    assert draw_windows(numbers, 40, 10, (1.0, 1.0), (0.5, 2.0)).tolist() == [[10, 0, 20, 10]] * 3


def test_images_are_tested_on_their_middle():
    images = random_images(2, side=256)
    assert torch.equal(at_test(images, ResizedCropFlip(224)), images[:, :, 16:240, 16:240].float())
    assert torch.equal(at_test(images, CropFlip()), images.float())
    half = at_test(images, TrivialAugment(112))
    expected = interpolate(images[:, :, 16:240, 16:240].float(), (112, 112), mode="bilinear", antialias=True)
    torch.testing.assert_close(half, expected, rtol=0, atol=1e-2)
    small = random_images(2, side=8)
    enlarged = interpolate(small.float(), (16, 16), mode="bilinear", align_corners=False)
    torch.testing.assert_close(at_test(small, ResizedCropFlip(16)), enlarged, rtol=0, atol=1e-3)


def changed_by(name, images, strength, positive=True):
    """Images changed in one way, by a strength from 0 to 30."""
    number = [each.__name__ for each in CHANGES].index(name)
    row = torch.tensor([(number + 0.5) / len(CHANGES), (strength + 0.5) / STRENGTHS, 0.75 if positive else 0.25])
    return change(images.float(), row.expand(len(images), 3))


def with_pillow(function, images):
    pictures = [Image.fromarray(image.permute(1, 2, 0).numpy()) for image in images]
    return torch.stack([torch.from_numpy(np.array(function(picture))).permute(2, 0, 1) for picture in pictures]).float()


@pytest.mark.parametrize("strength", [0, 7, 30])
@pytest.mark.parametrize(
    ("name", "enhancer"),
    [
        ("_brightness", ImageEnhance.Brightness),
        ("_colour", ImageEnhance.Color),
        ("_contrast", ImageEnhance.Contrast),
        ("_sharpness", ImageEnhance.Sharpness),
    ],
)
@pytest.mark.parametrize("positive", [False, True])
def test_blends_are_those_of_pillow(name, enhancer, strength, positive):
    images = random_images(3)
    factor = 1 + (1 if positive else -1) * 0.99 * strength / 30
    expected = with_pillow(lambda picture: enhancer(picture).enhance(factor), images)
    torch.testing.assert_close(changed_by(name, images, strength, positive), expected, rtol=0, atol=2.0)


def test_tables_are_those_of_pillow():
    images = torch.stack(
        [random_images(1)[0], random_images(1)[0] // 3 + 40, torch.full((3, 16, 16), 9, dtype=torch.uint8)]
    )
    assert torch.equal(changed_by("_equalise", images, 4), with_pillow(ImageOps.equalize, images))
    for strength, bits in ((0, 8), (10, 6), (30, 2)):
        expected = with_pillow(lambda picture, bits=bits: ImageOps.posterize(picture, bits), images)
        assert torch.equal(changed_by("_posterise", images, strength), expected)
    for strength, threshold in ((0, 255), (10, 170), (30, 0)):
        expected = with_pillow(lambda picture, at=threshold: ImageOps.solarize(picture, at), images)
        assert torch.equal(changed_by("_solarise", images, strength), expected)
    expected = with_pillow(ImageOps.autocontrast, images)
    torch.testing.assert_close(changed_by("_autocontrast", images, 4), expected, rtol=0, atol=1.0)


def test_shifts_shears_and_turns_by_hand():
    image = torch.arange(1.0, 10.0).view(1, 1, 3, 3)
    assert changed_by("_right", image, 1)[0, 0].tolist() == [[0, 1, 2], [0, 4, 5], [0, 7, 8]]
    assert changed_by("_right", image, 1, positive=False)[0, 0].tolist() == [[2, 3, 0], [5, 6, 0], [8, 9, 0]]
    assert changed_by("_down", image, 1)[0, 0].tolist() == [[0, 0, 0], [1, 2, 3], [4, 5, 6]]
    assert changed_by("_right", image, 30).sum() == 0
    assert changed_by("_turn", image, 20)[0, 0].tolist() in (
        [[3, 6, 9], [2, 5, 8], [1, 4, 7]],
        [[7, 4, 1], [8, 5, 2], [9, 6, 3]],
    )
    assert changed_by("_shear_x", image, 30)[0, 0].tolist() == [[0, 1, 2], [4, 5, 6], [8, 9, 0]]
    assert changed_by("_shear_y", image, 30)[0, 0].tolist() == [[0, 2, 6], [1, 5, 9], [4, 8, 0]]


def test_every_change_is_equally_frequent():
    images = random_images(1)[0].float()
    numbers = torch.rand(14_000, 3, generator=seeded())
    which = (numbers[:, 0] * len(CHANGES)).long()
    counts = torch.bincount(which, minlength=14)
    assert len(counts) == len(CHANGES) == 14
    assert (counts - 1000).abs().max() < 5 * np.sqrt(1000)
    some = numbers[:60]
    together = change(images.expand(60, 3, 16, 16), some)
    one_by_one = torch.cat([change(images[None], row[None]) for row in some])
    torch.testing.assert_close(together, one_by_one, rtol=0, atol=1.0)
    assert torch.equal(together, together.round())


def test_grey_images_are_changed_too():
    images = random_images(200, channels=1)
    varied = augment(images, TrivialAugment(size=None), seeded())
    assert varied.shape == images.shape
    assert torch.equal(changed_by("_colour", images, 30), images.float())
    assert 0.5 < (varied != images).flatten(1).any(1).float().mean() < 1.0


def test_an_unknown_kind_is_named():
    class Own(Augment):
        kind = "own"

    with pytest.raises(TypeError, match=r"how Own varies images; tell it with .*vary\.register"):
        augment(random_images(1), Own(), seeded())
