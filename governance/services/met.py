"""Findings that a command meets on its way and opens itself; all others are opened by an audit alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from governance.catalog.findings import FindingHistory
from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import duplicate_id_observation
from governance.detectors.structure import coverage_observations
from governance.domain.findings import FindingKind, Observation
from governance.services.audit_observe import listing_observations
from governance.services.context import RunContext
from governance.services.drift import unreachable_observation
from governance.services.findings import Scope, reconcile
from governance.services.runs import Desk
from governance.services.waivers import policy_waivers

MET: Final = frozenset({FindingKind.UNREADABLE, FindingKind.LISTING_REFUSED, FindingKind.DUPLICATE_ID})


@dataclass(frozen=True, slots=True, kw_only=True)
class Met:
    """What a command looked at, and what it met there.

    Attributes:
        sources: Sources that it listed, or tried to.
        repeated: Of the places whose chunks it listed: ids that were given more than once, and how often.
        unreachable: Indexes that could not be looked at, and why.
        resumed: Of the same places, those that were listed from the middle on.

    """

    sources: Collection[str]
    repeated: Mapping[tuple[str, str], Mapping[str, int]]
    unreachable: Mapping[str, str] = field(default_factory=dict)
    resumed: Collection[tuple[str, str]] = ()

    def covers(self, item: FindingHistory) -> bool:
        """Say whether a known finding was looked at again."""
        place = item.place
        if item.kind == FindingKind.DUPLICATE_ID:
            where = (place.index, place.partition)
            return where in self.repeated and where not in self.resumed
        if place.index:
            return place.index in {index for index, _ in self.repeated}
        return place.source in self.sources


def note_met(desk: Desk, context: RunContext, met: Met) -> None:
    """Open, update and resolve the findings of these kinds about what was looked at."""
    with desk.catalog.write() as uow:
        context.fence(uow)
        scope = Scope(kinds=frozenset(kind.value for kind in MET), day=desk.today, covers=met.covers)
        waiver = policy_waivers(uow, desk.policies, desk.today)
        reconcile(uow, _observations(uow, met), scope, waiver, context, desk.clock(), desk.policies.digest)


def _observations(uow: UnitOfWork, met: Met) -> list[Observation]:
    found = [unreachable_observation(*item) for item in sorted(met.unreachable.items())]
    for name in sorted(met.sources):
        state = uow.sources.state(name)
        found += listing_observations(state) if state else []
        found += [item for document in uow.documents.unreadable(name) for item in coverage_observations(document)]
    for place, repeated in sorted(met.repeated.items()):
        found += [duplicate_id_observation(*place, key, times) for key, times in sorted(repeated.items())]
    return found
