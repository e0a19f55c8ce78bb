"""Everything that a run does, worked out before it starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..data.items import ItemDraw, ItemSet, Pool, draw_items
from ..data.seeds import child_rng
from ..models.base import Model
from ..protocols import Presentations, Protocol, Step, Timeline, unroll
from .checkpoint import Place
from .session import Settings, Subjects
from .simulator import Simulator, prepare

MEMORY_OF_A_CHUNK = 4 << 30
"""Bytes that the subjects simulated together may take: a constant, so that chunks are the same everywhere."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that a run does, before it starts.

    Attributes
    ----------
    identity : str
        Equal for two runs only if they give the same bits.
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
    """

    identity: str
    protocol: Protocol
    timeline: Timeline
    pool: Pool
    seed: int
    draws: tuple[ItemDraw, ...]
    presentations: tuple[Presentations, ...]
    simulators: Mapping[str, Simulator]
    chunks: Mapping[str, int]

    def subjects(self, model: str, chunk: int) -> Subjects:
        """The subjects of one chunk."""
        first = chunk * self.chunks[model]
        numbers = tuple(range(first, min(first + self.chunks[model], len(self.draws))))
        return Subjects(
            numbers=numbers,
            seed=self.seed,
            pool=self.pool,
            draws=tuple(self.draws[k] for k in numbers),
            presentations=tuple(self.presentations[k] for k in numbers),
        )

    def chunk_count(self, model: str) -> int:
        """Number of chunks of a model."""
        return -(-len(self.draws) // self.chunks[model])

    def points(self, model: str, step: Step) -> int:
        """How many pieces of work a step is, for one subject."""
        if step.kind != "wake":
            return int(step.kind != "probe")
        return self.simulators[model].points(step, len(self.presentations[0].of(step.index).item))

    def places(self) -> Iterator[Place]:
        """Every chunk of every model, in order."""
        for model in self.simulators:
            for chunk in range(self.chunk_count(model)):
                yield Place(run=self.identity, model=model, chunk=chunk)


def make_plan(
    protocol: Protocol,
    models: Mapping[str, Model],
    items: ItemSet,
    seed: int,
    settings: Mapping[str, Any],
    chunks: Mapping[str, int] | int | None,
) -> Plan:
    pool = items.pool(settings["data"])
    for model in models.values():
        model.check(protocol, pool)
    timeline = unroll(protocol)
    numbers = range(settings["subjects"])
    spec = protocol.items
    draws = tuple(
        draw_items(pool, spec.count, spec.train, spec.test, child_rng(seed, "subject", k, "items")) for k in numbers
    )
    presentations = tuple(timeline.presentations(child_rng(seed, "subject", k, "schedule")) for k in numbers)
    how = Settings(device=settings["device"], threads=settings["threads"])
    simulators = {name: prepare(model, pool, spec.count, how) for name, model in models.items()}
    if not isinstance(chunks, Mapping):
        chunks = {name: chunks or default_chunk(simulator, len(draws)) for name, simulator in simulators.items()}
    fixed = {
        "protocol": protocol.to_yaml(),
        "models": {name: model.spec() for name, model in models.items()},
        "pool": pool.identity,
        "seed": seed,
        "settings": dict(settings),
        "chunks": dict(chunks),
    }
    identity = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()
    return Plan(
        identity=identity,
        protocol=protocol,
        timeline=timeline,
        pool=pool,
        seed=seed,
        draws=draws,
        presentations=presentations,
        simulators=simulators,
        chunks=chunks,
    )


def default_chunk(simulator: Simulator, subjects: int) -> int:
    if simulator.bytes_per_subject == 0:
        return subjects
    return max(1, min(subjects, MEMORY_OF_A_CHUNK // simulator.bytes_per_subject))
