"""Images that would be lost without a word, or learned although damaged: each is told of, and strictly refused."""

import io
import json
import tarfile

import h5py
import numpy as np
import pytest
from PIL import Image

from engram.data.images import Images
from engram.data.streams import pack_images
from engram.image_pack import make_pack

pytest.importorskip("simplejpeg")
rng = np.random.default_rng(0)


def pixels(count=1, size=24):
    return rng.integers(0, 255, (count, size, size, 3), dtype=np.uint8)


def jpeg(image=None, **options):
    file = io.BytesIO()
    Image.fromarray(pixels()[0] if image is None else image).save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def png(image=None):
    file = io.BytesIO()
    Image.fromarray(pixels()[0] if image is None else image).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def folder(tmp_path):
    for name in "abc":
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(4):
            (tmp_path / "set" / name / f"{number}.png").write_bytes(png())
    return tmp_path / "set"


def pool_of(path, **options):
    return Images(path=path, **options).pool()


def size_of(pool):
    return len(pool.train) + len(pool.test)


def zero_filled(data):
    kept = 3 * len(data) // 4
    return data[:kept] + bytes(len(data) - kept)


DAMAGED = {
    "zero-filled": zero_filled,
    "cut, with an end": lambda data: data[: len(data) // 2] + b"\xff\xd9",
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_damaged_jpeg_is_no_image_although_pillow_reads_it(folder, how):
    (folder / "a" / "4.jpg").write_bytes(DAMAGED[how](jpeg()))
    with pytest.warns(UserWarning, match=r"1 file skipped, cannot be used: a/4.jpg: damaged or cut short"):
        assert size_of(pool_of(folder)) == 12
    with pytest.raises(ValueError, match=r"a/4.jpg: damaged"):
        pool_of(folder, strict=True)


def test_a_jpeg_with_surplus_bytes_is_an_image_and_a_pack_can_be_read(folder, tmp_path):
    surplus = jpeg().replace(b"\xff\xdb", b"\0\0\0\xff\xdb", 1)
    (folder / "a" / "4.jpg").write_bytes(surplus)
    assert size_of(pool_of(folder, strict=True)) == 13
    assert pack_images(folder, tmp_path / "pack", size=24).skipped == 0
    assert size_of(pool_of(tmp_path / "pack")) == 13


@pytest.mark.parametrize("packed", [False, True])
def test_photographs_are_turned_as_their_camera_says(tmp_path, packed):
    for name in "ab":
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(3):
            image = np.full((16, 16, 3), 10 * number + 5 * (name == "b"), np.uint8)
            image[:, :8, 0] = 250  # the left half
            turned = Image.Exif()
            turned[0x0112] = 6  # to be turned clockwise
            (tmp_path / "set" / name / f"{number}.jpg").write_bytes(jpeg(image, exif=turned))
    path = tmp_path / "set"
    if packed:
        pack_images(path, tmp_path / "pack", size=16, quality=95)
        path = tmp_path / "pack"
    image = np.asarray(pool_of(path).train.images)[0].astype(int)
    assert image[:7, :, 0].min() > 200  # the upper half
    assert image[9:, :, 0].max() < 80


def test_a_class_none_of_whose_images_can_be_used_is_not_left_out(folder, tmp_path):
    for file in (folder / "b").iterdir():
        file.write_bytes(b"")
    for read in (pool_of, lambda path: pack_images(path, tmp_path / "pack", size=24)):
        with pytest.raises(ValueError, match=r"no image that can be used of b: b/0.png: the file is empty"):
            read(folder)
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        archive.add(folder, "set")
    with pytest.raises(ValueError, match="no image that can be used of b"):
        pool_of(tmp_path / "set.tar")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("pack")]


def test_a_class_of_files_that_are_no_images_by_name_is_not_left_out_strictly(folder):
    (folder / "d").mkdir()
    (folder / "d" / "0.jxl").write_bytes(b"x")
    (folder / "notes.txt").write_text("seen on Monday")
    with pytest.warns(UserWarning, match=r"2 files left out, no image by its name"):
        assert len(pool_of(folder).classes) == 3
    with pytest.raises(ValueError, match="no file is an image by its name in d"):
        pool_of(folder, strict=True)


def in_shards(folder, shards):
    shards.mkdir()
    with tarfile.open(shards / "all-0.tar", "w") as archive:
        archive.add(folder / "a", "a")
    with tarfile.open(shards / "all-1.tgz", "w:gz") as archive:
        archive.add(folder / "b", "b")
    return shards


def in_arrays(folder, arrays):
    arrays.mkdir()
    for name in ("one.npz", "two.NPZ"):
        with (arrays / name).open("wb") as file:
            np.savez(file, train_images=pixels(4), train_labels=[0, 0, 1, 1])
    return arrays


@pytest.mark.parametrize(("make", "images", "what"), [(in_shards, 8, "tar archives"), (in_arrays, 8, "npz files")])
def test_what_lies_beside_archives_is_told(folder, tmp_path, make, images, what):
    place = make(folder, tmp_path / "place")
    assert size_of(pool_of(place, strict=True)) == images
    (place / "4.png").write_bytes(png())
    (place / "labels.csv").write_text("a,b")
    with pytest.warns(UserWarning, match=r"4.png|labels.csv") as told:
        assert size_of(pool_of(place)) == images
    words = " ".join(str(one.message) for one in told)
    assert f"1 file skipped, cannot be used: 4.png: beside {what}, which alone are read" in words
    assert "1 file left out, no image by its name: labels.csv" in words
    with pytest.raises(ValueError, match=r"4.png: beside"):
        pool_of(place, strict=True)
    with pytest.warns(UserWarning, match=r"4.png: beside"):
        assert pack_images(place, tmp_path / "pack", size=24).skipped == 1


def test_of_two_files_of_one_name_in_an_archive_the_first_is_taken(tmp_path):
    with tarfile.open(tmp_path / "set.tar", "w") as archive:
        for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png", "a/0.png"):
            data = png()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    with pytest.warns(UserWarning, match=r"a/0.png: is in the archive twice"):
        assert size_of(pool_of(tmp_path / "set.tar")) == 4
    with pytest.warns(UserWarning, match="twice"):
        report = pack_images(tmp_path / "set.tar", tmp_path / "pack", size=24)
    assert (report.images, report.skipped) == ({"all": 4}, 1)


HDF5 = {
    "two of a name": ({"classes": ["cat", "dog", "cat"]}, "classes holds 'cat' more than once"),
    "no name": ({"classes": ["cat", "", "dog"]}, "classes holds '', which is no name"),
    "control characters": ({"classes": ["cat", "\x1b[31m", "dog"]}, r"holds '\\x1b\[31m', which is no name"),
    "nothing": ({"labels": h5py.Empty("i8")}, "labels is empty; expected an array"),
    "no height": ({"images": np.zeros((12, 0, 24), np.uint8)}, r"images is empty, of shape \[12, 0, 24\]"),
}


@pytest.mark.parametrize("case", HDF5)
def test_hdf5_files_with_parts_that_are_none(tmp_path, case):
    changes, words = HDF5[case]
    parts = {"images": pixels(12), "labels": np.arange(12) % 3, "classes": ["cat", "cow", "dog"], **changes}
    with h5py.File(tmp_path / "set.h5", "w") as file:
        for name, values in parts.items():
            file[name] = values
    with pytest.raises(ValueError, match=words):
        pool_of(tmp_path / "set.h5")


def test_a_pack_that_is_not_whole(folder, tmp_path):
    pack = tmp_path / "pack"
    pack_images(folder, pack, size=24)
    manifest = pack / "manifest.json"
    whole = json.loads(manifest.read_text())

    manifest.write_text(json.dumps({**whole, "classes": ["a", "b", "b"]}))
    with pytest.raises(ValueError, match="classes holds 'b' more than once; pack the images again"):
        pool_of(pack)
    manifest.write_text(json.dumps({**whole, "classes": ["a", "b", "c", "d"]}))
    with pytest.raises(ValueError, match="3 counts of the all part for 4 classes"):
        pool_of(pack)
    counts = {**whole["parts"]["all"], "per_class": [4, 4, 4, 0]}
    manifest.write_text(json.dumps({**whole, "classes": ["a", "b", "c", "d"], "parts": {"all": counts}}))
    with pytest.raises(ValueError, match="the pack holds no image of d"):
        pool_of(pack)
    manifest.unlink()
    with pytest.raises(ValueError, match=r"a pack whose manifest.json is missing"):
        pool_of(pack)


def test_what_another_pack_has_begun_is_not_removed(folder, tmp_path):
    begun = tmp_path / "pack.unfinished"
    begun.mkdir()
    (begun / "thesis.txt").write_text("precious")
    with pytest.raises(FileExistsError, match=r"pack.unfinished: exists already"):
        pack_images(folder, tmp_path / "pack", size=24)
    assert (begun / "thesis.txt").read_text() == "precious"


def test_a_link_is_not_replaced_by_a_pack(folder, tmp_path):
    pack_images(folder, tmp_path / "pack", size=24)
    (tmp_path / "link").symlink_to("pack")
    with pytest.raises(FileExistsError, match="link is a link"):
        make_pack(folder, tmp_path / "link", 24, 90, False, True, "none")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "pack", "set"]
