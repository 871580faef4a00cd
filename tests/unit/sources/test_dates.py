from __future__ import annotations

from contextlib import suppress
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.sources.dates import read_day
from governance.sources.options import DateOrder

MARCH_2 = date(2026, 3, 2)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-02",
        "2026-3-2",
        "  2026-03-02 ",
        "2026/03/02",
        "2026-03-02T10:00:00Z",
        "2026-03-02t10:00:00.123456z",
        "2026-03-02 10:00",
        "2026-03-02 10:00:00 +0000",
        "2026-03-02 10:00:00 UTC",
        "2026-03-02T23:59:59-08:00",
        "03/02/2026",
        "3/2/2026",
        "2 March 2026",
        "2 mar 2026",
        "2nd March 2026",
        "02-Mar-2026",
        "March 2, 2026",
        "March 2nd 2026",
        "Mar. 2, 2026",
    ],
)
def test_forms_that_repositories_use_are_read(text: str) -> None:
    assert read_day(text) == MARCH_2


@pytest.mark.parametrize(("text", "day"), [("5 May 2026", date(2026, 5, 5)), ("Sept 9, 2026", date(2026, 9, 9))])
def test_short_month_names(text: str, day: date) -> None:
    assert read_day(text) == day


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2025-02-29",
        "2026-13-01",
        "2026-00-10",
        "0000-01-01",
        "13/02/2026",
        "02/30/2026",
        "02.03.2026",
        "02-03-2026",
        "2026-03/02",
        "3/2/26",
        "2026",
        "20260302",
        "2026-03",
        "soon",
        "never",
        "n/a",
        "yes",
        "31 Foo 2026",
        "Foo 31, 2026",
        "30 February 2026",
        "2026-03-02 and later",
        "2026-03-02T",
        "٢٠٢٦-٠٣-٠٢",
        "2026-03-02" + " " * 100 + "x" * 100,
        "1" * 10_000,
        "",
    ],
)
def test_what_is_no_day_is_never_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        read_day(text)


@pytest.mark.parametrize("text", ["02/03/2026", "2.3.2026", "02-03-2026"])
def test_a_source_that_writes_the_day_first_says_so(text: str) -> None:
    assert read_day(text, DateOrder.DMY) == MARCH_2


def test_the_stated_order_is_kept_even_where_the_other_one_would_fit() -> None:
    assert read_day("13/02/2026", DateOrder.DMY) == date(2026, 2, 13)
    with pytest.raises(ValueError, match=r"\w"):
        read_day("02/13/2026", DateOrder.DMY)


@given(st.dates())
def test_every_day_is_read_back_from_each_form(day: date) -> None:
    assert read_day(day.isoformat()) == day
    assert read_day(f"{day.month:02}/{day.day:02}/{day.year:04}") == day
    assert read_day(f"{day.day}/{day.month}/{day.year:04}", DateOrder.DMY) == day
    assert read_day(f"{day:%B} {day.day}, {day.year:04}") == day


@given(st.text(max_size=80))
def test_any_text_is_a_day_or_a_value_error(text: str) -> None:
    with suppress(ValueError):
        assert isinstance(read_day(text), date)
