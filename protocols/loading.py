"""The protocols that come with the package, and loading by name or from a file."""

from __future__ import annotations

import os
from pathlib import Path

from ..data.wording import nearest, one_of
from .protocol import Protocol
from .yaml_form import MAX_BYTES

_FOLDER = Path(__file__).parent


def library() -> dict[str, Path]:
    """Names and files of the protocols that come with the package.

    Examples
    --------
    >>> "hebb-repetition" in library()
    True
    """
    return {path.stem.replace("_", "-"): path for path in sorted(_FOLDER.glob("*.yaml"))}


def load(name_or_path: str | os.PathLike[str]) -> Protocol:
    """Load a protocol of the library by name, or from a file.

    Parameters
    ----------
    name_or_path : str or path
        Such as ``"hebb-repetition"`` or ``"my_protocols/night.yaml"``.

    Returns
    -------
    Protocol

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it cannot be read.
    ValueError
        If there is no protocol of that name, or the file breaks the rules of the language.

    Examples
    --------
    >>> load("hebb-repetition").items.count
    10
    """
    known = library()
    if isinstance(name_or_path, str) and name_or_path in known:
        return _from_file(known[name_or_path])
    path = Path(name_or_path)
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; expected a protocol file (.yaml) or one of {one_of(known)}")
    if path.exists():
        return _from_file(path)
    if isinstance(name_or_path, str) and path.suffix == "" and path.name == name_or_path:
        text = f'no protocol is named "{name_or_path}", and there is no such file; the library has {one_of(known)}'
        raise ValueError(f"{text}.{nearest(name_or_path, known)}")
    raise FileNotFoundError(f"there is no file {path}.{nearest(path.stem.replace('_', '-'), known)}")


def _from_file(path: Path) -> Protocol:
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file; expected a protocol file (.yaml)")
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    return Protocol.from_yaml(data, source=str(path))
