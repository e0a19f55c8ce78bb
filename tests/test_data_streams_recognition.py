import io
import tarfile
import warnings

import numpy as np
import pytest
from PIL import Image

from engram.data import Images, images
from engram.data.streams.core50 import CATEGORIES


def png(value, shape=(4, 4)):
    buffer = io.BytesIO()
    Image.fromarray(np.full(shape, value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def put(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(png(content) if isinstance(content, int) else content)
    return root


def tar(path, files):
    with tarfile.open(path, "w") as archive:
        for name, content in files.items():
            data = png(content) if isinstance(content, int) else content
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def values(part):
    return part.images.reshape(len(part), -1)[:, 0].tolist()


def core50(sessions, things):
    return {
        f"core50_128x128/s{s}/o{o}/C_{s:02}_{o:02}_{frame:03}.png": 20 * s + 2 * (o % 10) + frame
        for s in sessions
        for o in things
        for frame in range(2)
    }


def test_core50_has_sessions_as_domains_and_tests_with_three_of_them(tmp_path):
    put(tmp_path, core50((1, 2, 3, 10), (1, 5, 46)))
    pool = Images(path=tmp_path).pool()
    assert pool.classes == ("plug adapters", "remote controls")
    assert pool.domains == ("s1", "s10", "s2", "s3")
    assert {pool.domains[number] for number in pool.train.domains} == {"s1", "s2"}
    assert {pool.domains[number] for number in pool.test.domains} == {"s3", "s10"}
    assert pool.train_per_class.tolist() == [8, 4]
    s2_o46 = (pool.train.domains == 2) & (pool.train.labels == 1)
    assert values(pool.train.some(s2_o46)) == [52, 53]

    objects = Images(path=tmp_path, core50="objects").pool()
    assert objects.classes == ("o1", "o46", "o5")
    assert objects.identity != pool.identity
    assert len(CATEGORIES) == 10


def test_core50_packs_with_its_sessions(tmp_path):
    from engram.data.streams import pack_images

    put(tmp_path / "set", core50((1, 2, 3), (1, 46)))
    pack_images(tmp_path / "set", tmp_path / "pack", size=4, quality=100)
    for classes in ("categories", "objects"):
        plain, packed = (Images(path=tmp_path / name, core50=classes).pool() for name in ("set", "pack"))
        assert (packed.classes, packed.domains) == (plain.classes, plain.domains)
        assert packed.train.domains.tolist() == plain.train.domains.tolist()
        assert np.abs(np.subtract(values(packed.train), values(plain.train))).max() <= 1


def test_core50_knows_fifty_objects(tmp_path):
    put(tmp_path, core50((1, 3), (1, 51)))
    with pytest.raises(ValueError, match=r"o51/C_01_51_000.png: CORe50 has sessions s1 to s11 and objects o1 to o50"):
        Images(path=tmp_path).pool()


def test_outermost_folder_as_domain(tmp_path):
    files = {f"{domain}/{name}/{n}.png": 60 * d + 20 * c + n for d, domain in enumerate(("photo", "sketch"))
             for c, name in enumerate(("cat", "dog")) for n in range(10)}  # fmt: skip
    put(tmp_path, files)
    pool = Images(path=tmp_path, domains="folders").pool()
    assert (pool.classes, pool.domains) == (("cat", "dog"), ("photo", "sketch"))
    for part, each in ((pool.train, 8), (pool.test, 2)):
        assert np.bincount(2 * part.labels + part.domains).tolist() == [each] * 4
        assert (np.array(values(part)) // 20 == 3 * part.domains + part.labels).all()
    assert Images(path=tmp_path).pool().classes == ("photo/cat", "photo/dog", "sketch/cat", "sketch/dog")
    put(tmp_path / "other", {"cat/1.png": 1, "dog/1.png": 2})
    with pytest.raises(ValueError, match=r"lies in one folder only; expected domain/class/image.png"):
        Images(path=tmp_path / "other", domains="folders").pool()


def medmnist(path, start, shape=()):
    arrays = {}
    for part, count in (("train", 4), ("val", 2), ("test", 2)):
        numbers = np.arange(start, start + count, dtype=np.uint8)
        pixels = np.broadcast_to(numbers.reshape(-1, 1, 1, *[1] * len(shape)), (count, 4, 4, *shape)).copy()
        pixels[:, 3, 3] = (9, 8, 7) if shape else 9
        arrays[f"{part}_images"] = pixels
        arrays[f"{part}_labels"] = (np.arange(count) % 2)[:, None]
        start += count
    np.savez(path, **arrays)


def test_npz_files_are_joined_into_one_label_space(tmp_path):
    medmnist(tmp_path / "breastmnist.npz", 0)
    medmnist(tmp_path / "pathmnist.npz", 100, (3,))
    pool = Images(path=tmp_path).pool()
    assert pool.classes == ("breastmnist/0", "breastmnist/1", "pathmnist/0", "pathmnist/1")
    assert pool.image_shape == (4, 4, 3)
    assert values(pool.train) == [0, 1, 2, 3, 100, 101, 102, 103]
    assert pool.train.labels.tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    assert values(pool.test) == [6, 7, 106, 107]


def test_npz_files_with_several_labels_an_image_are_refused_by_name(tmp_path):
    medmnist(tmp_path / "breastmnist.npz", 0)
    np.savez(
        tmp_path / "chestmnist.npz", train_images=np.zeros((2, 4, 4), np.uint8), train_labels=np.zeros((2, 14), int)
    )
    with pytest.raises(ValueError, match=r"chestmnist.npz: train_labels has shape \[2, 14\]"):
        Images(path=tmp_path).pool()


def test_archives_side_by_side_are_one_set(tmp_path):
    tar(tmp_path / "train-000000.tar", {"cat/1.png": 1, "dog/1.png": 2})
    tar(tmp_path / "train-000001.tar", {"dog/2.png": 3})
    tar(tmp_path / "val-000000.tar", {"cat/3.png": 4, "dog/3.png": 5})
    pool = Images(path=tmp_path).pool()
    assert pool.classes == ("cat", "dog")
    assert (values(pool.train), pool.train.labels.tolist()) == ([1, 2, 3], [0, 1, 1])
    assert values(pool.test) == [4, 5]
    assert pool.source.endswith("tested with val")


def test_archives_with_a_class_beside_each_image(tmp_path):
    tar(tmp_path / "train-0.tar", {"0001.png": 1, "0001.cls": b"7\n", "0002.png": 2, "0002.cls": b"12"})
    tar(tmp_path / "test-0.tar", {"0003.png": 3, "0003.cls": b"7", "0004.png": 4, "0004.cls": b"12"})
    pool = Images(path=tmp_path).pool()
    assert pool.classes == ("7", "12")
    assert (values(pool.train), pool.train.labels.tolist()) == ([1, 2], [0, 1])
    tar(tmp_path / "train-1.tar", {"0005.png": 5})
    with pytest.raises(ValueError, match=r"1 image without a class beside it: train/0005.png"):
        Images(path=tmp_path).pool()


@pytest.fixture
def faulty(tmp_path):
    """Two sound classes, and one file of every kind that cannot be used."""
    sound = {f"{part}/{name}/{n}.png": 100 * p + 10 * c + n for p, part in enumerate(("train", "test"))
             for c, name in enumerate(("cat", "dog")) for n in range(3)}  # fmt: skip
    frames = [Image.new("L", (4, 4), value) for value in (1, 200)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    giant = bytearray(png(1))
    giant[16:24] = (30_000).to_bytes(4, "big") * 2
    bad = {
        "train/cat/a-empty.png": b"",
        "train/cat/b-cut.png": png(9)[:-20],
        "train/cat/c-text.jpg": b"hello",
        "train/dog/d-animated.gif": buffer.getvalue(),
        "train/dog/e-giant.png": bytes(giant),
    }
    return put(tmp_path / "set", sound | bad)


def test_files_that_cannot_be_used_are_counted_and_named_once(faulty):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        pool = Images(path=faulty).pool()
    assert len(told) == 1
    assert str(told[0].message).startswith(
        f"{faulty}: 5 files skipped, cannot be used: train/cat/a-empty.png: the file"
    )
    assert told[0].filename == __file__
    assert pool.skipped == 5
    assert pool.source == f"{faulty}, 5 files skipped"
    assert values(pool.train) == [0, 1, 2, 10, 11, 12]


def test_strict_refuses_them(faulty):
    with pytest.raises(ValueError, match=r"set: 5 files cannot be used: train/cat/a-empty.png: the file") as told:
        Images(path=faulty, strict=True).pool()
    for fault in ("b-cut.png: damaged or cut short", "c-text.jpg: not an image", "d-animated.gif: animated", "e-giant"):
        assert fault in str(told.value)


def test_a_set_in_which_nothing_can_be_used(tmp_path):
    put(tmp_path, {"cat/1.png": b"", "dog/1.png": b"x"})
    with pytest.raises(
        ValueError, match=r"2 files cannot be used: cat/1.png: the file is empty, dog/1.png: not an image"
    ):
        Images(path=tmp_path).pool()


def test_paths_that_lead_out_of_an_archive_are_skipped_and_named(tmp_path):
    sound = {f"{name}/{n}.png": 10 * c + n for c, name in enumerate(("cat", "dog")) for n in range(3)}
    tar(tmp_path / "set.tar", sound | {"../evil.png": 1, "/etc/evil.png": 2})
    with pytest.warns(
        UserWarning, match=r"2 files skipped.*\.\./evil.png: a path that leads out.*/etc/evil.png: a path"
    ):
        pool = Images(path=tmp_path / "set.tar").pool()
    assert len(pool.train) + len(pool.test) == 6
    assert not list(tmp_path.glob("../evil.png"))


def test_one_class_is_a_pool_and_unequal_modes_are_one_shape(tmp_path):
    files = {}
    for number, mode in enumerate(("L", "RGB", "RGBA", "CMYK", "P", "1", "LA")):
        buffer = io.BytesIO()
        Image.new(mode, (4, 4), 1 if mode in "1P" else None or 0).save(buffer, "TIFF")
        files[f"only/{number}.tif"] = buffer.getvalue()
    files |= {f"only/x{n}.png": n + 5 for n in range(4)}
    pool = Images(path=put(tmp_path, files), color="rgb").pool()
    assert pool.classes == ("only",)
    assert pool.image_shape == (4, 4, 3)


def test_a_changed_set_has_another_identity(tmp_path):
    root = put(tmp_path, {f"{name}/{n}.png": 10 * c + n for c, name in enumerate(("cat", "dog")) for n in range(4)})
    before = Images(path=root).pool().identity
    assert Images(path=root).pool().identity == before
    (root / "cat" / "3.png").write_bytes(png(99))
    assert Images(path=root).pool().identity != before


def test_options_of_old_recordings_still_mean_the_same():
    old = {"path": "x", "test_path": None, "train_fraction": 0.8, "size": None, "color": "auto"}
    assert images.Images(**old) == Images(path="x")
