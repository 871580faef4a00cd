"""Which run of a chunk's words stands where in a document, and what lies between the runs.

Shingles of five words that the document has once are anchors; each is stretched as far as the words are equal, and
only what lies between two such runs is looked at word by word. So the work grows with the words and not with
their product, whatever the texts are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from governance.detectors.words import SHINGLE, Places, Wording

_SHORT_CHUNK: Final = 40
"""Words up to which a chunk without a common shingle of five is looked up by shorter ones."""
_SHORTEST: Final = 4
"""Words up to which a single word may be an anchor."""
_FILLING: Final = """
a an the of to in on at by for and or is are be it its as if this that with from we you your
der die das und oder im zu von mit auf ist ein eine
"""
LONGEST_GAP: Final = 300
"""Words of the document between two runs up to which they are one passage into which something was put."""
_SHORT_GAP: Final = 12
_MOST_STRAYS: Final = 4
_FEW_WORDS: Final = 4
FILLING: Final = frozenset(_FILLING.split())
"""Words that stand everywhere: one of them alone shows nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """So many words of a chunk, from `at`, that stand in the document from `stands`."""

    at: int
    stands: int
    length: int

    @property
    def end(self) -> int:
        """Where it ends in the chunk."""
        return self.at + self.length

    @property
    def stands_end(self) -> int:
        """Where it ends in the document."""
        return self.stands + self.length


def common_runs(words: Sequence[str], wording: Wording) -> list[Run]:
    """Give the runs in the chunk's order; none when the two have nothing in common that shows where it belongs."""
    for length in _lengths(len(words)):
        if found := _Anchors(words, wording.words, wording.places(length), length).runs():
            return _without_overlaps(_without_strays(found, words, wording.words))
    return []


def _lengths(count: int) -> Iterator[int]:
    yield SHINGLE
    if count <= _SHORT_CHUNK:
        yield from (3, 2)
    if count <= _SHORTEST:
        yield 1


def _without_strays(runs: list[Run], words: Sequence[str], text: Sequence[str]) -> list[Run]:
    """Leave out runs that stand in a copy of the passage, where the runs around them show the passage itself.

    Where a page says a thing twice and one of the two was edited, the words of old stand in the other one.
    """
    kept: list[Run] = []
    at = 0
    while at < len(runs):
        kept.append(runs[at])
        following = range(at + 2, min(len(runs), at + 2 + _MOST_STRAYS))
        at = next((other for other in following if _are_strays(runs, at, other, words, text)), at + 1)
    if _is_stray_end(kept[:2]) and _is_like_before(kept[1], words, text):
        del kept[0]
    if _is_stray_end(kept[:-3:-1]) and _is_like_after(kept[-2], words, text):
        del kept[-1]
    return kept


def _are_strays(runs: list[Run], at: int, other: int, words: Sequence[str], text: Sequence[str]) -> bool:
    within = runs[at].stands_end, runs[other].stands
    in_place = all(within[0] <= run.stands and run.stands_end <= within[1] for run in runs[at + 1 : other])
    return not in_place and _is_like_between(runs[at], runs[other], words, text)


def _is_stray_end(outermost: list[Run]) -> bool:
    """Say whether the first of two runs at an end of the chunk is the shorter one and stands elsewhere."""
    if len(outermost) <= 1 or outermost[0].length >= outermost[1].length:
        return False
    one, other = sorted(outermost, key=lambda run: run.at)
    return not 0 <= other.stands - one.stands_end <= _SHORT_GAP


def _is_like_between(one: Run, other: Run, words: Sequence[str], text: Sequence[str]) -> bool:
    return _are_alike(words[one.end : other.at], text, one.stands_end, other.stands)


def _is_like_before(run: Run, words: Sequence[str], text: Sequence[str]) -> bool:
    return _are_alike(words[: run.at], text, max(0, run.stands - run.at), run.stands)


def _is_like_after(run: Run, words: Sequence[str], text: Sequence[str]) -> bool:
    beyond = words[run.end :]
    return _are_alike(beyond, text, run.stands_end, min(len(text), run.stands_end + len(beyond)))


def _are_alike(words: Sequence[str], text: Sequence[str], start: int, end: int) -> bool:
    """Say whether two passages of about one length have most of their words in common."""
    longest = max(len(words), end - start)
    if end <= start or abs(len(words) - (end - start)) > _FEW_WORDS + longest // 5:
        return False
    common = (Counter(words) & Counter(text[start:end])).total()
    return common * 4 >= longest * 3


def _without_overlaps(runs: list[Run]) -> list[Run]:
    """Give the runs so that none starts within the document's words of the one before it.

    Two runs share words of the document where the chunk says something twice that the document says once.
    """
    kept = [runs[0]]
    for run in runs[1:]:
        last = kept[-1]
        surplus = last.stands_end - run.stands if last.stands <= run.stands else 0
        if surplus < run.length:
            shift = max(0, surplus)
            kept.append(Run(run.at + shift, run.stands + shift, run.length - shift))
    return kept


@dataclass(frozen=True, slots=True)
class _Anchors:
    words: Sequence[str]
    text: Sequence[str]
    places: Places
    length: int

    def runs(self) -> list[Run]:
        """Give the runs of shingles that stand once, and between them those of shingles that stand several times."""
        found: list[Run] = []
        for after in (*self._unique(), None):
            found += self._repeated(found[-1] if found else None, after)
            if after:
                found.append(after)
        return found

    def _at(self, at: int) -> Sequence[int]:
        key = tuple(self.words[at : at + self.length])
        return () if self.length == 1 and key[0] in FILLING else self.places.get(key, ())

    def _unique(self) -> Iterator[Run]:
        at = floor = 0
        while at + self.length <= len(self.words):
            found = self._at(at)
            if len(found) == 1:
                run = self._stretched(at, found[0], floor, len(self.words))
                yield run
                at = floor = run.end
            else:
                at += 1

    def _repeated(self, before: Run | None, after: Run | None) -> Iterator[Run]:
        at = floor = before.end if before else 0
        end = after.at if after else len(self.words)
        while at + self.length <= end:
            if found := self._at(at):
                before = self._stretched(at, _likeliest(found, at, before, after), floor, end)
                yield before
                at = floor = before.end
            else:
                at += 1

    def _stretched(self, at: int, stands: int, floor: int, ceiling: int) -> Run:
        """Give the run around an anchor, as long as it can be between two places of the chunk."""
        words, text, shift = self.words, self.text, stands - at
        start, end = at, at + self.length
        while start > floor and start + shift > 0 and words[start - 1] == text[start + shift - 1]:
            start -= 1
        while end < ceiling and end + shift < len(text) and words[end] == text[end + shift]:
            end += 1
        return Run(start, start + shift, end - start)


def _likeliest(places: Sequence[int], at: int, before: Run | None, after: Run | None) -> int:
    """Give the place that continues a neighboring run, else the one nearest to where that would be."""
    neighbors = [run for run in (before, after) if run]
    wanted = [run.stands + at - run.at for run in neighbors] or [0]
    near: list[tuple[int, int]] = []
    for rank, place in enumerate(wanted):
        above = bisect_left(places, place)
        near += [(abs(found - place) * 2 + rank, found) for found in places[max(0, above - 1) : above + 1]]
    return min(near)[1]
