"""Item sets by name: those that come with engram, those of installed packages, those registered by a script."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from typing import Any

from pydantic import ValidationError

from .items import ItemSet
from .wording import nearest, one_of

ENTRY_POINTS = "engram.item_sets"

_registered: dict[str, type[ItemSet]] = {}


def register_item_set(name: str, item_set_class: type[ItemSet]) -> None:
    """Make an item set known under a name for as long as Python runs.

    A package that should be found without an import declares an entry point of group ``engram.item_sets`` instead.

    Parameters
    ----------
    name : str
        Word for the protocol file and the command line.
    item_set_class : subclass of ItemSet

    Raises
    ------
    TypeError
        If it is not a subclass of ItemSet.
    ValueError
        If another item set already has the name.

    Examples
    --------
    >>> from engram.data.digits import Digits
    >>> class FewDigits(Digits):
    ...     name = "few-digits"
    >>> register_item_set("few-digits", FewDigits)
    >>> item_set("few-digits")
    FewDigits(source='auto')
    """
    if not (isinstance(item_set_class, type) and issubclass(item_set_class, ItemSet)):
        raise TypeError(f"item set {name}: expected a subclass of engram.data.ItemSet, got {item_set_class!r}")
    taken = _registered.get(name)
    # A notebook cell that is run again defines the same class anew.
    same_class = taken is not None and _written_at(taken) == _written_at(item_set_class)
    if (taken is not None and not same_class) or name in _installed():
        raise ValueError(f'the name "{name}" is taken by another item set; choose another name')
    _registered[name] = item_set_class


def item_set_names() -> tuple[str, ...]:
    """Names of all item sets that `item_set` knows, sorted.

    Examples
    --------
    >>> {"digits", "digit-pairs", "images"} <= set(item_set_names())
    True
    """
    return tuple(sorted({*_registered, *_installed()}))


def item_set(name: str, **options: Any) -> ItemSet:
    """The item set of a name, with its options.

    Parameters
    ----------
    name : str
        One of `item_set_names`.
    **options
        Fields of that item set.

    Returns
    -------
    ItemSet

    Raises
    ------
    ValueError
        If the name or an option is unknown, or an option has an impossible value.
    ImportError
        If the package that offers the item set cannot be loaded.

    Examples
    --------
    >>> item_set("digit-pairs", train_per_class=50)
    DigitPairs(source='auto', train_per_class=50, test_per_class=None)
    >>> item_set("digit-pears")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: there is no item set "digit-pears". Did you mean "digit-pairs"? Known: ...
    """
    found = _find(name)
    try:
        return found(**options)
    except ValidationError as error:
        raise ValueError(_in_words(name, found, error)) from None


def _installed() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=ENTRY_POINTS)}


def _written_at(cls: type) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__


def _find(name: str) -> type[ItemSet]:
    if name in _registered:
        return _registered[name]
    installed = _installed()
    if name not in installed:
        names = item_set_names()
        raise ValueError(f'there is no item set "{name}".{nearest(name, names)} Known: {one_of(names)}')
    try:
        found = installed[name].load()
    except Exception as error:
        raise ImportError(f'item set "{name}" ({installed[name].value}) cannot be loaded: {error}') from error
    if not (isinstance(found, type) and issubclass(found, ItemSet)):
        raise TypeError(f'item set "{name}" ({installed[name].value}) is not a subclass of engram.data.ItemSet')
    return found


def _in_words(name: str, found: type[ItemSet], error: ValidationError) -> str:
    options = list(found.model_fields)
    sentences = []
    for fault in error.errors():
        option = ".".join(str(place) for place in fault["loc"])
        if fault["type"] == "extra_forbidden":
            sentences.append(f'no option "{option}".{nearest(option, options)} Known: {one_of(options)}')
        elif fault["type"] == "missing":
            sentences.append(f'option "{option}" is needed')
        else:
            message = fault["msg"].removeprefix("Value error, ")
            # Options that do not fit each other are no fault of a single one.
            sentences.append(f'option "{option}": {message}, got {fault["input"]!r}' if option else message)
    return f'item set "{name}": ' + "; ".join(sentences)
