"""A catalog of the first revision, full of rows, brought to the present one: on both databases nothing is lost."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, MetaData, inspect, select, text

from governance.catalog.chunks import ChunkMoment, ChunkRow, IndexedVersion
from governance.catalog.documents import DocumentMoment
from governance.catalog.engine import begin_read, begin_write, create_catalog_engine
from governance.catalog.migrate import RevisionState, check, migrations_folder, upgrade
from governance.catalog.sightings import Sighting
from governance.catalog.tables import chunk, document, metadata
from governance.catalog.unit_of_work import Catalog
from governance.domain.chunks import ChunkState
from governance.domain.documents import DocumentState, Problem, ProblemCode
from governance.domain.errors import KbgovError
from tests.log_rows import known_names

FIRST = datetime(2026, 3, 1, 8, 30, 15, 123456, tzinfo=UTC)
BODY = datetime(2026, 5, 2, 9, tzinfo=UTC)
ABSENT = datetime(2026, 6, 3, 10, tzinfo=UTC)
NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)

DOCUMENT = {
    "source": "docs",
    "document": "日本/it's é.md",
    "uri": "https://wiki.example/é",
    "title": 'Say "no"',
    "owner": "ann",
    "raw_hash": "1" * 64,
    "body_hash": "2" * 64,
    "meta_hash": "3" * 64,
    "size": 2**40,
    "words": 12,
    "redirect": "",
    "changed_on": date(2026, 4, 1),
    "reviewed_on": date(2026, 2, 1),
    "review_interval": "6 months",
    "logical_id": "page",
    "version": "v2",
    "labels": ["a", "ü"],
    "problems": [{"code": "bad_date", "field": "reviewed_on", "line": 3}],
    "unreadable": "no_access",
    "state": "suspect",
    "first_seen": FIRST,
    "body_seen_at": BODY,
    "absent_since": ABSENT,
}
ADDED = {"created_on": None, "created_from": None, "labeled_on": {}, "attributes": {}}
"""What a later revision knows of documents, and nobody saw then."""
BARE = {
    **DOCUMENT,
    "document": "bare.md",
    **dict.fromkeys(("owner", "redirect", "changed_on", "reviewed_on", "review_interval", "version", "unreadable")),
    "absent_since": None,
    "labels": [],
    "problems": [],
    "state": "present",
    "words": 0,
}
INDEXED = {
    "index_name": "main",
    "partition": "acme",
    "source": "docs",
    "document": "bare.md",
    "raw_hash": "1" * 64,
    "recipe": "recipe",
    "chunks": 3,
    "chunks_digest": "4" * 64,
    "indexed_at": BODY,
}
CHUNK = {
    "index_name": "main",
    "partition": "acme",
    "chunk_id": "it's é",
    "source": "docs",
    "document": "bare.md",
    "position": 2**31 - 1,
    "body_hash": "5" * 64,
    "meta_hash": "6" * 64,
    "first_seen": FIRST,
}


def to_first(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "0001")


def fill(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    naive = connection.dialect.name == "sqlite"  # how the first revision keeps moments there

    def kept(value: Any) -> Any:
        return value.replace(tzinfo=None) if naive and isinstance(value, datetime) else value

    def insert(table: str, *rows: dict[str, Any]) -> None:
        plain = [{name: kept(value) for name, value in row.items()} for row in rows]
        connection.execute(tables.tables[table].insert(), plain)

    insert("document", DOCUMENT, BARE)
    insert("indexed_document", INDEXED, {**INDEXED, "partition": "", "chunks": 0})
    insert("chunk", CHUNK, *({**CHUNK, "chunk_id": f"{number:05}", "position": -1} for number in range(1200)))


@pytest.fixture
def upgraded(blank_url: str) -> Engine:
    engine = create_catalog_engine(blank_url)
    with begin_write(engine) as connection:
        to_first(connection)
        fill(connection)
    assert check(engine).state is RevisionState.BEHIND
    assert upgrade(engine).state is RevisionState.OK
    yield engine
    engine.dispose()


def test_the_tables_are_those_that_the_program_declares_and_no_others(upgraded: Engine) -> None:
    with begin_read(upgraded) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert set(inspect(connection).get_table_names()) == {*metadata.tables, "alembic_version"}
        keys = {name: inspect(connection).get_pk_constraint(name)["name"] for name in ("document", "chunk")}
    assert keys == {"document": "pk_document", "chunk": "pk_chunk"}


def test_documents_are_as_they_were_since_their_body_was_seen(upgraded: Engine) -> None:
    with begin_read(upgraded) as connection:
        rows = {row.document: row._mapping for row in connection.execute(select(document))}
    assert rows == {row["document"]: {**row, **ADDED, "seen_from": BODY} for row in (DOCUMENT, BARE)}
    with Catalog(upgraded, known_names).read() as uow:
        found = uow.documents.get("docs", DOCUMENT["document"])
        assert found.problems == (Problem(ProblemCode.BAD_DATE, "reviewed_on", 3),)
        assert (found.state, found.absent_since, found.labels) == (DocumentState.SUSPECT, ABSENT, ("a", "ü"))


def test_chunks_are_there_and_no_stream_has_shown_them_yet(upgraded: Engine) -> None:
    with Catalog(upgraded, known_names).read() as uow:
        rows = {row.chunk_id: row for row in uow.chunks.every()}
        stored = uow.connection.execute(select(chunk).where(chunk.c.chunk_id == CHUNK["chunk_id"])).one()
        counts = uow.sightings.counts("main", "acme")
        (differing,) = uow.sightings.differing("main", "acme", [Sighting(CHUNK["chunk_id"], "d" * 32 + "|")])
    known = {name: value for name, value in CHUNK.items() if name != "first_seen"}
    assert rows[CHUNK["chunk_id"]] == ChunkRow(**known)
    assert (stored.first_seen, stored.seen_from, stored.gone_at) == (FIRST, FIRST, None)
    assert (len(rows), counts[ChunkState.PRESENT]) == (1201, 1201)
    assert (differing.state, differing.sighting, differing.seen_from) == (ChunkState.PRESENT, "", FIRST)


def test_what_our_ingester_brought_in_is_known_but_for_what_the_next_ingest_compares_anew(upgraded: Engine) -> None:
    with Catalog(upgraded, known_names).read() as uow:
        found = uow.chunks.indexed("main", "acme", "docs")
        hashes = uow.chunks.indexed_hashes("main", "acme", "docs", ["bare.md"])
        assert uow.chunks.indexed("main", "", "docs")["bare.md"].chunks == 0
    assert found == {"bare.md": IndexedVersion(raw_hash="1" * 64, recipe="recipe", chunks=3, chunks_digest="4" * 64)}
    assert hashes == {"bare.md": ("", "")}


def test_what_changes_after_the_upgrade_leaves_what_was_before_it_behind(upgraded: Engine) -> None:
    catalog = Catalog(upgraded, known_names)
    known = {name: value for name, value in CHUNK.items() if name != "first_seen"}
    with catalog.write() as uow:
        uow.chunks.save([ChunkRow(**{**known, "body_hash": "7" * 64})], NOW)
        uow.documents.mark("docs", ["bare.md"], DocumentState.SUSPECT, NOW)
    with catalog.read() as uow:
        past, present = uow.chunks.moments(CHUNK["chunk_id"])
        was, suspect = uow.documents.moments("docs", "bare.md")
    assert (past.seen_from, past.seen_until, past.body_hash) == (FIRST, NOW, "5" * 64)
    assert isinstance(present, ChunkMoment)
    assert (was.seen_from, was.seen_until, was.state) == (BODY, NOW, DocumentState.PRESENT)
    assert isinstance(suspect, DocumentMoment)
    assert suspect.state is DocumentState.SUSPECT


def test_an_upgrade_that_fails_on_its_way_leaves_the_first_revision_with_its_rows(blank_url: str) -> None:
    engine = create_catalog_engine(blank_url)
    with begin_write(engine) as connection:
        to_first(connection)
        fill(connection)
        connection.execute(text("CREATE TABLE retrieval (mine INTEGER)"))  # stands in the way of the last table
    with pytest.raises(KbgovError, match="refused a statement"):
        upgrade(engine)
    assert check(engine).current == "0001"
    with begin_read(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM chunk")).scalar_one() == 1201
        assert "chunk_old" not in inspect(connection).get_table_names()
    with begin_write(engine) as connection:
        connection.execute(text("DROP TABLE retrieval"))
    assert upgrade(engine).state is RevisionState.OK
    engine.dispose()
