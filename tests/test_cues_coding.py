import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

pytest.importorskip("constriction")

from engram.models.stores.cues.coding import EntropyCoder
from engram.models.stores.cues.tables import TOTAL, Tables

SYMBOLS = np.arange(-127, 128)


def two_sided(spreads):
    masses = np.exp(-np.abs(SYMBOLS) / np.asarray(spreads)[:, None])
    return masses / masses.sum(axis=1, keepdims=True)


TABLES = Tables.of_masses(SYMBOLS, two_sided([0.05, 0.8, 3.0]))


def test_counts_follow_the_probabilities_and_add_up():
    tables = Tables.of_masses(np.arange(-1, 2), np.array([[0.2, 0.7, 0.0999]]))
    # 0.2, 0.7, 0.0999 and 0.0001 of 65,536, rounded
    assert tables.counts[0].tolist() == [13107, 45875, 6547, 7]
    assert tables.first.tolist() == [-1]


@given(arrays(np.float64, (4, 9), elements=st.floats(0, 1)))
def test_every_table_is_whole_whatever_the_probabilities(raw):
    masses = raw / np.maximum(raw.sum(axis=1, keepdims=True), 1)
    tables = Tables.of_masses(np.arange(-4, 5), masses)
    assert all(row.sum(dtype=int) == TOTAL and row.min() >= 1 and len(row) >= 2 for row in tables.counts)
    again, used = Tables.from_bytes(tables.to_bytes() + b"more", channels=4)
    assert used == len(tables.to_bytes())
    assert again.first.tolist() == tables.first.tolist()
    assert [row.tolist() for row in again.counts] == [row.tolist() for row in tables.counts]


@settings(deadline=None)
@given(
    arrays(
        np.int64,
        st.tuples(st.integers(0, 5), st.just(3), st.integers(1, 3), st.integers(1, 3)),
        elements=st.one_of(st.integers(-9, 9), st.integers(-(2**31) + 1, 2**31 - 1)),
    )
)
def test_what_is_decoded_is_what_was_encoded_for_every_whole_number(cues):
    coder = EntropyCoder(TABLES)
    np.testing.assert_array_equal(coder.decode(coder.encode(cues), cues.shape), cues)


def test_a_block_is_as_long_as_the_entropy_of_its_symbols():
    spreads = np.array([0.05, 0.8, 3.0])
    masses, rng = two_sided(spreads), np.random.default_rng(0)
    cues = np.stack([rng.choice(SYMBOLS, p=row, size=(256, 4, 4)) for row in masses], axis=1)
    entropy = 256 * 16 * -(masses * np.log2(np.maximum(masses, 1e-300))).sum()  # of the source, in bits
    coded = 8 * len(EntropyCoder(TABLES).encode(cues))
    assert coded == pytest.approx(entropy, rel=0.02)
    assert TABLES.bits(cues.swapaxes(0, 1).reshape(3, -1)) == pytest.approx(coded, rel=0.005)


def test_a_symbol_outside_its_table_costs_the_escape_and_32_bits():
    tables = Tables(np.array([0], np.int16), (np.array([65535, 1], np.uint16),))
    assert tables.bits(np.array([[7]])) == 16 + 32


def test_bits_are_the_same_in_another_process():
    cues = np.random.default_rng(1).integers(-6, 7, (8, 3, 2, 2))
    here = EntropyCoder(TABLES).encode(cues)
    program = (
        "import sys, numpy as np\n"
        "from engram.models.stores.cues.coding import EntropyCoder\n"
        "from engram.models.stores.cues.tables import Tables\n"
        f"tables, _ = Tables.from_bytes({TABLES.to_bytes()!r}, 3)\n"
        "cues = np.random.default_rng(1).integers(-6, 7, (8, 3, 2, 2))\n"
        "sys.stdout.buffer.write(EntropyCoder(tables).encode(cues))\n"
    )
    there = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout
    assert there == here


def test_damaged_blocks_are_told():
    cues = np.random.default_rng(2).integers(-3, 4, (64, 3, 4, 4))
    coder = EntropyCoder(TABLES)
    data = coder.encode(cues)
    for broken in (b"", data[:3], data[:-4], data + b"12345678", b"\xff\xff\xff\xff" + data[4:]):
        with pytest.raises(ValueError, match="are no block of 64 cues"):
            coder.decode(broken, cues.shape)


def test_damaged_tables_are_told():
    data = TABLES.to_bytes()
    with pytest.raises(ValueError, match="cut short"):
        Tables.from_bytes(data[:-2], 3)
    with pytest.raises(ValueError, match="add up to 65,536"):
        Tables.from_bytes(data[:-1] + b"\x7f", 3)
