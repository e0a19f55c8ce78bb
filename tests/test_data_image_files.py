import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engram.data import image_files
from engram.data.image_files import decode_image, is_grey


def encoded(image, file_format="PNG", **settings):
    buffer = io.BytesIO()
    image.save(buffer, file_format, **settings)
    return buffer.getvalue()


GREY = np.array([[0, 100], [200, 255]], np.uint8)
RGB = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [9, 9, 9]]], np.uint8)


@pytest.mark.parametrize("file_format", ["PNG", "BMP", "TIFF", "PPM", "WEBP", "GIF"])
def test_grey_and_rgb_come_back(file_format):
    lossless = {"lossless": True} if file_format == "WEBP" else {}
    assert decode_image(encoded(Image.fromarray(GREY), file_format, **lossless)).tolist() == GREY.tolist()
    assert decode_image(encoded(Image.fromarray(RGB), file_format, **lossless)).tolist() == RGB.tolist()


def test_jpeg():
    flat = Image.new("RGB", (16, 16), (200, 30, 40))
    assert abs(decode_image(encoded(flat, "JPEG")).astype(int) - (200, 30, 40)).max() <= 3
    assert decode_image(encoded(Image.new("L", (8, 8), 77), "JPEG")).tolist() == [[77] * 8] * 8


def test_one_bit():
    assert decode_image(encoded(Image.fromarray(GREY > 150))).tolist() == [[0, 0], [255, 255]]


def test_palette():
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    assert decode_image(encoded(image)).tolist() == [[[10, 20, 30], [40, 50, 60]]]


def test_grey_however_it_is_stored():
    as_rgb = np.repeat(GREY[..., None], 3, axis=2)
    assert decode_image(encoded(Image.fromarray(as_rgb))).tolist() == GREY.tolist()


def test_transparency_shows_black():
    rgba = np.array([[[100, 200, 50, 255], [100, 200, 50, 0], [100, 200, 50, 51]]], np.uint8)
    assert decode_image(encoded(Image.fromarray(rgba))).tolist() == [[[100, 200, 50], [0, 0, 0], [20, 40, 10]]]
    grey_alpha = Image.merge("LA", [Image.new("L", (1, 1), 100), Image.new("L", (1, 1), 51)])
    assert decode_image(encoded(grey_alpha)).tolist() == [[20]]
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    assert decode_image(encoded(palette, transparency=0)).tolist() == [[[0, 0, 0], [40, 50, 60]]]


def test_cmyk():
    image = Image.new("CMYK", (1, 1), (0, 255, 255, 0))
    red, green, blue = decode_image(encoded(image, "TIFF"))[0, 0]
    assert (red, green, blue) == (255, 0, 0)


def test_sixteen_bits_are_scaled_not_cut():
    values = np.array([[0, 257, 128, 129], [65535, 32768, 256, 65400]], np.uint16)
    expected = np.round(values / 257).astype(int)
    assert decode_image(encoded(Image.fromarray(values))).tolist() == expected.tolist()
    assert decode_image(encoded(Image.fromarray(values), "TIFF")).tolist() == expected.tolist()


def gif(frames):
    images = [Image.new("L", (4, 4), 60 * n) for n in range(frames)]
    return encoded(images[0], "GIF", save_all=True, append_images=images[1:])


def png_claiming(width, height):
    chunks = [
        b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0),
        b"IDAT" + zlib.compress(bytes(100)),
        b"IEND",
    ]
    framed = (struct.pack(">I", len(c) - 4) + c + struct.pack(">I", zlib.crc32(c)) for c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(framed)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"hello", "not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image"),
        (b"\x89PNG\r\n\x1a\n", "not an image|damaged"),
        (encoded(Image.fromarray(np.arange(2500).astype(np.uint8).reshape(50, 50)))[:-40], "damaged or cut short"),
        (encoded(Image.fromarray(GREY))[:-12], "damaged or cut short"),
        (encoded(Image.fromarray(GREY)).replace(b"IEND", b"IENE"), "damaged or cut short"),
        (encoded(Image.new("RGB", (64, 64), (9, 99, 200)), "JPEG")[:-200], "damaged or cut short"),
        (gif(3), "animated or of several pages"),
        (encoded(Image.fromarray(GREY), "TIFF", save_all=True, append_images=[Image.fromarray(GREY)]), "several pages"),
        (encoded(Image.fromarray(np.ones((2, 2), np.float32)), "TIFF"), "32 bits per pixel"),
        (png_claiming(10_000, 10_000), "10,000 × 10,000 pixels; at most 67,108,864"),
        (png_claiming(200_000, 200_000), "more than 67,108,864 pixels"),
    ],
)
def test_faults_are_told(data, message):
    with pytest.raises(ValueError, match=message):
        decode_image(data)


def test_still_gif_is_an_image():
    assert decode_image(gif(1)).tolist() == [[0] * 4] * 4


def test_phone_picture_with_preview_gives_the_first():
    pictures = [Image.new("L", (8, 8), value) for value in (200, 10)]
    data = encoded(pictures[0], "MPO", save_all=True, append_images=pictures[1:])
    assert decode_image(data).tolist() == [[200] * 8] * 8


def test_limit_of_pixels(monkeypatch):
    monkeypatch.setattr(image_files, "MAX_PIXELS", 3)
    with pytest.raises(ValueError, match="2 × 2 pixels; at most 3 are read"):
        decode_image(encoded(Image.fromarray(GREY)))


WHOLE = [
    encoded(Image.fromarray(np.arange(300).astype(np.uint8).reshape(10, 10, 3)), kind)
    for kind in ("PNG", "JPEG", "GIF", "TIFF", "BMP", "WEBP", "PPM")
]


@settings(max_examples=150, deadline=None)
@given(
    whole=st.sampled_from(WHOLE), changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=4)
)
@pytest.mark.filterwarnings("ignore")
def test_changed_bytes_give_an_image_or_a_value_error(whole, changes):
    data = bytearray(whole)
    for place, value in changes:
        data[place % len(data)] = value
    try:
        image = decode_image(bytes(data))
    except ValueError:
        return
    assert image.dtype == np.uint8
    assert image.ndim == 2 or image.shape[2] == 3


def test_is_grey():
    assert is_grey(GREY)
    assert not is_grey(RGB)
    assert is_grey(RGB[1:, 1:])
