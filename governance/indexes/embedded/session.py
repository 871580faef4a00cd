"""A connection to the index file: opened with care, used in short transactions, speaking the project's errors."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from governance.domain.errors import ConfigError, IndexDataError, IndexUnreachable, InputError, KbgovError
from governance.indexes.embedded import schema
from governance.indexes.embedded.local import network_file_system

_BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_OUTSIDE = frozenset(
    {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOLFS,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)
_WRITER_CACHE_KIB = 16_384
"""For the index of ids, which is written to everywhere. Readers walk along, and are faster with a small cache."""


class IndexBusy(IndexUnreachable):
    """Somebody else held the file for longer than this connection waits."""


class Session:
    """One connection to an index file.

    Attributes:
        file_id: Random name of the file's content, given when it was created.

    """

    def __init__(self, name: str, path: Path, db: sqlite3.Connection) -> None:
        self.name = name
        self.path = path
        self._db: sqlite3.Connection | None = db
        self._inode = _inode(path)
        (self.file_id,) = db.execute("SELECT file_id FROM meta").fetchone()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give a snapshot. Keep it short: while it is open, no purge can finish."""
        with self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give the only writing transaction of the file: committed at the end, rolled back on any error."""
        with self._transaction("BEGIN IMMEDIATE") as db:
            yield db

    @contextmanager
    def plain(self) -> Iterator[sqlite3.Connection]:
        """Give the connection outside a transaction."""
        if self._db is None:
            raise InputError(f"the port to index '{self.name}' was closed", item=self.name)
        with speaking(self.name):
            if _inode(self.path) != self._inode:
                raise IndexUnreachable(
                    f"the file of index '{self.name}' was removed or replaced while it was open",
                    item=self.name,
                    next_step="run the same command again",
                )
            yield self._db

    def close(self) -> None:
        """Close the connection; the last one to go folds the write-ahead log into the file."""
        db, self._db = self._db, None
        if db is not None:
            with speaking(self.name):
                db.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self.plain() as db:
            db.execute(begin)
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):  # some errors have rolled back already
                    db.execute("ROLLBACK")
                raise


def files_of(path: Path) -> tuple[Path, Path, Path]:
    """Give the index file and the two that SQLite keeps beside it while it is open."""
    return path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")


@contextmanager
def speaking(name: str) -> Iterator[None]:
    """Turn what SQLite says into the project's errors. Its own words are dropped: some of them quote stored text."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        raise translated(name, error) from None


def translated(name: str, error: sqlite3.Error) -> KbgovError:
    """Give the project's error for SQLite's; the message names the code and nothing of the content."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF
    word = getattr(error, "sqlite_errorname", "unreadable text")
    if code in _BUSY:
        return IndexBusy(
            f"index '{name}' is busy: another process is writing", item=name, next_step="try again when it has finished"
        )
    if code == sqlite3.SQLITE_FULL:
        return IndexUnreachable(
            f"the disk is full: index '{name}' keeps what it had before this batch",
            item=name,
            next_step="free some space and run the same command again",
        )
    if code in _OUTSIDE:
        return IndexUnreachable(
            f"the file of index '{name}' cannot be read or written ({word})",
            item=name,
            next_step="check the disk, the file's owner and its permissions, then try again",
        )
    if str(error).startswith("no such module"):
        return IndexUnreachable(
            f"this Python's SQLite has no full-text search (FTS5); index '{name}' stays closed",
            item=name,
            next_step="use a Python whose SQLite was built with FTS5",
        )
    what = "is damaged or no index file" if code in _DAMAGED else "answered with an error"
    return IndexDataError(f"the file of index '{name}' {what} ({word})", item=name, next_step=build_again(name))


def build_again(name: str) -> str:
    """Give what to do about a file that holds what it should not: whoever filled it fills it again."""
    return f"move the file of [indexes.{name}] away; kbgov ingest, or what else filled it, then builds it again"


def open_session(name: str, path: Path, busy_seconds: float, *, write: bool) -> Session:
    """Give a connection; a writer creates the file where there is none, readable by its owner only.

    Raises:
        ConfigError: The path is no plain file, or on a network file system.
        IndexDataError: Another program's file, one of an unknown version, or a damaged one.
        IndexUnreachable: The file is missing (for a reader), busy or unreadable, or SQLite will not erase.

    """
    try:
        with speaking(name):
            _check_place(name, path)
            if not path.exists():
                if not write:
                    raise _missing(name)
                _create_file(path)
            return _open_file(name, path, busy_seconds, write=write)
    except OSError as error:
        raise IndexUnreachable(
            f"the file of index '{name}' cannot be opened ({error.strerror})",
            item=name,
            next_step="check the folder's owner, its permissions and the free space",
        ) from None


def _open_file(name: str, path: Path, busy_seconds: float, *, write: bool) -> Session:
    db = _connect(name, path, busy_seconds)
    try:
        if write:
            db.execute(f"PRAGMA cache_size = -{_WRITER_CACHE_KIB}")
        if write and schema.is_new(db):
            with _one_at_a_time(path.parent):
                _require_log(name, db)
                if schema.is_new(db):
                    schema.create(db)
        _check_version(name, db)
        if write:
            _require_log(name, db)
        else:
            db.execute("PRAGMA query_only = ON")
        return Session(name, path, db)
    except BaseException:
        db.close()
        raise


def _connect(name: str, path: Path, busy_seconds: float) -> sqlite3.Connection:
    """Give a connection that overwrites what it deletes, or none."""
    # A reader may write to the file as well: the last connection to close folds the log into it.
    db = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=busy_seconds, isolation_level=None)
    try:
        _require_secure_delete(name, db)
        db.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
        db.execute("PRAGMA temp_store = MEMORY")  # sorting must not leave texts in temporary files
        db.execute("PRAGMA synchronous = FULL")  # a deletion that was reported must outlive a power cut
    except BaseException:
        db.close()
        raise
    return db


def _require_secure_delete(name: str, db: sqlite3.Connection) -> None:
    db.execute("PRAGMA secure_delete = ON").fetchall()
    (answer,) = db.execute("PRAGMA secure_delete").fetchone()
    if answer != 1:
        raise IndexUnreachable(
            f"this Python's SQLite does not overwrite what it deletes; index '{name}' stays closed",
            item=name,
            next_step="use a Python whose SQLite knows `PRAGMA secure_delete`",
        )


def _require_log(name: str, db: sqlite3.Connection) -> None:
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise IndexUnreachable(
            f"the file of index '{name}' takes no write-ahead log here",
            item=name,
            next_step="set the index's `path` to a local disk",
        )


def _create_file(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Never open and close an existing database file beside SQLite: that drops this process's locks on it.
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold the folder's advisory lock where there is one; it goes with the process."""
    try:
        import fcntl  # noqa: PLC0415 (Unix only)
    except ImportError:
        yield
        return
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _check_place(name: str, path: Path) -> None:
    kind = network_file_system(path)
    if kind is not None:
        raise ConfigError(
            f"the file of index '{name}' is on a network file system ({kind}), where its locks do not hold",
            item=name,
            next_step="set the index's `path` to a local disk",
        )
    if path.exists() and not stat.S_ISREG(path.stat().st_mode):
        raise ConfigError(
            f"the path of index '{name}' is no file", item=name, next_step="set the index's `path` to a file name"
        )


def _check_version(name: str, db: sqlite3.Connection) -> None:
    if schema.is_new(db):
        raise _missing(name)
    application, version = schema.version_of(db)
    if application != schema.APPLICATION_ID:
        raise IndexDataError(
            f"the file of index '{name}' belongs to another program",
            item=name,
            next_step="set the index's `path` to another file name",
        )
    if version != schema.VERSION:
        raise IndexDataError(
            f"the file of index '{name}' has version {version}, this program knows version {schema.VERSION}",
            item=name,
            next_step="use the version of kb-governance that wrote it, or ingest into a new file",
        )


def _missing(name: str) -> IndexUnreachable:
    return IndexUnreachable(f"index '{name}' has no file yet", item=name, next_step="kbgov ingest")


def _inode(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
