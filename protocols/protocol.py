"""A protocol: the items, the schedule, and what is recorded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, model_validator

from .blocks import MAX_DEPTH, Each, Element, Elements, Repeat, depth
from .durations import Duration, DurationField
from .fields import Count, Slug, StateName, Text, Word
from .items import ItemSpec, PermutedList
from .phases import Lesion, Probe, Rest, Sleep, Wake
from .problems import Loc, Problem, ProtocolError, Spec, found, shown
from .resolving import SUPPOSED_DOMAINS, is_open, resolved, supposed_items


class StatesSpec(Spec):
    """State variables of cells over time, for models that have any.

    Parameters
    ----------
    of : list of str
        Population and variable, such as ``C.v``.
    every : Duration
        Time between two values.
    cells : int
        How many cells of each population: the first ones.

    Examples
    --------
    >>> StatesSpec(of=["C.v", "H.a2"], every="5 ms").cells
    10
    """

    of: Annotated[tuple[StateName, ...], Field(max_length=100)]
    every: DurationField = Duration("1 ms")
    cells: Count = 10

    @model_validator(mode="after")
    def _meaningful(self) -> StatesSpec:
        if not self.of:
            raise ProtocolError([Problem(("of",), "found an empty list; expected variables, such as [C.v]")])
        if len(set(self.of)) < len(self.of):
            raise ProtocolError([Problem(("of",), f"{found(self.of)}; expected each variable once")])
        if self.every.seconds == 0:
            raise ProtocolError(
                [Problem(("every",), f'{found(str(self.every))}; expected a time between two values such as "1 ms"')]
            )
        return self


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
    spikes : ``"all"`` or ``"none"``
        Every spike of every population, of models that have spikes, or none.
    rates : Duration, optional
        Bin in which mean rates of populations are recorded. Default: no rates.
    states : StatesSpec, optional
        State variables of cells over time. Default: none.

    Examples
    --------
    >>> RecordSpec().weights
    'summary'
    """

    responses: Literal["counts", "trials", "none"] = "counts"
    weights: Literal["summary", "snapshots", "none"] = "summary"
    every: Literal["phase", "repetition", "end"] = "repetition"
    spikes: Literal["all", "none"] = "all"
    rates: DurationField | None = None
    states: StatesSpec | None = None

    @model_validator(mode="after")
    def _bins_last(self) -> RecordSpec:
        if self.rates is not None and self.rates.seconds == 0:
            raise ProtocolError([Problem(("rates",), f'{found(str(self.rates))}; expected a bin such as "10 ms"')])
        return self


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
        items = supposed_items(self.items, self.schedule)
        problems = find_problems(items, self.schedule)
        if items is not self.items:
            supposed = f" (tried with {items.slots} items, since items.count is all)"
            # Fresh lists may find enough slots once the classes are known.
            problems = [Problem(loc, text + supposed) for loc, text in problems if loc != ("items", "count")]
        if problems:
            raise ProtocolError(problems)
        return self

    @property
    def open(self) -> bool:
        """Whether something is left to the item set: the number of items, domains, or whether to test unknown classes.

        Examples
        --------
        >>> from engram.protocols import load
        >>> load("class-incremental-10").open, load("hebb-repetition").open
        (True, False)
        """
        return is_open(self)

    def for_classes(self, classes: int, *, domains: Sequence[str] = (), unknown: bool = False) -> Protocol:
        """The protocol for an item set: with its number of items, its domains, and whether any class is unknown.

        Parameters
        ----------
        classes : int
            How many classes the item set has.
        domains : sequence of str
            Names of its domains; empty where it tells none.
        unknown : bool
            Whether there are images of unknown classes besides those of classes that no slot holds.

        Returns
        -------
        Protocol
            Itself where nothing is left open.

        Raises
        ------
        ValueError
            The item set has too few classes, or no domains, or nothing unknown where the schedule asks for it.

        Examples
        --------
        >>> from engram.protocols import load
        >>> load("class-incremental-5").for_classes(10).items.fixed_lists()["list-5"]
        (8, 9)
        """
        return resolved(self, classes, domains, unknown)

    def settled(self, classes: int | None = None) -> Protocol:
        """The protocol with whatever it leaves to the item set taken for granted, to be looked at before there is one.

        Parameters
        ----------
        classes : int, optional
            How many classes the item set is to have; by default as few as will do.

        Returns
        -------
        Protocol

        Examples
        --------
        >>> from engram.protocols import load, unroll
        >>> len(unroll(load("class-incremental-5").settled()))
        16
        """
        classes = supposed_items(self.items, self.schedule).slots if classes is None else classes
        return self.for_classes(classes, domains=SUPPOSED_DOMAINS, unknown=True)

    def in_class_order(self, classes: str | Sequence[str]) -> Protocol:
        """The protocol with its classes in another order.

        Parameters
        ----------
        classes : str or sequence of str
            As `ItemSpec` takes them.

        Returns
        -------
        Protocol

        Examples
        --------
        >>> from engram.protocols import load
        >>> load("class-incremental-5").in_class_order("seed-1993").items.classes
        'seed-1993'
        """
        fields = {name: getattr(self, name) for name in self.model_fields_set}
        of_items = {name: getattr(self.items, name) for name in self.items.model_fields_set}
        return Protocol(**{**fields, "items": ItemSpec(**{**of_items, "classes": classes})})

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
            if _recalls_permuted(element, self.items):
                asked.setdefault("order", shown((*loc, "probe", "kind")))
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
        case Wake(domain=domain, labels=labels, passes=passes, cued_by=cues):
            if domain is not None:
                yield "domains", ("wake", "domain")
            if labels != "true":
                yield "labels", ("wake", "labels")
            if passes is not None:
                yield "passes", ("wake", "passes")
            if cues is not None:
                yield "pairs", ("wake", "cued_by")
        case Sleep(cue=cue, replay=replay):
            yield "sleep", ("sleep",)
            if cue is not None:
                yield "targeted-reactivation", ("sleep", "cue")
            if replay is not None:
                yield "selective-replay", ("sleep", "replay")
        case Rest(replay=quiet):
            yield "time", ("rest",)
            if quiet:
                yield "quiet-replay", ("rest", "replay")
        case Lesion(of=of) if of != "none":
            yield "lesion", ("lesion",)
        case Probe():
            yield from _abilities_of_probe(element)


def _recalls_permuted(element: Element, items: ItemSpec) -> bool:
    """Whether lists are to be recalled that differ from each other in nothing but order."""
    if not isinstance(element, Probe) or element.kind != "recall" or element.cued_by or element.scoring == "free":
        return False
    lists = items.lists if isinstance(items.lists, dict) else {}
    permuted = {name for name, form in lists.items() if isinstance(form, PermutedList)}
    named = {element.of} if isinstance(element.of, str) else set(element.of)
    return bool(permuted) and not named.isdisjoint({"current", "all", "seen", *permuted})


def _abilities_of_probe(probe: Probe) -> Iterator[tuple[str, Loc]]:
    if probe.kind == "cued":
        yield "cued-recall", ("probe", "kind")
    if probe.kind == "recall":
        yield "recall", ("probe", "kind")
    if probe.scoring == "strict":
        yield "order", ("probe", "scoring")
    if any(lesion != "none" for lesion in probe.lesions):
        yield "lesion", ("probe", "lesions")
    if probe.cued_by is not None:
        yield "pairs", ("probe", "cued_by")
    if probe.learn:
        yield "learning-recall" if probe.kind == "recall" else "learning-probes", ("probe", "learn")
    if probe.corruptions:
        yield "corruptions", ("probe", "corruptions")
    if probe.unknown:
        yield "unknown-items", ("probe", "unknown")
