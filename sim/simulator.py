"""Simulators: a model made ready for its subjects, found by the name of its backend."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from ..data.wording import nearest, one_of
from .session import Session, Settings, Subjects

if TYPE_CHECKING:
    from ..data.items import Pool
    from ..data.recording.stream_layout import StreamLayout
    from ..models.base import Model
    from ..protocols import Step

_registered: dict[str, Callable[..., Simulator]] = {}


class Simulator(ABC):
    """A model whose shapes are known and whose frozen parts are computed, ready to make sessions (abstract).

    Parameters
    ----------
    model : Model
    pool : Pool
        Items that the subjects draw from.
    slots : int
        Number of items of the protocol.
    settings : Settings

    Attributes
    ----------
    projections : mapping of str to tuple of int
        Projections whose weights can be recorded, and the shape of one subject's weights; ``(n,)`` for a list of n
        synapses (see `Session.synapses`).
    bytes_per_subject : int
        Memory that one more subject in a session takes.
    subjects_together : int or None
        Most subjects of a session; None where only memory limits them.
    parallel : bool
        Whether sessions may run in processes of their own, one numerical thread each. What a session does must then not
        depend on the number of threads, and the model's class must be importable.
    divisible : bool
        Whether a session may be divided among processes that torchrun has started (`engram.sim.deep.distributed`): each
        makes the same session and does its share of every batch.
    streams : sequence of StreamLayout
        Tables that grow while a subject is simulated (see `Session.drain`).
    time_scale : float or None
        Biological seconds for each simulated second, where the model has a clock.
    circuit : dict or None
        Populations and projections as a plain node-link graph, where the model is a circuit.
    """

    projections: Mapping[str, tuple[int, ...]] = {}
    bytes_per_subject: int = 0
    subjects_together: int | None = None
    parallel: bool = False
    divisible: bool = False
    streams: Sequence[StreamLayout] = ()
    time_scale: float | None = None
    circuit: dict[str, Any] | None = None

    def __init__(self, model: Model, pool: Pool, slots: int, settings: Settings) -> None:
        self.model = model
        self.settings = settings

    @abstractmethod
    def session(self, subjects: Subjects) -> Session:
        """A session of these subjects, as they are before the first phase."""

    def points(self, step: Step, presentations: int) -> int:
        """How many times a phase yields; in a wake phase, each is a point of a learning curve.

        Parameters
        ----------
        step : Step
            A wake, sleep or rest step.
        presentations : int
            Its number of presentations, 0 but in a wake step.
        """
        return presentations


def register_backend(name: str, simulator: type[Simulator] | type[Session]) -> None:
    """Make a backend known under the name that models give as their ``backend``.

    Parameters
    ----------
    name : str
    simulator : type
        A subclass of `Simulator`, called with model, pool, slots and settings; or, for models that need no preparation,
        a subclass of `Session`, called with model, subjects and settings.

    Raises
    ------
    TypeError
        ``simulator`` is neither.
    """
    if isinstance(simulator, type) and issubclass(simulator, Session):
        _registered[name] = _simulator_of(simulator)
    elif isinstance(simulator, type) and issubclass(simulator, Simulator):
        _registered[name] = simulator
    else:
        raise TypeError(f"backend {name!r}: expected a subclass of Simulator or Session; found {simulator!r}")


def prepare(model: Model, pool: Pool, slots: int, settings: Settings) -> Simulator:
    """Find the backend of a model and make the model ready.

    Parameters
    ----------
    model : Model
    pool : Pool
    slots : int
    settings : Settings

    Returns
    -------
    Simulator

    Raises
    ------
    ValueError
        No backend has the name that the model gives.
    """
    if model.backend not in _registered:
        found = {entry.name: entry for entry in entry_points(group="engram.backends")}
        if model.backend not in found:
            known = sorted({*found, *_registered})
            raise ValueError(
                f'{type(model).__name__} asks for the backend "{model.backend}"; known backends: {one_of(known)}.'
                f"{nearest(model.backend, known)}"
            )
        register_backend(model.backend, found[model.backend].load())
    return _registered[model.backend](model, pool, slots, settings)


def _simulator_of(session_type: type[Session]) -> type[Simulator]:
    class PlainSimulator(Simulator):
        def session(self, subjects: Subjects) -> Session:
            return session_type(self.model, subjects, self.settings)

    return PlainSimulator
