"""One look at a source, and the next one: the catalog then knows what the listing showed, and believes no more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

import pytest
from sqlalchemy import Engine

from governance.catalog.documents import SourceState
from governance.catalog.unit_of_work import Catalog
from governance.domain.actors import Actor
from governance.domain.documents import DayOrigin, DocumentState, ParsedDocument, ProblemCode
from governance.domain.errors import LockHeld, SourceUnavailable
from governance.domain.ports import Listed, UnreadableDocument
from governance.domain.values import sha256_hex
from governance.policy.model import ListingLimits
from governance.services import observe_source as module
from governance.services.context import RunContext, unfenced
from governance.services.mapping import map_source
from governance.services.observe_source import SourceSight, observe_source
from tests.catalog_rows import HOUR, NOW, chunk_row, document
from tests.log_rows import known_names, log_rows

PRESENT, SUSPECT, GONE = DocumentState.PRESENT, DocumentState.SUSPECT, DocumentState.GONE


@dataclass
class Shelf:
    """A source of texts: what stands on it, what cannot be read, and how its next listing goes.

    Attributes:
        locked: Documents that the listing shows as unreadable.
        said: On which day documents were made, as they say themselves.
        broken: Documents that turn out to be unreadable when they are parsed.
        between: Done to the source when its listing has ended.

    """

    name: str = "docs"
    recipe: str = "recipe"
    texts: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    changed_on: dict[str, date] = field(default_factory=dict)
    created_on: dict[str, date] = field(default_factory=dict)
    said: dict[str, date] = field(default_factory=dict)
    locked: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    interruption: str | None = None
    unavailable: bool = False
    between: Callable[[], None] = lambda: None
    parsed: list[str] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        return self.interruption is None

    def listing(self) -> Shelf:
        if self.unavailable:
            raise SourceUnavailable("the folder is not there", item="docs")
        return self

    def __iter__(self) -> Iterator[Listed]:
        for name in sorted(self.texts.keys() | self.locked):
            yield self._listed(name)
        self.between()

    def reread(self, listed: Listed) -> Listed:
        return self._listed(listed.document)

    def parse(self, listed: Listed) -> ParsedDocument:
        name = listed.document
        self.parsed.append(name)
        if name in self.broken:
            raise UnreadableDocument(ProblemCode.NOT_UTF8)
        body = self.texts[name]
        title = self.titles.get(name, name)
        record = document(
            name,
            raw_hash=listed.raw_hash,
            body_hash=sha256_hex(body.encode()),
            meta_hash=sha256_hex(title.encode()),
            title=title,
            changed_on=listed.changed_on,
            created_on=self.said.get(name, listed.created_on),
            created_from=self._origin(name, listed),
        )
        return ParsedDocument(record=record, body=body)

    def _listed(self, name: str) -> Listed:
        if name in self.locked:
            return Listed(name, "", unreadable=ProblemCode.NO_ACCESS)
        raw = f"{self.titles.get(name)}\n{self.texts[name]}".encode()
        return Listed(name, sha256_hex(raw), self.changed_on.get(name), raw=raw, created_on=self.created_on.get(name))

    def _origin(self, name: str, listed: Listed) -> DayOrigin | None:
        if name in self.said:
            return DayOrigin.DOCUMENT
        return DayOrigin.HISTORY if listed.created_on else None


@dataclass
class World:
    """A shelf and what the catalog makes of it. Each look comes an hour after the one before."""

    engine: Engine
    shelf: Shelf = field(default_factory=Shelf)
    now: datetime = NOW
    limits: ListingLimits = field(default_factory=lambda: ListingLimits(absent_documents=2, absent_percent=50))

    def __post_init__(self) -> None:
        self.catalog = Catalog(self.engine, known_names)

    def look(self, fence: Callable[[object], None] = unfenced) -> SourceSight:
        self.now += HOUR
        self.shelf.parsed.clear()
        context = RunContext(actor=Actor(id="tester"), run_id=7, clock=lambda: self.now, fence=fence)
        return observe_source(self.catalog, self.shelf, self.limits, context, self.now)

    def put(self, *names: str, text: str = "Words.") -> None:
        self.shelf.texts.update(dict.fromkeys(names, text))

    def take(self, *names: str) -> None:
        for name in names:
            del self.shelf.texts[name]

    def states(self) -> dict[str, DocumentState]:
        with self.catalog.read() as uow:
            return {item.document: item.state for item in uow.documents.in_any_state("docs")}

    def state(self) -> SourceState:
        with self.catalog.read() as uow:
            return uow.sources.state("docs")

    def events(self) -> list[tuple[str, dict[str, int]]]:
        with self.catalog.read() as uow:
            return log_rows(uow.connection, "action", "counts")


@pytest.fixture
def world(catalog_engine: Engine) -> World:
    found = World(catalog_engine)
    found.put("a", "b", "c")
    return found


def told(sight: SourceSight) -> dict[str, int]:
    """Give the counts that are not zero, and see to it that every listed document is counted once."""
    counts = {name: count for name, count in sight.counts.items() if count}
    parts = ("added", "changed", "unchanged", "failed")
    if sight.refused is None:
        assert counts.get("seen", 0) == sum(counts.get(name, 0) for name in parts)
    return counts


def test_the_first_look_adds_all_and_the_second_parses_nothing(world: World) -> None:
    assert told(world.look()) == {"seen": 3, "added": 3}
    assert world.shelf.parsed == ["a", "b", "c"]
    first = world.state()
    assert (first.listed_at, first.listing_run, first.documents_seen, first.interruption) == (world.now, 7, 3, None)
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    assert world.shelf.parsed == []
    assert world.state().listed_at == world.now
    assert world.events() == []


def test_what_changed_is_parsed_and_nothing_else(world: World) -> None:
    world.look()
    world.put("b", text="Other words.")
    world.shelf.titles["c"] = "Another title"
    world.put("d")
    assert told(world.look()) == {"seen": 4, "added": 1, "changed": 2, "unchanged": 1}
    assert world.shelf.parsed == ["b", "c", "d"]
    with world.catalog.read() as uow:
        assert len(uow.documents.moments("docs", "b")) == 2
        assert uow.documents.get("docs", "c").title == "Another title"


def test_another_way_of_reading_parses_all_and_counts_what_is_other_then(world: World) -> None:
    world.look()
    world.shelf.recipe = "another"
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    assert world.shelf.parsed == ["a", "b", "c"]
    assert world.state().recipe == "another"
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    assert world.shelf.parsed == []


def test_another_day_of_change_is_noted_though_the_bytes_are_the_same(world: World) -> None:
    world.look()
    world.shelf.changed_on["a"] = date(2026, 3, 1)
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    with world.catalog.read() as uow:
        assert uow.documents.get("docs", "a").changed_on == date(2026, 3, 1)


def test_a_first_day_that_the_history_knows_later_is_noted_unless_the_page_says_one_itself(world: World) -> None:
    said, first, earlier = date(2020, 1, 1), date(2024, 5, 1), date(2023, 5, 1)
    world.shelf.said["b"] = said

    def made() -> dict[str, tuple[date | None, DayOrigin | None]]:
        with world.catalog.read() as uow:
            return {item.document: (item.created_on, item.created_from) for item in uow.documents.every()}

    world.look()
    own = (said, DayOrigin.DOCUMENT)
    assert made() == {"a": (None, None), "b": own, "c": (None, None)}
    world.shelf.created_on |= {"a": first, "b": first}
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    assert made() == {"a": (first, DayOrigin.HISTORY), "b": own, "c": (None, None)}
    world.shelf.created_on["a"] = earlier
    world.look()
    assert made()["a"] == (earlier, DayOrigin.HISTORY)
    world.shelf.created_on.clear()
    world.look()
    assert made()["a"] == (earlier, DayOrigin.HISTORY)


def test_a_document_is_gone_when_two_complete_listings_lacked_it(world: World) -> None:
    world.look()
    world.take("b")
    assert told(world.look()) == {"seen": 2, "unchanged": 2, "suspect": 1}
    assert world.states() == {"a": PRESENT, "b": SUSPECT, "c": PRESENT}
    assert told(world.look()) == {"seen": 2, "unchanged": 2, "gone": 1}
    assert world.states() == {"a": PRESENT, "b": GONE, "c": PRESENT}
    assert told(world.look()) == {"seen": 2, "unchanged": 2}
    assert world.events() == [("documents.absent", {"documents": 1}), ("documents.gone", {"documents": 1})]


@pytest.mark.parametrize(("looks", "counted"), [(1, "unchanged"), (2, "added")])
def test_a_document_that_comes_back_is_there_again(world: World, looks: int, counted: str) -> None:
    world.look()
    world.take("b")
    for _ in range(looks):
        world.look()
    world.put("b")
    found = world.look()
    assert found.counts["back"] == 1
    assert found.counts[counted] == (3 if counted == "unchanged" else 1)
    assert told(found)["seen"] == 3
    assert world.states() == dict.fromkeys("abc", PRESENT)
    assert world.look().counts["back"] == 0


def test_a_document_that_comes_back_with_another_text_is_there_again(world: World) -> None:
    world.look()
    world.take("b")
    world.look()
    world.put("b", text="Other words.")
    assert told(world.look()) == {"seen": 3, "changed": 1, "unchanged": 2, "back": 1}
    assert world.states() == dict.fromkeys("abc", PRESENT)


def test_an_interrupted_listing_adds_what_it_saw_and_makes_nothing_absent(world: World) -> None:
    world.look()
    listed = world.state()
    world.take("b")
    world.put("d")
    world.shelf.interruption = "a folder could not be read"
    found = world.look()
    assert told(found) == {"seen": 3, "added": 1, "unchanged": 2}
    assert found.interruption == "a folder could not be read"
    assert world.states() == dict.fromkeys("abcd", PRESENT)
    state = world.state()
    assert (state.interruption, state.listed_at) == ("a folder could not be read", listed.listed_at)
    world.shelf.interruption = None
    assert world.look().counts["suspect"] == 1
    assert world.state().interruption is None


def test_an_interrupted_listing_does_not_finish_what_a_complete_one_began(world: World) -> None:
    world.look()
    world.take("b")
    world.look()
    world.shelf.interruption = "broken off"
    world.look()
    assert world.states()["b"] is SUSPECT


def test_an_empty_listing_is_refused_and_notes_nothing(world: World) -> None:
    world.look()
    before = world.state()
    world.shelf.texts.clear()
    found = world.look()
    assert (found.refused.reason, found.refused.seen, found.refused.known) == ("empty", 0, 3)
    assert world.states() == dict.fromkeys("abc", PRESENT)
    state = world.state()
    assert (state.refused_reason, state.listed_at, state.recipe) == ("empty", before.listed_at, before.recipe)
    assert [action for action, _ in world.events()] == ["listing.refused"]


def test_a_listing_that_lacks_too_much_is_refused_with_what_is_new_in_it(world: World) -> None:
    world.put(*"defgh")
    world.look()
    world.take(*"abcde")
    world.put("new")
    found = world.look()
    assert (found.refused.reason, found.refused.seen, found.refused.known) == ("too_many_absent", 4, 8)
    assert world.states() == dict.fromkeys("abcdefgh", PRESENT)
    world.put("a", "b")
    assert world.look().refused is None
    assert world.state().refused_reason is None


def test_what_an_index_alone_speaks_of_does_not_make_a_listing_suspicious(world: World) -> None:
    world.look()
    with world.catalog.write() as uow:
        uow.chunks.save([chunk_row(name, document=name) for name in ("a", "b", "c", "x", "y", "z")], world.now)
        map_source(uow, "docs", "main", world.now, believed=True)
    assert [name for name, state in world.states().items() if state is SUSPECT] == ["x", "y", "z"]
    found = world.look()
    assert found.refused is None
    assert found.counts["gone"] == 3


def test_a_stranger_that_is_listed_after_all_is_new_and_was_never_missing(world: World) -> None:
    world.look()
    with world.catalog.write() as uow:
        uow.chunks.save([chunk_row(name, document=name) for name in ("a", "b", "d")], world.now)
        map_source(uow, "docs", "main", world.now, believed=True)
    world.put("d")
    assert told(world.look()) == {"seen": 4, "added": 1, "unchanged": 3}
    assert world.states() == dict.fromkeys("abcd", PRESENT)


@pytest.mark.parametrize("how", ["locked", "broken"])
def test_what_cannot_be_read_fails_and_keeps_its_facts_until_it_can(world: World, how: str) -> None:
    world.look()
    world.put("b", text="Other words.")
    getattr(world.shelf, how).update({"b", "new"})
    world.put("new")
    assert told(world.look()) == {"seen": 4, "unchanged": 2, "failed": 2}
    with world.catalog.read() as uow:
        known, fresh = uow.documents.get("docs", "b"), uow.documents.get("docs", "new")
    code = ProblemCode.NO_ACCESS if how == "locked" else ProblemCode.NOT_UTF8
    assert (known.unreadable, known.title, known.state) == (code, "b", PRESENT)
    assert (fresh.unreadable, fresh.raw_hash) == (code, "")
    assert told(world.look()) == {"seen": 4, "unchanged": 2, "failed": 2}
    getattr(world.shelf, how).clear()
    found = told(world.look())
    assert (found["changed"], found["added"], found["unchanged"]) == (1, 1, 2)
    with world.catalog.read() as uow:
        assert uow.documents.unreadable("docs") == []


def test_a_missing_document_that_is_back_but_cannot_be_read_is_not_gone(world: World) -> None:
    world.look()
    world.take("b")
    world.look()
    world.shelf.locked.add("b")
    assert world.look().counts["gone"] == 0
    assert world.states()["b"] is PRESENT


def test_what_changes_after_it_was_listed_is_taken_as_it_is_when_it_is_read(world: World) -> None:
    world.shelf.between = lambda: world.put("a", text="Newer words.")
    world.look()
    world.shelf.between = lambda: None
    assert told(world.look()) == {"seen": 3, "unchanged": 3}
    with world.catalog.read() as uow:
        assert uow.documents.get("docs", "a").body_hash == sha256_hex(b"Newer words.")


def test_a_source_that_cannot_be_listed_changes_nothing(world: World) -> None:
    world.look()
    before = world.state()
    world.shelf.unavailable = True
    with pytest.raises(SourceUnavailable):
        world.look()
    assert world.state() == before
    assert world.states() == dict.fromkeys("abc", PRESENT)


@pytest.mark.parametrize("name", ["FLUSH_DOCUMENTS", "FLUSH_BYTES"])
def test_many_documents_are_written_batch_by_batch(world: World, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, name, 2)
    world.put(*(f"{number:02}" for number in range(9)))
    assert told(world.look()) == {"seen": 12, "added": 12}
    assert len(world.states()) == 12


def test_whoever_lost_the_work_to_another_process_makes_nothing_absent(world: World) -> None:
    world.look()
    world.take("b")

    def fence(_uow: object) -> None:
        raise LockHeld("somebody else is at it", item="docs")

    with pytest.raises(LockHeld):
        world.look(fence)
    assert world.states() == dict.fromkeys("abc", PRESENT)
