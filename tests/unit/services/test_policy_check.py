from __future__ import annotations

from datetime import date

import pytest

from governance.domain.errors import PolicyError
from governance.policy.loader import parse_policies
from governance.policy.match import Subject
from governance.policy.model import PolicySet
from governance.services import policy_pairs
from governance.services.policy_check import Checked, Remark, check_policies, described
from governance.services.policy_shelf import Shelf

TODAY = date(2026, 11, 21)


def loaded(*policies: str) -> PolicySet:
    return parse_policies("\n".join(["version: 1", "policies:", *(f"- {{{policy}}}" for policy in policies)]), "p.yaml")


def checked(policies: PolicySet, *paths: str, declared: set[str] | None = None) -> Checked:
    shelf = Shelf([Subject(source="docs", path=path) for path in paths], policies) if paths else None
    return check_policies(policies, as_of=TODAY, shelf=shelf, declared=declared)


def only(found: Checked) -> Remark:
    (remark,) = found.remarks
    return remark


def test_sound_policies_have_no_warning() -> None:
    made = loaded("name: a, kind: freshness, match: {path: 'hr/**'}", "name: b, kind: freshness, severity: low")
    assert checked(made, "hr/a", "b") == Checked((), complete=True)


def test_a_policy_that_matches_no_document_of_the_catalog() -> None:
    made = loaded("name: hr, kind: freshness, match: {path: 'hr/**'}")
    remark = only(checked(made, "it/a", "it/b"))
    assert remark.message == "policy 'hr' matches none of the 2 documents of the catalog"
    assert remark.as_json() == {
        "kind": "matches_nothing",
        "policy": "hr",
        "file": "p.yaml",
        "line": 3,
        "message": remark.message,
        "next": "correct its match, or leave it for what is to come",
    }
    assert "none of the 1 document of the catalog" in only(checked(made, "it/a")).message
    assert checked(made).remarks == ()


def test_an_empty_catalog_says_nothing_about_policies() -> None:
    made = loaded("name: hr, kind: freshness, match: {path: 'hr/**'}")
    assert check_policies(made, as_of=TODAY, shelf=Shelf([], made)).remarks == ()


def test_a_policy_whose_conditions_exclude_each_other() -> None:
    made = loaded("name: a, kind: drift, match: {all: [{source: x}, {source: y}]}")
    message = "policy 'a' can match no document: its conditions exclude each other"
    assert only(checked(made)).message == message
    assert only(checked(made, "p")).message == message


def test_a_waiver_that_can_never_count() -> None:
    made = loaded(
        "name: a, kind: drift, match: {path: 'hr/**'}, "
        "waivers: [{match: {path: it/a}, reason: other, until: 2027-01-01}]"
    )
    assert only(checked(made)).message == (
        "this waiver can never count: its match and that of policy 'a' exclude each other"
    )


def test_a_key_of_metadata_that_nobody_declares() -> None:
    made = loaded("name: a, kind: drift, match: {any: [{metadata: {departmnet: hr}}, {not: {label: x}}]}")
    remark = only(checked(made, declared={"department"}))
    assert remark.message.startswith("no source and no index declares the metadata key 'departmnet'")
    assert remark.next_step.startswith("did you mean 'department'?")
    assert only(checked(made, declared=set())).next_step == "write metadata = [...] into a source's section"
    assert checked(made).remarks == ()


def test_a_key_in_a_waiver_is_looked_at_too() -> None:
    made = loaded("name: a, kind: drift, waivers: [{match: {metadata: {team: x}}, reason: other, until: 2027-01-01}]")
    assert "'team'" in only(checked(made, declared={"department"})).message


def test_a_policy_that_never_decides() -> None:
    made = loaded("name: a, kind: drift", "name: b, kind: drift, match: {label: x}")
    remark = only(checked(made))
    assert remark.message == "policy 'b' never decides: policy 'a' (p.yaml, line 3) stands above it and takes all of it"
    assert remark.next_step == "move it up, or take it out"


def test_a_policy_that_decides_about_no_document_of_the_catalog() -> None:
    made = loaded(
        "name: a, kind: drift, match: {field: path, op: regex, value: '[0-9]{4}'}",
        "name: b, kind: drift, match: {path: 'old/**'}",
    )
    remark = only(checked(made, "old/2024", "old/2025", "new"))
    assert remark.message == (
        "policy 'b' never decides: of the 3 documents of the catalog, policies above it take all that it matches"
    )


def test_two_policies_that_contradict_each_other() -> None:
    made = loaded(
        "name: a, kind: drift, match: {path: 'hr/**'}, severity: low",
        "name: b, kind: drift, match: {path: '**/*.md'}, severity: high",
    )
    remark = only(checked(made))
    assert remark.line == 4
    assert remark.message == (
        "policy 'b' contradicts policy 'a' (p.yaml, line 3) on a document such as hr/page.md (source docs): both match "
        "it, they decide differently, and neither is a special case of the other"
    )
    assert "contradicts policy 'a' (p.yaml, line 3) on hr/x.md (source docs): both" in (
        only(checked(made, "hr/x.md", "hr/y", "z.md")).message
    )


def test_strictly_a_contradiction_is_an_error_with_both_policies_and_the_number_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = loaded(*(f"name: p{n}, kind: drift, match: {{label: l{n}}}, owner: o{n}" for n in range(3)))
    found = checked(made)
    with pytest.raises(PolicyError) as caught:
        found.require_no_contradiction()
    assert caught.value.item == "p.yaml:4"
    assert caught.value.message.startswith("p.yaml, line 4: policy 'p1' contradicts policy 'p0' (p.yaml, line 3)")
    assert caught.value.message.endswith("(and 2 more contradictions)")
    assert caught.value.next_step == "narrow one of the two, or write a policy for what both match above them"
    monkeypatch.setattr(policy_pairs, "MOST_CLASHES", 2)
    with pytest.raises(PolicyError, match=r"\(and at least 1 more contradiction\)$"):
        checked(made).require_no_contradiction()


def test_strictly_other_warnings_are_none() -> None:
    checked(loaded("name: a, kind: drift", "name: b, kind: drift")).require_no_contradiction()


def test_a_waiver_that_is_over() -> None:
    made = loaded("name: a, kind: drift, waivers: [{match: {path: x}, reason: other, until: 2026-11-20}]")
    remark = only(checked(made))
    assert remark.message == "this waiver of policy 'a' ended on 2026-11-20: what it let stand is reported again"
    today = loaded("name: a, kind: drift, waivers: [{match: {path: x}, reason: other, until: 2026-11-21}]")
    assert checked(today).remarks == ()


def test_a_class_without_a_legal_basis() -> None:
    made = loaded("name: a, kind: retention, retention: {class: letters, period: 1 year}")
    assert only(checked(made)).message == "class 'letters' of policy 'a' names no legal basis"


def test_warnings_come_in_the_order_of_the_lines() -> None:
    made = loaded(
        "name: a, kind: retention, retention: {period: 1 year}",
        "name: b, kind: drift, waivers: [{match: {path: x}, reason: other, until: 2020-01-01}]",
        "name: c, kind: drift",
        "name: d, kind: freshness, match: {path: 'none/**'}",
    )
    assert [(item.line, item.oddity.value) for item in checked(made, "x").remarks] == [
        (3, "no_legal_basis"),
        (4, "waiver_expired"),
        (5, "never_decides"),
        (6, "matches_nothing"),
    ]


def test_a_document_in_words() -> None:
    subject = Subject(
        source="docs", path="a", labels=("x",), index="main", metadata={"team": ("y", "z")}, class_name="letters"
    )
    assert described(subject) == "a (source docs, label x, team y, team z, index main, class letters)"
