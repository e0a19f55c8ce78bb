"""Everything that a run does, worked out before it starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from os import PathLike
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from ..data.items import ItemDraw, Pool, draw_items
from ..data.seeds import child_rng
from ..data.wording import one_of
from ..models.base import Model
from ..protocols import Presentations, Protocol, Step, Timeline, unroll
from .checkpoint import Place
from .session import Settings, Subjects
from .simulator import Simulator, prepare

SETTINGS = ("device", "threads", "data", "subjects", "unknown")
"""Settings that a recording holds, besides the chunks."""

LARGEST_RUN = 100_000
"""Subjects of one run."""

MOST_THREADS = 1024

MEMORY_OF_A_CHUNK = 4 << 30
"""Bytes that the subjects simulated together may take: a constant, so that chunks are the same everywhere."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a run does, before it starts.

    Attributes
    ----------
    identity : str
        Equal for two runs only if they give the same bits.
    fixed : mapping of str to str
        Hashes of what `identity` covers, part by part (see `fixed_parts`).
    protocol : Protocol
    timeline : Timeline
    pool : Pool
    seed : int
    draws, presentations : tuple
        Items, and timeline of presentations, of each subject.
    simulators : mapping of str to Simulator
        The models, in the order in which they are run.
    chunks : mapping of str to int
        For each model, how many subjects are simulated together.
    unknown : Pool or None
        Images of classes that are never taught, besides those of the pool that no slot holds.
    """

    identity: str
    fixed: Mapping[str, str]
    protocol: Protocol
    timeline: Timeline
    pool: Pool
    seed: int
    draws: tuple[ItemDraw, ...]
    presentations: tuple[Presentations, ...]
    simulators: Mapping[str, Simulator]
    chunks: Mapping[str, int]
    unknown: Pool | None = None

    def subjects(self, model: str, chunk: int) -> Subjects:
        """The subjects of one chunk."""
        numbers = self.numbers(model, chunk)
        return Subjects(
            numbers=numbers,
            seed=self.seed,
            pool=self.pool,
            draws=tuple(self.draws[k] for k in numbers),
            presentations=tuple(self.presentations[k] for k in numbers),
            timeline=self.timeline,
            unknown=self.unknown,
        )

    def numbers(self, model: str, chunk: int) -> tuple[int, ...]:
        """Numbers of the subjects of one chunk."""
        first = chunk * self.chunks[model]
        return tuple(range(first, min(first + self.chunks[model], len(self.draws))))

    def chunk_count(self, model: str) -> int:
        """Number of chunks of a model."""
        return -(-len(self.draws) // self.chunks[model])

    def points(self, model: str, step: Step) -> int:
        """How many pieces of work a step is, for one subject."""
        simulator = self.simulators[model]
        if step.kind == "wake":
            return simulator.points(step, len(self.presentations[0].of(step.index).item))
        if step.kind == "probe":
            return 0
        return 1 if step.kind == "lesion" else max(1, simulator.points(step, 0))

    def work(self, model: str, chunk: int, steps: Sequence[Step] | None = None) -> int:
        """How many pieces of work steps are for all subjects of a chunk; by default all steps of the timeline."""
        subjects = len(self.numbers(model, chunk))
        return subjects * sum(self.points(model, step) for step in (self.timeline.steps if steps is None else steps))

    def curve_rows(self, model: str, steps: Sequence[Step]) -> int:
        """Rows of the learning curves that so many steps of the timeline fill."""
        return sum(self.points(model, step) for step in steps if step.curve)

    def places(self, run: str) -> Iterator[Place]:
        """Every chunk of every model of a recording, in order."""
        for model in self.simulators:
            for chunk in range(self.chunk_count(model)):
                yield Place(run=run, model=model, chunk=chunk)

    def check(self, place: Place) -> None:
        """Refuse a place that this plan does not come to.

        Raises
        ------
        ValueError
            The place names another model, or a chunk, step or row beyond those of the plan.
        """
        if place.model not in self.simulators:
            raise ValueError(f'there is no model "{place.model}", only {one_of(self.simulators)}')
        steps = self.timeline.steps
        if place.chunk >= self.chunk_count(place.model):
            raise ValueError(f"chunk {place.chunk} of {self.chunk_count(place.model)}")
        if place.step > len(steps):
            raise ValueError(f"step {place.step} of {len(steps)}")
        least, most = (self.curve_rows(place.model, steps[:stop]) for stop in (place.step, place.step + 1))
        if not least <= place.curve_row <= most:
            raise ValueError(f"{place.curve_row} rows of learning curves, expected {least} to {most}")


class RecordedSettings(BaseModel):
    """Settings of a run as its recording holds them, within the limits of a new run's."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    device: str = Field(max_length=64)
    threads: int = Field(ge=1, le=MOST_THREADS)
    data: str | None = Field(max_length=4096)
    subjects: int = Field(ge=1, le=LARGEST_RUN)
    unknown: str | None = Field(default=None, max_length=4096)
    sweep: dict[str, Any] | None = None
    chunks: dict[str, Annotated[int, Field(ge=1)]]
    identity: str
    fixed: dict[str, str]


class RecordedItems(BaseModel):
    """Item set of a run as its recording holds it."""

    model_config = ConfigDict(strict=True, frozen=True)

    name: str
    options: dict[str, Any]
    identity: str


def fixed_parts(
    protocol: Protocol,
    models: Mapping[str, Model],
    pool: Pool,
    seed: int,
    settings: Mapping[str, Any],
    chunks: Mapping[str, int],
    unknown: Pool | None = None,
) -> dict[str, str]:
    """Hashes of everything that fixes the bits of a run, part by part, so that a reader can tell what changed.

    Where the images lie is no part of it: what they are is.
    """
    encoders = {name: getattr(model, "encoder", None) for name, model in models.items()}
    parts = {
        "protocol": protocol.to_yaml(),
        "items": pool.identity,
        "models": {name: model.spec() for name, model in models.items()},
        "encoder weights": {n: encoder.weights_sha256() for n, encoder in encoders.items() if encoder is not None},
        "settings": {**{name: settings[name] for name in ("device", "threads", "subjects")}, "seed": seed, **chunks},
    }
    if unknown is not None:
        parts["unknown images"] = unknown.identity
    weights = {name: model.weights_sha256() for name, model in models.items() if hasattr(model, "weights_sha256")}
    if any(weights.values()):
        parts["network weights"] = weights
    hashes = {name: _hash(part) for name, part in parts.items()}
    packages = ["engram", "numpy", "torch"] + ["brian2"] * any(model.backend == "brian2" for model in models.values())
    return hashes | {f"version of {package}": version(package) for package in packages}


def make_plan(
    protocol: Protocol,
    models: Mapping[str, Model],
    pool: Pool,
    seed: int,
    settings: Mapping[str, Any],
    chunks: Mapping[str, int] | int | None,
    unknown: Pool | None = None,
    folder: Path | None = None,
) -> Plan:
    for model in models.values():
        model.check(protocol, pool)
    timeline = unroll(protocol)
    numbers = range(settings["subjects"])
    spec = protocol.items
    draws = tuple(
        draw_items(pool, spec.slots, spec.train, spec.test, child_rng(seed, "subject", k, "items"), spec.classes)
        for k in numbers
    )
    presentations = tuple(timeline.presentations(child_rng(seed, "subject", k, "schedule")) for k in numbers)
    how = Settings(device=settings["device"], threads=settings["threads"], record=protocol.record)
    simulators = {
        name: prepare(model, pool, spec.slots, replace(how, folder=None if folder is None else folder / name))
        for name, model in models.items()
    }
    if not isinstance(chunks, Mapping):
        chunks = {name: chunk_of(simulator, len(draws), chunks) for name, simulator in simulators.items()}
    fixed = fixed_parts(protocol, models, pool, seed, settings, chunks, unknown)
    return Plan(
        identity=_hash(fixed),
        fixed=fixed,
        protocol=protocol,
        timeline=timeline,
        pool=pool,
        seed=seed,
        draws=draws,
        presentations=presentations,
        simulators=simulators,
        chunks=chunks,
        unknown=unknown,
    )


def store_folder(recording: str | PathLike[str]) -> Path:
    """Where the episodic stores of a run lie, by model and subject.

    Parameters
    ----------
    recording : path

    Examples
    --------
    >>> store_folder("runs/stream.h5").name
    'stream.h5.stores'
    """
    path = Path(recording)
    return path.with_name(f"{path.name}.stores")


def _hash(part: Any) -> str:
    return hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()


def chunk_of(simulator: Simulator, subjects: int, asked: int | None = None) -> int:
    """How many of a model's subjects are simulated together.

    Parameters
    ----------
    simulator : Simulator
    subjects : int
        All there are.
    asked : int, optional
        What the user asks for; by default, as many as fit `MEMORY_OF_A_CHUNK`.
    """
    most = simulator.subjects_together or LARGEST_RUN
    if asked is None:
        asked = max(1, MEMORY_OF_A_CHUNK // simulator.bytes_per_subject) if simulator.bytes_per_subject else subjects
        asked = min(asked, subjects)
    return min(asked, most)
