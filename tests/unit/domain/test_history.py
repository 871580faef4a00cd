from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from governance.domain.findings import FindingPeriod, FindingStatus, Severity
from governance.domain.history import lay_down, merged, period_at, splice

BASE = date(2026, 1, 1)
HORIZON = 40


def period(message: str, start: int, end: int | None) -> FindingPeriod:
    return FindingPeriod(
        status=FindingStatus.OPEN,
        severity=Severity.LOW,
        policy="",
        message=message,
        from_day=BASE + timedelta(days=start),
        until_day=None if end is None else BASE + timedelta(days=end),
    )


def day_by_day(periods: tuple[FindingPeriod, ...]) -> list[str | None]:
    found = [period_at(periods, BASE + timedelta(days=number)) for number in range(HORIZON)]
    return [one.message if one else None for one in found]


@st.composite
def histories(draw: st.DrawFn) -> tuple[FindingPeriod, ...]:
    cuts = sorted(draw(st.sets(st.integers(0, HORIZON - 1), max_size=8)))
    kept = [period(f"old {start}", start, end) for start, end in pairwise([*cuts, None]) if draw(st.booleans())]
    return tuple(kept)


spans = st.tuples(st.integers(0, HORIZON - 1), st.none() | st.integers(0, HORIZON + 5))


@given(history=histories(), span=spans, replaced=st.booleans())
def test_a_splice_changes_its_days_and_no_others(
    history: tuple[FindingPeriod, ...], span: tuple[int, int | None], replaced: bool
) -> None:
    start, end = span
    if end is not None and end < start:
        start, end = end, start
    new = period("new", 7, 8) if replaced else None
    first = BASE + timedelta(days=start)
    last = None if end is None else BASE + timedelta(days=end)
    result = splice(history, new, first, last)
    before, after = day_by_day(history), day_by_day(result)
    for number in range(HORIZON):
        inside = number >= start and (end is None or number < end)
        assert after[number] == (("new" if replaced else None) if inside else before[number])
    for one, following in pairwise(result):
        assert one.until_day is not None
        assert one.until_day <= following.from_day
    assert all(one.until_day is None or one.from_day < one.until_day for one in result)


@given(history=histories(), first=spans, second=spans)
def test_the_same_splice_again_changes_nothing(
    history: tuple[FindingPeriod, ...], first: tuple[int, int | None], second: tuple[int, int | None]
) -> None:
    for start, end in (first, second):
        if end is not None and end <= start:
            return
        span = (BASE + timedelta(days=start), None if end is None else BASE + timedelta(days=end))
        history = splice(history, period("new", 0, None), *span)
        assert splice(history, period("new", 0, None), *span) == history


def test_recording_an_earlier_day_leaves_what_was_learned_later() -> None:
    history = splice((), period("later", 0, None), BASE + timedelta(days=20), None)
    result = splice(history, period("earlier", 0, None), BASE, BASE + timedelta(days=20))
    assert [(one.message, one.from_day, one.until_day) for one in result] == [
        ("earlier", BASE, BASE + timedelta(days=20)),
        ("later", BASE + timedelta(days=20), None),
    ]


def test_a_hole_in_an_open_period_leaves_both_sides() -> None:
    result = splice((period("open", 0, None),), None, BASE + timedelta(days=5), BASE + timedelta(days=6))
    assert [(one.from_day.day, one.until_day and one.until_day.day) for one in result] == [(1, 6), (7, None)]


def test_a_span_of_no_days_changes_nothing() -> None:
    history = (period("old", 3, 9),)
    day = BASE + timedelta(days=3)
    assert splice(history, period("new", 0, None), day, day) == history


def test_a_day_before_or_after_all_periods_has_none() -> None:
    history = (period("old", 3, 9),)
    assert period_at(history, BASE + timedelta(days=2)) is None
    assert period_at(history, BASE + timedelta(days=9)) is None
    assert period_at(history, BASE + timedelta(days=8)) == history[0]


def test_other_policies_that_come_to_the_same_leave_a_period_under_those_that_decided_first() -> None:
    old = replace(period("same", 0, None), policy_digest="a" * 64, run_id=1)
    new = replace(period("same", 5, None), policy_digest="b" * 64, run_id=2)
    joint = BASE + timedelta(days=5)
    assert merged(splice((old,), new, joint, None), joint) == (old,)
    unknown = replace(old, policy_digest=None)
    assert merged(splice((unknown,), new, joint, None), joint) == (replace(old, policy_digest="b" * 64),)
    other = replace(new, message="other")
    assert merged(splice((old,), other, joint, None), joint)[1].policy_digest == "b" * 64


def test_the_run_that_takes_notice_of_a_waivers_end_says_under_which_policies() -> None:
    waived = replace(
        period("waived", 0, None),
        status=FindingStatus.WAIVED,
        actor="ada",
        waived_until=BASE + timedelta(days=2),
        policy_digest="a" * 64,
    )
    over = BASE + timedelta(days=3)
    history = lay_down((), waived, BASE, None)
    assert [(item.status, item.policy_digest, item.run_id) for item in history][1] == ("open", "a" * 64, None)
    seen = replace(history[1], run_id=9, policy_digest="b" * 64)
    later = merged(lay_down(history, seen, over + timedelta(days=1), None), over + timedelta(days=1))
    assert [(item.status, item.policy_digest, item.run_id) for item in later][1] == ("open", "b" * 64, 9)
