import numpy as np
import pytest

from engram.data.idx_pairs import find_idx, has_idx_part, idx_pair, labels_beside, read_idx_pair


def write(path, array):
    array = np.asarray(array, np.uint8)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes())
    return path


def test_pair_is_found_under_mnists_names(tmp_path):
    images = write(tmp_path / "train-images-idx3-ubyte", [[[1]], [[2]]])
    labels = write(tmp_path / "train-labels.idx1-ubyte", [7, 3])
    assert idx_pair(tmp_path, "train") == (images, labels)
    assert has_idx_part(tmp_path, "train")
    assert not has_idx_part(tmp_path, "t10k")
    part = read_idx_pair(images, labels)
    assert part.images.tolist() == [[[1]], [[2]]]
    assert part.labels.tolist() == [7, 3]
    assert part.labels.dtype == np.int64


def test_first_folder_wins(tmp_path):
    (tmp_path / "mnist").mkdir()
    folders = [tmp_path, tmp_path / "mnist"]
    assert find_idx(folders) is None
    write(tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz", [1])
    assert find_idx(folders) == tmp_path / "mnist"
    write(tmp_path / "train-images-idx3-ubyte", [[[1]]])
    assert find_idx(folders) == tmp_path


def test_missing_half_is_named(tmp_path):
    write(tmp_path / "train-images-idx3-ubyte", [[[1]]])
    with pytest.raises(FileNotFoundError, match=r"no file train-labels-idx1-ubyte\[.gz\]"):
        idx_pair(tmp_path, "train")
    with pytest.raises(FileNotFoundError, match=r"no file t10k-images.* and no file t10k-labels"):
        idx_pair(tmp_path, "t10k")


def test_labels_beside_images(tmp_path):
    images = write(tmp_path / "letters-images-idx3-ubyte.gz", [[[1]]])
    with pytest.raises(FileNotFoundError, match="no file of labels"):
        labels_beside(images)
    labels = write(tmp_path / "letters-labels-idx1-ubyte", [1])
    assert labels_beside(images) == labels
    with pytest.raises(FileNotFoundError, match="is it one of images"):
        labels_beside(labels)


def test_images_and_labels_that_do_not_belong_together(tmp_path):
    images = write(tmp_path / "images", [[[1]], [[2]]])
    labels = write(tmp_path / "labels", [0, 1, 1])
    with pytest.raises(ValueError, match=r"holds 2 images but .* holds 3 labels"):
        read_idx_pair(images, labels)
    with pytest.raises(ValueError, match=r"1 dimension; images have 3. Have images and labels changed places"):
        read_idx_pair(labels, images)
    with pytest.raises(ValueError, match="3 dimensions; labels have 1"):
        read_idx_pair(images, images)
    with pytest.raises(ValueError, match="no images"):
        read_idx_pair(write(tmp_path / "none", np.zeros((0, 2, 2))), write(tmp_path / "nolabels", []))
