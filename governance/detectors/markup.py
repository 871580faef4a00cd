"""Markdown and HTML markup put out of a text without moving a character of what stays.

What takes part in a word without being seen (inline tags, escapes) becomes FILLER, all other markup blanks; so
offsets into the text before and after are the same. Every pass is linear in the text, also for hostile ones.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final

from governance.detectors.normal import BREAK, characters

FILLER: Final = "\x00"
"""Belongs to the word around it and is no part of its text. No normal form has it."""

_INLINE: Final = (
    "a|abbr|b|bdi|bdo|big|cite|code|data|del|dfn|em|font|i|ins|kbd|mark|q|s|samp|small|span|strike|strong|sub|sup|"
    "time|tt|u|var|wbr"
)
_BLOCKS: Final = (
    "address|area|article|aside|audio|base|blockquote|body|br|button|canvas|caption|center|col|colgroup|dd|details|"
    "dialog|div|dl|dt|embed|fieldset|figcaption|figure|footer|form|h1|h2|h3|h4|h5|h6|head|header|hr|html|iframe|img|"
    "input|label|legend|li|link|main|map|menu|meta|nav|noscript|object|ol|optgroup|option|p|param|picture|pre|"
    "progress|script|section|select|source|style|summary|svg|table|tbody|td|template|textarea|tfoot|th|thead|title|"
    "tr|track|ul|video"
)
# Only HTML's own names: `<namespace>` is a placeholder that readers see.
_TAG: Final = re.compile(rf"</?(?:({_INLINE})|{_BLOCKS})(?:[\s/][^<>]*)?>")
_TARGET: Final = re.compile(
    r"""\]\(\s?(<[^<>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s(?:"[^"]{0,300}"|'[^']{0,300}'))?\s?\)"""
)
_OPEN_TARGET: Final = re.compile(r"\]\([^()\s]*\Z|(?:\A|(?<=\s))\[[^\[\]]{1,80}\]:\Z")
_CLOSED_TARGET: Final = re.compile(r"\A[^\s()/.#]*[/.#][^\s()]*\)")
_REFERENCE: Final = re.compile(r"\]\[[^\[\]]{0,80}\]")
_DEFINITION: Final = re.compile(r"(?:\A|(?<=\s))\[[^\[\]]{1,80}\]:\s\S*(?::/|[./#])\S*")
_FOOTNOTE: Final = re.compile(r"\[\^[^\[\]\s]{1,40}\]:?")
_ENTITY: Final = re.compile(r"&(?:#[0-9]{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});")
_FENCE: Final = re.compile(r"(?:\A|(?<=\s))(?:`{3,}+|~{3,}+)[^\s`~]*+(?!\S)")
_ESCAPE: Final = re.compile(r"\\(?=[!-/:-@\[-`{-~])")
_EMPHASIS: Final = re.compile(r"(?<=[^\W\d_])\*\*(?=[^\W\d_])")
_ORDINAL: Final = re.compile(rf"(?:\A|[\n{BREAK}])[>*+#\- ]{{0,8}}([0-9]{{1,3}})[.)](?!\S)")
_URL: Final = re.compile(r"""\b(?:https?|ftp)://[^\s<>()\[\]"'`|]+""")
_LETTER: Final = re.compile(r"[^\W\d_]")


def _blanks(match: re.Match[str]) -> str:
    return " " * len(match[0])


def _fillers(match: re.Match[str]) -> str:
    return FILLER * len(match[0])


def _tag(match: re.Match[str]) -> str:
    return (FILLER if match[1] else " ") * len(match[0])


def _target(match: re.Match[str]) -> str:
    # An inline target belongs to the word: `[dis](a)allowed` is read as one.
    return FILLER * len(match[0])


def _entity(match: re.Match[str]) -> str:
    seen = characters(html.unescape(match[0])).lower()
    if seen.isspace():
        return _blanks(match)
    return seen.rjust(len(match[0]), FILLER) if len(seen) <= len(match[0]) else match[0]


def _reference(match: re.Match[str]) -> str:
    # `[text][label]` is a link, `table[1][2]` is not: the first brackets of a link hold words.
    opened = match.string.rfind("[", max(0, match.start() - 300), match.start())
    is_link = opened >= 0 and _LETTER.search(match.string, opened, match.start())
    return _blanks(match) if is_link else match[0]


def comments(text: str) -> Iterator[tuple[int, int]]:
    """Give where each HTML comment starts and ends; one that is never closed is none."""
    position = 0
    while (start := text.find("<!--", position)) >= 0:
        end = text.find("-->", start + 4)
        if end < 0:
            return
        position = end + 3
        yield start, position


def without_comments(text: str, *, known_in: str | None = None) -> str:
    """Give the text with its comments blanked.

    Args:
        text: Lower case, one blank or line feed between words.
        known_in: When given, only comments that stand in this text go: what a chunk hides in a comment that its
            document does not have is read by a model all the same.

    """
    parts: list[str] = []
    position = 0
    for start, end in comments(text):
        known = known_in is None or text[start:end].replace("\n", " ").replace(BREAK, " ") in known_in
        parts += (text[position:start], " " * (end - start) if known else text[start:end])
        position = end
    return "".join([*parts, text[position:]])


def without_markup(text: str) -> str:
    """Give the text, in the same length, with tags, link targets, references, fences, escapes and entities off.

    Punctuation marks stay: they are no words anyhow. Links and images keep their text.
    """
    if "<" in text:
        text = _TAG.sub(_tag, text)
    if "[" in text or "](" in text:
        text = _TARGET.sub(_target, text)
        text = _FOOTNOTE.sub(_blanks, _DEFINITION.sub(_blanks, text))
        text = _REFERENCE.sub(_reference, text)
    if "```" in text or "~~~" in text:
        text = _FENCE.sub(_blanks, text)
    if "\\" in text:
        text = _ESCAPE.sub(_fillers, text)
    if "**" in text:
        text = _EMPHASIS.sub(_fillers, text)
    return _ENTITY.sub(_entity, text) if "&" in text else text


def without_cut_targets(text: str) -> str:
    """Give a chunk's text without the halves of link targets that a cut left at its ends."""
    return _OPEN_TARGET.sub(_blanks, _CLOSED_TARGET.sub(_blanks, text))


def link_targets(text: str) -> frozenset[str]:
    """Give the URLs that stand in the text as targets of links and nowhere else."""
    linked = {match[1].strip("<>") for match in _TARGET.finditer(text)}
    return frozenset(linked - {match[0] for match in _URL.finditer(_TARGET.sub(_blanks, text))})


def without_urls(text: str, known: frozenset[str]) -> str:
    """Give the text without the URLs of `known`: a pipeline that prints `[text](url)` as "text (url)" adds them."""
    return _URL.sub(lambda match: _blanks(match) if match[0].rstrip(".,;:!?*_") in known else match[0], text)


def ordinals(text: str, *, is_piece: bool = False) -> Iterator[tuple[int, int]]:
    """Give where the numbers of ordered lists stand.

    A number at the start of a wrapped line ("at most", then "30. After") is no list mark: in the middle of a paragraph
    a list starts with 1, or goes on. Of a piece nobody knows what was before, so its first one is believed.
    """
    last: int | None = None
    for match in _ORDINAL.finditer(text):
        number = int(match[1])
        is_start = match.start() == 0 or text[match.start()] == BREAK or (is_piece and last is None)
        if is_start or number == 1 or (last is not None and number in {last, last + 1}):
            last = number
            yield match.span(1)


def without_spans(text: str, spans: Iterator[tuple[int, int]]) -> str:
    """Give the text with these spans blanked."""
    parts: list[str] = []
    position = 0
    for start, end in spans:
        parts += (text[position:start], " " * (end - start))
        position = end
    return "".join([*parts, text[position:]]) if parts else text
