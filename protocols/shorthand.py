"""Short Python forms of phases and blocks, for schedules written in code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .blocks import CountsFrom, Each, Element, Repeat
from .durations import Duration
from .phases import Cue, Lesion, Probe, Rest, Sleep, Stage, Wake, WrongLabels


def wake(
    present: str | Sequence[int] | Sequence[str],
    *,
    order: str | Sequence[int] = "listed",
    labels: str | dict[str, float] | WrongLabels = "true",
    exposures: int = 1,
    lag: int | Sequence[int] | None = None,
    cued_by: str | Sequence[int] | Sequence[str] | None = None,
    duration: str | Duration = "1 s",
    domain: str | None = None,
    passes: int | None = None,
    label: str = "",
) -> Wake:
    """A wake phase; see `Wake` for the parameters.

    Examples
    --------
    >>> wake("all", order="shuffled").order
    'shuffled'
    """
    given: dict[str, Any] = {
        "present": present,
        "order": order,
        "labels": labels,
        "exposures": exposures,
        "lag": lag,
        "cued_by": cued_by,
        "duration": duration,
        "domain": domain,
        "passes": passes,
        "label": label,
    }
    return Wake(**given)


def sleep(
    duration: str | Duration | None = None,
    *,
    cycles: int | None = None,
    stages: Sequence[dict[str, str] | Stage] | None = None,
    passes: int | None = None,
    replay: str | Sequence[int] | Sequence[str] | None = None,
    cue: str | Sequence[int] | Sequence[str] | None = None,
    label: str = "",
) -> Sleep:
    """A sleep phase; see `Sleep` for the parameters.

    Examples
    --------
    >>> sleep("90 min").seconds
    5400.0
    """
    given: dict[str, Any] = {
        "duration": duration,
        "cycles": cycles,
        "stages": stages,
        "passes": passes,
        "replay": replay,
        "cue": cue,
        "label": label,
    }
    return Sleep(**given)


def rest(duration: str | Duration, *, replay: bool = False, label: str = "") -> Rest:
    """A rest phase; see `Rest` for the parameters.

    Examples
    --------
    >>> rest("10 min").duration.seconds
    600.0
    """
    given: dict[str, Any] = {"duration": duration, "replay": replay, "label": label}
    return Rest(**given)


def probe(
    of: str | Sequence[int] | Sequence[str] = "all",
    *,
    kind: str = "recognition",
    cue: dict[str, float] | Cue | None = None,
    lesions: Sequence[str] = (),
    learn: bool = False,
    every: str | None = None,
    scoring: str | None = None,
    cued_by: str | Sequence[int] | Sequence[str] | None = None,
    corruptions: str | Sequence[str] = (),
    severities: Sequence[int] | None = None,
    unknown: bool | str = False,
    label: str = "",
) -> Probe:
    """A probe; see `Probe` for the parameters.

    Examples
    --------
    >>> probe("all", lesions=["none", "hippocampus"]).lesions
    ('none', 'hippocampus')
    """
    given: dict[str, Any] = {
        "of": of,
        "kind": kind,
        "cue": cue,
        "lesions": lesions,
        "learn": learn,
        "every": every,
        "scoring": scoring,
        "cued_by": cued_by,
        "corruptions": corruptions,
        "severities": severities,
        "unknown": unknown,
        "label": label,
    }
    return Probe(**given)


def lesion(of: str, *, label: str = "") -> Lesion:
    """A lesion; see `Lesion` for the parameters.

    Examples
    --------
    >>> lesion("hippocampus").of
    'hippocampus'
    """
    given: dict[str, Any] = {"of": of, "label": label}
    return Lesion(**given)


def repeat(times: int, phases: Sequence[Element], *, label: str = "") -> Repeat:
    """A block that repeats `phases`; see `Repeat`.

    Examples
    --------
    >>> from engram.protocols import probe, wake
    >>> len(repeat(9, [wake("all"), probe("all")], label="night").phases)
    2
    """
    given: dict[str, Any] = {"repeat": times, "phases": phases, "label": label}
    return Repeat(**given)


def each(
    what: str,
    phases: Sequence[Element],
    *,
    of: str | Sequence[int] | Sequence[str] | None = None,
    order: str | Sequence[int] | None = None,
    frequency: Sequence[int] | dict[str, int] | CountsFrom | None = None,
    bound: float = 0.1,
    label: str = "",
) -> Each:
    """A block that goes over items or lists; see `Each`.

    Examples
    --------
    >>> from engram.protocols import wake
    >>> each("item", [wake("current")], order="shuffled").order
    'shuffled'
    """
    given: dict[str, Any] = {
        "each": what,
        "phases": phases,
        "of": of,
        "order": order,
        "frequency": frequency,
        "bound": bound,
        "label": label,
    }
    return Each(**given)
