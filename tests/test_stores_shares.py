"""Equal shares of a budget: against trying every level, and what they look at."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from engram.models.stores.shares import ClassItems, FilesByClass

HEAD, ITEM = 40, 7


class File:
    """Items of one size behind a head, as a segment tells of them."""

    def __init__(self, label, items):
        self.head, self.items = SimpleNamespace(label=label), items

    @property
    def nbytes(self):
        return self.bytes_for(self.items)

    def bytes_for(self, items):
        return HEAD + ITEM * items if items else 0


def shares(held, room, most=None):
    files = FilesByClass(File(label, items) for label, items in enumerate(held))
    found = files.equal_shares(room, most, range(len(held)), lambda label: ClassItems(files.of(label), [], most))
    return [found[label].count if label in found else items for label, items in enumerate(held)]


def by_trying(held, room, most):
    """The largest level at which all fit; then one more for the first classes that have one and for which it fits."""

    def bytes_of(counts):
        return sum(HEAD + ITEM * count for count in counts if count)

    limits = [items if most is None else min(items, most) for items in held]
    level = max(n for n in range(max(limits) + 1) if bytes_of(min(n, limit) for limit in limits) <= room)
    counts = [min(level, limit) for limit in limits]
    for place, limit in enumerate(limits):
        more = counts.copy()
        more[place] += 1
        if limit > level and bytes_of(more) <= room:
            counts = more
    return counts


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(0, 2000), st.none() | st.integers(1, 20))
def test_shares_are_the_largest_equal_ones_that_fit(held, room, most):
    assert shares(held, room, most) == by_trying(held, room, most)


def test_without_a_limit_of_bytes_only_the_limit_of_a_class_counts():
    assert shares([3, 9, 5], None, most=4) == [3, 4, 4]


def test_classes_whose_share_stays_are_not_looked_at():
    files, looked_at = FilesByClass(File(label, 10) for label in range(1000)), []

    def class_items(label):
        looked_at.append(label)
        return ClassItems(files.of(label), [])

    files.add(File(1000, 100))
    room = 1000 * (HEAD + 10 * ITEM)
    found = files.equal_shares(room, None, [1000], class_items)
    # Ten items and a head are 110 bytes too many: one item each of the last sixteen classes.
    assert sorted(looked_at) == list(range(985, 1001))
    assert {share.count for share in found.values()} == {9}


def test_files_that_were_cut_or_emptied_count_as_they_are():
    first, second = File(0, 4), File(0, 6)
    files = FilesByClass([first, second])
    assert (files.nbytes, files.largest()) == (2 * HEAD + 10 * ITEM, 0)
    first.items, second.items = 0, 2
    files.changed(0)
    assert (files.nbytes, files.of(0)) == (HEAD + 2 * ITEM, [second])
    second.items = 0
    files.changed(0)
    assert (files.nbytes, files.largest()) == (0, None)
