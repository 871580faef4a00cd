"""The published tables of real knowledge bases, page by page."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from governance.detectors.freshness import assess, freshness_observations
from governance.domain.calendar import Interval
from governance.domain.documents import Document
from governance.domain.findings import FindingKind
from tests.unit.detectors.builders import TODAY, document, rule

STATUS = {
    "due_today": "overdue",
    "due_in_30d": "due_soon",
    "no_rule": "unknown",
    "reviewed_after_as_of": "fresh",
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def guide_page(row: dict[str, str]) -> Document:
    return document(
        document=row["path"],
        reviewed_on=day(row["last_reviewed_on"]),
        review_interval=row["review_in"] or None,
        changed_on=day(row["git_last_change"]),
    )


@pytest.mark.parametrize("as_of", ["2025-09-30", "2026-01-01", "2026-05-01", "2026-11-21"])
def test_every_page_of_the_user_guide_has_the_status_its_publisher_gives_it(
    as_of: str, shared_data: Callable[[str], Path]
) -> None:
    table = rows(shared_data("moj-cloud-platform-user-guide") / "expected-staleness.csv")
    assert len(table) == 119
    for row in table:
        found = assess(guide_page(row), None, rule(), as_of=date.fromisoformat(as_of), today=TODAY)
        expected = row[f"status_{as_of}"]
        assert found.status.value == STATUS.get(expected, expected), row["path"]
        assert (found.due.isoformat() if found.due else "") == row["review_due"], row["path"]
        assert found.evidence.get("review_in_future", False) == (expected == "reviewed_after_as_of")


@pytest.mark.parametrize(("grace", "pages"), [(7, 18), (0, 24)])
def test_pages_of_the_user_guide_that_changed_after_their_review(
    grace: int, pages: int, shared_data: Callable[[str], Path]
) -> None:
    table = rows(shared_data("moj-cloud-platform-user-guide") / "expected-staleness.csv")
    by = rule(changed_grace_days=grace)
    changed = {
        observation.place.document
        for row in table
        for observation in freshness_observations(guide_page(row), None, by, as_of=TODAY, today=TODAY)
        if observation.kind is FindingKind.CHANGED_SINCE_REVIEW
    }
    assert len(changed) == pages


def test_the_dsc_pages_older_than_24_months(shared_data: Callable[[str], Path]) -> None:
    table = rows(shared_data("powershell-dsc-docs") / "expected-dates.csv")
    by = rule(review_every=Interval.parse("24 months"))
    overdue = [
        row["path"]
        for row in table
        for observation in freshness_observations(
            document(document=row["path"], reviewed_on=day(row["ms_date_iso"])), None, by, as_of=TODAY, today=TODAY
        )
        if observation.kind is FindingKind.OVERDUE
    ]
    assert len(table) == 345
    assert len(overdue) == 199
