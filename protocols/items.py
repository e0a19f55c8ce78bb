"""What is to be remembered: slots for items, and lists of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Annotated, Any, Literal

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from ..data.wording import nearest
from .fields import MAX_COUNT, SELECTIONS, SLOTS_SCHEMA, WORD, Count, Flag, Slots, Slug, Word, read_slots
from .plain_form import plain
from .problems import Problem, ProtocolError, Spec, found, refuse, refuse_word


class EqualLists(Spec):
    """`count` lists of `size` items each, in slot order, named ``list-1``, ``list-2``, ...

    Without a size all items are dealt out; where they do not divide evenly, the first lists are one item longer.
    """

    count: Count
    size: Count | None = None

    def sizes(self, slots: int) -> list[int]:
        """How many of `slots` items each list has.

        Examples
        --------
        >>> EqualLists(count=3).sizes(8), EqualLists(count=3, size=2).sizes(8)
        ([3, 3, 2], [2, 2, 2])
        """
        if self.size is not None:
            return [self.size] * self.count
        each, over = divmod(slots, self.count)
        return [each + (k < over) for k in range(self.count)]


class SizedList(Spec):
    """The next `size` unused slots; with `fresh`, others each time the list is used."""

    size: Count
    fresh: Flag = False


class PermutedList(Spec):
    """The items of another list, in a new order each time the list is used."""

    permutes: Word


CLASS_ORDERS = ("shuffled", "listed", "seed-1993")
_FEW = 10  # classes that are taken for granted in an item set that is not known yet
RESERVED = (*SELECTIONS, "none", "size", "count")
ListForm = Slots | SizedList | PermutedList


def _read_lists(value: Any) -> EqualLists | dict[str, ListForm]:
    if isinstance(value, EqualLists):
        return value
    if not isinstance(value, Mapping):
        raise refuse(value, "{count: 3}, {count: 3, size: 10}, or a mapping from names to lists")
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


def _read_count(value: Any) -> Any:
    if value == "all" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_COUNT):
        return value
    raise refuse(value, f"a whole number from 1 to {MAX_COUNT}, or all")


def _read_classes(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        names = tuple(str(name) if isinstance(name, int) and not isinstance(name, bool) else name for name in value)
        if not names:
            raise refuse(value, "at least one class name")
        if len(names) > MAX_COUNT:
            raise ValueError(f"found {len(names)} class names; expected at most {MAX_COUNT}")
        for name in names:
            if not isinstance(name, str) or not name.strip() or not name.isprintable():
                raise refuse(name, "the name of a class")
        twice = [name for name, times in Counter(names).items() if times > 1]
        if twice:
            raise ValueError(f'found the class "{twice[0]}" twice; each class may stand in the order once')
        return names
    if value not in CLASS_ORDERS:
        raise refuse_word(value, CLASS_ORDERS, "a list of class names")
    return value


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


_COUNT_SCHEMA = WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1, "maximum": MAX_COUNT}, {"const": "all"}]})
_CLASSES_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"enum": list(CLASS_ORDERS)},
            {"type": "array", "items": {"type": ["string", "integer"]}, "minItems": 1, "uniqueItems": True},
        ],
        "default": "shuffled",
    }
)


class ItemSpec(Spec):
    """What is to be remembered.

    Parameters
    ----------
    set : str
        Name of the item set.
    count : int or ``"all"``
        Number of item slots; all: as many as the item set has classes, known when the run starts.
    classes : ``"shuffled"``, ``"listed"``, ``"seed-1993"`` or list of class names
        Which class fills which slot: an order drawn for every subject, the order of the item set, the customary order
        of class-incremental learning (shuffled by NumPy's generator of 1993), or the classes by name.
    train, test : int, optional
        Images per item in each part; None: as many as the pool has evenly.
    options : mapping, optional
        Options of the item set, such as ``{"overlap": 0.2}``; see the item set for their names. Where a run names
        another item set than the protocol, they are left out.
    lists : mapping, optional
        ``{"count": 3}`` (all items, dealt out evenly) or ``{"size": 10, "count": 3}`` for equal lists ``list-1`` … in
        slot order, or a mapping from names to slot
        numbers, ``{"size": n}`` (the next n unused slots), ``{"size": n, "fresh": True}`` (others each time) or
        ``{"permutes": name}`` (a new order each time). Default: one list ``all``.

    Examples
    --------
    >>> ItemSpec(count=30, lists={"size": 10, "count": 3}).list_names()
    ('list-1', 'list-2', 'list-3')
    """

    set: Slug = "digit-pairs"
    count: Annotated[int | Literal["all"], PlainValidator(_read_count), _COUNT_SCHEMA]
    classes: Annotated[
        str | tuple[str, ...], PlainValidator(_read_classes), PlainSerializer(plain), _CLASSES_SCHEMA
    ] = "shuffled"
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
        if self.count == "all":
            self.for_classes(self.least())
        elif problems := list(self._misfits()):
            raise ProtocolError(problems)
        return self

    @property
    def slots(self) -> int:
        """Number of item slots.

        Raises
        ------
        ValueError
            If it follows from the item set; `for_classes` settles it.
        """
        if self.count == "all":
            raise ValueError(
                "items.count is all: how many items there are follows from the item set; "
                "say it with for_classes(number of classes)"
            )
        return self.count

    def for_classes(self, classes: int) -> ItemSpec:
        """The same with its `count` settled for an item set of so many classes.

        Parameters
        ----------
        classes : int

        Raises
        ------
        ValueError
            The lists need more items, or `classes` names more.

        Examples
        --------
        >>> ItemSpec(count="all", lists={"count": 3}).for_classes(8).fixed_lists()["list-3"]
        (6, 7)
        """
        if self.count != "all":
            return self
        if isinstance(self.classes, tuple):
            if len(self.classes) > classes:
                text = f"names {len(self.classes)} classes; the item set has {classes}"
                raise ProtocolError([Problem(("classes",), text)])
            classes = len(self.classes)
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        return ItemSpec(**{**fields, "count": classes})

    def least(self) -> int:
        """With how many classes, at least, an item set is taken while it is not known.

        Examples
        --------
        >>> ItemSpec(count="all", lists={"count": 20}).least()
        40
        """
        if isinstance(self.classes, tuple):
            return len(self.classes)
        if isinstance(self.lists, EqualLists):
            return max(_FEW, self.lists.count * (self.lists.size or 2))
        forms = (self.lists or {}).values()
        numbered = max((max(form) + 1 for form in forms if isinstance(form, tuple)), default=0)
        return max(_FEW, numbered + sum(form.size for form in forms if isinstance(form, SizedList)))

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
            return {"all": tuple(range(self.slots))}
        if isinstance(self.lists, EqualLists):
            all_slots = iter(range(self.slots))
            sizes = self.lists.sizes(self.slots)
            return {name: tuple(islice(all_slots, size)) for name, size in zip(self.list_names(), sizes, strict=True)}
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
        return tuple(slot for slot in range(self.slots) if slot not in held)

    def _unlisted(self) -> list[int]:
        assert isinstance(self.lists, dict)
        listed = {slot for form in self.lists.values() if isinstance(form, tuple) for slot in form}
        return [slot for slot in range(self.slots) if slot not in listed]

    def _misfits(self) -> Iterator[Problem]:
        lists, count = self.lists, self.slots
        if isinstance(self.classes, tuple) and len(self.classes) < count:
            text = f"names {len(self.classes)} classes; count is {count}, and every item needs one"
            yield Problem(("classes",), text)
        if isinstance(lists, EqualLists):
            if (needed := (lists.size or 1) * lists.count) > count:
                if lists.size is None:
                    text = f"found {lists.count} lists for {count} items; every list needs at least one item"
                    yield Problem(("lists", "count"), text)
                else:
                    text = f"{lists.count} lists of {lists.size} need {needed} items; count is {count}"
                    yield Problem(("lists", "size"), text)
            return
        if lists is None:
            return
        needed = 0
        for name, form in lists.items():
            if isinstance(form, tuple):
                for place, slot in enumerate(form):
                    if slot >= count:
                        text = f"found slot {slot}; allowed: 0 to {count - 1}, since count is {count}"
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
            text = f"lists given by size need {needed} slots; {free} of {count} are not listed by number"
            yield Problem(("lists",), text)
