"""SGD with momentum beside torch's own."""

import subprocess
import sys

import pytest
import torch
from torch import nn

from engram.models.deep.momentum import MomentumSGD
from engram.models.deep.optimisation import Optimiser


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.01])
def test_updates_are_those_of_torch_bit_by_bit(momentum, weight_decay):
    def after_five_updates(build):
        torch.manual_seed(0)
        weights = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(5)), nn.Parameter(torch.randn(2))]
        optimiser = build(weights)
        for update in range(5):
            optimiser.param_groups[0]["lr"] = 0.1 / (1 + update)
            optimiser.zero_grad()
            for weight in weights[:2]:  # the third takes no part
                weight.grad = torch.randn(weight.shape)
            optimiser.step()
        return weights

    theirs = after_five_updates(lambda w: torch.optim.SGD(w, 1.0, momentum, 0, weight_decay, fused=True))
    ours = after_five_updates(lambda w: MomentumSGD(w, 1.0, momentum=momentum, weight_decay=weight_decay))
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.equal(mine, other)


def test_a_weight_that_begins_to_learn_later_starts_from_rest():
    early, late = nn.Parameter(torch.zeros(1)), nn.Parameter(torch.zeros(1))
    optimiser = MomentumSGD([early, late], 1.0, momentum=0.5)
    early.grad = torch.ones(1)
    optimiser.step()
    late.grad = torch.ones(1)
    optimiser.step()
    assert (early.item(), late.item()) == (-2.5, -1.0)  # velocities 1 and 1.5; 1


def test_learning_does_not_import_the_compiler():
    code = (
        "import sys, torch\n"
        "from engram.models.deep import FineTune\n"
        "from engram.sim.deep.surroundings import algorithms\n"
        "weight, model = torch.nn.Parameter(torch.ones(2)), FineTune()\n"
        "with algorithms(model):\n"
        "    optimiser = model.optimiser.build([weight])\n"
        "    weight.sum().backward()\n"
        "    optimiser.step()\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_optimiser_is_this_one():
    assert isinstance(Optimiser().build([nn.Parameter(torch.ones(1))]), MomentumSGD)
