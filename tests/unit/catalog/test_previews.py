"""Previews in one transaction, and what is read for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from governance.catalog.chunks import ChunkRow, IndexedDocument
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.chunks import ChunkKey
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def chunk(index: str, chunk_id: str, document: str) -> ChunkRow:
    return ChunkRow(
        index_name=index,
        partition="",
        chunk_id=chunk_id,
        source="docs",
        document=document,
        position=0,
        body_hash="b",
        meta_hash="m",
    )


def adopt_and_stop(uow: UnitOfWork) -> None:
    uow.policy_sets.adopt("b" * 64, "{}", NOW)
    raise InterruptedError


def digests(catalog: Catalog, beginning: str = "") -> list[str]:
    with catalog.read() as uow:
        return [item.digest for item in uow.policy_sets.starting(beginning)]


def test_what_is_written_inside_a_preview_is_taken_back_at_its_end(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.policy_sets.adopt("a" * 64, "{}", NOW)
        for digest in ("b" * 64, "c" * 64):
            with uow.undone():
                uow.policy_sets.adopt(digest, "{}", NOW)
                assert [item.digest for item in uow.policy_sets.starting("")] == sorted(["a" * 64, digest])
            assert [item.digest for item in uow.policy_sets.starting("")] == ["a" * 64]
    assert digests(catalog) == ["a" * 64]


def test_a_preview_that_fails_takes_back_nothing_but_itself(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.policy_sets.adopt("a" * 64, "{}", NOW)
        with pytest.raises(InterruptedError), uow.undone():
            adopt_and_stop(uow)
    assert digests(catalog) == ["a" * 64]


def test_policy_sets_are_found_by_how_their_digests_begin_the_newest_first(catalog: Catalog) -> None:
    with catalog.write() as uow:
        for number, digest in enumerate(("aa%", "aab", "b")):
            uow.policy_sets.adopt(digest, f'{{"set": {number}}}', NOW + timedelta(days=number))
    assert digests(catalog, "aa") == ["aab", "aa%"]
    assert digests(catalog, "aa%") == ["aa%"]
    assert digests(catalog, "c") == []
    with catalog.read() as uow:
        (found,) = uow.policy_sets.starting("b")
    assert (found.body, found.first_used) == ('{"set": 2}', NOW + timedelta(days=2))


def test_every_index_that_a_document_stands_in_is_known(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.chunks.save([chunk("second", "1", "a"), chunk("first", "2", "a"), chunk("second", "3", "b")], NOW)
        uow.chunks.save([chunk("gone", "4", "a")], NOW)
        uow.chunks.mark_gone([ChunkKey("gone", "", "4")], NOW)
        uow.chunks.save_indexed(
            [
                IndexedDocument(
                    index_name="third",
                    partition="",
                    source="docs",
                    document="b",
                    raw_hash="r",
                    body_hash="b",
                    meta_hash="m",
                    recipe="x",
                    chunks=0,
                    chunks_digest="d",
                    indexed_at=NOW,
                )
            ]
        )
    with catalog.read() as uow:
        assert uow.chunks.indexes_of() == {("docs", "a"): ["first", "second"], ("docs", "b"): ["second", "third"]}
