"""The seat belt: who owns the database and means no harm cannot change the log, on either database.

What somebody who means harm does first, taking the triggers away, is the attack matrix's: test_log_attacks.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from sqlalchemy import Engine, make_url, select, text
from sqlalchemy.exc import DBAPIError

from governance.catalog.engine import create_catalog_engine
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.events import Action, Event
from tests.catalog_rows import NOW
from tests.log_rows import known_names

ENTRIES = 4
REFUSALS = ("only ever added to", "only grows", "has one head")
ON_BOTH = [
    "UPDATE audit_entry SET body = '{}'",
    "UPDATE audit_entry SET seq = seq + 100",
    "UPDATE audit_entry SET hashes = hashes WHERE seq = 1",
    "DELETE FROM audit_entry",
    "DELETE FROM audit_entry WHERE seq = 3",
    "INSERT INTO audit_entry VALUES (1, '{}', '') ON CONFLICT (seq) DO UPDATE SET body = excluded.body",
    "UPDATE audit_checkpoint SET note = ''",
    "UPDATE audit_checkpoint SET size = 3",
    "DELETE FROM audit_checkpoint",
    "INSERT INTO audit_checkpoint VALUES (2, '', '2026-01-01') ON CONFLICT (size) DO UPDATE SET note = excluded.note",
    "UPDATE audit_head SET size = 3",
    "UPDATE audit_head SET size = 0, frontier = ''",
    "UPDATE audit_head SET id = 2",
    "DELETE FROM audit_head",
    "INSERT INTO audit_head VALUES (2, 0, '')",
    "INSERT INTO audit_head VALUES (1, 0, '') ON CONFLICT (id) DO UPDATE SET size = excluded.size",
]
ON_SQLITE = [
    "INSERT OR REPLACE INTO audit_entry VALUES (1, '{}', '')",
    "REPLACE INTO audit_entry SELECT seq, '{}', hashes FROM audit_entry",
    "UPDATE OR REPLACE audit_entry SET seq = 2 WHERE seq = 1",
    "INSERT OR REPLACE INTO audit_checkpoint VALUES (2, '', '2026-01-01')",
    "INSERT OR REPLACE INTO audit_head VALUES (1, 0, '')",
    "INSERT OR REPLACE INTO audit_head (rowid, id, size, frontier) VALUES (1, 2, 0, '')",
]
BY_ROWID = [
    "INSERT OR REPLACE INTO audit_entry (rowid, seq, body, hashes) VALUES (1, 99, '{}', '')",
    "INSERT OR REPLACE INTO audit_checkpoint (rowid, size, note, signed_at) VALUES (1, 99, '', '')",
]
ON_POSTGRESQL = [
    "TRUNCATE audit_entry",
    "TRUNCATE audit_checkpoint",
    "TRUNCATE audit_head",
    "TRUNCATE audit_entry, audit_head, audit_checkpoint RESTART IDENTITY CASCADE",
    "MERGE INTO audit_entry AS e USING (SELECT 1 AS seq) AS o ON e.seq = o.seq WHEN MATCHED THEN DELETE",
    "MERGE INTO audit_entry AS e USING (SELECT 1 AS seq) AS o ON e.seq = o.seq WHEN MATCHED THEN UPDATE SET body = ''",
]


@pytest.fixture
def filled(catalog_engine: Engine) -> Engine:
    """A log of four entries, signed when there were two and when there were four."""
    catalog = Catalog(catalog_engine, known_names)
    for size in (2, ENTRIES):
        with catalog.write() as uow:
            for number in range(size - uow.log.head().size - (uow.log.head().size == 0)):
                uow.record(Event(action=Action.PAUSED, at=NOW, actor=Actor(id="ada"), run_id=number))
        with catalog.write() as uow:
            assert uow.log.head().size == size
            uow.checkpoints.add(StoredCheckpoint(size=size, note=f"note {size}", signed_at=NOW))
    return catalog_engine


def contents(engine: Engine) -> list[list[tuple[object, ...]]]:
    with engine.connect() as connection:
        tables = (audit_entry, audit_head, audit_checkpoint)
        return [
            [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))] for table in tables
        ]


def require_refused(engine: Engine, *statements: str, words: tuple[str, ...] = REFUSALS) -> None:
    """Run statements in one transaction and see them refused in these words, with nothing changed."""
    before = contents(engine)
    assert [len(rows) for rows in before] == [ENTRIES, 1, 2]
    with pytest.raises(DBAPIError) as refused:
        run(engine, statements)
    assert any(part in str(refused.value.orig) for part in words), refused.value.orig
    assert contents(engine) == before


def run(engine: Engine, statements: Sequence[str]) -> None:
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.parametrize("statement", ON_BOTH)
def test_nothing_of_the_log_is_changed_or_taken_out(filled: Engine, statement: str) -> None:
    require_refused(filled, statement)


@pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("statement", ON_SQLITE)
def test_nothing_is_replaced_whether_or_not_a_replacement_counts_as_a_deletion(
    filled: Engine, statement: str, recursive: str
) -> None:
    filled.dispose()
    with filled.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA recursive_triggers = {recursive}")
        assert connection.exec_driver_sql("PRAGMA recursive_triggers").scalar_one() == (recursive == "ON")
    require_refused(filled, statement)


@pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("statement", BY_ROWID)
def test_no_row_has_another_number_by_which_it_could_be_replaced(filled: Engine, statement: str) -> None:
    """With one, SQLite deletes the row that has it, and asks no trigger."""
    require_refused(filled, statement, words=("no column named rowid",))


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", ON_POSTGRESQL)
def test_nothing_is_truncated_or_merged_away(filled: Engine, statement: str) -> None:
    require_refused(filled, statement)


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statement", [*ON_BOTH, *ON_POSTGRESQL])
def test_a_session_that_replicates_is_refused_all_the_same(filled: Engine, superuser: None, statement: str) -> None:
    del superuser
    require_refused(filled, "SET LOCAL session_replication_role = replica", statement)


@pytest.fixture
def superuser(catalog_engine: Engine) -> None:
    with catalog_engine.connect() as connection:
        if connection.execute(text("SHOW is_superuser")).scalar_one() != "on":
            pytest.skip("the test server's login is no superuser, who alone may set session_replication_role")


@pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)
def test_every_trigger_of_the_log_fires_always(filled: Engine) -> None:
    query = "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
    with filled.connect() as connection:
        found = dict(connection.execute(text(query)).all())
    assert len(found) == 7
    assert set(found.values()) == {"A"}


def test_the_log_still_grows_and_its_head_with_it(filled: Engine) -> None:
    catalog = Catalog(filled, known_names)
    with catalog.write() as uow:
        uow.record(Event(action=Action.RESUMED, at=NOW, actor=Actor(id="ada")))
    with catalog.read() as uow:
        assert uow.log.extent() == (ENTRIES + 1, ENTRIES + 1)
        assert uow.log.head().size == ENTRIES + 1


def test_another_connection_is_refused_as_well(filled: Engine) -> None:
    """The triggers are the database's, not the program's."""
    other = create_catalog_engine(make_url(filled.url).render_as_string(hide_password=False))
    require_refused(other, "DELETE FROM audit_entry")
    other.dispose()
