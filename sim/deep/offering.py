"""Images of a lesson on their way into a store that takes them as they are met."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

if TYPE_CHECKING:
    from .objective import Batch
    from .workbench import Workbench


class Offer:
    """Brings images of a batch to the store, whichever process met them, in their order in the whole batch.

    Every process codes its own images and hears of the others' codes. Each then lets the same items pass by the copy
    of the store that it holds, so that all of them draw from the same items, and the first one's is on disk.

    Parameters
    ----------
    bench : Workbench
    task : int
    """

    def __init__(self, bench: Workbench, task: int) -> None:
        self._bench, self._task = bench, task
        self._gathered: dict[str, NDArray[Any]] = {}

    def gather(self, batch: Batch, rows: NDArray[np.int64], extra: NDArray[np.float32] | None = None) -> None:
        """Collect what all processes offer of a batch. All of them call it, before the weights change.

        Parameters
        ----------
        batch : Batch
        rows : int64 array, [image]
            What this process offers of its share, if anything.
        extra : float32 array, [image, value], optional
            Kept beside each.
        """
        bench = self._bench
        if bench.store_in_use is None or batch.raw is None or (bench.group.size == 1 and not len(rows)):
            return
        chosen = torch.from_numpy(rows).to(batch.raw.device)
        images = batch.raw[chosen].permute(0, 2, 3, 1).cpu().numpy()
        codes = bench.store_in_use.code(images[..., 0] if images.shape[3] == 1 else images, self._task)
        mine: dict[str, NDArray[Any]] = {
            "codes": np.frombuffer(b"".join(codes), np.uint8),
            "lengths": np.array([len(code) for code in codes], np.int64),
            "labels": batch.labels[chosen].cpu().numpy(),
            "sources": batch.sources[rows],
            "places": batch.places[rows],
            "extra": np.zeros((len(codes), 0), np.float32) if extra is None else extra,
        }
        parts = bench.group.gather(mine)
        self._gathered = {name: np.concatenate([part[name] for part in parts]) for name in mine}

    def store(self) -> None:
        """Let what was gathered pass by the store."""
        gathered, self._gathered = self._gathered, {}
        if not gathered or not len(gathered["labels"]):
            return
        ends = np.cumsum(gathered["lengths"])
        codes, starts = gathered["codes"].tobytes(), ends - gathered["lengths"]
        order = np.argsort(gathered["places"], kind="stable")
        store = self._bench.store_in_use
        assert store is not None
        store.add_coded(
            [codes[starts[item] : ends[item]] for item in order],
            gathered["labels"][order],
            self._task,
            extra=gathered["extra"][order],
            sources=gathered["sources"][order],
        )
