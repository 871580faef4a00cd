"""For how long something has been wrong."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus


def days_overdue(finding: Finding, day: date) -> int | None:
    """Give how many days past due a finding's document is; None for findings of another kind."""
    due = finding.period.evidence.get("due")
    if finding.kind is not FindingKind.OVERDUE or not isinstance(due, str):
        return None
    return (day - date.fromisoformat(due)).days


def days_open(periods: Sequence[FindingPeriod], day: date) -> int:
    """Give on how many days in a row, `day` among them, a finding has stood: the day it opened is the first.

    A finding that was resolved and came back counts from its return. While it was waived or acknowledged it stood.
    0 when it does not stand on the day.
    """
    begun: date | None = None
    before: date | None = None
    for period in sorted(periods, key=lambda period: period.from_day):
        if period.from_day > day:
            break
        if period.status is FindingStatus.RESOLVED:
            begun = None
        elif begun is None or before != period.from_day:
            begun = period.from_day
        before = period.until_day
    stands = begun is not None and (before is None or before > day)
    return (day - begun).days + 1 if stands and begun is not None else 0


def days_wrong(finding: Finding, periods: Sequence[FindingPeriod], day: date) -> int:
    """Give for how many days people have been given what a finding is about, at least 1.

    For an overdue page these are the days past due; else the days in a row on which the finding has stood.
    """
    late = days_overdue(finding, day)
    return max(1, late if late is not None else days_open(periods, day))
