"""Write-back: what audits found, patched onto chunks' metadata, so that a retriever can filter or warn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

from governance.catalog.chunks import Marked
from governance.catalog.statuses import StatusReason
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.freshness import assess
from governance.domain.chunks import BatchResult
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
from governance.policy.match import Subject
from governance.policy.model import WriteBack
from governance.policy.resolve import drift_rule, freshness_rule
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

    """

    patched: int = 0
    put_back: int = 0
    failed: int = 0
    kept: int = 0

    def as_json(self) -> dict[str, Json]:
        """Give the counts."""
        return {"patched": self.patched, "put_back": self.put_back, "failed": self.failed, "kept": self.kept}


class _Wanted:
    """What chunks of one place are to say."""

    def __init__(self, uow: UnitOfWork, desk: Desk, place: tuple[str, str]) -> None:
        self._desk = desk
        self._index = place[0]
        self._reviews = uow.reviews.latest()
        self._documents = {(item.source, item.document): item for item in uow.documents.every()}
        self._reasons: dict[Owner, dict[str, list[ChunkStatus]]] = defaultdict(lambda: defaultdict(list))
        for item in uow.status_reasons.of(*place):
            self._reasons[item.source, item.document][item.chunk_id].append(item.status)
        self._due: dict[Owner, tuple[bool, date | None]] = {}

    def mark_of(self, item: Marked) -> str:
        """Give the mark that a chunk is to have: nothing where no policy asks for one."""
        owner = (item.source, item.document)
        if owner not in self._due:
            self._due[owner] = self._asked_for(owner)
        asked, due = self._due[owner]
        if not asked:
            return _NOTHING
        reasons = self._reasons.get(owner, {})
        return Mark(strongest([*reasons.get("", ()), *reasons.get(item.chunk_id, ())]), due).text

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


def write_back(desk: Desk, gate: WriteGate, context: RunContext, drift: Drift, found: Reconciled) -> WrittenBack | None:
    """Bring the marks of all chunks that were looked at to what the open findings say; None when nobody asks for it.

    An audit that did not look for a kind of finding leaves what that kind has set. Only what differs is patched.
    Where a policy no longer asks for marks, those that we wrote are taken off again.

    Raises:
        RoleRefused: The actor is no operator.
        TryAgain: An index stopped answering; the next audit goes on.

    """
    with desk.catalog.read() as uow:
        if not _is_asked_for(desk) and not uow.chunks.any_marked():
            return None
    result = WrittenBack()
    for sight in drift.seen.partitions:
        place = (sight.index, sight.partition)
        if sight.index in drift.seen.unreachable:
            continue
        with desk.catalog.write() as uow:
            context.fence(uow)
            setters = [f"{BY_FINDING}{kind}" for kind in found.by_kind]
            uow.status_reasons.replace(*place, setters, _reasons(uow, drift, place, found.live), desk.clock())
        with desk.catalog.read() as uow:
            groups = _differing(uow, place, _Wanted(uow, desk, place), result)
        for mark, ids in sorted(groups.items()):
            for start in range(0, len(ids), PER_CALL):
                _patch(gate, context, place, mark, ids[start : start + PER_CALL], result)
    return result


def _is_asked_for(desk: Desk) -> bool:
    return any(policy.drift and policy.drift.write_back is WriteBack.STATUS for policy in desk.policies.policies)


def _reasons(uow: UnitOfWork, drift: Drift, place: tuple[str, str], live: Sequence[Finding]) -> list[StatusReason]:
    """Give what the open findings say about documents and chunks of one place."""
    found: dict[tuple[str, ...], StatusReason] = {}
    drifted = _drifted(uow, drift, place)
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
