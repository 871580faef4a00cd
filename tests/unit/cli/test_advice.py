from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from governance.cli.advice import Places, advice, place
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
        (Place(index="main", partition="tenant"), "main/tenant"),
        (Place(source="docs", index="main"), "docs in main"),
        (Place(source="docs", document="a.md", index="main"), "a.md"),
        (Place(source="docs", document="a.md", index="main", chunk_id="c"), "a.md in main#c"),
        (Place(source="index:main", document="a.md"), "a.md"),
        (Place(source="index:main"), "main"),
        (Place(), "-"),
    ],
)
def test_a_finding_is_named_by_what_it_is_about(where: Place, name: str) -> None:
    assert place(finding(FindingKind.DUPLICATE_ID, where)) == name


def test_a_finding_about_a_policy_is_named_by_it() -> None:
    found = finding(FindingKind.WAIVER_EXPIRED, Place())
    assert place(replace(found, period=replace(found.period, policy="hr-pages"))) == "policy hr-pages"


def test_advice_is_one_line() -> None:
    assert all("\n" not in advice(finding(kind, Place())) for kind in FindingKind)


def test_a_table_names_indexes_and_sources_only_where_there_are_several() -> None:
    one = finding(FindingKind.MISSING, Place(source="docs", document="a.md", index="main"))
    other = finding(FindingKind.MISSING, Place(source="wiki", document="a.md", index="second"))
    assert [column.title for column in Places([one, one]).columns] == ["DOCUMENT"]
    assert Places([one]).cells(one) == ["a.md"]
    both = Places([one, other])
    assert [column.title for column in both.columns] == ["INDEX", "SOURCE", "DOCUMENT"]
    assert [both.cells(item) for item in (one, other)] == [["main", "docs", "a.md"], ["second", "wiki", "a.md"]]
