"""The examples in the docstrings of the analysis run and give what they show."""

import doctest
from importlib import import_module
from pathlib import Path

import engram.analysis as analysis
import pytest

FOLDER = Path(analysis.__file__).parent
MODULES = sorted(
    ".".join(["engram.analysis", *path.relative_to(FOLDER).with_suffix("").parts])
    for path in FOLDER.rglob("*.py")
    if path.stem != "__init__"
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    assert doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


def test_every_public_name_resolves_and_has_an_example():
    for name in analysis.__all__:
        assert ">>>" in getattr(analysis, name).__doc__, name


def test_no_module_hides_a_public_name():
    modules = {name.rsplit(".", 1)[-1] for name in MODULES}
    assert not modules & set(analysis.__all__)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="plot_everything"):
        _ = analysis.plot_everything
