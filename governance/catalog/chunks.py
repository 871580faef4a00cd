"""Chunks, which documents stand in which index, and the memory of set-wise detectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import groupby
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, select

from governance.catalog.sql import STREAMED, batches, chunked, upsert
from governance.catalog.tables import chunk, indexed_document, signature
from governance.domain.chunks import ChunkKey
from governance.domain.ports import Signature


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkRow:
    """What the catalog keeps of a chunk. Never its text."""

    index_name: str
    partition: str
    chunk_id: str
    source: str
    document: str
    position: int
    body_hash: str
    meta_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedDocument:
    """Which version of a document stands in an index, made by which recipe."""

    index_name: str
    partition: str
    source: str
    document: str
    raw_hash: str
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


class Signatures:
    """Memory of set-wise detectors; implements `SignatureStore`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, signatures: Iterable[Signature]) -> None:
        """Remember; the same (scheme, key, chunk) again replaces."""
        for piece in chunked(iter(signatures), 500):
            upsert(self._connection, signature, [_signature_row(item) for item in piece])

    def candidates(self, scheme: str) -> Iterator[tuple[str, Sequence[Signature]]]:
        """Give, ordered by key, each key with more than one distinct value, with all its signatures."""
        keys = (
            select(signature.c.key)
            .where(signature.c.scheme == scheme)
            .group_by(signature.c.key)
            .having(func.count(signature.c.value.distinct()) > 1)
        )
        rows = self._connection.execute(
            select(signature)
            .where(signature.c.scheme == scheme, signature.c.key.in_(keys))
            .order_by(signature.c.key, signature.c.index_name, signature.c.partition, signature.c.chunk_id)
            .execution_options(yield_per=STREAMED)
        )
        for key, group in groupby(rows, key=lambda row: row.key):
            yield (
                key,
                [
                    Signature(
                        scheme=row.scheme,
                        key=row.key,
                        value=row.value,
                        chunk=ChunkKey(row.index_name, row.partition, row.chunk_id),
                        source=row.source,
                        document=row.document,
                    )
                    for row in group
                ],
            )

    def forget(self, chunks: Iterable[ChunkKey]) -> None:
        """Drop everything about these chunks."""
        for (index, partition), ids in _by_place(chunks).items():
            for batch in batches(ids):
                self._connection.execute(
                    delete(signature).where(
                        signature.c.index_name == index,
                        signature.c.partition == partition,
                        signature.c.chunk_id.in_(batch),
                    )
                )

    def forget_scheme(self, scheme: str) -> None:
        """Drop all that one detector put."""
        self._connection.execute(delete(signature).where(signature.c.scheme == scheme))


class Chunks:
    """The table of chunks, and of documents that stand in an index."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def ids_of(self, index: str, partition: str, source: str, documents: Sequence[str]) -> dict[str, set[str]]:
        """Give the ids of the chunks of some documents in one partition, by document."""
        found: dict[str, set[str]] = defaultdict(set)
        for batch in batches(documents):
            rows = self._connection.execute(
                select(chunk.c.document, chunk.c.chunk_id).where(
                    chunk.c.index_name == index,
                    chunk.c.partition == partition,
                    chunk.c.source == source,
                    chunk.c.document.in_(batch),
                )
            )
            for row in rows:
                found[row.document].add(row.chunk_id)
        return found

    def every(self) -> Iterator[ChunkRow]:
        """Give all chunks, ordered by index, partition, document and id."""
        columns = [chunk.c[name] for name in ChunkRow.__dataclass_fields__]
        rows = self._connection.execute(
            select(*columns)
            .order_by(chunk.c.index_name, chunk.c.partition, chunk.c.source, chunk.c.document, chunk.c.chunk_id)
            .execution_options(yield_per=STREAMED)
        )
        return (ChunkRow(**row._mapping) for row in rows)

    def save(self, rows: Sequence[ChunkRow], now: datetime) -> None:
        """Insert or replace; the day a chunk was first seen stays."""
        upsert(
            self._connection, chunk, [asdict(row) | {"first_seen": now} for row in rows], keep=frozenset({"first_seen"})
        )

    def remove(self, keys: Sequence[ChunkKey]) -> None:
        """Drop chunks and all that detectors remember of them, in one transaction."""
        Signatures(self._connection).forget(keys)
        for (index, partition), ids in _by_place(keys).items():
            for batch in batches(ids):
                self._connection.execute(
                    delete(chunk).where(
                        chunk.c.index_name == index, chunk.c.partition == partition, chunk.c.chunk_id.in_(batch)
                    )
                )

    def count(self) -> int:
        """Give the number of chunks known."""
        return self._connection.execute(select(func.count()).select_from(chunk)).scalar_one()

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

    def index_of(self) -> dict[tuple[str, str], str]:
        """Give the index that each document stands in, by (source, document); of several the first by name."""
        name = func.min(indexed_document.c.index_name)
        rows = self._connection.execute(
            select(indexed_document.c.source, indexed_document.c.document, name).group_by(
                indexed_document.c.source, indexed_document.c.document
            )
        )
        return {(row[0], row[1]): row[2] for row in rows}

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


def _by_place(keys: Iterable[ChunkKey]) -> Mapping[tuple[str, str], list[str]]:
    places: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key in keys:
        places[key.index, key.partition].append(key.chunk_id)
    return places


def _signature_row(item: Signature) -> dict[str, str]:
    return {
        "scheme": item.scheme,
        "index_name": item.chunk.index,
        "partition": item.chunk.partition,
        "chunk_id": item.chunk.chunk_id,
        "key": item.key,
        "value": item.value,
        "source": item.source,
        "document": item.document,
    }
