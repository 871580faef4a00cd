"""The audit: what the catalog knows, against the policies, on one day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import (
    Word,
)
from governance.detectors.registry import OF_POLICIES, kinds_for
from governance.domain.actors import Role
from governance.domain.errors import InputError
from governance.domain.findings import FindingKind
from governance.services.actions import ActionCounts, count_actions, plan_actions
from governance.services.audit_observe import AuditRequest, Coverage, Observed, observe_catalog, sign
from governance.services.context import RunContext
from governance.services.drift import Drift, DriftAudit
from governance.services.findings import Reconciled, Scope, reconcile
from governance.services.gate import WriteGate
from governance.services.log_findings import reconcile_log
from governance.services.log_verify import Verification
from governance.services.observe import Seen, World, partitions_of
from governance.services.runs import Desk, OpenRun, place_lock, recorded_run
from governance.services.waivers import expired_waivers, policy_waivers
from governance.services.write_back import WrittenBack, may_mark, write_back

NEEDS_A_LISTING = frozenset({FindingKind.DUPLICATE_ID})
"""Only whoever lists the index can say whether these still hold; an audit that lists none leaves them as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditResult:
    """What an audit found.

    Attributes:
        run_id: None when nothing was stored.
        not_stored: Why nothing was stored, in words; None when it was.
        listed_at: When each source was last listed and believed; None for one that never was.
        written: What was written beside chunks; None where no policy asks for it.
        actions: How far the policies' actions are; None where the day is not the present one, as those are decided by
            what is found today.

    """

    run_id: int | None
    as_of: date
    policy_digest: str
    coverage: Coverage
    findings: Reconciled
    not_stored: str | None
    listed_at: Mapping[str, datetime | None]
    written: WrittenBack | None = None
    actions: ActionCounts | None = None


def audit(
    desk: Desk,
    request: AuditRequest,
    world: World | None = None,
    gate: WriteGate | None = None,
    verify_log: Callable[[], Verification] | None = None,
) -> AuditResult:
    """Audit the catalog as of a day; store the result unless the day is not the newest.

    Where drift was asked for, the day is the present one and there is a world to look at, sources and indexes are
    looked at first and compared: that cannot be done for another day. Where a policy asks for it, and there is a gate,
    what was found is then written beside the chunks. On the present day, what the policies ask for about it is written
    down as well, and the audit log is checked with `verify_log`.

    Raises:
        InputError: The day to be recorded has not come.
        RoleRefused: The actor is no steward; or no operator, where chunks may have to be marked. Nothing was changed.
        LockHeld: Another audit is under way, or somebody is at a source or an index that is to be looked at.

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
    looked = Seen()
    places = _places(desk, request, world, looked)
    if places is not None and gate is not None and may_mark(desk):
        desk.actor.require(Role.OPERATOR)
    locks = ("audit", *(_locks(world, places) if world is not None and places is not None else ()))
    with recorded_run(desk, "audit", locks=locks, as_of=request.as_of, areas=areas) as run:
        drift = None
        if world is not None and places is not None:
            auditor = DriftAudit(desk, world, run.context, zone=request.zone, full=request.full)
            drift = auditor.run(places, looked)
        log = verify_log() if verify_log is not None and request.as_of == desk.today else None
        return _recorded(desk, request, run, drift, gate, log)


def _recorded(
    desk: Desk,
    request: AuditRequest,
    run: OpenRun,
    drift: Drift | None,
    gate: WriteGate | None,
    log: Verification | None,
) -> AuditResult:
    """Store what is found, write it beside the chunks, and note what is to be done about it."""
    decides = request.as_of == desk.today
    with desk.catalog.write() as uow:
        run.context.fence(uow)
        sign(uow, request.words)
    with desk.catalog.read() as uow:
        observed = observe_catalog(uow, desk, request, drift)
    with desk.catalog.write() as uow:
        run.context.fence(uow)
        found = _reconcile(uow, desk, request, observed, run.context, drift)
        if log is not None:
            found.add(reconcile_log(uow, desk, log, run.context))
        withdrawn = plan_actions(uow, desk, found, run.context, request.zone) if decides else 0
    run.counts = {"coverage": observed.coverage.as_json(), "by_kind": dict(found.by_kind)}
    written = actions = None
    if drift is not None:
        run.counts["lag"] = drift.lag_json()
        written = write_back(desk, gate, run.context, drift, found, request.confirmed) if gate is not None else None
    if written is not None:
        run.counts["write_back"] = written.as_json()
    if decides:
        with desk.catalog.read() as uow:
            actions = count_actions(uow, withdrawn)
        run.counts["actions"] = actions.as_json()
    result = _result(desk, request, observed, found, run.context.run_id, None)
    return replace(result, written=written, actions=actions)


def _places(desk: Desk, request: AuditRequest, world: World | None, looked: Seen) -> list[tuple[str, str]] | None:
    """Give the places to look at; None when nothing is compared."""
    if world is None or Word.DRIFT not in request.words or request.as_of != desk.today:
        return None
    return partitions_of(world, sorted(world.indexes), looked)


def _locks(world: World, places: Sequence[tuple[str, str]]) -> list[str]:
    return [*(f"source:{name}" for name in sorted(world.sources)), *(place_lock(*place) for place in places)]


def _preview(desk: Desk, request: AuditRequest, reason: str) -> AuditResult:
    with desk.catalog.scratch() as uow:
        observed, found = preview(uow, desk, request)
    return _result(desk, request, observed, found, None, reason)


def preview(
    uow: UnitOfWork, desk: Desk, request: AuditRequest, drift: Drift | None = None
) -> tuple[Observed, Reconciled]:
    """Give what an audit would find, in a transaction that is rolled back; `drift` as of `observe_catalog`."""
    context = RunContext(actor=desk.actor, run_id=0, clock=desk.clock)
    sign(uow, request.words)
    observed = observe_catalog(uow, desk, request, drift)
    return observed, _reconcile(uow, desk, request, observed, context, drift)


def _result(
    desk: Desk,
    request: AuditRequest,
    observed: Observed,
    found: Reconciled,
    run_id: int | None,
    reason: str | None,
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


def _reconcile(
    uow: UnitOfWork,
    desk: Desk,
    request: AuditRequest,
    observed: Observed,
    context: RunContext,
    drift: Drift | None,
) -> Reconciled:
    kinds = kinds_for(request.words, compared=drift is not None) - OF_POLICIES
    scope = Scope(
        kinds=frozenset(kind.value for kind in kinds),
        day=request.as_of,
        covers=_covers(uow, drift),
        next_days=_next_days(uow, request.as_of),
    )
    waiver = policy_waivers(uow, desk.policies, request.as_of)
    digest, now = desk.policies.digest, desk.clock()
    found = reconcile(uow, observed.observations, scope, waiver, context, now, digest)
    # What waivers would cover can be counted only when all else is known, and none of them covers another.
    over = expired_waivers(uow, desk.policies, request.as_of)
    policies = replace(scope, kinds=frozenset(kind.value for kind in OF_POLICIES))
    found.add(reconcile(uow, over, policies, lambda _item: None, context, now, digest))
    return found


def _covers(uow: UnitOfWork, drift: Drift | None) -> Callable[[FindingHistory], bool]:
    """Say of a finding whether what it is about was looked at: nothing is resolved because a file was locked."""
    unreadable = {(item.source, item.document) for item in uow.documents.every() if item.unreadable is not None}
    seen = drift.seen if drift is not None else Seen()
    listed = {(sight.index, sight.partition) for sight in seen.partitions if sight.index not in seen.unreachable}
    answered = {index for index, _ in listed}

    def covers(item: FindingHistory) -> bool:
        place = item.place
        if item.kind == FindingKind.UNREADABLE and place.index:
            return place.index in answered
        if item.kind in NEEDS_A_LISTING:
            return (place.index, place.partition) in listed
        if drift is not None and not drift.covers(item):
            return False
        return item.kind == FindingKind.UNREADABLE or (place.source, place.document) not in unreadable

    return covers


def _next_days(uow: UnitOfWork, as_of: date) -> dict[str, date]:
    """Give, per kind, the first later day whose audit is recorded: its words stay when history is filled in."""
    days: dict[str, date] = {}
    for day, areas in uow.runs.recorded_days("audit", as_of):
        for kind in kinds_for([Word(word) for word in areas]):
            days.setdefault(kind.value, day)
    return days
