"""SIMPLE: memories told apart by how long ago they were, on a logarithmic scale."""

from __future__ import annotations

from typing import ClassVar, Literal

from .ordered_model import OrderedModel, Positive, Share


class SIMPLE(OrderedModel):
    """Items stand at the logarithm of their age, and are recalled as far as they are told apart from their neighbours.

    The age of an item is the time since its last presentation, T; items i and j resemble each other by

        η(i, j) = exp(-c · [w · |log T(i) - log T(j)| + (1 - w) · |i - j|])

    with i and j their positions. In serial recall the cue for position i brings item j to mind with probability
    η(i, j) / Σ_k η(i, k) = D, and it is said with probability 1 / (1 + exp(-s · [D - t])). In free recall, w is 1 and
    each item is said with the latter probability of its own D. Nothing is learned beyond the last presentation, and
    nothing but the items that are asked for competes: there is neither a Hebb effect nor an intrusion.

    Parameters
    ----------
    distinctiveness : float
        c > 0.
    temporal_weight : float
        w, in [0, 1]: how much time counts against position in serial recall.
    slope, threshold : float
        s and t of what is said.
    output_time : float
        Seconds that each output takes; time goes on while a list comes back. In free recall all items are judged as in
        the middle of the output.
    spread : float
        See `OrderedModel`; subjects differ in c and t.

    Notes
    -----
    Source: Brown, Neath & Chater (2007), A temporal ratio model of memory, Psychological Review 114, 539-576,
    doi:10.1037/0033-295X.114.3.539: log-compressed time, exponential similarity, the ratio rule and the logistic
    threshold of its appendix. That a response is drawn before the threshold is applied to it, and the order of free
    output (most distinct first), are ours: the paper gives probabilities of being correct. So
    are the values of the parameters.

    Examples
    --------
    >>> sorted(SIMPLE().abilities), SIMPLE().traits
    (['order', 'recall', 'time'], ('distinctiveness', 'threshold'))
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"recall", "order", "time"})
    traits: ClassVar[tuple[str, ...]] = ("distinctiveness", "threshold")

    kind: Literal["simple"] = "simple"
    distinctiveness: Positive = 9.0
    temporal_weight: Share = 0.95
    slope: Positive = 10.0
    threshold: Positive = 0.35
    output_time: Positive = 1.0
