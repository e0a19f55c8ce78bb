import numpy as np
import pytest
import torch

from engram.data.streams.synthetic import RepeatedNoise
from engram.sim.deep.loading import BatchLoader, usual_workers

NOISE = RepeatedNoise(50, 16, "train", distinct=7, seed=3)
ORDER = np.random.default_rng(1).permutation(50)[:21]


def batches(images, workers=0, **where):
    with BatchLoader(images, workers=workers) as loader:
        return list(loader.epoch(ORDER, 8, **where))


@pytest.mark.parametrize("images", [NOISE, NOISE[:], NOISE[:][..., 0]])
def test_an_epoch_is_the_order_cut_into_batches(images):
    pixels = np.asarray(images)
    given = batches(images)
    assert [batch.number for batch in given] == [0, 1, 2]
    assert [len(batch.indices) for batch in given] == [8, 8, 5]
    assert np.concatenate([batch.indices for batch in given]).tolist() == ORDER.tolist()
    for batch in given:
        expected = pixels[batch.indices]
        expected = expected[:, None] if expected.ndim == 3 else expected.transpose(0, 3, 1, 2)
        assert batch.images.dtype == torch.uint8
        assert batch.images.is_contiguous()
        assert np.array_equal(batch.images.numpy(), expected)


def test_workers_and_arrays_give_the_same_bits():
    plain, ahead = batches(NOISE[:]), batches(NOISE, workers=2)
    assert [batch.number for batch in ahead] == [0, 1, 2]
    assert all(torch.equal(one.images, other.images) for one, other in zip(plain, ahead, strict=True))


def test_goes_on_in_the_middle_of_an_epoch():
    assert all(
        one.number == other.number and torch.equal(one.images, other.images)
        for one, other in zip(batches(NOISE, start=1), batches(NOISE)[1:], strict=True)
    )
    assert batches(NOISE, start=3) == []


@pytest.mark.parametrize("ranks", [2, 3])
def test_processes_share_the_global_batch(ranks):
    shares = [batches(NOISE, rank=rank, ranks=ranks) for rank in range(ranks)]
    for number, whole in enumerate(batches(NOISE)):
        together = torch.zeros_like(whole.images)
        for share in shares:
            together[torch.from_numpy(share[number].rows)] = share[number].images
        assert torch.equal(together, whole.images)


def test_batches_do_not_share_memory_with_the_next():
    with BatchLoader(NOISE, workers=1, prefetch=1) as loader:
        given = list(loader.read([np.array([0]), np.array([1]), np.array([2])]))
    assert [torch.equal(batch, loader._indexed(np.array([n]))) for n, batch in enumerate(given)] == [True] * 3


def test_arrays_and_processors_need_no_workers():
    assert usual_workers(NOISE[:], "cuda") == usual_workers(NOISE, "cpu") == 0
    assert 1 <= usual_workers(NOISE, "cuda") <= 16
