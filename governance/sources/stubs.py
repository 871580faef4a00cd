"""Whether a page only says that it moved."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

MOST_WORDS: Final = 40
_MOST_CHARACTERS: Final = 4_000

_PAGE: Final = (
    r"(?:this|the|that)\s(?:\w+\s)?(?:page|content|document|documentation|article|guide|guidance|topic|section|post|"
    r"tutorial|entry|information)"
)
_STILL: Final = r"(?:\s(?:now|been|since|recently|permanently|also))*"
_SAID: Final = re.compile(
    rf"{_PAGE}(?:\s(?:has|have|was|were|is|are))?{_STILL}\s(?:moved|relocated|redirected|redirects\sto|migrated\sto|"
    r"superseded\sby|replaced\sby|merged\sinto|renamed\sto)\b",
    re.IGNORECASE,
)
_SAID_OF_A_LINK: Final = re.compile(
    rf"(?:{_PAGE}|you)(?:\sis|\scan)?\snow\s(?:lives?\b|(?:be\s)?(?:find|found|located|hosted)\b|available\s(?:at|here)\b)"
    rf"|(?:it\s)?(?:has|have|was|is)?{_STILL}\s?(?:now\s)?moved(?:\spermanently)?\sto\b"
    r"|redirect(?:s|ed|ing)?\sto\b"
    r"|(?:please\s)?(?:see|visit|use|go\sto)\sthe\snew\s(?:page|location|site|address|version|documentation|home)\b",
    re.IGNORECASE,
)
_MARKS: Final = re.compile(r"^(?:[>*_!\s-]|\[!\w+\]|:::?\s?\w*|\.\.\s\w+::)+|\*\*|__")
_TARGETS: Final = re.compile(
    r"\]\(\s*<?([^()\s<>]+)"
    r"|<(https?://[^\s<>]+)>"
    r"|`[^`<>]*<([^\s<>`]+)>`__?"
    r"""|href\s?=\s?["']([^"']+)["']"""
    r"|(https?://[^\s<>()\[\]\"'`]+)"
    r"|`(/?[\w.-]+(?:/[\w.-]*)+)`"
)
_REFERENCE: Final = re.compile(r"\[([^\[\]]+)\](?:\[([^\[\]]*)\])?")
_DEFINITION: Final = re.compile(r" {0,3}\[([^\[\]]+)\]:\s*<?([^\s<>]+)>?")


def moved_to(prose: Sequence[str], words: int) -> str | None:
    """Say where a page sends its readers when it does nothing else; "" when it does not say where, else None.

    A page is a stub when it has at most 40 words outside headings and one of its paragraphs begins, in English,
    by saying that the page moved ("This page has now moved to ...", "Moved to ...", "Redirects to ...", "See the
    new page"). A short page that merely recommends another one is no stub. The weaker phrases count only
    together with a target.
    """
    if not 0 < words <= MOST_WORDS or sum(map(len, prose)) > _MOST_CHARACTERS:
        return None
    definitions = {match[1].lower(): match[2] for line in prose if (match := _DEFINITION.match(line))}
    paragraphs = list(_paragraphs(line for line in prose if not _DEFINITION.match(line)))
    for paragraph in paragraphs:
        said = _MARKS.sub("", paragraph)
        target = _target(paragraph, definitions)
        if _SAID.match(said) or (target and _SAID_OF_A_LINK.match(said)):
            return target or next(filter(None, (_target(other, definitions) for other in paragraphs)), "")
    return None


def _paragraphs(lines: Iterable[str]) -> Iterator[str]:
    held: list[str] = []
    for line in lines:
        if line.strip():
            held.append(" ".join(line.split()))
        elif held:
            yield " ".join(held)
            held = []
    if held:
        yield " ".join(held)


def _target(paragraph: str, definitions: dict[str, str]) -> str:
    if match := _TARGETS.search(paragraph):
        return next(group for group in match.groups() if group).rstrip(".,;:")
    for match in _REFERENCE.finditer(paragraph):
        if target := definitions.get((match[2] or match[1]).lower()):
            return target
    return ""
