"""Hand-written gradients against autograd, and a step worked out by hand."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from engram.sim import batched_mlp
from engram.sim.batched_mlp import BatchedMLP

SIZES = [7, 9, 8, 5]


def parameters(subjects: int) -> tuple[list[Tensor], list[Tensor]]:
    generator = torch.Generator().manual_seed(3)
    weights = [torch.randn(subjects, a, b, generator=generator) for a, b in pairwise(SIZES)]
    return weights, [torch.randn(subjects, 1, b, generator=generator) for b in SIZES[1:]]


def as_module(weights: list[Tensor], biases: list[Tensor], subject: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for w, b in zip(weights, biases, strict=True):
        layer = nn.Linear(w.shape[1], w.shape[2])
        layer.weight.data, layer.bias.data = w[subject].T.clone(), b[subject, 0].clone()
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).double()


@pytest.mark.parametrize("gated", [False, True])
def test_steps_are_those_of_autograd(gated: bool) -> None:
    subjects, rate = 3, 0.02
    weights, biases = parameters(subjects)
    gates = [torch.rand(w.shape, generator=torch.Generator().manual_seed(1)) for w in weights] if gated else None
    modules = [as_module(weights, biases, k) for k in range(subjects)]
    net = BatchedMLP([w.clone() for w in weights], [b.clone() for b in biases], batch_size=16)
    generator = torch.Generator().manual_seed(5)
    for size in (16, 11, 16):  # the last batch of an epoch may be smaller
        x = torch.randn(subjects, size, SIZES[0], generator=generator)
        target = torch.randint(0, SIZES[-1], (subjects, size), generator=generator)
        losses = net.train_batch(x, target, rate, gates)
        for k, module in enumerate(modules):
            loss = nn.functional.cross_entropy(module(x[k].double()), target[k])
            module.zero_grad()
            loss.backward()
            torch.testing.assert_close(losses[k].double(), loss.detach(), rtol=1e-5, atol=1e-6)
            with torch.no_grad():
                for layer, linear in enumerate(module[::2]):
                    gate = gates[layer][k].T.double() if gates else 1.0
                    linear.weight -= rate * gate * linear.weight.grad
                    linear.bias -= rate * linear.bias.grad
    for k, module in enumerate(modules):
        for layer, linear in enumerate(module[::2]):
            torch.testing.assert_close(net.weights[layer][k].T.double(), linear.weight, rtol=1e-4, atol=1e-5)
            torch.testing.assert_close(net.biases[layer][k, 0].double(), linear.bias, rtol=1e-4, atol=1e-5)


def test_one_step_worked_out_by_hand() -> None:
    """One input of 2, two classes, weights 0: p = ½ each, ∂L/∂z = (-½, ½), ∂L/∂w = 2 · (-½, ½)."""
    net = BatchedMLP([torch.zeros(1, 1, 2)], [torch.zeros(1, 1, 2)], batch_size=1)
    gates = [torch.tensor([[[0.5, 0.25]]])]
    loss = net.train_batch(torch.tensor([[[2.0]]]), torch.tensor([[0]]), 0.1, gates)
    assert loss.item() == pytest.approx(0.693147, abs=1e-6)
    assert net.weights[0].flatten().tolist() == pytest.approx([0.05, -0.025])
    assert net.biases[0].flatten().tolist() == pytest.approx([0.05, -0.05])


def test_open_gates_are_ordinary_steps() -> None:
    x, target = torch.randn(2, 16, 7), torch.randint(0, 5, (2, 16))
    nets = []
    for gates in (None, [torch.ones_like(w) for w in parameters(2)[0]]):
        net = BatchedMLP(*parameters(2), batch_size=16)
        net.train_batch(x, target, 0.05, gates)
        nets.append(net)
    for plain, gated in zip(nets[0].weights, nets[1].weights, strict=True):
        torch.testing.assert_close(plain, gated, rtol=1e-5, atol=1e-6)


def test_subjects_do_not_touch_each_other() -> None:
    net = BatchedMLP(*parameters(2), batch_size=8)
    alone = BatchedMLP([w[1:].clone() for w in net.weights], [b[1:].clone() for b in net.biases], batch_size=8)
    x, target = torch.randn(2, 8, 7), torch.randint(0, 5, (2, 8))
    x[0] = torch.nan  # the first subject diverges
    net.train_batch(x, target, 0.1)
    alone.train_batch(x[1:].clone(), target[1:], 0.1)
    for together, single in zip(net.weights, alone.weights, strict=True):
        torch.testing.assert_close(together[1], single[0], rtol=1e-5, atol=1e-6)


def test_a_gated_step_allocates_nothing() -> None:
    weights = [torch.randn(1, 64, 64) for _ in range(2)]
    net = BatchedMLP(weights, [torch.zeros(1, 1, 64) for _ in weights], batch_size=32)
    gates = [torch.rand_like(w) for w in weights]
    x, target = torch.randn(1, 32, 64), torch.randint(0, 64, (1, 32))
    net.train_batch(x, target, 0.1, gates)
    with torch.profiler.profile(profile_memory=True) as profile:
        net.train_batch(x, target, 0.1, gates)
    # A scalar operand is wrapped in eight bytes; any array of the step would be 8 KiB or more.
    assert max(event.self_cpu_memory_usage for event in profile.key_averages()) < 1024


def test_large_networks_taken_one_by_one_make_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    x, target = torch.randn(3, 16, 7), torch.randint(0, 5, (3, 16))
    gates = [torch.rand_like(w) for w in parameters(3)[0]]
    together = BatchedMLP(*parameters(3), batch_size=16)
    monkeypatch.setattr(batched_mlp, "LARGEST_TOGETHER", 10)
    alone = BatchedMLP(*parameters(3), batch_size=16)
    assert [len(net.groups) for net in (together, alone)] == [1, 3]
    for size in (16, 9):
        expected = together.train_batch(x[:, :size], target[:, :size], 0.05, gates)
        for group in alone.groups:
            found = alone.train_batch(x[group, :size], target[group, :size], 0.05, gates, group)
            torch.testing.assert_close(found, expected[group], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(alone.forward(x), together.forward(x), rtol=1e-4, atol=1e-5)
    for one, all_ in zip(alone.weights, together.weights, strict=True):
        torch.testing.assert_close(one, all_, rtol=1e-5, atol=1e-6)
