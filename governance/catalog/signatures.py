"""The memory of set-wise detectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from sqlalchemy import Connection, delete, func, select

from governance.catalog.sql import batches, chunked, streamed, upsert
from governance.catalog.tables import signature
from governance.domain.chunks import ChunkKey
from governance.domain.ports import Signature


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
        rows = streamed(
            self._connection,
            select(signature)
            .where(signature.c.scheme == scheme, signature.c.key.in_(keys))
            .order_by(signature.c.key, signature.c.index_name, signature.c.partition, signature.c.chunk_id),
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
        for (index, partition), ids in by_place(chunks).items():
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


def by_place(keys: Iterable[ChunkKey]) -> Mapping[tuple[str, str], list[str]]:
    """Sort keys by (index, partition)."""
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
