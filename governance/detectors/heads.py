"""Lines that a pipeline puts before chunks: the document's title, a path of headings, what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from governance.detectors.normal import flat, lowered
from governance.detectors.words import Wording

LONGEST_HEAD: Final = 400
"""Characters that a head has at most."""
HEAD_LINES: Final = 4
HEAD_TO_REST: Final = 4
"""How many times as long as the rest of a chunk its head may be."""
_LONGEST_LINE: Final = 200
_SHORTEST_REST: Final = 40
_STATEMENT_ENDS: Final = (".", ";")
"""How a line of the document itself may end; titles do end with a question mark."""
_LINE_END: Final = re.compile(r"[ \t\r]*\n\s*")
_PARTS: Final = re.compile(r"\s*(?:[>|/\n:\u00bb\u203a\u2192\u2014]|::|(?<=\s)-(?=\s))\s*")
"""What stands between the parts of a path of headings."""

_AROUND: Final = " \t#*\"'"


@dataclass(frozen=True, slots=True)
class Heads:
    """What stands before the chunks of one document.

    Attributes:
        shared: The lines with which all of them begin.
        has_path: Whether the line behind these begins with the document's title in each, and goes on otherwise.

    """

    shared: str = ""
    has_path: bool = False

    def before(self, text: str) -> str:
        """Give the head of a chunk; "" when it has none, or nothing to say behind it."""
        if not text.startswith(self.shared):
            return ""
        end = len(self.shared)
        if self.has_path:
            end = text.find("\n", end, end + LONGEST_HEAD) + 1
        return text[:end] if text[end:].strip() else ""


def heads_of(texts: Sequence[str], title: str | None) -> Heads:
    """Give what stands before all chunks of a document.

    Args:
        texts: The chunks' texts. Where there is one only, its head is a first line that begins with the title.
        title: The document's title.

    """
    distinct = sorted(set(texts))
    if not distinct:
        return Heads()
    shared = ""
    if len(distinct) > 1:
        both = takewhile(lambda pair: pair[0] == pair[1], zip(distinct[0][:LONGEST_HEAD], distinct[-1], strict=False))
        common = "".join(one for one, _ in both)
        shared = common[: common.rfind("\n") + 1]
    found = Heads(shared if shared.strip() else "", all(_begins_with(text[len(shared) :], title) for text in distinct))
    return found if all(map(found.before, distinct)) else Heads()


def end_of_head(text: str) -> int:
    """Give where what may have been put before a chunk ends: 0 where too little would be left."""
    end = 0
    for _ in range(HEAD_LINES):
        line_end = _LINE_END.search(text, end, end + _LONGEST_LINE)
        if line_end is None or text.endswith(_STATEMENT_ENDS, end, line_end.start()):
            break
        rest = len(text) - line_end.end()
        if rest < _SHORTEST_REST or rest * HEAD_TO_REST < line_end.start():
            break
        end = line_end.end()
    return end


def parts_of(head: str) -> list[str]:
    """Give the parts of a head that have words."""
    return [part for part in _PARTS.split(head) if _words(part)]


def says_title(words: Sequence[str], title: str | None) -> bool:
    """Say whether words in normal form are those of the title."""
    return title is not None and list(words) == list(_words(title))


def _begins_with(text: str, title: str | None) -> bool:
    line, end, _ = text[:LONGEST_HEAD].partition("\n")
    if not title or not end:
        return False
    line, title = (part.strip(_AROUND).casefold() for part in (line, title))
    rest = line[len(title) :].lstrip(_AROUND)
    return line.startswith(title) and (not rest or _PARTS.match(rest) is not None)


def _words(text: str) -> Sequence[str]:
    return Wording(lowered(flat(text))).words
