"""The images of a run: those that are learned, and those of unknown classes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from ..data.images import Images
from ..data.item_sets import item_set
from ..data.items import ItemSet, Pool
from ..data.labelled_images import image_digests
from ..data.uniform_images import Color
from ..protocols import Protocol


def items_of_run(
    protocol: Protocol,
    items: ItemSet | str | None,
    images: str | os.PathLike[str] | None,
    size: int | None,
    strict: bool,
) -> ItemSet:
    """The item set of a run: the protocol's, or what the user gives in its place.

    Parameters
    ----------
    protocol : Protocol
    items : ItemSet or str, optional
        In the place of the protocol's.
    images : path, optional
        The user's images: short for the item set ``images`` with this path.
    size : int, optional
        Height and width to which every image is brought.
    strict : bool
        Whether files that cannot be used are refused and not left out.

    Raises
    ------
    ValueError
        Both are given, or the item set has no such option.

    Examples
    --------
    >>> from engram.protocols import load
    >>> items_of_run(load("class-incremental-5"), None, None, None, False)
    Digits(source='auto')
    """
    options: dict[str, Any] = ({} if size is None else {"size": size}) | ({"strict": True} if strict else {})
    if images is not None:
        if items is not None:
            raise ValueError("found both items and images; give one: images is short for the item set images")
        items, options = "images", {"path": str(Path(images).resolve()), **options}
    if isinstance(items, ItemSet):
        if options:
            raise ValueError(
                f"{' and '.join(options)}: set them on the item set itself, such as {type(items).__name__}(…)"
            )
        return items
    own = protocol.items.options if items in (None, protocol.items.set) else {}
    return item_set(items or protocol.items.set, **{**own, **options})


def taught_domains(pool: Pool) -> tuple[str, ...]:
    """Names of the domains of which there are images to learn; others are for the tests.

    Parameters
    ----------
    pool : Pool

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> import numpy as np
    >>> from engram.data.items import ImagePart
    >>> blank, class_0 = np.zeros((2, 4, 4), np.uint8), np.array([0, 0])
    >>> train, test = (ImagePart(blank, class_0, np.array(domains)) for domains in ([0, 2], [1, 1]))
    >>> taught_domains(Pool("x", ("a",), train, test, "made here", domains=("dawn", "noon", "dusk")))
    ('dawn', 'dusk')
    """
    if pool.train.domains is None:
        return ()
    return tuple(pool.domains[number] for number in np.unique(pool.train.domains))


def unknown_images(path: str | None, pool: Pool, strict: bool = False) -> Pool | None:
    """Images of classes that are never taught, in the form of those that are.

    Parameters
    ----------
    path : str or None
        Folder or file, as the item set ``images`` reads it.
    pool : Pool
        What is taught.
    strict : bool
        Whether files that cannot be used are refused and not left out.

    Raises
    ------
    ValueError
        The images cannot be used, or the pool's are not square.
    FileNotFoundError
        There is no such folder or file.
    """
    if path is None:
        return None
    height, width = pool.image_shape[:2]
    if height != width:
        raise ValueError(
            f"unknown images are brought to the size of the items, which are {width} × {height}, not square"
        )
    options: dict[str, Any] = {"strict": True} if strict else {}
    color: Color = "rgb" if len(pool.image_shape) == 3 else "grey"
    return Images(path=path, size=height, color=color, **options).pool()


def refuse_taught(unknown: Pool | None, pool: Pool) -> None:
    """Refuse images of unknown classes that are images of the items, too.

    Parameters
    ----------
    unknown : Pool or None
    pool : Pool
        What is taught.

    Raises
    ------
    ValueError
        One is.
    """
    if unknown is None:
        return
    taught = {digest for part in (pool.train, pool.test) for digest in image_digests(part.images)}
    found = [digest in taught for part in (unknown.train, unknown.test) for digest in image_digests(part.images)]
    if any(found):
        raise ValueError(
            f"unknown: {sum(found):,} of {len(found):,} images of {unknown.source} are images of the items, too; give "
            "images of classes that are never taught"
        )


def check_unknown(protocol: Protocol, unknown: str | None) -> None:
    """Refuse images of unknown classes that no probe would show.

    Raises
    ------
    ValueError
        There are some, and the protocol tests none.
    """
    if unknown is not None and "unknown-items" not in protocol.abilities():
        raise ValueError(
            f'unknown: found {unknown}, but no probe of the protocol "{protocol.name}" tests unknown classes; '
            "write unknown: true in one, or leave the images out"
        )
