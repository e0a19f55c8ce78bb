"""Anyone's images: a folder by class, an archive, a pack, IDX, npz or HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from .class_folders import warn_of_files
from .items import ImagePart, ItemSet, Pool
from .labelled_images import LabelledImages, split_by_image, warn_of_two_labels, without_test_images
from .places import by_number
from .seeds import child_rng
from .streams.core50 import Core50Classes, categories_of
from .streams.reader import ImageReader
from .streams.recognition import ReadImages, Reading, read_images
from .uniform_images import Color, uniform_images
from .wording import at_most, counted


class Images(ItemSet):
    """Images by class from a folder or file; what it is, is seen from its content.

    - a folder with ``class/image.png``, or with ``train/class/image.png`` and ``test/class/image.png``
      (``val`` is the test part where there is no ``test``, and is left out where there is one);
    - a tar archive of the same, plain or packed by gzip, xz or bzip2, or a folder of such archives;
    - a folder with MNIST's IDX files, or one IDX file of images with its labels beside it;
    - an npz file in MedMNIST's layout, or a folder of several, whose classes are joined;
    - a folder made by ``engram pack``, or an HDF5 file with ``images`` and ``labels``; more than 1 GiB of pixels are
      read when they are needed and not held;
    - CORe50's folders, with sessions as domains, of which 3, 7 and 10 are for the test.

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
    domains : {"none", "folders"}
        ``folders``: the outermost of the folders that name a class is its domain: ``sketch/cat/image.png``.
    core50 : {"categories", "objects"}
        What the classes of CORe50 are: ten categories, or fifty objects, of which five make a category.
    strict : bool
        Refuse files that cannot be used. By default they are skipped, counted and named in a warning.

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
    domains: Literal["none", "folders"] = "none"
    core50: Core50Classes = "categories"
    strict: bool = False

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
            If the whole is damaged, files cannot be used (they are named) and none is left or `strict`, a limit is
            exceeded, images differ in size and no `size` is given, a class lacks training or test images, or training
            images are test images too.

        Warns
        -----
        UserWarning
            If files are skipped because they cannot be used, or left out because they are no images by their names,
            an image is in two classes, or a training image is a test image too (it is left out).
        """
        if self.path == "." and data_dir is None:
            raise ValueError("item set images: no images given; name their folder or file with --images (images=...)")
        path = _located(self.path, data_dir)
        test_path = None if self.test_path is None else _located(self.test_path, data_dir)
        given, origin, found = self._parts(path, test_path)
        where = str(path)
        for one in found:
            warn_of_files(one.where, one.faults, one.left_out)
        skipped = sum(one.skipped for one in found)
        images = self._uniform(given, where)
        labels = [self._labels(part) for part in given]
        warn_of_two_labels(images, labels, [part.names for part in given], where)

        classes, numbers = _numbered(labels)
        domains, domain_numbers = _numbered([part.domains for part in given if part.domains is not None])
        parts = [
            ImagePart(array, number, domain_numbers[place] if domains else None)
            for place, (array, number) in enumerate(zip(images, numbers, strict=True))
        ]
        if len(parts) == 2:
            train, test = parts
            train = without_test_images(train, test, where, (given[0].names, given[1].names))
        else:
            train, test = self._split(parts[0], classes, domains, seed, where)
            origin += f", split by seed {seed}"
        if skipped:
            origin += f", {counted(skipped, 'file')} skipped"
        return Pool(self.name, tuple(classes), train, test, origin, tuple(domains), skipped)

    def _labels(self, part: LabelledImages) -> Sequence[str]:
        return categories_of(part.labels, part.domains) if self.core50 == "categories" else part.labels

    def _uniform(self, given: Sequence[LabelledImages], where: str) -> list[NDArray[np.uint8] | ImageReader]:
        readers = [part.images for part in given if isinstance(part.images, ImageReader)]
        if len(readers) == len(given):
            return [*readers]
        held = [np.asarray(part.images) if isinstance(part.images, ImageReader) else part.images for part in given]
        try:
            return [*uniform_images(held, self.size, self.color)]
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None

    def _split(
        self, part: ImagePart, classes: list[str], domains: list[str], seed: int, where: str
    ) -> tuple[ImagePart, ImagePart]:
        """A share of each class, of each domain where there are domains, for the test."""
        groups, names = part.labels, classes
        if part.domains is not None:
            groups, names = part.labels * len(domains) + part.domains, [f"{c} of {d}" for c in classes for d in domains]
            there, groups = np.unique(groups, return_inverse=True)
            names = [names[number] for number in there]
        rng = child_rng(seed, "pool", self.name, "split")
        try:
            is_test = split_by_image(part.images, groups, names, self.train_fraction, rng)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        return part.some(~is_test), part.some(is_test)

    def _parts(self, path: Path, test_path: Path | None) -> tuple[list[LabelledImages], str, list[ReadImages]]:
        found = self._read(path)
        parts = found.parts
        if test_path is not None:
            other = self._read(test_path)
            for file, held in ((path, parts), (test_path, other.parts)):
                if len(held) > 1:
                    raise ValueError(f"{file}: holds the parts {at_most(held)} itself; leave test_path out")
            both = [*parts.values(), *other.parts.values()]
            return both, f"{path}, tested with {test_path}", [found, other]
        if len(parts) == 1:
            return [*parts.values()], str(path), [found]
        if "train" not in parts:
            raise ValueError(f"{path}: the parts are {at_most(parts)}; expected train and test")
        if "test" in parts:
            origin = f"{path}{', without val' if 'val' in parts else ''}"
            return [parts["train"], parts["test"]], origin, [found]
        return [parts["train"], parts["val"]], f"{path}, tested with val", [found]

    def _read(self, path: Path) -> ReadImages:
        return read_images(path, Reading(self.size, self.color, self.strict, self.domains == "folders"))


def _numbered(labels: Sequence[Sequence[str]]) -> tuple[list[str], list[NDArray[np.int64]]]:
    """Names in order, and the number of each label among them, part by part."""
    names = sorted({label for part in labels for label in part}, key=by_number)
    number_of = {name: number for number, name in enumerate(names)}
    return names, [np.array([number_of[label] for label in part], np.int64) for part in labels]


def _located(path: str, data_dir: str | PathLike[str] | None) -> Path:
    located = Path(path) if data_dir is None else Path(data_dir) / path
    if not located.exists():
        raise FileNotFoundError(f"{located}: no such folder or file")
    return located
