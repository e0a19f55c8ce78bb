"""The rule on any module and optimiser: gated displacement, frozen bits, calibration, state."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn

from engram.models.flexibility import Fixed, Flexibility, Uniform
from engram.models.mixed_stability import MixedStability
from engram.models.synapses import AUTO_KAPPA

OPTIMISERS: dict[str, Callable[[Any], torch.optim.Optimizer]] = {
    "sgd with momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=0.01, weight_decay=0.1),
    "adamw": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "adamw foreach": lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1, foreach=True),
}


class Given(Flexibility):
    """Flexibilities stated one by one."""

    def __init__(self, *values: float) -> None:
        self.values = values

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return np.resize(self.values, shape)


def a_convolutional_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3 * 4 * 4, 5),
        nn.ReLU(),
        nn.Linear(5, 2),
    )


def a_batch(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(8, 1, 6, 6, generator=generator), torch.randint(0, 2, (8,), generator=generator)


def learn(
    module: nn.Module, optimizer: torch.optim.Optimizer, stability: MixedStability | None, items: int, steps: int = 3
) -> None:
    for item in range(items):
        if stability:
            stability.start_item()
        for step in range(steps):
            x, y = a_batch(10 * item + step)
            optimizer.zero_grad()
            nn.functional.cross_entropy(module(x), y).backward()
            if stability:
                with stability.step():
                    optimizer.step()
            else:
                optimizer.step()


def weights(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in module.named_parameters()}


def one_weight(value: float, **options: Any) -> tuple[nn.Linear, MixedStability]:
    module = nn.Linear(1, 1, bias=False).double()
    nn.init.constant_(module.weight, value)
    return module, MixedStability(module, **options)


def move(module: nn.Linear, stability: MixedStability, by: float) -> float:
    with stability.step(), torch.no_grad():
        module.weight += by
    return module.weight.item()


def sech2(x: float) -> float:
    return 1 / math.cosh(x) ** 2


# --- the rule ---------------------------------------------------------------------------------------------------------


def test_one_weight_by_hand() -> None:
    # f = .25, s = 2: stiffness 6. The gate is held within an item and read from the whole distance at the next.
    module, stability = one_weight(0.5, flexibility=Fixed(0.25), sensitivity=2.0)
    stability.start_item()
    assert move(module, stability, 0.1) == pytest.approx(0.6, abs=1e-15)
    assert move(module, stability, 0.1) == pytest.approx(0.7, abs=1e-15)
    stability.start_item()
    gate = sech2(6 * 0.2)
    assert stability.gates["weight"].item() == pytest.approx(gate, rel=1e-12)
    assert move(module, stability, 0.1) == pytest.approx(0.7 + 0.1 * gate, rel=1e-14)
    assert move(module, stability, -0.2) == pytest.approx(0.7 - 0.1 * gate, rel=1e-14)


def test_one_weight_by_hand_with_the_gate_read_at_every_step() -> None:
    module, stability = one_weight(0.0, flexibility=Fixed(0.5), sensitivity=3.0, refresh="step")
    first = move(module, stability, 0.1)
    second = move(module, stability, 0.1)
    third = move(module, stability, 0.1)
    assert first == pytest.approx(0.1, abs=1e-15)
    assert second == pytest.approx(0.1 + 0.1 * sech2(0.3), rel=1e-14)
    assert third == pytest.approx(second + 0.1 * sech2(3 * second), rel=1e-14)


def test_under_plain_sgd_it_is_the_gated_gradient() -> None:
    lr, s = 0.1, 20.0
    ours, reference = a_convolutional_network().double(), a_convolutional_network().double()
    stability = MixedStability(ours, Uniform(), sensitivity=s, seed=3)
    f = stability.flexibilities
    initial = weights(reference)
    gates: dict[str, torch.Tensor] = {}
    for item in range(3):
        stability.start_item()
        for name, p in reference.named_parameters():
            if name in f:
                gates[name] = 1 - torch.tanh(s * (1 - f[name]) / f[name] * (p.detach() - initial[name])) ** 2
        for step in range(3):
            x, y = a_batch(10 * item + step)
            for module in (ours, reference):
                module.zero_grad()
                nn.functional.cross_entropy(module(x.double()), y).backward()
            with stability.step(), torch.no_grad():
                for p in ours.parameters():
                    assert p.grad is not None
                    p -= lr * p.grad
            with torch.no_grad():
                for name, p in reference.named_parameters():
                    assert p.grad is not None
                    p -= lr * gates.get(name, 1.0) * p.grad
    assert min(g.min().item() for g in gates.values()) < 0.1  # the gates do close
    for name, p in ours.named_parameters():
        assert_allclose(p.detach(), reference.get_parameter(name).detach(), rtol=1e-11, atol=1e-14)


def test_adam_undoes_a_gated_gradient_but_not_a_gated_step() -> None:
    # Adam's first step is lr · sign(gradient) whatever the size of the gradient.
    for gradient_scale in (1.0, 1e-4):
        module, stability = one_weight(0.0, flexibility=Fixed(0.5), sensitivity=1.0)
        stability.start_item()
        move(module, stability, 2.0)
        stability.start_item()
        optimizer = torch.optim.Adam(module.parameters(), lr=0.01, eps=0)
        module.weight.grad = torch.full_like(module.weight, gradient_scale)
        with stability.step():
            optimizer.step()
        assert module.weight.item() == pytest.approx(2.0 - 0.01 * sech2(2.0), rel=1e-12)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_frozen_weights_keep_their_bits(optimiser: str) -> None:
    module = a_convolutional_network()
    with torch.no_grad():
        module.get_parameter("4.weight")[0, :3] = torch.tensor([-0.0, 0.0, 1e-42])
    before = weights(module)
    stability = MixedStability(module, Fixed(0.0), sensitivity=1e3)
    learn(module, OPTIMISERS[optimiser](module.parameters()), stability, items=2)
    for name, p in module.named_parameters():
        same = torch.equal(p.detach().view(torch.int32), before[name].view(torch.int32))
        assert same == (p.ndim >= 2), name  # biases and the norm's scales do learn


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_flexible_weights_take_the_optimisers_own_step(optimiser: str) -> None:
    ours, plain = a_convolutional_network(), a_convolutional_network()
    stability = MixedStability(ours, Fixed(1.0), sensitivity=1e5)
    learn(ours, OPTIMISERS[optimiser](ours.parameters()), stability, items=2)
    learn(plain, OPTIMISERS[optimiser](plain.parameters()), None, items=2)
    for name, p in plain.named_parameters():
        assert torch.equal(p, ours.get_parameter(name)), name


@settings(max_examples=200)
@given(
    old=st.floats(-(2.0**99), 2.0**99, width=32),
    new=st.floats(-(2.0**99), 2.0**99, width=32),
    f=st.floats(0, 1, width=32),
    far=st.floats(-10, 10, width=32),
)
def test_every_step_ends_between_the_old_and_the_new_weight(old: float, new: float, f: float, far: float) -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, old - far)
    stability = MixedStability(module, Fixed(f), sensitivity=10.0)
    nn.init.constant_(module.weight, old)
    stability.start_item()
    with stability.step():
        nn.init.constant_(module.weight, new)
    result = module.weight.item()
    if f in (0, 1):
        assert result == (new if f else old)
    slack = 1e-6 * (abs(old) + abs(new))
    assert min(old, new) - slack <= result <= max(old, new) + slack


def test_mixed_flexibilities_in_one_tensor() -> None:
    module = nn.Linear(3, 1, bias=False)
    nn.init.zeros_(module.weight)
    stability = MixedStability(module, Given(0.0, 0.5, 1.0), sensitivity=1.0)
    for _ in range(2):
        stability.start_item()
        with stability.step(), torch.no_grad():
            module.weight += 1.0
    assert_allclose(module.weight.detach(), [[0.0, 1 + sech2(1.0), 2.0]], rtol=1e-6)


def test_a_step_that_is_not_finite_spares_the_frozen() -> None:
    module = nn.Linear(2, 1, bias=False)
    nn.init.ones_(module.weight)
    stability = MixedStability(module, Given(0.0, 0.5), sensitivity=1.0)
    stability.start_item()
    with stability.step():
        nn.init.constant_(module.weight, math.inf)
    assert module.weight[0, 0].item() == 1.0
    assert not math.isfinite(module.weight[0, 1].item())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_gates_are_finite_at_the_extremes(dtype: torch.dtype) -> None:
    module = nn.Linear(4, 1, bias=False).to(dtype)
    nn.init.zeros_(module.weight)
    stability = MixedStability(module, Given(0.0, 1e-300, 1e-3, 1.0), sensitivity=1e30)
    assert stability.gates["weight"].tolist() == [[0.0, 1.0, 1.0, 1.0]]
    nn.init.constant_(module.weight, 0.01)
    stability.start_item()
    assert stability.gates["weight"].tolist() == [[0.0, 0.0, 0.0, 1.0]]


def test_a_failed_step_leaves_the_gated_weights() -> None:
    module, stability = one_weight(1.0, sensitivity=1.0)
    stability.start_item()

    def failing_step() -> None:
        with stability.step():
            nn.init.zeros_(module.weight)
            raise KeyError

    with pytest.raises(KeyError):
        failing_step()
    assert module.weight.item() == 1.0


def test_a_step_allocates_no_tensor() -> None:
    module = nn.Linear(64, 64, bias=False)
    stability = MixedStability(module, Given(0.0, 0.5, 1.0), sensitivity=1.0, refresh="step")
    with stability.step():
        pass
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as seen, stability.step():
        pass
    assert max(abs(event.self_cpu_memory_usage) for event in seen.key_averages()) < 64 * 64


# --- which parameters, which flexibilities ----------------------------------------------------------------------------


def test_weights_are_gated_and_biases_and_norms_are_not() -> None:
    module = a_convolutional_network()
    module.get_parameter("6.weight").requires_grad_(False)
    assert set(MixedStability(module).flexibilities) == {"0.weight", "4.weight"}
    assert set(MixedStability(module, parameters=["4.bias"]).flexibilities) == {"4.bias"}


def test_flexibilities_follow_seed_and_name() -> None:
    def drawn(seed: int) -> dict[str, torch.Tensor]:
        return MixedStability(a_convolutional_network(), seed=seed).flexibilities

    one, again, other = drawn(1), drawn(1), drawn(2)
    for name in one:
        assert torch.equal(one[name], again[name])
        assert not torch.equal(one[name], other[name])
    alone = MixedStability(a_convolutional_network(), seed=1, parameters=["4.weight"]).flexibilities
    assert torch.equal(alone["4.weight"], one["4.weight"])
    assert 0.4 < one["4.weight"].mean() < 0.6


# --- calibration ------------------------------------------------------------------------------------------------------


def test_auto_sensitivity_by_hand() -> None:
    module = nn.Linear(2, 1, bias=False).double()
    nn.init.zeros_(module.weight)
    stability = MixedStability(module, Fixed(0.5), sensitivity="auto")
    stability.start_item()
    for _ in range(2):  # open gates: 2 × (.3, .4) travelled
        with stability.step(), torch.no_grad():
            module.weight += torch.tensor([[0.3, 0.4]])
    assert stability.sensitivity == "auto"
    stability.start_item()
    s = AUTO_KAPPA / math.sqrt((0.6**2 + 0.8**2) / 2)
    assert stability.sensitivity == pytest.approx(s, rel=1e-6)
    assert_allclose(stability.gates["weight"], [[sech2(s * 0.6), sech2(s * 0.8)]], rtol=1e-5)
    stability.start_item()
    assert stability.sensitivity == pytest.approx(s, rel=1e-6)


def test_auto_sensitivity_needs_movement() -> None:
    _, stability = one_weight(1.0)
    stability.start_item()
    with pytest.raises(ValueError, match="did not"):
        stability.start_item()


def test_auto_sensitivity_needs_finite_weights() -> None:
    module, stability = one_weight(1.0)
    stability.start_item()
    move(module, stability, math.nan)
    with pytest.raises(ValueError, match="not finite after the first item"):
        stability.start_item()


# --- state ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [1, 2])
def test_state_round_trip_goes_on_with_the_same_bits(after: int) -> None:
    def built() -> tuple[nn.Module, torch.optim.Optimizer]:
        module = a_convolutional_network()
        return module, torch.optim.Adam(module.parameters(), lr=0.01)

    module, optimizer = built()
    stability = MixedStability(module, seed=5)
    learn(module, optimizer, stability, items=after)
    stream = io.BytesIO()
    torch.save([module.state_dict(), optimizer.state_dict(), stability.state_dict()], stream)
    learn(module, optimizer, stability, items=2)

    resumed, resumed_optimizer = built()
    other = MixedStability(resumed, Fixed(0.1), seed=6)
    stream.seek(0)
    for part, state in zip((resumed, resumed_optimizer, other), torch.load(stream, weights_only=True), strict=True):
        part.load_state_dict(state)
    learn(resumed, resumed_optimizer, other, items=2)
    assert other.sensitivity == stability.sensitivity
    for name, p in module.named_parameters():
        assert torch.equal(p, resumed.get_parameter(name)), name


def test_a_state_is_not_changed_by_going_on() -> None:
    module, stability = one_weight(0.0, flexibility=Fixed(0.5), sensitivity=1.0)
    state = stability.state_dict()
    stability.start_item()
    move(module, stability, 1.0)
    stability.start_item()
    assert state["gates"]["weight"].item() == 1.0
    assert stability.gates["weight"].item() == pytest.approx(sech2(1.0))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"initial": None}, 'no "initial"'),
        ({"gates": {"weight": torch.ones(2, 2)}}, r'"gates" of the state holds .*\(2, 2\)'),
        ({"flexibility": {"other": torch.ones(1, 1)}}, "other"),
        ({"flexibility": {"weight": torch.full((1, 1), 1.5)}}, r"must lie in \[0, 1\]"),
        ({"sensitivity": -1.0}, "sensitivity is -1.0"),
    ],
)
def test_a_foreign_state_is_refused_and_changes_nothing(change: dict[str, Any], message: str) -> None:
    _, stability = one_weight(0.25, flexibility=Fixed(0.5), sensitivity=2.0)
    state = {key: value for key, value in (stability.state_dict() | change).items() if value is not None}
    with pytest.raises(ValueError, match=message):
        stability.load_state_dict(state)
    assert stability.sensitivity == 2.0
    assert stability.flexibilities["weight"].item() == 0.5


# --- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sensitivity", [0, -1.0, math.nan, math.inf, "much"])
def test_a_sensitivity_that_is_no_positive_number_is_refused(sensitivity: Any) -> None:
    with pytest.raises(ValueError, match="expected a finite number above 0"):
        MixedStability(nn.Linear(2, 2), sensitivity=sensitivity)


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (nn.BatchNorm1d(3), {}, r"nothing to gate: BatchNorm1d .*\(2 parameters in all\)"),
        (nn.Linear(2, 2), {"parameters": []}, "nothing to gate"),
        (nn.Linear(2, 2), {"parameters": ["wieght"]}, 'no parameter "wieght": weight or bias. Did you mean "weight"'),
        (nn.Linear(2, 2), {"refresh": "steps", "sensitivity": 1.0}, 'Did you mean "step"'),
        (nn.Linear(2, 2), {"refresh": "step"}, "calibrated from the first item"),
        (nn.Linear(2, 2), {"seed": -1}, "seed is -1"),
        (nn.Linear(2, 2), {"flexibility": Given(1.5), "sensitivity": 1.0}, r"must lie in \[0, 1\]"),
    ],
)
def test_what_cannot_be_gated_is_refused(module: nn.Module, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MixedStability(module, **options)


def test_one_name_is_not_several() -> None:
    with pytest.raises(TypeError, match=r'such as \["weight"\]'):
        MixedStability(nn.Linear(2, 2), parameters="weight")


def test_a_step_before_the_first_item_is_refused() -> None:
    _, stability = one_weight(0.0, sensitivity=1.0)
    with pytest.raises(RuntimeError, match=r"call start_item\(\) before each item"), stability.step():
        pass


def test_a_module_converted_afterwards_is_refused() -> None:
    module, stability = one_weight(0.0, sensitivity=1.0)
    module.float()
    with pytest.raises(RuntimeError, match="move or convert the module first"):
        stability.start_item()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("f", [0.0, 1.0])
def test_on_cuda_the_ends_are_exact(f: float) -> None:
    ours, plain = a_convolutional_network().cuda(), a_convolutional_network().cuda()
    stability = MixedStability(ours, Fixed(f), sensitivity=1e5)
    gradients = {name: torch.randn_like(p) for name, p in plain.named_parameters()}
    for module in (ours, plain):
        optimizer = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=0.1)
        for _ in range(3):
            for name, p in module.named_parameters():
                p.grad = gradients[name].clone()
            if module is plain:
                if f == 1:
                    optimizer.step()
            else:
                stability.start_item()
                with stability.step():
                    optimizer.step()
    for name in stability.flexibilities:
        assert torch.equal(ours.get_parameter(name), plain.get_parameter(name)), name
