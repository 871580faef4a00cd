"""What a pass over an index shows, held against what the catalog knows: only what differs comes back.

A pass asks twice. Before it begins it reads a hash of every known chunk, which tells of nearly all that they are as
they were; of the rest the database says what it knows. Asking the database about each chunk takes four to twelve times
as long as that, and writing every row again fifty times (see tests/benchmarks/bench_sync.py).
"""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, select, text, update

from governance.catalog.sql import streamed, upsert
from governance.catalog.tables import chunk, document, partition_state
from governance.domain.chunks import ChunkState


class Sighting(NamedTuple):
    """A chunk as a stream showed it: its id, and a digest of text and metadata with the mark behind it."""

    chunk_id: str
    sighting: str


class Differing(NamedTuple):
    """A chunk that the catalog knows otherwise, or not at all.

    Attributes:
        state: What the catalog takes it for; None when it does not know it.
        sighting: What it looked like; None when the catalog does not know it.
        seen_from: Since when it has been known as that.

    """

    chunk_id: str
    state: ChunkState | None
    sighting: str | None
    seen_from: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionState:
    """How far the passes over a partition are.

    Attributes:
        recipe: How the chunks were attributed to documents by the last complete pass.
        cursor: Where the pass under way goes on; None at its beginning.
        pass_started: When the pass under way began; None when none is.
        completed_at: End of the last complete pass.
        chunks: What it counted.

    """

    index_name: str
    partition: str
    recipe: str = ""
    cursor: str | None = None
    pass_started: datetime | None = None
    pass_recipe: str = ""
    completed_at: datetime | None = None
    chunks: int = 0


_SQLITE = text("""
    SELECT seen.chunk_id, chunk.state, chunk.sighting, chunk.seen_from
    FROM (SELECT value ->> 0 AS chunk_id, value ->> 1 AS sighting FROM json_each(:seen)) AS seen
    LEFT JOIN chunk ON chunk.index_name = :index AND chunk.partition = :partition AND chunk.chunk_id = seen.chunk_id
    WHERE chunk.sighting IS NOT seen.sighting OR chunk.state IS NOT 'present'
""").columns(chunk_id=chunk.c.chunk_id.type, seen_from=chunk.c.seen_from.type)

_POSTGRESQL = text("""
    SELECT seen.chunk_id, chunk.state, chunk.sighting, chunk.seen_from
    FROM unnest(CAST(:ids AS text[]), CAST(:sightings AS text[])) AS seen (chunk_id, sighting)
    LEFT JOIN chunk ON chunk.index_name = :index AND chunk.partition = :partition
        AND chunk.chunk_id = seen.chunk_id COLLATE "C"
    WHERE chunk.sighting IS DISTINCT FROM seen.sighting OR chunk.state IS DISTINCT FROM 'present'
""").columns(chunk_id=chunk.c.chunk_id.type, seen_from=chunk.c.seen_from.type)


class Sightings:
    """Compares passes over indexes with the table of chunks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def differing(self, index: str, partition: str, seen: Sequence[Sighting]) -> list[Differing]:
        """Give what the catalog knows otherwise of the chunks seen, in no particular order."""
        if not seen:
            return []
        ordered = sorted(seen)  # neighbors in the database's tree: every second page is in memory already
        place = {"index": index, "partition": partition}
        if self._connection.dialect.name == "postgresql":
            ids, sightings = [item[0] for item in ordered], [item[1] for item in ordered]
            rows = self._connection.execute(_POSTGRESQL, {**place, "ids": ids, "sightings": sightings})
        else:
            rows = self._connection.execute(_SQLITE, {**place, "seen": json.dumps(ordered)})
        return [Differing(row[0], ChunkState(row[1]) if row[1] is not None else None, row[2], row[3]) for row in rows]

    def prints(self, index: str, partition: str) -> array[int]:
        """Give the hash of the sighting of each chunk that is there, as far as known. It holds in this process only."""
        query = select(chunk.c.chunk_id, chunk.c.sighting).where(
            chunk.c.index_name == index, chunk.c.partition == partition, chunk.c.state == ChunkState.PRESENT.value
        )
        # A row's hash is that of a tuple, and so that of a Sighting.
        return array("q", map(hash, streamed(self._connection, query)))

    def counts(self, index: str, partition: str) -> Counter[ChunkState]:
        """Give the number of chunks in each state, as far as known."""
        # No GROUP BY: SQLite would sort every row in memory for it.
        numbers = [func.count().filter(chunk.c.state == state.value) for state in ChunkState]
        query = select(*numbers).where(chunk.c.index_name == index, chunk.c.partition == partition)
        return Counter(dict(zip(ChunkState, self._connection.execute(query).one(), strict=True)))

    def listed_since(self, sources: Sequence[str], moment: datetime) -> bool:
        """Say whether a listing has shown a document of these sources, new or changed, at the moment or later."""
        shown = and_(document.c.source.in_(sources), document.c.seen_from >= moment, document.c.raw_hash != "")
        return self._connection.execute(select(document.c.source).where(shown).limit(1)).first() is not None

    def strangers(self, index: str, partition: str) -> list[tuple[str, str]]:
        """Give (source, document) of other pipelines' chunks that no listing of the source has ever shown, in order."""
        places = (
            select(chunk.c.source, chunk.c.document)
            .where(chunk.c.index_name == index, chunk.c.partition == partition, chunk.c.source != "")
            .distinct()
            .subquery()
        )
        listed = exists().where(
            document.c.source == places.c.source, document.c.document == places.c.document, document.c.raw_hash != ""
        )
        query = select(places).where(~listed).order_by(*places.c)
        return [(row[0], row[1]) for row in self._connection.execute(query)]

    def rename(self, index: str, partition: str, old: tuple[str, str], new: tuple[str, str]) -> None:
        """Say which document the chunks of another one belong to, where no ingester of ours made them."""
        there = and_(chunk.c.index_name == index, chunk.c.partition == partition, chunk.c.made_by == "")
        self._connection.execute(
            update(chunk)
            .where(there, chunk.c.source == old[0], chunk.c.document == old[1])
            .values(source=new[0], document=new[1])
        )

    def renew_statistics(self) -> None:
        """Let PostgreSQL count the chunks anew.

        After a first load it still plans as for an empty table, and reads all of it to find a few hundred ids.
        """
        if self._connection.dialect.name == "postgresql":
            self._connection.execute(text("ANALYZE chunk"))

    def ids(self, index: str, partition: str) -> Iterator[str]:
        """Give the ids of the chunks that are there, as far as known, ordered."""
        query = select(chunk.c.chunk_id).where(
            chunk.c.index_name == index, chunk.c.partition == partition, chunk.c.state == ChunkState.PRESENT.value
        )
        rows = streamed(self._connection, query.order_by(chunk.c.chunk_id))
        return (row[0] for row in rows)

    def state(self, index: str, partition: str) -> PartitionState:
        """Give how far the passes over a partition are."""
        row = self._connection.execute(
            select(partition_state).where(
                partition_state.c.index_name == index, partition_state.c.partition == partition
            )
        ).one_or_none()
        return PartitionState(**row._mapping) if row else PartitionState(index_name=index, partition=partition)

    def states(self) -> list[PartitionState]:
        """Give the states of all partitions that were ever looked at, in order."""
        order = (partition_state.c.index_name, partition_state.c.partition)
        return [
            PartitionState(**row._mapping) for row in self._connection.execute(select(partition_state).order_by(*order))
        ]

    def save_state(self, state: PartitionState) -> None:
        """Insert or replace."""
        upsert(self._connection, partition_state, [asdict(state)])
