"""One look at a partition of an index, and the next one: the catalog then knows what the store shows, and no more."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from governance.catalog.engine import create_catalog_engine
from governance.catalog.migrate import upgrade
from governance.catalog.tables import chunk_history
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.chunks import ChunkState, Record
from governance.domain.documents import DocumentState
from governance.domain.errors import IndexUnreachable, LockHeld
from governance.domain.keys import ChunkFields, IndexLayout, KeyCase, KeyRule
from governance.domain.values import vector_of
from governance.services import observe_index
from governance.services.observe_index import RESUME_WITHIN, SAVE_EVERY
from tests.catalog_rows import document, key
from tests.index_look import DOCS, Between, Look, Showing, record, unreachable, without_resuming

PRESENT, GONE, DELETED = ChunkState.PRESENT.value, ChunkState.GONE.value, ChunkState.DELETED.value


@pytest.fixture
def world(catalog_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Look:
    monkeypatch.setattr(observe_index, "PAGE", 2)
    return Look(catalog_engine)


def fill(world: Look, names: str) -> None:
    world.put(*(record(name, f"Text of {name}.") for name in names))


def history(world: Look) -> int:
    with world.catalog.read() as uow:
        return uow.connection.execute(select(func.count()).select_from(chunk_history)).scalar_one()


def test_the_first_look_adds_all_and_the_second_changes_nothing(world: Look) -> None:
    fill(world, "abcde")
    first = world.look()
    assert (first.counts["chunks"], first.counts["added"]) == (5, 5)
    rows = world.chunks("state", "source", "document", "seen_from")
    assert rows == dict.fromkeys("abcde", (PRESENT, "docs", "one.md", world.now))
    begun = world.now
    second = world.look()
    assert second.counts == {"chunks": 5, "gone": 0}
    assert world.chunks("seen_from") == dict.fromkeys("abcde", begun)
    assert history(world) == 0
    state = world.pass_state()
    assert (state.cursor, state.pass_started, state.completed_at, state.chunks) == (None, None, world.now, 5)


def test_an_empty_index_is_looked_at_too(world: Look) -> None:
    assert world.look().counts == {"gone": 0}
    assert world.pass_state().completed_at == world.now


def test_what_changed_is_counted_and_what_only_stands_beside_it_leaves_no_history(world: Look) -> None:
    fill(world, "abcd")
    world.look()
    world.put(record("a", "Another text."), record("b", "Text of b.", page=7))
    world.patch(["c"], {"kb_status": "stale"})
    found = world.look()
    assert (found.counts["changed"], found.counts["added"], found.counts["gone"]) == (2, 0, 0)
    assert history(world) == 1
    marks = world.chunks("sighting")
    assert marks["c"][32:] == "stale|"
    assert world.look().counts == {"chunks": 4, "gone": 0}


def test_a_chunk_that_the_index_no_longer_shows_is_gone_and_may_come_back(world: Look) -> None:
    fill(world, "abc")
    world.look()
    world.delete("b")
    assert world.look().counts["gone"] == 1
    assert world.states() == {"a": PRESENT, "b": GONE, "c": PRESENT}
    assert world.look().counts["gone"] == 0
    fill(world, "b")
    assert world.look().counts["added"] == 1
    assert world.states() == dict.fromkeys("abc", PRESENT)


def test_a_chunk_that_the_stream_missed_and_the_store_has_is_not_gone(world: Look) -> None:
    fill(world, "abc")
    world.look()
    reader = Between(Showing(world.index.reader(), [[record("a", "Text of a.")]]), {})
    found = world.look(reader)
    assert found.counts["gone"] == 2
    reader = Showing(world.index.reader(), [[record("a", "Text of a.")], []])
    reader.fetch = world.index.reader().fetch
    world.put(record("c", "Text of c."))
    world.look()
    assert world.look(reader).counts["gone"] == 0
    assert world.states() == dict.fromkeys("abc", PRESENT)


def test_a_record_that_others_move_while_the_stream_is_read_is_neither_gone_nor_repeated(world: Look) -> None:
    fill(world, "abcdef")
    world.look()

    def move() -> None:
        world.delete("a", "f")
        fill(world, "af")

    for number in (1, 2):
        found = world.look(Between(world.index.reader(), {number: move}))
        assert (found.counts["gone"], found.counts["changed"], found.repeated) == (0, 0, {})
        assert world.states() == dict.fromkeys("abcdef", PRESENT)


def test_a_record_that_is_deleted_after_it_was_given_is_gone_at_the_next_look(world: Look) -> None:
    fill(world, "abcd")
    world.look(Between(world.index.reader(), {1: lambda: world.delete("a")}))
    assert world.states()["a"] == PRESENT
    assert world.look().counts["gone"] == 1


def interrupted(world: Look, before_page: int, deed: Callable[[], None] = unreachable) -> Between:
    """Begin a look that the store breaks off before it gives a page."""
    reader = Between(world.index.reader(), {before_page: deed})
    with pytest.raises(IndexUnreachable):
        world.look(reader)
    return reader


def test_an_interrupted_look_goes_on_behind_what_it_saved(world: Look) -> None:
    fill(world, "abcdefg")
    interrupted(world, 2)
    assert world.states() == dict.fromkeys("abcd", PRESENT)
    kept = world.pass_state()
    assert (kept.cursor, kept.pass_started, kept.completed_at) == ("m1.4", world.now, None)
    reader = Between(world.index.reader(), {})
    found = world.look(reader)
    assert found.resumed
    assert reader.cursors == ["m1.4"]
    assert (found.counts["added"], found.counts["chunks"], found.counts["gone"]) == (3, 7, 0)
    assert world.states() == dict.fromkeys("abcdefg", PRESENT)
    assert set(world.chunks("seen_from").values()) == {kept.pass_started}
    assert world.pass_state().chunks == 7


def test_what_went_while_a_look_was_interrupted_is_found_by_asking_the_store(world: Look) -> None:
    fill(world, "abcdefg")
    world.look()
    world.put(record("a", "Another text."))
    interrupted(world, 2)
    world.delete("b", "f")
    reader = Between(world.index.reader(), {})
    found = world.look(reader)
    assert found.resumed
    assert (found.counts["gone"], found.counts["chunks"]) == (2, 5)
    assert world.states() == {**dict.fromkeys("acdeg", PRESENT), "b": GONE, "f": GONE}
    assert set("ab") <= set(reader.fetched)


def test_pages_without_a_change_are_saved_now_and_then(world: Look) -> None:
    world.put(*(record(f"{number:03}") for number in range(2 * SAVE_EVERY + 10)))
    world.look()
    interrupted(world, SAVE_EVERY + 3)
    assert world.pass_state().cursor == f"m1.{2 * SAVE_EVERY}"


def test_a_second_interruption_goes_on_from_the_second_place(world: Look) -> None:
    fill(world, "abcdefgh")
    interrupted(world, 1)
    interrupted(world, 1)
    assert world.pass_state().cursor == "m1.4"
    assert world.look().resumed
    assert world.states() == dict.fromkeys("abcdefgh", PRESENT)


def test_a_look_with_vectors_neither_goes_on_nor_lets_others_go_on_with_less(world: Look) -> None:
    fill(world, "abcdef")
    interrupted(world, 2)
    reader = Between(world.index.reader(), {})
    found = world.look(reader, vectors=True)
    assert not found.resumed
    assert reader.cursors == [None]
    assert found.vectors.chunks == 6


@pytest.mark.parametrize("why", ["asked not to", "too old", "another recipe", "cursors do not last"])
def test_an_interrupted_look_begins_anew_when_it(world: Look, why: str) -> None:
    fill(world, "abcdef")
    interrupted(world, 2)
    reader = Between(world.index.reader(), {})
    if why == "too old":
        world.now += RESUME_WITHIN
    elif why == "another recipe":
        world.layout = IndexLayout(keys=(("docs", KeyRule(url_decode=True)),))
    elif why == "cursors do not last":
        reader = without_resuming(world.index.reader())
    found = world.look(reader, resume=why != "asked not to")
    assert not found.resumed
    assert reader.cursors == [None]
    assert world.states() == dict.fromkeys("abcdef", PRESENT)


def test_a_look_that_ended_is_not_gone_on_with(world: Look) -> None:
    fill(world, "abc")
    world.look()
    assert not world.look().resumed


def test_whoever_lost_the_work_to_another_process_writes_nothing(world: Look) -> None:
    fill(world, "abc")
    calls = []

    def fence(_uow: UnitOfWork) -> None:
        calls.append(1)
        if len(calls) > 2:
            raise LockHeld("somebody else is at it", item="main")

    with pytest.raises(LockHeld):
        world.look(fence=fence)
    assert world.states() == dict.fromkeys("ab", PRESENT)


def test_an_id_given_twice_on_one_page_is_counted_when_its_contents_differ(world: Look) -> None:
    shown = [
        record("a", "One."),
        record("a", "Two."),
        record("b"),
        record("b"),
        record("c", "One."),
        record("c", page=2),
    ]
    found = world.look(Showing(world.index.reader(), [shown]))
    assert found.repeated == {"a": 2, "c": 2}
    assert found.counts == {"chunks": 3, "added": 3, "gone": 0}


@pytest.mark.parametrize(
    "second", [record("a", "Two."), record("a", "One.", page=2), record("a", "One.", source="two.md")]
)
def test_an_id_given_twice_in_one_stream_is_counted_at_every_look(world: Look, second: Record) -> None:
    pages = [[record("a", "One."), record("b")], [record("c"), second], [record("a", "One."), record("d")]]
    looks = [world.look(Showing(world.index.reader(), pages)) for _ in range(4)]
    assert [list(item.repeated) for item in looks] == [["a"]] * 4
    assert [item.counts["changed"] for item in looks] == [0] * 4
    assert [item.counts["gone"] for item in looks] == [0] * 4


def test_an_id_that_begins_to_be_given_twice_is_counted_at_once(world: Look) -> None:
    alone = [[record("a", "One.")], [record("b")]]
    assert world.look(Showing(world.index.reader(), alone)).repeated == {}
    twice = [*alone, [record("a", "Two.")]]
    for _ in range(3):
        found = world.look(Showing(world.index.reader(), twice))
        assert (found.repeated, found.counts["changed"]) == ({"a": 2}, 0)
    assert world.look(Showing(world.index.reader(), alone)).repeated == {}


def test_an_id_whose_known_content_comes_behind_another_one_is_counted_too(world: Look) -> None:
    world.look(Showing(world.index.reader(), [[record("a", "Two.")]]))
    pages = [[record("a", "One.")], [record("b")], [record("a", "Two.")]]
    for changed in (1, 0):
        found = world.look(Showing(world.index.reader(), pages))
        assert (found.repeated, found.counts["changed"]) == ({"a": 2}, changed)


def test_the_same_content_twice_or_with_another_mark_is_no_repetition(world: Look) -> None:
    marked = record("a", "One.", kb_status="stale")
    pages = [[record("a", "One."), record("a", "One.")], [record("a", "One.")], [marked]]
    for _ in range(3):
        assert world.look(Showing(world.index.reader(), pages)).repeated == {}


def test_an_id_that_was_given_before_the_interruption_is_counted_after_it(world: Look) -> None:
    pages = [[record("a", "One.")], [record("b")], [record("a", "Two.")]]
    whole = Showing(world.index.reader(), pages)
    broken = Between(whole, {2: unreachable})
    with pytest.raises(IndexUnreachable):
        world.look(broken)
    found = world.look(whole)
    assert found.resumed
    assert found.repeated == {"a": 2}


def known_document(world: Look, state: DocumentState) -> None:
    with world.catalog.write() as uow:
        uow.documents.save([document("one.md", state=state)], world.now)


def delete_by_gate(world: Look, *ids: str) -> None:
    with world.catalog.write() as uow:
        uow.chunks.remove([key(chunk_id) for chunk_id in ids], world.now)


@pytest.mark.parametrize("state", [DocumentState.GONE, DocumentState.SUSPECT, None])
def test_a_deleted_chunk_that_is_there_unchanged_is_a_ghost_at_every_look(
    world: Look, state: DocumentState | None
) -> None:
    fill(world, "abc")
    if state is not None:
        known_document(world, state)
    world.look()
    delete_by_gate(world, "b")
    for _ in range(2):
        found = world.look()
        assert (found.ghosts, found.counts["chunks"], found.counts["added"], found.counts["gone"]) == (1, 3, 0, 0)
        assert world.states() == {"a": PRESENT, "b": DELETED, "c": PRESENT}


def test_a_deleted_chunk_that_is_not_there_is_forgotten_and_its_history_stays(world: Look) -> None:
    fill(world, "abc")
    world.look()
    world.delete("b")
    delete_by_gate(world, "b")
    found = world.look()
    assert (found.ghosts, found.counts["gone"]) == (0, 0)
    assert world.states() == {"a": PRESENT, "c": PRESENT}
    with world.catalog.read() as uow:
        assert len(uow.chunks.moments("b")) == 1


def test_a_deleted_chunk_whose_document_is_there_was_brought_back(world: Look) -> None:
    fill(world, "ab")
    known_document(world, DocumentState.PRESENT)
    world.look()
    delete_by_gate(world, "b")
    found = world.look()
    assert (found.ghosts, found.counts["added"]) == (0, 1)
    assert world.states() == dict.fromkeys("ab", PRESENT)


def test_a_deleted_chunk_that_says_something_else_was_written_anew(world: Look) -> None:
    fill(world, "ab")
    known_document(world, DocumentState.GONE)
    world.look()
    delete_by_gate(world, "a", "b")
    world.put(record("b", "Another text."))
    world.patch(["a"], {"kb_status": "stale"})
    found = world.look()
    assert (found.ghosts, found.counts["added"]) == (1, 1)
    assert world.states() == {"a": DELETED, "b": PRESENT}


def test_a_ghost_that_was_seen_before_the_interruption_is_not_taken_for_forgotten(world: Look) -> None:
    fill(world, "abcdef")
    world.look()
    delete_by_gate(world, "a")
    world.put(record("b", "Another text."))
    interrupted(world, 2)
    found = world.look()
    assert found.resumed
    assert found.counts["gone"] == 0
    assert world.states()["a"] == DELETED


def test_another_way_of_finding_documents_makes_all_rows_anew_and_is_no_change(world: Look) -> None:
    world.put(*(record(name, source="/app/one.md") for name in "abcde"))
    world.look()
    assert set(world.chunks("document").values()) == {"/app/one.md"}
    world.layout = IndexLayout(keys=(("docs", KeyRule(strip_prefix="/app/")),), fields=ChunkFields(position="page"))
    found = world.look()
    assert found.counts == {"chunks": 5, "gone": 0}
    assert set(world.chunks("document").values()) == {"one.md"}
    assert world.look().counts == {"chunks": 5, "gone": 0}


def test_rows_that_are_made_anew_in_a_look_that_is_interrupted_are_made_anew_to_the_end(world: Look) -> None:
    world.put(*(record(name, source="/app/one.md") for name in "abcdefg"))
    world.look()
    world.layout = IndexLayout(keys=(("docs", KeyRule(strip_prefix="/app/")),))
    interrupted(world, 2)
    found = world.look()
    assert found.resumed
    assert set(world.chunks("document").values()) == {"one.md"}


def test_a_chunk_without_a_source_finds_its_document_when_that_is_known(world: Look) -> None:
    world.layout = IndexLayout(keys=(("docs", KeyRule()), ("wiki", KeyRule())))
    world.put(record("a", source="new.md"), record("b", source="other.md"), record("c", source=7))
    world.look()
    assert world.chunks("source", "document") == {"a": ("", "new.md"), "b": ("", "other.md"), "c": ("", "7")}
    assert world.chunks("citable")["a"] is False
    with world.catalog.write() as uow:
        uow.documents.save([document("new.md", source="wiki")], world.now)
    found = world.look()
    assert found.counts == {"chunks": 3, "gone": 0}
    assert world.chunks("source", "document", "citable")["a"] == ("wiki", "new.md", True)
    assert world.chunks("source")["b"] == ""


@pytest.mark.parametrize(
    ("rule", "written", "path", "uri"),
    [
        (KeyRule(case=KeyCase.IGNORE), "HR/Leave.md", "hr/leave.md", "x"),
        (KeyRule(strip_prefix="/app/", case=KeyCase.IGNORE), "/app/HR/Leave.md", "hr/leave.md", "x"),
        (KeyRule(), "https://wiki.example/leave", "hr/leave.md", "https://wiki.example/leave"),
    ],
)
def test_a_chunk_that_was_taken_for_a_stranger_finds_its_document_when_that_is_known(
    world: Look, rule: KeyRule, written: str, path: str, uri: str
) -> None:
    world.layout = IndexLayout(keys=(("docs", rule),))
    world.put(record("a", source=written))
    world.look()
    with world.catalog.write() as uow:
        uow.documents.save([document(path, uri=uri)], world.now)
    world.look()
    assert world.chunks("source", "document") == {"a": ("docs", path)}


def test_a_stranger_belongs_to_the_source_that_lists_it_of_those_that_read_keys_alike(world: Look) -> None:
    rule = KeyRule(strip_prefix="/app/")
    world.layout = IndexLayout(keys=(("docs", rule), ("wiki", rule), ("zoo", KeyRule(strip_prefix="/zoo/"))))
    world.put(record("a", source="/app/new.md"), record("b", source="/app/zoo.md"))
    world.look()
    assert set(world.chunks("source").values()) == {"docs"}
    with world.catalog.write() as uow:
        uow.documents.save([document("new.md", source="wiki"), document("zoo.md", source="zoo")], world.now)
    world.look()
    assert world.chunks("source", "document") == {"a": ("wiki", "new.md"), "b": ("docs", "zoo.md")}


def test_a_chunk_of_ours_keeps_the_document_that_it_names(world: Look) -> None:
    world.layout = IndexLayout(keys=(("docs", KeyRule(case=KeyCase.IGNORE)),))
    world.put(record("a", kb_source="docs", kb_document="New.md", kb_embedder="hashed/1"))
    world.look()
    with world.catalog.write() as uow:
        uow.documents.save([document("new.md")], world.now)
    world.look()
    assert world.chunks("source", "document") == {"a": ("docs", "New.md")}


def test_a_document_that_is_listed_while_the_stream_is_read_is_found_at_the_next_look(world: Look) -> None:
    world.layout = IndexLayout(keys=(("docs", KeyRule(case=KeyCase.IGNORE)), ("wiki", KeyRule())))
    world.put(record("a", source="NEW.md"), record("b", source="two.md"), record("c", source="c.md"))

    def listed() -> None:
        with world.catalog.write() as uow:
            uow.documents.save([document("new.md")], world.now)

    world.look(Between(world.index.reader(), {1: listed}))
    assert world.chunks("source", "document")["a"] == ("", "NEW.md")
    world.look()
    assert world.chunks("source", "document")["a"] == ("docs", "new.md")


def test_tenants_are_looked_at_one_by_one(world: Look) -> None:
    for partition in ("acme", "globex"):
        world.put(record("a", partition), record("b", partition), partition=partition)
        assert world.look(partition=partition).counts["added"] == 2
    world.delete("a", partition="acme")
    assert world.look(partition="acme").counts["gone"] == 1
    assert world.look(partition="globex").counts == {"chunks": 2, "gone": 0}
    assert world.states("acme") == {"a": GONE, "b": PRESENT}
    assert world.states("globex") == {"a": PRESENT, "b": PRESENT}
    assert world.states("") == {}


@pytest.mark.parametrize("chunk_id", ["a\0b", "lone \ud800", "x" * 2001, "é" * 1001])
def test_an_id_that_no_catalog_can_hold_is_counted_and_left_out(world: Look, chunk_id: str) -> None:
    found = world.look(Showing(world.index.reader(), [[record("a"), record(chunk_id)], [record(chunk_id, "Two.")]]))
    assert found.counts == {"chunks": 1, "added": 1, "unstorable": 2, "gone": 0}
    assert world.states() == {"a": PRESENT}


def test_the_longest_ids_fit_both_databases(world: Look) -> None:
    ids = ["".join(chr(0x4E00 + (place * 7919 + salt) % 20000) for place in range(666)) for salt in range(3)]
    world.put(*(record(chunk_id) for chunk_id in ids), partition="t" * 200)
    assert world.look(partition="t" * 200).counts["added"] == 3
    assert world.look(partition="t" * 200).counts == {"chunks": 3, "gone": 0}


@pytest.mark.parametrize(
    "bad", ["\0", "lone \ud800", "x" * 5000, float("nan"), float("inf"), 10**400, ["\0"], {"a": "\0"}]
)
def test_no_metadata_stops_a_look(world: Look, bad: object) -> None:
    names = (
        "kb_embedder",
        "kb_meta_hash",
        "kb_position",
        "kb_status",
        "kb_review_due",
        "title",
        "uri",
        "page",
        "model",
    )
    own = record("own", "Some \ud800 text.", kb_source="docs", kb_document="one.md", **dict.fromkeys(names, bad))
    foreign = record("foreign", "Some \0 text.", **dict.fromkeys(names, bad))
    nowhere = Record("nowhere", None, {"source": bad, "kb_source": bad, "kb_document": bad})
    world.layout = IndexLayout(keys=DOCS.keys, fields=ChunkFields(position="page", model="model"))
    for _ in range(2):
        found = world.look(Showing(world.index.reader(), [[own, foreign], [nowhere]]))
        assert found.repeated == {}
    assert found.counts == {"chunks": 3, "gone": 0}
    assert world.states() == dict.fromkeys(("own", "foreign", "nowhere"), PRESENT)


def test_vectors_are_looked_at_where_they_are_asked_for(world: Look) -> None:
    world.put(record("a", vectors={"default": vector_of([0.6, 0.8])}), record("b"))
    assert world.look().vectors is None
    found = world.look(vectors=True)
    assert found.vectors.dimensions == {("default", 2): 1}
    assert found.vectors.without == ["b"]


DEEDS = st.lists(
    st.tuples(st.sampled_from(["put", "text", "patch", "drop", "gate", "look", "break", "moved"]), st.integers(0, 9)),
    max_size=25,
)


def test_vectors_of_chunks_that_no_catalog_can_hold_are_left_out_too(world: Look) -> None:
    pages = [[record("a"), record("b\0"), record("c\ud800")]]
    assert world.look(Showing(world.index.reader(), pages), vectors=True).vectors.without == ["a"]


@given(deeds=DEEDS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_any_history_a_look_leaves_the_catalog_with_what_the_store_shows(
    sqlite_look: Callable[[], Look], deeds: list[tuple[str, int]]
) -> None:
    world = sqlite_look()
    version = 0
    for deed, number in deeds:
        name, version = f"chunk-{number}", version + 1
        there = {item.chunk_id for page in world.index.reader().stream() for item in page.records}
        if deed == "put":
            world.put(record(name, f"Version {version}."))
        elif deed == "text" and name in there:
            world.put(record(name, f"Version {number}."))
        elif deed == "patch":
            world.patch([name], {"kb_status": "stale" if version % 2 else None})
        elif deed in {"drop", "gate"}:
            world.delete(name)
            if deed == "gate":
                delete_by_gate(world, name)
        elif deed == "look":
            world.look()
        elif deed == "moved" and name in there:
            world.look(
                Between(world.index.reader(), {1: lambda gone=name: (world.delete(gone), world.put(record(gone)))})
            )
        elif deed == "break" and len(there) > 2 * (number // 2) > 0:
            interrupted(world, number // 2)
    world.look()
    settled = world.look()
    assert (settled.counts["added"], settled.counts["changed"], settled.counts["gone"]) == (0, 0, 0)
    shown = {item.chunk_id for page in world.index.reader().stream() for item in page.records}
    assert {name for name, state in world.states().items() if state == PRESENT} == shown
    assert settled.repeated == {}
    assert world.pass_state().chunks == len(shown) == settled.counts["chunks"]


@pytest.fixture
def sqlite_look(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Look]:
    monkeypatch.setattr(observe_index, "PAGE", 2)

    def make() -> Look:
        engine = create_catalog_engine("sqlite://")
        upgrade(engine)
        return Look(engine)

    return make
