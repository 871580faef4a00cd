"""What stands beside the log: checkpoints that were signed, anchors that took them, keys that were ever in use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.catalog.sql import upsert
from governance.catalog.tables import audit_anchored, audit_checkpoint, log_key
from governance.domain.errors import LogInconsistent


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCheckpoint:
    """A checkpoint that was signed.

    Attributes:
        size: How many entries it covers.
        note: The signed note.

    """

    size: int
    note: str
    signed_at: datetime


class Checkpoints:
    """The table of checkpoints; only ever added to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: StoredCheckpoint) -> None:
        """Keep one. There is one at most of each size."""
        self._connection.execute(insert(audit_checkpoint).values(**asdict(item)))

    def newest(self) -> StoredCheckpoint | None:
        """Give the one that covers most; None when none was signed."""
        return next(iter(self._read(_ALL.order_by(audit_checkpoint.c.size.desc()).limit(1))), None)

    def every(self) -> list[StoredCheckpoint]:
        """Give all, the smallest first."""
        return self._read(_ALL.order_by(audit_checkpoint.c.size))

    def _read(self, query: Select[Any]) -> list[StoredCheckpoint]:
        """Give checkpoints. Raises LogInconsistent where one is none: SQLite takes any value in any column."""
        found: list[StoredCheckpoint] | None = None
        with suppress(ValueError):  # what is no moment
            found = [StoredCheckpoint(**row._mapping) for row in self._connection.execute(query)]
        if found is None or not all(isinstance(item.size, int) and isinstance(item.note, str) for item in found):
            raise LogInconsistent(
                "the audit log is damaged: a stored checkpoint cannot be read",
                item="audit log",
                next_step="kbgov log verify tells what is wrong",
            )
        return found


_ALL = select(*(audit_checkpoint.c[name] for name in StoredCheckpoint.__dataclass_fields__))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchored:
    """How much of the log a place outside the database vouches for."""

    anchor: str
    size: int
    anchored_at: datetime


class Anchors:
    """The table of what was taken out of the database."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, item: Anchored) -> None:
        """Remember that an anchor has taken a checkpoint."""
        upsert(self._connection, audit_anchored, [asdict(item)])

    def every(self) -> dict[str, Anchored]:
        """Give the newest that each anchor has taken, by its name."""
        columns = [audit_anchored.c[name] for name in Anchored.__dataclass_fields__]
        rows = self._connection.execute(select(*columns).order_by(audit_anchored.c.anchor))
        return {row.anchor: Anchored(**row._mapping) for row in rows}


@dataclass(frozen=True, slots=True, kw_only=True)
class LogKey:
    """A key that was in use once; never the key itself.

    Attributes:
        verifier: The public key of a signing key as verifiers take it, "" for the other families.
        retired_at: When another one took its place.
        destroyed_at: When it was destroyed: what it stood for cannot be told any more.

    """

    key_id: str
    family: str
    verifier: str
    created_at: datetime
    backed_up_at: datetime | None = None
    retired_at: datetime | None = None
    destroyed_at: datetime | None = None


class LogKeys:
    """The table of keys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def seen(self, key_id: str, family: str, verifier: str, now: datetime) -> bool:
        """Remember a key, and say whether it is a new one; one that is known already stays as it is."""
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        values = {"key_id": key_id, "family": family, "verifier": verifier, "created_at": now}
        query = make(log_key).on_conflict_do_nothing().returning(log_key.c.key_id)
        return self._connection.execute(query, values).first() is not None

    def backed_up(self, key_ids: Iterable[str], now: datetime) -> None:
        """Note that keys were saved."""
        self._set(list(key_ids), backed_up_at=now)

    def retired(self, key_id: str, now: datetime) -> None:
        """Note that another key took this one's place."""
        self._set([key_id], retired_at=now)

    def destroyed(self, key_id: str, now: datetime) -> None:
        """Note that nobody has this key any more."""
        self._set([key_id], destroyed_at=now)

    def verifiers(self) -> list[str]:
        """Give the public keys of signing keys, whatever else the rows hold, the newest first."""
        query = select(log_key.c.verifier).order_by(log_key.c.created_at.desc(), log_key.c.key_id)
        return [line for line in self._connection.execute(query).scalars() if isinstance(line, str) and line]

    def every(self) -> list[LogKey]:
        """Give all, the oldest first."""
        columns = [log_key.c[name] for name in LogKey.__dataclass_fields__]
        query = select(*columns).order_by(log_key.c.created_at, log_key.c.family, log_key.c.key_id)
        return [LogKey(**row._mapping) for row in self._connection.execute(query)]

    def _set(self, key_ids: Sequence[str], **values: datetime) -> None:
        self._connection.execute(update(log_key).where(log_key.c.key_id.in_(key_ids)).values(**values))
