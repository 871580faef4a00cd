"""Documents, their sources' listings and their reviews."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, and_, case, func, insert, select, update

from governance.catalog.sql import STREAMED, batches, upsert
from governance.catalog.tables import document, review, source_state
from governance.domain.documents import Document, DocumentState, Problem, ProblemCode, Review


class KnownDocument(NamedTuple):
    """What an ingest compares a listed document with. A tuple: there is one per document of a source."""

    document: str
    raw_hash: str
    body_hash: str
    meta_hash: str
    changed_on: date | None
    unreadable: str | None
    state: DocumentState


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
            name: KnownDocument(name, raw_hash, body_hash, meta_hash, changed_on, unreadable, states[state])
            for name, raw_hash, body_hash, meta_hash, changed_on, unreadable, state in rows
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
        """Insert or replace; `first_seen` stays, `body_seen_at` moves only with the body."""
        for batch in batches(documents):
            seen = self._seen([(item.source, item.document) for item in batch])
            upsert(
                self._connection, document, [_row(item, seen.get((item.source, item.document)), now) for item in batch]
            )

    def mark(self, source: str, names: Sequence[str], state: DocumentState, now: datetime) -> None:
        """Set the state of documents; present ones lose their day of absence."""
        absent = None if state is DocumentState.PRESENT else func.coalesce(document.c.absent_since, now)
        for batch in batches(names):
            self._connection.execute(
                update(document)
                .where(document.c.source == source, document.c.document.in_(batch))
                .values(state=state.value, absent_since=absent)
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
        rows = self._connection.execute(
            query.order_by(document.c.source, document.c.document).execution_options(yield_per=STREAMED)
        )
        return (_document(row) for row in rows)

    def count(self) -> int:
        """Give the number of documents that are not gone."""
        query = select(func.count()).select_from(document).where(document.c.state != DocumentState.GONE.value)
        return self._connection.execute(query).scalar_one()

    def _seen(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], tuple[str, datetime, datetime]]:
        columns = (
            document.c.source,
            document.c.document,
            document.c.body_hash,
            document.c.first_seen,
            document.c.body_seen_at,
        )
        found: dict[tuple[str, str], tuple[str, datetime, datetime]] = {}
        for source in {key[0] for key in keys}:
            names = [name for owner, name in keys if owner == source]
            rows = self._connection.execute(
                select(*columns).where(document.c.source == source, document.c.document.in_(names))
            )
            found |= {(row[0], row[1]): (row[2], row[3], row[4]) for row in rows}
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


def _row(item: Document, seen: tuple[str, datetime, datetime] | None, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(item, name) for name in Document.__dataclass_fields__}
    same_body = seen is not None and seen[0] == item.body_hash
    row.update(
        labels=list(item.labels),
        problems=[{"code": p.code.value, "field": p.field, "line": p.line} for p in item.problems],
        unreadable=item.unreadable.value if item.unreadable else None,
        state=item.state.value,
        first_seen=seen[1] if seen else now,
        body_seen_at=seen[2] if seen and same_body else now,
    )
    return row


def _document(row: Row[Any]) -> Document:
    values = dict(row._mapping)
    values["labels"] = tuple(values["labels"])
    values["problems"] = tuple(_problems(values["problems"]))
    values["unreadable"] = ProblemCode(values["unreadable"]) if values["unreadable"] else None
    values["state"] = DocumentState(values["state"])
    return Document(**values)


def _problems(items: Iterable[Mapping[str, Any]]) -> Iterator[Problem]:
    return (Problem(ProblemCode(item["code"]), item["field"], item["line"]) for item in items)
