"""Packages that a worker has to import in its main thread, while its runs are in another."""

from __future__ import annotations

import signal
import threading
from importlib import import_module

from distributed import Worker, WorkerPlugin


class MainThreadImports(WorkerPlugin):
    """Imports packages as a worker starts, and again in each that takes the place of one that died.

    Brian2 takes Ctrl-C for itself when it is imported, which Python allows in the main thread alone; here it is given
    back.

    Parameters
    ----------
    packages : tuple of str
    """

    name = "engram-imports"

    def __init__(self, packages: tuple[str, ...]) -> None:
        self._packages = packages

    def setup(self, worker: Worker) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        before = signal.getsignal(signal.SIGINT)
        try:
            for package in self._packages:
                import_module(package)
        finally:
            signal.signal(signal.SIGINT, before)
