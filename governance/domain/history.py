"""A finding's history as periods that never overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TypeAlias

from governance.domain.findings import FindingPeriod, FindingStatus

History: TypeAlias = tuple[FindingPeriod, ...]
"""Periods by day; none overlaps another."""


def period_at(periods: Iterable[FindingPeriod], day: date) -> FindingPeriod | None:
    """Give the period that holds on the day, if any."""
    return next((p for p in periods if p.from_day <= day and (p.until_day is None or day < p.until_day)), None)


def splice(periods: Sequence[FindingPeriod], new: FindingPeriod | None, start: date, end: date | None) -> History:
    """Replace what held in [start, end) by `new`, or by nothing, and leave the rest of history as it was.

    Recording today's audit has `end` None. Recording an audit as of an earlier day ends at the day of the
    next recorded run: what was learned then stays. Periods of no length are dropped.
    """
    result: list[FindingPeriod] = []
    for period in periods:
        if end is not None and period.from_day >= end:
            result.append(period)
            continue
        if period.from_day < start:
            result.append(replace(period, until_day=_earlier(period.until_day, start)))
        if end is not None and (period.until_day is None or period.until_day > end):
            result.append(replace(period, from_day=end))
    if new is not None:
        result.append(replace(new, from_day=start, until_day=end))
    return tuple(sorted((p for p in result if p.until_day is None or p.from_day < p.until_day), key=_from_day))


def lay_down(periods: Sequence[FindingPeriod], new: FindingPeriod, start: date, end: date | None) -> History:
    """Record what a finding is in [start, end). A waiver ends by itself: the finding is open from the day after.

    So a list of a day after the waiver says open, whether or not an audit has run since.
    """
    over = new.waived_until + timedelta(days=1) if new.waived_until is not None else None
    if new.status is not FindingStatus.WAIVED or over is None or over <= start or (end is not None and over >= end):
        return splice(periods, new, start, end)
    again = replace(new, status=FindingStatus.OPEN, actor=None, reason_code=None, waived_until=None, run_id=None)
    return splice(splice(periods, new, start, over), again, over, end)


def merged(periods: Sequence[FindingPeriod], joint: date) -> History:
    """Join the two periods that meet on a day if they say the same: the row keeps the run that said it first.

    So it does with the policies under which that was said: others that come to the same leave the decision as it is.
    Where a waiver ended by itself, the first run that took notice gives the row its number and its policies.
    """
    result: list[FindingPeriod] = []
    for period in periods:
        last = result[-1] if result else None
        if last is not None and last.until_day == period.from_day == joint and _says_the_same(last, period):
            lapsed = last.run_id is None and last.status is FindingStatus.OPEN
            first = period if lapsed else last
            digest = first.policy_digest or period.policy_digest
            result[-1] = replace(last, until_day=period.until_day, run_id=first.run_id, policy_digest=digest)
        else:
            result.append(period)
    return tuple(result)


def _says_the_same(period: FindingPeriod, other: FindingPeriod) -> bool:
    names = ("from_day", "until_day", "run_id", "policy_digest")
    same = replace(other, **{name: getattr(period, name) for name in names})
    return same == replace(period, evidence=dict(period.evidence))


def _earlier(day: date | None, other: date) -> date:
    return other if day is None or day > other else day


def _from_day(period: FindingPeriod) -> date:
    return period.from_day
