"""The recording of a run, laid out from its plan."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..data.items import ItemSet
from ..data.recording.layout import ModelLayout, ProjectionLayout, SubjectLayout
from ..data.recording.writer import RecordingWriter
from .machine import machine
from .planning import Plan


def create_recording(
    plan: Plan, items: ItemSet, settings: Mapping[str, Any], out: Path, overwrite: bool
) -> RecordingWriter:
    record, spec = plan.protocol.record, plan.protocol.items
    weight_steps = plan.timeline.weight_steps(record)
    subjects = [
        SubjectLayout(
            seed=f"{plan.seed}/subject/{k}",
            items=[plan.pool.classes[c] for c in draw.classes],
            presentations={name: getattr(rows, name) for name in ("phase", "order", "item", "label", "wrong")},
        )
        for k, (draw, rows) in enumerate(zip(plan.draws, plan.presentations, strict=True))
    ]
    item_set_json = json.dumps(
        {
            "name": items.name,
            "options": items.model_dump(mode="json"),
            "source": plan.pool.source,
            "identity": plan.pool.identity,
        }
    )
    layouts = {}
    for name, simulator in plan.simulators.items():
        model = simulator.model
        encoder = getattr(model, "encoder", None)
        layouts[name] = ModelLayout(
            spec=json.dumps(model.spec()),
            item_set=item_set_json,
            encoder="none" if encoder is None else encoder.kind,
            abilities=sorted(model.abilities),
            chance=model.chance(spec.slots),
            measure=model.measure,
            time_scale=math.nan if simulator.time_scale is None else simulator.time_scale,
            circuit=None if simulator.circuit is None else json.dumps(simulator.circuit),
            streams=simulator.streams,
            subjects=subjects,
            slots=spec.slots,
            curve_rows=plan.curve_rows(name, plan.timeline.steps),
            trials=plan.draws[0].test.shape[1] if record.responses == "trials" else 0,
            responses=record.responses != "none",
            projections=[
                ProjectionLayout(name=projection, shape=shape) for projection, shape in simulator.projections.items()
            ],
            weight_rows=len(weight_steps) if simulator.projections else 0,
            snapshots=record.weights == "snapshots",
        )
    writer = RecordingWriter.create(
        out,
        name=plan.protocol.name,
        protocol=plan.protocol.to_yaml(),
        seed=plan.seed,
        timeline=plan.timeline.table(),
        probe_steps=plan.timeline.probe_steps,
        weight_steps=weight_steps,
        models=layouts,
        settings={**settings, "chunks": dict(plan.chunks), "identity": plan.identity, "fixed": plan.fixed},
        overwrite=overwrite,
    )
    writer.log(
        command=" ".join(sys.argv),
        machine=machine(),
    )
    return writer
