"""The migrations, run on both databases: what they make, twice, and by several processes at once."""

from __future__ import annotations

from collections.abc import Callable
from subprocess import Popen
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, event, inspect

from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.migrate import RevisionState, check, upgrade
from governance.catalog.tables import metadata

UPGRADE = """
import sys
from governance.catalog.engine import create_catalog_engine
from governance.catalog.migrate import upgrade
import alembic.command
print("ready", flush=True)
sys.stdin.readline()
engine = create_catalog_engine(sys.argv[1])
print(upgrade(engine).state, flush=True)
engine.dispose()
"""


def structure(connection: Connection) -> dict[str, Any]:
    """Give all that the database itself says about its tables, in an order of our own."""
    look = inspect(connection)

    def described(table: str) -> dict[str, Any]:
        columns = [dict(column) for column in look.get_columns(table)]
        for column in columns:
            column["type"] = column["type"].compile(connection.dialect)
        return {
            "columns": {column["name"]: column for column in columns},
            "primary key": look.get_pk_constraint(table),
            "indexes": sorted(look.get_indexes(table), key=lambda index: index["name"]),
            "unique": look.get_unique_constraints(table),
            "checks": look.get_check_constraints(table),
            "foreign keys": look.get_foreign_keys(table),
        }

    return {table: described(table) for table in look.get_table_names() if table != "alembic_version"}


@pytest.mark.parametrize(
    ("catalog_url", "blank_url"), [(each, each) for each in ("sqlite", "postgresql")], indirect=True
)
def test_the_migrations_make_exactly_the_tables_that_the_program_declares(catalog_url: str, blank_url: str) -> None:
    migrated, declared = create_catalog_engine(catalog_url), create_catalog_engine(blank_url)
    with begin_write(declared) as connection:
        metadata.create_all(connection)
    with begin_read(migrated) as one, begin_read(declared) as other:
        assert compare_metadata(MigrationContext.configure(one), metadata) == []
        assert structure(one) == structure(other)
    migrated.dispose()
    declared.dispose()


def test_a_second_upgrade_does_nothing(blank_url: str) -> None:
    engine = create_catalog_engine(blank_url)
    assert upgrade(engine).state is RevisionState.OK
    with begin_read(engine) as connection:
        before = structure(connection)
    assert upgrade(engine).state is RevisionState.OK
    with begin_read(engine) as connection:
        assert structure(connection) == before
    engine.dispose()


def test_processes_that_upgrade_at_the_same_time_all_end_well(
    blank_url: str, started_python: Callable[..., Popen[str]]
) -> None:
    children = [started_python(UPGRADE, blank_url) for _ in range(4)]
    for child in children:
        assert child.stdout.readline() == "ready\n"
    for child in children:
        child.stdin.write("\n")
        child.stdin.flush()
    answers = [child.communicate() for child in children]
    assert answers == [("ok\n", "")] * 4
    engine = create_catalog_engine(blank_url)
    assert check(engine).state is RevisionState.OK
    engine.dispose()


def test_an_upgrade_that_fails_in_the_middle_leaves_the_database_as_it_was(blank_url: str) -> None:
    engine = create_catalog_engine(blank_url)
    last = list(metadata.tables.values())[-1]

    def fail(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if f"CREATE TABLE {last.name}" in statement:
            raise RuntimeError("the power is gone")

    event.listen(engine, "before_cursor_execute", fail)
    with pytest.raises(RuntimeError, match="the power is gone"):
        upgrade(engine)
    event.remove(engine, "before_cursor_execute", fail)
    assert check(engine).state is RevisionState.EMPTY
    with begin_read(engine) as connection:
        assert inspect(connection).get_table_names() == []
    assert upgrade(engine).state is RevisionState.OK
    engine.dispose()
