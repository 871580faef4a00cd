"""What audits found, written beside the chunks: on every one, only where it differs, put back when it was dropped."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from governance.catalog.statuses import StatusReason
from governance.detectors.base import Word
from governance.domain.chunks import Condition, Op, Where
from governance.domain.status import ChunkStatus
from governance.policy.loader import parse_policies
from governance.policy.model import PolicySet
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import TODAY, KnowledgeBase, paragraphs

ASKED = """
version: 1
policies:
  - name: fresh
    kind: freshness
    freshness: {review_every: 12 months}
  - name: marks
    kind: drift
    drift: {write_back: status}
"""
SILENT = ASKED.replace("status", "nothing")


def days_ago(days: int) -> str:
    return (TODAY - timedelta(days=days)).isoformat()


@pytest.fixture
def kb(tmp_path: Path, catalog_url: str) -> KnowledgeBase:
    base = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, policies=policies(ASKED))
    base.page("fresh.md", paragraphs("fresh"), last_reviewed_on=days_ago(10))
    base.page("soon.md", paragraphs("soon"), last_reviewed_on=days_ago(350))
    base.page("late.md", paragraphs("late"), last_reviewed_on=days_ago(400))
    base.page("undated.md", paragraphs("undated"))
    base.ingest()
    yield base
    base.close()


def policies(text: str) -> PolicySet:
    return parse_policies(text)


def marks(kb: KnowledgeBase) -> dict[str, set[tuple[object, object]]]:
    """Give what the chunks of each document say: (status, review due)."""
    found: dict[str, set[tuple[object, object]]] = {}
    for record in kb.records().values():
        said = (record.metadata.get("kb_status"), record.metadata.get("kb_review_due"))
        found.setdefault(record.metadata["kb_document"], set()).add(said)
    return found


def test_every_chunk_carries_the_state_of_its_document_and_the_day_of_its_review(kb: KnowledgeBase) -> None:
    result = kb.audit()
    assert result.written.patched == len(kb.records())
    assert marks(kb) == {
        "fresh.md": {("fresh", "2027-11-11")},
        "soon.md": {("due_soon", "2026-12-06")},
        "late.md": {("stale", "2026-10-17")},
        "undated.md": {("fresh", None)},
    }


def test_a_second_audit_patches_nothing(kb: KnowledgeBase) -> None:
    kb.audit()
    assert kb.audit().written.patched == 0
    assert kb.unaccounted() == []


def test_a_retriever_can_filter_by_it(kb: KnowledgeBase) -> None:
    kb.audit()
    reader = kb.index.reader()
    found = set(reader.select(Where((Condition("kb_status", Op.EQ, "stale"),))))
    reader.close()
    assert found == {key for key, record in kb.records().items() if record.metadata["kb_document"] == "late.md"}


def test_a_mark_that_a_rewrite_dropped_is_put_back_and_counted(kb: KnowledgeBase) -> None:
    kb.audit()
    ids = sorted(kb.records())[:3]
    writer = kb.index.writer()
    writer.patch(ids, {"kb_status": None, "kb_review_due": None})
    writer.close()
    written = kb.audit().written
    assert (written.patched, written.put_back) == (3, 3)
    assert kb.audit().written.patched == 0


def test_a_stronger_state_that_somebody_else_set_is_left_and_a_weaker_one_is_not(kb: KnowledgeBase) -> None:
    kb.audit()
    by_page = {record.metadata["kb_document"]: key for key, record in kb.records().items()}
    writer = kb.index.writer()
    writer.patch([by_page["fresh.md"]], {"kb_status": "restricted"})
    writer.patch([by_page["late.md"]], {"kb_status": "fresh"})
    writer.close()
    for _ in range(2):
        written = kb.audit().written
        assert written.kept == 1
        said = {name: kb.records()[by_page[name]].metadata["kb_status"] for name in ("fresh.md", "late.md")}
        assert said == {"fresh.md": "restricted", "late.md": "stale"}
    assert written.patched == 0


def test_a_chunk_that_says_something_else_than_its_page_is_stale_and_its_neighbors_are_not(kb: KnowledgeBase) -> None:
    path = kb.root / "fresh.md"
    path.write_text(path.read_text(encoding="utf-8").replace("sentence 3.4 says", "sentence 3.99 says"))
    kb.audit()
    said = {
        record.metadata["kb_status"]: "sentence 3.4 says" in record.text
        for record in kb.records().values()
        if record.metadata["kb_document"] == "fresh.md"
    }
    assert said == {"stale": True, "fresh": False}


def test_what_a_finding_set_goes_when_the_finding_goes_and_what_another_set_stays(kb: KnowledgeBase) -> None:
    kb.audit()
    restricted = StatusReason("main", "", "pages", "late.md", "", "restriction:1", ChunkStatus.RESTRICTED)
    with kb.catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["restriction:1"], [restricted], kb.clock())
    kb.audit()
    assert marks(kb)["late.md"] == {("restricted", "2026-10-17")}
    kb.page("late.md", paragraphs("late"), last_reviewed_on=days_ago(0))
    kb.ingest()
    kb.audit()
    assert marks(kb)["late.md"] == {("restricted", "2027-11-21")}
    with kb.catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["restriction:1"], [], kb.clock())
    kb.audit()
    assert marks(kb)["late.md"] == {("fresh", "2027-11-21")}


def test_an_audit_that_looks_for_drift_alone_leaves_what_freshness_has_set(kb: KnowledgeBase) -> None:
    kb.audit()
    assert kb.audit(Word.DRIFT).written.patched == 0
    assert marks(kb)["late.md"] == {("stale", "2026-10-17")}


def test_marks_are_taken_off_when_the_policy_no_longer_asks_for_them(kb: KnowledgeBase) -> None:
    kb.audit()
    kb.policies = policies(SILENT)
    assert kb.audit().written.patched == len(kb.records())
    assert {said for found in marks(kb).values() for said in found} == {(None, None)}
    assert kb.audit().written is None


def test_nothing_is_written_where_no_policy_asks_for_it(tmp_path: Path, catalog_url: str) -> None:
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    kb.page("one.md", paragraphs("one"), last_reviewed_on=days_ago(10))
    kb.ingest()
    before = kb.records()
    assert kb.audit().written is None
    assert {key: dict(record.metadata) for key, record in kb.records().items()} == {
        key: dict(record.metadata) for key, record in before.items()
    }
    kb.close()


def test_a_mark_of_somebody_else_is_left_alone_where_no_policy_asks(tmp_path: Path, catalog_url: str) -> None:
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, policies=policies(SILENT))
    kb.page("one.md", paragraphs("one"), last_reviewed_on=days_ago(10))
    kb.ingest()
    ids = sorted(kb.records())
    writer = kb.index.writer()
    writer.patch(ids, {"kb_status": "their own word"})
    writer.close()
    kb.audit()
    assert {record.metadata["kb_status"] for record in kb.records().values()} == {"their own word"}
    kb.close()


def test_chunks_of_a_pipeline_are_marked_too_and_orphans_are_stale(tmp_path: Path, catalog_url: str) -> None:
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, policies=policies(ASKED))
    for name in ("a.md", "b.md", "c.md"):
        kb.page(name, paragraphs(name.removesuffix(".md")))
    pipeline = Pipeline(kb.root, kb.index, [by_words(60, 10)], prefix="")
    pipeline.run(pipeline.documents())
    kb.audit()
    (kb.root / "b.md").unlink()
    kb.audit(Word.DRIFT)
    kb.audit(Word.DRIFT)
    assert kb.found("drift") == {"drift.orphan": [("b.md", "")]}
    said = {record.metadata["source"]: record.metadata["kb_status"] for record in kb.records().values()}
    assert said == {"a.md": "fresh", "b.md": "stale", "c.md": "fresh"}
    kb.close()
