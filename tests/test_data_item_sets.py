import subprocess
import sys

import pytest

from engram.data import DigitPairs, Digits, Images, ItemSet, item_set, item_set_names, item_sets, register_item_set


@pytest.fixture
def registry(monkeypatch):
    monkeypatch.setattr(item_sets, "_registered", {})


def test_built_in_sets_are_found_by_name():
    assert item_set("digits") == Digits()
    assert item_set("digit-pairs", train_per_class=5) == DigitPairs(train_per_class=5)
    assert item_set("images", path="pictures") == Images(path="pictures")
    for name in ("digits", "digit-pairs", "images"):
        assert name in item_set_names()


def test_name_of_class_is_its_registered_name():
    for cls in (Digits, DigitPairs, Images):
        assert type(item_set(cls.name, **({"path": "x"} if cls is Images else {}))) is cls


def test_unknown_name_suggests_the_nearest():
    with pytest.raises(
        ValueError, match=r'no item set "digit-pair". Did you mean "digit-pairs"\? Known: digit-pairs, '
    ):
        item_set("digit-pair")


def test_options_are_checked_in_words():
    with pytest.raises(ValueError, match=r'"digits": no option "soruce". Did you mean "source"'):
        item_set("digits", soruce="idx")
    with pytest.raises(ValueError, match="option \"source\": Input should be 'auto', 'sklearn' or 'idx', got 'web'"):
        item_set("digits", source="web")
    with pytest.raises(ValueError, match="name their folder or file with --images"):
        item_set("images").pool()
    with pytest.raises(ValueError, match=r'option "train_per_class".*greater than or equal to 1, got 0'):
        item_set("digit-pairs", train_per_class=0)


@pytest.mark.usefixtures("registry")
def test_registered_set_is_found_and_cannot_be_taken_over():
    class Mine(ItemSet):
        name = "mine"
        depth: int = 1

        def pool(self, data_dir=None, seed=0):
            raise NotImplementedError

    class Other(Mine):
        pass

    register_item_set("mine", Mine)
    register_item_set("mine", Mine)
    assert item_set("mine", depth=3) == Mine(depth=3)
    assert "mine" in item_set_names()
    with pytest.raises(ValueError, match='"mine" is taken'):
        register_item_set("mine", Other)
    with pytest.raises(ValueError, match='"digits" is taken'):
        register_item_set("digits", Mine)


@pytest.mark.usefixtures("registry")
def test_only_item_sets_can_be_registered():
    for wrong in (dict, Digits(), lambda: None):
        with pytest.raises(TypeError, match="expected a subclass"):
            register_item_set("wrong", wrong)


class BrokenPoint:
    value = "gone:Set"

    def load(self):
        raise ModuleNotFoundError("No module named 'gone'")


class WrongPoint:
    value = "there:function"

    def load(self):
        return print


def test_package_that_cannot_be_loaded_is_named(monkeypatch):
    monkeypatch.setattr(item_sets, "_installed", lambda: {"gone": BrokenPoint(), "wrong": WrongPoint()})
    with pytest.raises(ImportError, match='item set "gone" \\(gone:Set\\) cannot be loaded: No module named'):
        item_set("gone")
    with pytest.raises(TypeError, match='"wrong" \\(there:function\\) is not a subclass'):
        item_set("wrong")


def test_naming_the_package_loads_nothing_heavy():
    code = (
        "import sys, engram.data; dir(engram.data);"
        "print(sorted({'numpy', 'pydantic', 'sklearn', 'PIL'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_unknown_public_name():
    import engram.data

    with pytest.raises(AttributeError, match="no attribute 'Digit'"):
        _ = engram.data.Digit
    assert {"Digits", "draw_items"} <= set(dir(engram.data))
