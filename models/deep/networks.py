"""The networks that backbones describe, in torch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from itertools import pairwise

from torch import Tensor, nn

from ...data.wording import nearest, one_of

GROUPS = 8
PLACES = 4
"""Side of the grid of features that the small network ends with."""

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}


def mlp(pixels: int, hidden: tuple[int, ...]) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(flatten=nn.Flatten())
    for number, (inputs, outputs) in enumerate(pairwise((pixels, *hidden)), start=1):
        layers[f"linear{number}"] = nn.Linear(inputs, outputs)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
    return _with_width(nn.Sequential(layers), hidden[-1])


def small_conv_net(channels: int, size: int, width: int, norm: str) -> nn.Sequential:
    sizes = (channels, width, 2 * width, 4 * width)
    strides = (2 if size > 20 else 1, 2, 2)
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for number, ((inputs, outputs), stride) in enumerate(zip(pairwise(sizes), strides, strict=True), start=1):
        layers[f"block{number}"] = nn.Sequential(
            OrderedDict(
                conv=_drawn(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=norm == "none")),
                norm=_norm(norm)(outputs),
                relu=nn.ReLU(inplace=True),
            )
        )
    layers["pool"] = nn.AdaptiveAvgPool2d(PLACES)
    layers["flatten"] = nn.Flatten()
    return _with_width(nn.Sequential(layers), 4 * width * PLACES**2)


class ResidualNetwork(nn.Module):
    """ResNet without its classifier."""

    def __init__(self, channels: int, depth: int, norm: str, stem: str, width: int) -> None:
        super().__init__()
        make_norm = _norm(norm)
        self._inputs = width
        kernel, stride = (7, 2) if stem == "imagenet" else (3, 1)
        self.conv1 = nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False)
        self.bn1 = make_norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1) if stem == "imagenet" else nn.Identity()
        block = Bottleneck if depth == 50 else BasicBlock
        for number, count in enumerate(BLOCKS[depth]):
            self.add_module(
                f"layer{number + 1}", self._stage(block, width << number, count, 1 + (number > 0), make_norm)
            )
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.width = self._inputs
        for part in self.modules():
            if isinstance(part, nn.Conv2d):
                _drawn(part)

    def _stage(
        self,
        block: type[BasicBlock | Bottleneck],
        width: int,
        count: int,
        stride: int,
        norm: Callable[[int], nn.Module],
    ) -> nn.Sequential:
        blocks = []
        for number in range(count):
            blocks.append(block(self._inputs, width, stride if number == 0 else 1, norm))
            self._inputs = width * block.expansion
        return nn.Sequential(*blocks)

    def forward(self, images: Tensor) -> Tensor:
        for layer in self.children():
            images = layer(images)
        return images


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride, 1, bias=False)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = norm(width)
        self.downsample = _shortcut(inputs, width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        out: Tensor = self.relu(y + (x if self.downsample is None else self.downsample(x)))
        return out


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int, norm: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = norm(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = norm(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = norm(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inputs, 4 * width, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        out: Tensor = self.relu(y + (x if self.downsample is None else self.downsample(x)))
        return out


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch norm that uses, and keeps, the statistics it was given. Its scale and shift stay as well."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        self.weight.requires_grad_(False)
        self.bias.requires_grad_(False)

    def train(self, mode: bool = True) -> FrozenBatchNorm2d:
        super().train(False)
        return self


def split_at(module: nn.Module, layer: str) -> tuple[nn.Sequential, nn.Sequential]:
    """Two sequences that share the weights of a module whose children follow one another."""
    children = dict(module.named_children())
    names = list(children)
    known = [name for name in names if name not in ("flatten", "avgpool", "pool")]
    if layer not in known:
        raise ValueError(f'there is no layer "{layer}" to split at; there is {one_of(known)}.{nearest(layer, known)}')
    place = names.index(layer) + 1
    lower = nn.Sequential(OrderedDict((name, children[name]) for name in names[:place]))
    return lower, nn.Sequential(OrderedDict((name, children[name]) for name in names[place:]))


def _shortcut(inputs: int, outputs: int, stride: int, norm: Callable[[int], nn.Module]) -> nn.Sequential | None:
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))


def _norm(word: str) -> Callable[[int], nn.Module]:
    if word == "group":
        return lambda channels: nn.GroupNorm(min(GROUPS, channels) if channels % GROUPS == 0 else 1, channels)
    others: dict[str, Callable[[int], nn.Module]] = {
        "batch": nn.BatchNorm2d,
        "frozen": FrozenBatchNorm2d,
        "none": lambda channels: nn.Identity(),
    }
    return others[word]


def _drawn(conv: nn.Conv2d) -> nn.Conv2d:
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def _with_width(net: nn.Sequential, width: int) -> nn.Sequential:
    net.width = width  # type: ignore[assignment]
    return net
