"""Which items a selection names at a point of the schedule: lists, what was seen, what is current."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ..data.wording import counted, nearest, one_of
from .draws import Draw, Met, Shuffle
from .fields import SELECTIONS
from .items import ItemSpec, PermutedList
from .orders import Ints
from .problems import Loc, found

AnySelection = str | tuple[int, ...] | tuple[str, ...]


@dataclass(slots=True, eq=False)
class Drawn:
    """A block whose passes meet other items in every subject."""

    slots: Ints | None  # of all its passes together, where all subjects have the same
    size: int  # items of one pass
    outer: Drawn | None  # the block whose current items it goes over
    countable: bool  # how many items were met is the same for every subject
    certain: bool = False  # all its items were presented anyway
    woken: set[int] = field(default_factory=set)  # passes whose items were presented
    turn: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """A resolved selection: places on the tape (see `draws`), and its slots where all subjects have the same."""

    places: Ints
    slots: Ints | None
    list: str = ""
    drawn: Drawn | None = None

    def __len__(self) -> int:
        return len(self.places)

    @property
    def fixed(self) -> bool:
        """Whether the order, too, is the same for every subject."""
        return self.slots is self.places


def same_for_all(slots: Sequence[int] | Ints, name: str = "") -> Chosen:
    """A selection of given slots."""
    places = np.asarray(slots, dtype=np.int64)
    return Chosen(places, places, name)


class Selections:
    """Resolves selections along one walk through a schedule, and collects the mistakes found on the way."""

    def __init__(self, items: ItemSpec) -> None:
        self.items, self.count = items, items.slots
        self.everything = same_for_all(np.arange(self.count))
        self.draws: list[Draw] = []
        self.length = self.count  # of the tape
        self.mistakes: dict[Loc, str] = {}
        self.presented_so_far = 0  # presentations; kept up to date by the walk
        self.in_passage: dict[str, Chosen] = {}  # lists that are current in an enclosing each: list
        self._fixed = {name: same_for_all(slots, name) for name, slots in items.fixed_lists().items()}
        self._last_use: dict[str, Chosen] = {}
        self._unused = np.array(items.unused(), dtype=np.int64)
        self._taken = 0
        self._uses: dict[str, int] = {}
        self._by_number: dict[int, Chosen | None] = {}
        self._certain = np.zeros(self.count, dtype=bool)  # presented to every subject
        self._open: list[Drawn] = []

    def mistake(self, loc: Loc, text: str) -> None:
        """Note a mistake; the first one of each field is kept."""
        self.mistakes.setdefault(loc, text)

    def reserve(self, size: int) -> int:
        """Start of `size` new places on the tape."""
        start = self.length
        self.length += size
        return start

    def check_supply(self) -> None:
        """Note it if fresh lists needed more slots than there are."""
        if self._taken > len(self._unused):
            uses = one_of([f'"{name}" {n} times' for name, n in self._uses.items()]).replace(" or ", " and ")
            needed = self.count - len(self._unused) + self._taken
            text = f"found {self.count}; the schedule uses fresh lists ({uses}) and needs {needed} slots in all"
            self.mistake(("items", "count"), text)

    # --- selections

    def wake(self, selection: AnySelection, current: Chosen | None, loc: Loc) -> Chosen | None:
        """Items that are presented, or None after a mistake."""
        if selection in ("seen", "new"):
            return self._met(str(selection), loc)
        return self._plain(selection, current, loc, use=True)

    def ask(self, selection: AnySelection, current: Chosen | None, loc: Loc) -> tuple[Ints | str, str]:
        """Places of the items that are asked for (or "seen" or "new"), and the name of the list."""
        if selection == "seen" and not self.any_presented:
            self.mistake(loc, _NOTHING_SEEN)
        if selection == "new" and self._certain.all():
            self.mistake(loc, _NOTHING_NEW)
        if selection in ("seen", "new"):
            return str(selection), ""
        chosen = self._plain(selection, current, loc, use=False)
        return (chosen.places, chosen.list) if chosen else (self.everything.places, "")

    def cues(self, selection: AnySelection, answers: Chosen, loc: Loc, use: bool) -> Chosen | None:
        """Items that cue `answers`, each the one at its place, or None after a mistake."""
        chosen = self._plain(selection, None, loc, use)
        if chosen is None:
            return None
        if len(chosen) != len(answers):
            text = f"{found(selection)} of {counted(len(chosen), 'item')} for {counted(len(answers), 'item')}"
            self.mistake(loc, f"{text}; expected one cue for each")
            return None
        slots = answers.slots if answers.slots is not None else answers.places
        if len(np.unique(slots)) < len(slots):
            self.mistake(loc, "an item stands twice in the lists that are paired; expected each once, with one cue")
            return None
        if chosen.fixed and answers.fixed and (chosen.places == answers.places).any():
            self.mistake(loc, f"{found(selection)}, which pairs an item with itself; expected other items")
            return None
        return chosen

    def _plain(self, selection: AnySelection, current: Chosen | None, loc: Loc, use: bool) -> Chosen | None:
        if selection == "all":
            return self.everything
        if selection == "current":
            if current is None:
                self.mistake(
                    loc, 'found "current" outside of any each block; expected each: item or each: list around it'
                )
            return current
        if isinstance(selection, str):
            return self.named(selection, loc, use=use)
        if isinstance(selection[0], str):
            return self._several(selection, loc, use)
        # The protocol holds on to its selections, so an id stands for one of them throughout.
        if id(selection) not in self._by_number:
            self._by_number[id(selection)] = self._numbered(selection, loc)
        return self._by_number[id(selection)]

    def _several(self, names: Sequence[int | str], loc: Loc, use: bool) -> Chosen | None:
        lists = [self.named(str(name), (*loc, place), use, lists_only=True) for place, name in enumerate(names)]
        known = [chosen for chosen in lists if chosen is not None]
        if len(known) < len(lists):
            return None
        places = np.concatenate([chosen.places for chosen in known])
        if all(chosen.fixed for chosen in known):
            return Chosen(places, places)
        slots = [chosen.slots for chosen in known if chosen.slots is not None]
        return Chosen(places, np.concatenate(slots) if len(slots) == len(known) else None)

    def _numbered(self, slots: tuple[int, ...], loc: Loc) -> Chosen | None:
        if beyond := [place for place, slot in enumerate(slots) if slot >= self.count]:
            text = f"found slot {slots[beyond[0]]}; allowed: 0 to {self.count - 1}, since items.count is {self.count}"
            self.mistake((*loc, beyond[0]), text)
            return None
        return same_for_all(slots)

    def named(self, name: str, loc: Loc, use: bool, lists_only: bool = False) -> Chosen | None:
        """A list by name. A use of a fresh or permuting list (not a probe of it) renews it."""
        if name in self.in_passage:
            return self.in_passage[name]
        form = self.items.lists[name] if isinstance(self.items.lists, dict) and name in self.items.lists else None
        if name in self._fixed:
            if not isinstance(form, PermutedList):
                return self._fixed[name]
            if use:
                base = self._fixed[name].places
                start = self.reserve(len(base))
                self.draws.append(Shuffle(start, base))
                self._last_use[name] = Chosen(np.arange(start, self.length), base, name)
            return self._last_use.get(name, self._fixed[name])
        if form is not None and not isinstance(form, (tuple, PermutedList)):
            return self._fresh(name, form.size, loc, use)
        names = self.items.list_names()
        words = names if lists_only else (*SELECTIONS, *(names if self.items.lists is not None else ()))
        others = "" if lists_only else ", a list name or slot numbers"
        allowed = one_of(words) if lists_only else ", ".join(words) + others
        self.mistake(loc, f"{found(name)}; allowed: {allowed}.{nearest(name, words)}")
        return None

    def _fresh(self, name: str, size: int, loc: Loc, use: bool) -> Chosen | None:
        if use:
            self._uses[name] = self._uses.get(name, 0) + 1
            slots = self._unused[self._taken : self._taken + size]
            self._taken += size
            # Where slots run out the walk goes on with some others, to count how many are needed.
            self._last_use[name] = same_for_all(slots if len(slots) == size else np.arange(min(size, self.count)), name)
        elif name not in self._last_use:
            self.mistake(loc, f"{found(name)}, a fresh list of which nothing has been presented yet")
        return self._last_use.get(name)

    # --- what has been seen

    @property
    def any_presented(self) -> bool:
        """Whether anything has been presented to every subject."""
        return bool(self._certain.any()) or any(block.woken for block in self._open)

    def _met(self, which: str, loc: Loc) -> Chosen | None:
        pending = [block for block in self._open if not block.certain]
        if not all(block.countable for block in pending):
            text = f'found "{which}"; how many items that is differs between subjects here, since the order is drawn; '
            self.mistake(loc, text + "expected a listed order of the enclosing block, or a named list")
            return None
        seen = int(self._certain.sum()) + sum(len(block.woken) * block.size for block in pending)
        size = seen if which == "seen" else self.count - seen
        if size == 0:
            self.mistake(loc, _NOTHING_SEEN if which == "seen" else _NOTHING_NEW)
            return None
        if not pending:
            return same_for_all(np.flatnonzero(self._certain == (which == "seen")))
        start = self.reserve(size)
        self.draws.append(Met(start, self.presented_so_far, self.count, inverted=which == "new"))
        return Chosen(np.arange(start, self.length), None)

    def meet(self, selection: AnySelection, chosen: Chosen) -> None:
        """Note that items were presented."""
        if chosen.slots is not None:
            self._make_certain(chosen.slots)
        elif selection == "new":
            self._make_certain(self.everything.places)
        elif chosen.drawn is not None:
            chosen.drawn.woken.add(chosen.drawn.turn)

    def _make_certain(self, slots: Ints) -> None:
        self._certain[slots] = True
        for block in self._open:
            if block.slots is not None and not block.certain:
                met = self._certain[block.slots]
                block.certain = bool(met.all())
                block.countable = block.countable and (block.certain or not met.any())

    def enter_drawn(self, taught: Chosen, size: int, once: bool) -> Drawn:
        """Begin a block that goes over `taught` in an order that differs between subjects."""
        slots = taught.slots
        distinct = slots is not None and len(np.unique(slots)) == len(slots)
        block = Drawn(slots, size, taught.drawn, countable=once and distinct and not self._open)
        for outer in self._open:
            outer.countable = False
        self._open.append(block)
        self._make_certain(np.empty(0, dtype=np.int64))
        return block

    def leave_drawn(self, block: Drawn) -> None:
        """End it: by now every subject has met all its items, if any were presented in it."""
        self._open.pop()
        if block.woken and block.slots is not None:
            self._make_certain(block.slots)
        elif block.woken and block.outer is not None:
            block.outer.woken.add(block.outer.turn)


_NOTHING_SEEN = 'found "seen", but nothing has been presented before'
_NOTHING_NEW = 'found "new", but every item has been presented before'
