"""What a hippocampus keeps of the images it has seen: specs of episodic stores, told apart by their ``kind``."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import (
    BaseModel,
    ByteSize,
    ConfigDict,
    Field,
    NonNegativeInt,
    PlainSerializer,
    PlainValidator,
    PositiveInt,
    WrapValidator,
    model_validator,
)

from ..by_kind import read_kind, write_kind

if TYPE_CHECKING:
    from .codec import Codec


def _read_bytes(given: Any, read: Any) -> ByteSize:
    try:
        if isinstance(given, bool):
            raise ValueError
        size: ByteSize = read(given)
    except (ValueError, OverflowError):
        raise ValueError("expected a number of bytes, or a number with its unit, such as 20MB") from None
    return size


Bytes = Annotated[ByteSize, Field(gt=0, lt=2**63), WrapValidator(_read_bytes)]
"""A number of bytes, or a text with a decimal unit such as ``"20MB"`` (20,000,000)."""
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Random = Callable[..., np.random.Generator]
"""Gives the generator of a named random stream of one subject: ``rng("codebooks", task)``."""
Shape = tuple[int, int] | tuple[int, int, int]


class Store(BaseModel, ABC):
    """What is kept of every image, how much of it, and which images when not all fit (abstract).

    Subclasses add what their codec needs and name it by a ``kind``; a user's own are equal members of the family.

    Parameters
    ----------
    budget : int or str or None
        Most bytes that the files of a store may take, everything counted: codes, decoders, tables, labels and index.
        A text may carry a decimal unit, such as ``"20MB"``. None for no limit.
    per_class : int or None
        Most items of a class. None for no limit.
    keep : str
        Which items stay when not all do. ``"random"``: an even draw within each class, classes kept equal.
        ``"reservoir"``: the same for whole lessons; of an online stream, an even draw over all that was met, classes
        as unequal as the stream. ``"herding"``: the images whose mean in feature space stays nearest to that of their
        class (iCaRL, algorithm 4); it needs features and whole lessons.
    cache : int or str
        Working memory that copies of stored items may take so that reading does not touch the disk.

    Examples
    --------
    >>> RawStore(budget="20MB").budget
    20000000
    >>> RawStore(budget="20MB", per_class=100).model_dump(mode="json")
    {'budget': 20000000, 'per_class': 100, 'keep': 'random', 'cache': 256000000, 'kind': 'raw'}
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    budget: Bytes | None = None
    per_class: PositiveInt | None = None
    keep: Literal["random", "reservoir", "herding"] = "random"
    cache: Bytes = ByteSize(256_000_000)

    kind: str

    gives: ClassVar[Literal["images", "features"]] = "images"
    """What is recalled."""

    @abstractmethod
    def codec(self, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> Codec:
        """The codec of one subject's store.

        Parameters
        ----------
        shape : tuple of int
            Of an image: (height, width), or (height, width, 3).
        rng : callable
            Gives the generator of a named random stream.
        device : str
            Device of torch on which items are reconstructed.
        threads : int
            Threads that coding may take.

        Returns
        -------
        Codec
        """

    def check(
        self, shape: Shape, rehearses: tuple[str, ...] = ("images",), online: bool = False, lessons: int = 1
    ) -> None:
        """Refuse, in words and before anything is begun, what a store of such images could not do.

        Parameters
        ----------
        shape : tuple of int
            Of an image: (height, width), or (height, width, 3).
        rehearses : tuple of {"images", "features"}
            What a learner can have recalled.
        online : bool
            Whether items will be added one by one.
        lessons : int
            Lessons that will be written, each with parameters of its own where the codec learns by the lesson.

        Raises
        ------
        ValueError
            The budget is too small for one item or for the parameters of all lessons, weights do not fit, or the codec
            gives something else or needs whole lessons.

        Examples
        --------
        >>> RawStore(budget="2kB").check((28, 28))
        >>> RawStore(budget="800").check((28, 28))
        Traceback (most recent call last):
        ValueError: a budget of 800 bytes is too small for one item of a raw store, which takes at least 824. ...
        """
        from ...data.seeds import child_rng
        from .segment import HEADER_BYTES

        codec = self.codec(shape, partial(child_rng, 0))
        if codec.gives not in rehearses:
            other = 'one of images, such as "raw"' if "images" in rehearses else '"features"'
            raise ValueError(
                f'store: this learner rehearses {" or ".join(rehearses)}, and a store of kind "{self.kind}" gives '
                f"{codec.gives}; give {other}"
            )
        if online and codec.needs_lessons:
            raise ValueError(self.needs_lessons())
        self.refuse_small_budget(HEADER_BYTES + codec.least_bytes())
        needed = HEADER_BYTES + codec.least_bytes() + (lessons - 1) * codec.bytes_of_a_lesson()
        if self.budget is not None and self.budget < needed:
            raise ValueError(
                f"a budget of {self.budget:,} bytes is too small for the {lessons} lessons of this protocol: what "
                f"decodes the items of a {self.kind} store is learned anew for each, and takes at least {needed:,} "
                "bytes in all. Give a larger budget, fewer tasks, or a store that shares what it decodes by, such as "
                "{kind: cues, decoder: first}"
            )

    def refuse_small_budget(self, needed: int) -> None:
        """Refuse a budget below a number of bytes.

        Raises
        ------
        ValueError
        """
        if self.budget is not None and self.budget < needed:
            raise ValueError(
                f"a budget of {self.budget:,} bytes is too small for one item of a {self.kind} store, which takes at "
                f"least {needed:,}. Give a larger budget or another kind of store"
            )

    def needs_lessons(self) -> str:
        """Why items cannot be added to this store one by one, in words."""
        return (
            f'a store of kind "{self.kind}" learns how to code images from whole lessons, and cannot take them one by '
            "one; a raw or jpeg store can, and so can cues that are given weights and epochs: 0"
        )

    def weights_sha256(self) -> str:
        """Hash of the file that the codec begins with; empty where there is none."""
        return ""


class RawStore(Store):
    """Pixels as they are, one byte for each channel of each.

    Examples
    --------
    >>> RawStore(per_class=20).per_class
    20
    """

    kind: Literal["raw"] = "raw"

    def codec(self, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> Codec:
        from .raw import RawCodec

        return RawCodec(shape)


class JpegStore(Store):
    """JPEG files of a stated quality.

    Parameters
    ----------
    quality : int
        From 1 to 100, as libjpeg counts.

    Examples
    --------
    >>> JpegStore(quality=50, budget="4MB").budget
    4000000
    """

    quality: Annotated[int, Field(ge=1, le=100)] = 75

    kind: Literal["jpeg"] = "jpeg"

    def codec(self, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> Codec:
        from .jpeg import JpegCodec

        return JpegCodec(shape, self.quality, threads)


class FeatureStore(Store):
    """Product-quantised feature maps of a layer that the learner names (REMIND, 2020; SIESTA, 2023).

    Every position of a map is cut into ``codebooks`` equal parts of its channels, and each part becomes the number of
    the nearest of ``entries`` vectors, which are learned by k-means on the first task.

    Parameters
    ----------
    codebooks : int
        Codes for each position; must divide the number of channels.
    entries : int
        Vectors of each codebook, at most 256, so that a code is one byte.
    fit_on : int
        Most positions, drawn from all images of the first task, that k-means learns from.
    iterations : int
        Passes of k-means over them.

    Examples
    --------
    >>> FeatureStore(codebooks=32).entries
    256
    """

    codebooks: PositiveInt = 8
    entries: Annotated[int, Field(ge=2, le=256)] = 256
    fit_on: PositiveInt = 65_536
    iterations: PositiveInt = 25

    kind: Literal["features"] = "features"

    gives: ClassVar = "features"

    def codec(self, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> Codec:
        from .features import FeatureCodec

        return FeatureCodec(self, rng, device)

    def check_maps(self, shape: tuple[int, int, int]) -> None:
        """Refuse, before anything is begun, maps that this store cannot keep.

        Parameters
        ----------
        shape : tuple of int
            Of a map: (channel, height, width).

        Raises
        ------
        ValueError
            The codebooks do not divide the channels, or the budget is too small for them and one map.

        Examples
        --------
        >>> FeatureStore(codebooks=7).check_maps((64, 3, 3))
        Traceback (most recent call last):
        ValueError: 7 codebooks do not divide 64 channels evenly; give a number that does
        """
        channels, height, width = shape
        if channels % self.codebooks:
            raise ValueError(
                f"{self.codebooks} codebooks do not divide {channels} channels evenly; give a number that does"
            )
        from .segment import HEADER_BYTES

        self.refuse_small_budget(HEADER_BYTES + 2 * self.entries * channels + height * width * self.codebooks)


class CueStore(Store):
    """Learned cues: quantised latents of an image codec, entropy-coded, and the decoder that completes them.

    What is left open (None) follows from the size of the images, so that the same spec suits 28 px in grey and
    256 px in colour (see `engram.models.stores.cues.size_of`).

    Parameters
    ----------
    channels, latent : int
        Channels of the inner layers, and of the cues (N and M of Ballé 2018).
    stride : int
        Pixels of an image for each position of its cue, along a side.
    decoder : str
        Each ``"task"`` has its own, as in the paper; or all build on that of the first, which is ``"shared"``; or the
        ``"first"`` codes all tasks, for which its pattern separation is kept, and counted, too.
    epochs, batch_size, learning_rate
        Of the joint training of analysis, synthesis and entropy model (Adam).
    rate_weight : float
        λ: the loss is λ · 255² · MSE + bits per pixel.
    refine_steps : int
        Steps in which every image's own cue is refined after the training; 0 for none.
    refine_rate : float
        Their learning rate.
    weights : str or None
        File (safetensors) of weights to start from. With ``epochs`` 0 they stay as they are.
    working_cache : bool
        Whether decoded symbols are held in working memory, within ``cache``.

    Notes
    -----
    Sources: Liu et al. (2025), arXiv 2504.14727; Ballé et al. (2018), "Variational image compression with a scale
    hyperprior", figure 4 (transforms) and appendix 6.1 (entropy model).

    Examples
    --------
    >>> CueStore(budget="4MB", decoder="shared").budget
    4000000
    """

    channels: PositiveInt | None = None
    latent: PositiveInt | None = None
    stride: Literal[4, 8, 16] | None = None
    decoder: Literal["task", "shared", "first"] = "task"
    epochs: NonNegativeInt | None = None
    batch_size: PositiveInt | None = None
    learning_rate: Positive | None = None
    rate_weight: Positive = 2e-3
    refine_steps: NonNegativeInt = 0
    refine_rate: Positive = 1e-2
    weights: str | None = None
    working_cache: bool = True

    kind: Literal["cues"] = "cues"

    @model_validator(mode="after")
    def _learned_somewhere(self) -> CueStore:
        if self.epochs == 0 and self.weights is None:
            raise ValueError("epochs is 0 and no weights are given: networks of cues are learned, or read from a file")
        if self.refine_steps and self.decoder == "first":
            raise ValueError(
                'decoder: found "first" with refine_steps, which need the entropy model, and that is dropped after the '
                'first task; give "task" or "shared", or no refine_steps'
            )
        return self

    def codec(self, shape: Shape, rng: Random, device: str = "cpu", threads: int = 1) -> Codec:
        from .cues.codec import CueCodec

        return CueCodec(self, shape, rng, device, threads)

    def weights_sha256(self) -> str:
        return "" if self.weights is None else hashlib.sha256(Path(self.weights).read_bytes()).hexdigest()


AnyStore = Annotated[Store, PlainValidator(partial(read_kind, Store)), PlainSerializer(write_kind)]
