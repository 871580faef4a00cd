from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from governance.cli.advice import advice, days_overdue, place
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Place, Severity

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = date(2026, 11, 21)


def finding(kind: FindingKind, where: Place, **evidence: str) -> Finding:
    period = FindingPeriod(
        status=FindingStatus.OPEN, severity=Severity.LOW, policy="", message="", from_day=DAY, evidence=evidence
    )
    return Finding(fingerprint="f", kind=kind, place=where, rule="", period=period, first_seen=NOW, last_seen=NOW)


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Place(source="docs", document="a.md"), "a.md"),
        (Place(source="docs"), "docs"),
        (Place(index="main", chunk_id="c"), "main#c"),
        (Place(index="main", partition="tenant", chunk_id="c"), "main/tenant#c"),
        (Place(index="main"), "main"),
        (Place(), "-"),
    ],
)
def test_a_finding_is_named_by_what_it_is_about(where: Place, name: str) -> None:
    assert place(finding(FindingKind.DUPLICATE_ID, where)) == name


def test_days_are_counted_for_overdue_pages_alone() -> None:
    where = Place(source="docs", document="a.md")
    assert days_overdue(finding(FindingKind.OVERDUE, where, due="2026-11-01"), DAY) == 20
    assert days_overdue(finding(FindingKind.OVERDUE, where), DAY) is None
    assert days_overdue(finding(FindingKind.DUE_SOON, where, due="2026-12-01"), DAY) is None


def test_advice_is_one_line() -> None:
    assert all("\n" not in advice(finding(kind, Place())) for kind in FindingKind)
