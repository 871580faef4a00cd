"""What a chunk's words and its document's differ in, once it is known which runs of them are common."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, TypeAlias

from governance.detectors.alignment import FILLING, LONGEST_GAP, Run, common_runs
from governance.detectors.document_text import ChunkText, DocumentText
from governance.detectors.facts import Critical, critical_difference, is_negation, unit_at, value_at, values_in
from governance.detectors.words import SHINGLE, Wording, runs_of

_REACH: Final = 6
"""Words on either side that an edit near an end of the chunk may span."""
_CONFIRMING: Final = 3
_EDGE: Final = 64
"""Words beyond the outermost common run that are compared one by one."""
_LONGEST_HEADING: Final = 15
_LONGEST_INSERTION: Final = 12
_SHORTEST_PART: Final = 3

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was found.

    Attributes:
        critical: The first critical difference.
        share: Share of the chunk's shingles that the document lacks.
        is_cut: Whether the first or last word is a part of the document's.

    """

    critical: Critical | None
    share: float
    is_cut: bool


def compare(piece: ChunkText, text: Wording, document: DocumentText) -> Outcome | None:
    """Give what a chunk's words differ in from a text in which they are no run; None when nothing is common."""
    runs = common_runs(piece.words, text)
    if not runs:
        return None
    return _Comparison(piece, text, document, runs).outcome()


def unheld_value(piece: Wording, start: int, end: int, document: DocumentText) -> Critical | None:
    """Give the first number, date or version of words[start:end] that the document holds nowhere."""
    words, whole = piece.words, range(piece.first_whole, piece.last_whole)
    for at, value in values_in(words, start, end):
        if not (document.has_value(value.text) or (at not in whole and document.has_characters(words[at]))):
            return value.code
    return None


@dataclass(slots=True)
class _Edge:
    """The words beyond a run, told outward from it, on both sides.

    Attributes:
        words: The chunk's.
        text: The document's, a few more.
        run: From where they are told.
        is_forward: Whether they follow the run.
        is_outermost: Whether the chunk ends with them, so that the last one may be a part of a word.
        barriers: Before which of the chunk's words, told outward, a blank line stands.
        parted: The next barrier; a word beyond one that is the same on both sides takes it away.

    """

    words: Sequence[str]
    text: Sequence[str]
    run: Run
    is_forward: bool
    is_outermost: bool
    barriers: Sequence[int]
    parted: int = 0
    at: int = 0
    stands: int = 0
    gaps: list[tuple[Span, Span]] = field(default_factory=list)
    is_cut: bool = False

    @property
    def reached(self) -> tuple[int, int]:
        """How far the walk came: the chunk's next word and the document's next word."""
        return self._spans(self.at, self.at + 1)[0], self._spans(self.stands, self.stands + 1, stands=True)[0]

    def edits(self) -> Iterator[tuple[Span, Span]]:
        """Give what was skipped on the way, as places in chunk and document."""
        for here, there in self.gaps:
            yield self._spans(*here), self._spans(*there, stands=True)

    def _spans(self, start: int, end: int, *, stands: bool = False) -> Span:
        run = self.run
        if self.is_forward:
            base = run.stands_end if stands else run.end
            return base + start, base + end
        base = run.stands if stands else run.at
        return base - end, base - start

    def walk(self) -> None:
        """Go outward as long as the words are the same again after an edit of a few words."""
        self.parted = self._next_barrier(0)
        while self.at < len(self.words):
            if self._is_same(self.at, self.stands):
                self._step()
                continue
            edit = next(self._edits(), None)
            if edit is None:
                return
            skipped, missing = edit
            here, there = (self.at, self.at + skipped), (self.stands, self.stands + missing)
            self.gaps.append((here, there))
            self.at, self.stands = here[1], there[1]

    def _step(self) -> None:
        word = self.words[self.at]
        self.is_cut = word != self.text[self.stands]
        self.at, self.stands = self.at + 1, self.stands + 1
        if self.at > self.parted and word not in FILLING:
            self.parted = self._next_barrier(self.at)

    def _next_barrier(self, at: int) -> int:
        return next((barrier for barrier in self.barriers if barrier >= at), len(self.words))

    def _is_same(self, at: int, stands: int) -> bool:
        if stands >= len(self.text):
            return False
        mine, other = self.words[at], self.text[stands]
        if mine == other:
            return True
        if not self.is_outermost or at + 1 < len(self.words):
            return False
        return other.startswith(mine) if self.is_forward else other.endswith(mine)

    def _edits(self) -> Iterator[tuple[int, int]]:
        """Give how many words to skip on either side until the words are the same again, fewest first."""
        for total in range(1, 2 * _REACH + 1):
            for skipped in range(max(0, total - _REACH), min(total, _REACH) + 1):
                missing = total - skipped
                if self._is_confirmed(
                    self.at + skipped, self.stands + missing, is_one_word=(skipped, missing) == (0, 1)
                ):
                    yield skipped, missing

    def _is_confirmed(self, at: int, stands: int, *, is_one_word: bool) -> bool:
        # What a splitter puts before a chunk (title, heading path) is followed by a blank line; one common word
        # in it shows nothing. Neither do "of" and "the" anywhere.
        left = len(self.words) - at
        wanted = min(_CONFIRMING, left)
        if wanted < 1 or (at >= self.parted and wanted < _CONFIRMING):
            return False
        if not all(self._is_same(at + step, stands + step) for step in range(wanted)):
            return False
        if wanted == 1 and self.words[at] != self.text[stands]:
            return len(self.words[at]) >= _SHORTEST_PART
        return wanted == _CONFIRMING or is_one_word or not FILLING.issuperset(self.words[at : at + wanted])


@dataclass(slots=True)
class _Comparison:
    piece: ChunkText
    text: Wording
    document: DocumentText
    runs: Sequence[Run]
    head: int = 0
    cut_first: bool = False
    cut_last: bool = False

    def outcome(self) -> Outcome:
        codes = list(self._codes())
        return Outcome(next(filter(None, codes), None), self._share(), self.cut_first or self.cut_last)

    def _codes(self) -> Iterator[Critical | None]:
        # All of them, so that both ends are looked at.
        yield from self._before(self.runs[0])
        for one, other in pairwise(self.runs):
            yield from self._between(one, other)
        yield from self._after(self.runs[-1])

    def _share(self) -> float:
        start = max(self.head, self.cut_first)
        words = self.piece.words[start : len(self.piece.words) - self.cut_last]
        length = min(SHINGLE, len(words))
        places = self.text.places(length)
        return sum(run not in places for run in runs_of(words, length)) / (len(words) - length + 1)

    def _difference(self, here: Span, there: Span) -> Critical | None:
        return critical_difference(self.piece.words, here, self.text.words, there)

    # Between two runs

    def _between(self, one: Run, other: Run) -> Iterator[Critical | None]:
        if self._is_one_passage(one, other):
            yield self._difference((one.end, other.at), (one.stands_end, other.stands))
            return
        forward = self._forward(one, other.at)
        yield from self._edited(forward)
        backward = self._backward(other, forward.reached[0])
        yield from self._edited(backward)
        yield self._unheld(forward.reached[0], backward.reached[0] + 1)
        self._note_head(backward.reached[0] + 1)

    def _note_head(self, end: int) -> None:
        """Leave the lines that a pipeline puts before a chunk (title, heading path) out of the share."""
        if self.piece.is_title(end):
            self.head = end

    def _is_one_passage(self, one: Run, other: Run) -> bool:
        """Say whether what lies between two runs is an edit, and not that two passages were put side by side."""
        missing = other.stands - one.stands_end
        if not 0 <= missing <= LONGEST_GAP:
            return False
        # A heading path put before a chunk stands in the document too, further up.
        is_heading = one.end <= _LONGEST_HEADING and self.piece.is_parted(one.end, by_line=True)
        return not (is_heading and missing > _LONGEST_INSERTION)

    # Beyond the outermost runs

    def _before(self, run: Run) -> Iterator[Critical | None]:
        edge = self._backward(run, 0)
        self.cut_first = edge.is_cut
        self._note_head(edge.reached[0] + 1)
        yield self._unheld(0, edge.reached[0] + 1)
        yield self._beside(edge)
        yield from reversed(list(self._edited(edge)))

    def _after(self, run: Run) -> Iterator[Critical | None]:
        edge = self._forward(run, len(self.piece.words))
        self.cut_last = edge.is_cut
        yield from self._edited(edge)
        yield self._beside(edge)
        yield self._unheld(edge.reached[0], len(self.piece.words))

    def _forward(self, run: Run, end: int) -> _Edge:
        words = self.piece.words[run.end : min(end, run.end + _EDGE)]
        text = self.text.words[run.stands_end : run.stands_end + len(words) + _REACH]
        barriers = [step for step in range(len(words)) if self.piece.is_parted(run.end + step)]
        is_outermost = run.end + len(words) == len(self.piece.words)
        edge = _Edge(words, text, run, is_forward=True, is_outermost=is_outermost, barriers=barriers)
        edge.walk()
        return edge

    def _backward(self, run: Run, start: int) -> _Edge:
        words = self.piece.words[max(start, run.at - _EDGE) : run.at][::-1]
        text = self.text.words[max(0, run.stands - len(words) - _REACH) : run.stands][::-1]
        barriers = [step for step in range(len(words)) if self.piece.is_parted(run.at - step)]
        is_outermost = run.at - len(words) == 0
        edge = _Edge(words, text, run, is_forward=False, is_outermost=is_outermost, barriers=barriers)
        edge.walk()
        return edge

    def _edited(self, edge: _Edge) -> Iterator[Critical | None]:
        for here, there in edge.edits():
            yield self._difference(here, there)

    def _beside(self, edge: _Edge) -> Critical | None:
        """Compare the first word that is not the same any more with the document's in its place.

        Here the document's words may be none of the chunk's business, so only like is compared with like: a number
        with a number, a unit with a unit. What stands beyond a blank line is another paragraph.
        """
        if edge.at >= edge.parted:
            return None
        at, stands = edge.reached
        words, text = self.piece.words, self.text.words
        if is_negation(words[at]):
            return Critical.NEGATION
        if not 0 <= stands < len(text):
            return None
        code = self._difference((at, at + 1), (stands, stands + 1))
        values = value_at(words, at), value_at(text, stands)
        units = unit_at(words, at), unit_at(text, stands)
        return code if code is Critical.ANTONYM or all(values) or all(units) else None

    def _unheld(self, start: int, end: int) -> Critical | None:
        """Give the first value among words put before, behind or between that the document holds nowhere.

        A title, a heading path or a summary that a pipeline adds is no drift. A number in it that the document does
        not have, not even in its front matter or in an address, cannot be right any more.
        """
        return unheld_value(self.piece, start, end, self.document)
