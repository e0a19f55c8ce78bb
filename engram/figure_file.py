"""Figures on disk: complete or not there at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from .data.wording import nearest, one_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("pdf", "png", "svg")


def refuse_figure_path(path: Path, overwrite: bool) -> None:
    """Say what is wrong with the path of a figure before anything is drawn.

    Raises
    ------
    ValueError
        The name ends in no known format.
    IsADirectoryError, FileExistsError
        There is a folder, or a file that may not be replaced.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give the name of a file, such as {path / 'figure.png'}")
    ending = path.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        named = f'the ending "{path.suffix}"' if ending else "no ending"
        raise ValueError(f"{path} has {named}; known formats of figures: {one_of(FORMATS)}.{nearest(ending, FORMATS)}")
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists; give another name with --out, or --overwrite to replace it")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure under a temporary name and rename it.

    Raises
    ------
    OSError
        It cannot be written: no permission, a full disk.
    """
    temporary = path.with_name(f".{path.name}.{uuid4().hex[:12]}.partial")
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        try:
            figure.savefig(temporary, format=path.suffix.removeprefix(".").lower(), dpi=150)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(error.errno, f"the figure {path} cannot be written: {error.strerror or error}") from error
