"""Backbones: names and sizes of parameters, what seeds draw, files of weights, splits, and the head."""

import math
from typing import Literal

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from engram.models.deep import MLP, Backbone, ResNet, SmallConvNet
from engram.sim.deep.network import build_network


def built(backbone, channels=3, size=32, seed=0):
    return backbone.build(channels, size, torch.Generator().manual_seed(seed))


def weights(net):
    return {name: values.clone() for name, values in net.state_dict().items()}


# Sizes of torchvision's networks without their classifiers.
@pytest.mark.parametrize(
    ("depth", "parameters", "tensors", "width"),
    [(18, 11_176_512, 120, 512), (34, 21_284_672, 216, 512), (50, 23_508_032, 318, 2048)],
)
def test_residual_networks_have_the_parameters_of_torchvision(depth, parameters, tensors, width):
    net = built(ResNet(depth=depth))
    names = set(net.state_dict())
    assert sum(values.numel() for values in net.parameters()) == parameters
    assert (len(names), net.width) == (tensors, width)
    assert {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer4.1.bn2.bias"} <= names
    assert {"layer2.0.downsample.0.weight", "layer2.0.downsample.1.running_mean"} <= names
    assert ("layer1.0.downsample.0.weight" in names) == (depth == 50)
    stride = net.layer2[0].conv2.stride if depth == 50 else net.layer2[0].conv1.stride
    assert stride == (2, 2)


@pytest.mark.parametrize("norm", ["batch", "group", "frozen"])
def test_the_norm_changes_no_name(norm):
    names = {name for name in built(ResNet(norm=norm)).state_dict() if name.endswith(("weight", "bias"))}
    assert names == {name for name in built(ResNet()).state_dict() if name.endswith(("weight", "bias"))}


def test_a_small_stem_keeps_the_size_of_small_images():
    small, imagenet = (built(ResNet(stem=stem, width=8)) for stem in ("small", "imagenet"))
    images = torch.zeros(1, 3, 32, 32)
    assert small.layer1(small.maxpool(small.conv1(images))).shape[2:] == (32, 32)
    assert imagenet.layer1(imagenet.maxpool(imagenet.conv1(images))).shape[2:] == (8, 8)


def test_frozen_batch_norm_keeps_its_statistics_and_does_not_learn():
    net = built(ResNet(norm="frozen", width=4)).train()
    before = weights(net)
    net(torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    after = net.state_dict()
    assert all(bool((after[name] == before[name]).all()) for name in before)
    assert not net.bn1.weight.requires_grad
    assert net.conv1.weight.requires_grad


@pytest.mark.parametrize("backbone", [MLP(hidden=(20, 8)), SmallConvNet(width=4), ResNet(width=4)])
def test_a_seed_fixes_the_weights_and_no_other_chance_is_touched(backbone):
    state = torch.get_rng_state()
    first, again, other = built(backbone), built(backbone), built(backbone, seed=1)
    assert bool((torch.get_rng_state() == state).all())
    assert all(bool((a == b).all()) for a, b in zip(weights(first).values(), weights(again).values(), strict=True))
    matrix = next(name for name, values in first.named_parameters() if values.ndim > 1)
    assert not bool((first.state_dict()[matrix] == other.state_dict()[matrix]).any())


def test_perceptrons_are_drawn_as_torch_draws_them():
    layer = built(MLP(hidden=(300,)), channels=1, size=28).linear1
    for values in (layer.weight, layer.bias):
        assert 0.95 / 28 < values.abs().max().item() <= 1 / 28
    assert layer.weight.std().item() == pytest.approx(1 / (28 * math.sqrt(3)), rel=0.01)


def test_convolutions_are_drawn_for_rectified_units():
    conv = built(SmallConvNet(width=64)).block2.conv
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / (128 * 9)), rel=0.02)


@pytest.mark.parametrize(("backbone", "layer"), [(SmallConvNet(width=4), "block2"), (ResNet(width=4), "layer3")])
def test_the_two_parts_of_a_split_network_are_the_network(backbone, layer):
    net = built(backbone).eval()
    lower, upper = backbone.split(net, layer)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(3))
    assert bool((upper(lower(images)) == net(images)).all())
    assert lower(images).ndim == 4
    assert next(lower.parameters()) is next(net.parameters())


def test_a_layer_that_is_not_there_is_told():
    with pytest.raises(ValueError, match=r'no layer "layer7" to split at; there is conv1, .*Did you mean "layer\d"'):
        ResNet(width=4).split(built(ResNet(width=4)), "layer7")
    with pytest.raises(ValueError, match="mlp cannot be split"):
        MLP().split(built(MLP()), "linear1")


# Files of weights ----------------------------------------------------------------------------------------------------


def test_weights_come_from_a_file(tmp_path):
    path = tmp_path / "net.safetensors"
    given = built(SmallConvNet(width=4), seed=9)
    save_file({**given.state_dict(), "fc.weight": torch.zeros(10, 4), "fc.bias": torch.zeros(10)}, path)
    spec = SmallConvNet(width=4, weights=str(path))
    taken = built(spec, seed=1)
    assert all(bool((a == b).all()) for a, b in zip(weights(given).values(), weights(taken).values(), strict=True))
    assert len(spec.weights_sha256()) == 64


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: w.pop("block1.conv.weight"), "lacks block1.conv.weight"),
        (lambda w: w.update(extra=torch.zeros(1)), "it has extra, which the network has not"),
        (lambda w: w.update({"block1.norm.bias": torch.zeros(7)}), r"block1.norm.bias has shape \[7\].*\[4\]"),
        (lambda w: w["block1.norm.bias"].fill_(math.nan), "block1.norm.bias has values that are not finite"),
    ],
)
def test_weights_that_do_not_fit_are_told(tmp_path, change, words):
    path = tmp_path / "net.safetensors"
    found = {name: values.clone() for name, values in built(SmallConvNet(width=4)).state_dict().items()}
    change(found)
    save_file(found, path)
    with pytest.raises(ValueError, match=words):
        built(SmallConvNet(width=4, weights=str(path)))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.pth"
    torch.save({"conv1.weight": torch.zeros(1)}, path)
    with pytest.raises(ValueError, match="not a safetensors file"):
        built(ResNet(weights=str(path)))
    with pytest.raises(FileNotFoundError, match="no such file"):
        built(ResNet(weights=str(tmp_path / "none.safetensors")))


def test_a_network_of_ones_own():
    class OneLayer(Backbone):
        kind: Literal["one-layer"] = "one-layer"

        def module(self, channels, size):
            net = nn.Sequential(nn.Flatten(), nn.Linear(channels * size * size, 5))
            net.width = 5
            return net

    first, again = built(OneLayer()), built(OneLayer())
    assert bool((first[1].weight == again[1].weight).all())


# The head ------------------------------------------------------------------------------------------------------------


def network(slots=5):
    return build_network(MLP(hidden=(6,)), 1, 4, slots, 11, "subject", 0)


def test_items_that_were_not_taught_are_never_answered_and_learn_nothing():
    net = network()
    net.open([0, 3])
    before = net.head.weight.clone()
    logits = net(torch.randn(7, 1, 4, 4, generator=torch.Generator().manual_seed(0)))
    assert net.taught == [0, 3]
    assert logits.isfinite().all(dim=0).tolist() == [True, False, False, True, False]
    nn.functional.cross_entropy(logits, torch.tensor([0, 3, 0, 3, 0, 3, 0])).backward()
    touched = net.head.weight.grad.abs().sum(dim=1) > 0
    assert touched.tolist() == [True, False, False, True, False]
    assert net.head.weight.grad.isfinite().all()
    assert bool((net.head.weight == before).all())


def test_a_row_is_what_it_was_drawn_as_when_it_opens():
    net, drawn = network(), network().head.weight.clone()
    with torch.no_grad():
        net.head.weight.mul_(0.5)  # as weight decay does to rows that are closed
    net.open([1])
    net.open([1, 2])
    assert [bool((net.head.weight[slot] == drawn[slot]).all()) for slot in range(5)] == [
        False,
        True,
        True,
        False,
        False,
    ]


def test_an_items_row_does_not_depend_on_how_many_items_there_are():
    assert bool((network(3).head.weight == network(5).head.weight[:3]).all())
