"""`kbgov policy` as people and programs type it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from governance.indexes.embedded import EmbeddedIndex
from governance.policy.json_schema import json_schema
from governance.policy.shipped import SCHEMA, shipped_policies
from tests.command_line import InProcess, Result, in_own_process
from tests.foreign_index import Pipeline

HANDBOOK = Path(__file__).resolve().parents[2] / "governance" / "demo" / "handbook"
DOCUMENTS = sorted(path.relative_to(HANDBOOK).as_posix() for path in HANDBOOK.rglob("*.md"))
POLICIES = """\
document: policies
version: 1
policies:
- name: hr-pages
  kind: freshness
  owner: people-ops
  match: {path: "hr/**"}
  freshness: {review_every: 6 months}
  actions: [annotate, {retire: {after: 14 days, kinds: [freshness.overdue]}}]
  waivers:
  - {match: {path: hr/leave.md}, reason: other, until: 2027-12-31, by: board}
  - {match: {path: hr/leave.md}, kinds: [drift.stub], reason: planned-work, until: 2020-12-31}
- name: everything
  kind: freshness
  freshness: {review_every: 24 months}
- name: letters
  kind: retention
  match: {label: letter}
  retention: {period: 1 year, legal_basis: some law}
limits: {quarantine: {max_items: 10, max_percent: 10}}
"""
OTHER = (
    "document: policies\nversion: 1\npolicies:\n- {name: all, kind: freshness, freshness: {review_every: 5 years}}\n"
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two pages that were ingested and audited under POLICIES."""
    folder = tmp_path_factory.mktemp("policy")
    for name, day in (("hr/leave.md", "2020-01-01"), ("hr/pay.md", "2020-01-01"), ("it.md", "2023-01-01")):
        file = folder / "docs" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"---\nreviewed_on: {day}\nlabels: [letter]\n---\nSome words about {name}.\n")
    assert in_own_process(folder, "init", "--source", "docs").code == 0
    (folder / "policies" / "default.yaml").write_text(POLICIES)
    assert in_own_process(folder, "ingest").code == 0
    assert in_own_process(folder, "audit", "run", "--fail-on", "never").code == 0
    return folder


@pytest.fixture
def base(tmp_path: Path, template: Path) -> Path:
    return shutil.copytree(template, tmp_path / "base")


@pytest.fixture
def kbgov(base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    return InProcess(base, capsys, monkeypatch)


@pytest.fixture
def bare(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """A folder without a configuration."""
    return InProcess(tmp_path, capsys, monkeypatch)


@pytest.fixture
def demo(template_of_demo: Path, tmp_path: Path, capsys, monkeypatch) -> InProcess:
    folder = shutil.copytree(template_of_demo, tmp_path / "demo")
    return InProcess(folder, capsys, monkeypatch)


@pytest.fixture(scope="module")
def template_of_demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "kbgov-demo"
    assert in_own_process(folder.parent, "demo", "--dir", str(folder)).code == 0
    return folder


def policies(folder: Path, text: str, name: str = "p.yaml") -> str:
    (folder / name).write_text(text)
    return name


def error(result: Result) -> dict[str, Any]:
    assert result.code == 2
    return result.json["error"]


# validate


def test_the_policies_of_the_configuration_are_validated_with_the_documents_of_the_catalog(kbgov: InProcess) -> None:
    found = kbgov("policy", "validate", "--json")
    assert found.code == 0
    body = found.json
    assert body["files"] == [str(kbgov.folder / "policies" / "default.yaml")]
    assert (len(body["digest"]), body["policies"], body["documents"]) == (64, 3, 3)
    assert (body["errors"], body["complete"]) == ([], True)
    assert [(item["kind"], item["policy"], item["line"]) for item in body["warnings"]] == [
        ("waiver_expired", "hr-pages", 12)
    ]
    shown = kbgov("policy", "validate").out
    assert "line 12: this waiver of policy 'hr-pages' ended on 2020-12-31" in shown
    assert "3 policies in 1 file, 1 warning; digest " in shown
    assert "Held against 3 documents of the catalog." in shown
    assert kbgov("policy", "validate", "--quiet").out == ""


def test_files_can_be_validated_without_a_configuration(bare: InProcess) -> None:
    name = policies(bare.folder, OTHER)
    body = bare("policy", "validate", name, "--json").json
    assert (body["files"], body["policies"], body["documents"], body["warnings"]) == ([name], 1, None, [])
    assert "There is no catalog" in bare("policy", "validate", name).out


def test_without_files_a_configuration_is_needed(bare: InProcess) -> None:
    assert error(bare("policy", "validate", "--json"))["code"] == "config"


def test_a_configuration_that_is_named_must_be_there(bare: InProcess) -> None:
    name = policies(bare.folder, OTHER)
    assert error(bare("policy", "validate", name, "--config", "no.toml", "--json"))["code"] == "config"


def test_an_error_names_file_and_line(bare: InProcess) -> None:
    name = policies(bare.folder, OTHER.replace("review_every", "reviw_every"))
    found = error(bare("policy", "validate", name, "--json"))
    assert (found["code"], found["item"]) == ("policy", "p.yaml:4")
    assert "unknown key 'reviw_every'" in found["message"]
    assert "did you mean 'review_every'?" in found["next"]


def test_a_catalog_that_is_not_there_or_of_another_revision_does_not_matter(kbgov: InProcess) -> None:
    (kbgov.folder / "kbgov.db").unlink()
    assert kbgov("policy", "validate", "--json").json["documents"] is None
    assert not (kbgov.folder / "kbgov.db").exists()
    (kbgov.folder / "kbgov.db").write_bytes(b"junk" * 4096)
    assert kbgov("policy", "validate", "--json").json["documents"] is None


def test_contradictions_are_warnings_and_strictly_errors(bare: InProcess) -> None:
    text = (
        "version: 1\npolicies:\n- {name: a, kind: drift, match: {path: 'hr/**'}, owner: x}\n"
        "- {name: b, kind: drift, match: {label: public}, owner: y}\n"
    )
    name = policies(bare.folder, text)
    found = bare("policy", "validate", name, "--json")
    assert (found.code, [item["kind"] for item in found.json["warnings"]]) == (0, ["contradiction"])
    strict = error(bare("policy", "validate", "--strict", name, "--json"))
    assert strict["item"] == "p.yaml:4"
    assert "policy 'b' contradicts policy 'a' (p.yaml, line 3)" in strict["message"]
    assert "hr/page.md (source docs, label public)" in strict["message"]


def test_so_many_contradictions_are_not_all_told(bare: InProcess) -> None:
    lines = [f"- {{name: p{n}, kind: drift, match: {{label: l{n}}}, owner: o{n}}}" for n in range(16)]
    name = policies(bare.folder, "\n".join(["version: 1", "policies:", *lines]))
    assert not bare("policy", "validate", name, "--json").json["complete"]
    assert "no further ones were compared" in bare("policy", "validate", name).out


def test_keys_of_metadata_are_those_that_the_configuration_declares(kbgov: InProcess) -> None:
    name = policies(kbgov.folder, OTHER.replace("kind: freshness,", "kind: freshness, match: {metadata: {team: hr}},"))
    warnings = kbgov("policy", "validate", name, "--json").json["warnings"]
    assert {item["kind"] for item in warnings} == {"matches_nothing", "unknown_key"}
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text().replace("[sources.docs]\n", '[sources.docs]\nmetadata = ["team"]\n'))
    warnings = kbgov("policy", "validate", name, "--json").json["warnings"]
    assert {item["kind"] for item in warnings} == {"matches_nothing"}


def test_a_thousand_policies_are_validated_without_trouble(bare: InProcess) -> None:
    lines = [f"- {{name: p{n}, kind: freshness, match: {{path: 't{n}/**'}}, owner: o{n}}}" for n in range(999)]
    name = policies(bare.folder, "\n".join(["version: 1", "policies:", *lines, "- {name: rest, kind: freshness}"]))
    body = bare("policy", "validate", "--strict", name, "--json").json
    assert (body["policies"], body["warnings"], body["complete"]) == (1000, [], True)


# schema


def test_the_schema_is_printed_as_the_shipped_file_has_it(bare: InProcess) -> None:
    shipped = (shipped_policies() / SCHEMA).read_text()
    assert bare("policy", "schema").out == shipped
    assert bare("policy", "schema", "--json").out == shipped


def test_the_schema_of_one_kind(bare: InProcess) -> None:
    assert bare("policy", "schema", "retention", "--json").json == json.loads(json.dumps(json_schema("retention")))
    found = error(bare("policy", "schema", "retension", "--json"))
    assert "did you mean 'retention'?" in found["next"]


# explain


def test_a_document_is_explained_kind_by_kind(kbgov: InProcess) -> None:
    today = datetime.now(UTC).date().isoformat()
    body = kbgov("policy", "explain", "hr/pay.md", "--as-of", today, "--json").json
    file = str(kbgov.folder / "policies" / "default.yaml")
    assert {name: body[name] for name in ("document", "source", "index", "indexes", "as_of", "class")} == {
        "document": "hr/pay.md",
        "source": "docs",
        "index": "main",
        "indexes": ["main"],
        "as_of": today,
        "class": "letters",
    }
    kinds = {item["kind"]: item for item in body["policies"]}
    assert list(kinds) == [
        *("freshness", "drift", "pii", "duplicates", "conflicts", "quality", "retention", "erasure"),
    ]
    freshness = kinds["freshness"]
    assert freshness["decides"] == {"policy": "hr-pages", "file": file, "line": 4}
    assert freshness["later"] == [{"policy": "everything", "file": file, "line": 13}]
    assert freshness["settings"]["review_every"] == "6 months"
    assert freshness["settings"]["due_soon"] == "30 days"
    assert (freshness["owner"], freshness["built_in"]) == ("people-ops", False)
    assert (freshness["now"]["status"], freshness["now"]["due"]) == ("overdue", "2020-07-01")
    assert (kinds["drift"]["decides"], kinds["drift"]["built_in"]) == (None, True)
    assert kinds["drift"]["settings"]["max_lag"] == "7 days"
    assert kinds["retention"]["settings"]["class"] == "letters"
    assert kinds["retention"]["now"]["event_from"] == "body_seen"
    assert body["facts"]["reviewed_on"] == "2020-01-01"
    assert body["facts"]["labels"] == ["letter"]
    assert list(body["facts"]["labeled_on"]) == ["letter"]
    assert body["waivers"] == []
    assert [(item["action"], item["after_days"], item["open"]) for item in body["actions"]] == [
        ("annotate", 0, ["freshness.overdue"]),
        ("retire", 14, ["freshness.overdue"]),
    ]


def test_waivers_that_match_are_told_whether_or_not_they_still_count(kbgov: InProcess) -> None:
    body = kbgov("policy", "explain", "hr/leave.md", "--as-of", "2026-11-21", "--json").json
    assert [(item["kinds"], item["in_force"], item["line"]) for item in body["waivers"]] == [
        (["freshness.*"], True, 11),
        (["drift.stub"], False, 12),
    ]
    assert [item["open"] for item in body["actions"]] == [[], []]


def test_people_read_what_decides_and_what_follows(kbgov: InProcess) -> None:
    out = kbgov("policy", "explain", "hr/leave.md").out
    file = kbgov.folder / "policies" / "default.yaml"
    assert out.startswith("hr/leave.md in source docs, index main\nretention class: letters\n")
    assert f"decided by hr-pages ({file}:4)" in out
    assert f"comes later and matches too: everything ({file}:13)" in out
    assert "no policy matches: the built-in defaults hold" not in out
    assert "drift, pii, duplicates, conflicts, quality, erasure: what is built in holds" in out
    assert "Waivers that match" in out
    assert "is over  2020-12-31" in out
    assert "Actions that would follow a finding" in out


def test_a_document_that_nobody_knows_is_an_error(kbgov: InProcess) -> None:
    found = error(kbgov("policy", "explain", "nothing.md", "--json"))
    assert found["message"] == "no document of this path is known"
    assert found["next"] == "kbgov documents list shows the paths"
    near = error(kbgov("policy", "explain", "hr/paay.md", "--json"))
    assert near["next"] == "did you mean 'hr/pay.md'? kbgov documents list shows the paths"
    assert "did you mean" not in error(kbgov("policy", "explain", "hr/paay.md", "--source", "other", "--json"))["next"]
    assert error(kbgov("policy", "explain", "it.md", "--source", "other", "--json"))["item"] == "it.md"


def test_an_index_that_does_not_hold_the_document_is_an_error(kbgov: InProcess) -> None:
    found = error(kbgov("policy", "explain", "it.md", "--index", "other", "--json"))
    assert found["message"] == "the index other has nothing of this document"
    assert found["next"] == "it stands in main"


def test_a_path_in_two_sources_needs_its_source(kbgov: InProcess) -> None:
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text() + '\n[sources.more]\ntype = "files"\nroot = "docs"\nindex = "main"\n')
    assert kbgov("ingest", "more").code == 0
    found = error(kbgov("policy", "explain", "it.md", "--json"))
    assert found["message"] == "2 sources have a document of this path"
    assert found["next"] == "name one by --source: docs, more"
    assert kbgov("policy", "explain", "it.md", "--source", "more", "--json").json["source"] == "more"


def test_a_document_that_is_gone_is_still_explained(kbgov: InProcess) -> None:
    (kbgov.folder / "docs" / "it.md").unlink()
    for _ in range(2):
        assert kbgov("sync").code == 0
    body = kbgov("policy", "explain", "it.md", "--json").json
    assert body["facts"]["state"] == "gone"


@pytest.mark.parametrize("part", range(4))
def test_every_document_of_the_demo_can_be_explained(demo: InProcess, part: int) -> None:
    for document in DOCUMENTS[part::4]:
        body = demo("policy", "explain", document, "--json").json
        assert (body["document"], body["index"]) == (document, "main")
        assert body["policies"][0]["decides"]["policy"] == "default-freshness"
        assert demo("policy", "explain", document).code == 0


def foreign(kbgov: InProcess, layout: str) -> None:
    """Add an index that another pipeline fills from documents of its own."""
    folder = kbgov.folder / "theirs"
    folder.mkdir()
    (folder / "wiki.md").write_text("A page of somebody else's wiki, of which no source is known here.")
    Pipeline(folder, EmbeddedIndex("theirs", kbgov.folder / "theirs.db"), prefix="wiki:").run(["wiki.md"])
    config = kbgov.folder / "kbgov.toml"
    section = f'\n[indexes.theirs]\ntype = "embedded"\npath = "theirs.db"\n{layout}\n'
    config.write_text(config.read_text() + section)


def test_a_document_that_only_an_index_speaks_of_is_explained(kbgov: InProcess) -> None:
    foreign(kbgov, 'fields = {document = "source"}')
    assert kbgov("sync").code == 0
    body = kbgov("policy", "explain", "wiki:wiki.md", "--json").json
    assert (body["source"], body["index"], body["class"]) == (None, "theirs", None)
    assert body["policies"][0]["decides"]["policy"] == "everything"
    assert kbgov("policy", "explain", "wiki:wiki.md", "--index", "theirs").code == 0
    assert "did you mean 'wiki:wiki.md'?" in error(kbgov("policy", "explain", "wiki:wikki.md", "--json"))["next"]


def test_a_chunk_whose_document_no_source_knows_is_explained_by_its_key(kbgov: InProcess) -> None:
    foreign(kbgov, "")
    config = kbgov.folder / "kbgov.toml"
    key = '[sources.docs.document_key]\nfield = "source"\nstrip_prefix = "/app/"\n'
    config.write_text(config.read_text().replace('index = "main"', 'index = "theirs"') + key)
    assert kbgov("sync").code == 0
    body = kbgov("policy", "explain", "wiki:wiki.md", "--json").json
    assert (body["source"], body["index"], body["facts"]) == (None, "theirs", {})
    assert body["policies"][0]["decides"]["policy"] == "everything"
    assert "wiki:wiki.md in source -, index theirs" in kbgov("policy", "explain", "wiki:wiki.md").out


# test


CASE = """\
document: case
description: d
today: 2026-11-21
policies: ../../default.yaml
documents: [{path: hr/a.md, reviewed_on: 2020-01-01}]
expected: [{kind: freshness.overdue, document: hr/a.md, actions: [annotate, retire]}, {kind: retention.unclassified,
  document: hr/a.md}, {kind: policy.waiver_expired}]
"""


def write_case(folder: Path, text: str, name: str = "one") -> None:
    file = folder / "policies" / "tests" / name / "case.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_cases_beside_the_policies_are_run(kbgov: InProcess) -> None:
    write_case(kbgov.folder, CASE)
    found = kbgov("policy", "test", "--json")
    assert found.json == {
        "cases": 1,
        "passed": 1,
        "failed": 0,
        "results": [{"case": "one", "description": "d", "passed": True, "differences": []}],
    }
    assert found.code == 0
    shown = kbgov("policy", "test")
    assert (shown.code, shown.out) == (0, "PASS  one\n1 case, all passed\n")


def test_a_case_that_fails_says_what_differs(kbgov: InProcess) -> None:
    write_case(kbgov.folder, CASE)
    write_case(kbgov.folder, CASE.replace("retire]", "quarantine]"), "two")
    found = kbgov("policy", "test", "policies/tests", "--json")
    assert (found.code, found.json["passed"], found.json["failed"]) == (1, 1, 1)
    shown = kbgov("policy", "test", "policies/tests")
    assert shown.out.splitlines() == [
        "PASS  one",
        "FAIL  two",
        "      freshness.overdue hr/a.md: actions is annotate, retire, expected annotate, quarantine",
        "2 cases, 1 failed",
    ]


def test_no_case_is_a_failure_that_says_so(kbgov: InProcess) -> None:
    found = kbgov("policy", "test", "--json")
    assert (found.code, found.json["cases"]) == (1, 0)
    shown = kbgov("policy", "test")
    assert shown.code == 1
    assert f"There is no case: no case.yaml below {kbgov.folder / 'policies' / 'tests'}." in shown.out
    assert kbgov("policy", "test", "policies").code == 1


@pytest.mark.parametrize("folder", ["polices/tests", "policies/default.yaml"])
def test_a_folder_with_cases_that_is_not_there_is_an_error(kbgov: InProcess, folder: str) -> None:
    found = kbgov("policy", "test", folder, "--json")
    assert (found.code, error(found)["message"], error(found)["item"]) == (2, "there is no such folder", folder)
    assert error(found)["next"] == "name the folder that holds the cases: kbgov policy test FOLDER"


def test_a_case_that_cannot_be_read_is_an_error(kbgov: InProcess) -> None:
    write_case(kbgov.folder, f"{CASE}expeted: []\n")
    found = error(kbgov("policy", "test", "--json"))
    assert (found["code"], "unknown key 'expeted'" in found["message"]) == ("policy", True)


def test_policies_that_a_case_names_wrongly_are_an_error(kbgov: InProcess) -> None:
    write_case(kbgov.folder, CASE.replace("default.yaml", "defalt.yaml"))
    assert "cannot be read" in error(kbgov("policy", "test", "--json"))["message"]


def test_without_policies_a_folder_must_be_named(kbgov: InProcess) -> None:
    config = kbgov.folder / "kbgov.toml"
    config.write_text(config.read_text().replace('policies = ["policies"]', "policies = []"))
    assert error(kbgov("policy", "test", "--json"))["next"] == "name the folder: kbgov policy test FOLDER"
    write_case(kbgov.folder, CASE)
    assert kbgov("policy", "test", "policies/tests").code == 0


def test_cases_are_run_without_a_configuration_and_leave_nothing_behind(bare: InProcess) -> None:
    write_case(bare.folder, CASE)
    policies(bare.folder / "policies", POLICIES, "default.yaml")
    before = sorted(bare.folder.rglob("*"))
    assert bare("policy", "test", "policies").code == 0
    assert sorted(bare.folder.rglob("*")) == before


# diff


def test_the_comparison_of_two_files_names_what_would_change(kbgov: InProcess) -> None:
    policies(kbgov.folder, OTHER, "new.yaml")
    found = kbgov("policy", "diff", "policies", "new.yaml", "--json")
    body = found.json
    assert found.code == 0
    assert (body["documents"], body["changes"]) == (3, [])
    assert set(body["by_kind"]) == {"freshness.overdue", "policy.waiver_expired"}
    closes = {(item["kind"], item["document"], item["before"], item["after"]) for item in body["closes"]}
    assert ("freshness.overdue", "it.md", "high", None) in closes
    opens = {(item["kind"], item["document"], item["after"]) for item in body["opens"]}
    assert opens == {("freshness.overdue", "hr/leave.md", "high")}
    shown = kbgov("policy", "diff", "policies", "new.yaml").out
    assert "Would open: 1" in shown
    assert "limits: they differ" in shown
    again = kbgov("findings", "list", "--json").json
    assert {item["document"] for item in again["findings"] if item["status"] == "open"} >= {"it.md"}


def test_the_same_policies_change_nothing(kbgov: InProcess) -> None:
    body = kbgov("policy", "diff", "policies", "policies", "--json").json
    assert (body["opens"], body["closes"], body["changes"], body["by_kind"]) == ([], [], [], {})
    assert "No finding would open, close or change." in kbgov("policy", "diff", "policies", "policies").out


def test_a_set_can_be_named_by_its_digest(kbgov: InProcess) -> None:
    digest = kbgov("policy", "show", "--json").json["digest"]
    policies(kbgov.folder, OTHER, "new.yaml")
    by_file = kbgov("policy", "diff", "policies", "new.yaml", "--json").json
    assert kbgov("policy", "diff", digest[:8], "new.yaml", "--json").json == by_file
    found = error(kbgov("policy", "diff", "00000000", "new.yaml", "--json"))
    assert found["message"] == "no policy set of the catalog has this digest"
    assert "cannot be read" in error(kbgov("policy", "diff", "nothing", "new.yaml", "--json"))["message"]


def test_what_has_to_be_scanned_or_compared_is_told(kbgov: InProcess) -> None:
    text = OTHER + "- {name: p, kind: pii, pii: {languages: [de]}}\n- {name: e, kind: erasure}\n"
    policies(kbgov.folder, text, "new.yaml")
    told = kbgov("policy", "diff", "policies", "new.yaml", "--json").json["not_measured"]
    assert "pii: its policies differ; every text must be scanned for it, which this version does not do" in told
    assert "erasure: its policies differ; they decide about requests, not about findings" in told
    assert "Not told by this comparison" in kbgov("policy", "diff", "policies", "new.yaml").out


# show


def test_the_current_policies_are_printed_as_a_file_that_can_be_used(kbgov: InProcess) -> None:
    shown = kbgov("policy", "show")
    body = kbgov("policy", "show", "--json").json
    assert shown.out.startswith(f"# digest {body['digest']}\n# in force, first obeyed on ")
    assert (body["current"], body["first_used"] is None) == (True, False)
    assert shown.out.endswith(body["text"])
    policies(kbgov.folder, shown.out, "again.yaml")
    assert kbgov("policy", "validate", "again.yaml", "--json").json["digest"] == body["digest"]


def test_a_set_that_is_no_longer_current_is_printed_by_its_digest(kbgov: InProcess) -> None:
    old = kbgov("policy", "show", "--json").json
    (kbgov.folder / "policies" / "default.yaml").write_text(OTHER)
    new = kbgov("policy", "show", "--json").json
    assert (new["current"], new["first_used"]) == (True, None)
    assert "not obeyed by any run yet" in kbgov("policy", "show").out
    found = kbgov("policy", "show", old["digest"][:8], "--json").json
    assert found == {**old, "current": False}
    assert "# no longer in force, first obeyed on " in kbgov("policy", "show", old["digest"]).out
    assert kbgov("policy", "show", new["digest"][:8], "--json").json == new


def test_findings_carry_a_digest_that_can_be_shown(kbgov: InProcess) -> None:
    (digest,) = {item["policy_digest"] for item in kbgov("findings", "list", "--json").json["findings"]}
    assert kbgov("policy", "show", digest, "--json").json["current"]


@pytest.mark.parametrize(
    ("digest", "message"),
    [
        ("3fb1a0c", "this is no digest of a policy set: at least its first 8 digits are needed"),
        ("no-digest", "this is no digest of a policy set: at least its first 8 digits are needed"),
        ("00000000", "no policy set of the catalog has this digest"),
    ],
)
def test_a_digest_that_names_no_set_is_an_error(kbgov: InProcess, digest: str, message: str) -> None:
    found = error(kbgov("policy", "show", digest, "--json"))
    assert (found["message"], found["item"]) == (message, digest)


# init


def test_the_stricter_set_can_be_chosen(bare: InProcess) -> None:
    bare.page("a.md")
    made = bare("init", "--source", "docs", "--policies", "gdpr", "--json").json["created"]
    names = [Path(path).relative_to(bare.folder).as_posix() for path in made]
    assert [name for name in names if not name.startswith("keys/")] == [
        *("kbgov.toml", "policies/gdpr.yaml", f"policies/{SCHEMA}", "kbgov.db")
    ]
    assert bare("ingest").code == 0
    assert bare("policy", "validate", "--strict").code == 0
    assert bare("init", "--source", "docs", "--policies", "other").code == 2


def test_policies_are_completed_and_listed(bare: InProcess) -> None:
    assert "policy" in bare("--help").out
    assert {"validate", "schema", "explain", "test", "diff", "show"} <= set(bare("policy", "--help").out.split())
