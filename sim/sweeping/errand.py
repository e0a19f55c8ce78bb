"""What a worker of a sweep is sent, as JSON, and what comes back: all that is to be written."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from functools import lru_cache, partial
from importlib import import_module
from typing import Any, TypedDict

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ...data.item_sets import item_set
from ...data.items import ItemSet
from ...models.base import Model
from ...protocols import Protocol
from ..checkpoint import Place
from ..chunk_loop import ChunkLoop
from ..memory import memory_in_words, peak_memory
from ..planning import Plan, fixed_parts, make_plan
from ..progress import Reporter
from ..session import Settings
from ..simulator import Simulator, prepare
from ..worker_process import HANDED_ON

NEVER = float("inf")

_one_at_a_time = threading.Lock()
"""Of the threads of a worker: neither Brian2 nor the number of threads of a library belongs to one alone."""


class Outcome(TypedDict):
    """What a worker hands back: calls of the recording's writer, and what it has to say and took."""

    written: list[tuple[str, tuple[Any, ...], dict[str, Any]]]
    told: list[str]
    cpu_s: float
    memory: int


class WorkerDiffers(RuntimeError):
    """A worker would give other bits than this process, or cannot know the models."""


def errand(plan: Plan, items: ItemSet, settings: Mapping[str, Any]) -> str:
    """What all chunks of a sweep have in common, as JSON."""
    return json.dumps(
        {
            "protocol": plan.protocol.to_yaml(),
            "items": {"module": _importable(items), "name": items.name, "options": items.model_dump(mode="json")},
            "seed": plan.seed,
            "settings": dict(settings),
        }
    )


def model_of_errand(plan: Plan, name: str, settings: Mapping[str, Any]) -> str:
    """A model and the hashes of all that fixes the bits of its subjects, as JSON."""
    model = plan.simulators[name].model
    chunk = {name: plan.chunks[name]}
    return json.dumps(
        {
            "name": name,
            "module": _importable(model),
            "class": type(model).__qualname__,
            "spec": model.spec(),
            "chunk": plan.chunks[name],
            "fixed": fixed_parts(plan.protocol, {name: model}, plan.pool, plan.seed, settings, chunk),
        }
    )


def simulate(common: str, model: str, chunk: int) -> Outcome:
    """Simulate one chunk of subjects of one model from its beginning to its end.

    Parameters
    ----------
    common : str
        As `errand` gives it.
    model : str
        As `model_of_errand` gives it.
    chunk : int

    Raises
    ------
    WorkerDiffers
        The model, the images or the versions of packages are others here than where the sweep was started.
    """
    notes = _Notes()
    threads = json.loads(common)["settings"]["threads"]
    with _one_at_a_time, one_count_of_threads(threads), memory_in_words():
        began = time.process_time()
        plan, name = _plan(common, model)
        loop = ChunkLoop(
            plan=plan,
            writer=notes,  # type: ignore[arg-type]
            reporter=notes.reporter,
            keep=lambda place, state: None,
            stop_asked=lambda: False,
            checkpoint_every=NEVER,
        )
        loop.run(Place(run="", model=name, chunk=chunk), {})
    return Outcome(
        written=notes.written, told=notes.reporter.told, cpu_s=time.process_time() - began, memory=peak_memory()
    )


@contextmanager
def one_count_of_threads(threads: int) -> Iterator[None]:
    """NumPy's libraries use as many threads in workers as in a sweep without: products may differ in the last bits."""
    with threadpool_limits(threads):
        yield


@lru_cache(maxsize=1)
def _common_plan(common: str) -> Plan:
    """Everything but the models; kept, so that a worker reads its images once."""
    told = json.loads(common)
    items, settings = told["items"], told["settings"]
    import_module(items["module"])
    pool = item_set(items["name"], **items["options"]).pool(settings["data"])
    return make_plan(Protocol.from_yaml(told["protocol"]), {}, pool, told["seed"], settings, {})


@lru_cache(maxsize=1)
def _plan(common: str, model: str) -> tuple[Plan, str]:
    """The plan with one model made ready; kept for its next chunk."""
    plan, settings, told = _common_plan(common), json.loads(common)["settings"], json.loads(model)
    name = told["name"]
    made = _model(told["module"], told["class"], told["spec"])
    chunks = {name: told["chunk"]}
    here = fixed_parts(plan.protocol, {name: made}, plan.pool, plan.seed, settings, chunks)
    if changed := [part for part in told["fixed"] if told["fixed"][part] != here.get(part)]:
        parts = ", ".join(
            f"{part} ({told['fixed'][part]}, here {here.get(part, 'none')})" if part.startswith("version") else part
            for part in changed
        )
        raise WorkerDiffers(f"{name} would not give the same bits on a worker: it has other {parts}")
    how = Settings(device=settings["device"], threads=settings["threads"], record=plan.protocol.record)
    simulator: Simulator = prepare(made, plan.pool, plan.protocol.items.slots, how)
    return replace(plan, simulators={name: simulator}, chunks=chunks), name


def _model(module: str, name: str, spec: Mapping[str, Any]) -> Model:
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    if not (isinstance(found, type) and issubclass(found, Model)):
        raise WorkerDiffers(f"{module}.{name} is no model on a worker")
    return found(**spec)


def _importable(thing: Model | ItemSet) -> str:
    module, name = type(thing).__module__, type(thing).__qualname__
    if module == "__main__" or "<locals>" in name:
        raise ValueError(
            f"{name} is defined in the script itself, where workers do not find it: put it into a module of its own "
            "that can be imported, or give workers=1"
        )
    return module


class _Notes:
    """In the place of a recording's writer: keeps what is to be written, as it is now."""

    def __init__(self) -> None:
        self.written: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.reporter = _Told()

    def __getattr__(self, method: str) -> Callable[..., None]:
        if method not in HANDED_ON:
            raise AttributeError(f"{method} is no method of a recording's writer that a chunk calls")
        return partial(self._note, method)

    def _note(self, method: str, *arguments: Any, **named: Any) -> None:
        self.written.append((method, deepcopy(arguments), deepcopy(named)))


class _Told(Reporter):
    def __init__(self) -> None:
        self.told: list[str] = []

    def say(self, text: str) -> None:
        self.told.append(text)
