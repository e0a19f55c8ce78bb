"""Weights from files: safetensors only, and only where they fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ...data.wording import at_most

if TYPE_CHECKING:
    from torch import nn

HEAD = ("fc.weight", "fc.bias", "classifier.weight", "classifier.bias")
"""Classifiers that a file may hold beside the backbone; they are left out."""


def load_weights(module: nn.Module, path: str | os.PathLike[str]) -> None:
    """Put the weights of a safetensors file into a module.

    Parameters
    ----------
    module : torch.nn.Module
    path : path
        Every parameter and buffer of the module by its name, and nothing else but a classifier ``fc``.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no safetensors file, or its names or shapes are not those of the module.
    ModuleNotFoundError
        The package safetensors is not installed.

    Examples
    --------
    >>> import tempfile, torch
    >>> from safetensors.torch import save_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_file({"weight": torch.ones(1, 2), "bias": torch.zeros(1)}, f"{folder}/line.safetensors")
    ...     net = torch.nn.Linear(2, 1)
    ...     load_weights(net, f"{folder}/line.safetensors")
    >>> net.weight.tolist()
    [[1.0, 1.0]]
    """
    import torch

    try:
        from safetensors import SafetensorError
        from safetensors.torch import load_file
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "weights are read from safetensors files, and the package safetensors is not installed: "
            "pip install 'engram[deep]'"
        ) from error
    if not Path(path).is_file():
        raise FileNotFoundError(f"{path}: no such file; expected weights in a .safetensors file")
    try:
        found = load_file(path)
    except SafetensorError as error:
        raise ValueError(
            f"{path} is not a safetensors file ({error}); expected weights in that format, which holds no code. "
            "A .pt or .pth file can be converted with safetensors.torch.save_file"
        ) from None
    found = {name: values for name, values in found.items() if name not in HEAD}
    wanted = {name: values for name, values in module.state_dict().items() if not name.endswith("num_batches_tracked")}
    found = {name: values for name, values in found.items() if not name.endswith("num_batches_tracked")}
    missing, unknown = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    if missing or unknown:
        raise ValueError(
            f"{path} does not hold the weights of this network"
            + (f"; it lacks {at_most(missing, 4)}" if missing else "")
            + (f"; it has {at_most(unknown, 4)}, which the network has not" if unknown else "")
        )
    for name, values in found.items():
        if values.shape != wanted[name].shape:
            raise ValueError(
                f"{path}: {name} has shape {list(values.shape)}; this network has {list(wanted[name].shape)}"
            )
        if not values.is_floating_point():
            raise ValueError(f"{path}: {name} has type {values.dtype}; expected floating-point weights")
        if not torch.isfinite(values.to(wanted[name].dtype)).all():
            raise ValueError(f"{path}: {name} has values that are not finite, or not in float32")
    module.load_state_dict(found, strict=False)
