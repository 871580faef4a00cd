"""The commands one after the other, as a newcomer types them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.bootstrap import open_app
from governance.domain.events import ChangeKind
from governance.sources.tree import FileTreeListing
from tests.command_line import InProcess, Result


def days_ago(count: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=count)).isoformat()


@pytest.fixture
def kbgov(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(tmp_path, capsys, monkeypatch)


@pytest.fixture
def small(kbgov: InProcess) -> InProcess:
    """A configured knowledge base of three pages, not ingested yet."""
    kbgov.page("old.md", "# Old\n\nWords.", last_reviewed_on="2020-01-01", review_in="6 months", owner="ann")
    kbgov.page("new.md", "# New\n\nWords.", last_reviewed_on=days_ago(1), review_in="6 months")
    kbgov.page("undated.md", "# Undated\n\nWords.")
    assert kbgov("init", "--source", "docs").code == 0
    return kbgov


def open_findings(kbgov: InProcess, *arguments: str) -> list[tuple[str, str]]:
    found = kbgov("findings", "list", "--status", "open", "--json", *arguments).json["findings"]
    return sorted((item["document"] or item["source"], item["kind"]) for item in found)


def fingerprint(kbgov: InProcess, document: str) -> str:
    (found,) = kbgov("findings", "list", "--document", document, "--json").json["findings"]
    print_of: str = found["fingerprint"]
    return print_of


def test_three_lines_with_no_edit_give_the_answer(small: InProcess) -> None:
    ingested = small("ingest", "--json")
    assert ingested.code == 0
    assert ingested.json["documents"] == {
        "seen": 3,
        "added": 3,
        "body_changed": 0,
        "metadata_changed": 0,
        "unchanged": 0,
        "removed": 0,
        "failed": 0,
        "suppressed": 0,
    }
    assert ingested.json["chunks"]["written"] == ingested.json["chunks"]["embedded"] == 3
    assert ingested.json["refused"] is None
    audited = small("audit", "run", "--json")
    assert audited.code == 3
    body = audited.json
    assert body["worst"] == "high"
    assert body["run_id"] == 2
    assert body["coverage"]["documents"] == 3
    assert body["findings"]["opened"] == body["findings"]["open"] == 2
    assert body["findings"]["by_kind"]["freshness.overdue"] == 1
    assert open_findings(small) == [("old.md", "freshness.overdue"), ("undated.md", "freshness.unknown")]


def test_the_same_lines_work_on_both_databases(kbgov: InProcess, blank_url: str) -> None:
    kbgov.page("old.md", "Words.", last_reviewed_on="2020-01-01", review_in="6 months")
    kbgov.env.setenv("KBGOV_DATABASE_URL", blank_url)
    started = kbgov("init", "--source", "docs", "--json")
    assert started.code == 0
    assert "?" not in started.json["database"]
    assert kbgov("ingest", "--json").json["documents"]["added"] == 1
    assert kbgov("audit", "run", "--json").json["findings"]["by_kind"]["freshness.overdue"] == 1
    assert kbgov("ingest", "--json").json["documents"]["unchanged"] == 1
    assert kbgov("doctor", "--json").json["ok"] is True
    assert kbgov("db", "check", "--json").json["state"] == "ok"


def test_what_people_read_names_owner_age_and_what_to_do(small: InProcess) -> None:
    small("ingest")
    out = small("audit", "run").out
    assert "2 findings in 3 documents, the worst is high." in out
    assert "docs: as listed just now (" in out
    row = next(line for line in out.splitlines() if "old.md" in line)
    assert "ann" in row
    assert "kbgov documents verify" in row
    assert "not looked at: pii, duplicates, quality, conflicts (not yet audited by this version)" in out
    assert "not looked at: retention (no policy of this kind, so nothing was judged)" in out


@pytest.mark.parametrize(("threshold", "code"), [("critical", 0), ("high", 3), ("medium", 3), ("low", 3), ("never", 0)])
def test_the_exit_code_follows_fail_on(small: InProcess, threshold: str, code: int) -> None:
    small("ingest")
    assert small("audit", "run", "--fail-on", threshold).code == code


def test_an_earlier_day_is_shown_and_not_stored(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    result = small("audit", "run", "--as-of", "2020-06-01", "--json")
    assert result.json["run_id"] is None
    assert "a later day was audited before" in result.json["not_stored"]
    assert result.json["findings"]["by_kind"]["freshness.overdue"] == 0
    assert open_findings(small, "--as-of", "2020-06-01") == []
    told = small("audit", "run", "--as-of", "2020-08-01").out
    assert "Nothing was stored: a later day was audited before" in told
    assert "old.md" in told


def test_an_earlier_day_is_stored_when_told_to(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    result = small("audit", "run", "--as-of", "2020-06-15", "--record", "--json")
    assert result.json["run_id"] == 3
    assert open_findings(small, "--as-of", "2020-06-15") == [
        ("old.md", "freshness.due_soon"),
        ("undated.md", "freshness.unknown"),
    ]
    assert ("old.md", "freshness.overdue") in open_findings(small)


def test_areas_that_are_left_out_are_named_and_their_findings_stay(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    result = small("audit", "run", "--only", "pii,drift", "--json")
    assert result.code == 0
    assert "freshness: left out by --only" in result.json["coverage"]["not_covered"]
    assert "freshness.overdue" not in result.json["findings"]["by_kind"]
    assert len(open_findings(small)) == 2


def test_documents_are_listed_the_longest_overdue_first(small: InProcess) -> None:
    small.page("older.md", "# Older\n\nWords.", last_reviewed_on="2019-01-01", review_in="1 month")
    small("ingest")
    listed = small("documents", "list", "--status", "overdue", "--json").json["documents"]
    assert [item["document"] for item in listed] == ["older.md", "old.md"]
    assert set(listed[0]) >= {"document", "source", "title", "owner", "reviewed_on", "due", "status", "evidence"}
    table = small("documents", "list").out.splitlines()
    assert table[0].split()[:3] == ["STATUS", "DAYS", "LATE"]
    assert table[-1] == "4 documents"


def test_a_review_counts_until_the_text_changes(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    verified = small("documents", "verify", "old.md", "--json")
    assert verified.code == 0
    assert verified.json["documents"][0]["status"] == "fresh"
    assert small("audit", "run", "--json").json["findings"]["resolved"] == 1
    small.page("old.md", "# Old\n\nOther words.", last_reviewed_on="2020-01-01", review_in="6 months", owner="ann")
    small("ingest")
    assert small("documents", "show", "old.md", "--json").json["documents"][0]["status"] == "overdue"
    assert small("audit", "run", "--json").json["findings"]["reopened"] == 1


def test_a_review_in_the_future_is_a_usage_error(small: InProcess) -> None:
    small("ingest")
    result = small("documents", "verify", "old.md", "--on", "2999-01-01", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "usage")


def test_a_finding_is_acknowledged_assigned_and_waived_by_the_beginning_of_its_fingerprint(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    short = fingerprint(small, "old.md")[:8]
    assert small("findings", "ack", short, "--json").json["findings"][0]["status"] == "acknowledged"
    assert small("findings", "assign", short, "--to", "bea", "--json").json["findings"][0]["owner"] == "bea"
    until = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
    waived = small("findings", "waive", short, "--reason", "accepted-risk", "--until", until, "--json").json
    assert waived["findings"][0]["status"] == "waived"
    assert [row["status"] for row in waived["history"]] == ["waived", "open"]
    assert waived["history"][0] | {"from": "", "run_id": None} == waived["history"][0] | {
        "from": "",
        "run_id": None,
        "reason": "accepted-risk",
        "waived_until": until,
    }
    again = small("audit", "run", "--json")
    assert again.code == 0
    assert again.json["findings"]["waived"] == 1


@pytest.mark.parametrize("missing", ["--reason", "--until"])
def test_a_waiver_needs_a_reason_and_an_end(small: InProcess, missing: str) -> None:
    options = {"--reason": "accepted-risk", "--until": "2999-01-01"}
    given = [word for name, value in options.items() if name != missing for word in (name, value)]
    result = small("findings", "waive", "abc", *given, "--json")
    assert (result.code, result.json["error"]["item"]) == (2, missing)


def test_a_reason_that_is_not_on_the_list_names_the_list(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    result = small("findings", "waive", fingerprint(small, "old.md"), "--reason", "because", "--until", "2999-01-01")
    assert result.code == 2
    assert "accepted-risk" in result.err


def test_resolved_findings_are_counted_and_not_listed_for_people(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    small("documents", "verify", "old.md")
    small("audit", "run")
    assert "old.md" not in small("findings", "list").out
    assert "1 more are resolved: --status resolved" in small("findings", "list").out
    assert "old.md" in small("findings", "list", "--status", "resolved").out


def test_quiet_says_nothing_when_all_is_well_and_everything_when_not(small: InProcess) -> None:
    assert small("ingest", "--quiet") == Result(0, "", "")
    loud = small("audit", "run", "--quiet")
    assert loud.code == 3
    assert "old.md" in loud.out


def test_a_page_that_cannot_be_read_is_3_and_the_rest_is_done(small: InProcess) -> None:
    (small.folder / "docs" / "binary.md").write_bytes(b"\xff\xfe\x00")
    result = small("ingest", "--json")
    assert result.code == 3
    assert result.json["documents"]["failed"] == 1
    assert result.json["documents"]["added"] == 3
    assert open_findings(small, "--kind", "coverage.*") == [("binary.md", "coverage.unreadable")]
    told = small("ingest").out
    assert "1 document could not be read" in told
    assert "findings list --kind 'coverage.*'" in told


def test_an_empty_listing_is_6_with_the_usual_document(small: InProcess) -> None:
    small("ingest")
    for page in (small.folder / "docs").iterdir():
        page.unlink()
    result = small("ingest", "--json")
    assert result.code == 6
    assert result.json["refused"] == {"reason": "empty", "seen": 0, "known": 3}
    assert result.json["documents"]["removed"] == 0
    assert "where 3 are known; nothing was changed" in small("ingest").out


def test_findings_met_by_an_ingest_are_dated_with_the_day_that_was_given(small: InProcess) -> None:
    (small.folder / "docs" / "binary.md").write_bytes(b"\xff")
    small("ingest", "--as-of", "2026-01-15")
    assert open_findings(small, "--as-of", "2026-01-15") == [("binary.md", "coverage.unreadable")]
    assert open_findings(small, "--as-of", "2026-01-14") == []


def test_a_day_that_is_none_is_a_usage_error(small: InProcess) -> None:
    for command in (("ingest",), ("audit", "run"), ("documents", "list"), ("findings", "list")):
        assert small(*command, "--as-of", "2026-02-30", "--json").json["error"]["item"] == "--as-of"


def test_several_sources_are_ingested_and_their_counts_summed(kbgov: InProcess) -> None:
    kbgov.page("a.md")
    (kbgov.folder / "more").mkdir()
    (kbgov.folder / "more" / "b.md").write_text("Words.")
    kbgov("init", "--source", "docs")
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text() + '\n[sources.more]\nroot = "more"\n\n[sources.gone]\nroot = "gone"\n')
    result = kbgov("ingest", "--json")
    assert result.code == 1
    assert result.json["documents"]["added"] == 2
    assert [(item["source"], item["documents"]["added"]) for item in result.json["sources"]] == [
        ("docs", 1),
        ("gone", 0),
        ("more", 1),
    ]
    assert result.json["error"]["code"] == "source_unavailable"
    assert "gone: stopped" in kbgov("ingest").out
    assert kbgov("ingest", "more", "--json").json["documents"]["unchanged"] == 1


def test_a_single_source_that_is_not_there_is_an_error_document(small: InProcess) -> None:
    (small.folder / "docs").rename(small.folder / "elsewhere")
    result = small("ingest", "--json")
    assert result.code == 1
    assert result.json["error"]["code"] == "source_unavailable"


def test_names_that_are_not_configured_are_answered_with_those_that_are(small: InProcess) -> None:
    assert "did you mean 'docs'?" in small("ingest", "dosc").err
    assert "did you mean 'main'?" in small("ingest", "--index", "mian").err


def test_an_index_of_another_kind_that_nobody_brings_is_a_configuration_error(small: InProcess) -> None:
    config = small.folder / "kbgov.toml"
    config.write_text(config.read_text().replace('type = "embedded"', 'type = "embeded"'))
    result = small("ingest", "--json")
    assert (result.code, result.json["error"]["code"]) == (2, "config")
    assert "did you mean 'embedded'?" in result.json["error"]["next"]


def test_a_title_cannot_play_tricks_on_the_terminal(small: InProcess) -> None:
    small.page("trick.md", "Words.", title='"[bold red]\\e[31mTrick\\u202e"', last_reviewed_on="2020-01-01")
    small("ingest")
    out = small("documents", "list").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "[bold red]" in out


def test_the_actor_stands_in_what_was_done(small: InProcess) -> None:
    small.env.setenv("KBGOV_ACTOR", "ann@example.com")
    small("ingest")
    assert small("documents", "verify", "old.md", "--json").json["review"]["actor"] == "ann@example.com"


def test_every_answer_in_json_is_one_document(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    print_of = fingerprint(small, "old.md")
    for command in (
        ("ingest",),
        ("audit", "run"),
        ("documents", "list"),
        ("documents", "show", "old.md"),
        ("findings", "list"),
        ("findings", "show", print_of),
        ("findings", "ack", print_of),
        ("db", "check"),
        ("db", "upgrade"),
        ("doctor",),
        ("guide",),
    ):
        result = small(*command, "--json")
        assert isinstance(json.loads(result.out), dict), command
        assert result.err == "", command
        assert "error" not in result.json, command


def test_a_finding_is_shown_with_evidence_advice_and_history(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    print_of = fingerprint(small, "old.md")
    small("findings", "waive", print_of, "--reason", "accepted-risk", "--until", "2999-01-01")
    out = small("findings", "show", print_of[:6]).out
    assert out.startswith("The review was due on 2020-07-01, 6 months after the last one on 2020-01-01.\n")
    assert "what to do: review it, then: kbgov documents verify" in out
    assert "evidence.due" in out
    assert "accepted-risk, to 2999-01-01" in out


@pytest.mark.parametrize("name", ["", "zzz"])
def test_a_fingerprint_that_is_none_is_a_usage_error(small: InProcess, name: str) -> None:
    assert small("findings", "show", name, "--json").json["error"]["code"] == "usage"


def test_a_list_of_nothing_says_so(small: InProcess) -> None:
    assert small("documents", "list").out == "No document is of this kind.\n"
    assert small("findings", "list").out == "0 findings\n"
    out = small("audit", "run", "--only", "freshness").out
    assert "docs: never listed to its end" in out
    assert "not looked at: source docs (never listed)" in out


def test_an_audit_lists_the_source_itself_and_says_that_the_index_is_not_there(small: InProcess) -> None:
    result = small("audit", "run", "--json")
    assert (result.code, result.json["coverage"]["documents"]) == (3, 3)
    (found,) = small("findings", "list", "--kind", "coverage.*", "--json").json["findings"]
    assert (found["kind"], found["index"], found["source"]) == ("coverage.unreadable", "main", None)
    assert "docs: as listed just now (" in small("audit", "run").out
    assert small("ingest").code == 0
    assert open_findings(small, "--kind", "coverage.*") == []
    assert small("audit", "run", "--json").json["findings"]["by_kind"]["coverage.unreadable"] == 0


def test_what_has_not_changed_is_compared_again_when_asked_for(small: InProcess) -> None:
    small("ingest")
    small("audit", "run")
    assert small("audit", "run", "--json").json["coverage"]["unchanged"] == 3
    assert small("audit", "run", "--full", "--json").json["coverage"]["unchanged"] == 0


def test_an_incomplete_listing_is_3_and_says_why(small: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(FileTreeListing):
        complete = False
        interruption = "1 folders could not be listed"

    small("ingest")
    monkeypatch.setattr("governance.sources.files.FileTreeListing", Broken)
    result = small("ingest", "--json")
    assert (result.code, result.json["interruption"]) == (3, "1 folders could not be listed")
    assert "the listing was incomplete (1 folders could not be listed)" in small("ingest").out
    assert open_findings(small, "--kind", "coverage.*") == [("docs", "coverage.unreadable")]


def test_what_an_interrupted_run_left_open_is_told(small: InProcess) -> None:
    small("ingest")
    with open_app(None) as app, app.catalog.write() as uow:
        uow.intents.add(ChangeKind.PUT, "main", "", "ingest.new_body", None, ["id"], app.clock())
    assert small("ingest", "--json").json["recovered"] == 1
    with open_app(None) as app, app.catalog.write() as uow:
        uow.intents.add(ChangeKind.PUT, "main", "", "ingest.new_body", None, ["id"], app.clock())
    assert "1 change of an interrupted run looked into first." in small("ingest").out


def test_a_guide_is_printed_and_a_wrong_topic_names_the_right_one(
    small: InProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = small.folder / "package"
    (folder / "guides").mkdir(parents=True)
    (folder / "guides" / "freshness.md").write_text("# When a page is due\n\n[bold] text\n")
    monkeypatch.setattr("governance.cli.guide.files", lambda _: folder)
    assert small("guide", "--json").json == {"topics": [{"topic": "freshness", "title": "When a page is due"}]}
    assert "When a page is due" in small("guide").out
    assert small("guide", "freshness").out == "# When a page is due\n\n[bold] text\n"
    assert small("guide", "freshness", "--json").json["topic"] == "freshness"
    wrong = small("guide", "freshnes")
    assert wrong.code == 2
    assert "did you mean 'freshness'?" in wrong.err


def test_a_package_without_guides_lists_none(small: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.cli.guide.files", lambda _: small.folder / "nothing")
    assert small("guide", "--json").json == {"topics": []}
