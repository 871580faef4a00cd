"""`kbgov log list|show|verify|checkpoint` as people type them, and the finding about a log that was rewritten."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from governance import bootstrap
from governance.domain.signed_note import SignedNote
from governance.keyring import open_keyring
from governance.keyring.signing import verified_by
from tests.command_line import COMMAND, InProcess, Result, environment, in_own_process
from tests.kept_log import checkpoint_of
from tests.log_attacks import bodies_of, drop_triggers, forged, rebuild

ADA = "ada@example.org"
ANCHOR = '\n[anchors.disk]\ntype = "file"\npath = "kept/checkpoints.txt"\n'
CONTRACT = {"outcome", "entries", "root", "covered", "problems"}


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page whose review is overdue, an index, an audit, and a log that tells of it."""
    folder = tmp_path_factory.mktemp("template")
    (folder / "docs").mkdir()
    (folder / "docs" / "leave.md").write_text("---\nowner: bo\nreviewed_on: 2020-01-01\n---\n# Leave\n\nSome words.\n")
    for words in (["init", "--source", "docs"], ["ingest"], ["audit", "run", "--fail-on", "never"]):
        done = in_own_process(folder, *words, KBGOV_ACTOR=ADA)
        assert done.code == 0, done.err
    return folder


@pytest.fixture
def kbgov(
    template: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> InProcess:
    folder = shutil.copytree(template, tmp_path / "here")
    made = InProcess(folder, capsys, monkeypatch)
    monkeypatch.setenv("KBGOV_ACTOR", ADA)
    return made


def entries(kbgov: InProcess) -> list[dict[str, Any]]:
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db")) as db:
        return [json.loads(row[0]) for row in db.execute("SELECT body FROM audit_entry ORDER BY seq")]


def body(kbgov: InProcess, seq: int) -> str:
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db")) as db:
        return db.execute("SELECT body FROM audit_entry WHERE seq = ?", (seq,)).fetchone()[0]


def put(kbgov: InProcess, seq: int, text: str) -> None:
    """Change an entry as the owner of the database can."""
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db", isolation_level=None)) as db:
        db.execute("DROP TRIGGER IF EXISTS audit_entry_no_update")
        db.execute("UPDATE audit_entry SET body = ? WHERE seq = ?", (text, seq))


def cut(kbgov: InProcess, count: int) -> None:
    """Take the last entries away with all that the database knows of them."""
    engine = create_engine(f"sqlite:///{kbgov.folder / 'kbgov.db'}")
    drop_triggers(engine)
    with engine.begin() as connection:
        rebuild(connection, bodies_of(connection)[:-count])
    engine.dispose()


def later(kbgov: InProcess, **ahead: float) -> None:
    """Let the clock say that it is later."""
    now = datetime.now(UTC) + timedelta(**ahead)
    kbgov.env.setattr(bootstrap, "_now", lambda: now)


def found(kbgov: InProcess, kind: str = "log.*") -> list[tuple[str, str, str]]:
    listed = kbgov("findings", "list", "--kind", kind, "--json").json["findings"]
    return [(item["kind"], item["severity"], item["status"]) for item in listed]


def configured(kbgov: InProcess, more: str) -> None:
    path = kbgov.folder / "kbgov.toml"
    path.write_text(path.read_text() + more)


# list, show


def listed(kbgov: InProcess, *options: str) -> list[int]:
    result = kbgov("log", "list", "--json", *options)
    assert result.code == 0, result.out
    return [item["seq"] for item in result.json["entries"]]


def test_each_filter_of_the_list_leaves_what_it_asks_for(kbgov: InProcess) -> None:
    bodies = entries(kbgov)

    def those(**wanted: object) -> list[int]:
        return [item["seq"] for item in bodies if all(item.get(name) == value for name, value in wanted.items())]

    whole = [item["seq"] for item in bodies]
    today, tomorrow = (datetime.now(UTC) + timedelta(days=ahead) for ahead in (0, 2))
    assert listed(kbgov) == whole == list(range(len(bodies)))
    assert listed(kbgov, "--action", "run.started") == those(action="run.started") != []
    assert listed(kbgov, "--action", "run.*") == sorted(those(action="run.started") + those(action="run.finished"))
    assert listed(kbgov, "--actor", ADA) == whole
    assert listed(kbgov, "--actor", "bo") == []
    assert listed(kbgov, "--run", "2") == those(run=2) != []
    assert listed(kbgov, "--outcome", "done") == those(outcome="done") != whole
    assert listed(kbgov, "--reason", "freshness.overdue") == those(reason="freshness.overdue") != []
    assert listed(kbgov, "--until", f"{tomorrow:%Y-%m-%d}") == whole
    assert listed(kbgov, "--since", f"{tomorrow:%Y-%m-%d}") == []
    assert listed(kbgov, "--since", f"{today - timedelta(days=2):%Y-%m-%d}") == whole
    assert listed(kbgov, "--limit", "3") == whole[-3:]
    assert listed(kbgov, "--limit", "9" * 40) == whole
    (fingerprint,) = (item["fingerprint"] for item in kbgov("findings", "list", "--json").json["findings"])
    assert listed(kbgov, "--document", "leave.md") == []
    kbgov("findings", "ack", fingerprint)
    kbgov("documents", "verify", "leave.md")
    about = [item["action"] for item in kbgov("log", "list", "--document", "leave.md", "--json").json["entries"]]
    assert about == ["finding.acknowledged", "document.reviewed"]


def test_people_see_who_did_what_in_a_table_and_the_log_itself_has_no_name(kbgov: InProcess) -> None:
    out = kbgov("log", "list", "--run", "1").out
    assert out.splitlines()[0].split() == ["SEQ", "AT", "(UTC)", "ACTION", "ACTOR", "WHAT"]
    assert out.splitlines()[-1] == f"{len(listed(kbgov, '--run', '1'))} entries"
    assert ADA in out
    assert "index=main run=1 reason=put:ingest.new_body chunks=1" in out
    assert kbgov("log", "list", "--run", "99").out == "0 entries\n"
    assert ADA not in "".join(map(json.dumps, entries(kbgov)))


def test_one_entry_is_shown_to_the_letter(kbgov: InProcess) -> None:
    shown = kbgov("log", "show", "0", "--json")
    assert shown.code == 0
    assert shown.json["body"] == body(kbgov, 0)
    assert shown.json["entry"] == {**entries(kbgov)[0], "actor_name": ADA}
    assert shown.json["signed"] is not None
    assert shown.json["anchored"] == {}
    out = kbgov("log", "show", "0").out
    assert shown.json["leaf"] in out
    assert f"checkpoint of {shown.json['signed']} entries" in out


@pytest.mark.parametrize("seq", ["999", "9" * 30])
def test_an_entry_that_is_not_there_is_a_wrong_argument(kbgov: InProcess, seq: str) -> None:
    result = kbgov("log", "show", seq, "--json")
    assert (result.code, result.json["error"]["code"], result.json["error"]["item"]) == (2, "usage", seq)
    assert result.json["error"]["next"] == "kbgov log list shows the numbers"
    assert kbgov("log", "show", "-1").code == 2


# verify


def test_without_a_checkpoint_from_outside_the_answer_is_self_consistent_only(kbgov: InProcess) -> None:
    result = kbgov("log", "verify", "--json")
    assert result.code == 3
    assert result.json.keys() >= CONTRACT
    assert (result.json["outcome"], result.json["entries"]) == ("self_consistent", len(entries(kbgov)))
    assert (result.json["covered"], result.json["problems"]) == (0, [])
    said = kbgov("log", "verify")
    assert said.code == 3
    assert said.out.startswith(f"Self-consistent only: {len(entries(kbgov))} entries fit together, but there is no")


def test_a_checkpoint_that_was_kept_elsewhere_makes_it_intact(kbgov: InProcess) -> None:
    (kbgov.folder / "kept.txt").write_text(kbgov("log", "checkpoint").out, "utf-8")
    count = len(entries(kbgov))
    result = kbgov("log", "verify", "--checkpoint", "kept.txt", "--json")
    assert (result.code, result.json["outcome"]) == (0, "intact")
    assert result.json == kbgov("log", "verify", "--checkpoint", "kept.txt", "--json").json
    assert (result.json["covered"], result.json["against"]) == (count, ["kept.txt"])
    assert kbgov("log", "verify", "--checkpoint", "kept.txt").out.splitlines()[:2] == [
        f"Intact: {count} entries.",
        "Held against: kept.txt.",
    ]
    kbgov("pause", "--reason", "other")
    said = kbgov("log", "verify", "--checkpoint", "kept.txt")
    assert (said.code, "1 entry after it: not covered by this checkpoint." in said.out) == (0, True)


def test_the_key_may_be_given_as_a_line_or_as_a_file(kbgov: InProcess) -> None:
    (kbgov.folder / "kept.txt").write_text(kbgov("log", "checkpoint").out, "utf-8")
    line = open_keyring(kbgov.folder / "keys", {}).verifiers[0].text
    (kbgov.folder / "vkey").write_text(line + "\n")
    for key in (line, "vkey"):
        assert kbgov("log", "verify", "--checkpoint", "kept.txt", "--key", key).code == 0
    wrong = kbgov("log", "verify", "--key", "nothing", "--json")
    assert (wrong.code, wrong.json["error"]["code"], wrong.json["error"]["item"]) == (2, "config", "--key")


def test_what_cannot_be_looked_at_leaves_it_unknown(kbgov: InProcess) -> None:
    result = kbgov("log", "verify", "--checkpoint", "nowhere.txt", "--json")
    assert (result.code, result.json["outcome"]) == (75, "unknown")
    assert result.json["problems"] == ["nowhere.txt cannot be read: No such file or directory"]
    said = kbgov("log", "verify", "--checkpoint", "nowhere.txt").out
    assert said.startswith("Unknown: not everything could be looked at.\n- nowhere.txt cannot be read")
    assert found(kbgov) == []


def test_a_verification_that_finds_nothing_wrong_leaves_no_trace(kbgov: InProcess) -> None:
    before = entries(kbgov)
    kbgov("log", "verify")
    kbgov("log", "list")
    kbgov("log", "show", "1")
    assert entries(kbgov) == before


# The finding


def test_a_log_that_was_rewritten_is_a_critical_finding_until_the_audit_sees_it_put_right(kbgov: InProcess) -> None:
    original = body(kbgov, 5)
    put(kbgov, 5, forged(original, outcome="refused"))
    result = kbgov("log", "verify", "--json")
    assert (result.code, result.json["outcome"], result.json["covered"]) == (5, "inconsistent", 0)
    assert result.json["problems"][0] == "entry 5 says something else than when it was written"
    assert kbgov("log", "verify").out.startswith("Inconsistent: this log is not what it was.\n- entry 5 says")
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]
    audited = kbgov("audit", "run", "--only", "freshness", "--fail-on", "critical", "--json")
    assert (audited.code, audited.json["worst"]) == (3, "critical")
    assert audited.json["findings"]["by_kind"]["log.inconsistent"] == 1
    put(kbgov, 5, original)
    assert kbgov("log", "verify").code == 3
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]
    assert kbgov("audit", "run", "--only", "freshness", "--fail-on", "critical", "--json").code == 0
    assert found(kbgov) == [("log.inconsistent", "critical", "resolved")]
    put(kbgov, 5, forged(original, outcome="refused"))
    kbgov("log", "verify")
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]


def test_the_finding_says_what_is_wrong_and_stands_in_the_log_by_its_kind(kbgov: InProcess) -> None:
    put(kbgov, 5, forged(body(kbgov, 5), outcome="refused"))
    before = len(entries(kbgov))
    kbgov("log", "verify")
    (listed_,) = kbgov("findings", "list", "--kind", "log.*", "--json").json["findings"]
    assert listed_["evidence"]["problems"][0] == "entry 5 says something else than when it was written"
    new = entries(kbgov)[before:]
    assert [(item["action"], item.get("reason"), item.get("command")) for item in new] == [
        ("run.started", None, "log verify"),
        ("findings.opened", "log.inconsistent", None),
        ("run.finished", None, "log verify"),
    ]


def test_the_finding_names_no_file_that_somebody_gave(kbgov: InProcess) -> None:
    kept = kbgov("log", "checkpoint").out
    cut(kbgov, 2)
    (kbgov.folder / "of-ann-smith.txt").write_text(kept, "utf-8")
    result = kbgov("log", "verify", "--checkpoint", "of-ann-smith.txt", "--json")
    assert result.code == 5
    assert any("of-ann-smith.txt was signed over" in problem for problem in result.json["problems"])
    listed_ = kbgov("findings", "list", "--kind", "log.*", "--json").out
    assert "a file that was given was signed over" in listed_
    assert "ann-smith" not in listed_


def test_an_audit_alone_opens_it_too_whatever_it_is_asked_for(kbgov: InProcess) -> None:
    put(kbgov, 5, forged(body(kbgov, 5), outcome="refused"))
    assert kbgov("audit", "run", "--only", "drift", "--fail-on", "critical").code == 3
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]


def test_an_audit_of_another_day_says_nothing_about_the_log_of_today(kbgov: InProcess) -> None:
    put(kbgov, 5, forged(body(kbgov, 5), outcome="refused"))
    kbgov("audit", "run", "--as-of", "2026-01-01", "--fail-on", "never")
    assert found(kbgov) == []


def test_an_audit_that_cannot_look_at_everything_resolves_nothing(kbgov: InProcess) -> None:
    original = body(kbgov, 5)
    put(kbgov, 5, forged(original, outcome="refused"))
    kbgov("log", "verify")
    put(kbgov, 5, original)
    configured(kbgov, ANCHOR)  # whose folder is not there
    kbgov("audit", "run", "--fail-on", "never")
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]
    (kbgov.folder / "kept").mkdir()
    kbgov("audit", "run", "--fail-on", "never")
    assert found(kbgov) == [("log.inconsistent", "critical", "resolved")]


def test_what_somebody_finds_with_a_key_of_their_own_is_told_and_not_stored(kbgov: InProcess) -> None:
    line = open_keyring(kbgov.folder / "keys", {}).verifiers[0].text
    put(kbgov, 5, forged(body(kbgov, 5), outcome="refused"))
    before = entries(kbgov)
    assert kbgov("log", "verify", "--key", line).code == 5
    assert (found(kbgov), entries(kbgov)) == ([], before)


def test_the_damage_is_told_even_where_no_finding_can_be_stored_any_more(kbgov: InProcess) -> None:
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db", isolation_level=None)) as db:
        db.execute("DROP TRIGGER audit_head_no_delete")
        db.execute("DELETE FROM audit_head")
    result = kbgov("log", "verify", "--json")
    assert (result.code, result.json["problems"]) == (5, ["the audit log is damaged: the row of its head is gone"])
    for command in (("pause", "--reason", "other"), ("audit", "run"), ("log", "checkpoint")):
        refused = kbgov(*command, "--json")
        assert (refused.code, refused.json["error"]["code"]) == (5, "log_inconsistent")
    assert found(kbgov) == []


# checkpoint


def test_a_checkpoint_is_printed_as_it_is_to_be_kept(kbgov: InProcess) -> None:
    kbgov("pause", "--reason", "other")
    signed = kbgov("log", "checkpoint", "--json")
    count = len(entries(kbgov))
    assert (signed.code, signed.json["entries"], signed.json["fresh"]) == (0, count, True)
    assert (signed.json["anchored"], signed.json["failed"]) == ([], {})
    note = signed.json["checkpoint"]
    assert checkpoint_of(note).size == count
    assert verified_by(SignedNote.parse(note), open_keyring(kbgov.folder / "keys", {}).verifiers)
    assert kbgov("log", "checkpoint").out == note
    assert kbgov("log", "checkpoint", "--json").json["fresh"] is False
    assert len(entries(kbgov)) == count


def test_a_log_without_an_entry_has_no_checkpoint(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kbgov.toml").write_text('[sources.docs]\nroot = "docs"\n')
    typed = InProcess(tmp_path, capsys, monkeypatch)
    assert typed("db", "upgrade").code == 0
    assert typed("log", "checkpoint").out == "The log has no entry yet.\n"
    assert typed("log", "checkpoint", "--json").json["entries"] == 0
    assert typed("log", "list").out == "0 entries\n"
    assert typed("log", "verify").code == 3


def test_a_log_that_was_cut_is_not_signed_and_that_is_a_finding(kbgov: InProcess) -> None:
    kbgov("log", "checkpoint")
    kept = (kbgov.folder / "keys" / "checkpoint").read_text("utf-8")
    cut(kbgov, 2)
    refused = kbgov("log", "checkpoint", "--json")
    assert (refused.code, refused.json["error"]["code"]) == (5, "log_inconsistent")
    assert "a checkpoint was signed over" in refused.json["error"]["message"]
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]
    assert (kbgov.folder / "keys" / "checkpoint").read_text("utf-8") == kept
    assert [item["command"] for item in entries(kbgov) if item["action"] == "run.started"][-1] == "log checkpoint"


def test_what_one_command_meets_twice_is_told_and_stored_once(kbgov: InProcess) -> None:
    """The checkpoint at the end of a command meets what the command itself has met."""
    kbgov("log", "checkpoint")
    cut(kbgov, 2)
    later(kbgov, hours=2)
    refused = kbgov("log", "checkpoint")
    assert refused.code == 5
    assert refused.err.count("no checkpoint is signed") == 1
    started = [item for item in entries(kbgov) if item.get("command") == "log checkpoint"]
    assert [item["action"] for item in started] == ["run.started", "run.finished"]


def test_two_processes_that_sign_at_once_both_succeed(kbgov: InProcess) -> None:
    kbgov("pause", "--reason", "other")
    pipe = subprocess.PIPE
    command = [*COMMAND, "log", "checkpoint", "--json"]
    children = [
        subprocess.Popen(command, cwd=kbgov.folder, env=environment(), stdout=pipe, stderr=pipe, text=True)
        for _ in range(2)
    ]
    answers = [child.communicate() for child in children]
    assert [child.returncode for child in children] == [0, 0], answers
    signed = [json.loads(out) for out, _ in answers]
    assert sorted(item["fresh"] for item in signed) == [False, True]
    assert signed[0]["checkpoint"] == signed[1]["checkpoint"]


# At the end of a command, and anchors


def checkpoints(kbgov: InProcess) -> list[int]:
    with closing(sqlite3.connect(kbgov.folder / "kbgov.db")) as db:
        return [row[0] for row in db.execute("SELECT size FROM audit_checkpoint ORDER BY size")]


def test_a_command_that_writes_an_entry_signs_the_log_when_an_hour_has_passed(kbgov: InProcess) -> None:
    before = checkpoints(kbgov)
    kbgov("pause", "--reason", "other")
    assert checkpoints(kbgov) == before
    later(kbgov, minutes=61)
    kbgov("findings", "list")
    assert checkpoints(kbgov) == before
    assert kbgov("resume").code == 0
    assert checkpoints(kbgov) == [*before, len(entries(kbgov))]


def test_a_command_has_done_its_work_whatever_becomes_of_the_checkpoint_behind_it(kbgov: InProcess) -> None:
    later(kbgov, hours=2)
    (signing,) = (kbgov.folder / "keys").glob("signing-*")
    away = signing.rename(kbgov.folder / signing.name)
    done = kbgov("pause", "--reason", "other", "--json")
    assert done.code == 0
    assert done.json
    assert done.err.startswith("kbgov: there is no signing key")
    away.rename(signing)
    configured(kbgov, ANCHOR)
    done = kbgov("resume", "--json")
    assert (done.code, bool(done.json)) == (0, True)
    assert done.err.startswith("kbgov: anchor disk did not take the checkpoint: ")


def test_an_anchor_takes_checkpoints_and_vouches_for_them(kbgov: InProcess) -> None:
    configured(kbgov, ANCHOR)
    failed = kbgov("log", "checkpoint", "--json")
    assert (failed.code, list(failed.json["failed"]), failed.json["anchored"]) == (75, ["disk"], [])
    assert kbgov("log", "verify", "--json").json["outcome"] == "unknown"
    (kbgov.folder / "kept").mkdir()
    made = kbgov("log", "checkpoint", "--json")
    assert (made.code, made.json["failed"], made.json["anchored"]) == (0, {}, ["disk"])
    verified = kbgov("log", "verify", "--json")
    assert (verified.code, verified.json["outcome"], verified.json["against"]) == (0, "intact", ["anchor disk"])
    assert kbgov("log", "show", "0", "--json").json["anchored"] == {"disk": True}
    assert "anchor disk" in kbgov("log", "show", "0").out


def test_a_checkpoint_behind_a_command_that_meets_a_rewritten_log_opens_the_finding(kbgov: InProcess) -> None:
    kbgov("log", "checkpoint")
    cut(kbgov, 2)
    later(kbgov, hours=2)
    done = kbgov("pause", "--reason", "other", "--json")
    assert (done.code, bool(done.json)) == (0, True)
    assert done.err.startswith("kbgov: no checkpoint is signed: a checkpoint was signed over")
    assert found(kbgov) == [("log.inconsistent", "critical", "open")]


# findings reopen


def status(result: Result) -> str:
    (finding,) = result.json["findings"]
    return finding["status"]


def test_an_acknowledgment_and_a_waiver_can_be_taken_back(kbgov: InProcess) -> None:
    (fingerprint,) = (item["fingerprint"] for item in kbgov("findings", "list", "--json").json["findings"])
    refused = kbgov("findings", "reopen", fingerprint, "--json")
    assert (refused.code, refused.json["error"]["code"]) == (2, "usage")
    assert refused.json["error"]["message"] == "this finding is open already"
    kbgov("findings", "ack", fingerprint)
    assert status(kbgov("findings", "reopen", fingerprint[:10], "--json")) == "open"
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    waived = kbgov("findings", "waive", fingerprint, "--reason", "planned-work", "--until", day, "--json")
    assert status(waived) == "waived"
    reopened = kbgov("findings", "reopen", fingerprint, "--note", "not after all", "--json")
    assert status(reopened) == "open"
    assert reopened.json["history"][-1]["waived_until"] is None
    assert [item["text"] for item in reopened.json["notes"]] == ["not after all"]
    decisions = [item["action"] for item in entries(kbgov) if item["action"].startswith("finding.")]
    assert decisions == ["finding.acknowledged", "finding.reopened", "finding.waived", "finding.reopened"]
    assert kbgov("findings", "list", "--status", "open", "--json").json["findings"][0]["fingerprint"] == fingerprint
    assert "not after all" not in json.dumps(entries(kbgov))
