import brian2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from engram.models.spiking import quantities as q


@pytest.mark.parametrize(
    ("dimension", "given", "canonical", "si"),
    [
        ("time", "20 ms", "20 ms", 0.02),
        ("time", "20*ms", "20 ms", 0.02),
        ("time", "  1.50   h ", "1.5 h", 5400.0),
        ("time", "2 hours", "2 h", 7200.0),
        ("time", "1e-3 s", "0.001 s", 1e-3),
        ("time", 20 * brian2.ms, "20 ms", 0.02),
        ("voltage", -70.6 * brian2.mV, "-70.6 mV", -0.0706),
        ("rate", "5Hz", "5 Hz", 5.0),
        ("rate", "60 /min", "60 /min", 1.0),
        ("rate", "1 1/h", "1 /h", 1 / 3600),
        ("conductance", "10 nS", "10 nS", 1e-8),
        ("capacitance", "281 pF", "281 pF", 2.81e-10),
        ("current", "80.5 pA", "80.5 pA", 8.05e-11),
    ],
)
def test_a_quantity_in_any_form_becomes_one_text(dimension, given, canonical, si):
    text = q.read_quantity(dimension, given)
    assert text == canonical
    assert q.in_si(text) == pytest.approx(si, rel=1e-12)
    assert q.dimension(text) == dimension


@pytest.mark.parametrize(
    ("dimension", "given", "message"),
    [
        ("time", 20, 'found 20, which has no unit; expected a time such as "20 ms"'),
        ("time", "20", 'found 20, which has no unit; expected a time such as "20 ms"'),
        ("time", "20 mV", 'found "20 mV", which is a voltage; expected a time'),
        ("voltage", "20 mVV", 'whose unit is none of .*Did you mean "mV"'),
        ("time", "soon", "found 'soon'; expected a time"),
        ("time", None, "found None; expected a time"),
        ("time", True, "found True; expected a time"),
        ("time", "nan ms", "found 'nan ms'"),
        ("time", "1e999 ms", "not finite"),
        ("time", "1" * 200 + " ms", "expected a time"),
        ("time", 3 * brian2.mV, "which is a voltage"),
    ],
)
def test_anything_else_is_refused_in_words(dimension, given, message):
    with pytest.raises(ValueError, match=message):
        q.read_quantity(dimension, given)


@given(st.floats(-1e6, 1e6).filter(lambda x: abs(x) > 1e-9 or x == 0), st.sampled_from(sorted(q.UNITS["time"])))
def test_reading_the_text_again_changes_nothing(number, unit):
    text = q.read_quantity("time", f"{number!r} {unit}")
    assert q.read_quantity("time", text) == text
    assert q.in_si(text) == pytest.approx(number * q.UNITS["time"][unit], rel=1e-12)


def test_times_are_above_zero_and_delays_may_be_zero():
    assert TypeAdapter(q.Delay).validate_python("0 ms") == "0 ms"
    with pytest.raises(ValueError, match='found "0 ms"; expected a time above 0'):
        TypeAdapter(q.Time).validate_python("0 ms")
    with pytest.raises(ValueError, match='found "-1 ms"; expected a time of at least 0'):
        TypeAdapter(q.Delay).validate_python("-1 ms")


def test_a_brian2_quantity_keeps_all_its_digits():
    assert q.in_si(q.read_quantity("time", brian2.second / 3)) == 1 / 3
    assert q.read_quantity("time", 0.1 * brian2.ms) == "100 us"
