"""What changes in Brian2 objects while they run, as plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from brian2.core.variables import ArrayVariable
from numpy.typing import NDArray

_FIXED = {"w0", "f", "i", "N", "t", "dt", "t_in_timesteps", "N_incoming", "N_outgoing", "delay"}


def changing(owner: Any) -> dict[str, Any]:
    """Variables of a group or of synapses that change while they run, by name; not those that belong to others."""
    return {
        name: variable
        for name, variable in owner.variables.items()
        if isinstance(variable, ArrayVariable)
        and not variable.constant
        and name not in _FIXED
        and not name.startswith("_synaptic")
        and variable.owner is not None
        and variable.owner.name == owner.name
        and name == variable.name  # not a reference under another name, such as x_post
    }


def values(owners: list[Any]) -> dict[str, NDArray]:
    """Copies of all that changes, under ``owner.variable``."""
    return {
        f"{owner.name}.{name}": np.array(variable.get_value())
        for owner in owners
        for name, variable in changing(owner).items()
    }


def spikes_in_flight(pathway: Any) -> dict[str, NDArray]:
    """What waits in the spike queue of a pathway."""
    offset, waiting = pathway.queue._full_state()
    return {
        f"{pathway.name}.offset": np.array([offset], dtype=np.int64),
        f"{pathway.name}.waiting": np.array([len(spikes) for spikes in waiting], dtype=np.int64),
        f"{pathway.name}.spikes": np.array([s for spikes in waiting for s in spikes], dtype=np.int32),
    }


def put_in_flight(pathway: Any, state: Any) -> None:
    """The reverse of `spikes_in_flight`."""
    ends = np.cumsum(state[f"{pathway.name}.waiting"])
    spikes = [part.tolist() for part in np.split(state[f"{pathway.name}.spikes"], ends[:-1])]
    pathway.queue._restore_from_full_state((int(state[f"{pathway.name}.offset"][0]), spikes))


def empty_queue(pathway: Any) -> None:
    """Forget the spikes that are in flight."""
    offset, waiting = pathway.queue._full_state()
    pathway.queue._restore_from_full_state((offset, [[] for _ in waiting]))
