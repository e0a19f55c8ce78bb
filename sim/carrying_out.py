"""Carry out a plan to its end, and note how that went."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from ..data.recording.reader import open_recording
from ..data.recording.writer import RecordingWriter
from .checkpoint import (
    DamagedCheckpoint,
    Place,
    checkpoint_lanes,
    remove_checkpoint,
    remove_unfinished_checkpoints,
)
from .chunk_ledger import Key
from .deep.distributed import LostProcess, group_from_environment
from .engine import Engine
from .machine import machine
from .memory import peak_device_memory, peak_memory
from .planning import Plan
from .progress import Reporter
from .ranks import SilentWriter


def carry_out(
    plan: Plan,
    writer: RecordingWriter | SilentWriter,
    path: Path,
    checkpoint_every: float,
    workers: int,
    reporter: Reporter,
    finished: Collection[Key] = (),
    checkpoints: Mapping[int, Place] | None = None,
) -> None:
    """Run what is not finished; remove the checkpoints that this run does not know, and in the end all.

    Of the processes that torchrun has started, the first alone looks after the files.

    Parameters
    ----------
    plan, writer, path, checkpoint_every, workers, reporter
        As of `Engine`.
    finished, checkpoints
        As of `Engine.run`.
    """
    start, cpu = time.perf_counter(), _cpu_s()
    group = group_from_environment()
    if group.first:
        _remove_checkpoints(path, but=checkpoints or {})  # the lock of the recording is held by now
    engine = Engine(plan, writer, path, checkpoint_every, reporter, workers, group)
    try:
        engine.run(finished, checkpoints)
    except (DamagedCheckpoint, LostProcess):
        raise  # these say themselves how to go on
    except Exception as error:
        if group.first:
            error.add_note(
                f"{path} holds what was recorded until then: once the cause is gone, engram resume {path} goes on; "
                "otherwise run it again with --overwrite"
            )
        raise
    memory, on_devices, cpu = group.total(peak_memory() + engine.worker_memory, peak_device_memory(), _cpu_s() - cpu)
    if not group.first:
        return
    writer.flush()
    failed = [name for name, model in open_recording(path).models.items() if set(model.statuses) == {"failed"}]
    writer.log(
        wall_s=time.perf_counter() - start,
        cpu_s=cpu,
        peak_memory_bytes=int(memory),
        machine=machine(processes=group.size, peak_device_memory_bytes=int(on_devices)),
    )
    writer.set_status("failed" if failed else "complete")
    _remove_checkpoints(path, but=())


def _cpu_s() -> float:
    """Time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def _remove_checkpoints(path: Path, but: Collection[int]) -> None:
    remove_unfinished_checkpoints(path)
    for lane in {0, *checkpoint_lanes(path)} - set(but):
        remove_checkpoint(path, lane)
