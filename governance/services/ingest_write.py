"""Writes changed documents into an index: parse, cut, embed, put, patch, delete, in this order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from governance.catalog.chunks import ChunkRow, IndexedDocument
from governance.catalog.documents import KnownDocument
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.chunks import DEFAULT_VECTOR, BatchResult, ChunkKey, Record
from governance.domain.documents import Document, DocumentState, ProblemCode
from governance.domain.events import Action, Event
from governance.domain.ports import Embedder, Listed, Source, UnreadableDocument
from governance.domain.values import Vector, digest_of
from governance.services.chunking import cut
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from governance.services.ingest_plan import DocumentChange, PlannedChunk, plan_chunks, plan_document, planned_digest
from governance.services.listing import save_unreadable
from governance.services.survey import Survey

RECORDS_PER_CALL = 500


@dataclass(slots=True)
class Tally:
    """Counts of one ingest, in the contract's words."""

    documents: Counter[str] = field(default_factory=Counter)
    chunks: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, dict[str, int]]:
        """Give the two groups of counts, zeros included."""
        groups = {
            "documents": (
                "seen",
                "added",
                "body_changed",
                "metadata_changed",
                "unchanged",
                "removed",
                "failed",
                "suppressed",
            ),
            "chunks": ("written", "embedded", "patched", "deleted"),
        }
        counters = {"documents": self.documents, "chunks": self.chunks}
        return {group: {name: counters[group][name] for name in names} for group, names in groups.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestParts:
    """What a writer works with.

    Attributes:
        place: (index, partition).
        recipe: Digest of everything beside the bytes that shapes the chunks.

    """

    catalog: Catalog
    gate: WriteGate
    source: Source
    embedder: Embedder
    place: tuple[str, str]
    chunk_characters: int
    recipe: str


@dataclass(slots=True)
class _Batch:
    """Documents that are carried through the steps together; those that fail on the way drop out."""

    changes: dict[str, DocumentChange] = field(default_factory=dict)
    failed: dict[str, tuple[ProblemCode, Document | None]] = field(default_factory=dict)
    vectors: dict[str, Vector] = field(default_factory=dict)

    def fail(self, name: str, code: ProblemCode, document: Document | None = None) -> None:
        change = self.changes.pop(name, None)
        self.failed[name] = (code, document or (change.document if change else None))


class DocumentWriter:
    """Brings changed documents into the index, some at a time."""

    def __init__(self, parts: IngestParts, known: Mapping[str, KnownDocument], present: Survey, tally: Tally) -> None:
        self._parts = parts
        self._known = known
        self._present = present
        self._tally = tally

    def write(self, context: RunContext, entries: Sequence[Listed], now: datetime) -> None:
        """Carry some documents through all steps; whatever fails keeps its old version."""
        batch = _Batch()
        self._parse(batch, entries)
        self._embed(batch)
        self._put(context, batch)
        self._patch(context, batch)
        self._delete(context, batch)
        self._conclude(context, batch, now)

    def _parse(self, batch: _Batch, entries: Sequence[Listed]) -> None:
        parsed: list[tuple[Document, str]] = []
        for entry in entries:
            try:
                fresh = self._parts.source.reread(entry)
                if fresh.unreadable is not None:
                    batch.fail(entry.document, fresh.unreadable)
                    continue
                item = self._parts.source.parse(fresh)
                if item.body is None:
                    batch.fail(entry.document, ProblemCode.NO_TEXT, item.record)
                else:
                    parsed.append((item.record, item.body))
            except UnreadableDocument as problem:
                batch.fail(entry.document, problem.code)
        names = [document.document for document, _ in parsed]
        with self._parts.catalog.read() as uow:
            cataloged = uow.chunks.ids_of(*self._parts.place, self._parts.source.name, names)
        for document, body in parsed:
            batch.changes[document.document] = self._plan(document, body, cataloged.get(document.document, set()))

    def _plan(self, document: Document, body: str, cataloged: set[str]) -> DocumentChange:
        planned = plan_chunks(document, cut(body, self._parts.chunk_characters), self._parts.embedder.identity)
        seen = self._present.chunks.get(document.document, {})
        return plan_document(document, planned, seen, cataloged, self._parts.embedder.identity)

    def _embed(self, batch: _Batch) -> None:
        texts = {chunk.chunk_id: chunk.text for change in batch.changes.values() for chunk in change.put}
        if not texts:
            return
        try:
            batch.vectors = self._vectors(texts)
        except Exception:  # noqa: BLE001 - an embedder may raise anything; which document it was is found out below
            self._embed_one_by_one(batch)
        self._tally.chunks["embedded"] += len(batch.vectors)

    def _embed_one_by_one(self, batch: _Batch) -> None:
        for name, change in list(batch.changes.items()):
            try:
                batch.vectors |= self._vectors({chunk.chunk_id: chunk.text for chunk in change.put})
            except Exception:  # noqa: BLE001 - one bad document never ends a run; its old version stays
                batch.fail(name, ProblemCode.EMBEDDING_FAILED)

    def _vectors(self, texts: Mapping[str, str]) -> dict[str, Vector]:
        vectors = self._parts.embedder.embed(list(texts.values()))
        if any(len(vector) != self._parts.embedder.dimension or vector.format != "f" for vector in vectors):
            raise ValueError("the embedder gave something else than vectors of its dimension")
        return dict(zip(texts, vectors, strict=True))

    def _put(self, context: RunContext, batch: _Batch) -> None:
        wanted = [(change.document, chunk) for change in batch.changes.values() for chunk in change.put]
        for start in range(0, len(wanted), RECORDS_PER_CALL):
            some = wanted[start : start + RECORDS_PER_CALL]
            records = [_record(chunk, batch.vectors[chunk.chunk_id]) for _, chunk in some]

            def save(
                uow: UnitOfWork, result: BatchResult, some: Sequence[tuple[Document, PlannedChunk]] = some
            ) -> None:
                rows = [self._row(owner, chunk) for owner, chunk in some if chunk.chunk_id not in result.failed]
                uow.chunks.save(rows, context.clock())

            result = self._parts.gate.put(context, self._parts.place, records, "ingest.new_body", save)
            self._tally.chunks["written"] += len(records) - len(result.failed)
            for owner, chunk in some:
                if chunk.chunk_id in result.failed:
                    batch.fail(owner.document, ProblemCode.NOT_STORED)

    def _patch(self, context: RunContext, batch: _Batch) -> None:
        groups = [group for change in batch.changes.values() for group in change.patches]
        if not groups:
            return
        stay = {
            chunk.chunk_id
            for change in batch.changes.values()
            for ids, _ in change.patches
            for chunk in change.chunks
            if chunk.chunk_id in ids
        }

        def save(uow: UnitOfWork, result: BatchResult) -> None:
            rows = [
                self._row(change.document, chunk)
                for change in batch.changes.values()
                for chunk in change.chunks
                if chunk.chunk_id in stay and chunk.chunk_id not in result.failed
            ]
            uow.chunks.save(rows, context.clock())

        result = self._parts.gate.patch(context, self._parts.place, groups, "ingest.new_metadata", save)
        self._tally.chunks["patched"] += len(stay) - len(result.failed)
        for name, change in list(batch.changes.items()):
            if any(chunk.chunk_id in result.failed for chunk in change.chunks):
                batch.fail(name, ProblemCode.NOT_STORED)

    def _delete(self, context: RunContext, batch: _Batch) -> None:
        ids = [chunk_id for change in batch.changes.values() for chunk_id in change.delete]
        delete_chunks(self._parts.gate, context, self._parts.place, ids, "ingest.old_body", self._tally)

    def _conclude(self, context: RunContext, batch: _Batch, now: datetime) -> None:
        source = self._parts.source.name
        with self._parts.catalog.write() as uow:
            context.fence(uow)
            before = uow.chunks.indexed_hashes(*self._parts.place, source, list(batch.changes))
            uow.documents.save([change.document for change in batch.changes.values()], now)
            uow.chunks.save(self._found_in_index(batch), now)
            uow.chunks.save_indexed([self._indexed(change, now) for change in batch.changes.values()])
            save_unreadable(uow, source, batch.failed, self._known, now)
            uow.record(_cataloged(context, self._parts.place, batch))
        for change in batch.changes.values():
            name = change.document.document
            what = _what_changed(change.document, self._known.get(name), before.get(name))
            self._tally.documents[what] += 1
        self._tally.documents["failed"] += len(batch.failed)

    def _found_in_index(self, batch: _Batch) -> list[ChunkRow]:
        """Give rows of chunks that were there already: a killed run may have put them and never noted it."""
        return [
            self._row(change.document, chunk)
            for change in batch.changes.values()
            for chunk in change.chunks
            if chunk.chunk_id in self._present.chunks.get(change.document.document, {})
        ]

    def _row(self, document: Document, chunk: PlannedChunk) -> ChunkRow:
        index, partition = self._parts.place
        return ChunkRow(
            index_name=index,
            partition=partition,
            chunk_id=chunk.chunk_id,
            source=document.source,
            document=document.document,
            position=chunk.position,
            body_hash=chunk.body_hash,
            meta_hash=document.meta_hash,
            made_by=self._parts.embedder.identity,
        )

    def _indexed(self, change: DocumentChange, now: datetime) -> IndexedDocument:
        index, partition = self._parts.place
        return IndexedDocument(
            index_name=index,
            partition=partition,
            source=change.document.source,
            document=change.document.document,
            raw_hash=change.document.raw_hash,
            body_hash=change.document.body_hash,
            meta_hash=change.document.meta_hash,
            recipe=self._parts.recipe,
            chunks=len(change.chunks),
            chunks_digest=planned_digest(change.document, change.chunks),
            indexed_at=now,
        )


def delete_chunks(
    gate: WriteGate, context: RunContext, place: tuple[str, str], ids: Sequence[str], reason: str, tally: Tally
) -> None:
    """Delete chunks from the index and then from the catalog, batch by batch."""
    for start in range(0, len(ids), RECORDS_PER_CALL):
        some = ids[start : start + RECORDS_PER_CALL]

        def forget(uow: UnitOfWork, result: BatchResult, some: Sequence[str] = some) -> None:
            keys = [ChunkKey(*place, chunk_id) for chunk_id in some if chunk_id not in result.failed]
            uow.chunks.remove(keys, context.clock())

        result = gate.delete(context, place, some, reason, forget)
        tally.chunks["deleted"] += len(some) - len(result.failed)


def _record(chunk: PlannedChunk, vector: Vector) -> Record:
    return Record(chunk.chunk_id, chunk.text, chunk.metadata, {DEFAULT_VECTOR: vector})


def _what_changed(document: Document, known: KnownDocument | None, before: tuple[str, str] | None) -> str:
    """Say what is new to the index; the catalog may have seen it before, when it was synchronized."""
    if before is None or known is None or known.state is DocumentState.GONE:
        return "added"
    # Rows of a catalog that was upgraded have no hashes of their own yet.
    body_hash, meta_hash = before[0] or known.body_hash, before[1] or known.meta_hash
    if body_hash != document.body_hash:
        return "body_changed"
    return "metadata_changed" if meta_hash != document.meta_hash else "unchanged"


def _cataloged(context: RunContext, place: tuple[str, str], batch: _Batch) -> Event:
    return Event(
        action=Action.DOCUMENTS_CATALOGED,
        at=context.clock(),
        actor=context.actor,
        run_id=context.run_id,
        index=place[0],
        partition=place[1],
        outcome="partial" if batch.failed else "done",
        counts={"documents": len(batch.changes), "failed": len(batch.failed)},
        digest=digest_of(
            sorted([change.document.document, change.document.raw_hash] for change in batch.changes.values())
        ),
    )
