"""The YAML form of a protocol.

The text is read event by event into plain lists, mappings and scalars. No objects are constructed: tags, anchors and
aliases are refused, so a small file cannot unfold into a large one, and every value keeps the line it stands in.
"""

from __future__ import annotations

import re
from io import StringIO
from itertools import pairwise
from typing import Any, NoReturn

from .plain_form import changed, plain, yaml_element
from .problems import Loc, ProtocolError, found, shown
from .protocol import Protocol

MAX_BYTES = 1 << 20
MAX_NESTING = 64

Lines = dict[Loc, int]


def read(text: str | bytes, source: str) -> Protocol:
    """Protocol from YAML text."""
    data, lines = parse(text, source)
    try:
        return Protocol(**data)
    except ProtocolError as error:
        problems = error.problems
    located = sorted((_line_of(loc, lines), shown(loc), told) for loc, told in problems)
    raise ValueError("\n".join(f"{source}:{line}: {path}: {told}" for line, path, told in located))


def write(protocol: Protocol) -> str:
    """YAML text of a protocol."""
    from ruamel.yaml import YAML

    data = {name: plain(value) for name, value in changed(protocol).items() if name != "schedule"}
    data = {name: _flow(value) for name, value in data.items()}
    data["schedule"] = [_styled(yaml_element(element)) for element in protocol.schedule]
    fields = {name: data[name] for name in Protocol.words() if name in data}
    yaml = YAML()
    yaml.width = 110
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = StringIO()
    yaml.dump(fields, stream)
    return stream.getvalue()


def _styled(element: dict[str, Any]) -> dict[str, Any]:
    """Blocks are written line by line, phases and their fields each in one line."""
    return {
        name: [_styled(inner) for inner in value] if name == "phases" else _flow(value)
        for name, value in element.items()
    }


def _flow(value: Any) -> Any:
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        mapping = CommentedMap({_flow(name): _flow(entry) for name, entry in value.items()})
        mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        sequence = CommentedSeq(_flow(entry) for entry in value)
        sequence.fa.set_flow_style()
        return sequence
    # ruamel leaves a text that begins with one of these bare, and cannot read it back inside of braces.
    bare = (":", "?", "-")
    if isinstance(value, str) and (
        not value.isprintable() or value.startswith(bare) or not isinstance(_plain(value), str)
    ):
        return DoubleQuotedScalarString(value)
    return value


def _line_of(loc: Loc, lines: Lines) -> int:
    # Paths name the kind of block on the way to its fields; in the text these stand beside each other.
    keys: Loc = (*(a for a, _ in pairwise(loc) if a not in ("repeat", "each")), *loc[-1:])
    while keys and keys not in lines:
        keys = keys[:-1]
    return lines.get(keys, 1)


def parse(text: str | bytes, source: str) -> tuple[dict[str, Any], Lines]:
    """Plain data of one YAML document, and the line of every key and entry."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    if len(text) > MAX_BYTES:
        raise ValueError(f"{source}: the file is larger than {MAX_BYTES // 1024} KiB, the limit for protocols")
    text = _decoded(text, source) if isinstance(text, bytes) else text.removeprefix("\ufeff")
    reader = _Reader(source)
    try:
        for event in YAML(typ="safe", pure=True).parse(text):
            reader.take(event)
    except YAMLError as error:
        line, told = _syntax(error, text)
    except (ValueError, RecursionError) as error:
        if str(error).startswith(f"{source}:"):
            raise
        line, told = 1, "not valid YAML"
    else:
        if not isinstance(reader.data, dict):
            what = "the file is empty" if reader.data is None else found(reader.data)
            raise ValueError(f"{source}:1: {what}; expected a protocol with the fields {', '.join(Protocol.words())}")
        return reader.data, reader.lines
    raise ValueError(f"{source}:{line}: {told}")


def _decoded(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        byte = data[error.start]
        told = f"found byte 0x{byte:02x} (byte {error.start}), which is not UTF-8; save the file with UTF-8 encoding"
    raise ValueError(f"{source}:{line}: {told}")


def _syntax(error: Exception, text: str) -> tuple[int, str]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        # The reader of characters gives a position instead of a mark.
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position if isinstance(position, int) else 0) + 1
        code = getattr(error, "character", 0)
        return (
            line,
            f"found the character #x{ord(code) if isinstance(code, str) else code:04x}, which YAML does not allow",
        )
    line = mark.line + 1
    rows = text.split("\n")
    if any("\t" in row[: len(row) - len(row.lstrip())] for row in rows[max(0, line - 2) : line]):
        return line, "found a tab in the indentation; YAML is indented with spaces: replace the tab by spaces"
    problem = str(getattr(error, "problem", "") or "not valid YAML").strip()
    context = str(getattr(error, "context", "") or "").strip()
    return line, f"not valid YAML: {problem}{' ' + context if context else ''}"


class _Reader:
    """Builds plain data from YAML events."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.data: Any = None
        self.lines: Lines = {}
        self.documents = 0
        self.stack: list[tuple[Any, Loc]] = []
        self.key: list[str | None] = []

    def take(self, event: Any) -> None:
        kind = type(event).__name__
        line = event.start_mark.line + 1
        if kind == "DocumentStartEvent":
            self.documents += 1
            if self.documents > 1:
                self.refuse(line, "found a second document (after ---); expected one protocol per file")
        if kind == "AliasEvent":
            self.refuse(line, f"found the alias *{event.anchor}; aliases are not allowed, write the value out")
        if getattr(event, "anchor", None):
            self.refuse(line, f"found the anchor &{event.anchor}; anchors are not allowed, write the value out")
        if kind in ("ScalarEvent", "MappingStartEvent", "SequenceStartEvent") and event.tag is not None:
            self.refuse(line, f"found the tag {event.tag}; tags are not allowed in a protocol")
        if kind == "ScalarEvent":
            self.scalar(event, line)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            self.open({} if kind.startswith("M") else [], line)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            self.stack.pop()
            self.key.pop()

    def scalar(self, event: Any, line: int) -> None:
        if self.stack and isinstance(self.stack[-1][0], dict) and self.key[-1] is None:
            mapping, loc = self.stack[-1]
            if event.value in mapping:
                first = self.lines[(*loc, event.value)]
                path = shown((*loc, event.value))
                self.refuse(line, f"{path}: the field stands twice in the same mapping, first in line {first}")
            self.key[-1] = event.value
            self.lines[(*loc, event.value)] = line
            mapping[event.value] = None
        else:
            self.put(_plain(event.value) if event.implicit[0] else event.value, line)

    def open(self, collection: Any, line: int) -> None:
        if len(self.stack) >= MAX_NESTING:
            self.refuse(line, f"nested more than {MAX_NESTING} deep, which is the limit")
        if self.stack and isinstance(self.stack[-1][0], dict) and self.key[-1] is None:
            self.refuse(line, "found a list or mapping as the name of a field; expected a word")
        loc = self.put(collection, line)
        self.stack.append((collection, loc))
        self.key.append(None)

    def put(self, value: Any, line: int) -> Loc:
        if not self.stack:
            self.data = value
            return ()
        holder, at = self.stack[-1]
        if isinstance(holder, list):
            loc: Loc = (*at, len(holder))
            self.lines[loc] = line
            holder.append(value)
            return loc
        name = self.key[-1]
        assert name is not None
        holder[name] = value
        self.key[-1] = None
        return (*at, name)

    def refuse(self, line: int, text: str) -> NoReturn:
        raise ValueError(f"{self.source}:{line}: {text}")


_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def _plain(text: str) -> Any:
    """Value of an unquoted scalar by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    # Python refuses to convert very long integers; as a float they fail the limits in words.
    if _INTEGER.fullmatch(text) and len(text) <= 18:
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
