"""The plain graph of a circuit, as JSON: what a drawing needs, without an engine."""

from __future__ import annotations

from typing import Any

from ..wording import one_of
from .group_names import check_group_name

TEXTS_OF_NODES = ("module", "cell")
TEXTS_OF_EDGES = ("rule", "receptor")
NUMBERS_OF_EDGES = ("mean_weight",)
LARGEST_POPULATION = 2**31 - 1  # numbers of cells are int32


def check_graph(graph: Any) -> dict[str, int]:
    """Refuse what is not the graph of a circuit.

    Parameters
    ----------
    graph : dict
        ``nodes``, each with ``name``, ``size``, ``module`` and ``cell``, and ``edges``, each with ``source``,
        ``target``, ``name``, ``synapses``, ``rule``, ``receptor``, ``mean_weight`` and ``delay``. More is allowed.

    Returns
    -------
    dict
        Number of cells by population.

    Raises
    ------
    ValueError
        If a part is missing or of another kind, or an edge has no end.

    Examples
    --------
    >>> cells = {"name": "C", "size": 500, "module": "cortex", "cell": "LIF"}
    >>> check_graph({"nodes": [cells], "edges": []})
    {'C': 500}
    """
    if not isinstance(graph, dict):
        raise ValueError(f"the graph of a circuit is a JSON object, found a {type(graph).__name__}")
    sizes: dict[str, int] = {}
    for node in _objects(graph, "nodes"):
        name = _group_name("population", node)
        if name in sizes:
            raise ValueError(f"the circuit has two populations {name}")
        sizes[name] = _whole_number(f"population {name}", node, "size", 1)
        _check_kinds(f"population {name}", node, TEXTS_OF_NODES, ())
    if not sizes:
        raise ValueError("the circuit has no populations")
    projections = set()
    for edge in _objects(graph, "edges"):
        name = _group_name("projection", edge)
        if name in projections:
            raise ValueError(f"the circuit has two projections {name}")
        projections.add(name)
        for end in ("source", "target"):
            if not isinstance(edge.get(end), str) or edge[end] not in sizes:
                raise ValueError(
                    f"projection {name}: {end} {edge.get(end)!r} is no population, there are {one_of(sizes)}"
                )
        _whole_number(f"projection {name}", edge, "synapses", 0)
        _check_kinds(f"projection {name}", edge, TEXTS_OF_EDGES, NUMBERS_OF_EDGES)
    return sizes


def _objects(graph: dict[str, Any], part: str) -> list[dict[str, Any]]:
    found = graph.get(part)
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise ValueError(f"the graph of a circuit needs a list of {part}, each a JSON object")
    return found


def _group_name(what: str, entry: dict[str, Any]) -> str:
    name = entry.get("name")
    check_group_name(what, name)  # type: ignore[arg-type]
    return str(name)


def _whole_number(what: str, entry: dict[str, Any], key: str, least: int) -> int:
    found = entry.get(key)
    if type(found) is not int or not least <= found <= (LARGEST_POPULATION if key == "size" else 2**53):
        raise ValueError(f"{what}: {key} is {found!r}, expected a whole number of at least {least}")
    return found


def _check_kinds(what: str, entry: dict[str, Any], texts: tuple[str, ...], numbers: tuple[str, ...]) -> None:
    for key in texts:
        if not isinstance(entry.get(key, ""), str):
            raise ValueError(f"{what}: {key} is {entry[key]!r}, expected text")
    for key in numbers:
        if isinstance(found := entry.get(key, 0.0), bool) or not isinstance(found, int | float):
            raise ValueError(f"{what}: {key} is {found!r}, expected a number")
