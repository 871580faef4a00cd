"""How long changes take to reach an index that another pipeline fills: what is late, and how late the rest was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.catalog.tables import run
from governance.detectors.base import Word
from governance.domain.keys import IndexLayout, KeyRule
from governance.services.audit import AuditResult
from governance.sources.manifest import ManifestSource
from governance.sources.manifest_options import ManifestOptions
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import NOW, KnowledgeBase, paragraphs

PREFIX = "/app/docs/"
RULE = KeyRule(field="source", strip_prefix=PREFIX)
NAMES = ["hr/leave.md", "hr/pay.md", "it/keys.md"]


@dataclass
class Days:
    """A clock that stands at nine o'clock of a day."""

    day: int = 0

    def __call__(self) -> datetime:
        return NOW + timedelta(days=self.day)


@dataclass
class Late:
    """A folder of pages that another pipeline indexes, seen through a source that shows less or more of it."""

    kb: KnowledgeBase
    clock: Days
    pipeline: Pipeline = field(init=False)

    def __post_init__(self) -> None:
        self.pipeline = Pipeline(self.kb.root, self.kb.index, [by_words(40, 8)], prefix=PREFIX)

    def audit(self, day: int) -> AuditResult:
        self.clock.day = day
        self.kb.today = self.clock().date()
        self.list()
        return self.kb.audit(Word.DRIFT)

    def list(self) -> None:
        """Write the manifest anew, where one is the source."""
        if not isinstance(self.kb.source, ManifestSource):
            return
        entries = [
            {"id": name, "content_hash": hashlib.sha256((self.kb.root / name).read_bytes()).hexdigest()}
            for name in NAMES
        ]
        lines = [*entries, {"end": True, "count": len(entries)}]
        manifest = self.kb.root.parent / "wiki.jsonl"
        manifest.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    def late(self) -> list[str]:
        return [name for name, _ in self.kb.found("drift.lag").get("drift.lag", [])]

    def lag(self) -> dict[str, object]:
        """Give what the last audit kept for the report."""
        with self.kb.catalog.read() as uow:
            counts = uow.connection.execute(select(run.c.counts).order_by(run.c.run_id.desc())).scalars().first()
        return dict(counts["lag"])


@pytest.fixture(params=["files", "hashes"])
def base(request: pytest.FixtureRequest, tmp_path: Path, catalog_url: str) -> Iterator[Late]:
    clock = Days()
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, clock=clock)
    name = "pages"
    if request.param == "hashes":
        name = "wiki"
        kb.source = ManifestSource("wiki", ManifestOptions(folder=tmp_path, path="wiki.jsonl"))
    kb.layout = IndexLayout(keys=((name, RULE),))
    for number, page in enumerate(NAMES):
        kb.page(page, paragraphs(f"topic{number}", 2))
    late = Late(kb, clock)
    late.pipeline.run(NAMES)
    late.audit(0)
    yield late
    assert kb.unaccounted() == []
    kb.close()


def test_a_change_that_the_pipeline_does_not_bring_is_late_until_it_does(base: Late) -> None:
    base.kb.page(NAMES[0], paragraphs("another", 2))
    base.audit(1)
    assert base.late() == []
    base.audit(8)
    assert base.late() == []
    base.audit(9)
    assert base.late() == [NAMES[0]]
    base.pipeline.run([NAMES[0]])
    base.audit(10)
    assert base.late() == []
    (lag,) = base.lag().values()
    assert lag == {"documents": 1, "p50": 9 * 86_400, "p95": 9 * 86_400}


def test_a_change_that_arrives_with_the_next_look_has_no_lag(base: Late) -> None:
    base.kb.page(NAMES[1], paragraphs("another", 2))
    base.pipeline.run([NAMES[1]])
    base.audit(3)
    base.audit(20)
    assert base.late() == []


def test_text_that_nobody_shows_is_said_not_to_be_compared(base: Late) -> None:
    found = base.audit(1).coverage.not_covered
    said = [item for item in found if item.startswith("drift of text:")]
    hashes = isinstance(base.kb.source, ManifestSource)
    assert said == (
        ["drift of text: 3 documents of source wiki, whose text the source does not show"] if hashes else []
    )


def test_an_index_that_is_faster_than_the_list_is_not_late(tmp_path: Path, catalog_url: str) -> None:
    clock = Days()
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, clock=clock)
    kb.source = ManifestSource("wiki", ManifestOptions(folder=tmp_path, path="wiki.jsonl"))
    kb.layout = IndexLayout(keys=(("wiki", RULE),))
    base = Late(kb, clock)

    def list_changed(mark: str, modified: str) -> Callable[[], None]:
        line = {"id": NAMES[0], "content_hash": mark, "modified": modified}
        text = json.dumps(line) + "\n" + json.dumps({"end": True, "count": 1}) + "\n"
        return lambda: (tmp_path / "wiki.jsonl").write_text(text, encoding="utf-8") and None

    base.list = list_changed("one", "2026-11-01")
    kb.page(NAMES[0], paragraphs("first", 2))
    base.pipeline.run([NAMES[0]])
    base.audit(0)
    kb.page(NAMES[0], paragraphs("second", 2))
    base.pipeline.run([NAMES[0]])
    base.audit(3)
    base.list = list_changed("two", (NOW + timedelta(days=2)).date().isoformat())
    for day in (4, 30):
        base.audit(day)
        assert base.late() == []
    base.list = list_changed("three", (NOW + timedelta(days=31)).date().isoformat())
    base.audit(31)
    base.audit(60)
    assert base.late() == [NAMES[0]]
    kb.close()
