"""Whether a chunk that somebody else cut still says what its document says: pure, no catalog, no model.

A cascade, cheapest first: the chunk's characters stand in the document (white space and invisible characters apart);
its words do, markup and punctuation off; else they are aligned with the document's, and what differs is judged. A
splitter may have cut anywhere: the first and the last word may be parts of the document's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from governance.detectors.alignment import FILLING
from governance.detectors.comparison import Outcome, compare, unheld_value
from governance.detectors.coverage import covered_span, uncovered
from governance.detectors.document_text import SENTENCE_ENDS, ChunkText, DocumentText
from governance.detectors.facts import Critical
from governance.detectors.heads import HEAD_LINES, HEAD_TO_REST, LONGEST_HEAD, heads_of, parts_of, says_title
from governance.detectors.normal import flat, without_broken_ends
from governance.detectors.prints import TextPrint, find_print, print_of
from governance.detectors.words import Layer, cuts_a_word

__all__ = [
    "VERSION",
    "ChunkVerdict",
    "Critical",
    "DocumentText",
    "TextPrint",
    "Way",
    "compare_chunk",
    "covered_span",
    "find_print",
    "heads_of",
    "print_of",
    "uncovered",
]

VERSION: Final = 1
"""Raised when the same texts would be judged otherwise."""

_PLACES_TRIED: Final = 20
"""Occurrences of a chunk that are looked at."""

_HEAD_SLACK: Final = 6
_LINE_END: Final = re.compile(r"\s*\n\s*")


class Way(StrEnum):
    """How a chunk was found in its document."""

    VERBATIM = "verbatim"
    WORDS = "words"
    ALIGNED = "aligned"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class ChunkVerdict:
    """What comparing a chunk with its document gave.

    Attributes:
        way: How it was found; FOREIGN when nothing in common shows where it would belong.
        critical: The code of the first critical difference.
        share: Share of the chunk's shingles of five words that the document lacks, 0 to 1, four digits.
        is_cut: Whether it stands there only so that it begins or ends inside a word or a number. A splitter that
            cuts inside words makes most of its chunks so. Of one that never does, such a chunk is drift: "5 days" is
            a part of "15 days".
        unsaid: Whether lines stand before it that are neither in the document nor its title; `critical` is then what
            in them the document holds nowhere.

    """

    way: Way
    critical: Critical | None = None
    share: float = 0.0
    is_cut: bool = False
    unsaid: bool = False

    @property
    def contained(self) -> bool:
        """Whether the document says all that the chunk says, in the same words."""
        return self.way in {Way.VERBATIM, Way.WORDS}


def compare_chunk(document: DocumentText, text: str, head: str = "") -> ChunkVerdict:
    """Give how a chunk's text stands in its document, and what differs when it does not.

    Title, heading path or context that a pipeline put before the text are differences, none of them critical unless
    they hold a number that the document holds nowhere. A chunk without any word has nothing to say and is contained.

    Args:
        document: The document.
        text: The chunk's text.
        head: What stands before all chunks of the document, see `heads_of`: no difference of its own.

    """
    characters = without_broken_ends(flat(text))
    for layer in document.layers:
        if (found := _stands_in(layer.flat, characters)) is not None:
            return ChunkVerdict(Way.VERBATIM, is_cut=found)
    beheaded = _without_head(document, head, text[len(head) :]) if head and text.startswith(head) else None
    if beheaded is not None and beheaded.way is Way.VERBATIM:
        return beheaded
    chunk = ChunkText(document, text)
    for layer in document.layers:
        if not chunk.words or (found := _stands_in(layer.bare.joined, chunk.joined)) is not None:
            return ChunkVerdict(Way.WORDS, is_cut=bool(chunk.words and found))
    return beheaded or _headed(document, text) or _aligned(document, chunk)


def _aligned(document: DocumentText, chunk: ChunkText) -> ChunkVerdict:
    outcome = _closest(document, chunk)
    if outcome is None:
        return ChunkVerdict(Way.FOREIGN, share=1.0)
    return ChunkVerdict(Way.ALIGNED, outcome.critical, round(outcome.share, 4), outcome.is_cut)


def _without_head(document: DocumentText, head: str, rest: str) -> ChunkVerdict:
    lines = ChunkText(document, head)
    unheld = unheld_value(lines, 0, len(lines.words), document)
    verdict = compare_chunk(document, rest)
    if unheld is not None and verdict.contained:
        return replace(verdict, critical=unheld, unsaid=True)
    return replace(verdict, unsaid=verdict.unsaid or not _is_said(document, head))


def _is_said(document: DocumentText, head: str) -> bool:
    """Say whether a head, or each part of it, stands in the document or is its title."""
    return _has_line(document, head) or all(_has_line(document, part) for part in parts_of(head))


def _has_line(document: DocumentText, text: str) -> bool:
    line = ChunkText(document, text)
    if says_title(line.words, document.title):
        return True
    return any(f" {line.joined} " in f" {layer.bare.joined} " for layer in document.layers)


def _stands_in(text: str, part: str) -> bool | None:
    """Say whether the part stands in the text only so that it begins or ends inside a word; None when it does not."""
    is_cut = None
    for at in _places(text, part):
        is_cut = cuts_a_word(text, at) or cuts_a_word(text, at + len(part))
        if not is_cut:
            break
    return is_cut


def _places(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    for _ in range(_PLACES_TRIED):
        if at < 0:
            return
        yield at
        at = text.find(part, at + 1)


def _closest(document: DocumentText, chunk: ChunkText) -> Outcome | None:
    """Compare with the body and, when that leaves a difference, with the full text; give the milder outcome."""
    best: Outcome | None = None
    for layer in document.layers:
        outcome = compare(chunk, layer.bare, document)
        if outcome and (best is None or _weight(outcome) < _weight(best)):
            best = outcome
    return best


def _headed(document: DocumentText, text: str) -> ChunkVerdict | None:
    """Take off the lines that a pipeline may have put before a chunk that stands in the document without them.

    They were put before it when nothing like them stands there: a changed heading has words in common with the new.
    """
    for _, line_end in zip(range(HEAD_LINES), _LINE_END.finditer(text, 0, LONGEST_HEAD), strict=False):
        if text.endswith(SENTENCE_ENDS, 0, line_end.start()):
            continue
        rest = without_broken_ends(flat(text[line_end.end() :]))
        if len(rest) * HEAD_TO_REST < line_end.start():
            return None
        for layer in document.layers:
            is_cut = _stands_in(layer.flat, rest)
            if is_cut is None:
                continue
            head = ChunkText(document, text[: line_end.start()])
            if not any(_is_before(layer, at, head.words) for at in _places(layer.flat, rest)):
                unheld = unheld_value(head, 0, len(head.words), document)
                unsaid = unheld is not None or not _is_said(document, text[: line_end.start()])
                return ChunkVerdict(Way.VERBATIM, unheld, is_cut=is_cut, unsaid=unsaid)
    return None


def _is_before(layer: Layer, at: int, words: Sequence[str]) -> bool:
    """Say whether half of the words that carry meaning stand shortly before a place of the text."""
    _, place = layer.bare.within(0, at)
    before = layer.bare.words[max(0, place - len(words) - _HEAD_SLACK) : place]
    telling = set(words) - FILLING
    return bool(telling) and 2 * len(telling.intersection(before)) >= len(telling)


def _weight(outcome: Outcome) -> tuple[bool, float]:
    return outcome.critical is not None, outcome.share
