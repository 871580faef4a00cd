"""An index that no source stands behind: its own metadata says what its documents are."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Engine

from governance.domain.chunks import Record
from governance.domain.documents import DayOrigin, Document, DocumentState, Problem, ProblemCode
from governance.domain.keys import ChunkFields, IndexLayout
from governance.services import observe_documents as module
from governance.services.observe_documents import observe_documents
from tests.index_look import Between, Look, Showing, record

SOURCE = "index:main"


@pytest.fixture
def world(catalog_engine: Engine) -> Look:
    return Look(catalog_engine, layout=IndexLayout())


def observe(world: Look, index: object = None) -> int:
    """Look at the index, then at what it says of its documents; give how many of them changed."""
    for partition in world.index.partitions():
        world.look(None if index is None else index.reader(partition), partition=partition)
    return observe_documents(world.catalog, index or world.index, world.layout.fields, world.context(), world.now)


def documents(world: Look) -> dict[str, Document]:
    with world.catalog.read() as uow:
        return {item.document: item for item in uow.documents.in_any_state(SOURCE)}


def one(world: Look, name: str = "one.md") -> Document:
    return documents(world)[name]


def test_facts_stand_beside_the_first_chunk(world: Look) -> None:
    world.layout = IndexLayout(fields=ChunkFields(position="page", modified="updated"))
    world.put(
        record("z", "First words here.", page=0, title="Leave", owner="HR", reviewed_on="2026-03-01", version="v2"),
        record("a", "Second words.", page=1, title="No title", owner="nobody"),
    )
    world.patch(["z"], {"review_interval": "6 months", "uri": "https://x/1", "labels": ["a", "b", "a", " ", 7]})
    world.patch(["z"], {"updated": "2026-02-01T10:00:00Z"})
    assert observe(world) == 1
    found = one(world)
    assert (found.title, found.owner, found.version, found.uri) == ("Leave", "HR", "v2", "https://x/1")
    assert (found.reviewed_on, found.review_interval) == (date(2026, 3, 1), "6 months")
    assert (found.changed_on, found.labels, found.words) == (date(2026, 2, 1), ("a", "b"), 5)
    assert (found.source, found.logical_id, found.problems) == (SOURCE, "one.md", ())


def test_chunks_without_a_position_come_by_their_id_and_behind_those_that_have_one(world: Look) -> None:
    world.layout = IndexLayout(fields=ChunkFields(position="page"))
    world.put(record("b", title="B"), record("a", title="A"), record("c", title="C"))
    observe(world)
    assert one(world).title == "A"
    world.patch(["c"], {"page": 9})
    observe(world)
    assert one(world).title == "C"


def test_the_fields_are_those_that_the_configuration_names(world: Look) -> None:
    world.layout = IndexLayout(fields=ChunkFields(title="name", owner=None, reviewed_on="checked"))
    world.put(record("a", title="no", owner="no", reviewed_on="2020-01-01", name="yes", checked="1 March 2026"))
    observe(world)
    found = one(world)
    assert (found.title, found.owner, found.reviewed_on) == ("yes", None, date(2026, 3, 1))


def test_fields_that_are_configured_later_are_read_though_no_chunk_changed(world: Look) -> None:
    world.put(record("a", team="HR", checked="2026-03-01"))
    observe(world)
    assert (one(world).owner, one(world).reviewed_on) == (None, None)
    world.layout = IndexLayout(fields=ChunkFields(owner="team", reviewed_on="checked"))
    assert observe(world) == 1
    assert (one(world).owner, one(world).reviewed_on) == ("HR", date(2026, 3, 1))
    assert observe(world) == 0


def test_a_document_without_any_facts_is_called_by_its_key(world: Look) -> None:
    world.put(record("a", "Some words."))
    observe(world)
    found = one(world)
    assert (found.title, found.uri, found.owner, found.labels) == ("one.md", "one.md", None, ())


def test_what_cannot_be_read_is_a_problem_of_its_field(world: Look) -> None:
    world.layout = IndexLayout(fields=ChunkFields(modified="updated"))
    world.put(record("a", reviewed_on="soon", review_interval="often", updated="yesterday"))
    observe(world)
    found = one(world)
    assert set(found.problems) == {
        Problem(ProblemCode.BAD_DATE, "reviewed_on"),
        Problem(ProblemCode.BAD_INTERVAL, "review_interval"),
        Problem(ProblemCode.BAD_DATE, "modified"),
    }


def test_an_unchanged_document_is_not_read_again(world: Look) -> None:
    world.put(record("a"), record("b", source="two.md"))
    assert observe(world) == 2
    index = Reading(world)
    assert observe(world, index) == 0
    assert index.fetched() == []
    world.put(record("b", "Other words.", source="two.md"))
    index = Reading(world)
    assert observe(world, index) == 1
    assert index.fetched() == ["b"]


class Reading:
    """The index, with a record of what was fetched from it."""

    def __init__(self, world: Look) -> None:
        self.name = "main"
        self._world = world
        self._readers: list[Between] = []

    def reader(self, partition: str = "") -> Between:
        self._readers.append(Between(self._world.index.reader(partition), {}))
        return self._readers[-1]

    def fetched(self) -> list[str]:
        return [chunk_id for reader in self._readers for chunk_id in reader.fetched]


def test_a_change_beside_a_chunk_is_a_new_version_of_its_document_with_the_same_body(world: Look) -> None:
    world.put(record("a", title="One"))
    observe(world)
    before = one(world)
    world.put(record("a", title="Uno"))
    assert observe(world) == 1
    after = one(world)
    assert (after.title, after.body_hash, after.body_seen_at) == ("Uno", before.body_hash, before.body_seen_at)
    assert after.raw_hash != before.raw_hash
    assert after.meta_hash != before.meta_hash
    world.put(record("a", "Another text.", title="Uno"))
    observe(world)
    assert one(world).body_hash != before.body_hash
    assert one(world).body_seen_at == world.now


def test_a_status_that_is_written_beside_chunks_is_no_new_version(world: Look) -> None:
    world.put(record("a"))
    observe(world)
    world.patch(["a"], {"kb_status": "stale", "kb_review_due": "2026-03-01"})
    assert observe(world) == 0


def test_a_document_without_chunks_is_gone_at_once_and_may_come_back(world: Look) -> None:
    world.put(record("a"), record("b", source="two.md"))
    observe(world)
    world.delete("a")
    assert observe(world) == 1
    assert {name: item.state for name, item in documents(world).items()} == {
        "one.md": DocumentState.GONE,
        "two.md": DocumentState.PRESENT,
    }
    assert observe(world) == 0
    world.put(record("a"))
    assert observe(world) == 1
    assert one(world).state is DocumentState.PRESENT
    with world.catalog.read() as uow:
        states = [item.state for item in uow.documents.moments(SOURCE, "one.md")]
    assert states == [DocumentState.PRESENT, DocumentState.GONE, DocumentState.PRESENT]


def test_chunks_of_several_tenants_make_one_document(world: Look) -> None:
    world.put(record("a", "One two.", title="A"), partition="acme")
    world.put(record("b", "Three.", title="B"), record("x", source="two.md"), partition="globex")
    assert observe(world) == 2
    assert (one(world).title, one(world).words) == ("A", 3)
    world.delete("b", partition="globex")
    assert observe(world) == 1
    assert (one(world).state, one(world).words) == (DocumentState.PRESENT, 2)


def test_chunks_that_name_no_document_make_none(world: Look) -> None:
    world.put(Record("a", "Words.", {}), Record("b", "Words.", {"source": 7}))
    assert observe(world) == 1
    assert list(documents(world)) == ["7"]


def test_more_documents_than_are_read_at_once(world: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH", 3)
    world.put(*(record(f"{number:03}", source=f"{number // 2}.md") for number in range(21)))
    assert observe(world) == 11
    world.put(*(record(f"{number:03}", "Other.", source=f"{number // 2}.md") for number in range(0, 21, 4)))
    assert observe(world) == 6
    assert observe(world) == 0


def test_a_chunk_that_went_before_it_was_read_leaves_a_document_by_what_is_left(world: Look) -> None:
    world.layout = IndexLayout(fields=ChunkFields(position="page"))
    world.put(record("a", page=0, title="A"), record("b", page=1, title="B"), record("c", source="two.md", title="C"))
    world.look()
    world.delete("a", "c")
    observe_documents(world.catalog, world.index, world.layout.fields, world.context(), world.now)
    assert (one(world).title, one(world, "two.md").title) == ("B", "two.md")
    observe(world)
    assert one(world).title == "B"
    assert one(world, "two.md").state is DocumentState.GONE


@pytest.mark.parametrize(
    "bad",
    ["\0", "a\0b", "lone \ud800", "x" * 5000, float("nan"), float("inf"), True, ["\0", "\ud800"], {"a": 1}, 10**400],
)
def test_no_metadata_stops_it(world: Look, bad: Any) -> None:
    names = ("title", "uri", "owner", "reviewed_on", "review_interval", "version", "labels", "updated")
    world.layout = IndexLayout(fields=ChunkFields(modified="updated"))
    index = Odd(world, [[record("a", **dict.fromkeys(names, bad))]])
    assert observe(world, index) == 1
    found = one(world)
    assert found.title
    assert found.uri
    if isinstance(bad, float):
        assert (found.title, found.owner, found.version, found.problems) == ("one.md", None, None, ())
    assert observe(world, index) == 0


class Odd:
    """An index that gives what no store of ours would take."""

    def __init__(self, world: Look, pages: list[list[Record]]) -> None:
        self.name = "main"
        self._world = world
        self._pages = pages

    def reader(self, partition: str = "") -> Showing:
        return Showing(self._world.index.reader(partition), self._pages)


def test_numbers_are_facts_as_they_are_written(world: Look) -> None:
    world.put(record("a", version=2, title=2026, owner=7.5))
    observe(world)
    assert (one(world).version, one(world).title, one(world).owner) == ("2", "2026", "7.5")


def test_an_index_that_is_empty_has_no_documents(world: Look) -> None:
    assert observe(world) == 0
    assert documents(world) == {}


def test_attributes_and_the_day_of_making_come_from_the_fields_that_are_named(world: Look) -> None:
    world.put(record("a", department=["HR", 7, " HR "], public=True, born="2020-01-02T10:00:00Z", other="x"))
    observe(world)
    assert (one(world).attributes, one(world).created_on) == ({}, None)
    world.layout = IndexLayout(fields=ChunkFields(created="born", metadata=("department", "public", "absent")))
    assert observe(world) == 1
    found = one(world)
    assert found.attributes == {"department": ("HR", "7"), "public": ("true",)}
    assert (found.created_on, found.created_from, found.problems) == (date(2020, 1, 2), DayOrigin.DOCUMENT, ())


@pytest.mark.parametrize("bad", [{"deep": 1}, ["a", {"deep": 1}], [["a"]]])
def test_an_attribute_that_cannot_be_used_is_a_problem(world: Look, bad: Any) -> None:
    world.layout = IndexLayout(fields=ChunkFields(created="born", metadata=("department", "long")))
    index = Odd(world, [[record("a", department=bad, long="x" * 3000, born="soon")]])
    observe(world, index)
    assert one(world).attributes == {}
    assert set(one(world).problems) == {
        Problem(ProblemCode.NOT_A_SCALAR, "metadata.department"),
        Problem(ProblemCode.TOO_LARGE, "metadata.long"),
        Problem(ProblemCode.BAD_DATE, "created_on"),
    }


@pytest.mark.parametrize("nothing", [None, "", float("nan"), [], [None, " "]])
def test_an_attribute_that_says_nothing_is_none(world: Look, nothing: Any) -> None:
    world.layout = IndexLayout(fields=ChunkFields(metadata=("department",)))
    observe(world, Odd(world, [[record("a", department=nothing)]]))
    assert (one(world).attributes, one(world).problems) == ({}, ())
