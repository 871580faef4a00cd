"""Which findings a policy lets stand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.findings import Observation
from governance.policy.match import Subject
from governance.policy.model import PolicySet
from governance.policy.resolve import waiver_for
from governance.services.findings import PolicyWaiver


def policy_waivers(uow: UnitOfWork, policies: PolicySet, day: date) -> Callable[[Observation], PolicyWaiver | None]:
    """Give what says of an observation whether a policy lets it stand on the day."""
    if not policies.waivers:
        return lambda _item: None
    documents = {(item.source, item.document): item for item in uow.documents.every()}
    indexes = uow.chunks.index_of()

    def waiver(item: Observation) -> PolicyWaiver | None:
        key = (item.place.source, item.place.document)
        about = documents.get(key) or Subject(source=item.place.source, path=item.place.document)
        found = waiver_for(policies, item.kind, about, day, indexes.get(key))
        return PolicyWaiver(found.reason, found.until, found.by or found.policy) if found else None

    return waiver
