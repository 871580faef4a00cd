"""Which findings a policy lets stand, and which of its waivers have run out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date

from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.registry import OF_POLICIES
from governance.domain.findings import Finding, FindingKind, Observation, Place, Severity
from governance.domain.values import digest_of
from governance.policy.model import Policy, PolicySet, Waiver
from governance.policy.resolve import waiver_for
from governance.services.findings import LIVE, PolicyWaiver
from governance.services.subjects import Subjects


def policy_waivers(uow: UnitOfWork, policies: PolicySet, day: date) -> Callable[[Observation], PolicyWaiver | None]:
    """Give what says of an observation whether a policy lets it stand on the day."""
    if not policies.waivers:
        return lambda _item: None
    subjects = Subjects(uow)

    def waiver(item: Observation) -> PolicyWaiver | None:
        about, index = subjects.of(item.place)
        found = waiver_for(policies, item.kind, about, day, index)
        return PolicyWaiver(found.reason, found.until, found.by or found.policy) if found else None

    return waiver


def expired_waivers(uow: UnitOfWork, policies: PolicySet, day: date) -> Iterator[Observation]:
    """Give one observation per waiver of the policies whose last day is over: it has to be renewed or taken out.

    The evidence says how many findings that are open or acknowledged on the day it would cover.
    """
    over = [(policy, waiver) for policy in policies.policies for waiver in policy.waivers if not waiver.in_force(day)]
    if not over:
        return
    subjects = Subjects(uow)
    live = [item for item in uow.findings.listed(day) if item.period.status in LIVE and item.kind not in OF_POLICIES]
    for policy, waiver in over:
        yield _observation(policy, waiver, _covered(policy, waiver, live, subjects, policies))


def _covered(policy: Policy, waiver: Waiver, live: Iterable[Finding], subjects: Subjects, policies: PolicySet) -> int:
    count = 0
    for item in live:
        if any(glob.matches(item.kind.value) for glob in waiver.kinds):
            subject = subjects.subject(item.place, policies)
            count += policy.match.holds(subject) and waiver.match.holds(subject)
    return count


def _observation(policy: Policy, waiver: Waiver, covered: int) -> Observation:
    kinds = sorted(glob.text for glob in waiver.kinds)
    form = digest_of([waiver.match.as_json(), kinds, waiver.reason, waiver.until.isoformat(), waiver.by])
    return Observation(
        kind=FindingKind.WAIVER_EXPIRED,
        severity=Severity.MEDIUM,
        place=Place(),
        rule="until_passed",
        policy=policy.name,
        message=f"A waiver of the policy {policy.name} ended on {waiver.until} and no longer counts.",
        owner=policy.owner,
        discriminator=f"{policy.name}:{form}",
        evidence={
            "policy": policy.name,
            "until": waiver.until.isoformat(),
            "reason": waiver.reason,
            "kinds": kinds,
            "open_findings": covered,
        },
    )
