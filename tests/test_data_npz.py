import io
import pickle
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data import npz
from engram.data.npz import read_npz_parts

IMAGES, LABELS = np.arange(24, dtype=np.uint8).reshape(4, 2, 3), np.array([[0], [1], [10], [0]], np.uint8)


@pytest.fixture
def put(tmp_path):
    path = tmp_path / "set.npz"

    def put(**arrays):
        np.savez(path, **arrays)
        return path

    return put


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_medmnist_layout(tmp_path, save):
    path = tmp_path / "set.npz"
    save(path, train_images=IMAGES, train_labels=LABELS, test_images=IMAGES[::-1], test_labels=LABELS[::-1, 0])
    parts = read_npz_parts(path)
    assert list(parts) == ["train", "test"]
    assert np.array_equal(parts["train"].images, IMAGES)
    assert parts["train"].labels == ["0", "1", "10", "0"]
    assert parts["test"].labels == ["0", "10", "1", "0"]
    assert parts["test"].names[3] == "test_images[3]"


def test_colour_single_channel_and_fortran_order(put):
    rgb = np.arange(72, dtype=np.uint8).reshape(4, 2, 3, 3)
    assert np.array_equal(read_npz_parts(put(train_images=rgb, train_labels=LABELS))["train"].images, rgb)
    one = read_npz_parts(put(train_images=IMAGES[..., None], train_labels=LABELS))
    assert np.array_equal(one["train"].images, IMAGES)
    turned = read_npz_parts(put(train_images=np.asfortranarray(IMAGES), train_labels=LABELS.astype(np.int64)))
    assert np.array_equal(turned["train"].images, IMAGES)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x_train": IMAGES}, "no train_images and train_labels; it holds x_train"),
        ({}, "it holds nothing"),
        ({"train_images": IMAGES}, "no train_labels; it holds train_images"),
        ({"train_images": IMAGES, "train_labels": LABELS, "val_images": IMAGES}, "no val_labels"),
        ({"train_images": IMAGES / 255, "train_labels": LABELS}, "type float64; expected uint8"),
        ({"train_images": np.zeros((4, 5, 5, 5), np.uint8), "train_labels": LABELS}, r"shape \[4, 5, 5, 5\]"),
        ({"train_images": IMAGES, "train_labels": np.eye(4, dtype=np.uint8)}, r"train_labels has shape \[4, 4\]"),
        ({"train_images": IMAGES, "train_labels": np.ones(4)}, "expected one integer for each image"),
        ({"train_images": IMAGES, "train_labels": LABELS[:3]}, "holds 4 images but train_labels 3 labels"),
        ({"train_images": IMAGES[:0], "train_labels": LABELS[:0]}, "train_images is empty"),
        ({"train_images": IMAGES, "train_labels": np.array([0, 1, -1, 0])}, "train_labels holds -1"),
        ({"train_images": IMAGES.astype(object), "train_labels": LABELS}, "train_images holds pickled objects"),
    ],
)
def test_faults_are_told(put, arrays, message):
    path = put(**arrays)
    with pytest.raises(ValueError, match=message) as told:
        read_npz_parts(path)
    assert str(path) in str(told.value)


class Exploding:
    def __reduce__(self):
        return exec, ("raise SystemExit('unpickled')",)


def raw_npz(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(f"{name}.npy", data)
    return path


def npy(array, shape=None):
    buffer = io.BytesIO()
    header = np.lib.format.header_data_from_array_1_0(array)
    np.lib.format.write_array_header_1_0(buffer, {**header, "shape": shape or array.shape})
    return buffer.getvalue() + array.tobytes()


def test_nothing_is_unpickled(tmp_path):
    path = raw_npz(tmp_path / "p.npz", train_images=pickle.dumps(Exploding()), train_labels=npy(LABELS))
    with pytest.raises(ValueError, match="train_images is not a NumPy array"):
        read_npz_parts(path)


def test_header_that_claims_more_than_there_is(tmp_path):
    path = raw_npz(tmp_path / "p.npz", train_images=npy(IMAGES, (2**40, 28, 28)), train_labels=npy(LABELS))
    with pytest.raises(ValueError, match=r"train_images claims \[1099511627776, 28, 28\] = .* but holds 24"):
        read_npz_parts(path)
    path = raw_npz(tmp_path / "p.npz", train_images=npy(IMAGES, (3, 2, 3)), train_labels=npy(LABELS))
    with pytest.raises(ValueError, match="= 18 bytes but holds 24"):
        read_npz_parts(path)


def test_limit(put, monkeypatch):
    monkeypatch.setattr(npz, "MAX_DECODED_BYTES", 140)
    with pytest.raises(ValueError, match="train_images has 152 bytes; at most 140"):
        read_npz_parts(put(train_images=IMAGES, train_labels=LABELS))


def test_cut_short_empty_and_no_zip(put):
    path = put(train_images=IMAGES, train_labels=LABELS)
    whole = path.read_bytes()
    damaged = whole.replace(IMAGES.tobytes(), IMAGES[::-1].tobytes())
    for data in (whole[:-30], whole[: len(whole) // 2], b"", b"hello", damaged):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"set.npz: not an npz file, damaged or cut short"):
            read_npz_parts(path)


@settings(max_examples=150, deadline=None)
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=3))
@pytest.mark.filterwarnings("ignore")
def test_changed_bytes_give_images_or_a_value_error(tmp_path_factory, changes):
    path = tmp_path_factory.getbasetemp() / "fuzz.npz"
    np.savez(path, train_images=IMAGES, train_labels=LABELS)
    data = bytearray(path.read_bytes())
    for place, value in changes:
        data[place % len(data)] = value
    path.write_bytes(data)
    try:
        parts = read_npz_parts(path)
    except ValueError as error:
        message = str(error)
    else:
        assert np.array_equal(parts["train"].images, IMAGES)
        return
    assert str(path) in message
