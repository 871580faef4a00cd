"""Bringing the catalog's tables to this version, and refusing those of another.

Alembic is imported by `upgrade` alone: it takes longer than a whole `kbgov --version`, and every command asks for the
revision.
"""

from __future__ import annotations

import enum
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, column, inspect, select, table

from governance.catalog.engine import begin_read, begin_write, database_file, is_sqlite
from governance.catalog.tables import metadata
from governance.domain.errors import DatabaseRevisionError

REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""Every revision this version knows, oldest first; a test compares it with the scripts."""
HEAD: Final = REVISIONS[-1]

_PACKAGE: Final = Path(__file__).resolve().parents[1]
_VERSION = table("alembic_version", column("version_num"))


class RevisionState(enum.StrEnum):
    """How the tables relate to this version of the program."""

    OK = "ok"
    EMPTY = "empty"
    BEHIND = "behind"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class RevisionCheck:
    """What was found, and what this version needs.

    Attributes:
        current: Revision of the database; None when it has none, several joined by commas.
        head: Revision this version works with.
        foreign: There are tables and no revision: another program's database, or a catalog that was damaged.

    """

    current: str | None
    head: str = HEAD
    foreign: bool = False

    @property
    def state(self) -> RevisionState:
        """Compare both."""
        if self.current is None:
            return RevisionState.EMPTY
        if self.current == self.head:
            return RevisionState.OK
        return RevisionState.BEHIND if self.current in REVISIONS else RevisionState.UNKNOWN

    @property
    def known(self) -> bool:
        """True unless another version, or another program, made these tables."""
        return not self.foreign and self.state is not RevisionState.UNKNOWN


def check(engine: Engine) -> RevisionCheck:
    """Read the revision. Changes nothing; a SQLite file that is not there yet is not created.

    In a SQLite file any table without a revision is foreign. On a server other programs may have tables beside ours:
    there it takes a table of one of our names.

    Raises:
        CatalogUnreachable: No answer.

    """
    file = database_file(engine)
    if file is not None and not file.exists():
        return RevisionCheck(None)
    if file is not None and _is_foreign(file):
        return RevisionCheck(None, foreign=True)
    with begin_read(engine) as connection:
        return _found(connection)


def require_current(engine: Engine) -> None:
    """Refuse to work on tables that are not exactly those of this version.

    Raises:
        CatalogUnreachable: No answer.
        DatabaseRevisionError: Empty or older (upgrade it), unknown (this program is too old for it), or no catalog.

    """
    found = check(engine)
    _require_known(found)
    if found.state is RevisionState.OK:
        return
    empty = found.state is RevisionState.EMPTY
    message = "database has no tables yet" if empty else f"tables are older ({found.current}) than this version"
    raise DatabaseRevisionError(f"The catalog's {message}", item="database_url", next_step="kbgov db upgrade")


def upgrade(engine: Engine) -> RevisionCheck:
    """Bring the tables to the head, in one transaction, and say what is there now. At the head it changes nothing.

    Two processes at once: the second waits, then finds nothing to do.

    Raises:
        CatalogUnreachable: No answer, or another process is writing for longer than the busy timeout.
        DatabaseRevisionError: The database has an unknown revision, or is no catalog; it is left as it is.

    """
    file = database_file(engine)
    if file is not None and file.exists() and _is_foreign(file):
        _require_known(RevisionCheck(None, foreign=True))
    with begin_write(engine) as connection:
        found = _found(connection)
        _require_known(found)
        if found.state is not RevisionState.OK:
            _run_scripts(connection)
        return _found(connection)


def migrations_folder() -> Path:
    """Give the scripts' folder: inside the installed package, else beside it in a checkout.

    Raises:
        DatabaseRevisionError: Neither is there.

    """
    for folder in (_PACKAGE / "_migrations", _PACKAGE.parent / "migrations"):
        if (folder / "env.py").is_file():
            return folder
    raise DatabaseRevisionError(
        "The migration scripts are not where they belong", item=None, next_step="install kb-governance again"
    )


def _run_scripts(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a third of a second that only an upgrade pays
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _require_known(found: RevisionCheck) -> None:
    if found.foreign:
        raise DatabaseRevisionError(
            "This database is not a catalog of kbgov: it has tables, but no revision",
            item="database_url",
            next_step="set database_url to another file or database, or put back a backup of the catalog",
        )
    if not found.known:
        raise DatabaseRevisionError(
            f"The catalog has a revision that this version (up to {HEAD}) does not know",
            item="database_url",
            next_step="install a newer kb-governance, or correct database_url",
        )


def _found(connection: Connection) -> RevisionCheck:
    tables = set(inspect(connection).get_table_names())
    current = _current(connection) if _VERSION.name in tables else None
    others = tables - {_VERSION.name} if is_sqlite(connection) else tables & set(metadata.tables)
    return RevisionCheck(current, foreign=current is None and bool(others))


def _current(connection: Connection) -> str | None:
    rows = connection.execute(select(_VERSION.c.version_num).order_by(_VERSION.c.version_num)).scalars().all()
    return ",".join(rows) or None


def _is_foreign(file: Path) -> bool:
    """Say whether a SQLite file has tables and never had a revision, without our connections' settings.

    Those would turn another program's file to a write-ahead log. What cannot be read here is for them to report.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{file.as_uri()}?mode=rw", uri=True)) as db:
        query = "SELECT name = ? FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite/_%' ESCAPE '/'"
        ours = [found for (found,) in db.execute(query, (_VERSION.name,))]
        return bool(ours) and not any(ours)
    return False
