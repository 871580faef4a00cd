"""No database error gets out with the driver's text, because that text quotes values."""

from __future__ import annotations

import io
import logging
import os
import socket
import sqlite3
import struct
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL, Engine, insert, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.failures import ConstraintViolated, failure_of, translated
from governance.catalog.tables import lease
from governance.domain.errors import (
    CatalogUnreachable,
    ConfigError,
    DatabaseRevisionError,
    KbgovError,
    OutcomeUnknown,
)

NEEDLE = "jane.needle@example.org"
ROW = {"owner": NEEDLE, "host": "", "pid": 1, "started": "", "token": 1, "acquired": 0.0, "expires": 0.0}
POSTGRES = pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)


def linked(error: BaseException | None, done: set[int]) -> Iterator[BaseException]:
    """Give an exception and all that can be reached from it, suppressed or not."""
    if error is None or id(error) in done:
        return
    done.add(id(error))
    yield error
    for next_one in (error.__cause__, error.__context__, getattr(error, "orig", None)):
        yield from linked(next_one, done)


def everything_shown(error: BaseException) -> str:
    """Give all that a traceback, a log or a curious debugger would print of an exception."""
    texts = ["".join(traceback.format_exception(error))]
    for each in linked(error, set()):
        each.__suppress_context__ = False
        texts += [str(each), repr(each), repr(each.args), repr(vars(each))]
        texts.append(str(getattr(each, "diag", None) and each.diag.message_detail))
    texts.append("".join(traceback.format_exception(error)))
    return "\n".join(texts)


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Give everything that is logged at any level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.setLevel(level)
    root.removeHandler(handler)


def test_a_duplicate_key_shows_the_constraint_and_never_the_key(catalog_engine: Engine, logged: io.StringIO) -> None:
    with begin_write(catalog_engine) as connection:
        connection.execute(insert(lease).values(name=NEEDLE, **ROW))
    with pytest.raises(ConstraintViolated) as violated, begin_write(catalog_engine) as connection:
        connection.execute(insert(lease).values(name=NEEDLE, **ROW))
    shown = everything_shown(violated.value)
    assert NEEDLE not in shown
    assert NEEDLE not in logged.getvalue()
    assert "SQLITE_CONSTRAINT_PRIMARYKEY" in shown or "23505" in shown
    assert violated.value.constraint in {None, "pk_lease"}


@POSTGRES
def test_postgresql_would_show_the_key_without_the_translation(catalog_engine: Engine) -> None:
    with catalog_engine.begin() as connection:
        connection.execute(insert(lease).values(name=NEEDLE, **ROW))
    with catalog_engine.connect() as connection, pytest.raises(DBAPIError) as raw:
        connection.execute(insert(lease).values(name=NEEDLE, **ROW))
    assert NEEDLE in str(raw.value)


@POSTGRES
def test_a_failed_cast_shows_its_code_and_never_the_value(catalog_engine: Engine) -> None:
    with pytest.raises(KbgovError, match="22P02") as failed, begin_read(catalog_engine) as connection:
        connection.execute(text("SELECT CAST(CAST(:value AS text) AS integer)"), {"value": NEEDLE})
    assert NEEDLE not in everything_shown(failed.value)


def test_a_text_that_no_database_can_store_is_named_as_such_and_not_shown(catalog_engine: Engine) -> None:
    with pytest.raises(KbgovError, match="characters") as failed, begin_write(catalog_engine) as connection:
        connection.execute(insert(lease).values(name=f"{NEEDLE} \udc80", **ROW))
    assert NEEDLE not in everything_shown(failed.value)


@POSTGRES
def test_a_nul_character_is_named_as_such_on_postgresql(catalog_engine: Engine) -> None:
    with pytest.raises(KbgovError, match="characters") as failed, begin_write(catalog_engine) as connection:
        connection.execute(insert(lease).values(name=f"{NEEDLE} \0", **ROW))
    assert NEEDLE not in everything_shown(failed.value)


@POSTGRES
def test_a_missing_table_or_column_asks_for_an_upgrade(catalog_engine: Engine) -> None:
    for statement in ("SELECT 1 FROM absent", "SELECT absent FROM lease"):
        with pytest.raises(DatabaseRevisionError) as failed, begin_read(catalog_engine) as connection:
            connection.execute(text(statement))
        assert failed.value.next_step == "kbgov db upgrade"


def test_a_statement_that_is_wrong_is_an_error_without_its_text(catalog_engine: Engine) -> None:
    with pytest.raises(KbgovError) as failed, begin_read(catalog_engine) as connection:
        connection.execute(text(f"SELEKT '{NEEDLE}'"))
    assert failed.value.exit_code == 1
    assert NEEDLE not in everything_shown(failed.value)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("SQLITE_BUSY", CatalogUnreachable, "Another process"),
        ("SQLITE_BUSY_SNAPSHOT", CatalogUnreachable, "Another process"),
        ("SQLITE_LOCKED", CatalogUnreachable, "Another process"),
        ("SQLITE_FULL", CatalogUnreachable, "disk of the catalog is full"),
        ("SQLITE_IOERR_FSYNC", CatalogUnreachable, "read or written"),
        ("SQLITE_IOERR_SHMSIZE", CatalogUnreachable, "read or written"),
        ("SQLITE_CANTOPEN", CatalogUnreachable, "cannot be opened"),
        ("SQLITE_READONLY", ConfigError, "may not be written"),
        ("SQLITE_CORRUPT", KbgovError, "damaged"),
        ("SQLITE_NOTADB", KbgovError, "damaged"),
        ("SQLITE_CONSTRAINT_UNIQUE", ConstraintViolated, "refused a row"),
        ("SQLITE_TOOBIG", KbgovError, "refused a statement"),
    ],
)
def test_each_code_of_sqlite_has_its_sentence(name: str, kind: type[KbgovError], words: str) -> None:
    error = sqlite3.OperationalError(NEEDLE)
    error.sqlite_errorcode, error.sqlite_errorname = getattr(sqlite3, name), name
    failure = failure_of(OperationalError(NEEDLE, None, error))
    assert type(failure) is kind
    assert words in failure.message
    assert name in failure.message
    assert NEEDLE not in everything_shown(failure)


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ("53100", CatalogUnreachable),
        ("53300", CatalogUnreachable),
        ("55P03", CatalogUnreachable),
        ("40001", CatalogUnreachable),
        ("40P01", CatalogUnreachable),
        ("57P03", CatalogUnreachable),
        ("08006", CatalogUnreachable),
        ("28P01", ConfigError),
        ("3D000", ConfigError),
        ("42501", ConfigError),
        ("25006", ConfigError),
        ("42P01", DatabaseRevisionError),
        ("23514", ConstraintViolated),
        ("XX000", KbgovError),
    ],
)
def test_each_sqlstate_has_its_kind(state: str, kind: type[KbgovError]) -> None:
    error = psycopg.errors.lookup(state)(NEEDLE)
    failure = failure_of(DBAPIError(NEEDLE, {"name": NEEDLE}, error))
    assert type(failure) is kind
    assert state in failure.message
    assert NEEDLE not in everything_shown(failure)


@pytest.mark.parametrize(("state", "kind"), [("57P01", OutcomeUnknown), ("08006", OutcomeUnknown)])
def test_a_broken_connection_while_committing_leaves_the_outcome_unknown(state: str, kind: type[KbgovError]) -> None:
    error = psycopg.errors.lookup(state)(NEEDLE)
    assert type(failure_of(DBAPIError(None, None, error), committing=True)) is kind


def test_a_conflict_found_while_committing_is_no_unknown_outcome() -> None:
    error = psycopg.errors.lookup("40001")(NEEDLE)
    assert type(failure_of(DBAPIError(None, None, error), committing=True)) is CatalogUnreachable


def test_an_exhausted_pool_can_be_tried_again() -> None:
    assert type(failure_of(PoolTimeout(NEEDLE))) is CatalogUnreachable


def test_what_the_libraries_themselves_refuse_is_named_by_its_kind_only() -> None:
    for error in (ArgumentError(NEEDLE), DBAPIError(NEEDLE, None, psycopg.InterfaceError(NEEDLE))):
        failure = failure_of(error)
        assert type(failure) is KbgovError
        assert NEEDLE not in everything_shown(failure)


def test_our_own_errors_and_strangers_pass_untouched() -> None:
    for error in (ConfigError("one"), LookupError(NEEDLE), KeyboardInterrupt(NEEDLE)):
        before = error.args
        with pytest.raises(type(error)) as same, translated():
            raise error
        assert same.value is error
        assert error.args == before


def test_what_the_caller_was_handling_keeps_its_text(catalog_engine: Engine) -> None:
    def fail_while_handling(own: LookupError) -> None:
        try:
            raise own
        except LookupError:
            with begin_write(catalog_engine) as connection:
                connection.execute(text("SELEKT"))

    own = LookupError("of the caller")
    with pytest.raises(KbgovError):
        fail_while_handling(own)
    assert own.args == ("of the caller",)


def test_it_works_as_a_decorator() -> None:
    @translated()
    def opens() -> None:
        sqlite3.connect("/absent/folder/catalog.db")

    with pytest.raises(CatalogUnreachable, match="SQLITE_CANTOPEN"):
        opens()


def test_a_file_that_is_no_database_is_called_damaged(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"%PDF-1.7 " + NEEDLE.encode() + bytes(8192))
    engine = create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db")
    with pytest.raises(KbgovError, match="damaged") as failed, begin_read(engine) as connection:
        connection.execute(text("SELECT 1"))
    assert failed.value.exit_code == 1
    engine.dispose()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_or_folder_that_may_not_be_written_is_named_as_such(tmp_path: Path) -> None:
    file = tmp_path / "catalog.db"
    file.touch(mode=0o400)
    engine = create_catalog_engine(f"sqlite:///{file}")
    with pytest.raises(ConfigError, match="may not be written"), begin_write(engine):
        pass
    engine.dispose()
    tmp_path.chmod(0o500)
    engine = create_catalog_engine(f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(CatalogUnreachable, match="cannot be opened"), begin_write(engine):
        pass
    engine.dispose()
    tmp_path.chmod(0o700)


def test_a_server_that_is_not_there_can_be_tried_again(tmp_path: Path) -> None:
    url = URL.create("postgresql", "jane.needle", database=NEEDLE, query={"host": str(tmp_path)})
    engine = create_catalog_engine(url.render_as_string())
    with pytest.raises(CatalogUnreachable, match="does not answer") as failed, begin_read(engine):
        pass
    assert "needle" not in everything_shown(failed.value)
    assert str(tmp_path) not in everything_shown(failed.value)


@pytest.mark.parametrize("password", [None, "wr0ng"])
def test_a_refused_password_is_a_configuration_error_without_the_login(tmp_path: Path, password: str | None) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / ".s.PGSQL.5432"))
    listening.listen()
    server = threading.Thread(target=refuse_password, args=(listening,))
    server.start()
    url = URL.create("postgresql", "jane.needle", password, database="kb", query={"host": str(tmp_path)})
    engine = create_catalog_engine(url.render_as_string(hide_password=False))
    with pytest.raises(ConfigError, match="password") as failed, begin_read(engine):
        pass
    server.join()
    listening.close()
    assert "needle" not in everything_shown(failed.value)
    assert "wr0ng" not in everything_shown(failed.value)


def refuse_password(listening: socket.socket) -> None:
    """Speak as much of PostgreSQL's protocol as asking for a password in clear text and refusing it takes."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(b"R" + struct.pack("!ii", 8, 3))
        if connection.recv(4096):
            fields = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user jane.needle\0\0"
            connection.sendall(b"E" + struct.pack("!i", 4 + len(fields)) + fields)


def test_psycopg_is_not_imported_for_sqlite(tmp_path: Path, run_python) -> None:
    script = (
        "import sys\nfrom governance.catalog.engine import *\n"
        "engine = create_catalog_engine(sys.argv[1])\n"
        "with begin_write(engine): pass\n"
        "print('psycopg' in sys.modules, 'alembic' in sys.modules)\n"
    )
    assert run_python(script, f"sqlite:///{tmp_path}/catalog.db") == "False False\n"
    assert "psycopg" in sys.modules
