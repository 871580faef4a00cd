"""Chunks as the catalog knows them, and which documents stand in which index."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, insert, literal, select, update

from governance.catalog.signatures import Signatures, by_place
from governance.catalog.sql import batches, streamed, upsert
from governance.catalog.tables import chunk, chunk_history, indexed_document
from governance.domain.chunks import ChunkKey, ChunkState

SIGHTING_DIGEST = 32
"""Characters of a sighting that stand for text and metadata; behind them stands the mark, see `domain.status`."""
_HISTORY = ("index_name", "partition", "chunk_id", "state", "source", "document", "position", "body_hash", "seen_from")
_STREAMED = ("sighting", "words", "anchor", "inner_hash", "citable")
"""What only a look at the index itself shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """What the catalog keeps of a chunk. Never its text.

    Attributes:
        source: "" when it belongs to no source.
        document: The index's own key when it belongs to no source.
        position: -1 when nothing says it.
        body_hash: Hash of the text; `meta_hash` of what stands beside it.
        sighting: What a stream showed, as `services.sighting` writes it; "" when no stream has shown it yet.
        made_by: Identity of the embedder of ours that made it; "" when another pipeline did.
        words, anchor, inner_hash: A print of the text, see `detectors.texts`.
        citable: Whether it has a source, a title or a link.

    """

    index_name: str
    partition: str
    chunk_id: str
    source: str
    document: str
    position: int
    body_hash: str
    meta_hash: str
    sighting: str = ""
    made_by: str = ""
    words: int = 0
    anchor: str = ""
    inner_hash: str = ""
    citable: bool = True
    state: ChunkState = ChunkState.PRESENT


_COLUMNS = tuple(ChunkRow.__dataclass_fields__)


class DocumentChunk(NamedTuple):
    """A chunk of a document, whatever its state. A tuple: a comparison reads one per chunk of an index.

    Attributes:
        first_seen: Since when it has been known with this text. Pipelines number the chunks of a document and reuse the
            numbers, so that another text under a known id is another chunk; so is one that was away and came back.

    """

    partition: str
    chunk_id: str
    state: str
    position: int
    body_hash: str
    meta_hash: str
    made_by: str
    words: int
    anchor: str
    inner_hash: str
    first_seen: datetime
    gone_at: datetime | None
    seen_from: datetime | None = None


class Marked(NamedTuple):
    """What stands beside a chunk, and what we last wrote there."""

    chunk_id: str
    source: str
    document: str
    sighting: str
    mark_written: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkMoment:
    """What a chunk was from one moment up to, not including, another (None: the present)."""

    index_name: str
    partition: str
    chunk_id: str
    state: ChunkState
    source: str
    document: str
    position: int
    body_hash: str
    seen_from: datetime
    seen_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """Which version of a document our ingester brought into an index, by which recipe."""

    index_name: str
    partition: str
    source: str
    document: str
    raw_hash: str
    body_hash: str
    meta_hash: str
    recipe: str
    chunks: int
    chunks_digest: str
    indexed_at: datetime


class IndexedVersion(NamedTuple):
    """What an ingest compares with. A tuple: there is one per document of a source."""

    raw_hash: str
    recipe: str
    chunks: int
    chunks_digest: str


class Chunks:
    """The table of chunks, with their history, and of documents that our ingester brought into an index."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ids_of(self, index: str, partition: str, source: str, documents: Sequence[str]) -> dict[str, set[str]]:
        """Give the ids of the present chunks of some documents in one partition, by document."""
        found: dict[str, set[str]] = defaultdict(set)
        for batch in batches(documents):
            rows = self._connection.execute(
                select(chunk.c.document, chunk.c.chunk_id).where(
                    _in(index, partition),
                    chunk.c.source == source,
                    chunk.c.document.in_(batch),
                    chunk.c.state == ChunkState.PRESENT.value,
                )
            )
            for row in rows:
                found[row.document].add(row.chunk_id)
        return found

    def every(self) -> Iterator[ChunkRow]:
        """Give all present chunks, ordered by index, partition, document and id."""
        columns = [chunk.c[name] for name in ChunkRow.__dataclass_fields__]
        rows = streamed(
            self._connection,
            select(*columns)
            .where(chunk.c.state == ChunkState.PRESENT.value)
            .order_by(chunk.c.index_name, chunk.c.partition, chunk.c.source, chunk.c.document, chunk.c.chunk_id),
        )
        return (ChunkRow(**{**row._mapping, "state": ChunkState(row.state)}) for row in rows)

    def by_document(self, index: str, source: str) -> Iterator[tuple[str, list[DocumentChunk]]]:
        """Give (document, its chunks in every state and partition) of one source in an index, ordered by both."""
        columns = [chunk.c[name] for name in DocumentChunk._fields]
        rows = streamed(
            self._connection,
            select(chunk.c.document, *columns)
            .where(chunk.c.index_name == index, chunk.c.source == source)
            .order_by(chunk.c.document, chunk.c.partition, chunk.c.chunk_id),
        )
        for document, group in groupby(rows, key=lambda row: row[0]):
            yield document, [DocumentChunk(*row[1:]) for row in group]

    def unattributed(self, index: str, partition: str) -> list[tuple[str, str]]:
        """Give (id, key) of the present chunks that belong to no source, ordered by key and id."""
        query = select(chunk.c.chunk_id, chunk.c.document).where(
            _in(index, partition), chunk.c.source == "", chunk.c.state == ChunkState.PRESENT.value
        )
        rows = self._connection.execute(query.order_by(chunk.c.document, chunk.c.chunk_id))
        return [(row[0], row[1]) for row in rows]

    def not_citable(self, index: str, partition: str) -> list[str]:
        """Give the ids of the present chunks without source, title and link, in order."""
        query = select(chunk.c.chunk_id).where(
            _in(index, partition), chunk.c.citable.is_(False), chunk.c.state == ChunkState.PRESENT.value
        )
        return list(self._connection.execute(query.order_by(chunk.c.chunk_id)).scalars())

    def attribute(self, index: str, partition: str, chunk_id: str, source: str, document: str) -> None:
        """Say which document a chunk belongs to, now that it is known."""
        self._connection.execute(
            update(chunk)
            .where(_in(index, partition), chunk.c.chunk_id == chunk_id)
            .values(source=source, document=document, citable=True)
        )

    def names(self, index: str, source: str, *, present: bool) -> set[str]:
        """Give the documents of a source that chunks in an index belong to: present ones, or those of any state."""
        query = select(chunk.c.document).where(chunk.c.index_name == index, chunk.c.source == source).distinct()
        if present:
            query = query.where(chunk.c.state == ChunkState.PRESENT.value)
        return set(self._connection.execute(query).scalars())

    def past_names(self, index: str, source: str) -> set[str]:
        """Give the documents that chunks belonged to which have changed or gone, forgotten ones too. Reads it all."""
        query = select(chunk_history.c.document).distinct()
        query = query.where(chunk_history.c.index_name == index, chunk_history.c.source == source)
        return set(self._connection.execute(query).scalars())

    def places(self) -> list[tuple[str, str]]:
        """Give every (index, partition) that a chunk is known of, in order."""
        query = select(chunk.c.index_name, chunk.c.partition).distinct()
        return [(row[0], row[1]) for row in self._connection.execute(query.order_by(*query.selected_columns))]

    def documents_of(self, index: str, partition: str, ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Give (source, document) of present chunks, by id."""
        found: dict[str, tuple[str, str]] = {}
        for batch in batches(ids):
            query = select(chunk.c.chunk_id, chunk.c.source, chunk.c.document).where(
                _in(index, partition), chunk.c.chunk_id.in_(batch), chunk.c.state == ChunkState.PRESENT.value
            )
            found |= {row[0]: (row[1], row[2]) for row in self._connection.execute(query)}
        return found

    def makers(self, index: str) -> set[str]:
        """Give whose chunks an index has or had: identities of our embedders, "" for another pipeline's."""
        return set(
            self._connection.execute(select(chunk.c.made_by).where(chunk.c.index_name == index).distinct()).scalars()
        )

    def facts_of(self, index: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Give the body hash of each (partition, id) that is known, in whatever state."""
        found: dict[tuple[str, str], str] = {}
        for (_, partition), ids in by_place([ChunkKey(index, *key) for key in keys]).items():
            for batch in batches(ids):
                query = select(chunk.c.chunk_id, chunk.c.body_hash).where(
                    _in(index, partition), chunk.c.chunk_id.in_(batch)
                )
                found |= {(partition, row[0]): row[1] for row in self._connection.execute(query)}
        return found

    def sources(self, index: str) -> set[str]:
        """Give the sources that chunks of an index belong to."""
        query = select(chunk.c.source).where(chunk.c.index_name == index, chunk.c.source != "").distinct()
        return set(self._connection.execute(query).scalars())

    def marks(self, index: str, partition: str) -> Iterator[Marked]:
        """Give what stands beside each present chunk of a partition, ordered by id."""
        columns = [chunk.c[name] for name in Marked._fields]
        rows = streamed(
            self._connection,
            select(*columns)
            .where(_in(index, partition), chunk.c.state == ChunkState.PRESENT.value)
            .order_by(chunk.c.chunk_id),
        )
        return (Marked(*row) for row in rows)

    def any_marked(self) -> bool:
        """Say whether a mark of ours stands beside any present chunk, as far as known."""
        query = select(chunk.c.chunk_id).where(
            chunk.c.mark_written.not_in(["", "|"]), chunk.c.state == ChunkState.PRESENT.value
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def write_marks(self, index: str, partition: str, ids: Sequence[str], mark: str) -> None:
        """Note what was written beside chunks, as the next look at the index will show it."""
        seen = func.substr(chunk.c.sighting, 1, SIGHTING_DIGEST) + mark
        for batch in batches(ids):
            self._connection.execute(
                update(chunk)
                .where(_in(index, partition), chunk.c.chunk_id.in_(batch))
                .values(sighting=case((chunk.c.sighting == "", ""), else_=seen), mark_written=mark)
            )

    def save(self, rows: Sequence[ChunkRow], now: datetime) -> None:
        """Insert or replace; what a chunk was before goes to its history where it says something else now."""
        for batch in batches(rows):
            known = self._known(batch)
            stale = [ChunkKey(*key) for row in batch if (key := _key(row)) in known and not _same(row, known[key])]
            for (index, partition), ids in by_place(stale).items():
                self._archive(and_(_in(index, partition), chunk.c.chunk_id.in_(ids)), now)
            values = [_values(row, known.get(_key(row)), now) for row in batch]
            upsert(self._connection, chunk, values, keep=frozenset({"mark_written"}))

    def remove(self, keys: Sequence[ChunkKey], now: datetime) -> None:
        """Note that chunks were deleted, and drop all that detectors remember of them, in one transaction.

        The rows stay, as deleted, until a look at the index has confirmed that the chunks are gone.
        """
        Signatures(self._connection).forget(keys)
        self._end(keys, ChunkState.DELETED, now)

    def mark_gone(self, keys: Sequence[ChunkKey], now: datetime) -> None:
        """Note that an index no longer shows chunks which it showed before."""
        Signatures(self._connection).forget(keys)
        self._end(keys, ChunkState.GONE, now)

    def forget(self, keys: Sequence[ChunkKey]) -> None:
        """Drop the rows of chunks that nothing more is to be said about; their history stays."""
        for (index, partition), ids in by_place(keys).items():
            for batch in batches(ids):
                self._connection.execute(delete(chunk).where(_in(index, partition), chunk.c.chunk_id.in_(batch)))

    def deleted(self, index: str, partition: str, source: str | None = None) -> dict[str, datetime]:
        """Give the ids of chunks that were deleted, with when, as long as their absence is not confirmed."""
        query = select(chunk.c.chunk_id, chunk.c.gone_at).where(
            _in(index, partition), chunk.c.state == ChunkState.DELETED.value
        )
        if source is not None:
            query = query.where(chunk.c.source == source)
        return {row[0]: row[1] for row in self._connection.execute(query)}

    def count(self, index: str | None = None) -> int:
        """Give the number of chunks that are there, as far as known: in one index, or in all."""
        query = select(func.count()).select_from(chunk).where(chunk.c.state == ChunkState.PRESENT.value)
        if index is not None:
            query = query.where(chunk.c.index_name == index)
        return self._connection.execute(query).scalar_one()

    def moments(self, chunk_id: str) -> list[ChunkMoment]:
        """Give all that was ever known of a chunk id, in every index, oldest first."""
        columns = [*_HISTORY, "seen_until"]
        past = select(*(chunk_history.c[name] for name in columns)).where(chunk_history.c.chunk_id == chunk_id)
        present = select(*(chunk.c[name] for name in _HISTORY), literal(None)).where(chunk.c.chunk_id == chunk_id)
        rows = [tuple(row) for query in (past, present) for row in self._connection.execute(query)]
        found = [ChunkMoment(**{**dict(zip(columns, row, strict=True)), "state": ChunkState(row[3])}) for row in rows]
        return sorted(
            found, key=lambda item: (item.index_name, item.partition, item.seen_from, item.seen_until is None)
        )

    def indexed(self, index: str, partition: str, source: str) -> dict[str, IndexedVersion]:
        """Give which version of each document of a source stands in one partition, by path."""
        columns = [indexed_document.c[name] for name in IndexedVersion._fields]
        rows = self._connection.execute(
            select(indexed_document.c.document, *columns).where(
                indexed_document.c.index_name == index,
                indexed_document.c.partition == partition,
                indexed_document.c.source == source,
            )
        )
        return {row[0]: IndexedVersion(*row[1:]) for row in rows}

    def indexed_hashes(
        self, index: str, partition: str, source: str, names: Sequence[str]
    ) -> dict[str, tuple[str, str]]:
        """Give (body hash, metadata hash) of the versions of some documents that stand in one partition, by path."""
        found: dict[str, tuple[str, str]] = {}
        for batch in batches(names):
            rows = self._connection.execute(
                select(indexed_document.c.document, indexed_document.c.body_hash, indexed_document.c.meta_hash).where(
                    indexed_document.c.index_name == index,
                    indexed_document.c.partition == partition,
                    indexed_document.c.source == source,
                    indexed_document.c.document.in_(batch),
                )
            )
            found |= {row[0]: (row[1], row[2]) for row in rows}
        return found

    def index_of(self) -> dict[tuple[str, str], str]:
        """Give the index that each document stands in, by (source, document); of several the first by name."""
        found: dict[tuple[str, str], str] = {}
        for table, condition in ((indexed_document, None), (chunk, chunk.c.state == ChunkState.PRESENT.value)):
            name = func.min(table.c.index_name)
            query = select(table.c.source, table.c.document, name).group_by(table.c.source, table.c.document)
            for row in self._connection.execute(query if condition is None else query.where(condition)):
                key = (row[0], row[1])
                found[key] = min(row[2], found.get(key, row[2]))
        return found

    def indexes_of(self) -> dict[tuple[str, str], list[str]]:
        """Give every index that each document stands in, by (source, document), in order."""
        found: dict[tuple[str, str], set[str]] = defaultdict(set)
        for table, condition in ((indexed_document, None), (chunk, chunk.c.state == ChunkState.PRESENT.value)):
            query = select(table.c.source, table.c.document, table.c.index_name).distinct()
            for row in self._connection.execute(query if condition is None else query.where(condition)):
                found[row[0], row[1]].add(row[2])
        return {key: sorted(names) for key, names in found.items()}

    def save_indexed(self, rows: Sequence[IndexedDocument]) -> None:
        """Insert or replace."""
        upsert(self._connection, indexed_document, [asdict(row) for row in rows])

    def remove_indexed(self, index: str, partition: str, source: str, names: Sequence[str]) -> None:
        """Drop the entries of documents."""
        for batch in batches(names):
            self._connection.execute(
                delete(indexed_document).where(
                    indexed_document.c.index_name == index,
                    indexed_document.c.partition == partition,
                    indexed_document.c.source == source,
                    indexed_document.c.document.in_(batch),
                )
            )

    def _known(self, rows: Sequence[ChunkRow]) -> dict[tuple[str, str, str], Mapping[str, Any]]:
        columns = [chunk.c[name] for name in (*_HISTORY, "first_seen", *_STREAMED)]
        found: dict[tuple[str, str, str], Mapping[str, Any]] = {}
        for (index, partition), ids in by_place([ChunkKey(*_key(row)) for row in rows]).items():
            query = select(*columns).where(_in(index, partition), chunk.c.chunk_id.in_(ids))
            found |= {(index, partition, row.chunk_id): dict(row._mapping) for row in self._connection.execute(query)}
        return found

    def _end(self, keys: Iterable[ChunkKey], state: ChunkState, now: datetime) -> None:
        for (index, partition), ids in by_place(keys).items():
            for batch in batches(ids):
                there = and_(
                    _in(index, partition), chunk.c.chunk_id.in_(batch), chunk.c.state == ChunkState.PRESENT.value
                )
                self._archive(there, now)
                self._connection.execute(
                    update(chunk).where(there).values(state=state.value, seen_from=now, gone_at=now, mark_written="")
                )

    def _archive(self, condition: ColumnElement[bool], now: datetime) -> None:
        past = select(*(chunk.c[name] for name in _HISTORY), literal(now, chunk.c.seen_from.type)).where(condition)
        self._connection.execute(insert(chunk_history).from_select([*_HISTORY, "seen_until"], past))


def _in(index: str, partition: str) -> ColumnElement[bool]:
    return and_(chunk.c.index_name == index, chunk.c.partition == partition)


def _key(row: ChunkRow) -> tuple[str, str, str]:
    return row.index_name, row.partition, row.chunk_id


def _same(row: ChunkRow, known: Mapping[str, Any]) -> bool:
    """Say whether a row only repeats what is known; a moved chunk is no other chunk."""
    return all(known[name] == getattr(row, name) for name in ("state", "source", "document", "body_hash"))


def _values(row: ChunkRow, known: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    """Give the row's columns; who repeats what is known, and has not streamed it, leaves what a stream showed."""
    values: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}  # `asdict` copies deeply, which takes long
    values |= {"state": row.state.value, "first_seen": now, "gone_at": None, "mark_written": ""}
    if known is None or not _same(row, known):
        return values | {"seen_from": now}
    return values | {name: known[name] for name in ("first_seen", "seen_from", *(() if row.sighting else _STREAMED))}
