from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from governance.domain.actions import ActionKind
from governance.domain.calendar import Interval, Unit
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Severity
from governance.policy.kinds import AfterRetention, RetentionEvent, WriteBack
from governance.policy.loader import parse_policies
from governance.policy.match import Field, Op, Subject, condition, looks_at
from governance.policy.model import DriftRule, FreshnessRule, PolicySet
from governance.policy.resolve import (
    RetentionRule,
    actions_for,
    class_of,
    drift_rule,
    freshness_rule,
    retention_rule,
    rule_of,
    waiver_for,
)
from governance.policy.resolve import matching as policies_for


def page(path: str = "hr/plan.md", source: str = "handbook", labels: tuple[str, ...] = ()) -> Document:
    return Document(
        source=source,
        document=path,
        uri="",
        title="",
        raw_hash="",
        body_hash="",
        meta_hash="",
        size=0,
        words=0,
        labels=labels,
    )


def matching(condition: str) -> PolicySet:
    return parse_policies(f"version: 1\npolicies:\n  - name: x\n    kind: freshness\n    match: {condition}\n")


def decides(condition: str, document: Document, index: str | None = None) -> bool:
    return freshness_rule(matching(condition), document, index).policy == "x"


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{path: hr/plan.md}", True),
        ("{path: hr/**}", True),
        ("{path: HR/**}", False),
        ("{path: [a, hr/*]}", True),
        ("{path: hr}", False),
        ("{source: handbook}", True),
        ("{source: 'hand*'}", True),
        ("{source: other}", False),
        ("{label: policy}", True),
        ("{label: [draft, rule]}", True),
        ("{label: pol}", False),
        ("{label: 'pol*'}", True),
        ("{index: main}", True),
        ("{index: [a, b]}", False),
        ("{path: hr/**, label: policy}", True),
        ("{path: hr/**, label: draft}", False),
        ("{path: hr/**, not: {label: draft}}", True),
        ("{not: {path: hr/**}}", False),
        ("{all: [{path: hr/**}, {source: handbook}]}", True),
        ("{all: [{path: hr/**}, {source: other}]}", False),
        ("{any: [{path: it/**}, {source: handbook}]}", True),
        ("{any: [{path: it/**}, {source: other}]}", False),
        ("{path: hr/**, any: [{label: draft}, {label: rule}]}", True),
        ("{not: {any: [{label: draft}, {not: {label: rule}}]}}", True),
        ("{field: path, op: eq, value: hr/plan.md}", True),
        ("{field: path, op: eq, value: hr/*}", False),
        ("{field: path, op: in, value: [a, hr/plan.md]}", True),
        ("{field: path, op: glob, value: [a, 'hr/*']}", True),
        ("{field: path, op: contains, value: plan}", True),
        ("{field: path, op: contains, value: [x, y]}", False),
        ("{field: label, op: contains, value: policy}", True),
        ("{field: label, op: contains, value: pol}", False),
        ("{field: index, op: eq, value: main}", True),
    ],
)
def test_which_documents_a_condition_is_about(condition: str, expected: bool) -> None:
    assert decides(condition, page(labels=("policy", "rule")), "main") is expected


@pytest.mark.parametrize(
    ("condition", "expected"),
    [("{index: '**'}", False), ("{not: {index: main}}", True), ("{label: '**'}", False)],
)
def test_without_an_index_or_a_label_no_condition_on_it_holds(condition: str, expected: bool) -> None:
    assert decides(condition, page(), None) is expected


RULES = """\
version: 1
policies:
  - name: special
    kind: freshness
    owner: people-ops@example.org
    severity: critical
    match: {path: "hr/**"}
    freshness: {review_every: 6 months, due_soon: 1 week, changed_grace: 0 days, error_after: 0 days, unknown: ignore}
  - name: general
    kind: freshness
    freshness: {review_every: 2 years, warn_after: 1 month}
    waivers:
      - {match: {path: "**/old/**"}, kinds: freshness.over*, reason: archive-copy, until: 2027-03-31, by: dpo}
      - {match: {path: "**"}, kinds: [drift.stub], reason: other, until: 2026-01-01}
  - name: never-reached
    kind: freshness
    match: {path: "hr/**"}
"""


def test_the_first_policy_that_matches_decides_and_says_where_it_is_written() -> None:
    assert freshness_rule(parse_policies(RULES, "p.yaml"), page("hr/plan.md")) == FreshnessRule(
        policy="special",
        file="p.yaml",
        line=3,
        owner="people-ops@example.org",
        severity=Severity.CRITICAL,
        review_every=Interval(6, Unit.MONTH),
        due_soon_days=7,
        warn_after=None,
        error_after=Interval(0, Unit.DAY),
        changed_grace_days=0,
        report_unknown=False,
    )
    general = freshness_rule(parse_policies(RULES, "p.yaml"), page("it/plan.md"))
    assert (general.policy, general.line, general.severity) == ("general", 9, None)
    assert (general.review_every, general.warn_after) == (Interval(24, Unit.MONTH), Interval(1, Unit.MONTH))


def test_where_no_policy_matches_the_built_in_defaults_hold() -> None:
    rule = freshness_rule(matching("{path: it/**}"), page())
    assert rule == FreshnessRule()
    assert (rule.policy, rule.file, rule.line, rule.review_every) == ("", "", 0, None)


DRIFTING = """\
version: 1
policies:
  - name: fresh
    kind: freshness
  - name: public
    kind: drift
    owner: web@example.org
    severity: low
    match: {path: "hr/**", index: [main, second]}
    drift: {rewritten: 0, uncovered: 20, max_lag: none, write_back: status}
  - name: general
    kind: drift
    match: {source: handbook}
  - name: never-reached
    kind: drift
    match: {path: "hr/**"}
"""


@pytest.mark.parametrize("about", [page("hr/plan.md"), Subject(source="handbook", path="hr/plan.md", index="main")])
def test_the_first_drift_policy_that_matches_decides_and_says_where_it_is_written(about: Document | Subject) -> None:
    assert drift_rule(parse_policies(DRIFTING, "p.yaml"), about, "main") == DriftRule(
        policy="public",
        file="p.yaml",
        line=5,
        owner="web@example.org",
        severity=Severity.LOW,
        rewritten_percent=0,
        uncovered_percent=20,
        max_lag=None,
        write_back=WriteBack.STATUS,
    )


def test_each_kind_has_its_own_first_policy() -> None:
    policies = parse_policies(DRIFTING, "p.yaml")
    document = page("hr/plan.md")
    assert freshness_rule(policies, document, "main").policy == "fresh"
    assert drift_rule(policies, document, "main").policy == "public"


@pytest.mark.parametrize("index", [None, "other"])
def test_a_drift_policy_for_an_index_decides_in_no_other(index: str | None) -> None:
    rule = drift_rule(parse_policies(DRIFTING, "p.yaml"), page("hr/plan.md"), index)
    assert rule == DriftRule(policy="general", file="p.yaml", line=11)


def test_where_no_drift_policy_matches_the_built_in_defaults_hold() -> None:
    rule = drift_rule(parse_policies(DRIFTING), page("it/plan.md", source="wiki"))
    assert rule == DriftRule()
    assert (rule.policy, rule.file, rule.line) == ("", "", 0)
    assert (rule.max_lag, rule.write_back) == (Interval(7, Unit.DAY), WriteBack.NOTHING)


def test_a_waiver_in_a_drift_policy_is_about_drift_and_provenance_and_nothing_else() -> None:
    policies = parse_policies(
        """\
version: 1
policies:
  - name: x
    kind: drift
    waivers: [{match: {path: "**"}, reason: other, until: 2027-01-01}]
"""
    )
    waived = {kind for kind in FindingKind if waiver_for(policies, kind, page(), date(2027, 1, 1))}
    assert waived == {kind for kind in FindingKind if kind.value.startswith(("drift.", "provenance."))}
    assert {FindingKind.CONTENT, FindingKind.UNATTRIBUTED} <= waived


@pytest.mark.parametrize(
    ("kind", "path", "as_of", "reason"),
    [
        (FindingKind.OVERDUE, "it/old/a.md", date(2027, 3, 31), "archive-copy"),
        (FindingKind.OVERDUE, "it/old/a.md", date(2027, 4, 1), None),
        (FindingKind.OVERDUE, "it/new/a.md", date(2026, 1, 1), None),
        (FindingKind.UNKNOWN, "it/old/a.md", date(2026, 1, 1), None),
        (FindingKind.STUB, "it/new/a.md", date(2026, 1, 1), "other"),
        (FindingKind.STUB, "it/new/a.md", date(2026, 1, 2), None),
    ],
)
def test_a_waiver_counts_for_its_kinds_and_documents_to_the_end_of_its_last_day(
    kind: FindingKind, path: str, as_of: date, reason: str | None
) -> None:
    waiver = waiver_for(parse_policies(RULES), kind, page(path), as_of)
    assert (waiver.reason if waiver else None) == reason


def test_a_waiver_counts_although_another_policy_decided() -> None:
    policies = parse_policies(RULES)
    document = page("hr/old/a.md")
    assert freshness_rule(policies, document).policy == "special"
    waiver = waiver_for(policies, FindingKind.OVERDUE, document, date(2026, 1, 1))
    assert waiver is not None
    assert waiver.policy == "general"


def test_a_waiver_is_bound_by_the_match_of_its_policy() -> None:
    policies = parse_policies(
        """\
version: 1
policies:
  - name: hr
    kind: freshness
    match: {path: "hr/**", index: main}
    waivers: [{match: {path: "**"}, reason: other, until: 2027-01-01}]
"""
    )
    day = date(2026, 1, 1)
    assert waiver_for(policies, FindingKind.OVERDUE, page("hr/a"), day, "main") is not None
    assert waiver_for(policies, FindingKind.OVERDUE, page("hr/a"), day, "other") is None
    assert waiver_for(policies, FindingKind.OVERDUE, page("it/a"), day, "main") is None


def test_a_finding_without_a_document_can_be_waived_by_its_source() -> None:
    policies = parse_policies(
        """\
version: 1
policies:
  - name: all
    kind: freshness
    waivers: [{match: {source: wiki}, kinds: drift.listing_refused, reason: planned-work, until: 2027-01-01}]
"""
    )
    day = date(2026, 12, 31)
    assert waiver_for(policies, FindingKind.LISTING_REFUSED, Subject(source="wiki", path=""), day) is not None
    assert waiver_for(policies, FindingKind.LISTING_REFUSED, Subject(source="other", path=""), day) is None


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("{metadata: {department: hr}}", True),
        ("{metadata: {department: 'h*'}}", True),
        ("{metadata: {department: it}}", False),
        ("{metadata: {department: hr, site: [berlin, bonn]}}", True),
        ("{metadata: {department: hr, site: paris}}", False),
        ("{metadata: {owner: '**'}}", False),
        ("{not: {metadata: {owner: '**'}}}", True),
        ("{field: metadata, key: site, op: eq, value: bonn}", True),
        ("{field: metadata, key: site, op: in, value: [a, bonn]}", True),
        ("{field: metadata, key: site, op: contains, value: on}", True),
        ("{field: metadata, key: site, op: regex, value: '^b.*n$'}", True),
        ("{field: metadata, key: Site, op: eq, value: bonn}", False),
        ("{field: path, op: regex, value: '^hr/.*[.]md$'}", True),
        ("{field: path, op: regex, value: [x, '/plan']}", True),
        ("{field: path, op: regex, value: '^plan'}", False),
        ("{field: label, op: regex, value: '^pol'}", True),
        ("{all: [{field: source, op: regex, value: book}, {not: {field: index, op: regex, value: main}}]}", False),
    ],
)
def test_conditions_on_metadata_and_with_regular_expressions(condition: str, expected: bool) -> None:
    document = replace(page(labels=("policy", "rule")), attributes={"department": ("hr",), "site": ("bonn", "munich")})
    assert decides(condition, document, "main") is expected


KEPT = """\
version: 1
policies:
  - name: personnel
    kind: retention
    owner: people-ops@example.org
    severity: high
    match: {any: [{path: "hr/files/**"}, {metadata: {department: hr}}]}
    retention: {class: personnel-file, event: reviewed, period: 6 years, legal_basis: tax law, after: propose_erasure}
    actions: [{notify: {kinds: retention.no_basis}}]
  - name: minutes
    kind: retention
    match: {path: "minutes/**", index: main}
    retention: {period: unlimited}
  - name: for-personnel
    kind: freshness
    match: {class: personnel-file}
    freshness: {review_every: 1 year}
    actions: [annotate, {quarantine: {kinds: freshness.overdue}}]
    waivers: [{match: {class: personnel-file}, reason: other, until: 2027-01-01}]
  - name: for-the-rest
    kind: freshness
    waivers: [{match: {class: "min*"}, reason: other, until: 2027-01-01}]
  - name: minutes-drift
    kind: drift
    match: {field: class, op: in, value: [minutes, personnel-file]}
  - name: never-first
    kind: drift
limits:
  quarantine: {max_items: 5, max_percent: 1}
  erase: {max_items: 5, max_percent: 1}
"""


def test_the_first_retention_policy_that_matches_makes_the_class_and_says_where_it_is_written() -> None:
    policies = parse_policies(KEPT, "p.yaml")
    expected = RetentionRule(
        policy="personnel",
        file="p.yaml",
        line=3,
        owner="people-ops@example.org",
        severity=Severity.HIGH,
        class_name="personnel-file",
        event=RetentionEvent.REVIEWED,
        period=Interval(72, Unit.MONTH),
        legal_basis="tax law",
        after=AfterRetention.PROPOSE_ERASURE,
    )
    assert retention_rule(policies, page("hr/files/a.md")) == expected
    assert retention_rule(policies, Subject(source="s", path="x", metadata={"department": ("hr",)})) == expected
    assert class_of(policies, page("hr/files/a.md")) == "personnel-file"


def test_a_document_that_no_retention_policy_matches_is_of_no_class() -> None:
    policies = parse_policies(KEPT)
    assert retention_rule(policies, page("hr/plan.md")) is None
    assert class_of(policies, page("hr/plan.md")) is None
    assert class_of(policies, page("minutes/a.md"), "other") is None
    assert class_of(policies, page("minutes/a.md"), "main") == "minutes"


def test_other_policies_look_at_the_class_without_being_told_it() -> None:
    policies = parse_policies(KEPT)
    assert freshness_rule(policies, page("hr/files/a.md")).policy == "for-personnel"
    assert freshness_rule(policies, page("hr/plan.md")).policy == "for-the-rest"
    assert drift_rule(policies, page("minutes/a.md"), "main").policy == "minutes-drift"
    assert drift_rule(policies, page("minutes/a.md"), "other").policy == "never-first"
    known = Subject(source="s", path="elsewhere", class_name="personnel-file")
    assert freshness_rule(policies, known).policy == "for-personnel"


def test_waivers_look_at_the_class_too() -> None:
    policies, day = parse_policies(KEPT), date(2026, 1, 1)
    waiver = waiver_for(policies, FindingKind.OVERDUE, page("minutes/a.md"), day, "main")
    assert waiver is not None
    assert waiver.policy == "for-the-rest"
    assert waiver_for(policies, FindingKind.OVERDUE, page("minutes/a.md"), day) is None
    assert waiver_for(policies, FindingKind.OVERDUE, page("hr/files/a.md"), day) is not None


def test_every_policy_that_matches_is_given_the_one_that_decides_first() -> None:
    policies = parse_policies(KEPT)
    subject = Subject.of(page("hr/files/a.md"))
    assert [policy.name for policy in policies_for(policies, "freshness", subject)] == ["for-personnel", "for-the-rest"]
    first = rule_of(policies, "freshness", subject)
    assert first is not None
    assert first.name == "for-personnel"
    assert rule_of(policies, "pii", subject) is None
    assert [policy.name for policy in policies_for(policies, "retention", subject)] == ["personnel"]


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        (FindingKind.OVERDUE, "hr/files/a.md", [ActionKind.ANNOTATE, ActionKind.QUARANTINE]),
        (FindingKind.UNKNOWN, "hr/files/a.md", [ActionKind.ANNOTATE]),
        (FindingKind.OVERDUE, "hr/plan.md", []),
        (FindingKind.CONTENT, "hr/files/a.md", []),
        (FindingKind.UNREADABLE, "hr/files/a.md", []),
    ],
)
def test_what_is_done_is_what_the_policy_asks_for_that_decides(
    kind: FindingKind, path: str, expected: list[ActionKind]
) -> None:
    found = actions_for(parse_policies(KEPT), kind, page(path))
    assert [action.action for _, action in found] == expected
    assert {policy.name for policy, _ in found} <= {"for-personnel"}


def test_a_period_that_is_over_proposes_an_erasure_and_nothing_else_of_its_policy_does() -> None:
    (policy, *_) = parse_policies(KEPT).policies
    asked = {kind: [each.action for each in policy.actions if each.is_about(f"retention.{kind}")]
             for kind in ("expired", "no_basis", "unclassified")}  # fmt: skip
    assert asked == {"expired": [ActionKind.PROPOSE_ERASURE], "no_basis": [ActionKind.NOTIFY], "unclassified": []}


@pytest.mark.parametrize(
    ("field", "values", "key", "message"),
    [
        (Field.METADATA, ("a",), "", "a condition on metadata names the key, and no other condition does"),
        (Field.PATH, ("a",), "department", "a condition on metadata names the key, and no other condition does"),
        (Field.PATH, (), "", "a condition needs a value that is not empty"),
        (Field.PATH, ("a", ""), "", "a condition needs a value that is not empty"),
    ],
)
def test_no_condition_is_made_without_what_it_compares(
    field: Field, values: tuple[str, ...], key: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        condition(field, Op.GLOB, values, key)


def test_a_condition_knows_what_it_looks_at_also_deep_inside() -> None:
    (policy,) = matching("{any: [{path: a}, {not: {all: [{label: b}, {metadata: {c: d}}]}}]}").policies
    looked_at = {field for field in Field if looks_at(policy.match, field)}
    assert looked_at == {Field.PATH, Field.LABEL, Field.METADATA}
