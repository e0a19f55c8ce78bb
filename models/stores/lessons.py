"""Items that were stored lesson by lesson: one file for each class of a lesson."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .herding import herd
from .segment import DamagedStore, OpenFiles, Segment, SegmentHead, harm
from .shares import ClassItems, FilesByClass, fits

if TYPE_CHECKING:
    from .codec import Codec
    from .journal import UndoJournal
    from .spec import Random, Store

READ_BYTES = 2**25
"""Bytes of originals that are coded at a time."""
MOST_READ = 256
"""Items that are coded at a time."""
CHECKSUM_BYTES = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class LessonToStore:
    """A lesson's items, as the store is given them.

    Attributes
    ----------
    read : callable
        Gives originals by place in the lesson, 0 … n - 1.
    sources, labels : int64 array, [item]
        Index of the image, and slot.
    task : int
    features : float array, [item, feature] or [item, channel, height, width], or None
        What herding goes by; of maps, their mean over positions.
    extra : float32 array, [item, value], or None
        Kept with every item.
    """

    read: Callable[[NDArray[np.int64]], NDArray]
    sources: NDArray[np.int64]
    labels: NDArray[np.int64]
    task: int
    features: Any | None = None
    extra: NDArray[np.float32] | None = None

    @property
    def slots(self) -> list[int]:
        """Slots of the lesson, each once."""
        slots: list[int] = np.unique(self.labels).tolist()
        return slots


class LessonItems:
    """Coded items on disk, written lesson by lesson and cut when later lessons need the room.

    A lesson is coded beside the store's folder and moved in when all of it is done, so that until then the store holds
    what it held, whatever happens.

    Parameters
    ----------
    spec : Store
    codec : Codec
    folder, making : path
        Where the files lie, and where those of a lesson in work do.
    rng : callable
    journal : UndoJournal
    """

    def __init__(
        self, spec: Store, codec: Codec, folder: Path, making: Path, rng: Random, journal: UndoJournal
    ) -> None:
        self._spec, self._codec, self._rng, self._journal = spec, codec, rng, journal
        self._folder, self._making = folder, making
        self._files = OpenFiles()
        self.segments: list[Segment] = []
        self._sources: dict[str, NDArray[np.int64]] = {}
        self._priority_of: dict[str, NDArray[np.float64]] = {}
        self._in_work: dict[int, Segment] = {}
        self._files_by_class: FilesByClass | None = None
        self._lessons_of: dict[int, int] = {}
        self._starts = np.zeros(1, np.int64)

    def __len__(self) -> int:
        return int(self._starts[-1])

    @property
    def nbytes(self) -> int:
        """Bytes of all files."""
        return sum(segment.nbytes for segment in self.segments)

    def bytes_by_part(self) -> dict[str, int]:
        """The same by what they are for."""
        extra = sum(4 * segment.head.extra * segment.items for segment in self.segments)
        codes = sum(segment.codes_bytes for segment in self.segments)
        labels = 4 * len(self.segments)
        return {"codes": codes - extra, "index": self.nbytes - codes - labels, "labels": labels, "extra": extra}

    def layout(self) -> list[tuple[str, int]]:
        """Name of every file and number of its items, in the order in which items are numbered."""
        return [(segment.path.name, segment.items) for segment in self.segments]

    def column(self, name: str) -> NDArray[np.int64]:
        """What the head of its file says of every item, int64 [item]: ``label``, ``task`` or ``version``."""
        values = np.array([getattr(segment.head, name) for segment in self.segments], np.int64)
        return np.repeat(values, np.diff(self._starts))

    @property
    def sources(self) -> NDArray[np.int64]:
        """Index of the image that every item was made from, int64 [item]."""
        parts = [self._sources[segment.path.name][: segment.items] for segment in self.segments]
        return np.concatenate(parts) if parts else np.empty(0, np.int64)

    def write(self, lesson: LessonToStore, room: int | None) -> Iterator[str]:
        """Code a lesson; nothing that is stored changes before `take_in`.

        Parameters
        ----------
        lesson : LessonToStore
        room : int or None
            Bytes that all files may take.
        """
        orders = {label: self._order(label, lesson, room) for label in lesson.slots}
        step = self._items_at_a_time(lesson)
        total = sum(len(order) for order in orders.values())
        level, longest = 0, max(map(len, orders.values()))
        while level < longest:
            for label, order in orders.items():
                segment = self._in_work.get(label) or self._begin(label, lesson)
                if segment.items <= level < len(order):
                    self._code(segment, lesson, order[level : level + step])
                    done = sum(part.items for part in self._in_work.values())
                    yield f"{done:,} of {total:,} items stored"
            level += step
            if room is not None and level < longest and not fits(self._classes(), level, room):
                break
        for label, segment in self._in_work.items():
            self._sources[segment.path.name] = lesson.sources[orders[label][: segment.items]]

    def take_in(self, room: int | None) -> None:
        """Cut what is stored to what each class may keep, and add the lesson that was coded.

        Raises
        ------
        ValueError
            Not one item fits; nothing has changed.
        """
        if room is not None or self._spec.per_class is not None:
            self._make_room(room)
        for segment in self._in_work.values():
            if segment.items:
                self._move_in(segment)
            else:
                self._remove(segment)
        self._lessons_of |= {label: self._lessons_of.get(label, 0) + 1 for label in self._in_work}
        self._in_work = {}
        self._count()

    def _make_room(self, room: int | None) -> None:
        """Cut every class to its share; looks at those alone whose share is smaller than what they hold."""
        files = self._files_by_class or FilesByClass(self.segments)
        self._files_by_class = None  # should this break off, all are looked at again
        for segment in self._in_work.values():
            if segment.items:
                files.add(segment)
        shares = files.equal_shares(
            room, self._spec.per_class, self._in_work, lambda label: self._class(files.of(label))
        )
        if shares and files.largest() is None:
            raise ValueError(self._too_small(room, min(share.items.bytes_for(1) for share in shares.values())))
        for label, share in shares.items():
            self._cut_class(share.items, share.count)
            files.changed(label)
        while room is not None and files.nbytes > room and (largest := files.largest()) is not None:
            items = self._class(files.of(largest))  # a part of a block took more than its estimate
            self._cut_class(items, items.held - 1)
            files.changed(largest)
        self._files_by_class = files

    def drop_work(self) -> None:
        """Forget a lesson that was being coded."""
        for segment in self._in_work.values():
            self._remove(segment)
        self._in_work = {}

    def records(self, items: NDArray[np.int64]) -> Iterator[tuple[int, int, int, memoryview, NDArray[np.float32]]]:
        """Records that hold these items, each once.

        Yields
        ------
        tuple
            First item of the record, number of its items, version, codes, and extra values [item, value].
        """
        items = np.sort(items)
        places = np.searchsorted(self._starts, items, "right") - 1
        inside = items - self._starts[places]
        last = (-1, -1)
        for place, number in zip(places.tolist(), inside.tolist(), strict=True):
            segment = self.segments[place]
            record = number // segment.head.block
            if (place, record) != last:
                last = (place, record)
                first, count = int(self._starts[place]) + record * segment.head.block, segment.count(record)
                codes, extra = _apart(segment.codes(record, self._files), count, segment.head.extra)
                yield first, count, segment.head.version, codes, extra

    def state(self) -> dict[str, NDArray]:
        """Where the files stand, in small arrays."""
        rows = [[*_place_of(segment), 0] for segment in self.segments]
        rows += [[*_place_of(segment), 1] for segment in self._in_work.values()]
        return {
            "segments": np.array(rows, np.int64).reshape(-1, 6),
            "lessons": np.array(list(self._lessons_of.items()), np.int64).reshape(-1, 2),
        }

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Take up the files as they were at a checkpoint; see `EpisodicStore.load_state`."""
        self._files.close()
        self.segments, self._in_work, self._sources = [], {}, {}
        self._files_by_class = None
        self._lessons_of = dict(state["lessons"].tolist())
        for path, row in zip(self.named(state), state["segments"].tolist(), strict=True):
            label, _, nbytes, items, checksum, in_work = row
            segment = Segment.load(path, nbytes, items, checksum)
            if in_work:
                self._in_work[label] = segment
            else:
                self.segments.append(segment)
                self._sources[segment.path.name] = self._read_sources(segment)
        self._count()

    def named(self, state: dict[str, NDArray]) -> list[Path]:
        """Files that a state names."""
        folders = (self._folder, self._making)
        return [folders[int(row[5])] / _file_name(int(row[0]), int(row[1])) for row in state["segments"]]

    def paths(self) -> list[Path]:
        """Files in use."""
        return [segment.path for segment in [*self.segments, *self._in_work.values()]]

    def close(self) -> None:
        """Close all files."""
        self._files.close()

    def _items_at_a_time(self, lesson: LessonToStore) -> int:
        block = self._codec.block
        one = max(1, lesson.read(np.zeros(1, np.int64)).nbytes)
        return -(-max(1, min(MOST_READ, READ_BYTES // one)) // block) * block

    def _order(self, label: int, lesson: LessonToStore, room: int | None) -> NDArray[np.int64]:
        """Places of a class within the lesson, those to be kept longest first."""
        places = np.flatnonzero(lesson.labels == label)
        if room is None and self._spec.per_class is None:
            return places
        most = len(places) if self._spec.per_class is None else min(len(places), self._spec.per_class)
        if room is not None and self._codec.record_bytes:
            most = min(most, max(1, room // (self._codec.record_bytes + CHECKSUM_BYTES)))
        if self._spec.keep == "herding" and lesson.features is not None:
            features = lesson.features[places]
            return places[herd(features if features.ndim == 2 else features.mean(axis=(2, 3)), most)]
        rng = self._rng("store", "keep", label, self._lessons_of.get(label, 0))
        return places[rng.permutation(len(places))][:most]

    def _priorities(self, segment: Segment) -> NDArray[np.float64]:
        """What the items of a class are ordered by over several lessons: as if all had been drawn at once."""
        name, offered = segment.path.name, segment.head.offered
        if len(self._priority_of.get(name, ())) < segment.items:
            if self._spec.keep == "herding":
                drawn = (np.arange(offered) + 0.5) / offered
            else:
                drawn = np.sort(self._rng("store", "priority", *_label_and_serial(segment)).random(offered))
            self._priority_of[name] = drawn[: segment.items].copy()
        return self._priority_of[name]

    def _classes(self) -> list[ClassItems]:
        of_class: dict[int, list[Segment]] = {}
        for segment in [*self.segments, *self._in_work.values()]:
            if segment.items:
                of_class.setdefault(segment.head.label, []).append(segment)
        return [self._class(found) for found in of_class.values()]

    def _class(self, files: list[Segment]) -> ClassItems:
        priorities = [self._priorities(file) for file in files] if len(files) > 1 else []
        return ClassItems(files, priorities, self._spec.per_class)

    def _begin(self, label: int, lesson: LessonToStore) -> Segment:
        codec = self._codec
        values = 0 if lesson.extra is None else lesson.extra.shape[1]
        record = 0 if codec.record_bytes is None else codec.record_bytes + 4 * values
        offered = int((lesson.labels == label).sum())
        head = SegmentHead(label, lesson.task, codec.version, offered, codec.block, record, values)
        path = self._making / _file_name(label, self._lessons_of.get(label, 0))
        self._in_work[label] = Segment.create(path, head)
        return self._in_work[label]

    def _code(self, segment: Segment, lesson: LessonToStore, places: NDArray[np.int64]) -> None:
        block, version = segment.head.block, segment.head.version
        symbols = self._codec.quantise(lesson.read(places))
        blocks = []
        for start in range(0, len(places), block):
            codes = self._codec.pack(symbols[start : start + block], version)
            if lesson.extra is not None:
                codes += np.ascontiguousarray(lesson.extra[places[start : start + block]], np.float32).tobytes()
            blocks.append(codes)
        segment.append(blocks, len(places))

    def _cut_class(self, items: ClassItems, share: int) -> None:
        for segment, count in zip(items.segments, items.split(share), strict=True):
            if count < segment.items:
                self._cut(segment, count)

    def _cut(self, segment: Segment, items: int) -> None:
        """Keep the first items of a file; a block that is cut within is coded anew, without loss."""
        record, inside = divmod(items, segment.head.block)
        self._journal.before_change(segment.path, segment.start(record) if items else 0)
        blocks = []
        if inside:
            count, version = segment.count(record), segment.head.version
            codes, extra = _apart(segment.codes(record, self._files), count, segment.head.extra)
            symbols = self._codec.unpack(bytes(codes), count, version)[:inside]
            blocks = [self._codec.pack(symbols, version) + extra[:inside].tobytes()]
        segment.cut(record)
        if blocks:
            segment.append(blocks, inside)

    def _move_in(self, segment: Segment) -> None:
        sources = self._sources[segment.path.name][: segment.items].tobytes()
        self._sources_path(segment).write_bytes(sources + zlib.crc32(sources).to_bytes(CHECKSUM_BYTES))
        self._files.forget(segment.path)
        self._folder.mkdir(parents=True, exist_ok=True)
        segment.path = segment.path.rename(self._folder / segment.path.name)
        self.segments.append(segment)

    def _remove(self, segment: Segment) -> None:
        self._files.forget(segment.path)
        self._journal.before_change(segment.path, 0)
        segment.path.unlink()
        self._priority_of.pop(segment.path.name, None)

    def _count(self) -> None:
        empty = [segment for segment in self.segments if not segment.items]
        for segment in empty:
            self._remove(segment)
        if empty:
            self.segments = [segment for segment in self.segments if segment.items]
        self._starts = np.cumsum([0] + [segment.items for segment in self.segments], dtype=np.int64)

    def _sources_path(self, segment: Segment) -> Path:
        # Outside of the store's folder: where an item came from is asked by those who measure, not by who remembers.
        return self._making.parent / f"{segment.path.stem}.sources"

    def _read_sources(self, segment: Segment) -> NDArray[np.int64]:
        path = self._sources_path(segment)
        if not path.exists():
            raise DamagedStore(harm(path, "is missing"))
        data = path.read_bytes()
        sources, checksum = data[:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
        if len(sources) % 8 or zlib.crc32(sources).to_bytes(CHECKSUM_BYTES) != checksum:
            raise DamagedStore(harm(path, "is cut or damaged"))
        found = np.frombuffer(sources, np.int64)
        if len(found) < segment.items:
            raise DamagedStore(harm(path, f"names the sources of {len(found)} items; expected {segment.items}"))
        return found[: segment.items].copy()

    def _too_small(self, room: int | None, needed: int) -> str:
        budget = self._spec.budget or 0
        own = budget - (room or 0)
        return (
            f"a budget of {budget:,} bytes is too small: the codec's own parameters take {own:,} bytes and the "
            f"smallest file of one item {needed:,}, so at least {own + needed:,} are needed. Give a larger budget or "
            "another kind of store"
        )


def _apart(data: memoryview, count: int, values: int) -> tuple[memoryview, NDArray[np.float32]]:
    """Codes, and the extra values that follow them."""
    end = len(data) - 4 * count * values
    return data[:end], np.frombuffer(data[end:], np.float32).reshape(count, values)


def _file_name(label: int, serial: int) -> str:
    return f"class-{label:05d}.{serial:04d}.codes"


def _label_and_serial(segment: Segment) -> tuple[int, int]:
    return segment.head.label, int(segment.path.stem.rpartition(".")[2])


def _place_of(segment: Segment) -> tuple[int, ...]:
    return (*_label_and_serial(segment), segment.nbytes, segment.items, segment.checksum)
