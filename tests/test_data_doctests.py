"""The examples in the docstrings of the item sets run."""

import doctest
from importlib import import_module

import pytest

MODULES = [
    "class_folders",
    "digits",
    "idx",
    "idx_pairs",
    "image_files",
    "images",
    "item_sets",
    "items",
    "labelled_images",
    "seeds",
    "uniform_images",
    "wording",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    result = doctest.testmod(import_module(f"engram.data.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
