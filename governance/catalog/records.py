"""Runs, intents and policy sets: what was done, by whom, under which rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from governance.catalog.sql import upsert
from governance.catalog.tables import intent, policy_set, run
from governance.domain.actors import Actor
from governance.domain.events import ChangeKind, Intent
from governance.domain.values import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One execution of a command that writes."""

    run_id: int
    command: str
    actor: str
    state: str
    started_at: datetime
    finished_at: datetime | None
    as_of: date | None
    recorded: bool
    policy_digest: str | None
    areas: Sequence[str]
    counts: Mapping[str, Json]


class Runs:
    """The table of runs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(
        self,
        command: str,
        actor: Actor,
        now: datetime,
        *,
        as_of: date | None = None,
        recorded: bool = True,
        policy_digest: str | None = None,
        areas: Sequence[str] = (),
    ) -> int:
        """Open a run and give its number."""
        result = self._connection.execute(
            insert(run).values(
                command=command,
                actor=actor.id,
                actor_kind=actor.kind.value,
                identity=actor.identity.value,
                state="running",
                started_at=now,
                as_of=as_of,
                recorded=recorded,
                policy_digest=policy_digest,
                areas=list(areas),
                counts={},
            )
        )
        return _new_key(result.inserted_primary_key)

    def finish(self, run_id: int, state: str, counts: Mapping[str, Json], now: datetime) -> None:
        """Close a run as done, refused or failed."""
        self._connection.execute(
            update(run).where(run.c.run_id == run_id).values(state=state, counts=dict(counts), finished_at=now)
        )

    def last_recorded_day(self, command: str) -> date | None:
        """Give the newest as-of day among the recorded, finished runs of a command."""
        newest: date | None = self._connection.execute(
            select(func.max(run.c.as_of)).where(
                run.c.command == command, run.c.recorded.is_(True), run.c.state == "done"
            )
        ).scalar_one()
        return newest

    def recorded_days(self, command: str, after: date) -> list[tuple[date, frozenset[str]]]:
        """Give (as-of day, areas) of the recorded, finished runs with a later as-of day, oldest first."""
        rows = self._connection.execute(
            select(run.c.as_of, run.c.areas)
            .where(run.c.command == command, run.c.recorded.is_(True), run.c.state == "done", run.c.as_of > after)
            .order_by(run.c.as_of)
        )
        return [(row.as_of, frozenset(row.areas)) for row in rows]

    def last(self, command: str) -> Run | None:
        """Give the newest run of a command, finished or not."""
        columns = [run.c[name] for name in Run.__dataclass_fields__]
        row = self._connection.execute(
            select(*columns).where(run.c.command == command).order_by(run.c.run_id.desc()).limit(1)
        ).one_or_none()
        return Run(**row._mapping) if row else None


class Intents:
    """Changes of indexes that were announced."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(
        self,
        kind: ChangeKind,
        index: str,
        partition: str,
        reason: str,
        run_id: int | None,
        chunk_ids: Sequence[str],
        now: datetime,
    ) -> int:
        """Announce a change and give its number."""
        result = self._connection.execute(
            insert(intent).values(
                kind=kind.value,
                index_name=index,
                partition=partition,
                reason=reason,
                run_id=run_id,
                created_at=now,
                chunk_ids=list(chunk_ids),
            )
        )
        return _new_key(result.inserted_primary_key)

    def settle(self, intent_id: int, outcome: str, now: datetime) -> None:
        """Close an intent; the ids that it named are dropped."""
        self._connection.execute(
            update(intent).where(intent.c.intent_id == intent_id).values(outcome=outcome, settled_at=now, chunk_ids=[])
        )

    def reopen(self, intent_id: int, chunk_ids: Sequence[str]) -> None:
        """Take back what somebody settled while the change was still under way: the next run looks again."""
        self._connection.execute(
            update(intent)
            .where(intent.c.intent_id == intent_id)
            .values(outcome=None, settled_at=None, chunk_ids=list(chunk_ids))
        )

    def unsettled(self, index: str, partition: str) -> list[Intent]:
        """Give the intents of a partition whose outcome nobody recorded, oldest first."""
        rows = self._connection.execute(
            select(intent)
            .where(intent.c.index_name == index, intent.c.partition == partition, intent.c.outcome.is_(None))
            .order_by(intent.c.intent_id)
        )
        return [
            Intent(
                intent_id=row.intent_id,
                kind=ChangeKind(row.kind),
                index=row.index_name,
                partition=row.partition,
                reason=row.reason,
                run_id=row.run_id,
                created_at=row.created_at,
                chunk_ids=tuple(row.chunk_ids),
            )
            for row in rows
        ]


class KnownSet(NamedTuple):
    """A policy set that was in force once.

    Attributes:
        body: In normal form, as canonical JSON.

    """

    digest: str
    body: str
    first_used: datetime


class PolicySets:
    """Policy sets that were ever in force, by digest."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def adopt(self, digest: str, body: str, now: datetime) -> bool:
        """Remember a set; say whether it is new."""
        known = self._connection.execute(select(policy_set.c.digest).where(policy_set.c.digest == digest)).first()
        if known is None:
            upsert(self._connection, policy_set, [{"digest": digest, "body": body, "first_used": now}])
        return known is None

    def starting(self, beginning: str) -> list[KnownSet]:
        """Give the sets whose digests begin so, the newest first."""
        columns = [policy_set.c[name] for name in KnownSet._fields]
        query = select(*columns).where(policy_set.c.digest.startswith(beginning, autoescape=True))
        rows = self._connection.execute(query.order_by(policy_set.c.first_used.desc(), policy_set.c.digest))
        return [KnownSet(*row) for row in rows]


def _new_key(key: Any) -> int:  # noqa: ANN401 - SQLAlchemy's row of generated keys
    return int(key[0])
