"""How a protocol's phases are carried out on a circuit: durations of the network, drives, states, limits."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from ...protocols.durations import Duration
from ...protocols.phases import Stage
from .quantities import Delay, Rate, Time, in_si
from .spec import Spec

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class StateNames(Spec):
    """Which brain state of the circuit each part of a protocol runs in.

    Parameters
    ----------
    wake : str
        Presentations and the gaps between them.
    probe : str
        Cues of a probe; plasticity is off in it.
    reset : str
        Before every cue: cells are hyperpolarised, so that one cue's activity does not run into the next.
    nrem, rem : str
        Stages of sleep.
    reactivation : str
        A cue during NREM (targeted memory reactivation): the way from cortex to hippocampus is open.
    rest : str
        Quiet wake, with the recurrent hippocampus closed, so that nothing replays.
    quiet_replay : str
        Quiet wake in which the hippocampus replays (``rest: {replay: true}``).

    Examples
    --------
    >>> StateNames().quiet_replay
    'quiet-replay'
    """

    wake: str = "wake"
    probe: str = "probe"
    reset: str = "reset"
    nrem: str = "nrem"
    rem: str = "rem"
    reactivation: str = "reactivation"
    rest: str = "rest"
    quiet_replay: str = "quiet-replay"


class Procedure(Spec):
    """How presentations, sleep, rest and probes become minutes and milliseconds of a network.

    A protocol speaks of biological time. What is presented or probed lasts as long as this procedure says, in
    *simulated* time, whatever its biological duration; sleep and rest last their biological duration divided by
    ``time_scale``.

    Parameters
    ----------
    time_scale : float
        Biological seconds per simulated second of sleep and rest. 1440: a day in a minute, a night of six hours in
        15 s, in which some sixty bursts replay eight items several times each.
    driven : str
        Population that items drive and that is scored in probes.
    drive_rate : Rate
        Poisson input to each driven cell at full intensity. 500 Hz at the default weight lets members fire near 33 Hz.
    exposure, gap : Time
        One presentation, and the silence after it: two or three cycles of the slowest synaptic and adaptation
        currents that matter within a trial.
    cue, cue_gap : Time
        A cue of a probe, during which spikes are counted, and the silence after it. Shorter than an exposure, so that
        recall is the first answer of the network and not a long reverberation.
    reset : Time
        Hyperpolarisation before a cue; 0 ms for none. Four membrane time constants of 20 ms.
    cue_fraction : float
        Share of an item's cells that a probe of kind ``recognition`` drives. The others are scored, so showing all of
        an item, as to a classifier, would leave nothing to recall. A ``cued`` probe gives its own fraction and noise.
    cues_per_item : int
        Cues of each item in a probe: test patterns in turn, and other halves when they come again.
    cycle : sequence of Stage
        Stages of one cycle for a sleep that gives only a duration: a human cycle of 90 minutes.
    reactivation_every, reactivation_cue : Time
        Targeted reactivation: a cue so often in NREM, and its length (simulated).
    reactivation_rate : Rate
        Input to each cell of the cued item: that of an exposure, for the shorter time of a cue.
    piece : Time
        Longest stretch simulated without a place for a checkpoint.
    active : float
        Share of the driven cells in the code of an image that is not a pattern over them (see `ImageCode`).
    shuffled : tuple of str
        Control: the weights of these projections are permuted among their synapses when a sleep begins.
    runaway_rate : Rate
        An excitatory population that fires faster in the mean over one piece has run away. Members fire near 33 Hz in
        an exposure and are 6 % of the cells.
    rate_limits : mapping of str to Rate
        Limits of populations of their own, in the place of ``runaway_rate``; inhibitory ones have none otherwise.
    on_runaway : {"warn", "stop"}
        Whether a subject whose network ran away goes on.
    states : StateNames
        Names of the brain states of the circuit.
    target : {"auto", "numpy", "cython"}
        What Brian2 compiles to; ``auto`` is Cython where there is a compiler.

    Examples
    --------
    >>> Procedure(time_scale=720, exposure="0.3 s").cue
    '180 ms'
    """

    model_config = ConfigDict(validate_default=True)

    time_scale: Positive = 1440.0
    driven: str = "C"
    drive_rate: Rate = "500 Hz"
    exposure: Time = "400 ms"
    gap: Delay = "200 ms"
    cue: Time = "180 ms"
    cue_gap: Delay = "170 ms"
    reset: Delay = "80 ms"
    cue_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.5
    cues_per_item: Annotated[int, Field(ge=1, le=1000)] = 1
    cycle: Annotated[tuple[Stage, ...], Field(min_length=1)] = (
        Stage(nrem=Duration("60 min")),
        Stage(rem=Duration("30 min")),
    )
    reactivation_every: Time = "250 ms"
    reactivation_cue: Time = "60 ms"
    reactivation_rate: Rate = "500 Hz"
    piece: Time = "1 s"
    active: Annotated[float, Field(gt=0, lt=1)] = 0.06
    shuffled: tuple[str, ...] = ()
    runaway_rate: Rate = "80 Hz"
    rate_limits: dict[str, Rate] = Field(default_factory=dict)
    on_runaway: Literal["warn", "stop"] = "warn"
    states: StateNames = StateNames()
    target: Literal["auto", "numpy", "cython"] = "auto"

    @model_validator(mode="after")
    def _times_fit(self) -> Self:
        if in_si(self.reactivation_every) <= in_si(self.reactivation_cue):
            raise ValueError(
                f"reactivation_every: found {self.reactivation_every}; expected more than a cue lasts, "
                f"{self.reactivation_cue}"
            )
        if sum(stage.duration.seconds for stage in self.cycle) <= 0:
            raise ValueError("cycle: found stages that last no time; expected some, such as {nrem: 60 min}")
        return self
