"""What a phase of a deep learner runs in: the algorithms it may use, and words for where memory runs out."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..memory import is_out_of_memory

if TYPE_CHECKING:
    from ...models.deep.learner import DeepLearner


@contextmanager
def memory_told(model: DeepLearner, device: str) -> Iterator[None]:
    """Say what to lower where a network does not fit in memory.

    Raises
    ------
    MemoryError
        Torch could not get memory.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        less = (
            f"batch_size (now {model.batch_size}) or raise accumulate (now {model.accumulate}), which keeps the batch"
        )
        if model.replay_batch_size:
            less += f"; lower replay_batch_size (now {model.replay_batch_size})"
        if model.precision == "float32" and device != "cpu":
            less += "; precision: bf16 needs half of it"
        raise MemoryError(
            f"there is not enough memory on {device} ({str(error).splitlines()[0]}); lower {less}; in probes, lower "
            f"evaluation_batch_size (now {model.evaluation_batch_size})"
        ) from error


@contextmanager
def algorithms(model: DeepLearner) -> Iterator[None]:
    """Let denormal numbers be zero, and only deterministic algorithms be used where the model asks for it."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    for kind in (np.float32, np.float64):
        np.finfo(kind)  # NumPy looks at the smallest numbers once, and warns where they are zero
    torch.set_flush_denormal(True)
    if model.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
        if model.deterministic:  # else there is nothing to put back, and the call would import torch's compiler
            torch.use_deterministic_algorithms(deterministic)
