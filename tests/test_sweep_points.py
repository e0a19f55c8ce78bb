"""The points of a sweep: every combination once, under names that a recording can hold."""

import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.models import Fixed, MetaplasticNetwork, Uniform
from engram.sim.sweeping import grid
from engram.sim.sweeping.points import MOST_POINTS

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def test_combinations_are_in_order_and_the_models_have_them():
    points = grid({"m": MetaplasticNetwork(hidden=(8,)), "n": "hybrid"}, {"m.rate": [0.5, 1], "m.batch_size": [1, 2]})
    assert list(points) == [
        "m_rate-0.5_batch_size-1",
        "m_rate-0.5_batch_size-2",
        "m_rate-1_batch_size-1",
        "m_rate-1_batch_size-2",
        "n",
    ]
    assert [(point.model.rate, point.model.batch_size) for point in points.values()][:4] == [
        (0.5, 1), (0.5, 2), (1, 1), (1, 2)
    ]  # fmt: skip
    assert all(point.model.hidden == (8,) for name, point in points.items() if name != "n")
    assert points["n"].parameters == {}


def test_one_value_sets_a_parameter_and_is_not_in_the_name():
    points = grid({"m": "hybrid"}, {"m.batch_size": [7], "m.rate": [0.1, 0.2]})
    assert {name: point.model.batch_size for name, point in points.items()} == {"m_rate-0.1": 7, "m_rate-0.2": 7}
    assert points["m_rate-0.1"].parameters == {"batch_size": 7, "rate": 0.1}


def test_values_may_be_objects_arrays_words_and_parts_of_parameters():
    points = grid({"m": "hybrid"}, {"m.flexibility": [Fixed(0.3), Uniform(), {"kind": "fixed", "value": 1}]})
    assert list(points) == ["m_flexibility-fixed-0.3", "m_flexibility-uniform-0.0-1.0", "m_flexibility-fixed-1"]
    assert [point.model.flexibility for point in points.values()] == [Fixed(0.3), Uniform(), Fixed(1)]
    assert points["m_flexibility-fixed-0.3"].parameters == {"flexibility": {"kind": "fixed", "value": 0.3}}
    rates = grid({"m": "hybrid"}, {"m.rate": np.linspace(0.5, 1, 3)})
    assert list(rates) == ["m_rate-0.5", "m_rate-0.75", "m_rate-1"]
    inner = grid({"m": MetaplasticNetwork(flexibility=Fixed(0.5))}, {"m.flexibility.value": [0.1, 0.2]})
    assert {name: point.model.flexibility for name, point in inner.items()} == {
        "m_value-0.1": Fixed(0.1), "m_value-0.2": Fixed(0.2)
    }  # fmt: skip
    words = grid({"m": "hybrid"}, {"m.sensitivity": ["auto", 3e3]})
    assert list(words) == ["m_sensitivity-auto", "m_sensitivity-3000"]


def test_names_that_would_be_too_long_or_the_same_are_numbered():
    long = grid({"m": "hybrid"}, {"m.hidden": [[1000] * count for count in range(1, 17)]})
    assert list(long)[:2] == ["m_01", "m_02"]
    same = grid({"m": "hybrid"}, {"m.rate": [0.1, 0.1 + 1e-12]})
    assert list(same) == ["m_1", "m_2"]
    assert same["m_2"].model.rate == 0.1 + 1e-12


numbers = st.floats(0.001, 1.0) | st.sampled_from([0.1, 0.25, 1.0])


@given(
    rates=st.lists(numbers, min_size=1, max_size=6, unique=True),
    sizes=st.lists(st.integers(1, 10**6), min_size=1, max_size=5, unique=True),
)
def test_every_combination_has_one_name_that_a_recording_can_hold(rates, sizes):
    points = grid({"m": "hybrid", "n": "stable"}, {"m.rate": rates, "m.batch_size": sizes, "n.rate": rates})
    assert len(points) == len(rates) * len(sizes) + len(rates)
    assert all(NAME.fullmatch(name) for name in points)
    found = {(p.base, p.model.rate, p.model.batch_size if p.base == "m" else 0) for p in points.values()}
    assert found == {("m", r, s) for r in rates for s in sizes} | {("n", r, 0) for r in rates}
    for point in points.values():
        assert math.isclose(point.parameters["rate"], point.model.rate, rel_tol=0)


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"rate": [1]}, "found 'rate'; expected MODEL.PARAMETER, such as hybrid.rate"),
        ({"m.": [1]}, "expected MODEL.PARAMETER"),
        ({"m..rate": [1]}, "expected MODEL.PARAMETER"),
        ({"mm.rate": [1]}, '"mm" is no model of this sweep; its models: m. Did you mean "m"?'),
        ({"m.rat": [1]}, 'm.rat = 1: MetaplasticNetwork: rat: found 1; there is no such parameter. Did you mean'),
        ({"m.rate": [0.5, -2.0]}, "vary m.rate = -2.0: "),
        ({"m.rate": []}, "no values given; give at least one"),
        ({"m.rate": [0.5, 1, 0.5]}, "the value 0.5 is there twice"),
        ({"m.rate": [float("nan")]}, "found nan; expected numbers"),
        ({"m.rate": [object()]}, "expected numbers, words, or what a recording can hold"),
        ({"m.flexibility": [Fixed(1)], "m.flexibility.value": [1]}, "m.flexibility is varied as well"),
        ({"m.rate": range(1, MOST_POINTS + 2)}, "10,001 combinations of values; a sweep has at most 10,000"),
    ],
)  # fmt: skip
def test_mistakes_are_told(vary, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        grid({"m": "hybrid"}, vary)


def test_other_mistakes_are_told():
    with pytest.raises(TypeError, match=r"vary m\.rate: found '12'; expected a list of values"):
        grid({"m": "hybrid"}, {"m.rate": "12"})
    with pytest.raises(TypeError, match="m is 3; expected a Model or the name of a registered one"):
        grid({"m": 3}, {})
    with pytest.raises(ValueError, match='unknown model "hybird"'):
        grid({"m": "hybird"}, {})
    with pytest.raises(ValueError, match='"m_rate-1" stands for two of the sweep'):
        grid({"m_rate-1": "hybrid", "m": "hybrid"}, {"m.rate": [0.5, 1]})
    with pytest.raises(ValueError, match="model 'a/b' cannot name a part of a recording"):
        grid({"a/b": "hybrid"}, {})
