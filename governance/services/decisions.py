"""What people decide about findings: acknowledge, waive, reopen, assign."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from governance.catalog.findings import FindingHistory
from governance.catalog.pauses import Note
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actions import FindingAction
from governance.domain.actors import LOOKING, Role
from governance.domain.errors import InputError
from governance.domain.events import Action, Event, Thing
from governance.domain.findings import Finding, FindingKind, FindingPeriod, FindingStatus
from governance.domain.history import lay_down, period_at
from governance.domain.pseudonyms import Kind
from governance.domain.words import suggestion
from governance.services.notes import require_note, write_note
from governance.services.runs import Desk, adopt_policies

_FIRST = {
    kind: place
    for place, kind in enumerate(
        (FindingKind.NOTHING_SCANNED, FindingKind.LISTING_REFUSED, FindingKind.UNREADABLE, FindingKind.OVERDUE)
    )
}


ABOUT_FINDING: Final = "finding"
"""What notes about findings are kept under."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownFinding:
    """A finding with all that is known of it.

    Attributes:
        history: Oldest first.
        actions: What the policies ask for, and how far that is.
        notes: What people wrote beside their decisions, oldest first.

    """

    finding: Finding
    history: tuple[FindingPeriod, ...]
    actions: tuple[FindingAction, ...]
    notes: tuple[Note, ...]


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
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        found = [
            item
            for item in uow.findings.listed(as_of or desk.today)
            if (kind is None or fnmatchcase(item.kind.value, kind))
            and (status is None or item.period.status is status)
            and (document is None or item.place.document == document)
        ]
    return sorted(found, key=by_urgency)


def show_finding(desk: Desk, fingerprint: str) -> ShownFinding:
    """Give a finding with all that is known of it; the beginning of the fingerprint is enough where it is unique."""
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        history = _one(uow, fingerprint)
        today = (
            period_at(history.periods, desk.today) or history.periods[-1]
        )  # an earlier day's audit may know it alone
        return ShownFinding(
            finding=next(iter(uow.findings.listed(today.from_day, history.fingerprint))),
            history=history.periods,
            actions=tuple(uow.actions.of(history.fingerprint)),
            notes=tuple(uow.notes.of(ABOUT_FINDING, history.fingerprint)),
        )


def list_actions(desk: Desk) -> dict[str, list[FindingAction]]:
    """Give what is to be done about findings, by fingerprint."""
    desk.actor.require(*LOOKING)
    found: dict[str, list[FindingAction]] = defaultdict(list)
    with desk.catalog.read() as uow:
        for item in uow.actions.every():
            found[item.fingerprint].append(item)
    return found


def acknowledge(desk: Desk, fingerprint: str, *, note: str | None = None) -> FindingHistory:
    """Say that somebody knows; the finding stays in the counts.

    Raises:
        InputError: The finding is not open today, or the note cannot be kept.

    """

    def decide(now: FindingPeriod) -> FindingPeriod:
        return replace(now, status=FindingStatus.ACKNOWLEDGED, actor=desk.actor.id, reason_code=None, waived_until=None)

    return _decide(desk, fingerprint, Action.FINDING_ACKNOWLEDGED, "", note, decide)


def waive(desk: Desk, fingerprint: str, *, reason: str, until: date, note: str | None = None) -> FindingHistory:
    """Accept a finding until a day, for a reason of the list, which the policies may have added to.

    Args:
        desk: What every command works with.
        fingerprint: Its beginning is enough where it is unique.
        reason: A code.
        until: The last day on which the waiver counts.
        note: What a person wants to say about it; kept beside the decision, where it can be erased.

    Raises:
        InputError: The reason is not on the list, the day has passed, or the note cannot be kept.

    """
    codes = desk.policies.reason_codes
    if reason not in codes:
        raise InputError("this is no reason code", item=reason, next_step=suggestion(reason, codes))
    if until < desk.today:
        raise InputError("the waiver would be over already", item=until.isoformat(), next_step="give a day to come")

    def decide(now: FindingPeriod) -> FindingPeriod:
        return replace(now, status=FindingStatus.WAIVED, actor=desk.actor.id, reason_code=reason, waived_until=until)

    return _decide(desk, fingerprint, Action.FINDING_WAIVED, reason, note, decide)


def reopen(desk: Desk, fingerprint: str, *, note: str | None = None) -> FindingHistory:
    """Take back an acknowledgment or a waiver: the finding counts as open again from today on.

    Raises:
        InputError: The finding is resolved or open already, or the note cannot be kept.

    """

    def decide(now: FindingPeriod) -> FindingPeriod:
        if now.status is FindingStatus.OPEN:
            raise InputError(
                "this finding is open already", item=fingerprint, next_step="kbgov findings show tells its history"
            )
        return replace(now, status=FindingStatus.OPEN, actor=desk.actor.id, reason_code=None, waived_until=None)

    return _decide(desk, fingerprint, Action.FINDING_REOPENED, "", note, decide)


def assign(desk: Desk, fingerprint: str, assignee: str) -> FindingHistory:
    """Say who has to act, whatever owner the page names."""
    desk.actor.require(Role.STEWARD)
    with desk.catalog.write() as uow:
        history = replace(_one(uow, fingerprint), assignee=assignee)
        uow.findings.save([history])
        uow.record(_event(desk, Action.FINDING_ASSIGNED, "", history.fingerprint))
    return history


def _decide(
    desk: Desk,
    fingerprint: str,
    action: Action,
    reason: str,
    note: str | None,
    decide: Callable[[FindingPeriod], FindingPeriod],
) -> FindingHistory:
    desk.actor.require(Role.STEWARD)
    text, now = require_note(note), desk.clock()
    with desk.catalog.write() as uow:
        history = _one(uow, fingerprint)
        present = period_at(history.periods, desk.today)
        if present is None or present.status is FindingStatus.RESOLVED:
            raise InputError(
                "this finding is not open today; there is nothing to decide",
                item=history.fingerprint,
                next_step="kbgov findings list --status open",
            )
        adopt_policies(uow, desk, now)
        decided = replace(decide(present), run_id=None, policy_digest=desk.policies.digest)
        history = replace(history, periods=lay_down(history.periods, decided, desk.today, None))
        uow.findings.save([history])
        write_note(uow, ABOUT_FINDING, history.fingerprint, text, desk.actor, now)
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
        policy=desk.policies.digest,
        about=Thing(Kind.FINDING, fingerprint),
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
