"""What a doctor asks of the catalog's database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, select

from governance.catalog.engine import begin_read, is_sqlite
from governance.catalog.unit_of_work import Catalog


def database_clock(catalog: Catalog) -> datetime:
    """Give the present moment by the database's own clock, to the second.

    Raises:
        CatalogUnreachable: No answer.

    """
    with begin_read(catalog.engine) as connection:
        return datetime.fromtimestamp(_seconds(connection), UTC)


def overwrites_deleted_rows(catalog: Catalog) -> bool | None:
    """Say whether SQLite's `secure_delete` is on, as read back; None for a server, which has no such switch.

    Raises:
        CatalogUnreachable: No answer.
        ConfigError: This build of SQLite cannot.

    """
    with begin_read(catalog.engine) as connection:
        if not is_sqlite(connection):
            return None
        return bool(connection.exec_driver_sql("PRAGMA secure_delete").scalar_one() == 1)


def _seconds(connection: Connection) -> int:
    if is_sqlite(connection):
        return int(connection.execute(select(func.strftime("%s", "now"))).scalar_one())
    return int(connection.execute(select(func.floor(func.extract("epoch", func.clock_timestamp())))).scalar_one())
