"""Chunks and what they once were: history grows only when a chunk says something else."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Engine, select

from governance.catalog.chunks import ChunkMoment, ChunkRow, IndexedDocument, IndexedVersion, Marked
from governance.catalog.tables import chunk
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.chunks import ChunkKey, ChunkState
from governance.domain.ports import Signature
from tests.catalog_rows import DIGEST, HOUR, NOW, chunk_row, key
from tests.log_rows import known_names

LATER = NOW + HOUR
AGAIN = NOW + 2 * HOUR
OTHER = "e" * 32


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def save(catalog: Catalog, now: datetime, *rows: ChunkRow) -> None:
    with catalog.write() as uow:
        uow.chunks.save(rows, now)


def stored(uow: UnitOfWork, chunk_id: str = "a") -> Any:
    return uow.connection.execute(select(chunk).where(chunk.c.chunk_id == chunk_id)).one()


def moments(catalog: Catalog, chunk_id: str = "a") -> list[tuple[ChunkState, str, datetime, datetime | None]]:
    with catalog.read() as uow:
        found = uow.chunks.moments(chunk_id)
    return [(item.state, item.body_hash[:1], item.seen_from, item.seen_until) for item in found]


def test_a_chunk_is_given_back_as_it_was_saved(catalog: Catalog) -> None:
    row = chunk_row("é", made_by="hashed/1", words=12, anchor="a" * 16, inner_hash="i" * 32, citable=False, position=7)
    save(catalog, NOW, row)
    with catalog.read() as uow:
        assert list(uow.chunks.every()) == [row]
        assert uow.chunks.count() == 1
        found = stored(uow, "é")
        assert (found.first_seen, found.seen_from, found.gone_at) == (NOW, NOW, None)


def test_saving_the_same_again_leaves_no_history_and_keeps_since_when(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row())
    save(catalog, LATER, chunk_row())
    assert moments(catalog) == [(ChunkState.PRESENT, "b", NOW, None)]


@pytest.mark.parametrize(
    "changed",
    [{"meta_hash": "n" * 64}, {"position": 9}, {"sighting": OTHER + "|"}, {"words": 3}, {"citable": False}],
)
def test_what_stands_beside_a_chunk_may_change_without_history(catalog: Catalog, changed: dict[str, Any]) -> None:
    save(catalog, NOW, chunk_row())
    save(catalog, LATER, chunk_row(**changed))
    assert moments(catalog) == [(ChunkState.PRESENT, "b", NOW, None)]
    with catalog.read() as uow:
        assert list(uow.chunks.every()) == [chunk_row(**changed)]


@pytest.mark.parametrize("changed", [{"body_hash": "c" * 64}, {"document": "two.md"}, {"source": "wiki"}])
def test_a_chunk_that_says_something_else_is_another_one_and_leaves_what_it_was_behind(
    catalog: Catalog, changed: dict[str, Any]
) -> None:
    save(catalog, NOW, chunk_row())
    save(catalog, LATER, chunk_row(**changed))
    with catalog.read() as uow:
        past, present = uow.chunks.moments("a")
        assert stored(uow).first_seen == LATER
    assert (past.seen_from, past.seen_until, past.body_hash, past.document) == (NOW, LATER, "b" * 64, "one.md")
    assert (present.seen_from, present.seen_until) == (LATER, None)
    assert {name: getattr(present, name) for name in changed} == changed


def test_many_chunks_are_archived_at_once_and_no_other_ones(catalog: Catalog) -> None:
    ids = [f"chunk-{number:04}" for number in range(1200)]
    save(catalog, NOW, *(chunk_row(chunk_id) for chunk_id in ids))
    changed = dict.fromkeys(ids[::3], "c" * 64)
    save(catalog, LATER, *(chunk_row(chunk_id, body_hash=changed.get(chunk_id, "b" * 64)) for chunk_id in ids))
    with catalog.read() as uow:
        lengths = {chunk_id: len(uow.chunks.moments(chunk_id)) for chunk_id in (*ids[:6], *ids[-6:])}
    assert lengths == {chunk_id: 2 if chunk_id in changed else 1 for chunk_id in lengths}


def test_who_saves_without_having_streamed_leaves_the_sighting_of_an_unchanged_chunk(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("same"), chunk_row("changed"))
    save(catalog, LATER, chunk_row("same", sighting=""), chunk_row("changed", sighting="", body_hash="c" * 64))
    with catalog.read() as uow:
        assert stored(uow, "same").sighting == DIGEST + "|"
        assert stored(uow, "changed").sighting == ""


def test_what_was_written_beside_a_chunk_is_remembered_through_every_save(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row())
    with catalog.write() as uow:
        uow.chunks.write_marks("main", "", ["a"], "stale|2026-03-01")
    save(catalog, LATER, chunk_row(body_hash="c" * 64, sighting=OTHER + "|"))
    with catalog.read() as uow:
        assert list(uow.chunks.marks("main", "")) == [Marked("a", "docs", "one.md", OTHER + "|", "stale|2026-03-01")]


def test_a_mark_is_noted_as_the_next_look_will_show_it(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("b"), chunk_row("a"), chunk_row("unseen", sighting=""), chunk_row("other"))
    with catalog.write() as uow:
        uow.chunks.write_marks("main", "", ["a", "b", "unseen"], "fresh|")
        uow.chunks.write_marks("main", "", ["b"], "stale|2026-03-01")
        found = {item.chunk_id: (item.sighting, item.mark_written) for item in uow.chunks.marks("main", "")}
    assert found == {
        "a": (DIGEST + "fresh|", "fresh|"),
        "b": (DIGEST + "stale|2026-03-01", "stale|2026-03-01"),
        "other": (DIGEST + "|", ""),
        "unseen": ("", "fresh|"),
    }
    assert list(found) == ["a", "b", "other", "unseen"]


@pytest.mark.parametrize(("end", "state"), [("mark_gone", ChunkState.GONE), ("remove", ChunkState.DELETED)])
def test_a_chunk_that_ends_keeps_its_row_and_loses_what_detectors_remember(
    catalog: Catalog, end: str, state: ChunkState
) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("b"))
    signatures = [Signature("s/1", "k", chunk_id, key(chunk_id), "docs", "one.md") for chunk_id in "ab"]
    with catalog.write() as uow:
        uow.signatures.put(signatures)
        uow.chunks.write_marks("main", "", ["a"], "stale|")
        getattr(uow.chunks, end)([key("a"), key("nobody's")], LATER)
        assert list(uow.signatures.candidates("s/1")) == []
        row = stored(uow)
        assert (row.state, row.seen_from, row.gone_at, row.mark_written) == (state.value, LATER, LATER, "")
        assert row.first_seen == NOW
        assert [item.chunk_id for item in uow.chunks.every()] == ["b"]
        assert uow.chunks.deleted("main", "") == ({"a": LATER} if state is ChunkState.DELETED else {})
    assert moments(catalog) == [(ChunkState.PRESENT, "b", NOW, LATER), (state, "b", LATER, None)]


def test_what_has_ended_does_not_end_again(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row())
    with catalog.write() as uow:
        uow.chunks.remove([key("a")], LATER)
        uow.chunks.mark_gone([key("a")], AGAIN)
        uow.chunks.remove([key("a")], AGAIN)
    assert moments(catalog) == [(ChunkState.PRESENT, "b", NOW, LATER), (ChunkState.DELETED, "b", LATER, None)]


def test_a_chunk_that_comes_back_is_there_since_then(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row())
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("a")], LATER)
    save(catalog, AGAIN, chunk_row())
    assert moments(catalog) == [
        (ChunkState.PRESENT, "b", NOW, LATER),
        (ChunkState.GONE, "b", LATER, AGAIN),
        (ChunkState.PRESENT, "b", AGAIN, None),
    ]
    with catalog.read() as uow:
        assert (stored(uow).first_seen, stored(uow).gone_at) == (AGAIN, None)


def test_what_is_forgotten_keeps_its_history(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("a", partition="acme"))
    with catalog.write() as uow:
        uow.chunks.remove([key("a")], LATER)
        uow.chunks.forget([key("a")])
        assert uow.chunks.deleted("main", "") == {}
        assert uow.chunks.moments("a") == [
            ChunkMoment(
                index_name="main",
                partition="",
                chunk_id="a",
                state=ChunkState.PRESENT,
                source="docs",
                document="one.md",
                position=0,
                body_hash="b" * 64,
                seen_from=NOW,
                seen_until=LATER,
            ),
            ChunkMoment(
                index_name="main",
                partition="acme",
                chunk_id="a",
                state=ChunkState.PRESENT,
                source="docs",
                document="one.md",
                position=0,
                body_hash="b" * 64,
                seen_from=NOW,
                seen_until=None,
            ),
        ]


def test_an_id_that_was_never_there_has_no_moments(catalog: Catalog) -> None:
    with catalog.read() as uow:
        assert uow.chunks.moments("nobody's") == []


def test_deletions_can_be_asked_for_by_source(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("b", source="wiki"), chunk_row("c", partition="acme"))
    with catalog.write() as uow:
        uow.chunks.remove([key("a"), key("b"), key("c", partition="acme")], LATER)
        assert uow.chunks.deleted("main", "").keys() == {"a", "b"}
        assert uow.chunks.deleted("main", "", "wiki").keys() == {"b"}
        assert uow.chunks.deleted("main", "acme").keys() == {"c"}


def test_chunks_come_document_by_document_in_every_state_and_partition(catalog: Catalog) -> None:
    save(
        catalog,
        NOW,
        chunk_row("2", document="b.md"),
        chunk_row("1", document="b.md", partition="acme", made_by="hashed/1", words=5),
        chunk_row("1", document="b.md"),
        chunk_row("gone", document="B.md"),
        chunk_row("x", document="é.md"),
        chunk_row("y", document="a.md", source="wiki"),
        chunk_row("z", document="a.md", index_name="other"),
    )
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("gone")], LATER)
        found = list(uow.chunks.by_document("main", "docs"))
    assert [(name, [(item.partition, item.chunk_id) for item in chunks]) for name, chunks in found] == [
        ("B.md", [("", "gone")]),
        ("b.md", [("", "1"), ("", "2"), ("acme", "1")]),
        ("é.md", [("", "x")]),
    ]
    gone, own = found[0][1][0], found[1][1][2]
    assert (gone.state, gone.first_seen, gone.gone_at) == ("gone", NOW, LATER)
    assert (own.made_by, own.words, own.gone_at) == ("hashed/1", 5, None)


def test_documents_are_named_as_they_are_or_ever_were(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("b", document="two.md"), chunk_row("c", document="x", source="wiki"))
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("b")], LATER)
        assert uow.chunks.names("main", "docs", present=True) == {"one.md"}
        assert uow.chunks.names("main", "docs", present=False) == {"one.md", "two.md"}
        assert uow.chunks.names("other", "docs", present=False) == set()


def test_a_chunk_without_a_source_is_listed_until_it_is_attributed(catalog: Catalog) -> None:
    stray = {"source": "", "citable": False}
    save(catalog, NOW, chunk_row("b", document="k/2", **stray), chunk_row("a", document="", **stray), chunk_row("c"))
    save(catalog, NOW, chunk_row("d", document="k/1", **stray), chunk_row("e", document="k/1", **stray))
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("e")], LATER)
        assert uow.chunks.unattributed("main", "") == [("a", ""), ("d", "k/1"), ("b", "k/2")]
        assert uow.chunks.not_citable("main", "") == ["a", "b", "d"]
        uow.chunks.attribute("main", "", "b", "docs", "2.md")
        assert uow.chunks.unattributed("main", "") == [("a", ""), ("d", "k/1")]
        assert uow.chunks.not_citable("main", "") == ["a", "d"]
        assert uow.chunks.documents_of("main", "", ["a", "b", "e", "x"]) == {"a": ("", ""), "b": ("docs", "2.md")}


def test_places_sources_and_makers_are_those_of_any_chunk_that_is_known(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("b", partition="acme", source="wiki", made_by="hashed/1"))
    save(catalog, NOW, chunk_row("c", source=""), chunk_row("d", index_name="also", source="x"))
    with catalog.write() as uow:
        uow.chunks.mark_gone([key("a"), key("c")], LATER)
        assert uow.chunks.places() == [("also", ""), ("main", ""), ("main", "acme")]
        assert uow.chunks.sources("main") == {"docs", "wiki"}
        assert uow.chunks.makers("main") == {"", "hashed/1"}
        assert uow.chunks.facts_of("main", [("", "a"), ("acme", "b"), ("", "b")]) == {
            ("", "a"): "b" * 64,
            ("acme", "b"): "b" * 64,
        }


def test_present_ids_are_given_by_document(catalog: Catalog) -> None:
    save(catalog, NOW, *(chunk_row(f"{number}", document=f"{number % 2}.md") for number in range(5)))
    with catalog.write() as uow:
        uow.chunks.remove([key("2")], LATER)
        assert uow.chunks.ids_of("main", "", "docs", ["0.md", "1.md", "2.md"]) == {
            "0.md": {"0", "4"},
            "1.md": {"1", "3"},
        }


def test_what_our_ingester_brought_in_is_kept_by_partition(catalog: Catalog) -> None:
    version = IndexedVersion(raw_hash="r" * 64, recipe="recipe", chunks=3, chunks_digest="d" * 64)
    hashes = {"body_hash": "b" * 64, "meta_hash": "m" * 64, "indexed_at": NOW}
    rows = [
        IndexedDocument(
            index_name="main", partition=partition, source="docs", document=name, **hashes, **version._asdict()
        )
        for partition, name in (("", "one.md"), ("", "two.md"), ("acme", "one.md"))
    ]
    with catalog.write() as uow:
        uow.chunks.save_indexed(rows)
        uow.chunks.save_indexed(rows[:1])
        uow.chunks.remove_indexed("main", "", "docs", ["two.md", "three.md"])
        assert uow.chunks.indexed("main", "", "docs") == {"one.md": version}
        assert uow.chunks.indexed("main", "acme", "docs") == {"one.md": version}
        found = uow.chunks.indexed_hashes("main", "", "docs", ["one.md", "two.md"])
        assert found == {"one.md": ("b" * 64, "m" * 64)}
        assert uow.chunks.index_of() == {("docs", "one.md"): "main"}


def test_of_several_indexes_a_document_stands_in_the_first_by_name(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a", index_name="b"), chunk_row("a", index_name="a"), chunk_row("x", index_name="0"))
    with catalog.write() as uow:
        uow.chunks.mark_gone([ChunkKey("0", "", "x")], LATER)
        assert uow.chunks.index_of() == {("docs", "one.md"): "a"}


def test_whether_a_mark_of_ours_stands_anywhere_is_known(catalog: Catalog) -> None:
    save(catalog, NOW, chunk_row("a"), chunk_row("b"))
    with catalog.write() as uow:
        assert not uow.chunks.any_marked()
        uow.chunks.write_marks("main", "", ["a"], "|")
        assert not uow.chunks.any_marked()
        uow.chunks.write_marks("main", "", ["a"], "fresh|")
        assert uow.chunks.any_marked()
        uow.chunks.remove([key("a")], LATER)
        assert not uow.chunks.any_marked()
