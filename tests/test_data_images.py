import io
import os
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engram.data import DigitPairs, Digits, Images, item_set


def png(value, shape=(2, 2)):
    buffer = io.BytesIO()
    Image.fromarray(np.full(shape, value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def put(root, files):
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(png(content) if isinstance(content, int) else content)
    return root


def write_idx(path, array):
    array = np.asarray(array, np.uint8)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


def make_tar(folder, path):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, arcname=".")
    return path


PARTED = {f"{part}/{name}/{n}.png": 100 * i + 10 * j + n for i, part in enumerate(("train", "test"))
          for j, name in enumerate(("cat", "dog")) for n in range(3 - i)}  # fmt: skip


def test_the_same_images_give_the_same_pool_from_every_kind_of_file(tmp_path):
    values = {"train": [0, 1, 2, 10, 11, 12], "test": [100, 101, 110, 111]}
    labels = {"train": [0, 0, 0, 1, 1, 1], "test": [0, 0, 1, 1]}
    files = {f"{part}/{label}/{value}.png": value for part in values
             for value, label in zip(values[part], labels[part], strict=True)}  # fmt: skip
    folder = put(tmp_path / "folder", {path.replace("/2.png", "/002.png"): v for path, v in files.items()})
    arrays = {part: np.array(values[part], np.uint8)[:, None, None].repeat(2, 1).repeat(2, 2) for part in values}
    idx = tmp_path / "idx"
    idx.mkdir()
    for part, name in (("train", "train"), ("test", "t10k")):
        write_idx(idx / f"{name}-images-idx3-ubyte", arrays[part])
        write_idx(idx / f"{name}-labels-idx1-ubyte", labels[part])
    npz = tmp_path / "set.npz"
    np.savez(npz, **{f"{p}_images": arrays[p] for p in arrays}, **{f"{p}_labels": labels[p] for p in labels})

    pools = [
        Images(path=path).pool() for path in (idx, npz, make_tar(idx.parent / "folder", tmp_path / "set.tgz"), folder)
    ]
    for pool in pools:
        assert pool.classes == ("0", "1")
        for part in ("train", "test"):
            images = getattr(pool, part).images
            assert images.shape[1:] == (2, 2)
            pairs = zip(images[:, 0, 0].tolist(), getattr(pool, part).labels.tolist(), strict=True)
            assert sorted(pairs) == sorted(zip(values[part], labels[part], strict=True))
    assert pools[0].identity == pools[1].identity
    assert pools[2].identity == pools[3].identity


def test_parts_of_the_folder_are_kept(tmp_path):
    pool = Images(path=put(tmp_path, PARTED)).pool()
    assert pool.classes == ("cat", "dog")
    assert pool.train.images[:, 0, 0].tolist() == [0, 1, 2, 10, 11, 12]
    assert pool.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert pool.test.images[:, 0, 0].tolist() == [100, 101, 110, 111]


def test_val_is_the_test_part_only_where_there_is_none(tmp_path):
    put(tmp_path, PARTED | {"val/cat/1.png": 201, "val/dog/1.png": 202})
    pool = Images(path=tmp_path).pool()
    assert len(pool.test) == 4
    assert pool.source == f"{tmp_path}, without val"
    (tmp_path / "test").rename(tmp_path / ".test")
    pool = Images(path=tmp_path).pool()
    assert pool.test.images[:, 0, 0].tolist() == [201, 202]
    assert pool.source == f"{tmp_path}, tested with val"


def test_parts_without_training_images(tmp_path):
    put(tmp_path, {"val/cat/1.png": 1, "test/cat/1.png": 2})
    with pytest.raises(ValueError, match="the parts are test, val; expected train and test"):
        Images(path=tmp_path).pool()


def test_split_by_seed_where_the_files_tell_no_parts(tmp_path):
    put(tmp_path, {f"{name}/{n}.png": 50 * i + n for i, name in enumerate(("cat", "dog")) for n in range(10)})
    half = Images(path=tmp_path, train_fraction=0.5)
    pool = half.pool()
    assert pool.train_per_class.tolist() == pool.test_per_class.tolist() == [5, 5]
    assert sorted(np.concatenate([pool.train.images, pool.test.images])[:, 0, 0]) == [*range(10), *range(50, 60)]
    assert half.pool(seed=0).identity == pool.identity != half.pool(seed=1).identity
    assert Images(path=tmp_path).pool().train_per_class.tolist() == [8, 8]


def test_copies_stay_on_one_side_of_the_split(tmp_path):
    put(tmp_path, {f"cat/{n}.png": n // 2 for n in range(20)})
    for seed in range(5):
        pool = Images(path=tmp_path, train_fraction=0.6).pool(seed=seed)
        assert not set(pool.train.images[:, 0, 0]) & set(pool.test.images[:, 0, 0])
        assert (len(pool.train), len(pool.test)) == (12, 8)


def test_second_path_holds_the_test_images(tmp_path):
    put(tmp_path / "a", {"cat/1.png": 1, "dog/1.png": 2})
    put(tmp_path / "b", {"test/cat/1.png": 3, "test/dog/1.png": 4})
    make_tar(tmp_path / "a", tmp_path / "a.tar.gz")
    make_tar(tmp_path / "b", tmp_path / "b.tar.gz")
    for train, test in (("a", "b"), ("a.tar.gz", "b.tar.gz")):
        pool = Images(path=train, test_path=test).pool(tmp_path)
        assert pool.train.images[:, 0, 0].tolist() == [1, 2]
        assert pool.test.images[:, 0, 0].tolist() == [3, 4]
    put(tmp_path / "c", PARTED)
    with pytest.raises(ValueError, match="/c: holds the parts test, train itself; leave test_path out"):
        Images(path="c", test_path="b").pool(tmp_path)


def test_idx_files_with_and_without_a_test_part(tmp_path):
    for name in ("train", "letters"):
        write_idx(tmp_path / f"{name}-images-idx3-ubyte", np.arange(10)[:, None, None])
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", [7, 12] * 5)
    for path in (tmp_path, tmp_path / "letters-images-idx3-ubyte"):
        pool = Images(path=path).pool()
        assert pool.classes == ("7", "12")
        assert pool.train_per_class.tolist() == [4, 4]
        assert pool.source.endswith("split by seed 0")


def test_size_and_colour(tmp_path):
    put(tmp_path, PARTED | {"train/cat/0.png": png(7, (4, 6))})
    with pytest.raises(ValueError, match=r"have 2 sizes: 2 × 2 \(9 images\), 4 × 6 .* give size, for example size: 2"):
        Images(path=tmp_path).pool()
    pool = Images(path=tmp_path, size=3, color="rgb").pool()
    assert pool.image_shape == (3, 3, 3)
    assert (pool.train.images[0] == 7).all()


def test_class_without_test_images_is_named(tmp_path):
    put(tmp_path, PARTED | {"train/bird/1.png": 250})
    with pytest.raises(ValueError, match='no test images of 1 of 3 classes: "bird"'):
        Images(path=tmp_path).pool()


def test_class_too_small_to_split_is_named(tmp_path):
    put(tmp_path, {"cat/1.png": 1, "cat/2.png": 2, "dog/1.png": 3, "dog/copy.png": 3})
    with pytest.raises(ValueError, match=r'1 of 2 classes have fewer than two different images.*"dog"'):
        Images(path=tmp_path).pool()


def test_training_images_among_the_test_images(tmp_path):
    many = {f"test/cat/new{n}.png": 150 + n for n in range(18)}
    put(tmp_path, PARTED | many | {"train/dog/copy.png": 100})
    left_out = pytest.warns(UserWarning, match="train/dog/copy.png = test/cat/0.png")
    with left_out, pytest.warns(UserWarning, match='in two classes.*test/cat/0.png of "cat"'):
        pool = Images(path=tmp_path).pool()
    assert 100 not in pool.train.images
    assert len(pool.test) == 22
    put(tmp_path, {f"train/cat/{n}.png": 150 + n for n in range(20)})
    (tmp_path / "train/dog/copy.png").unlink()
    with pytest.raises(ValueError, match=r"18 training images found .* have files been copied or changed places"):
        Images(path=tmp_path).pool()


def test_files_left_out_are_named(tmp_path):
    put(tmp_path, PARTED | {"train/cat/notes.txt": b"", "labels.csv": b""})
    with pytest.warns(UserWarning, match="2 files left out, no image by its name: labels.csv, train/cat/notes.txt"):
        Images(path=tmp_path).pool()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.npz", b"", "the file is empty"),
        ("a.tar", b"hello", "the archive is damaged or cut short"),
        ("a.csv", b"a,b\n1,2\n", "neither an IDX file, nor npz, nor tar"),
        ("a.png", png(1), "neither an IDX file, nor npz, nor tar"),
        ("a.tar.gz", b"\x1f\x8b\x08\x00", "cannot be read, damaged or cut short"),
        ("a.tar.xz", b"\xfd7zXZ\0\0\0", "cannot be read, damaged or cut short"),
        ("a.zip", b"PK\x05\x06" + bytes(18), "no train_images and train_labels; it holds nothing. A zip of image"),
    ],
)
def test_files_of_other_kinds(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: .*{message}"):
        Images(path=name).pool(tmp_path)


def test_what_is_not_there_or_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="none: no such folder or file"):
        Images(path="none").pool(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="neither a folder nor a plain file"):
        Images(path="pipe").pool(tmp_path)


def test_options_travel_as_json(tmp_path):
    made = Images(path=tmp_path / "x", size=8)
    assert made.model_dump(mode="json")["path"] == str(tmp_path / "x")
    assert Images.model_validate_json(made.model_dump_json()) == made
    for wrong in ({"size": 0}, {"train_fraction": 1.0}, {"color": "blue"}, {"path": 3}):
        with pytest.raises(ValueError, match=f'option "{next(iter(wrong))}"'):
            item_set("images", **({"path": "x"} | wrong))


@pytest.fixture
def real():
    folder = os.environ.get("ENGRAM_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ENGRAM_DATA names no folder with the real data sets")
    return Path(folder)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("options", "train", "test", "shape", "classes"),
    [
        ({"path": "mnist"}, 30_000, 5_000, (28, 28), 10),
        ({"path": "fashion-mnist"}, 30_000, 5_000, (28, 28), 10),
        ({"path": "medmnist/pneumoniamnist.npz"}, 4_708, 312, (28, 28), 2),
        ({"path": "cifar10-jpeg-test.tar.xz"}, 4_000, 1_000, (32, 32, 3), 10),
    ],
)
def test_real_sets(real, options, train, test, shape, classes):
    pool = Images(**options).pool(real)
    assert (len(pool.train), len(pool.test)) == (train, test)
    assert pool.image_shape == shape
    assert len(pool.classes) == classes
    assert not {i.tobytes() for i in pool.train.images} & {i.tobytes() for i in pool.test.images}


@pytest.mark.realdata
@pytest.mark.slow
def test_real_set_with_one_image_in_two_classes(real):
    with pytest.warns(UserWarning, match=r"1 image in two classes.*n07747607_20.JPEG .*n07753592_63.JPEG"):
        pool = Images(path="tiny-imagenet.tar.xz").pool(real)
    assert pool.train_per_class.tolist() == [150] * 100
    assert pool.test_per_class.tolist() == [50] * 100
    assert pool.image_shape == (64, 64, 3)


@pytest.mark.realdata
def test_real_digits_and_their_pairs(real):
    digits = Digits().pool(real)
    assert (len(digits.train), len(digits.test)) == (30_000, 5_000)
    pairs = DigitPairs(train_per_class=20, test_per_class=10).pool(real)
    assert pairs.image_shape == (56, 56)
    assert not pairs.train.images[:, [*range(14), *range(42, 56)]].any()
    sources = {image.tobytes() for image in digits.test.images}
    halves = {np.ascontiguousarray(h).tobytes() for i in pairs.test.images[:, 14:42] for h in (i[:, :28], i[:, 28:])}
    assert halves <= sources
