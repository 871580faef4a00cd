"""What people decide about findings: acknowledge, waive, assign."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import Role
from governance.domain.errors import InputError
from governance.domain.events import Action, Event
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus
from governance.domain.history import lay_down, period_at
from governance.policy.model import WaiverReason
from governance.services.runs import Desk

_FIRST = {
    kind: place
    for place, kind in enumerate(
        (FindingKind.NOTHING_SCANNED, FindingKind.LISTING_REFUSED, FindingKind.UNREADABLE, FindingKind.OVERDUE)
    )
}


def list_findings(
    desk: Desk,
    *,
    kind: str | None = None,
    status: FindingStatus | None = None,
    document: str | None = None,
    as_of: date | None = None,
) -> list[Finding]:
    """Give findings, the worst first; those of a day when `as_of` is given, else as they are now.

    `kind` is a glob over kinds ("freshness.*").

    """
    desk.actor.require(Role.READER)
    with desk.catalog.read() as uow:
        found = [
            item
            for item in uow.findings.listed(as_of or desk.today)
            if (kind is None or fnmatchcase(item.kind.value, kind))
            and (status is None or item.period.status is status)
            and (document is None or item.place.document == document)
        ]
    return sorted(found, key=by_urgency)


def show_finding(desk: Desk, fingerprint: str) -> tuple[Finding, tuple[FindingPeriod, ...]]:
    """Give a finding and its history; the beginning of the fingerprint is enough where it is unique."""
    desk.actor.require(Role.READER)
    with desk.catalog.read() as uow:
        history = _one(uow, fingerprint)
        today = (
            period_at(history.periods, desk.today) or history.periods[-1]
        )  # an earlier day's audit may know it alone
        return next(iter(uow.findings.listed(today.from_day, history.fingerprint))), history.periods


def acknowledge(desk: Desk, fingerprint: str) -> FindingHistory:
    """Say that somebody knows; the finding stays in the counts."""

    def decide(now: FindingPeriod) -> FindingPeriod:
        return replace(now, status=FindingStatus.ACKNOWLEDGED, actor=desk.actor.id, reason_code=None, waived_until=None)

    return _decide(desk, fingerprint, Action.FINDING_ACKNOWLEDGED, "", decide)


def waive(desk: Desk, fingerprint: str, *, reason: str, until: date) -> FindingHistory:
    """Accept a finding until a day, for a reason of the list.

    Raises:
        InputError: The reason is not on the list, or the day has passed.

    """
    if reason not in set(WaiverReason):
        raise InputError("this is no reason code", item=reason, next_step="use one of " + ", ".join(WaiverReason))
    if until < desk.today:
        raise InputError("the waiver would be over already", item=until.isoformat(), next_step="give a day to come")

    def decide(now: FindingPeriod) -> FindingPeriod:
        return replace(now, status=FindingStatus.WAIVED, actor=desk.actor.id, reason_code=reason, waived_until=until)

    return _decide(desk, fingerprint, Action.FINDING_WAIVED, reason, decide)


def assign(desk: Desk, fingerprint: str, assignee: str) -> FindingHistory:
    """Say who has to act, whatever owner the page names."""
    desk.actor.require(Role.STEWARD)
    with desk.catalog.write() as uow:
        history = replace(_one(uow, fingerprint), assignee=assignee)
        uow.findings.save([history])
        uow.record(_event(desk, Action.FINDING_ASSIGNED, "", history.fingerprint))
    return history


def _decide(
    desk: Desk, fingerprint: str, action: Action, reason: str, decide: Callable[[FindingPeriod], FindingPeriod]
) -> FindingHistory:
    desk.actor.require(Role.STEWARD)
    with desk.catalog.write() as uow:
        history = _one(uow, fingerprint)
        present = period_at(history.periods, desk.today)
        if present is None or present.status is FindingStatus.RESOLVED:
            raise InputError(
                "this finding is not open today; there is nothing to decide",
                item=history.fingerprint,
                next_step="kbgov findings list --status open",
            )
        periods = lay_down(history.periods, replace(decide(present), run_id=None), desk.today, None)
        history = replace(history, periods=periods)
        uow.findings.save([history])
        uow.record(_event(desk, action, reason, history.fingerprint))
    return history


def _one(uow: UnitOfWork, fingerprint: str) -> FindingHistory:
    found = uow.findings.matching(fingerprint) if fingerprint else []
    history = uow.findings.history(found[0]) if len(found) == 1 else None
    if history is None:
        raise InputError(
            "no finding has this fingerprint" if not found else f"{len(found)} findings begin like this",
            item=fingerprint,
            next_step="kbgov findings list shows the fingerprints",
        )
    return history


def _event(desk: Desk, action: Action, reason: str, fingerprint: str) -> Event:
    return Event(
        action=action,
        at=desk.clock(),
        actor=desk.actor,
        reason=reason,
        outcome="done",
        counts={"findings": 1},
        digest=fingerprint,
    )


def by_urgency(item: Finding) -> tuple[int, int, str, str, str, str]:
    """Give a sort key: the worst first, what makes an audit blind before the rest, the longest overdue first."""
    due = item.period.evidence.get("due")
    return (
        -item.period.severity.rank,
        _FIRST.get(item.kind, len(_FIRST)),
        item.kind.value,
        due if isinstance(due, str) else "",
        item.place.source,
        item.place.document,
    )
