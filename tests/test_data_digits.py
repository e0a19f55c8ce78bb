from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from engram.data import DigitPairs, Digits, ImagePart
from engram.data.digits import compose_pairs

PAIRS = [f"{i}{j}" for i, j in combinations(range(10), 2)]


def numbered_digits(per_digit, height=1, width=1):
    """Every image has one value, 10 × digit + copy + 1, so that a composite tells its sources."""
    values = np.array([10 * digit + copy + 1 for digit in range(10) for copy in range(per_digit)], np.uint8)
    images = np.broadcast_to(values[:, None, None], (len(values), height, width)).copy()
    return ImagePart(images, np.repeat(np.arange(10), per_digit))


def write_idx(path, array):
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())


def write_mnist(folder, train, test):
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", train), ("t10k", test)):
        write_idx(folder / f"{name}-images-idx3-ubyte", part.images)
        write_idx(folder / f"{name}-labels-idx1-ubyte", part.labels.astype(np.uint8))


def shifted(part, by):
    return ImagePart(part.images + np.uint8(by), part.labels)


def test_built_in_digits_are_scikit_learns_scaled_and_split_by_class():
    pool = Digits().pool()
    source = load_digits()
    assert pool.classes == tuple("0123456789")
    images = np.concatenate([pool.train.images, pool.test.images])
    labels = np.concatenate([pool.train.labels, pool.test.labels])
    as_scaled = {(round(v * 255 / 16), v) for v in range(17)}
    back = np.zeros(256, int)
    for scaled, value in as_scaled:
        back[scaled] = value
    found = Counter((label, image.tobytes()) for label, image in zip(labels, back[images], strict=True))
    expected = Counter(
        (label, image.tobytes()) for label, image in zip(source.target, source.images.astype(int), strict=True)
    )
    assert found == expected
    per_class = np.bincount(source.target)
    assert pool.test_per_class.tolist() == [round(n / 4) for n in per_class]


def test_built_in_parts_share_no_image():
    pool = Digits().pool()
    assert not {i.tobytes() for i in pool.train.images} & {i.tobytes() for i in pool.test.images}


def test_composite_is_two_digits_side_by_side_centred_in_black():
    pairs = compose_pairs(numbered_digits(1, height=2, width=2), 1, np.random.default_rng(0))
    assert pairs.images.shape == (45, 4, 4)
    assert pairs.images[PAIRS.index("37")].tolist() == [[0, 0, 0, 0], [31, 31, 71, 71], [31, 31, 71, 71], [0, 0, 0, 0]]


@pytest.mark.parametrize(("height", "width", "side"), [(28, 28, 56), (8, 8, 16), (5, 2, 5), (3, 1, 3)])
def test_square_holds_any_digit_size(height, width, side):
    pairs = compose_pairs(numbered_digits(1, height, width), 1, np.random.default_rng(0))
    assert pairs.images.shape == (45, side, side)
    composite = pairs.images[PAIRS.index("12")]
    assert (composite == 11).sum() == (composite == 21).sum() == height * width
    rows, columns = np.nonzero(composite)
    assert abs(rows.min() - (side - 1 - rows.max())) <= 1
    assert abs(columns.min() - (side - 1 - columns.max())) <= 1


def test_every_class_holds_its_own_digits():
    pairs = compose_pairs(numbered_digits(3), 4, np.random.default_rng(1))
    assert pairs.labels.tolist() == [number for number in range(45) for _ in range(4)]
    left, right = (pairs.images[:, 0, 0] - 1) // 10, (pairs.images[:, 0, 1] - 1) // 10
    assert [f"{a}{b}" for a, b in zip(left, right, strict=True)] == [PAIRS[n] for n in pairs.labels]


@pytest.mark.parametrize(("per_class", "times"), [(9, {1}), (5, {0, 1}), (18, {2}), (22, {2, 3})])
def test_pairs_of_images_repeat_only_when_used_up(per_class, times):
    pairs = compose_pairs(numbered_digits(3), per_class, np.random.default_rng(2))
    for number in range(45):
        seen = Counter(map(bytes, pairs.images[pairs.labels == number, 0]))
        assert set(seen.values()) | ({0} if len(seen) < 9 else set()) == times


def test_pool_of_pairs_depends_on_seed_and_source_only():
    few = DigitPairs(train_per_class=6, test_per_class=3)
    pool = few.pool(seed=4)
    assert pool.classes == tuple(PAIRS)
    assert pool.train_per_class.tolist() == [6] * 45
    assert pool.test_per_class.tolist() == [3] * 45
    assert few.pool(seed=4).identity == pool.identity
    assert few.pool(seed=5).identity != pool.identity


def test_sizes_of_the_built_in_pool():
    pool = DigitPairs().pool()
    assert pool.train.images.shape == (45 * 300, 16, 16)
    assert pool.test.images.shape == (45 * 200, 16, 16)


def test_parts_of_the_built_in_pairs_share_no_source_digit():
    single, pairs = Digits().pool(), DigitPairs(train_per_class=100, test_per_class=100).pool()
    sources = {part: {i.tobytes() for i in getattr(single, part).images} for part in ("train", "test")}
    for part in ("train", "test"):
        images = getattr(pairs, part).images[:, 4:12]
        halves = {half.tobytes() for image in images for half in (image[:, :8], image[:, 8:])}
        assert halves <= sources[part]


@pytest.mark.parametrize("subfolder", ["", "mnist"])
def test_idx_files_are_used_when_a_folder_is_given(tmp_path, subfolder):
    train, test = numbered_digits(3), shifted(numbered_digits(2), 5)
    write_mnist(tmp_path / subfolder, train, test)
    pool = Digits().pool(tmp_path)
    assert (pool.train.images == train.images).all()
    assert (pool.test.labels == test.labels).all()
    pairs = DigitPairs(source="idx", train_per_class=2, test_per_class=4).pool(tmp_path)
    assert set(np.unique(pairs.test.images)) == {0, *np.unique(test.images)}
    assert DigitPairs(source="sklearn").pool(tmp_path).image_shape == (16, 16)


def test_idx_pairs_have_the_papers_sizes_by_default(tmp_path):
    write_mnist(tmp_path, numbered_digits(2), shifted(numbered_digits(2), 5))
    pool = DigitPairs().pool(tmp_path)
    assert set(pool.train_per_class) == {2000}
    assert set(pool.test_per_class) == {1000}


def test_missing_idx_files_are_told(tmp_path):
    with pytest.raises(ValueError, match="need a data folder: give --data DIR or set ENGRAM_DATA"):
        Digits(source="idx").pool()
    with pytest.raises(FileNotFoundError, match=r"no train-images-idx3-ubyte.* source: sklearn"):
        Digits().pool(tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder"):
        DigitPairs().pool(tmp_path / "nowhere")
    write_mnist(tmp_path, numbered_digits(1), shifted(numbered_digits(1), 5))
    (tmp_path / "t10k-images-idx3-ubyte").unlink()
    with pytest.raises(FileNotFoundError, match=r"no file t10k-images-idx3-ubyte\[.gz\]"):
        Digits().pool(tmp_path)


def test_idx_files_that_are_no_digits_are_refused(tmp_path):
    train, test = numbered_digits(1), shifted(numbered_digits(1), 5)
    write_mnist(tmp_path, train, ImagePart(test.images, test.labels + 1))
    with pytest.raises(ValueError, match="a test label is 10; digits are labelled 0 to 9"):
        Digits().pool(tmp_path)
    write_mnist(tmp_path, ImagePart(train.images[2:], train.labels[2:]), test)
    with pytest.raises(ValueError, match="no training images of digit 0, 1"):
        Digits().pool(tmp_path)


def test_training_digit_that_is_a_test_digit_too_is_left_out_and_named(tmp_path):
    train, test = numbered_digits(3), shifted(numbered_digits(3), 5)
    test.images[4] = train.images[7]
    write_mnist(tmp_path, train, test)
    with pytest.warns(UserWarning, match="1 training image found .*training image 7 = test image 4"):
        pool = Digits().pool(tmp_path)
    assert len(pool.train) == 29
    assert len(pool.test) == 30


def test_more_composites_than_memory_holds_are_refused():
    with pytest.raises(ValueError, match="take more than the"):
        DigitPairs(train_per_class=10**9).pool()


def test_split_of_the_built_in_digits_depends_on_nothing():
    assert Digits().pool(seed=9).identity == Digits().pool(seed=0).identity
