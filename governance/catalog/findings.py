"""Findings and their histories."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, insert, or_, select, update

from governance.catalog.sql import batches, upsert
from governance.catalog.tables import finding, finding_period
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Place, Severity

_PERIOD_COLUMNS = [finding_period.c[name] for name in FindingPeriod.__dataclass_fields__]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingHistory:
    """A finding with all its periods, oldest first."""

    fingerprint: str
    kind: str
    place: Place
    rule: str
    assignee: str | None
    first_seen: datetime
    last_seen: datetime
    periods: tuple[FindingPeriod, ...]


class Findings:
    """The table of findings and of their periods."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def histories(self, kinds: Sequence[str]) -> dict[str, FindingHistory]:
        """Give the histories of all findings of these kinds, by fingerprint."""
        return self._histories(select(finding).where(finding.c.kind.in_(kinds)))

    def history(self, fingerprint: str) -> FindingHistory | None:
        """Give one finding's history."""
        return self._histories(select(finding).where(finding.c.fingerprint == fingerprint)).get(fingerprint)

    def matching(self, prefix: str) -> list[str]:
        """Give the fingerprints that start with `prefix`."""
        query = select(finding.c.fingerprint).where(finding.c.fingerprint.startswith(prefix, autoescape=True))
        return list(self._connection.execute(query.order_by(finding.c.fingerprint)).scalars())

    def about(self, document: str) -> list[str]:
        """Give the fingerprints of all findings about documents of this path, in whatever source."""
        query = select(finding.c.fingerprint).where(finding.c.document == document)
        return list(self._connection.execute(query.order_by(finding.c.fingerprint)).scalars())

    def save(self, items: Sequence[FindingHistory]) -> None:
        """Insert or replace findings with their periods."""
        upsert(self._connection, finding, [_finding_row(item) for item in items])
        for batch in batches([item.fingerprint for item in items]):
            self._connection.execute(delete(finding_period).where(finding_period.c.fingerprint.in_(batch)))
        rows = [_period_row(item.fingerprint, period) for item in items for period in item.periods]
        for piece in batches(rows):
            self._connection.execute(insert(finding_period), list(piece))

    def touch(self, fingerprints: Sequence[str], now: datetime) -> None:
        """Note that findings were seen again, unchanged."""
        for batch in batches(fingerprints):
            self._connection.execute(update(finding).where(finding.c.fingerprint.in_(batch)).values(last_seen=now))

    def listed(self, day: date | None, fingerprint: str | None = None) -> Iterator[Finding]:
        """Give every finding with the period that holds on the day, or with its last one when `day` is None."""
        columns = [*finding.c, *_PERIOD_COLUMNS]
        query = select(*columns).join(finding_period, finding.c.fingerprint == finding_period.c.fingerprint)
        until = finding_period.c.until_day
        if day is None:
            query = query.where(until.is_(None))
        else:
            query = query.where(finding_period.c.from_day <= day, or_(until.is_(None), until > day))
        if fingerprint is not None:
            query = query.where(finding.c.fingerprint == fingerprint)
        rows = self._connection.execute(query.order_by(finding.c.kind, finding.c.fingerprint))
        return (_listed(row) for row in rows)

    def _histories(self, query: Select[Any]) -> dict[str, FindingHistory]:
        found = {row.fingerprint: _history(row) for row in self._connection.execute(query)}
        periods: dict[str, list[FindingPeriod]] = defaultdict(list)
        for batch in batches(sorted(found)):
            rows = self._connection.execute(
                select(finding_period.c.fingerprint, *_PERIOD_COLUMNS)
                .where(finding_period.c.fingerprint.in_(batch))
                .order_by(finding_period.c.from_day)
            )
            for row in rows:
                periods[row.fingerprint].append(_period(row))
        return {key: replace(item, periods=tuple(periods[key])) for key, item in found.items()}


def _finding_row(item: FindingHistory) -> dict[str, Any]:
    return {
        "fingerprint": item.fingerprint,
        "kind": item.kind,
        "source": item.place.source,
        "document": item.place.document,
        "index_name": item.place.index,
        "partition": item.place.partition,
        "chunk_id": item.place.chunk_id,
        "rule": item.rule,
        "assignee": item.assignee,
        "first_seen": item.first_seen,
        "last_seen": item.last_seen,
    }


def _period_row(fingerprint: str, period: FindingPeriod) -> dict[str, Any]:
    return asdict(period) | {
        "fingerprint": fingerprint,
        "status": period.status.value,
        "severity": period.severity.value,
        "evidence": dict(period.evidence),
    }


def _history(row: Row[Any]) -> FindingHistory:
    return FindingHistory(
        fingerprint=row.fingerprint,
        kind=row.kind,
        place=_place(row),
        rule=row.rule,
        assignee=row.assignee,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        periods=(),
    )


def _place(row: Row[Any]) -> Place:
    return Place(row.source, row.document, row.index_name, row.partition, row.chunk_id)


def _period(row: Row[Any]) -> FindingPeriod:
    values: dict[str, Any] = {name: getattr(row, name) for name in FindingPeriod.__dataclass_fields__}
    values["status"] = FindingStatus(values["status"])
    values["severity"] = Severity(values["severity"])
    return FindingPeriod(**values)


def _listed(row: Row[Any]) -> Finding:
    period = _period(row)
    return Finding(
        fingerprint=row.fingerprint,
        kind=FindingKind(row.kind),
        place=_place(row),
        rule=row.rule,
        period=replace(period, owner=row.assignee or period.owner),
        first_seen=row.first_seen,
        last_seen=row.last_seen,
    )
