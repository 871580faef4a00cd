"""`kbgov pause` and `kbgov resume` as people type them, and `--confirm-count`."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from governance import bootstrap
from governance.embedders.hashed import HashedEmbedder
from governance.indexes.embedded import EmbeddedIndex
from governance.policy.model import WaiverReason
from tests.command_line import InProcess, in_own_process
from tests.foreign_index import Pipeline, by_words
from tests.knowledge_base import paragraphs

PAGES = ("hr/leave", "hr/pay", "it/vpn", "office")
POLICIES = """document: policies
version: 1
policies:
  - name: marks
    kind: drift
    drift: {write_back: status}
"""
QUARANTINE = """document: policies
version: 1
policies:
  - name: marks
    kind: drift
    drift: {write_back: status}
    actions: [{quarantine: {kinds: [drift.orphan]}}]
limits:
  quarantine: {max_items: 0, max_percent: 100}
"""
CANARY = "Mrs. Example asked for it"
ACTOR = "ada@example.org"


def write(folder: Path, name: str, text: str) -> None:
    path = folder / "docs" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def adopt(folder: Path, text: str) -> None:
    """Put these policies in the place of all others."""
    for file in (folder / "policies").glob("*.yaml"):
        file.unlink()
    (folder / "policies" / "ours.yaml").write_text(text)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four pages that a pipeline has brought into an index; one is gone since, which was seen twice; marks are on."""
    folder = tmp_path_factory.mktemp("template")
    for name in PAGES:
        write(folder, name, paragraphs(name, 3))
    theirs = Pipeline(folder / "docs", EmbeddedIndex("theirs", folder / "theirs.db"), [by_words(60, 10)])
    theirs.run(theirs.documents())
    assert in_own_process(folder, "init", "--source", "docs", "--from-index", "sqlite:///theirs.db").code == 0
    adopt(folder, POLICIES)
    assert in_own_process(folder, "sync").code == 0
    (folder / "docs" / "office.md").unlink()
    assert in_own_process(folder, "sync").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    made = InProcess(base, capsys, monkeypatch)
    monkeypatch.setenv("KBGOV_ACTOR", ACTOR)
    return made


@pytest.fixture
def own(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """Two sources that our own ingester brings into one index; not ingested yet."""
    kbgov = InProcess(tmp_path, capsys, monkeypatch)
    for name in PAGES:
        write(tmp_path, name, paragraphs(name, 3))
    kbgov("init", "--source", "docs")
    adopt(tmp_path, POLICIES)
    shutil.copytree(tmp_path / "docs", tmp_path / "more")
    config = tmp_path / "kbgov.toml"
    config.write_text(config.read_text() + '\n[sources.more]\nroot = "more"\nindex = "main"\n')
    return kbgov


def records(folder: Path) -> dict[str, dict[str, Any]]:
    with closing(EmbeddedIndex("theirs", folder / "theirs.db").reader()) as reader:
        return {record.chunk_id: dict(record.metadata) for page in reader.stream() for record in page.records}


def check(kbgov: InProcess, name: str) -> tuple[str, str, str | None]:
    found = {item["name"]: item for item in kbgov("doctor", "--json").json["checks"]}[name]
    return found["status"], found["detail"], found["next"]


def test_every_command_that_changes_an_index_is_refused_and_says_since_when_by_whom_and_why(
    kbgov: InProcess, base: Path
) -> None:
    plan = kbgov("drift", "plan", "--json").json
    before = records(base)
    paused = kbgov("pause", "--reason", "planned-work", "--json")
    assert paused.code == 0
    assert paused.json == {**paused.json, "paused": True, "reason": "planned-work", "by": ACTOR, "replaced": None}
    for command in (("drift", "apply", plan["digest"], "--yes"), ("ingest", "--index", "main")):
        result = kbgov(*command, "--json")
        assert (result.code, result.json["error"]["code"], result.json["error"]["next"]) == (
            6,
            "paused",
            "kbgov resume",
        )
        assert f"since {paused.json['since']} by {ACTOR} (planned-work)" in result.json["error"]["message"]
        assert f"by {ACTOR} (planned-work)" in kbgov(*command).err
    assert records(base) == before
    assert kbgov("resume").code == 0
    assert kbgov("drift", "apply", plan["digest"], "--yes", "--confirm-count", count(plan)).code == 0


def count(plan: dict[str, Any]) -> str:
    return str(plan["counts"]["delete"])


def test_looking_and_deciding_go_on_while_changes_are_paused(kbgov: InProcess, base: Path) -> None:
    calm = kbgov("audit", "run", "--as-of", "2020-01-01", "--json")
    kbgov("pause", "--reason", "other")
    before = records(base)
    assert kbgov("audit", "run", "--as-of", "2020-01-01", "--json").code == calm.code
    for command in (
        ("sync",),
        ("documents", "list"),
        ("findings", "list"),
        ("drift", "plan"),
        ("documents", "verify", "hr/pay.md"),
        ("db", "check"),
        ("doctor",),
    ):
        assert kbgov(*command, "--json").code == 0, command
    assert records(base) == before


def test_an_audit_that_may_not_mark_says_so_and_exits_as_it_would_without_the_pause(
    kbgov: InProcess, base: Path
) -> None:
    kbgov("pause", "--reason", "other")
    before = records(base)
    paused = kbgov("audit", "run", "--fail-on", "never", "--json")
    told = kbgov("audit", "run", "--fail-on", "low")
    assert paused.json["write_back"] == {
        "patched": 0,
        "put_back": 0,
        "failed": 0,
        "kept": 0,
        "paused": True,
        "refused": None,
    }
    assert (paused.code, told.code) == (0, 3)
    assert f"by {ACTOR} (other); nothing more was changed" in told.out
    assert "next: kbgov resume" in told.out
    assert records(base) == before
    kbgov("resume")
    done = kbgov("audit", "run", "--fail-on", "never", "--json")
    assert (done.code, done.json["write_back"]["patched"]) == (0, len(before))


def test_the_doctor_warns_and_writes_nothing(kbgov: InProcess, base: Path) -> None:
    assert check(kbgov, "changes") == ("ok", "indexes may be changed", None)
    kbgov("pause", "--reason", "planned-work")
    file = (base / "theirs.db").read_bytes()
    status, detail, step = check(kbgov, "changes")
    assert (status, step) == ("warn", "kbgov resume")
    assert detail.startswith("paused since 20")
    assert detail.endswith(f"Z by {ACTOR} (planned-work): no index is changed")
    status, detail, step = check(kbgov, "index main")
    assert (status, step) == ("warn", "kbgov resume")
    assert detail.endswith("; not written to, because changes are paused")
    assert kbgov("doctor").code == 0
    assert (base / "theirs.db").read_bytes() == file
    kbgov("resume")
    assert check(kbgov, "changes")[0] == check(kbgov, "index main")[0] == "ok"


def test_an_ingest_is_refused_before_anything_is_embedded_for_each_of_its_sources(
    own: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(HashedEmbedder, "embed", lambda *_: pytest.fail("something was embedded"))
        own("pause", "--reason", "other")
        result = own("ingest", "--json")
    assert result.code == 6
    assert [item["error"]["code"] for item in result.json["sources"]] == ["paused", "paused"]
    assert not (own.folder / "main-index.db").exists()
    assert own("ingest").out.count("next: kbgov resume") == 2
    own("resume")
    assert own("ingest").code == 0


def test_a_pause_can_have_another_reason_and_no_pause_can_be_ended(kbgov: InProcess) -> None:
    first = kbgov("pause", "--reason", "planned-work").out.splitlines()
    assert first[0] == "No index is changed from now on: planned-work."
    assert first[-1] == "next: kbgov resume"
    kbgov.env.setenv("KBGOV_ACTOR", "bo")
    again = kbgov("pause", "--reason", "accepted-risk", "--json").json
    assert (again["reason"], again["by"]) == ("accepted-risk", "bo")
    assert again["replaced"] == {"since": again["since"], "reason": "planned-work", "by": ACTOR}
    out = kbgov("pause", "--reason", "other").out
    assert f"Changes were paused already, since {again['since']} by bo (accepted-risk); now the reason is other." in out
    ended = kbgov("resume", "--json")
    assert (ended.code, ended.json["paused"], ended.json["was"]["reason"]) == (0, False, "other")
    nothing = kbgov("resume", "--json")
    assert (nothing.code, nothing.json) == (0, {"paused": False, "was": None, "notes": []})
    assert kbgov("resume").out == "Changes were not paused.\n"


@pytest.mark.parametrize("arguments", [(), ("--reason", "because"), ("--reason", "other", "--note", "x" * 3000)])
def test_what_cannot_be_a_pause_is_a_usage_error_and_pauses_nothing(
    kbgov: InProcess, arguments: tuple[str, ...]
) -> None:
    result = kbgov("pause", *arguments, "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")
    assert kbgov("resume", "--json").json["was"] is None


def test_what_people_type_is_shown_at_the_end_and_is_in_no_event_no_log_and_no_refusal(
    kbgov: InProcess, base: Path
) -> None:
    kbgov.env.setenv("KBGOV_LOG", "json")
    paused = kbgov("pause", "--reason", "other", "--note", CANARY)
    refused = kbgov("ingest", "--index", "main")
    doctor = kbgov("doctor", "--json")
    assert not any(CANARY in text for text in (paused.out, paused.err, refused.out, refused.err, doctor.out))
    with closing(sqlite3.connect(base / "kbgov.db")) as db:
        tables = [row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        holding = [name for name in tables if any(CANARY in str(row) for row in db.execute(f'SELECT * FROM "{name}"'))]
    assert holding == ["note"]
    resumed = kbgov("resume", "--json")
    assert [(item["by"], item["text"]) for item in resumed.json["notes"]] == [(ACTOR, CANARY)]
    assert CANARY not in resumed.err


def test_a_mistake_in_a_policy_is_no_reason_to_let_changes_go_on(kbgov: InProcess, base: Path) -> None:
    adopt(base, POLICIES + "nonsense: true\n")
    assert kbgov("pause", "--reason", "other").code == 0
    wrong = kbgov("pause", "--reason", "of-our-own", "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (2, "policy")
    adopt(base, POLICIES)
    assert kbgov("ingest", "--index", "main").code == 6
    adopt(base, POLICIES + "nonsense: true\n")
    assert kbgov("resume").code == 0


def test_for_a_reason_that_is_built_in_no_policy_is_read(
    kbgov: InProcess, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "load_policies", lambda _paths: pytest.fail("policies were read"))
        assert {kbgov("pause", "--reason", reason).code for reason in WaiverReason} == {0}
    os.mkfifo(base / "policies" / "waits.yaml")
    refused = kbgov("pause", "--reason", "of-our-own", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "policy")
    assert refused.json["error"]["message"].endswith("waits.yaml is no plain file")


def test_a_reason_of_ones_own_is_a_reason(kbgov: InProcess, base: Path) -> None:
    adopt(base, POLICIES.replace("\npolicies:", "\nreasons: [{code: works-council}]\npolicies:"))
    assert kbgov("pause", "--reason", "works-council", "--json").json["reason"] == "works-council"


def test_the_next_command_names_the_configuration_that_was_typed(kbgov: InProcess, base: Path) -> None:
    (base / "kbgov.toml").rename(base / "other.toml")
    typed = ("--config", "other.toml")
    step = "kbgov resume --config other.toml"
    assert kbgov("pause", "--reason", "other", *typed).out.splitlines()[-1] == f"next: {step}"
    assert kbgov("ingest", "--index", "main", *typed, "--json").json["error"]["next"] == step
    assert f"next: {step}" in kbgov("audit", "run", *typed).out
    checks = kbgov("doctor", *typed, "--json").json["checks"]
    assert {item["next"] for item in checks if item["name"] in {"changes", "index main"}} == {step}


def test_a_command_in_another_process_is_refused_too(kbgov: InProcess, base: Path) -> None:
    assert in_own_process(base, "pause", "--reason", "other", KBGOV_ACTOR="cy").code == 0
    result = in_own_process(base, "ingest", "--index", "main", "--json")
    assert (result.code, result.json["error"]["code"]) == (6, "paused")
    assert "by cy (other)" in kbgov("ingest", "--index", "main").err


# Too much at once


def test_more_deletions_than_allowed_need_the_number_typed(kbgov: InProcess, base: Path) -> None:
    plan = kbgov("drift", "plan", "--json").json
    there, doomed = len(records(base)), int(count(plan))
    refused = kbgov("drift", "apply", plan["digest"], "--yes", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (6, "limit_exceeded")
    assert refused.json["error"]["item"] == "limits.delete.max_percent"
    assert f"{doomed} of {there} chunks" in refused.json["error"]["message"]
    assert f"--confirm-count {doomed}" in refused.json["error"]["next"]
    wrong = kbgov("drift", "apply", plan["digest"], "--yes", "--confirm-count", str(doomed + 1), "--json")
    assert (wrong.code, wrong.json["error"]["code"]) == (6, "limit_exceeded")
    assert f"which is {doomed} and not the {doomed + 1}" in wrong.json["error"]["message"]
    assert len(records(base)) == there
    for nonsense in ("-1", "many", ""):
        assert kbgov("drift", "apply", plan["digest"], "--yes", "--confirm-count", nonsense).code == 2
    done = kbgov("drift", "apply", plan["digest"], "--yes", "--confirm-count", count(plan), "--json")
    assert (done.code, done.json["deleted"]) == (0, doomed)


def quarantining(base: Path, items: int) -> int:
    """Have what is left over quarantined as far as a limit allows; give how much that is."""
    adopt(base, QUARANTINE.replace("max_items: 0", f"max_items: {items}"))
    return sum(item["source"].endswith("office.md") for item in records(base).values())


def states(folder: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for item in records(folder).values():
        found[str(item.get("kb_status"))] = found.get(str(item.get("kb_status")), 0) + 1
    return found


def test_an_audit_that_may_not_quarantine_so_many_tells_it_marks_the_rest_and_exits_with_6(
    kbgov: InProcess, base: Path
) -> None:
    orphans = quarantining(base, 1)
    rest = len(records(base)) - orphans
    refused = kbgov("audit", "run", "--fail-on", "never", "--json")
    assert refused.code == 6
    assert refused.json["write_back"]["refused"] == {
        "deed": "quarantine",
        "limit": "limits.quarantine.max_items",
        "planned": orphans,
        "indexes": {"main": {"planned": orphans, "present": orphans + rest}},
    }
    assert refused.json["findings"]["by_kind"]["drift.orphan"] == 1
    assert states(base) == {"fresh": rest, "stale": orphans}
    told = kbgov("audit", "run", "--fail-on", "low")
    assert told.code == 3
    assert f"not marked: {orphans} of {orphans + rest} chunks" in told.out
    assert f"--confirm-count {orphans}" in told.out
    wrong = kbgov("audit", "run", "--fail-on", "never", "--confirm-count", str(orphans + 1), "--json")
    assert (wrong.code, states(base)) == (6, {"fresh": rest, "stale": orphans})
    done = kbgov("audit", "run", "--fail-on", "never", "--confirm-count", str(orphans), "--json")
    assert (done.code, done.json["write_back"]["refused"]) == (0, None)
    assert states(base) == {"fresh": rest, "quarantined": orphans}
    again = kbgov("audit", "run", "--fail-on", "never", "--json")
    assert (again.code, again.json["write_back"]["patched"]) == (0, 0)


def test_as_many_as_the_policy_allows_are_quarantined_without_a_word(kbgov: InProcess, base: Path) -> None:
    orphans = quarantining(base, quarantining(base, 1))
    assert kbgov("audit", "run", "--fail-on", "never").code == 0
    assert states(base)["quarantined"] == orphans


def test_a_run_keeps_no_name_of_whoever_paused(kbgov: InProcess, base: Path) -> None:
    kbgov("pause", "--reason", "other")
    kbgov("audit", "run")
    with closing(sqlite3.connect(base / "kbgov.db")) as db:
        counts = [row[0] for row in db.execute("SELECT counts FROM run WHERE command = 'audit'")]
    assert json.loads(counts[-1])["write_back"]["paused"] is True
    assert ACTOR not in "".join(counts)
