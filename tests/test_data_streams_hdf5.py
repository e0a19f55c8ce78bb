import pickle

import h5py
import numpy as np
import pytest

from engram.data import Images
from engram.data.streams import Hdf5Images, recognition

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 6, 6, 3), np.uint8)


@pytest.fixture
def write(tmp_path):
    def write(**content):
        path = tmp_path / "set.h5"
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                file[name.replace("__", "/")] = value
        return path

    return write


@pytest.fixture
def parted(write):
    return write(
        train__images=PIXELS[:8],
        train__labels=np.arange(8) % 2,
        train__domains=np.arange(8) // 4,
        test__images=PIXELS[8:],
        test__labels=(np.arange(4) % 2)[:, None],
        test__domains=np.arange(4) // 2,
        classes=["cat", "dog"],
        domain_names=["day", "night"],
    )


def test_parts_names_and_domains(parted):
    pool = Images(path=parted).pool()
    assert (pool.classes, pool.domains) == (("cat", "dog"), ("day", "night"))
    assert np.array_equal(pool.train.images, PIXELS[:8])
    assert np.array_equal(pool.test.images, PIXELS[8:])
    assert pool.test.labels.tolist() == [0, 1, 0, 1]
    assert pool.test.domains.tolist() == [0, 0, 1, 1]


def test_large_files_are_read_when_needed(parted, monkeypatch):
    held = Images(path=parted).pool()
    monkeypatch.setattr(recognition, "BYTES_IN_MEMORY", 0)
    pool = Images(path=parted).pool()
    assert isinstance(pool.train.images, Hdf5Images)
    assert np.array_equal(pool.train.images[np.array([5, 1, 5])], held.train.images[[5, 1, 5]])
    assert np.array_equal(pickle.loads(pickle.dumps(pool.train.images))[3], PIXELS[3])


def test_identity_is_that_of_the_pixels(write):
    first = Hdf5Images(write(images=PIXELS), "images").identity
    assert Hdf5Images(write(images=PIXELS), "images").identity == first
    changed = PIXELS.copy()
    changed[11, 5, 5, 2] ^= 1
    assert Hdf5Images(write(images=changed), "images").identity != first


def test_without_parts_it_is_split_and_grey_keeps_its_shape(write):
    pool = Images(path=write(images=PIXELS[..., :1], labels=np.arange(12) % 3), train_fraction=0.5).pool()
    assert pool.image_shape == (6, 6)
    assert pool.train_per_class.tolist() == pool.test_per_class.tolist() == [2, 2, 2]


def test_size_and_colour(write):
    path = write(images=PIXELS)
    assert Hdf5Images(path, "images", size=3)[:].shape == (12, 3, 3, 3)
    grey = Hdf5Images(path, "images", color="grey")[:]
    assert np.abs(grey - PIXELS @ [0.299, 0.587, 0.114]).max() <= 1


def test_a_file_that_changes_under_a_run_is_named(write):
    path = write(images=PIXELS)
    reader = Hdf5Images(path, "images")
    with path.open("ab") as file:
        file.write(b"more")
    with pytest.raises(ValueError, match=r"set.h5: the file has changed"):
        reader[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"pictures": PIXELS}, "no images and labels, at the root or in train and test; it holds pictures"),
        ({"images": PIXELS}, "no labels; it holds images"),
        ({"images": PIXELS / 2, "labels": np.zeros(12, int)}, "images has .* type float64; expected uint8"),
        ({"images": PIXELS, "labels": np.zeros(11, int)}, "images holds 12 images but labels 11 numbers"),
        ({"images": PIXELS, "labels": np.zeros(12)}, "labels has shape .* expected one integer for each"),
        ({"images": PIXELS, "labels": np.full(12, -1)}, "labels runs from -1 to -1; expected 0 or more"),
        (
            {"images": PIXELS, "labels": np.full(12, 2), "classes": ["a", "b"]},
            "labels runs from 2 to 2; expected 0 to 1",
        ),
        ({"images": PIXELS[:0], "labels": np.zeros(0, int)}, "images is empty"),
    ],
)
def test_faults_are_named(write, content, message):
    with pytest.raises(ValueError, match=f"set.h5: {message}"):
        Images(path=write(**content)).pool()


def test_what_lies_in_other_files_is_not_read(write, tmp_path):
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["images"] = PIXELS
    (tmp_path / "raw").write_bytes(PIXELS.tobytes())
    labels = np.arange(12) % 2
    link = write(labels=labels, images=h5py.ExternalLink(str(tmp_path / "other.h5"), "images"))
    with pytest.raises(ValueError, match="/images is a link to somewhere else"):
        Images(path=link).pool()
    with h5py.File(write(labels=labels), "a") as file:
        file.create_dataset("images", PIXELS.shape, "u1", external=[(str(tmp_path / "raw"), 0, PIXELS.size)])
    with pytest.raises(ValueError, match="images lies in other files"):
        Images(path=link).pool()
    with h5py.File(write(labels=labels), "a") as file:
        layout = h5py.VirtualLayout(PIXELS.shape, "u1")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "images", PIXELS.shape)
        file.create_virtual_dataset("images", layout)
    with pytest.raises(ValueError, match="images lies in other files"):
        Images(path=link).pool()


def test_a_file_cut_short(parted):
    parted.write_bytes(parted.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"set.h5: not an HDF5 file, damaged or cut short"):
        Images(path=parted).pool()


def test_a_shape_that_is_only_claimed_is_told_and_nothing_is_read(tmp_path):
    path = tmp_path / "claimed.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("images", (10**9, 1000, 1000), np.uint8, chunks=(1, 1000, 1000))
        file.create_dataset("labels", (10**9,), np.int64, chunks=(1000,))
    with pytest.raises(ValueError, match=r"labels claims \[1000000000\] = 8,000,000,000 bytes but holds 0"):
        Images(path=path).pool()
    with h5py.File(path, "a") as file:
        del file["labels"]
        file["labels"] = np.arange(40) % 2
    with pytest.raises(ValueError, match=r"images claims \[1000000000, 1000, 1000\] = .* bytes but holds 0"):
        Images(path=path).pool()
