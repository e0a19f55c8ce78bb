"""Protocols that leave something to the item set: how many classes, which domains, whether any are unknown."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.protocols import ItemSpec, Protocol, each, library, load, probe, repeat, unroll, wake

HEAD = "name: x\nitems: {count: all}\nschedule:\n"


def tasks(n, classes):
    return ItemSpec(count="all", lists={"count": n}).for_classes(classes).fixed_lists()


@given(st.integers(1, 60), st.integers(0, 200))
def test_all_items_are_dealt_out_and_no_list_is_more_than_one_larger(n, more):
    lists = tasks(n, n + more)
    assert list(lists) == [f"list-{k}" for k in range(1, n + 1)]
    assert [slot for slots in lists.values() for slot in slots] == list(range(n + more))
    sizes = [len(slots) for slots in lists.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] - sizes[-1] <= 1


def test_by_hand():
    assert tasks(3, 8) == {"list-1": (0, 1, 2), "list-2": (3, 4, 5), "list-3": (6, 7)}
    fixed = ItemSpec(count=5, lists={"count": 2})
    assert fixed.fixed_lists() == {"list-1": (0, 1, 2), "list-2": (3, 4)}
    sized = ItemSpec(count="all", lists={"count": 2, "size": 2}).for_classes(7)
    assert sized.fixed_lists() == {"list-1": (0, 1), "list-2": (2, 3)}
    assert sized.unused() == (4, 5, 6)


def test_an_open_count_is_settled_before_it_is_used():
    spec = ItemSpec(count="all")
    with pytest.raises(ValueError, match=r"items\.count is all.*for_classes"):
        spec.slots  # noqa: B018
    assert spec.for_classes(7).slots == 7
    assert ItemSpec(count=3).for_classes(7).slots == 3
    with pytest.raises(ValueError, match="for_classes"):
        unroll(load("class-incremental-5"))


def test_classes_by_name_say_how_many_there_are():
    spec = ItemSpec(count="all", classes=["cat", "dog", 7])
    assert spec.classes == ("cat", "dog", "7")
    assert spec.for_classes(10).slots == 3
    with pytest.raises(ValueError, match="classes: names 3 classes; the item set has 2"):
        spec.for_classes(2)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ("{count: al}", 'items.count: found "al"; expected a whole number from 1 to 100000, or all'),
        ("{count: 1.5}", "items.count: found 1.5"),
        ("{count: true}", "items.count: found true"),
        ("{count: 9, lists: {count: 10}}", "lists.count: found 10 lists for 9 items; every list needs at least one"),
        ("{count: 3, classes: listd}", 'classes: found "listd"; .*Did you mean "listed"'),
        ("{count: 3, classes: []}", "classes: found an empty list; expected at least one class name"),
        ("{count: 3, classes: [a, b, a]}", 'classes: found the class "a" twice'),
        ("{count: 3, classes: [a, b]}", "classes: names 2 classes; count is 3"),
        ("{count: 3, classes: [a, b, {c: 1}]}", "classes: found .*expected the name of a class"),
        ("{count: 3, lists: {count: 0}}", "lists.count: found 0; expected at least 1"),
    ],
)
def test_mistakes_in_the_items(items, words):
    with pytest.raises(ValueError, match=words):
        Protocol.from_yaml(f"name: x\nitems: {items}\nschedule: [wake: all]\n")


def test_the_schedule_of_an_open_protocol_is_checked():
    for schedule, words in {
        "- wake: curent\n": 'found "curent"; .*tried with 10 items',
        "- probe: seen\n": 'found "seen", but nothing',
        "- wake: [0, 41]\n- wake: {present: [1], labels: deranged}\n": "found one item; .*tried with 42 items",
    }.items():
        with pytest.raises(ValueError, match=words):
            Protocol.from_yaml(HEAD + schedule)


def test_slots_by_number_need_as_many_classes():
    protocol = Protocol.from_yaml(HEAD + "- wake: [0, 41]\n- probe: all\n")
    assert protocol.for_classes(42).items.slots == 42
    with pytest.raises(ValueError, match=r'protocol "x" with an item set of 41 classes: schedule.*found slot 41'):
        protocol.for_classes(41)


def test_fresh_lists_need_as_many_classes_as_they_take():
    items = ItemSpec(count="all", lists={"new-ones": {"size": 4, "fresh": True}})
    protocol = Protocol(name="days", items=items, schedule=[repeat(5, [wake("new-ones"), probe("all")])])
    assert len(unroll(protocol.for_classes(20))) == 10
    with pytest.raises(ValueError, match="needs 20 slots in all"):
        protocol.for_classes(19)


def test_too_many_tasks():
    with pytest.raises(ValueError) as error:
        load("class-incremental-20").for_classes(7)
    assert str(error.value) == (
        'protocol "class-incremental-20" with an item set of 7 classes: '
        "items.lists.count: found 20 lists for 7 items; every list needs at least one item"
    )


def test_what_is_settled_is_written_and_read_back():
    settled = load("class-incremental-10").for_classes(45, unknown=True)
    again = Protocol.from_yaml(settled.to_yaml())
    assert again == settled
    assert not again.open
    assert again.for_classes(60) is again
    assert "count: 45" in settled.to_yaml()


@pytest.mark.parametrize("name", [name for name in library() if load(name).open])
def test_both_forms_of_open_protocols(name):
    from engram import protocols as words

    protocol = load(name)
    assert Protocol.from_yaml(protocol.to_yaml()) == protocol
    assert eval(protocol.to_python(), {name: getattr(words, name) for name in words.__all__}) == protocol
    assert len(unroll(protocol.settled(200))) >= len(unroll(protocol.settled())) > 0


def test_the_order_of_classes_is_changed_and_nothing_else():
    protocol = load("class-incremental-5")
    ordered = protocol.in_class_order(["b", "a", "c", "d", "e"])
    assert ordered.items.classes == ("b", "a", "c", "d", "e")
    assert ordered.in_class_order("shuffled") == protocol


# Unknown classes ----------------------------------------------------------------------------------------------------


def whether_unknown(unknown, count, classes, given=False):
    protocol = Protocol(name="x", items=ItemSpec(count=count), schedule=[wake("all"), probe("all", unknown=unknown)])
    settled = protocol.for_classes(classes, unknown=given)
    return settled.schedule[1].unknown


def test_unknown_classes_are_tested_where_there_are_any():
    assert whether_unknown("if-any", 3, 5) is True
    assert whether_unknown("if-any", 5, 5) is False
    assert whether_unknown("if-any", "all", 5) is False
    assert whether_unknown("if-any", "all", 5, given=True) is True
    assert whether_unknown(True, 3, 5) is True
    assert whether_unknown(False, 3, 5) is False
    with pytest.raises(ValueError, match=r"unknown: true.*every class of the item set is an item"):
        whether_unknown(True, 5, 5)


def test_classes_that_are_left_out_by_name_are_unknown():
    protocol = load("class-incremental-5").in_class_order(["1", "3", "5", "7", "9"])
    settled = protocol.for_classes(10)
    assert (settled.items.slots, settled.schedule[-1].unknown) == (5, True)
    assert "unknown-items" in settled.abilities()
    assert "unknown-items" not in load("class-incremental-5").for_classes(10).abilities()


# Probes of corruptions ----------------------------------------------------------------------------------------------


def test_corruptions_and_severities():
    assert len(probe(corruptions="all").corrupted()) == 75
    assert probe(corruptions=["fog", "snow"], severities=[5, 1]).corrupted() == (
        ("fog", 5),
        ("fog", 1),
        ("snow", 5),
        ("snow", 1),
    )
    assert probe().corrupted() == ()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ("corruptions: [fogg]", 'corruptions: found "fogg"; allowed: .*Did you mean "fog"'),
        ("corruptions: fog", 'corruptions: found "fog"; allowed: all or a list of corruptions'),
        ("corruptions: [fog, fog]", "expected each corruption once"),
        ("corruptions: all, severities: [6]", r"severities\[0\]: found 6; expected at most 5|severities.0: found 6"),
        ("corruptions: all, severities: [1, 1]", "severities: found .*each once"),
        ("corruptions: all, severities: []", "severities: found an empty list"),
        ("severities: [1]", "severities: severities need corruptions"),
        ("unknown: maybe", 'unknown: found "maybe"; allowed: true, false or if-any'),
        ("kind: recall, unknown: true", "only a probe of kind recognition takes unknown"),
        ("kind: recall, corruptions: all", "only a probe of kind recognition takes corruptions"),
    ],
)
def test_mistakes_in_a_probe(fields, words):
    with pytest.raises(ValueError, match=words):
        Protocol.from_yaml(f"name: x\nitems: {{count: 4}}\nschedule: [wake: all, probe: {{{fields}}}]\n")


# Domains ------------------------------------------------------------------------------------------------------------


def by_domain(**fields):
    phases = [wake("all", domain="current", labels="deranged"), probe("all")]
    return Protocol(name="x", items=ItemSpec(count=4), schedule=[each("domain", phases, **fields)])


def test_every_domain_of_the_item_set():
    line = unroll(by_domain().for_classes(4, domains=["s1", "s2", "s4"]))
    assert [(step.kind, step.list) for step in line] == [
        (kind, domain) for domain in ("s1", "s2", "s4") for kind in ("wake", "probe")
    ]
    assert [step.phase.domain for step in line if step.kind == "wake"] == ["s1", "s2", "s4"]
    presentations = line.presentations(0)
    assert presentations.item.tolist() == [0, 1, 2, 3] * 3
    # One derangement for each place in the schedule, whatever the domain.
    assert (presentations.label.reshape(3, 4) == presentations.label[:4]).all()
    assert not np.any(presentations.label == presentations.item)


def test_domains_by_name():
    protocol = by_domain(of=["night", "day", "night"])
    assert not protocol.open
    assert [s.phase.domain for s in unroll(protocol) if s.kind == "wake"] == ["night", "day", "night"]


def test_domains_that_are_not_there():
    with pytest.raises(ValueError, match=r"goes over domains.*the item set has none"):
        by_domain().for_classes(4)
    with pytest.raises(ValueError, match=r"current.*outside of any block that goes over domains"):
        Protocol(name="x", items=ItemSpec(count=4), schedule=[wake("all", domain="current")])
    with pytest.raises(ValueError, match=r'the domain "dusk"; the item set has domains day or dawn'):
        by_domain(of=["day", "dusk"]).for_classes(4, domains=["day", "dawn"])
    for fields, words in {
        "of": ("all", "expected a list of domains"),
        "order": ("shuffled", "domains come in the order in which they are named"),
        "frequency": ([1, 2], "domains take no frequency"),
    }.items():
        with pytest.raises(ValueError, match=words[1]):
            by_domain(**{fields: words[0]})


def test_a_single_pass_is_an_ability():
    assert load("online-stream").abilities()["passes"] == "schedule[0].each.phases[0].wake.passes"
    with pytest.raises(ValueError, match="passes: found 0; expected at least 1"):
        wake("all", passes=0)
