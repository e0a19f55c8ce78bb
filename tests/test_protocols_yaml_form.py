"""Every mistake in a protocol file is told in words: file, line, path, what was found, what is allowed."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.protocols import Protocol, Wake, load, wake

HEAD = "name: x\nitems: {count: 4}\nschedule:\n"
LISTS = "name: x\nitems: {count: 4, lists: {A: [0], B: [1, 2]}}\nschedule:\n"
INTERNALS = re.compile(r"pydantic|type=|input_value|https?:|function-|\[type|Traceback|<class")


def told(text):
    with pytest.raises(ValueError) as error:
        Protocol.from_yaml(text, "f.yaml")
    message = str(error.value)
    assert not INTERNALS.search(message)
    assert all(line.startswith("f.yaml:") for line in message.splitlines())
    return message


def test_the_whole_form_of_a_message():
    text = HEAD + "  - repeat: 3\n    phases:\n      - probe: all\n      - wake:\n          present: curent\n"
    assert told(text) == (
        'f.yaml:8: schedule[0].repeat.phases[1].wake.present: found "curent"; '
        'allowed: all, seen, current, new, a list name or slot numbers. Did you mean "current"?'
    )


def test_all_mistakes_are_listed_in_order_of_lines():
    message = told("name: My Name\nitems: {count: 0}\nschedule:\n  - rest: 10\n  - wak: all\n")
    assert [line.split(": ")[:2] for line in message.splitlines()] == [
        ["f.yaml:1", "name"],
        ["f.yaml:2", "items.count"],
        ["f.yaml:4", "schedule[0].rest.duration"],
        ["f.yaml:5", "schedule[1].wak"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # unknown and missing fields
        ("- wake: {presnt: all}", r'f.yaml:4: schedule\[0\].wake.presnt: unknown field; .* Did you mean "present"\?$'),
        ("- wake:\n  present: all", r"schedule\[0\].present: unknown field beside wake; .*Indent it under wake"),
        ("- wak: all", r"allowed: wake, sleep, rest, probe, lesion, repeat or each. Did you mean \"wake\""),
        ("- wake: all\n  probe: all", "found wake and probe in one entry"),
        ("- wake", 'Write "wake:" with a colon'),
        ("- wake:", "wake.present: is missing"),
        ("- wake: {present: all, label: a}", "a label stands beside the phase"),
        ("- each: item\n  phases: [{wake: current}]\n  oder: listed", r'each.oder: unknown field.*"order"'),
        # wrong types and numbers
        ("- repeat: 2.5\n  phases: [{wake: all}]", r"schedule\[0\].repeat: found 2.5; expected a whole number"),
        ("- repeat: yes\n  phases: [{wake: all}]", 'repeat: found "yes"; expected a whole number'),
        ("- repeat: true\n  phases: [{wake: all}]", "repeat: found true; expected a whole number"),
        ("- repeat: -2\n  phases: [{wake: all}]", "repeat: found -2; expected at least 1"),
        ("- repeat: 0\n  phases: [{wake: all}]", "repeat: found 0; expected at least 1"),
        ("- repeat: 100001\n  phases: [{wake: all}]", "repeat: found 100001; expected at most 100000"),
        ("- repeat: " + "9" * 5000 + "\n  phases: [{wake: all}]", "expected a smaller whole number"),
        ("- wake: {present: all, exposures: '3'}", 'exposures: found "3"; expected a whole number'),
        ("- wake: {present: all, order: shufled}", 'Did you mean "shuffled"'),
        ("- wake: {present: all, order: [0, 1, 1, 2]}", "found slot 1 twice"),
        ("- wake: {present: all, order: [0, 1]}", "expected the 4 slots that are presented"),
        ("- probe: {of: all, learn: 1}", "learn: found 1; expected true or false"),
        ("- wake: {present: all, lag: 1}", r"wake.lag: a lag is between presentations of one item; set exposures to 2"),
        ("- wake: {present: all, exposures: 2, lag: -1}", "lag: found -1; expected how many other presentations"),
        ("- wake: {present: all, exposures: 2, lag: 1.5}", "lag: found 1.5; expected how many"),
        ("- wake: {present: all, exposures: 2, lag: [5, 2]}", r"lag: found \[5, 2\]; expected the least and the most"),
        ("- wake: {present: all, exposures: 2, lag: [1, 2, 3]}", r"lag: found \[1, 2, 3\]; expected the least"),
        (
            "- wake: {present: all, exposures: 2, lag: 2}",
            "wake.lag: found 2 for 4 items, which come back in groups of 3; their number must divide evenly, "
            "as with a lag of 0, 1 or 3$",
        ),
        ("- wake: {present: all, exposures: 2, lag: [4, 9]}", r"lag: found \[4, 9\] for 4 items.*groups of 5 to 10"),
        ("- wake: {present: [0, 1], cued_by: [2]}", r"cued_by: found \[2\] of 1 item for 2 items; expected one cue"),
        ("- wake: {present: [0, 1], cued_by: [0, 2]}", "cued_by: found .*, which pairs an item with itself"),
        ("- wake: {present: [0, 1], cued_by: all}", 'cued_by: found "all"; expected the list whose items are the cues'),
        (
            "- wake: all\n- wake: {present: seen, cued_by: [0]}",
            'cued_by: found "seen" in present; pairs need items in a',
        ),
        ("- probe: {of: all, cued_by: [0]}", "cued_by: only a probe of kind recall takes cued_by; .* recognition"),
        ("- probe: {of: [0], kind: recall, cued_by: [1], scoring: item}", "recall by cues is scored by cue"),
        ("- probe: {of: [0, 1], kind: recall, cued_by: [2]}", "cued_by: found .* of 1 item for 2 items"),
        ("- wake: all\n- probe: {of: all, kind: recall, every: epoch}", "probe.every: only a probe of kind recog"),
        ("- probe: {of: [0], kind: recall, cuedby: [1]}", r'probe.cuedby: unknown field;.* Did you mean "cued_by"'),
        ("- probe: {of: all, kind: recal}", 'allowed: recognition, cued or recall. Did you mean "recall"'),
        ("- rest: 10", "give a unit"),
        ("- rest: {duration: 1 h, replay: often}", 'rest.replay: found "often"; expected true or false'),
        ("- rest: {duration: 1 h, reply: true}", 'rest.reply: unknown field; .* Did you mean "replay"'),
        # labels
        ("- wake: {present: all, labels: false}", r"labels: found false; allowed: true, deranged or \{wrong: SHARE\}"),
        ("- wake: {present: all, labels: derange}", 'Did you mean "deranged"'),
        ("- wake: {present: all, labels: {wrong: 1.5}}", "labels.wrong: found 1.5; expected at most 1"),
        ("- wake: {present: all, labels: {wrong: .nan}}", "labels.wrong: found nan; expected a finite number"),
        ("- wake: {present: [1], labels: deranged}", "labels: found one item"),
        ("- each: item\n  of: [2]\n  phases: [{wake: {present: current, labels: deranged}}]", "labels: found one item"),
        # empty
        ("- wake: []", "present: found an empty list"),
        ("- repeat: 2\n  phases: []", "phases: found an empty list; expected at least one phase or block"),
        ("- probe: {of: all, lesions: []}", "lesions: found an empty list"),
        ("- sleep: {stages: []}", "stages: found an empty list"),
        ("- each: item\n  frequency: []\n  phases: [{wake: current}]", "frequency: found an empty list"),
        # impossible selections
        ("- wake: current", "outside of any each block"),
        ("- probe: seen", "nothing has been presented before"),
        ("- wake: seen", "nothing has been presented before"),
        ("- wake: all\n- wake: new", r"schedule\[1\].wake.present: found \"new\", but every item"),
        ("- wake: all\n- probe: new", "but every item has been presented before"),
        ("- wake: [0, 4]", r"present\[1\]: found slot 4; allowed: 0 to 3"),
        ("- wake: [0, -1]", "found -1; expected slot numbers"),
        ("- wake: [0, 1.5]", "found 1.5; expected slot numbers"),
        ("- wake: [0, true]", "found true; expected slot numbers"),
        ("- sleep: {replay: seen}", 'sleep.replay: found "seen", but nothing'),
        ("- repeat: 2\n  phases: [{wake: new}]", 'found "new", but every item'),
        # probes, sleep
        ("- probe: {kind: cued}", "cue: is missing"),
        ("- probe: {cue: {fraction: 0.5}}", "only a probe of kind cued"),
        ("- probe: {scoring: strict}", "only a probe of kind recall"),
        ("- probe: {of: all, every: epoch}", "every: epoch needs a wake phase right before"),
        ("- wake: all\n- rest: 1 s\n- probe: {of: all, every: epoch}", "needs a wake phase right before"),
        ("- sleep: {duration: 1 h, stages: [{nrem: 1 h}]}", "either duration, or cycles and stages"),
        ("- sleep: {cycles: 2}", "cycles need stages"),
        ("- sleep: {stages: [{nrem: 1 h, rem: 1 h}]}", r"stages\[0\]: expected one stage"),
        # frequency
        ("- each: item\n  frequency: [1, 2]\n  phases: [{wake: current}]", "found 2 counts for 4 items"),
        ("- each: item\n  frequency: {from: 2, step: -1}\n  phases: [{wake: current}]", "counts from -1 to 2"),
        ("- each: item\n  order: balanced\n  phases: [{wake: current}]", "balanced needs the field frequency"),
        (
            "- each: item\n  of: [0, 1]\n  frequency: [1, 2]\n  phases: [{wake: current}]",
            "each.bound: found 0.1; .* the best reached is 1;",
        ),
        (
            "- each: items\n  phases: [{wake: all}]",
            'each: found "items"; allowed: item, list, task or domain. Did you mean "item"',
        ),
        # how many were seen differs between subjects
        (
            "- wake: [0]\n- each: item\n  order: shuffled\n  phases: [{wake: current}, {wake: seen}]",
            'found "seen"; how many items that is differs between subjects',
        ),
    ],
)
def test_mistakes_in_a_schedule(text, expected):
    assert re.search(expected, told(HEAD + text + "\n"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- wake: C", r'found "C"; allowed: all, seen, current, new, A, B, a list name or slot numbers'),
        ("- wake: [A, C]", r'wake.present\[1\]: found "C"; allowed: A or B'),
        ("- wake: [A, A]", r'wake.present: found \["A", "A"\]; expected each list once'),
        ("- wake: [A, all]", 'wake.present: found "all" among list names; this word stands alone'),
        ("- wake: [A, 1]", 'wake.present: found "A"; expected slot numbers'),
        ("- wake: [A, b c]", 'wake.present: found "b c"; expected the name of a list'),
        ("- probe: {of: [B, C]}", r'probe.of\[1\]: found "C"; allowed: A or B'),
        ("- each: list\n  of: [A, C]\n  phases: [{wake: current}]", r'each.of: found "C"; allowed: A or B'),
        ("- each: list\n  of: [0, 1]\n  phases: [{wake: current}]", "expected list names"),
        ("- each: item\n  of: [A, B]\n  phases: [{wake: current}]", "expected items"),
        ("- each: list\n  order: shuffled\n  phases: [{wake: current}]", "must be equally long"),
        ("- each: list\n  order: [0, 1]\n  phases: [{wake: current}]", "lists take their order from `of`"),
    ],
)
def test_mistakes_about_lists(text, expected):
    assert re.search(expected, told(LISTS + text + "\n"))


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ("{A: [0, 7]}", r"items.lists.A\[1\]: found slot 7; allowed: 0 to 3"),
        ("{all: [0]}", "a meaning of its own"),
        ("{A: []}", "items.lists.A: found an empty list"),
        ("{}", "items.lists: found an empty mapping"),
        ("{A: {siez: 2}}", r'items.lists.A.siez: unknown field.*"size"'),
        ("{A: {size: 3}, B: {size: 2}}", "lists given by size need 5 slots; 4 of 4"),
        ("{A: {permutes: B}}", "expected another list"),
        ("{A: [0], B: {permutes: A}, C: {permutes: B}}", "changes with every use"),
        ("{size: 3, count: 2}", "2 lists of 3 need 6 items; count is 4"),
        ("{size: 3}", "items.lists.count: is missing"),
        ("3", "found 3; expected"),
        ("{'a b': [0]}", "expected a list name"),
    ],
)
def test_mistakes_in_the_lists(lists, expected):
    assert re.search(expected, told(f"name: x\nitems: {{count: 4, lists: {lists}}}\nschedule: [{{wake: all}}]\n"))


def test_fresh_lists_that_run_out_say_how_many_slots_are_needed():
    text = "name: x\nitems: {count: 9, lists: {h: {size: 3}, f: {size: 3, fresh: true}}}\nschedule:\n"
    text += "- repeat: 4\n  phases: [{wake: h}, {wake: f}, {probe: f}]\n"
    assert "f.yaml:2: items.count: found 9" in told(text)
    assert '"f" 4 times' in told(text)
    assert "needs 15 slots in all" in told(text)


def test_a_fresh_list_cannot_be_probed_before_it_is_presented():
    text = "name: x\nitems: {count: 9, lists: {f: {size: 3, fresh: true}}}\nschedule: [{probe: f}]\n"
    assert "a fresh list of which nothing has been presented yet" in told(text)


def test_huge_schedules_are_refused_before_they_are_unrolled():
    nested = "- " + "{repeat: 100000, phases: [" * 3 + "{wake: all}" + "]}" * 3 + "\n"
    assert "unrolls to 1,000,000,000,000,000 steps or more; allowed: at most 1,000,000" in told(HEAD + nested)
    rows = "name: x\nitems: {count: 100000}\nschedule: [{wake: {present: all, exposures: 100000}}]\n"
    assert "more than 10,000,000 presentations" in told(rows)
    frequent = "name: x\nitems: {count: 100000}\nschedule:\n- each: item\n  frequency: {from: 100000, step: 0}\n"
    assert "more than 1,000,000 steps" in told(frequent + "  phases: [{wake: current}]\n")


def test_deep_nesting_is_refused():
    deep = "{repeat: 1, phases: [" * 17 + "{wake: all}" + "]}" * 17
    assert "nested more than 16 deep" in told(HEAD + "- " + deep + "\n")
    Protocol.from_yaml(HEAD + "- " + "{repeat: 1, phases: [" * 16 + "{wake: all}" + "]}" * 16 + "\n")
    assert "nested more than 64 deep" in told("[" * 100_000)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: &a [1, 1]\nb: [*a, *a]\n", "f.yaml:1: found the anchor &a"),
        ("a: 1\nb: *a\n", r"f.yaml:2: found the alias \*a"),
        ("name: !!python/object:os.system x\n", "f.yaml:1: found the tag .*python/object"),
        ("name: a\nname: b\n", "f.yaml:2: name: the field stands twice .* first in line 1"),
        (HEAD + "- wake: {present: all, present: all}\n", r"schedule\[0\].wake.present: the field stands twice"),
        ("name: a\nitems:\n\tcount: 3\n", "f.yaml:3: found a tab in the indentation"),
        (b"name: a\nabout: caf\xe9\n", "f.yaml:2: found byte 0xe9 .* not UTF-8"),
        ("name: a\x07\n", "f.yaml:1: found the character #x0007"),
        (HEAD + "- wake: all\n---\nname: b\n", "f.yaml:5: found a second document"),
        ("", "the file is empty"),
        ("# nothing\n", "the file is empty"),
        ("- a\n", "expected a protocol with the fields name"),
        ("hello\n", 'found "hello"; expected a protocol'),
        ("name: [a\nitems: 3\n", "f.yaml:2: not valid YAML"),
        ("? [a, b]\n: 3\n", "a list or mapping as the name of a field"),
        ("#" * (1 << 20) + "\n", "larger than 1024 KiB"),
    ],
)
def test_files_that_are_no_protocols(text, expected):
    assert re.search(expected, told(text))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(st.binary(max_size=200), st.text(max_size=200), st.text("-:[]{}&*!|>'\"#%@`\t\n abwake1", max_size=80))
)
def test_no_text_raises_anything_but_a_value_error(text):
    try:
        Protocol.from_yaml(text, "f.yaml")
    except ValueError as error:
        assert str(error).startswith("f.yaml:")  # noqa: PT017


def test_python_mistakes_are_told_in_the_same_words():
    with pytest.raises(ValueError, match=r"^labels.wrong: found 3; expected at most 1"):
        wake("all", labels={"wrong": 3}).labels  # noqa: B018
    with pytest.raises(ValueError, match=r"^presnt: unknown field.*present") as error:
        Wake(presnt="all")
    assert not INTERNALS.search(str(error.value))


def test_yaml_true_means_true_labels():
    protocol = Protocol.from_yaml(HEAD + "- wake: {present: all, labels: true}\n")
    assert protocol.schedule[0].labels == "true"


def test_short_forms():
    text = "- probe: all\n- wake: [0, 1]\n- rest: 10 min\n- sleep: 90 min\n- sleep:\n- lesion: hippocampus\n"
    text += "- lesion: none\n- lesion: {none}\n- lesion: {of: cortex}\n"
    protocol = Protocol.from_yaml(HEAD + text)
    kinds = [element.kind_of_phase for element in protocol.schedule]
    assert kinds == ["probe", "wake", "rest", "sleep", "sleep", "lesion", "lesion", "lesion", "lesion"]
    assert protocol.schedule[1].present == (0, 1)
    assert [element.of for element in protocol.schedule[5:]] == ["hippocampus", "none", "none", "cortex"]


def test_byte_order_mark_is_no_mistake():
    assert Protocol.from_yaml(("\ufeff" + HEAD + "- wake: all\n").encode()).name == "x"


def test_library_files_survive_a_round_trip_through_text():
    protocol = load("hebb-and-fillers")
    assert Protocol.from_yaml(protocol.to_yaml()) == protocol


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ("items: {count: 2, options: 3}", "items.options: found 3; expected a mapping from options of the item set"),
        ("items: {count: 2, options: {Overlap: 1}}", "items.options.Overlap: expected the name of an option"),
        (
            "items: {count: 2, options: {overlap: {mean: 1}}}",
            'items.options.overlap: found {"mean": 1}; expected a number',
        ),
        ("items: {count: 2, options: {overlap: .nan}}", "items.options.overlap: found nan; expected a number"),
        ("items: {count: 2, option: {overlap: 1}}", 'items.option: unknown field; .*Did you mean "options"'),
        ("items: {count: 2}\nrecord: {spikes: some}", 'record.spikes: found "some"; allowed: all or none'),
        ("items: {count: 2}\nrecord: {rates: 10}", "record.rates: found 10; expected a duration .*give a unit"),
        ("items: {count: 2}\nrecord: {rates: 0 ms}", 'record.rates: found "0 ms"; expected a bin such as "10 ms"'),
        ("items: {count: 2}\nrecord: {states: {every: 1 ms}}", "record.states.of: is missing"),
        ("items: {count: 2}\nrecord: {states: {of: []}}", "record.states.of: found an empty list; expected variables"),
        (
            "items: {count: 2}\nrecord: {states: {of: [C]}}",
            r'states.of\[0\]: found "C"; expected a population and one of',
        ),
        ("items: {count: 2}\nrecord: {states: {of: [C.v, C.v]}}", "states.of: found .*; expected each variable once"),
        ("items: {count: 2}\nrecord: {states: {of: [C.v], every: 0 s}}", 'states.every: found "0 s"; expected a time'),
    ],
)
def test_mistakes_about_options_and_recording(head, expected):
    assert re.search(expected, told(f"name: x\n{head}\nschedule: [wake: all]\n"))
