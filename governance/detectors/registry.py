"""Which detectors there are, what each can state, and under which word of `audit run --only` it runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from governance.detectors import drift, superseded
from governance.detectors.base import Documents, RecordDetector, SetDetector, Subject, Word
from governance.detectors.freshness import freshness_observations
from governance.detectors.retention import retention_observations
from governance.detectors.structure import coverage_observations, structure_observations
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation
from governance.domain.ports import Signature, SignatureStore


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """A per-record detector.

    Attributes:
        words: It runs when any of these was asked for; with every audit when empty.

    """

    name: str
    kinds: frozenset[FindingKind]
    words: frozenset[Word]
    detect: RecordDetector


@dataclass(frozen=True, slots=True)
class SetEntry:
    """A set-wise detector; fields as in `RecordEntry`."""

    name: str
    kinds: frozenset[FindingKind]
    words: frozenset[Word]
    detector: SetDetector


class Superseded:
    """`governance.detectors.superseded` as a set-wise detector."""

    scheme: str = superseded.SCHEME

    def sign(self, document: Document, chunk: ChunkKey) -> Iterator[Signature]:
        """Give the signature of a chunk of a versioned page."""
        return superseded.sign(document, chunk)

    def inspect(self, store: SignatureStore, documents: Documents) -> Iterator[Observation]:
        """Give one observation per page with several versions retrievable."""
        return superseded.inspect(store, documents)


def _freshness(subject: Subject) -> Iterator[Observation]:
    return freshness_observations(
        subject.document, subject.review, subject.rule, as_of=subject.as_of, today=subject.today, zone=subject.zone
    )


def _retention(subject: Subject) -> Iterator[Observation]:
    return retention_observations(
        subject.document,
        subject.review,
        subject.retention,
        classified=subject.classified,
        as_of=subject.as_of,
        today=subject.today,
        zone=subject.zone,
    )


def _structure(subject: Subject) -> Iterator[Observation]:
    return structure_observations(subject.document)


def _coverage(subject: Subject) -> Iterator[Observation]:
    return coverage_observations(subject.document)


RECORD_DETECTORS: Final = (
    RecordEntry(
        "freshness",
        frozenset(
            {
                FindingKind.OVERDUE,
                FindingKind.DUE_SOON,
                FindingKind.UNKNOWN,
                FindingKind.MALFORMED,
                FindingKind.CHANGED_SINCE_REVIEW,
            }
        ),
        frozenset({Word.FRESHNESS}),
        _freshness,
    ),
    RecordEntry(
        "structure",
        frozenset({FindingKind.EMPTY, FindingKind.STUB}),
        frozenset({Word.FRESHNESS, Word.DRIFT}),
        _structure,
    ),
    RecordEntry(
        "retention",
        frozenset({FindingKind.UNCLASSIFIED, FindingKind.NO_BASIS, FindingKind.EXPIRED}),
        frozenset({Word.RETENTION}),
        _retention,
    ),
    RecordEntry("coverage", frozenset({FindingKind.UNREADABLE}), frozenset(), _coverage),
)

SET_DETECTORS: Final = (
    SetEntry("superseded", frozenset({FindingKind.SUPERSEDED}), frozenset({Word.FRESHNESS}), Superseded()),
)

OF_POLICIES: Final = frozenset({FindingKind.WAIVER_EXPIRED})
"""Kinds that are about the policies themselves."""
MET_BY_COMMANDS: Final = OF_POLICIES | {
    FindingKind.LISTING_REFUSED,
    FindingKind.NOTHING_SCANNED,
    FindingKind.DUPLICATE_ID,
}
"""Kinds that a command states when it meets them, and every audit again, whatever was asked for."""

OF_LOG: Final = frozenset({FindingKind.LOG_INCONSISTENT})
"""Kinds that a verification of the audit log states, which every audit of the present day does as well."""

COMPARED: Final = drift.KINDS
"""Kinds that a comparison of sources with indexes states; it needs both as they are now, and runs with drift."""


def runs(entry: RecordEntry | SetEntry, words: Collection[Word]) -> bool:
    """Say whether an audit for these words runs the detector."""
    return not entry.words or not entry.words.isdisjoint(words)


def kinds_for(words: Collection[Word], *, compared: bool = True) -> frozenset[FindingKind]:
    """Give every kind that an audit for these words looks for: only findings of these kinds can it resolve.

    Args:
        words: What was asked for.
        compared: Whether sources and indexes are compared.

    """
    entries = (*RECORD_DETECTORS, *SET_DETECTORS)
    found = MET_BY_COMMANDS.union(*(entry.kinds for entry in entries if runs(entry, words)))
    return found | COMPARED if compared and Word.DRIFT in words else found


def not_yet_audited(words: Collection[Word]) -> tuple[Word, ...]:
    """Give the words that were asked for and that no detector answers to, in the contract's order."""
    answered = frozenset[Word]().union(*(entry.words for entry in (*RECORD_DETECTORS, *SET_DETECTORS)))
    return tuple(word for word in Word if word in words and word not in answered)
