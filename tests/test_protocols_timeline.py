import numpy as np
import pytest

from engram.protocols import ItemSpec, Protocol, RecordSpec, Sleep, lesion, probe, repeat, sleep, unroll, wake


@pytest.fixture
def line():
    nights = repeat(2, [wake("all"), sleep("90 min"), probe("all", lesions=["none", "hippocampus"])], label="nächte")
    schedule = [wake("all", order="shuffled"), nights, lesion("none"), wake([1])]
    return unroll(Protocol(name="nights", items=ItemSpec(count=3), schedule=schedule))


def test_table(line):
    table = line.table()
    assert list(table) == ["index", "kind", "label", "repetition", "list", "lesion", "start", "stop"]
    assert {len(column) for column in table.values()} == {len(line)} == {11}
    assert table["kind"].dtype.kind == table["label"].dtype.kind == "S"
    assert table["label"][1].decode() == "nächte"
    assert table["repetition"].tolist() == [0, 1, 1, 1, 1, 2, 2, 2, 2, 0, 0]
    assert table["lesion"].tolist()[3:5] == [b"none", b"hippocampus"]
    assert table["stop"][-1] == 3 + 2 * (3 + 5400) + 1


@pytest.mark.parametrize(
    ("every", "steps"), [("phase", (0, 1, 2, 5, 6, 10)), ("repetition", (0, 2, 6, 10)), ("end", (10,))]
)
def test_weight_steps(line, every, steps):
    assert line.weight_steps(RecordSpec(every=every)) == steps
    assert line.weight_steps(RecordSpec(every=every, weights="none")) == ()


def test_a_schedule_that_teaches_nothing_records_no_weights():
    line = unroll(Protocol(name="test", items=ItemSpec(count=2), schedule=[probe("all")]))
    assert line.weight_steps(RecordSpec(every="end")) == ()
    assert len(line.presentations(0)) == 0
    assert line.probed(0, line.presentations(0)).all()


def test_describe_has_one_line_per_step(line):
    head, *rows = str(line).splitlines()
    assert head.split() == ["step", "start", "kind", "label", "repetition", "lesion", "presented", "settings"]
    assert len(rows) == len(line)
    assert rows[0].split() == ["0", "0", "s", "wake", "3", "present", "all,", "order", "shuffled"]
    assert "hippocampus" in rows[4]
    assert "1.5 h" in rows[2]


def test_a_sleep_that_says_no_duration_is_described_without_one():
    nights = [wake("all"), Sleep(passes=2), Sleep()]
    rows = str(unroll(Protocol(name="nights", items=ItemSpec(count=3), schedule=nights))).splitlines()
    assert rows[2].split()[3:] == ["sleep", "0", "passes", "2"]
    assert rows[3].split()[3:] == ["sleep", "0"]


def test_rows_of_a_phase(line):
    got = line.presentations(0)
    assert [len(got.of(k)) for k in range(len(line))] == line.presentations_per_step.tolist()
    assert got.of(5).item.tolist() == [0, 1, 2]
    assert got.of(3).item.dtype == np.int64
    assert len(got.of(99)) == 0
