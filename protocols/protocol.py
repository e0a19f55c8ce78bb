"""A protocol: the items, the schedule, and what is recorded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from ..data.wording import nearest
from .blocks import MAX_DEPTH, Each, Element, Elements, Repeat, depth
from .fields import SELECTIONS, SLOTS_SCHEMA, WORD, Count, Flag, Slots, Slug, Text, Word, read_slots
from .phases import Lesion, Probe, Rest, Sleep, Wake
from .problems import Loc, Problem, ProtocolError, Spec, found, refuse, shown


class EqualLists(Spec):
    """`count` lists of `size` items each, in slot order, named ``list-1``, ``list-2``, ..."""

    size: Count
    count: Count


class SizedList(Spec):
    """The next `size` unused slots; with `fresh`, others each time the list is used."""

    size: Count
    fresh: Flag = False


class PermutedList(Spec):
    """The items of another list, in a new order each time the list is used."""

    permutes: Word


RESERVED = (*SELECTIONS, "none", "size", "count")
ListForm = Slots | SizedList | PermutedList


def _read_lists(value: Any) -> EqualLists | dict[str, ListForm]:
    if isinstance(value, EqualLists):
        return value
    if not isinstance(value, Mapping):
        raise refuse(value, "{size: 10, count: 3}, or a mapping from names to lists")
    if not value:
        raise refuse(value, "at least one list")
    if set(value) <= {"size", "count"} and not any(isinstance(v, (list, tuple, Mapping)) for v in value.values()):
        return EqualLists(**value)
    lists: dict[str, ListForm] = {}
    problems: list[Problem] = []
    for name, form in value.items():
        try:
            lists[_list_name(name)] = _read_list(form)
        except ProtocolError as error:
            problems.extend(error.within(str(name)))
        except ValueError as error:
            problems.append(Problem((str(name),), str(error)))
    if problems:
        raise ProtocolError(problems)
    return lists


def _list_name(name: Any) -> str:
    if name in RESERVED:
        raise ValueError(f"{found(name)} as the name of a list; this word has a meaning of its own, choose another")
    if not isinstance(name, str) or not re.fullmatch(WORD, name):
        raise refuse(name, "a list name of letters, digits, hyphens and underscores that begins with a letter")
    return name


def _read_list(form: Any) -> ListForm:
    if isinstance(form, (SizedList, PermutedList)):
        return form
    if isinstance(form, (list, tuple)):
        return read_slots(form)
    if not isinstance(form, Mapping):
        raise refuse(form, "[slot numbers], {size: n}, {size: n, fresh: true} or {permutes: NAME}")
    fields = {str(key): entry for key, entry in form.items()}
    return PermutedList(**fields) if "permutes" in fields else SizedList(**fields)


_LISTS_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            EqualLists.model_json_schema(),
            {
                "type": "object",
                "minProperties": 1,
                "propertyNames": {"pattern": f"^{WORD}$", "not": {"enum": list(RESERVED)}},
                "additionalProperties": {
                    "anyOf": [SLOTS_SCHEMA, SizedList.model_json_schema(), PermutedList.model_json_schema()]
                },
            },
        ]
    }
)


class ItemSpec(Spec):
    """What is to be remembered.

    Parameters
    ----------
    set : str
        Name of the item set.
    count : int
        Number of item slots.
    train, test : int, optional
        Images per item in each part; None: as many as the pool has evenly.
    lists : mapping, optional
        ``{"size": 10, "count": 3}`` for equal lists ``list-1`` … in slot order, or a mapping from names to slot
        numbers, ``{"size": n}`` (the next n unused slots), ``{"size": n, "fresh": True}`` (others each time) or
        ``{"permutes": name}`` (a new order each time). Default: one list ``all``.

    Examples
    --------
    >>> ItemSpec(count=30, lists={"size": 10, "count": 3}).list_names()
    ('list-1', 'list-2', 'list-3')
    """

    set: Slug = "digit-pairs"
    count: Count
    train: Count | None = None
    test: Count | None = None
    lists: Annotated[EqualLists | dict[str, ListForm], PlainValidator(_read_lists), _LISTS_SCHEMA] | None = None

    @model_validator(mode="after")
    def _lists_fit(self) -> ItemSpec:
        problems = list(self._misfits())
        if problems:
            raise ProtocolError(problems)
        return self

    def list_names(self) -> tuple[str, ...]:
        """Names of the lists, in order."""
        if self.lists is None:
            return ("all",)
        if isinstance(self.lists, EqualLists):
            return tuple(f"list-{k + 1}" for k in range(self.lists.count))
        return tuple(self.lists)

    def fixed_lists(self) -> dict[str, tuple[int, ...]]:
        """Slots of the lists that are not fresh; a permuting list has those of the list it permutes.

        Examples
        --------
        >>> ItemSpec(count=4, lists={"A": [3, 0], "B": {"size": 2}}).fixed_lists()
        {'A': (3, 0), 'B': (1, 2)}
        """
        if self.lists is None:
            return {"all": tuple(range(self.count))}
        if isinstance(self.lists, EqualLists):
            size = self.lists.size
            return {f"list-{k + 1}": tuple(range(k * size, (k + 1) * size)) for k in range(self.lists.count)}
        free = iter(self._unlisted())
        slots: dict[str, tuple[int, ...]] = {}
        for name, form in self.lists.items():
            if isinstance(form, tuple):
                slots[name] = form
            elif isinstance(form, SizedList) and not form.fresh:
                slots[name] = tuple(slot for slot, _ in zip(free, range(form.size), strict=False))
        for name, form in self.lists.items():
            if isinstance(form, PermutedList):
                slots[name] = slots[form.permutes]
        return slots

    def unused(self) -> tuple[int, ...]:
        """Slots that no list holds: fresh lists take theirs from these, in order."""
        held = {slot for slots in self.fixed_lists().values() for slot in slots}
        return tuple(slot for slot in range(self.count) if slot not in held)

    def _unlisted(self) -> list[int]:
        assert isinstance(self.lists, dict)
        listed = {slot for form in self.lists.values() if isinstance(form, tuple) for slot in form}
        return [slot for slot in range(self.count) if slot not in listed]

    def _misfits(self) -> Iterator[Problem]:
        lists = self.lists
        if isinstance(lists, EqualLists):
            if (needed := lists.size * lists.count) > self.count:
                text = f"{lists.count} lists of {lists.size} need {needed} items; count is {self.count}"
                yield Problem(("lists", "size"), text)
            return
        if lists is None:
            return
        needed = 0
        for name, form in lists.items():
            if isinstance(form, tuple):
                for place, slot in enumerate(form):
                    if slot >= self.count:
                        text = f"found slot {slot}; allowed: 0 to {self.count - 1}, since count is {self.count}"
                        yield Problem(("lists", name, place), text)
            elif isinstance(form, PermutedList):
                others = [other for other in lists if other != name]
                if form.permutes not in others:
                    hint = nearest(form.permutes, others)
                    text = f"{found(form.permutes)}; expected another list of this protocol.{hint}"
                    yield Problem(("lists", name, "permutes"), text)
                elif not isinstance(target := lists[form.permutes], tuple) and (
                    isinstance(target, PermutedList) or target.fresh
                ):
                    text = f"{found(form.permutes)}, which changes with every use; expected a list of fixed items"
                    yield Problem(("lists", name, "permutes"), text)
            elif not form.fresh:
                needed += form.size
        if needed > (free := len(self._unlisted())):
            text = f"lists given by size need {needed} slots; {free} of {self.count} are not listed by number"
            yield Problem(("lists",), text)


class RecordSpec(Spec):
    """What is recorded, and how often.

    Parameters
    ----------
    responses : ``"counts"``, ``"trials"`` or ``"none"``
        Counts of item × response per probe; also one row per trial; or performance only.
    weights : ``"summary"``, ``"snapshots"`` or ``"none"``
        Summaries of the weights, the weights themselves, or nothing.
    every : ``"phase"``, ``"repetition"`` or ``"end"``
        After which wake and sleep phases weights are recorded.

    Examples
    --------
    >>> RecordSpec().weights
    'summary'
    """

    responses: Literal["counts", "trials", "none"] = "counts"
    weights: Literal["summary", "snapshots", "none"] = "summary"
    every: Literal["phase", "repetition", "end"] = "repetition"


class Protocol(Spec):
    """What happens to a subject.

    Parameters
    ----------
    name : str
        Small letters, digits and hyphens.
    about : str
        What the protocol is for.
    source : str
        Where it comes from, such as a DOI.
    items : ItemSpec
        What is to be remembered.
    schedule : list of phases and blocks
        What happens, in order.
    record : RecordSpec
        What is recorded.
    needs : list of str
        Abilities that a model must have beyond those that follow from the schedule.

    Raises
    ------
    ValueError
        Listing every mistake with the path of its field.

    Examples
    --------
    >>> from engram.protocols import probe, repeat, wake
    >>> night = repeat(9, [wake("all"), probe("all")], label="night")
    >>> protocol = Protocol(name="nights", items=ItemSpec(count=10), schedule=[night])
    >>> protocol == Protocol.from_yaml(protocol.to_yaml())
    True
    """

    name: Slug
    about: Text = ""
    source: Text = ""
    items: ItemSpec
    schedule: Elements
    record: RecordSpec = RecordSpec()
    needs: Annotated[tuple[Word, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def _unrolls(self) -> Protocol:
        from .unrolling import find_problems

        if depth(self.schedule) > MAX_DEPTH:
            text = f"blocks are nested more than {MAX_DEPTH} deep; allowed: at most {MAX_DEPTH}"
            raise ProtocolError([Problem(("schedule",), text)])
        if problems := find_problems(self.items, self.schedule):
            raise ProtocolError(problems)
        return self

    @classmethod
    def from_yaml(cls, text: str | bytes, source: str = "<string>") -> Protocol:
        """Read a protocol from YAML text; `source` is the file name shown in messages.

        Raises
        ------
        ValueError
            Listing every mistake with file, line and path of the field.

        Examples
        --------
        >>> text = "name: one\\nitems: {count: 3}\\nschedule:\\n- wake: all\\n- probe: all\\n"
        >>> Protocol.from_yaml(text).items.count
        3
        """
        from .yaml_form import read

        return read(text, source)

    def to_yaml(self) -> str:
        """The protocol as YAML text, without what equals the defaults.

        Examples
        --------
        >>> from engram.protocols import wake
        >>> print(Protocol(name="one", items=ItemSpec(count=3), schedule=[wake("all")]).to_yaml(), end="")
        name: one
        items: {count: 3}
        schedule:
          - wake: all
        """
        from .yaml_form import write

        return write(self)

    def to_python(self) -> str:
        """The protocol as Python source that builds it again.

        Examples
        --------
        >>> from engram.protocols import wake
        >>> print(Protocol(name="one", items=ItemSpec(count=3), schedule=[wake("all")]).to_python())
        Protocol(
            name="one",
            items=ItemSpec(count=3),
            schedule=[
                wake("all"),
            ],
        )
        """
        from .python_form import source

        return source(self)

    def abilities(self) -> dict[str, str]:
        """What a model must be able to do, and the path of the field that asks for it first.

        Examples
        --------
        >>> from engram.protocols import load
        >>> load("hebb-and-fillers").abilities()["recall"]
        'schedule[0].repeat.phases[0].each.phases[1].probe.kind'
        """
        asked: dict[str, str] = {}
        for loc, element in walk(self.schedule):
            for ability, field in _abilities(element):
                asked.setdefault(ability, shown((*loc, *field)))
        for index, ability in enumerate(self.needs):
            asked.setdefault(ability, f"needs[{index}]")
        return asked


def walk(elements: tuple[Element, ...], at: Loc = ("schedule",)) -> Iterator[tuple[Loc, Element]]:
    """Every phase and block with its path, in the order in which they are written."""
    for index, element in enumerate(elements):
        loc = (*at, index)
        yield loc, element
        if isinstance(element, (Repeat, Each)):
            kind = "repeat" if isinstance(element, Repeat) else "each"
            yield from walk(element.phases, (*loc, kind, "phases"))


def _abilities(element: Element) -> Iterator[tuple[str, Loc]]:
    match element:
        case Wake(domain=str()):
            yield "domains", ("wake", "domain")
        case Sleep(cue=cue):
            yield "sleep", ("sleep",)
            if cue is not None:
                yield "targeted-reactivation", ("sleep", "cue")
        case Rest():
            yield "time", ("rest",)
        case Lesion(of=of) if of != "none":
            yield "lesion", ("lesion",)
        case Probe():
            yield from _abilities_of_probe(element)


def _abilities_of_probe(probe: Probe) -> Iterator[tuple[str, Loc]]:
    if probe.kind == "cued":
        yield "cued-recall", ("probe", "kind")
    if probe.kind == "recall":
        yield "recall", ("probe", "kind")
    if probe.scoring == "strict":
        yield "order", ("probe", "scoring")
    if any(lesion != "none" for lesion in probe.lesions):
        yield "lesion", ("probe", "lesions")
    if probe.learn:
        yield "learning-probes", ("probe", "learn")
