"""Bringing the catalog's tables to this version, and refusing those of another.

Alembic is imported by `upgrade` alone: it takes longer than a whole `kbgov --version`, and every command asks for the
revision.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, column, inspect, select, table

from governance.catalog.engine import begin_read, begin_write, database_file
from governance.domain.errors import DatabaseRevisionError

REVISIONS: Final = ("0001",)
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

    """

    current: str | None
    head: str = HEAD

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
        return self.state is not RevisionState.UNKNOWN


def check(engine: Engine) -> RevisionCheck:
    """Read the revision. Changes nothing; a SQLite file that is not there yet is not created.

    Raises:
        CatalogUnreachable: No answer.

    """
    file = database_file(engine)
    if file is not None and not file.exists():
        return RevisionCheck(None)
    with begin_read(engine) as connection:
        return RevisionCheck(_current(connection))


def require_current(engine: Engine) -> None:
    """Refuse to work on tables that are not exactly those of this version.

    Raises:
        CatalogUnreachable: No answer.
        DatabaseRevisionError: Empty or older (upgrade it), or unknown (this program is too old for it).

    """
    found = check(engine)
    match found.state:
        case RevisionState.OK:
            return
        case RevisionState.EMPTY:
            message, next_step = "The catalog's database has no tables yet", "kbgov db upgrade"
        case RevisionState.BEHIND:
            message, next_step = f"The catalog is older ({found.current}) than this version", "kbgov db upgrade"
        case RevisionState.UNKNOWN:
            message = f"The catalog has a revision that this version (up to {HEAD}) does not know"
            next_step = "install a newer kb-governance, or correct database_url"
    raise DatabaseRevisionError(message, item="database_url", next_step=next_step)


def upgrade(engine: Engine) -> RevisionCheck:
    """Bring the tables to the head, in one transaction, and say what is there now. At the head it changes nothing.

    Two processes at once: the second waits, then finds nothing to do.

    Raises:
        CatalogUnreachable: No answer, or another process is writing for longer than the busy timeout.
        DatabaseRevisionError: The database has an unknown revision; it is left as it is.

    """
    with begin_write(engine) as connection:
        found = RevisionCheck(_current(connection))
        if not found.known:
            raise DatabaseRevisionError(
                f"The catalog has a revision that this version (up to {HEAD}) does not know",
                item="database_url",
                next_step="install a newer kb-governance, or correct database_url",
            )
        if found.state is not RevisionState.OK:
            _run_scripts(connection)
        return RevisionCheck(_current(connection))


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


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    rows = connection.execute(select(_VERSION.c.version_num).order_by(_VERSION.c.version_num)).scalars().all()
    return ",".join(rows) or None
