import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data import idx
from engram.data.idx import looks_like_idx, read_idx


def idx_bytes(array, claimed=None):
    shape = claimed or array.shape
    return bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + array.astype(np.uint8).tobytes()


@pytest.fixture
def put(tmp_path):
    def put(data):
        path = tmp_path / "some-idx-ubyte"
        path.write_bytes(data)
        return path

    return put


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize("shape", [(5,), (2, 3, 4), (1, 2, 2, 3), (0,)])
def test_reads_what_was_written(put, shape, pack):
    array = np.arange(np.prod(shape)).astype(np.uint8).reshape(shape)
    found = read_idx(put(pack(idx_bytes(array))))
    assert found.shape == shape
    assert (found == array).all()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"\0\0", "not an IDX file"),
        (b"\x89PNG\r\n\x1a\n", "not an IDX file"),
        (bytes([0, 0, 8, 0]), "not an IDX file"),
        (bytes([0, 0, 0x0D, 1]) + bytes(8), "type 0x0d; expected unsigned bytes"),
        (bytes([0, 0, 8, 3, 0, 0, 0, 1]), "cut short within the header"),
        (idx_bytes(np.zeros(5), claimed=(6,)), "cut short: the header claims 6 values, the file holds 5"),
        (idx_bytes(np.zeros(5), claimed=(4,)), "goes on after the 4 values"),
        (idx_bytes(np.zeros(5), claimed=(2**31, 28, 28)), "at most 8,589,934,592 are read"),
        (idx_bytes(np.zeros(5), claimed=(2**30, 4)), "cut short: the header claims 4,294,967,296"),
    ],
)
def test_faults_are_told(put, data, message, pack):
    path = put(pack(data))
    with pytest.raises(ValueError, match=message) as told:
        read_idx(path)
    assert str(path) in str(told.value)


def test_damaged_gzip(put):
    whole = gzip.compress(idx_bytes(np.arange(200)))
    for data in (whole[:-9], whole[:40], whole[:-6] + b"\0\0\0\0\0\0", whole[:30] + b"\xff\xff" + whole[32:]):
        with pytest.raises(ValueError, match="gzip stream is damaged or cut short"):
            read_idx(put(data))


def test_gzip_that_inflates_beyond_its_header_is_not_read_to_its_end(put):
    bomb = gzip.compress(idx_bytes(np.zeros(4), claimed=(4,)) + bytes(50_000_000))
    with pytest.raises(ValueError, match="goes on after the 4 values"):
        read_idx(put(bomb))


def test_limit_holds_for_what_is_there_as_well(put, monkeypatch):
    monkeypatch.setattr(idx, "MAX_BYTES", 9)
    assert read_idx(put(idx_bytes(np.zeros(9)))).size == 9
    with pytest.raises(ValueError, match="at most 9 are read"):
        read_idx(put(idx_bytes(np.zeros(10))))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_idx(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match="a folder"):
        read_idx(tmp_path)


@given(data=st.binary(max_size=60))
def test_any_bytes_give_an_array_or_a_value_error(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz"
    for content in (data, bytes([0, 0, 8]) + data, gzip.compress(data)[:-1]):
        path.write_bytes(content)
        try:
            found = read_idx(path)
        except ValueError as error:
            message = str(error)
        else:
            assert found.nbytes <= len(content)
            continue
        assert str(path) in message


def test_looks_like_idx():
    assert looks_like_idx(bytes([0, 0, 8, 3, 9]))
    assert not looks_like_idx(b"\0\0\0\0")
    assert not looks_like_idx(b"\0\0\x08")
