"""Documents, reviews and rules for tests of detectors, with only what a test cares about to be said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

from governance.detectors.texts import ChunkVerdict, Way
from governance.domain.calendar import Interval
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document, Review
from governance.domain.findings import FindingKind, Observation
from governance.domain.ports import Signature
from governance.policy.kinds import RetentionEvent
from governance.policy.model import FreshnessRule
from governance.policy.resolve import RetentionRule

TODAY = date(2026, 11, 21)


def document(**changes: Any) -> Document:
    facts: dict[str, Any] = {
        "source": "docs",
        "document": "a.md",
        "uri": "file:a.md",
        "title": "A",
        "raw_hash": "0" * 64,
        "body_hash": "b" * 64,
        "meta_hash": "2" * 64,
        "size": 100,
        "words": 20,
    }
    return Document(**{**facts, **changes})


def review(day: date, body_hash: str = "b" * 64) -> Review:
    return Review(
        source="docs",
        document="a.md",
        reviewed_on=day,
        body_hash=body_hash,
        actor="dana",
        recorded_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC),
    )


def rule(**changes: Any) -> FreshnessRule:
    facts: dict[str, Any] = {
        "policy": "handbook",
        "file": "handbook.yaml",
        "line": 3,
        "owner": None,
        "severity": None,
        "review_every": None,
        "due_soon_days": 30,
        "error_after": Interval.parse("90 days"),
        "warn_after": None,
        "changed_grace_days": 7,
        "report_unknown": True,
    }
    return FreshnessRule(**{**facts, **changes})


def retention(**changes: Any) -> RetentionRule:
    facts: dict[str, Any] = {
        "policy": "records",
        "file": "records.yaml",
        "line": 3,
        "class_name": "records",
        "event": RetentionEvent.MODIFIED,
        "period": Interval.parse("1 year"),
        "legal_basis": "a law",
    }
    return RetentionRule(**{**facts, **changes})


def kinds(observations: Iterable[Observation]) -> list[FindingKind]:
    return sorted(observation.kind for observation in observations)


class ListStore:
    """A signature store over a dictionary, as the protocol describes it."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, ChunkKey], Signature] = {}

    def put(self, signatures: Iterable[Signature]) -> None:
        for signature in signatures:
            self._rows[signature.scheme, signature.key, signature.chunk] = signature

    def candidates(self, scheme: str) -> Iterator[tuple[str, Sequence[Signature]]]:
        groups: dict[str, list[Signature]] = defaultdict(list)
        for signature in self._rows.values():
            if signature.scheme == scheme:
                groups[signature.key].append(signature)
        for key, group in sorted(groups.items()):
            if len({signature.value for signature in group}) > 1:
                yield key, group

    def forget(self, chunks: Iterable[ChunkKey]) -> None:
        gone = set(chunks)
        self._rows = {where: signature for where, signature in self._rows.items() if where[2] not in gone}


def differs(found: ChunkVerdict, threshold: float = 0.0) -> bool:
    """Say whether a comparison shows a difference of a share, or one that counts whatever the share."""
    return not found.contained and (found.way is Way.FOREIGN or found.critical is not None or found.share >= threshold)
