"""Documents, their sources' listings and their reviews."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, func, insert, literal, select, update

from governance.catalog.sql import batches, streamed, upsert
from governance.catalog.tables import document, document_history, review, source_state
from governance.domain.documents import DayOrigin, Document, DocumentState, Problem, ProblemCode, Review

_HISTORY = (
    "source",
    "document",
    "raw_hash",
    "body_hash",
    "version",
    "state",
    "reviewed_on",
    "changed_on",
    "seen_from",
)


class _Seen(NamedTuple):
    """What is known of a document that is saved again."""

    raw_hash: str
    body_hash: str
    state: str
    first_seen: datetime
    body_seen_at: datetime
    seen_from: datetime
    labeled_on: Mapping[str, str]

    def says_the_same(self, item: Document) -> bool:
        return (self.raw_hash, self.state) == (item.raw_hash, item.state.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentMoment:
    """What a document was from one moment up to, not including, another (None: the present)."""

    source: str
    document: str
    raw_hash: str
    body_hash: str
    version: str | None
    state: DocumentState
    reviewed_on: date | None
    changed_on: date | None
    seen_from: datetime
    seen_until: datetime | None


class KnownDocument(NamedTuple):
    """What an ingest compares a listed document with. A tuple: there is one per document of a source."""

    document: str
    raw_hash: str
    body_hash: str
    meta_hash: str
    changed_on: date | None
    unreadable: str | None
    state: DocumentState
    created_on: date | None = None
    created_from: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """How the last listings of a source went."""

    source: str
    recipe: str
    listed_at: datetime | None
    listing_run: int | None
    refused_reason: str | None
    refused_seen: int | None
    refused_known: int | None
    interruption: str | None
    attempted_at: datetime
    documents_seen: int


class Documents:
    """The table of documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def known(self, source: str) -> dict[str, KnownDocument]:
        """Give what is known of a source's documents, gone ones included, by path."""
        columns = [document.c[name] for name in KnownDocument._fields]
        rows = self._connection.execute(select(*columns).where(document.c.source == source))
        states = {state.value: state for state in DocumentState}
        return {
            name: KnownDocument(name, raw_hash, body_hash, meta_hash, changed, unreadable, states[state], made, by)
            for name, raw_hash, body_hash, meta_hash, changed, unreadable, state, made, by in rows
        }

    def unreadable(self, source: str) -> list[Document]:
        """Give the documents of a source that are there and could not be read, by path."""
        query = select(document).where(
            document.c.source == source,
            document.c.unreadable.is_not(None),
            document.c.state != DocumentState.GONE.value,
        )
        return [_document(row) for row in self._connection.execute(query.order_by(document.c.document))]

    def save(self, documents: Sequence[Document], now: datetime) -> None:
        """Insert or replace; `first_seen` stays, `body_seen_at` moves only with the body.

        What a document was before goes to its history where its bytes or its state are others now.
        """
        for batch in batches(documents):
            seen = self._seen([(item.source, item.document) for item in batch])
            old = [item for item in batch if (known := seen.get(_key(item))) and not known.says_the_same(item)]
            for source in {item.source for item in old}:
                names = [item.document for item in old if item.source == source]
                self._archive(and_(document.c.source == source, document.c.document.in_(names)), now)
            upsert(self._connection, document, [_row(item, seen.get(_key(item)), now) for item in batch])

    def mark(self, source: str, names: Sequence[str], state: DocumentState, now: datetime) -> None:
        """Set the state of documents; present ones lose their day of absence."""
        absent = None if state is DocumentState.PRESENT else func.coalesce(document.c.absent_since, now)
        for batch in batches(names):
            there = and_(document.c.source == source, document.c.document.in_(batch), document.c.state != state.value)
            self._archive(there, now)
            self._connection.execute(
                update(document).where(there).values(state=state.value, absent_since=absent, seen_from=now)
            )

    def mark_unreadable(self, source: str, codes: Mapping[str, ProblemCode | None]) -> None:
        """Set or clear why known documents cannot be read."""
        for name, code in codes.items():
            self._connection.execute(
                update(document)
                .where(document.c.source == source, document.c.document == name)
                .values(unreadable=code.value if code else None)
            )

    def mark_changed(self, source: str, days: Mapping[str, date | None]) -> None:
        """Set the day of the last change of documents whose bytes are the same."""
        for name, day in days.items():
            self._connection.execute(
                update(document).where(document.c.source == source, document.c.document == name).values(changed_on=day)
            )

    def mark_created(self, source: str, days: Mapping[str, date]) -> None:
        """Set the first day that the source's history knows of documents whose bytes are the same."""
        for name, day in days.items():
            self._connection.execute(
                update(document)
                .where(document.c.source == source, document.c.document == name)
                .values(created_on=day, created_from=DayOrigin.HISTORY.value)
            )

    def get(self, source: str, name: str) -> Document | None:
        """Give one document, None when it is not known."""
        row = self._connection.execute(
            select(document).where(document.c.source == source, document.c.document == name)
        ).one_or_none()
        return _document(row) if row else None

    def named(self, name: str) -> list[Document]:
        """Give the documents of this path in every source."""
        rows = self._connection.execute(select(document).where(document.c.document == name).order_by(document.c.source))
        return [_document(row) for row in rows]

    def every(self, sources: Sequence[str] | None = None) -> Iterator[Document]:
        """Give all documents that are not gone, ordered by source and path."""
        query = select(document).where(document.c.state != DocumentState.GONE.value)
        if sources is not None:
            query = query.where(document.c.source.in_(sources))
        rows = streamed(self._connection, query.order_by(document.c.source, document.c.document))
        return (_document(row) for row in rows)

    def present(self, source: str) -> int:
        """Give the number of documents of a source that are there, as far as known."""
        there = and_(document.c.source == source, document.c.state == DocumentState.PRESENT.value)
        return self._connection.execute(select(func.count()).select_from(document).where(there)).scalar_one()

    def in_any_state(self, source: str) -> Iterator[Document]:
        """Give all documents of a source, gone ones too, ordered by path."""
        query = select(document).where(document.c.source == source).order_by(document.c.document)
        return (_document(row) for row in streamed(self._connection, query))

    def addresses(self, source: str) -> list[tuple[str, str]]:
        """Give (path, uri) of the documents of a source that a listing ever showed, gone ones too."""
        query = select(document.c.document, document.c.uri).where(
            document.c.source == source, document.c.raw_hash != ""
        )
        return [(row[0], row[1]) for row in self._connection.execute(query.order_by(document.c.document))]

    def count(self) -> int:
        """Give the number of documents that are not gone."""
        query = select(func.count()).select_from(document).where(document.c.state != DocumentState.GONE.value)
        return self._connection.execute(query).scalar_one()

    def moments(self, source: str, name: str) -> list[DocumentMoment]:
        """Give all that was ever known of a document, oldest first."""
        columns = [*_HISTORY, "seen_until"]
        past = select(*(document_history.c[column] for column in columns)).where(
            document_history.c.source == source, document_history.c.document == name
        )
        present = select(*(document.c[column] for column in _HISTORY), literal(None)).where(
            document.c.source == source, document.c.document == name
        )
        rows = [tuple(row) for query in (past, present) for row in self._connection.execute(query)]
        found = [
            DocumentMoment(**{**dict(zip(columns, row, strict=True)), "state": DocumentState(row[5])}) for row in rows
        ]
        return sorted(found, key=lambda item: (item.seen_from, item.seen_until is None))

    def _archive(self, condition: ColumnElement[bool], now: datetime) -> None:
        past = select(*(document.c[name] for name in _HISTORY), literal(now, document.c.seen_from.type))
        self._connection.execute(insert(document_history).from_select([*_HISTORY, "seen_until"], past.where(condition)))

    def _seen(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], _Seen]:
        columns = [document.c[name] for name in _Seen._fields]
        found: dict[tuple[str, str], _Seen] = {}
        for source in {key[0] for key in keys}:
            names = [name for owner, name in keys if owner == source]
            rows = self._connection.execute(
                select(document.c.document, *columns).where(document.c.source == source, document.c.document.in_(names))
            )
            found |= {(source, row[0]): _Seen(*row[1:]) for row in rows}
        return found


class Sources:
    """How listings of sources went."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def state(self, source: str) -> SourceState | None:
        """Give the state of a source, None before its first ingest."""
        row = self._connection.execute(select(source_state).where(source_state.c.source == source)).one_or_none()
        return SourceState(**row._mapping) if row else None

    def states(self) -> list[SourceState]:
        """Give the states of all sources that were ever listed, by name."""
        rows = self._connection.execute(select(source_state).order_by(source_state.c.source))
        return [SourceState(**row._mapping) for row in rows]

    def save(self, state: SourceState) -> None:
        """Insert or replace."""
        upsert(self._connection, source_state, [asdict(state)])


class Reviews:
    """Reviews that people recorded."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: Review) -> None:
        """Record a review."""
        self._connection.execute(insert(review).values(**asdict(item)))

    def latest(self) -> dict[tuple[str, str], Review]:
        """Give the review that counts of each document (see `latest_of`)."""
        found: dict[tuple[str, str], Review] = {}
        for row in self._connection.execute(self._ranked()):
            found.setdefault((row.source, row.document), Review(**_without_rank(row)))
        return found

    def latest_of(self, source: str, name: str) -> Review | None:
        """Give the review that counts of one document: of the present body if there is one, then the newest day."""
        query = self._ranked().where(review.c.source == source, review.c.document == name)
        row = self._connection.execute(query.limit(1)).one_or_none()
        return Review(**_without_rank(row)) if row else None

    def _ranked(self) -> Select[Any]:
        present = and_(
            document.c.source == review.c.source,
            document.c.document == review.c.document,
            document.c.body_hash == review.c.body_hash,
        )
        holds = case((document.c.document.is_not(None), 1), else_=0).label("holds")
        columns = [review.c[name] for name in Review.__dataclass_fields__]
        return (
            select(*columns, holds)
            .select_from(review.outerjoin(document, present))
            .order_by(holds.desc(), review.c.reviewed_on.desc(), review.c.review_id.desc())
        )


def _without_rank(row: Row[Any]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in Review.__dataclass_fields__}


def _key(item: Document) -> tuple[str, str]:
    return item.source, item.document


def _row(item: Document, seen: _Seen | None, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(item, name) for name in Document.__dataclass_fields__}
    same_body = seen is not None and seen.body_hash == item.body_hash
    row.update(
        created_from=item.created_from.value if item.created_from else None,
        labels=list(item.labels),
        labeled_on=_labeled_on(item, seen, now),
        attributes={key: list(values) for key, values in sorted(item.attributes.items())},
        problems=[{"code": p.code.value, "field": p.field, "line": p.line} for p in item.problems],
        unreadable=item.unreadable.value if item.unreadable else None,
        state=item.state.value,
        first_seen=seen.first_seen if seen else now,
        body_seen_at=seen.body_seen_at if seen and same_body else now,
        seen_from=seen.seen_from if seen and seen.says_the_same(item) else now,
    )
    return row


def _labeled_on(item: Document, seen: _Seen | None, now: datetime) -> dict[str, str]:
    """Give since when a document carries each of its labels: a label that went and came back begins anew."""
    known = seen.labeled_on if seen else {}
    return {label: known.get(label, now.date().isoformat()) for label in sorted(item.labels)}


def _document(row: Row[Any]) -> Document:
    values: dict[str, Any] = {name: getattr(row, name) for name in Document.__dataclass_fields__}
    values["created_from"] = DayOrigin(values["created_from"]) if values["created_from"] else None
    values["labels"] = tuple(values["labels"])
    values["labeled_on"] = {label: date.fromisoformat(day) for label, day in values["labeled_on"].items()}
    values["attributes"] = {key: tuple(items) for key, items in values["attributes"].items()}
    values["problems"] = tuple(_problems(values["problems"]))
    values["unreadable"] = ProblemCode(values["unreadable"]) if values["unreadable"] else None
    values["state"] = DocumentState(values["state"])
    return Document(**values)


def _problems(items: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    return (Problem(ProblemCode(item["code"]), item["field"], item["line"]) for item in items)
