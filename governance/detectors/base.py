"""The two shapes of a detector, and the statements that a command makes itself when it meets trouble."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from enum import StrEnum
from typing import Protocol, TypeAlias

from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document, Review
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.ports import Signature, SignatureStore
from governance.policy.model import FreshnessRule
from governance.policy.resolve import RetentionRule


class Word(StrEnum):
    """What `audit run --only` takes."""

    FRESHNESS = "freshness"
    PII = "pii"
    DUPLICATES = "duplicates"
    DRIFT = "drift"
    RETENTION = "retention"
    QUALITY = "quality"
    CONFLICTS = "conflicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One document with all that a per-record detector may look at.

    Attributes:
        review: The latest word of a person, whether or not it still holds.
        retention: Which class it is of; None where it is of none.
        classified: Whether any policy makes classes, so that being of none says something.
        as_of: The day that is judged, in the configured time zone.
        today: The present day in that zone.
        zone: The configured time zone.

    """

    document: Document
    review: Review | None
    rule: FreshnessRule
    as_of: date
    today: date
    zone: tzinfo = UTC
    retention: RetentionRule | None = None
    classified: bool = False


class RecordDetector(Protocol):
    """Looks at one document. Pure: the same subject always gives the same observations."""

    def __call__(self, subject: Subject) -> Iterator[Observation]:
        """Give what is to be said about the document; nothing when all is well."""


Documents: TypeAlias = Callable[[str, str], Document | None]
"""Looks up (source, document); None for a document that the catalog does not know."""


class SetDetector(Protocol):
    """Looks at chunks together, over a memory of signatures that somebody else keeps."""

    @property
    def scheme(self) -> str:
        """Name and version of the signatures; another version means that all are to be made anew."""

    def sign(self, document: Document, chunk: ChunkKey) -> Iterator[Signature]:
        """Give what to remember of a chunk; nothing when it can be in no group."""

    def inspect(self, store: SignatureStore, documents: Documents) -> Iterator[Observation]:
        """Give what is to be said about each group."""


def listing_refused_observation(source: str, reason: str, seen: int, known: int) -> Observation:
    """Say that a listing looked like an outage, so that nobody's absence was believed.

    Args:
        source: Name of the source.
        reason: A code, never free text.
        seen: Documents in the listing.
        known: Documents known before it.

    """
    return Observation(
        kind=FindingKind.LISTING_REFUSED,
        severity=Severity.HIGH,
        place=Place(source=source),
        rule=reason,
        policy="",
        message=f"The listing was not believed: it showed {seen} documents where {known} are known.",
        evidence={"reason": reason, "seen": seen, "known": known},
    )


def nothing_scanned_observation(source: str) -> Observation:
    """Say that a source had nothing to look at, which is no clean bill of health."""
    return Observation(
        kind=FindingKind.NOTHING_SCANNED,
        severity=Severity.HIGH,
        place=Place(source=source),
        rule="no_documents",
        policy="",
        message="Nothing was there to audit: no document of this source is known.",
    )


def duplicate_id_observation(index: str, partition: str, chunk_id: str, times: int) -> Observation:
    """Say that an index gave one chunk id more than once."""
    return Observation(
        kind=FindingKind.DUPLICATE_ID,
        severity=Severity.MEDIUM,
        place=Place(index=index, partition=partition, chunk_id=chunk_id),
        rule="same_id_again",
        policy="",
        message=f"The index holds {times} records under one chunk id.",
        evidence={"times": times},
    )
