"""Write-back: what audits found, patched onto chunks' metadata, so that a retriever can filter or warn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, TypeAlias

from governance.catalog.chunks import Marked
from governance.catalog.statuses import StatusReason
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.freshness import assess
from governance.domain.actions import Deed
from governance.domain.chunks import BatchResult
from governance.domain.errors import LimitExceeded, Paused
from governance.domain.findings import Finding, FindingKind
from governance.domain.status import (
    REVIEW_DUE_FIELD,
    STATUS_FIELD,
    ChunkStatus,
    Mark,
    rank_in,
    status_of_kind,
    strongest,
)
from governance.domain.values import Json
from governance.policy.kinds import WriteBack
from governance.policy.match import Subject
from governance.policy.resolve import drift_rule, freshness_rule
from governance.services.actions import SETS, Acting, Drifted, setters_in
from governance.services.context import RunContext
from governance.services.drift import Drift
from governance.services.findings import Reconciled
from governance.services.gate import WriteGate
from governance.services.runs import Desk
from governance.services.sighting import mark_in
from governance.services.standings import standings

BY_FINDING: Final = "finding:"
"""How the setter of a reason begins that a finding made; another prefix is another setter's, which alone lifts it."""
PER_CALL: Final = 500
REASON: Final = "status.written"
_NOTHING: Final = "|"
"""What `read_mark` gives of a chunk that nobody has marked."""

Owner: TypeAlias = tuple[str, str]
"""(source, document)."""


@dataclass(slots=True)
class WrittenBack:
    """What was patched.

    Attributes:
        patched: Chunks whose metadata was changed.
        put_back: Those of them whose mark a rewrite by somebody else had dropped.
        failed: Chunks that could not be patched.
        kept: Chunks that somebody else put into a stronger state: whoever set it lifts it.
        paused: Why nothing, or nothing more, was marked; None when changes were not paused.
        refused: Why no chunk was newly quarantined; None when as many as were to be may be at once.

    """

    patched: int = 0
    put_back: int = 0
    failed: int = 0
    kept: int = 0
    paused: Paused | None = None
    refused: LimitExceeded | None = None

    def as_json(self) -> dict[str, Json]:
        """Give the counts; who paused changes is for people alone, for a run keeps this."""
        counts: dict[str, Json] = {
            "patched": self.patched,
            "put_back": self.put_back,
            "failed": self.failed,
            "kept": self.kept,
        }
        return {**counts, "paused": self.paused is not None, "refused": self._refused_json()}

    def _refused_json(self) -> Json:
        if self.refused is None:
            return None
        by_index: dict[str, Json] = {name: dict(counts) for name, counts in self.refused.counts.items()}
        planned = sum(counts["planned"] for counts in self.refused.counts.values())
        return {"deed": Deed.QUARANTINE.value, "limit": self.refused.item, "planned": planned, "indexes": by_index}


class _Wanted:
    """What chunks of one place are to say; where `quarantine` is False, none that is not quarantined yet will be."""

    def __init__(self, uow: UnitOfWork, desk: Desk, place: tuple[str, str], *, quarantine: bool = True) -> None:
        self._desk = desk
        self._quarantine = quarantine
        self._index = place[0]
        self._reviews = uow.reviews.latest()
        self._documents = {(item.source, item.document): item for item in uow.documents.every()}
        self._reasons: dict[Owner, dict[str, list[StatusReason]]] = defaultdict(lambda: defaultdict(list))
        for item in uow.status_reasons.of(*place):
            self._reasons[item.source, item.document][item.chunk_id].append(item)
        self._due: dict[Owner, tuple[bool, date | None]] = {}

    def mark_of(self, item: Marked) -> str:
        """Give the mark that a chunk is to have: nothing where no policy asks for one.

        What a finding says counts only where a policy asks for marks; what others have set does everywhere.
        """
        owner = (item.source, item.document)
        if owner not in self._due:
            self._due[owner] = self._asked_for(owner)
        asked, due = self._due[owner]
        reasons = self._reasons.get(owner, {})
        found = [*reasons.get("", ()), *reasons.get(item.chunk_id, ())]
        statuses = [reason.status for reason in found if asked or not reason.setter.startswith(BY_FINDING)]
        if not self._quarantine and not is_quarantined(item):
            statuses = [status for status in statuses if status is not ChunkStatus.QUARANTINED]
        if not (asked or statuses):
            return _NOTHING
        return Mark(strongest(statuses), due).text

    def newly_quarantined(self, item: Marked) -> bool:
        """Say whether a chunk is to be quarantined and is not yet."""
        return not is_quarantined(item) and rank_in(self.mark_of(item)) == ChunkStatus.QUARANTINED.rank

    def _asked_for(self, owner: Owner) -> tuple[bool, date | None]:
        """Say whether a policy asks for marks on a document's chunks, and when its next review is due."""
        document = self._documents.get(owner)
        about = document or Subject(source=owner[0], path=owner[1], index=self._index)
        if drift_rule(self._desk.policies, about, self._index).write_back is not WriteBack.STATUS:
            return False, None
        if document is None or document.unreadable is not None or not document.raw_hash:
            return True, None
        rule = freshness_rule(self._desk.policies, document, self._index)
        today = self._desk.today
        return True, assess(document, self._reviews.get(owner), rule, as_of=today, today=today).due


def is_quarantined(item: Marked) -> bool:
    """Say whether a chunk is in quarantine, or in a stronger state; a rewrite that dropped our mark ended none."""
    return max(rank_in(mark_in(item.sighting)), rank_in(item.mark_written)) >= ChunkStatus.QUARANTINED.rank


def write_back(
    desk: Desk,
    gate: WriteGate,
    context: RunContext,
    drift: Drift,
    found: Reconciled,
    confirmed: int | None = None,
) -> WrittenBack | None:
    """Bring the marks of all chunks that were looked at to what the open findings say; None when nobody asks for it.

    What actions set is written too, also where no policy asks for marks: then on the chunks that they are about alone.
    It is noted which actions the indexes then carry.

    An audit that did not look for a kind of finding leaves what that kind has set. Only what differs is patched.
    Where a policy no longer asks for marks, those that we wrote are taken off again. While changes are paused nothing
    is marked. Where more chunks than the policies allow would be newly quarantined, and `confirmed` is not their
    number, none of them is, and the rest of the marks is written.

    Raises:
        RoleRefused: The actor is no operator.
        TryAgain: An index stopped answering; the next audit goes on.

    """
    with desk.catalog.read() as uow:
        acting = Acting(uow, desk.today)
        if not acting and not _is_asked_for(desk) and not uow.chunks.any_marked():
            return None
    result = WrittenBack()
    places = [(item.index, item.partition) for item in drift.seen.partitions]
    places = [place for place in places if place[0] not in drift.seen.unreachable]
    for place in places:
        with desk.catalog.write() as uow:
            context.fence(uow)
            _note_reasons(uow, place, _drifted(uow, drift, place), found, acting, desk.clock())
    try:
        gate.require_open()
        quarantine = _may_quarantine(desk, gate, context, places, confirmed, result)
        for place in places:
            with desk.catalog.read() as uow:
                groups = _differing(uow, place, _Wanted(uow, desk, place, quarantine=quarantine), result)
            for mark, ids in sorted(groups.items()):
                for start in range(0, len(ids), PER_CALL):
                    _patch(gate, context, place, mark, ids[start : start + PER_CALL], result)
    except Paused as paused:
        result.paused = paused
    if acting:
        with desk.catalog.write() as uow:
            context.fence(uow)
            acting.settle(uow, context)
    return result


def may_mark(desk: Desk) -> bool:
    """Say whether an audit may come to change marks: policies ask for some, or some were written before."""
    sets = any(action.action in SETS for policy in desk.policies.policies for action in policy.actions)
    if sets or _is_asked_for(desk):
        return True
    with desk.catalog.read() as uow:
        return uow.chunks.any_marked() or bool(Acting(uow, desk.today))


def _may_quarantine(
    desk: Desk,
    gate: WriteGate,
    context: RunContext,
    places: Sequence[tuple[str, str]],
    confirmed: int | None,
    result: WrittenBack,
) -> bool:
    """Ask the gate whether as many chunks may be quarantined as are not yet and are to be; note a refusal."""
    planned: Counter[str] = Counter()
    with desk.catalog.read() as uow:
        for place in uow.status_reasons.places(ChunkStatus.QUARANTINED).intersection(places):
            wanted = _Wanted(uow, desk, place)
            planned[place[0]] += sum(wanted.newly_quarantined(item) for item in uow.chunks.marks(*place))
    try:
        gate.permit(context, Deed.QUARANTINE, planned, confirmed)
    except LimitExceeded as refused:
        result.refused = refused
    return result.refused is None


def _is_asked_for(desk: Desk) -> bool:
    return any(policy.drift and policy.drift.write_back is WriteBack.STATUS for policy in desk.policies.policies)


def _note_reasons(
    uow: UnitOfWork, place: tuple[str, str], drifted: Drifted, found: Reconciled, acting: Acting, now: datetime
) -> None:
    """Note what findings and actions say about the chunks of one place, in the stead of what they said before."""
    acts = acting.reasons(uow, place, drifted)
    setters = {f"{BY_FINDING}{kind}" for kind in found.by_kind} | setters_in(uow, place, acts)
    uow.status_reasons.replace(*place, setters, [*_reasons(place, drifted, found.live), *acts], now)


def _reasons(place: tuple[str, str], drifted: Drifted, live: Sequence[Finding]) -> list[StatusReason]:
    """Give what the open findings say about documents and chunks of one place."""
    found: dict[tuple[str, ...], StatusReason] = {}
    for item in live:
        status = status_of_kind(item.kind)
        if status is None or item.place.index not in {"", place[0]}:
            continue
        owner = (item.place.source, item.place.document)
        ids = sorted(drifted.get(owner, ())) if item.kind is FindingKind.CONTENT else [""]
        for chunk_id in ids:
            reason = StatusReason(*place, *owner, chunk_id, f"{BY_FINDING}{item.kind.value}", status)
            found[reason[:6]] = reason
    return list(found.values())


def _drifted(uow: UnitOfWork, drift: Drift, place: tuple[str, str]) -> dict[Owner, set[str]]:
    """Give the chunks of one place that say something else than their documents."""
    found: dict[Owner, set[str]] = defaultdict(set)
    for view in drift.views:
        if view.index == place[0]:
            for standing, _ in standings(uow, view):
                for item in standing.verdict.drifted(standing.rule, standing.splitter):
                    if item.partition == place[1]:
                        found[view.source, standing.document.document].add(item.chunk_id)
    return found


def _differing(uow: UnitOfWork, place: tuple[str, str], wanted: _Wanted, result: WrittenBack) -> dict[str, list[str]]:
    """Give the ids to patch by their new mark; count those that had lost ours, and those that are left alone."""
    groups: dict[str, list[str]] = defaultdict(list)
    for item in uow.chunks.marks(*place):
        mark, seen = wanted.mark_of(item), mark_in(item.sighting)
        ours = item.mark_written not in {"", _NOTHING}
        # What somebody else wrote there is not ours to take off.
        if mark == seen or not (ours or mark != _NOTHING):
            continue
        if seen != item.mark_written and rank_in(seen) > rank_in(mark):
            result.kept += 1
            continue
        groups[mark].append(item.chunk_id)
        result.put_back += ours and seen == _NOTHING
    return groups


def _patch(
    gate: WriteGate, context: RunContext, place: tuple[str, str], mark: str, ids: Sequence[str], result: WrittenBack
) -> None:
    def note(uow: UnitOfWork, done: BatchResult) -> None:
        uow.chunks.write_marks(*place, [chunk_id for chunk_id in ids if chunk_id not in done.failed], mark)

    done = gate.patch(context, place, [(ids, _metadata(mark))], REASON, note)
    result.failed += len(done.failed)
    result.patched += len(ids) - len(done.failed)


def _metadata(mark: str) -> dict[str, Json]:
    """Give the fields of a mark; None takes one off."""
    status, _, due = mark.partition("|")
    return {STATUS_FIELD: status or None, REVIEW_DUE_FIELD: due or None}
