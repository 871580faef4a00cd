"""YAML without its traps, for policies and for front matter.

No implicit types (`NO`, `22:30` and `0123` stay text), no aliases, no duplicate keys, no tags, no merge keys, one
document, a size cap, a depth cap, and a line number on everything. Composed by hand over PyYAML's events, so that
nothing is ever expanded or constructed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import yaml

from governance.domain.words import shown

MAX_BYTES = 262_144
MAX_DEPTH = 32
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_DIRECTIVE = re.compile(r"\A(?:[ \t]*(?:#[^\r\n]*)?(?:\r\n|\n|\r))*%")
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NOT_YAML = "this is not YAML"
_SENTENCES = (
    ("mapping values are not allowed", "a colon cannot stand here: put the value in quotes, or check the indentation"),
    ("could not find expected ':'", "a key without its colon, or a line that belongs to nothing"),
    ("cannot start any token", "a character that cannot stand here: put the value in quotes; a tab cannot indent"),
    ("expected <block end>", "the indentation does not fit the lines above"),
    ("did not find expected key", "the indentation does not fit the lines above"),
    ("did not find expected '-' indicator", "the indentation does not fit the lines above"),
    ("sequence entries are not allowed", "a list cannot start here: put it on lines of its own"),
    ("block sequence entries are not allowed", "a list cannot start here: put it on lines of its own"),
    ("unexpected end of stream", "a quotation mark that is never closed"),
    ("unexpected document separator", "a quotation mark that is never closed"),
    ("escape", "a backslash sequence that YAML does not know: use single quotes"),
    ("expected ',' or", "a bracket that is never closed, or a comma that is missing"),
)


class YamlError(Exception):
    """A text that this reader does not take.

    Attributes:
        code: One of syntax, alias, duplicate_key, complex_key, tag, merge_key, multiple_documents, directive,
            too_deep, too_large, control_character.
        line: From 1, shifted by the reader's `first_line`.
        column: From 1.
        message: One sentence; of the text it holds at most a key, shortened to 40 characters.

    """

    def __init__(self, code: str, line: int, column: int, message: str) -> None:
        super().__init__(f"line {line}, column {column}: {message}")
        self.code = code
        self.line = line
        self.column = column
        self.message = message


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text, whatever it looks like. A plain empty value, `~` or `null` is "" with `quoted` False."""

    text: str
    line: int
    quoted: bool


@dataclass(frozen=True, slots=True)
class ListNode:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True, slots=True)
class MapNode:
    """A mapping. `key_lines` says where each key stands."""

    items: Mapping[str, Node]
    key_lines: Mapping[str, int]
    line: int


@dataclass(frozen=True, slots=True)
class BadNode:
    """A value that cannot be used, in tolerant mode only. `code` is that of the YamlError of strict mode.

    Codes: alias (an anchor or an alias), duplicate_key, complex_key, tag, merge_key.
    """

    code: str
    line: int


Node: TypeAlias = "Scalar | ListNode | MapNode | BadNode"


def read_yaml(text: str, *, max_bytes: int = MAX_BYTES, tolerant: bool = False, first_line: int = 1) -> Node:
    """Read one YAML document; an empty one is the empty scalar.

    Args:
        text: The document.
        max_bytes: Most bytes of UTF-8 that are read.
        tolerant: Turn what spoils only one value into a BadNode in its place. Of a duplicate key no value
            is kept; a mapping with a key that is no scalar is spoiled as a whole.
        first_line: Line number of the text's first line.

    Raises:
        YamlError: The text is not taken. Nothing else is ever raised.

    """
    text = text.removeprefix("\ufeff")
    _check_text(text, max_bytes, first_line)
    composer = _Composer(text, first_line=first_line, tolerant=tolerant)
    try:
        return composer.document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(error, first_line) from None
    except yaml.YAMLError:
        raise YamlError("syntax", first_line, 1, _NOT_YAML) from None


def _check_text(text: str, max_bytes: int, first_line: int) -> None:
    too_large = len(text) > max_bytes
    bad = None if too_large else _UNPRINTABLE.search(text)
    if bad:
        before = text[: bad.start()]
        line = before.count("\n") + first_line
        column = bad.start() - before.rfind("\n")
        raise YamlError("control_character", line, column, "a control character or half a character pair")
    if too_large or len(text.encode()) > max_bytes:
        raise YamlError("too_large", first_line, 1, f"more than {max_bytes:,} bytes")
    if directive := _DIRECTIVE.match(text):
        line = text.count("\n", 0, directive.end()) + first_line
        raise YamlError("directive", line, 1, "directives (lines that start with %) are not taken")


def _syntax_error(error: yaml.MarkedYAMLError, first_line: int) -> YamlError:
    """Say it in words of our own: the parser's may quote the text."""
    problem = error.problem or ""
    message = next((words for sign, words in _SENTENCES if sign in problem), _NOT_YAML)
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return YamlError("syntax", line + first_line, column + 1, message)


class _Mark(NamedTuple):
    """Where an event starts, from 0, in characters."""

    offset: int
    line: int
    column: int


class _Composer:
    """Builds nodes from events, one pass, no more than MAX_DEPTH deep."""

    def __init__(self, text: str, *, first_line: int, tolerant: bool) -> None:
        self._text = text
        self._events: Iterator[yaml.Event] = yaml.parse(text, Loader=_LOADER)
        self._first_line = first_line
        self._tolerant = tolerant

    def document(self) -> Node:
        """Give the only document's root."""
        next(self._events)  # the stream's start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return Scalar("", self._first_line, quoted=False)
        root = self._node(next(self._events), 1)
        next(self._events)  # the document's end
        rest = next(self._events)
        if not isinstance(rest, yaml.StreamEndEvent):
            raise self._error("multiple_documents", rest, "a second document starts here; one is the limit")
        return root

    def _node(self, event: yaml.Event, depth: int) -> Node:
        """Compose the node that starts at this event, taking its events off the stream to the last."""
        if isinstance(event, yaml.AliasEvent):
            return self._bad("alias", event, "aliases (*name) are not taken: write the value out")
        if depth > MAX_DEPTH:
            raise self._error("too_deep", event, f"nested deeper than {MAX_DEPTH} levels")
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(event, depth)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._map(event, depth)
        else:
            raise self._error("syntax", event, _NOT_YAML)
        return self._decoration(event) or node

    def _decoration(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> BadNode | None:
        """Refuse anchors and tags, also the lone `!`, which the fast parser drops without a trace."""
        if event.anchor is not None:
            return self._bad("alias", event, "anchors (&name) are not taken: write the value out where it is needed")
        mark = event.start_mark
        offset = mark.index if mark else 0
        if event.tag is not None or self._text[offset : offset + 1] == "!":
            return self._bad("tag", event, "tags (!name) are not taken")
        return None

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        plain = event.style in {None, ""}
        text = "" if plain and event.value in _NULLS else event.value
        return Scalar(text, self._line(event), quoted=not plain)

    def _list(self, start: yaml.Event, depth: int) -> ListNode:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, depth + 1))
        return ListNode(tuple(items), self._line(start))

    def _map(self, start: yaml.Event, depth: int) -> MapNode | BadNode:
        items: dict[str, Node] = {}
        key_lines: dict[str, int] = {}
        spoiled: BadNode | None = None
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                spoiled = self._complex_key(event, depth)
                continue
            key, bad_key = event.value, self._key_problem(event)
            value = self._node(next(self._events), depth + 1)
            if key in items:
                value = self._bad("duplicate_key", event, f"the key {shown(key)} stands here a second time")
            items[key] = bad_key or value
            key_lines.setdefault(key, self._line(event))
        return spoiled or MapNode(items, key_lines, self._line(start))

    def _complex_key(self, event: yaml.Event, depth: int) -> BadNode:
        """Refuse a key that is no scalar; in tolerant mode take it and its value off the stream."""
        bad = self._bad("complex_key", event, "a key must be a plain word, not a list, a mapping or an alias")
        self._node(event, depth + 1)
        self._node(next(self._events), depth + 1)
        return bad

    def _key_problem(self, event: yaml.ScalarEvent) -> BadNode | None:
        if event.value == "<<" and event.style in {None, ""}:
            return self._bad("merge_key", event, "merge keys (<<) are not taken: write the keys out")
        return self._decoration(event)

    def _bad(self, code: str, event: yaml.Event, message: str) -> BadNode:
        if not self._tolerant:
            raise self._error(code, event, message)
        return BadNode(code, self._line(event))

    def _error(self, code: str, event: yaml.Event, message: str) -> YamlError:
        return YamlError(code, self._line(event), self._mark(event).column + 1, message)

    def _line(self, event: yaml.Event) -> int:
        mark = event.start_mark  # asked for at every node, so without a copy of it
        return (mark.line if mark else 0) + self._first_line

    def _mark(self, event: yaml.Event) -> _Mark:
        mark = event.start_mark
        return _Mark(mark.index, mark.line, mark.column) if mark else _Mark(0, 0, 0)
