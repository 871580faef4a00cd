"""Two logins of a real PostgreSQL: one owns the tables, the other is the program's and can only add to the log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, Engine, NullPool, create_engine, make_url, select, text
from sqlalchemy.exc import DBAPIError

from governance.catalog.engine import create_catalog_engine
from governance.catalog.grants import EVERYTHING, LESS, grants
from governance.catalog.leases import acquire
from governance.catalog.log_marks import StoredCheckpoint
from governance.catalog.tables import audit_checkpoint, audit_entry, audit_head, metadata
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.events import Action, Event
from tests.catalog_rows import NOW
from tests.command_line import InProcess
from tests.conftest import PostgresDatabases, migrate
from tests.log_rows import known_names

DENIED, DUPLICATE, REFUSED = "42501", "23505", "23000"
FUNCTION = "FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
ATTEMPTS = {
    "UPDATE audit_entry SET body = '{}'": DENIED,
    "UPDATE audit_entry SET body = body WHERE seq = 0": DENIED,
    "DELETE FROM audit_entry": DENIED,
    "TRUNCATE audit_entry": DENIED,
    "INSERT INTO audit_entry VALUES (0, '{}', '')": DUPLICATE,
    "INSERT INTO audit_entry VALUES (0, '{}', '') ON CONFLICT (seq) DO UPDATE SET body = excluded.body": DENIED,
    "UPDATE audit_checkpoint SET note = ''": DENIED,
    "DELETE FROM audit_checkpoint": DENIED,
    "TRUNCATE audit_checkpoint": DENIED,
    "INSERT INTO audit_checkpoint SELECT size, '', signed_at FROM audit_checkpoint": DUPLICATE,
    "UPDATE audit_head SET size = 0, frontier = ''": REFUSED,
    "DELETE FROM audit_head": DENIED,
    "INSERT INTO audit_head VALUES (2, 0, '')": DENIED,
    "TRUNCATE audit_head": DENIED,
    "UPDATE event SET actor = ''": DENIED,
    "DELETE FROM event": DENIED,
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL": DENIED,
    "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_no_row": DENIED,
    "DROP TRIGGER audit_entry_no_row ON audit_entry": DENIED,
    "CREATE TRIGGER mine BEFORE INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()": DENIED,
    "CREATE RULE mine AS ON INSERT TO audit_entry DO INSTEAD NOTHING": DENIED,
    "DROP TABLE audit_entry": DENIED,
    "DROP TABLE audit_head CASCADE": DENIED,
    "ALTER TABLE audit_entry RENAME TO older": DENIED,
    "ALTER TABLE audit_entry OWNER TO CURRENT_USER": DENIED,
    "ALTER TABLE audit_entry DROP CONSTRAINT pk_audit_entry": DENIED,
    f"CREATE OR REPLACE {FUNCTION}": DENIED,
    "DROP FUNCTION audit_log_refuse() CASCADE": DENIED,
    "ALTER FUNCTION audit_log_refuse() RENAME TO older": DENIED,
    "SET session_replication_role = replica": DENIED,
    "SET LOCAL session_replication_role = 'local'": DENIED,
    "CREATE TABLE mine (a int)": DENIED,
    "UPDATE pg_catalog.pg_trigger SET tgenabled = 'D'": DENIED,
    "UPDATE alembic_version SET version_num = '9999'": DENIED,
}


@dataclass(frozen=True)
class Split:
    """A catalog whose owner is not the program.

    Attributes:
        owner: URL for the owner's login.
        application: URL for the program's.
    """

    owner: str
    application: str
    login: str


@dataclass(frozen=True)
class Login:
    name: str
    secret: str

    def at(self, url: URL) -> str:
        return url.set(username=self.name, password=self.secret).render_as_string(hide_password=False)


@contextmanager
def login(admin: Engine, word: str) -> Iterator[Login]:
    """Make a login that is no superuser and may create nothing; it is gone after the block."""
    made = Login(f"kbgov_test_{word}_{secrets.token_hex(4)}", secrets.token_hex(16))
    quoted = '"' + made.name.replace('"', '""') + '"'
    with admin.connect() as connection:
        if connection.execute(text("SHOW is_superuser")).scalar_one() != "on":
            pytest.skip("the test server's login is no superuser, and cannot make others")
        connection.execute(text(f"CREATE ROLE {quoted} LOGIN PASSWORD '{made.secret}'"))
    try:
        yield made
    finally:
        with admin.connect() as connection:
            connection.execute(text(f"DROP ROLE {quoted}"))


@pytest.fixture(scope="module")
def logins(postgres_databases: PostgresDatabases) -> Iterator[tuple[Login, Login]]:
    """Give the owner's login and the program's."""
    admin = create_engine(postgres_databases.server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with login(admin, "owner") as owner, login(admin, 'Ap"p') as application:
        yield owner, application


@contextmanager
def new_catalog(databases: PostgresDatabases, logins: tuple[Login, Login]) -> Iterator[Split]:
    owner, application = logins
    with databases.one() as empty:
        url = make_url(empty)
        script(
            databases.server.render_as_string(hide_password=False),
            f'ALTER DATABASE {url.database} OWNER TO "{owner.name}"',
        )
        made = Split(owner.at(url), application.at(url), application.name)
        migrate(made.owner)
        script(made.owner, grants(made.login))
        yield made


@pytest.fixture
def split(postgres_databases: PostgresDatabases, logins: tuple[Login, Login]) -> Iterator[Split]:
    with new_catalog(postgres_databases, logins) as made:
        yield made


@pytest.fixture(scope="module")
def filled(postgres_databases: PostgresDatabases, logins: tuple[Login, Login]) -> Iterator[Split]:
    """Give a catalog whose log has entries and a checkpoint, written by the program's login."""
    with new_catalog(postgres_databases, logins) as made:
        engine = create_catalog_engine(made.application)
        catalog = Catalog(engine, known_names)
        for _ in range(3):
            with catalog.write() as uow:
                uow.record(Event(action=Action.RESUMED, at=NOW, actor=Actor(id="ada")))
        with catalog.write() as uow:
            uow.checkpoints.add(StoredCheckpoint(size=3, note="signed", signed_at=NOW))
        catalog.close()
        yield made


def script(url: str, sql: str) -> None:
    """Run a script of several statements as psql would."""
    engine = engine_at(url)
    with engine.connect() as connection:
        connection.connection.driver_connection.execute(sql)


def engine_at(url: str) -> Engine:
    return create_engine(
        make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT", poolclass=NullPool
    )


def rows(url: str, query: str, **values: Any) -> list[tuple[Any, ...]]:
    with engine_at(url).connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), values)]


def log_of(url: str) -> list[list[tuple[Any, ...]]]:
    with engine_at(url).connect() as connection:
        tables = (audit_entry, audit_head, audit_checkpoint)
        return [
            [tuple(row) for row in connection.execute(select(table).order_by(*table.primary_key))] for table in tables
        ]


def rights(split: Split) -> dict[str, set[str]]:
    query = "SELECT table_name, privilege_type FROM information_schema.role_table_grants WHERE grantee = :login"
    found: dict[str, set[str]] = {}
    for table, right in rows(split.owner, query, login=split.login):
        found.setdefault(table, set()).add(right)
    return found


@pytest.fixture
def kbgov(
    split: Split, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    made = InProcess(tmp_path, capsys, monkeypatch)
    for page in ("a", "b"):
        made.page(f"{page}.md", f"# Page {page}\n\nWords about {page}.\n", last_reviewed_on="2020-01-01")
    monkeypatch.setenv("KBGOV_BACKUP_PASSPHRASE", "twelve characters")
    monkeypatch.setenv("KBGOV_DATABASE_URL", split.application)
    return made


def test_the_program_has_exactly_the_rights_that_the_list_gives(filled: Split) -> None:
    expected = {table: LESS.get(table, EVERYTHING) for table in (*metadata.tables, "alembic_version")}
    assert rights(filled) == {table: set(words.split(", ")) for table, words in expected.items()}
    owned = "SELECT count(*) FROM pg_class WHERE relowner = (SELECT oid FROM pg_roles WHERE rolname = :login)"
    assert rows(filled.owner, owned, login=filled.login) == [(0,)]


def test_a_login_that_had_too_much_has_no_more_than_that_afterwards(filled: Split) -> None:
    before = rights(filled)
    quoted = '"' + filled.login.replace('"', '""') + '"'
    script(
        filled.owner,
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {quoted}; GRANT UPDATE (body) ON audit_entry TO {quoted}",
    )
    assert rights(filled) != before
    script(filled.owner, grants(filled.login))
    assert rights(filled) == before
    columns = "SELECT 1 FROM information_schema.column_privileges WHERE grantee = :login AND table_name = 'audit_entry'"
    assert not rows(filled.owner, f"{columns} AND privilege_type = 'UPDATE'", login=filled.login)


def test_the_whole_routine_works_without_owning_anything(kbgov: InProcess, split: Split, tmp_path: Path) -> None:
    def done(*arguments: str, codes: tuple[int, ...] = (0,)) -> dict[str, Any]:
        result = kbgov(*arguments, "--json")
        assert result.code in codes, (arguments, result)
        return result.json

    done("init", "--source", "docs")
    done("ingest")
    done("audit", "run", codes=(3,))
    one, other = (item["fingerprint"] for item in done("findings", "list", "--kind", "freshness.*")["findings"])
    done("findings", "ack", one, "--note", "seen")
    done("findings", "reopen", one)
    done("findings", "waive", other, "--reason", "accepted-risk", "--until", "2999-01-01", "--note", "stands")
    done("findings", "assign", other, "--to", "support")
    done("documents", "verify", "a.md")
    chunk = rows(split.owner, "SELECT chunk_id FROM chunk LIMIT 1")[0][0]
    (tmp_path / "counts.csv").write_text(f"chunk_id,retrievals\n{chunk},7\n")
    done("damage", "load", "counts.csv")
    done("pause", "--reason", "planned-work", "--note", "a while")
    done("ingest", codes=(6,))
    done("resume")
    kbgov.page("c.md", "Another page.")
    plan = done("drift", "plan")["digest"]
    done("drift", "apply", plan, "--yes")
    (tmp_path / "docs" / "b.md").unlink()
    for _ in range(2):
        done("ingest")
    done("sync")
    done("audit", "run", "--record", "--fail-on", "never")
    done("log", "checkpoint")
    old = next(key["key"] for key in done("keys", "list")["keys"] if key["family"] == "audit")
    for family in ("audit", "signing", "suppression"):
        done("keys", "rotate", family)
    done("keys", "backup", "saved")
    count = kbgov("keys", "destroy", old, "--json").json["error"]["next"].split()[-1]
    done("keys", "destroy", old, "--confirm-count", count)
    done("log", "list")
    done("log", "show", "0")
    done("log", "export", "exported")
    done("log", "verify", codes=(3,))
    done("doctor", codes=(0, 1))
    done("db", "check")
    done("db", "upgrade")


def test_leases_work_as_well(filled: Split) -> None:
    engine = create_catalog_engine(filled.application)
    with acquire(engine, "work") as first:
        assert first.token >= 1
    with acquire(engine, "work") as second:
        assert second.token == first.token + 1
    engine.dispose()


@pytest.mark.parametrize("statement", ATTEMPTS)
def test_the_program_cannot_change_the_log_or_what_guards_it(filled: Split, statement: str) -> None:
    before = log_of(filled.owner)
    assert all(before)
    with engine_at(filled.application).connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(statement))
    assert refused.value.orig.sqlstate == ATTEMPTS[statement]
    assert log_of(filled.owner) == before


def test_the_program_cannot_give_itself_more(filled: Split) -> None:
    """PostgreSQL warns and does nothing."""
    before = rights(filled)
    script(filled.application, "GRANT ALL ON audit_entry TO CURRENT_USER")
    assert rights(filled) == before


def test_the_program_cannot_act_as_the_owner(filled: Split) -> None:
    owner = make_url(filled.owner).username
    with engine_at(filled.application).connect() as connection, pytest.raises(DBAPIError) as refused:
        connection.execute(text(f'SET ROLE "{owner}"'))
    assert refused.value.orig.sqlstate == DENIED


def test_tables_that_cannot_be_used_are_told_as_a_right_that_lacks(kbgov: InProcess, split: Split) -> None:
    quoted = '"' + split.login.replace('"', '""') + '"'
    script(split.owner, f"REVOKE INSERT ON audit_entry FROM {quoted}")
    refused = kbgov("init", "--source", "docs", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "config")
    assert "lacks a right" in refused.json["error"]["message"]
    script(split.owner, grants(split.login))
    assert kbgov("init", "--source", "docs").code == 0
    assert kbgov("pause", "--reason", "other").code == 0
