"""Features on disk: blocks of rows under a hash of everything that they depend on."""

from __future__ import annotations

import hashlib
import io
import json
import os
import uuid
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEATURE_VERSION = 1
"""Raise this when the same images and settings begin to give other features."""

_DIGEST_BYTES = hashlib.sha256().digest_size


def default_cache_dir() -> Path:
    """Folder of the cache: ``ENGRAM_CACHE`` where it is set, otherwise the user's cache folder.

    Examples
    --------
    >>> default_cache_dir().is_absolute()
    True
    """
    given = os.environ.get("ENGRAM_CACHE")
    if given:
        return Path(given).expanduser().absolute()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("engram"))


def feature_key(pool_identity: str, settings: dict[str, Any], weights_sha256: str) -> str:
    """Name under which features are kept: equal only where images, settings, weights and version are.

    Parameters
    ----------
    pool_identity : str
        Hash of the images.
    settings : dict
        Settings of the encoder, plain JSON types.
    weights_sha256 : str
        Hash of the encoder's weights, or nothing.

    Returns
    -------
    str
        64 hexadecimal digits.

    Examples
    --------
    >>> a = feature_key("ab", {"kind": "x", "size": 2}, "")
    >>> a == feature_key("ab", {"size": 2, "kind": "x"}, ""), a == feature_key("ab", {"kind": "x", "size": 3}, "")
    (True, False)
    """
    facts = {"version": FEATURE_VERSION, "pool": pool_identity, "encoder": settings, "weights": weights_sha256}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


class FeatureCache:
    """Blocks of features in one folder, each an .npy file that ends in a SHA-256 of key, name and content.

    A block is written under a temporary name and renamed, so that a killed or a second process does no harm. A damaged
    block counts as absent and is told in a warning; where the folder cannot be written, one warning says so and nothing
    is kept.

    Parameters
    ----------
    cache_dir : path
        Folder of the cache as a whole.
    key : str
        `feature_key` of the features.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cache = FeatureCache(folder, feature_key("ab", {}, ""))
    ...     cache.write("train-00000", np.ones((2, 3), np.float32))
    ...     cache.read("train-00000", rows=2).shape, cache.read("train-00001", rows=2)
    ((2, 3), None)
    """

    def __init__(self, cache_dir: str | os.PathLike[str], key: str) -> None:
        self.folder = Path(cache_dir) / "features" / key
        self._key = key
        self._writable = True

    def read(self, name: str, rows: int) -> NDArray[np.float32] | None:
        """A stored block of so many rows, or None where it is absent or damaged."""
        path = self.folder / f"{name}.npy"
        try:
            stored = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            _warn(f"cached features {path} cannot be read ({error.strerror or error}); they are computed again")
            return None
        content, digest = stored[:-_DIGEST_BYTES], stored[-_DIGEST_BYTES:]
        if digest != self._digest(name, content):
            _warn(f"cached features {path} are damaged (their checksum is wrong); they are computed again")
            return None
        block: NDArray[np.float32] = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
        if block.dtype != np.float32 or block.ndim != 2 or len(block) != rows:
            _warn(
                f"cached features {path} have shape {list(block.shape)} and type {block.dtype}, "
                f"expected {rows} rows of float32; they are computed again"
            )
            return None
        return block

    def write(self, name: str, block: NDArray[np.float32]) -> None:
        """Store a block, or warn once that nothing can be stored."""
        if not self._writable:
            return
        stream = io.BytesIO()
        np.lib.format.write_array(stream, block, allow_pickle=False)
        content = stream.getvalue()
        path = self.folder / f"{name}.npy"
        temporary = path.with_name(f".{name}.{uuid.uuid4().hex}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                with open(temporary, "xb") as file:
                    file.write(content)
                    file.write(self._digest(name, content))
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            self._writable = False
            _warn(
                f"features cannot be cached in {self.folder} ({error.strerror or error}); the run goes on, "
                "but the next one computes them again. ENGRAM_CACHE names another folder"
            )

    def _digest(self, name: str, content: bytes) -> bytes:
        digest = hashlib.sha256(f"{self._key}/{name}\n".encode())
        digest.update(content)
        return digest.digest()


def _warn(message: str) -> None:
    warnings.warn(message, UserWarning, stacklevel=3)
