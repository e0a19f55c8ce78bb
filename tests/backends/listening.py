"""A protocol of one night for models that tick, and a reporter that keeps what it hears of it."""

import os
import signal

from engram.sim.progress import Reporter

NIGHT = """
name: night
items: {count: 3, train: 6, test: 2}
record: {weights: snapshots, every: phase}
schedule:
  - wake: all
  - probe: all
  - sleep: 1 h
  - wake: [0]
  - probe: all
"""
PIECES = 3 + 3 + 1  # of a subject


class Listener(Reporter):
    """Keeps what it hears, and sends this process a signal when so many pieces of work are done."""

    def __init__(self, at=None, number=signal.SIGINT):
        self.at, self.number = at, number
        self.begun, self.pieces, self.told, self.seconds = [], 0, [], 0.0

    def begin(self, total, done):
        self.begun.append((total, done))

    def work(self, model, phase, doing, pieces):
        self.pieces += pieces
        if self.at is not None and self.pieces >= self.at:
            self.at = None
            os.kill(os.getpid(), self.number)

    def simulated(self, seconds):
        self.seconds += seconds

    def say(self, text):
        self.told.append(text)
