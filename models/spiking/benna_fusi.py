"""A published complex synapse, to compare with: memory in a chain of coupled variables."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .mechanisms import EVERY, Process
from .quantities import Time, in_si
from .synapse_rules import RuleEquations
from .trace_rule import TraceRule


class BennaFusi(TraceRule):
    """Trace rule on a chain of coupled variables, of which only the first is seen as the weight.

    ::

        u_1 = w - w0
        C_k du_k/dt = g_(k-1) (u_(k-1) - u_k) + g_k (u_(k+1) - u_k)
        C_k = 2^(k-1),  g_k = 2^(1-k) / tau

    What learning adds to u_1 sinks into ever larger and ever slower variables, and flows back from them; the last one
    leaks. A chain of n variables remembers over about 4^(n-1) tau.

    Parameters
    ----------
    variables : int
        Length of the chain, u_1 included.
    tau : time
        Of the flow between the first two, in biological time. A step of the chain must be short against it: the time
        scale of the model times 100 ms, at most half of it.
    pre_threshold, post_threshold, eta, initial, maximum, spread, stability, mechanisms
        As for `TraceRule`; a stability scales what learning adds, and not the flow.

    Notes
    -----
    Source: Benna & Fusi (2016), Nature Neuroscience 19, doi:10.1038/nn.4401, equation 1, with n = 2 (capacities double,
    conductances halve from one variable to the next).

    Examples
    --------
    >>> print(BennaFusi(post_threshold=0.2, variables=2, tau="1 h").equations().processes[0].code)
    flow1 = diffusion*0.1*second*1.0*((w - w0) - u2)
    flow2 = diffusion*0.1*second*0.5*u2
    w = clip(w - flow1/1.0, 0, w_max)
    u2 += (flow1 - flow2)/2.0
    """

    variables: Annotated[int, Field(ge=2, le=12)] = 4
    tau: Time = "1 h"
    kind: Literal["benna-fusi"] = "benna-fusi"  # type: ignore[assignment]

    def learning(self) -> RuleEquations:
        rule = super().learning()
        u = ["(w - w0)", *(f"u{k}" for k in range(2, self.variables + 1))]
        step = f"diffusion*{in_si(EVERY)!r}*second"
        flows = [f"flow{k} = {step}*{2.0 ** (1 - k)!r}*({u[k - 1]} - {u[k]})" for k in range(1, self.variables)]
        flows.append(f"flow{self.variables} = {step}*{2.0 ** (1 - self.variables)!r}*{u[-1]}")
        moves = ["w = clip(w - flow1/1.0, 0, w_max)"]
        moves += [f"u{k} += (flow{k - 1} - flow{k})/{2.0 ** (k - 1)!r}" for k in range(2, self.variables + 1)]
        return RuleEquations(
            model="".join(f"u{k} : 1\n" for k in range(2, self.variables + 1)),
            on_pre=rule.on_pre,
            on_post=rule.on_post,
            processes=(Process("diffusion", f"{1 / in_si(self.tau)!r} Hz", True, None, "\n".join([*flows, *moves])),),
        )
