"""The mixed-stability rule on any torch module and any optimiser."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from ..data.seeds import child_rng
from ..data.wording import nearest, one_of
from .flexibility import Flexibility, Uniform
from .synapses import AUTO_KAPPA, auto_sensitivity, gate_torch, stiffness

if TYPE_CHECKING:
    import torch


@dataclass(eq=False)
class _Gated:
    """One gated parameter and its buffers, all of the parameter's shape, type and device."""

    weight: torch.nn.Parameter
    flexibility: torch.Tensor  # float64 on the CPU: rounding f near 0 would change the stiffness
    initial: torch.Tensor
    stiffness: torch.Tensor
    frozen: torch.Tensor | None
    gate: torch.Tensor
    before: torch.Tensor


class MixedStability:
    """Gates the steps of an optimiser: w ← w_old + gate · (w_new - w_old).

    What is gated is the displacement and not the gradient, since an optimiser that normalises gradients, such as Adam,
    would undo a gate, and weight decay and momentum would move a frozen weight. For plain SGD the two are the same.
    f = 0 keeps the bits of a weight and f = 1 gives it the optimiser's own step.

    The values at construction are the initial ones, w0. All buffers are made here: put the module on its device before.

    Parameters
    ----------
    module : torch.nn.Module
        Convolutions included. It is changed by the optimiser only.
    flexibility : Flexibility
        Distribution of f over the synapses.
    sensitivity : float or "auto"
        s > 0, in units of 1 / weight. ``"auto"`` calibrates it when the second item starts:
        s = κ / rms(w - w0) over all gated weights, as for `MetaplasticNetwork`; see `sensitivity`.
    seed : int
        Seed of the flexibilities; each parameter has a stream of its own, by name.
    refresh : {"item", "step"}
        Read the gates when an item starts and hold them (the paper), or before every step.
    parameters : iterable of str or None
        Names of the gated parameters, as in ``module.named_parameters()``. None gates every trainable one of at least
        two dimensions, so neither biases nor the scales of norms.
    kappa : float
        κ of the automatic sensitivity.

    Raises
    ------
    ValueError
        A sensitivity or kappa that is no finite number above 0, ``"auto"`` with a refresh by step, a seed below 0, a
        name that is no parameter, or nothing to gate.

    Notes
    -----
    Source: Cho, Lee, Baek & Paik (2025), Neural Networks 190, doi:10.1016/j.neunet.2025.107762; see `synapses`.

    Examples
    --------
    One weight, gradient 1, learning rate .1, f = .5 and s = 10. The first item moves it by the whole .1. Then the gate
    is 1 - tanh²(10 · .1) = .42, and the next step is .042.

    >>> import torch
    >>> from engram.models.flexibility import Fixed
    >>> module = torch.nn.Linear(1, 1, bias=False)
    >>> _ = torch.nn.init.zeros_(module.weight)
    >>> optimizer = torch.optim.SGD(module.parameters(), lr=0.1)
    >>> stability = MixedStability(module, flexibility=Fixed(0.5), sensitivity=10.0)
    >>> for item in range(2):
    ...     stability.start_item()
    ...     module.weight.grad = -torch.ones(1, 1)
    ...     with stability.step():
    ...         optimizer.step()
    ...     print(round(module.weight.item(), 3))
    0.1
    0.142
    """

    def __init__(
        self,
        module: torch.nn.Module,
        flexibility: Flexibility | None = None,
        sensitivity: float | Literal["auto"] = "auto",
        seed: int = 0,
        refresh: Literal["item", "step"] = "item",
        parameters: Iterable[str] | None = None,
        kappa: float = AUTO_KAPPA,
    ) -> None:
        import torch

        if refresh not in ("item", "step"):
            raise ValueError(f'refresh is "{refresh}"; expected "item" or "step".{nearest(refresh, ("item", "step"))}')
        if sensitivity == "auto" and refresh == "step":
            raise ValueError(
                'sensitivity "auto" is calibrated from the first item, but refresh "step" needs it from the first step '
                'on: give a number, or refresh "item"'
            )
        if seed < 0:
            raise ValueError(f"seed is {seed}; expected 0 or more")
        if not (math.isfinite(kappa) and kappa > 0):
            raise ValueError(f"kappa is {kappa!r}; expected a finite number above 0")
        self._sensitivity = _checked_sensitivity(sensitivity)
        self._kappa = float(kappa)
        self.refresh = refresh
        self._items_started = 0
        distribution = Uniform() if flexibility is None else flexibility
        self._gated: dict[str, _Gated] = {}
        with torch.no_grad():
            for name, weight in _selected(module, parameters).items():
                drawn = distribution.sample(tuple(weight.shape), child_rng(seed, "flexibility", name))
                self._gated[name] = _Gated(
                    weight=weight,
                    flexibility=torch.from_numpy(np.ascontiguousarray(drawn, dtype=np.float64)),
                    initial=weight.detach().clone(),
                    stiffness=torch.zeros_like(weight),
                    frozen=None,
                    gate=torch.ones_like(weight),
                    before=torch.empty_like(weight),
                )
        self._set_stiffness()
        self._read_gates()

    @property
    def sensitivity(self) -> float | Literal["auto"]:
        """The sensitivity in use, in units of 1 / weight; ``"auto"`` until it is calibrated."""
        return self._sensitivity

    def start_item(self) -> None:
        """Begin an item: read the gates, and with ``sensitivity="auto"`` calibrate when the second item starts.

        Raises
        ------
        ValueError
            The sensitivity cannot be calibrated: no weight moved, or one is not finite.
        """
        self._refuse_moved_module()
        if self.sensitivity == "auto" and self._items_started == 1:
            self._sensitivity = self._calibrated()
            self._set_stiffness()
        self._items_started += 1
        self._read_gates()

    @contextmanager
    def step(self) -> Iterator[None]:
        """Context of one step: what the optimiser does to the gated weights inside is gated at the end.

        Where the step fails the gated weights are as before.

        Raises
        ------
        RuntimeError
            No item was started, or the module is on another device than at construction.
        """
        import torch

        if self.refresh == "item" and not self._items_started:
            raise RuntimeError(
                "step() before start_item(): the gates are read when an item starts, so without it no synapse would "
                'ever harden; call start_item() before each item, or use refresh="step"'
            )
        self._refuse_moved_module()
        with torch.no_grad():
            if self.refresh == "step":
                self._read_gates()
            for g in self._gated.values():
                g.before.copy_(g.weight)
        try:
            yield
        except BaseException:
            with torch.no_grad():
                for g in self._gated.values():
                    g.weight.copy_(g.before)
            raise
        with torch.no_grad():
            for g in self._gated.values():
                # lerp gives w_new exactly at a gate of 1; before + gate * (w_new - before) would round it.
                torch.lerp(g.before, g.weight, g.gate, out=g.weight)
                if g.frozen is not None:
                    # 0 · inf is not 0: a frozen weight survives even a step that is not finite.
                    torch.where(g.frozen, g.before, g.weight, out=g.weight)

    @property
    def gates(self) -> dict[str, torch.Tensor]:
        """Gates in use by name of the parameter, each in [0, 1]."""
        return {name: g.gate.clone() for name, g in self._gated.items()}

    @property
    def flexibilities(self) -> dict[str, torch.Tensor]:
        """Flexibilities by name of the parameter, float64 on the CPU."""
        return {name: g.flexibility.clone() for name, g in self._gated.items()}

    def state_dict(self) -> dict[str, Any]:
        """What `load_state_dict` needs beside the state of module and optimiser: plain numbers and tensors.

        Returns
        -------
        dict
            ``sensitivity``, ``items_started``, and by name of the parameter ``initial``, ``flexibility`` and ``gates``.
            It can be saved with ``torch.save`` and loaded with ``weights_only=True``.
        """
        return {
            "sensitivity": self.sensitivity,
            "items_started": self._items_started,
            "initial": {name: g.initial.clone() for name, g in self._gated.items()},
            "flexibility": self.flexibilities,
            "gates": self.gates,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over the state that `state_dict` gave, on whatever device the module is here.

        Raises
        ------
        ValueError
            The state lacks a part, or belongs to other parameters; nothing is changed then.
        """
        import torch

        for part in ("sensitivity", "items_started", "initial", "flexibility", "gates"):
            if part not in state:
                raise ValueError(f'the state has no "{part}"; was it made by MixedStability.state_dict()?')
        for part in ("initial", "flexibility", "gates"):
            found = {name: tuple(tensor.shape) for name, tensor in state[part].items()}
            expected = {name: tuple(g.weight.shape) for name, g in self._gated.items()}
            if found != expected:
                raise ValueError(f'"{part}" of the state holds {found}; this module has {expected}')
        sensitivity = _checked_sensitivity(state["sensitivity"])
        for flexibility in state["flexibility"].values():
            # Refuses flexibilities outside [0, 1] before anything is changed.
            stiffness(flexibility.numpy(force=True), 1.0)
        self._sensitivity = sensitivity
        self._items_started = int(state["items_started"])
        with torch.no_grad():
            for name, g in self._gated.items():
                g.initial.copy_(state["initial"][name])
                g.flexibility.copy_(state["flexibility"][name])
                g.gate.copy_(state["gates"][name])
        self._set_stiffness()

    def _set_stiffness(self) -> None:
        import torch

        # Until it is calibrated the rule does as s = 0 would: every gate is 1 but that of a frozen synapse.
        sensitivity = 0.0 if self.sensitivity == "auto" else self.sensitivity
        for g in self._gated.values():
            f = g.flexibility.numpy()
            # Beyond the largest number of the type it would be infinite, and infinity times no distance is NaN.
            values = np.minimum(stiffness(f, sensitivity), torch.finfo(g.weight.dtype).max)
            g.stiffness.copy_(torch.from_numpy(values))
            g.frozen = torch.from_numpy(f == 0).to(g.weight.device) if (f == 0).any() else None

    def _read_gates(self) -> None:
        import torch

        with torch.no_grad():
            for g in self._gated.values():
                gate_torch(g.weight, g.initial, g.stiffness, g.frozen, g.gate)

    def _calibrated(self) -> float:
        import torch

        with torch.no_grad():
            squares = sum((g.weight.double() - g.initial.double()).square_().sum().item() for g in self._gated.values())
        travelled = math.sqrt(squares / sum(g.weight.numel() for g in self._gated.values()))
        if not math.isfinite(travelled):
            raise ValueError(
                "sensitivity: auto cannot be calibrated, since weights are not finite after the first item"
            )
        return float(auto_sensitivity(travelled, self._kappa))

    def _refuse_moved_module(self) -> None:
        for name, g in self._gated.items():
            if g.weight.device != g.before.device or g.weight.dtype != g.before.dtype:
                raise RuntimeError(
                    f"{name} is {g.weight.dtype} on {g.weight.device}, but was {g.before.dtype} on {g.before.device} "
                    "when MixedStability was made: move or convert the module first"
                )


def _checked_sensitivity(sensitivity: float | str) -> float | Literal["auto"]:
    if sensitivity == "auto":
        return "auto"
    if isinstance(sensitivity, str) or not (math.isfinite(sensitivity) and sensitivity > 0):
        raise ValueError(f'sensitivity is {sensitivity!r}; expected a finite number above 0, or "auto"')
    return float(sensitivity)


def _selected(module: torch.nn.Module, names: Iterable[str] | None) -> dict[str, torch.nn.Parameter]:
    known = dict(module.named_parameters())
    if names is None:
        chosen = {name: p for name, p in known.items() if p.requires_grad and p.ndim >= 2 and p.is_floating_point()}
        if not chosen:
            raise ValueError(
                f"nothing to gate: {type(module).__name__} has no trainable parameter of at least two dimensions "
                f"({len(known)} parameters in all); name those that are meant as `parameters`"
            )
        return chosen
    if isinstance(names, str):
        raise TypeError(f'parameters is the text "{names}"; expected several names, such as ["{names}"]')
    chosen = {}
    for name in names:
        if name not in known:
            raise ValueError(
                f'{type(module).__name__} has no parameter "{name}": {one_of(known)}.{nearest(name, known)}'
            )
        chosen[name] = known[name]
    if not chosen:
        raise ValueError("nothing to gate: `parameters` names none")
    return chosen
