"""What an audit states from the catalog alone, and what it looked at and what not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from governance.catalog.documents import SourceState
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import (
    SetDetector,
    Subject,
    Word,
    duplicate_id_observation,
    listing_refused_observation,
    nothing_scanned_observation,
)
from governance.detectors.registry import RECORD_DETECTORS, SET_DETECTORS, not_yet_audited, runs
from governance.detectors.retention import no_basis_observations
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.ports import Signature
from governance.domain.values import Json
from governance.policy.model import PolicySet
from governance.policy.resolve import RetentionRule, freshness_rule, retention_rule
from governance.services.drift import Drift
from governance.services.runs import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit.

    Attributes:
        words: In the words of --only.
        sources: Names of the configured sources, so that one without any document is noticed.
        as_of: The day that is judged.
        record: Store the result even of a day that is not the newest.
        full: Compare again what has not changed.
        confirmed: How many chunks may be newly quarantined although the policies allow less; None when nobody typed it.

    """

    words: Sequence[Word]
    sources: Sequence[str]
    as_of: date
    record: bool = False
    full: bool = False
    zone: tzinfo = UTC
    confirmed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the audit looked at, and what it did not."""

    documents: int
    chunks: int
    scanned: int
    unchanged: int
    failed: int
    not_covered: tuple[str, ...]

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {
            "documents": self.documents,
            "chunks": self.chunks,
            "scanned": self.scanned,
            "unchanged": self.unchanged,
            "failed": self.failed,
            "not_covered": list(self.not_covered),
        }


@dataclass(frozen=True, slots=True)
class Observed:
    """What is to be said, and what was looked at for it."""

    observations: tuple[Observation, ...]
    coverage: Coverage
    listed_at: Mapping[str, datetime | None]


def sign(uow: UnitOfWork, words: Collection[Word]) -> None:
    """Bring the memory of set-wise detectors to what the catalog knows now."""
    documents = {(item.source, item.document): item for item in uow.documents.every()}
    for entry in SET_DETECTORS:
        if runs(entry, words):
            uow.signatures.forget_scheme(entry.detector.scheme)
            uow.signatures.put(_signatures(uow, entry.detector, documents))


def _signatures(
    uow: UnitOfWork, detector: SetDetector, documents: Mapping[tuple[str, str], Document]
) -> Iterator[Signature]:
    for row in uow.chunks.every():
        document = documents.get((row.source, row.document))
        if document is not None:
            yield from detector.sign(document, ChunkKey(row.index_name, row.partition, row.chunk_id))


def observe_catalog(uow: UnitOfWork, desk: Desk, request: AuditRequest, drift: Drift | None) -> Observed:
    """Give all that is to be said on a day; `drift` is what a comparison found, None when none was made."""
    # What only an index speaks of, and no listing ever showed, has no facts that could be judged.
    documents = {
        (item.source, item.document): item
        for item in uow.documents.every()
        if item.raw_hash or item.unreadable is not None
    }
    states = {state.source: state for state in uow.sources.states()}
    observations = [
        *_of_sources(documents, states, request.sources),
        *_of_records(uow, documents.values(), desk, request),
        *_of_sets(uow, documents, request.words),
        *(drift.observations if drift is not None else ()),
        *(_of_ids(drift) if drift is not None else ()),
    ]
    failed = sum(item.unreadable is not None for item in documents.values())
    coverage = Coverage(
        documents=len(documents),
        chunks=uow.chunks.count(),
        scanned=len(documents) - failed - (drift.unchanged if drift is not None else 0),
        unchanged=drift.unchanged if drift is not None else 0,
        failed=failed,
        not_covered=(
            *_not_covered(states, request),
            *_not_judged(desk.policies, request),
            *_not_compared(request, drift),
        ),
    )
    listed_at = {name: states[name].listed_at if name in states else None for name in request.sources}
    return Observed(tuple(observations), coverage, listed_at)


def _of_records(
    uow: UnitOfWork, documents: Iterable[Document], desk: Desk, request: AuditRequest
) -> Iterator[Observation]:
    reviews, indexes = uow.reviews.latest(), uow.chunks.index_of()
    detectors = [entry.detect for entry in RECORD_DETECTORS if runs(entry, request.words)]
    classified = makes_classes(desk.policies) and Word.RETENTION in request.words
    rules: list[RetentionRule] = []
    for document in documents:
        key = (document.source, document.document)
        retention = retention_rule(desk.policies, document, indexes.get(key)) if classified else None
        if retention is not None and document.unreadable is None:
            rules.append(retention)
        subject = Subject(
            document=document,
            review=reviews.get(key),
            rule=freshness_rule(desk.policies, document, indexes.get(key)),
            as_of=request.as_of,
            today=max(desk.today, request.as_of),
            zone=request.zone,
            retention=retention,
            classified=classified,
        )
        for detect in detectors:
            yield from detect(subject)
    yield from no_basis_observations(rules)


def makes_classes(policies: PolicySet) -> bool:
    """Say whether any policy says how long documents are kept: only then is one of no class worth a word."""
    return any(policy.retention is not None for policy in policies.policies)


def _of_sets(
    uow: UnitOfWork, documents: Mapping[tuple[str, str], Document], words: Collection[Word]
) -> Iterator[Observation]:
    for entry in SET_DETECTORS:
        if runs(entry, words):
            yield from entry.detector.inspect(uow.signatures, lambda source, name: documents.get((source, name)))


def _of_sources(
    documents: Collection[tuple[str, str]], states: Mapping[str, SourceState], sources: Sequence[str]
) -> Iterator[Observation]:
    for state in states.values():
        yield from listing_observations(state)
    with_documents = {source for source, _ in documents}
    if not sources and not documents:
        yield nothing_scanned_observation("")
    for name in sources:
        if name not in with_documents:
            yield nothing_scanned_observation(name)


def listing_observations(state: SourceState) -> Iterator[Observation]:
    """Say how the last listing of a source went, if it did not go well."""
    if state.refused_reason is not None:
        yield listing_refused_observation(
            state.source, state.refused_reason, state.refused_seen or 0, state.refused_known or 0
        )
    if state.interruption is not None:
        yield Observation(
            kind=FindingKind.UNREADABLE,
            severity=Severity.HIGH,
            place=Place(source=state.source),
            rule="listing_incomplete",
            policy="",
            message="The listing of this source was incomplete, so no absence was believed.",
            evidence={"code": "listing_incomplete"},
        )


def _of_ids(drift: Drift) -> Iterator[Observation]:
    for (index, partition), repeated in drift.seen.repeated.items():
        for chunk_id, times in sorted(repeated.items()):
            yield duplicate_id_observation(index, partition, chunk_id, times)


def _not_judged(policies: PolicySet, request: AuditRequest) -> tuple[str, ...]:
    if Word.RETENTION not in request.words or makes_classes(policies):
        return ()
    return ("retention: no policy of this kind, so nothing was judged",)


def _not_compared(request: AuditRequest, drift: Drift | None) -> tuple[str, ...]:
    if drift is not None:
        return tuple(drift.not_covered)
    if Word.DRIFT not in request.words:
        return ()
    return ("drift between source and index: compared on the present day alone",)


def _not_covered(states: Mapping[str, SourceState], request: AuditRequest) -> tuple[str, ...]:
    unbuilt = not_yet_audited(tuple(Word))
    later = [f"{word.value}: not yet audited by this version" for word in unbuilt]
    left_out = [f"{word.value}: left out by --only" for word in Word if word not in {*unbuilt, *request.words}]
    never = [f"source {name}: never listed" for name in request.sources if name not in states]
    stray = [
        f"source {name}: no longer configured, its documents are as they were last listed"
        for name in sorted(states)
        if name not in request.sources
    ]
    return (*later, *left_out, *never, *stray)
