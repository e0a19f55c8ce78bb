import pickle

import numpy as np
import pytest

from engram.data.streams import SyntheticImageNet
from engram.data.streams.encoded import encode_jpeg
from engram.data.streams.synthetic import RepeatedNoise, coloured_noise

NOISE = RepeatedNoise(60, 16, "train", distinct=7, seed=3)


def test_synthetic_imagenet_has_the_numbers_of_imagenet():
    pool = SyntheticImageNet().pool()
    assert (len(pool.train), len(pool.test), pool.image_shape) == (1_281_167, 50_000, (224, 224, 3))
    assert set(pool.train_per_class) == {1281, 1282}
    assert set(pool.test_per_class) == {50}
    with pytest.raises(ValueError, match="5 images of 10 classes"):
        SyntheticImageNet(images=5, classes=10).pool()


def test_synthetic_files_have_the_size_of_photographs():
    rng = np.random.default_rng(0)
    per_pixel = [len(encode_jpeg(coloured_noise(224, rng), 90)) / 224**2 for _ in range(5)]
    assert 0.55 < np.mean(per_pixel) < 0.67


def test_synthetic_images_are_made_from_the_seed_and_travel():
    same = RepeatedNoise(60, 16, "train", 7, 3)
    assert same.identity == NOISE.identity != RepeatedNoise(60, 16, "train", 7, 4).identity
    assert np.array_equal(pickle.loads(pickle.dumps(NOISE))[:], same[:])
    assert len(set(NOISE.digests())) == len({image.tobytes() for image in NOISE}) == 7
