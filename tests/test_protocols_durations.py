import pytest

from engram.protocols import Duration
from engram.protocols.durations import format_seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("400 ms", 0.4),
        ("90 s", 90),
        ("60 min", 3600),
        ("60min", 3600),
        ("1.5 h", 5400),
        ("3 d", 259200),
        ("1e2 s", 100),
        (".5 s", 0.5),
        ("0 s", 0),
    ],
)
def test_seconds(text, seconds):
    assert Duration(text).seconds == pytest.approx(seconds, rel=1e-12)


def test_written_form_is_kept():
    assert str(Duration("60 min")) == "60 min"
    assert Duration("60 min") != Duration("1 h")
    assert Duration("60 min") == Duration("60 min")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (10, "found 10; expected a duration.*give a unit"),
        (True, "found true"),
        (None, "found nothing"),
        ("10", "give a unit"),
        ("10 minutes", 'found "10 minutes"; allowed units: ms, s, min, h or d. Did you mean "min"'),
        ("-5 s", 'found "-5 s"; expected a duration that is not negative'),
        ("nan s", 'found "nan s"; expected a finite number'),
        ("inf h", 'found "inf h"; expected a finite number'),
        ("1e400 s", "at most 36525 d"),
        ("40000 d", "at most 36525 d"),
        ("", "an empty text"),
        ("5 min 3 s", "expected a finite number and a unit"),
        ("9" * 1000 + " s", "expected a duration"),
    ],
)
def test_refused(text, told):
    with pytest.raises(ValueError, match=told):
        Duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (0.4, "400 ms"), (59, "59 s"), (60, "1 min"), (5400, "1.5 h"), (86400, "1 d")]
)
def test_format_seconds(seconds, text):
    assert format_seconds(seconds) == text
