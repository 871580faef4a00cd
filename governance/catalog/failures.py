"""What databases say when something fails, in this project's words.

A driver's text quotes values: PostgreSQL's DETAIL of a unique violation holds the whole key, an encoding error the
whole string. So only codes and names of constraints are used, and the original exception is emptied, because
`raise ... from None` still leaves it reachable as `__context__`.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from governance.domain.errors import (
    CatalogUnreachable,
    ConfigError,
    DatabaseRevisionError,
    KbgovError,
    OutcomeUnknown,
)

CATALOG: Final = "catalog"


_Entry = tuple[type[KbgovError], str, str]
_BUSY: Final[_Entry] = (CatalogUnreachable, "Another process is writing to the catalog", "try again")
_FULL: Final[_Entry] = (CatalogUnreachable, "The disk of the catalog is full", "free some space, then run it again")
_DISK: Final[_Entry] = (CatalogUnreachable, "The catalog's file cannot be read or written", "check the disk, try again")
_RIGHTS: Final[_Entry] = (ConfigError, "The catalog may not be written here", "check the rights of its file and folder")
_DAMAGED: Final[_Entry] = (
    KbgovError,
    "The catalog's file is damaged, or no SQLite database",
    "put back the last backup, or correct database_url",
)

_SQLITE: Final[dict[int, _Entry]] = {
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_PROTOCOL: _BUSY,
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_IOERR: _DISK,
    sqlite3.SQLITE_NOMEM: (CatalogUnreachable, "There is not enough memory for the catalog", "try again"),
    sqlite3.SQLITE_CANTOPEN: (CatalogUnreachable, "The catalog's file cannot be opened", "check its folder and rights"),
    sqlite3.SQLITE_READONLY: _RIGHTS,
    sqlite3.SQLITE_PERM: _RIGHTS,
    sqlite3.SQLITE_AUTH: _RIGHTS,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
}

_POSTGRES: Final[dict[str, _Entry]] = {
    "53100": _FULL,
    "53": (CatalogUnreachable, "The catalog's database is short of memory, disk or connections", "try again"),
    "55P03": _BUSY,
    "40": (CatalogUnreachable, "Another process changed the same rows of the catalog", "try again"),
    "57": (CatalogUnreachable, "The catalog's database is shutting down, starting or gave up", "try again"),
    "58": (CatalogUnreachable, "The catalog's database cannot read or write its files", "check the server's disk"),
    "08": (CatalogUnreachable, "The connection to the catalog's database broke", "try again"),
    "28": (ConfigError, "The catalog's database refused the login", "check user and password of database_url"),
    "3D": (ConfigError, "The catalog's database does not exist on the server", "create it, or correct database_url"),
    "42501": (ConfigError, "The login lacks a right on the catalog's tables", "grant it, then run it again"),
    "25006": (ConfigError, "The catalog's database cannot be written now", "connect to the primary server"),
    "42P01": (DatabaseRevisionError, "The catalog lacks a table", "kbgov db upgrade"),
    "42703": (DatabaseRevisionError, "The catalog lacks a column", "kbgov db upgrade"),
}


# where SQLAlchemy (the first four) and psycopg keep what the server said
_EMPTIED: Final = {"orig": None, "params": None, "statement": None, "detail": (), "_info": None, "_pgconn": None}


class ConstraintViolated(KbgovError):
    """A row would break a rule of the database.

    Attributes:
        constraint: Its name where the database tells (PostgreSQL), else None.

    """

    def __init__(self, message: str, *, constraint: str | None) -> None:
        super().__init__(message, item=constraint or CATALOG, next_step="please report this; nothing was stored")
        self.constraint = constraint


@contextmanager
def translated(*, committing: bool = False) -> Iterator[None]:
    """Turn every database error inside into one of this project's, free of driver text; also usable as a decorator.

    Args:
        committing: The block is a commit: when the connection breaks in it, nobody knows whether it was stored.

    Raises:
        CatalogUnreachable: Busy, not answering, disk full, or a conflict that may not happen again.
        OutcomeUnknown: The connection broke while committing.
        ConfigError: Login or rights refused, or the file cannot be written.
        DatabaseRevisionError: A table or column is not there.
        ConstraintViolated: A key exists already.
        KbgovError: Anything else.

    """
    try:
        yield
    except Exception as error:
        if not _is_database_error(error):
            raise
        failure = failure_of(error, committing=committing)
        empty(error)
        raise failure from None


def failure_of(error: Exception, *, committing: bool = False) -> KbgovError:
    """Give this project's error for a database error, made of codes and constraint names only."""
    orig = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(error, PoolTimeout):
        return _unreachable("All connections to the catalog's database are in use")
    if isinstance(orig, UnicodeEncodeError):
        return _unstorable()
    if isinstance(orig, sqlite3.Error):
        return _of_sqlite(orig)
    if orig is not None and _is_psycopg(orig):
        lost = isinstance(error, DBAPIError) and error.connection_invalidated
        return _of_postgres(orig, lost=lost, committing=committing)
    return KbgovError(f"The catalog could not be used ({type(error).__name__})", item=CATALOG)


def empty(error: BaseException) -> None:
    """Take texts, parameters and causes out of a database error and of the database errors it was made from."""
    todo: list[BaseException | None] = [error]
    done: set[int] = set()
    while todo:
        each = todo.pop()
        if each is None or id(each) in done or not _is_database_error(each):
            continue
        done.add(id(each))
        todo += [each.__cause__, each.__context__, getattr(each, "orig", None)]
        _empty_one(each)


def _empty_one(error: BaseException) -> None:
    if isinstance(error, UnicodeEncodeError):
        error.object = ""
    error.args = ()
    error.__cause__ = error.__context__ = None
    for name, nothing in _EMPTIED.items():
        if hasattr(error, name):
            setattr(error, name, nothing)


def _is_database_error(error: BaseException) -> bool:
    return isinstance(error, (SQLAlchemyError, sqlite3.Error, UnicodeEncodeError)) or _is_psycopg(error)


def _is_psycopg(error: BaseException) -> bool:
    """Tell psycopg's errors without importing psycopg where SQLite is used."""
    module = sys.modules.get("psycopg")
    return module is not None and isinstance(error, module.Error)


def _unstorable() -> KbgovError:
    return KbgovError("A text holds characters that the catalog's database cannot store", item=CATALOG)


def _unreachable(message: str, next_step: str = "try again") -> CatalogUnreachable:
    return CatalogUnreachable(message, item=CATALOG, next_step=next_step)


def _of_sqlite(error: sqlite3.Error) -> KbgovError:
    code: int = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the high bits tell variants apart
    name: str = getattr(error, "sqlite_errorname", type(error).__name__)
    if code == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintViolated(f"The catalog refused a row ({name})", constraint=None)
    return _entry(_SQLITE.get(code), name)


def _entry(entry: _Entry | None, code: str) -> KbgovError:
    if entry is None:
        return KbgovError(f"The catalog's database refused a statement ({code})", item=CATALOG)
    kind, message, next_step = entry
    return kind(f"{message} ({code})", item=CATALOG, next_step=next_step)


def _of_postgres(error: BaseException, *, lost: bool, committing: bool) -> KbgovError:
    state: str | None = getattr(error, "sqlstate", None)
    if committing and (lost or state is None or state.startswith(("08", "57P"))):
        return OutcomeUnknown(
            "The connection to the catalog's database broke during a commit, so it is unknown whether it was stored",
            item=CATALOG,
            next_step="run the same command again; it looks before it acts",
        )
    if state is None:
        return _without_state(error)
    if state.startswith("23"):
        constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
        return ConstraintViolated(f"The catalog refused a row (SQLSTATE {state})", constraint=constraint)
    entry = _POSTGRES.get(state) or _POSTGRES.get(state[:2]) or (_POSTGRES["08"] if lost else None)
    return _entry(entry, f"SQLSTATE {state}")


def _without_state(error: BaseException) -> KbgovError:
    """Judge what never reached the server: a value psycopg refused (NUL), or a failed connection.

    libpq gives no SQLSTATE while connecting, only whether a password played a part.
    """
    names = {each.__name__ for each in type(error).__mro__}
    if "DataError" in names:
        return _unstorable()
    if "OperationalError" not in names:
        return KbgovError(f"The catalog could not be used ({type(error).__name__})", item=CATALOG)
    connection = getattr(error, "pgconn", None)
    if connection is not None and (connection.needs_password or connection.used_password):
        return ConfigError(
            "The catalog's database wants a password" + (" and refused this one" * connection.used_password),
            item=CATALOG,
            next_step="set the password by KBGOV_DATABASE_URL or PGPASSFILE",
        )
    return _unreachable(
        f"The catalog's database does not answer ({type(error).__name__})",
        "check that the server runs and that database_url names its host, port, user and database",
    )
