"""Lines that a pipeline puts before all chunks of a document: its title, where it stands, what it is about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from governance.detectors.normal import flat, lowered
from governance.detectors.words import Wording

_LONGEST: Final = 400
"""Characters that a head has at most."""
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
            end = text.find("\n", end, end + _LONGEST) + 1
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
        both = takewhile(lambda pair: pair[0] == pair[1], zip(distinct[0][:_LONGEST], distinct[-1], strict=False))
        common = "".join(one for one, _ in both)
        shared = common[: common.rfind("\n") + 1]
    found = Heads(shared if shared.strip() else "", all(_begins_with(text[len(shared) :], title) for text in distinct))
    return found if all(map(found.before, distinct)) else Heads()


def parts_of(head: str) -> list[str]:
    """Give the parts of a head that have words."""
    return [part for part in _PARTS.split(head) if _words(part)]


def says_title(words: Sequence[str], title: str | None) -> bool:
    """Say whether words in normal form are those of the title."""
    return title is not None and list(words) == list(_words(title))


def _begins_with(text: str, title: str | None) -> bool:
    line, end, _ = text[:_LONGEST].partition("\n")
    if not title or not end:
        return False
    line, title = (part.strip(_AROUND).casefold() for part in (line, title))
    rest = line[len(title) :].lstrip(_AROUND)
    return line.startswith(title) and (not rest or _PARTS.match(rest) is not None)


def _words(text: str) -> Sequence[str]:
    return Wording(lowered(flat(text))).words
