"""One look at a source: which documents it has, what they say of themselves, which are missing. Without an index."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from governance.catalog.documents import KnownDocument
from governance.catalog.unit_of_work import Catalog
from governance.domain.documents import Document, DocumentState, ProblemCode
from governance.domain.events import Action, Event
from governance.domain.ports import Listed, Source, UnreadableDocument
from governance.domain.values import digest_of
from governance.policy.model import ListingLimits
from governance.services.context import RunContext
from governance.services.listing import (
    Pass,
    Refusal,
    judge,
    list_source,
    note_listed,
    record_refusal,
    save_listing,
    save_unreadable,
)

FLUSH_DOCUMENTS = 200
FLUSH_BYTES = 2_000_000


@dataclass(slots=True)
class SourceSight:
    """What a look at a source showed.

    Attributes:
        counts: seen, of which added, changed, unchanged and failed, and of these back (they had been missing); suspect
            (missing from this listing for the first time), gone (for the second).
        refused: Why the listing was not believed; nothing was noted then.
        interruption: Why it was incomplete; absence was then not judged.

    """

    source: str
    counts: Counter[str] = field(default_factory=Counter)
    refused: Refusal | None = None
    interruption: str | None = None


def observe_source(
    catalog: Catalog, source: Source, limits: ListingLimits, context: RunContext, now: datetime
) -> SourceSight:
    """List a source and bring the catalog to what it says. Documents absent for the second time are gone.

    Raises:
        SourceUnavailable: The source cannot be listed at all; nothing was changed.

    """
    sight = SourceSight(source.name)
    listing = list_source(source, context)
    with catalog.read() as uow:
        known = uow.documents.known(source.name)
        before = uow.sources.state(source.name)
    sight.counts["seen"] = len(listing.entries)
    sight.refused = judge(listing, known, limits)
    if sight.refused is not None:
        record_refusal(catalog, source, context, sight.refused, now)
        return sight
    same_recipe = before is not None and before.recipe == source.recipe
    fresh = [entry for entry in listing.entries.values() if _is_fresh(entry, known, same_recipe=same_recipe)]
    for batch in _batches(fresh, listing.sizes):
        _write(catalog, source, context, batch, known, now, sight)
        context.progress("documents", sight.counts["added"] + sight.counts["changed"], len(fresh))
    written = {entry.document for entry in fresh}
    rest = {name: entry for name, entry in listing.entries.items() if name not in written}
    note_listed(catalog, context, source.name, rest, known, now)
    for name, entry in rest.items():
        sight.counts[_what_came_of(entry, known.get(name))] += 1
    sight.counts["back"] = sum(_is_back(known.get(name)) for name in listing.entries)
    sight.interruption = listing.interruption
    _conclude(catalog, source, context, listing, known, now, sight)
    return sight


def _is_fresh(entry: Listed, known: Mapping[str, KnownDocument], *, same_recipe: bool) -> bool:
    """Say whether a readable document has to be parsed."""
    item = known.get(entry.document)
    if entry.unreadable is not None:
        return False
    return item is None or item.raw_hash != entry.raw_hash or item.unreadable is not None or not same_recipe


def _write(
    catalog: Catalog,
    source: Source,
    context: RunContext,
    batch: Sequence[Listed],
    known: Mapping[str, KnownDocument],
    now: datetime,
    sight: SourceSight,
) -> None:
    documents: list[Document] = []
    failed: dict[str, tuple[ProblemCode, Document | None]] = {}
    for entry in batch:
        found = _parsed(source, entry)
        if isinstance(found, Document):
            documents.append(found)
        else:
            failed[entry.document] = (found, None)
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.save(documents, now)
        save_unreadable(uow, source.name, failed, known, now)
    for document in documents:
        sight.counts[_what_changed(document, known.get(document.document))] += 1
    sight.counts["failed"] += len(failed)


def _parsed(source: Source, entry: Listed) -> Document | ProblemCode:
    try:
        fresh = source.reread(entry)
        return fresh.unreadable if fresh.unreadable is not None else source.parse(fresh).record
    except UnreadableDocument as problem:
        return problem.code


def _what_changed(document: Document, known: KnownDocument | None) -> str:
    if known is None or known.state is DocumentState.GONE or not known.raw_hash:
        return "added"
    same = (known.raw_hash, known.meta_hash) == (document.raw_hash, document.meta_hash)
    return "unchanged" if same else "changed"


def _what_came_of(entry: Listed, known: KnownDocument | None) -> str:
    """Give what is counted of a document that was not parsed."""
    if entry.unreadable is not None:
        return "failed"
    return "added" if known is None or known.state is DocumentState.GONE else "unchanged"


def _is_back(known: KnownDocument | None) -> bool:
    """Say whether a listed document was missing; one that only an index spoke of was never there before."""
    return known is not None and known.raw_hash != "" and known.state is not DocumentState.PRESENT


def _conclude(
    catalog: Catalog,
    source: Source,
    context: RunContext,
    listing: Pass,
    known: Mapping[str, KnownDocument],
    now: datetime,
    sight: SourceSight,
) -> None:
    suspect, gone = _absent(listing.entries, known) if listing.complete else ([], [])
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.mark(source.name, suspect, DocumentState.SUSPECT, now)
        uow.documents.mark(source.name, gone, DocumentState.GONE, now)
        save_listing(uow, source, context.run_id, listing, now)
        for action, names in ((Action.DOCUMENTS_ABSENT, suspect), (Action.DOCUMENTS_GONE, gone)):
            if names:
                uow.record(_event(context, action, names))
    sight.counts["suspect"], sight.counts["gone"] = len(suspect), len(gone)


def _absent(listed: Collection[str], known: Mapping[str, KnownDocument]) -> tuple[list[str], list[str]]:
    absent = [name for name in sorted(known) if name not in listed]
    suspect = [name for name in absent if known[name].state is DocumentState.PRESENT]
    return suspect, [name for name in absent if known[name].state is DocumentState.SUSPECT]


def _event(context: RunContext, action: Action, names: Sequence[str]) -> Event:
    return Event(
        action=action,
        at=context.clock(),
        actor=context.actor,
        run_id=context.run_id,
        outcome="done",
        counts={"documents": len(names)},
        digest=digest_of(sorted(names)),
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
