"""Resume a run."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from ..data.item_sets import item_set
from ..data.items import ItemSet
from ..data.recording.reader import open_recording
from ..data.recording.writer import RecordingWriter
from ..data.wording import at_most
from ..models.base import Model
from ..models.registry import model_from_spec
from ..protocols import Protocol
from .arguments import MOST_WORKERS, check_seconds, check_whole
from .carrying_out import carry_out
from .checkpoint import Place, checkpoint_lanes, damaged, load_checkpoint
from .chunk_ledger import Key, key_of, run_name, subjects_in_words
from .deep.distributed import group_from_environment
from .memory import memory_in_words
from .planning import LARGEST_RUN, SETTINGS, Plan, RecordedItems, RecordedSettings, fixed_parts, make_plan, store_folder
from .progress import Reporter
from .ranks import SilentWriter, refuse_undivided
from .run_images import unknown_images
from .spec_changes import spec_changes
from .store_folders import refuse_foreign_files
from .workers import refuse_unguarded_script

if TYPE_CHECKING:
    from ..data.recording.reader import Recording


def resume(
    path: str | os.PathLike[str],
    *,
    models: Mapping[str, Model] | None = None,
    items: ItemSet | None = None,
    images: str | os.PathLike[str] | None = None,
    unknown: str | os.PathLike[str] | None = None,
    data: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    workers: int = 1,
    reporter: Reporter | None = None,
) -> Recording:
    """Go on with an interrupted or killed run, to the same bits as if it had not been interrupted.

    Parameters
    ----------
    path : path
        The recording.
    models, items : optional
        Needed only for models and item sets made from objects that no registered name describes.
    images, unknown : path, optional
        Where the images that the run was given lie now, if they have moved. They must be the same.
    data : path, optional
        Where the user's images lie now, if they have moved. By default the recorded folder or file; where that is no
        longer there, the environment variable ``ENGRAM_DATA``. The images must be the same.
    checkpoint_every : float
        Seconds between checkpoints.
    workers : int
        Processes that simulate subjects at the same time, as in `run`; it need not be the number that the run had.
    reporter : Reporter, optional

    Returns
    -------
    Recording

    Raises
    ------
    ValueError
        The run is complete, the recording or its checkpoint is damaged, or something that fixes the bits of the run
        (items, models, settings, versions) has changed since.
    OSError
        The recording cannot be read or written.
    RuntimeError
        Worker processes do not start.
    """
    refuse_unguarded_script()
    path = Path(path)
    check_whole("workers", workers, 1, MOST_WORKERS)
    check_seconds(checkpoint_every)
    group = group_from_environment()
    recording = open_recording(path)
    if recording.status == "complete":
        raise ValueError(f"{path} is complete: there is nothing to resume")
    if recording.status == "failed":
        raise ValueError(
            f"{path} is finished: every subject of a model stopped, and would stop again; `engram show {path}` says why"
        )
    protocol = Protocol.from_yaml(recording.protocol_text, source=f"{path} (protocol)")
    recorded, found = recorded_settings(recording)
    specs = {name: (models or {}).get(name) or model_from_spec(info.spec) for name, info in recording.models.items()}
    if items is None:
        moved = {} if images is None else {"path": str(Path(images).resolve())}
        items = item_set(found.name, **{**found.options, **moved})
    settings = {name: getattr(recorded, name) for name in SETTINGS}
    strict = bool(found.options.get("strict", False))
    with memory_in_words():
        pool = items.pool(where_images_are(data, recorded.data))
        refuse_changes(path, {"items": pool.identity}, {"items": found.identity})
        strangers = unknown_images(recorded.unknown if unknown is None else os.fspath(unknown), pool, strict)
        now = fixed_parts(protocol, specs, pool, recording.seed, settings, recorded.chunks, strangers)
        models_then = {name: info.spec for name, info in recording.models.items()}
        refuse_changes(path, now, recorded.fixed, models_then, {name: model.spec() for name, model in specs.items()})
        chunks, folder = recorded.chunks, store_folder(path)
        plan = make_plan(protocol, specs, pool, recording.seed, settings, chunks, strangers, folder)
        refuse_undivided(plan.simulators, group)
        if group.first:
            refuse_foreign_files(path)
            with RecordingWriter.resume(path) as writer:
                if writer.created != recording.log.get("created") or plan.identity != recorded.identity:
                    raise ValueError(f"{path} was replaced by another run meanwhile")
                finished = finished_chunks(plan, recording)
                checkpoints = own_checkpoints(path, plan, writer)
                _tell_what_begins_again(path, plan, recording, finished, checkpoints, reporter or Reporter())
                resumed = recording.log.get("resumed", 0)
                writer.log(resumed=int(resumed) + 1 if 0 <= resumed < 2**31 else 1)
                carry_out(plan, writer, path, checkpoint_every, workers, reporter or Reporter(), finished, checkpoints)
        else:
            carry_out(plan, SilentWriter(), path, checkpoint_every, workers, reporter or Reporter())
    group.barrier()
    return open_recording(path)


def recorded_settings(recording: Recording) -> tuple[RecordedSettings, RecordedItems]:
    """What a recording says of its run, checked like the arguments of a new one."""
    path, models = recording.path, recording.models
    settings, items = recording.settings, next(iter(models.values())).item_set
    missing = _required(RecordedSettings) - set(settings) | _required(RecordedItems) - set(items)
    if missing:
        raise ValueError(
            f"{path} cannot be resumed: it was not made by `engram run` and lacks {', '.join(sorted(missing))}"
        )
    try:
        recorded, found = RecordedSettings.model_validate(settings), RecordedItems.model_validate(items)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{path} cannot be resumed: its settings are damaged "
            f"({where}: found {str(first['input'])[:80]}; {first['msg']})"
        ) from None
    if any(info.subjects != recorded.subjects for info in models.values()):
        raise ValueError(f"{path} cannot be resumed: it does not hold the {recorded.subjects} subjects of its settings")
    if set(recorded.chunks) != set(models) or max(recorded.chunks.values()) > LARGEST_RUN:
        raise ValueError(f"{path} cannot be resumed: the chunks of its settings are damaged ({recorded.chunks})")
    return recorded, found


def _required(model: type[BaseModel]) -> set[str]:
    return {name for name, field in model.model_fields.items() if field.is_required()}


def where_images_are(given: str | os.PathLike[str] | None, recorded: str | None) -> str | None:
    """Folder that is given now, or the recorded one; where that is gone, the one that ENGRAM_DATA names."""
    if given is not None:
        return str(Path(given).resolve())
    if recorded is not None and not os.path.exists(recorded):
        return os.environ.get("ENGRAM_DATA") or recorded
    return recorded


def refuse_changes(
    path: Path, now: Mapping[str, str], then: Mapping[str, str], models_then: Any = None, models_now: Any = None
) -> None:
    """Name what is no longer as it was when a run was started, if anything is."""
    changed = [name for name in now if now[name] != then.get(name)]
    if not changed:
        return
    told = {name: name for name in changed}
    for name in changed:
        if name.startswith("version"):
            told[name] = f"{name} ({then.get(name, 'none')}, now {now[name]})"
    if "models" in told and (parts := at_most(spec_changes(models_then, models_now), 5)):
        told["models"] = f"models ({parts})"
    back = ", or bring back the files that they were" if "items" in told else ""
    raise ValueError(
        f"{path} cannot be resumed: {', '.join(told.values())} changed since it was started; run it again instead{back}"
    )


def finished_chunks(plan: Plan, recording: Recording) -> set[Key]:
    """Chunks whose subjects all came to an end. What a killed run had only begun to end has a checkpoint as well."""
    statuses = {name: model.statuses for name, model in recording.models.items()}
    return {
        (model, chunk)
        for model in plan.simulators
        for chunk in range(plan.chunk_count(model))
        if all(statuses[model][number] != "running" for number in plan.numbers(model, chunk))
    }


def own_checkpoints(path: Path, plan: Plan, writer: RecordingWriter) -> dict[int, Place]:
    """Places of the checkpoints of this run, by lane; those of another are removed."""
    own = {}
    for lane in checkpoint_lanes(path):
        found = load_checkpoint(path, lane)
        if found is None or found[0].run != run_name(plan, writer):
            continue
        try:
            plan.check(found[0])
        except ValueError as error:
            raise damaged(path, lane, error) from error
        own[lane] = found[0]
    return own


def _tell_what_begins_again(
    path: Path,
    plan: Plan,
    recording: Recording,
    finished: Collection[Key],
    checkpoints: Mapping[int, Place],
    reporter: Reporter,
) -> None:
    ended = set(finished) | {key_of(place) for place in checkpoints.values()}
    begun = [
        (model, plan.numbers(model, chunk))
        for model in plan.simulators
        for chunk in range(plan.chunk_count(model))
        if (model, chunk) not in ended
        and recording.performance(model).sel(subject=list(plan.numbers(model, chunk))).notnull().any()
    ]
    foreign = set(checkpoint_lanes(path)) - set(checkpoints)
    why = "has only the checkpoint of another run" if foreign else "has no checkpoint"
    if begun and not ended:
        reporter.say(f"{path} {why} beside it: the run begins again from its start")
    elif begun:
        whose = "; ".join(f"{model}, {subjects_in_words(numbers)}" for model, numbers in begun)
        reporter.say(f"{path} {why} of what begins again: {whose}")
