"""What may be kept of a chunk's text so that one can ask later, without the text, whether it stands in a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from governance.detectors import normal
from governance.detectors.document_text import DocumentText
from governance.detectors.heads import end_of_head
from governance.detectors.words import SHINGLE, Layer, Wording

_ANCHOR_BYTES: Final = 8
_INNER_BYTES: Final = 16
_WHOLE: Final = 3
"""Words from which on the first and the last one are left off."""
_MOST_WORK: Final = 2_000_000
"""Words that are hashed at most to find one print in one document."""


@dataclass(frozen=True, slots=True)
class TextPrint:
    """The hashes of a chunk's inner words: those without the first and the last, which may be parts of words.

    They are made of everything that the text holds, addresses and names of tags too: of a chunk alone nobody knows
    whether it begins inside a link. Nor does anybody know whether its first short lines are the document's or were put
    before it (a title, a path of headings), so these are left off.

    Attributes:
        words: Number of inner words. A chunk of one or two words has no ends to leave off.
        anchor: 16 hexadecimal digits, over the first up to five inner words.
        inner: 32 hexadecimal digits, over all of them.

    """

    words: int
    anchor: str
    inner: str


def print_of(text: str) -> TextPrint:
    """Give the print of a chunk's text."""
    wording = Wording(normal.lowered(normal.without_broken_ends(normal.flat(text[end_of_head(text) :]))))
    words = wording.words
    inner = words[wording.first_whole : wording.last_whole] if len(words) >= _WHOLE else words
    return TextPrint(len(inner), _anchor(inner[:SHINGLE]), _digest(inner, _INNER_BYTES))


def find_print(document: DocumentText, print_: TextPrint) -> tuple[int, int] | None:
    """Give where the text of a print stands, as a span of the document's words, None when it does not.

    Looked for in the body with its markup, without it, and in the full text; the span is empty when the chunk had
    only what is no word of the body (a part of an address, front matter). A print of no word stands nowhere.
    """
    if print_.words == 0:
        return None
    for layer in document.layers:
        for wording in layer.wordings:
            place = _place(wording, print_)
            if place is not None:
                start, end = wording.spans[place][0], wording.spans[place + print_.words - 1][1]
                return _span_in_body(document, layer, start, end)
    return None


def _place(wording: Wording, print_: TextPrint) -> int | None:
    left = _MOST_WORK
    for place in wording.anchored(min(print_.words, SHINGLE), _anchor).get(print_.anchor, ()):
        left -= print_.words
        if left < 0:
            break
        inner = wording.words[place : place + print_.words]
        if len(inner) == print_.words and _digest(inner, _INNER_BYTES) == print_.inner:
            return place
    return None


def _span_in_body(document: DocumentText, layer: Layer, start: int, end: int) -> tuple[int, int]:
    """Give the words of the body that stand between two offsets of a layer."""
    shift = 0 if layer is document.body else document.body_start
    if shift >= 0:
        return document.body.bare.within(start - shift, end - shift)
    first, after = layer.bare.within(start, end)
    words = [word for word in document.body_of_full[first:after] if word >= 0]
    return (min(words), max(words) + 1) if words else (0, 0)


def _anchor(words: Sequence[str]) -> str:
    return _digest(words, _ANCHOR_BYTES)


def _digest(words: Sequence[str], size: int) -> str:
    return blake2b("\n".join(words).encode("utf-8", "surrogatepass"), digest_size=size).hexdigest()
