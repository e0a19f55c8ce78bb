"""Learned cues: images as entropy-coded latents, and a network that completes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..codec import Codec, Read, Symbols
from .decoder import Decoder
from .network import CueNetwork
from .tables import REACH
from .training import Training

if TYPE_CHECKING:
    from torch import Tensor

    from ..spec import CueStore, Random, Shape

MOST_TOGETHER = 256
FEWEST_TOGETHER = 8
SYMBOLS_TOGETHER = 1 << 17
"""Cues of one block hold about so many symbols: what opening and closing a block costs is then lost among them."""
IMAGES_TOGETHER = 256


class CueCodec(Codec):
    def __init__(self, spec: CueStore, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> None:
        self.spec, self.shape, self._rng, self._device = spec, shape, rng, torch.device(device)
        self.caches = spec.working_cache
        self._decoders: dict[int, Decoder] = {}
        self._network: CueNetwork | None = None
        self._training: Training | None = None
        self._task = -1
        self._state: dict[str, NDArray] = {}
        self._cue = self._new_network(0).cue_shape(1)[1:]
        self.block = int(np.clip(SYMBOLS_TOGETHER // np.prod(self._cue), FEWEST_TOGETHER, MOST_TOGETHER))

    def fit(self, read: Read, n: int, task: int) -> Iterator[str]:
        if self._state:
            fitted = self._resume(read, n, task)
        else:
            self._network, fitted = self._start(task), False
            self._task = task
        if fitted:
            return
        assert self._network is not None
        if self._training is None:
            self._training = Training(self._network, self.spec, read, n, task, self._rng)
        yield from self._training.run()
        self._training = None
        self.version = max(self._decoders, default=-1) + 1
        self._decoders[self.version] = Decoder.of(self._network)
        yield f"cues: decoder {self.version} is ready"

    def finish(self, task: int) -> None:
        self._network = None

    def _new_network(self, task: int) -> CueNetwork:
        seed = int(self._rng("cues", "weights", task).integers(2**63))
        return CueNetwork(self.spec, self.shape, torch.Generator().manual_seed(seed)).to(self._device)

    def _start(self, task: int) -> CueNetwork:
        network = self._new_network(task)
        if self._decoders:
            network.synthesis.load_state_dict(self._decoders[max(self._decoders)].synthesis.state_dict())
        return network

    def quantise(self, originals: NDArray) -> Symbols:
        if self._network is None:
            raise ValueError(
                "cues can only be made of images that their networks were fitted to: write whole lessons to a store of "
                "cues, or keep an online stream in a raw or jpeg store"
            )
        medians = self._decoders[self.version].medians[:, None, None]
        symbols = []
        with torch.inference_mode():
            for start in range(0, len(originals), IMAGES_TOGETHER):
                latents = self._network.analysis(self._network.to_input(originals[start : start + IMAGES_TOGETHER]))
                symbols.append((latents - medians).round().clamp(-REACH, REACH).to(torch.int8).cpu().numpy())
        return np.concatenate(symbols) if symbols else np.empty((0, *self._cue), np.int8)

    def pack(self, symbols: Symbols, version: int) -> bytes:
        return self._decoders[version].coder.encode(np.asarray(symbols))

    def unpack(self, data: bytes, count: int, version: int) -> Symbols:
        return self._decoders[version].coder.decode(data, (count, *self._cue))

    def working(self, symbols: Symbols, version: int) -> Tensor:
        return torch.from_numpy(np.asarray(symbols).astype(np.int8))

    def reconstruct(self, working: Tensor, version: int) -> Tensor:
        return self._decoders[version].reconstruct(working)

    def estimated_bits(self, symbols: Symbols, version: int) -> float | None:
        cues = np.asarray(symbols)
        return self._decoders[version].tables.bits(cues.swapaxes(0, 1).reshape(cues.shape[1], -1))

    def parameters(self, version: int) -> bytes:
        return self._decoders[version].to_bytes()

    def load_parameters(self, version: int, data: bytes) -> None:
        synthesis = self._new_network(0).synthesis
        self._decoders[version] = Decoder.from_bytes(data, synthesis, self.spec.latent, self._device)
        self.version = max(self._decoders)

    def state(self) -> dict[str, NDArray]:
        if self._network is None:
            return {}
        if self._training is not None:
            return {"task": np.array(self._task)} | {f"training/{k}": v for k, v in self._training.state().items()}
        analysis = {f"analysis/{k}": v.cpu().numpy().copy() for k, v in self._network.analysis.state_dict().items()}
        return {"task": np.array(self._task), "version": np.array(self.version)} | analysis

    def load_state(self, state: dict[str, NDArray]) -> None:
        self._network, self._training, self._state = None, None, dict(state)

    def _resume(self, read: Read, n: int, task: int) -> bool:
        state, self._state = self._state, {}
        self._task = int(state["task"])
        if self._task != task:
            raise ValueError(f"the codec of cues stopped in task {self._task}; it cannot go on with task {task}")
        self._network = self._start(task)
        if "version" in state:
            self.version = int(state["version"])
            self._network.analysis.load_state_dict(
                {
                    k.removeprefix("analysis/"): torch.from_numpy(v)
                    for k, v in state.items()
                    if k.startswith("analysis/")
                }
            )
            return True
        self._training = Training(self._network, self.spec, read, n, task, self._rng)
        self._training.load_state(
            {k.removeprefix("training/"): v for k, v in state.items() if k.startswith("training/")}
        )
        return False
