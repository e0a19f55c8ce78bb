"""Which item a population burst reactivates, and how evenly items are replayed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .assemblies import membership
from .probes import require_columns

RANDOM_SETS = 50  # permutations of the cells that give the null of random assemblies


def match_bursts(
    counts: ArrayLike,
    assemblies: ArrayLike,
    rng: np.random.Generator | int,
    *,
    alpha: float = 0.05,
    samples: int = 2000,
) -> pd.DataFrame:
    """Say which one item each burst reactivates.

    An item is reactivated if its cells fire more spikes in the burst than random sets of as many cells: p is the share
    of random sets (of `samples`, the assembly itself counted in) with at least as many, and p < alpha / items is asked
    for, items being those that have cells. Assemblies may share cells, and a burst of one item must not count for its
    neighbours: once the item that stands out most is found, any other must stand out by its own cells, among the cells
    outside the first. A burst that reactivates exactly one item is *matched*; one that reactivates none or several is
    not.

    How often bursts would be matched by chance is measured in two ways with the same test: on the burst with its cells
    shuffled, and on assemblies whose cells are shuffled together, so that they keep their sizes and overlaps.

    Parameters
    ----------
    counts : array_like
        Spikes of every cell in every burst, shape [burst, cell], see `burst_counts`.
    assemblies : array_like
        Cells of each item, shape [item, cell], bool. Items without cells are never matched.
    rng : numpy.random.Generator or int
        For the random sets and shuffles, or its seed.
    alpha : float
        Probability of any match of a burst by chance, shared evenly by the items.
    samples : int
        Random sets for each burst, at least items / alpha.

    Returns
    -------
    pandas.DataFrame
        One row per burst: ``burst`` (row of `counts`), ``item`` (the matched one, from 1; 0 where none or several),
        ``items`` (how many are reactivated), ``best`` (the one that stands out most, 0 where nothing fires), ``p`` (of
        the best, before the correction), ``excess`` (spikes of its cells over the mean of random sets, in standard
        deviations), ``null_shuffled`` (whether the burst is matched with its cells shuffled) and
        ``null_random`` (share of the random assemblies that match it). The mean of a null column is the share of
        bursts matched by chance.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `samples` are too few for the level.

    Examples
    --------
    Two items of five cells among fifty; the first burst is of item 2, the second of no item, the third of both.

    >>> import numpy as np
    >>> from engram.analysis import match_bursts
    >>> assemblies = np.zeros((2, 50), dtype=bool)
    >>> assemblies[0, :5] = assemblies[1, 5:10] = True
    >>> counts = np.zeros((3, 50), dtype=int)
    >>> counts[0, 5:10], counts[1, 20:25], counts[2, :10] = 3, 3, 3
    >>> match_bursts(counts, assemblies, rng=0)[["burst", "item", "items"]]
       burst  item  items
    0      0     2      1
    1      1     0      0
    2      2     0      2
    """
    spikes = np.asarray(counts, dtype=np.float32)
    if spikes.ndim != 2:
        raise ValueError(f"counts have shape {spikes.shape}; expected one row per burst and one column per cell")
    member = membership(assemblies, spikes.shape[1])
    present = np.flatnonzero(member.any(axis=1))
    if not 0 < alpha < 1 or samples * alpha < max(present.size, 1):
        raise ValueError(
            f"alpha is {alpha} and samples {samples}; expected a level between 0 and 1 "
            f"and at least {present.size} items / alpha samples"
        )
    generator = np.random.default_rng(rng)
    result = pd.DataFrame({"burst": np.arange(len(spikes)), "item": 0, "items": 0, "best": 0})
    result = result.assign(p=np.nan, excess=np.nan, null_shuffled=False, null_random=0.0)
    if not len(spikes) or not present.size:
        return result
    test = _MatchTest(spikes, member[present], alpha / present.size, samples, generator)
    active, best, excess = test.reactivated(spikes, member[present])
    fires = spikes.any(axis=1)
    number = active.sum(axis=1)
    result["items"] = number
    result["item"] = np.where(number == 1, present[active.argmax(axis=1)] + 1, 0)
    result["best"] = np.where(fires, present[best] + 1, 0)
    result["p"], result["excess"] = test.p(spikes, member[present], best), excess
    shuffled = generator.permuted(spikes, axis=1)
    result["null_shuffled"] = test.reactivated(shuffled, member[present])[0].sum(axis=1) == 1
    matched = np.zeros(len(spikes))
    for _ in range(RANDOM_SETS):
        relabelled = member[present][:, generator.permutation(spikes.shape[1])]
        matched += test.reactivated(spikes, relabelled)[0].sum(axis=1) == 1
    result["null_random"] = matched / RANDOM_SETS
    return result


def replay_counts(
    events: pd.DataFrame, items: int | Iterable[int], by: Sequence[str] = ("model", "subject", "night")
) -> pd.DataFrame:
    """How often each item is replayed: items that never are count 0.

    Parameters
    ----------
    events : pandas.DataFrame
        One row per burst: the columns of `by` and ``item`` (from 1; 0: matched to none), see `replay_events`.
    items : int or iterable of int
        The items that could be replayed: numbers from 1, or how many there are.
    by : sequence of str
        What to count within.

    Returns
    -------
    pandas.DataFrame
        Columns of `by`, then ``item`` and ``count``. Groups without any burst have no rows.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import replay_counts
    >>> events = pd.DataFrame({"night": [1, 1, 1, 2], "item": [1, 1, 0, 2]})
    >>> replay_counts(events, items=2, by=["night"])
       night  item  count
    0      1     1      2
    1      1     2      0
    2      2     1      0
    3      2     2      1
    """
    require_columns(events, (*by, "item"), "events")
    numbers = list(range(1, items + 1)) if isinstance(items, int) else list(items)
    groups = events[list(by)].drop_duplicates()
    every = groups.merge(pd.DataFrame({"item": np.array(numbers, dtype=np.int64)}), how="cross")
    counted = events.groupby([*by, "item"], sort=False).size().rename("count").reset_index()
    table = every.merge(counted, on=[*by, "item"], how="left")
    return table.assign(count=table["count"].fillna(0).astype(np.int64))


def replay_evenness(counts: pd.DataFrame, by: Sequence[str] = ("model", "subject", "night")) -> pd.DataFrame:
    """How evenly replay visits the items: the coefficient of variation of their counts, 0 where all are alike.

    Parameters
    ----------
    counts : pandas.DataFrame
        The columns of `by`, ``item`` and ``count``, see `replay_counts`.
    by : sequence of str
        Within what: one night of one subject.

    Returns
    -------
    pandas.DataFrame
        Columns of `by`, then ``events`` (matched ones), ``items``, ``replayed`` (items replayed at least once) and
        ``cv`` (standard deviation over mean, of the population of items; NaN where nothing is replayed).

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import replay_evenness
    >>> counts = pd.DataFrame({"night": 1, "item": [1, 2], "count": [3, 1]})
    >>> replay_evenness(counts, by=["night"])
       night  events  items  replayed   cv
    0      1       4      2         2  0.5
    """
    require_columns(counts, (*by, "item", "count"), "counts")
    groups = counts.groupby(list(by), sort=False)["count"]
    table = groups.agg(
        events="sum",
        items="size",
        replayed=lambda number: int((number > 0).sum()),
        spread=lambda number: number.std(ddof=0),
    ).reset_index()
    mean = table["events"] / table["items"]
    return table.assign(cv=(table["spread"] / mean.where(mean > 0))).drop(columns="spread")


class _RandomSets:
    """What random sets of cells fire in each burst: mean, spread, and the sum that only `level` of them exceed."""

    def __init__(self, spikes: np.ndarray, chosen: np.ndarray, level: float) -> None:
        samples = len(chosen)
        sets = np.zeros((samples, spikes.shape[1]), dtype=np.float32)
        np.put_along_axis(sets, chosen, 1, axis=1)
        self.sums = spikes @ sets.T  # [burst, sample]
        self.mean = self.sums.mean(axis=1, dtype=float)
        spread = self.sums.std(axis=1, dtype=float)
        self.spread = np.where(spread > 0, spread, np.inf)
        needed = min(int(np.floor((samples + 1) * (1 - level))), samples - 1)  # p < level: more than these lie below
        self.bar = np.partition(self.sums, needed, axis=1)[:, needed]

    def p(self, sums: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Share of random sets with at least as many spikes, the set itself counted in."""
        samples = self.sums.shape[1]
        return np.asarray(((self.sums[rows] >= sums[:, None]).sum(axis=1) + 1) / (samples + 1))


class _MatchTest:
    """Assemblies against random sets of the same size."""

    def __init__(
        self, spikes: np.ndarray, member: np.ndarray, level: float, samples: int, rng: np.random.Generator
    ) -> None:
        self.level, self.samples, self.rng = level, samples, rng
        sizes = np.unique(member.sum(axis=1)).tolist()
        drawn = _random_cells(spikes.shape[1], sizes[-1], samples, rng)
        self.chance = {size: _RandomSets(spikes, drawn[:, :size], level) for size in sizes}

    def reactivated(self, spikes: np.ndarray, member: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Items that each burst reactivates, bool [burst, item], the one that stands out most, int [burst], its excess.

        Sums of random sets do not change with the order of a burst's cells, so shuffled bursts may be given too.
        """
        sums = spikes @ member.T.astype(np.float32)
        chance = [self.chance[size] for size in member.sum(axis=1).tolist()]
        active = sums > np.stack([sets.bar for sets in chance], axis=1)
        excess = (sums - np.stack([sets.mean for sets in chance], axis=1)) / np.stack(
            [s.spread for s in chance], axis=1
        )
        best = excess.argmax(axis=1)
        several = active.sum(axis=1) > 1
        for first in np.unique(best[several]).tolist():
            self._keep_what_stands_alone(active, several & (best == first), first, spikes, member)
        return active, best, excess[np.arange(len(best)), best]

    def p(self, spikes: np.ndarray, member: np.ndarray, best: np.ndarray) -> np.ndarray:
        """Of the item named for each burst."""
        p = np.empty(len(spikes))
        for item, size in enumerate(member.sum(axis=1).tolist()):
            rows = np.flatnonzero(best == item)
            p[rows] = self.chance[size].p(spikes[rows] @ member[item].astype(np.float32), rows)
        return p

    def _keep_what_stands_alone(
        self, active: np.ndarray, rows: np.ndarray, first: int, spikes: np.ndarray, member: np.ndarray
    ) -> None:
        outside = ~member[first]
        for other in np.flatnonzero(active[rows].any(axis=0)).tolist():
            own = member[other] & outside
            if other == first or own.sum() == member[other].sum():  # nothing shared, nothing to take off
                continue
            asked = np.flatnonzero(rows & active[:, other])
            if not own.any():
                active[asked, other] = False
                continue
            drawn = _random_cells(int(outside.sum()), int(own.sum()), self.samples, self.rng)
            sets = _RandomSets(spikes[np.ix_(asked, outside)], drawn, self.level)
            active[asked, other] = spikes[asked][:, own].sum(axis=1) > sets.bar


def _random_cells(cells: int, size: int, samples: int, rng: np.random.Generator) -> np.ndarray:
    """Different cells in random order, so that the first n of a row are a random set too: int [sample, size]."""
    priority = rng.random((samples, cells), dtype=np.float32)
    chosen = priority.argpartition(size - 1, axis=1)[:, :size]
    order = np.take_along_axis(priority, chosen, axis=1).argsort(axis=1)
    return np.take_along_axis(chosen, order, axis=1)
