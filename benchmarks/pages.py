"""Tables of measurements in the places that pages of the documentation keep for them."""

from __future__ import annotations

import re
from pathlib import Path


def put_into(page: Path, tables: dict[str, str]) -> None:
    """Replace what stands between ``<!-- name -->`` and ``<!-- end of name -->`` by the table of that name."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not place.search(text):
            raise ValueError(f"{page} has no place for {name}; expected a line {begin} and a line {end}")
        text = place.sub(lambda _, b=begin, t=table, e=end: f"{b}\n{t}\n{e}", text)
    page.write_text(text, encoding="utf-8")
