"""Mixed-stability synapses of a deep learner: made from its spec, and as arrays of a state."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ...models.mixed_stability import MixedStability

if TYPE_CHECKING:
    from ...models.deep.learner import MixedStabilityCortex
    from .network import CorticalNetwork


def mixed_stability(spec: MixedStabilityCortex | None, network: CorticalNetwork, seed: int) -> MixedStability | None:
    """The gates of a network as it was drawn; None where it has none.

    Parameters
    ----------
    spec : MixedStabilityCortex or None
    network : CorticalNetwork
    seed : int
        Of the flexibilities.
    """
    if spec is None:
        return None
    return MixedStability(
        network,
        flexibility=spec.flexibility,
        sensitivity=spec.sensitivity,
        seed=seed,
        parameters=["head.weight"] if spec.layers == "last" else None,
    )


def gates_state(stability: MixedStability) -> dict[str, NDArray]:
    """What changes of the gates; initial weights and flexibilities are drawn again."""
    kept = stability.state_dict()
    sensitivity = math.nan if kept["sensitivity"] == "auto" else float(kept["sensitivity"])
    state = {name: gate.cpu().numpy().copy() for name, gate in kept["gates"].items()}
    return state | {"rule": np.array([sensitivity, kept["items_started"]], np.float64)}


def load_gates_state(stability: MixedStability, state: Mapping[str, NDArray]) -> None:
    """Go back to a state that `gates_state` gave."""
    sensitivity, started = (float(value) for value in state["rule"])
    stability.load_state_dict(
        {
            **stability.state_dict(),
            "sensitivity": "auto" if math.isnan(sensitivity) else sensitivity,
            "items_started": int(started),
            "gates": {name: torch.from_numpy(array.copy()) for name, array in state.items() if name != "rule"},
        }
    )
