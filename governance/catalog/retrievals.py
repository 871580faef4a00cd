"""How often chunks were retrieved, as somebody's counts say: what a finding about them costs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, exists, func, select

from governance.catalog.signatures import by_place
from governance.catalog.sql import batches, streamed, upsert
from governance.catalog.tables import chunk, retrieval
from governance.domain.chunks import ChunkKey, ChunkState

_SAME_CHUNK = and_(
    chunk.c.index_name == retrieval.c.index_name,
    chunk.c.partition == retrieval.c.partition,
    chunk.c.chunk_id == retrieval.c.chunk_id,
)


class KnownPlace(NamedTuple):
    """Where the catalog knows a chunk, and whether it is there still."""

    key: ChunkKey
    state: ChunkState


class DocumentRetrievals(NamedTuple):
    """How often the chunks of one document in one partition were retrieved, all together."""

    index_name: str
    partition: str
    source: str
    document: str
    retrievals: int


class Loaded(NamedTuple):
    """What is loaded: when the last counts came, of how many chunks there are some, how many nobody knows."""

    loaded_at: datetime | None
    chunks: int
    unknown: int


class Retrievals:
    """The table of retrieval counts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def clear(self, index: str | None = None, partition: str | None = None) -> None:
        """Drop all counts, or those of one index, of one partition."""
        query = delete(retrieval)
        if index is not None:
            query = query.where(retrieval.c.index_name == index)
        if partition is not None:
            query = query.where(retrieval.c.partition == partition)
        self._connection.execute(query)

    def counts(self, keys: Collection[ChunkKey]) -> dict[ChunkKey, int]:
        """Give the counts of some chunks; those without one are left out."""
        found: dict[ChunkKey, int] = {}
        for (index, partition), ids in by_place(keys).items():
            for batch in batches(ids):
                rows = self._connection.execute(
                    select(retrieval.c.chunk_id, retrieval.c.retrievals).where(
                        retrieval.c.index_name == index,
                        retrieval.c.partition == partition,
                        retrieval.c.chunk_id.in_(batch),
                    )
                )
                found |= {ChunkKey(index, partition, row[0]): row[1] for row in rows}
        return found

    def save(self, counts: Mapping[ChunkKey, int], now: datetime) -> None:
        """Insert or replace the counts of these chunks."""
        rows = [
            {
                "index_name": key.index,
                "partition": key.partition,
                "chunk_id": key.chunk_id,
                "retrievals": count,
                "loaded_at": now,
            }
            for key, count in counts.items()
        ]
        upsert(self._connection, retrieval, rows)

    def places(self, ids: Sequence[str]) -> Iterator[KnownPlace]:
        """Give where the catalog knows chunks of these ids, in any index and partition."""
        for batch in batches(ids):
            rows = self._connection.execute(
                select(chunk.c.index_name, chunk.c.partition, chunk.c.chunk_id, chunk.c.state)
                .where(chunk.c.chunk_id.in_(batch))
                .order_by(chunk.c.chunk_id, chunk.c.index_name, chunk.c.partition)
            )
            for row in rows:
                yield KnownPlace(ChunkKey(row[0], row[1], row[2]), ChunkState(row[3]))

    def by_document(self) -> Iterator[DocumentRetrievals]:
        """Give the sums per document and partition, of every chunk that the catalog knows, whatever its state."""
        columns = (chunk.c.index_name, chunk.c.partition, chunk.c.source, chunk.c.document)
        rows = streamed(
            self._connection,
            select(*columns, func.sum(retrieval.c.retrievals))
            .select_from(retrieval)
            .join(chunk, _SAME_CHUNK)
            .group_by(*columns)
            .order_by(*columns),
        )
        return (DocumentRetrievals(row[0], row[1], row[2], row[3], int(row[4])) for row in rows)

    def loaded(self) -> Loaded:
        """Say what is loaded."""
        newest, chunks = self._connection.execute(
            select(func.max(retrieval.c.loaded_at), func.count()).select_from(retrieval)
        ).one()
        unknown = select(func.count()).select_from(retrieval).where(~exists().where(_SAME_CHUNK))
        return Loaded(newest, chunks, self._connection.execute(unknown).scalar_one())

    def forget(self, keys: Collection[ChunkKey]) -> None:
        """Drop the counts of these chunks."""
        for (index, partition), ids in by_place(keys).items():
            for batch in batches(ids):
                self._connection.execute(
                    delete(retrieval).where(
                        retrieval.c.index_name == index,
                        retrieval.c.partition == partition,
                        retrieval.c.chunk_id.in_(batch),
                    )
                )
