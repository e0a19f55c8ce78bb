import io
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engram.data import Images
from engram.data.streams import PackedImages, pack_images, recognition
from engram.data.streams import pack as packing


def file_of(pixels, kind="PNG", **options):
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def noise(number, shape=(24, 20, 3)):
    return np.random.default_rng(number).integers(0, 256, shape, np.uint8)


@pytest.fixture
def source(tmp_path):
    for part, count in (("train", 5), ("test", 2)):
        for name in ("cat", "dog", "éléphant"):
            folder = tmp_path / "source" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                (folder / f"{number}.png").write_bytes(file_of(noise(number + 10 * ord(name[0]) + 10_000 * count)))
    return tmp_path / "source"


@pytest.fixture
def pack(source, tmp_path):
    pack_images(source, tmp_path / "pack", size=16, shard_bytes=6000)
    return tmp_path / "pack"


def test_holds_every_image_in_the_order_of_the_source(source, pack):
    plain = Images(path=source, size=16).pool()
    packed = Images(path=pack).pool()
    assert packed.classes == plain.classes == ("cat", "dog", "éléphant")
    for part in ("train", "test"):
        one, other = getattr(plain, part), getattr(packed, part)
        assert one.labels.tolist() == other.labels.tolist()
        differences = np.abs(one.images.astype(int) - other.images).mean((1, 2, 3))
        alike = [np.abs(one.images.astype(int) - image).mean((1, 2, 3)).argmin() for image in other.images]
        assert alike == list(range(len(one)))
        assert differences.max() < 40  # noise, with colour at half the resolution


def test_is_made_of_plain_tar_files_that_the_index_points_into(pack):
    manifest = json.loads((pack / "manifest.json").read_text())
    shards = manifest["parts"]["train"]["shards"]
    assert len(shards) > 1
    found = []
    for shard in shards:
        with tarfile.open(pack / shard["file"]) as archive:
            found += [archive.extractfile(member).read() for member in archive]
    reader = PackedImages(pack, "train")
    assert [reader.encoded(number) for number in range(len(reader))] == found
    assert all(data.startswith(b"\xff\xd8\xff") for data in found)


def test_reads_one_image_like_many_in_any_order_and_process(pack):
    reader = PackedImages(pack, "train")
    everything = reader[:]
    order = np.array([7, 0, 14, 7, -1])
    assert np.array_equal(reader[order], everything[order])
    assert np.array_equal(pickle.loads(pickle.dumps(reader))[3], everything[3])
    assert reader.shape == (15, 16, 16, 3)


def test_other_size_and_colour(pack):
    reader = PackedImages(pack, "test", size=8, color=False)
    assert reader[:].shape == (6, 8, 8)
    whole = PackedImages(pack, "test")[:].astype(float)
    grey = (whole @ [0.299, 0.587, 0.114]).reshape(6, 8, 2, 8, 2).mean((2, 4))
    assert np.abs(reader[:] - grey).max() < 6
    assert Images(path=pack, size=8, color="grey").pool().image_shape == (8, 8)


def test_a_jpeg_of_the_size_keeps_its_bytes_another_does_not(tmp_path):
    fitting = file_of(noise(0, (16, 16, 3)), "JPEG", quality=70)
    cmyk = io.BytesIO()
    Image.new("CMYK", (16, 16), (9, 50, 90, 3)).save(cmyk, "JPEG")
    for name, data in (("a", fitting), ("b", file_of(noise(1), "JPEG")), ("c", cmyk.getvalue())):
        (tmp_path / "set" / name).mkdir(parents=True)
        (tmp_path / "set" / name / "1.jpg").write_bytes(data)
    pack_images(tmp_path / "set", tmp_path / "pack", size=16)
    reader = PackedImages(tmp_path / "pack", "all")
    assert reader.encoded(0) == fitting
    assert Image.open(io.BytesIO(reader.encoded(1))).size == (16, 16)
    assert Image.open(io.BytesIO(reader.encoded(2))).mode == "RGB"


def test_grey_images_stay_grey(tmp_path):
    np.savez(tmp_path / "set.npz", train_images=noise(0, (6, 8, 8)), train_labels=[0, 1, 2] * 2)
    pack_images(tmp_path / "set.npz", tmp_path / "pack", size=8, quality=100)
    assert PackedImages(tmp_path / "pack", "train").shape == (6, 8, 8)
    assert np.abs(PackedImages(tmp_path / "pack", "train")[:].astype(int) - noise(0, (6, 8, 8))).max() <= 2


def test_an_archive_packs_like_its_folder(source, pack, tmp_path):
    with tarfile.open(tmp_path / "set.tar.gz", "w:gz") as archive:
        for path in sorted(source.rglob("*.png")):
            archive.add(path, arcname=str(path.relative_to(source)))
    pack_images(tmp_path / "set.tar.gz", tmp_path / "again", size=16)
    assert Images(path=tmp_path / "again").pool().identity == Images(path=pack).pool().identity
    pack_images(pack, tmp_path / "thrice", size=16)
    assert len(PackedImages(tmp_path / "thrice", "train")) == 15


def test_large_packs_are_read_when_needed_and_split_like_those_in_memory(tmp_path, monkeypatch):
    np.savez(tmp_path / "set.npz", train_images=noise(0, (20, 8, 8)), train_labels=[0, 1] * 10)
    pack_images(tmp_path / "set.npz", tmp_path / "pack", size=8)
    held = Images(path=tmp_path / "pack").pool(seed=4)
    monkeypatch.setattr(recognition, "BYTES_IN_MEMORY", 0)
    unread = Images(path=tmp_path / "pack").pool(seed=4)
    assert isinstance(held.train.images, np.ndarray)
    assert not isinstance(unread.train.images, np.ndarray)
    for part in ("train", "test"):
        assert np.array_equal(getattr(held, part).images, getattr(unread, part).images)
    assert unread.identity == Images(path=tmp_path / "pack").pool(seed=4).identity
    assert unread.identity != Images(path=tmp_path / "pack").pool(seed=5).identity


def test_unusable_files_are_counted_or_refused(source, tmp_path):
    (source / "train" / "cat" / "9.png").write_bytes(file_of(noise(1))[:-30])
    (source / "train" / "cat" / "8.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"source: 2 files skipped, cannot be used: .*8.png: the file is empty"):
        report = pack_images(source, tmp_path / "pack", size=8)
    assert (report.images, report.classes, report.skipped) == ({"train": 15, "test": 6}, 3, 2)
    assert report.nbytes == sum(path.stat().st_size for path in (tmp_path / "pack").iterdir())
    pool = Images(path=tmp_path / "pack").pool()
    assert pool.skipped == 2
    assert pool.source.endswith("2 files skipped")
    with pytest.raises(ValueError, match="2 files cannot be used"):
        pack_images(source, tmp_path / "other", size=8, strict=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pack", "source"]


def test_a_pack_that_fails_midway_leaves_nothing(source, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packing._PartWriter, "close", full)
    with pytest.raises(OSError, match="No space left"):
        pack_images(source, tmp_path / "pack", size=8)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_refuses_a_folder_that_holds_something(source, tmp_path):
    with pytest.raises(FileExistsError, match="source: exists already"):
        pack_images(source, source)
    with pytest.raises(FileNotFoundError, match="none: no such folder or file"):
        pack_images(tmp_path / "none", tmp_path / "pack")
    with pytest.raises(ValueError, match="quality 101"):
        pack_images(source, tmp_path / "pack", quality=101)


def test_an_edited_image_is_named_when_it_is_read(pack):
    reader = PackedImages(pack, "test")
    shard = pack / "test-000000.tar"
    data = bytearray(shard.read_bytes())
    data[data.index(reader.encoded(3)) + 40] ^= 1
    shard.write_bytes(data)
    reader = PackedImages(pack, "test")
    assert len(reader[np.array([0, 1, 2, 4, 5])]) == 5
    with pytest.raises(
        ValueError, match=r"^\S*test-000000.tar: test image 3 is damaged \(bytes .*\); pack the images again"
    ):
        reader[:]


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("test-000000.tar", lambda data: data[:-1], r"test-000000.tar: [\d,]+ bytes, but [\d,]+ were packed"),
        ("test-000000.tar", None, "test-000000.tar: no such file"),
        ("test-index.npy", lambda data: data[:-8] + bytes(8), "test-index.npy: damaged, or not the one"),
        ("test-index.npy", None, "test-index.npy: no such file"),
        ("manifest.json", lambda data: data[:-20], "manifest.json: damaged or cut short"),
        (
            "manifest.json",
            lambda data: data.replace(b'"version": 1', b'"version": 2'),
            "version 2; this engram reads up",
        ),
        ("manifest.json", lambda data: data.replace(b"test-000000.tar", b"../../../../etc"), "not a pack's manifest"),
        ("manifest.json", lambda data: data.replace(b'"size": 16', b'"size": -1'), r"\(size: "),
        ("manifest.json", lambda data: b"[" * 100_000, "manifest.json: damaged or cut short"),
        ("manifest.json", lambda data: b"9" * 5_000, "manifest.json: damaged or cut short"),
    ],
)
def test_damaged_packs_are_refused_by_name(pack, name, change, message):
    path = pack / name
    data = path.read_bytes()
    path.unlink()
    if change is not None:
        path.write_bytes(change(data))
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        PackedImages(pack, "test")


def test_a_pack_whose_manifest_was_written_over_is_no_folder_of_tar_files(pack):
    (pack / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="not a pack's manifest"):
        Images(path=pack).pool()


def test_an_index_that_points_elsewhere_is_refused(pack):
    import hashlib

    index = np.load(pack / "test-index.npy")
    index[2, 1] += 10**9
    np.save(pack / "test-index.npy", index)
    text = (pack / "manifest.json").read_text()
    old = json.loads(text)["parts"]["test"]["index_sha256"]
    new = hashlib.sha256((pack / "test-index.npy").read_bytes()).hexdigest()
    (pack / "manifest.json").write_text(text.replace(old, new))
    with pytest.raises(ValueError, match="points outside of the pack"):
        PackedImages(pack, "test")


@pytest.fixture
def real():
    folder = os.environ.get("ENGRAM_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGRAM_DATA names no folder with the real data sets")
    return Path(folder)


@pytest.mark.realdata
def test_photographs_of_the_size_keep_every_pixel(real, tmp_path):
    report = pack_images(real / "imagenette224.tar", tmp_path / "pack", size=224)
    assert (report.images, report.classes, report.skipped) == ({"train": 1500, "val": 400}, 10, 0)
    plain, packed = Images(path=real / "imagenette224.tar").pool(), Images(path=tmp_path / "pack").pool()
    # The files are JPEGs of 224 px already, and both decoders are libjpeg-turbo.
    assert packed.identity == plain.identity


@pytest.mark.realdata
def test_digits_through_a_pack(real, tmp_path):
    pack_images(real / "mnist", tmp_path / "pack", size=28)
    plain, packed = Images(path=real / "mnist").pool(), Images(path=tmp_path / "pack").pool()
    assert packed.test.labels.tolist() == plain.test.labels.tolist()
    error = (packed.test.images.astype(float) - plain.test.images) ** 2
    assert 10 * np.log10(255**2 / error.mean()) > 30  # dB
