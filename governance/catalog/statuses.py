"""Why a chunk has the status that is written beside it: one row per thing that set one."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, select

from governance.catalog.sql import streamed, upsert
from governance.catalog.tables import status_reason
from governance.domain.status import ChunkStatus


class StatusReason(NamedTuple):
    """One reason. An empty chunk id means every chunk of the document.

    Attributes:
        setter: What set it and alone lifts it ("finding:freshness.overdue").

    """

    index_name: str
    partition: str
    source: str
    document: str
    chunk_id: str
    setter: str
    status: ChunkStatus


class StatusReasons:
    """The table of reasons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, index: str, partition: str) -> Iterator[StatusReason]:
        """Give the reasons in a partition, in order."""
        columns = [status_reason.c[name] for name in StatusReason._fields]
        rows = streamed(
            self._connection,
            select(*columns)
            .where(status_reason.c.index_name == index, status_reason.c.partition == partition)
            .order_by(*status_reason.primary_key),
        )
        return (StatusReason(**{**row._mapping, "status": ChunkStatus(row.status)}) for row in rows)

    def places(self, status: ChunkStatus) -> set[tuple[str, str]]:
        """Give every (index, partition) where something sets this status."""
        query = select(status_reason.c.index_name, status_reason.c.partition).distinct()
        rows = self._connection.execute(query.where(status_reason.c.status == status.value))
        return {(row[0], row[1]) for row in rows}

    def setters(self, index: str, partition: str, prefix: str) -> set[str]:
        """Give the setters in a partition that begin so."""
        query = select(status_reason.c.setter).distinct()
        query = query.where(status_reason.c.index_name == index, status_reason.c.partition == partition)
        begun = status_reason.c.setter.startswith(prefix, autoescape=True)
        return set(self._connection.execute(query.where(begun)).scalars())

    def replace(
        self,
        index: str,
        partition: str,
        setters: Collection[str],
        reasons: Sequence[StatusReason],
        now: datetime,
    ) -> None:
        """Make the reasons of these setters exactly these; those of others stay."""
        ours = and_(
            status_reason.c.index_name == index,
            status_reason.c.partition == partition,
            status_reason.c.setter.in_(sorted(setters)),
        )
        wanted = {item[:6]: item for item in reasons}
        rows = self._connection.execute(select(*status_reason.primary_key, status_reason.c.status).where(ours))
        known = {tuple(row[:6]): row[6] for row in rows}
        keys = list(status_reason.primary_key)
        for key in known.keys() - wanted.keys():
            there = and_(*(column == value for column, value in zip(keys, key, strict=True)))
            self._connection.execute(delete(status_reason).where(there))
        fresh = [item for key, item in wanted.items() if known.get(key) != item.status]
        names = StatusReason._fields
        values = [{**dict(zip(names, item, strict=True)), "status": item.status.value, "since": now} for item in fresh]
        upsert(self._connection, status_reason, values)
