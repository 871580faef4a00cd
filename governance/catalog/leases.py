"""One worker per name: a lease with a fencing token, so that a worker that was paused too long cannot commit.

The row is never deleted, so tokens of a name rise strictly. Only the database's clock counts. A holder whose process
has died on this machine is succeeded at once, any other when its lease has run out. Whoever holds a lease asks
`check` inside each write transaction: the token decides, and the row stays locked until the commit
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Self

from sqlalchemy import ColumnElement, Connection, Engine, Float, false, literal_column, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from governance.catalog.engine import BUSY_SECONDS, begin_read, begin_write, in_memory, is_sqlite
from governance.catalog.processes import ProcessId, is_dead, this_process
from governance.catalog.tables import lease
from governance.domain.errors import KbgovError, LockHeld

LONGEST_TTL: Final = 3600.0
_UNIX_EPOCH_JULIAN: Final = 2440587.5


class LeaseLost(LockHeld):
    """Another process has taken the lease over while this one was paused; nothing more may be stored."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """The row as it was read, with the database's clock at that moment."""

    holder: ProcessId
    token: int
    acquired: float
    expires: float
    now: float

    @property
    def live(self) -> bool:
        """True while it has not run out; an end absurdly far ahead means that the clock was set back."""
        return self.now < self.expires <= self.now + LONGEST_TTL


class HeldLease:
    """A lease that is ours until `release`, kept alive by a thread with its own connection.

    Args:
        engine: Where the row is.
        name: What is leased.
        owner: Random, so that nobody is mistaken for a predecessor with the same process number.
        token: Fencing token: higher than that of every earlier holder.
        ttl_seconds: How long it lives without a sign of life.

    """

    def __init__(self, engine: Engine, name: str, owner: str, token: int, ttl_seconds: float) -> None:
        self.name = name
        self.token = token
        self._engine = engine
        self._owner = owner
        self._ttl = ttl_seconds
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        if not in_memory(engine):  # nobody else can reach that one, and it has a single connection
            self._thread = threading.Thread(target=self._beat, name=f"lease {name}", daemon=True)
            self._thread.start()

    @property
    def lost(self) -> bool:
        """True once it is known that another process took over. Only `check` is proof that none has."""
        return self._lost.is_set()

    def check(self, connection: Connection) -> None:
        """Renew inside a write transaction and keep others from taking over until that transaction ends.

        A lease that ran out and that nobody took is still ours: taking it changes the token.

        Raises:
            LeaseLost: Another process took over. The caller's transaction must not be committed.

        """
        if not self._renew(connection):
            seen = _read(connection, self.name)
            by = "" if seen is None else f" by {_who(seen)}"
            raise LeaseLost(
                f"This process was paused for too long, and its work was taken over{by}",
                item=self.name,
                next_step="let the other process finish, then run the command again",
            )

    def release(self) -> None:
        """Give the lease back. A second call does nothing; when the database is away, the lease runs out by itself."""
        if self._stop.is_set():
            return
        self._stop.set()
        try:
            with begin_write(self._engine, alone=False) as connection:
                connection.execute(update(lease).where(self._ours()).values(owner="", expires=0.0))
        except KbgovError:
            pass
        if self._thread is not None:
            self._thread.join(BUSY_SECONDS)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.release()

    def _ours(self) -> ColumnElement[bool]:
        return (lease.c.name == self.name) & (lease.c.owner == self._owner) & (lease.c.token == self.token)

    def _renew(self, connection: Connection) -> bool:
        values = {"expires": _now(connection) + self._ttl}
        renewed = connection.execute(update(lease).where(self._ours()).values(values)).rowcount == 1
        if not renewed:
            self._lost.set()
        return renewed

    def _beat(self) -> None:
        while not self._stop.wait(self._ttl / 3):
            try:
                with begin_write(self._engine, alone=False) as connection:
                    if not self._renew(connection):
                        return
            except KbgovError:
                continue  # the database is busy or away: whoever commits next asks `check`


def acquire(engine: Engine, name: str, ttl_seconds: float = 30.0) -> HeldLease:
    """Take the lease `name`, or say who holds it. Never waits for a holder.

    Args:
        engine: A migrated catalog.
        name: What must be done by one process at a time, 1 to 200 characters without personal data.
        ttl_seconds: How long a holder on another machine is believed without a sign of life; renewed at a third.

    Raises:
        LockHeld: A living process holds it.
        CatalogUnreachable: The database did not answer or was busy.
        ValueError: The name or the time is out of range.

    """
    if not 0 < ttl_seconds <= LONGEST_TTL or not 0 < len(name) <= 200:  # noqa: PLR2004 - the column's length
        raise ValueError("a lease lives for up to an hour and has a name of 1 to 200 characters")
    with begin_read(engine) as connection:
        before = _read(connection, name)
    dead = before is not None and is_dead(before.holder)
    if before is not None and before.live and not dead:
        raise _held(name, before)
    owner, me = secrets.token_hex(16), this_process()
    with begin_write(engine, alone=False) as connection:
        succeeded = lease.c.token == before.token if before is not None and dead else false()
        _take_if_free(connection, name, owner, me, ttl_seconds, succeeded)
        mine = (lease.c.name == name) & (lease.c.owner == owner)
        token = connection.execute(select(lease.c.token).where(mine)).scalar_one_or_none()
        if token is None:
            raise _held(name, _read(connection, name))
    return HeldLease(engine, name, owner, token, ttl_seconds)


def _take_if_free(
    connection: Connection, name: str, owner: str, me: ProcessId, ttl_seconds: float, succeeded: ColumnElement[bool]
) -> None:
    """Take the row in one statement when it is free, else make it when there is none."""
    now = _now(connection)
    values = {"owner": owner, "host": me.host, "pid": me.pid, "started": me.started}
    values |= {"acquired": now, "expires": now + ttl_seconds}
    free = or_(lease.c.expires <= now, lease.c.expires > now + LONGEST_TTL, succeeded)
    taking = update(lease).where(lease.c.name == name, free).values(values | {"token": lease.c.token + 1})
    if connection.execute(taking).rowcount == 0:
        insert = sqlite.insert if is_sqlite(connection) else postgresql.insert
        connection.execute(insert(lease).values(values | {"name": name, "token": 1}).on_conflict_do_nothing())


def _now(connection: Connection) -> ColumnElement[float]:
    """Seconds since 1970 by the database's clock at this statement, to the millisecond at least."""
    if is_sqlite(connection):
        return literal_column(f"((julianday('now') - {_UNIX_EPOCH_JULIAN}) * 86400.0)", Float(53))
    return literal_column("CAST(extract(epoch FROM clock_timestamp()) AS double precision)", Float(53))


def _read(connection: Connection, name: str) -> _Seen | None:
    row = connection.execute(select(lease, _now(connection).label("now")).where(lease.c.name == name)).one_or_none()
    if row is None:
        return None
    return _Seen(ProcessId(row.host, row.pid, row.started), row.token, row.acquired, row.expires, row.now)


def _held(name: str, seen: _Seen | None) -> LockHeld:
    who = "another process" if seen is None else _who(seen)
    return LockHeld(
        f"Another process is at the same work: {who}", item=name, next_step="wait until it has finished, then try again"
    )


def _who(seen: _Seen) -> str:
    """Name the holder: machine and process number, never a person."""
    since = datetime.fromtimestamp(seen.acquired, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"process {seen.holder.pid} on {seen.holder.host} since {since}"
