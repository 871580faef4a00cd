"""How much a repair may delete and a write-back may quarantine at once, on real indexes and both catalogs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from governance.catalog.plans import PlanState
from governance.catalog.statuses import StatusReason
from governance.catalog.tables import run
from governance.detectors.base import Word
from governance.domain.actions import Deed
from governance.domain.errors import IndexUnreachable, LimitExceeded
from governance.domain.keys import IndexLayout, KeyRule
from governance.domain.status import ChunkStatus
from governance.policy.loader import parse_policies
from governance.policy.model import ActionLimit, Limits, PolicySet
from governance.services import repair
from governance.services.repair import Repairer, RepairPlan, plan_repair, stored_plan
from governance.services.repair_items import RepairItem, RepairOp
from governance.services.write_back import WrittenBack
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import TODAY, KnowledgeBase, paragraphs, shipped_set
from tests.log_rows import log_rows

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))
PAGES = ("a.md", "b.md", "c.md", "d.md")
MARKS = """
version: 1
policies:
  - name: fresh
    kind: freshness
    freshness: {review_every: 12 months}
  - name: marks
    kind: drift
    drift: {write_back: status}
"""


def limited(policies: PolicySet, deed: Deed, items: int, percent: int) -> PolicySet:
    limits = Limits(actions={deed: ActionLimit(max_items=items, max_percent=percent)})
    return replace(policies, limits=limits)


def ignore(_items: Sequence[RepairItem]) -> None:
    """Hand nothing to anybody."""


def events(kb: KnowledgeBase, *actions: str) -> list[tuple[str, str, dict[str, int]]]:
    with kb.catalog.read() as uow:
        rows = log_rows(uow.connection, "action", "reason", "counts")
    return [row for row in rows if row[0] in actions]


def last_run(kb: KnowledgeBase) -> tuple[str, str]:
    with kb.catalog.read() as uow:
        return tuple(uow.connection.execute(select(run.c.command, run.c.state).order_by(run.c.run_id.desc())).first())


# Deletions of a repair


@pytest.fixture
def drifted(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    """Four pages that another pipeline has indexed; one is gone from the source, which was seen twice."""
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, layout=FOREIGN)
    for name in PAGES:
        kb.page(name, paragraphs(name))
    pipeline(kb).run(PAGES)
    kb.sync()
    (kb.root / "a.md").unlink()
    kb.sync()
    yield kb
    kb.close()


def pipeline(kb: KnowledgeBase) -> Pipeline:
    return Pipeline(kb.root, kb.index, [by_words(60, 10)], prefix=PREFIX)


def apply(kb: KnowledgeBase, plan: RepairPlan, confirmed: int | None = None) -> repair.Repaired:
    return Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder).apply(plan.digest, ignore, confirmed)


def deletions(plan: RepairPlan) -> list[str]:
    return sorted(item.chunk_id for item in plan.items if item.op is RepairOp.DELETE)


@pytest.fixture
def planned(drifted: KnowledgeBase) -> tuple[RepairPlan, int, int]:
    """Give the plan, how many chunks it deletes, and how many there are."""
    plan = plan_repair(drifted.desk, drifted.world)
    return plan, len(deletions(plan)), len(drifted.records())


@pytest.mark.parametrize("over", ["items", "percent"])
def test_a_repair_over_a_limit_is_refused_whole_and_exactly_at_it_is_done(
    drifted: KnowledgeBase, planned: tuple[RepairPlan, int, int], over: str
) -> None:
    plan, doomed, there = planned
    assert 100 * doomed == 25 * there
    drifted.policies = limited(shipped_set(), Deed.DELETE, doomed - (over == "items"), 25 if over == "items" else 24)
    before = drifted.records()
    with pytest.raises(LimitExceeded, match=f"{doomed} of {there} chunks \\(25 %\\) in main") as refused:
        apply(drifted, plan)
    assert refused.value.item == f"limits.delete.max_{over}"
    assert f"--confirm-count {doomed}" in refused.value.next_step
    assert drifted.records() == before
    assert stored_plan(drifted.desk, plan.digest).state is PlanState.PLANNED
    assert last_run(drifted) == ("drift apply", "refused")
    assert events(drifted, "index.change_intended", "repair.started") == []
    assert events(drifted, "limit.refused") == [
        ("limit.refused", f"limits.delete.max_{over}", {"planned": doomed, "present": there})
    ]
    drifted.policies = limited(shipped_set(), Deed.DELETE, doomed, 25)
    assert apply(drifted, plan).deleted == doomed


def test_the_number_lets_it_pass_and_no_other_does(
    drifted: KnowledgeBase, planned: tuple[RepairPlan, int, int]
) -> None:
    plan, doomed, there = planned
    drifted.policies = limited(shipped_set(), Deed.DELETE, 1, 100)
    for wrong in (doomed - 1, doomed + 1, there, 0):
        with pytest.raises(LimitExceeded, match=f"which is {doomed} and not the {wrong}"):
            apply(drifted, plan, wrong)
    assert len(drifted.records()) == there
    done = apply(drifted, plan, doomed)
    assert (done.complete, done.deleted) == (True, doomed)
    assert events(drifted, "limit.confirmed") == [
        ("limit.confirmed", "limits.delete", {"planned": doomed, "present": there})
    ]


def test_what_is_left_of_an_interrupted_repair_has_a_number_of_its_own(
    drifted: KnowledgeBase, planned: tuple[RepairPlan, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, doomed, _ = planned
    drifted.policies = limited(shipped_set(), Deed.DELETE, 1, 100)
    monkeypatch.setattr(repair, "PER_CALL", 2)
    delete, calls = drifted.gate.delete, []

    def once(*given: object) -> object:
        calls.append(given)
        if len(calls) > 1:
            raise IndexUnreachable("the index stopped answering", item="main")
        return delete(*given)

    with monkeypatch.context() as patch:
        patch.setattr(drifted.gate, "delete", once)
        with pytest.raises(IndexUnreachable):
            apply(drifted, plan, doomed)
    with pytest.raises(LimitExceeded, match=f"which is {doomed - 2} and not the {doomed}") as refused:
        apply(drifted, plan, doomed)
    assert f"--confirm-count {doomed - 2}" in refused.value.next_step
    done = apply(drifted, plan, doomed - 2)
    assert (done.complete, done.deleted, done.absent) == (True, doomed - 2, 2)


def test_without_a_word_in_the_policies_a_fifth_of_an_index_may_be_deleted(
    drifted: KnowledgeBase, planned: tuple[RepairPlan, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, doomed, there = planned
    monkeypatch.setattr("tests.knowledge_base.DELETE_ALL", Limits())
    with pytest.raises(LimitExceeded, match=r"limits\.delete allows 1000 at once and 20 percent of an index"):
        apply(drifted, plan)
    drifted.page("e.md", paragraphs("e.md"))
    pipeline(drifted).run(["e.md"])
    wider = plan_repair(drifted.desk, drifted.world)
    assert 100 * doomed == 20 * len(drifted.records()) == 20 * (there + doomed)
    assert apply(drifted, wider).deleted == doomed


# Quarantine by a write-back


@pytest.fixture
def marked(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    """Four pages in an index of ours, all of whose chunks are marked."""
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, policies=parse_policies(MARKS))
    for name in PAGES:
        reviewed = (TODAY - timedelta(days=10 if name != "d.md" else 900)).isoformat()
        kb.page(name, paragraphs(name), last_reviewed_on=reviewed)
    kb.ingest()
    kb.audit()
    yield kb
    kb.close()


def quarantine(kb: KnowledgeBase, *names: str) -> None:
    """Have somebody ask for these pages, and no others, to be quarantined."""
    wanted = [StatusReason("main", "", "pages", name, "", "test:1", ChunkStatus.QUARANTINED) for name in names]
    with kb.catalog.write() as uow:
        uow.status_reasons.replace("main", "", ["test:1"], wanted, kb.clock())


def allow(kb: KnowledgeBase, items: int, percent: int = 100) -> None:
    kb.policies = limited(kb.policies, Deed.QUARANTINE, items, percent)


def states(kb: KnowledgeBase) -> dict[str, str]:
    """Give the one state that all chunks of each page have."""
    found: dict[str, set[str]] = {}
    for record in kb.records().values():
        found.setdefault(record.metadata["kb_document"], set()).add(record.metadata["kb_status"])
    assert all(len(said) == 1 for said in found.values())
    return {name: said.pop() for name, said in sorted(found.items())}


def written(kb: KnowledgeBase) -> WrittenBack:
    made = kb.audit(Word.DRIFT).written
    assert made is not None
    return made


def chunks_of(kb: KnowledgeBase, *names: str) -> list[str]:
    return sorted(key for key, item in kb.records().items() if item.metadata["kb_document"] in names)


def test_exactly_as_many_as_allowed_are_quarantined_and_one_more_is_too_many(marked: KnowledgeBase) -> None:
    count = len(chunks_of(marked, "a.md"))
    quarantine(marked, "a.md")
    allow(marked, count - 1)
    refused = written(marked)
    assert refused.patched == 0
    assert refused.as_json()["refused"] == {
        "deed": "quarantine",
        "limit": "limits.quarantine.max_items",
        "planned": count,
        "indexes": {"main": {"planned": count, "present": len(marked.records())}},
    }
    assert states(marked)["a.md"] == "fresh"
    allow(marked, count)
    done = written(marked)
    assert (done.patched, done.refused) == (count, None)
    assert states(marked)["a.md"] == "quarantined"


def test_over_the_limit_none_is_quarantined_and_the_rest_of_the_marks_is_written(marked: KnowledgeBase) -> None:
    quarantine(marked, "a.md", "d.md")
    allow(marked, 1000, 49)
    ids = chunks_of(marked, "d.md")
    with closing(marked.index.writer()) as writer:
        writer.patch([*ids, *chunks_of(marked, "b.md")], {"kb_status": None, "kb_review_due": None})
    refused = written(marked)
    assert refused.refused.item == "limits.quarantine.max_percent"
    assert "(50 %) in main would be quarantined" in refused.refused.message
    assert refused.patched == len(ids) + len(chunks_of(marked, "b.md"))
    assert states(marked) == {"a.md": "fresh", "b.md": "fresh", "c.md": "fresh", "d.md": "stale"}
    assert marked.audit(Word.DRIFT).findings.open == 0
    with marked.catalog.read() as uow:
        assert uow.runs.last("audit").state == "done"


def test_the_number_of_chunks_lets_them_be_quarantined(marked: KnowledgeBase) -> None:
    quarantine(marked, "a.md", "b.md")
    count = len(chunks_of(marked, "a.md", "b.md"))
    assert marked.audit(Word.DRIFT, confirmed=count + 1).written.refused.counts["main"]["planned"] == count
    assert states(marked)["a.md"] == "fresh"
    done = marked.audit(Word.DRIFT, confirmed=count).written
    assert (done.patched, done.refused) == (count, None)
    assert states(marked) == {"a.md": "quarantined", "b.md": "quarantined", "c.md": "fresh", "d.md": "stale"}


def test_what_is_in_quarantine_already_or_was_put_there_and_lost_its_mark_does_not_count(marked: KnowledgeBase) -> None:
    first, second = len(chunks_of(marked, "a.md")), len(chunks_of(marked, "b.md"))
    quarantine(marked, "a.md")
    allow(marked, first)
    written(marked)
    with closing(marked.index.writer()) as writer:
        writer.patch(chunks_of(marked, "a.md")[:2], {"kb_status": None, "kb_review_due": None})
    quarantine(marked, "a.md", "b.md")
    allow(marked, second - 1)
    refused = written(marked)
    assert refused.refused.counts["main"]["planned"] == second
    assert (refused.patched, refused.put_back) == (2, 2)
    assert states(marked)["a.md"] == "quarantined"
    allow(marked, second)
    assert written(marked).patched == second
    allow(marked, 0)
    assert (written(marked).patched, written(marked).refused) == (0, None)


def test_what_somebody_restricted_is_not_quarantined_and_a_lifted_quarantine_needs_no_leave(
    marked: KnowledgeBase,
) -> None:
    ids = chunks_of(marked, "a.md")
    with closing(marked.index.writer()) as writer:
        writer.patch(ids, {"kb_status": "restricted"})
    quarantine(marked, "a.md")
    allow(marked, 0)
    done = written(marked)
    assert (done.patched, done.kept, done.refused) == (0, len(ids), None)
    quarantine(marked, "b.md")
    allow(marked, len(chunks_of(marked, "b.md")))
    written(marked)
    quarantine(marked)
    allow(marked, 0)
    done = written(marked)
    assert (done.patched, done.refused) == (len(chunks_of(marked, "b.md")), None)
    assert states(marked)["b.md"] == "fresh"
