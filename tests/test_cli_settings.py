"""``--models`` and ``--set``."""

import re

import pytest

from engram.models import Fixed
from engram.settings import models_from


def test_copies_get_names_of_their_own():
    models = models_from("conventional, low=hybrid,high=hybrid", ["low.sensitivity=1e2", "high.sensitivity=1e4"])
    assert list(models) == ["conventional", "low", "high"]
    assert (models["low"].sensitivity, models["high"].sensitivity) == (1e2, 1e4)
    assert models["conventional"].flexibility == Fixed(1.0)


def test_values_are_json_or_words_and_dots_reach_inside():
    settings = ["hybrid.hidden=[8, 9]", "hybrid.nontarget=false", "hybrid.rule=rate", "hybrid.flexibility.kind=fixed"]
    network = models_from("hybrid", [*settings, "hybrid.flexibility.value=0.25"])["hybrid"]
    assert (network.hidden, network.nontarget, network.rule) == ((8, 9), False, "rate")
    assert network.flexibility == Fixed(0.25)


def test_a_value_may_hold_the_signs_of_the_syntax():
    with pytest.raises(ValueError, match=r"rule: found 'a=b\.c'"):
        models_from("hybrid", ["hybrid.rule=a=b.c"])


def test_the_last_of_two_settings_counts():
    assert models_from("hybrid", ["hybrid.kappa=2", "hybrid.kappa=3"])["hybrid"].kappa == 3


@pytest.mark.parametrize(
    ("names", "settings", "words"),
    [
        ("", [], "--models: found ''; expected names separated by commas"),
        ("hybrid,", [], "--models: found 'hybrid,'"),
        ("a=hybrid,a=stable", [], '"a" is there twice; give a copy another name: a2=stable'),
        ("a=", [], 'unknown model "a"'),
        ("hybrid", ["hybrid.=3"], "--set: found 'hybrid.=3'; expected MODEL.PARAMETER=VALUE"),
        ("hybrid", ["=3"], "--set: found '=3'"),
        (
            "hybrid",
            ["hybrid.rule=rate", "hybrid.rule.x=1"],
            "\"rule\" was set to 'rate' before, which has no parameters",
        ),
        ("hybrid", ["hybrid.kapa=1"], 'Did you mean "kappa"?'),
    ],
)
def test_mistakes_are_told(names, settings, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        models_from(names, settings)
