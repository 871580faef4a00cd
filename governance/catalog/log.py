"""The audit log in the database: entries under a Merkle tree, appended in the transaction of what they tell of.

The order is the entries' whole number and nothing else. What is recorded during a transaction is kept back until its
end, so that the head of the log is locked as late and as short as can be.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection, LargeBinary, cast, delete, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.catalog.sql import batches, streamed
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head, audit_name, event
from governance.domain.actors import Identity
from governance.domain.checkpoints import LARGEST_SIZE
from governance.domain.errors import LogInconsistent
from governance.domain.events import Action, Event
from governance.domain.log_entry import NONCE_BYTES, EntryWriter
from governance.domain.memory import collector_at_rest
from governance.domain.merkle import HASH_BYTES, Frontier, Subtree, leaf_hashes, node_place
from governance.domain.pseudonyms import SCHEME, Kind, NameKeys, Pseudonyms
from governance.domain.values import digest_of, rfc3339

_ONLY: Final = 1
_LONGEST: Final = 2**62
_INSERT: Final = {
    "sqlite": "INSERT INTO audit_entry (seq, body, hashes) VALUES (?, ?, ?)",
    "postgresql": "INSERT INTO audit_entry (seq, body, hashes) VALUES (%s, %s, %s)",
}


class StoredEntry(NamedTuple):
    """A row of the log.

    Attributes:
        body: Canonical JSON, ASCII.
        hashes: Of the leaf, then of each complete subtree that ends with this entry.

    """

    seq: int
    body: str
    hashes: bytes


class LogHead(NamedTuple):
    """How long the log is, and the hashes of the complete subtrees that it consists of.

    Attributes:
        frontier: The largest first, one behind the other.

    """

    size: int
    frontier: bytes


class Log:
    """The tables of the log.

    Args:
        connection: An open transaction.
        names: Gives the keys of pseudonyms; asked for when the first entry is written.

    """

    def __init__(self, connection: Connection, names: NameKeys) -> None:
        self._connection = connection
        self._names = names
        self._waiting: list[Event] = []

    @property
    def waiting(self) -> int:
        """How many events were recorded in this transaction and are not in the table yet."""
        return len(self._waiting)

    def record(self, event: Event) -> None:
        """Take an event down; it is written at the end of the transaction."""
        self._waiting.append(event)

    def forget_from(self, count: int) -> None:
        """Take back what was recorded since `waiting` was `count`."""
        del self._waiting[count:]

    def flush(self) -> int:
        """Append what was recorded, and say how many entries that made.

        Raises:
            ConfigError: There is no key for pseudonyms.
            LogInconsistent: The head does not fit its size.

        """
        if not self._waiting:
            return 0
        names = self._names()
        size = self.locked_head().size
        events, self._waiting = self._waiting, []
        if size == 0:
            events = [self._of_before(events[0]), *events]
        # What somebody merely claimed to be called may be anything, even a secret that was typed in the wrong place.
        self._keep_names({item.actor.id for item in events if item.actor.identity is not Identity.CLAIMED}, names)
        with collector_at_rest():
            self.append(bodies(events, size, names))
        return len(events)

    def append(self, texts: Sequence[str]) -> None:
        """Append bodies, which know their numbers already. For `flush` and for measuring.

        Raises:
            LogInconsistent: The head does not fit its size.

        """
        frontier = _frontier(self.locked_head())
        start = frontier.size
        hashes = frontier.extend(leaf_hashes(text.encode("ascii") for text in texts))
        # Rows go to the driver as they are: what SQLAlchemy does per value costs as much as the whole tree.
        rows = list(zip(range(start, start + len(texts)), texts, hashes, strict=True))
        self._connection.exec_driver_sql(_INSERT[self._connection.dialect.name], rows)
        self._connection.execute(
            update(audit_head).where(audit_head.c.id == _ONLY).values(size=frontier.size, frontier=frontier.to_bytes())
        )

    def head(self) -> LogHead:
        """Give the head as it stands in its row."""
        return self._head(lock=False)

    def locked_head(self) -> LogHead:
        """Give the head, and keep everybody else from appending until this transaction ends."""
        return self._head(lock=True)

    def entry(self, seq: int) -> StoredEntry | None:
        """Give one entry; None when there is none of this number."""
        if seq > LARGEST_SIZE:  # more than databases count to
            return None
        row = self._connection.execute(_ENTRIES.where(audit_entry.c.seq == seq)).one_or_none()
        return StoredEntry(*row) if row else None

    def rows(self) -> Iterator[tuple[int, str, bytes]]:
        """Give every entry, in order, as it comes and as nothing but a row: for whoever reads them all."""
        return streamed(self._connection, _ENTRIES.order_by(audit_entry.c.seq))

    def raw_rows(self) -> Iterator[tuple[int, str, bytes]]:
        """Give the same where a body may be no text any more: bytes that are no UTF-8 become surrogates."""
        body = cast(audit_entry.c.body, LargeBinary)
        query = select(audit_entry.c.seq, body, audit_entry.c.hashes).order_by(audit_entry.c.seq)
        for seq, raw, hashes in streamed(self._connection, query):
            yield seq, raw.decode("utf-8", "surrogateescape") if isinstance(raw, bytes) else raw, hashes

    def require_tables(self) -> None:
        """Raise LogInconsistent when a table of the log is gone: that is damage, and not a log without entries."""
        there = inspect(self._connection)
        for table in (audit_entry, audit_head, audit_checkpoint):
            if not there.has_table(table.name) and there.has_table(audit_name.name):  # a database without any is new
                raise _damaged(f"its table {table.name} is gone")

    def entries(self, start: int = 0, stop: int | None = None) -> Iterator[StoredEntry]:
        """Give the entries from `start` up to and without `stop`, in order, as they come."""
        query = _ENTRIES.where(audit_entry.c.seq >= start).order_by(audit_entry.c.seq)
        if stop is not None:
            query = query.where(audit_entry.c.seq < stop)
        return map(StoredEntry._make, streamed(self._connection, query))

    def backwards(self) -> Iterator[StoredEntry]:
        """Give the entries, the newest first, as they come."""
        query = _ENTRIES.order_by(audit_entry.c.seq.desc())
        return (StoredEntry(*row) for row in streamed(self._connection, query))

    def extent(self) -> tuple[int, int]:
        """Give how many rows there are, and one more than the highest number among them."""
        count, last = self._connection.execute(select(func.count(), func.max(audit_entry.c.seq))).one()
        return int(count), 0 if last is None else int(last) + 1

    def hashes_of(self, subtrees: Iterable[Subtree]) -> dict[Subtree, bytes]:
        """Give the stored hashes of complete subtrees.

        Raises:
            LogInconsistent: One of them is not there.

        """
        places = {subtree: node_place(*subtree) for subtree in subtrees}
        wanted = sorted({seq for seq, _ in places.values()})
        rows: dict[int, bytes] = {}
        for part in batches(wanted):
            query = select(audit_entry.c.seq, audit_entry.c.hashes).where(audit_entry.c.seq.in_(part))
            rows.update(
                (row.seq, row.hashes) for row in self._connection.execute(query) if isinstance(row.hashes, bytes)
            )
        found = {subtree: rows.get(seq, b"")[offset : offset + HASH_BYTES] for subtree, (seq, offset) in places.items()}
        for (level, index), value in found.items():
            if len(value) != HASH_BYTES:
                raise _damaged(f"the hash of subtree {index} of level {level} is not there")
        return found

    def names_of(self, pseudonyms: Iterable[str]) -> dict[str, str]:
        """Give who is meant by pseudonyms of actors, as far as that is known."""
        found: dict[str, str] = {}
        for part in batches(sorted(set(pseudonyms))):
            query = select(audit_name.c.pseudonym, audit_name.c.name).where(audit_name.c.pseudonym.in_(part))
            found.update((row.pseudonym, row.name) for row in self._connection.execute(query))
        return found

    def forget_names(self, key_id: str) -> None:
        """Clear the names of actors that were kept beside pseudonyms of one key."""
        self._connection.execute(delete(audit_name).where(audit_name.c.pseudonym.startswith(f"{SCHEME}:{key_id}:")))

    def named_under(self, key_id: str) -> int:
        """Give how many entries hold a pseudonym of one key."""
        mark = f'"{SCHEME}:{key_id}:'
        query = select(func.count()).select_from(audit_entry).where(audit_entry.c.body.contains(mark))
        return int(self._connection.execute(query).scalar_one())

    def _head(self, *, lock: bool) -> LogHead:
        query = select(audit_head.c.size, audit_head.c.frontier).where(audit_head.c.id == _ONLY)
        row = self._connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise _damaged("the row of its head is gone")
        if not isinstance(row.size, int) or not isinstance(row.frontier, bytes):  # SQLite takes any value in any column
            raise _damaged("its head holds something else than a size and hashes")
        if not 0 <= row.size <= _LONGEST:
            raise _damaged("its head counts what no log can hold")
        return LogHead(row.size, row.frontier)

    def _keep_names(self, actors: Iterable[str], names: Pseudonyms) -> None:
        make = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        rows = [{"pseudonym": names.of(Kind.ACTOR, name), "name": name} for name in sorted(actors)]
        if rows:
            self._connection.execute(make(audit_name).on_conflict_do_nothing(), rows)

    def _of_before(self, first: Event) -> Event:
        """Give what the log begins with: what was recorded before there was one, by count and digest."""
        rows = self._connection.execute(select(event).order_by(event.c.seq))
        digest, count = "", 0
        for row in rows:
            fields = {name: rfc3339(value) if name == "at" else value for name, value in row._mapping.items()}
            digest, count = digest_of([digest, fields]), count + 1
        return Event(
            action=Action.LOG_BEGAN,
            at=first.at,
            actor=first.actor,
            outcome="done",
            counts={"earlier_events": count},
            digest=digest,
        )


_ENTRIES = select(audit_entry.c.seq, audit_entry.c.body, audit_entry.c.hashes)


def bodies(events: Sequence[Event], start: int, names: Pseudonyms) -> list[str]:
    """Give the bodies of entries that stand one behind the other, from number `start` on."""
    writer, noise, digits = EntryWriter(names), os.urandom(NONCE_BYTES * len(events)).hex(), 2 * NONCE_BYTES
    return [
        writer.body(item, start + place, noise[place * digits : (place + 1) * digits])
        for place, item in enumerate(events)
    ]


def _frontier(head: LogHead) -> Frontier:
    try:
        return Frontier.from_bytes(head.size, head.frontier)
    except ValueError:
        raise _damaged("its head does not fit its size") from None


def _damaged(what: str) -> LogInconsistent:
    return LogInconsistent(
        f"the audit log is damaged: {what}", item="audit log", next_step="kbgov log verify tells what is wrong"
    )
