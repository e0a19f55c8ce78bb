import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data import ImagePart, Pool
from engram.data.streams import ImageReader


class Counted(ImageReader):
    """Image k is filled with k; it notes what was asked of it."""

    def __init__(self, count, shape=(2, 3)):
        self._shape, self.asked = (count, *shape), []

    shape = property(lambda self: self._shape)
    identity = "counted"

    def read(self, numbers):
        self.asked.append(numbers.tolist())
        return np.broadcast_to(numbers.astype(np.uint8).reshape(-1, 1, 1), (len(numbers), *self._shape[1:])).copy()


ARRAY = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None, None], (9, 2, 3))


@given(
    st.one_of(
        st.integers(-9, 8),
        st.builds(slice, *[st.none() | st.integers(-12, 12)] * 2, st.none() | st.integers(1, 4)),
        st.lists(st.integers(-9, 8), max_size=12).map(lambda n: np.array(n, np.int64)),
        st.lists(st.booleans(), min_size=9, max_size=9).map(np.array),
        st.just(np.array([[1, 2], [8, 0]])),
    )
)
def test_is_indexed_like_the_array_it_stands_for(which):
    assert np.array_equal(Counted(9)[which], ARRAY[which])


def test_reads_no_more_than_is_asked_for():
    reader = Counted(9)
    assert (reader.shape, reader.ndim, len(reader), reader.nbytes) == ((9, 2, 3), 3, 9, 54)
    some = reader.rows(np.array([8, 1, 4])).rows(np.array([2, 0]))
    assert reader.asked == []
    assert some[0].tolist() == ARRAY[4].tolist()
    assert reader.asked == [[4]]


def test_rows_have_an_identity_of_their_own():
    reader = Counted(9)
    texts = {reader.rows(np.array(rows)).identity for rows in ([0, 1], [1, 0], [0, 1, 2])}
    assert len({reader.identity, *texts}) == 4
    assert reader.rows(np.array([3, 5])).digests() == [reader.digests()[3], reader.digests()[5]]


def test_becomes_an_array_and_travels_to_other_processes():
    assert np.array_equal(np.asarray(Counted(9)), ARRAY)
    assert np.array_equal(list(pickle.loads(pickle.dumps(Counted(9)))), ARRAY)


@pytest.mark.parametrize("which", [9, -10, np.array([0, 9]), np.ones(8, bool), np.array([0.5]), (0, 1)])
def test_refuses_what_is_not_there(which):
    with pytest.raises(IndexError):
        Counted(9)[which]


def test_refuses_more_pixels_than_fit():
    with pytest.raises(ValueError, match=r"100,000 images of shape \[300, 300\] at once; at most .* smaller size"):
        Counted(100_000, (300, 300))[:]


def test_a_pool_of_a_reader_reads_nothing():
    reader = Counted(4)
    part = ImagePart(reader, np.array([0, 1, 0, 1]))
    pool = Pool("made", ("a", "b"), part, part, "here")
    assert pool.identity != Pool("made", ("a", "b"), ImagePart(ARRAY[:4], part.labels), part, "here").identity
    assert part.some(part.labels == 1).labels.tolist() == [1, 1]
    assert reader.asked == []
    assert part.some(part.labels == 1).images[1].tolist() == ARRAY[3].tolist()
