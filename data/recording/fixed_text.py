"""Text of fixed size: it can be changed in place, and a reader knows its size before reading it."""

from __future__ import annotations

from collections.abc import Iterable

import h5py
import numpy as np

LARGEST_ATTRIBUTE = 60_000  # bytes; HDF5 refuses attributes of 64 KiB and more


def cut(text: str, size: int) -> bytes:
    """UTF-8 of a text, cut between two characters to at most `size` bytes."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").encode("utf-8")


def set_text(place: h5py.Group, name: str, text: str, size: int | None = None) -> None:
    """Write a text as an attribute, or as a scalar dataset of the same name where it is too long for one."""
    raw = text.encode("utf-8", "replace") if size is None else cut(text, size)
    length = max(1, len(raw) if size is None else size)
    value = np.array(raw, dtype=h5py.string_dtype("utf-8", length))
    if length <= LARGEST_ATTRIBUTE:
        place.attrs.create(name, value, dtype=value.dtype)
    else:
        place.create_dataset(name, data=value, track_times=False)


def text_column(texts: Iterable[str | bytes]) -> np.ndarray:
    """Texts as a column of equally wide UTF-8 cells."""
    raw = [text if isinstance(text, bytes) else str(text).encode("utf-8", "replace") for text in texts]
    width = max([1, *map(len, raw)])
    return np.array(raw, dtype=h5py.string_dtype("utf-8", width))


def change_text(place: h5py.Group, name: str, text: str, size: int) -> None:
    """Write another text into an attribute that was made with `size` bytes of room."""
    place.attrs.modify(name, np.array(cut(text, size), dtype=h5py.string_dtype("utf-8", size)))
