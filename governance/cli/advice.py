"""What to do about a finding, in one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from governance.cli.columns import Column, code, path
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
        FindingKind.MISSING: "bring it into the index: kbgov drift plan",
        FindingKind.ORPHAN: "take it out of the index: kbgov drift plan",
        FindingKind.CONTENT: "bring in what the source says now: kbgov drift plan",
        FindingKind.UNCOVERED: "see why part of it was left out: kbgov drift plan",
        FindingKind.UNEMBEDDED: "give these chunks vectors: kbgov drift plan",
        FindingKind.MIXED_EMBEDDINGS: "embed the whole index with one model",
        FindingKind.GHOST: "delete it again: kbgov drift plan",
        FindingKind.MAPPING: "say how the index calls documents: kbgov doctor",
        FindingKind.LAG: "see whether the pipeline still runs",
        FindingKind.UNATTRIBUTED: "give the chunk a source, a title or a link",
        FindingKind.UNCLASSIFIED: "say how long it is kept, and from which day: kbgov policy explain",
        FindingKind.NO_BASIS: "name the legal basis in its policy",
        FindingKind.EXPIRED: "review it, or have it erased",
        FindingKind.WAIVER_EXPIRED: "renew the waiver in its policy, or take it out",
        FindingKind.LISTING_REFUSED: "see that the source is complete, then ingest again",
        FindingKind.UNREADABLE: "make it readable, then ingest again",
        FindingKind.NOTHING_SCANNED: "ingest it, or check its folder: kbgov doctor",
        FindingKind.DUPLICATE_ID: "find out who writes the id twice",
        FindingKind.LOG_INCONSISTENT: "find out who changed the database; kbgov log verify tells what is wrong",
    }
)


def advice(finding: Finding) -> str:
    """Give the next thing to do."""
    return ADVICE.get(finding.kind, "look at it: kbgov findings show")


def place(finding: Finding) -> str:
    """Give what a finding is about, as a person would name it: a document with a chunk of it, a source in an index.

    Where it is about none of these, the policy is named that it is about.
    """
    where = finding.place
    index = f"{where.index_name}/{where.partition}" if where.partition else where.index_name
    if where.chunk_id:
        return f"{where.document} in {index}#{where.chunk_id}" if where.document else f"{index}#{where.chunk_id}"
    if where.document:
        return where.document
    named = " in ".join(part for part in (where.source_name, index) if part)
    return named or (f"policy {finding.period.policy}" if finding.period.policy else "-")


class Places:
    """The columns that say what the findings of a table are about: index and source only where there are several.

    Args:
        findings: All that stand in the table.

    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._indexes = len({item.place.index_name for item in findings if item.place.index_name}) > 1
        self._sources = len({item.place.source for item in findings if item.place.source}) > 1

    @property
    def columns(self) -> list[Column]:
        """The columns, the last of a table."""
        index = [code("INDEX")] if self._indexes else []
        source = [code("SOURCE")] if self._sources else []
        return [*index, *source, path("DOCUMENT")]

    def cells(self, finding: Finding) -> list[object]:
        """Give the cells of one finding."""
        index = [finding.place.index_name] if self._indexes else []
        source = [finding.place.source_name] if self._sources else []
        return [*index, *source, place(finding)]
