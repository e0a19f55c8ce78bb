"""Which images teach one item, and with which labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def teaching_set(
    train: NDArray[np.int64], item: int, label: int, wrong: float, nontarget: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Images and labels of one presentation of one item.

    All training images of the item, with the label that the presentation gives it. With ``nontarget``, also
    round(images / (N - 1)) images of each other item, whose labels are spread evenly over the *other wrong* items:
    never the image's own label, never that of the presented item, and never the label that is being taught now, which
    is another one where an item is given a wrong label. They keep the output from collapsing on that label.

    Parameters
    ----------
    train : int64 array, [slot, image]
        The subject's training images, as indices into the pool.
    item, label : int
        Slot that is presented, and slot whose label it is given.
    wrong : float
        Share of the item's images whose label is drawn evenly from the items other than ``label``.
    nontarget : bool
        Whether to add the images of the other items; needs at least three items.
    rng : numpy.random.Generator

    Returns
    -------
    images : int64 array, [image]
        Indices into the pool's training part.
    labels : int64 array, [image]
        Slots.

    Notes
    -----
    Source: Cho et al. (2025), procedure for learning one item.

    Examples
    --------
    >>> train = np.arange(8).reshape(4, 2)  # four items of two images
    >>> images, labels = teaching_set(train, item=1, label=1, wrong=0.0, nontarget=True, rng=np.random.default_rng(0))
    >>> images[:2].tolist(), labels[:2].tolist(), len(images)  # and round(2 / 3) = 1 of each other item
    ([2, 3], [1, 1], 5)
    >>> bool((labels[2:] != 1).all())
    True
    """
    slots, per_item = train.shape
    others = np.delete(np.arange(slots), item)
    own_labels = np.full(per_item, label)
    mislabelled = round(wrong * per_item)
    if mislabelled:
        chosen = rng.choice(per_item, mislabelled, replace=False)
        own_labels[chosen] = _evenly(np.delete(np.arange(slots), label), mislabelled, rng)
    if not nontarget:
        return train[item], own_labels
    per_other = round(per_item / (slots - 1))
    images, labels = [train[item]], [own_labels]
    for other in others:
        images.append(rng.choice(train[other], per_other, replace=False))
        choices = np.setdiff1d(np.arange(slots), [other, item, label])
        if not choices.size:  # three items, one of them under the wrong label: only the presented item's own is left
            choices = np.array([item])
        labels.append(_evenly(choices, per_other, rng))
    return np.concatenate(images), np.concatenate(labels)


def _evenly(choices: NDArray[np.int64], count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """``count`` draws from ``choices`` in random order, each as often as any other, or once more."""
    return rng.permutation(np.resize(rng.permutation(choices), count))
