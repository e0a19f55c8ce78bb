import bz2
import gzip
import io
import lzma
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engram.data import tars
from engram.data.tars import read_image_tar


def png(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def member(name, size=0, kind=tarfile.REGTYPE, target=""):
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = size, kind, target
    return info


def tar_bytes(files, tar_format=tarfile.PAX_FORMAT):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as archive:
        for name, content in files:
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            data = png(content) if isinstance(content, int) else content
            archive.addfile(member(name, len(data)), io.BytesIO(data))
    return buffer.getvalue()


FOUR = [("train/b/1.png", 3), ("test/a/1.png", 1), ("train/a/1.png", 2), ("test/b/1.png", 4)]


@pytest.fixture
def put(tmp_path):
    def put(data):
        path = tmp_path / "images.tar"
        path.write_bytes(data)
        return path

    return put


@pytest.mark.parametrize("pack", [bytes, gzip.compress, lzma.compress, bz2.compress])
@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_reads_every_packing_in_order_of_paths(put, pack, tar_format):
    parts = read_image_tar(put(pack(tar_bytes(FOUR, tar_format)))).by_part()
    assert parts["train"].labels == ["a", "b"]
    assert [image.tolist() for image in parts["train"].images] == [[[2, 2]] * 2, [[3, 3]] * 2]
    assert parts["test"].names == ["test/a/1.png", "test/b/1.png"]


def test_leading_dot_folders_and_other_files(put):
    folder = member("./cat", kind=tarfile.DIRTYPE)
    collection = read_image_tar(
        put(tar_bytes([("", folder), ("./cat/1.png", 1), ("./cat/._1.png", b""), ("./a.txt", b"")]))
    )
    assert collection.by_part()["all"].names == ["cat/1.png"]
    assert collection.left_out == ["a.txt"]


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("/cat/1.png", 1, "leads out of the archive"),
        ("cat/../../1.png", 1, "leads out of the archive"),
        ("..\\cat\\1.png", 1, "leads out of the archive"),
        ("", member("cat/1.png", kind=tarfile.SYMTYPE, target="/etc/passwd"), "cat/1.png: a link"),
        ("", member("cat/1.png", kind=tarfile.LNKTYPE, target="../other.png"), "cat/1.png: a link"),
        ("", member("cat/1.png", kind=tarfile.CHRTYPE), "cat/1.png: not a plain file"),
        ("", member("cat/1.png", kind=tarfile.FIFOTYPE), "cat/1.png: not a plain file"),
        ("cat/1.png", b"", "cat/1.png: the file is empty"),
        ("cat/1.png", b"hello", "cat/1.png: not an image"),
        ("cat/1.png", png(5)[:-20], "cat/1.png: damaged or cut short"),
        ("cat/\udcff.png", 1, r"'cat/\\udcff.png': the name is not valid text"),
        ("cat/0.png", 1, "cat/0.png: is in the archive twice"),
    ],
)
def test_members_that_cannot_be_used_are_named(put, name, content, fault):
    files = [("cat/0.png", 7), (name, content), ("dog/1.png", 8)]
    with pytest.raises(ValueError, match=f"1 file cannot be used: .*{fault}"):
        read_image_tar(put(tar_bytes(files))).by_part()


def test_archive_cut_anywhere_is_told(put):
    whole = tar_bytes([(f"cat/{n}.png", n) for n in range(3)])
    end = 3 * (512 + 512)  # header and content of each, before the two empty blocks
    assert whole[end : end + 1024] == bytes(1024)
    for cut in (100, 512, 700, 1024, 1500, 2048, 2048 + 512 + 20, end):
        with pytest.raises(ValueError, match=r"images.tar: .*cut short"):
            read_image_tar(put(whole[:cut]))


def test_damaged_header_in_the_middle_is_told(put):
    whole = bytearray(tar_bytes([(f"cat/{n}.png", n) for n in range(3)]))
    whole[1024 + 150] ^= 1
    with pytest.raises(ValueError, match="the archive is damaged or cut short"):
        read_image_tar(put(bytes(whole)))


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_damaged_packing_is_told(put, pack):
    whole = pack(tar_bytes(FOUR))
    for data in (whole[:-10], whole[: len(whole) // 2], whole[:-12] + bytes([whole[-12] ^ 255]) + whole[-11:]):
        with pytest.raises(ValueError, match="the archive is damaged or cut short"):
            read_image_tar(put(data))


def test_header_that_inflates_without_end(put):
    """A name of 100 MB, which compresses to nothing."""
    long_name = member("././@LongLink", 100_000_000, tarfile.GNUTYPE_LONGNAME)
    data = long_name.tobuf(tarfile.GNU_FORMAT) + b"a" * 100_000_000
    with pytest.raises(ValueError, match="a header of more than 16,777,216 bytes"):
        read_image_tar(put(gzip.compress(data, 1)))


def test_limits(put, monkeypatch):
    path = put(tar_bytes(FOUR))
    monkeypatch.setattr(tars, "MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match=r"4 files cannot be used: .*at most 10 are read"):
        read_image_tar(path).by_part()
    monkeypatch.undo()
    monkeypatch.setattr(tars, "MAX_FILES", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        read_image_tar(path)
    monkeypatch.undo()
    monkeypatch.setattr(tars, "MAX_UNPACKED_BYTES", 5000)
    with pytest.raises(ValueError, match="more than 5,000 bytes when unpacked"):
        read_image_tar(put(gzip.compress(tar_bytes([*FOUR, ("big.bin", bytes(100_000))]))))


def test_size_is_applied_while_reading(put):
    assert {image.shape for image in read_image_tar(put(tar_bytes(FOUR)), size=5).images} == {(5, 5)}


WHOLE = tar_bytes(FOUR[:2])


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 3071), st.integers(0, 255)), max_size=3), cut=st.integers(0, 10240))
def test_changed_bytes_give_images_or_a_value_error(tmp_path_factory, changes, cut):
    data = bytearray(WHOLE)
    for place, value in changes:
        data[place] = value
    path = tmp_path_factory.getbasetemp() / "fuzz.tar"
    path.write_bytes(bytes(data[: 10240 - cut // 20]))
    try:
        parts = read_image_tar(path).by_part()
    except ValueError as error:
        message = str(error)
    else:
        assert sum(len(part.images) for part in parts.values()) == 2
        return
    assert str(path) in message
