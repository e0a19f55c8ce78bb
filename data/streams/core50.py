"""CORe50's folders: sessions, objects, frames (Lomonaco & Maltoni 2017, arXiv 1705.03550)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from ..places import Place

Core50Classes = Literal["categories", "objects"]

CATEGORIES = (
    "plug adapters",
    "mobile phones",
    "scissors",
    "light bulbs",
    "cans",
    "glasses",
    "balls",
    "markers",
    "cups",
    "remote controls",
)
"""Of five objects each, in the order of the objects."""

TEST_SESSIONS = (3, 7, 10)

_FRAME = re.compile(r"(?:^|/)s([0-9]{1,2})/o([0-9]{1,2})/C_[0-9]+_[0-9]+_[0-9]+\.[A-Za-z]+$")
_OBJECTS = frozenset(f"o{number}" for number in range(1, 51))
_SESSIONS = frozenset(f"s{number}" for number in range(1, 12))


def is_core50(paths: Sequence[str]) -> bool:
    """Whether all paths are those of CORe50.

    Examples
    --------
    >>> is_core50(["core50_128x128/s1/o7/C_01_07_000.png"]), is_core50(["s1/o7/1.png"])
    (True, False)
    """
    return bool(paths) and all(_FRAME.search(path) for path in paths)


def core50_places(paths: Sequence[str]) -> list[Place]:
    """Part, object and session of CORe50's frames: sessions 3, 7 and 10 are for the test, as in the paper.

    Parameters
    ----------
    paths : sequence of str
        Paths of which `is_core50` holds.

    Returns
    -------
    list of Place
        With objects as classes and sessions as domains.

    Raises
    ------
    ValueError
        If an object or a session is not one of CORe50's.

    Examples
    --------
    >>> core50_places(["s3/o7/C_03_07_000.png"])
    [Place(part='test', label='o7', domain='s3')]
    """
    places = []
    for path in paths:
        found = _FRAME.search(path)
        session, thing = (int(number) for number in found.groups()) if found else (0, 0)
        place = Place("test" if session in TEST_SESSIONS else "train", f"o{thing}", f"s{session}")
        if place.label not in _OBJECTS or place.domain not in _SESSIONS:
            raise ValueError(f"{path}: CORe50 has sessions s1 to s11 and objects o1 to o50")
        places.append(place)
    return places


def categories_of(labels: Sequence[str], domains: Sequence[str] | None) -> Sequence[str]:
    """Categories in the place of CORe50's objects; labels of any other set come back as they are.

    Examples
    --------
    >>> categories_of(["o1", "o50"], ["s1", "s2"]), categories_of(["o1", "x"], ["s1", "s2"])
    (['plug adapters', 'remote controls'], ['o1', 'x'])
    """
    if domains is None or not (set(labels) <= _OBJECTS and set(domains) <= _SESSIONS):
        return labels
    return [CATEGORIES[(int(label[1:]) - 1) // 5] for label in labels]
