"""Text as its readers see it: template tags off, headings found, words counted. Every pass is linear in the text."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from governance.sources.wording import clean, is_template_only, shortened

_LONGEST_LINE: Final = 2_000
_HEADINGS_TRIED: Final = 100


class Kind(StrEnum):
    """How headings are written."""

    MARKDOWN = "markdown"
    HTML = "html"
    UNDERLINED = "underlined"


class Template(StrEnum):
    """Whose tags are in the text."""

    NONE = "none"
    ERB = "erb"
    BRACES = "braces"


_TEMPLATES: Final = {".erb": Template.ERB, ".j2": Template.BRACES, ".liquid": Template.BRACES}
_KINDS: Final = {".html": Kind.HTML, ".htm": Kind.HTML, ".txt": Kind.UNDERLINED, ".rst": Kind.UNDERLINED}


def kind_of(document: str) -> tuple[Kind, Template]:
    """Say how to read a document by the ends of its name: `page.html.md.erb` is Markdown with ERB tags."""
    name = document.rpartition("/")[2].lower()
    stem, dot, suffix = name.rpartition(".")
    template = _TEMPLATES.get(dot + suffix, Template.NONE)
    if template is not Template.NONE:
        suffix = stem.rpartition(".")[2]
    return _KINDS.get("." + suffix, Kind.MARKDOWN), template


def without_template_tags(text: str, template: Template) -> str:
    """Give the text without its template tags, and without the headings of which nothing else was left.

    ERB: `<% %>` and its variants. Jinja and Liquid: `{{ }}`, `{% %}`, `{# #}`; what `raw` protects stays, what
    `comment` hides goes. Other files are left alone: in plain Markdown, braces are mostly code samples.
    """
    if template is Template.NONE:
        return text
    bare = "".join(_outside_erb(text) if template is Template.ERB else _outside_braces(text))
    return _EMPTY_HEADING.sub("", bare)


_EMPTY_HEADING: Final = re.compile(r"^ {0,3}#{1,6}[ \t]*(?:\n|\Z)", re.MULTILINE)
_BRACE: Final = re.compile(r"\{[{%#]")
_BRACE_ENDS: Final = {"{{": "}}", "{%": "%}", "{#": "#}"}
_BLOCK_ENDS: Final = {
    name: re.compile(rf"\{{%[-+]?[ \t\n]{{0,9}}end{name}[ \t\n]{{0,9}}[-+]?%\}}") for name in ("raw", "comment")
}


def _outside_erb(text: str) -> Iterator[str]:
    position = 0
    while (start := text.find("<%", position)) >= 0:
        end = text.find("%>", start + 2)
        if end < 0:
            break
        yield text[position:start]
        position = end + 2
    yield text[position:]


def _outside_braces(text: str) -> Iterator[str]:
    position = 0
    while start := _BRACE.search(text, position):
        end = text.find(_BRACE_ENDS[start[0]], start.end())
        if end < 0:
            break
        yield text[position : start.start()]
        position = end + 2
        name = text[start.end() : end].strip("-+ \t\n") if end - start.end() < _LONGEST_LINE else ""
        if start[0] == "{%" and name in _BLOCK_ENDS:
            close = _BLOCK_ENDS[name].search(text, position)
            if not close:
                break
            if name == "raw":
                yield text[position : close.start()]
            position = close.end()
    yield text[position:]


def without_comments(text: str) -> str:
    """Give the text without `<!-- -->`; one that is never closed stays."""
    pieces: list[str] = []
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            break
        pieces.append(text[position:start])
        position = end + 3
    return "".join([*pieces, text[position:]])


@dataclass(frozen=True, slots=True)
class Outline:
    """A text taken apart.

    Attributes:
        heading: The first of the first 100 headings that says something, without markup, at most 300 characters.
        prose: The lines outside headings and code fence markers; blank lines are kept.

    """

    heading: str | None
    prose: tuple[str, ...]

    def words(self) -> int:
        """Count the words of the prose: runs without blanks that hold a letter or a digit."""
        return sum(1 for line in self.prose for word in line.split() if _WORD.search(word))


_WORD: Final = re.compile(r"[^\W_]")
_FENCE: Final = re.compile(r"(`{3,})[^`]*|(~{3,}).*", re.DOTALL)
_ATX: Final = re.compile(r" {0,3}#{1,6}(?:[ \t]+|\Z)")
_MARKDOWN_UNDERLINE: Final = re.compile(r" {0,3}(?:={2,}|-{2,})[ \t]*")
_HTML_HEADING: Final = re.compile(r"[ \t]*<h[1-6](?:[ \t][^<>]*)?>", re.IGNORECASE)
_NO_PARAGRAPH: Final = re.compile(r"[ \t]*(?:[>#|]|[-*+][ \t]|[0-9]{1,9}[.)][ \t])|(?: {4}|\t)|[ \t]*\Z")
_ADORNMENT: Final = re.compile(r"([!-/:-@\[-`{-~])\1{2,}[ \t]*")


def outline(text: str, kind: Kind) -> Outline:
    """Take a text apart: comments away, headings, and the prose between them.

    Markdown has ATX and setext headings outside code fences, and HTML headings on one line; a paragraph of
    several lines is not taken for a setext heading. Plain text and reStructuredText have titles that a row of
    one punctuation mark, at least as long as the title, underlines.
    """
    lines = without_comments(text).split("\n")
    parts = _underlined_parts(lines) if kind is Kind.UNDERLINED else _markdown_parts(lines)
    headings: list[str] = []
    prose: list[str] = []
    for is_heading, line in parts:
        if not is_heading:
            prose.append(line)
        elif len(headings) < _HEADINGS_TRIED:
            headings.append(line)
    return Outline(next(filter(None, map(_title, headings)), None), tuple(prose))


def _markdown_parts(lines: Iterable[str]) -> Iterator[tuple[bool, str]]:
    """Give each line that a reader sees, and whether it is a heading."""
    fence = ""
    held: str | None = None
    paragraph_before = False
    for line in lines:
        opens = _fence_of(line)
        if held is not None:
            is_heading = not fence and not paragraph_before and _MARKDOWN_UNDERLINE.fullmatch(line) is not None
            yield is_heading, held
            paragraph_before = not is_heading
            held = None
            if is_heading:
                continue
        if fence:
            if opens.startswith(fence) and line.strip() == opens:
                fence = ""
            else:
                yield False, line
        elif opens:
            fence = opens
        elif _ATX.match(line) or _HTML_HEADING.match(line):
            paragraph_before = False
            yield True, line
        elif _NO_PARAGRAPH.match(line) or _MARKDOWN_UNDERLINE.fullmatch(line):
            paragraph_before = bool(line.strip())
            yield False, line
        else:
            held = line
    if held is not None:
        yield False, held


def _fence_of(line: str) -> str:
    """Give the marks of a code fence, "" when the line is none."""
    bare = line.lstrip(" \t")
    if not bare.startswith(("```", "~~~")):
        return ""
    match = _FENCE.fullmatch(bare)
    return (match[1] or match[2]) if match else ""


def _underlined_parts(lines: list[str]) -> Iterator[tuple[bool, str]]:
    position = 0
    while position < len(lines):
        line = lines[position]
        below = lines[position + 1] if position + 1 < len(lines) else ""
        if _ADORNMENT.fullmatch(line):
            position += 1
        elif line.strip() and _ADORNMENT.fullmatch(below) and len(below.rstrip()) >= len(line.strip()):
            yield True, line
            position += 2
        else:
            yield False, line
            position += 1


_TRAILING: Final = re.compile(r"[ \t]+#+[ \t]*\Z|[ \t]*\{[:#.][^{}]*\}[ \t]*\Z")
_IMAGE_OR_LINK: Final = re.compile(r"!?\[([^\[\]]*)\](?:\([^()]*\)|\[[^\[\]]*\])")
_TAG: Final = re.compile(r"</?[A-Za-z][^<>]*>")
_STRONG: Final = re.compile(r"\*+|`+|(?<!\w)_{1,3}(?=\S)|(?<=\S)_{1,3}(?!\w)")
_ESCAPE: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


def _title(line: str) -> str | None:
    """Give a heading's words without its marks, None when it says nothing of its own."""
    marks = _ATX.match(line)
    start = marks.end() if marks else 0
    text = _TRAILING.sub("", " ".join(line[start : start + _LONGEST_LINE].split()))
    if is_template_only(text):
        return None
    text = _TAG.sub("", _IMAGE_OR_LINK.sub(r"\1", text))
    text = _ESCAPE.sub(r"\1", _STRONG.sub("", text))
    return shortened(clean(html.unescape(text))) or None
