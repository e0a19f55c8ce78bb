"""What a deep learner sees with: families of networks that turn images into features."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator

from ..by_kind import read_kind, write_kind

if TYPE_CHECKING:
    import torch
    from torch import nn

Width = Annotated[int, Field(ge=1, le=65536)]


class Backbone(BaseModel):
    """A network that turns images into features, as a spec (abstract).

    Users subclass it: a ``kind``, settings as fields, and `module`. Where a learner works with the features of a layer
    in between (SIESTA, a store of features), `split` must be given as well, and `middle` may be.

    Parameters
    ----------
    weights : str or None
        A safetensors file with the weights to begin with, under the names of the module's parameters; None draws them.

    Examples
    --------
    A network of one's own. What its layers draw when they are made follows from the seed of the generator.

    >>> import torch
    >>> class Average(Backbone):
    ...     kind: Literal["average"] = "average"
    ...     def module(self, channels, size):
    ...         net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten())
    ...         net.width = 4 * channels
    ...         return net
    >>> net = Average().build(3, 8, torch.Generator().manual_seed(0))
    >>> net(torch.zeros(5, 3, 8, 8)).shape
    torch.Size([5, 12])
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str
    weights: str | None = None

    middle: ClassVar[str] = ""
    """Layer to split at where a learner recalls feature maps and names none."""

    @abstractmethod
    def module(self, channels: int, size: int) -> nn.Module:
        """The network; its weights may be drawn from torch's default generator.

        Parameters
        ----------
        channels : int
            Of the images: 1 or 3.
        size : int
            Side of the images, in pixels.

        Returns
        -------
        torch.nn.Module
            Takes float32 images [image, channel, height, width], gives features [image, feature], and has the number
            of features as its attribute ``width``.
        """

    def build(self, channels: int, size: int, generator: torch.Generator) -> nn.Module:
        """The network with weights drawn from a generator, or read from the file.

        Parameters
        ----------
        channels, size : int
            As of `module`.
        generator : torch.Generator

        Returns
        -------
        torch.nn.Module

        Raises
        ------
        ValueError
            The file of weights is not a safetensors file, or does not fit the network.
        FileNotFoundError
            There is no such file.

        Examples
        --------
        >>> import torch
        >>> net = MLP(hidden=(32, 8)).build(1, 28, torch.Generator().manual_seed(0))
        >>> net.width, net(torch.zeros(2, 1, 28, 28)).shape
        (8, torch.Size([2, 8]))
        """
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(generator.initial_seed())
            net = self.module(channels, size)
        if not isinstance(getattr(net, "width", None), int):
            raise TypeError(f"{self.kind}: the module has no whole number `width`, its number of features")
        if self.weights is not None:
            from .weight_files import load_weights

            load_weights(net, self.weights)
        return net

    def split(self, module: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
        """The network below and above a layer, sharing its weights; the layer itself belongs below.

        Parameters
        ----------
        module : torch.nn.Module
            As `build` gives it.
        layer : str

        Returns
        -------
        lower, upper : torch.nn.Module
            Images to feature maps [image, channel, height, width], and those to features [image, feature].

        Raises
        ------
        ValueError
            There is no such layer to split at.
        """
        raise ValueError(f"a backbone of kind {self.kind} cannot be split at a layer")

    def weights_sha256(self) -> str:
        """Hash of the file of weights; empty where there is none."""
        return "" if self.weights is None else hashlib.sha256(Path(self.weights).read_bytes()).hexdigest()


AnyBackbone = Annotated[Backbone, PlainValidator(partial(read_kind, Backbone)), PlainSerializer(write_kind)]


class MLP(Backbone):
    """Fully connected layers with ReLU on the pixels.

    Weights and biases are drawn evenly within ±1/√inputs, as torch does.

    Parameters
    ----------
    hidden : tuple of int
        Width of each layer; the last are the features.

    Examples
    --------
    >>> MLP().hidden
    (256,)
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[tuple[Width, ...], Field(min_length=1, max_length=16)] = (256,)

    def module(self, channels: int, size: int) -> nn.Module:
        from .networks import mlp

        return mlp(channels * size * size, self.hidden)


class SmallConvNet(Backbone):
    """Three convolutions of 3 × 3 with norm and ReLU, then the features of 4 × 4 places. Meant for CPUs.

    Each convolution halves the image, the first one only above 20 pixels; what is left is averaged to 4 × 4.

    Parameters
    ----------
    width : int
        Channels of the first convolution; the others have two and four times as many.
    norm : {"group", "batch", "none"}
        Group norm does not depend on who shares a batch, and neither on what was learned before.

    Examples
    --------
    >>> SmallConvNet(width=16).norm
    'group'
    """

    kind: Literal["small-conv-net"] = "small-conv-net"
    middle: ClassVar = "block2"
    width: Width = 32
    norm: Literal["group", "batch", "none"] = "group"

    def module(self, channels: int, size: int) -> nn.Module:
        from .networks import small_conv_net

        return small_conv_net(channels, size, self.width, self.norm)

    def split(self, module: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
        from .networks import split_at

        return split_at(module, layer)


class ResNet(Backbone):
    """Residual networks of He et al. (2016), with torchvision's names of parameters (but for ``fc``, the head).

    Parameters
    ----------
    depth : {18, 34, 50}
    norm : {"batch", "group", "frozen"}
        ``group`` puts group norm under the same names; ``frozen`` is batch norm that keeps the statistics it starts
        from.
    stem : {"imagenet", "small"}
        7 × 7 with stride 2 and pooling; or 3 × 3 with stride 1, for images below 64 pixels or so.
    width : int
        Channels of the first stage.

    Notes
    -----
    Source: He, Zhang, Ren & Sun (2016), "Deep residual learning for image recognition", table 1; stride of the
    bottleneck in its 3 × 3 convolution, as torchvision has it.

    Examples
    --------
    >>> ResNet(depth=50, norm="frozen").stem
    'imagenet'
    """

    kind: Literal["resnet"] = "resnet"
    middle: ClassVar = "layer3"
    depth: Literal[18, 34, 50] = 18
    norm: Literal["batch", "group", "frozen"] = "batch"
    stem: Literal["imagenet", "small"] = "imagenet"
    width: Width = 64

    def module(self, channels: int, size: int) -> nn.Module:
        from .networks import ResidualNetwork

        return ResidualNetwork(channels, self.depth, self.norm, self.stem, self.width)

    def split(self, module: nn.Module, layer: str) -> tuple[nn.Module, nn.Module]:
        from .networks import split_at

        return split_at(module, layer)
