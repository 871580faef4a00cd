from __future__ import annotations

from datetime import date

import pytest

from governance.domain.calendar import Interval, Unit
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Severity
from governance.policy.loader import parse_policies
from governance.policy.match import Subject
from governance.policy.model import DriftRule, FreshnessRule, PolicySet, WriteBack
from governance.policy.resolve import drift_rule, freshness_rule, waiver_for


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
    assert (waiver.reason.value if waiver else None) == reason


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
