"""Memory: how much was used, and words for where there is not enough."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch could not get memory, on a GPU or off it; torch is not imported to tell."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(
        words in str(error) for words in ("out of memory", "can't allocate memory", "not enough memory")
    )


@contextmanager
def memory_in_words() -> Iterator[None]:
    """Say what to lower where memory runs out."""
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise MemoryError(
            f"there is not enough memory ({str(error).splitlines()[0]}); lower chunk (subjects simulated together), "
            "batch_size or hidden, or use another device"
        ) from error


def peak_memory() -> int:
    """Most memory that this process has had, in bytes; 0 where the system does not tell.

    Examples
    --------
    >>> peak_memory() > 10e6
    True
    """
    try:
        # What getrusage calls the largest size includes, on Linux, that of the process that started this one.
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])
    except (OSError, IndexError, ValueError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def peak_device_memory() -> int:
    """Most memory of GPUs that the tensors of this process have taken, in bytes; 0 without one. Torch is not imported.

    Examples
    --------
    >>> peak_device_memory() >= 0
    True
    """
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available() or not torch.cuda.is_initialized():
        return 0
    return sum(torch.cuda.max_memory_allocated(device) for device in range(torch.cuda.device_count()))
