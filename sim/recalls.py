"""What came out at a recall test: its rows of the recording, and the score of each item."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..data.recording.stream_layout import StreamLayout
from ..protocols import Step
from ..protocols.recall_tests import RecallTest
from .session import Responses

OMISSION, EXTRA_LIST = -1, -2

RECALLS = StreamLayout(
    name="recalls",
    columns={
        "phase": "<i4",
        "list": "S64",
        "trial": "<i4",
        "output_position": "<i4",
        "input_position": "<i4",
        "expected": "<i4",
        "response": "<i4",
        "error_type": "S16",
        "latency": "<f4",
    },
    units={"latency": "s"},
    block_bytes=2**16,  # what one subject of most protocols recalls
)
"""The table of recalls, one row for each thing that came out or failed to; see docs/recording-format.md."""

_KINDS = np.array([b"correct", b"transposition", b"intrusion", b"omission", b"repetition", b"extra-list"], dtype="S16")
_CORRECT, _TRANSPOSITION, _INTRUSION, _OMISSION, _REPETITION, _EXTRA_LIST = range(len(_KINDS))

Rows = list[tuple[int, str, Mapping[str, NDArray]]]


def recalled(
    step: Step,
    test: RecallTest,
    outputs: NDArray[np.integer],
    slots: int,
    latency: NDArray[np.floating] | None = None,
    *,
    counts: bool = True,
) -> tuple[Responses, Rows]:
    """Score what came out at a recall test, and lay it out for the recording.

    Parameters
    ----------
    step : Step
        The probe.
    test : RecallTest
        What it asked.
    outputs : int array [subject, output]
        Slots in the order in which they came out; -1 for nothing, -2 for a thing that was never presented. Of lists,
        output p is given for position p; of cues, for cue p; of free recall, nothing ends the output.
    slots : int
        Number of items.
    latency : float array [subject, output], optional
        Time that each output took, in s.
    counts : bool
        Whether responses are counted; else ``counts`` of the answer holds -1 and takes no memory.

    Returns
    -------
    responses : Responses
        ``performance`` is 1 or 0 for each item that was asked for. ``counts`` holds, for each item, what came out at
        its position or to its cue; of free and item scoring, whether the item came out.
    rows : list of (place of the subject, name of the stream, columns)
        As `Session.drain` hands them over; where nothing at all came out in free recall, one row says so.

    Raises
    ------
    ValueError
        If an output is no slot, free recall goes on after an end, or the outputs do not match the test.

    Examples
    --------
    >>> from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
    >>> from engram.protocols.recall_tests import RecallTests
    >>> schedule = [wake([2, 0, 1]), probe("all", kind="recall", scoring="strict")]
    >>> timeline = unroll(Protocol(name="three", items=ItemSpec(count=3), schedule=schedule))
    >>> test = RecallTests(timeline, [timeline.presentations(0)]).at(1)
    >>> responses, [(place, stream, columns)] = recalled(timeline.steps[1], test, np.array([[2, 1, -1]]), slots=3)
    >>> responses.performance.tolist()
    [[0.0, 0.0, 1.0]]
    >>> columns["error_type"].tolist(), columns["input_position"].tolist()
    ([b'correct', b'transposition', b'omission'], [1, 3, 0])
    """
    out = _checked(np.asarray(outputs), test, slots)
    expected = _expected(test, out)
    position = _positions(test, out, slots)
    known = np.take_along_axis(test.seen, out.clip(min=0), axis=1) & (out >= 0)
    kind = np.where(position > 0, _TRANSPOSITION, np.where(known, _INTRUSION, _EXTRA_LIST))
    if test.scoring == "free":
        kind[position > 0] = _CORRECT
    kind[_again(out) & (position > 0)] = _REPETITION
    if test.scoring != "free":
        kind[(out == expected) & (out >= 0)] = _CORRECT
    kind[out == OMISSION] = _OMISSION
    times = np.full(out.shape, np.nan) if latency is None else np.asarray(latency)
    rows: Rows = []
    for place in range(len(out)):
        kept = out[place] != OMISSION if test.scoring == "free" else np.ones(out.shape[1], dtype=bool)
        if not kept.any():
            kept = np.arange(out.shape[1]) == 0  # a row says that the test took place
        number = int(kept.sum())
        if number:
            columns = {
                "phase": np.full(number, step.index, dtype=np.int32),
                "list": np.full(number, test.list.encode(), dtype="S64"),
                "trial": np.full(number, test.trial, dtype=np.int32),
                "output_position": np.arange(1, number + 1, dtype=np.int32),
                "input_position": position[place, kept].astype(np.int32),
                "expected": expected[place, kept].astype(np.int32),
                "response": out[place, kept].astype(np.int32),
                "error_type": _KINDS[kind[place, kept]],
                "latency": times[place, kept].astype(np.float32),
            }
            rows.append((place, RECALLS.name, columns))
    return _responses(test, out, expected, position, slots, counts), rows


def _checked(out: NDArray[np.integer], test: RecallTest, slots: int) -> NDArray[np.int64]:
    subjects = len(test.items)
    wanted = {"free": None, "cued": 0 if test.cues is None else test.cues.shape[1]}.get(test.scoring, test.length)
    if out.ndim != 2 or len(out) != subjects or (wanted is not None and out.shape[1] != wanted):
        expected = f"({subjects}, {'any number of' if wanted is None else wanted} outputs)"
        raise ValueError(f"outputs of a {test.scoring} recall test have shape {out.shape}; expected {expected}")
    if out.size and not (out.min() >= EXTRA_LIST and out.max() < slots):
        raise ValueError(f"found outputs from {out.min()} to {out.max()}; expected -2, -1 or slots below {slots}")
    if test.scoring == "free" and ((out[:, :-1] == OMISSION) & (out[:, 1:] != OMISSION)).any():
        raise ValueError("an output of free recall follows after its end; write -1 behind the last output only")
    if out.shape[1] == 0:
        return np.full((subjects, 1), OMISSION, dtype=np.int64)
    return out.astype(np.int64, copy=False)


def _expected(test: RecallTest, out: NDArray[np.int64]) -> NDArray[np.int64]:
    if test.scoring == "free":
        return np.full(out.shape, -1, dtype=np.int64)
    return test.items if test.targets is None else test.targets


def _positions(test: RecallTest, out: NDArray[np.int64], slots: int) -> NDArray[np.int64]:
    """Position in the list of what came out, from 1; 0 for what is not of it."""
    position = np.zeros((len(out), slots + 1), dtype=np.int64)  # the last column takes what is no slot
    numbers = np.broadcast_to(np.arange(1, test.length + 1), test.items.shape)
    np.put_along_axis(position, np.where(test.items < 0, slots, test.items), numbers, axis=1)
    position[:, slots] = 0
    return np.take_along_axis(position, np.where(out < 0, slots, out), axis=1)


def _again(out: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the same came out before."""
    order = np.argsort(out, axis=1, kind="stable")
    ordered = np.take_along_axis(out, order, axis=1)
    again = np.zeros(out.shape, dtype=bool)
    np.put_along_axis(again, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return again


def _responses(
    test: RecallTest,
    out: NDArray[np.int64],
    expected: NDArray[np.int64],
    position: NDArray[np.int64],
    slots: int,
    counts: bool,
) -> Responses:
    subjects = len(out)
    row = np.arange(subjects)[:, None]
    by_place = test.scoring in ("strict", "cued")
    performance = np.full((subjects, slots + 1), np.nan, dtype=np.float32)  # the last column takes what is no slot
    np.put_along_axis(performance, np.where(test.items < 0, slots, test.items), np.float32(0), axis=1)
    scored = (out == expected) & (out >= 0) if by_place else position > 0
    performance[row, np.where(scored, out, slots)] = 1
    performance = performance[:, :slots].copy()
    if not counts:
        nothing = np.broadcast_to(np.int32(-1), (subjects, slots, slots))
        return Responses(performance=performance, counts=nothing)
    given = np.where(np.isnan(performance), -1, 0).astype(np.int32)[:, :, None].repeat(slots, axis=2)
    slot = expected if by_place else out
    counted = (out >= 0) & (slot >= 0) & ((position > 0) | by_place)
    who, which = np.nonzero(counted)
    given[who, slot[who, which], out[who, which]] = 1
    return Responses(performance=performance, counts=given)
