"""Compares the documents of one source with what one index has of them, document by document.

What was compared before and has not changed since is not compared again: neither the document nor the texts of its
chunks are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from governance.catalog.chunks import DocumentChunk
from governance.catalog.comparisons import Comparison
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.detectors.drift import Verdict
from governance.detectors.texts import VERSION as TEXTS_VERSION
from governance.detectors.texts import DocumentText
from governance.domain.chunks import ChunkKey, ChunkState
from governance.domain.documents import Document, DocumentState
from governance.domain.keys import ChunkFields
from governance.domain.ports import Index, Listed, Source, UnreadableDocument
from governance.domain.values import Json, digest_of
from governance.services import chunking
from governance.services.chunking import cut
from governance.services.context import RunContext
from governance.services.ingest_plan import identified
from governance.services.judge_chunks import Place, ReadDocument, judge_chunks, to_read
from governance.services.ordered import Follower
from governance.services.sighting import text_of

VERSION: Final = f"compare/1 texts/{TEXTS_VERSION} {chunking.VERSION}"
"""Raised when the same texts would be judged otherwise."""
BATCH_DOCUMENTS: Final = 50
BATCH_CHUNKS: Final = 1000
"""What is read from the index and kept in memory together."""
_LOOK_UP: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source and an index that is to have its documents.

    Attributes:
        chunk_characters: How our own ingester cuts.

    """

    source: Source
    index: Index
    fields: ChunkFields
    chunk_characters: int


@dataclass(slots=True)
class Compared:
    """What came of it, beside what the catalog keeps.

    Attributes:
        scanned: Documents that were compared, `unchanged` those that need not be.
        unlooked: Documents about which nothing can be said now: suspect, unreadable, changed while this ran.
        orphans: Of documents that are gone, (partition, id) of chunks that are there.
        ghosts: Of documents that are gone, (partition, id) of chunks that are there although they were deleted.

    """

    scanned: int = 0
    unchanged: int = 0
    unlooked: set[str] = field(default_factory=set)
    orphans: dict[str, list[Place]] = field(default_factory=dict)
    ghosts: dict[str, list[Place]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Work:
    """A document that has to be compared."""

    document: Document
    chunks: Sequence[DocumentChunk]
    basis: str
    before: Comparison | None


def compare(catalog: Catalog, pair: Pair, context: RunContext, *, full: bool = False) -> Compared:
    """Bring the catalog's comparisons of a source with an index to what both show now.

    Args:
        catalog: The catalog, as a look at both has just left it.
        pair: What to compare.
        context: The run.
        full: Compare again what has not changed.

    Raises:
        IndexUnreachable: The index stopped answering; what was compared by then is kept.

    """
    return _Comparer(catalog, pair, context).run(full=full)


class _Comparer:
    def __init__(self, catalog: Catalog, pair: Pair, context: RunContext) -> None:
        self._catalog = catalog
        self._pair = pair
        self._context = context
        self._result = Compared()
        self._first = True
        self._ended: list[str] = []

    def run(self, *, full: bool) -> Compared:
        source, index = self._pair.source.name, self._pair.index.name
        with self._catalog.read() as uow:
            self._first = next(uow.comparisons.of(index, source), None) is None
            batch: list[_Work] = []
            for document, chunks, before in _joined(uow, source, index):
                work = self._sorted_out(document, chunks, before, full=full)
                if work is not None:
                    batch.append(work)
                if len(batch) >= BATCH_DOCUMENTS or sum(len(item.chunks) for item in batch) >= BATCH_CHUNKS:
                    self._compare(batch)
                    batch = []
            self._compare(batch)
        with self._catalog.write() as uow:
            self._context.fence(uow)
            uow.comparisons.remove(index, source, self._ended)
        return self._result

    def _sorted_out(
        self, document: Document, chunks: Sequence[DocumentChunk], before: Comparison | None, *, full: bool
    ) -> _Work | None:
        """Give what has to be compared; note what is to be said of a document without a look at its text."""
        name = document.document
        if document.state is DocumentState.GONE:
            _note_gone(self._result, name, chunks)
            self._ended += [name] if before is not None else []
            return None
        if not _can_be_compared(document):
            self._result.unlooked.add(name)
            return None
        basis = self._basis(document, chunks)
        if before is not None and before.basis == basis and not full:
            self._result.unchanged += 1
            return None
        return _Work(document, chunks, basis, before)

    def _basis(self, document: Document, chunks: Sequence[DocumentChunk]) -> str:
        rows: list[Json] = [
            [item.partition, item.chunk_id, item.state, item.body_hash, item.made_by, item.first_seen.isoformat()]
            for item in chunks
        ]
        recipe: list[Json] = [VERSION, self._pair.source.recipe, self._pair.chunk_characters]
        return digest_of([*recipe, document.raw_hash, rows])

    def _compare(self, batch: Sequence[_Work]) -> None:
        if not batch:
            return
        read = {work.document.document: self._read(work.document) for work in batch}
        ready = [(work, found) for work in batch if (found := read[work.document.document]) is not None]
        texts = self._texts(ready)
        saved: list[Comparison] = []
        settled: list[ChunkKey] = []
        for work, found in ready:
            before = Verdict.from_json(work.before.verdict) if work.before else None
            judged = judge_chunks(found, work.chunks, texts, before, VERSION)
            if judged is None:
                self._result.unlooked.add(work.document.document)
                continue
            keys = [ChunkKey(self._pair.index.name, *place) for place in judged.settled]
            settled += keys
            saved.append(self._comparison(work, judged.verdict, keys))
        self._result.scanned += len(saved)
        with self._catalog.write() as uow:
            self._context.fence(uow)
            uow.comparisons.save(saved)
            uow.chunks.forget(settled)
        self._context.progress("comparing", self._result.scanned + self._result.unchanged, None)

    def _read(self, document: Document) -> ReadDocument | None:
        """Read the document as it is now; None, and noted, when it is not what was listed any more."""
        source = self._pair.source
        try:
            entry = source.reread(Listed(document.document, document.raw_hash, document.changed_on))
            parsed = source.parse(entry) if entry.unreadable is None and entry.raw_hash == document.raw_hash else None
        except UnreadableDocument:
            parsed = None
        if parsed is None:
            self._result.unlooked.add(document.document)
            return None
        if parsed.body is None:
            return ReadDocument(None, {})
        pieces = identified(document.source, document.document, cut(parsed.body, self._pair.chunk_characters))
        expected = {chunk_id: body_hash for chunk_id, body_hash, _ in pieces}
        return ReadDocument(DocumentText.of(parsed.body, parsed.full_text, document.title), expected)

    def _texts(self, ready: Sequence[tuple[_Work, ReadDocument]]) -> dict[Place, str]:
        """Read the texts of the chunks that have to be looked at."""
        wanted = [key for work, found in ready for key in to_read(found, work.chunks)]
        texts: dict[Place, str] = {}
        for partition in sorted({key[0] for key in wanted}):
            ids = [chunk_id for where, chunk_id in wanted if where == partition]
            with closing(self._pair.index.reader(partition)) as reader:
                for start in range(0, len(ids), _LOOK_UP):
                    for chunk_id, record in reader.fetch(ids[start : start + _LOOK_UP]).items():
                        texts[partition, chunk_id] = text_of(record, self._pair.fields)
        return texts

    def _comparison(self, work: _Work, verdict: Verdict, settled: Sequence[ChunkKey]) -> Comparison:
        document, before = work.document, work.before
        forgotten = {(key.partition, key.chunk_id) for key in settled}
        left = [item for item in work.chunks if (item.partition, item.chunk_id) not in forgotten]
        return Comparison(
            index_name=self._pair.index.name,
            source=document.source,
            document=document.document,
            basis=self._basis(document, left) if settled else work.basis,
            verdict=replace(verdict, compared_at=self._context.clock().isoformat(), compared_by=VERSION).as_json(),
            body_hash=document.body_hash,
            pending_since=self._pending_since(document, before),
            lag_seconds=before.lag_seconds if before else None,
        )

    def _pending_since(self, document: Document, before: Comparison | None) -> datetime | None:
        """Give since when the index may lag behind: since the catalog first saw the text that is there now.

        What stood there before anybody looked says nothing about how long a change takes.
        """
        if before is None:
            return None if self._first else document.body_seen_at
        return document.body_seen_at if before.body_hash != document.body_hash else before.pending_since


def last_compared(uow: UnitOfWork, source: str, index: str) -> Compared:
    """Give what the last comparison of a source with an index came to, as far as the catalog still shows it.

    Documents that were changed or came since, and those that could not be compared, are `unlooked`. A chunk that was
    deleted counts as a ghost once the index has been looked at since.
    """
    found = Compared()
    looked: dict[str, datetime | None] = {}
    for document, chunks, before in _joined(uow, source, index):
        if document.state is DocumentState.GONE:
            for partition in {item.partition for item in chunks} - looked.keys():
                looked[partition] = uow.sightings.state(index, partition).completed_at
            _note_gone(found, document.document, [item for item in chunks if _was_looked_for(item, looked)])
        elif not _can_be_compared(document) or before is None or before.body_hash != document.body_hash:
            found.unlooked.add(document.document)
        else:
            found.unchanged += 1
    return found


def _was_looked_for(chunk: DocumentChunk, looked: Mapping[str, datetime | None]) -> bool:
    """Say whether it is known if a chunk is there, which nobody knows of one that has just been deleted."""
    at = looked[chunk.partition]
    since = at is not None and (chunk.gone_at is None or chunk.gone_at <= at)
    return since or chunk.state != ChunkState.DELETED.value


def _can_be_compared(document: Document) -> bool:
    return document.state is DocumentState.PRESENT and document.unreadable is None and bool(document.raw_hash)


def _note_gone(result: Compared, name: str, chunks: Sequence[DocumentChunk]) -> None:
    for state, found in ((ChunkState.PRESENT, result.orphans), (ChunkState.DELETED, result.ghosts)):
        there = [(item.partition, item.chunk_id) for item in chunks if item.state == state.value]
        if there:
            found[name] = there


def _joined(
    uow: UnitOfWork, source: str, index: str
) -> Iterator[tuple[Document, list[DocumentChunk], Comparison | None]]:
    """Give each document of a source with its chunks and its last comparison; all three streams are ordered by name."""
    chunks = Follower(uow.chunks.by_document(index, source))
    before = Follower((item.document, item) for item in uow.comparisons.of(index, source))
    for document in uow.documents.in_any_state(source):
        yield document, chunks.at(document.document) or [], before.at(document.document)
