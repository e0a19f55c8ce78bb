"""Progress of a run: a bar on a terminal, plain lines otherwise, or nothing."""

from __future__ import annotations

import math
import sys
import time
from types import TracebackType
from typing import Self, TextIO

SECONDS_BETWEEN_LINES = 5.0


class Reporter:
    """Hears what a run is doing. This one says nothing; `Lines` and `Bar` say it to a person.

    Examples
    --------
    >>> class Loud(Reporter):
    ...     def say(self, text):
    ...         print(text.upper())
    >>> Loud().say("a subject stopped")
    A SUBJECT STOPPED
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def begin(self, total: int, done: int) -> None:
        """Learn how many pieces of work the run has, and how many were done before."""

    def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
        """Some pieces of work were done."""

    def simulated(self, seconds: float) -> None:
        """So much biological time (s, summed over subjects) went by in the piece of work that is told of next."""

    def learned(self, images: int) -> None:
        """So many images went through a network, to learn, in the piece of work that is told of next."""

    def say(self, text: str) -> None:
        """Tell the person something that must not be missed."""


class Lines(Reporter):
    """Plain lines, at most one every few seconds: for log files.

    Parameters
    ----------
    stream : text file, optional
        Standard error by default.

    Examples
    --------
    >>> Lines(sys.stdout).say("a subject stopped")
    a subject stopped
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._total = self._done = self._before = 0
        self._start = self._last = time.monotonic()
        self._speed = _Speed()

    def begin(self, total: int, done: int) -> None:
        self._total, self._done, self._before = total, done, done
        self._start = self._last = time.monotonic()
        self._speed = _Speed()

    def simulated(self, seconds: float) -> None:
        self._speed.add(seconds, "biological s/s", 1)

    def learned(self, images: int) -> None:
        self._speed.add(images, "images/s", 0)

    def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
        self._done += pieces
        now = time.monotonic()
        own = self._speed.of(model)
        if now - self._last < SECONDS_BETWEEN_LINES:
            return
        self._last = now
        rate = (self._done - self._before) / (now - self._start)
        left = (self._total - self._done) / rate if rate else math.inf
        share = 100 * self._done / max(self._total, 1)
        speed = f"{rate:.1f} item epochs/s" if own is None else own
        parts = [f"{share:3.0f} %", model, phase, doing, speed, f"{clock(left)} left"]
        self.say("  ".join(filter(None, parts)))

    def say(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class Bar(Reporter):
    """A progress bar with model, phase, item, rate and time left; to be used as a context.

    Examples
    --------
    >>> import engram as eg
    >>> with Bar() as bar:  # doctest: +SKIP
    ...     eg.run("hebb-repetition", reporter=bar)
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        self._progress = Progress(
            TextColumn("{task.fields[model]}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[phase]}  {task.fields[doing]}"),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, model="", phase="preparing", doing="", rate="")
        self._speed = _Speed()

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, total: int, done: int) -> None:
        self._progress.update(self._task, total=total, completed=done)
        self._speed = _Speed()

    def simulated(self, seconds: float) -> None:
        self._speed.add(seconds, "biological s/s", 1)

    def learned(self, images: int) -> None:
        self._speed.add(images, "images/s", 0)

    def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
        speed, rate = self._progress.tasks[0].speed, self._speed.of(model)
        if rate is None:
            rate = "" if speed is None else f"{speed:.0f} item epochs/s"
        self._progress.update(self._task, advance=pieces, model=model, phase=phase, doing=doing, rate=rate)

    def say(self, text: str) -> None:
        self._progress.console.print(text, markup=False, highlight=False)


class _Speed:
    """What the present model counts of its own, since it was begun: biological time, or images."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._start = self._last_heard = time.monotonic()
        self._amount = self._new = 0.0
        self._unit, self._digits, self._counts = "", 0, False

    def add(self, amount: float, unit: str, digits: int) -> None:
        self._new += amount
        self._unit, self._digits, self._counts = unit, digits, True

    def of(self, model: str) -> str | None:
        """So much in a second, empty where it was nothing yet; None where the model counts nothing of its own."""
        now = time.monotonic()
        if model != self._model:  # its first piece began when the last one of another was heard of
            self._model, self._start, self._amount = model, self._last_heard, 0.0
        self._amount, self._new, self._last_heard = self._amount + self._new, 0.0, now
        counts, self._counts = self._counts, False
        if not counts:
            return None
        took = now - self._start
        return f"{self._amount / took:,.{self._digits}f} {self._unit}" if self._amount and took > 0 else ""


def clock(seconds: float) -> str:
    """Seconds as hours, minutes and seconds.

    Examples
    --------
    >>> clock(3725.4)
    '1:02:05'
    """
    if math.isinf(seconds):
        return "an unknown time"
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def reporter_for(stream: TextIO) -> Reporter:
    """A bar where the stream is a terminal, lines where it is not."""
    return Bar() if stream.isatty() else Lines(stream)
