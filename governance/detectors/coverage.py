"""How much of a document its chunks cover."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from governance.detectors.document_text import ChunkText, DocumentText
from governance.detectors.normal import flat, without_broken_ends
from governance.detectors.words import SHINGLE, Layer, runs_of

_OCCURRENCES: Final = 200_000
"""Occurrences of all chunks that are marked one by one; beyond them, the first few of each chunk."""
_FIRST: Final = 16
_SHORT: Final = 200
"""Characters that hold a shingle; the words of a shorter chunk that stands verbatim are looked for all the same."""
_SHORTEST_INNER: Final = 3


def uncovered(document: DocumentText, chunks: Iterable[str]) -> tuple[int, int]:
    """Give how many words of the body no chunk covers, and how many it has.

    A word is covered when a chunk that stands in the document verbatim lies over it, or several lie over its parts;
    also when it is in a run of five words that a chunk has, or that is covered elsewhere in the document. A chunk of
    fewer words covers them where they stand as a run.
    """
    covered = _covered(document, chunks)
    return covered.count(0), len(covered)


def covered_span(document: DocumentText, span: tuple[int, int], chunks: Iterable[str]) -> bool:
    """Say whether every word of words[start:end] of the document is covered; an empty span is."""
    return 0 not in _covered(document, chunks)[slice(*span)]


def _covered(document: DocumentText, chunks: Iterable[str]) -> bytearray:
    """Give a byte per word of the body, 1 for those that are covered. Each step is taken only when one is left."""
    texts = {without_broken_ends(flat(text)): text for text in chunks}
    texts.pop("", None)
    places = _occurrences(document.body.flat, texts)
    covered = _words_within(document.body, _merged(places.values()))
    if 0 in covered:
        asked = [texts[text] for text in texts if not places[text] or len(text) <= _SHORT]
        _cover(document.words, covered, _runs_of_chunks(document, asked))
    if 0 in covered and document.full and not all(places.values()):
        _cover_from_full(document, document.full, texts, covered)
    if 0 in covered:
        _cover(document.words, covered, {SHINGLE: _covered_runs(document.words, covered)})
    return covered


def _occurrences(text: str, parts: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
    """Give where each part stands: everywhere, as long as a text that repeats itself does not make it too many."""
    left = _OCCURRENCES
    found: dict[str, list[tuple[int, int]]] = {}
    for part in parts:
        places = found[part] = []
        at = text.find(part)
        while at >= 0 and (left > 0 or len(places) < _FIRST):
            places.append((at, at + len(part)))
            left -= 1
            at = text.find(part, at + 1)
    return found


def _merged(intervals: Iterable[Iterable[tuple[int, int]]]) -> list[tuple[int, int]]:
    """Give the intervals in order, those that touch or have one blank between them as one."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(interval for group in intervals for interval in group):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(end, merged[-1][1])
        else:
            merged.append((start, end))
    return merged


def _words_within(layer: Layer, intervals: list[tuple[int, int]]) -> bytearray:
    """Mark the words that lie wholly within an interval of the flat text."""
    if intervals == [(0, len(layer.flat))]:
        return bytearray(b"\x01") * len(layer.bare.words)
    within = bytearray(len(layer.bare.words))
    for interval in intervals:
        first, after = layer.bare.within(*interval)
        within[first:after] = b"\x01" * (after - first)
    return within


def _cover_from_full(document: DocumentText, full: Layer, texts: Iterable[str], covered: bytearray) -> None:
    intervals = _merged(_occurrences(full.flat, texts).values())
    if (shift := document.body_start) >= 0:
        marks = _words_within(document.body, [(start - shift, end - shift) for start, end in intervals])
        words: Iterable[int] = range(len(marks))
    else:
        marks, words = _words_within(full, intervals), document.body_of_full
    for mark, word in zip(marks, words, strict=True):
        if mark and word >= 0:
            covered[word] = 1


def _runs_of_chunks(document: DocumentText, texts: Iterable[str]) -> dict[int, set[tuple[str, ...]]]:
    known: defaultdict[int, set[tuple[str, ...]]] = defaultdict(set)
    for text in texts:
        for part in _parts(ChunkText(document, text).words):
            length = min(len(part), SHINGLE)
            known[length].update(runs_of(part, length))
    return known


def _parts(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Give a chunk's words, and those of a short one without its ends: they may be parts of words."""
    if words:
        yield words
    if _SHORTEST_INNER <= len(words) - 2 < SHINGLE:
        yield words[1:-1]


def _cover(words: Sequence[str], covered: bytearray, known: dict[int, set[tuple[str, ...]]]) -> None:
    """Mark the runs that are known around the words that are not marked."""
    for length, runs in known.items():
        done = -1
        missing = covered.find(0)
        while missing >= 0:
            for at in range(max(done + 1, missing - length + 1), min(missing, len(words) - length) + 1):
                if tuple(words[at : at + length]) in runs:
                    covered[at : at + length] = b"\x01" * length
            done = missing
            missing = covered.find(0, missing + 1)


def _covered_runs(words: Sequence[str], covered: bytearray) -> set[tuple[str, ...]]:
    runs: set[tuple[str, ...]] = set()
    start = covered.find(1)
    while start >= 0:
        end = covered.find(0, start)
        if end < 0:
            end = len(covered)
        runs.update(runs_of(words[start:end], SHINGLE))
        start = covered.find(1, end)
    return runs
