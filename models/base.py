"""What every model has in common: a frozen, serialisable spec of a subject."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from .wrong_fields import wrong_fields

if TYPE_CHECKING:
    from ..data.items import Pool
    from ..protocols import Protocol


class Model(BaseModel):
    """A kind of subject: what it is made of and what it is able to do.

    Subclasses declare their parameters as fields, name a backend that can simulate them, and list their abilities. A
    protocol that asks for an ability that a model lacks is refused before the run starts.

    Attributes
    ----------
    backend : str
        Name of the registered backend (entry point ``engram.backends``) that simulates the model.
    abilities : frozenset of str
        Such as ``sleep``, ``lesion``, ``order``, ``time``, ``cued-recall``, ``recall``.
    measure : str
        What its performance is: ``"share correct"``, or ``"auc"`` (area under the ROC curve).
    kind : str
        Word that names the class in recordings; every subclass declares ``kind: Literal["..."] = "..."``.

    Examples
    --------
    >>> from typing import Literal
    >>> class Amnesic(Model):
    ...     kind: Literal["amnesic"] = "amnesic"
    ...     backend = "none"
    >>> Amnesic().model_dump_json()
    '{"kind":"amnesic"}'
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    backend: ClassVar[str]
    abilities: ClassVar[frozenset[str]] = frozenset()
    measure: ClassVar[str] = "share correct"

    kind: str

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ValueError(wrong_fields(type(self), error)) from None

    def check(self, protocol: Protocol, pool: Pool) -> None:
        """Refuse, in words, a protocol that this model cannot be taken through.

        Parameters
        ----------
        protocol : Protocol
        pool : Pool
            The item pool that the subjects would draw from.

        Raises
        ------
        ValueError
            The protocol needs an ability that the model lacks.
        """
        lacking = {a: path for a, path in protocol.abilities().items() if a not in self.abilities}
        if lacking:
            needs = ", ".join(f'"{ability}" ({path})' for ability, path in lacking.items())
            has = ", ".join(sorted(self.abilities)) or "none beyond learning and recognition"
            raise ValueError(
                f'protocol "{protocol.name}" needs what the model {type(self).__name__} lacks: {needs}; '
                f"abilities of the model: {has}"
            )

    def chance(self, slots: int) -> float:
        """Performance of a subject that guesses.

        Parameters
        ----------
        slots : int
            Number of items.

        Examples
        --------
        >>> from engram.models import MetaplasticNetwork
        >>> MetaplasticNetwork().chance(10)
        0.1
        """
        return 1 / slots

    def spec(self) -> dict[str, Any]:
        """The model as plain JSON types."""
        return self.model_dump(mode="json")
