"""What is to be remembered: slots for items, and lists of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Annotated, Any

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from ..data.wording import nearest
from .fields import SELECTIONS, SLOTS_SCHEMA, WORD, Count, Flag, Slots, Slug, Word, read_slots
from .plain_form import plain
from .problems import Problem, ProtocolError, Spec, found, refuse


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


def _read_options(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise refuse(value, "a mapping from options of the item set to their values, such as {overlap: 0.2}")
    problems: list[Problem] = []
    for name, entry in value.items():
        entries = entry if isinstance(entry, (list, tuple)) else [entry]
        if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            problems.append(Problem((str(name),), "expected the name of an option: small letters, digits, underscores"))
        elif not all(one is None or isinstance(one, (bool, int, str)) or _is_finite(one) for one in entries):
            problems.append(
                Problem((name,), f"{found(entry)}; expected a number, a word, true or false, or a list of such")
            )
    if problems:
        raise ProtocolError(problems)
    return {name: tuple(entry) if isinstance(entry, list) else entry for name, entry in value.items()}


def _is_finite(value: Any) -> bool:
    return isinstance(value, float) and isfinite(value)


_OPTIONS_SCHEMA = WithJsonSchema(
    {
        "type": "object",
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]{0,63}$"},
        "additionalProperties": {
            "anyOf": [
                {"type": ["boolean", "number", "string", "null"]},
                {"type": "array", "items": {"type": ["boolean", "number", "string", "null"]}},
            ]
        },
        "default": {},
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
    options : mapping, optional
        Options of the item set, such as ``{"overlap": 0.2}``; see the item set for their names. Where a run names
        another item set than the protocol, they are left out.
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
    options: Annotated[dict[str, Any], PlainValidator(_read_options), PlainSerializer(plain), _OPTIONS_SCHEMA] = Field(
        default={}
    )
    lists: (
        Annotated[EqualLists | dict[str, ListForm], PlainValidator(_read_lists), PlainSerializer(plain), _LISTS_SCHEMA]
        | None
    ) = None

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
                slots[name] = tuple(islice(free, form.size))
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
