"""Which rule decides about a document, and which waiver lets a finding stand. Pure; the reason is in the answer."""

from __future__ import annotations

from dataclasses import fields
from datetime import date

from governance.domain.documents import Document
from governance.domain.findings import FindingKind
from governance.policy.match import Subject
from governance.policy.model import Freshness, FreshnessRule, PolicySet, Waiver

_SETTINGS = tuple(field.name for field in fields(Freshness))


def freshness_rule(policies: PolicySet, document: Document, index: str | None = None) -> FreshnessRule:
    """Give the rule of the first freshness policy, in load order, that matches the document.

    Where none matches, the built-in defaults hold and the rule's `policy` is "".

    Args:
        policies: The loaded set.
        document: Judged by its source, path and labels.
        index: Name of the index in question; conditions on an index hold for no other case.

    """
    subject = Subject.of(document, index)
    for policy in policies.policies:
        if policy.kind == "freshness" and policy.match.holds(subject):
            return FreshnessRule(
                policy=policy.name,
                file=policy.file,
                line=policy.line,
                owner=policy.owner,
                severity=policy.severity,
                **{name: getattr(policy.freshness, name) for name in _SETTINGS},
            )
    return FreshnessRule()


def waiver_for(
    policies: PolicySet, kind: FindingKind, about: Document | Subject, as_of: date, index: str | None = None
) -> Waiver | None:
    """Give the first waiver, in load order, that lets a finding of this kind about this document stand on the day.

    A waiver counts where both its own match and that of its policy hold, to the end of its last day. It need not
    stand in the policy that decided: a waiver that somebody wrote and that matches is never without effect.
    """
    subject = about if isinstance(about, Subject) else Subject.of(about, index)
    for policy in policies.policies:
        if not policy.waivers or not policy.match.holds(subject):
            continue
        for waiver in policy.waivers:
            if waiver.in_force(as_of) and _is_about(waiver, kind) and waiver.match.holds(subject):
                return waiver
    return None


def _is_about(waiver: Waiver, kind: FindingKind) -> bool:
    return any(glob.matches(kind.value) for glob in waiver.kinds)
