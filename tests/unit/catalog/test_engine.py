"""How the catalog's database is opened, on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

import pytest
from sqlalchemy import Engine, func, insert, make_url, select, text

from governance.catalog.engine import (
    begin_read,
    begin_write,
    create_catalog_engine,
    database_file,
    in_memory,
    prepare_sqlite,
)
from governance.catalog.tables import lease, metadata
from governance.domain.errors import CatalogUnreachable, ConfigError, KbgovError, OutcomeUnknown

SQLITE = pytest.mark.parametrize("catalog_url", ["sqlite"], indirect=True)
POSTGRES = pytest.mark.parametrize("catalog_url", ["postgresql"], indirect=True)


def put(connection, name: str) -> None:
    row = {"owner": "", "host": "", "pid": 1, "started": "", "token": 1, "acquired": 0.0, "expires": 0.0}
    connection.execute(insert(lease).values(name=name, **row))


def names(engine: Engine) -> list[str]:
    with begin_read(engine) as connection:
        return list(connection.execute(select(lease.c.name).order_by(lease.c.name)).scalars())


@SQLITE
def test_sqlite_is_durable_erases_what_is_deleted_and_keeps_no_temporary_files(catalog_engine: Engine) -> None:
    pragmas = ("journal_mode", "synchronous", "secure_delete", "temp_store", "busy_timeout")
    with begin_read(catalog_engine) as connection:
        read = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in pragmas}
    assert read == {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "temp_store": 2, "busy_timeout": 30000}


def test_a_new_file_and_what_sqlite_puts_beside_it_are_readable_by_the_owner_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        engine = create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db")
        assert not (tmp_path / "catalog.db").exists()
        with begin_write(engine) as connection:
            metadata.create_all(connection)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert modes == {"catalog.db": 0o600, "catalog.db-wal": 0o600, "catalog.db-shm": 0o600}


def test_a_build_that_does_not_erase_is_refused() -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA secure_delete = OFF")

    def ignoring(action: int, name: str | None, value: str | None, *_: object) -> int:
        setting = action == sqlite3.SQLITE_PRAGMA and name == "secure_delete" and value is not None
        return sqlite3.SQLITE_IGNORE if setting else sqlite3.SQLITE_OK

    connection.set_authorizer(ignoring)
    with pytest.raises(ConfigError, match="secure_delete") as refused:
        prepare_sqlite(connection)
    assert "PostgreSQL" in (refused.value.next_step or "")
    connection.close()


def test_a_new_file_that_another_process_has_locked_is_busy_and_later_usable(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    engine = create_catalog_engine(f"sqlite:///{tmp_path}/catalog.db", busy_timeout=0.05)
    with pytest.raises(CatalogUnreachable, match="Another process"), begin_write(engine):
        pass
    other.execute("ROLLBACK")
    with begin_write(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
    other.close()
    engine.dispose()


def test_a_write_is_there_after_the_block_and_an_exception_takes_all_of_it_back(catalog_engine: Engine) -> None:
    def fail_after_writing() -> None:
        with begin_write(catalog_engine) as connection:
            put(connection, "lost")
            raise LookupError

    with begin_write(catalog_engine) as connection:
        put(connection, "kept")
    with pytest.raises(LookupError):
        fail_after_writing()
    assert names(catalog_engine) == ["kept"]


def test_a_second_writer_is_told_that_the_catalog_is_busy_and_stores_nothing(catalog_url: str) -> None:
    first, second = create_catalog_engine(catalog_url), create_catalog_engine(catalog_url, busy_timeout=0.05)
    with begin_write(first) as connection:
        with (
            pytest.raises(CatalogUnreachable, match="Another process is writing") as busy,
            begin_write(second) as other,
        ):
            put(other, "second")
        put(connection, "first")
    assert busy.value.next_step == "try again"
    assert names(second) == ["first"]
    with begin_write(second) as connection:
        put(connection, "second")
    assert names(first) == ["first", "second"]
    first.dispose()
    second.dispose()


@POSTGRES
def test_a_short_statement_on_a_row_of_its_own_need_not_wait_on_postgresql(catalog_url: str) -> None:
    first, second = create_catalog_engine(catalog_url), create_catalog_engine(catalog_url, busy_timeout=0.05)
    with begin_write(first), begin_write(second, alone=False) as connection:
        put(connection, "beside")
    assert names(first) == ["beside"]
    first.dispose()
    second.dispose()


def test_readers_do_not_wait_for_a_writer_and_see_one_moment(catalog_engine: Engine) -> None:
    with begin_read(catalog_engine) as reader:
        count = select(func.count()).select_from(lease)
        assert reader.execute(count).scalar_one() == 0
        with begin_write(catalog_engine) as writer:
            put(writer, "new")
            assert reader.execute(count).scalar_one() == 0
        assert reader.execute(count).scalar_one() == 0
    assert names(catalog_engine) == ["new"]


def test_a_read_transaction_refuses_to_write_and_the_next_writer_on_its_connection_may(catalog_engine: Engine) -> None:
    with pytest.raises(KbgovError, match=r"may not be written|cannot be written"), begin_read(catalog_engine) as reader:
        put(reader, "never")
    with begin_write(catalog_engine) as writer:
        put(writer, "later")
    assert names(catalog_engine) == ["later"]


@POSTGRES
def test_a_connection_that_breaks_in_the_middle_is_unreachable_and_in_the_commit_unknown(catalog_url: str) -> None:
    engine, other = create_catalog_engine(catalog_url), create_catalog_engine(catalog_url)

    def write_and_lose_the_connection(*, before_the_write: bool) -> None:
        with begin_write(engine) as connection, begin_write(other, alone=False) as killer:
            if not before_the_write:
                put(connection, "perhaps")
            pid = connection.execute(select(func.pg_backend_pid())).scalar_one()
            assert killer.execute(select(func.pg_terminate_backend(pid, 10_000))).scalar_one()
            if before_the_write:
                put(connection, "never")

    with pytest.raises(CatalogUnreachable):
        write_and_lose_the_connection(before_the_write=True)
    with pytest.raises(OutcomeUnknown) as unknown:
        write_and_lose_the_connection(before_the_write=False)
    assert unknown.value.exit_code == 75
    assert names(engine) == []  # and the pool has a new connection
    engine.dispose()
    other.dispose()


def test_memory_is_one_database_for_all_who_use_the_engine() -> None:
    engine = create_catalog_engine("sqlite://")
    with begin_write(engine) as connection:
        metadata.create_all(connection)
        put(connection, "here")
    assert names(engine) == ["here"]
    assert in_memory(engine)
    assert database_file(engine) is None
    engine.dispose()


def test_a_relative_path_is_that_of_the_moment_the_engine_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = create_catalog_engine("sqlite:///catalog.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with begin_read(engine) as connection:
        connection.execute(text("SELECT 1"))
    assert database_file(engine) == tmp_path / "catalog.db"
    assert (tmp_path / "catalog.db").exists()
    engine.dispose()


@pytest.mark.parametrize("url", ["postgresql://ann@db/kb", "postgresql+psycopg://ann@db/kb"])
def test_postgresql_means_psycopg_3(url: str) -> None:
    engine = create_catalog_engine(url)
    assert engine.dialect.driver == "psycopg"
    assert not in_memory(engine)
    assert database_file(engine) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "catalog.db",
        "mysql://ann:s3cret@db/kb",
        "postgresql+psycopg2://ann:s3cret@db/kb",
        "postgresql://ann:s3cret@db:port/kb",
        "sqlite://ann:s3cret@db/kb",
        "sqlite:///catalog.db?mode=ro",
        "sqlite:///file:catalog.db?uri=true",
        "sqlite:///absent/folder/catalog.db",
    ],
)
def test_a_url_that_cannot_be_used_is_a_configuration_error_that_repeats_no_password(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        create_catalog_engine(url)
    assert refused.value.next_step
    assert "s3cret" not in str(refused.value.as_json())


def test_neither_engine_prints_parameters_or_the_password(catalog_engine: Engine) -> None:
    assert catalog_engine.hide_parameters
    url = make_url("postgresql://ann:s3cret@db/kb").render_as_string(hide_password=False)
    assert "s3cret" not in repr(create_catalog_engine(url))
