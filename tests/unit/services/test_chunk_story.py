"""What a chunk was, day by day, through an edit, a repair, a removal and a deletion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from governance.detectors.base import Word
from governance.domain.errors import IndexUnreachable, InputError
from governance.domain.keys import IndexLayout, KeyRule
from governance.services.chunk_story import PlaceStory, StoryRequest, StoryState, Today, chunk_story
from governance.services.repair import Repairer, plan_repair
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import NOW, TODAY, KnowledgeBase, paragraphs

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))


class World:
    """A knowledge base in an index that another pipeline fills, and the days that pass."""

    def __init__(self, folder: Path, catalog_url: str) -> None:
        self.day = TODAY
        self.now = NOW
        self.kb = KnowledgeBase(
            folder / "pages", folder / "index.db", catalog_url, layout=FOREIGN, clock=lambda: self.now
        )
        self.pipeline = Pipeline(self.kb.root, self.kb.index, [by_words(60, 10)], prefix=PREFIX)

    def next_day(self) -> date:
        self.day += timedelta(days=1)
        self.now += timedelta(days=1)
        self.kb.today = self.day
        return self.day

    def story(self, chunk_id: str, at: date | None = None, *, zone: tzinfo = UTC, **more: object) -> PlaceStory:
        request = StoryRequest(chunk_id=chunk_id, at=at, **more)
        (place,) = chunk_story(self.kb.desk, self.kb.world, request, zone).places
        return place

    def edit(self) -> None:
        self.kb.page("a.md", paragraphs("a").replace("sentence 0.3 says", "sentence 0.4 says"))

    def audit(self) -> None:
        self.kb.audit(Word.DRIFT)

    @property
    def edited_chunk(self) -> str:
        """The first chunk of the page, which holds what is edited."""
        records = self.kb.records()
        (found,) = (key for key in self.pipeline.ids_of("a.md") if "sentence 0.3 says" in records[key].text)
        return found


@pytest.fixture
def world(tmp_path: Path, catalog_url: str) -> Iterator[World]:
    made = World(tmp_path, catalog_url)
    for name in ("a", "b", "c"):
        made.kb.page(f"{name}.md", paragraphs(name), last_reviewed_on="2026-10-01")
    made.pipeline.run(["a.md", "b.md", "c.md"])
    yield made
    made.kb.close()


def kinds(place: PlaceStory) -> list[str]:
    return [item.kind.value for item in place.findings]


def test_every_day_tells_what_was_known_then(world: World) -> None:
    chunk = world.edited_chunk
    world.audit()
    seen = world.day
    edited = world.next_day()
    world.edit()
    world.audit()
    repaired = world.next_day()
    world.pipeline.run(["a.md"])
    world.audit()
    removed = world.next_day()
    (world.kb.root / "a.md").unlink()
    world.audit()
    left_over = world.next_day()
    world.audit()
    deleted = world.next_day()
    plan = plan_repair(world.kb.desk, world.kb.world)
    kb = world.kb
    Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder).apply(plan.digest, lambda _items: None)
    confirmed = world.next_day()
    world.audit()

    days = (seen - timedelta(days=1), seen, edited, repaired, removed, left_over, deleted, confirmed)
    told = [world.story(chunk, day) for day in days]
    assert [place.state.value for place in told] == [
        *("not_yet_seen", "present", "present", "present", "present", "present", "forgotten", "forgotten"),
    ]
    assert [kinds(place) for place in told] == [
        *([], [], ["drift.content"], [], [], ["drift.orphan"], ["drift.orphan"], []),
    ]
    states = [place.document.state.value if place.document else None for place in told]
    assert states == [None, "present", "present", "present", "suspect", "gone", "gone", "gone"]
    hashes = [place.then.body_hash if place.then else None for place in told]
    assert hashes[1] == hashes[2] != hashes[3] == hashes[4] == hashes[7]
    versions = [place.document.raw_hash if place.document else None for place in told]
    assert versions[1] != versions[2] == versions[3]
    assert told[0].until == told[1].since == NOW
    assert told[2].until == told[3].since == NOW + timedelta(days=2)
    assert told[6].since == NOW + timedelta(days=5)
    assert {place.today for place in told} == {None, Today.ABSENT}


def test_what_was_deleted_stays_so_until_a_look_confirms_it(world: World) -> None:
    world.audit()
    chunk = world.edited_chunk
    world.next_day()
    world.edit()
    kb = world.kb
    plan = plan_repair(kb.desk, kb.world)
    Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder).apply(plan.digest, lambda _items: None)
    assert (world.story(chunk).state, world.story(chunk).today) == (StoryState.DELETED, None)
    assert world.story(chunk, TODAY).state is StoryState.PRESENT
    world.next_day()
    world.audit()
    place = world.story(chunk)
    assert (place.state, place.since, place.until) == (StoryState.FORGOTTEN, NOW + timedelta(days=1), None)
    assert place.then is not None


def test_what_somebody_else_deleted_is_gone_and_can_come_back(world: World) -> None:
    world.audit()
    chunk = world.edited_chunk
    record = world.kb.records()[chunk]
    gone = world.next_day()
    with closing(world.kb.index.writer()) as writer:
        writer.delete([chunk])
    world.audit()
    assert world.story(chunk).state is StoryState.GONE
    assert kinds(world.story(chunk)) == ["drift.missing"]
    back = world.next_day()
    with closing(world.kb.index.writer()) as writer:
        writer.put([record])
    world.audit()
    assert [world.story(chunk, day).state.value for day in (TODAY, gone, back)] == ["present", "gone", "present"]
    assert [kinds(world.story(chunk, day)) for day in (TODAY, gone, back)] == [[], ["drift.missing"], []]
    assert world.story(chunk, TODAY).until == world.story(chunk, gone).since


def test_a_text_is_given_only_where_it_is_that_of_the_day(world: World) -> None:
    world.audit()
    chunk = world.edited_chunk
    text = world.kb.records()[chunk].text
    assert world.story(chunk).text is None
    found = world.story(chunk, with_text=True)
    assert (found.today, found.text) == (Today.SAME, text)
    assert text not in repr(found)
    world.next_day()
    world.edit()
    world.pipeline.run(["a.md"])
    world.audit()
    before, now = world.story(chunk, TODAY, with_text=True), world.story(chunk, with_text=True)
    assert (before.today, before.text) == (Today.OTHER_TEXT, None)
    assert now.today is Today.SAME
    assert "sentence 0.4 says" in now.text
    assert "text" not in before.as_json()


def test_an_index_that_cannot_be_asked_costs_only_the_word_about_today(world: World) -> None:
    world.audit()
    chunk, file = world.edited_chunk, world.kb.index.path
    file.rename(file.with_name("elsewhere"))
    assert world.story(chunk).today is Today.UNREACHABLE
    with pytest.raises(IndexUnreachable):
        world.kb.index.reader()
    world.kb.indexes.clear()
    assert world.story(chunk).today is Today.NOT_CONFIGURED


def test_findings_that_name_the_chunk_come_before_those_about_its_document(world: World) -> None:
    world.audit()
    chunk = world.edited_chunk
    world.kb.page("a.md", paragraphs("a").replace("sentence 0.3 says", "sentence 0.4 says"))
    with closing(world.kb.index.writer()) as writer:
        gone = max(set(world.pipeline.ids_of("a.md")) - {chunk})
        writer.delete([gone])
    world.kb.audit()
    assert kinds(world.story(chunk))[0] == "drift.content"
    assert chunk in world.story(chunk).findings[0].period.evidence["chunks"]
    assert kinds(world.story(gone))[0] == "drift.missing"
    assert "drift.missing" not in kinds(world.story(chunk))
    about_document = [item for item in kinds(world.story(chunk)) if item.startswith("freshness")]
    assert about_document == ["freshness.unknown"]


def test_the_days_are_those_of_the_time_zone(world: World) -> None:
    world.now = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)  # half past midnight of the next day in Bucharest
    world.audit()
    chunk = world.edited_chunk
    bucharest = ZoneInfo("Europe/Bucharest")
    world.kb.today = date(2026, 11, 22)
    assert world.story(chunk, date(2026, 11, 21)).state is StoryState.PRESENT
    assert world.story(chunk, date(2026, 11, 21), zone=bucharest).state is StoryState.NOT_YET_SEEN
    assert world.story(chunk, date(2026, 11, 22), zone=bucharest).state is StoryState.PRESENT


def test_an_id_is_looked_for_exactly_and_in_every_place(world: World) -> None:
    record = world.kb.records()[world.edited_chunk]
    with closing(world.kb.index.writer("tenant")) as writer:
        writer.put([record])
    world.audit()
    chunk = record.chunk_id
    desk, all_there = world.kb.desk, world.kb.world
    story = chunk_story(desk, all_there, StoryRequest(chunk_id=chunk), UTC)
    assert [(place.index, place.partition) for place in story.places] == [("main", ""), ("main", "tenant")]
    assert [world.story(chunk, partition=name).partition for name in ("", "tenant")] == ["", "tenant"]
    assert story.as_json()["at"] == TODAY.isoformat()
    for wrong in (chunk[:-1], chunk.upper(), ""):
        with pytest.raises(InputError, match="no chunk"):
            chunk_story(desk, all_there, StoryRequest(chunk_id=wrong), UTC)
    with pytest.raises(InputError, match="not there") as error:
        chunk_story(desk, all_there, StoryRequest(chunk_id=chunk, partition="other"), UTC)
    assert error.value.next_step == "it is known in main, main/tenant"


def test_a_day_to_come_is_refused(world: World) -> None:
    world.audit()
    with pytest.raises(InputError, match="not come"):
        world.story(world.edited_chunk, TODAY + timedelta(days=1))


def test_a_chunk_of_an_index_without_a_source_belongs_to_the_indexs_own_document(world: World) -> None:
    world.kb.layout = IndexLayout()
    chunk = world.edited_chunk
    world.audit()
    body = world.story(chunk).as_json()
    assert (body["source"], body["document"], body["document_then"]["state"]) == (None, PREFIX + "a.md", "present")
