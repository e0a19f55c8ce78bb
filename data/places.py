"""Where an image belongs: its part, its class, its domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Literal, NamedTuple

from .wording import at_most, counted

Part = Literal["train", "val", "test", "all"]

_PART_OF_FOLDER: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class Place(NamedTuple):
    """Part, class and domain of an image; part ``all`` where nothing tells parts, no domain where there are none.

    Examples
    --------
    >>> Place("train", "cat")
    Place(part='train', label='cat', domain=None)
    """

    part: Part
    label: str
    domain: str | None = None


def fault_of_names(names: Sequence[str]) -> str:
    """What is wrong with names of classes or domains, in words; empty if nothing is.

    Examples
    --------
    >>> fault_of_names(["cat", "dog"]), fault_of_names(["cat", ""]), fault_of_names(["cat", "cat"])
    ('', "'', which is no name", "'cat' more than once")
    """
    for name in names:
        if not name or not name.isprintable():
            return f"{name!a}, which is no name"
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    return "" if twice is None else f"{twice!a} more than once"


def part_and_class(paths: Sequence[str]) -> list[tuple[Part, str]]:
    """Part and class of images, from the folders they lie in.

    The class is the folder (or folders, joined by "/") below what all images have in common and below ``train``,
    ``val`` or ``test``, if all images lie below one of these.

    Parameters
    ----------
    paths : sequence of str
        Paths of images, with "/".

    Returns
    -------
    list of (part, class)
        With part ``all`` if the folders tell no parts.

    Raises
    ------
    ValueError
        If an image lies in no folder, a folder holds images as well as folders with images, or only some lie below
        ``train``, ``val`` or ``test``.

    Examples
    --------
    >>> part_and_class(["set/train/cat/1.png", "set/test/cat/1.png"])
    [('train', 'cat'), ('test', 'cat')]
    >>> part_and_class(["greek/alpha/1.png", "latin/a/1.png"])
    [('all', 'greek/alpha'), ('all', 'latin/a')]
    """
    folders = [tuple(path.split("/")[:-1]) for path in paths]
    loose = [path for path, folder in zip(paths, folders, strict=True) if not folder]
    if loose:
        raise ValueError(f"images outside of any class folder: {at_most(loose)}; expected class/image.png")
    shared = _shared_depth([folder[:-1] for folder in folders])
    folders = [folder[shared:] for folder in folders]
    _refuse_mixed_depth(set(folders))

    parts = [_PART_OF_FOLDER.get(folder[0].lower()) if len(folder) > 1 else None for folder in folders]
    if all(parts):
        return [(part, "/".join(folder[1:])) for part, folder in zip(parts, folders, strict=True) if part]
    if {"train", "test"} <= set(parts) or {"train", "val"} <= set(parts):
        others = sorted({folder[0] for folder, part in zip(folders, parts, strict=True) if part is None})
        raise ValueError(f"some images lie below train and test, others below {at_most(others)}")
    return [("all", "/".join(folder)) for folder in folders]


def place_by_folder(paths: Sequence[str]) -> list[Place]:
    """Part and class of images from the folders they lie in, without domains (see `part_and_class`).

    Examples
    --------
    >>> place_by_folder(["train/cat/1.png", "test/cat/1.png"])[1]
    Place(part='test', label='cat', domain=None)
    """
    return [Place(part, label) for part, label in part_and_class(paths)]


def place_by_domain(paths: Sequence[str]) -> list[Place]:
    """The same where the outermost of the class's folders is the domain: ``photo/cat/1.png``.

    Raises
    ------
    ValueError
        If the class is one folder only.

    Examples
    --------
    >>> place_by_domain(["photo/cat/1.png", "sketch/cat/1.png"])[1]
    Place(part='all', label='cat', domain='sketch')
    """
    places = []
    for path, (part, label) in zip(paths, part_and_class(paths), strict=True):
        domain, slash, label = label.partition("/")
        if not slash:
            raise ValueError(f"{path} lies in one folder only; expected domain/class/image.png")
        places.append(Place(part, label, domain))
    return places


def _shared_depth(folders: Sequence[tuple[str, ...]]) -> int:
    first, last = min(folders), max(folders)  # what these two share, all between them share
    differs = (depth for depth, (a, b) in enumerate(zip(first, last, strict=False)) if a != b)
    return next(differs, min(len(first), len(last)))


def _refuse_mixed_depth(folders: set[tuple[str, ...]]) -> None:
    for folder in sorted(folders):
        for depth in range(1, len(folder)):
            if folder[:depth] in folders:
                raise ValueError(
                    f'folder "{"/".join(folder[:depth])}" holds images as well as a folder with images '
                    f'("{"/".join(folder)}"); is it one class or several?'
                )


def place_by_labels(paths: Sequence[str], labels: Mapping[str, str]) -> list[Place]:
    """Classes from what stands beside the images, ``key.jpg`` and ``key.cls``; parts from the outermost folder.

    Raises
    ------
    ValueError
        If an image has no class beside it.

    Examples
    --------
    >>> place_by_labels(["train/0007.jpg"], {"train/0007": "cat"})
    [Place(part='train', label='cat', domain=None)]
    """
    stems = [str(PurePosixPath(path).with_suffix("")) for path in paths]
    lacking = [path for path, stem in zip(paths, stems, strict=True) if not labels.get(stem)]
    if lacking:
        raise ValueError(f"{counted(len(lacking), 'image')} without a class beside it: {at_most(lacking)}")
    parts = [_PART_OF_FOLDER.get(path.split("/")[0].lower()) for path in paths]
    told = all(parts)
    return [Place(part if told and part else "all", labels[stem]) for part, stem in zip(parts, stems, strict=True)]


def by_number(name: str) -> tuple[int, str]:
    """Key that sorts names, and numbers as numbers.

    Examples
    --------
    >>> sorted(["10", "9", "cat"], key=by_number)
    ['cat', '9', '10']
    """
    return (int(name), name) if name.isascii() and name.isdigit() and len(name) < 20 else (-1, name)
