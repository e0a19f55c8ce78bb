"""Handwritten digits, one by one and as the two-digit images of Cho et al. (2025)."""

from __future__ import annotations

from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .idx_pairs import find_idx, idx_pair, read_idx_pair
from .items import ImagePart, ItemSet, Pool
from .labelled_images import without_test_images
from .seeds import child_rng
from .uniform_images import MAX_DECODED_BYTES

Source = Literal["auto", "sklearn", "idx"]

_SKLEARN_TEST_SHARE = 0.25
_SKLEARN_COMPOSITES = (300, 200)
_IDX_COMPOSITES = (2000, 1000)  # as in the paper


class Digits(ItemSet):
    """The ten digits, 0 to 9.

    Parameters
    ----------
    source : {"auto", "sklearn", "idx"}
        ``sklearn``: the 1,797 images of 8 × 8 pixels that come with scikit-learn, split 3 : 1 into train and test
        within each class, always in the same way. ``idx``: MNIST-style IDX files in the data folder or in its
        subfolder ``mnist``. ``auto``: ``idx`` if a data folder is given, else ``sklearn``.

    Examples
    --------
    >>> pool = Digits().pool()
    >>> pool.image_shape, len(pool.train), len(pool.test)
    ((8, 8), 1347, 450)
    """

    name: ClassVar[str] = "digits"
    source: Source = "auto"

    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """All digits, whatever the seed. Raises FileNotFoundError if the data folder holds no IDX files."""
        train, test, origin = _digits(self.source, data_dir)
        return Pool(self.name, tuple("0123456789"), train, test, origin)


class DigitPairs(ItemSet):
    """The 45 two-digit images "ij" with i < j: two digits side by side, centred in a black square.

    The composites of a class are drawn once from `seed`, from the training digits for the training part and from the
    test digits for the test part; a pair of images comes twice only when there are fewer pairs than composites.

    Parameters
    ----------
    source : {"auto", "sklearn", "idx"}
        As in `Digits`. Digits of 8 × 8 pixels give composites of 16 × 16, digits of 28 × 28 of 56 × 56.
    train_per_class, test_per_class : int or None
        Composites per class. None: 2,000 and 1,000 from IDX files, as in the paper, 300 and 200 from scikit-learn.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190, doi:10.1016/j.neunet.2025.107762.

    Examples
    --------
    >>> pool = DigitPairs(train_per_class=20, test_per_class=10).pool()
    >>> pool.train.images.shape, len(pool.test), pool.classes[:3]
    ((900, 16, 16), 450, ('01', '02', '03'))
    """

    name: ClassVar[str] = "digit-pairs"
    source: Source = "auto"
    train_per_class: Annotated[int, Field(ge=1)] | None = None
    test_per_class: Annotated[int, Field(ge=1)] | None = None

    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """Composites drawn from `seed`. Raises FileNotFoundError if the data folder holds no IDX files."""
        train, test, origin = _digits(self.source, data_dir)
        defaults = _SKLEARN_COMPOSITES if _is_sklearn(self.source, data_dir) else _IDX_COMPOSITES
        return Pool(
            self.name,
            tuple(f"{left}{right}" for left, right in combinations(range(10), 2)),
            compose_pairs(train, self.train_per_class or defaults[0], child_rng(seed, "pool", self.name, "train")),
            compose_pairs(test, self.test_per_class or defaults[1], child_rng(seed, "pool", self.name, "test")),
            f"pairs, seed {seed}, of {origin}",
        )


def compose_pairs(digits: ImagePart, per_class: int, rng: np.random.Generator) -> ImagePart:
    """Two digits side by side, centred in a black square, for every pair of digits i < j.

    Parameters
    ----------
    digits : ImagePart
        Single digits, [image, height, width], labels 0 to 9.
    per_class : int
        Composites per pair.
    rng : numpy.random.Generator

    Returns
    -------
    ImagePart
        Sorted by class, in the order 01, 02, ... 09, 12, ... 89.

    Raises
    ------
    ValueError
        If the composites take more than `MAX_DECODED_BYTES`.

    Examples
    --------
    >>> ten = ImagePart(np.arange(1, 11, dtype=np.uint8).reshape(10, 1, 1), np.arange(10))
    >>> pairs = compose_pairs(ten, 1, np.random.default_rng(0))
    >>> pairs.images[0].tolist()
    [[1, 2], [0, 0]]
    """
    height, width = digits.images.shape[1:]
    side = max(height, 2 * width)
    top, left = (side - height) // 2, (side - 2 * width) // 2
    pairs = list(combinations(range(10), 2))
    if len(pairs) * per_class * side * side > MAX_DECODED_BYTES:
        raise ValueError(
            f"{per_class:,} composites of each of {len(pairs)} pairs, {side} × {side} pixels, take more than the "
            f"{MAX_DECODED_BYTES:,} bytes that are held"
        )
    images = np.zeros((len(pairs) * per_class, side, side), np.uint8)
    for number, (first, second) in enumerate(pairs):
        firsts, seconds = digits.of_class(first), digits.of_class(second)
        chosen = _without_repeats(len(firsts) * len(seconds), per_class, rng)
        field = images[number * per_class : (number + 1) * per_class, top : top + height]
        field[:, :, left : left + width] = digits.images[firsts[chosen // len(seconds)]]
        field[:, :, left + width : left + 2 * width] = digits.images[seconds[chosen % len(seconds)]]
    return ImagePart(images, np.repeat(np.arange(len(pairs)), per_class))


def _without_repeats(available: int, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Numbers below `available`, each as often as any other but for one."""
    rounds = [np.arange(available)] * (wanted // available)
    return np.concatenate([*rounds, rng.choice(available, wanted % available, replace=False)])


def _is_sklearn(source: Source, data_dir: str | PathLike[str] | None) -> bool:
    return source == "sklearn" or (source == "auto" and data_dir is None)


def _digits(source: Source, data_dir: str | PathLike[str] | None) -> tuple[ImagePart, ImagePart, str]:
    if _is_sklearn(source, data_dir):
        return *_sklearn_digits(), "scikit-learn's digits"
    if data_dir is None:
        raise ValueError("digits from IDX files need a data folder: give --data DIR or set ENGRAM_DATA")
    folder = Path(data_dir)
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; expected one with MNIST's IDX files")
    found = find_idx([folder, folder / "mnist"])
    if found is None:
        raise FileNotFoundError(
            f"{folder}: no train-images-idx3-ubyte[.gz], here or in {folder / 'mnist'}. "
            "For the digits that come with scikit-learn give no data folder, or source: sklearn"
        )
    train, test = read_idx_pair(*idx_pair(found, "train")), read_idx_pair(*idx_pair(found, "t10k"))
    for part, role in ((train, "training"), (test, "test")):
        if part.labels.max() > 9:
            raise ValueError(f"{found}: a {role} label is {part.labels.max()}; digits are labelled 0 to 9")
        lacking = sorted(set(range(10)) - set(part.labels.tolist()))
        if lacking:
            raise ValueError(f"{found}: no {role} images of digit {', '.join(map(str, lacking))}")
    return without_test_images(train, test, str(found)), test, f"IDX files in {found}"


def _sklearn_digits() -> tuple[ImagePart, ImagePart]:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    labels = bunch.target.astype(np.int64)
    rng = child_rng(0, "pool", "digits", "split")
    is_test = np.zeros(len(labels), bool)
    for digit in range(10):
        members = rng.permutation(np.flatnonzero(labels == digit))
        is_test[members[: round(_SKLEARN_TEST_SHARE * len(members))]] = True
    return ImagePart(images[~is_test], labels[~is_test]), ImagePart(images[is_test], labels[is_test])
