"""IDX files in pairs, images and labels, under the names that MNIST gave them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from .idx import read_idx
from .items import ImagePart
from .wording import counted

MnistPart = Literal["train", "t10k"]

_PARTS: tuple[MnistPart, ...] = ("train", "t10k")
_PACKED = ("", ".gz")
_KINDS = {"images": "idx3-ubyte", "labels": "idx1-ubyte"}


def find_idx(folders: Sequence[Path]) -> Path | None:
    """First of the folders that holds a file of MNIST's names.

    Examples
    --------
    >>> find_idx([Path("no-such-folder")]) is None
    True
    """
    return next((folder for folder in folders if any(has_idx_part(folder, part) for part in _PARTS)), None)


def idx_files(folder: Path) -> list[Path]:
    """Files of MNIST's names in a folder.

    Examples
    --------
    >>> idx_files(Path("no-such-folder"))
    []
    """
    names = (
        f"{part}-{kind}-{ending}{packed}" for part in _PARTS for kind, ending in _KINDS.items() for packed in _PACKED
    )
    return [path for name in names if (path := folder / name).is_file()]


def has_idx_part(folder: Path, part: MnistPart) -> bool:
    """Whether a folder holds images or labels of a part.

    Examples
    --------
    >>> has_idx_part(Path("no-such-folder"), "train")
    False
    """
    return any(_file(folder, part, kind) for kind in _KINDS)


def idx_pair(folder: Path, part: MnistPart) -> tuple[Path, Path]:
    """Files of a part: images and labels.

    Parameters
    ----------
    folder : path
        Holds ``train-images-idx3-ubyte`` and ``train-labels-idx1-ubyte``, or the same with ``t10k``, plain or ``.gz``.
    part : {"train", "t10k"}

    Returns
    -------
    tuple of path

    Raises
    ------
    FileNotFoundError
        If one of the two is missing.
    """
    images, labels = _file(folder, part, "images"), _file(folder, part, "labels")
    if images is None or labels is None:
        missing = [f"{part}-{kind}-{ending}[.gz]" for kind, ending in _KINDS.items() if not _file(folder, part, kind)]
        raise FileNotFoundError(f"{folder}: no file {' and no file '.join(missing)}")
    return images, labels


def labels_beside(images_path: Path) -> Path:
    """File of labels that belongs to a file of images: the same name with "labels" and "idx1".

    Raises
    ------
    FileNotFoundError
        If there is none.
    """
    name = images_path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for labels in (images_path.with_name(name), images_path.with_name(f"{name}.gz")):
        if labels.is_file() and labels != images_path:
            return labels
    raise FileNotFoundError(
        f"{images_path}: no file of labels ({name}[.gz]) beside this IDX file; is it one of images?"
    )


def read_idx_pair(images_path: Path, labels_path: Path) -> ImagePart:
    """Images and labels of an IDX pair.

    Parameters
    ----------
    images_path, labels_path : path
        Files of 3 dimensions [image, height, width] and of 1 dimension [image].

    Returns
    -------
    ImagePart

    Raises
    ------
    FileNotFoundError
        If one of the files is missing.
    ValueError
        If a file is damaged or has another number of dimensions, or images and labels differ in number.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    for path, array, wanted, what in ((images_path, images, 3, "images"), (labels_path, labels, 1, "labels")):
        if array.ndim != wanted:
            raise ValueError(
                f"{path}: {counted(array.ndim, 'dimension')}; {what} have {wanted}. "
                "Have images and labels changed places?"
            )
    if len(images) != len(labels):
        raise ValueError(f"{images_path} holds {len(images)} images but {labels_path} holds {len(labels)} labels")
    if images.size == 0:
        raise ValueError(f"{images_path}: no images")
    return ImagePart(images, labels.astype(np.int64))


def _file(folder: Path, part: MnistPart, kind: str) -> Path | None:
    names = [f"{part}-{kind}{joint}{_KINDS[kind]}{ending}" for joint in "-." for ending in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)
