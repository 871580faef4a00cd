"""The normal forms of a text in which two pipelines' copies of it are the same characters.

Every step works on single characters, so that the normal form of a piece is a piece of the normal form, wherever a
splitter cut: the decomposed form (NFKD) is used and not the composed one, since a cut between a letter and its accent
would compose otherwise on either side. Only a cut between two accents of one letter can come out in another order.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

BREAK: Final = "\x0b"
"""Stands for a blank line in `lined`; a pattern's white space includes it."""

# Controls that are no white space, soft hyphen, joiners, marks of direction, variation selectors, tags.
_INVISIBLE: Final = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f\xad\u034f\u061c\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\ufe00-\ufe0f\ufeff\U000e0000-\U000e0fff]"
)
_LOOKALIKES: Final = {
    **dict.fromkeys("\xb4\u02bc\u2018\u2019\u201a\u201b\u2032\u2035", "'"),
    **dict.fromkeys("\xab\xbb\u201c\u201d\u201e\u201f\u2033\u2036", '"'),
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-"),
}
_LOOKALIKE: Final = re.compile(f"[{''.join(_LOOKALIKES)}]")
# What is left at an end by who cuts bytes, or UTF-16 units, in two.
_BROKEN_ENDS: Final = "\ufffd" + "".join(map(chr, range(0xD800, 0xE000)))


def characters(text: str) -> str:
    """Give the text in compatible characters: NFKD, plain quotes and dashes, nothing that cannot be seen."""
    text = _INVISIBLE.sub("", text)
    if text.isascii():
        return text
    return unicodedata.normalize("NFKD", _LOOKALIKE.sub(lambda match: _LOOKALIKES[match[0]], text))


def flat(text: str) -> str:
    """Give the text with every run of white space as one blank: what is compared character by character."""
    return " ".join(characters(text).split())


def lined(text: str) -> str:
    """Give `flat(text)` with the same offsets, but a line feed where a line ended and BREAK for blank lines."""
    parts: list[str] = []
    separator = ""
    for line in characters(text).replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        bare = " ".join(line.split())
        if bare:
            parts += (separator, bare)
            separator = "\n"
        elif parts:
            separator = BREAK
    return "".join(parts)


def unlined(text: str) -> str:
    """Give the flat form of what `lined` gave."""
    return text.replace("\n", " ").replace(BREAK, " ")


def without_broken_ends(text: str) -> str:
    """Give a chunk's flat form without the halves of characters that a cut through bytes leaves at its ends."""
    return text if text.isascii() else text.strip(_BROKEN_ENDS).strip()


def lowered(text: str) -> str:
    """Give the text in lower case and in the same length, so that offsets hold.

    Final sigma becomes the ordinary one: which of them a capital becomes depends on where the text was cut.
    """
    low = text.lower()
    if low.isascii():
        return low
    if len(low) != len(text):
        low = "".join(small if len(small := c.lower()) == 1 else c for c in text)
    return low.replace("\u03c2", "\u03c3")
