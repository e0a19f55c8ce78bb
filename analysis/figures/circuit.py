"""A circuit drawn: modules as boxes, populations as circles, projections as arrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from .modules import module_color
from .style import GREY, new_axes

RADIUS = 0.34
STEP = 1.7  # from population to population
WIDTHS = (0.7, 4.0)  # points
SILENT = (0, (2, 1.5))  # line of a projection without weight yet


def plot_circuit(circuit: Mapping[str, Any], ax: Axes | None = None) -> Axes:
    """Draw a circuit: modules as boxes, populations as circles with their sizes, projections as arrows.

    An arrow is as wide as what a target cell gets in all, the mean weight times its synapses, on a scale of square
    roots. Excitatory arrows have a head, inhibitory ones end in a bar; plastic ones are in the colour of their module,
    static ones grey; those whose weights are still 0 are dashed.

    Parameters
    ----------
    circuit : mapping
        Plain graph: ``nodes`` with ``name``, ``size``, ``module`` and ``edges`` with ``source``, ``target``,
        ``synapses``, ``receptor``, ``mean_weight``, ``rule``, as a recording's ``circuit()`` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw; a new figure unless given.

    Returns
    -------
    matplotlib.axes.Axes

    Examples
    --------
    >>> from engram.analysis import plot_circuit
    >>> circuit = {
    ...     "nodes": [
    ...         {"name": "C", "size": 500, "module": "cortex"}, {"name": "H", "size": 300, "module": "hippocampus"}
    ...     ],
    ...     "edges": [
    ...         {"source": "H", "target": "C", "synapses": 75000, "mean_weight": 0.2, "receptor": "excitatory"}
    ...     ],
    ... }
    >>> ax = plot_circuit(circuit)
    >>> sorted(text.get_text() for text in ax.texts)
    ['C\\n500', 'H\\n300', 'cortex', 'hippocampus']
    """
    axes = new_axes(ax, width=4.8, height=4.2)
    nodes = {node["name"]: node for node in circuit["nodes"]}
    modules = list(dict.fromkeys(node.get("module", "") for node in circuit["nodes"]))
    inhibits = {edge["source"] for edge in circuit["edges"] if edge.get("receptor") == "inhibitory"}
    places = _places(nodes, modules, inhibits)
    for row, module in enumerate(modules):
        _draw_module(
            axes, module, [places[name] for name, node in nodes.items() if node.get("module", "") == module], row
        )
    for name, (x, y) in places.items():
        color = module_color(nodes[name].get("module", ""))
        axes.add_patch(
            Circle((x, y), RADIUS, facecolor="white", edgecolor=color, linewidth=2,
                   linestyle="--" if name in inhibits else "-", zorder=3)
        )  # fmt: skip
        axes.text(x, y, f"{name}\n{nodes[name]['size']:,}", ha="center", va="center", fontsize="small", zorder=4)
    reach = np.sqrt([_input(edge, nodes) for edge in circuit["edges"]])
    widths = WIDTHS[0] + (WIDTHS[1] - WIDTHS[0]) * reach / max(float(np.max(reach, initial=0)), 1e-12)
    for edge, width in zip(circuit["edges"], widths, strict=True):
        _draw_projection(axes, edge, places, float(width), module_color(nodes[edge["source"]].get("module", "")))
    axes.set_aspect("equal")
    axes.autoscale_view()
    axes.margins(0.04)
    axes.set_axis_off()
    return axes


def _places(nodes: Mapping[str, Any], modules: list[str], inhibits: set[str]) -> dict[str, tuple[float, float]]:
    """Modules below one another; in each the excitatory populations from left to right, then the inhibitory ones."""
    places = {}
    for row, module in enumerate(modules):
        inside = [name for name, node in nodes.items() if node.get("module", "") == module]
        inside.sort(key=lambda name: name in inhibits)
        for column, name in enumerate(inside):
            places[name] = (column * STEP, -row * 1.25 * STEP)
    return places


def _draw_module(axes: Axes, module: str, inside: list[tuple[float, float]], row: int) -> None:
    x, y = np.array(inside).T
    left, right, room = x.min() - 0.8, x.max() + 0.8, 0.82
    box = FancyBboxPatch(
        (left, y.min() - room), right - left, y.max() - y.min() + 2 * room, boxstyle="round,pad=0,rounding_size=0.18",
        facecolor=module_color(module), alpha=0.10, edgecolor="none", zorder=0,
    )  # fmt: skip
    axes.add_patch(box)
    axes.text(
        right - 0.08,
        y.max() + room - 0.06,
        module,
        ha="right",
        va="top",
        fontsize="small",
        color=GREY,
        parse_math=False,
    )


def _input(edge: Mapping[str, Any], nodes: Mapping[str, Any]) -> float:
    """What a target cell gets: mean weight times its synapses."""
    weight = float(edge.get("mean_weight", 0.0))
    return abs(weight) * edge["synapses"] / nodes[edge["target"]]["size"] if np.isfinite(weight) else 0.0


def _draw_projection(
    axes: Axes, edge: Mapping[str, Any], places: Mapping[str, tuple[float, float]], width: float, color: str
) -> None:
    source, target = np.array(places[edge["source"]]), np.array(places[edge["target"]])
    inhibitory = edge.get("receptor") == "inhibitory"
    head = "|-|,widthA=0,angleA=0,widthB=0.35,angleB=0" if inhibitory else "-|>,head_length=0.45,head_width=0.22"
    style: dict[str, Any] = {
        "arrowstyle": head, "mutation_scale": 9 + width, "linewidth": width, "shrinkA": 0, "shrinkB": 0, "zorder": 2,
        "color": color if edge.get("plastic", edge.get("rule") != "static") else GREY,
        "linestyle": SILENT if not edge.get("mean_weight", 0.0) else "-", "capstyle": "butt", "joinstyle": "miter",
    }  # fmt: skip
    if edge["source"] == edge["target"]:
        at = source + np.array([[-0.26, 0.24], [-0.10, 0.34]])
        loop = FancyArrowPatch(at[0], at[1], connectionstyle="arc3,rad=-1.9", **style)
        axes.add_patch(loop)
        return
    along = (target - source) / np.linalg.norm(target - source)
    aside = np.array([-along[1], along[0]]) * 0.10  # there and back keep apart
    start, stop = source + along * RADIUS + aside, target - along * (RADIUS + 0.05) + aside
    axes.add_patch(FancyArrowPatch(start, stop, connectionstyle="arc3,rad=-0.12", **style))
