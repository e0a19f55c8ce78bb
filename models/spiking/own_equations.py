"""Cells and synapse rules of one's own: any equations in Brian2's language."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator, model_validator

from .cells import Cell, CellEquations
from .quantities import UNITS, Delay, dimension, in_si, read_quantity
from .synapse_rules import PlasticRule, RuleEquations


def _only_equations(text: str) -> str:
    """Brian2 reads equations with SymPy, which evaluates quoted text as Python: a recording could run any program."""
    odd = re.search(r"[\"'`\\]|__", text)
    if odd:
        raise ValueError(
            f"found {odd[0]} in the equations: these, and comments among them, hold no quoted text, "
            "backslash or double underscore"
        )
    if tower := re.search(r"\d[\s)]*\*\*[\s(+-]*(\d{4,}|\d+[\s)]*\*\*)", text):
        raise ValueError(f"found {tower[0]} in the equations: SymPy would work this number out, digit by digit")
    return text


Code = Annotated[str, Field(max_length=10_000), AfterValidator(_only_equations)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]


def _value(given: Any) -> str:
    if not isinstance(given, bool):
        for name in UNITS:
            try:
                return read_quantity(name, given)
            except ValueError:
                pass
        try:
            number = math.nan if hasattr(given, "dimensions") else float(given)
        except (TypeError, ValueError):
            number = math.nan
        if math.isfinite(number):
            return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(number)
    raise ValueError(f'found {given!r}; expected a number, or a quantity such as "20 ms", "-70 mV" or "1 nS"')


Value = Annotated[str, PlainValidator(_value)]
"""A number or a quantity of any dimension."""


class EquationCell(Cell):
    """A cell of one's own equations.

    Parameters
    ----------
    model : str
        Equations, one in each line. Parameters that a brain state may change are flagged ``(shared)``; what is
        spared in the refractory time is flagged ``(unless refractory)``.
    threshold, reset : str
        Condition of a spike, and what a spike does.
    constants : dict
        Names in the equations and their values, numbers or quantities.
    receptors : dict
        ``excitatory`` and ``inhibitory`` → (variable that a synapse adds to, value of a weight of 1).
    refractory : time
    method : str
        Numerical integration, such as ``euler``, ``exact``, ``exponential_euler``, ``rk4``, ``heun``.
    states : dict
        Shared parameters and their default values.
    initial : dict
        Values at rest of the variables that do not rest at 0.
    trace : str or None
        Variable that plasticity reads as the trace of a cell's spikes.

    Raises
    ------
    ValueError
        A state is no shared parameter of the model, or a receptor, trace or initial value is no variable of it.

    Examples
    --------
    >>> izhikevich = EquationCell(
    ...     model="dv/dt = (0.04*v**2 + 5*v + 140 - u + g)/ms : 1\\ndu/dt = .02*(.2*v - u)/ms : 1\\ndg/dt = -g/tau : 1",
    ...     threshold="v > 30",
    ...     reset="v = -65; u += 8",
    ...     constants={"tau": "5 ms"},
    ...     receptors={"excitatory": ("g", "1")},
    ...     initial={"v": -65, "u": -13},
    ... )
    >>> izhikevich.equations().initial["u"]
    '-13'
    """

    model: Code
    threshold: Code
    reset: Code
    constants: dict[Name, Value] = Field(default_factory=dict)
    receptors: dict[Literal["excitatory", "inhibitory"], tuple[Name, Value]] = Field(default_factory=dict)
    refractory: Delay = "0 ms"
    method: Annotated[str, Field(pattern=r"^[a-z_0-9]+$")] = "euler"
    states: dict[Name, Value] = Field(default_factory=dict)
    initial: dict[Name, Value] = Field(default_factory=dict)
    trace: Name | None = None
    kind: Literal["equations"] = "equations"

    @model_validator(mode="after")
    def _consistent(self) -> EquationCell:
        variables = set(re.findall(r"^\s*(?:d(\w+)/dt\s*=|(\w+)\s*[:=])", self.model, re.MULTILINE))
        known = {name for pair in variables for name in pair if name}
        shared = set(re.findall(r"^\s*(\w+)\s*:[^\n]*\(.*shared.*\)", self.model, re.MULTILINE))
        used = {"receptors": [v for v, _ in self.receptors.values()], "initial": list(self.initial)}
        used["trace"] = [self.trace] if self.trace else []
        for word, names in used.items():
            for name in names:
                if name not in known:
                    raise ValueError(f'{word}: the model has no variable "{name}"; it has {", ".join(sorted(known))}')
        for name in self.states:
            if name not in shared:
                raise ValueError(f'states: "{name}" must stand in the model as a parameter flagged (shared)')
        return self

    def equations(self) -> CellEquations:
        return CellEquations(
            model=self.model.rstrip() + "\n",
            threshold=self.threshold,
            reset=self.reset,
            refractory=self.refractory,
            method=self.method,
            constants=dict(self.constants),
            states=dict(self.states),
            initial=dict(self.initial),
            receptors={name: (variable, _plain(unit)) for name, (variable, unit) in self.receptors.items()},
            trace=self.trace,
        )


class EquationRule(PlasticRule):
    """A synapse rule of one's own equations.

    In the code, ``w`` is the weight, ``w0`` the initial one, ``w_max`` the maximum, ``eta`` the learning rate of the
    present brain state, ``gate`` the factor of the stability (1 without one), ``trace_pre`` and ``trace_post`` the
    spike traces of the cells; names that end in ``_pre`` or ``_post`` are variables of the cells.

    Parameters
    ----------
    on_pre, on_post : str
        What learning does at a spike of the source and of the target cell. Transmission is not part of it.
    model : str
        Further variables of a synapse.
    constants : dict
        Names in the code and their values, numbers or quantities.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Examples
    --------
    >>> oja = EquationRule(on_post="w = clip(w + eta*gate*(trace_pre - w*trace_post), 0, w_max)")
    >>> oja.equations().on_post
    'w = clip(w + eta*1*(trace_pre - w*trace_post), 0, w_max)'
    """

    on_pre: Code = ""
    on_post: Code = ""
    model: Code = ""
    constants: dict[Name, Value] = Field(default_factory=dict)
    kind: Literal["equations"] = "equations"

    @model_validator(mode="after")
    def _learns(self) -> EquationRule:
        if not (self.on_pre.strip() or self.on_post.strip()):
            raise ValueError(
                "a rule needs on_pre, on_post or both; found neither (Static is the rule that never learns)"
            )
        return self

    def learning(self) -> RuleEquations:
        def gated(code: str) -> str:
            return re.sub(r"\bgate\b", self.factor().replace("\\", r"\\"), code)

        return RuleEquations(
            model=self.model and self.model.rstrip() + "\n",
            on_pre=gated(self.on_pre),
            on_post=gated(self.on_post),
            constants=dict(self.constants),
        )


def _plain(unit: str) -> str:
    """A weight's unit, "1" where it has none."""
    return "1" if not dimension(unit) and in_si(unit) == 1 else unit
