from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from governance.catalog.chunks import ChunkRow
from governance.catalog.retrievals import DocumentRetrievals, Loaded
from governance.catalog.unit_of_work import Catalog
from governance.domain.chunks import ChunkKey, ChunkState
from tests.log_rows import known_names

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
A, B, C = ChunkKey("main", "", "a"), ChunkKey("main", "", "b"), ChunkKey("other", "acme", "a")


def row(key: ChunkKey, document: str) -> ChunkRow:
    return ChunkRow(
        index_name=key.index,
        partition=key.partition,
        chunk_id=key.chunk_id,
        source="docs",
        document=document,
        position=0,
        body_hash="0" * 64,
        meta_hash="0" * 64,
    )


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    found = Catalog(catalog_engine, known_names)
    with found.write() as uow:
        uow.chunks.save([row(A, "one.md"), row(B, "one.md"), row(C, "two.md")], NOW)
    return found


def test_counts_are_kept_replaced_and_cleared(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.retrievals.save({A: 3, C: 2**40}, NOW)
        uow.retrievals.save({A: 5}, NOW + timedelta(hours=1))
    with catalog.read() as uow:
        assert uow.retrievals.counts([A, B, C]) == {A: 5, C: 2**40}
        assert uow.retrievals.loaded() == Loaded(NOW + timedelta(hours=1), 2, 0)
    with catalog.write() as uow:
        uow.retrievals.clear("main")
        assert uow.retrievals.counts([A, C]) == {C: 2**40}
        uow.retrievals.clear("other", "globex")
        assert uow.retrievals.counts([A, C]) == {C: 2**40}
        uow.retrievals.clear()
        assert uow.retrievals.loaded() == Loaded(None, 0, 0)


def test_counts_are_summed_by_document_and_place(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.retrievals.save({A: 3, B: 4, C: 5, ChunkKey("main", "", "nobody's"): 9}, NOW)
        assert list(uow.retrievals.by_document()) == [
            DocumentRetrievals("main", "", "docs", "one.md", 7),
            DocumentRetrievals("other", "acme", "docs", "two.md", 5),
        ]
        assert uow.retrievals.loaded().unknown == 1


def test_a_chunk_that_is_gone_is_known_still(catalog: Catalog) -> None:
    with catalog.write() as uow:
        uow.retrievals.save({A: 3}, NOW)
        uow.chunks.mark_gone([A], NOW)
        assert uow.retrievals.loaded().unknown == 0
        found = [(place.key, place.state) for place in uow.retrievals.places(["a", "x"])]
        assert found == [(A, ChunkState.GONE), (C, ChunkState.PRESENT)]


def test_many_ids_at_once(catalog: Catalog) -> None:
    keys = [ChunkKey("main", "", f"chunk-{number}") for number in range(1200)]
    with catalog.write() as uow:
        uow.retrievals.save(dict.fromkeys(keys, 1), NOW)
        assert uow.retrievals.counts(keys) == dict.fromkeys(keys, 1)
        assert len(list(uow.retrievals.places(["a", "b", *(key.chunk_id for key in keys)]))) == 3
        uow.retrievals.forget(keys[1:])
        assert uow.retrievals.counts(keys) == {keys[0]: 1}
