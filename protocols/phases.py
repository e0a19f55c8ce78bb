"""The phases of a subject's time: wake, sleep, rest, probe, lesion."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from ..data.corruptions import CORRUPTIONS, SEVERITIES
from .durations import Duration, DurationField
from .fields import Count, Cues, Flag, Label, Lag, Order, Selection, Share, Word
from .problems import Problem, ProtocolError, Spec, found, refuse_word


class Phase(Spec):
    """A stretch of a subject's time. `short` is the field that the short YAML form `- kind: value` sets."""

    kind_of_phase: ClassVar[str] = ""
    short: ClassVar[str] = ""

    label: Label = ""

    @classmethod
    def words(cls) -> list[str]:
        """Names of the fields inside the phase; its label stands beside it."""
        return [word for word in super().words() if word != "label"]


class WrongLabels(Spec):
    """Labels of which a share is wrong, drawn anew for each presentation.

    Examples
    --------
    >>> WrongLabels(wrong=0.3).wrong
    0.3
    """

    wrong: Share


def _labels(value: Any) -> Any:
    # YAML reads a bare `true` as the truth value.
    if value is True:
        return "true"
    if isinstance(value, WrongLabels):
        return value
    if isinstance(value, dict):
        return WrongLabels(**{str(key): entry for key, entry in value.items()})
    if value not in ("true", "deranged"):
        raise refuse_word(value, ("true", "deranged"), "{wrong: SHARE}")
    return value


Labels = Annotated[
    Literal["true", "deranged"] | WrongLabels,
    PlainValidator(_labels),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": [True, "true", "deranged"]},
                {
                    "type": "object",
                    "properties": {"wrong": {"type": "number", "minimum": 0, "maximum": 1}},
                    "required": ["wrong"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


class Wake(Phase):
    """Items are presented and learned.

    Parameters
    ----------
    present : selection
        ``all``, ``seen``, ``current``, ``new``, the name of a list or of several, or slot numbers.
    order : ``"listed"``, ``"shuffled"`` or slot numbers
        Order of presentation within a round.
    labels : ``"true"``, ``"deranged"`` or ``{"wrong": share}``
        Labels given: right ones; those of other items, one derangement per subject; or a share wrong.
    exposures : int
        Presentations of each item: so many rounds through the selection, reshuffled each round if shuffled.
    lag : int or list of two int, optional
        How many other presentations stand between two of one item: 0 is massed; a pair is the least and the most, drawn
        for every subject. None: rounds through the selection.
    cued_by : list name, list of names or slot numbers, optional
        What each item is paired with: the k-th of these is shown together with the k-th item.
    duration : Duration
        Of one presentation.
    domain : str, optional
        Domain from which the images come, for item sets that have several; ``current`` is the one whose turn it is in
        a block ``each: domain``.
    passes : int, optional
        How often, at most, an image is gone over at each exposure, whatever number of epochs the model is set to; 1 is
        learning online. For models that count passes over images.

    Examples
    --------
    >>> Wake(present="all", exposures=3).duration.seconds
    1.0
    """

    kind_of_phase: ClassVar[str] = "wake"
    short: ClassVar[str] = "present"

    present: Selection
    order: Order = "listed"
    labels: Labels = "true"
    exposures: Count = 1
    lag: Lag | None = None
    cued_by: Cues | None = None
    duration: DurationField = Duration("1 s")
    domain: Word | None = None
    passes: Count | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Wake:
        if self.lag is not None and self.exposures == 1:
            raise _problem("lag", "a lag is between presentations of one item; set exposures to 2 or more")
        if self.cued_by is not None and self.present in ("seen", "new"):
            raise _problem(
                "cued_by", f"{found(self.present)} in present; pairs need items in a known order, such as a list"
            )
        return self

    @property
    def lags(self) -> tuple[int, int] | None:
        """Least and most presentations of others between two of one item; None: rounds through the selection."""
        if self.lag is None or isinstance(self.lag, tuple):
            return self.lag
        return self.lag, self.lag


class Stage(Spec):
    """One stage of a sleep cycle: ``nrem`` or ``rem`` with its duration.

    Examples
    --------
    >>> Stage(nrem="60 min").kind
    'nrem'
    """

    nrem: DurationField | None = None
    rem: DurationField | None = None

    @model_validator(mode="after")
    def _one(self) -> Stage:
        if (self.nrem is None) == (self.rem is None):
            raise ValueError("expected one stage, such as {nrem: 60 min} or {rem: 30 min}")
        return self

    @property
    def kind(self) -> Literal["nrem", "rem"]:
        """Which stage it is."""
        return "nrem" if self.nrem is not None else "rem"

    @property
    def duration(self) -> Duration:
        """How long it lasts."""
        return self.nrem or self.rem  # type: ignore[return-value]


class Sleep(Phase):
    """Sleep: nothing is presented, memories may be replayed.

    Parameters
    ----------
    duration : Duration, optional
        Whole duration; or else `cycles` and `stages`.
    cycles : int, optional
        How many times the stages follow each other; 1 if only `stages` is given.
    stages : list of Stage, optional
        The stages of one cycle.
    passes : int, optional
        Replay passes of a model that counts passes and not minutes.
    replay : selection, optional
        What is replayed; None: whatever replays.
    cue : selection, optional
        Items cued during NREM (targeted memory reactivation).

    Examples
    --------
    >>> Sleep(cycles=4, stages=[Stage(nrem="60 min"), Stage(rem="30 min")]).seconds / 3600
    6.0
    """

    kind_of_phase: ClassVar[str] = "sleep"
    short: ClassVar[str] = "duration"

    duration: DurationField | None = None
    cycles: Count | None = None
    stages: tuple[Stage, ...] | None = Field(default=None, max_length=100)
    passes: Count | None = None
    replay: Selection | None = None
    cue: Selection | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Sleep:
        if self.duration is not None and (self.cycles is not None or self.stages is not None):
            raise _problem("duration", "expected either duration, or cycles and stages, not both")
        if self.stages == ():
            raise _problem("stages", "found an empty list; expected stages, such as [{nrem: 60 min}, {rem: 30 min}]")
        if self.cycles is not None and self.stages is None:
            raise _problem("cycles", "cycles need stages, such as stages: [{nrem: 60 min}, {rem: 30 min}]")
        return self

    @property
    def seconds(self) -> float:
        """Whole duration in seconds; 0 where none is given."""
        if self.stages is not None:
            return (self.cycles or 1) * sum(stage.duration.seconds for stage in self.stages)
        return self.duration.seconds if self.duration is not None else 0.0


class Rest(Phase):
    """Time passes, awake, and nothing is presented.

    Parameters
    ----------
    duration : Duration
        How long.
    replay : bool
        Whether memories may be replayed, as they are in quiet wakefulness.

    Examples
    --------
    >>> Rest(duration="10 min").duration.seconds
    600.0
    """

    kind_of_phase: ClassVar[str] = "rest"
    short: ClassVar[str] = "duration"

    duration: DurationField
    replay: Flag = False


def _corruptions(value: Any) -> Any:
    if value == "all":
        return value
    if isinstance(value, str) or not isinstance(value, (list, tuple)):
        raise refuse_word(value, ("all",), "a list of corruptions, such as [fog, contrast]")
    for kind in value:
        if kind not in CORRUPTIONS:
            raise refuse_word(kind, CORRUPTIONS)
    if len(set(value)) < len(value):
        raise ValueError(f"{found(value)}; expected each corruption once")
    return tuple(value)


def _unknown(value: Any) -> Any:
    if not isinstance(value, bool) and value != "if-any":
        raise refuse_word(value, ("true", "false", "if-any"))
    return value


Corruptions = Annotated[
    Literal["all"] | tuple[str, ...],
    PlainValidator(_corruptions),
    WithJsonSchema(
        {"anyOf": [{"const": "all"}, {"type": "array", "items": {"enum": list(CORRUPTIONS)}, "uniqueItems": True}]}
    ),
]
Severity = Annotated[int, Field(strict=True, ge=SEVERITIES[0], le=SEVERITIES[-1])]
Unknown = Annotated[
    bool | Literal["if-any"], PlainValidator(_unknown), WithJsonSchema({"enum": [True, False, "if-any"]})
]


class Cue(Spec):
    """What a cued probe presents: a fraction of the item, with noise.

    Parameters
    ----------
    fraction : float
        Share of the item that is shown, 0 to 1.
    noise : float
        Noise on it, 0 to 1.

    Examples
    --------
    >>> Cue(fraction=0.5).noise
    0.0
    """

    fraction: Share = 1.0
    noise: Share = 0.0


class Probe(Phase):
    """A test. It takes no time and, unless `learn` is set, teaches nothing.

    Parameters
    ----------
    of : selection
        What is tested.
    kind : ``"recognition"``, ``"cued"`` or ``"recall"``
        The item itself is shown; a part of it (`cue`); or a sequence is to come back.
    cue : Cue, optional
        For cued probes: what is shown.
    lesions : list of str, optional
        One row of results per lesion; ``none`` is the intact subject. Empty: the lesion in force.
    learn : bool
        Whether the probe teaches. What comes out at recall is then learned as if it were presented at that place.
    every : ``"epoch"``, optional
        Also probe the wake phase right before after each of its epochs.
    scoring : ``"item"``, ``"strict"`` or ``"free"``, optional
        For recall: right item whatever its position within the list (``item``, also when None), right item at
        its position (``strict``), or free recall (``free``). The order of a list is that in which its items were last
        presented.
    cued_by : list name, list of names or slot numbers, optional
        For recall: the k-th of these is shown to recall the k-th item, one after the other in an order drawn for every
        subject; scored by cue.
    corruptions : ``"all"`` or list of str, optional
        Also test with corrupted images, of these kinds (`engram.data.corruptions.CORRUPTIONS`).
    severities : list of int, optional
        Severities of the corruptions, 1 to 5; all five by default.
    unknown : bool or ``"if-any"``
        Also test how well images of classes that were never taught are told from the others: those that no slot
        holds, or the images that the run names for it. ``if-any``: where there are such images.

    Examples
    --------
    >>> Probe(of="seen").kind
    'recognition'
    """

    kind_of_phase: ClassVar[str] = "probe"
    short: ClassVar[str] = "of"

    of: Selection = "all"
    kind: Literal["recognition", "cued", "recall"] = "recognition"
    cue: Cue | None = None
    lesions: tuple[Word, ...] = Field(default=(), max_length=100)
    learn: Flag = False
    every: Literal["epoch"] | None = None
    scoring: Literal["item", "strict", "free"] | None = None
    cued_by: Cues | None = None
    corruptions: Corruptions = ()
    severities: Annotated[tuple[Severity, ...], Field(max_length=5)] | None = None
    unknown: Unknown = False

    @model_validator(mode="before")
    @classmethod
    def _lesions_named(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("lesions") == []:
            raise _problem("lesions", "found an empty list; expected at least one, such as [none, hippocampus]")
        return data

    def corrupted(self) -> tuple[tuple[str, int], ...]:
        """Every corruption that is tested, with its severity.

        Examples
        --------
        >>> Probe(corruptions=["fog"], severities=[1, 3]).corrupted()
        (('fog', 1), ('fog', 3))
        """
        kinds = CORRUPTIONS if self.corruptions == "all" else self.corruptions
        return tuple((kind, severity) for kind in kinds for severity in self.severities or SEVERITIES)

    @model_validator(mode="after")
    def _consistent(self) -> Probe:
        if self.kind == "cued" and self.cue is None:
            raise _problem("cue", "is missing; a cued probe needs a cue, such as cue: {fraction: 0.5}")
        if self.kind != "cued" and self.cue is not None:
            raise _problem("cue", f"only a probe of kind cued takes a cue; this one is of kind {self.kind}")
        if self.kind == "recall":
            self._check_recall()
        for name in ("scoring", "cued_by"):
            if self.kind != "recall" and getattr(self, name) is not None:
                raise _problem(name, f"only a probe of kind recall takes {name}; this one is of kind {self.kind}")
        if len(set(self.lesions)) < len(self.lesions):
            raise _problem("lesions", f"{found(self.lesions)}; expected each lesion once")
        if self.every is not None and len(self.lesions) > 1:
            raise _problem("every", "a probe after every epoch takes at most one lesion")
        if self.kind != "recognition":
            for name in ("corruptions", "unknown"):
                if getattr(self, name):
                    text = f"only a probe of kind recognition takes {name}; this one is of kind {self.kind}"
                    raise _problem(name, text)
        if self.severities is not None and not self.corruptions:
            raise _problem("severities", "severities need corruptions, such as corruptions: all")
        if self.severities is not None and len(set(self.severities)) != len(self.severities or (0, 0)):
            raise _problem("severities", f"{found(self.severities)}; expected numbers from 1 to 5, each once")
        return self

    def _check_recall(self) -> None:
        if self.every is not None:
            raise _problem("every", "only a probe of kind recognition or cued takes every; this one is of kind recall")
        if self.cued_by is None:
            return
        if self.scoring is not None:
            raise _problem("scoring", f"{found(self.scoring)}; recall by cues is scored by cue: leave scoring out")
        if self.of in ("seen", "new"):
            raise _problem("cued_by", f"{found(self.of)} in of; pairs need items in a known order, such as a list")


class Lesion(Phase):
    """A part of the subject is switched off until the phase ``lesion: none``.

    Parameters
    ----------
    of : str
        Name of the part, such as ``hippocampus``; ``none`` ends the lesion in force.

    Examples
    --------
    >>> Lesion(of="hippocampus").of
    'hippocampus'
    """

    kind_of_phase: ClassVar[str] = "lesion"
    short: ClassVar[str] = "of"

    of: Word


AnyPhase: TypeAlias = Wake | Sleep | Rest | Probe | Lesion
PHASES: dict[str, type[Phase]] = {cls.kind_of_phase: cls for cls in (Wake, Sleep, Rest, Probe, Lesion)}


def _problem(field: str, text: str) -> ProtocolError:
    return ProtocolError([Problem((field,), text)])
