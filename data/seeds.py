"""Named child seeds: one seed of a run gives every random stream its own."""

from __future__ import annotations

import zlib

import numpy as np


def child_seed(seed: int, *names: str | int) -> np.random.SeedSequence:
    """Seed of one named random stream of a run.

    The same seed and names give the same stream on every machine, whatever else is drawn.

    Parameters
    ----------
    seed : int
        Seed of the run, not negative.
    *names : str or int
        Path to the stream, such as ``"subject", 3, "items"``.

    Returns
    -------
    numpy.random.SeedSequence

    Examples
    --------
    >>> a = np.random.default_rng(child_seed(7, "subject", 3, "items"))
    >>> b = np.random.default_rng(child_seed(7, "subject", 3, "items"))
    >>> bool(a.random() == b.random())
    True
    """
    path = tuple(zlib.crc32(str(name).encode()) for name in names)
    return np.random.SeedSequence(entropy=seed, spawn_key=path)


def child_rng(seed: int, *names: str | int) -> np.random.Generator:
    """Generator of one named random stream (see `child_seed`).

    Examples
    --------
    >>> int(child_rng(7, "subject", 0).integers(10)) == int(child_rng(7, "subject", 0).integers(10))
    True
    """
    return np.random.default_rng(child_seed(seed, *names))
