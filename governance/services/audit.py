"""The audit: what the catalog knows, against the policies, on one day."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo

from governance.catalog.documents import SourceState
from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import (
    SetDetector,
    Subject,
    Word,
    listing_refused_observation,
    nothing_scanned_observation,
)
from governance.detectors.registry import RECORD_DETECTORS, SET_DETECTORS, kinds_for, not_yet_audited, runs
from governance.domain.actors import Role
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document
from governance.domain.errors import InputError
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.ports import Signature
from governance.domain.values import Json
from governance.policy.match import Subject as MatchSubject
from governance.policy.model import PolicySet
from governance.policy.resolve import freshness_rule, waiver_for
from governance.services.context import RunContext
from governance.services.findings import PolicyWaiver, Reconciled, Scope, reconcile
from governance.services.runs import Desk, recorded_run

NEEDS_A_LISTING = frozenset({FindingKind.DUPLICATE_ID})
"""Only whoever lists the index can say whether these still hold; an audit leaves them as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRequest:
    """What to audit.

    Attributes:
        words: In the words of --only.
        sources: Names of the configured sources, so that one without any document is noticed.
        as_of: The day that is judged.
        record: Store the result even of a day that is not the newest.

    """

    words: Sequence[Word]
    sources: Sequence[str]
    as_of: date
    record: bool = False
    zone: tzinfo = UTC


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


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """What an audit found.

    Attributes:
        run_id: None when nothing was stored.
        not_stored: Why nothing was stored, in words; None when it was.
        listed_at: When each source was last listed and believed; None for one that never was.

    """

    run_id: int | None
    as_of: date
    policy_digest: str
    coverage: Coverage
    findings: Reconciled
    not_stored: str | None
    listed_at: Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class _Observed:
    observations: tuple[Observation, ...]
    coverage: Coverage
    listed_at: Mapping[str, datetime | None]


def audit(desk: Desk, request: AuditRequest) -> AuditResult:
    """Audit the catalog as of a day; store the result unless the day is not the newest.

    Raises:
        InputError: The day to be recorded has not come.
        RoleRefused: The actor is no steward.
        LockHeld: Another audit is under way.

    """
    desk.actor.require(Role.STEWARD)
    if request.record and request.as_of > desk.today:
        raise InputError(
            "the audit of a day to come cannot be recorded",
            item=request.as_of.isoformat(),
            next_step="leave out --record to see what it would find",
        )
    not_stored = None if request.record else _why_not_stored(desk, request.as_of)
    if not_stored is not None:
        return _preview(desk, request, not_stored)
    areas = [word.value for word in request.words]
    with recorded_run(desk, "audit", locks=("audit",), as_of=request.as_of, areas=areas) as run:
        with desk.catalog.write() as uow:
            run.context.fence(uow)
            _sign(uow, request.words)
        with desk.catalog.read() as uow:
            observed = _observe(uow, desk, request)
        with desk.catalog.write() as uow:
            run.context.fence(uow)
            found = _reconcile(uow, desk, request, observed, run.context)
        run.counts = {"coverage": observed.coverage.as_json(), "by_kind": dict(found.by_kind)}
        return _result(desk, request, observed, found, run.context.run_id, None)


def _preview(desk: Desk, request: AuditRequest, reason: str) -> AuditResult:
    context = RunContext(actor=desk.actor, run_id=0, clock=desk.clock)
    with desk.catalog.scratch() as uow:
        _sign(uow, request.words)
        observed = _observe(uow, desk, request)
        found = _reconcile(uow, desk, request, observed, context)
    return _result(desk, request, observed, found, None, reason)


def _result(
    desk: Desk, request: AuditRequest, observed: _Observed, found: Reconciled, run_id: int | None, reason: str | None
) -> AuditResult:
    return AuditResult(
        run_id=run_id,
        as_of=request.as_of,
        policy_digest=desk.policies.digest,
        coverage=observed.coverage,
        findings=found,
        not_stored=reason,
        listed_at=observed.listed_at,
    )


def _why_not_stored(desk: Desk, as_of: date) -> str | None:
    if as_of > desk.today:
        return "the day is in the future"
    with desk.catalog.read() as uow:
        last = uow.runs.last_recorded_day("audit")
    if last is not None and as_of < last:
        return f"a later day was audited before ({last.isoformat()})"
    return None


def _sign(uow: UnitOfWork, words: Collection[Word]) -> None:
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


def _observe(uow: UnitOfWork, desk: Desk, request: AuditRequest) -> _Observed:
    documents = {(item.source, item.document): item for item in uow.documents.every()}
    states = {state.source: state for state in uow.sources.states()}
    observations = [
        *_of_sources(documents, states, request.sources),
        *_of_records(uow, documents.values(), desk, request),
        *_of_sets(uow, documents, request.words),
    ]
    failed = sum(item.unreadable is not None for item in documents.values())
    coverage = Coverage(
        documents=len(documents),
        chunks=uow.chunks.count(),
        scanned=len(documents) - failed,
        unchanged=0,
        failed=failed,
        not_covered=_not_covered(states, request),
    )
    listed_at = {name: states[name].listed_at if name in states else None for name in request.sources}
    return _Observed(tuple(observations), coverage, listed_at)


def _of_records(
    uow: UnitOfWork, documents: Iterable[Document], desk: Desk, request: AuditRequest
) -> Iterator[Observation]:
    reviews, indexes = uow.reviews.latest(), uow.chunks.index_of()
    detectors = [entry.detect for entry in RECORD_DETECTORS if runs(entry, request.words)]
    for document in documents:
        subject = Subject(
            document=document,
            review=reviews.get((document.source, document.document)),
            rule=freshness_rule(desk.policies, document, indexes.get((document.source, document.document))),
            as_of=request.as_of,
            today=max(desk.today, request.as_of),
            zone=request.zone,
        )
        for detect in detectors:
            yield from detect(subject)


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


def _not_covered(states: Mapping[str, SourceState], request: AuditRequest) -> tuple[str, ...]:
    unbuilt = not_yet_audited(tuple(Word))
    later = [f"{word.value}: not yet audited by this version" for word in unbuilt]
    left_out = [f"{word.value}: left out by --only" for word in Word if word not in {*unbuilt, *request.words}]
    never = [f"source {name}: never ingested" for name in request.sources if name not in states]
    stray = [
        f"source {name}: no longer configured, its documents are as they were last listed"
        for name in sorted(states)
        if name not in request.sources
    ]
    return (*later, *left_out, *never, *stray)


def _reconcile(
    uow: UnitOfWork, desk: Desk, request: AuditRequest, observed: _Observed, context: RunContext
) -> Reconciled:
    scope = Scope(
        kinds=frozenset(kind.value for kind in kinds_for(request.words)),
        day=request.as_of,
        covers=_could_be_read(uow),
        next_days=_next_days(uow, request.as_of),
    )
    waiver = policy_waivers(uow, desk.policies, request.as_of)
    return reconcile(uow, observed.observations, scope, waiver, context, desk.clock())


def policy_waivers(uow: UnitOfWork, policies: PolicySet, day: date) -> Callable[[Observation], PolicyWaiver | None]:
    """Give what says of an observation whether a policy lets it stand on the day."""
    if not policies.waivers:
        return lambda _item: None
    documents = {(item.source, item.document): item for item in uow.documents.every()}
    indexes = uow.chunks.index_of()

    def waiver(item: Observation) -> PolicyWaiver | None:
        key = (item.place.source, item.place.document)
        about = documents.get(key) or MatchSubject(source=item.place.source, path=item.place.document)
        found = waiver_for(policies, item.kind, about, day, indexes.get(key))
        return PolicyWaiver(found.reason, found.until, found.by or found.policy) if found else None

    return waiver


def _could_be_read(uow: UnitOfWork) -> Callable[[FindingHistory], bool]:
    """Say of a finding whether its document could be looked at: nothing is resolved because a file was locked."""
    unreadable = {(item.source, item.document) for item in uow.documents.every() if item.unreadable is not None}

    def covers(item: FindingHistory) -> bool:
        if item.kind in NEEDS_A_LISTING:
            return False
        return item.kind == FindingKind.UNREADABLE or (item.place.source, item.place.document) not in unreadable

    return covers


def _next_days(uow: UnitOfWork, as_of: date) -> dict[str, date]:
    """Give, per kind, the first later day whose audit is recorded: its words stay when history is filled in."""
    days: dict[str, date] = {}
    for day, areas in uow.runs.recorded_days("audit", as_of):
        for kind in kinds_for([Word(word) for word in areas]):
            days.setdefault(kind.value, day)
    return days
