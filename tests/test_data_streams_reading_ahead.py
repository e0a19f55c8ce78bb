import os
import signal
import time

import numpy as np
import pytest

from engram.data.streams import ReadAhead, reading_ahead
from engram.data.streams.synthetic import RepeatedNoise

NOISE = RepeatedNoise(60, 16, "train", distinct=7, seed=3)


class DamagedAt40(RepeatedNoise):
    def encoded(self, number):
        if number == 40:
            raise ValueError("image 40 is damaged")
        return super().encoded(number)


def batches(seed=0, size=8):
    order = np.random.default_rng(seed).permutation(40)
    return [order[start : start + size] for start in range(0, 40, size)]


@pytest.fixture(scope="module")
def ahead():
    with ReadAhead(DamagedAt40(60, 16, "train", 7, 3), workers=2, prefetch=2) as ahead:
        yield ahead


def assert_right(ahead, chosen):
    given = [batch.copy() for batch in ahead.read(chosen)]
    assert len(given) == len(chosen)
    assert all(np.array_equal(batch, NOISE[numbers]) for batch, numbers in zip(given, chosen, strict=True))


def test_order_is_that_of_the_numbers_epoch_after_epoch(ahead):
    for seed in range(3):
        assert_right(ahead, batches(seed))


def test_goes_on_after_an_epoch_that_was_left_in_the_middle(ahead):
    given = ahead.read(batches(0))
    next(given), next(given)
    given.close()
    assert_right(ahead, batches(1)[3:])


def test_two_epochs_at_a_time_do_not_mix(ahead):
    chosen, others = batches(0), [np.arange(20), np.arange(20, 39)]
    given = []
    for batch in ahead.read(chosen):
        given.append(batch.copy())
        if len(given) in (1, 3):
            assert_right(ahead, others)
    assert all(np.array_equal(batch, NOISE[numbers]) for batch, numbers in zip(given, chosen, strict=True))


def test_larger_batches_and_none(ahead):
    assert_right(ahead, [np.arange(3), np.arange(40)])
    assert_right(ahead, [np.arange(2), np.arange(0), np.arange(5)])
    assert_right(ahead, [])


def test_a_damaged_image_is_told_in_the_words_of_the_reader_and_the_next_epoch_goes_on(ahead):
    given = ahead.read([np.array([1]), np.array([2, 40]), np.array([3]), np.array([4])])
    assert np.array_equal(next(given), NOISE[np.array([1])])
    with pytest.raises(ValueError, match=r"^image 40 is damaged$"):
        next(given)
    assert_right(ahead, batches(2))


def test_a_killed_worker_is_one_clear_error_and_new_ones_can_be_started():
    with ReadAhead(NOISE, workers=2, prefetch=1) as ahead:  # so that it has not read them all before it dies
        given = ahead.read(batches())
        next(given)
        os.kill(ahead._processes[1].pid, signal.SIGKILL)
        ahead._processes[1].join()
        with pytest.raises(ChildProcessError, match="a process that reads images has died; was memory short"):
            list(given)
        assert_right(ahead, batches())


def test_workers_do_not_hear_the_signals_of_the_group_and_end_with_their_pipe():
    ahead = ReadAhead(NOISE, workers=1)
    assert_right(ahead, batches())
    (process,) = ahead._processes
    for sent in (signal.SIGINT, signal.SIGTERM):
        os.kill(process.pid, sent)
    assert_right(ahead, batches(1))
    started = time.monotonic()
    ahead.close()
    assert time.monotonic() - started < 4
    assert process.exitcode == 0
    ahead.close()


def test_no_room_for_what_is_read(monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reading_ahead.os, "posix_fallocate", full)
    with pytest.raises(OSError, match=r"no room for [\d,]+ bytes in .*fewer workers or smaller batches"):
        reading_ahead._shared_file(10**6)


def test_refuses_no_workers():
    with pytest.raises(ValueError, match="0 workers"):
        ReadAhead(NOISE, workers=0)
