"""Learned cues: images as entropy-coded latents, and a network that completes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from ..codec import Codec, Read, Symbols
from .decoder import Decoder, halves_of, load_halves, round_to_half
from .network import CueNetwork
from .refinement import Refinement, refine
from .sizes import size_of
from .tables import REACH
from .training import Training
from .weights import load_weights

if TYPE_CHECKING:
    from torch import Tensor

    from ..spec import CueStore, Random, Shape

MOST_TOGETHER, FEWEST_TOGETHER = 256, 8
SYMBOLS_TOGETHER = 1 << 17
"""Cues of one block hold about so many symbols at most: enough for what closing a block costs to be lost in them."""
PIXELS_AT_ONCE = 1 << 18
"""Pixels of the images that are separated, or refined, together."""


class CueCodec(Codec):
    """The semi-parametric memory of "BrainCL": coded cues of every image, and a decoder that they share.

    The analysis network (pattern separation) lives from the beginning of a task's training to the end of its coding,
    and is dropped then. What stays is a version of the decoder: synthesis network, medians and tables. Every later task
    has a version of its own. With ``decoder="task"`` that is a whole one, warm-started from the one before. With
    ``decoder="shared"`` the synthesis network of the first task stays as it is, and so do the images that older cues
    decode to; later tasks learn another way into it, and add medians and tables only. With ``decoder="first"`` all of
    the first task's codec stays, pattern separation included, and codes later tasks as it is: one version, for which
    the analysis network is kept and counted.

    Parameters
    ----------
    spec : CueStore
    shape : tuple of int
        Of an image: (height, width), or (height, width, 3).
    rng : callable
        Gives the generator of a named random stream.
    device : str
    threads : int

    Attributes
    ----------
    refinement : Refinement or None
        What refining the cues of the last task has changed so far; None without refinement.

    References
    ----------
    Ballé et al., "Variational image compression with a scale hyperprior", ICLR 2018 (factorised prior); Liu et al.,
    "BrainCL", arXiv 2504.14727.

    Examples
    --------
    >>> from functools import partial
    >>> from engram.data.seeds import child_rng
    >>> from engram.models.stores import CueStore
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    >>> codec = CueCodec(CueStore(channels=4, latent=2, epochs=1), (8, 8), partial(child_rng, 7))
    >>> for _ in codec.fit(lambda places: images[places], 40, task=0):
    ...     pass
    >>> cues = codec.quantise(images)
    >>> cues.shape, cues.dtype
    ((40, 2, 2, 2), dtype('int8'))
    >>> bool((codec.unpack(codec.pack(cues, 0), 40, 0) == cues).all())
    True
    >>> codec.reconstruct(codec.working(cues, 0), 0).shape
    torch.Size([40, 1, 8, 8])
    """

    def __init__(self, spec: CueStore, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> None:
        self.spec, self.shape, self.size = spec, shape, size_of(spec, shape)
        self.caches = spec.working_cache
        self.needs_lessons = self._is_learned
        self.refinement: Refinement | None = None
        self._rng, self._device = rng, torch.device(device)
        self._decoders: dict[int, Decoder] = {}
        self._network: CueNetwork | None = None
        self._kept: CueNetwork | None = None  # by which all tasks are coded, with decoder="first"
        self._training: Training | None = None
        self._left_off: dict[str, NDArray] = {}
        self._cue = self._new_network(0).cue_shape(1)[1:]
        self.block = int(np.clip(SYMBOLS_TOGETHER // np.prod(self._cue), FEWEST_TOGETHER, MOST_TOGETHER))

    def fit(self, read: Read, n: int, task: int) -> Iterator[str]:
        if not n:
            raise ValueError(f"task {task} has no images to learn cues from")
        if self._kept is not None:
            return
        left_off, self._left_off = self._left_off, {}
        self._network, self.refinement = self._beginning(task), None
        if self._is_learned:
            training = Training(self._network, self.size, self.spec.rate_weight, read, n, task, self._rng)
            if left_off:
                training.load_state(_named("training/", left_off))
            self._training = training
            yield from training.run()
            self._training = None
        self._add_version(self._network)

    def finish(self, task: int) -> None:
        if self._is_learned:
            self._network = self._kept

    def least_bytes(self) -> int:
        network = self._beginning(0)  # here weights that do not fit are told
        parts = [network.synthesis, network.analysis] if self.spec.decoder == "first" else [network.synthesis]
        numbers = sum(parameter.numel() for part in parts for parameter in part.parameters()) + self.size.latent
        return 2 * numbers + 1  # tables come on top

    def bytes_of_a_lesson(self) -> int:
        own = {"task": 2 * sum(p.numel() for p in self._new_network(0).synthesis.parameters()), "shared": 0}
        return own[self.spec.decoder] + 2 * self.size.latent if self.spec.decoder in own else 0

    @property
    def _is_learned(self) -> bool:
        """Whether tasks train networks; otherwise the given weights are used as they are."""
        return self.size.epochs > 0

    def _new_network(self, task: int) -> CueNetwork:
        seed = int(self._rng("cues", "weights", task).integers(2**63))
        return CueNetwork(self.size, self.shape, torch.Generator().manual_seed(seed))

    def _beginning(self, task: int) -> CueNetwork:
        """The network that a task's training begins with."""
        network = self._new_network(task)
        if self.spec.weights is not None:
            load_weights(network, self.spec.weights)
        if self._decoders:
            newest = self._decoders[max(self._decoders)]
            network.synthesis.load_state_dict(newest.synthesis.state_dict())
            network.synthesis.requires_grad_(self.spec.decoder == "task")
        return network.to(self._device)

    def _add_version(self, network: CueNetwork) -> None:
        if self._decoders and not self._is_learned:
            return  # the given weights already are a version
        self.version = max(self._decoders, default=-1) + 1
        if self.spec.decoder == "first":
            round_to_half(network.analysis)
            self._kept = network
        self._decoders[self.version] = Decoder.of(network)

    def quantise(self, originals: NDArray) -> Symbols:
        if self._network is None:
            raise ValueError("cues are made while a lesson is written; the network that makes them is dropped after it")
        medians = self._decoders[self.version].medians
        together = max(1, PIXELS_AT_ONCE // (self.shape[0] * self.shape[1]))
        symbols = [np.empty((0, *self._cue), np.int8)]
        for start in range(0, len(originals), together):
            found = self._separated(self._network.to_input(originals[start : start + together]), medians)
            symbols.append(found.to(torch.int8).cpu().numpy())
        return np.concatenate(symbols)

    def _separated(self, images: Tensor, medians: Tensor) -> Tensor:
        assert self._network is not None
        if not self.spec.refine_steps:
            with torch.no_grad():
                latents: Tensor = self._network.analysis(images) - medians[:, None, None]
                return latents.round().clamp(-REACH, REACH)
        symbols, change = refine(
            self._network, images, medians, self.spec.rate_weight, self.spec.refine_steps, self.spec.refine_rate
        )
        self.refinement = change if self.refinement is None else self.refinement.joined(change)
        return symbols

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
        decoder = self._decoders[version]
        if self._shares(version):
            return decoder.entropy_bytes()
        return halves_of(self._kept.analysis) + decoder.to_bytes() if self._kept is not None else decoder.to_bytes()

    def load_parameters(self, version: int, data: bytes) -> None:
        if self.spec.decoder == "first":
            self._kept = self._new_network(0).to(self._device)
            data = load_halves(data, self._kept.analysis)
        if self._shares(version):
            if 0 not in self._decoders:
                raise ValueError(f"decoder {version} shares the network of decoder 0, which is missing")
            decoder = Decoder.sharing(self._decoders[0], data)
        else:
            decoder = Decoder.from_bytes(data, self._new_network(0).synthesis, self.size.latent, self._device)
        self._decoders[version] = decoder
        self.version = max(self._decoders)

    def _shares(self, version: int) -> bool:
        return version > 0 and self.spec.decoder == "shared"

    def state(self) -> dict[str, NDArray]:
        if self._training is not None:
            return {f"training/{name}": value for name, value in self._training.state().items()}
        if self._network is None or self._kept is not None:
            return self._left_off
        analysis = self._network.state_dict()
        coding = {f"coding/{name}": value.cpu().numpy().copy() for name, value in analysis.items()}
        return coding | {"version": np.array(self.version)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        self._network, self._training, self._left_off = self._kept, None, {}
        if "version" in state:
            self.version = int(state["version"])
            self._network = self._new_network(0).to(self._device)
            self._network.load_state_dict({n: torch.from_numpy(v) for n, v in _named("coding/", state).items()})
        else:
            self._left_off = dict(state)


def _named(prefix: str, state: dict[str, NDArray]) -> dict[str, NDArray]:
    return {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
