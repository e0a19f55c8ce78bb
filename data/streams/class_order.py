"""The order in which classes come: drawn for each subject, as listed, customary, or by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..wording import at_most, nearest, one_of

ClassOrder: TypeAlias = str | tuple[str, ...]
"""``shuffled``, ``listed``, ``seed-1993``, or names of classes."""

_WORDS = ("shuffled", "listed", "seed-1993")


def class_order(
    names: Sequence[str], order: ClassOrder, count: int, rng: np.random.Generator, where: str
) -> NDArray[np.int64]:
    """Which class fills which slot.

    Parameters
    ----------
    names : sequence of str
        All classes, in the order of their numbers.
    order : {"shuffled", "listed", "seed-1993"} or tuple of str
        ``shuffled`` draws from `rng`. ``listed`` is the order of `names`. ``seed-1993`` is the customary order of
        class-incremental learning on CIFAR-100 and ImageNet-100 (``numpy.random.seed(1993); permutation(classes)``).
        Names: these classes, the first `count` of them.
    count : int
        Number of slots, at most as many as there are classes.
    rng : numpy.random.Generator
        Is drawn from whatever the order is, so that what is drawn after it does not depend on the order.
    where : str
        Item set, for messages.

    Returns
    -------
    int64 array, [slot]

    Raises
    ------
    ValueError
        If a name is unknown or comes twice, or there are fewer names than slots.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> class_order(["ant", "bee", "cat"], ("cat", "ant"), 2, rng, "pets")
    array([2, 0])
    >>> class_order([str(n) for n in range(100)], "seed-1993", 5, rng, "CIFAR-100")
    array([68, 56, 78,  8, 23])
    """
    shuffled = rng.permutation(len(names))[:count]
    if isinstance(order, str):
        if order == "shuffled":
            return shuffled
        if order == "listed":
            return np.arange(count)
        if order == "seed-1993":
            return np.random.RandomState(1993).permutation(len(names))[:count].astype(np.int64)
        raise ValueError(
            f'order of classes "{order}": expected {one_of(_WORDS)}, or a list of names.{nearest(order, _WORDS)}'
        )
    repeated = [name for name, times in Counter(order).items() if times > 1]
    if repeated:
        raise ValueError(f"the list of classes names {at_most(repeated)} more than once")
    number_of = {name: number for number, name in enumerate(names)}
    unknown = [name for name in order if name not in number_of]
    if unknown:
        raise ValueError(
            f'{where} has no class "{unknown[0]}" ({len(unknown)} of {len(order)} names are unknown).'
            f"{nearest(unknown[0], names)} Known: {at_most(names)}"
        )
    if len(order) < count:
        raise ValueError(f"{count} items asked for, but the list of classes names {len(order)}")
    return np.array([number_of[name] for name in order[:count]], np.int64)
