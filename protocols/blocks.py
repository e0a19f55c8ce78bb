"""Blocks of a schedule: `repeat` and `each`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema, model_validator

from ..data.wording import nearest, one_of
from .fields import MAX_COUNT, Count, EachOrder, Label, Targets
from .phases import PHASES, AnyPhase, Lesion, Phase
from .problems import Problem, ProtocolError, Spec, found, refuse

MAX_DEPTH = 16


def read_elements(value: Any) -> tuple[Element, ...]:
    """Phases and blocks from a list of them, or of mappings in the YAML form."""
    if not isinstance(value, (list, tuple)):
        raise refuse(value, "a list of phases and blocks")
    if not value:
        raise refuse(value, "at least one phase or block")
    elements: list[Element] = []
    problems: list[Problem] = []
    for index, entry in enumerate(value):
        try:
            elements.append(_read_element(entry))
        except ProtocolError as error:
            problems.extend(error.within(index))
    if problems:
        raise ProtocolError(problems)
    return tuple(elements)


def _write_elements(elements: tuple[Element, ...]) -> list[dict[str, Any]]:
    from .plain_form import yaml_element

    return [yaml_element(element) for element in elements]


# The list of elements contains itself; `schema.json_schema` puts its definition where this comment stands.
ELEMENTS_SCHEMA: dict[str, Any] = {"$comment": "elements"}
Elements = Annotated[
    "tuple[Element, ...]",
    PlainValidator(read_elements),
    PlainSerializer(_write_elements),
    WithJsonSchema(ELEMENTS_SCHEMA),
]


class Repeat(Spec):
    """The same phases several times.

    Parameters
    ----------
    repeat : int
        How many times.
    phases : list of phases and blocks
        What is repeated.
    label : str, optional
        Name under which analyses find these phases.

    Examples
    --------
    >>> from engram.protocols import wake
    >>> Repeat(repeat=9, phases=[wake("all")], label="repetition").repeat
    9
    """

    repeat: Count
    phases: Elements
    label: Label = ""


class CountsFrom(Spec):
    """Learning frequencies that rise or fall evenly: ``from``, ``from + step``, ...

    Examples
    --------
    >>> CountsFrom(**{"from": 1, "step": 2}).counts(3)
    (1, 3, 5)
    """

    start: Annotated[int, Field(strict=True, ge=1, le=MAX_COUNT, alias="from")]
    step: Annotated[int, Field(strict=True, ge=-MAX_COUNT, le=MAX_COUNT)]

    def counts(self, n: int) -> tuple[int, ...]:
        """Counts of `n` items."""
        return tuple(self.start + self.step * k for k in range(n))


def _frequency(value: Any) -> tuple[int, ...] | CountsFrom:
    if isinstance(value, CountsFrom):
        return value
    if isinstance(value, Mapping):
        return CountsFrom(**{str(key): entry for key, entry in value.items()})
    if not isinstance(value, (list, tuple)) or not value:
        raise refuse(value, "one count per item, such as [1, 2, 3], or {from: 1, step: 1}")
    for count in value:
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
            raise refuse(count, f"counts from 1 to {MAX_COUNT}")
    return tuple(value)


_FREQUENCY_SCHEMA = WithJsonSchema(
    {
        "anyOf": [
            {"type": "array", "items": {"type": "integer", "minimum": 1, "maximum": MAX_COUNT}, "minItems": 1},
            CountsFrom.model_json_schema(),
        ]
    }
)


class Each(Spec):
    """The same phases once for each item, for each list, or for each domain.

    Parameters
    ----------
    each : ``"item"``, ``"list"``, ``"task"`` or ``"domain"``
        What the block goes over; a task is a list, a domain one of those of the item set.
    phases : list of phases and blocks
        What happens for each; the selection ``current`` is that item or list. Of domains, it is ``domain: current``.
    of : selection or list of names, optional
        The items, the lists or the domains to go over. Default: the items of the enclosing list, or all; all domains
        of the item set.
    order : ``"listed"``, ``"shuffled"``, ``"balanced"`` or slot numbers, optional
        Default: ``balanced`` if the frequencies differ, else ``listed``.
    frequency : list of int or ``{"from": int, "step": int}``, optional
        How often each occurs in all, in listed order. Default: once.
    bound : float
        For ``balanced``: the largest absolute Spearman correlation allowed between the frequency of an item and
        the position of its last occurrence.
    label : str, optional
        Name under which analyses find these phases.

    Examples
    --------
    >>> from engram.protocols import wake
    >>> Each(each="item", phases=[wake("current")], frequency={"from": 1, "step": 1}).bound
    0.1
    """

    each: Literal["item", "list", "task", "domain"]
    phases: Elements
    of: Targets | None = None
    order: EachOrder | None = None
    frequency: Annotated[tuple[int, ...] | CountsFrom, PlainValidator(_frequency), _FREQUENCY_SCHEMA] | None = None
    bound: Annotated[float, Field(strict=True, gt=0, le=1, allow_inf_nan=False)] = 0.1
    label: Label = ""

    @model_validator(mode="after")
    def _consistent(self) -> Each:
        if self.each == "item":
            if isinstance(self.of, tuple) and isinstance(self.of[0], str):
                raise _problem("of", f"{found(self.of)}; list names belong to each: list; expected items")
        elif self.each == "domain":
            self._check_domains()
        else:
            if isinstance(self.of, tuple) and not isinstance(self.of[0], str):
                raise _problem("of", f"{found(self.of)}; expected list names, since the block goes over lists")
            if isinstance(self.order, tuple):
                raise _problem("order", "lists take their order from `of`: name them there in the order wanted")
        if self.order == "balanced" and self.frequency is None:
            raise _problem("order", "balanced needs the field frequency: it balances frequency against last position")
        return self

    def _check_domains(self) -> None:
        if isinstance(self.of, str) or (self.of is not None and not isinstance(self.of[0], str)):
            raise _problem("of", f"{found(self.of)}; expected a list of domains, such as [s1, s2]")
        if self.order not in (None, "listed"):
            raise _problem("order", f"{found(self.order)}; domains come in the order in which they are named")
        if self.frequency is not None:
            raise _problem("frequency", "domains take no frequency; name them in `of` as often as they come")


Element: TypeAlias = AnyPhase | Repeat | Each
BLOCKS: dict[str, type[Repeat] | type[Each]] = {"repeat": Repeat, "each": Each}
KINDS = (*PHASES, *BLOCKS)

Repeat.model_rebuild()
Each.model_rebuild()


def _read_element(entry: Any) -> Element:
    if isinstance(entry, (Phase, Repeat, Each)):
        return entry  # type: ignore[return-value]
    if not isinstance(entry, Mapping):
        hint = f' Write "{entry}:" with a colon.' if entry in PHASES else ""
        raise ProtocolError([Problem((), f"{found(entry)}; expected a phase or block: {one_of(KINDS)}.{hint}")])
    kinds = [kind for kind in KINDS if kind in entry]
    if len(kinds) != 1:
        raise ProtocolError([_which_kind(entry, kinds)])
    return _read_phase(entry, kinds[0]) if kinds[0] in PHASES else _read_block(entry, kinds[0])


def _which_kind(entry: Mapping[Any, Any], kinds: list[str]) -> Problem:
    if kinds:
        return Problem((), f"found {' and '.join(kinds)} in one entry; begin each with its own hyphen")
    keys = [str(key) for key in entry]
    hint = next((text for key in keys if (text := nearest(key, KINDS))), "")
    return Problem(tuple(keys[:1]), f"unknown phase or block; allowed: {one_of(KINDS)}.{hint}")


def _read_phase(entry: Mapping[Any, Any], kind: str) -> Element:
    cls = PHASES[kind]
    problems = []
    for key in entry:
        if key not in (kind, "label"):
            hint = f" Indent it under {kind}." if key in cls.words() else nearest(str(key), ["label", *KINDS])
            problems.append(Problem((str(key),), f"unknown field beside {kind}; allowed: label.{hint}"))
    try:
        phase = cls(**_body(cls, entry[kind]), **({"label": entry["label"]} if "label" in entry else {}))
    except ProtocolError as error:
        problems += [Problem(loc if loc[:1] == ("label",) else (kind, *loc), text) for loc, text in error.problems]
    if problems:
        raise ProtocolError(problems)
    return phase  # type: ignore[return-value]


def _body(cls: type[Phase], body: Any) -> dict[str, Any]:
    """Fields of a phase from its long or short form."""
    if body is None:
        return {}
    if not isinstance(body, Mapping):
        return {cls.short: body}
    if cls is Lesion and len(body) == 1:
        [(name, value)] = body.items()
        if value is None and name not in cls.words():  # lesion: {none}
            return {"of": name}
    if "label" in body:
        raise ProtocolError([Problem(("label",), "a label stands beside the phase, not inside it")])
    return {str(key): value for key, value in body.items()}


def _read_block(entry: Mapping[Any, Any], kind: str) -> Element:
    try:
        return BLOCKS[kind](**{str(key): value for key, value in entry.items()})
    except ProtocolError as error:
        problems = [
            Problem(loc if loc[:1] in ((kind,), ("label",)) else (kind, *loc), text) for loc, text in error.problems
        ]
    raise ProtocolError(problems)


def _problem(field: str, text: str) -> ProtocolError:
    return ProtocolError([Problem((field,), text)])


def depth(elements: Sequence[Element]) -> int:
    """How many blocks are nested; counting stops beyond the limit of the language."""
    deepest, level = 0, list(elements)
    while level and deepest <= MAX_DEPTH:
        level = [inner for block in level if isinstance(block, (Repeat, Each)) for inner in block.phases]
        deepest += bool(level)
    return deepest
