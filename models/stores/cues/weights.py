"""Networks of cues that start from given weights, and how to make such weights."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ....data.seeds import child_rng
from ....data.wording import at_most

if TYPE_CHECKING:
    from ..spec import CueStore
    from .network import CueNetwork


def save_weights(network: nn.Module, path: str | Path) -> None:
    """Write the weights of a network of cues to a safetensors file.

    Parameters
    ----------
    network : CueNetwork
    path : str or Path
    """
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    _safetensors().save_file(tensors, str(path))


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Take the weights of a safetensors file into a network of cues.

    Parameters
    ----------
    network : CueNetwork
        Of any image size; colours, channels, latent and stride must be those of the file.
    path : str or Path

    Raises
    ------
    FileNotFoundError
    ValueError
        The file is no safetensors file, or its weights do not fit.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights of cues: there is no file {path}")
    safetensors = _safetensors()
    try:
        tensors = safetensors.load_file(str(path))
    except (safetensors_error(), ValueError) as error:
        raise ValueError(
            f"{path} is no safetensors file ({error}); weights in other forms are not read, since those can run code"
        ) from None
    wanted = network.state_dict()
    missing, unknown = sorted(wanted.keys() - tensors.keys()), sorted(tensors.keys() - wanted.keys())
    if missing or unknown:
        lacks = f" it lacks {at_most(missing, 3)};" if missing else ""
        has = f" it has {at_most(unknown, 3)}, which the network has not;" if unknown else ""
        raise ValueError(f"the weights in {path} are those of another network:{lacks}{has} is the stride another?")
    for name, tensor in tensors.items():
        if tensor.shape != wanted[name].shape:
            raise ValueError(
                f"{path}: {name} has shape {tuple(tensor.shape)}, and the network {tuple(wanted[name].shape)}: are the "
                "channels, the latent channels or the colours others?"
            )
        if not tensor.is_floating_point():
            raise ValueError(f"{path}: {name} has type {tensor.dtype}; expected floating-point weights")
        if not torch.isfinite(tensor.float()).all():
            raise ValueError(f"{path}: {name} holds values that are not finite, or not in float32")
    network.load_state_dict({name: tensor.float() for name, tensor in tensors.items()})


def learn_weights(images: Any, path: str | Path, spec: CueStore | None = None, seed: int = 0) -> CueNetwork:
    """Train a codec of cues on images, ahead of any run, and write its weights for ``CueStore(weights=...)``.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3], or ImageReader
    path : str or Path
        Safetensors file to write.
    spec : CueStore, optional
        Sizes and training.
    seed : int

    Returns
    -------
    CueNetwork

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from engram.models.stores import CueStore
    >>> images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), np.uint8)
    >>> with TemporaryDirectory() as folder:
    ...     network = learn_weights(images, Path(folder) / "cues.safetensors", CueStore(channels=4, latent=2, epochs=1))
    ...     load_weights(network, Path(folder) / "cues.safetensors")
    """
    from ..spec import CueStore
    from .network import CueNetwork
    from .sizes import size_of
    from .training import Training

    spec = spec or CueStore()
    size = size_of(spec, images.shape[1:])
    network = CueNetwork(size, images.shape[1:], torch.Generator().manual_seed(seed))
    for _ in Training(
        network, size, spec.rate_weight, lambda places: images[places], len(images), 0, partial(child_rng, seed)
    ).run():
        pass
    save_weights(network, path)
    return network


def _safetensors() -> Any:
    try:
        import safetensors.torch
    except ImportError:
        raise ImportError("weights are kept as safetensors; install it with: pip install 'engram[deep]'") from None
    return safetensors.torch


def safetensors_error() -> type[Exception]:
    import safetensors

    return safetensors.SafetensorError
