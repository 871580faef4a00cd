"""Findings that an ingest opens itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from governance.detectors.base import Word
from governance.domain.chunks import Page
from governance.domain.ports import Fence, unfenced
from governance.indexes.embedded import EmbeddedIndex
from governance.policy.loader import parse_policies
from governance.services.audit import audit
from governance.services.audit_observe import AuditRequest
from tests.knowledge_base import TODAY, KnowledgeBase

WAIVED = """
version: 1
policies:
  - name: known-trouble
    kind: freshness
    waivers:
      - match: {path: latin.md}
        kinds: coverage.unreadable
        reason: planned-work
        until: 2026-12-31
"""


class Doubling:
    """Reads an index and gives each record a second time under the same id, with another document in it."""

    def __init__(self, reader: object) -> None:
        self._reader = reader

    def stream(self, *arguments: object, **named: object) -> Iterator[Page]:
        for page in self._reader.stream(*arguments, **named):
            others = [replace(record, metadata={**record.metadata, "kb_position": 99}) for record in page.records]
            yield Page((*page.records, *others), page.next_cursor)

    def __getattr__(self, name: str) -> object:
        return getattr(self._reader, name)


class DoublingIndex:
    """An index that may give ids twice."""

    name = "main"
    doubles = True

    def __init__(self, index: EmbeddedIndex) -> None:
        self._index = index

    def partitions(self) -> Sequence[str]:
        return self._index.partitions()

    def reader(self, partition: str = "") -> object:
        reader = self._index.reader(partition)
        return Doubling(reader) if self.doubles else reader

    def writer(self, partition: str = "", fence: Fence = unfenced) -> object:
        return self._index.writer(partition, fence)


@pytest.fixture
def base(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    index = DoublingIndex(EmbeddedIndex("main", tmp_path / "index.db"))
    index.doubles = False
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, index=index)
    yield made
    made.close()


def statuses(base: KnowledgeBase) -> list[tuple[str, str]]:
    with base.catalog.read() as uow:
        return sorted((item.kind.value, item.period.status.value) for item in uow.findings.listed(base.today))


def test_an_id_that_comes_twice_is_found_and_resolved_when_it_comes_once(base: KnowledgeBase) -> None:
    base.page("a.md", "# A\n\nOne page.")
    base.ingest()
    base.index.doubles = True
    base.ingest()
    assert statuses(base) == [("catalog.duplicate_id", "open")]
    base.index.doubles = False
    base.ingest()
    assert statuses(base) == [("catalog.duplicate_id", "resolved")]


def test_a_refused_listing_resolves_nothing_that_was_not_looked_at(base: KnowledgeBase) -> None:
    base.page("a.md", "# A\n\nOne page.")
    base.ingest()
    base.index.doubles = True
    base.ingest()
    (base.root / "a.md").unlink()
    assert base.ingest().refused is not None
    assert statuses(base) == [("catalog.duplicate_id", "open"), ("drift.listing_refused", "open")]


def test_what_a_policy_waives_an_ingest_does_not_open_again(base: KnowledgeBase) -> None:
    base.policies = parse_policies(WAIVED)
    (base.root / "latin.md").write_bytes(b"\xff\xfe")
    base.ingest()
    assert statuses(base) == [("coverage.unreadable", "waived")]
    audit(base.desk, AuditRequest(words=(Word.FRESHNESS,), sources=["pages"], as_of=TODAY))
    base.today = TODAY + timedelta(days=1)
    base.ingest()
    with base.catalog.read() as uow:
        [found] = uow.findings.histories(["coverage.unreadable"]).values()
    assert [(period.status.value, period.from_day) for period in found.periods] == [
        ("waived", TODAY),
        ("open", date(2027, 1, 1)),
    ]
