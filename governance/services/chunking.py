"""Cuts a Markdown body into chunks of about a given size that keep sections and code blocks together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"(#{1,6})\s+")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_LONGEST_TITLE = 200  # a title stands beside every chunk below it, and a "heading" can be megabytes long
_SENTENCE_END = re.compile(r"[.!?:;]\s")
START_SECTION_AT = 0.2
"""Share of the size from which on a heading starts a new chunk: short sections stay with their neighbors."""
VERSION = "headings/1"
"""Part of every ingest's recipe: another way of cutting means cutting again."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One chunk's text, and the headings that it stands under, outermost first."""

    text: str
    headings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Block:
    text: str
    level: int  # 1 to 6 for a heading, 0 for anything else
    title: str = ""


def cut(body: str, size: int = 1000) -> list[Piece]:
    """Give the chunks of a body in order; together they hold all of its text but blank space.

    A heading starts a new chunk once the present one has a fifth of the size. A block longer than the size
    is cut at the end of a line or sentence, else at a blank, else in the middle of a word.
    """
    pieces: list[Piece] = []
    pending: list[str] = []
    length = 0
    path: tuple[_Block, ...] = ()
    under: tuple[str, ...] = ()
    for block in _blocks(body):
        if block.level:
            path = (*(above for above in path if above.level < block.level), block)
        for part in _fit(block.text, size):
            starts_section = block.level and length >= size * START_SECTION_AT
            if pending and (starts_section or length + len(part) + 2 > size):
                pieces.append(Piece("\n\n".join(pending), under))
                pending, length = [], 0
            if not pending:
                under = tuple(above.title for above in path if above.title)
            pending.append(part)
            length += len(part) + 2
    if pending:
        pieces.append(Piece("\n\n".join(pending), under))
    return pieces


def _blocks(body: str) -> Iterator[_Block]:
    lines: list[str] = []
    fence = ""
    for line in body.split("\n"):
        if fence:
            lines.append(line)
            if _closes(line, fence):
                yield from _text_block(lines)
                lines, fence = [], ""
            continue
        heading, fence = _HEADING.match(line), _opened(line)
        if heading or fence or not line.strip():
            yield from _text_block(lines)
            lines = []
        if heading:
            yield _Block(line.rstrip(), len(heading[1]), _title(line[heading.end() :]))
        elif line.strip():
            lines.append(line)
    yield from _text_block(lines)


def _opened(line: str) -> str:
    """Give the marks of a code fence that the line opens, "" when it opens none: ```so``` is no fence."""
    mark = _FENCE.match(line)
    return mark[1] if mark and not (mark[1][0] == "`" and "`" in line[mark.end() :]) else ""


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return mark.startswith(fence) and not mark.strip(fence[0])


def _title(text: str) -> str:
    """Give a heading's words: closing hashes off, the one of "C#" not."""
    title = text.strip()
    bare = title.rstrip("#")
    return (bare if not bare or bare[-1].isspace() else title).strip()[:_LONGEST_TITLE]


def _text_block(lines: list[str]) -> Iterator[_Block]:
    text = "\n".join(lines).strip("\n").rstrip()
    if text.strip():
        yield _Block(text, 0)


def _fit(text: str, size: int) -> Iterator[str]:
    start = 0
    while len(text) - start > size:
        end = _break(text, start, start + size)
        part = text[start:end].strip()
        if part:
            yield part
        start = end
    rest = text[start:].strip() if start else text
    if rest:
        yield rest


def _break(text: str, start: int, limit: int) -> int:
    """Give where to cut in (start, limit]: never before the middle unless the text has no blank at all."""
    middle = start + (limit - start) // 2
    line = text.rfind("\n", middle, limit)
    if line > middle:
        return line + 1
    ends = [match.end() for match in _SENTENCE_END.finditer(text, middle, limit)]
    if ends:
        return ends[-1]
    blank = text.rfind(" ", middle, limit)
    return blank + 1 if blank > middle else limit
