"""Features of a pool of images: computed once, kept on disk, the same for every epoch and subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..data.wording import nearest, one_of
from .backbones import AlexNet, EfficientNetLite0
from .encoder import Encoder, Pixels
from .feature_cache import FeatureCache, default_cache_dir, feature_key

if TYPE_CHECKING:
    from ..data.items import Pool

__all__ = ["AlexNet", "EfficientNetLite0", "Encoder", "FeaturePool", "Pixels", "encode_pool", "encoder_by_name"]

BLOCK = 2000
"""Images that are encoded between two writes to the cache: what an interruption can cost."""

ENCODERS: dict[str, type[Encoder]] = {
    "none": Pixels,
    "pixels": Pixels,
    "efficientnet-lite0": EfficientNetLite0,
    "alexnet": AlexNet,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class FeaturePool:
    """Features of all images of a pool.

    Parameters
    ----------
    train, test : float32 array, [image, feature]
        In the order of the pool's images.
    description : str
        Encoder, scale and size in one line, for a reader.
    """

    train: NDArray[np.float32]
    test: NDArray[np.float32]
    description: str

    @property
    def dim(self) -> int:
        """Number of features of an image."""
        return int(self.train.shape[1])


def encoder_by_name(name: str, **options: Any) -> Encoder:
    """Encoder of a given name with its options.

    Parameters
    ----------
    name : str
        ``"none"`` or ``"pixels"``, ``"efficientnet-lite0"``, ``"alexnet"``.
    **options
        Fields of the encoder.

    Returns
    -------
    Encoder

    Raises
    ------
    ValueError
        An unknown name, or an option that the encoder lacks or that is out of range.

    Examples
    --------
    >>> encoder_by_name("pixels", norm=100)
    Pixels(kind='pixels', norm=100.0, center=False)
    >>> encoder_by_name("efficientnet")
    Traceback (most recent call last):
    ValueError: there is no encoder "efficientnet": none, pixels, efficientnet-lite0 or alexnet. \
Did you mean "efficientnet-lite0"?
    """
    if name not in ENCODERS:
        raise ValueError(f'there is no encoder "{name}": {one_of(ENCODERS)}.{nearest(name, ENCODERS)}')
    return ENCODERS[name](**options)


def encode_pool(
    pool: Pool,
    encoder: Encoder,
    cache_dir: str | PathLike[str] | None = None,
    device: str = "cpu",
    progress: Progress | None = None,
) -> FeaturePool:
    """Features of all images of a pool, from the cache as far as it has them.

    Blocks of images are stored as they are finished, so an interrupted computation goes on where it stopped. Damaged
    blocks are computed again, with a warning; without a writable folder nothing is kept, with a warning.

    Parameters
    ----------
    pool : Pool
        Images; ``pool.identity`` is part of the key under which features are kept.
    encoder : Encoder
    cache_dir : path or None
        Folder of the cache; None is ``ENGRAM_CACHE`` or the user's cache folder.
    device : str
        Device of torch on which the encoder runs, such as ``"cpu"`` or ``"cuda"``.
    progress : callable or None
        Called as ``progress(done, total)`` with numbers of images.

    Returns
    -------
    FeaturePool

    Raises
    ------
    ValueError
        The features are not finite numbers, are all the same, or have the wrong shape.
    ModuleNotFoundError, OSError
        What the encoder needs is not installed, or its weights are missing or damaged.

    Examples
    --------
    >>> from engram.data.items import ImagePart, Pool
    >>> images = np.array([[[0, 255], [9, 0]], [[0, 0], [9, 255]]], np.uint8)
    >>> part = ImagePart(images, np.array([0, 1]))
    >>> features = encode_pool(Pool("two", ("a", "b"), part, part, "made here"), Pixels(norm=None))
    >>> features.dim, features.train.tolist()
    (2, [[1.0, 0.0], [0.0, 1.0]])
    """
    encoder.check()
    cache = None
    if encoder.cached:
        made_by = {"torch": version("torch"), "device": device.partition(":")[0]}  # the last bits depend on both
        key = feature_key(pool.identity, encoder.settings | {"made_by": made_by}, encoder.weights_sha256())
        cache = FeatureCache(default_cache_dir() if cache_dir is None else cache_dir, key)
    total = len(pool.train) + len(pool.test)

    def report(done: int) -> None:
        if progress is not None:
            progress(done, total)

    train = _encode_part(np.asarray(pool.train.images), "train", encoder, cache, device, report)
    after = len(pool.train)
    test = _encode_part(np.asarray(pool.test.images), "test", encoder, cache, device, lambda done: report(after + done))
    if train.shape[1] != test.shape[1]:
        raise ValueError(f"{encoder.kind} gave {train.shape[1]} features in training and {test.shape[1]} in test")
    if encoder.drops_constants:
        varies = train.max(0) > train.min(0)
        if not varies.any():
            raise ValueError(f"{pool.name}: all training images are the same, so there is nothing to tell apart")
        train, test = train[:, varies], test[:, varies]

    if encoder.center:
        mean = train.mean(0, dtype=np.float64).astype(np.float32)
        train -= mean
        test -= mean

    scale = 1.0
    mean_norm = _mean_norm(train)
    if encoder.norm is not None:
        if mean_norm == 0:
            raise ValueError(f"{pool.name}: all features by {encoder.kind} are 0, so they cannot be scaled to a norm")
        scale = encoder.norm / mean_norm
        train *= np.float32(scale)
        test *= np.float32(scale)
    description = f"{encoder.description} of {pool.name}: {train.shape[1]} features, mean norm {mean_norm * scale:.4g}"
    return FeaturePool(train, test, description)


def _encode_part(
    images: NDArray[np.uint8],
    part: str,
    encoder: Encoder,
    cache: FeatureCache | None,
    device: str,
    report: Callable[[int], None],
) -> NDArray[np.float32]:
    features: NDArray[np.float32] | None = None
    for start in range(0, len(images), BLOCK):
        chunk = images[start : start + BLOCK]
        name = f"{part}-{start // BLOCK:05d}"
        block = cache.read(name, len(chunk)) if cache else None
        if block is None:
            block = _checked(encoder.encode(chunk, device), len(chunk), encoder.kind)
            if cache:
                cache.write(name, block)
        if features is None:
            features = np.empty((len(images), block.shape[1]), np.float32)
        elif block.shape[1] != features.shape[1]:
            raise ValueError(f"{encoder.kind} gave {features.shape[1]} features, then {block.shape[1]}")
        features[start : start + len(chunk)] = block
        report(start + len(chunk))
    if features is None:
        raise ValueError(f"the {part} part of the pool has no images")
    return features


def _checked(block: NDArray[np.float32], rows: int, kind: str) -> NDArray[np.float32]:
    if block.dtype != np.float32 or block.ndim != 2 or len(block) != rows or block.shape[1] == 0:
        raise ValueError(
            f"{kind}.encode gave shape {list(block.shape)} and type {block.dtype}; expected float32 [{rows}, feature]"
        )
    if not np.isfinite(block).all():
        raise ValueError(f"{kind}.encode gave features that are not finite numbers")
    return np.ascontiguousarray(block)


def _mean_norm(features: NDArray[np.float32]) -> float:
    blocks = (features[start : start + BLOCK] for start in range(0, len(features), BLOCK))
    return sum(float(np.linalg.norm(block.astype(np.float64), axis=1).sum()) for block in blocks) / len(features)
