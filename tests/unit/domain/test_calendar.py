from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.calendar import Interval, Unit, add_months


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("6 months", "6 months"),
        ("6 month", "6 months"),
        ("6  months", "6 months"),
        (" 6\tMonths ", "6 months"),
        ("6months", "6 months"),
        ("6mo", "6 months"),
        ("6 m o", None),
        ("1 months", "1 month"),
        ("1 year", "1 year"),
        ("2y", "2 years"),
        ("191 days", "191 days"),
        ("90d", "90 days"),
        ("2 weeks", "2 weeks"),
        ("1w", "1 week"),
        ("99999 days", "99999 days"),
        ("100000 days", None),
        ("0 days", None),
        ("00 days", None),
        ("-1 days", None),
        ("1.5 years", None),
        ("6 m", None),
        ("6", None),
        ("months", None),
        ("soon", None),
        ("six months", None),
        ("٦ months", None),
        ("6 months\n6 months", None),
        ("", None),
    ],
)
def test_intervals_are_read_as_people_write_them(text: str, canonical: str | None) -> None:
    if canonical is None:
        with pytest.raises(ValueError, match="not an interval"):
            Interval.parse(text)
    else:
        assert str(Interval.parse(text)) == canonical


intervals = st.builds(Interval, st.integers(1, 99999), st.sampled_from(Unit))


@given(intervals)
def test_the_canonical_form_is_read_back(interval: Interval) -> None:
    assert Interval.parse(str(interval)) == interval


@pytest.mark.parametrize(
    ("day", "interval", "after"),
    [
        (date(2026, 1, 31), "1 month", date(2026, 2, 28)),
        (date(2024, 1, 31), "1 month", date(2024, 2, 29)),
        (date(2026, 2, 28), "1 month", date(2026, 3, 28)),
        (date(2026, 12, 31), "2 months", date(2027, 2, 28)),
        (date(2024, 2, 29), "1 year", date(2025, 2, 28)),
        (date(2024, 2, 29), "12 months", date(2025, 2, 28)),
        (date(2026, 11, 30), "1 month", date(2026, 12, 30)),
        (date(2026, 12, 1), "1 month", date(2027, 1, 1)),
        (date(2026, 1, 1), "3 weeks", date(2026, 1, 22)),
        (date(2025, 5, 14), "191 days", date(2025, 11, 21)),
        (date(9999, 12, 1), "1 month", date.max),
        (date(9999, 12, 1), "99999 days", date.max),
        (date(9999, 11, 30), "1 month", date(9999, 12, 30)),
    ],
)
def test_an_interval_after_a_day_is_clipped_to_the_months_end(day: date, interval: str, after: date) -> None:
    assert Interval.parse(interval).after(day) == after


@given(st.dates(), intervals)
def test_an_interval_never_leads_back(day: date, interval: Interval) -> None:
    after = interval.after(day)
    assert after > day or after == date.max


@given(st.dates(date(1, 1, 1), date(9000, 1, 1)), st.integers(0, 5000))
def test_months_keep_the_day_or_end_with_the_month(day: date, months: int) -> None:
    later = add_months(day, months)
    assert (later.year - day.year) * 12 + later.month - day.month == months
    assert later.day == day.day or (later.day < day.day and (later + timedelta(days=1)).day == 1)


def test_months_past_the_last_year_are_an_error() -> None:
    with pytest.raises(OverflowError):
        add_months(date(9999, 12, 31), 1)
