"""The raw files behind the data sets: where they lie, and what is read from them."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..wording import nearest, one_of
from . import raw_free, raw_retention, raw_serial

if TYPE_CHECKING:
    from pandas import DataFrame

RAW_FILES: dict[str, tuple[str, Callable[[Path], DataFrame]]] = {
    "ebbinghaus1885": ("forgetting_ebbinghaus/ebbinghaus1885.csv", raw_retention.ebbinghaus1885),
    "farrell-lewandowsky2004": (
        "serial_recall_small/Farrell.Lewandowsky.2004.Exp2.dat",
        raw_serial.farrell_lewandowsky2004,
    ),
    "grenfell-essam-ward2012-free": (
        "recall_listlength_grenfell_essam_ward2012/GEW.2012.E1.txt.gz",
        raw_serial.grenfell_essam_ward2012_free,
    ),
    "grenfell-essam-ward2012-serial": (
        "recall_listlength_grenfell_essam_ward2012/GEW.2012.E2.txt.gz",
        raw_serial.grenfell_essam_ward2012_serial,
    ),
    "kahana-howard2005": ("spacing_howard_kahana2005/HowardKahana2005.csv.gz", raw_free.kahana_howard2005),
    "madigan1971": ("serial_recall_small/Madigan.1971.txt", raw_serial.madigan1971),
    "murre-dros2015": ("forgetting_ebbinghaus/murre_dros2015_table3.csv", raw_retention.murre_dros2015),
    "page2006": ("hebb_page2006/Page.Hebb.txt", raw_serial.page2006),
    "pazdera-kahana2023": ("pazdera_kahana_2023/trials.csv.gz", raw_free.pazdera_kahana2023),
    "siefert2024": ("sleep_tmr_siefert2024/Siefert2024_behavdata.csv", raw_retention.siefert2024),
}

# What a reader may meet in a file that is cut, packed badly, or another one than its name says.
_UNREADABLE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    TypeError,
    ValueError,
    zlib.error,
)


def read_raw(name: str, folder: str | Path) -> DataFrame:
    """Read the raw file of an experiment into the tidy table (`read_table`).

    The files are not distributed with engram; their sources are named in the data sets.

    Parameters
    ----------
    name : str
        The experiment, such as ``page2006``, or a data set made of it, such as ``page2006-hebb``.
    folder : path
        The folder of the raw files, or one that holds it as ``behaviour``.

    Returns
    -------
    pandas.DataFrame
        All subjects and conditions of the file, columns as in `read_table`, and further factors.

    Raises
    ------
    ValueError
        If no raw file has this name, or the file is not as expected.
    FileNotFoundError
        If the file is not there.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> (folder / "serial_recall_small").mkdir()
    >>> _ = (folder / "serial_recall_small" / "Madigan.1971.txt").write_text("012112345687\\n")
    >>> read_raw("madigan1971", folder)["correct"].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]
    """
    raw_name = next((raw for raw in RAW_FILES if name == raw or name.startswith(f"{raw}-")), None)
    if raw_name is None:
        raise ValueError(f'no raw file "{name}"; there are {one_of(RAW_FILES)}.{nearest(name, RAW_FILES)}')
    place, read = RAW_FILES[raw_name]
    path = next((p for p in (Path(folder) / place, Path(folder) / "behaviour" / place) if p.is_file()), None)
    if path is None:
        raise FileNotFoundError(f"{Path(folder) / place} does not exist; it holds the raw data of {raw_name}")
    try:
        return read(path)
    except _UNREADABLE as error:
        raise ValueError(f"{path} does not hold the raw data of {raw_name}: {error}") from error
