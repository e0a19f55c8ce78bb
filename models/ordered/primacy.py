"""The primacy model: each item of a list is weaker than the one before, and the strongest comes first."""

from __future__ import annotations

from typing import ClassVar, Literal

from .ordered_model import AtLeast0, OrderedModel, Positive


class PrimacyModel(OrderedModel):
    """A gradient of activation over the list; at recall the most active item is said and put down, again and again.

    Item i (from 1) has the activation peak - (i - 1) at the end of the list, and all decay exponentially from then on.
    The choice of the most active one is noisy, and what was chosen is said only where its activation, with noise of its
    own, is above the threshold; said or not, it is not chosen again. Neither earlier lists nor earlier presentations of
    the same list leave a trace: there is neither a Hebb effect nor an intrusion.

    Parameters
    ----------
    peak : float
        Activation of the first item, where neighbours differ by 1.
    decay : float
        Rate of decay, per second.
    choice_noise, output_noise : float
        Standard deviations of the noise on the choice, and on the comparison with the threshold.
    threshold : float
        Activation that is needed to say an item.
    output_time : float
        Seconds that each output takes.
    spread : float
        See `OrderedModel`; subjects differ in the noise of choice and in the threshold.

    Notes
    -----
    Source: Page & Norris (1998), The primacy model: a new model of immediate serial recall, Psychological Review 105,
    761-781, doi:10.1037/0033-295X.105.4.761-781: a linear gradient, exponential decay, a noisy choice of the most
    active item followed by its suppression, and a threshold of output. Rehearsal, which there keeps the gradient up
    while the list is presented, is taken as perfect, and the second, phonological stage is left out. The model says
    nothing of recall in any order. The values of the parameters are ours.

    Examples
    --------
    >>> PrimacyModel().free_recall
    False
    """

    abilities: ClassVar[frozenset[str]] = frozenset({"recall", "order", "time"})
    traits: ClassVar[tuple[str, ...]] = ("choice_noise", "threshold")
    free_recall: ClassVar[bool] = False

    kind: Literal["primacy"] = "primacy"
    peak: Positive = 11.5
    decay: AtLeast0 = 0.25
    choice_noise: AtLeast0 = 0.5
    output_noise: AtLeast0 = 0.8
    threshold: AtLeast0 = 1.5
    output_time: Positive = 0.5
