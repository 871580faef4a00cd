"""The drift part of an audit: looks at sources and indexes, compares them, and says what differs and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, tzinfo
from typing import Final

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.drift import (
    KINDS,
    document_observations,
    gone_observations,
    mapping_observation,
    mixed_observation,
    unattributed_observations,
    unembedded_observation,
)
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.values import Json
from governance.policy.match import Subject
from governance.policy.model import PolicySet
from governance.policy.resolve import drift_rule
from governance.services.compare import Compared, Pair, compare
from governance.services.context import RunContext
from governance.services.observe import DAMAGED, NO_LOOK, Observer, Seen, World
from governance.services.observe_index import PartitionSight
from governance.services.runs import Desk
from governance.services.standings import PairView, settle_pending, splitter_of, standings

OF_INDEX: Final = frozenset({FindingKind.MIXED_EMBEDDINGS, FindingKind.UNEMBEDDED, FindingKind.UNATTRIBUTED})
"""Kinds that need the index alone."""
OF_MAPPING: Final = frozenset({FindingKind.MAPPING})


@dataclass(slots=True)
class Drift:
    """What differs.

    Attributes:
        seen: What the look showed.
        observations: What is to be said.
        views: Every pair that was compared.
        compared: What came of each pair, by (source, index).
        lag: How long changes took to arrive, in seconds, by source.
        not_covered: What was left out, in words.

    """

    seen: Seen
    observations: list[Observation] = field(default_factory=list)
    views: list[PairView] = field(default_factory=list)
    compared: dict[tuple[str, str], Compared] = field(default_factory=dict)
    lag: dict[str, list[int]] = field(default_factory=dict)
    not_covered: list[str] = field(default_factory=list)

    @property
    def scanned(self) -> int:
        """Documents that were compared anew."""
        return sum(item.scanned for item in self.compared.values())

    @property
    def unchanged(self) -> int:
        """Documents that had been compared before and have not changed since."""
        return sum(item.unchanged for item in self.compared.values())

    def covers(self, item: FindingHistory) -> bool:
        """Say whether what a known finding is about was looked at again."""
        place = item.place
        if item.kind not in KINDS:
            return True
        if place.index in self.seen.unreachable or place.index not in {sight.index for sight in self.seen.partitions}:
            return False
        if item.kind in OF_INDEX:
            return True
        pair = self.compared.get((place.source, place.index))
        return pair is not None and (item.kind in OF_MAPPING or place.document not in pair.unlooked)

    def lag_json(self) -> dict[str, Json]:
        """Give, per source, in how many seconds half of the changes arrived, and 95 in 100."""
        return {
            source: {"documents": len(values), "p50": quantile(values, 50), "p95": quantile(values, 95)}
            for source, values in sorted(self.lag.items())
            if values
        }


def quantile(values: Sequence[int], percent: int) -> int:
    """Give the smallest value that so many percent of all do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


class DriftAudit:
    """One look and comparison, in one run.

    Args:
        desk: What every command works with.
        world: What there is to look at.
        context: The run, under leases on all sources and places.
        zone: The time zone whose days count.
        full: Compare again what has not changed.

    """

    def __init__(
        self, desk: Desk, world: World, context: RunContext, *, zone: tzinfo = UTC, full: bool = False
    ) -> None:
        self._desk = desk
        self._world = world
        self._context = context
        self._zone = zone
        self._full = full
        self._now = desk.clock()

    def run(self, places: Sequence[tuple[str, str]], seen: Seen) -> Drift:
        """Look at all sources and these places and compare them; what cannot be reached is said, the rest is done."""
        observer = Observer(self._desk.catalog, self._world, self._context, self._now, vectors=True)
        observer.look(sorted(self._world.sources), places, seen)
        drift = Drift(seen)
        for index in sorted({name for name, _ in places} - seen.unreachable.keys()):
            for source, _ in self._world.layouts[index].keys:
                self._compare(drift, source, index)
        with self._desk.catalog.read() as uow:
            drift.observations += state_drift(uow, drift, self._desk.policies, self._desk.today)
        drift.observations += [unreachable_observation(*item) for item in sorted(seen.unreachable.items())]
        drift.not_covered += self._left_out(places)
        return drift

    def _compare(self, drift: Drift, source: str, index: str) -> None:
        if source in drift.seen.unavailable:
            drift.not_covered.append(f"drift of source {source}: it could not be listed")
            return
        pair = Pair(
            source=self._world.sources[source],
            index=self._world.indexes[index],
            fields=self._world.layouts[index].fields,
            chunk_characters=self._world.chunk_characters,
        )
        try:
            drift.compared[source, index] = compare(self._desk.catalog, pair, self._context, full=self._full)
        except NO_LOOK as error:
            drift.seen.note(index, error, "fetch")
            return
        mapped = drift.seen.mapped.get((source, index))
        with self._desk.catalog.read() as uow:
            splitter = splitter_of(uow, source, index)
        view = PairView(
            source=source,
            index=index,
            splitter=splitter,
            mapped=mapped is None or mapped.meets,
            policies=self._desk.policies,
            zone=self._zone,
        )
        settle_pending(self._desk.catalog, view, self._context, self._now)
        drift.views.append(view)

    def _left_out(self, places: Sequence[tuple[str, str]]) -> Iterator[str]:
        """Say what there was nothing to compare with."""
        for index in sorted({name for name, _ in places}):
            if not self._world.layouts[index].keys:
                yield f"drift of index {index}: no source goes into it, so there is nothing to compare with"
        fed = self._world.sources_of(sorted(self._world.indexes))
        for source in sorted(self._world.sources):
            if source not in fed:
                yield f"drift of source {source}: it is not said which index it goes into"


def state_drift(uow: UnitOfWork, drift: Drift, policies: PolicySet, today: date) -> Iterator[Observation]:
    """Give what is to be said about all that was compared, under the policies and on the present day."""
    for view in drift.views:
        yield from _of_pair(uow, drift, view, today)
    for sight in drift.seen.partitions:
        if sight.index not in drift.seen.unreachable:
            yield from _of_index(uow, sight, policies)


def _of_pair(uow: UnitOfWork, drift: Drift, view: PairView, today: date) -> Iterator[Observation]:
    if view.index in drift.seen.unreachable:
        return
    mapped = drift.seen.mapped.get((view.source, view.index))
    if mapped is not None and not mapped.meets:
        yield mapping_observation(
            view.source, view.index, (mapped.met_paths, mapped.paths), (mapped.met_keys, mapped.keys)
        )
    compared = drift.compared[view.source, view.index]
    lag = drift.lag.setdefault(view.source, [])
    unread = 0
    for standing, item in standings(uow, view):
        if item.lag_seconds is not None:
            lag.append(item.lag_seconds)
        unread += standing.verdict.words is None
        if standing.document.document not in compared.unlooked:
            yield from document_observations(standing, today)
    if unread:
        what = f"{unread} document{'s' if unread > 1 else ''} of source {view.source}"
        drift.not_covered.append(f"drift of text: {what}, whose text the source does not show")
    if view.mapped:
        yield from _of_gone(uow, compared, view)


def _of_gone(uow: UnitOfWork, compared: Compared, view: PairView) -> Iterator[Observation]:
    for name in sorted(compared.orphans.keys() | compared.ghosts.keys()):
        document = uow.documents.get(view.source, name)
        if document is not None:
            rule = drift_rule(view.policies, document, view.index)
            present, ghosts = compared.orphans.get(name, []), compared.ghosts.get(name, [])
            yield from gone_observations(document, view.index, present, ghosts, rule)


def _of_index(uow: UnitOfWork, sight: PartitionSight, policies: PolicySet) -> Iterator[Observation]:
    place = (sight.index, sight.partition)
    yield from unattributed_observations(*place, uow.chunks.not_citable(*place))
    if sight.vectors is None:
        return
    differences = sight.vectors.differences()
    if differences:
        yield mixed_observation(*place, differences)
    owned: dict[tuple[str, str], list[str]] = defaultdict(list)
    for chunk_id, owner in uow.chunks.documents_of(*place, sight.vectors.without).items():
        owned[owner].append(chunk_id)
    for (source, name), ids in sorted(owned.items()):
        document = uow.documents.get(source, name)
        about: Document | Subject = document or Subject(source=source, path=name, index=sight.index)
        rule = drift_rule(policies, about, sight.index)
        where = Place(source, name, *place)
        yield unembedded_observation(where, ids, document.owner if document else None, rule)


def unreachable_observation(index: str, why: str) -> Observation:
    """Say that an index did not answer, or holds what cannot be right, so that nothing is known of it."""
    damaged = why == DAMAGED
    code = "index_damaged" if damaged else "index_unreachable"
    return Observation(
        kind=FindingKind.UNREADABLE,
        severity=Severity.HIGH,
        place=Place(index=index),
        rule=code,
        policy="",
        message=f"The index {'holds what cannot be right' if damaged else 'did not answer'}, so it was not audited.",
        evidence={"code": code},
    )
