"""The plan of a sweep: that of a run of all its points, without making them ready all at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...data.items import Pool
from ...models.base import Model
from ...protocols import Protocol
from ..planning import Plan, chunk_of, fixed_parts, make_plan
from ..session import Settings
from .outline import Outline


def sweep_plan(
    protocol: Protocol,
    models: Mapping[str, Model],
    pool: Pool,
    seed: int,
    settings: Mapping[str, Any],
    chunks: Mapping[str, int] | int | None,
    folder: Path | None,
) -> Plan:
    """The plan that `make_plan` makes of the same models, but for what their simulators hold in memory.

    Parameters
    ----------
    protocol, models, pool, seed, settings, chunks, folder
        As of `make_plan`.
    """
    for model in models.values():
        model.check(protocol, pool)
    bare = make_plan(protocol, {}, pool, seed, settings, {})
    how = Settings(device=settings["device"], threads=settings["threads"], record=protocol.record)
    outlines = {
        name: Outline(
            model,
            pool,
            protocol.items.slots,
            replace(how, folder=None if folder is None else folder / name),
            bare.timeline,
            bare.presentations[0],
        )
        for name, model in models.items()
    }
    if not isinstance(chunks, Mapping):
        chunks = {name: chunk_of(outline, len(bare.draws), chunks) for name, outline in outlines.items()}
    fixed = fixed_parts(protocol, models, pool, seed, settings, chunks)
    identity = hashlib.sha256(json.dumps(fixed, sort_keys=True).encode()).hexdigest()
    return replace(bare, identity=identity, fixed=fixed, simulators=outlines, chunks=chunks)
