"""Names that may stand in a path inside the file."""

from __future__ import annotations

import re

_GROUP_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


def check_group_name(what: str, name: str) -> None:
    """Refuse a name that could not stand in a path inside the file."""
    if not isinstance(name, str) or not _GROUP_NAME.match(name):
        raise ValueError(
            f"{what} {name!r} cannot name a part of a recording: give 1 to 64 letters, digits, '.', '_' or '-', "
            "beginning with a letter or digit"
        )
