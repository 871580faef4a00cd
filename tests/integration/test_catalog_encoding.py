from __future__ import annotations

import pytest
from sqlalchemy import NullPool, create_engine, make_url, text

from governance.catalog.engine import begin_read, create_catalog_engine
from governance.domain.errors import ConfigError


def test_a_database_that_cannot_store_every_character_is_refused_at_once(postgres_url: str) -> None:
    server = make_url(postgres_url).set(drivername="postgresql+psycopg")
    admin = create_engine(server, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    with admin.connect() as connection:
        connection.execute(
            text("CREATE DATABASE kbgov_latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        )
    engine = create_catalog_engine(
        server.set(database="kbgov_latin", drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        with pytest.raises(ConfigError, match="UTF8"), begin_read(engine):
            pass
    finally:
        engine.dispose()
        with admin.connect() as connection:
            connection.execute(text("DROP DATABASE kbgov_latin WITH (FORCE)"))
