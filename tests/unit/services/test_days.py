from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Place, Severity
from governance.domain.history import lay_down
from governance.services.days import days_open, days_overdue, days_wrong

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = date(2026, 11, 21)


def period(status: FindingStatus, start: int, end: int | None = None, **evidence: str) -> FindingPeriod:
    """Give a period from so many days before DAY up to, not including, so many days before it."""
    return FindingPeriod(
        status=status,
        severity=Severity.LOW,
        policy="",
        message="",
        from_day=DAY - timedelta(days=start),
        until_day=None if end is None else DAY - timedelta(days=end),
        evidence=evidence,
    )


def finding(kind: FindingKind, now: FindingPeriod) -> Finding:
    where = Place(source="docs", document="a.md")
    return Finding(fingerprint="f", kind=kind, place=where, rule="", period=now, first_seen=NOW, last_seen=NOW)


OPEN, WAIVED, KNOWN, RESOLVED = (
    FindingStatus.OPEN,
    FindingStatus.WAIVED,
    FindingStatus.ACKNOWLEDGED,
    FindingStatus.RESOLVED,
)


def test_days_past_due_are_counted_for_overdue_pages_alone() -> None:
    assert days_overdue(finding(FindingKind.OVERDUE, period(OPEN, 0, due="2026-11-01")), DAY) == 20
    assert days_overdue(finding(FindingKind.OVERDUE, period(OPEN, 0)), DAY) is None
    assert days_overdue(finding(FindingKind.DUE_SOON, period(OPEN, 0, due="2026-12-01")), DAY) is None


@pytest.mark.parametrize(
    ("periods", "days"),
    [
        ([period(OPEN, 0)], 1),
        ([period(OPEN, 9)], 10),
        ([period(OPEN, 9, 4), period(KNOWN, 4)], 10),
        ([period(OPEN, 9, 6), period(WAIVED, 6, 2), period(OPEN, 2)], 10),
        ([period(OPEN, 9, 6), period(RESOLVED, 6, 2), period(OPEN, 2)], 3),
        ([period(OPEN, 9, 6), period(OPEN, 2)], 3),
        ([period(OPEN, 2), period(OPEN, 9, 2)], 10),
        ([period(OPEN, 9, 2), period(RESOLVED, 2)], 0),
        ([period(OPEN, 9, 2)], 0),
        ([period(OPEN, -3)], 0),
        ([], 0),
    ],
)
def test_days_in_a_row_begin_with_the_day_on_which_it_opened(periods: Sequence[FindingPeriod], days: int) -> None:
    assert days_open(periods, DAY) == days


def test_what_has_been_wrong_since_today_has_been_wrong_for_a_day() -> None:
    today = period(OPEN, 0, due=DAY.isoformat())
    assert days_wrong(finding(FindingKind.OVERDUE, today), [today], DAY) == 1
    assert days_wrong(finding(FindingKind.CONTENT, today), [today], DAY) == 1


def test_an_overdue_page_counts_from_its_due_day_and_anything_else_from_its_finding() -> None:
    found = period(OPEN, 3, due="2026-10-01")
    assert days_wrong(finding(FindingKind.OVERDUE, found), [found], DAY) == 51
    assert days_wrong(finding(FindingKind.CONTENT, found), [found], DAY) == 4


@given(st.lists(st.tuples(st.sampled_from(FindingStatus), st.integers(0, 30)), max_size=8))
def test_days_in_a_row_are_those_that_counting_day_by_day_finds(history: list[tuple[FindingStatus, int]]) -> None:
    periods: tuple[FindingPeriod, ...] = ()
    for status, before in sorted(history, key=lambda item: -item[1]):
        periods = lay_down(periods, period(status, before), DAY - timedelta(days=before), None)

    def stands(day: date) -> bool:
        holds = [p for p in periods if p.from_day <= day and (p.until_day is None or day < p.until_day)]
        return any(p.status is not RESOLVED for p in holds)

    expected = 0
    while expected <= 40 and stands(DAY - timedelta(days=expected)):
        expected += 1
    assert days_open(periods, DAY) == expected
