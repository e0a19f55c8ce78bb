"""What a worker of our own loads first: Ctrl-C reaches every process of a terminal, and the first one decides."""

from __future__ import annotations

import signal


def dask_setup(worker: object) -> None:
    """Be deaf to Ctrl-C; Dask calls this in the main thread of a worker that starts."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
