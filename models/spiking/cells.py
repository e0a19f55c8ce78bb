"""Cells: what a population is made of, as text of equations."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, PlainValidator

from ..by_kind import read_kind, write_kind
from .quantities import Capacitance, Conductance, Current, Delay, Time, Voltage
from .spec import Spec

NotNegative = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class CellEquations:
    """Text of a population's equations, in Brian2's language.

    Attributes
    ----------
    model : str
        Differential equations and parameters.
    threshold, reset : str
        Condition of a spike, and what a spike does.
    refractory : str
        A time.
    method : str
        Numerical integration.
    constants : dict
        Names in the equations and their values, such as ``{"tau_m": "20 ms"}``.
    states : dict
        Parameters shared by all cells that a brain state may change, with their default values.
    initial : dict
        Values at rest of the variables that do not rest at 0.
    receptors : dict
        Receptor → (variable that a synapse adds to, unit of a weight of 1).
    trace : str or None
        Variable that a spike raises by 1 and that decays, which plasticity reads.
    """

    model: str
    threshold: str
    reset: str
    refractory: str
    method: str
    constants: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    initial: dict[str, str] = field(default_factory=dict)
    receptors: dict[str, tuple[str, str]] = field(default_factory=dict)
    trace: str | None = None


class Cell(Spec, ABC):
    """A kind of cell; subclasses declare parameters and write their equations."""

    kind: str

    @abstractmethod
    def equations(self) -> CellEquations:
        """The equations of a population of such cells.

        Returns
        -------
        CellEquations
        """


class LIF(Cell):
    """Leaky integrate-and-fire cell without units: threshold 1, reset 0, up to two adaptation currents, noise.

    ::

        dv/dt  = (-v + mu + gE - gI - a - a2) / tau_m + sigma · sqrt(2 / tau_m) · ξ
        dgE/dt = -gE / tau_e,  dgI/dt = -gI / tau_i,  da/dt = -a / tau_a,  da2/dt = -a2 / tau_a2,  dx/dt = -x / tau_x
        spike where v > 1:  v = 0,  a += b,  a2 += b2,  x += 1

    ξ is white noise of unit intensity, so that a cell without threshold fluctuates with standard deviation sigma.
    mu, sigma, b and b2 may be changed by brain states: they stand for neuromodulation.

    Parameters
    ----------
    mu : float
        Resting drive, in units of the threshold.
    sigma : float
        Standard deviation of the free membrane, in units of the threshold.
    tau_m, tau_e, tau_i : time
        Membrane, excitation, inhibition.
    refractory : time
    b, tau_a, b2, tau_a2
        Step at a spike and decay of the adaptation currents; a time of None leaves the current out.
    tau_x : time or None
        Decay of the spike trace that plasticity reads.

    Examples
    --------
    >>> LIF(mu=0.3, sigma=0.25, b=0.05).equations().states
    {'mu': '0.3', 'sigma': '0.25', 'b': '0.05'}
    """

    mu: float = 0.0
    sigma: NotNegative = 0.0
    tau_m: Time = "20 ms"
    tau_e: Time = "5 ms"
    tau_i: Time = "8 ms"
    refractory: Delay = "3 ms"
    b: float = 0.0
    tau_a: Time | None = "100 ms"
    b2: float = 0.0
    tau_a2: Time | None = None
    tau_x: Time | None = "20 ms"
    kind: Literal["lif"] = "lif"

    def equations(self) -> CellEquations:
        constants = {"tau_m": self.tau_m, "tau_e": self.tau_e, "tau_i": self.tau_i}
        states = {"mu": repr(self.mu), "sigma": repr(self.sigma)}
        currents, decays, reset = "", "", "v = 0"
        for current, step, size, tau in (("a", "b", self.b, self.tau_a), ("a2", "b2", self.b2, self.tau_a2)):
            if tau is not None:
                currents += f" - {current}"
                decays += f"d{current}/dt = -{current}/tau_{current} : 1\n{step} : 1 (shared)\n"
                reset += f"\n{current} += {step}"
                constants[f"tau_{current}"] = tau
                states[step] = repr(size)
        if self.tau_x is not None:
            decays += "dx/dt = -x/tau_x : 1\n"
            reset += "\nx += 1"
            constants["tau_x"] = self.tau_x
        return CellEquations(
            model=f"dv/dt = (-v + mu + gE - gI{currents})/tau_m + sigma*sqrt(2/tau_m)*xi : 1 (unless refractory)\n"
            "dgE/dt = -gE/tau_e : 1\n"
            "dgI/dt = -gI/tau_i : 1\n"
            f"{decays}mu : 1 (shared)\nsigma : 1 (shared)\n",
            threshold="v > 1",
            reset=reset,
            refractory=self.refractory,
            method="euler",
            constants=constants,
            states=states,
            receptors={"excitatory": ("gE", "1"), "inhibitory": ("gI", "1")},
            trace=None if self.tau_x is None else "x",
        )


class AdEx(Cell):
    """Adaptive exponential integrate-and-fire cell with conductance-based synapses, in SI units.

    ::

        C dv/dt = -g_L (v - E_L) + g_L Δ_T exp((v - V_T) / Δ_T) - w_a + I + g_e (E_e - v) + g_i (E_i - v) + noise
        tau_w dw_a/dt = a (v - E_L) - w_a
        spike where v > V_cut:  v = V_r,  w_a += b,  x += 1

    A weight of 1 is 1 nS. It needs a time step of 0.1 ms (`Circuit.dt`). I, sigma and b may be changed by brain
    states.

    Parameters
    ----------
    C, g_L, E_L, V_T, delta_T, V_r, V_cut
        Capacitance, leak, rest, threshold, its slope, reset, and where a spike is counted.
    a, b, tau_w
        Subthreshold adaptation, its step at a spike, its decay.
    I : current
        Constant drive.
    sigma : voltage
        Standard deviation of the free membrane of a cell without spike mechanism.
    tau_e, tau_i, E_e, E_i
        Decay and reversal potential of excitation and inhibition.
    refractory : time
    tau_x : time or None
        Decay of the spike trace that plasticity reads.

    Notes
    -----
    Source: Brette & Gerstner (2005), Journal of Neurophysiology 94, doi:10.1152/jn.00686.2005; the defaults of the
    cell are theirs, those of synapses and noise are common choices (Vogels & Abbott 2005, Journal of Neuroscience 25).

    Examples
    --------
    >>> AdEx(b="60 pA").equations().states
    {'I': '0 pA', 'sigma': '0 mV', 'b': '60 pA'}
    """

    C: Capacitance = "281 pF"
    g_L: Conductance = "30 nS"
    E_L: Voltage = "-70.6 mV"
    V_T: Voltage = "-50.4 mV"
    delta_T: Voltage = "2 mV"
    V_r: Voltage = "-70.6 mV"
    V_cut: Voltage = "-30 mV"
    a: Conductance = "4 nS"
    b: Current = "80.5 pA"
    tau_w: Time = "144 ms"
    I: Current = "0 pA"  # noqa: E741  the symbol of every paper
    sigma: Voltage = "0 mV"
    tau_e: Time = "5 ms"
    tau_i: Time = "10 ms"
    E_e: Voltage = "0 mV"
    E_i: Voltage = "-80 mV"
    refractory: Delay = "2 ms"
    tau_x: Time | None = "20 ms"
    kind: Literal["adex"] = "adex"

    def equations(self) -> CellEquations:
        trace = "" if self.tau_x is None else "dx/dt = -x/tau_x : 1\n"
        named = ("C", "g_L", "E_L", "V_T", "delta_T", "V_r", "V_cut", "a", "tau_w", "tau_e", "tau_i", "E_e", "E_i")
        constants = {name: getattr(self, name) for name in named}
        if self.tau_x is not None:
            constants["tau_x"] = self.tau_x
        return CellEquations(
            model="dv/dt = (g_L*(E_L - v) + g_L*delta_T*exp(clip((v - V_T)/delta_T, -100, 20)) - w_a + I"
            " + g_e*(E_e - v) + g_i*(E_i - v))/C + sigma*sqrt(2*g_L/C)*xi : volt (unless refractory)\n"
            "dw_a/dt = (a*(v - E_L) - w_a)/tau_w : amp\n"
            "dg_e/dt = -g_e/tau_e : siemens\n"
            "dg_i/dt = -g_i/tau_i : siemens\n"
            f"{trace}I : amp (shared)\nsigma : volt (shared)\nb : amp (shared)\n",
            threshold="v > V_cut",
            reset="v = V_r\nw_a += b" + ("" if self.tau_x is None else "\nx += 1"),
            refractory=self.refractory,
            method="euler",
            constants=constants,
            states={"I": self.I, "sigma": self.sigma, "b": self.b},
            initial={"v": self.E_L},
            receptors={"excitatory": ("g_e", "1 nS"), "inhibitory": ("g_i", "1 nS")},
            trace=None if self.tau_x is None else "x",
        )


AnyCell = Annotated[Cell, PlainValidator(partial(read_kind, Cell)), PlainSerializer(write_kind)]
