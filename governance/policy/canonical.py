"""The normal form of a policy set: a policy file of its own, in which equal decisions are equal bytes.

What is left out where nothing differs from before (reasons, limits of deeds) keeps the digests of older sets.
"""

from __future__ import annotations

from collections.abc import Sequence

from governance.domain.values import Json
from governance.policy.kinds import AfterRetention, Retention, Settings
from governance.policy.match import EVERYTHING
from governance.policy.model import BUILT_IN_LIMITS, EXPIRY, Limits, PlannedAction, Policy, Reason, Waiver
from governance.policy.schema_actions import as_written
from governance.policy.section import Section


def canonical_body(
    policies: Sequence[tuple[Policy, Section]], limits: Limits, reasons: Sequence[Reason]
) -> dict[str, Json]:
    """Give a set with every default of its kinds written out and every condition in normal form."""
    body: dict[str, Json] = {
        "document": "policies",
        "version": 1,
        "policies": [_policy(policy, section) for policy, section in policies],
        "limits": _limits(limits),
    }
    if reasons:
        body["reasons"] = [_reason(reason) for reason in sorted(reasons, key=lambda reason: reason.code)]
    return body


def _policy(policy: Policy, section: Section) -> Json:
    body: dict[str, Json] = {
        "name": policy.name,
        "kind": policy.kind,
        policy.kind: section.canonical(policy.name),
        "actions": [as_written(action) for action in policy.actions if not _implied(action, policy.settings)],
        "waivers": [_waiver(waiver) for waiver in policy.waivers],
    }
    if policy.owner is not None:
        body["owner"] = policy.owner
    if policy.severity is not None:
        body["severity"] = policy.severity.value
    if policy.match != EVERYTHING:
        body["match"] = policy.match.as_json()
    return body


def _implied(action: PlannedAction, settings: Settings) -> bool:
    """Say whether the section asks for the action already."""
    proposes = isinstance(settings, Retention) and settings.after is AfterRetention.PROPOSE_ERASURE
    return proposes and action == EXPIRY


def _waiver(waiver: Waiver) -> Json:
    body: dict[str, Json] = {
        "kinds": [glob.text for glob in waiver.kinds],
        "match": waiver.match.as_json(),
        "reason": waiver.reason,
        "until": waiver.until.isoformat(),
    }
    return body if waiver.by is None else {**body, "by": waiver.by}


def _limits(limits: Limits) -> Json:
    listing = limits.listing
    body: dict[str, Json] = {
        "listing": {"absent_documents": listing.absent_documents, "absent_percent": listing.absent_percent}
    }
    for deed, limit in limits.actions.items():
        if limit != BUILT_IN_LIMITS.get(deed):
            body[deed.value] = {"max_items": limit.max_items, "max_percent": limit.max_percent}
    return body


def _reason(reason: Reason) -> Json:
    return {"code": reason.code} if reason.meaning is None else {"code": reason.code, "meaning": reason.meaning}
