"""Unrolling a schedule to its flat timeline.

One walk through the schedule lays out the steps, notes what has to be drawn for each subject (see `draws`), and finds
the mistakes that only show in context, such as a selection with nothing in it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..data.wording import counted, one_of
from .blocks import Each, Element, Repeat
from .draws import Derangement, Shuffle, Spaced
from .draws import Sequence as DrawnSequence
from .fields import MAX_COUNT
from .items import ItemSpec, PermutedList, SizedList
from .limits import MAX_PRESENTATIONS, MAX_STEPS, least_steps
from .orders import Ints, best_balance, rounds
from .phases import AnyPhase, Lesion, Probe, Rest, Sleep, Wake, WrongLabels
from .problems import Loc, Problem, ProtocolError, found
from .protocol import Protocol
from .resolving import SUPPOSED_DOMAINS
from .selections import Chosen, Selections, same_for_all
from .spacing import fits
from .timeline import Program, Step, Timeline


def unroll(protocol: Protocol) -> Timeline:
    """Unroll a protocol to its timeline.

    Parameters
    ----------
    protocol : Protocol

    Returns
    -------
    Timeline
        Steps common to all subjects; what differs between them is drawn by `Timeline.presentations`.

    Raises
    ------
    ValueError
        How many items there are is left to the item set (`Protocol.for_classes` settles it).

    Examples
    --------
    >>> from engram.protocols import ItemSpec, Protocol, each, probe, wake
    >>> schedule = [each("item", [wake("current"), probe("all")])]
    >>> timeline = unroll(Protocol(name="list-of-two", items=ItemSpec(count=2), schedule=schedule))
    >>> [step.kind for step in timeline]
    ['wake', 'probe', 'wake', 'probe']
    """
    walk = _Walk(protocol.items)
    walk.through(protocol.schedule, _Place(), ("schedule",))
    return walk.timeline()


def find_problems(items: ItemSpec, schedule: Sequence[Element]) -> list[Problem]:
    """Mistakes in a schedule that show when it is unrolled."""
    steps = least_steps(schedule, items)
    if steps > MAX_STEPS:
        return [Problem(("schedule",), f"unrolls to {steps:,} steps or more; allowed: at most {MAX_STEPS:,}")]
    walk = _Walk(items)
    stopped: tuple[Problem, ...] = ()
    try:
        walk.through(schedule, _Place(), ("schedule",))
    except ProtocolError as error:
        stopped = error.problems
    walk.items.check_supply()
    return [*(Problem(loc, text) for loc, text in walk.items.mistakes.items()), *stopped]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in the schedule a phase stands."""

    label: str = ""
    repetition: int = 0
    list: str = ""
    domain: str = ""
    current: Chosen | None = None
    current_list: Chosen | None = None
    taught: tuple[int, Chosen] | None = None  # the innermost each block and all its items


class _Walk:
    def __init__(self, items: ItemSpec) -> None:
        self.items = Selections(items)
        self.steps: list[Step] = []
        self.clock = 0.0
        self.lesion = "none"
        self.presented = array("q")  # places on the tape
        self.per_step = array("q")
        self.wrong = array("d")
        self.asked: dict[tuple[int, str], Ints | str] = {}
        self.paired: list[tuple[Ints, Ints, slice]] = []
        self.exchanges: dict[tuple[int, bytes], tuple[Derangement, list[Ints]]] = {}
        self.exchange_of: dict[int, tuple[Chosen, Derangement, list[Ints]]] = {}

    def timeline(self) -> Timeline:
        program = Program(
            places=np.array(self.presented, dtype=np.int64),
            per_step=np.array(self.per_step, dtype=np.int64),
            wrong=np.array(self.wrong, dtype=np.float64),
            draws=tuple(self.items.draws),
            length=self.items.length,
            deranged=tuple((exchange, np.concatenate(rows)) for exchange, rows in self.exchanges.values()),
            paired=tuple(self.paired),
            asked=self.asked,
        )
        return Timeline(steps=tuple(self.steps), count=self.items.count, program=program)

    def through(self, elements: Sequence[Element], place: _Place, at: Loc) -> None:
        for index, element in enumerate(elements):
            loc = (*at, index)
            here = replace(place, label=element.label) if element.label else place
            match element:
                case Repeat():
                    for turn in range(element.repeat):
                        self.through(element.phases, replace(here, repetition=turn + 1), (*loc, "repeat", "phases"))
                case Each(each="domain"):
                    self.each_domain(element, here, (*loc, "each"))
                case Each():
                    self.each(element, here, (*loc, "each"))
                case Wake():
                    after = elements[index + 1] if index + 1 < len(elements) else None
                    curve = isinstance(after, Probe) and after.every == "epoch"
                    self.wake(element, here, (*loc, "wake"), curve)
                case Probe():
                    if element.every is not None and (index == 0 or not isinstance(elements[index - 1], Wake)):
                        text = "every: epoch needs a wake phase right before the probe, in the same block"
                        self.items.mistake((*loc, "probe", "every"), text)
                    self.probe(element, here, (*loc, "probe"))
                case Sleep():
                    self.sleep(element, here, (*loc, "sleep"))
                case Rest():
                    self.step("rest", element, here, seconds=element.duration.seconds)
                case Lesion():
                    self.lesion = element.of
                    self.step("lesion", element, here)

    def step(
        self,
        kind: str,
        phase: AnyPhase,
        place: _Place,
        *,
        seconds: float = 0.0,
        list_name: str = "",
        lesion: str = "",
        curve: bool = False,
    ) -> int:
        index, start = len(self.steps), self.clock
        if index >= MAX_STEPS:
            raise _beyond(f"{MAX_STEPS:,} steps")
        self.clock += seconds
        self.steps.append(
            Step(
                index=index,
                kind=kind,
                label=place.label,
                repetition=place.repetition,
                list=list_name or place.list,
                lesion=lesion or self.lesion,
                start=start,
                stop=self.clock,
                phase=phase,
                curve=curve,
            )
        )
        self.per_step.append(0)
        self.wrong.append(0.0)
        return index

    # --- phases

    def wake(self, phase: Wake, place: _Place, loc: Loc, curve: bool) -> None:
        told = phase
        if phase.domain == "current":
            if not place.domain:
                text = 'found "current" outside of any block that goes over domains; expected each: domain around it'
                self.items.mistake((*loc, "domain"), text)
            told = phase.model_copy(update={"domain": place.domain})
        self.items.presented_so_far = first = len(self.presented)
        chosen = self.items.wake(phase.present, place.current, (*loc, "present"))
        if chosen is None:
            self.step("wake", told, place)
            return
        size = len(chosen) * phase.exposures
        if first + size > MAX_PRESENTATIONS:
            raise _beyond(f"{MAX_PRESENTATIONS:,} presentations")
        seconds = size * phase.duration.seconds
        index = self.step("wake", told, place, seconds=seconds, list_name=chosen.list, curve=curve)
        self.presented.frombytes(self.ordered(phase, chosen, (*loc, "order")).tobytes())
        self.per_step[index] = size
        if isinstance(phase.labels, WrongLabels):
            self.wrong[index] = phase.labels.wrong
        elif phase.labels == "deranged":
            self.derange(phase, chosen, place, (*loc, "labels"), np.arange(first, first + size))
        if phase.cued_by is not None:
            cues = self.items.cues(phase.cued_by, chosen, (*loc, "cued_by"), use=True)
            if cues is not None:
                self.paired.append((chosen.places, cues.places, slice(first, first + size)))
        self.items.meet(phase.present, chosen)

    def ordered(self, phase: Wake, chosen: Chosen, loc: Loc) -> Ints:
        """Places of all presentations of a wake phase, in order."""
        if phase.lags is not None:
            return self.spaced(phase, phase.lags, chosen, loc)
        if phase.order == "shuffled" and len(chosen) > 1:
            start = self.items.reserve(len(chosen) * phase.exposures)
            self.items.draws.append(Shuffle(start, chosen.places, phase.exposures))
            return np.arange(start, self.items.length)
        turns = self.turns(phase, chosen, loc)
        return turns if phase.exposures == 1 else np.tile(turns, phase.exposures)

    def turns(self, phase: Wake, chosen: Chosen, loc: Loc) -> Ints:
        """Places of the items in the order in which they come in a round."""
        if not isinstance(phase.order, tuple):
            return chosen.places
        if not chosen.fixed:
            self.items.mistake(loc, _ORDER_OF_DRAWN)
        elif sorted(phase.order) != sorted(chosen.places.tolist()):
            text = f"{found(phase.order)}; expected the {len(chosen)} slots that are presented, each once"
            self.items.mistake(loc, text)
        else:
            return np.array(phase.order, dtype=np.int64)
        return chosen.places

    def spaced(self, phase: Wake, lags: tuple[int, int], chosen: Chosen, loc: Loc) -> Ints:
        """Places of all presentations of a wake phase with a lag."""
        turns = self.turns(phase, chosen, loc)
        start = self.items.reserve(len(turns) * phase.exposures)
        if fits(len(turns), *lags):
            shuffled = phase.order == "shuffled"
            self.items.draws.append(Spaced(start, turns, phase.exposures, *lags, shuffled))
        else:
            self.items.mistake((*loc[:-1], "lag"), _misfit(len(turns), *lags))
        return np.arange(start, self.items.length)

    def derange(self, phase: Wake, chosen: Chosen, place: _Place, loc: Loc, rows: Ints) -> None:
        """Give `rows` the labels of one derangement of everything that is taught in the innermost each block."""
        owner, taught = id(phase), chosen
        if place.taught is not None and (chosen is place.current or _holds(place.taught[1], chosen)):
            owner, taught = place.taught
        if id(taught) not in self.exchange_of:
            places = np.unique(taught.places if taught.slots is None else taught.slots)
            if len(places) < 2:
                text = "found one item; deranged labels are exchanged between items, which needs two or more"
                self.items.mistake(loc, text)
                return
            # One derangement per place in the schedule and set of items, however often it is repeated.
            key = (owner, places.tobytes())
            if key not in self.exchanges:
                exchange = Derangement(self.items.reserve(len(places)), places)
                self.items.draws.append(exchange)
                self.exchanges[key] = (exchange, [])
            self.exchange_of[id(taught)] = (taught, *self.exchanges[key])
        self.exchange_of[id(taught)][2].append(rows)

    def probe(self, phase: Probe, place: _Place, loc: Loc) -> None:
        wanted, name = self.items.ask(phase.of, place.current, (*loc, "of"))
        pairs: dict[str, Ints] = {}
        if phase.cued_by is not None and not isinstance(wanted, str):
            cues = self.items.cues(phase.cued_by, same_for_all(wanted), (*loc, "cued_by"), use=False)
            if cues is not None:
                start = self.items.reserve(len(wanted))
                self.items.draws.append(Shuffle(start, wanted))  # in one order, whatever the lesion
                pairs = {"cued_by": cues.places, "targets": np.arange(start, self.items.length)}
        for lesion in phase.lesions or (self.lesion,):
            index = self.step("probe", phase, place, list_name=name, lesion=lesion)
            self.asked[index, "of"] = wanted
            self.asked |= {(index, field): places for field, places in pairs.items()}

    def sleep(self, phase: Sleep, place: _Place, loc: Loc) -> None:
        index = self.step("sleep", phase, place, seconds=phase.seconds)
        if phase.replay is not None:
            self.asked[index, "replay"], _ = self.items.ask(phase.replay, place.current, (*loc, "replay"))
        if phase.cue is not None:
            self.asked[index, "cue"], _ = self.items.ask(phase.cue, place.current, (*loc, "cue"))

    # --- each

    def each_domain(self, block: Each, place: _Place, loc: Loc) -> None:
        for name in block.of or SUPPOSED_DOMAINS:
            self.through(block.phases, replace(place, domain=str(name), list=str(name)), (*loc, "phases"))

    def each(self, block: Each, place: _Place, loc: Loc) -> None:
        going_over = self.items_of(block, place, loc) if block.each == "item" else self.lists_of(block, loc)
        if going_over is None:
            return
        groups, taught = going_over
        counts = self.counts(block, groups, (*loc, "frequency"))
        here = replace(place, taught=(id(block), taught), list=taught.list or place.list)
        order = block.order or ("balanced" if len(set(counts)) > 1 else "listed")
        if len(groups) == 1 and not isinstance(order, tuple):
            order = "listed"
        size, once = len(groups[0]), max(counts) == 1
        if order in ("shuffled", "balanced"):
            if any(len(group) != size for group in groups):
                self.items.mistake((*loc, "order"), f"found {order}; lists in a drawn order must be equally long")
                return
            if order == "balanced":
                self.check_balance(counts, block.bound, loc)
            passes = self.drawn_passes(groups, counts, block.bound if order == "balanced" else None)
        else:
            passes = [groups[k] for k in self.sequence(order, groups, counts, (*loc, "order"))]
        drawn = self.items.enter_drawn(taught, size, once) if passes[0].slots is None else None
        for turn, current in enumerate(passes):
            if drawn is not None:
                current, drawn.turn = replace(current, drawn=drawn), turn
            self.enter(block, current, here, (*loc, "phases"))
        if drawn is not None:
            self.items.leave_drawn(drawn)

    def enter(self, block: Each, current: Chosen, place: _Place, loc: Loc) -> None:
        """One pass through an each block."""
        if block.each == "item":
            self.through(block.phases, replace(place, current=current), loc)
            return
        outer = self.items.in_passage
        if current.list:
            self.items.in_passage = {**outer, current.list: current}
        here = replace(place, current=current, current_list=current, list=current.list or place.list)
        self.through(block.phases, here, loc)
        self.items.in_passage = outer

    def items_of(self, block: Each, place: _Place, loc: Loc) -> tuple[list[Chosen], Chosen] | None:
        """Items that the block goes over, one by one and together."""
        chosen: Chosen | None = place.current_list or self.items.everything
        if block.of is not None:
            self.items.presented_so_far = len(self.presented)
            chosen = self.items.wake(block.of, place.current, (*loc, "of"))  # type: ignore[arg-type]
        if chosen is None:
            return None
        if block.of == "new" and not chosen.fixed:
            self.items.mistake((*loc, "of"), 'found "new" inside a block with a drawn order; expected a listed order')
            return None
        one_by_one = [chosen.places[k : k + 1] for k in range(len(chosen))]
        return [Chosen(one, one if chosen.fixed else None, chosen.list) for one in one_by_one], chosen

    def lists_of(self, block: Each, loc: Loc) -> tuple[list[Chosen], Chosen] | None:
        """Lists that the block goes over, one by one and all their items together."""
        names = (block.of,) if isinstance(block.of, str) else block.of
        if names is None or names == ("all",):
            names = self.items.items.list_names()
        lists = [self.items.named(str(name), (*loc, "of"), use=True, lists_only=True) for name in names]
        known = [group for group in lists if group is not None]
        if len(known) < len(lists):
            return None
        places = np.concatenate([group.places for group in known])
        return known, Chosen(places, np.concatenate([group.slots for group in known if group.slots is not None]))

    def counts(self, block: Each, groups: list[Chosen], loc: Loc) -> tuple[int, ...]:
        """How often each item or list comes."""
        once = (1,) * len(groups)
        if block.frequency is None:
            return once
        counts = block.frequency if isinstance(block.frequency, tuple) else block.frequency.counts(len(groups))
        if len(counts) != len(groups):
            self.items.mistake(
                loc, f"found {len(counts)} counts for {len(groups)} {block.each}s; expected one for each"
            )
            return once
        if not all(1 <= count <= MAX_COUNT for count in counts):
            text = f"found counts from {min(counts)} to {max(counts)}; expected 1 to {MAX_COUNT} for each"
            self.items.mistake(loc, text)
            return once
        if sum(counts) > MAX_STEPS:
            raise _beyond(f"{MAX_STEPS:,} steps")
        lists = self.items.items.lists
        changing = [
            group.list
            for group in groups
            if block.each != "item" and isinstance(lists, dict) and _changes(lists.get(group.list))
        ]
        if changing:
            self.items.mistake(loc, f'list "{changing[0]}" is new at every use, so it cannot come several times')
        return counts

    def check_balance(self, counts: tuple[int, ...], bound: float, loc: Loc) -> None:
        best = best_balance(counts, bound)
        if best > bound + 1e-12:
            text = (
                f"found {bound:g}; no order of these {len(counts)} keeps frequency and last position so little "
                f"correlated, the best reached is {best:.3g}; allow a larger bound, or set order: shuffled"
            )
            self.items.mistake((*loc, "bound"), text)

    def drawn_passes(self, groups: list[Chosen], counts: tuple[int, ...], bound: float | None) -> list[Chosen]:
        """Passes of a block whose order is drawn for each subject."""
        matrix = np.stack([group.places for group in groups])
        start = self.items.reserve(sum(counts) * matrix.shape[1])
        self.items.draws.append(DrawnSequence(start, matrix, counts, bound))
        places = np.arange(start, self.items.length).reshape(-1, matrix.shape[1])
        return [Chosen(row, None) for row in places]

    def sequence(
        self, order: str | tuple[int, ...], groups: list[Chosen], counts: tuple[int, ...], loc: Loc
    ) -> list[int]:
        """Numbers of the groups in an order that is the same for every subject."""
        listed: list[int] = rounds(counts).tolist()
        if not isinstance(order, tuple):
            return listed
        if any(group.slots is None for group in groups):
            self.items.mistake(loc, _ORDER_OF_DRAWN)
            return listed
        number = {int(group.places[0]): k for k, group in enumerate(groups)}
        if sorted(number.get(slot, -1) for slot in order) != sorted(listed):
            text = f"{found(order)}; expected the {len(groups)} slots of the block, each as often as it comes"
            self.items.mistake(loc, text)
            return listed
        return [number[slot] for slot in order]


_ORDER_OF_DRAWN = "a given order needs items that are the same for every subject; allowed here: listed or shuffled"


def _misfit(items: int, least: int, most: int) -> str:
    """Why no order of the items keeps the lag, and which lags some order would keep."""
    told = (
        f"found {least if least == most else [least, most]} for {counted(items, 'item')}, which come back in groups of"
    )
    if least < most:
        return f"{told} {least + 1} to {most + 1}; they cannot be divided into such groups"
    fitting = sorted((n for n in range(items) if items % (n + 1) == 0), key=lambda n: abs(n - least))[:3]
    return f"{told} {least + 1}; their number must divide evenly, as with a lag of {one_of(map(str, sorted(fitting)))}"


def _beyond(limit: str) -> ProtocolError:
    return ProtocolError([Problem(("schedule",), f"unrolls to more than {limit}, which is the limit")])


def _changes(form: object) -> bool:
    return isinstance(form, PermutedList) or (isinstance(form, SizedList) and form.fresh)


def _holds(whole: Chosen, part: Chosen) -> bool:
    if whole.slots is None or part.slots is None:
        return False
    return bool(np.isin(part.slots, whole.slots).all())
