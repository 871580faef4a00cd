"""What a plan of repair does when the world around it is not what it was, or cannot be seen."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from governance.catalog.plans import PlanState
from governance.detectors.base import Word
from governance.domain.errors import IndexUnreachable, PlanChanged
from governance.domain.keys import IndexLayout, KeyRule
from governance.services.repair import Repairer, RepairPlan, plan_repair, stored_plan
from governance.services.repair_items import RepairItem
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import KnowledgeBase, paragraphs

PREFIX = "/app/docs/"
FOREIGN = IndexLayout(keys=(("pages", KeyRule(field="source", strip_prefix=PREFIX)),))


@pytest.fixture
def kb(tmp_path: Path, catalog_url: str) -> KnowledgeBase:
    """Pages in an index that another pipeline fills; one of them has been edited since."""
    made = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url, layout=FOREIGN)
    for name in ("a.md", "b.md", "c.md"):
        made.page(name, paragraphs(name))
    pipeline(made).run(["a.md", "b.md", "c.md"])
    made.sync()
    made.page("a.md", paragraphs("a.md").replace("sentence 2.7 says", "sentence 2.8 says"))
    yield made
    made.close()


def pipeline(kb: KnowledgeBase) -> Pipeline:
    return Pipeline(kb.root, kb.index, [by_words(60, 10)], prefix=PREFIX)


def repairer(kb: KnowledgeBase) -> Repairer:
    return Repairer(kb.desk, kb.world, kb.gate, kb.runner, kb.embedder)


def ignore(_items: Sequence[RepairItem]) -> None:
    """Hand nothing to anybody."""


def interrupted(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> RepairPlan:
    """Give a plan whose application ended before it had deleted anything."""
    plan = plan_repair(kb.desk, kb.world)
    assert [item.op for item in plan.items].count("delete") == 1

    def unreachable(*_arguments: object) -> None:
        raise IndexUnreachable("the index stopped answering", item="main")

    with monkeypatch.context() as patch:
        patch.setattr(kb.gate, "delete", unreachable)
        with pytest.raises(IndexUnreachable):
            repairer(kb).apply(plan.digest, ignore)
    assert stored_plan(kb.desk, plan.digest).state is PlanState.APPLYING
    return plan


def wrong(kb: KnowledgeBase, plan: RepairPlan) -> list[str]:
    """Give the chunks of the plan that are still there."""
    ids = {item.chunk_id for item in plan.items if item.op == "delete"}
    return sorted(ids & kb.records().keys())


def test_an_interrupted_plan_is_finished(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = interrupted(kb, monkeypatch)
    done = repairer(kb).apply(plan.digest, ignore)
    assert (done.complete, done.deleted, done.absent) == (True, 1, 0)
    assert wrong(kb, plan) == []
    assert repairer(kb).apply(plan.digest, ignore).already


def test_an_interrupted_plan_is_not_called_done_because_its_source_cannot_be_seen(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = interrupted(kb, monkeypatch)
    shutil.move(kb.root, kb.root.with_name("elsewhere"))
    kb.root.mkdir()
    with pytest.raises(PlanChanged, match="pages"):
        repairer(kb).apply(plan.digest, ignore)
    assert len(wrong(kb, plan)) == 1
    kb.root.rmdir()
    with pytest.raises(PlanChanged, match="pages"):
        repairer(kb).apply(plan.digest, ignore)
    shutil.move(kb.root.with_name("elsewhere"), kb.root)
    assert repairer(kb).apply(plan.digest, ignore).deleted == 1


@pytest.mark.parametrize("begun", [False, True])
def test_an_index_that_does_not_answer_is_no_index_that_has_changed(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch, begun: bool
) -> None:
    plan = interrupted(kb, monkeypatch) if begun else plan_repair(kb.desk, kb.world)
    file = kb.index.path
    file.rename(file.with_name("elsewhere"))
    with pytest.raises(IndexUnreachable, match="main"):
        repairer(kb).apply(plan.digest, ignore)
    file.with_name("elsewhere").rename(file)
    done = repairer(kb).apply(plan.digest, ignore)
    assert (done.complete, done.deleted) == (True, 1)


def test_an_index_that_is_no_longer_configured_is_no_index_without_its_chunks(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = interrupted(kb, monkeypatch)
    alone = replace(kb.world, indexes={}, layouts={})
    with pytest.raises(PlanChanged, match="main"):
        Repairer(kb.desk, alone, kb.gate, kb.runner, kb.embedder).apply(plan.digest, ignore)
    assert len(wrong(kb, plan)) == 1


def test_a_chunk_that_is_right_again_is_not_called_deleted(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = interrupted(kb, monkeypatch)
    kb.page("a.md", paragraphs("a.md"))
    with pytest.raises(PlanChanged):
        repairer(kb).apply(plan.digest, ignore)
    assert len(wrong(kb, plan)) == 1


def test_a_chunk_that_the_pipeline_has_replaced_counts_as_gone(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = interrupted(kb, monkeypatch)
    pipeline(kb).run(["a.md"])
    done = repairer(kb).apply(plan.digest, ignore)
    assert (done.complete, done.deleted, done.absent) == (True, 0, 1)


def test_who_waits_for_the_same_plan_finds_it_applied(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_repair(kb.desk, kb.world)
    late = repairer(kb)
    before = stored_plan(kb.desk, plan.digest)
    assert repairer(kb).apply(plan.digest, ignore).deleted == 1
    answers = iter([before])
    monkeypatch.setattr(
        "governance.services.repair.stored_plan", lambda *arguments: next(answers, None) or stored_plan(*arguments)
    )
    assert late.apply(plan.digest, ignore).already


def test_what_a_plan_could_not_judge_does_not_stop_it(kb: KnowledgeBase) -> None:
    (kb.root / "b.md").unlink()
    stranger = Pipeline(kb.root.with_name("others"), kb.index, [by_words(60, 10)], prefix=PREFIX)
    stranger.root.mkdir()
    (stranger.root / "stranger.md").write_text(paragraphs("stranger"))
    stranger.run(["stranger.md"])
    plan = plan_repair(kb.desk, kb.world)
    assert plan.unjudged == {("pages", "b.md"), ("pages", "stranger.md")}
    assert "source pages: 2 absent from one listing so far" in plan.not_planned[0]
    before = kb.records().keys()
    done = repairer(kb).apply(plan.digest, ignore)
    assert (done.complete, done.deleted) == (True, 1)
    assert before - kb.records().keys() == {item.chunk_id for item in plan.items if item.op == "delete"}
    left_over = plan_repair(kb.desk, kb.world)
    # The stranger was never in a listing: it may be another team's, so it is told and not deleted.
    assert {item.document for item in left_over.items if item.op == "delete"} == {"b.md"}
    assert left_over.unjudged == frozenset()
    assert repairer(kb).apply(left_over.digest, ignore).complete
    assert len(stranger.ids_of("stranger.md")) > 0


def test_a_chunk_that_was_rewritten_since_the_last_look_stays_and_the_plan_is_not_complete(
    kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_repair(kb.desk, kb.world)
    carry_out = Repairer._delete

    def after_the_pipeline(self: Repairer, *arguments: object) -> None:
        pipeline(kb).run(["a.md"])
        carry_out(self, *arguments)

    monkeypatch.setattr(Repairer, "_delete", after_the_pipeline)
    done = repairer(kb).apply(plan.digest, ignore)
    assert (done.complete, done.deleted, done.remaining) == (False, 0, 1)
    assert len(wrong(kb, plan)) == 1


def test_a_hole_stays_told_until_what_was_deleted_has_come_back(kb: KnowledgeBase) -> None:
    repairer(kb).apply(plan_repair(kb.desk, kb.world).digest, ignore)
    kb.audit(Word.DRIFT)
    assert [name for name, _ in kb.found("drift.uncovered")["drift.uncovered"]] == ["a.md"]
    reader = kb.index.reader()
    [some, *_] = [
        record for page in reader.stream() for record in page.records if record.metadata["source"].endswith("a.md")
    ]
    reader.close()
    writer = kb.index.writer()
    writer.put([replace(some, chunk_id="another")])
    writer.close()
    kb.audit(Word.DRIFT)
    assert [name for name, _ in kb.found("drift.uncovered")["drift.uncovered"]] == ["a.md"]
    pipeline(kb).run(["a.md"])
    kb.audit(Word.DRIFT)
    assert kb.found("drift") == {}


def test_what_a_plan_could_judge_and_is_no_more_to_be_judged_stops_it(kb: KnowledgeBase) -> None:
    plan = plan_repair(kb.desk, kb.world)
    (kb.root / "a.md").unlink()
    with pytest.raises(PlanChanged):
        repairer(kb).apply(plan.digest, ignore)
    assert len(wrong(kb, plan)) == 1
