"""What to do about a finding, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Final

from governance.domain.findings import Finding, FindingKind

ADVICE: Final[Mapping[FindingKind, str]] = MappingProxyType(
    {
        FindingKind.OVERDUE: "review it, then: kbgov documents verify",
        FindingKind.DUE_SOON: "plan its review",
        FindingKind.UNKNOWN: "give it a review date and an interval",
        FindingKind.MALFORMED: "correct its front matter",
        FindingKind.CHANGED_SINCE_REVIEW: "review what changed, then: kbgov documents verify",
        FindingKind.SUPERSEDED: "take the older versions out of the index",
        FindingKind.EMPTY: "write it or delete it",
        FindingKind.STUB: "delete it, or leave it out of the source",
        FindingKind.LISTING_REFUSED: "see that the source is complete, then ingest again",
        FindingKind.UNREADABLE: "make it readable, then ingest again",
        FindingKind.NOTHING_SCANNED: "ingest it, or check its folder: kbgov doctor",
        FindingKind.DUPLICATE_ID: "find out who writes the id twice",
    }
)


def advice(finding: Finding) -> str:
    """Give the next thing to do."""
    return ADVICE.get(finding.kind, "look at it: kbgov findings show")


def place(finding: Finding) -> str:
    """Give what a finding is about, as a person would name it."""
    where = finding.place
    if where.document:
        return where.document
    if where.chunk_id:
        return (
            f"{where.index}/{where.partition}#{where.chunk_id}"
            if where.partition
            else f"{where.index}#{where.chunk_id}"
        )
    return where.source or where.index or "-"


def several_sources(findings: Sequence[Finding]) -> bool:
    """Say whether a table of these must name the sources, because a path alone would not tell them apart."""
    return len({item.place.source for item in findings if item.place.source}) > 1


def days_overdue(finding: Finding, day: date) -> int | None:
    """Give how many days past due a finding's document is; None for findings of another kind."""
    due = finding.period.evidence.get("due")
    if finding.kind is not FindingKind.OVERDUE or not isinstance(due, str):
        return None
    return (day - date.fromisoformat(due)).days
