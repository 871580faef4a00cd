from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from governance.detectors.freshness import reviewed_day
from governance.detectors.retention import kept, no_basis_observations, retention_observations
from governance.domain.calendar import Interval, Unit
from governance.domain.documents import DayOrigin, Document, DocumentState, Problem, ProblemCode, Review
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.policy.kinds import AfterRetention, RetentionEvent
from governance.policy.resolve import RetentionRule
from tests.unit.detectors.builders import TODAY, document, retention, review

LONG_AGO = date(2020, 1, 1)
SEEN = datetime(2024, 3, 31, 23, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
HISTORY = DayOrigin.HISTORY


def found(
    doc: Document | None = None,
    rule: RetentionRule | None = None,
    as_of: date = TODAY,
    known: Review | None = None,
    **others: Any,
) -> list[Observation]:
    given = {"classified": True, "today": max(as_of, TODAY), **others}
    return list(retention_observations(doc or document(changed_on=LONG_AGO), known, rule, as_of=as_of, **given))


def one(*args: Any, **others: Any) -> Observation:
    (item,) = found(*args, **others)
    return item


def days(period: str) -> RetentionRule:
    return retention(period=Interval.parse(period))


@pytest.mark.parametrize(
    ("began", "period", "last"),
    [
        ("2026-01-31", "1 month", "2026-02-28"),
        ("2024-01-31", "1 month", "2024-02-29"),
        ("2024-02-29", "1 year", "2025-02-28"),
        ("2024-02-29", "4 years", "2028-02-29"),
        ("2023-02-28", "1 year", "2024-02-28"),
        ("2025-08-31", "6 months", "2026-02-28"),
        ("2025-12-31", "2 months", "2026-02-28"),
        ("2026-03-31", "1 month", "2026-04-30"),
        ("2026-01-01", "30 days", "2026-01-31"),
        ("2026-01-01", "2 weeks", "2026-01-15"),
    ],
)
def test_the_last_day_is_clipped_to_its_month_and_still_kept(began: str, period: str, last: str) -> None:
    doc, rule, over = document(changed_on=date.fromisoformat(began)), days(period), date.fromisoformat(last)
    assert kept(doc, None, rule, today=TODAY).until == over
    assert found(doc, rule, over) == []
    item = one(doc, rule, over + timedelta(days=1))
    assert (item.kind, item.rule) == (FindingKind.EXPIRED, "period_over")
    assert item.evidence["kept_until"] == last
    assert item.evidence["expired_on"] == (over + timedelta(days=1)).isoformat()


def test_an_expired_document_says_by_which_class_and_from_which_day() -> None:
    rule = retention(after=AfterRetention.PROPOSE_ERASURE, owner="records-office")
    assert one(rule=rule) == Observation(
        kind=FindingKind.EXPIRED,
        severity=Severity.MEDIUM,
        place=Place(source="docs", document="a.md"),
        rule="period_over",
        policy="records",
        message="It was to be kept for 1 year from 2020-01-01 on, which is up to 2021-01-01.",
        owner="records-office",
        evidence={
            "class": "records",
            "event": "modified",
            "period": "1 year",
            "legal_basis": "a law",
            "after": "propose_erasure",
            "event_day": "2020-01-01",
            "event_from": "source",
            "kept_until": "2021-01-01",
            "expired_on": "2021-01-02",
        },
    )


def test_the_pages_own_owner_and_the_policys_severity_count() -> None:
    item = one(document(changed_on=LONG_AGO, owner="ada"), retention(owner="office", severity=Severity.HIGH))
    assert (item.owner, item.severity) == ("ada", Severity.HIGH)


@pytest.mark.parametrize(
    ("event", "facts", "day", "basis"),
    [
        ("created", {"created_on": LONG_AGO, "created_from": DayOrigin.DOCUMENT}, LONG_AGO, "document"),
        ("created", {"created_on": LONG_AGO, "created_from": HISTORY, "first_seen": SEEN}, LONG_AGO, "history"),
        ("created", {"first_seen": SEEN}, date(2024, 3, 31), "first_seen"),
        ("modified", {"changed_on": LONG_AGO, "body_seen_at": SEEN}, LONG_AGO, "source"),
        ("modified", {"body_seen_at": SEEN, "first_seen": datetime(2020, 1, 1, tzinfo=UTC)}, SEEN.date(), "body_seen"),
        ("reviewed", {"reviewed_on": LONG_AGO}, LONG_AGO, "front_matter"),
        ("labeled", {"labeled_on": {"leaver": LONG_AGO, "other": TODAY}}, LONG_AGO, "label_seen"),
    ],
)
def test_each_event_has_its_day(event: str, facts: dict[str, Any], day: date, basis: str) -> None:
    item = one(document(**facts), retention(event=RetentionEvent(event), label="leaver"))
    assert (item.evidence["event_day"], item.evidence["event_from"]) == (day.isoformat(), basis)


def test_a_day_that_was_seen_is_one_of_the_configured_zone() -> None:
    for event, facts in (("created", {"first_seen": SEEN}), ("modified", {"body_seen_at": SEEN})):
        rule = retention(event=RetentionEvent(event))
        at = {zone: kept(document(**facts), None, rule, today=TODAY, zone=zone).event.day for zone in (UTC, BERLIN)}
        assert at == {UTC: date(2024, 3, 31), BERLIN: date(2024, 4, 1)}
        assert kept(document(**facts), None, rule, today=TODAY, zone=timezone(timedelta(hours=-12))).event.day.day == 31


def test_a_verified_review_counts_as_it_does_for_freshness() -> None:
    rule = retention(event=RetentionEvent.REVIEWED)
    doc = document(reviewed_on=LONG_AGO)
    item = one(doc, rule, known=review(date(2022, 5, 5)))
    assert (item.evidence["event_day"], item.evidence["event_from"]) == ("2022-05-05", "verified")
    void = one(doc, rule, known=review(date(2022, 5, 5), body_hash="c" * 64))
    assert void.evidence["event_from"] == "front_matter"
    assert reviewed_day(document(reviewed_on=TODAY + timedelta(days=1)), None, TODAY) == (None, None)


@pytest.mark.parametrize(
    "facts", [{}, {"problems": (Problem(ProblemCode.BAD_DATE, "reviewed_on"),)}, {"reviewed_on": TODAY + timedelta(1)}]
)
def test_a_class_that_runs_from_a_review_nobody_knows_of_cannot_be_judged(facts: dict[str, Any]) -> None:
    item = one(document(**facts), retention(event=RetentionEvent.REVIEWED))
    assert (item.kind, item.rule, item.policy) == (FindingKind.UNCLASSIFIED, "no_event_day", "records")
    assert (item.evidence["class"], item.evidence["event"]) == ("records", "reviewed")


def test_a_document_without_the_label_has_not_begun() -> None:
    rule = retention(event=RetentionEvent.LABELED, label="leaver")
    assert found(document(labeled_on={"other": LONG_AGO}), rule) == []
    assert found(document(), rule) == []


@pytest.mark.parametrize("event", list(RetentionEvent))
def test_what_is_kept_without_end_never_expires_and_needs_no_day(event: RetentionEvent) -> None:
    rule = retention(event=event, label="leaver", period=None)
    for doc in (document(), document(changed_on=LONG_AGO, created_on=LONG_AGO, labeled_on={"leaver": LONG_AGO})):
        assert found(doc, rule, date.max) == []


def test_a_period_past_the_end_of_the_calendar_never_expires() -> None:
    assert found(rule=days("99999 years"), as_of=date.max) == []


def test_a_day_to_come_has_not_expired() -> None:
    assert found(document(changed_on=TODAY + timedelta(days=5)), days("1 day")) == []


def test_a_document_of_no_class_is_said_so_only_where_there_are_classes() -> None:
    item = one(document(owner="ada"), None)
    assert (item.kind, item.rule, item.policy, item.owner) == (FindingKind.UNCLASSIFIED, "no_class", "", "ada")
    assert (item.severity, item.evidence) == (Severity.MEDIUM, {})
    assert found(document(), None, classified=False) == []


def test_suspect_documents_are_judged_and_gone_or_unreadable_ones_are_not() -> None:
    assert found(document(changed_on=LONG_AGO, state=DocumentState.SUSPECT), retention())
    for rule in (retention(), None):
        assert found(document(changed_on=LONG_AGO, state=DocumentState.GONE), rule) == []
        assert found(document(changed_on=LONG_AGO, unreadable=ProblemCode.NO_ACCESS), rule) == []


def test_a_class_without_a_legal_basis_is_named_once() -> None:
    rules = [
        retention(legal_basis=None, policy="z"),
        retention(legal_basis=None, policy="b", owner="office", severity=Severity.LOW),
        retention(policy="a"),
        retention(legal_basis=None, class_name="drafts", policy="drafts"),
    ]
    drafts, records = no_basis_observations(rules)
    assert (drafts.kind, drafts.place, drafts.discriminator) == (FindingKind.NO_BASIS, Place(), "drafts")
    assert drafts.evidence == {"class": "drafts", "documents": 1}
    assert (records.policy, records.owner, records.severity) == ("b", "office", Severity.LOW)
    assert records.evidence == {"class": "records", "documents": 2}
    assert len({drafts.fingerprint, records.fingerprint}) == 2
    assert list(no_basis_observations([retention()])) == []


def naive(began: date, interval: Interval, as_of: date) -> bool:
    """Count the period day by day, or month by month, without the code that is tested."""
    if interval.unit in {Unit.DAY, Unit.WEEK}:
        return (as_of - began).days > interval.count * (7 if interval.unit is Unit.WEEK else 1)
    months = interval.count * (12 if interval.unit is Unit.YEAR else 1)
    year, month = began.year, began.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    last = min(began.day, calendar.monthrange(year, month)[1])
    return (as_of.year, as_of.month, as_of.day) > (year, month, last)


@given(
    st.dates(date(1990, 1, 1), date(2040, 12, 31)),
    st.builds(Interval, st.integers(1, 400), st.sampled_from(list(Unit))),
    st.integers(-5, 5),
    st.dates(date(1990, 1, 1), date(2090, 12, 31)),
)
@example(date(2024, 2, 29), Interval(1, Unit.YEAR), 0, date(2025, 3, 1))
def test_a_document_is_expired_if_and_only_if_a_plain_count_says_so(
    began: date, interval: Interval, near: int, other: date
) -> None:
    doc, rule = document(changed_on=began), retention(period=interval)
    edge = kept(doc, None, rule, today=TODAY).until
    for as_of in (other, edge + timedelta(days=near)):
        assert bool(found(doc, rule, as_of)) is naive(began, interval, as_of)
