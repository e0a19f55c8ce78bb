"""The YAML and the Python form hold the same protocol; laws that every unrolled protocol keeps."""

import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import engram.protocols as words
from engram.protocols import (
    Duration,
    ItemSpec,
    Protocol,
    RecordSpec,
    StatesSpec,
    each,
    lesion,
    probe,
    repeat,
    rest,
    sleep,
    unroll,
    wake,
)

COUNT = 6
LISTS = {"A": [4, 0], "B": {"size": 2}, "C": {"permutes": "A"}}
NAMES = {name: getattr(words, name) for name in words.__all__}

texts = st.text(st.sampled_from("aZ09 :#-?{}[],&*!|>'\"%@`~\\éß漢🐘\u00a0\ufeff\u200b\u0301"), max_size=30)
labels = texts.map(str.strip)
durations = st.one_of(
    st.builds("{} {}".format, st.integers(0, 10**6), st.sampled_from(["ms", "s", "min"])),
    st.builds("{!r}h".format, st.floats(0, 1000)),
).map(Duration)
shares = st.floats(0, 1)
slots = st.lists(st.integers(0, COUNT - 1), min_size=1, unique=True)
maybe = lambda strategy: st.one_of(st.none(), strategy)  # noqa: E731


def selections(in_each):
    named = ["all", "seen", "A", "B", "C", ("C", "B")] + (["current"] if in_each else [])
    return st.one_of(st.sampled_from(named), slots)


def phases(in_each):
    # What is woken has two items or more, so that its labels can be deranged; `seen` would depend on the subject.
    two = st.one_of(st.sampled_from(["all", "A", "B", "C", ("A", "B"), ["B", "C"]]), slots.filter(lambda s: len(s) > 1))
    wakes = st.builds(
        wake,
        two if not in_each else st.one_of(two, st.just("current")),
        order=st.sampled_from(["listed", "shuffled"]),
        labels=st.one_of(st.sampled_from(["true", "deranged"]), st.builds(lambda w: {"wrong": w}, shares)),
        exposures=st.integers(1, 3),
        duration=durations,
        domain=maybe(st.just("sketches")),
        passes=maybe(st.integers(1, 9)),
        label=labels,
    )
    # Groups of any size fit where no other item has to stand between two presentations.
    spaced = st.builds(
        wake,
        st.sampled_from(["all", "A", "B"]),
        order=st.sampled_from(["listed", "shuffled"]),
        exposures=st.integers(2, 4),
        lag=st.one_of(st.just(0), st.integers(0, 9).map(lambda most: [0, most])),
    )
    paired = st.builds(
        wake,
        st.just("B"),
        exposures=st.integers(1, 3),
        cued_by=st.sampled_from(["A", "C", [0, 3], ["A"]]),
        label=labels,
    )
    stages = st.lists(
        st.builds(lambda kind, d: {kind: d}, st.sampled_from(["nrem", "rem"]), durations), min_size=1, max_size=3
    )
    sleeps = st.one_of(
        st.builds(sleep, maybe(durations), passes=maybe(st.integers(1, 9)), replay=maybe(selections(in_each))),
        st.builds(sleep, cycles=maybe(st.integers(1, 5)), stages=stages, cue=maybe(selections(in_each)), label=labels),
    )
    lesions = st.sampled_from([(), ("none",), ("none", "hippocampus"), ["cortex", "none"]])
    probes = st.one_of(
        st.builds(probe, selections(in_each), lesions=lesions, learn=st.booleans(), label=labels),
        st.builds(
            probe,
            corruptions=st.sampled_from(["all", ["fog"], ["snow", "frost"]]),
            severities=maybe(st.lists(st.integers(1, 5), min_size=1, unique=True)),
            unknown=st.sampled_from([True, False, "if-any"]),
        ),
        st.builds(probe, kind=st.just("cued"), cue=st.builds(lambda f, n: {"fraction": f, "noise": n}, shares, shares)),
        st.builds(
            probe,
            selections(in_each),
            kind=st.just("recall"),
            scoring=maybe(st.sampled_from(["item", "strict", "free"])),
            learn=st.booleans(),
        ),
        st.builds(probe, st.just("B"), kind=st.just("recall"), cued_by=st.sampled_from(["A", [5, 0]])),
    )
    return st.one_of(
        wakes,
        spaced,
        paired,
        sleeps,
        probes,
        st.builds(rest, durations, replay=st.booleans()),
        st.builds(lesion, st.sampled_from(["none", "CA3"])),
    )


def elements(depth, in_each):
    if depth == 0:
        return phases(in_each)
    inner = st.lists(elements(depth - 1, in_each), min_size=1, max_size=2)
    within = st.lists(elements(depth - 1, True), min_size=1, max_size=2)
    # A block over all items, so that every deranged label finds another item to be exchanged with.
    orders = st.fixed_dictionaries({"order": maybe(st.sampled_from(["listed", "shuffled"]))})
    given_order = st.builds(lambda order: {"of": "all", "order": order}, st.permutations(range(COUNT)))
    frequency = st.one_of(st.just({"from": 1, "step": 1}), st.lists(st.integers(1, 3), min_size=COUNT, max_size=COUNT))
    counted = st.builds(lambda f: {"of": "all", "frequency": f, "bound": 0.9}, frequency)
    over_items = st.builds(
        lambda body, more: each("item", body, **more), within, st.one_of(orders, given_order, counted)
    )
    over_lists = st.builds(
        lambda what, body, of, order, label: each(what, body, of=of, order=order, label=label),
        st.sampled_from(["list", "task"]),
        within,
        st.one_of(st.none(), st.just(["A", "C", "A"]), st.just("B")),
        maybe(st.sampled_from(["listed", "shuffled"])),
        labels,
    )
    repeated = st.builds(repeat, st.integers(1, 2), inner, label=labels)
    over_domains = st.builds(
        lambda body, of: each("domain", [wake("all", domain="current"), *body], of=of),
        inner,
        maybe(st.lists(st.sampled_from(["s1", "s2"]), min_size=1)),
    )
    return st.one_of(phases(in_each), repeated, over_items, over_lists, over_domains)


values = st.one_of(st.booleans(), st.integers(-5, 5), st.floats(-9, 9), texts, st.none())
options = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True), st.one_of(values, st.lists(values, max_size=3)), max_size=3
)
lasting = durations.filter(lambda duration: duration.seconds > 0)
states = st.builds(
    StatesSpec,
    of=st.lists(st.sampled_from(["C.v", "H.a2", "CA3-b.x_1"]), min_size=1, unique=True),
    every=lasting,
    cells=st.integers(1, 20),
)
protocols = st.builds(
    Protocol,
    name=st.from_regex(r"[a-z0-9]{1,5}(-[a-z0-9]{1,5}){0,2}", fullmatch=True),
    about=st.one_of(texts, st.just("two\nlines: # and more"), st.sampled_from(["1e3", ".5e3", "null", "0o7", "~"])),
    items=st.builds(
        ItemSpec,
        count=st.just(COUNT),
        classes=st.sampled_from(["shuffled", "listed", "seed-1993", [f"{k}: #" for k in range(COUNT)]]),
        lists=st.just(LISTS),
        train=maybe(st.integers(1, 500)),
        options=options,
    ),
    schedule=st.lists(elements(2, False), min_size=1, max_size=3).map(lambda rest: [wake("all"), *rest]),
    record=st.builds(
        RecordSpec,
        responses=st.sampled_from(["counts", "trials", "none"]),
        weights=st.sampled_from(["summary", "snapshots", "none"]),
        every=st.sampled_from(["phase", "repetition", "end"]),
        spikes=st.sampled_from(["all", "none"]),
        rates=maybe(lasting),
        states=maybe(states),
    ),
    needs=st.lists(st.sampled_from(["order", "time"]), unique=True),
)


few = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("first", [*'!"#$%&()*+,-./:;<=>?@[]^_`{|}~', "'", "\\", "- ", "? ", ": ", "? *"])
def test_no_sign_that_yaml_knows_gets_lost_at_the_beginning_of_a_text(first):
    for text in (first, f"{first}0", f"{first}*0", f"{first} a: b"):
        for given_as in (text, [text], [text, "b"]):
            items = ItemSpec(count=2, options={"a": given_as})
            protocol = Protocol(name="signs", about=text, items=items, schedule=[wake("all", label=text)])
            assert Protocol.from_yaml(protocol.to_yaml()) == protocol


@few
@given(protocols)
def test_forms_convert_without_loss(protocol):
    assert Protocol.from_yaml(protocol.to_yaml()) == protocol
    assert eval(protocol.to_python(), dict(NAMES)) == protocol
    assert Protocol(**protocol.model_dump()) == protocol
    assert Protocol(**json.loads(protocol.model_dump_json())) == protocol


@few
@given(protocols, st.integers(0, 2**32 - 1))
def test_laws_of_the_timeline(protocol, seed):
    timeline = unroll(protocol)
    got, again = timeline.presentations(np.random.default_rng(seed)), timeline.presentations(seed)
    for name in ("phase", "order", "item", "label", "wrong", "cue"):
        np.testing.assert_array_equal(getattr(got, name), getattr(again, name))
    other = timeline.presentations(seed + 1)
    np.testing.assert_array_equal(got.phase, other.phase)
    np.testing.assert_array_equal(got.order, other.order)

    assert [step.index for step in timeline] == list(range(len(timeline)))
    assert all(a.stop == b.start for a, b in zip(timeline.steps, timeline.steps[1:], strict=False))
    assert set(got.phase) == {step.index for step in timeline if step.kind == "wake"}
    for step in timeline:
        rows = got.of(step.index)
        np.testing.assert_array_equal(rows.order, np.arange(timeline.presentations_per_step[step.index]))
        np.testing.assert_array_equal(rows.item, got.item[got.phase == step.index])
        if step.kind == "wake":
            check_wake(step, rows)
        elif step.kind == "probe":
            asked = timeline.probed(step, got)
            if step.phase.of == "seen":
                assert set(np.flatnonzero(asked)) == set(got.item[got.phase <= step.index])
            else:
                assert asked.any()


def check_lags(items, phase):
    for item in set(items):
        places = np.flatnonzero(np.array(items) == item)
        assert len(places) == phase.exposures
        assert ((np.diff(places) > phase.lags[0]) & (np.diff(places) <= phase.lags[1] + 1)).all()


def check_wake(step, rows):
    phase = step.phase
    assert step.stop - step.start == pytest.approx(len(rows) * phase.duration.seconds, abs=1e-6)
    if phase.present != "current":
        of_lists = {"A": (4, 0), "B": (1, 2), "C": (4, 0)}
        wanted = {"all": range(COUNT), **of_lists}.get(phase.present, phase.present)
        if isinstance(wanted[0], str):
            wanted = [slot for name in wanted for slot in of_lists[name]]
        assert sorted(rows.item) == sorted(list(wanted) * phase.exposures)
        if phase.lags is not None:
            check_lags(rows.item.tolist(), phase)
        elif phase.order == "listed" and "C" not in phase.present:
            assert rows.item.tolist() == list(wanted) * phase.exposures
    if phase.cued_by is None:
        assert (rows.cue == -1).all()
    else:
        cue_of = {"A": {1: 4, 2: 0}, ("A",): {1: 4, 2: 0}, (0, 3): {1: 0, 2: 3}}.get(phase.cued_by)
        assert dict(zip(rows.item, rows.cue, strict=True)).keys() == {1, 2}
        assert cue_of is None or [cue_of[item] for item in rows.item] == rows.cue.tolist()
        assert cue_of is not None or set(zip(rows.item, rows.cue, strict=True)) in ({(1, 4), (2, 0)}, {(1, 0), (2, 4)})
    if phase.labels == "deranged":
        assert (rows.label != rows.item).all()
    else:
        np.testing.assert_array_equal(rows.label, rows.item)
    share = 0 if isinstance(phase.labels, str) else phase.labels.wrong
    assert (rows.wrong == share).all()
