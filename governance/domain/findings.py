"""Findings: what an audit states, how it is recognized again, and which states it can be in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from governance.domain.values import Json, digest_of, rfc3339


class Severity(StrEnum):
    """How bad, in the contract's four words."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """3 for critical down to 0 for low."""
        return 3 - list(Severity).index(self)

    def reaches(self, threshold: Severity) -> bool:
        """Say whether this is at or above the threshold."""
        return self.rank >= threshold.rank


class FindingKind(StrEnum):
    """What is stated. Stored as plain text, so that a new kind needs no migration."""

    OVERDUE = "freshness.overdue"
    DUE_SOON = "freshness.due_soon"
    UNKNOWN = "freshness.unknown"
    MALFORMED = "freshness.malformed"
    CHANGED_SINCE_REVIEW = "freshness.changed_since_review"
    SUPERSEDED = "freshness.superseded"
    EMPTY = "drift.empty"
    STUB = "drift.stub"
    MISSING = "drift.missing"
    ORPHAN = "drift.orphan"
    CONTENT = "drift.content"
    UNCOVERED = "drift.uncovered"
    UNEMBEDDED = "drift.unembedded"
    MIXED_EMBEDDINGS = "drift.mixed_embeddings"
    GHOST = "drift.ghost"
    MAPPING = "drift.mapping"
    LAG = "drift.lag"
    UNATTRIBUTED = "provenance.unattributed"
    UNCLASSIFIED = "retention.unclassified"
    NO_BASIS = "retention.no_basis"
    EXPIRED = "retention.expired"
    WAIVER_EXPIRED = "policy.waiver_expired"
    LISTING_REFUSED = "drift.listing_refused"
    UNREADABLE = "coverage.unreadable"
    NOTHING_SCANNED = "coverage.nothing_scanned"
    DUPLICATE_ID = "catalog.duplicate_id"
    LOG_INCONSISTENT = "log.inconsistent"


class FindingStatus(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    WAIVED = "waived"
    RESOLVED = "resolved"


OF_INDEX: Final = "index:"
"""How the source of documents begins that only an index speaks of; no configured source can be called so."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a finding is about. Empty strings where a part does not apply."""

    source: str = ""
    document: str = ""
    index: str = ""
    partition: str = ""
    chunk_id: str = ""

    @property
    def source_name(self) -> str | None:
        """The configured source; None where there is none, also for documents that only an index speaks of."""
        return None if self.source.startswith(OF_INDEX) else self.source or None

    @property
    def index_name(self) -> str | None:
        """The index, also the one that alone speaks of a document; None where none is in question."""
        return self.index or (self.source.removeprefix(OF_INDEX) if self.source.startswith(OF_INDEX) else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A detector's statement of one moment.

    Attributes:
        rule: Name of the rule inside the detector that decided.
        policy: Name of the policy that set the thresholds; "" where none did.
        message: One sentence without personal values.
        discriminator: Tells findings of one kind at one place apart (a logical id); part of the identity.
        evidence: Facts that stay the same while nothing changes: no counters that run with the day.

    """

    kind: FindingKind
    severity: Severity
    place: Place
    rule: str
    policy: str
    message: str
    owner: str | None = None
    discriminator: str = ""
    evidence: Mapping[str, Json] = field(default_factory=dict)

    @property
    def fingerprint(self) -> str:
        """Identity: the same statement about the same place has the same fingerprint in every run."""
        place = self.place
        return digest_of(
            [
                self.kind.value,
                place.source,
                place.document,
                place.index,
                place.partition,
                place.chunk_id,
                self.discriminator,
            ]
        )[:32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingPeriod:
    """What a finding was from one day up to, not including, another. The rows of a finding's history.

    Attributes:
        until_day: First day on which this no longer held; None for the present.
        run_id: The run that made the row; None when a person did.
        reason_code: Why a person waived or acknowledged.
        waived_until: Last day of the waiver.
        policy_digest: Of the policies under which it was decided; None for what is older than that column.

    """

    status: FindingStatus
    severity: Severity
    policy: str
    message: str
    from_day: date
    until_day: date | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)
    owner: str | None = None
    run_id: int | None = None
    actor: str | None = None
    reason_code: str | None = None
    waived_until: date | None = None
    policy_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A finding with its present (or as-of) period."""

    fingerprint: str
    kind: FindingKind
    place: Place
    rule: str
    period: FindingPeriod
    first_seen: datetime
    last_seen: datetime

    def as_json(self) -> dict[str, Json]:
        """Give the contract's finding object."""
        return {
            "fingerprint": self.fingerprint,
            "kind": self.kind.value,
            "severity": self.period.severity.value,
            "status": self.period.status.value,
            "source": self.place.source_name,
            "document": self.place.document or None,
            "chunk_id": self.place.chunk_id or None,
            "index": self.place.index_name,
            "partition": self.place.partition,
            "rule": self.rule,
            "policy": self.period.policy,
            "policy_digest": self.period.policy_digest,
            "message": self.period.message,
            "owner": self.period.owner,
            "evidence": dict(self.period.evidence),
            "first_seen": rfc3339(self.first_seen),
            "last_seen": rfc3339(self.last_seen),
        }
