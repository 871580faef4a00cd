"""The reference ingester: brings one partition of an index to what a source says.

New version in before old version out, so that no document is ever without both. A document must be absent
from two complete listings before its chunks are removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from governance.catalog.chunks import IndexedVersion
from governance.catalog.documents import KnownDocument, SourceState
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.documents import Document, DocumentState, ProblemCode
from governance.domain.errors import ForeignVectorsRefused
from governance.domain.events import Action, Event
from governance.domain.memory import collector_at_rest
from governance.domain.ports import Embedder, Listed, Runner, Source
from governance.domain.values import digest_of
from governance.policy.model import ListingLimits
from governance.services import chunking
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from governance.services.ingest_absent import handle_absent, judge_absent
from governance.services.ingest_plan import Refusal, judge_listing, seen_digest
from governance.services.ingest_write import DocumentWriter, IngestParts, Tally, save_unreadable
from governance.services.survey import SeenChunk, Survey, survey

FLUSH_BYTES = 2_000_000
"""Raw bytes of documents that are carried through together; bounds memory."""
FLUSH_DOCUMENTS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestJob:
    """What goes where, and how.

    Attributes:
        place: (index, partition).
        chunk_characters: Size of a chunk.

    """

    source: Source
    place: tuple[str, str]
    embedder: Embedder
    chunk_characters: int = 1000
    limits: ListingLimits = field(default_factory=ListingLimits)

    @property
    def recipe(self) -> str:
        """Digest of everything beside the bytes that shapes the chunks."""
        return digest_of([self.source.recipe, self.embedder.identity, chunking.VERSION, self.chunk_characters])


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestResult:
    """What an ingest did.

    Attributes:
        refused: Why the listing was not believed; nothing was changed then.
        interruption: Why the listing was incomplete; absence was then not judged.
        repeated_ids: Ids that the index gave more than once with different content, and how often.
        recovered: Changes of an earlier run whose outcome nobody had recorded.

    """

    tally: Tally
    refused: Refusal | None = None
    interruption: str | None = None
    repeated_ids: Mapping[str, int] = field(default_factory=dict)
    recovered: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pass:
    """What one pass over the source showed, without the bytes."""

    entries: Mapping[str, Listed]
    sizes: Mapping[str, int]
    complete: bool
    interruption: str | None


def ingest(
    catalog: Catalog, gate: WriteGate, runner: Runner, job: IngestJob, context: RunContext, *, now: datetime
) -> IngestResult:
    """Bring the index to what the source says.

    Raises:
        ForeignVectorsRefused: The index holds vectors that this ingester did not make; nothing was changed.
        SourceUnavailable: The source cannot be listed at all; nothing was changed.
        TryAgain: Index or catalog stopped answering; the next run goes on from there.

    """
    gate.prepare(job.place)
    recovered = gate.recover(context, job.place)
    with collector_at_rest():
        listing = _list(job.source, context)
        with catalog.read() as uow:
            known = uow.documents.known(job.source.name)
            indexed = uow.chunks.indexed(*job.place, job.source.name)
    tally = Tally()
    tally.documents["seen"] = len(listing.entries)
    refused = _judge(listing, known, job.limits)
    if refused is not None:
        _record_refusal(catalog, job, context, refused, now)
        return IngestResult(tally=tally, refused=refused, recovered=recovered)
    recipe = job.recipe
    with collector_at_rest():
        present = survey(runner, *job.place, job.source.name)
        _refuse_foreign(present, job)
        readable = [entry for entry in listing.entries.values() if entry.unreadable is None]
        changed = [entry for entry in readable if not _is_unchanged(entry, known, indexed, present, recipe)]
    tally.documents["unchanged"] = len(readable) - len(changed)
    parts = IngestParts(
        catalog=catalog,
        gate=gate,
        source=job.source,
        embedder=job.embedder,
        place=job.place,
        chunk_characters=job.chunk_characters,
        recipe=recipe,
    )
    writer = DocumentWriter(parts, known, present, tally)
    done = len(listing.entries) - len(changed)
    for batch in _batches(changed, listing.sizes):
        context.progress("documents", done, len(listing.entries))
        writer.write(context, batch, now)
        done += len(batch)
    written = {entry.document for entry in changed}
    unwritten = {name: entry for name, entry in listing.entries.items() if name not in written}
    _note_unwritten(catalog, context, job.source.name, unwritten, known, now)
    tally.documents["failed"] += len(listing.entries) - len(readable)
    if listing.complete:
        absent = judge_absent(listing.entries, known, present.chunks)
        handle_absent(parts, context, absent, present, tally)
    with catalog.write() as uow:
        context.fence(uow)
        _save_listing(uow, job, context, listing, now)
    return IngestResult(
        tally=tally, interruption=listing.interruption, repeated_ids=present.repeated, recovered=recovered
    )


def _list(source: Source, context: RunContext) -> _Pass:
    listing = source.listing()
    entries: dict[str, Listed] = {}
    sizes: dict[str, int] = {}
    for entry in listing:
        entries[entry.document] = Listed(entry.document, entry.raw_hash, entry.changed_on, entry.unreadable)
        sizes[entry.document] = len(entry.raw or b"")
        if len(entries) % 500 == 0:
            context.progress("listing", len(entries), None)
    return _Pass(entries=entries, sizes=sizes, complete=listing.complete, interruption=listing.interruption)


def _judge(listing: _Pass, known: Mapping[str, KnownDocument], limits: ListingLimits) -> Refusal | None:
    if not listing.complete:
        return None
    living = [name for name, item in known.items() if item.state is not DocumentState.GONE]
    absent = sum(name not in listing.entries for name in living)
    return judge_listing(len(listing.entries), len(living), absent, limits)


def _refuse_foreign(present: Survey, job: IngestJob) -> None:
    foreign = sum(count for identity, count in present.embedders.items() if identity != job.embedder.identity)
    if foreign:
        raise ForeignVectorsRefused(
            f"{foreign} of {present.total} records have vectors that {job.embedder.identity} did not make",
            item=job.place[0],
            next_step="ingest into an index of its own (kbgov.toml, [indexes]); this one can still be audited",
        )


def _is_unchanged(
    entry: Listed,
    known: Mapping[str, KnownDocument],
    indexed: Mapping[str, IndexedVersion],
    present: Survey,
    recipe: str,
) -> bool:
    """Say whether the index has this very version, by what the index itself just showed."""
    item, row = known.get(entry.document), indexed.get(entry.document)
    if item is None or row is None or item.state is DocumentState.GONE or item.unreadable is not None:
        return False
    seen: Mapping[str, SeenChunk] = present.chunks.get(entry.document, {})
    return (
        row.raw_hash == entry.raw_hash == item.raw_hash
        and row.recipe == recipe
        and row.chunks == len(seen)
        and row.chunks_digest == seen_digest(seen)
    )


def _batches(entries: Sequence[Listed], sizes: Mapping[str, int]) -> Iterator[list[Listed]]:
    batch: list[Listed] = []
    size = 0
    for entry in entries:
        batch.append(entry)
        size += sizes[entry.document]
        if size >= FLUSH_BYTES or len(batch) >= FLUSH_DOCUMENTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _note_unwritten(
    catalog: Catalog,
    context: RunContext,
    source: str,
    unwritten: Mapping[str, Listed],
    known: Mapping[str, KnownDocument],
    now: datetime,
) -> None:
    """Note what changed of documents that were not written: back again, another day of change, unreadable."""
    back = [name for name in unwritten if name in known and known[name].state is not DocumentState.PRESENT]
    days: dict[str, date | None] = {
        name: entry.changed_on
        for name, entry in unwritten.items()
        if name in known and entry.unreadable is None and known[name].changed_on != entry.changed_on
    }
    failed: dict[str, tuple[ProblemCode, Document | None]] = {
        name: (entry.unreadable, None) for name, entry in unwritten.items() if entry.unreadable is not None
    }
    if not (back or days or failed):
        return
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.mark(source, back, DocumentState.PRESENT, now)
        uow.documents.mark_changed(source, days)
        save_unreadable(uow, source, failed, known, now)


def _save_listing(uow: UnitOfWork, job: IngestJob, context: RunContext, listing: _Pass, now: datetime) -> None:
    if not listing.complete:
        note_interruption(uow, job.source, listing.interruption or "the listing was not read to its end", now)
        return
    uow.sources.save(
        SourceState(
            source=job.source.name,
            recipe=job.source.recipe,
            listed_at=now,
            listing_run=context.run_id,
            refused_reason=None,
            refused_seen=None,
            refused_known=None,
            interruption=None,
            attempted_at=now,
            documents_seen=len(listing.entries),
        )
    )


def note_interruption(uow: UnitOfWork, source: Source, why: str, now: datetime) -> None:
    """Note that a source could not be listed to its end; what an earlier listing said stays as it was."""
    before = uow.sources.state(source.name)
    uow.sources.save(
        replace(before, interruption=why, attempted_at=now)
        if before
        else SourceState(
            source=source.name,
            recipe=source.recipe,
            listed_at=None,
            listing_run=None,
            refused_reason=None,
            refused_seen=None,
            refused_known=None,
            interruption=why,
            attempted_at=now,
            documents_seen=0,
        )
    )


def _record_refusal(catalog: Catalog, job: IngestJob, context: RunContext, refused: Refusal, now: datetime) -> None:
    with catalog.write() as uow:
        context.fence(uow)
        before = uow.sources.state(job.source.name)
        uow.sources.save(
            SourceState(
                source=job.source.name,
                recipe=job.source.recipe,
                listed_at=before.listed_at if before else None,
                listing_run=before.listing_run if before else None,
                refused_reason=refused.reason,
                refused_seen=refused.seen,
                refused_known=refused.known,
                interruption=None,
                attempted_at=now,
                documents_seen=refused.seen,
            )
        )
        uow.record(
            Event(
                action=Action.LISTING_REFUSED,
                at=context.clock(),
                actor=context.actor,
                run_id=context.run_id,
                index=job.place[0],
                partition=job.place[1],
                reason=refused.reason,
                outcome="refused",
                counts={"seen": refused.seen, "known": refused.known},
            )
        )
