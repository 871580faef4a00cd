"""Opening the catalog's database: SQLite by default, PostgreSQL by another URL.

Both behave alike to what is built on them. A write transaction is the only one of its database from its first
statement to its commit (SQLite: `BEGIN IMMEDIATE`, PostgreSQL: one advisory lock), so what it has read cannot change
under it. A read transaction sees one moment (SQLite: WAL snapshot, PostgreSQL: REPEATABLE READ) and cannot write.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, StaticPool, create_engine, event, func, make_url, select
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

from governance.catalog.failures import translated
from governance.catalog.file_systems import MOUNTS, Reach, reach_of
from governance.domain.errors import ConfigError

BUSY_SECONDS: Final = 30.0
_POSTGRES_ARGUMENTS: Final = {"connect_timeout": 10, "application_name": "kbgov"}
IDLE_MILLISECONDS: Final = "300000"  # what a write transaction may pause between two statements on PostgreSQL
ONE_WRITER: Final = 0x6B62676F76_01  # "kbgov", then the number of the lock; advisory locks are per database
logging.getLogger("sqlalchemy").addHandler(logging.NullHandler())  # what it logs quotes values
_OWN_BEGIN: Final = "kbgov_begin"
_WAL_PAUSE: Final = 0.02


def create_catalog_engine(url: str, *, busy_timeout: float = BUSY_SECONDS, mounts: Path = MOUNTS) -> Engine:
    """Give an engine for `sqlite:///PATH`, `sqlite://` (in memory, for tests) or `postgresql://...`.

    Nothing is opened or created yet, except that a SQLite file's folder is looked at. A relative path is taken from
    the working directory of now. A file comes into being on first use, readable by its owner only.

    Args:
        url: `database_url` of the configuration; `postgresql://` means psycopg 3.
        busy_timeout: Seconds to wait for another writer before CatalogUnreachable.
        mounts: Where the system lists its mounts, in the format of /proc/self/mountinfo.

    Raises:
        ConfigError: The URL is no such URL, or the SQLite file would lie on a network file system.

    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):  # their texts quote the URL, and with it perhaps a password
        parsed = None
    if parsed is not None and parsed.drivername in {"sqlite", "sqlite+pysqlite"}:
        return _sqlite_engine(parsed, busy_timeout, mounts)
    if parsed is not None and parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        return _postgres_engine(parsed, busy_timeout)
    raise ConfigError(
        "The catalog's database URL is none that this version can open",
        item="database_url",
        next_step="use sqlite:///path/to/catalog.db or postgresql://user@host/database",
    )


def is_sqlite(bind: Engine | Connection) -> bool:
    """Say which of the two databases this is."""
    return bind.dialect.name == "sqlite"


def in_memory(engine: Engine) -> bool:
    """True when the database lives in this process only, on a single connection."""
    return isinstance(engine.pool, StaticPool)


def database_file(engine: Engine) -> Path | None:
    """Give the SQLite file, None for a database without one. The file need not exist yet."""
    return Path(engine.url.database) if is_sqlite(engine) and engine.url.database else None


@contextmanager
def begin_write(engine: Engine, *, alone: bool = True) -> Iterator[Connection]:
    """Open a write transaction; commit at the end, roll back on any exception.

    Args:
        engine: From `create_catalog_engine`.
        alone: Wait until no other write transaction is open, and keep others waiting. False is for short
            single statements on rows of their own and makes a difference on PostgreSQL only.

    Raises:
        CatalogUnreachable: No answer, another writer did not finish in time, or the disk is full: nothing was stored.
        OutcomeUnknown: The connection broke during the commit.
        KbgovError: The database refused a statement (see `governance.catalog.failures`): nothing was stored.

    """
    with translated(), engine.connect() as connection:
        transaction = connection.begin()
        if not is_sqlite(connection):
            _guard_postgres(connection, alone=alone)
        yield connection  # an exception from here closes the connection, which rolls back
        with translated(committing=True):
            transaction.commit()


def _guard_postgres(connection: Connection, *, alone: bool) -> None:
    """Let the server end the transaction of a paused process, and be the only writer if asked to."""
    idle = func.set_config("idle_in_transaction_session_timeout", IDLE_MILLISECONDS, True)
    connection.execute(select(idle, func.pg_advisory_xact_lock(ONE_WRITER)) if alone else select(idle))


@contextmanager
def begin_read(engine: Engine) -> Iterator[Connection]:
    """Open a read transaction that sees one moment of the database and refuses to write.

    Raises:
        CatalogUnreachable: No answer.

    """
    with translated(), engine.connect() as plain:
        if is_sqlite(plain):
            with _sqlite_reading(plain) as connection:
                yield connection
        else:
            options: dict[str, Any] = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            connection = plain.execution_options(**options)
            with connection.begin():
                yield connection


@contextmanager
def _sqlite_reading(plain: Connection) -> Iterator[Connection]:
    connection = plain.execution_options(**{_OWN_BEGIN: "BEGIN"})
    with connection.begin():
        connection.exec_driver_sql("PRAGMA query_only = ON")
        try:
            yield connection
        finally:
            connection.exec_driver_sql("PRAGMA query_only = OFF")


def _postgres_engine(url: URL, busy_timeout: float) -> Engine:
    """Build the engine for a server; `pool_pre_ping` lets a long-lived process outlive the server's restart."""
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        connect_args={name: value for name, value in _POSTGRES_ARGUMENTS.items() if name not in url.query},
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: DBAPIConnection, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(busy_timeout * 1000)}")
        cursor.execute("SHOW server_encoding")
        encoding = cursor.fetchone()
        cursor.close()
        connection.commit()
        if encoding != ("UTF8",):
            raise ConfigError(
                "the catalog's database cannot store every character: its encoding is not UTF8",
                item="database_url",
                next_step="create the database with ENCODING 'UTF8' TEMPLATE template0, then kbgov db upgrade",
            )

    return engine


def _sqlite_engine(url: URL, busy_timeout: float, mounts: Path) -> Engine:
    if url.host or url.query or (url.database or "").startswith("file:"):
        raise ConfigError(
            "A SQLite URL has a path and nothing else",
            item="database_url",
            next_step="use sqlite:///relative/path.db or sqlite:////absolute/path.db",
        )
    file = None if url.database in {None, "", ":memory:"} else Path(url.database or "").absolute()
    if file is not None:
        _check_place(file, mounts)
    engine = create_engine(
        URL.create("sqlite", database=None if file is None else str(file)),
        hide_parameters=True,
        poolclass=StaticPool if file is None else None,
        connect_args={"timeout": busy_timeout, "isolation_level": None},  # we say BEGIN ourselves
    )
    _listen(engine, file, busy_timeout)
    return engine


def _check_place(file: Path, mounts: Path) -> None:
    """Refuse what can never work before anything is written."""
    if not file.parent.is_dir():
        raise ConfigError(
            "The folder of the catalog's file does not exist",
            item=str(file.parent),
            next_step="create the folder, or correct database_url",
        )
    reach, kind = reach_of(file, mounts)
    if reach is Reach.NETWORK:
        raise ConfigError(
            f"The catalog's file would lie on a network file system ({kind}), where SQLite's locks cannot be trusted",
            item=str(file),
            next_step="put it on a local disk, or set database_url to a PostgreSQL server",
        )


def _listen(engine: Engine, file: Path | None, busy_timeout: float) -> None:
    if file is not None:

        @event.listens_for(engine, "do_connect")
        def _create(*_: object) -> None:
            with suppress(OSError):  # it is there already, or SQLite will say better what is wrong
                os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: object) -> None:
        prepare_sqlite(connection, busy_timeout)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(connection.get_execution_options().get(_OWN_BEGIN, "BEGIN IMMEDIATE"))


def prepare_sqlite(connection: sqlite3.Connection, busy_timeout: float = BUSY_SECONDS) -> None:
    """Set what every connection to a SQLite catalog needs, and read back what erasure relies on.

    Raises:
        ConfigError: This build of SQLite does not overwrite deleted rows.

    """
    _switch_to_wal(connection, busy_timeout)
    connection.execute(f"PRAGMA busy_timeout = {int(busy_timeout * 1000)}")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA temp_store = MEMORY")  # sorted names and paths never reach a temporary file
    connection.execute("PRAGMA secure_delete = ON")
    if connection.execute("PRAGMA secure_delete").fetchone() != (1,):
        raise ConfigError(
            "This build of SQLite does not overwrite deleted rows (secure_delete stays off)",
            item=f"SQLite {sqlite3.sqlite_version}",
            next_step="use another Python build, or set database_url to a PostgreSQL server",
        )


def _switch_to_wal(connection: sqlite3.Connection, busy_timeout: float) -> None:
    """Turn WAL on. SQLite waits for others here in some cases and not in others, so the waiting is ours."""
    connection.execute("PRAGMA busy_timeout = 0")
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as busy:
            if busy.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_WAL_PAUSE)
        else:
            return
