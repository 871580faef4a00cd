from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from governance.domain.errors import PolicyError
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Place, Severity
from governance.services.policy_cases import Case, ExpectedModel, find_cases
from governance.services.policy_trial import Found, compare

HEAD = "document: case\ndescription: d\ntoday: 2026-11-21\npolicies: p.yaml\n"
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def case(folder: Path, text: str, name: str = "one") -> Path:
    file = folder / name / "case.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def read(folder: Path, text: str) -> Case:
    case(folder, text)
    (found,) = find_cases(folder)
    return found


def pages(found: Case, day: str) -> dict[str, str]:
    return {item.path: text for item, text in found.pages(date.fromisoformat(day))}


def test_cases_are_found_in_every_folder_below_by_name(tmp_path: Path) -> None:
    for name in ("b", "a/x", "a/y"):
        case(tmp_path, f"{HEAD}documents: []\nexpected: []\n", name)
    assert [item.name for item in find_cases(tmp_path)] == ["a/x", "a/y", "b"]
    assert [item.name for item in find_cases(tmp_path / "b")] == ["b"]
    assert find_cases(tmp_path / "nowhere") == []


def test_policies_are_named_relative_to_the_case(tmp_path: Path) -> None:
    assert read(tmp_path, f"{HEAD}documents: []\nexpected: []\n").policies == [tmp_path / "one" / "p.yaml"]


def test_a_page_stands_in_its_file_with_front_matter(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        HEAD + "documents:\n- path: a.md\n  owner: 'who: me'\n  labels: [x, y]\n  metadata: {team: hr}\n  text: |\n"
        "    # Title\n\n    Words.\n- {path: b.md}\nexpected: []\n",
    )
    assert pages(found, "2026-11-21") == {
        "a.md": '---\n"owner": "who: me"\n"labels": ["x", "y"]\n"team": "hr"\n---\n# Title\n\nWords.\n\n',
        "b.md": "Some words that say something.\n",
    }
    assert found.metadata_keys == ("team",)


def test_a_page_has_a_past(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        HEAD + "documents:\n"
        "- {path: old.md, first_seen: 2026-01-01, before: then, changed_on: 2026-02-01, text: now}\n"
        "- {path: gone.md, first_seen: 2026-01-01, gone_on: 2026-03-01}\n"
        "- {path: new.md, before: yesterday}\nexpected: []\n",
    )
    assert found.days() == [date(2026, 1, 1), date(2026, 2, 1), date(2026, 3, 1), date(2026, 11, 21)]
    assert pages(found, "2026-01-31")["old.md"] == "then\n"
    assert pages(found, "2026-02-01")["old.md"] == "now\n"
    assert set(pages(found, "2026-02-28")) == {"old.md", "gone.md"}
    assert set(pages(found, "2026-11-21")) == {"old.md", "new.md"}


def test_with_an_index_pages_are_first_seen_when_it_was_filled(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}indexed: 2026-10-01\ndocuments:\n- {{path: a.md, before: x}}\nexpected: []\n")
    assert found.days() == [date(2026, 10, 1), date(2026, 11, 21)]
    assert pages(found, "2026-10-01") == {"a.md": "x\n"}


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "the file is empty: it starts with 'document: case'"),
        ("[]", 1, "the file is not a mapping: it starts with 'document: case'"),
        (HEAD, 1, "the key 'documents' is missing (and 1 more)"),
        (HEAD.replace("case", "policies") + "documents: []\nexpected: []", 1, "document: 'policies' is no word for it"),
        (f"{HEAD}documents: []\nexpected: []\nexpcted: []", 7, "unknown key 'expcted'"),
        (f"{HEAD}documents: [{{path: a.md, ownr: x}}]\nexpected: []", 5, "documents[1]: unknown key 'ownr'"),
        (f"{HEAD}documents: [{{path: ../a.md}}]\nexpected: []", 5, "must be a path below the source's folder"),
        (f"{HEAD}documents: [{{path: /a.md}}]\nexpected: []", 5, "must be a path below the source's folder"),
        (f"{HEAD}documents: [{{path: .git/a.md}}]\nexpected: []", 5, "must be a path below the source's folder"),
        (f"{HEAD}documents: [{{path: a.exe}}]\nexpected: []", 5, "must end with .md, .html, .txt or .rst"),
        (
            f"{HEAD}documents:\n- {{path: a.md}}\n- {{path: a.md}}\nexpected: []",
            7,
            "documents[2]: stands here a second time",
        ),
        (f"{HEAD}documents: []\nexpected: [{{kind: freshness.overdu}}]", 6, "'freshness.overdu' is no word for it"),
        (f"{HEAD}documents: []\nexpected: [{{kind: drift.stub, status: resolved}}]", 6, "'resolved' is no word for it"),
        (f"{HEAD}documents: []\nexpected:\n- kind: drift.stub\n  actions: [erase]", 8, "'erase' is no word for it"),
        (f"{HEAD}indexed: 2026-11-22\ndocuments: []\nexpected: []", 5, "indexed: lies after the case's own day"),
        (
            f"{HEAD}documents:\n- path: a.md\n  verified_on: 2026-11-22\nexpected: []",
            7,
            "documents[1].verified_on: lies after the case's own day",
        ),
        (
            f"{HEAD}documents:\n- path: a.md\n  gone_on: 2026-11-20\nexpected: []",
            7,
            "documents[1].gone_on: lies before the page was first seen, 2026-11-21",
        ),
        (f"{HEAD}documents: []\nexpected: &all []", 6, "anchors (&name) are not taken"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    file = case(tmp_path, text)
    with pytest.raises(PolicyError) as caught:
        find_cases(tmp_path)
    assert caught.value.item == f"{file}:{line}"
    assert message in caught.value.message


def test_an_unknown_key_names_the_keys_of_a_case(tmp_path: Path) -> None:
    case(tmp_path, f"{HEAD}documents: []\nexpected: []\nindex: 2026-01-01\n")
    with pytest.raises(PolicyError) as caught:
        find_cases(tmp_path)
    assert caught.value.next_step == (
        "did you mean 'indexed'? Known here: description, document, documents, expected, indexed, policies, today"
    )


def test_a_case_that_is_not_text_is_named(tmp_path: Path) -> None:
    file = case(tmp_path, "")
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyError, match="this is not UTF-8"):
        find_cases(tmp_path)


def test_a_case_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_path: Path, _flags: int) -> int:
        raise PermissionError(13, "Permission denied")

    file = case(tmp_path, "")
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", denied)
        with pytest.raises(PolicyError) as caught:
            find_cases(tmp_path)
    assert caught.value.message == f"the case {file} cannot be read: Permission denied"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")])
def test_a_case_that_is_no_plain_file_is_refused_without_waiting_for_it(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    make(tmp_path / "case.yaml")
    with pytest.raises(PolicyError) as caught:
        find_cases(tmp_path)
    assert caught.value.message == f"{tmp_path / 'case.yaml'} is no plain file"
    assert caught.value.next_step == "correct the case, or name another folder: kbgov policy test FOLDER"


def found(kind: FindingKind, document: str, *actions: str, status: FindingStatus = FindingStatus.OPEN) -> Found:
    period = FindingPeriod(status=status, severity=Severity.MEDIUM, policy="p", message="", from_day=date(2026, 11, 21))
    finding = Finding(
        fingerprint=f"{kind} {document}",
        kind=kind,
        place=Place("docs", document),
        rule="",
        period=period,
        first_seen=NOW,
        last_seen=NOW,
    )
    return Found(finding=finding, actions=actions)


def differences(expected: list[dict[str, object]], *items: Found) -> list[str]:
    return list(compare([ExpectedModel.model_validate(each) for each in expected], items))


def test_what_is_left_out_of_an_expectation_is_not_compared() -> None:
    assert differences([{"kind": "drift.stub", "document": "a"}], found(FindingKind.STUB, "a", "annotate")) == []


def test_everything_that_is_expected_is_compared() -> None:
    wanted = {"kind": "drift.stub", "document": "a", "severity": "high", "policy": "q", "actions": ["notify"]}
    assert differences([wanted], found(FindingKind.STUB, "a", "quarantine", "annotate")) == [
        "drift.stub a: severity is medium, expected high",
        "drift.stub a: policy is p, expected q",
        "drift.stub a: actions is annotate, quarantine, expected notify",
    ]
    none = {"kind": "drift.stub", "document": "a", "actions": []}
    assert differences([none], found(FindingKind.STUB, "a", "notify")) == [
        "drift.stub a: actions is notify, expected none"
    ]


def test_a_waived_finding_is_expected_as_such() -> None:
    waived = found(FindingKind.STUB, "a", status=FindingStatus.WAIVED)
    assert differences([{"kind": "drift.stub", "document": "a"}], waived) == [
        "drift.stub a: status is waived, expected open"
    ]
    assert differences([{"kind": "drift.stub", "document": "a", "status": "waived"}], waived) == []


def test_what_is_missing_and_what_is_too_much_is_said() -> None:
    assert differences(
        [{"kind": "drift.stub", "document": "a"}, {"kind": "policy.waiver_expired"}], found(FindingKind.EMPTY, "b")
    ) == [
        "expected and not found: drift.stub a",
        "expected and not found: policy.waiver_expired",
        "found and not expected: drift.empty b (open, medium)",
    ]


def test_two_findings_of_one_kind_about_one_document_are_told_apart_by_what_fits() -> None:
    two = [found(FindingKind.CONTENT, "a", "notify"), found(FindingKind.CONTENT, "a")]
    base = {"kind": "drift.content", "document": "a"}
    assert differences([{**base, "actions": []}, {**base, "actions": ["notify"]}], *two) == []
    assert differences([base], *two) == ["found and not expected: drift.content a (open, medium)"]
