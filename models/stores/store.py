"""The episodic store: what a hippocampus holds of all lessons so far, on disk and within a budget."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .codec import Codec
from .journal import UndoJournal
from .lessons import LessonItems, LessonToStore
from .online import OnlineItems
from .parameter_files import ParameterFiles
from .recall import Recall
from .reconstruction import Reconstruction, compare
from .segment import HEADER_BYTES, DamagedStore, harm
from .spec import Random, Shape, Store

State = dict[str, NDArray]


class EpisodicStore:
    """Coded items of one subject, and their bytes to the last one.

    Items are numbered from 0; numbers hold until the next `write` or `add`. A store is written lesson by lesson
    (`write`) or item by item (`add`), not both.

    Everything that recalling needs lies in ``folder`` and is counted. Beside it, in ``<folder>.aside``, lies what only
    the simulation needs and nobody remembers by: which image an item was made from, what a checkpoint would go back
    to, and a lesson that is being coded.

    Parameters
    ----------
    spec : Store
    folder : path
        Of this store alone. What an earlier store left there is removed at the first `write` or `add`, unless
        `load_state` took it up.
    shape : tuple of int
        Of an image: (height, width), or (height, width, 3).
    rng : callable
        Gives the generator of a named random stream of the subject.
    device : str
        Device of torch that items are recalled on.
    threads : int
    copies : bool
        Whether this is a copy, in another process, of a store that one process writes: it takes in what that one takes
        in (`follow`, `add_coded`), and writes nothing.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from engram.data.seeds import child_rng
    >>> from engram.models.stores import RawStore
    >>> images = np.arange(4 * 2 * 2, dtype=np.uint8).reshape(4, 2, 2)
    >>> with TemporaryDirectory() as folder:
    ...     store = EpisodicStore(RawStore(per_class=1), folder + "/store", (2, 2), rng=lambda *n: child_rng(0, *n))
    ...     for doing in store.write(images, np.arange(4), np.array([0, 0, 1, 1]), task=0):
    ...         pass
    ...     len(store), store.labels.tolist(), bool((store.read([0]).numpy() == images[store.sources[0]]).all())
    (2, [0, 1], True)
    """

    def __init__(
        self,
        spec: Store,
        folder: str | PathLike[str],
        shape: Shape,
        *,
        rng: Random,
        device: str | torch.device = "cpu",
        threads: int = 1,
        copies: bool = False,
    ) -> None:
        self.spec, self.folder, self.shape = spec, Path(folder), shape
        self._copies = copies
        self.codec: Codec = spec.codec(shape, rng, str(device), threads)
        self.gives = self.codec.gives
        self._rng = rng
        self._aside = self.folder.parent / f"{self.folder.name}.aside"
        self._making = self._aside / "making"
        self._journal = UndoJournal((self.folder, self._making), self._aside / "undo")
        self._parameters = ParameterFiles(self.folder, self._making, self._journal, writes=not copies)
        self._lessons = LessonItems(spec, self.codec, self.folder, self._making, rng, self._journal)
        self._online = OnlineItems(spec, self.codec, self.folder, rng, self._journal, writes=not copies)
        cache = spec.cache if self.codec.caches else 0
        self._recall = Recall(self.codec, self._lessons, self._online, cache, torch.device(device))
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._fitted_for = -1
        self._begun = self._online_fitted = False

    def __len__(self) -> int:
        return len(self._lessons) + len(self._online)

    @property
    def labels(self) -> NDArray[np.int64]:
        """Slot of every item, int64 [item]."""
        return self._column("label")

    @property
    def tasks(self) -> NDArray[np.int64]:
        """Task in which every item was stored, int64 [item]."""
        return self._column("task")

    @property
    def sources(self) -> NDArray[np.int64]:
        """Index of the image that every item was made from, int64 [item]; -1 where it was not told."""
        return self._column("source")

    def write(
        self,
        images: Any,
        indices: NDArray[np.int64],
        labels: NDArray[np.int64],
        task: int,
        *,
        features: Any | None = None,
        extra: NDArray[np.float32] | None = None,
    ) -> Iterator[str]:
        """Store a lesson: fit the codec, code its items, and let older classes shrink to make room.

        A generator that yields, in words, wherever `state` may be taken. Until it is through, the store holds what it
        held before. Called again with the same lesson after `load_state`, it goes on from there.

        Parameters
        ----------
        images : uint8 array or ImageReader, [image, height, width] or [image, height, width, 3]
        indices : int64 array, [item]
            Images of the lesson.
        labels : int64 array, [item]
            Their slots.
        task : int
        features : float32 array, optional
            [item, feature] for herding; [item, channel, height, width] for stores that keep features. Anything that
            can be indexed by an array of places will do, such as a memory map.
        extra : float32 array, [item, value], optional
            Kept with every item, and counted.

        Raises
        ------
        ValueError
            The budget is too small for one item, or something that the store needs is missing. The store is unchanged.
        OSError
            The disk is full, for example. What was stored stays valid.
        """
        lesson = self._lesson(images, indices, labels, task, features, extra)
        self._begin(self._online, "write, as items were added to it one by one (add)")
        if self._fitted_for != task:
            self._drop_work()
            yield from self.codec.fit(lesson.read, len(lesson.labels), task)
            self._parameters.prepare(self.codec.version, self.codec.parameters(self.codec.version))
            self._fitted_for = task
            yield "decoder ready"
        yield from self._lessons.write(lesson, self._room())
        self._lessons.take_in(self._room())
        self._parameters.take_in()
        self.codec.finish(task)
        self._fitted_for = -1
        self._recall.renumber()
        self._columns = {}

    def add(
        self,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64],
        task: int,
        extra: NDArray[np.float32] | None = None,
        features: NDArray[np.float32] | None = None,
        *,
        sources: NDArray[np.int64] | None = None,
    ) -> None:
        """Let a batch of an online stream pass by; some of it stays (see `Store`, ``keep``).

        Parameters
        ----------
        images : uint8 array, [item, height, width] or [item, height, width, 3]
        labels : int64 array, [item]
        task : int
        extra : float32 array, [item, value], optional
        features : float32 array, [item, channel, height, width], optional
            Where the store keeps features.
        sources : int64 array, [item], optional
            Index of the image that each was made from.

        Raises
        ------
        ValueError
            The budget is too small for one item, or items are chosen by herding or coded by what is learned on them,
            which needs whole lessons.
        """
        if self._copies:
            raise ValueError(
                f"the store {self.folder} is written by another process, and this one may only follow: what all "
                "processes of a run are to add, each of them gives to Offer (engram.sim.deep.offering)"
            )
        self.add_coded(self.code(images, task, features), labels, task, extra, sources=sources)

    def code(
        self, images: NDArray[np.uint8] | None, task: int, features: NDArray[np.float32] | None = None
    ) -> list[bytes]:
        """Code a batch of an online stream, without adding it.

        Parameters
        ----------
        images, task, features
            As of `add`.

        Returns
        -------
        list of bytes, [item]

        Raises
        ------
        ValueError
            As of `add`.
        """
        if self.spec.keep == "herding":
            raise ValueError(
                "items that are met one by one cannot be chosen by herding, which needs all images of a class at once: "
                'use keep="reservoir" or keep="random"'
            )
        if self.codec.needs_lessons:
            raise ValueError(self.spec.needs_lessons())
        self._begin(self._lessons, "be added to, as it was written lesson by lesson (write)")
        originals = self._originals(images, features)
        if not self._online_fitted:
            self._fit_online(originals, task)
        if not len(originals):
            return []
        symbols = self.codec.quantise(originals)
        return [self.codec.pack(symbols[i : i + 1], self.codec.version) for i in range(len(originals))]

    def add_coded(
        self,
        codes: list[bytes],
        labels: NDArray[np.int64],
        task: int,
        extra: NDArray[np.float32] | None = None,
        *,
        sources: NDArray[np.int64] | None = None,
    ) -> None:
        """As `add`, of items that are coded already.

        Parameters
        ----------
        codes : list of bytes, [item]
            As `code` gave them, here or in a copy of this store.
        labels, task, extra, sources
            As of `add`.

        Raises
        ------
        ValueError
            The budget is too small for one item.
        """
        values = np.zeros((len(labels), 0), np.float32) if extra is None else np.asarray(extra, np.float32)
        whence = np.full(len(labels), -1, np.int64) if sources is None else np.asarray(sources, np.int64)
        changed = self._online.add(codes, np.asarray(labels), task, whence, list(values), self._room())
        self._recall.changed(changed)

    def read(self, items: NDArray[np.int64] | list[int]) -> Tensor:
        """Recall items.

        Parameters
        ----------
        items : int array, [n]
            Numbers, in any order, repeated or not.

        Returns
        -------
        uint8 Tensor, [n, channel, height, width]
            On the device; float32 for stores that keep features.

        Raises
        ------
        ValueError
            A file of the store is damaged.
        IndexError
            There is no such item.
        """
        return self._recall.read(np.asarray(items, np.int64))

    def extra(self, items: NDArray[np.int64] | list[int]) -> NDArray[np.float32]:
        """Extra values of items, float32 [n, value]; NaN where an item was given fewer."""
        items = np.asarray(items, np.int64)
        if len(self._online):
            found = self._online.extra(items)
        else:
            of_item: dict[int, NDArray[np.float32]] = {}
            for first, _, _, _, values in self._lessons.records(items):
                of_item |= dict(enumerate(values, start=first))
            found = [of_item[item] for item in items.tolist()]
        values = np.full((len(items), max((len(v) for v in found), default=0)), np.nan, np.float32)
        for row, given in zip(values, found, strict=True):
            row[: len(given)] = given
        return values

    def reconstruction(self, images: Any, sample: int = 256) -> Reconstruction:
        """Hold recalled items against their originals.

        Parameters
        ----------
        images : uint8 array or ImageReader
            What `sources` are indices of.
        sample : int
            Items to compare, drawn evenly.

        Returns
        -------
        Reconstruction
        """
        return compare(self, images, sample, self._rng("store", "sample"))

    @property
    def nbytes(self) -> int:
        """Bytes of all files of the store."""
        self._online.flush()
        return self._lessons.nbytes + self._online.nbytes + self._parameters.nbytes

    def bytes_by_part(self) -> dict[str, int]:
        """The same by what they are for: codes, labels, index (with checksums), extra, parameters."""
        self._online.flush()
        lessons, online = self._lessons.bytes_by_part(), self._online.bytes_by_part()
        return {**{part: lessons[part] + online[part] for part in lessons}, "parameters": self._parameters.nbytes}

    @property
    def working_bytes(self) -> int:
        """Bytes of working memory, on the device, that copies of all items take, or of as many as ``cache`` holds."""
        return self._recall.working_bytes

    def state(self) -> State:
        """Where the store stands, in small arrays; the items themselves stay in its files. Empty for a copy."""
        if self._copies:
            return {}
        state = self.outline()
        state["generation"] = np.array(self._journal.mark(self._lengths()), np.int64)
        return state

    def outline(self) -> State:
        """What another process needs to `follow` this one."""
        self._online.flush()
        return {
            "fitted": np.array([self._fitted_for, self._begun, self._online_fitted], np.int64),
            **self._parameters.state(),
            **self._lessons.state(),
            **self._online.state(),
            **{f"codec/{name}": values for name, values in self.codec.state().items()},
        }

    def load_state(self, state: State) -> None:
        """Go back to a state: files are given the content that they had then, and are checked.

        One of the last few states that were taken; what the store held at those is kept beside its folder.

        Raises
        ------
        ValueError
            A file is missing, cut, damaged, or another than the state names.
        """
        self._lessons.close()
        self._journal.roll_back(int(state["generation"]))
        known = [*self._parameters.named(state), *self._lessons.named(state), *self._online.named(state)]
        for path in known:
            for folder in (self.folder, self._making):
                if not path.exists() and (moved := folder / path.name).exists():
                    path.parent.mkdir(parents=True, exist_ok=True)
                    moved.rename(path)
        for path in self._own_files():
            if path not in known:
                path.unlink()
        self.follow(state)
        self._journal.stands_at(self._lengths())

    def follow(self, state: State) -> None:
        """Take up what another process has written to the folder, to read it; nothing is changed there.

        Parameters
        ----------
        state : dict
            As `outline` or `state` gave it in that process.

        Raises
        ------
        ValueError
            A file is missing, cut, damaged, or another than the state names.
        """
        self._lessons.load_state(state)
        self._online.load_state(state)
        for version, data in self._parameters.load_state(state):
            try:
                self.codec.load_parameters(version, data)
            except ValueError as error:
                raise DamagedStore(harm(self.folder, f"has a decoder that does not fit: {error}")) from None
        prefix = "codec/"
        self.codec.load_state({n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)})
        self._fitted_for, begun, fitted = state["fitted"].tolist()
        self._begun, self._online_fitted = bool(begun), bool(fitted)
        self._recall.forget()
        self._columns = {}

    def close(self) -> None:
        """Write what is not written yet and close all files."""
        self._online.flush()
        self._lessons.close()

    def _lesson(
        self,
        images: Any,
        indices: NDArray[np.int64],
        labels: NDArray[np.int64],
        task: int,
        features: Any | None,
        extra: NDArray[np.float32] | None,
    ) -> LessonToStore:
        indices, labels = np.asarray(indices, np.int64), np.asarray(labels, np.int64)
        for name, given in (("indices", indices), ("labels", labels), ("features", features), ("extra", extra)):
            if given is not None and len(given) != len(labels):
                raise ValueError(f"a lesson of {len(labels)} labels needs as many {name}; found {len(given)}")
        if not len(labels) or labels.min() < 0:
            raise ValueError(f"a lesson needs items, and slots count from 0; found labels {labels.tolist()[:10]}")
        if self.spec.keep == "herding" and features is None:
            raise ValueError(
                'keep="herding" chooses images by their features, and none were given; give features, or keep="random"'
            )
        if self.gives == "features":
            maps: Any = features
            self._originals(None, None if maps is None else maps[np.zeros(1, np.int64)])
            read: Callable[[NDArray[np.int64]], NDArray] = lambda places: maps[places]  # noqa: E731
        else:
            self._originals(images[indices[:1]], None)
            read = lambda places: images[indices[places]]  # noqa: E731
        if extra is not None:
            extra = np.asarray(extra, np.float32)
        return LessonToStore(read=read, sources=indices, labels=labels, task=task, features=features, extra=extra)

    def _originals(self, images: NDArray | None, features: NDArray | None) -> NDArray:
        """What the codec codes, after a look at its shape."""
        if self.gives == "features":
            if features is None or features.ndim != 4:
                found = "none" if features is None else f"shape {list(features.shape)}"
                raise ValueError(f"this store keeps features, float32 [item, channel, height, width]; found {found}")
            return np.asarray(features, np.float32)
        if images is None or images.shape[1:] != tuple(self.shape) or images.dtype != np.uint8:
            found = "none" if images is None else f"{images.dtype} {list(images.shape)}"
            raise ValueError(f"this store was made for uint8 images of shape {list(self.shape)}; found {found}")
        return images

    def _begin(self, other: LessonItems | OnlineItems, what: str) -> None:
        if len(other):
            raise ValueError(f"the store {self.folder} cannot {what}; give each use a store of its own")
        if not self._begun and not self._copies:
            for path in self._own_files():
                path.unlink()
            shutil.rmtree(self._aside, ignore_errors=True)
            self.folder.mkdir(parents=True, exist_ok=True)
        self._begun = True
        self.spec.refuse_small_budget(HEADER_BYTES + (self.codec.record_bytes or 0))

    def _fit_online(self, originals: NDArray, task: int) -> None:
        if not len(originals) and self.gives == "images":  # all copies get ready together; no image changes how
            originals = np.zeros((1, *self.shape), np.uint8)
        for _ in self.codec.fit(lambda places: originals[places], len(originals), task):
            pass
        self._parameters.prepare(self.codec.version, self.codec.parameters(self.codec.version))
        self._parameters.take_in()
        self.codec.finish(task)
        self._online_fitted = True

    def _drop_work(self) -> None:
        self._lessons.drop_work()
        self._parameters.drop_work()

    def _room(self) -> int | None:
        return None if self.spec.budget is None else self.spec.budget - self._parameters.nbytes_after

    def _lengths(self) -> dict[Path, int]:
        paths = [*self._parameters.paths(), *self._lessons.paths(), *self._online.paths()]
        return {path: path.stat().st_size for path in paths}

    def _own_files(self) -> list[Path]:
        return [
            p
            for folder in (self.folder, self._making)
            for end in ("codes", "parameters")
            for p in folder.glob(f"*.{end}")
        ]

    def _column(self, name: str) -> NDArray[np.int64]:
        if len(self._online):
            return self._online.column(name)
        if name not in self._columns:
            self._columns[name] = self._lessons.sources if name == "source" else self._lessons.column(name)
            self._columns[name].flags.writeable = False
        return self._columns[name]
