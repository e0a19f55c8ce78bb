"""What is known of a run before it starts: it fixes the size of every table of the recording."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..wording import nearest, one_of
from .circuit_graph import check_graph
from .group_names import check_group_name as check_group_name
from .stream_layout import StreamLayout

FORMAT = "engram"
FORMAT_VERSION = "1.3"
STATUSES = ("running", "complete", "failed")
PHASE_COLUMNS = {
    "index": "<i4",
    "kind": "S",
    "label": "S",
    "repetition": "<i4",
    "list": "S",
    "lesion": "S",
    "start": "<f8",
    "stop": "<f8",
}
PRESENTATION_COLUMNS = {"phase": "<i4", "order": "<i4", "item": "<i4", "label": "<i4", "wrong": "<f8"}
SUMMARY_COLUMNS = ("mean_displacement", "rms_displacement", "mean_abs_weight", "mean_gate")
SYNAPSE_COLUMNS = {"pre": "<i4", "post": "<i4", "initial": "<f4", "flexibility": "<f4"}
MEASURES = ("share correct", "auc", "proportion recalled")


@dataclass(frozen=True, kw_only=True)
class ProjectionLayout:
    """A projection whose weights are recorded.

    Parameters
    ----------
    name : str
        Name of the projection, such as ``"hidden1"``.
    shape : tuple of int
        Shape of its weight array. One of one dimension is a list of synapses, whose ends, initial weights and
        flexibilities are recorded beside it.
    units : str
        Units of the weights, empty when they have none.

    Raises
    ------
    ValueError
        If the name cannot stand in a path or a dimension is not positive.

    Examples
    --------
    >>> ProjectionLayout(name="hidden1", shape=(128, 256)).shape
    (128, 256)
    """

    name: str
    shape: tuple[int, ...]
    units: str = ""

    def __post_init__(self) -> None:
        check_group_name("projection", self.name)
        if not self.shape or min(self.shape) < 1:
            raise ValueError(f"projection {self.name}: found shape {self.shape}, expected positive dimensions")


@dataclass(frozen=True, kw_only=True)
class SubjectLayout:
    """What is known of one subject before the run.

    Parameters
    ----------
    seed : str
        Text of the path of its seed, such as ``"7/subject/3"``.
    items : sequence of str
        Class name by slot.
    presentations : mapping of str to ndarray
        The equally long columns ``phase``, ``order``, ``item``, ``label`` (integers; item and label are slots) and
        ``wrong`` (share of the images that carry a wrong label).

    Raises
    ------
    ValueError
        If a column is missing, unknown, or of another length than the rest.

    Examples
    --------
    >>> columns = {"phase": [0], "order": [0], "item": [1], "label": [1], "wrong": [0.0]}
    >>> SubjectLayout(seed="7/subject/0", items=["01", "02"], presentations=columns).items
    ['01', '02']
    """

    seed: str
    items: Sequence[str]
    presentations: Mapping[str, np.ndarray]

    def __post_init__(self) -> None:
        check_columns("presentations", self.presentations, PRESENTATION_COLUMNS)


@dataclass(frozen=True, kw_only=True)
class ModelLayout:
    """What one model of a run is made of and how much of it is recorded.

    Parameters
    ----------
    spec : str
        The model's specification as JSON.
    item_set : str
        The item set that its subjects draw from, as JSON.
    encoder : str
        Frozen encoder in front of the model, ``"none"`` for scaled pixels.
    abilities : sequence of str
        What the model is able to do.
    chance : float
        Performance of a subject that guesses, 1/N for N items.
    subjects : sequence of SubjectLayout
        One entry per subject.
    slots : int
        Number of items N of the protocol.
    curve_rows : int
        Number of learning-curve probes, one per (phase, presentation, epoch).
    trials : int
        Test images per slot where single responses are recorded, else 0.
    responses : bool
        Whether counts of responses (item x response) are recorded.
    projections : sequence of ProjectionLayout
        Projections whose weights are summarised.
    weight_rows : int
        Rows of weight summaries: 0, or as many as the run has weight steps.
    snapshots : bool
        Whether whole weight arrays are recorded beside the summaries.
    streams : sequence of StreamLayout
        Tables that grow with the run: spikes, segments, rates, states.
    circuit : str, optional
        The plain graph of the circuit as JSON (`circuit_graph.check_graph`), with room for the assemblies of each of
        its populations.
    measure : {"share correct", "auc", "proportion recalled"}
        What performance is.
    time_scale : float
        Biological seconds per simulated second, NaN where the model does not live in simulated time.

    Raises
    ------
    ValueError
        If a text is no JSON object, a count is negative, a subject has another number of items than the model, a name
        is taken twice, or the circuit is none.

    Examples
    --------
    >>> nothing = {"phase": [], "order": [], "item": [], "label": [], "wrong": []}
    >>> subject = SubjectLayout(seed="7/subject/0", items=["01", "02"], presentations=nothing)
    >>> ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=[subject], slots=2).trials
    0
    """

    spec: str
    item_set: str
    encoder: str = "none"
    abilities: Sequence[str] = ()
    chance: float
    subjects: Sequence[SubjectLayout]
    slots: int
    curve_rows: int = 0
    trials: int = 0
    responses: bool = True
    projections: Sequence[ProjectionLayout] = field(default=())
    weight_rows: int = 0
    snapshots: bool = False
    streams: Sequence[StreamLayout] = field(default=())
    circuit: str | None = None
    measure: str = "share correct"
    time_scale: float = float("nan")

    def __post_init__(self) -> None:
        if self.slots < 1 or not self.subjects:
            raise ValueError(f"a recorded model needs items and subjects, found {self.slots} and {len(self.subjects)}")
        for what in ("spec", "item_set"):
            _check_json_object(what, getattr(self, what))
        for what in ("curve_rows", "trials", "weight_rows"):
            if getattr(self, what) < 0:
                raise ValueError(f"{what}: found {getattr(self, what)}, expected 0 or more")
        for index, subject in enumerate(self.subjects):
            if len(subject.items) != self.slots:
                raise ValueError(f"subject {index} has {len(subject.items)} items, the model {self.slots}")
        for what, named in (("projections", self.projections), ("streams", self.streams)):
            names = [part.name for part in named]
            if len(set(names)) < len(names):
                raise ValueError(f"{what} need different names, found {one_of(names)}")
        _check_nested_streams({stream.name for stream in self.streams}, self.streams)
        if self.measure not in MEASURES:
            raise ValueError(
                f'measure: found "{self.measure}", allowed: {one_of(MEASURES)}.{nearest(self.measure, MEASURES)}'
            )
        if not (self.time_scale > 0 or self.time_scale != self.time_scale):
            raise ValueError(f"time_scale: found {self.time_scale}, expected more than 0, or NaN")
        if self.circuit is not None:
            _check_json_object("circuit", self.circuit)
            check_graph(json.loads(self.circuit))

    @property
    def populations(self) -> dict[str, int]:
        """Number of cells by population of the circuit; empty without one."""
        return {} if self.circuit is None else check_graph(json.loads(self.circuit))


def _check_nested_streams(names: set[str], streams: Sequence[StreamLayout]) -> None:
    for stream in streams:
        above, _, last = stream.name.rpartition("/")
        if above in names:
            raise ValueError(f"stream {stream.name} lies within the stream {above}, whose column {last} it could be")


def _check_json_object(what: str, text: str) -> None:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{what}: expected JSON, found {text[:40]!r} ({error})") from None
    if not isinstance(value, dict):
        raise ValueError(f"{what}: expected a JSON object, found {text[:40]!r}")


def check_columns(what: str, columns: Mapping[str, np.ndarray], expected: Mapping[str, str]) -> None:
    """Refuse a table whose columns are not the expected ones, one-dimensional and equally long."""
    for name in columns:
        if name not in expected:
            raise ValueError(f'{what}: unknown column "{name}", allowed: {one_of(expected)}.{nearest(name, expected)}')
    missing = [name for name in expected if name not in columns]
    if missing:
        raise ValueError(f"{what}: missing column {one_of(missing)}")
    shapes = {name: np.shape(column) for name, column in columns.items()}
    if any(len(shape) != 1 for shape in shapes.values()) or len(set(shapes.values())) > 1:
        raise ValueError(f"{what}: expected one-dimensional columns of one length, found shapes {shapes}")
