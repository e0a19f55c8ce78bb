import io
import os

import numpy as np
import pytest
from PIL import Image

from engram.data import class_folders
from engram.data.class_folders import read_image_folder
from engram.data.places import part_and_class


def png(value):
    buffer = io.BytesIO()
    Image.fromarray(np.full((2, 2), value, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def put(tmp_path):
    root = tmp_path / "set"

    def put(files):
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_bytes(png(content) if isinstance(content, int) else content)
        return root

    return put


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["cat/1.png", "dog/1.png"], [("all", "cat"), ("all", "dog")]),
        (["cat/1.png", "cat/2.png"], [("all", "cat"), ("all", "cat")]),
        (["set/cat/1.png", "set/dog/1.png"], [("all", "cat"), ("all", "dog")]),
        (["train/cat/1.png", "val/cat/1.png", "test/cat/1.png"], [("train", "cat"), ("val", "cat"), ("test", "cat")]),
        (["a/b/Training/0/1.png", "a/b/Testing/0/1.png"], [("train", "0"), ("test", "0")]),
        (["train/cat/1.png", "train/dog/1.png"], [("all", "cat"), ("all", "dog")]),
        (["train/cat/1.png"], [("all", "cat")]),
        (["train/1.png", "car/1.png"], [("all", "train"), ("all", "car")]),
        (["train/1.png", "test/1.png"], [("all", "train"), ("all", "test")]),
        (["greek/alpha/1.png", "latin/a/1.png"], [("all", "greek/alpha"), ("all", "latin/a")]),
        (["train/g/a/1.png", "test/g/a/1.png"], [("train", "g/a"), ("test", "g/a")]),
    ],
)
def test_part_and_class(paths, expected):
    assert part_and_class(paths) == expected


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["cat/1.png", "2.png"], "images outside of any class folder: 2.png"),
        (["cat/1.png", "cat/old/1.png", "dog/1.png"], 'folder "cat" holds images as well as .*"cat/old"'),
        (["train/cat/1.png", "test/cat/1.png", "extra/cat/1.png"], "others below extra"),
        (["train/cat/1.png", "val/cat/1.png", "more/2.png"], "others below more"),
    ],
)
def test_folders_that_are_no_classes(paths, message):
    with pytest.raises(ValueError, match=message):
        part_and_class(paths)


def test_reads_in_order_of_paths(put):
    root = put({"train/b/2.png": 4, "train/b/1.PNG": 3, "train/a/9.png": 2, "test/a/1.png": 1, "test/b/1.png": 5})
    parts = read_image_folder(root).by_part()
    assert list(parts) == ["test", "train"]
    assert parts["train"].labels == ["a", "b", "b"]
    assert parts["train"].names == ["train/a/9.png", "train/b/1.PNG", "train/b/2.png"]
    assert [image[0, 0] for image in parts["train"].images] == [2, 3, 4]


def test_all_faults_are_named_at_once(put):
    root = put(
        {
            "cat/good.png": 1,
            "cat/empty.png": b"",
            "cat/text.jpg": b"hello",
            "cat/short.png": png(3)[:-20],
            "dog/good.png": 2,
        }
    )
    with pytest.raises(ValueError) as told:
        read_image_folder(root).by_part()
    assert str(told.value).startswith(
        f"{root}: 3 files cannot be used: cat/empty.png: the file is empty, cat/short.png: "
    )
    assert "cat/text.jpg: not an image" in str(told.value)


def test_ten_faults_are_named_and_the_rest_counted(put):
    root = put({f"cat/{n:02}.png": b"" for n in range(13)})
    with pytest.raises(
        ValueError, match=r"13 files cannot be used: cat/00.png.*cat/09.png: the file is empty and 3 more$"
    ):
        read_image_folder(root).by_part()


def test_links_that_leave_the_folder(put, tmp_path):
    root = put({"cat/1.png": 1, "dog/1.png": 2})
    (tmp_path / "secret.png").write_bytes(png(9))
    (tmp_path / "birds").mkdir()
    (root / "cat" / "2.png").symlink_to(tmp_path / "secret.png")
    (root / "cat" / "3.png").symlink_to("nowhere.png")
    (root / "bird").symlink_to(tmp_path / "birds")
    with pytest.raises(ValueError, match="3 files cannot be used") as told:
        read_image_folder(root).by_part()
    for fault in (
        "cat/2.png: a link that leaves the folder",
        "cat/3.png: a link that leaves",
        "bird: a linked folder",
    ):
        assert fault in str(told.value) or fault.replace("leaves", "leads nowhere") in str(told.value)


def test_link_within_the_folder_and_linked_root(put, tmp_path):
    root = put({"cat/1.png": 1, "dog/1.png": 2})
    (root / "cat" / "2.png").symlink_to("1.png")
    (tmp_path / "alias").symlink_to(root)
    assert read_image_folder(tmp_path / "alias").by_part()["all"].labels == ["cat", "cat", "dog"]


def test_pipes_and_empty_folders_are_faults(put):
    root = put({"cat/1.png": 1})
    os.mkfifo(root / "cat" / "2.png")
    (root / "dog").mkdir()
    with pytest.raises(ValueError, match=r"2 files cannot be used: dog/: an empty folder, cat/2.png: not a plain file"):
        read_image_folder(root).by_part()


def test_name_that_is_no_text(put):
    root = put({"cat/1.png": 1})
    with open(os.fsencode(root / "cat") + b"/\xff.png", "wb") as file:
        file.write(png(2))
    with pytest.raises(ValueError, match=r"'cat/\\udcff.png': the name is not valid text"):
        read_image_folder(root).by_part()


def test_other_files_are_left_out_and_listed_hidden_ones_are_nothing(put):
    root = put({"cat/1.png": 1, "cat/notes.txt": b"", ".DS_Store": b"", "__MACOSX/cat/1.png": b"", "cat/._1.png": b""})
    collection = read_image_folder(root)
    assert collection.left_out == ["cat/notes.txt"]
    assert collection.by_part()["all"].names == ["cat/1.png"]


def test_no_images(put):
    root = put({"cat/notes.txt": b""})
    with pytest.raises(ValueError, match=r"no images \(but other files: cat/notes.txt\); expected class/image.png"):
        read_image_folder(root).by_part()


def test_limits(put, monkeypatch):
    root = put({f"cat/{n}.png": n for n in range(4)})
    monkeypatch.setattr(class_folders, "MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match=r"4 files cannot be used: cat/0.png: .* bytes; at most 10 are read"):
        read_image_folder(root).by_part()
    monkeypatch.undo()
    monkeypatch.setattr(class_folders, "MAX_DECODED_BYTES", 15)
    with pytest.raises(ValueError, match="more than 15 bytes of pixels"):
        read_image_folder(root)
    assert len(read_image_folder(root, size=1).images) == 4
    monkeypatch.setattr(class_folders, "MAX_FILES", 3)
    with pytest.raises(ValueError, match="more than 3 files"):
        read_image_folder(root)
