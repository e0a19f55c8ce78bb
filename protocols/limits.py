"""How long a schedule may become, and a bound on its length that needs no unrolling."""

from __future__ import annotations

from collections.abc import Sequence

from .blocks import Each, Element, Repeat
from .items import ItemSpec
from .phases import Probe

MAX_STEPS = 1_000_000
MAX_PRESENTATIONS = 10_000_000


def least_steps(elements: Sequence[Element], items: ItemSpec) -> int:
    """Steps, without those that depend on what was seen: a lower bound that needs no walk."""
    steps = 0
    for element in elements:
        if isinstance(element, Repeat):
            steps += element.repeat * least_steps(element.phases, items)
        elif isinstance(element, Each):
            steps += _least_passes(element, items) * least_steps(element.phases, items)
        else:
            steps += max(1, len(element.lesions)) if isinstance(element, Probe) else 1
    return steps


def _least_passes(block: Each, items: ItemSpec) -> int:
    if isinstance(block.frequency, tuple):
        return sum(block.frequency)
    if isinstance(block.of, tuple):
        return len(block.of)
    if block.each != "item":
        return len(items.list_names()) if block.of is None else 1
    return items.slots if block.of == "all" else 1
