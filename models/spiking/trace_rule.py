"""Hebbian learning from spike traces."""

from __future__ import annotations

from typing import Literal

from pydantic import model_validator

from .synapse_rules import PlasticRule, RuleEquations


class TraceRule(PlasticRule):
    """Hebbian learning from spike traces, with thresholds that make weakly active partners lose weight.

    ::

        at a spike of the source:  w += eta · α · (x_post - pre_threshold)
        at a spike of the target:  w += eta · α · (x_pre - post_threshold)

    Parameters
    ----------
    pre_threshold, post_threshold : float or None
        Traces below them depress; None leaves that half of the rule out. With only ``post_threshold`` this is the
        instar rule: a target cell moves its weights towards the sources that fired with it.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Notes
    -----
    Source: trace forms of Hebbian learning with heterosynaptic depression, Gerstner & Kistler (2002), Spiking neuron
    models, section 10.2; instar, Grossberg (1976), Biological Cybernetics 23.

    Examples
    --------
    >>> TraceRule(eta=0.1, post_threshold=0.2).equations().on_post
    'w = clip(w + eta*1*(trace_pre - 0.2), 0, w_max)'
    """

    pre_threshold: float | None = None
    post_threshold: float | None = None
    kind: Literal["trace"] = "trace"

    @model_validator(mode="after")
    def _learns(self) -> TraceRule:
        if self.pre_threshold is None and self.post_threshold is None:
            raise ValueError("a trace rule needs pre_threshold, post_threshold or both; found neither")
        return self

    def learning(self) -> RuleEquations:
        pre, post = self.pre_threshold, self.post_threshold
        return RuleEquations(
            on_pre="" if pre is None else self.changed(f"trace_post - {pre!r}"),
            on_post="" if post is None else self.changed(f"trace_pre - {post!r}"),
        )
