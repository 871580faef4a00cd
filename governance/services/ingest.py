"""The reference ingester: brings one partition of an index to what a source says.

New version in before old version out, so that no document is ever without both. A document must be absent
from two complete listings before its chunks are removed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from governance.catalog.chunks import IndexedVersion
from governance.catalog.documents import KnownDocument
from governance.catalog.unit_of_work import Catalog
from governance.domain.chunks import ChunkKey
from governance.domain.documents import DocumentState
from governance.domain.errors import ForeignVectorsRefused
from governance.domain.memory import collector_at_rest
from governance.domain.ports import Embedder, Listed, Runner, Source
from governance.domain.values import digest_of
from governance.policy.model import ListingLimits
from governance.services import chunking
from governance.services.context import RunContext
from governance.services.gate import WriteGate
from governance.services.ingest_absent import handle_absent, judge_absent
from governance.services.ingest_plan import seen_digest
from governance.services.ingest_write import DocumentWriter, IngestParts, Tally
from governance.services.listing import Pass, Refusal, judge, list_source, note_listed, record_refusal, save_listing
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
        only: Documents to bring in, whether or not they seem unchanged; absence is then not judged. None for all.
        again: Ids of chunks to write anew although the index has them.

    """

    source: Source
    place: tuple[str, str]
    embedder: Embedder
    chunk_characters: int = 1000
    limits: ListingLimits = field(default_factory=ListingLimits)
    only: frozenset[str] | None = None
    again: frozenset[str] = frozenset()

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
        listing = _asked_for(list_source(job.source, context), job)
        with catalog.read() as uow:
            known = uow.documents.known(job.source.name)
            indexed = uow.chunks.indexed(*job.place, job.source.name)
    tally = Tally()
    tally.documents["seen"] = len(listing.entries)
    refused = judge(listing, known, job.limits) if job.only is None else None
    if refused is not None:
        record_refusal(catalog, job.source, context, refused, now, job.place)
        return IngestResult(tally=tally, refused=refused, recovered=recovered)
    recipe = job.recipe
    with collector_at_rest():
        present = survey(runner, *job.place, job.source.name)
        _refuse_foreign(present, job)
        readable = [entry for entry in listing.entries.values() if entry.unreadable is None]
        changed = [entry for entry in readable if _is_changed(entry, known, indexed, present, job, recipe)]
    _forget(present, job.again)
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
    note_listed(catalog, context, job.source.name, unwritten, known, now)
    tally.documents["failed"] += len(listing.entries) - len(readable)
    if job.only is None:
        _conclude(parts, context, listing, known, present, tally, now)
    return IngestResult(
        tally=tally, interruption=listing.interruption, repeated_ids=present.repeated, recovered=recovered
    )


def _asked_for(listing: Pass, job: IngestJob) -> Pass:
    """Give what a pass showed of the documents that were asked for."""
    if job.only is None:
        return listing
    return replace(listing, entries={name: item for name, item in listing.entries.items() if name in job.only})


def _forget(present: Survey, again: Collection[str]) -> None:
    """Let chunks count as not there, so that they are written anew."""
    if again:
        for chunks in present.chunks.values():
            for chunk_id in again & chunks.keys():
                del chunks[chunk_id]


def _conclude(
    parts: IngestParts,
    context: RunContext,
    listing: Pass,
    known: Mapping[str, KnownDocument],
    present: Survey,
    tally: Tally,
    now: datetime,
) -> None:
    """Judge who is absent, and note how the listing went and which deletions this look has confirmed."""
    if listing.complete:
        absent = judge_absent(listing.entries, known, present.chunks)
        handle_absent(parts, context, absent, present, tally)
    shown = {chunk_id for chunks in present.chunks.values() for chunk_id in chunks}
    with parts.catalog.write() as uow:
        context.fence(uow)
        save_listing(uow, parts.source, context.run_id, listing, now)
        deleted = uow.chunks.deleted(*parts.place, parts.source.name)
        confirmed = [chunk_id for chunk_id, at in deleted.items() if at < now and chunk_id not in shown]
        uow.chunks.forget([ChunkKey(*parts.place, chunk_id) for chunk_id in confirmed])


def _refuse_foreign(present: Survey, job: IngestJob) -> None:
    foreign = sum(count for identity, count in present.embedders.items() if identity != job.embedder.identity)
    if foreign:
        raise ForeignVectorsRefused(
            f"{foreign} of {present.total} records have vectors that {job.embedder.identity} did not make",
            item=job.place[0],
            next_step="ingest into an index of its own (kbgov.toml, [indexes]); this one can still be audited",
        )


def _is_changed(
    entry: Listed,
    known: Mapping[str, KnownDocument],
    indexed: Mapping[str, IndexedVersion],
    present: Survey,
    job: IngestJob,
    recipe: str,
) -> bool:
    return job.only is not None or not _is_unchanged(entry, known, indexed, present, recipe)


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
