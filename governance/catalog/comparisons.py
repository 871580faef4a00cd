"""What a comparison of a document with an index came to, so that what did not change is not compared again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from governance.catalog.sql import batches, streamed, upsert
from governance.catalog.tables import comparison
from governance.domain.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One document in one index.

    Attributes:
        basis: Digest of all that was compared: the same basis, the same verdict.
        verdict: What came of it, as the comparing service writes it. Never text.
        pending_since: Since when the source says something that the index does not; None when both agree.
        lag_seconds: How long the last change took to arrive; None when that was not witnessed.

    """

    index_name: str
    source: str
    document: str
    basis: str
    verdict: Mapping[str, Json]
    body_hash: str
    pending_since: datetime | None = None
    lag_seconds: int | None = None


class Comparisons:
    """The table of comparisons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, index: str, source: str) -> Iterator[Comparison]:
        """Give the comparisons of one source with one index, ordered by document."""
        rows = streamed(
            self._connection,
            select(comparison)
            .where(
                comparison.c.index_name == index,
                comparison.c.source == source,
            )
            .order_by(comparison.c.document),
        )
        return (Comparison(**row._mapping) for row in rows)

    def save(self, items: Sequence[Comparison]) -> None:
        """Insert or replace."""
        upsert(self._connection, comparison, [asdict(item) | {"verdict": dict(item.verdict)} for item in items])

    def remove(self, index: str, source: str, documents: Sequence[str]) -> None:
        """Drop the comparisons of documents."""
        for batch in batches(documents):
            self._connection.execute(
                delete(comparison).where(
                    comparison.c.index_name == index,
                    comparison.c.source == source,
                    comparison.c.document.in_(batch),
                )
            )
