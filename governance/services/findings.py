"""The life of findings: what an audit observed against what was known, and what people decide about them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import BY_POLICY
from governance.domain.events import Action, Event
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus, Observation, Severity
from governance.domain.history import lay_down, merged, period_at
from governance.domain.values import canonical_json, digest_of
from governance.services.context import RunContext

LIVE = frozenset({FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED})


@dataclass(frozen=True, slots=True)
class PolicyWaiver:
    """A waiver of the policy that applies to an observation."""

    reason: str
    until: date
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What was looked at, so that what was not observed may be called resolved.

    Attributes:
        kinds: Every kind that the detectors could have stated.
        covers: Says of a known finding whether its place was looked at.
        day: The as-of day.
        next_days: Later as-of days already recorded for these kinds: what was learned then stays.

    """

    kinds: frozenset[str]
    day: date
    covers: Callable[[FindingHistory], bool] = lambda _finding: True
    next_days: Mapping[str, date] = field(default_factory=dict)


@dataclass(slots=True)
class Reconciled:
    """What became of the findings in a scope.

    Attributes:
        live: Those that are open or acknowledged on the day, in no particular order; a preview stores none of them.
        looked_at: Fingerprints of all that are in the scope, whatever they are.

    """

    opened: int = 0
    reopened: int = 0
    resolved: int = 0
    open: int = 0
    waived: int = 0
    by_kind: Counter[str] = field(default_factory=Counter)
    worst: Severity | None = None
    live: list[Finding] = field(default_factory=list)
    looked_at: set[str] = field(default_factory=set)

    def add(self, other: Reconciled) -> None:
        """Count in what became of the findings of another scope."""
        self.opened += other.opened
        self.reopened += other.reopened
        self.resolved += other.resolved
        self.open += other.open
        self.waived += other.waived
        self.by_kind.update(other.by_kind)
        self.worst = max(filter(None, (self.worst, other.worst)), key=lambda word: word.rank, default=None)
        self.live += other.live
        self.looked_at |= other.looked_at


def reconcile(
    uow: UnitOfWork,
    observations: Iterable[Observation],
    scope: Scope,
    waiver: Callable[[Observation], PolicyWaiver | None],
    context: RunContext,
    now: datetime,
    policy_digest: str | None = None,
) -> Reconciled:
    """Open, update, reopen or resolve findings so that they say what was observed; never one twice.

    Every period that begins carries `policy_digest`, of the policies under which all this is decided.
    """
    observed = {item.fingerprint: item for item in observations}
    known = uow.findings.histories(sorted(scope.kinds))
    result = Reconciled(by_kind=Counter(dict.fromkeys(scope.kinds, 0)), looked_at=observed.keys() | known.keys())
    changed: list[FindingHistory] = []
    seen_again: list[str] = []
    told: dict[tuple[Action, str], list[str]] = defaultdict(list)
    for fingerprint in sorted(observed.keys() | known.keys()):
        history, item = known.get(fingerprint), observed.get(fingerprint)
        before = period_at(history.periods, scope.day) if history else None
        untouched = item is None and history is not None and not scope.covers(history)
        if untouched:
            after = before  # nobody looked, so it stands as it was, and counts
        else:
            after = _decide(before, item, waiver(item) if item else None, context.run_id, scope.day)
            after = _under(policy_digest, before, after)
        _count(result, told, fingerprint, _kind(history, item), before, after)
        if after is not None and after.status in LIVE:
            result.live.append(_live(history, item, after, now))
        if item is not None and history is not None:
            seen_again.append(fingerprint)
        if after is not None and not untouched:
            end = _end(history, scope, _kind(history, item))
            updated = _with_period(history, item, after, scope.day, end, now)
            if history is None or updated.periods != history.periods:
                changed.append(updated)
    uow.findings.save(changed)
    uow.findings.touch(seen_again, now)
    for (action, kind), fingerprints in sorted(told.items()):
        uow.record(_event(action, kind, fingerprints, context))
    return result


def _decide(
    before: FindingPeriod | None, item: Observation | None, waiver: PolicyWaiver | None, run_id: int, day: date
) -> FindingPeriod | None:
    """Give what a finding is from this day on, None when it never was anything."""
    if item is None:
        if before is None or before.status is FindingStatus.RESOLVED:
            return before
        return replace(
            before, status=FindingStatus.RESOLVED, run_id=run_id, actor=None, reason_code=None, waived_until=None
        )
    fresh = FindingPeriod(
        status=FindingStatus.OPEN,
        severity=item.severity,
        policy=item.policy,
        message=item.message,
        from_day=day,
        evidence=json.loads(canonical_json(dict(item.evidence))),  # as the catalog gives it back
        owner=item.owner,
        run_id=run_id,
    )
    if waiver is not None:
        return replace(
            fresh,
            status=FindingStatus.WAIVED,
            actor=f"{BY_POLICY}{waiver.by}",
            reason_code=waiver.reason,
            waived_until=waiver.until,
        )
    return _kept_decision(before, fresh, day)


def _under(
    policy_digest: str | None, before: FindingPeriod | None, after: FindingPeriod | None
) -> FindingPeriod | None:
    """Say under which policies something was decided; what was decided before stays as it is."""
    return after if after is None or after is before else replace(after, policy_digest=policy_digest)


def _kept_decision(before: FindingPeriod | None, fresh: FindingPeriod, day: date) -> FindingPeriod:
    if before is None or not _by_a_person(before):
        return fresh
    if before.status is FindingStatus.WAIVED and before.waived_until is not None and before.waived_until < day:
        return fresh
    if before.status in {FindingStatus.WAIVED, FindingStatus.ACKNOWLEDGED}:
        return replace(
            fresh,
            status=before.status,
            actor=before.actor,
            reason_code=before.reason_code,
            waived_until=before.waived_until,
        )
    return fresh


def _by_a_person(period: FindingPeriod) -> bool:
    return period.actor is not None and not period.actor.startswith(BY_POLICY)


def _count(
    result: Reconciled,
    told: dict[tuple[Action, str], list[str]],
    fingerprint: str,
    kind: str,
    before: FindingPeriod | None,
    after: FindingPeriod | None,
) -> None:
    was = before.status if before else None
    status = after.status if after else None
    if status in LIVE and after is not None:
        result.open += 1
        result.by_kind[kind] += 1
        if result.worst is None or after.severity.rank > result.worst.rank:
            result.worst = after.severity
    if status is FindingStatus.WAIVED:
        result.waived += 1
    if status in {*LIVE, FindingStatus.WAIVED} and was is None:
        result.opened += 1
        told[Action.FINDINGS_OPENED, kind].append(fingerprint)
    elif status in LIVE and (was in {FindingStatus.RESOLVED, FindingStatus.WAIVED} or _lapsed(before)):
        result.reopened += 1
        told[Action.FINDINGS_REOPENED, kind].append(fingerprint)
    elif status is FindingStatus.RESOLVED and was not in {None, FindingStatus.RESOLVED}:
        result.resolved += 1
        told[Action.FINDINGS_RESOLVED, kind].append(fingerprint)


def _live(history: FindingHistory | None, item: Observation | None, period: FindingPeriod, now: datetime) -> Finding:
    about = item or history
    if about is None:
        raise ValueError("a finding that nobody observed and nobody knows")
    assignee = history.assignee if history else None
    return Finding(
        fingerprint=about.fingerprint,
        kind=FindingKind(about.kind),
        place=about.place,
        rule=about.rule,
        period=replace(period, owner=assignee or period.owner),
        first_seen=history.first_seen if history else now,
        last_seen=now if item or history is None else history.last_seen,
    )


def _lapsed(before: FindingPeriod | None) -> bool:
    """Say whether a waiver ended by itself and no run has taken notice yet."""
    return before is not None and before.status is FindingStatus.OPEN and before.run_id is None


def _kind(history: FindingHistory | None, item: Observation | None) -> str:
    return item.kind.value if item else history.kind if history else ""


def _end(history: FindingHistory | None, scope: Scope, kind: str) -> date | None:
    """Give the day up to which this run may speak: a later recorded run or a later decision of a person."""
    days = [scope.next_days[kind]] if kind in scope.next_days else []
    if history is not None:
        days += [p.from_day for p in history.periods if p.from_day > scope.day and _by_a_person(p)]
    return min(days, default=None)


def _with_period(
    history: FindingHistory | None,
    item: Observation | None,
    after: FindingPeriod,
    day: date,
    end: date | None,
    now: datetime,
) -> FindingHistory:
    if history is None:
        if item is None:
            raise ValueError("a finding that nobody observed and nobody knows")
        return FindingHistory(
            fingerprint=item.fingerprint,
            kind=item.kind.value,
            place=item.place,
            rule=item.rule,
            assignee=None,
            first_seen=now,
            last_seen=now,
            periods=lay_down((), after, day, end),
        )
    periods = merged(lay_down(history.periods, after, day, end), day)
    return replace(history, rule=item.rule if item else history.rule, periods=periods)


def _event(action: Action, kind: str, fingerprints: Sequence[str], context: RunContext) -> Event:
    return Event(
        action=action,
        at=context.clock(),
        actor=context.actor,
        run_id=context.run_id,
        reason=kind,
        outcome="done",
        counts={"findings": len(fingerprints)},
        digest=digest_of(sorted(fingerprints)),
    )
