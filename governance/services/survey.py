"""What stands in an index right now: ids and the hashes that our ingester wrote beside them, no texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from governance.domain.ports import Partition, PartResult, Runner, Workspace
from governance.domain.values import Json

PAGE = 2000


class SeenChunk(NamedTuple):
    """What the index says of one of our chunks."""

    meta_hash: str
    position: int
    heading: str


@dataclass(slots=True)
class Survey:
    """One listing of a partition, as far as one source is concerned.

    Attributes:
        chunks: Of this source, by document, then by id.
        total: Records of every source.
        embedders: How many records each embedder identity made; "" for records that no ingester of ours wrote.
        repeated: Ids that were given more than once with different content, and how often.

    """

    chunks: dict[str, dict[str, SeenChunk]] = field(default_factory=lambda: defaultdict(dict))
    total: int = 0
    embedders: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    repeated: dict[str, int] = field(default_factory=dict)


def list_chunks(work: Workspace, part: Partition, params: Mapping[str, Json]) -> PartResult:
    """List one partition: rows (id, source, document, metadata hash, position, embedder, heading).

    A task for a runner; `params` are not used.
    """
    del params
    reader = work.reader(part.index, part.partition)
    try:
        rows = [
            _row(record.chunk_id, record.metadata.get)
            for page in reader.stream(part.cursor, PAGE, text=False, vectors=False)
            for record in page.records
        ]
    finally:
        reader.close()
    return PartResult(part, {"records": len(rows)}, rows)


def _row(chunk_id: str, get: Callable[[str], Json]) -> tuple[Json, ...]:
    return (
        chunk_id,
        get("kb_source"),
        get("kb_document"),
        get("kb_meta_hash"),
        get("kb_position"),
        get("kb_embedder"),
        get("heading"),
    )


def survey(runner: Runner, index: str, partition: str, source: str) -> Survey:
    """List a partition and sort what came by document."""
    found = Survey()
    for result in runner.map(list_chunks, [Partition(index, partition)], {}):
        _add(found, result.rows, source)
    return found


def _add(found: Survey, rows: Sequence[tuple[Json, ...]], source: str) -> None:
    # The inner loop of every second ingest: no work that one source's unchanged chunk does not need.
    first: dict[Json, tuple[Json, ...]] = {}
    chunks, remember = found.chunks, first.setdefault
    for row in rows:
        chunk_id, owner, document, meta_hash, position, _, heading = row
        earlier = remember(chunk_id, row)
        if earlier is not row:
            _add_again(found, str(chunk_id), same=earlier == row)
        elif owner == source:
            place = position if isinstance(position, int) else -1
            words = heading if isinstance(heading, str) else ""
            chunks[str(document)][str(chunk_id)] = SeenChunk(str(meta_hash), place, words)
    for embedder, count in Counter(row[5] for row in first.values()).items():
        found.embedders[embedder if isinstance(embedder, str) else ""] += count
    found.total += len(first)


def _add_again(found: Survey, chunk_id: str, *, same: bool) -> None:
    # A stream may give a record twice while others write; only another content under the same id is trouble.
    if not same:
        found.repeated[chunk_id] = found.repeated.get(chunk_id, 1) + 1
