"""The machine that a run was carried out on, for its log."""

from __future__ import annotations

import os
import platform
import sys
from typing import Any


def machine(**more: Any) -> dict[str, Any]:
    """System, Python, cores, and the GPU where one was used, as JSON types.

    Parameters
    ----------
    **more
        What else is to be said.

    Examples
    --------
    >>> sorted(machine(processes=2))
    ['cores', 'processes', 'python', 'system']
    """
    found = {"system": platform.platform(), "python": platform.python_version(), "cores": os.cpu_count()}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.is_initialized():
        found["gpu"] = torch.cuda.get_device_name()
    return {**found, **more}
