"""A positional network: contexts associated with items through mixed-stability synapses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..flexibility import Uniform
from ..metaplastic import AnyFlexibility
from .ordered_model import AtLeast0, OrderedModel, Positive, Share


class PositionalNetwork(OrderedModel):
    """Contexts of place and time associated with items, one update per presentation, by mixed-stability synapses.

    A context c has two halves: the place in the list (a start marker that fades along it, an end marker that grows),
    and a temporal context that every item turns a little towards itself. An item is a vector v, made from its images,
    so that items which look alike are alike. A presentation is one step of the delta rule through the gate of the
    mixed-stability rule:

        Δw = η · gate(w - w0) · c · (v - c · w)

    *Serial recall* goes through the places in turn: the context of each, with the temporal context replayed from where
    the list began, brings back c · w + noise; all items that were ever presented compete by their match to it; the best
    is said if its match is above the threshold, and is suppressed, which wears off. So omissions, transpositions,
    repetitions and intrusions from earlier lists come out of the same synapses. *Free recall* cues with the temporal
    context alone, from the end of the list on; what comes out turns it towards where the synapses, read backwards, say
    that it was learned, and what was learned too far from this list is not said; where nothing comes, one begins again
    from how the list began. With *pairs* the cue stands in the place of a position. *Rest* lets the temporal context
    drift and weights go back towards w0.

    Parameters
    ----------
    flexibility : Flexibility
        Distribution over synapses: ``Uniform()`` is mixed stability, ``Fixed(1.0)`` ordinary synapses.
    sensitivity : float or "auto"
        s of the rule, in units of 1 / weight; ``"auto"``: ``kappa`` / rms(w - w0) after the first presentation, for
        each subject.
    kappa : float
        Scale of the automatic sensitivity: far below that of `MetaplasticNetwork`, where the first item is learned
        whole, in many steps, and here in one.
    learning_rate : float
        η; a step is never larger than the one that corrects the whole error, 1 / |c|².
    start_decay, end_strength, end_decay : float
        Strength of the markers: S^(i-1) from the start, E0 · E^(N-i) from the end.
    similarity : float
        Cosine of the contexts of neighbouring places, apart from the markers' strengths.
    temporal : float
        Length of the temporal context; that of the first place's start marker is 1.
    drift : float
        β: how far an item turns the temporal context towards itself.
    noise : float
        Standard deviation of the noise on each element of what comes back, and so on the match of every item.
    threshold : float
        Match below which nothing is said; an item brought back whole has a match of 1.
    release : float
        Share of a response's suppression that is left after the next output. In free recall nothing is said twice.
    reinstatement : float
        In free recall: weight of the context in which an item was learned, against what it brings itself.
    monitor : float
        In free recall of the last list: least cosine of the context in which an item was learned with that of the
        list's beginning or end; below it, it is kept back.
    attempts : int
        Free recall ends after so many failures in a row.
    flexible_time, stable_time : float
        Time constants, in s, with which synapses of f = 1 and f → 0 go back to w0 while time passes (`rest`): log τ is
        linear in f between them, so that evenly spread flexibilities forget by the logarithm of time.
    context_time : float
        Time constant, in s, with which the temporal context drifts away while time passes.
    item_size, context_size : int
        Elements of an item, and of a context (a multiple of 4).
    spread : float
        See `OrderedModel`; subjects differ in learning rate, noise and threshold.

    Notes
    -----
    Markers: Henson (1998), Cognitive Psychology 36, 73-137. Temporal context: Howard & Kahana (2002), Journal of
    Mathematical Psychology 46, 269-299. Synapses: Cho, Lee, Baek & Paik (2025), doi:10.1016/j.neunet.2025.107762. How
    they are put together is ours. Parameters were set by hand on textbook patterns (primacy, recency, transpositions to
    near places, contiguity), on seeds 100 to 199, and not fitted to any data set; see docs/ordered-recall.md.

    Examples
    --------
    >>> from engram.models import Fixed
    >>> PositionalNetwork(flexibility=Fixed(1.0)).learning_rate
    0.8
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"recall", "order", "time", "pairs", "learning-recall"})
    traits: ClassVar[tuple[str, ...]] = ("learning_rate", "noise", "threshold")

    kind: Literal["positional"] = "positional"
    flexibility: AnyFlexibility = Uniform()
    sensitivity: Positive | Literal["auto"] = "auto"
    kappa: Positive = 0.1
    learning_rate: Positive = 0.8
    start_decay: Share = 0.85
    end_strength: AtLeast0 = 0.6
    end_decay: Share = 0.5
    similarity: Share = 0.4
    temporal: AtLeast0 = 0.6
    drift: Annotated[float, Field(gt=0, le=1)] = 0.5
    noise: AtLeast0 = 0.06
    threshold: AtLeast0 = 0.24
    release: Share = 0.8
    reinstatement: Share = 0.6
    monitor: Annotated[float, Field(ge=-1, le=1)] = 0.2
    attempts: Annotated[int, Field(ge=1, le=1000)] = 4
    stable_time: Positive = 365 * 86400.0
    flexible_time: Positive = 600.0
    context_time: Positive = 300.0
    item_size: Annotated[int, Field(ge=4, le=4096)] = 64
    context_size: Annotated[int, Field(ge=8, le=4096, multiple_of=4)] = 48
