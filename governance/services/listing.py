"""One pass over a source: what it showed, whether it is believed, and what of it is noted without the index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from governance.catalog.documents import KnownDocument, SourceState
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.documents import DayOrigin, Document, DocumentState, ProblemCode
from governance.domain.events import Action, Event
from governance.domain.ports import Listed, Source
from governance.policy.model import ListingLimits
from governance.services.context import RunContext


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a listing was not believed, with both counts."""

    reason: str
    seen: int
    known: int


def judge_listing(seen: int, known: int, absent: int, limits: ListingLimits) -> Refusal | None:
    """Say why a complete listing is refused, None when it is believed.

    Args:
        seen: Documents in the listing.
        known: Documents that the catalog knows and that are not gone.
        absent: Known ones that the listing lacks.
        limits: From the policy.

    """
    if seen == 0:
        return Refusal("empty", seen, known)
    if absent > limits.absent_documents and absent * 100 > known * limits.absent_percent:
        return Refusal("too_many_absent", seen, known)
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """What one pass over the source showed, without the bytes."""

    entries: Mapping[str, Listed]
    sizes: Mapping[str, int]
    complete: bool
    interruption: str | None


def list_source(source: Source, context: RunContext) -> Pass:
    """List a source to its end. Raises SourceUnavailable."""
    listing = source.listing()
    entries: dict[str, Listed] = {}
    sizes: dict[str, int] = {}
    for entry in listing:
        # Without the bytes, and not by `replace`, which is slow where nearly all documents are as they were.
        entries[entry.document] = Listed(
            entry.document, entry.raw_hash, entry.changed_on, entry.unreadable, None, entry.created_on
        )
        sizes[entry.document] = len(entry.raw or b"")
        if len(entries) % 500 == 0:
            context.progress("listing", len(entries), None)
    return Pass(entries=entries, sizes=sizes, complete=listing.complete, interruption=listing.interruption)


def judge(listing: Pass, known: Mapping[str, KnownDocument], limits: ListingLimits) -> Refusal | None:
    """Say why a listing is not believed, None when it is."""
    if not listing.complete:
        return None
    # One without bytes was never listed: only an index speaks of it, and that says nothing about the source.
    living = [name for name, item in known.items() if item.state is not DocumentState.GONE and item.raw_hash]
    absent = sum(name not in listing.entries for name in living)
    return judge_listing(len(listing.entries), len(living), absent, limits)


def save_unreadable(
    uow: UnitOfWork,
    source: str,
    failed: Mapping[str, tuple[ProblemCode, Document | None]],
    known: Mapping[str, KnownDocument],
    now: datetime,
) -> None:
    """Note which documents could not be read: known ones keep their facts, new ones get a row without any."""
    back = [name for name in failed if name in known and known[name].state is not DocumentState.PRESENT]
    uow.documents.mark(source, back, DocumentState.PRESENT, now)
    uow.documents.mark_unreadable(source, {name: code for name, (code, _) in failed.items() if name in known})
    fresh = {name: item for name, item in failed.items() if name not in known}
    rows = [
        replace(document or without_facts(source, name), unreadable=code) for name, (code, document) in fresh.items()
    ]
    uow.documents.save(rows, now)


def without_facts(source: str, name: str) -> Document:
    """Give the record of a document of which only the name is known."""
    return Document(
        source=source,
        document=name,
        uri=name,
        title=name,
        raw_hash="",
        body_hash="",
        meta_hash="",
        size=0,
        words=0,
        logical_id=name,
        state=DocumentState.PRESENT,
    )


def note_listed(
    catalog: Catalog,
    context: RunContext,
    source: str,
    unwritten: Mapping[str, Listed],
    known: Mapping[str, KnownDocument],
    now: datetime,
) -> None:
    """Note what changed of listed documents whose bytes are known: back again, another day, unreadable."""
    back = [name for name in unwritten if name in known and known[name].state is not DocumentState.PRESENT]
    days: dict[str, date | None] = {
        name: entry.changed_on
        for name, entry in unwritten.items()
        if name in known and entry.unreadable is None and known[name].changed_on != entry.changed_on
    }
    created = {
        name: entry.created_on
        for name, entry in unwritten.items()
        if entry.created_on is not None and name in known and _is_news(known[name], entry.created_on)
    }
    failed: dict[str, tuple[ProblemCode, Document | None]] = {
        name: (entry.unreadable, None) for name, entry in unwritten.items() if entry.unreadable is not None
    }
    if not (back or days or created or failed):
        return
    with catalog.write() as uow:
        context.fence(uow)
        uow.documents.mark(source, back, DocumentState.PRESENT, now)
        uow.documents.mark_changed(source, days)
        uow.documents.mark_created(source, created)
        save_unreadable(uow, source, failed, known, now)


def _is_news(known: KnownDocument, created_on: date) -> bool:
    """Say whether the history knows another first day than the catalog, and the document says none itself."""
    return known.created_from != DayOrigin.DOCUMENT and known.created_on != created_on


def save_listing(uow: UnitOfWork, source: Source, run_id: int, listing: Pass, now: datetime) -> None:
    """Note how a listing that was believed went."""
    if not listing.complete:
        note_interruption(uow, source, listing.interruption or "the listing was not read to its end", now)
        return
    uow.sources.save(
        SourceState(
            source=source.name,
            recipe=source.recipe,
            listed_at=now,
            listing_run=run_id,
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


def record_refusal(
    catalog: Catalog,
    source: Source,
    context: RunContext,
    refused: Refusal,
    now: datetime,
    place: tuple[str, str] = ("", ""),
) -> None:
    """Note that a listing was not believed; what an earlier one said stays as it was."""
    with catalog.write() as uow:
        context.fence(uow)
        before = uow.sources.state(source.name)
        uow.sources.save(
            SourceState(
                source=source.name,
                recipe=before.recipe if before else source.recipe,
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
                index=place[0],
                partition=place[1],
                reason=refused.reason,
                outcome="refused",
                counts={"seen": refused.seen, "known": refused.known},
            )
        )
