"""The write gate: the only place that calls a mutating method of an index.

Every change is announced in a transaction of its own before it is made, and what was observed is recorded
in the transaction of the business change that follows. An announced change without a recorded outcome is
`unknown`; `recover` looks into those before anything else is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from logging import INFO, WARNING
from time import monotonic
from typing import Final, TypeAlias, TypeVar

from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.domain.actions import Deed
from governance.domain.actors import Role
from governance.domain.chunks import BatchResult, ChunkKey, Metadata, PurgeReport, Record
from governance.domain.errors import LockHeld
from governance.domain.events import Action, Change, ChangeKind, Event, Intent
from governance.domain.ports import Index, IndexReader, IndexWriter
from governance.domain.values import digest_of
from governance.guard import Guard
from governance.policy.model import Limits
from governance.services.blast_radius import Extent, Permit, Ruling, Verdict, draw, judge
from governance.services.context import RunContext, unfenced
from governance.services.logs import LogEvent, tell

Result = TypeVar("Result", BatchResult, PurgeReport)
Then: TypeAlias = Callable[[UnitOfWork, Result], None]
UNSETTLED: Final = "unsettled"
"""What the log calls a change whose outcome is not recorded: the next run looks into it."""
_LOOK_UP = 1000


def nothing(uow: UnitOfWork, result: BatchResult | PurgeReport) -> None:
    """Add no business change to the outcome."""


class WriteGate:
    """Changes indexes, one recorded batch at a time.

    Args:
        catalog: Where changes are announced and recorded.
        indexes: By name.
        guard: Says whether a change may happen.
        limits: Gives how much may change at once; asked when somebody asks for a permit.

    """

    def __init__(
        self, catalog: Catalog, indexes: Mapping[str, Index], guard: Guard, limits: Callable[[], Limits] = Limits
    ) -> None:
        self._catalog = catalog
        self._indexes = indexes
        self._guard = guard
        self._limits = limits
        self._writers: dict[tuple[str, str], IndexWriter] = {}
        self._context: RunContext | None = None

    def prepare(self, place: tuple[str, str]) -> None:
        """Open (index, partition) for writing, which makes a store that is not there yet; changes no record.

        Raises:
            Paused: Changes are paused; nothing was opened.

        """
        self.require_open()
        self._writer(*place)

    def require_open(self) -> None:
        """Raise Paused while changes are paused: for those who would work long before their first change."""
        with self._catalog.read() as uow:
            self._guard.require_open(uow)

    def permit(
        self, context: RunContext, deed: Deed, planned: Mapping[str, int], confirmed: int | None = None
    ) -> Permit:
        """Give leave to an action, as a whole and before its first change. One that changes nothing needs none.

        Args:
            context: The run.
            deed: What is to be done.
            planned: How many chunks of each index.
            confirmed: The number that somebody typed; None when nobody did.

        Raises:
            RoleRefused: The actor is no operator.
            Paused: Changes are paused.
            LimitExceeded: The policies allow less, and the number typed is not this one; nothing was changed.

        """
        if any(planned.values()):
            with self._catalog.write() as uow:
                context.fence(uow)
                context.actor.require(Role.OPERATOR)
                self._guard.require_open(uow)
                verdict = judge(deed, _extents(uow, planned), self._limits().of(deed), confirmed)
                _record_verdict(uow, context, verdict)
            verdict.require()
        return Permit(deed, planned)

    def put(
        self,
        context: RunContext,
        place: tuple[str, str],
        records: Sequence[Record],
        reason: str,
        then: Then[BatchResult] = nothing,
    ) -> BatchResult:
        """Insert or replace records in (index, partition), then run `then` in the outcome's transaction.

        Raises:
            Refused: The guard forbids it, or changes are paused; nothing was announced or changed.
            TryAgain: The index or the catalog did not answer; the outcome is unknown.

        """
        change = _change(ChangeKind.PUT, place, reason, [record.chunk_id for record in records])
        return self._through(context, change, lambda writer: writer.put(records), then)

    def patch(
        self,
        context: RunContext,
        place: tuple[str, str],
        groups: Sequence[tuple[Sequence[str], Metadata]],
        reason: str,
        then: Then[BatchResult] = nothing,
    ) -> BatchResult:
        """Merge metadata into records, group by group, as one batch. Raises as `put`."""
        ids = dict.fromkeys(chunk_id for group, _ in groups for chunk_id in group)
        change = _change(ChangeKind.PATCH, place, reason, list(ids))
        return self._through(context, change, lambda writer: _patch_all(writer, groups, len(ids)), then)

    def delete(
        self,
        context: RunContext,
        place: tuple[str, str],
        ids: Sequence[str],
        reason: str,
        then: Then[BatchResult] = nothing,
        permit: Permit | None = None,
    ) -> BatchResult:
        """Delete records by id, and take them off the permit, which only some reasons do without.

        Raises:
            LimitExceeded: There is no permit, or one for less; nothing was announced or changed.
            Refused: As `put`.
            TryAgain: As `put`.

        """
        change = _change(ChangeKind.DELETE, place, reason, ids)
        return self._through(context, change, lambda writer: writer.delete(ids), then, permit)

    def purge(
        self, context: RunContext, place: tuple[str, str], reason: str, then: Then[PurgeReport] = nothing
    ) -> PurgeReport:
        """Erase the bytes of what was deleted before. Raises as `put`."""
        return self._through(context, _change(ChangeKind.PURGE, place, reason, ()), lambda writer: writer.purge(), then)

    def recover(self, context: RunContext, place: tuple[str, str]) -> int:
        """Look into announced changes whose outcome nobody recorded; give how many there were."""
        with self._catalog.read() as uow:
            intents = uow.intents.unsettled(*place)
        if not intents:
            return 0
        reader = self._indexes[place[0]].reader(place[1])
        try:
            for intent in intents:
                self._settle_unknown(context, intent, _there(reader, intent.chunk_ids))
        finally:
            reader.close()
        return len(intents)

    def close(self) -> None:
        """Let go of the writers."""
        for writer in self._writers.values():
            writer.close()
        self._writers.clear()

    def _through(
        self,
        context: RunContext,
        change: Change,
        call: Callable[[IndexWriter], Result],
        then: Then[Result],
        permit: Permit | None = None,
    ) -> Result:
        intent_id = self._announce(context, change, permit)
        self._context = context
        begun = monotonic()
        try:
            result = self._observed(context, change, intent_id, call, then)
        except BaseException:
            _tell(context, change, UNSETTLED, {"chunks": len(change.chunk_ids)}, begun)
            raise
        _tell(context, change, *_outcome(change, result), begun)
        return result

    def _observed(
        self,
        context: RunContext,
        change: Change,
        intent_id: int,
        call: Callable[[IndexWriter], Result],
        then: Then[Result],
    ) -> Result:
        """Make an announced change and record what came of it."""
        result = call(self._writer(change.index, change.partition))
        try:
            with self._catalog.write() as uow:
                context.fence(uow)
                then(uow, result)
                now = context.clock()
                outcome, counts = _outcome(change, result)
                uow.intents.settle(intent_id, outcome, now)
                uow.record(_event(Action.INDEX_CHANGE_OBSERVED, context, change, intent_id, outcome, counts))
        except LockHeld:
            # Whoever took over may have looked into this change before it was made, and settled it.
            with self._catalog.write() as uow:
                uow.intents.reopen(intent_id, change.chunk_ids)
            raise
        return result

    def _still_ours(self) -> None:
        """Raise LockHeld when another process has taken over the work that the gate is at."""
        if self._context is not None and self._context.fence is not unfenced:
            with self._catalog.write() as uow:
                self._context.fence(uow)

    def _announce(self, context: RunContext, change: Change, permit: Permit | None) -> int:
        with self._catalog.write() as uow:
            context.fence(uow)
            self._guard.check(uow, change, context.actor)
            if change.kind is ChangeKind.DELETE:
                draw(permit, change)
            intent_id = uow.intents.add(
                change.kind,
                change.index,
                change.partition,
                change.reason,
                context.run_id,
                change.chunk_ids,
                context.clock(),
            )
            counts = {"chunks": len(change.chunk_ids)}
            uow.record(_event(Action.INDEX_CHANGE_INTENDED, context, change, intent_id, "", counts))
        return intent_id

    def _settle_unknown(self, context: RunContext, intent: Intent, there: Collection[str]) -> None:
        change = Change(
            kind=intent.kind,
            index=intent.index,
            partition=intent.partition,
            reason=intent.reason,
            chunk_ids=intent.chunk_ids,
        )
        absent = [chunk_id for chunk_id in intent.chunk_ids if chunk_id not in there]
        counts = {"chunks": len(intent.chunk_ids), "present": len(there), "absent": len(absent)}
        with self._catalog.write() as uow:
            context.fence(uow)
            if intent.kind is ChangeKind.DELETE:
                # What is not there was deleted, and did not go by itself.
                keys = [ChunkKey(intent.index, intent.partition, chunk_id) for chunk_id in absent]
                uow.chunks.remove(keys, context.clock())
            uow.intents.settle(intent.intent_id, "unknown", context.clock())
            uow.record(_event(Action.INDEX_CHANGE_UNKNOWN, context, change, intent.intent_id, "unknown", counts))
        _tell(context, change, "unknown", counts)

    def _writer(self, index: str, partition: str) -> IndexWriter:
        key = (index, partition)
        if key not in self._writers:
            self._writers[key] = self._indexes[index].writer(partition, self._still_ours)
        return self._writers[key]


def _change(kind: ChangeKind, place: tuple[str, str], reason: str, ids: Sequence[str]) -> Change:
    return Change(kind=kind, index=place[0], partition=place[1], reason=reason, chunk_ids=tuple(ids))


def _patch_all(writer: IndexWriter, groups: Sequence[tuple[Sequence[str], Metadata]], requested: int) -> BatchResult:
    failed: dict[str, str] = {}
    for ids, metadata in groups:
        failed.update(writer.patch(ids, metadata).failed)
    return BatchResult(requested=requested, existed=requested - len(failed), failed=failed)


def _there(reader: IndexReader, ids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(ids), _LOOK_UP):
        found.update(reader.fetch(ids[start : start + _LOOK_UP]))
    return found


def _outcome(change: Change, result: BatchResult | PurgeReport) -> tuple[str, dict[str, int]]:
    if isinstance(result, PurgeReport):
        return ("done" if result.done else "busy"), {"steps": len(result.steps)}
    counts = {"chunks": len(change.chunk_ids), "failed": len(result.failed)}
    if result.existed is not None:
        counts["existed"] = result.existed
    return ("partial" if result.failed else "done"), counts


def _tell(
    context: RunContext, change: Change, outcome: str, counts: Mapping[str, int], begun: float | None = None
) -> None:
    """Tell whoever listens; the partition is left out, which may be a person's name."""
    tell(
        LogEvent.INDEX_CHANGE,
        level=INFO if outcome == "done" else WARNING,
        run_id=context.run_id,
        actor=context.actor.id,
        kind=change.kind,
        index=change.index,
        reason=change.reason,
        outcome=outcome,
        counts=counts,
        seconds=None if begun is None else monotonic() - begun,
    )


def _extents(uow: UnitOfWork, planned: Mapping[str, int]) -> list[Extent]:
    return [
        Extent(index=index, planned=count, present=uow.chunks.count(index))
        for index, count in sorted(planned.items())
        if count
    ]


def _record_verdict(uow: UnitOfWork, context: RunContext, verdict: Verdict) -> None:
    """Record that a limit stopped an action, or that somebody typed the number and it did not."""
    if verdict.ruling in {Ruling.NOTHING, Ruling.WITHIN}:
        return
    uow.record(
        Event(
            action=Action.LIMIT_CONFIRMED if verdict.allowed else Action.LIMIT_REFUSED,
            at=context.clock(),
            actor=context.actor,
            run_id=context.run_id,
            index=verdict.extents[0].index if len(verdict.extents) == 1 else "",
            reason=verdict.key,
            outcome="done" if verdict.allowed else "refused",
            counts={"planned": verdict.planned, "present": sum(item.present for item in verdict.extents)},
        )
    )


def _event(
    action: Action, context: RunContext, change: Change, intent_id: int, outcome: str, counts: Mapping[str, int]
) -> Event:
    return Event(
        action=action,
        at=context.clock(),
        actor=context.actor,
        run_id=context.run_id,
        intent_id=intent_id,
        index=change.index,
        partition=change.partition,
        reason=f"{change.kind.value}:{change.reason}",
        outcome=outcome,
        counts=dict(counts),
        digest=digest_of(sorted(change.chunk_ids)),
    )
