"""A finding's history as periods that never overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from governance.domain.findings import FindingPeriod


def period_at(periods: Iterable[FindingPeriod], day: date) -> FindingPeriod | None:
    """Give the period that holds on the day, if any."""
    return next((p for p in periods if p.from_day <= day and (p.until_day is None or day < p.until_day)), None)


def splice(
    periods: Sequence[FindingPeriod], new: FindingPeriod | None, start: date, end: date | None
) -> tuple[FindingPeriod, ...]:
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


def _earlier(day: date | None, other: date) -> date:
    return other if day is None or day > other else day


def _from_day(period: FindingPeriod) -> date:
    return period.from_day
