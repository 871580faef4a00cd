"""What the policies ask for when something is found: rows that an audit writes, and how far each of them is.

An action is never carried out here. What an annotation, a quarantine or a retirement whose day has come sets on
chunks is handed to the write-back as reasons for their status; the other actions wait for whoever takes them up.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta, tzinfo
from typing import Final, TypeAlias

from governance.catalog.statuses import StatusReason
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actions import ActionKind, ActionState, FindingAction
from governance.domain.events import Action, Event
from governance.domain.findings import Finding, FindingKind
from governance.domain.status import ChunkStatus, rank_in
from governance.domain.values import Json, digest_of
from governance.policy.model import PlannedAction, Policy, PolicySet
from governance.policy.resolve import actions_for
from governance.services.context import RunContext
from governance.services.damage import About, abouts
from governance.services.findings import LIVE, Reconciled
from governance.services.runs import Desk
from governance.services.sighting import mark_in
from governance.services.subjects import Subjects

BY_ACTION: Final = "action:"
"""How the setter of a status begins that an action asks for: behind it stand the policy and the action."""
SETS: Final[Mapping[ActionKind, ChunkStatus]] = {
    ActionKind.ANNOTATE: ChunkStatus.STALE,
    ActionKind.QUARANTINE: ChunkStatus.QUARANTINED,
    ActionKind.RETIRE: ChunkStatus.QUARANTINED,
}
"""What the chunks say that an action is about; every other action sets nothing."""

Key: TypeAlias = tuple[str, str, ActionKind]
"""(fingerprint, policy, action)."""
Owner: TypeAlias = tuple[str, str]
"""(source, document)."""
Drifted: TypeAlias = Mapping[Owner, Collection[str]]
"""Ids of the chunks in one place that say something else than their documents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCounts:
    """How far actions are after an audit.

    Attributes:
        pending: Those that wait.
        done: Those that are carried out, and still asked for.
        withdrawn: Those that this audit withdrew, because their finding is gone or no policy asks for them any more.

    """

    pending: int
    done: int
    withdrawn: int

    def as_json(self) -> dict[str, Json]:
        """Give the counts."""
        return {"pending": self.pending, "done": self.done, "withdrawn": self.withdrawn}


def plan_actions(uow: UnitOfWork, desk: Desk, found: Reconciled, context: RunContext, zone: tzinfo = UTC) -> int:
    """Bring the rows to what the policies ask for about findings that were looked at; give how many were withdrawn.

    A row that is there keeps the moment of its making, from whose day the delay counts: a policy with another delay
    moves the day on which it is due. An action that was withdrawn and is asked for again begins anew.

    Args:
        uow: The transaction in which the findings were reconciled.
        desk: The policies and the day, the present one.
        found: What became of the findings.
        context: The run.
        zone: The time zone whose days count.

    """
    present = {_key(item): item for item in uow.actions.every() if item.state is not ActionState.WITHDRAWN}
    wanted = _wanted(uow, desk.policies, found.live)
    fresh = [_new(key, days, desk, zone) for key, days in sorted(wanted.items()) if key not in present]
    moved = [
        after
        for key, days in wanted.items()
        if (item := present.get(key)) is not None and (after := _moved(item, days, desk, zone)) != item
    ]
    over = [item for key, item in present.items() if key not in wanted]
    withdrawn = [
        replace(item, state=ActionState.WITHDRAWN, changed_at=desk.clock())
        for item in _without_ground(uow, over, found, desk.today)
    ]
    uow.actions.save([*fresh, *moved, *withdrawn])
    _record(uow, context, Action.ACTIONS_PLANNED, fresh)
    _record(uow, context, Action.ACTIONS_WITHDRAWN, withdrawn)
    return len(withdrawn)


def count_actions(uow: UnitOfWork, withdrawn: int) -> ActionCounts:
    """Give how far all actions are."""
    states = Counter(item.state for item in uow.actions.every())
    return ActionCounts(pending=states[ActionState.PENDING], done=states[ActionState.DONE], withdrawn=withdrawn)


class Acting:
    """The actions that set a status on chunks today, and the findings that they are about."""

    def __init__(self, uow: UnitOfWork, today: date) -> None:
        items = [item for item in uow.actions.every() if _sets_status(item, today)]
        wanted = {item.fingerprint for item in items}
        findings = {item.fingerprint: item for item in uow.findings.listed(today) if item.fingerprint in wanted}
        self._items = [(item, findings[item.fingerprint]) for item in items if item.fingerprint in findings]

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self._items)

    def reasons(self, uow: UnitOfWork, place: tuple[str, str], drifted: Drifted) -> list[StatusReason]:
        """Give what the actions say about the chunks of one place.

        An action about a chunk concerns that chunk, one about a document all its chunks there; where a document's
        chunks say something else than it does, only those. Beside a newer version, the older ones are concerned.
        """
        found: dict[tuple[str, ...], StatusReason] = {}
        for item, finding in self._items:
            for owner, chunk_id in _targets(uow, finding, place):
                ids = [chunk_id]
                if finding.kind is FindingKind.CONTENT and not chunk_id:
                    ids = sorted(drifted.get(owner, ()))
                for each in ids:
                    reason = StatusReason(*place, *owner, each, _setter(item), SETS[item.action])
                    found[reason[:6]] = reason
        return list(found.values())

    def settle(self, uow: UnitOfWork, context: RunContext) -> None:
        """Note which actions the indexes carry, as far as they were seen: every chunk that they are about says so.

        One that is about no chunk that is there waits.
        """
        asked, carried = self._carried(uow)
        now = context.clock()
        changed = []
        for item, _ in self._items:
            whole = asked[_key(item)] > 0 and asked[_key(item)] == carried[_key(item)]
            state = ActionState.DONE if whole else ActionState.PENDING
            if state is not item.state:
                changed.append(replace(item, state=state, changed_at=now))
        uow.actions.save(changed)
        _record(uow, context, Action.ACTIONS_DONE, [item for item in changed if item.state is ActionState.DONE])

    def _carried(self, uow: UnitOfWork) -> tuple[Counter[Key], Counter[Key]]:
        """Give, by action, how many chunks it is about, and how many of these say what it asks for or more."""
        asked: Counter[Key] = Counter()
        carried: Counter[Key] = Counter()
        for place in uow.chunks.places():
            items = self._by_owner(uow, place)
            reasons = _reasons_in(uow, place)
            for chunk in uow.chunks.marks(*place):
                owner = (chunk.source, chunk.document)
                rank = rank_in(mark_in(chunk.sighting))
                setters = {setter for setter, each in reasons.get(owner, ()) if each in {"", chunk.chunk_id}}
                for item, each in items.get(owner, ()) if setters else ():
                    if _setter(item) in setters and each in {"", chunk.chunk_id}:
                        asked[_key(item)] += 1
                        carried[_key(item)] += rank >= SETS[item.action].rank
        return asked, carried

    def _by_owner(self, uow: UnitOfWork, place: tuple[str, str]) -> dict[Owner, list[tuple[FindingAction, str]]]:
        found: dict[Owner, list[tuple[FindingAction, str]]] = defaultdict(list)
        for item, finding in self._items:
            for owner, chunk_id in _targets(uow, finding, place):
                found[owner].append((item, chunk_id))
        return found


def setters_in(uow: UnitOfWork, place: tuple[str, str], reasons: Iterable[StatusReason]) -> set[str]:
    """Give every setter of an action that speaks in a place, or did so before."""
    return {item.setter for item in reasons} | uow.status_reasons.setters(*place, BY_ACTION)


def _wanted(uow: UnitOfWork, policies: PolicySet, live: Sequence[Finding]) -> dict[Key, int]:
    """Give what the policies ask for about open findings, and after how many days."""
    if not any(policy.actions for policy in policies.policies):
        return {}
    subjects = Subjects(uow)
    wanted: dict[Key, int] = {}
    for item in live:
        for policy, planned in _asked_for(policies, item, subjects):
            key = (item.fingerprint, policy.name, planned.action)
            wanted[key] = min(planned.after_days, wanted.get(key, planned.after_days))
    return wanted


def _new(key: Key, days: int, desk: Desk, zone: tzinfo) -> FindingAction:
    fingerprint, policy, action = key
    now = desk.clock()
    return FindingAction(
        fingerprint=fingerprint,
        policy=policy,
        action=action,
        due=now.astimezone(zone).date() + timedelta(days=days),
        state=ActionState.PENDING,
        policy_digest=desk.policies.digest,
        created_at=now,
        changed_at=now,
    )


def _moved(item: FindingAction, days: int, desk: Desk, zone: tzinfo) -> FindingAction:
    """Give a row with the day on which it is due now; one that was carried out too early by it waits again."""
    due = item.created_at.astimezone(zone).date() + timedelta(days=days)
    if due == item.due:
        return item
    state = ActionState.PENDING if due > desk.today else item.state
    return replace(item, due=due, state=state, policy_digest=desk.policies.digest, changed_at=desk.clock())


def _without_ground(
    uow: UnitOfWork, items: Sequence[FindingAction], found: Reconciled, today: date
) -> Iterator[FindingAction]:
    """Give those whose finding was looked at, or is not open any more by somebody's word."""
    if items:
        standing = {item.fingerprint for item in uow.findings.listed(today) if item.period.status in LIVE}
        for item in items:
            if item.fingerprint in found.looked_at or item.fingerprint not in standing:
                yield item


def _asked_for(policies: PolicySet, item: Finding, subjects: Subjects) -> Iterator[tuple[Policy, PlannedAction]]:
    if item.kind is not FindingKind.NO_BASIS:
        yield from actions_for(policies, item.kind, *subjects.of(item.place))
        return
    # A class is no document that a policy could match: the policy that makes it is the one that asks.
    for policy in policies.policies:
        if policy.name == item.period.policy:
            yield from ((policy, planned) for planned in policy.actions if planned.is_about(item.kind.value))


def _targets(uow: UnitOfWork, finding: Finding, place: tuple[str, str]) -> Iterator[tuple[Owner, str]]:
    """Give (source, document) and chunk id of what a finding speaks of in one place; no id for all of a document's."""
    for about in abouts(finding):
        if about.chunk is not None:
            if (about.chunk.index, about.chunk.partition) == place:
                owner = uow.chunks.documents_of(*place, [about.chunk.chunk_id]).get(about.chunk.chunk_id)
                if owner is not None:
                    yield owner, about.chunk.chunk_id
        elif about.document and _is_here(about, place):
            yield (about.source, about.document), ""


def _is_here(about: About, place: tuple[str, str]) -> bool:
    if about.indexes is not None and place[0] not in about.indexes:
        return False
    return about.place is None or (about.place[0] == place[0] and about.place[1] in {"", place[1]})


def _sets_status(item: FindingAction, today: date) -> bool:
    if item.state is ActionState.WITHDRAWN or item.action not in SETS:
        return False
    return item.action is not ActionKind.RETIRE or item.due <= today


def _reasons_in(uow: UnitOfWork, place: tuple[str, str]) -> dict[Owner, list[tuple[str, str]]]:
    """Give, by document, (setter, chunk id) of what actions have set in a place."""
    found: dict[Owner, list[tuple[str, str]]] = defaultdict(list)
    for item in uow.status_reasons.of(*place):
        if item.setter.startswith(BY_ACTION):
            found[item.source, item.document].append((item.setter, item.chunk_id))
    return found


def _setter(item: FindingAction) -> str:
    return f"{BY_ACTION}{item.policy}:{item.action.value}"


def _key(item: FindingAction) -> Key:
    return item.fingerprint, item.policy, item.action


def _record(uow: UnitOfWork, context: RunContext, action: Action, items: Sequence[FindingAction]) -> None:
    """Write one event per kind of action."""
    by_kind: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for item in items:
        by_kind[item.action.value].append((item.fingerprint, item.policy))
    for kind, pairs in sorted(by_kind.items()):
        uow.record(
            Event(
                action=action,
                at=context.clock(),
                actor=context.actor,
                run_id=context.run_id,
                reason=kind,
                outcome="done",
                counts={"actions": len(pairs)},
                digest=digest_of(sorted(pairs)),
            )
        )
