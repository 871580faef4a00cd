"""`kbgov drift plan` and `drift apply`: what would make an index right again, and doing what may be done here."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from governance.catalog.plans import PlanState, StoredPlan
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actions import Deed
from governance.domain.actors import Role
from governance.domain.chunks import BatchResult, ChunkKey
from governance.domain.errors import InputError
from governance.domain.events import Action, Event
from governance.domain.findings import FindingKind
from governance.domain.ports import Embedder, Runner
from governance.domain.values import Json, text_hash
from governance.services.blast_radius import Permit
from governance.services.context import RunContext
from governance.services.drift import Drift, DriftAudit
from governance.services.gate import WriteGate
from governance.services.ingest import IngestJob, ingest
from governance.services.observe import DAMAGED, Seen, World, partitions_of
from governance.services.repair_checks import require_same, require_seen
from governance.services.repair_items import (
    PairFacts,
    RepairBy,
    RepairItem,
    RepairOp,
    digest_of_items,
    items_of,
    left_over,
)
from governance.services.runs import Desk, place_lock, recorded_run
from governance.services.sighting import text_of
from governance.services.standings import PairView, standings

PER_CALL: Final = 500
SHORTEST_DIGEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairPlan:
    """What would make the indexes right again.

    Attributes:
        not_planned: What is wrong and nothing is planned for, and why, in words.
        unjudged: (source, document) about which nothing could be said: absent from one listing so far, or unreadable.

    """

    digest: str
    items: tuple[RepairItem, ...]
    not_planned: tuple[str, ...]
    unjudged: frozenset[tuple[str, str]] = frozenset()
    run_id: int | None = None
    policy_digest: str = ""

    def of(self, by: RepairBy) -> list[RepairItem]:
        """Give what this program does, or what a pipeline has to do."""
        return [item for item in self.items if item.by is by]

    def as_json(self) -> dict[str, Json]:
        """Give the whole plan for people and programs."""
        counts = {op.value: sum(item.op is op for item in self.items) for op in RepairOp}
        return {
            "digest": self.digest,
            "run_id": self.run_id,
            "policy_digest": self.policy_digest,
            "items": [{**item.as_line(), "by": item.by.value} for item in self.items],
            "counts": {**counts, **{by.value: len(self.of(by)) for by in RepairBy}},
            "not_planned": list(self.not_planned),
        }


@dataclass(slots=True)
class Repaired:
    """What an application of a plan did.

    Attributes:
        deleted: Chunks that were deleted and that a fresh look no longer finds; `absent` were gone before.
        remaining: Chunks that are there all the same.
        indexed: Documents that our ingester brought in anew, `failed` those that it could not.
        pipeline: What is left for whoever fills the index.

    """

    digest: str
    deleted: int = 0
    absent: int = 0
    remaining: int = 0
    indexed: int = 0
    failed: int = 0
    pipeline: tuple[RepairItem, ...] = ()
    already: bool = False

    @property
    def complete(self) -> bool:
        """Whether all that is to be done here was done."""
        return not self.remaining and not self.failed

    def as_json(self) -> dict[str, Json]:
        """Give the result."""
        return {
            "digest": self.digest,
            "complete": self.complete,
            "already_applied": self.already,
            "deleted": self.deleted,
            "already_absent": self.absent,
            "remaining": self.remaining,
            "indexed": self.indexed,
            "failed": self.failed,
            "pipeline": [item.as_line() for item in self.pipeline],
        }


def plan_repair(desk: Desk, world: World) -> RepairPlan:
    """Look at everything, compare it, and store what would make it right.

    Raises:
        RoleRefused: The actor is no steward.
        LockHeld: Another process is at a source or an index.

    """
    desk.actor.require(Role.STEWARD)
    seen = Seen()
    places = partitions_of(world, sorted(world.indexes), seen)
    with recorded_run(desk, "drift plan", locks=_locks(world, places)) as run:
        plan = replace(_planned(desk, world, run.context, places, seen), run_id=run.context.run_id)
        plan = replace(plan, policy_digest=desk.policies.digest)
        now = desk.clock()
        with desk.catalog.write() as uow:
            run.context.fence(uow)
            known = uow.repair_plans.get(plan.digest)
            if known is None or known.state is not PlanState.APPLYING:
                uow.repair_plans.save(_stored(plan, now, run.context.run_id))
            uow.record(_event(run.context, Action.REPAIR_PLANNED, plan.digest, {"items": len(plan.items)}))
        run.counts = {"items": len(plan.items)}
    return plan


def stored_plan(desk: Desk, digest: str) -> StoredPlan:
    """Give a stored plan by its digest or the first eight or more of its digits. Raises InputError."""
    with desk.catalog.read() as uow:
        stored = uow.repair_plans.get(digest) if len(digest) >= SHORTEST_DIGEST else None
    if stored is None:
        raise InputError("there is no plan with this digest", item=digest, next_step="kbgov drift plan")
    return stored


class Repairer:
    """Applies a plan through the write gate.

    Args:
        desk: What every command works with.
        world: What there is to look at.
        gate: The only way to change an index.
        runner: What carries out work over indexes.
        embedder: What our own ingester embeds with.

    """

    def __init__(self, desk: Desk, world: World, gate: WriteGate, runner: Runner, embedder: Embedder) -> None:
        self._desk = desk
        self._world = world
        self._gate = gate
        self._runner = runner
        self._embedder = embedder

    def apply(
        self, digest: str, deliver: Callable[[Sequence[RepairItem]], None], confirmed: int | None = None
    ) -> Repaired:
        """Do what a plan says may be done here, and hand the rest to `deliver`.

        A plan whose application was interrupted is finished; one that was applied is left alone. `confirmed` is the
        number of deletions still to do, typed by whoever wants more of them than the policies allow.

        Raises:
            InputError: There is no such plan.
            RoleRefused: The actor is no operator.
            Paused: Changes are paused; what was done before that stands, and a later application goes on from there.
            LimitExceeded: The policies do not allow so many deletions at once; nothing was changed.
            PlanChanged: Something the plan speaks of is not what it was, or cannot be seen; nothing was changed.
            IndexUnreachable: An index of the plan did not answer; nothing was changed.
            LockHeld: Another process is at a source or an index.

        """
        self._desk.actor.require(Role.OPERATOR)
        stored = stored_plan(self._desk, digest)
        if stored.state is PlanState.APPLIED:
            return Repaired(stored.digest, already=True)
        seen = Seen()
        places = partitions_of(self._world, sorted(self._world.indexes), seen)
        with recorded_run(self._desk, "drift apply", locks=_locks(self._world, places)) as run:
            stored = stored_plan(self._desk, stored.digest)
            if stored.state is PlanState.APPLIED:  # by a process that we have waited for
                return Repaired(stored.digest, already=True)
            self._gate.require_open()
            for place in places:
                self._gate.recover(run.context, place)
            current = _planned(self._desk, self._world, run.context, places, seen)
            items = _items(stored)
            require_seen(items, self._world, seen)
            with self._desk.catalog.read() as uow:
                require_same(uow, stored, items, _spoken_of(stored, current))
            todo = {item.identity for item in current.items}
            permit = self._gate.permit(run.context, Deed.DELETE, _deletions(items, todo), confirmed)
            result = self._carry_out(run.context, stored, todo, permit, deliver)
            run.counts = {name: value for name, value in result.as_json().items() if isinstance(value, int)}
            run.state = "done" if result.complete else "partial"
        return result

    def _carry_out(
        self,
        context: RunContext,
        stored: StoredPlan,
        todo: set[tuple[str, ...]],
        permit: Permit,
        deliver: Callable[[Sequence[RepairItem]], None],
    ) -> Repaired:
        items = _items(stored)
        with self._desk.catalog.write() as uow:
            context.fence(uow)
            uow.repair_plans.move(stored.digest, PlanState.APPLYING)
            _note_holes(uow, [item for item in items if item.identity in todo], context.clock())
            uow.record(_event(context, Action.REPAIR_STARTED, stored.digest, {"items": len(items)}))
        result = Repaired(stored.digest)
        self._delete(context, items, todo, permit, result)
        self._index(context, [item for item in items if item.identity in todo], result)
        result.pipeline = tuple(item for item in items if item.by is RepairBy.PIPELINE)
        deliver(result.pipeline)
        if result.complete:
            with self._desk.catalog.write() as uow:
                context.fence(uow)
                uow.repair_plans.move(stored.digest, PlanState.APPLIED, self._desk.clock())
                counts = {"deleted": result.deleted, "indexed": result.indexed, "pipeline": len(result.pipeline)}
                uow.record(_event(context, Action.REPAIR_APPLIED, stored.digest, counts))
        return result

    def _delete(
        self,
        context: RunContext,
        items: Sequence[RepairItem],
        todo: set[tuple[str, ...]],
        permit: Permit,
        result: Repaired,
    ) -> None:
        groups: dict[tuple[str, str, str], list[RepairItem]] = defaultdict(list)
        for item in items:
            if item.op is RepairOp.DELETE:
                groups[item.index, item.partition, item.reason].append(item)
        for (index, partition, reason), group in sorted(groups.items()):
            there = [item for item in group if item.identity in todo]
            result.absent += len(group) - len(there)
            for start in range(0, len(there), PER_CALL):
                self._delete_some(context, (index, partition), there[start : start + PER_CALL], reason, permit)
            left = self._still_there((index, partition), [item.chunk_id for item in there])
            result.remaining += len(left)
            result.deleted += len(there) - len(left)

    def _delete_some(
        self, context: RunContext, place: tuple[str, str], items: Sequence[RepairItem], reason: str, permit: Permit
    ) -> None:
        def note(uow: UnitOfWork, done: BatchResult) -> None:
            gone = [ChunkKey(*place, chunk_id) for chunk_id in ids if chunk_id not in done.failed]
            uow.chunks.remove(gone, context.clock())

        ids = self._as_planned(place, items)
        if ids:
            self._gate.delete(context, place, ids, reason, note, permit)

    def _as_planned(self, place: tuple[str, str], items: Sequence[RepairItem]) -> list[str]:
        """Give the chunks that say what they said when the plan was made.

        Others may have written since the look that the plan was held against; what they wrote is not ours to delete,
        remains, and keeps the plan from being complete.
        """
        fields = self._world.layouts[place[0]].fields
        with closing(self._world.indexes[place[0]].reader(place[1])) as reader:
            now = reader.fetch([item.chunk_id for item in items])
        return [
            item.chunk_id
            for item in items
            if (record := now.get(item.chunk_id)) is None or text_hash(text_of(record, fields)) == item.fact
        ]

    def _still_there(self, place: tuple[str, str], ids: Sequence[str]) -> set[str]:
        """Look again: a delete counts when a fresh look finds nothing."""
        with closing(self._world.indexes[place[0]].reader(place[1])) as reader:
            found = [reader.fetch(ids[start : start + PER_CALL]) for start in range(0, len(ids), PER_CALL)]
        return {chunk_id for part in found for chunk_id in part}

    def _index(self, context: RunContext, items: Sequence[RepairItem], result: Repaired) -> None:
        groups: dict[tuple[str, str], list[RepairItem]] = defaultdict(list)
        for item in items:
            if item.op is RepairOp.INDEX and item.by is RepairBy.KBGOV:
                groups[item.source, item.index].append(item)
        for (source, index), group in sorted(groups.items()):
            job = IngestJob(
                source=self._world.sources[source],
                place=(index, ""),
                embedder=self._embedder,
                chunk_characters=self._world.chunk_characters,
                limits=self._world.limits,
                only=frozenset(item.document for item in group),
                again=frozenset(chunk_id for item in group for _, chunk_id in item.again),
            )
            done = ingest(
                self._desk.catalog, self._gate, self._runner, job, context, now=self._desk.clock()
            ).tally.documents
            failed = len(group) - (done["seen"] - done["failed"])
            result.failed += failed
            result.indexed += len(group) - failed


def _planned(
    desk: Desk, world: World, context: RunContext, places: Sequence[tuple[str, str]], seen: Seen
) -> RepairPlan:
    drift = DriftAudit(desk, world, context).run(places, seen)
    items: list[RepairItem] = []
    notes: list[str] = [
        f"index {name}: it {'holds what cannot be right' if why == DAMAGED else 'did not answer'}"
        for name, why in sorted(seen.unreachable.items())
    ]
    notes += [f"drift of source {name}: it could not be listed" for name in sorted(seen.unavailable)]
    notes += drift.not_covered
    with desk.catalog.read() as uow:
        for view in drift.views:
            if view.index not in seen.unreachable:
                facts = _facts(uow, drift, view)
                items += _of_pair(uow, drift, view, facts)
                notes += _notes(view, facts)
    notes += [
        f"index {item.place.index}: vectors of different kinds; which are right cannot be told from here"
        for item in drift.observations
        if item.kind is FindingKind.MIXED_EMBEDDINGS
    ]
    items.sort(key=lambda item: item.identity)
    unjudged = frozenset((source, name) for (source, _), found in drift.compared.items() for name in found.unlooked)
    notes += _unjudged_notes(unjudged)
    said = tuple(dict.fromkeys(notes))
    return RepairPlan(digest=digest_of_items(items), items=tuple(items), not_planned=said, unjudged=unjudged)


def _unjudged_notes(unjudged: Collection[tuple[str, str]]) -> Iterator[str]:
    for source, count in sorted(Counter(source for source, _ in unjudged).items()):
        yield f"source {source}: {count} absent from one listing so far, or not readable; nothing is done about those"


def _notes(view: PairView, facts: PairFacts) -> Iterator[str]:
    if not view.mapped:
        yield f"source {view.source} in index {view.index}: names hardly meet, so nothing counts as missing"
    if not facts.believed:
        yield f"source {view.source}: its listing was not complete, so nothing is deleted"


def _facts(uow: UnitOfWork, drift: Drift, view: PairView) -> PairFacts:
    compared = drift.compared[view.source, view.index]
    places = [place for found in (compared.orphans, compared.ghosts) for part in found.values() for place in part]
    for standing, _ in standings(uow, view):
        places += [(item.partition, item.chunk_id) for item in standing.verdict.differing]
    makers = uow.chunks.makers(view.index)
    return PairFacts(
        source=view.source,
        index=view.index,
        own="" not in makers and bool(makers or uow.chunks.indexed(view.index, "", view.source)),
        believed=drift.seen.believed(view.source),
        hashes=uow.chunks.facts_of(view.index, places),
        unembedded=_unembedded(uow, drift, view),
    )


def _unembedded(uow: UnitOfWork, drift: Drift, view: PairView) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for sight in drift.seen.partitions:
        if sight.index == view.index and sight.vectors is not None:
            bare = sorted({*sight.vectors.without, *sight.vectors.zero})
            for chunk_id, (source, document) in uow.chunks.documents_of(view.index, sight.partition, bare).items():
                if source == view.source:
                    found[document].append((sight.partition, chunk_id))
    return found


def _of_pair(uow: UnitOfWork, drift: Drift, view: PairView, facts: PairFacts) -> Iterator[RepairItem]:
    compared = drift.compared[view.source, view.index]
    for standing, _ in standings(uow, view):
        if standing.document.document not in compared.unlooked:
            yield from items_of(standing, facts)
    if not view.mapped:
        return
    for kind, found in ((FindingKind.ORPHAN, compared.orphans), (FindingKind.GHOST, compared.ghosts)):
        for name in sorted(found):
            document = uow.documents.get(view.source, name)
            # What no listing ever showed may be somebody else's: it is told, and left alone.
            if kind is FindingKind.GHOST or (document is not None and document.raw_hash):
                yield from left_over(name, document.uri if document else name, found[name], kind, facts)


def _note_holes(uow: UnitOfWork, items: Sequence[RepairItem], now: datetime) -> None:
    """Remember that documents lack chunks that we delete: until something comes in their place, that is drift.

    Noted before anything is deleted: whoever is killed in between could not tell afterwards.
    """
    holes: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in items:
        if item.op is RepairOp.DELETE and item.reason == FindingKind.CONTENT:
            holes[item.index, item.source].add(item.document)
    for (index, source), names in holes.items():
        holed = [
            replace(item, basis="", verdict=_holed(item.verdict, now))
            for item in uow.comparisons.of(index, source)
            if item.document in names
        ]
        uow.comparisons.save(holed)


def _holed(verdict: Mapping[str, Json], now: datetime) -> dict[str, Json]:
    """Note when a document got its holes, and how much of it was uncovered before."""
    before = verdict.get("holed_from") if verdict.get("holed_at") else verdict.get("uncovered")
    return {**verdict, "holed_at": now.isoformat(), "holed_from": before}


def _spoken_of(stored: StoredPlan, current: RepairPlan) -> list[RepairItem]:
    """Leave out what a plan said nothing about when it was made: it may have come to light since."""
    unjudged = {(source, name) for source, name in json.loads(json.dumps(stored.body["unjudged"]))}
    return [item for item in current.items if (item.source, item.document) not in unjudged]


def _deletions(items: Sequence[RepairItem], todo: Collection[tuple[str, ...]]) -> Counter[str]:
    """Count what is still to be deleted, by index."""
    return Counter(item.index for item in items if item.op is RepairOp.DELETE and item.identity in todo)


def _items(stored: StoredPlan) -> list[RepairItem]:
    body = json.loads(json.dumps(stored.body))
    return [RepairItem.from_json(item) for item in body["items"]]


def _stored(plan: RepairPlan, now: datetime, run_id: int) -> StoredPlan:
    return StoredPlan(
        digest=plan.digest,
        policy_digest=plan.policy_digest,
        state=PlanState.PLANNED,
        created_at=now,
        run_id=run_id,
        body={
            "items": [item.as_json() for item in plan.items],
            "unjudged": [list(key) for key in sorted(plan.unjudged)],
        },
    )


def _locks(world: World, places: Sequence[tuple[str, str]]) -> list[str]:
    return [
        "audit",
        *(f"source:{name}" for name in sorted(world.sources)),
        *(place_lock(*place) for place in places),
    ]


def _event(context: RunContext, action: Action, digest: str, counts: Mapping[str, int]) -> Event:
    return Event(
        action=action,
        at=context.clock(),
        actor=context.actor,
        run_id=context.run_id,
        outcome="done",
        counts=dict(counts),
        digest=digest,
    )
