"""Whether the names of a source and of an index meet, and which strangers are then noted."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine

from governance.catalog.unit_of_work import Catalog
from governance.domain.documents import Document, DocumentState, ProblemCode
from governance.services.mapping import Mapped, map_source
from tests.catalog_rows import HOUR, NOW, chunk_row, document, key
from tests.log_rows import known_names

LATER = NOW + HOUR


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def listed(catalog: Catalog, *names: str, **facts: Any) -> None:
    with catalog.write() as uow:
        uow.documents.save([document(name, **facts) for name in names], NOW)


def indexed(catalog: Catalog, *names: str, **values: Any) -> None:
    with catalog.write() as uow:
        uow.chunks.save([chunk_row(f"{name}#", document=name, **values) for name in names], NOW)


def mapped(catalog: Catalog, *, believed: bool = True) -> Mapped:
    with catalog.write() as uow:
        return map_source(uow, "docs", "main", LATER, believed=believed)


def states(catalog: Catalog) -> dict[str, DocumentState]:
    with catalog.read() as uow:
        return {item.document: item.state for item in uow.documents.in_any_state("docs")}


def counts(found: Mapped) -> tuple[int, int, int, int]:
    return found.paths, found.met_paths, found.keys, found.met_keys


@pytest.mark.parametrize(
    ("both", "source_alone", "index_alone", "meets"),
    [
        ("ab", "", "", True),
        ("a", "b", "", True),
        ("a", "", "b", True),
        ("a", "bc", "", False),
        ("a", "", "bc", False),
        ("", "a", "b", False),
        ("", "a", "", False),
        ("", "", "a", False),
        ("", "", "", True),
    ],
)
def test_names_meet_when_half_of_either_side_does(
    catalog: Catalog, both: str, source_alone: str, index_alone: str, meets: bool
) -> None:
    listed(catalog, *both, *source_alone)
    indexed(catalog, *both, *index_alone)
    found = mapped(catalog)
    here = len(both)
    assert counts(found) == (here + len(source_alone), here, here + len(index_alone), here)
    assert found.meets is meets


def test_documents_without_a_word_or_that_nobody_can_read_are_not_expected_in_the_index(catalog: Catalog) -> None:
    listed(catalog, "a")
    listed(catalog, "empty", words=0)
    listed(catalog, "locked", unreadable=ProblemCode.NO_ACCESS)
    listed(catalog, "suspect", state=DocumentState.SUSPECT)
    listed(catalog, "gone", state=DocumentState.GONE)
    listed(catalog, "stranger", raw_hash="")
    listed(catalog, "hash-only", words=None)
    indexed(catalog, "a", "hash-only")
    assert counts(mapped(catalog)) == (2, 2, 2, 2)


def test_keys_meet_what_the_source_ever_had_and_not_what_only_an_index_spoke_of(catalog: Catalog) -> None:
    listed(catalog, "a")
    listed(catalog, "gone", state=DocumentState.GONE)
    listed(catalog, "stranger", raw_hash="", state=DocumentState.SUSPECT)
    indexed(catalog, "a", "gone", "stranger")
    assert counts(mapped(catalog)) == (1, 1, 3, 2)


def test_a_path_whose_chunks_are_gone_has_met_and_no_key_speaks_of_it(catalog: Catalog) -> None:
    listed(catalog, "a", "b")
    indexed(catalog, "a", "b")
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("b#")], LATER)
    assert counts(mapped(catalog)) == (2, 2, 1, 1)


def test_keys_that_no_rule_took_count_where_one_source_alone_can_be_meant(catalog: Catalog) -> None:
    listed(catalog, "a")
    indexed(catalog, "a")
    indexed(catalog, "/other/x", "/other/y", source="")
    indexed(catalog, "", source="", partition="acme")
    assert counts(mapped(catalog)) == (1, 1, 3, 1)
    indexed(catalog, "w", source="wiki")
    assert counts(mapped(catalog)) == (1, 1, 1, 1)


def test_strangers_are_noted_as_suspect_without_any_fact(catalog: Catalog) -> None:
    listed(catalog, "a", "b")
    indexed(catalog, "a", "b", "stranger")
    mapped(catalog)
    assert states(catalog) == {
        "a": DocumentState.PRESENT,
        "b": DocumentState.PRESENT,
        "stranger": DocumentState.SUSPECT,
    }
    with catalog.read() as uow:
        found: Document = uow.documents.get("docs", "stranger")
    assert (found.raw_hash, found.words, found.owner, found.first_seen) == ("", 0, None, LATER)
    before = states(catalog)
    mapped(catalog)
    assert states(catalog) == before


@pytest.mark.parametrize(("believed", "alone"), [(False, "x"), (True, "xyz")])
def test_nobody_is_a_stranger_to_a_listing_that_is_not_believed_or_whose_names_do_not_meet(
    catalog: Catalog, believed: bool, alone: str
) -> None:
    listed(catalog, "a")
    indexed(catalog, "a", *alone)
    mapped(catalog, believed=believed)
    assert states(catalog) == {"a": DocumentState.PRESENT}


def test_a_document_that_is_gone_is_no_stranger_when_its_chunks_are_still_there(catalog: Catalog) -> None:
    listed(catalog, "a")
    listed(catalog, "gone", state=DocumentState.GONE)
    indexed(catalog, "a", "gone")
    mapped(catalog)
    assert states(catalog)["gone"] is DocumentState.GONE


def test_only_chunks_that_are_there_make_a_stranger(catalog: Catalog) -> None:
    listed(catalog, "a")
    indexed(catalog, "a", "was-here")
    with catalog.write() as uow:
        uow.chunks.remove([key("was-here#")], LATER)
    mapped(catalog)
    assert states(catalog) == {"a": DocumentState.PRESENT}


def test_the_partitions_of_an_index_are_one_side_and_other_indexes_are_not(catalog: Catalog) -> None:
    listed(catalog, "a", "b")
    indexed(catalog, "a")
    indexed(catalog, "b", partition="acme")
    indexed(catalog, "c", index_name="other")
    assert counts(mapped(catalog)) == (2, 2, 2, 2)
