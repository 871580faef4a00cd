"""What a pass saw, held against the catalog: on both databases the same chunks come back, whatever their ids are."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from governance.catalog.sightings import Differing, PartitionState, Sighting
from governance.catalog.unit_of_work import Catalog
from governance.domain.chunks import ChunkState
from governance.services.sighting import storable
from tests.catalog_rows import DIGEST, HOUR, NOW, chunk_row, key
from tests.log_rows import known_names

HOSTILE = [
    "it's",
    'say "no"',
    "back\\slash",
    "{}",
    "[1,2]",
    '{"a":["b"]}',
    "null",
    "NULL",
    "true",
    "0",
    "1e5",
    "-0",
    "",
    " ",
    "a b",
    "tab\tand\nline\r",
    "%s %(name)s :name ? $1",
    "a,b;c|d",
    "\x01\x1f\x7f",
    "é",
    "e\u0301",
    "日本語",
    "\U0001f600\U0010ffff",
    "\ufeffmark",
    "\u2028\u2029",
    "x" * 2000,
    "é" * 1000,
]


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def save(catalog: Catalog, *rows: object) -> None:
    with catalog.write() as uow:
        uow.chunks.save(rows, NOW)


def differing(catalog: Catalog, *seen: Sighting, partition: str = "") -> dict[str, Differing]:
    with catalog.read() as uow:
        found = uow.sightings.differing("main", partition, seen)
    assert len({item.chunk_id for item in found}) == len(found)
    return {item.chunk_id: item for item in found}


def test_what_is_as_it_was_does_not_come_back(catalog: Catalog) -> None:
    save(catalog, chunk_row("a"), chunk_row("b"))
    assert differing(catalog, Sighting("a", DIGEST + "|"), Sighting("b", DIGEST + "|")) == {}


def test_a_chunk_that_nobody_knows_comes_back_without_anything_known(catalog: Catalog) -> None:
    assert differing(catalog, Sighting("a", DIGEST + "|")) == {"a": Differing("a", None, None, None)}


def test_another_text_or_another_mark_comes_back_with_what_was_known(catalog: Catalog) -> None:
    save(catalog, chunk_row("text"), chunk_row("mark"))
    found = differing(catalog, Sighting("text", "e" * 32 + "|"), Sighting("mark", DIGEST + "stale|2026-03-01"))
    known = (ChunkState.PRESENT, DIGEST + "|", NOW)
    assert found == {"text": Differing("text", *known), "mark": Differing("mark", *known)}


def test_a_chunk_that_no_stream_has_shown_comes_back(catalog: Catalog) -> None:
    save(catalog, chunk_row("a", sighting=""))
    assert differing(catalog, Sighting("a", DIGEST + "|"))["a"].sighting == ""


@pytest.mark.parametrize(("end", "state"), [("mark_gone", ChunkState.GONE), ("remove", ChunkState.DELETED)])
def test_a_chunk_that_is_taken_for_gone_comes_back_though_it_looks_as_it_did(
    catalog: Catalog, end: str, state: ChunkState
) -> None:
    save(catalog, chunk_row("a"))
    with catalog.write() as uow:
        getattr(uow.chunks, end)([key("a")], NOW + HOUR)
    assert differing(catalog, Sighting("a", DIGEST + "|")) == {"a": Differing("a", state, DIGEST + "|", NOW + HOUR)}


def test_the_same_id_in_another_partition_or_index_is_another_chunk(catalog: Catalog) -> None:
    save(catalog, chunk_row("a", partition="acme"), chunk_row("a", index_name="other"))
    assert differing(catalog, Sighting("a", DIGEST + "|"))["a"].state is None
    assert differing(catalog, Sighting("a", DIGEST + "|"), partition="acme") == {}


def test_seeing_nothing_asks_nothing(catalog: Catalog) -> None:
    assert differing(catalog) == {}


def test_ids_come_back_as_they_are_whatever_is_in_them(catalog: Catalog) -> None:
    known, unknown = HOSTILE[::2], HOSTILE[1::2]
    save(catalog, *(chunk_row(chunk_id) for chunk_id in known))
    unchanged = [Sighting(chunk_id, DIGEST + "|") for chunk_id in known]
    assert differing(catalog, *unchanged) == {}
    fresh = [Sighting(chunk_id, DIGEST + "|") for chunk_id in unknown]
    changed = [Sighting(chunk_id, "e" * 32 + "|") for chunk_id in known]
    found = differing(catalog, *fresh, *changed)
    assert found.keys() == set(HOSTILE)
    assert {chunk_id for chunk_id, item in found.items() if item.state is None} == set(unknown)


def test_letters_that_look_alike_are_different_ids(catalog: Catalog) -> None:
    save(catalog, chunk_row("é"), chunk_row("A"))
    assert differing(catalog, Sighting("e\u0301", DIGEST + "|"), Sighting("a", DIGEST + "|")).keys() == {"e\u0301", "a"}


@given(ids=st.sets(st.text(max_size=30).filter(storable), max_size=12), data=st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_comes_back_is_what_a_comparison_in_memory_says(
    catalog: Catalog, ids: set[str], data: st.DataObject
) -> None:
    known = {chunk_id: data.draw(st.sampled_from(["x|", "y|"])) for chunk_id in sorted(ids) if data.draw(st.booleans())}
    seen = {chunk_id: data.draw(st.sampled_from(["x|", "y|"])) for chunk_id in sorted(ids)}
    with catalog.scratch() as uow:
        uow.chunks.save([chunk_row(chunk_id, sighting=sighting) for chunk_id, sighting in known.items()], NOW)
        found = uow.sightings.differing("main", "", [Sighting(*item) for item in seen.items()])
        prints = uow.sightings.prints("main", "")
        assert uow.sightings.counts("main", "").total() == len(known)
    assert {item.chunk_id for item in found} == {one for one, sighting in seen.items() if known.get(one) != sighting}
    assert sorted(prints) == sorted(hash(Sighting(*item)) for item in known.items())


def test_prints_are_of_what_is_there_in_one_partition_alone(catalog: Catalog) -> None:
    save(catalog, *(chunk_row(chunk_id) for chunk_id in "abc"), chunk_row("d", partition="acme"))
    with catalog.write() as uow:
        uow.chunks.remove([key("b")], NOW)
        uow.chunks.mark_gone([key("c")], NOW)
        assert list(uow.sightings.prints("main", "")) == [hash(Sighting("a", DIGEST + "|"))]
        assert list(uow.sightings.prints("main", "globex")) == []


def test_chunks_are_counted_by_state_and_named_in_order(catalog: Catalog) -> None:
    save(catalog, *(chunk_row(chunk_id) for chunk_id in ("b", "a", "B", "é", "c", "d")))
    with catalog.write() as uow:
        uow.chunks.remove([key("c")], NOW)
        uow.chunks.mark_gone([key("d")], NOW)
        found = uow.sightings.counts("main", "")
        assert (found[ChunkState.PRESENT], found[ChunkState.GONE], found[ChunkState.DELETED]) == (4, 1, 1)
        assert list(uow.sightings.ids("main", "")) == ["B", "a", "b", "é"]
        assert uow.sightings.counts("main", "acme").total() == 0


def test_statistics_can_be_renewed_on_both_databases(catalog: Catalog) -> None:
    save(catalog, chunk_row("a"))
    with catalog.write() as uow:
        uow.sightings.renew_statistics()


def test_a_partition_that_was_never_looked_at_has_a_state_without_anything(catalog: Catalog) -> None:
    with catalog.read() as uow:
        assert uow.sightings.state("main", "acme") == PartitionState(index_name="main", partition="acme")
        assert uow.sightings.states() == []


def test_the_state_of_a_partition_is_kept_and_replaced(catalog: Catalog) -> None:
    place, new = {"index_name": "main", "partition": "acme"}, "f" * 64
    begun = PartitionState(**place, cursor="c'1\"", pass_started=NOW, pass_recipe=new, recipe="old", chunks=3)
    done = PartitionState(**place, recipe=new, completed_at=NOW + HOUR, chunks=2**40)
    other = PartitionState(index_name="main", partition="")
    with catalog.write() as uow:
        uow.sightings.save_state(begun)
        assert uow.sightings.state("main", "acme") == begun
        uow.sightings.save_state(other)
        uow.sightings.save_state(done)
        assert uow.sightings.states() == [other, done]
