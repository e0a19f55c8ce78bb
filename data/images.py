"""Anyone's images: a folder by class, an IDX pair, an npz file, a tar archive."""

from __future__ import annotations

import lzma
import warnings
import zlib
from os import PathLike, fspath
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field, field_validator

from .class_folders import ImageCollection, read_image_folder
from .idx import looks_like_idx
from .idx_pairs import find_idx, has_idx_part, idx_pair, labels_beside, read_idx_pair
from .items import ImagePart, ItemSet, Pool
from .labelled_images import LabelledImages, Part, split_by_image, warn_of_two_labels, without_test_images
from .npz import read_npz_parts
from .seeds import child_rng
from .tars import read_image_tar, unpacked
from .uniform_images import Color, uniform_images
from .wording import at_most, counted


class Images(ItemSet):
    """Images by class from a folder or file; what it is, is seen from its content.

    - a folder with ``class/image.png``, or with ``train/class/image.png`` and ``test/class/image.png``
      (``val`` is the test part where there is no ``test``, and is left out where there is one);
    - a tar archive of the same, plain or packed by gzip, xz or bzip2;
    - a folder with MNIST's IDX files, or one IDX file of images with its labels beside it;
    - an npz file in MedMNIST's layout.

    Parameters
    ----------
    path : str
        Folder or file. A relative path starts at the data folder if one is given; by default it is that folder itself.
    test_path : str, optional
        Second folder or file that holds the test images; `path` then holds the training images.
    train_fraction : float
        Share of the images of each class that is for training, where the files tell no parts.
    size : int, optional
        Height and width to bring every image to: its centre square, resized. Needed if the images differ in size.
    color : {"auto", "grey", "rgb"}
        ``auto`` is ``rgb`` if any image has colour.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> root = Path(tempfile.mkdtemp())
    >>> for name in ("dark", "light"):
    ...     (root / name).mkdir()
    ...     for number in range(5):
    ...         value = number + 200 * (name == "light")
    ...         Image.new("L", (4, 4), value).save(root / name / f"{number}.png")
    >>> pool = Images(path=root).pool()
    >>> pool.classes, pool.train_per_class.tolist(), pool.test_per_class.tolist()
    (('dark', 'light'), [4, 4], [1, 1])
    """

    name: ClassVar[str] = "images"
    path: str = "."
    test_path: str | None = None
    train_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.8
    size: Annotated[int, Field(ge=1, le=4096)] | None = None
    color: Color = "auto"

    @field_validator("path", "test_path", mode="before")
    @classmethod
    def _as_text(cls, value: Any) -> Any:
        return fspath(value) if isinstance(value, PathLike) else value

    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """All images of the files; `seed` decides on the split where the files tell no parts.

        Raises
        ------
        FileNotFoundError
            If there is no such folder or file.
        ValueError
            If files are damaged (they are named), a limit is exceeded, images differ in size and no `size` is given,
            a class lacks training or test images, or training images are test images too.

        Warns
        -----
        UserWarning
            If files are left out because they are no images by their names, an image is in two classes, or a
            training image is a test image too (it is left out).
        """
        if self.path == "." and data_dir is None:
            raise ValueError("item set images: no images given; name their folder or file with --data (data=...)")
        path = _located(self.path, data_dir)
        test_path = None if self.test_path is None else _located(self.test_path, data_dir)
        train, test, origin = self._parts(path, test_path)
        where = str(path)
        given = [train] if test is None else [train, test]
        try:
            arrays = uniform_images([part.images for part in given], self.size, self.color)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        warn_of_two_labels(arrays, [part.labels for part in given], [part.names for part in given], where)

        classes = sorted({label for part in given for label in part.labels}, key=_by_number)
        number_of = {name: number for number, name in enumerate(classes)}
        labels = [np.array([number_of[label] for label in part.labels], np.int64) for part in given]
        if test is not None:
            train_part, test_part = ImagePart(arrays[0], labels[0]), ImagePart(arrays[1], labels[1])
            train_part = without_test_images(train_part, test_part, where, (train.names, test.names))
        else:
            rng = child_rng(seed, "pool", self.name, "split")
            try:
                is_test = split_by_image(arrays[0], labels[0], classes, self.train_fraction, rng)
            except ValueError as error:
                raise ValueError(f"{where}: {error}") from None
            train_part = ImagePart(arrays[0][~is_test], labels[0][~is_test])
            test_part = ImagePart(arrays[0][is_test], labels[0][is_test])
            origin += f", split by seed {seed}"
        return Pool(self.name, tuple(classes), train_part, test_part, origin)

    def _parts(self, path: Path, test_path: Path | None) -> tuple[LabelledImages, LabelledImages | None, str]:
        parts = _read(path, self.size)
        if test_path is not None:
            test_parts = _read(test_path, self.size)
            for file, held in ((path, parts), (test_path, test_parts)):
                if len(held) > 1:
                    raise ValueError(f"{file}: holds the parts {at_most(held)} itself; leave test_path out")
            (train,), (test,) = parts.values(), test_parts.values()
            return train, test, f"{path}, tested with {test_path}"
        if len(parts) == 1:
            return next(iter(parts.values())), None, str(path)
        if "train" not in parts:
            raise ValueError(f"{path}: the parts are {at_most(parts)}; expected train and test")
        if "test" in parts:
            return parts["train"], parts["test"], f"{path}{', without val' if 'val' in parts else ''}"
        return parts["train"], parts["val"], f"{path}, tested with val"


def _located(path: str, data_dir: str | PathLike[str] | None) -> Path:
    located = Path(path) if data_dir is None else Path(data_dir) / path
    if not located.exists():
        raise FileNotFoundError(f"{located}: no such folder or file")
    return located


def _by_number(name: str) -> tuple[int, str]:
    return (int(name), name) if name.isascii() and name.isdigit() and len(name) < 20 else (-1, name)


def _read(path: Path, size: int | None) -> dict[Part, LabelledImages]:
    if path.is_dir():
        return _told(read_image_folder(path, size)) if find_idx([path]) is None else _read_idx_folder(path)
    if not path.is_file():
        raise ValueError(f"{path}: neither a folder nor a plain file")
    start = _start(path)
    if start.startswith(b"PK"):
        return read_npz_parts(path)
    if looks_like_idx(start):
        return {"all": _labelled(read_idx_pair(path, labels_beside(path)), "image")}
    if start[257:262] == b"ustar" or ".tar" in path.suffixes:
        return _told(read_image_tar(path, size))
    raise ValueError(f"{path}: by its content neither an IDX file, nor npz, nor tar; expected one of these or a folder")


def _read_idx_folder(folder: Path) -> dict[Part, LabelledImages]:
    parts: dict[Part, LabelledImages] = {
        "train": _labelled(read_idx_pair(*idx_pair(folder, "train")), "training image")
    }
    if has_idx_part(folder, "t10k"):
        parts["test"] = _labelled(read_idx_pair(*idx_pair(folder, "t10k")), "test image")
    return parts


def _start(path: Path) -> bytes:
    try:
        with unpacked(path) as stream:
            start = stream.read(512)
    except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
        raise ValueError(f"{path}: cannot be read, damaged or cut short ({error})") from None
    if not start:
        raise ValueError(f"{path}: the file is empty")
    return start


def _labelled(part: ImagePart, called: str) -> LabelledImages:
    return LabelledImages(
        part.images, [str(label) for label in part.labels], [f"{called} {number}" for number in range(len(part))]
    )


def _told(collection: ImageCollection) -> dict[Part, LabelledImages]:
    parts = collection.by_part()
    if collection.left_out:
        named = at_most(collection.left_out)
        warnings.warn(
            f"{collection.where}: {counted(len(collection.left_out), 'file')} left out, no image by its name: {named}",
            stacklevel=5,
        )
    return parts
