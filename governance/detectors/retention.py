"""Whether a document has been kept longer than its class allows, and whether anybody decided how long that is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum

from governance.detectors.freshness import reviewed_day
from governance.detectors.structure import place_of
from governance.domain.documents import Document, DocumentState, Review
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.values import Json
from governance.policy.kinds import RetentionEvent
from governance.policy.resolve import RetentionRule


class Basis(StrEnum):
    """What says on which day a period began; of a review it is said in the words of `reviewed_day`."""

    DOCUMENT = "document"
    HISTORY = "history"
    SOURCE = "source"
    FIRST_SEEN = "first_seen"
    BODY_SEEN = "body_seen"
    LABEL_SEEN = "label_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventDay:
    """The day from which a document's period runs, and what says so."""

    day: date
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Until when a document is kept.

    Attributes:
        event: None where the event has not happened, or nobody knows when.
        until: The last day on which it is kept; None without end, or where there is no event.

    """

    event: EventDay | None
    until: date | None = None


def kept(document: Document, review: Review | None, rule: RetentionRule, *, today: date, zone: tzinfo = UTC) -> Kept:
    """Give until when a document is kept by the rule of its class.

    The last day is the event's day plus the period in calendar units, clipped to the month's end: kept for one year
    from 2024-02-29 is kept up to and including 2025-02-28. Days are those of `zone`, except where the document or its
    source names a day itself.

    - created: the day that the document says, else the first day of its source's history, else the day on which the
      catalog first saw it.
    - modified: the day of the last change by the source, else the day on which the catalog first saw this text.
    - reviewed: the review that counts for freshness.
    - labeled: the day on which the catalog first saw the label. Without the label nothing has begun.

    A day that was first seen is later than the true one, so that nothing expires early.
    """
    event = _event_day(document, review, rule, today, zone)
    until = rule.period.after(event.day) if event and rule.period else None
    return Kept(event=event, until=until)


def retention_observations(
    document: Document,
    review: Review | None,
    rule: RetentionRule | None,
    *,
    classified: bool,
    as_of: date,
    today: date,
    zone: tzinfo = UTC,
) -> Iterator[Observation]:
    """Give the `retention.*` findings of one document; none when it is gone or cannot be read.

    A document is expired from the day after the last one on which it is kept. Of a document of no class that is said
    only where there are classes. A document whose event ought to have a day and has none cannot be judged, which is
    said as `retention.unclassified` with the rule `no_event_day`: as far as anybody knows, it is kept without end.
    """
    if document.state is DocumentState.GONE or document.unreadable is not None:
        return
    if rule is None:
        if classified:
            yield _unclassified(document)
        return
    if rule.period is None:
        return
    found = kept(document, review, rule, today=today, zone=zone)
    if found.event is None:
        if rule.event is not RetentionEvent.LABELED:
            yield _no_event_day(document, rule)
    elif found.until is not None and found.until < as_of:
        yield _expired(document, rule, found.event, found.until)


def no_basis_observations(rules: Iterable[RetentionRule]) -> Iterator[Observation]:
    """Give one observation per class in which documents are kept and for which no legal basis is named.

    Where several policies make up a class, the first by name that lacks a basis is the one that is named.

    Args:
        rules: The rule of each document that is of a class.

    """
    without: defaultdict[str, list[RetentionRule]] = defaultdict(list)
    for rule in rules:
        if rule.legal_basis is None:
            without[rule.class_name].append(rule)
    for name, found in sorted(without.items()):
        rule = min(found, key=lambda item: item.policy)
        yield Observation(
            kind=FindingKind.NO_BASIS,
            severity=rule.severity or Severity.MEDIUM,
            place=Place(),
            rule="no_legal_basis",
            policy=rule.policy,
            message=f"No policy says on which legal basis the documents of the class {name} are kept.",
            owner=rule.owner,
            discriminator=name,
            evidence={"class": name, "documents": len(found)},
        )


def _event_day(
    document: Document, review: Review | None, rule: RetentionRule, today: date, zone: tzinfo
) -> EventDay | None:
    match rule.event:
        case RetentionEvent.CREATED:
            stated = Basis(document.created_from.value) if document.created_from else Basis.SOURCE
            return _said_or_seen(document.created_on, stated, document.first_seen, Basis.FIRST_SEEN, zone)
        case RetentionEvent.MODIFIED:
            return _said_or_seen(document.changed_on, Basis.SOURCE, document.body_seen_at, Basis.BODY_SEEN, zone)
        case RetentionEvent.REVIEWED:
            day, origin = reviewed_day(document, review, today)
            return EventDay(day=day, basis=origin) if day and origin else None
        case RetentionEvent.LABELED:
            labeled = document.labeled_on.get(rule.label) if rule.label else None
            return EventDay(day=labeled, basis=Basis.LABEL_SEEN.value) if labeled else None


def _said_or_seen(
    said: date | None, by: Basis, seen_at: datetime | None, when_seen: Basis, zone: tzinfo
) -> EventDay | None:
    if said is not None:
        return EventDay(day=said, basis=by.value)
    return EventDay(day=seen_at.astimezone(zone).date(), basis=when_seen.value) if seen_at else None


def _unclassified(document: Document) -> Observation:
    return Observation(
        kind=FindingKind.UNCLASSIFIED,
        severity=Severity.MEDIUM,
        place=place_of(document),
        rule="no_class",
        policy="",
        message="No retention policy says how long this document is kept.",
        owner=document.owner,
    )


def _no_event_day(document: Document, rule: RetentionRule) -> Observation:
    return _observation(
        document,
        rule,
        FindingKind.UNCLASSIFIED,
        "no_event_day",
        f"The period of its class runs from the day on which it was {rule.event.value}, and no such day is known.",
        _evidence(rule),
    )


def _expired(document: Document, rule: RetentionRule, event: EventDay, until: date) -> Observation:
    days: dict[str, Json] = {
        "event_day": event.day.isoformat(),
        "event_from": event.basis,
        "kept_until": until.isoformat(),
        "expired_on": (until + timedelta(days=1)).isoformat(),
    }
    return _observation(
        document,
        rule,
        FindingKind.EXPIRED,
        "period_over",
        f"It was to be kept for {rule.period} from {event.day} on, which is up to {until}.",
        {**_evidence(rule), **days},
    )


def _evidence(rule: RetentionRule) -> dict[str, Json]:
    return {
        "class": rule.class_name,
        "event": rule.event.value,
        "period": str(rule.period) if rule.period else None,
        "legal_basis": rule.legal_basis,
        "after": rule.after.value,
    }


def _observation(
    document: Document,
    rule: RetentionRule,
    kind: FindingKind,
    decided_by: str,
    message: str,
    evidence: Mapping[str, Json],
) -> Observation:
    return Observation(
        kind=kind,
        severity=rule.severity or Severity.MEDIUM,
        place=place_of(document),
        rule=decided_by,
        policy=rule.policy,
        message=message,
        owner=document.owner or rule.owner,
        evidence=evidence,
    )
