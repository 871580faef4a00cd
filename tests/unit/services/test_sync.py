"""A look at sources and indexes as one recorded run: what an interrupted one leaves to the next."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from governance.domain.chunks import Record
from governance.domain.keys import ChunkFields, IndexLayout
from governance.domain.ports import IndexReader
from governance.indexes.memory import MemoryIndex
from governance.services import observe_index
from governance.services.sync import SyncReport, sync
from tests.index_look import Between, Showing, record, unreachable
from tests.knowledge_base import KnowledgeBase


class Shown:
    """An index that shows whatever pages it is given, and may stop answering before one of them."""

    name = "main"

    def __init__(self, *pages: list[Record]) -> None:
        self.pages = pages
        self.stops_before: int | None = None

    def partitions(self) -> Sequence[str]:
        return ("",)

    def reader(self, partition: str = "") -> IndexReader:
        shown = Showing(MemoryIndex("main").reader(partition), self.pages)
        return shown if self.stops_before is None else Between(shown, {self.stops_before: unreachable})


@pytest.fixture
def kb(tmp_path: Path, catalog_url: str) -> KnowledgeBase:
    found = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    found.page("one.md", "Some words.")
    yield found
    found.close()


def duplicates(kb: KnowledgeBase) -> list[tuple[str, str]]:
    return kb.found("catalog").get("catalog.duplicate_id", [])


def test_a_look_that_goes_on_does_not_say_that_what_it_did_not_look_at_is_right(kb: KnowledgeBase) -> None:
    index = Shown([record("a", "One."), record("a", "Two.")], [record("b")], [record("c"), record("c", "Two.")])
    kb.indexes["main"] = index
    assert kb.sync().seen.partitions[0].repeated == {"a": 2, "c": 2}
    assert duplicates(kb) == [("", "a"), ("", "c")]
    index.pages = (*index.pages[:1], [record("b", "Other words.")], *index.pages[2:])
    index.stops_before = 2
    broken = kb.sync()
    assert broken.seen.unreachable == {"main": "stream"}
    assert duplicates(kb) == [("", "a"), ("", "c")]
    index.stops_before = None
    assert kb.sync().seen.partitions[0].resumed
    assert duplicates(kb) == [("", "a"), ("", "c")]
    index.pages = (index.pages[0], [record("b")], [record("c")])
    assert not kb.sync().seen.partitions[0].resumed
    assert duplicates(kb) == [("", "a")]


def test_an_index_without_a_source_is_read_anew_when_its_fields_are_configured_anew(kb: KnowledgeBase) -> None:
    kb.index = kb.indexes["main"] = MemoryIndex("main")
    kb.layout = IndexLayout()
    writer = kb.index.writer("acme")
    writer.put([record("a", team="HR"), record("b", source="two.md", team="IT")])

    def owners() -> dict[str, str | None]:
        with kb.catalog.read() as uow:
            return {item.document: item.owner for item in uow.documents.every(["index:main"])}

    def look() -> SyncReport:
        return sync(kb.desk, kb.world, sources=[], indexes=["main"])

    report = look()
    assert (report.documents, report.total("added")) == (2, 2)
    assert owners() == {"one.md": None, "two.md": None}
    kb.layout = IndexLayout(fields=ChunkFields(owner="team"))
    report = look()
    assert (report.total("added"), report.total("changed"), report.total("gone")) == (0, 0, 0)
    assert owners() == {"one.md": "HR", "two.md": "IT"}


def test_a_source_that_cannot_be_listed_does_not_keep_its_index_from_being_looked_at(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observe_index, "PAGE", 1)
    kb.ingest()
    kb.root.rename(kb.root.with_name("away"))
    report = kb.sync()
    assert (report.seen.unavailable, report.incomplete) == ({"pages"}, True)
    assert report.seen.partitions[0].counts["chunks"] == 1
    kb.root.with_name("away").rename(kb.root)
    assert not kb.sync().incomplete
