"""Words for error messages."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, allowed: Iterable[str]) -> str:
    """Sentence part that names the nearest allowed word, or nothing.

    Examples
    --------
    >>> nearest("hybird", ["hybrid", "stable"])
    ' Did you mean "hybrid"?'
    >>> nearest("xyz", ["hybrid", "stable"])
    ''
    """
    match = get_close_matches(str(word), [str(a) for a in allowed], n=1, cutoff=0.6)
    return f' Did you mean "{match[0]}"?' if match else ""


def one_of(allowed: Iterable[str]) -> str:
    """Allowed words as a readable list.

    Examples
    --------
    >>> one_of(["wake", "sleep", "probe"])
    'wake, sleep or probe'
    """
    words = [str(a) for a in allowed]
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} or {words[-1]}"


def at_most(names: Iterable[str], limit: int = 10) -> str:
    """The first names of a list, and how many more there are.

    Examples
    --------
    >>> at_most(["a", "b", "c"], limit=2)
    'a, b and 1 more'
    >>> at_most(["a", "b"])
    'a, b'
    """
    words = [str(name) for name in names]
    more = f" and {len(words) - limit} more" if len(words) > limit else ""
    return ", ".join(words[:limit]) + more


def counted(count: int, noun: str) -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "image"), counted(2000, "image")
    ('1 image', '2,000 images')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
