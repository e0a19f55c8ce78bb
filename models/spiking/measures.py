"""Measures of a circuit's wiring: degrees, how weights and flexibilities are distributed, assemblies as communities."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...data.wording import counted


def degrees(pre: ArrayLike, post: ArrayLike, sources: int, targets: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Synapses that leave each source cell, and that reach each target cell.

    Parameters
    ----------
    pre, post : array_like of int
        Source and target cell of each synapse.
    sources, targets : int
        Sizes of the two populations.

    Returns
    -------
    tuple of two numpy.ndarray
        Out-degrees [source cell], in-degrees [target cell].

    Examples
    --------
    >>> [d.tolist() for d in degrees([0, 0, 1], [0, 1, 1], 3, 2)]
    [[2, 1, 0], [1, 2]]
    """
    i, j = np.asarray(pre, dtype=np.int64), np.asarray(post, dtype=np.int64)
    return np.bincount(i, minlength=sources), np.bincount(j, minlength=targets)


def distribution(values: ArrayLike, bins: int = 20) -> dict[str, NDArray[np.float64]]:
    """How weights, flexibilities or degrees are distributed.

    Parameters
    ----------
    values : array_like
    bins : int

    Returns
    -------
    dict
        ``density`` [bin] and ``edges`` [bin + 1] of a histogram of unit area, and ``quantiles`` [5]: least, lower
        quartile, median, upper quartile, greatest.

    Raises
    ------
    ValueError
        There are no values.

    Examples
    --------
    >>> distribution([0.0, 0.5, 1.0], bins=2)["quantiles"].tolist()
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    given = np.asarray(values, dtype=np.float64)
    if given.size == 0:
        raise ValueError("found no values to describe; does the projection have synapses?")
    density, edges = np.histogram(given, bins=bins, density=True)
    return {"density": density, "edges": edges, "quantiles": np.quantile(given, [0, 0.25, 0.5, 0.75, 1])}


def communities(
    pre: ArrayLike, post: ArrayLike, weights: ArrayLike, size: int, above: float, seed: int = 0
) -> list[NDArray[np.int64]]:
    """Assemblies of a recurrent projection, found as communities of its strong synapses.

    Cells are joined by the sum of their weights in both directions, where it exceeds ``above`` from either side; the
    graph is cut by the Louvain method.

    Parameters
    ----------
    pre, post : array_like of int
        Source and target cell of each synapse, both of one population.
    weights : array_like
        [synapse].
    size : int
        Cells of the population.
    above : float
        Weaker synapses are left out, such as 1.5 times the initial weight.
    seed : int
        Of the order in which the method visits cells.

    Returns
    -------
    list of numpy.ndarray
        Cells of each community of at least two, sorted; the largest community first. A cell without a strong synapse
        is in none.

    Raises
    ------
    ValueError
        The three arrays do not belong together, or a cell is not of the population.

    Notes
    -----
    Source: Blondel, Guillaume, Lambiotte & Lefebvre (2008), Journal of Statistical Mechanics P10008,
    doi:10.1088/1742-5468/2008/10/P10008, as networkx has it.

    Examples
    --------
    >>> i, j = [0, 1, 2, 3, 0], [1, 0, 3, 2, 2]
    >>> [cells.tolist() for cells in communities(i, j, [0.5, 0.5, 0.4, 0.4, 0.01], 5, above=0.1)]
    [[0, 1], [2, 3]]
    """
    import networkx

    i, j, w = np.asarray(pre, dtype=np.int64), np.asarray(post, dtype=np.int64), np.asarray(weights, dtype=np.float64)
    if not i.shape == j.shape == w.shape or i.ndim != 1:
        raise ValueError(
            f"expected one source, target and weight of each synapse; found {i.shape}, {j.shape}, {w.shape}"
        )
    if i.size and not (min(i.min(), j.min()) >= 0 and max(i.max(), j.max()) < size):
        raise ValueError(f"found cells outside a population of {counted(size, 'cell')}")
    graph = networkx.Graph()
    for a, b, weight in zip(i[w > above].tolist(), j[w > above].tolist(), w[w > above].tolist(), strict=True):
        if a != b:
            before = graph.get_edge_data(a, b, {"weight": 0.0})["weight"]
            graph.add_edge(a, b, weight=before + weight)
    found = networkx.community.louvain_communities(graph, weight="weight", seed=seed) if graph else []
    return sorted((np.array(sorted(cells)) for cells in found if len(cells) > 1), key=lambda c: (-len(c), c[0]))
