"""What a protocol leaves to the item set: how many classes there are, which domains, whether any are unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..data.wording import nearest, one_of
from .blocks import Each, Element, Repeat
from .items import ItemSpec
from .phases import Probe, Wake
from .problems import ProtocolError

if TYPE_CHECKING:
    from .protocol import Protocol

SUPPOSED_DOMAINS = ("domain-1", "domain-2")
"""Domains that are taken for granted in an item set that is not known yet."""


def is_open(protocol: Protocol) -> bool:
    """Whether something is left to the item set."""
    return protocol.items.count == "all" or any(_is_open(element) for element in _elements(protocol.schedule))


def supposed_items(items: ItemSpec, schedule: Sequence[Element]) -> ItemSpec:
    """Items with which a schedule can be checked while the item set is not known."""
    if items.count != "all" or isinstance(items.classes, tuple):
        return items.for_classes(items.least())
    return items.for_classes(max(items.least(), 1 + max(_slots_named(schedule), default=0)))


def resolved(protocol: Protocol, classes: int, domains: Sequence[str], unknown: bool) -> Protocol:
    """The protocol with nothing left open; see `Protocol.for_classes`."""
    with_them = f'protocol "{protocol.name}" with an item set of {classes} classes'
    try:
        items = _items_for(protocol, classes)
        unknown = unknown or classes > items.slots
        _check_unknown(protocol, unknown)
        _check_domains(protocol, domains)
        if not is_open(protocol):
            return protocol
        schedule = _settled(protocol.schedule, tuple(domains), unknown)
        fields: dict[str, Any] = {name: getattr(protocol, name) for name in protocol.model_fields_set}
        return type(protocol)(**{**fields, "items": items, "schedule": schedule})
    except ProtocolError as error:
        told = str(error)
    raise ValueError(f"{with_them}: {told}")


def _items_for(protocol: Protocol, classes: int) -> ItemSpec:
    try:
        return protocol.items.for_classes(classes)
    except ProtocolError as error:
        problems = error.within("items")
    raise ProtocolError(problems)


def _settled(elements: Sequence[Element], domains: tuple[str, ...], unknown: bool) -> tuple[Element, ...]:
    return tuple(_settle(element, domains, unknown) for element in elements)


def _settle(element: Element, domains: tuple[str, ...], unknown: bool) -> Element:
    changes: dict[str, Any] = {}
    if isinstance(element, (Repeat, Each)):
        changes["phases"] = _settled(element.phases, domains, unknown)
    if isinstance(element, Each) and element.each == "domain" and element.of is None:
        if not domains:
            raise ValueError(
                "the schedule goes over domains (each: domain), and the item set has none; "
                "give one that has, such as a folder in CORe50's layout"
            )
        changes["of"] = domains
    if isinstance(element, Probe) and element.unknown == "if-any":
        changes["unknown"] = unknown
    if not changes:
        return element
    fields = {name: getattr(element, name) for name in element.model_fields_set}
    return type(element)(**{**fields, **changes})


def _is_open(element: Element) -> bool:
    if isinstance(element, Each):
        return element.each == "domain" and element.of is None
    return isinstance(element, Probe) and element.unknown == "if-any"


def _check_domains(protocol: Protocol, domains: Sequence[str]) -> None:
    named: dict[str, None] = {}
    for element in _elements(protocol.schedule):
        if isinstance(element, Each) and element.each == "domain":
            named |= dict.fromkeys(str(name) for name in element.of or ())
        elif isinstance(element, Wake) and element.domain not in (None, "current"):
            named[str(element.domain)] = None
    if missing := [name for name in named if name not in domains]:
        there = f"domains {one_of(domains)}" if domains else "no domains"
        raise ValueError(
            f'protocol "{protocol.name}" presents the domain "{missing[0]}"; the item set has {there}.'
            f"{nearest(missing[0], domains)}"
        )


def _check_unknown(protocol: Protocol, unknown: bool) -> None:
    asked = (isinstance(element, Probe) and element.unknown is True for element in _elements(protocol.schedule))
    if not unknown and any(asked):
        raise ValueError(
            "a probe asks for unknown classes (unknown: true), and every class of the item set is an item; "
            "set items.count below their number, name images of other classes for the run (--unknown), "
            "or write unknown: if-any"
        )


def _elements(elements: Sequence[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        if isinstance(element, (Repeat, Each)):
            yield from _elements(element.phases)


def _slots_named(schedule: Sequence[Element]) -> Iterator[int]:
    """Slots that selections and orders give by number."""
    for element in _elements(schedule):
        for name in ("present", "order", "of", "replay", "cue", "cued_by"):
            value = getattr(element, name, None)
            if isinstance(value, tuple):
                yield from (slot for slot in value if isinstance(slot, int))
