"""Holds the chunks of one document against its text. Pure: whoever calls it has read both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from governance.catalog.chunks import DocumentChunk
from governance.detectors.drift import Difference, Doubt, Verdict
from governance.detectors.texts import (
    ChunkVerdict,
    DocumentText,
    TextPrint,
    Way,
    compare_chunk,
    covered_span,
    find_print,
    heads_of,
    uncovered,
)
from governance.domain.chunks import ChunkState

FEW: Final = 3
"""Chunks of one document that may be cut inside words by chance."""
NEAR: Final = 0.3
"""Share of a chunk's runs that its document may lack while it still tells how the splitter works."""
Place: TypeAlias = tuple[str, str]
"""(partition, chunk id)."""


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document that was read.

    Attributes:
        text: None when the source shows no text.
        expected: What our own ingester would make of it: body hash by chunk id.

    """

    text: DocumentText | None
    expected: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Judged:
    """What came of it.

    Attributes:
        settled: Chunks that are gone from the index for a good reason: their text left the document, or other
            chunks took their place. Nothing more is to be said of them.

    """

    verdict: Verdict
    settled: tuple[Place, ...] = ()


def to_read(document: ReadDocument, chunks: Sequence[DocumentChunk]) -> list[Place]:
    """Give the chunks whose texts have to be read: none where all are as our own ingester would make them."""
    if document.text is None:
        return []
    present = _of(chunks, ChunkState.PRESENT)
    exact = {item.chunk_id for item in present if _is_exact(item, document.expected)}
    all_here = bool(exact) and exact >= document.expected.keys()
    foreign_gone = any(not item.made_by for item in _of(chunks, ChunkState.GONE))
    return [_place(item) for item in present if not all_here or foreign_gone or item.chunk_id not in exact]


def judge_chunks(
    document: ReadDocument,
    chunks: Sequence[DocumentChunk],
    texts: Mapping[Place, str],
    before: Verdict | None = None,
    version: str = "",
) -> Judged | None:
    """Give the verdict; None when a text is needed that the index no longer gave.

    Args:
        document: The document as it is now.
        chunks: Its chunks in every state.
        texts: Texts of those that `to_read` named.
        before: The last verdict on it; None when there is none.
        version: Of the comparison: what another one found contained says nothing.

    """
    present = _of(chunks, ChunkState.PRESENT)
    holed_at = before.holed_at if before is not None else None
    if document.text is None:
        renewed = max((item.seen_from for item in present if item.seen_from is not None), default=None)
        renewed_at = renewed.isoformat() if renewed is not None else None
        return Judged(Verdict(words=None, chunks=len(present), holed_at=holed_at, renewed_at=renewed_at))
    if any(place not in texts for place in to_read(document, chunks)):
        return None
    missing, settled = _gone(document, chunks, texts)
    holes, words = _uncovered(document, present, texts)
    known = _known_before(present, before, version)
    inexact = [item for item in present if not _is_exact(item, document.expected)]
    found = _compared(document.text, inexact, texts)
    differing = [item for each in inexact if (item := _difference(each, found[_place(each)], known)) is not None]
    verbatim = [_place(item) for item in inexact if not item.made_by and found[_place(item)].way is Way.VERBATIM]
    since = datetime.fromisoformat(holed_at) if holed_at else None
    newer = since is None or any(item.first_seen > since for item in present)
    filled = newer and (before is None or before.holed_from is None or holes <= before.holed_from)
    verdict = Verdict(
        words=words,
        uncovered=holes,
        chunks=len(present),
        near=sum(not item.made_by and found[_place(item)].share <= NEAR for item in inexact),
        verbatim=len(verbatim),
        cut=sum(found[place].is_cut for place in verbatim),
        differing=tuple(_few_cut(differing)),
        missing=tuple(missing),
        holed_at=None if filled or not holes else holed_at,
        holed_from=before.holed_from if before is not None and holes and not filled else None,
    )
    return Judged(verdict, tuple(settled))


def _compared(
    document: DocumentText, chunks: Sequence[DocumentChunk], texts: Mapping[Place, str]
) -> dict[Place, ChunkVerdict]:
    heads = heads_of([texts[_place(item)] for item in chunks if not item.made_by], document.title)
    said = {_place(item): texts[_place(item)] for item in chunks}
    return {place: compare_chunk(document, text, heads.before(text)) for place, text in said.items()}


def _difference(item: DocumentChunk, found: ChunkVerdict, known: _Known) -> Difference | None:
    """Give in what a chunk differs; None for one that stands in the document without doubt."""
    own, place = bool(item.made_by), _place(item)
    if not found.contained:
        certain = place in known.contained
        return Difference(*place, own, found.critical, found.share, None, certain)
    doubt = Doubt.HEAD if found.unsaid else None
    doubt = Doubt.MARKUP if found.way is Way.WORDS else Doubt.CUT if found.is_cut else doubt
    return Difference(*place, own, found.critical, 0.0, doubt, place in known.clean) if doubt else None


@dataclass(frozen=True, slots=True)
class _Known:
    """Chunks that the last comparison found in the document, and that say the same since.

    Attributes:
        contained: All of them.
        clean: Those of them that stood there without doubt.

    """

    contained: frozenset[Place] = frozenset()
    clean: frozenset[Place] = frozenset()


def _known_before(present: Sequence[DocumentChunk], before: Verdict | None, version: str) -> _Known:
    if before is None or before.compared_at is None or before.compared_by != version or before.words is None:
        return _Known()
    moment = datetime.fromisoformat(before.compared_at)
    same = {_place(item) for item in present if item.seen_from is not None and item.seen_from <= moment}
    # What an edit left behind stays that, however often it is compared again.
    doubtful = {_at(item) for item in before.differing if item.doubt is None or not item.certain}
    differed = {_at(item) for item in before.differing if item.doubt is None and not item.certain}
    contained = frozenset(same - differed)
    # Chunks cut inside words are not named there, where there are many.
    return _Known(contained, contained - doubtful if before.cut <= FEW else frozenset())


def _few_cut(differing: Sequence[Difference]) -> Iterator[Difference]:
    """Leave out what is cut inside words where much is: that is how this document was split, and no edit."""
    cut = sum(item.doubt is Doubt.CUT for item in differing)
    return (item for item in differing if item.doubt is not Doubt.CUT or cut <= FEW)


def _gone(
    document: ReadDocument, chunks: Sequence[DocumentChunk], texts: Mapping[Place, str]
) -> tuple[list[Place], list[Place]]:
    """Sort chunks that are gone: those whose text still stands in the document and nowhere else, and the rest."""
    present = _of(chunks, ChunkState.PRESENT)
    there = {item.body_hash for item in present}
    missing: list[Place] = []
    settled: list[Place] = []
    for item in _of(chunks, ChunkState.GONE):
        if item.made_by:
            still = _stands(document, item)
        else:
            newer = [texts[_place(other)] for other in present if _is_newer(other, item.first_seen, texts)]
            # Of a text that was written twice, under two ids, one copy is enough.
            still = item.body_hash not in there and _stands_uncovered(document, item, newer)
        (missing if still else settled).append(_place(item))
    return missing, settled


def _stands(document: ReadDocument, item: DocumentChunk) -> bool:
    return document.expected.get(item.chunk_id) == item.body_hash


def _stands_uncovered(document: ReadDocument, item: DocumentChunk, newer: Sequence[str]) -> bool:
    """Say whether a chunk's text stands in the document, and no chunk that came after it has it now.

    Neighbors that came together with it and overlap it do not stand in for it; another splitting does.
    """
    if document.text is None or not item.words:
        return False
    span = find_print(document.text, TextPrint(item.words, item.anchor, item.inner_hash))
    return span is not None and not (newer and covered_span(document.text, span, newer))


def _is_newer(item: DocumentChunk, moment: datetime, texts: Mapping[Place, str]) -> bool:
    return item.first_seen > moment and _place(item) in texts


def _uncovered(document: ReadDocument, present: Sequence[DocumentChunk], texts: Mapping[Place, str]) -> tuple[int, int]:
    text = document.text
    if text is None:
        return 0, 0
    exact = {item.chunk_id for item in present if _is_exact(item, document.expected)}
    if exact and exact >= document.expected.keys():
        return 0, len(text.words)
    return uncovered(text, [texts[place] for item in present if (place := _place(item)) in texts])


def _is_exact(item: DocumentChunk, expected: Mapping[str, str]) -> bool:
    return bool(item.made_by) and expected.get(item.chunk_id) == item.body_hash


def _of(chunks: Sequence[DocumentChunk], state: ChunkState) -> list[DocumentChunk]:
    return [item for item in chunks if item.state == state.value]


def _place(item: DocumentChunk) -> Place:
    return item.partition, item.chunk_id


def _at(item: Difference) -> Place:
    return item.partition, item.chunk_id
