"""Actions, notes and retention as people and programs see them on the command line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.command_line import InProcess

POLICIES = """
document: policies
version: 1
reasons:
  - {code: board-decision, meaning: decided by the board}
policies:
  - name: fresh
    kind: freshness
    freshness: {review_every: 6 months}
    actions: [quarantine, {retire: {after: 14 days}}]
  - name: records
    kind: retention
    match: {metadata: {department: hr}}
    retention: {event: created, period: 1 year, legal_basis: a law, after: propose_erasure}
limits:
  quarantine: {max_items: 100, max_percent: 100}
  erase: {max_items: 100, max_percent: 100}
"""


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    command = InProcess(tmp_path, capsys, monkeypatch)
    yesterday = (datetime.now(UTC).date() - timedelta(days=1)).isoformat()
    command.page("old.md", last_reviewed_on="2020-01-01")
    command.page("staff.md", last_reviewed_on=yesterday, department="hr", created="2015-03-01")
    assert command("init", "--source", "docs").code == 0
    (tmp_path / "own.yaml").write_text(POLICIES, encoding="utf-8")
    monkeypatch.setenv("KBGOV_POLICIES", '["own.yaml"]')
    config = tmp_path / "kbgov.toml"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('# metadata = ["department"]', 'metadata = ["department"]'), encoding="utf-8")
    assert command("ingest").code == 0
    return command


def one(kbgov: InProcess, kind: str) -> dict[str, object]:
    (found,) = kbgov("findings", "list", "--kind", kind, "--json").json["findings"]
    return found


def test_an_audit_counts_actions_and_a_finding_shows_its_own(kbgov: InProcess) -> None:
    result = kbgov("audit", "run", "--json")
    assert result.json["actions"] == {"pending": 2, "done": 1, "withdrawn": 0}
    overdue = one(kbgov, "freshness.overdue")
    assert [(item["action"], item["state"], item["policy"]) for item in overdue["actions"]] == [
        ("quarantine", "done", "fresh"),
        ("retire", "pending", "fresh"),
    ]
    assert overdue["policy_digest"] == overdue["actions"][0]["policy_digest"] == result.json["policy_digest"]
    shown = kbgov("findings", "show", str(overdue["fingerprint"]), "--json").json
    assert shown["findings"] == [overdue]
    assert (shown["notes"], shown["history"][0]["policy_digest"]) == ([], result.json["policy_digest"])
    out = kbgov("findings", "show", str(overdue["fingerprint"])).out
    assert "Actions" in out
    assert "retire" in out
    assert "Notes" not in out
    assert "Actions that policies ask for: 2 pending, 1 done." in kbgov("audit", "run").out


def test_what_has_expired_is_named_with_its_class_and_proposed(kbgov: InProcess) -> None:
    kbgov("audit", "run", "--only", "retention")
    expired = one(kbgov, "retention.expired")
    assert (expired["document"], expired["policy"], expired["severity"]) == ("staff.md", "records", "medium")
    assert expired["evidence"] == {
        "class": "records",
        "event": "created",
        "period": "12 months",
        "legal_basis": "a law",
        "after": "propose_erasure",
        "event_day": "2015-03-01",
        "event_from": "document",
        "kept_until": "2016-03-01",
        "expired_on": "2016-03-02",
    }
    assert [(item["action"], item["state"]) for item in expired["actions"]] == [("propose_erasure", "pending")]
    assert one(kbgov, "retention.unclassified")["document"] == "old.md"
    body = kbgov("audit", "run", "--only", "retention", "--as-of", "2016-03-01", "--json").json
    assert (body["actions"], body["not_stored"] is None) == (None, False)
    assert body["findings"]["by_kind"]["retention.expired"] == 0


def test_a_reason_of_the_policies_and_a_note_are_taken_and_shown(kbgov: InProcess) -> None:
    kbgov("audit", "run")
    name = str(one(kbgov, "freshness.overdue")["fingerprint"])
    until = (datetime.now(UTC).date() + timedelta(days=9)).isoformat()
    given = ("--reason", "board-decision", "--until", until, "--note", "Dana knows more")
    body = kbgov("findings", "waive", name, *given, "--json").json
    assert body["history"][0]["reason"] == "board-decision"
    assert [(item["text"], set(item)) for item in body["notes"]] == [
        ("Dana knows more", {"text", "actor", "written_at"})
    ]
    out = kbgov("findings", "show", name).out
    assert "Dana knows more" in out
    kbgov("audit", "run")
    assert {item["state"] for item in one(kbgov, "freshness.overdue")["actions"]} == {"withdrawn"}
    error = kbgov("findings", "waive", name, "--reason", "bord-decision", "--until", until, "--json").json["error"]
    assert error["next"].startswith("did you mean 'board-decision'?")


def test_an_acknowledgment_may_carry_a_note(kbgov: InProcess) -> None:
    kbgov("audit", "run")
    name = str(one(kbgov, "freshness.overdue")["fingerprint"])
    body = kbgov("findings", "ack", name, "--note", "on it", "--json").json
    assert [item["text"] for item in body["notes"]] == ["on it"]
    assert kbgov("findings", "ack", name, "--note", "x" * 2001, "--json").json["error"]["item"] == "--note"


def test_a_note_is_in_no_log(kbgov: InProcess) -> None:
    kbgov("audit", "run")
    name = str(one(kbgov, "freshness.overdue")["fingerprint"])
    for form in ("json", "text"):
        kbgov.env.setenv("KBGOV_LOG", form)
        result = kbgov("findings", "ack", name, "--note", "Dana knows more", "--json")
        assert "Dana" not in result.err
        assert "Dana" in result.out
