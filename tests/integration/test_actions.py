"""What policies ask for when something is found: written down, carried out on chunks, lifted when its ground goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from governance.detectors.base import Word
from governance.domain.actions import ActionState, FindingAction
from governance.domain.chunks import Record
from governance.domain.errors import IndexUnreachable
from governance.domain.findings import FindingKind, FindingStatus
from governance.policy.loader import parse_policies
from governance.policy.model import PolicySet
from governance.services.audit import AuditResult, audit
from governance.services.audit_observe import AuditRequest
from governance.services.decisions import acknowledge, list_findings, waive
from governance.services.pausing import pause, resume
from governance.services.review import verify_document
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import TODAY, KnowledgeBase, paragraphs
from tests.log_rows import log_rows

LIMITS = """
limits:
  quarantine: {max_items: 1000, max_percent: 100}
  erase: {max_items: 1000, max_percent: 100}
"""
FRESH = """
document: policies
version: 1
policies:
  - name: fresh
    kind: freshness
    freshness: {review_every: 12 months}
    actions: ACTIONS
"""
KEPT = """
document: policies
version: 1
policies:
  - name: records
    kind: retention
    match: {path: "late.md"}
    retention: {event: reviewed, period: 1 year, after: propose_erasure}
    actions: [notify: {to: owner}]
"""


def fresh(actions: str) -> PolicySet:
    return parse_policies(FRESH.replace("ACTIONS", actions) + LIMITS)


@pytest.fixture
def kb(tmp_path: Path, catalog_url: str) -> Iterator[KnowledgeBase]:
    base = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    base.page("late.md", paragraphs("late"), last_reviewed_on=(TODAY - timedelta(days=400)).isoformat())
    base.page("good.md", paragraphs("good"), last_reviewed_on=TODAY.isoformat())
    base.ingest()
    yield base
    base.close()


def on(kb: KnowledgeBase, day: date, *words: Word) -> AuditResult:
    kb.today = day
    kb.clock = lambda: datetime.combine(day, time(9), UTC)
    return kb.audit(*words)


def later(days: int) -> date:
    return TODAY + timedelta(days=days)


def rows(kb: KnowledgeBase) -> list[FindingAction]:
    with kb.catalog.read() as uow:
        return uow.actions.every()


def states(kb: KnowledgeBase) -> dict[str, str]:
    return {item.action.value: item.state.value for item in rows(kb)}


def said(kb: KnowledgeBase) -> dict[str, set[object]]:
    found: dict[str, set[object]] = {}
    for record in kb.records().values():
        found.setdefault(record.metadata["kb_document"], set()).add(record.metadata.get("kb_status"))
    return found


def told(kb: KnowledgeBase) -> list[tuple[str, str, int]]:
    with kb.catalog.read() as uow:
        found = log_rows(uow.connection, "action", "reason", "counts")
    return [(action, reason, counts["actions"]) for action, reason, counts in found if action.startswith("actions.")]


def overdue(kb: KnowledgeBase) -> str:
    (found,) = list_findings(kb.desk, kind=FindingKind.OVERDUE.value, document="late.md")
    return found.fingerprint


def resolve(kb: KnowledgeBase, day: date) -> None:
    kb.today = day
    kb.clock = lambda: datetime.combine(day, time(9), UTC)
    verify_document(kb.desk, "late.md", source=None, day=day)


@pytest.mark.parametrize(("action", "status"), [("annotate", "stale"), ("quarantine", "quarantined")])
def test_what_is_to_be_marked_is_marked_in_the_same_audit_and_nothing_else(
    kb: KnowledgeBase, action: str, status: str
) -> None:
    kb.policies = fresh(f"[{action}]")
    result = kb.audit()
    assert said(kb) == {"late.md": {status}, "good.md": {None}}
    assert {key for record in kb.records().values() for key in record.metadata if key == "kb_review_due"} == set()
    (row,) = rows(kb)
    assert (row.policy, row.action.value, row.due, row.state) == ("fresh", action, TODAY, ActionState.DONE)
    assert (row.fingerprint, row.policy_digest) == (overdue(kb), kb.policies.digest)
    assert (result.actions.pending, result.actions.done, result.actions.withdrawn) == (0, 1, 0)
    assert told(kb) == [("actions.planned", action, 1), ("actions.done", action, 1)]
    again = kb.audit()
    assert (again.written.patched, rows(kb)) == (0, [row])
    assert kb.unaccounted() == []


def test_beside_the_marks_of_a_drift_policy_the_stronger_of_both_is_said(kb: KnowledgeBase) -> None:
    marks = "  - name: marks\n    kind: drift\n    drift: {write_back: status}\n"
    kb.policies = parse_policies(FRESH.replace("ACTIONS", "[quarantine]") + marks + LIMITS)
    kb.audit()
    assert said(kb) == {"late.md": {"quarantined"}, "good.md": {"fresh"}}
    kb.policies = parse_policies(FRESH.replace("ACTIONS", "[annotate]") + marks + LIMITS)
    kb.audit()
    assert said(kb) == {"late.md": {"stale"}, "good.md": {"fresh"}}
    assert states(kb) == {"annotate": "done", "quarantine": "withdrawn"}


def test_what_was_set_is_lifted_when_the_finding_is_resolved_and_set_again_when_it_is_back(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine, {notify: {to: owner}}]")
    on(kb, TODAY)
    assert states(kb) == {"quarantine": "done", "notify": "pending"}
    resolve(kb, later(1))
    result = on(kb, later(1))
    assert states(kb) == {"quarantine": "withdrawn", "notify": "withdrawn"}
    assert said(kb) == {"late.md": {None}, "good.md": {None}}
    assert (result.actions.pending, result.actions.done, result.actions.withdrawn) == (0, 0, 2)
    assert on(kb, later(2)).actions.withdrawn == 0
    on(kb, later(500))
    row = next(item for item in rows(kb) if item.fingerprint == overdue(kb) and item.action.value == "quarantine")
    assert (row.state, row.due, row.created_at.date()) == (ActionState.DONE, later(500), later(500))
    assert said(kb)["late.md"] == {"quarantined"}


def test_a_waiver_withdraws_what_was_asked_for_and_its_end_asks_again(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    on(kb, TODAY)
    waive(kb.desk, overdue(kb), reason="planned-work", until=later(3))
    on(kb, later(1))
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "withdrawn"}, {None})
    on(kb, later(4))
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "done"}, {"quarantined"})
    assert rows(kb)[0].created_at.date() == later(4)


def test_a_persons_waiver_counts_whatever_the_audit_looks_for(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    on(kb, TODAY)
    waive(kb.desk, overdue(kb), reason="planned-work", until=later(3))
    on(kb, later(1), Word.DRIFT)
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "withdrawn"}, {None})


def test_what_somebody_knows_of_is_still_to_be_done(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[annotate]")
    on(kb, TODAY)
    acknowledge(kb.desk, overdue(kb))
    on(kb, later(1))
    assert (states(kb), rows(kb)[0].created_at.date()) == ({"annotate": "done"}, TODAY)


def test_a_retirement_is_announced_and_done_on_its_day(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[{retire: {after: 14 days}}]")
    on(kb, TODAY)
    on(kb, later(13))
    (row,) = rows(kb)
    assert (row.due, row.state, said(kb)["late.md"]) == (later(14), ActionState.PENDING, {None})
    on(kb, later(14))
    (row,) = rows(kb)
    assert (row.due, row.state, said(kb)["late.md"]) == (later(14), ActionState.DONE, {"quarantined"})
    assert row.created_at.date() == TODAY


def test_another_delay_counts_from_the_day_on_which_it_was_announced(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[{retire: {after: 14 days}}]")
    on(kb, TODAY)
    before = rows(kb)[0].policy_digest
    kb.policies = fresh("[{retire: {after: 5 days}}]")
    on(kb, later(5))
    (row,) = rows(kb)
    assert (row.due, row.state, row.policy_digest == before) == (later(5), ActionState.DONE, False)
    assert said(kb)["late.md"] == {"quarantined"}
    kb.policies = fresh("[{retire: {after: 30 days}}]")
    on(kb, later(6))
    (row,) = rows(kb)
    assert (row.due, row.state, said(kb)["late.md"]) == (later(30), ActionState.PENDING, {None})


def test_a_policy_that_is_taken_out_takes_its_actions_with_it(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine, propose_erasure]")
    on(kb, TODAY)
    assert states(kb) == {"propose_erasure": "pending", "quarantine": "done"}
    kb.policies = fresh("[propose_erasure]")
    on(kb, later(1))
    assert states(kb) == {"propose_erasure": "pending", "quarantine": "withdrawn"}
    assert said(kb)["late.md"] == {None}
    kb.policies = parse_policies(FRESH.replace("fresh\n", "other\n").replace("ACTIONS", "[annotate]") + LIMITS)
    on(kb, later(2))
    assert {(item.policy, item.action.value): item.state.value for item in rows(kb)} == {
        ("fresh", "propose_erasure"): "withdrawn",
        ("fresh", "quarantine"): "withdrawn",
        ("other", "annotate"): "done",
    }


def test_an_action_may_be_about_some_kinds_alone(kb: KnowledgeBase) -> None:
    kb.page("undated.md", paragraphs("undated"))
    kb.ingest()
    kb.policies = fresh("[{annotate: {kinds: [freshness.unknown]}}]")
    kb.audit()
    assert said(kb) == {"late.md": {None}, "good.md": {None}, "undated.md": {"stale"}}


def test_an_audit_that_does_not_look_at_indexes_writes_down_and_leaves_the_rest_to_the_next(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    result = on(kb, TODAY, Word.FRESHNESS)
    assert (result.actions.pending, result.written, said(kb)["late.md"]) == (1, None, {None})
    on(kb, TODAY)
    assert states(kb) == {"quarantine": "done"}
    resolve(kb, later(1))
    on(kb, later(1), Word.FRESHNESS)
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "withdrawn"}, {"quarantined"})
    on(kb, later(1), Word.DRIFT)
    assert said(kb)["late.md"] == {None}


def test_an_audit_that_does_not_look_for_a_kind_leaves_its_actions(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    on(kb, TODAY)
    on(kb, later(1), Word.DRIFT)
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "done"}, {"quarantined"})


@pytest.mark.parametrize("record", [False, True])
def test_another_day_than_the_present_one_decides_on_no_action(kb: KnowledgeBase, record: bool) -> None:
    kb.policies = fresh("[quarantine]")
    request = AuditRequest(words=tuple(Word), sources=["pages"], as_of=later(-1), record=record)
    assert audit(kb.desk, request, kb.world, kb.gate).actions is None
    assert rows(kb) == []
    on(kb, TODAY)
    before = rows(kb)
    assert audit(kb.desk, request, kb.world, kb.gate).actions is None
    assert rows(kb) == before


def test_what_could_not_be_patched_waits(kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    kb.policies = fresh("[quarantine]")
    late = sorted(key for key, record in kb.records().items() if record.metadata["kb_document"] == "late.md")
    patch = kb.gate.patch

    def without_one(context, place, groups, reason, then):  # type: ignore[no-untyped-def]  # as the gate's own
        def failing(uow, done):  # type: ignore[no-untyped-def]  # as above
            then(uow, type(done)(requested=done.requested, existed=done.existed, failed={late[0]: "busy"}))

        ids = [([each for each in group if each != late[0]], metadata) for group, metadata in groups]
        return patch(context, place, ids, reason, failing)

    monkeypatch.setattr(kb.gate, "patch", without_one)
    kb.audit()
    assert states(kb) == {"quarantine": "pending"}
    monkeypatch.undo()
    kb.audit()
    assert states(kb) == {"quarantine": "done"}


def test_what_is_not_in_the_index_waits_until_it_is(kb: KnowledgeBase) -> None:
    kb.page("new.md", paragraphs("new"), last_reviewed_on="2020-01-01")
    kb.policies = fresh("[quarantine]")
    kb.audit()
    by_document = {item.fingerprint: item.place.document for item in list_findings(kb.desk, kind="freshness.overdue")}
    assert {by_document[row.fingerprint]: row.state.value for row in rows(kb)} == {
        "late.md": "done",
        "new.md": "pending",
    }
    kb.ingest()
    kb.audit()
    assert {row.state.value for row in rows(kb)} == {"done"}
    assert said(kb)["new.md"] == {"quarantined"}


def test_a_rewrite_that_drops_a_quarantine_is_undone_by_the_next_audit(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    kb.audit()
    writer = kb.index.writer()
    writer.patch(sorted(kb.records()), {"kb_status": None})
    writer.close()
    result = kb.audit()
    assert (result.written.put_back > 0, said(kb)["late.md"], states(kb)) == (
        True,
        {"quarantined"},
        {"quarantine": "done"},
    )


def test_more_than_the_limit_allows_is_refused_whole_and_waits(kb: KnowledgeBase) -> None:
    kb.policies = parse_policies(
        FRESH.replace("ACTIONS", "[quarantine]") + "limits: {quarantine: {max_items: 1, max_percent: 100}}"
    )
    result = kb.audit()
    assert result.written.refused is not None
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "pending"}, {None})


def test_while_changes_are_paused_nothing_is_marked_and_it_is_done_afterwards(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[quarantine]")
    pause(kb.catalog, kb.desk.actor, "other", None, kb.policies.reason_codes, now=kb.clock())
    kb.audit()
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "pending"}, {None})
    resume(kb.catalog, kb.desk.actor, now=kb.clock())
    kb.audit()
    assert (states(kb), said(kb)["late.md"]) == ({"quarantine": "done"}, {"quarantined"})


def test_of_a_page_beside_a_newer_version_the_older_one_is_quarantined(kb: KnowledgeBase) -> None:
    for version in ("1.0", "2.0"):
        text = paragraphs(f"guide {version}")
        kb.page(f"v{version}/guide.md", text, last_reviewed_on=TODAY.isoformat())
    kb.ingest()
    kb.policies = fresh("[{quarantine: {kinds: [freshness.superseded]}}]")
    kb.audit()
    assert said(kb) == {
        "late.md": {None},
        "good.md": {None},
        "v1.0/guide.md": {"quarantined"},
        "v2.0/guide.md": {None},
    }
    assert states(kb) == {"quarantine": "done"}


def test_of_a_page_that_changed_only_the_outdated_chunk_is_quarantined(kb: KnowledgeBase) -> None:
    kb.policies = drift_policy("[{quarantine: {kinds: [drift.content]}}]")
    path = kb.root / "good.md"
    path.write_text(path.read_text(encoding="utf-8").replace("sentence 3.4 says", "sentence 3.99 says"))
    kb.audit()
    marked = {
        "sentence 3.4 says" in record.text: record.metadata.get("kb_status")
        for record in kb.records().values()
        if record.metadata["kb_document"] == "good.md"
    }
    assert marked == {True: "quarantined", False: None}
    assert states(kb) == {"quarantine": "done"}


def drift_policy(actions: str) -> PolicySet:
    return parse_policies(
        f"document: policies\nversion: 1\npolicies:\n  - name: exact\n    kind: drift\n    actions: {actions}\n{LIMITS}"
    )


def test_what_is_left_of_a_page_that_is_gone_is_quarantined_by_its_document(tmp_path: Path, catalog_url: str) -> None:
    kb = KnowledgeBase(tmp_path / "pages", tmp_path / "index.db", catalog_url)
    kb.policies = drift_policy("[{quarantine: {kinds: [drift.orphan]}}]")
    for name in ("a.md", "b.md", "c.md"):
        kb.page(name, paragraphs(name.removesuffix(".md")))
    pipeline = Pipeline(kb.root, kb.index, [by_words(60, 10)], prefix="")
    pipeline.run(pipeline.documents())
    kb.audit()
    (kb.root / "b.md").unlink()
    for _ in range(2):
        kb.audit(Word.DRIFT)
    marked = {record.metadata["source"]: record.metadata.get("kb_status") for record in kb.records().values()}
    assert marked == {"a.md": None, "b.md": "quarantined", "c.md": None}
    assert states(kb) == {"quarantine": "done"}
    kb.close()


def test_a_chunk_that_belongs_to_nothing_is_quarantined_alone(kb: KnowledgeBase) -> None:
    writer = kb.index.writer()
    writer.put([Record("stray", "Words of nobody.", {}, {"default": kb.embedder.embed(["Words of nobody."])[0]})])
    writer.close()
    kb.policies = drift_policy("[{quarantine: {kinds: [provenance.unattributed]}}]")
    kb.audit()
    assert kb.found("provenance.") == {"provenance.unattributed": [("", "stray")]}
    marked = {key for key, record in kb.records().items() if record.metadata.get("kb_status")}
    assert (marked, states(kb)) == ({"stray"}, {"quarantine": "done"})


def test_an_index_that_does_not_answer_leaves_what_it_is_to_carry_pending(kb: KnowledgeBase) -> None:
    class Away:
        name = "main"

        def partitions(self) -> list[str]:
            raise IndexUnreachable("away", item="main")

    kb.policies = fresh("[quarantine]")
    there = kb.indexes["main"]
    kb.audit()
    kb.indexes["main"] = Away()
    on(kb, later(1))
    assert states(kb) == {"quarantine": "done"}
    kb.policies = fresh("[annotate]")
    on(kb, later(2))
    assert states(kb) == {"annotate": "pending", "quarantine": "withdrawn"}
    kb.indexes["main"] = there
    on(kb, later(3))
    assert (states(kb), said(kb)["late.md"]) == ({"annotate": "done", "quarantine": "withdrawn"}, {"stale"})


def test_what_has_expired_is_proposed_for_erasure_and_nothing_is_deleted(kb: KnowledgeBase) -> None:
    kb.policies = parse_policies(KEPT + LIMITS)
    before = sorted(kb.records())
    result = kb.audit()
    assert kb.found("retention.") == {
        "retention.expired": [("late.md", "")],
        "retention.no_basis": [("", "")],
        "retention.unclassified": [("good.md", "")],
    }
    (expired,) = list_findings(kb.desk, kind="retention.expired")
    mine = {
        item.action.value: (item.state.value, item.due) for item in rows(kb) if item.fingerprint == expired.fingerprint
    }
    assert mine == {"propose_erasure": ("pending", TODAY), "notify": ("pending", TODAY)}
    (basis,) = list_findings(kb.desk, kind="retention.no_basis")
    assert [item.action.value for item in rows(kb) if item.fingerprint == basis.fingerprint] == ["notify"]
    assert result.actions.pending == 3
    assert sorted(kb.records()) == before
    assert said(kb) == {"late.md": {None}, "good.md": {None}}


def test_where_no_policy_makes_classes_that_is_said_and_nothing_is_judged(kb: KnowledgeBase) -> None:
    result = kb.audit()
    assert "retention: no policy of this kind, so nothing was judged" in result.coverage.not_covered
    assert kb.found("retention.") == {}
    without = kb.audit(Word.FRESHNESS)
    assert "retention: left out by --only" in without.coverage.not_covered
    kb.policies = parse_policies(KEPT + LIMITS)
    assert not [line for line in kb.audit().coverage.not_covered if line.startswith("retention")]


def test_a_waiver_knows_the_labels_of_a_page_that_is_gone(kb: KnowledgeBase) -> None:
    kb.page("old.md", paragraphs("old"), labels="[archive]")
    kb.ingest()
    kb.policies = parse_policies(
        "document: policies\nversion: 1\npolicies:\n  - name: exact\n    kind: drift\n    waivers:\n"
        "      - {match: {label: archive}, reason: archive-copy, until: 2027-01-01}\n"
    )
    (kb.root / "old.md").unlink()
    for _ in range(2):
        kb.audit(Word.DRIFT)
    assert [item.period.status for item in list_findings(kb.desk, kind="drift.orphan")] == [FindingStatus.WAIVED]


WAIVED = """
document: policies
version: 1
policies:
  - name: fresh
    kind: freshness
    owner: the office
    freshness: {review_every: 12 months}
    waivers:
      - {match: {path: late.md}, reason: archive-copy, until: 2026-11-22, by: dpo}
      - {match: {path: "*"}, reason: other, until: 2026-11-20, kinds: ["*"]}
"""


def test_a_waiver_whose_last_day_is_over_is_a_finding_until_somebody_acts(kb: KnowledgeBase) -> None:
    kb.policies = parse_policies(WAIVED)
    on(kb, TODAY, Word.PII)
    (over,) = list_findings(kb.desk, kind="policy.*")
    assert (over.period.severity.value, over.period.policy, over.period.owner) == ("medium", "fresh", "the office")
    assert over.period.evidence == {
        "policy": "fresh",
        "until": "2026-11-20",
        "reason": "other",
        "kinds": ["*"],
        "open_findings": 0,
    }
    result = on(kb, later(1))
    assert (result.findings.waived, kb.found("policy.")) == (1, {"policy.waiver_expired": [("", "")]})
    result = on(kb, later(2))
    found = {item.period.evidence["reason"]: item for item in list_findings(kb.desk, kind="policy.*")}
    assert {name: item.period.evidence["open_findings"] for name, item in found.items()} == {
        "archive-copy": 1,
        "other": 1,
    }
    assert result.findings.by_kind["policy.waiver_expired"] == 2
    assert set(found["archive-copy"].period.evidence) == {"policy", "until", "reason", "kinds", "open_findings"}
    assert "dpo" not in str(found)
    kb.policies = parse_policies(WAIVED.replace("2026-11-22", "2027-11-22").replace("2026-11-20", "2027-11-20"))
    on(kb, later(3))
    assert kb.found("policy.") == {}


def test_every_period_says_under_which_policies_it_was_decided(kb: KnowledgeBase) -> None:
    kb.policies = fresh("[]")
    first = kb.policies.digest
    on(kb, TODAY)
    (found,) = list_findings(kb.desk, kind="freshness.overdue")
    assert found.period.policy_digest == first
    kb.policies = fresh("[annotate]")
    on(kb, later(1))
    (same,) = list_findings(kb.desk, kind="freshness.overdue")
    assert (same.period.from_day, same.period.policy_digest) == (TODAY, first)
    kb.policies = parse_policies(FRESH.replace("ACTIONS", "[]").replace("12 months", "11 months"))
    on(kb, later(2))
    (other,) = list_findings(kb.desk, kind="freshness.overdue")
    assert (other.period.from_day, other.period.policy_digest) == (later(2), kb.policies.digest)
    kb.policies = fresh("[notify: {to: owner}]")
    waive(kb.desk, other.fingerprint, reason="other", until=later(9))
    (decided,) = list_findings(kb.desk, kind="freshness.overdue")
    assert (decided.period.status, decided.period.policy_digest) == (FindingStatus.WAIVED, kb.policies.digest)
    with kb.catalog.read() as uow:
        assert uow.policy_sets.adopt(kb.policies.digest, "", kb.clock()) is False
