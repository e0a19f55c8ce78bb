"""What a frozen encoder is, and the simplest one: the pixels themselves."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Encoder(BaseModel, ABC):
    """A frozen map from images to features; subclasses hold their settings as fields.

    A subclass needs a ``kind`` and `encode`. The settings, the pool and `weights_sha256` are what features are
    cached under, so a subclass whose result hangs on anything else must name it there.

    Parameters
    ----------
    norm : float or None
        Mean L2 norm that the features of the training part are scaled to, so that learning rates carry over
        between encoders; None leaves them as they are.

    Examples
    --------
    >>> class Brightness(Encoder):
    ...     kind: Literal["brightness"] = "brightness"
    ...     def encode(self, images, device="cpu"):
    ...         return images.reshape(len(images), -1).mean(1, keepdims=True, dtype=np.float32)
    >>> Brightness().encode(np.full((2, 4, 4), 8, np.uint8)).tolist()
    [[8.0], [8.0]]
    >>> Brightness(norm=2).settings
    {'kind': 'brightness'}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    cached: ClassVar[bool] = True
    """Whether features are worth keeping on disk."""
    drops_constants: ClassVar[bool] = False
    """Whether features that never vary over the training part are left out."""

    kind: str
    norm: Positive | None = None
    center: bool = False

    @abstractmethod
    def encode(self, images: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
        """Features of a batch of images, before centring and scaling to ``norm``.

        Parameters
        ----------
        images : uint8 array, [image, height, width] or [image, height, width, 3]
        device : str
            Device of torch, for encoders that use it.

        Returns
        -------
        float32 array, [image, feature]
        """

    def check(self) -> None:
        """Refuse, before anything is computed, what cannot be encoded here.

        Raises
        ------
        ModuleNotFoundError
            A package that the encoder needs is not installed.
        OSError
            Its weights are missing or damaged.
        """

    def weights_sha256(self) -> str:
        """Hash of the weights that the features depend on; empty where there are none."""
        return ""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings on which unscaled features depend, as plain JSON types."""
        return self.model_dump(mode="json", exclude={"norm", "center"})

    @property
    def description(self) -> str:
        """The encoder in one line, for a reader."""
        options = ", ".join(f"{name} {json.dumps(value)}" for name, value in self.settings.items() if name != "kind")
        return f"{self.kind} ({options})" if options else self.kind


class Pixels(Encoder):
    """No features but the pixels themselves, flattened, from 0 to 1 before they are scaled to ``norm``.

    Pixels that are the same in all training images are left out: they tell nothing, and a weight on a black one never
    moves.

    Examples
    --------
    >>> Pixels().encode(np.array([[[0, 255], [255, 0]]], np.uint8)).tolist()
    [[0.0, 1.0, 1.0, 0.0]]
    """

    cached: ClassVar[bool] = False
    drops_constants: ClassVar[bool] = True

    kind: Literal["pixels"] = "pixels"
    norm: Positive | None = 2500.0

    def encode(self, images: NDArray[np.uint8], device: str = "cpu") -> NDArray[np.float32]:
        return images.reshape(len(images), -1).astype(np.float32) * np.float32(1 / 255)
