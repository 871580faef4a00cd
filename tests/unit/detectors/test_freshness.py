from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.detectors.freshness import FreshnessStatus, Reason, assess, freshness_observations
from governance.domain.calendar import Interval
from governance.domain.documents import Document, DocumentState, Problem, ProblemCode, Review
from governance.domain.findings import FindingKind, Observation, Severity
from governance.policy.model import FreshnessRule
from tests.unit.detectors.builders import TODAY, document, kinds, review, rule

JAN = date(2026, 1, 31)


def observe(
    doc: Document,
    *,
    verified: Review | None = None,
    by: FreshnessRule | None = None,
    as_of: date = TODAY,
    zone: timezone = UTC,
) -> list[Observation]:
    return list(freshness_observations(doc, verified, by or rule(), as_of=as_of, today=TODAY, zone=zone))


def one(observations: list[Observation], kind: FindingKind) -> Observation:
    (found,) = [observation for observation in observations if observation.kind is kind]
    return found


@pytest.mark.parametrize(
    ("reviewed", "interval", "due"),
    [
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2024-01-31", "1 month", "2024-02-29"),
        ("2025-08-31", "6 months", "2026-02-28"),
        ("2025-08-31", "6 month", "2026-02-28"),
        ("2025-08-31", "6  months", "2026-02-28"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2026-01-31", "191 days", "2026-08-10"),
        ("2026-01-31", "2 weeks", "2026-02-14"),
        ("2026-03-30", "11 months", "2027-02-28"),
    ],
)
def test_due_is_the_review_plus_the_interval_clipped_to_the_months_end(reviewed: str, interval: str, due: str) -> None:
    doc = document(reviewed_on=date.fromisoformat(reviewed), review_interval=interval)
    day = date.fromisoformat(due)

    def judged(as_of: date) -> tuple[FreshnessStatus, date | None, int | None]:
        found = assess(doc, None, rule(due_soon_days=0), as_of=as_of, today=date(2030, 1, 1))
        return found.status, found.due, found.days_overdue

    assert judged(day - timedelta(days=1)) == (FreshnessStatus.FRESH, day, None)
    assert judged(day) == (FreshnessStatus.OVERDUE, day, 0)
    assert judged(day + timedelta(days=5)) == (FreshnessStatus.OVERDUE, day, 5)


@pytest.mark.parametrize(
    ("days_before", "status"),
    [(31, FreshnessStatus.FRESH), (30, FreshnessStatus.DUE_SOON), (1, FreshnessStatus.DUE_SOON)],
)
def test_due_soon_begins_with_the_rules_window(days_before: int, status: FreshnessStatus) -> None:
    doc = document(reviewed_on=JAN, review_interval="100 days")
    as_of = JAN + timedelta(days=100 - days_before)
    assert assess(doc, None, rule(), as_of=as_of, today=TODAY).status is status


def test_the_documents_interval_comes_before_the_rules() -> None:
    by = rule(review_every=Interval.parse("1 week"))
    own = assess(document(reviewed_on=JAN, review_interval="3 years"), None, by, as_of=TODAY, today=TODAY)
    general = assess(document(reviewed_on=JAN), None, by, as_of=TODAY, today=TODAY)
    assert (own.status, own.evidence["interval_from"]) == (FreshnessStatus.FRESH, "document")
    assert (general.status, general.evidence["interval_from"]) == (FreshnessStatus.OVERDUE, "policy")


def test_evidence_names_the_facts_and_what_decided() -> None:
    found = assess(document(reviewed_on=JAN, review_interval="6 months"), None, rule(), as_of=TODAY, today=TODAY)
    assert found.evidence == {
        "reviewed_on": "2026-01-31",
        "review_from": "front_matter",
        "interval": "6 months",
        "interval_from": "document",
        "due": "2026-07-31",
        "reason": "due_passed",
    }
    assert found.interval == Interval.parse("6 months")
    assert found.days_overdue == (TODAY - date(2026, 7, 31)).days


@given(later=st.integers(0, 2000))
def test_the_evidence_of_an_overdue_page_is_the_same_on_every_day(later: int) -> None:
    doc = document(reviewed_on=JAN, review_interval="6 months")
    as_of = date(2026, 7, 31)
    first, second = (
        next(freshness_observations(doc, None, rule(), as_of=day, today=day))
        for day in (as_of, as_of + timedelta(days=later))
    )
    assert first.evidence == second.evidence
    assert first.message == second.message
    assert first.fingerprint == second.fingerprint


def test_without_a_date_or_without_any_interval_nothing_is_known() -> None:
    nothing = assess(document(), None, rule(), as_of=TODAY, today=TODAY)
    no_date = assess(document(review_interval="1 year"), None, rule(), as_of=TODAY, today=TODAY)
    no_interval = assess(document(reviewed_on=JAN), None, rule(), as_of=TODAY, today=TODAY)
    assert {nothing.status, no_date.status, no_interval.status} == {FreshnessStatus.UNKNOWN}
    assert nothing.reason is no_date.reason is Reason.NO_REVIEW_DATE
    assert no_interval.reason is Reason.NO_INTERVAL
    assert no_interval.reviewed_on == JAN
    assert no_interval.due is None


@pytest.mark.parametrize("doc", [document(), document(reviewed_on=JAN)])
def test_unknown_is_stated_unless_the_rule_says_not_to(doc: Document) -> None:
    found = one(observe(doc), FindingKind.UNKNOWN)
    assert found.severity is Severity.MEDIUM
    assert observe(doc, by=rule(report_unknown=False)) == []


def test_the_message_of_an_unknown_interval_names_the_review_day() -> None:
    assert "2026-01-31" in one(observe(document(reviewed_on=JAN)), FindingKind.UNKNOWN).message


def test_a_fresh_page_says_nothing() -> None:
    assert observe(document(reviewed_on=TODAY, review_interval="6 months")) == []


@pytest.mark.parametrize(
    ("past", "severity"),
    [(0, Severity.MEDIUM), (89, Severity.MEDIUM), (90, Severity.HIGH), (900, Severity.HIGH)],
)
def test_overdue_is_high_from_the_rules_error_threshold_past_due(past: int, severity: Severity) -> None:
    doc = document(reviewed_on=TODAY - timedelta(days=past + 10), review_interval="10 days")
    found = one(observe(doc), FindingKind.OVERDUE)
    assert found.severity is severity
    assert (found.place.source, found.place.document, found.place.index) == ("docs", "a.md", "")
    assert (found.rule, found.policy) == ("due_passed", "handbook")
    assert "10 days" in found.message
    assert str(TODAY - timedelta(days=past)) in found.message


def test_the_rules_severity_replaces_high_only() -> None:
    by = rule(severity=Severity.CRITICAL)
    late = document(reviewed_on=date(2025, 1, 1), review_interval="1 month")
    just = document(reviewed_on=TODAY - timedelta(days=10), review_interval="10 days")
    assert one(observe(late, by=by), FindingKind.OVERDUE).severity is Severity.CRITICAL
    assert one(observe(just, by=by), FindingKind.OVERDUE).severity is Severity.MEDIUM


def test_without_an_error_threshold_overdue_stays_medium() -> None:
    late = document(reviewed_on=date(2015, 1, 1), review_interval="1 month")
    assert one(observe(late, by=rule(error_after=None)), FindingKind.OVERDUE).severity is Severity.MEDIUM


@pytest.mark.parametrize(("past", "stated"), [(0, False), (13, False), (14, True)])
def test_a_warn_threshold_delays_the_finding_and_not_the_status(past: int, stated: bool) -> None:
    doc = document(reviewed_on=TODAY - timedelta(days=past + 10), review_interval="10 days")
    by = rule(warn_after=Interval.parse("2 weeks"))
    assert kinds(observe(doc, by=by)) == [FindingKind.OVERDUE] * stated
    assert assess(doc, None, by, as_of=TODAY, today=TODAY).status is FreshnessStatus.OVERDUE


def test_an_error_threshold_before_the_warn_threshold_is_not_silenced() -> None:
    doc = document(reviewed_on=TODAY - timedelta(days=30), review_interval="10 days")
    by = rule(warn_after=Interval.parse("1 year"), error_after=Interval.parse("1 week"))
    assert one(observe(doc, by=by), FindingKind.OVERDUE).severity is Severity.HIGH


def test_due_soon_is_low_and_names_the_day() -> None:
    doc = document(reviewed_on=TODAY - timedelta(days=3), review_interval="10 days")
    found = one(observe(doc), FindingKind.DUE_SOON)
    assert found.severity is Severity.LOW
    assert "2026-11-28" in found.message


def test_the_owner_is_the_documents_else_the_rules() -> None:
    by = rule(owner="handbook-team")
    assert one(observe(document(), by=by), FindingKind.UNKNOWN).owner == "handbook-team"
    assert one(observe(document(owner="ops"), by=by), FindingKind.UNKNOWN).owner == "ops"


@pytest.mark.parametrize(
    "doc",
    [document(state=DocumentState.GONE), document(unreadable=ProblemCode.NOT_UTF8)],
)
def test_what_is_gone_or_unreadable_is_not_assessed(doc: Document) -> None:
    assert observe(doc) == []


def test_a_suspect_document_is_assessed() -> None:
    assert kinds(observe(document(state=DocumentState.SUSPECT))) == [FindingKind.UNKNOWN]


# Reviews in the future


def test_a_review_after_the_as_of_day_counts_as_fresh_for_that_day() -> None:
    doc = document(reviewed_on=date(2026, 6, 1), review_interval="1 day")
    found = assess(doc, None, rule(), as_of=date(2026, 5, 31), today=TODAY)
    assert (found.status, found.reason) == (FreshnessStatus.FRESH, Reason.REVIEW_IN_FUTURE)
    assert found.evidence["review_in_future"] is True
    assert observe(doc, as_of=date(2026, 5, 31)) == []


def test_a_verified_review_after_the_as_of_day_counts_as_fresh_too() -> None:
    doc = document(reviewed_on=date(2020, 1, 1), review_interval="1 year")
    found = assess(doc, review(date(2026, 10, 1)), rule(), as_of=date(2026, 5, 1), today=TODAY)
    assert (found.status, found.evidence["review_from"]) == (FreshnessStatus.FRESH, "verified")
    assert found.evidence["review_in_future"] is True


def test_a_review_on_the_present_day_is_no_future_review() -> None:
    found = assess(document(reviewed_on=TODAY, review_interval="1 year"), None, rule(), as_of=TODAY, today=TODAY)
    assert "review_in_future" not in found.evidence


def test_a_review_after_today_is_malformed_and_nothing_else() -> None:
    doc = document(reviewed_on=TODAY + timedelta(days=1), review_interval="1 year", changed_on=TODAY)
    found = assess(doc, None, rule(), as_of=date(2026, 1, 1), today=TODAY)
    assert (found.status, found.reason, found.due) == (FreshnessStatus.MALFORMED, Reason.REVIEW_AFTER_TODAY, None)
    (stated,) = observe(doc)
    assert (stated.kind, stated.severity) == (FindingKind.MALFORMED, Severity.MEDIUM)
    assert stated.evidence == {"reason": "review_after_today", "problems": [], "reviewed_on": "2026-11-22"}
    assert "2026-11-22" in stated.message


def test_a_verified_review_after_today_is_not_believed_either() -> None:
    doc = document(review_interval="1 year")
    found = assess(doc, review(TODAY + timedelta(days=1)), rule(), as_of=TODAY, today=TODAY)
    assert (found.status, found.reason) == (FreshnessStatus.MALFORMED, Reason.REVIEW_AFTER_TODAY)
    assert "2026" not in one(observe(doc, verified=review(TODAY + timedelta(days=1))), FindingKind.MALFORMED).message


# Verified reviews


def test_the_later_of_front_matter_and_verified_review_decides() -> None:
    doc = document(reviewed_on=date(2026, 6, 1), review_interval="1 year")
    later = assess(doc, review(date(2026, 7, 1)), rule(), as_of=TODAY, today=TODAY)
    earlier = assess(doc, review(date(2026, 5, 1)), rule(), as_of=TODAY, today=TODAY)
    assert (later.reviewed_on, later.evidence["review_from"]) == (date(2026, 7, 1), "verified")
    assert (earlier.reviewed_on, earlier.evidence["review_from"]) == (date(2026, 6, 1), "front_matter")


def test_on_the_same_day_the_verified_review_is_the_stronger_word() -> None:
    doc = document(reviewed_on=JAN, review_interval="1 year")
    found = assess(doc, review(JAN), rule(), as_of=TODAY, today=TODAY)
    assert found.evidence["review_from"] == "verified"


def test_a_review_that_was_verified_today_counts_today() -> None:
    found = assess(document(review_interval="1 year"), review(TODAY), rule(), as_of=TODAY, today=TODAY)
    assert (found.status, found.flaw) == (FreshnessStatus.FRESH, None)


def test_a_review_of_another_body_is_void() -> None:
    found = assess(document(), review(date(2026, 7, 1), "c" * 64), rule(), as_of=TODAY, today=TODAY)
    assert (found.status, found.reviewed_on) == (FreshnessStatus.UNKNOWN, None)


def test_a_void_review_spoils_nothing_whatever_its_date() -> None:
    doc = document(reviewed_on=TODAY, review_interval="1 year")
    assert assess(doc, review(date(2030, 1, 1), "c" * 64), rule(), as_of=TODAY, today=TODAY).flaw is None


# Malformed front matter


def test_a_date_of_change_that_cannot_be_read_spoils_no_review() -> None:
    doc = document(reviewed_on=JAN, review_interval="1 year", problems=(Problem(ProblemCode.BAD_DATE, "modified"),))
    found = assess(doc, None, rule(), as_of=TODAY, today=TODAY)
    assert (found.reviewed_on, found.flaw) == (JAN, Reason.OTHER_FIELD)
    assert found.status is not FreshnessStatus.MALFORMED


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (Problem(ProblemCode.BAD_DATE, "reviewed_on", 3), Reason.BAD_REVIEW_DATE),
        (Problem(ProblemCode.NOT_A_SCALAR, "reviewed_on", 3), Reason.BAD_REVIEW_DATE),
        (Problem(ProblemCode.FRONT_MATTER_SYNTAX, "reviewed_on", 3), Reason.BAD_REVIEW_DATE),
        (Problem(ProblemCode.FRONT_MATTER_SYNTAX, line=2), Reason.BAD_FRONT_MATTER),
        (Problem(ProblemCode.FRONT_MATTER_NOT_A_MAPPING), Reason.BAD_FRONT_MATTER),
        (Problem(ProblemCode.FRONT_MATTER_UNCLOSED), Reason.BAD_FRONT_MATTER),
        (Problem(ProblemCode.FRONT_MATTER_TOO_LARGE), Reason.BAD_FRONT_MATTER),
    ],
)
def test_a_date_that_cannot_be_read_is_malformed_and_neither_unknown_nor_overdue(
    problem: Problem, reason: Reason
) -> None:
    doc = document(problems=(problem,))
    by = rule(review_every=Interval.parse("1 day"))
    found = assess(doc, None, by, as_of=TODAY, today=TODAY)
    assert (found.status, found.reason) == (FreshnessStatus.MALFORMED, reason)
    (stated,) = observe(doc, by=by)
    assert (stated.kind, stated.severity) == (FindingKind.MALFORMED, Severity.MEDIUM)
    assert stated.evidence == {
        "reason": reason.value,
        "problems": [{"field": problem.field, "code": problem.code.value, "line": problem.line}],
    }


@pytest.mark.parametrize(
    "doc",
    [
        document(reviewed_on=JAN, problems=(Problem(ProblemCode.BAD_INTERVAL, "review_interval", 4),)),
        document(reviewed_on=JAN, problems=(Problem(ProblemCode.NOT_A_SCALAR, "review_interval", 4),)),
        document(reviewed_on=JAN, review_interval="whenever"),
    ],
)
def test_an_interval_that_cannot_be_read_is_not_replaced_by_the_rules(doc: Document) -> None:
    by = rule(review_every=Interval.parse("1 day"))
    found = assess(doc, None, by, as_of=TODAY, today=TODAY)
    assert (found.status, found.reason) == (FreshnessStatus.MALFORMED, Reason.BAD_INTERVAL)
    assert (found.interval, found.evidence["interval_from"]) == (None, None)
    assert kinds(observe(doc, by=by)) == [FindingKind.MALFORMED]


@pytest.mark.parametrize(
    "problem",
    [
        Problem(ProblemCode.NOT_A_SCALAR, "title", 2),
        Problem(ProblemCode.FRONT_MATTER_SYNTAX, "labels", 5),
        Problem(ProblemCode.FRONT_MATTER_SYNTAX, None, 7),
    ],
)
def test_a_bad_value_elsewhere_is_stated_low_and_spoils_only_itself(problem: Problem) -> None:
    doc = document(reviewed_on=JAN, review_interval="1 month", problems=(problem,))
    stated = observe(doc)
    assert kinds(stated) == [FindingKind.MALFORMED, FindingKind.OVERDUE]
    malformed = one(stated, FindingKind.MALFORMED)
    assert (malformed.severity, malformed.evidence["reason"]) == (Severity.LOW, "other_field")
    assert one(stated, FindingKind.OVERDUE).evidence["problems"] == malformed.evidence["problems"]


def test_one_finding_lists_every_problem_under_the_worst_of_them() -> None:
    title, day = Problem(ProblemCode.NOT_A_SCALAR, "title", 2), Problem(ProblemCode.BAD_DATE, "reviewed_on", 3)
    (stated,) = observe(document(problems=(title, day)))
    assert (stated.severity, stated.rule) == (Severity.MEDIUM, "bad_review_date")
    assert [problem["field"] for problem in stated.evidence["problems"]] == ["title", "reviewed_on"]


@pytest.mark.parametrize(
    "doc",
    [
        document(review_interval="1 month", problems=(Problem(ProblemCode.BAD_DATE, "reviewed_on", 3),)),
        document(problems=(Problem(ProblemCode.FRONT_MATTER_SYNTAX),)),
        document(reviewed_on=JAN, problems=(Problem(ProblemCode.BAD_INTERVAL, "review_interval"),)),
        document(reviewed_on=TODAY + timedelta(days=9)),
    ],
)
def test_a_verified_review_stands_in_for_a_malformed_front_matter_which_is_stated_all_the_same(doc: Document) -> None:
    by, verified = rule(review_every=Interval.parse("1 month")), review(date(2026, 10, 1))
    found = assess(doc, verified, by, as_of=TODAY, today=TODAY)
    assert (found.status, found.due) == (FreshnessStatus.OVERDUE, date(2026, 11, 1))
    assert kinds(observe(doc, verified=verified, by=by)) == [FindingKind.MALFORMED, FindingKind.OVERDUE]


def test_a_verified_review_cannot_stand_in_for_an_interval_that_nobody_else_sets() -> None:
    doc = document(problems=(Problem(ProblemCode.BAD_INTERVAL, "review_interval"),))
    assert assess(doc, review(JAN), rule(), as_of=TODAY, today=TODAY).status is FreshnessStatus.MALFORMED


# Changed since the review


@pytest.mark.parametrize(("days", "stated"), [(-5, False), (0, False), (7, False), (8, True)])
def test_a_change_counts_after_the_days_of_grace(days: int, stated: bool) -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", changed_on=JAN + timedelta(days=days))
    found = observe(doc)
    assert kinds(found) == [FindingKind.CHANGED_SINCE_REVIEW] * stated
    if stated:
        assert found[0].severity is Severity.MEDIUM
        assert found[0].evidence == {
            "reviewed_on": "2026-01-31",
            "changed_on": "2026-02-08",
            "review_from": "front_matter",
        }
        assert "2026-02-08" in found[0].message


def test_a_change_after_the_as_of_day_had_not_happened() -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", changed_on=date(2026, 6, 1))
    assert observe(doc, as_of=date(2026, 5, 31)) == []
    assert kinds(observe(doc, as_of=date(2026, 6, 1))) == [FindingKind.CHANGED_SINCE_REVIEW]


def test_a_page_without_a_review_or_without_history_has_not_changed_since() -> None:
    assert kinds(observe(document(changed_on=TODAY))) == [FindingKind.UNKNOWN]
    assert observe(document(reviewed_on=JAN, review_interval="5 years")) == []


def test_a_verified_review_of_the_present_body_says_that_nothing_changed() -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", changed_on=TODAY)
    assert observe(doc, verified=review(date(2026, 3, 1))) == []


@pytest.mark.parametrize(
    ("changed_on", "day"),
    [
        (None, "2026-07-02"),
        (date(2026, 7, 1), "2026-07-01"),
        # the source's history tells of an earlier change, so the one that voided the review is not in it
        (date(2026, 2, 1), "2026-07-02"),
    ],
)
def test_a_voided_review_tells_of_the_change_without_grace(changed_on: date | None, day: str) -> None:
    doc = document(
        reviewed_on=JAN,
        review_interval="5 years",
        changed_on=changed_on,
        body_seen_at=datetime(2026, 7, 2, 12, tzinfo=UTC),
    )
    (found,) = observe(doc, verified=review(date(2026, 7, 1), "c" * 64))
    assert (found.kind, found.rule) == (FindingKind.CHANGED_SINCE_REVIEW, "verified_body_changed")
    assert found.evidence == {"reviewed_on": "2026-07-01", "changed_on": day, "review_from": "verified"}


def test_the_day_a_body_was_seen_is_a_day_of_the_configured_zone() -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", body_seen_at=datetime(2026, 7, 2, 23, tzinfo=UTC))
    (found,) = observe(doc, verified=review(date(2026, 7, 1), "c" * 64), zone=timezone(timedelta(hours=2)))
    assert found.evidence["changed_on"] == "2026-07-03"


@pytest.mark.parametrize("front", [date(2026, 7, 1), date(2026, 8, 1)])
def test_a_front_matter_review_not_before_the_voided_one_covers_the_change(front: date) -> None:
    doc = document(reviewed_on=front, review_interval="5 years", body_seen_at=datetime(2026, 7, 2, tzinfo=UTC))
    assert observe(doc, verified=review(date(2026, 7, 1), "c" * 64)) == []


def test_a_voided_review_says_nothing_of_days_before_the_review_or_the_change() -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", body_seen_at=datetime(2026, 7, 2, tzinfo=UTC))
    voided = review(date(2026, 6, 1), "c" * 64)
    assert observe(doc, verified=voided, as_of=date(2026, 5, 1)) == []
    assert observe(doc, verified=voided, as_of=date(2026, 7, 1)) == []
    assert kinds(observe(doc, verified=voided, as_of=date(2026, 7, 2))) == [FindingKind.CHANGED_SINCE_REVIEW]


def test_a_review_that_was_voided_on_its_own_day_says_so_on_that_day() -> None:
    doc = document(reviewed_on=JAN, review_interval="5 years", body_seen_at=datetime(2026, 7, 2, tzinfo=UTC))
    day = date(2026, 7, 2)
    assert kinds(observe(doc, verified=review(day, "c" * 64), as_of=day)) == [FindingKind.CHANGED_SINCE_REVIEW]


def test_a_voided_review_whose_day_of_change_nobody_knows_is_not_dated_by_guess() -> None:
    assert kinds(observe(document(), verified=review(JAN, "c" * 64))) == [FindingKind.UNKNOWN]


# Invariants

days = st.dates(date(1990, 1, 1), date(2040, 12, 31))
intervals = st.builds("{} {}".format, st.integers(1, 99999), st.sampled_from(["days", "weeks", "months", "years"]))
problems = st.builds(
    Problem,
    st.sampled_from(ProblemCode),
    st.sampled_from([None, "reviewed_on", "review_interval", "title"]),
    st.none() | st.integers(1, 9),
)
documents = st.builds(
    document,
    reviewed_on=st.none() | days,
    review_interval=st.none() | intervals | st.just("soon"),
    changed_on=st.none() | days,
    body_seen_at=st.none() | st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis wants naive bounds
    problems=st.lists(problems, max_size=3).map(tuple),
)
reviews = st.none() | st.builds(review, days, st.sampled_from(["b" * 64, "c" * 64]))
rules = st.builds(
    rule,
    review_every=st.none() | intervals.map(Interval.parse),
    warn_after=st.none() | intervals.map(Interval.parse),
    due_soon_days=st.integers(0, 400),
)


@given(doc=documents, verified=reviews, by=rules, as_of=days, today=days)
def test_every_document_gets_one_status_and_findings_that_agree_with_it(
    doc: Document, verified: Review | None, by: FreshnessRule, as_of: date, today: date
) -> None:
    found = assess(doc, verified, by, as_of=as_of, today=today)
    stated = list(freshness_observations(doc, verified, by, as_of=as_of, today=today))
    said = {observation.kind for observation in stated}
    assert len(said) == len(stated)
    assert (FindingKind.MALFORMED in said) == (found.flaw is not None)
    status_kinds = said & {FindingKind.OVERDUE, FindingKind.DUE_SOON, FindingKind.UNKNOWN}
    assert {kind.value for kind in status_kinds} <= {f"freshness.{found.status.value}"}
    if doc.problems:
        assert found.flaw is not None
    if found.due is not None:
        assert found.due == found.interval.after(found.reviewed_on)
    if found.status is FreshnessStatus.OVERDUE:
        assert found.due <= as_of
        assert found.days_overdue == (as_of - found.due).days
    else:
        assert found.days_overdue is None
    if found.status in {FreshnessStatus.FRESH, FreshnessStatus.DUE_SOON}:
        assert found.due > as_of
    if found.reviewed_on is not None:
        assert found.reviewed_on <= today


def test_the_last_day_a_calendar_holds_is_no_obstacle() -> None:
    doc = document(reviewed_on=JAN, review_interval="99999 years")
    by = rule(warn_after=Interval.parse("99999 days"), error_after=Interval.parse("99999 days"))
    found = assess(doc, None, by, as_of=date.max, today=TODAY)
    assert (found.status, found.due, found.days_overdue) == (FreshnessStatus.OVERDUE, date.max, 0)
    assert kinds(observe(doc, by=by, as_of=date.max)) == [FindingKind.OVERDUE]
