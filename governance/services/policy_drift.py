"""How sources and indexes differed when they were last compared, stated anew under other policies.

Neither a source nor an index is looked at: what the catalog keeps of the last look and comparison is held against the
thresholds of a policy set. What only a look can show again, and no threshold has a say in, is taken as it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, FindingStatus, Observation, Severity
from governance.domain.history import period_at
from governance.domain.keys import IndexLayout
from governance.policy.match import Subject
from governance.policy.model import PolicySet
from governance.policy.resolve import drift_rule
from governance.services.compare import last_compared
from governance.services.drift import Drift, state_drift
from governance.services.mapping import map_source
from governance.services.observe import Seen
from governance.services.observe_index import PartitionSight
from governance.services.standings import PairView, splitter_of, unsettled

SEEN_ONCE: Final = frozenset(
    {FindingKind.UNEMBEDDED, FindingKind.MIXED_EMBEDDINGS, FindingKind.DUPLICATE_ID, FindingKind.UNREADABLE}
)
"""Kinds that only a look at an index shows. Of these a policy decides how bad they are and whether they may stand."""
_NEXT: Final = "next: kbgov audit run --only drift"


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When, and under what, something is stated."""

    policies: PolicySet
    today: date
    now: datetime
    zone: tzinfo


def drift_again(uow: UnitOfWork, layouts: Mapping[str, IndexLayout], moment: Moment) -> Drift:
    """State the last comparison under these policies; `not_covered` says what has to be compared first.

    Writes since when index and source disagree under these policies: for a transaction that is rolled back.

    Args:
        uow: Such a transaction.
        layouts: Which sources go into which index.
        moment: The policies and the present day.

    """
    drift = Drift(Seen())
    looked = {item.index_name: item for item in uow.sightings.states() if item.completed_at is not None}
    for state in uow.sightings.states():
        if state.completed_at is not None and state.index_name in layouts:
            drift.seen.partitions.append(PartitionSight(state.index_name, state.partition))
    for index, layout in sorted(layouts.items()):
        if index not in looked:
            drift.not_covered.append(f"drift of index {index}: it was never looked at to its end; {_NEXT}")
            continue
        for source, _ in layout.keys:
            _add_pair(uow, drift, source, index, moment)
    drift.observations += state_drift(uow, drift, moment.policies, moment.today)
    drift.observations += _seen_once(uow, drift, moment)
    return drift


def _add_pair(uow: UnitOfWork, drift: Drift, source: str, index: str, moment: Moment) -> None:
    state = uow.sources.state(source)
    if state is None or state.listed_at is None:
        drift.not_covered.append(f"drift of source {source}: it was never listed to its end; {_NEXT}")
        return
    mapped = map_source(uow, source, index, moment.now, believed=False)
    compared = last_compared(uow, source, index)
    view = PairView(
        source=source,
        index=index,
        splitter=splitter_of(uow, source, index),
        mapped=mapped.meets,
        policies=moment.policies,
        zone=moment.zone,
    )
    uow.comparisons.save(unsettled(uow, view, moment.now))
    drift.seen.mapped[source, index] = mapped
    drift.compared[source, index] = compared
    drift.views.append(view)
    waiting = sum(1 for item in uow.documents.every([source]) if item.document in compared.unlooked and _is_whole(item))
    if waiting:
        count = "1 document not compared since its" if waiting == 1 else f"{waiting} documents not compared since their"
        drift.not_covered.append(f"drift of source {source} in index {index}: {count} last change; {_NEXT}")


def _is_whole(document: Document) -> bool:
    return document.unreadable is None and bool(document.raw_hash)


def _seen_once(uow: UnitOfWork, drift: Drift, moment: Moment) -> Iterator[Observation]:
    """State again what the last look at an index found and the catalog keeps no measure of."""
    looked = {item.index for item in drift.seen.partitions}
    for item in uow.findings.histories(sorted(kind.value for kind in SEEN_ONCE)).values():
        period = period_at(item.periods, moment.today)
        if period is None or period.status is FindingStatus.RESOLVED or item.place.index not in looked:
            continue
        kind, severity, policy, owner = FindingKind(item.kind), period.severity, period.policy, period.owner
        if kind is FindingKind.UNEMBEDDED:
            document = uow.documents.get(item.place.source, item.place.document)
            about = document or Subject(source=item.place.source, path=item.place.document, index=item.place.index)
            rule = drift_rule(moment.policies, about, item.place.index)
            severity, policy = rule.severity or Severity.MEDIUM, rule.policy
            owner = (document.owner if document else None) or rule.owner
        yield Observation(
            kind=kind,
            severity=severity,
            place=item.place,
            rule=item.rule,
            policy=policy,
            message=period.message,
            owner=owner,
            evidence=period.evidence,
        )
