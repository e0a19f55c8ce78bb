"""What models with order have in common: they recall and do not recognise, and their subjects differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from ..base import Model

if TYPE_CHECKING:
    from ...data.items import Pool
    from ...protocols import Protocol

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
AtLeast0 = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Spread = Annotated[float, Field(ge=0, le=2)]


class OrderedModel(Model):
    """A model that lists come back from, item by item (abstract).

    Subclasses say by which laws. All are simulated by the backend ``ordered``, many subjects at a time.

    Parameters
    ----------
    spread : float
        How much subjects differ: the standard deviation, over subjects, of the logarithm of those parameters that a
        subclass names in `traits`. 0: all subjects are alike but for chance.

    Attributes
    ----------
    traits : tuple of str
        Parameters of which every subject has its own value: that of the model times exp(``spread`` · z), z standard
        normal and independent for each.
    free_recall : bool
        Whether the model says anything of recall in any order.
    """

    backend: ClassVar[str] = "ordered"
    measure: ClassVar[str] = "proportion recalled"
    traits: ClassVar[tuple[str, ...]] = ()
    free_recall: ClassVar[bool] = True

    spread: Spread = 0.2

    def check(self, protocol: Protocol, pool: Pool) -> None:
        """Refuse a protocol that tests by other means than recall, or that needs an ability that the model lacks.

        Raises
        ------
        ValueError
            With the place in the protocol and what the model does instead.
        """
        from ...protocols import Probe
        from ...protocols.problems import shown
        from ...protocols.protocol import walk

        super().check(protocol, pool)
        name = type(self).__name__
        for loc, phase in walk(protocol.schedule):
            if not isinstance(phase, Probe):
                continue
            path = shown((*loc, "probe"))
            if phase.kind != "recall":
                raise ValueError(
                    f'protocol "{protocol.name}" tests by {phase.kind} ({path}); {name} has no answer to an item that '
                    "is shown, only to a list that is to come back: use probes of kind recall, or another model"
                )
            if phase.scoring == "free" and not self.free_recall:
                raise ValueError(
                    f'protocol "{protocol.name}" has free recall ({path}); {name} says nothing of recall in any order: '
                    "use scoring strict or item, or another model"
                )

    def chance(self, slots: int) -> float:
        """0: whoever recalls nothing says nothing. A guess among the items of a list is not counted as chance.

        Examples
        --------
        >>> from engram.models.ordered import PositionalNetwork
        >>> PositionalNetwork().chance(8)
        0.0
        """
        return 0.0
