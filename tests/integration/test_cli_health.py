from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from governance.catalog.health import database_clock, overwrites_deleted_rows
from governance.catalog.unit_of_work import Catalog
from tests.log_rows import known_names


def test_the_database_tells_its_time(catalog_engine: Engine) -> None:
    before = datetime.now(UTC)
    told = database_clock(Catalog(catalog_engine, known_names))
    rounding = timedelta(seconds=1)
    assert before - rounding <= told <= datetime.now(UTC) + rounding


def test_sqlite_says_that_it_overwrites_and_a_server_has_no_such_switch(catalog_engine: Engine) -> None:
    expected = True if catalog_engine.dialect.name == "sqlite" else None
    assert overwrites_deleted_rows(Catalog(catalog_engine, known_names)) is expected
