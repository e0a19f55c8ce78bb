"""Pattern separation and completion learned together: the training of a task's cues."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..codec import Read
from ..spec import Random
from .network import CueNetwork
from .sizes import Size

BRIGHTEST = 255
STEEPEST = 1.0
"""Largest norm of a gradient."""
ENTROPY_HASTE = 5.0
"""How much faster the entropy model learns than the transforms: it follows cues that grow from noise."""
WARM_UP, FINAL = 0.1, 0.05
"""Share of the steps in which the learning rate rises; share of it that is left at the end."""
HELD_BYTES = 4 * 2**30
"""Images of a task are read once, and held while it trains, where they take no more than this."""
READ_TOGETHER = 1024
FEWEST_STEPS = 500
"""Few images are gone through more often than ``epochs`` says, since a network needs steps to learn anything."""


@dataclass
class Loss:
    """What a batch costs.

    Attributes
    ----------
    total : Tensor
        Scalar, λ · 255² · MSE + bits per pixel.
    error : float
        MSE of pixels between 0 and 1.
    rate : float
        Bits per pixel.
    """

    total: Tensor
    error: float
    rate: float


def rate_distortion(network: CueNetwork, images: Tensor, noise: Tensor, rate_weight: float) -> Loss:
    """The loss of images whose cues are blurred by noise, in place of rounding.

    Parameters
    ----------
    network : CueNetwork
    images : Tensor
        [image, colour, height, width], between 0 and 1.
    noise : Tensor
        Like the cues, uniform between -1/2 and 1/2.
    rate_weight : float
        λ.
    """
    cues = network.analysis(images) + noise
    error = (network.synthesis(cues) - images).square().mean()
    rate = network.bottleneck.bits(cues) / (images.shape[0] * images.shape[2] * images.shape[3])
    return Loss(rate_weight * BRIGHTEST**2 * error + rate, float(error.detach()), float(rate.detach()))


class Training:
    """The joint training of one task's networks, in steps between which its state may be taken.

    Parameters
    ----------
    network : CueNetwork
        Learns in place; what is frozen stays.
    size : Size
    rate_weight : float
        λ.
    read : callable
        Gives uint8 images [image, height, width(, 3)] by place.
    n : int
        Number of images.
    task : int
    rng : callable
        Gives the generator of a named random stream.
    """

    def __init__(
        self, network: CueNetwork, size: Size, rate_weight: float, read: Read, n: int, task: int, rng: Random
    ) -> None:
        self.network, self.size, self.rate_weight = network, size, rate_weight
        self.read, self.n, self.task, self.rng = read, n, task, rng
        self.batches = -(-n // size.batch_size)
        self.epochs = max(size.epochs, -(-FEWEST_STEPS // self.batches))
        self.step = 0
        transforms = [p for part in (network.analysis, network.synthesis) for p in part.parameters() if p.requires_grad]
        entropy = [p for p in network.bottleneck.parameters() if p.requires_grad]
        self.parameters = transforms + entropy
        self.optimiser = torch.optim.Adam(
            [{"params": transforms, "haste": 1.0}, {"params": entropy, "haste": ENTROPY_HASTE}]
        )

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.epochs * self.batches

    def run(self) -> Iterator[str]:
        """Train to the end, from wherever ``step`` stands; yields the loss in words after every step."""
        order, read = np.empty(0, np.int64), self.read
        if self.step < self.steps and self.n * read(np.zeros(1, np.int64)).nbytes <= HELD_BYTES:
            parts = []
            for start in range(0, self.n, READ_TOGETHER):
                parts.append(read(np.arange(start, min(start + READ_TOGETHER, self.n))))
                yield f"cues: images are read, {min(start + READ_TOGETHER, self.n):,} of {self.n:,}"
            read = np.concatenate(parts).__getitem__
        while self.step < self.steps:
            epoch, batch = divmod(self.step, self.batches)
            if batch == 0 or not order.size:
                order = self.rng("cues", "order", self.task, epoch).permutation(self.n)
            places = order[batch * self.size.batch_size : (batch + 1) * self.size.batch_size]
            loss = self._learn(self.network.to_input(read(np.sort(places))))
            self.step += 1
            psnr = -10 * math.log10(max(loss.error, 1e-10))
            yield f"cues: epoch {epoch + 1} of {self.epochs}, {psnr:.1f} dB at {loss.rate:.2f} bits per pixel"

    def _learn(self, images: Tensor) -> Loss:
        for group in self.optimiser.param_groups:
            group["lr"] = self.size.learning_rate * group["haste"] * self._rate()
        seed = int(self.rng("cues", "noise", self.task, self.step).integers(2**63))
        generator = torch.Generator(images.device).manual_seed(seed)
        noise = torch.rand(self.network.cue_shape(len(images)), generator=generator, device=images.device) - 0.5
        loss = rate_distortion(self.network, images, noise, self.rate_weight)
        if not math.isfinite(loss.error + loss.rate):
            raise FloatingPointError(
                f"the training of cues diverged in step {self.step:,} of task {self.task}; lower learning_rate, "
                f"now {self.size.learning_rate:g}"
            )
        self.optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, STEEPEST)
        self.optimiser.step()
        return loss

    def _rate(self) -> float:
        done = (self.step + 1) / self.steps
        if done < WARM_UP:
            return done / WARM_UP
        return FINAL + (1 - FINAL) * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP))) / 2

    def state(self) -> dict[str, NDArray]:
        """Networks, moments of the optimiser and the step, as arrays."""
        arrays = {"step": np.array(self.step)}
        arrays |= {f"network/{name}": value.cpu().numpy().copy() for name, value in self.network.state_dict().items()}
        for number, moments in self.optimiser.state_dict()["state"].items():
            arrays |= {
                f"moments/{number}/{name}": torch.as_tensor(value).cpu().numpy().copy()
                for name, value in moments.items()
            }
        return arrays

    def load_state(self, arrays: dict[str, NDArray]) -> None:
        """Go back to a state."""
        self.step = int(arrays["step"])
        self.network.load_state_dict(
            {name: torch.from_numpy(arrays[f"network/{name}"].copy()) for name in self.network.state_dict()}
        )
        whole = self.optimiser.state_dict()
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in arrays.items():
            if key.startswith("moments/"):
                _, number, name = key.split("/")
                moments.setdefault(int(number), {})[name] = torch.from_numpy(np.array(value))
        self.optimiser.load_state_dict({"state": moments, "param_groups": whole["param_groups"]})
