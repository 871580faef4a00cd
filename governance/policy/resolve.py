"""Which rule decides about a document, and which waiver lets a finding stand. Pure; the reason is in the answer."""

from __future__ import annotations

from dataclasses import fields
from datetime import date
from typing import TypeVar

from governance.domain.documents import Document
from governance.domain.findings import FindingKind
from governance.policy.match import Subject
from governance.policy.model import DriftRule, FreshnessRule, PolicySet, Waiver

_Rule = TypeVar("_Rule", FreshnessRule, DriftRule)


def freshness_rule(policies: PolicySet, document: Document, index: str | None = None) -> FreshnessRule:
    """Give the rule of the first freshness policy, in load order, that matches the document.

    Where none matches, the built-in defaults hold and the rule's `policy` is "".

    Args:
        policies: The loaded set.
        document: Judged by its source, path and labels.
        index: Name of the index in question; conditions on an index hold for no other case.

    """
    return _rule(policies, "freshness", Subject.of(document, index), FreshnessRule)


def drift_rule(policies: PolicySet, document: Document | Subject, index: str | None = None) -> DriftRule:
    """Give the rule of the first drift policy, in load order, that matches the document in the index.

    Where none matches, the built-in defaults hold and the rule's `policy` is "".

    Args:
        policies: The loaded set.
        document: Judged by its source, path and labels; a subject where the catalog knows no document, and that
            names its index itself.
        index: Name of the index in question; conditions on an index hold for no other case.

    """
    return _rule(policies, "drift", _subject(document, index), DriftRule)


def _rule(policies: PolicySet, kind: str, subject: Subject, rule: type[_Rule]) -> _Rule:
    """Give the settings of the first policy of a kind that matches, together with where they are written."""
    for policy in policies.policies:
        if policy.kind == kind and policy.match.holds(subject):
            return rule(
                policy=policy.name,
                file=policy.file,
                line=policy.line,
                owner=policy.owner,
                severity=policy.severity,
                **{field.name: getattr(policy.settings, field.name) for field in fields(policy.settings)},
            )
    return rule()


def waiver_for(
    policies: PolicySet, kind: FindingKind, about: Document | Subject, as_of: date, index: str | None = None
) -> Waiver | None:
    """Give the first waiver, in load order, that lets a finding of this kind about this document stand on the day.

    A waiver counts where both its own match and that of its policy hold, to the end of its last day. It need not
    stand in the policy that decided: a waiver that somebody wrote and that matches is never without effect.
    """
    subject = _subject(about, index)
    for policy in policies.policies:
        if not policy.waivers or not policy.match.holds(subject):
            continue
        for waiver in policy.waivers:
            if waiver.in_force(as_of) and _is_about(waiver, kind) and waiver.match.holds(subject):
                return waiver
    return None


def _is_about(waiver: Waiver, kind: FindingKind) -> bool:
    return any(glob.matches(kind.value) for glob in waiver.kinds)


def _subject(about: Document | Subject, index: str | None) -> Subject:
    return about if isinstance(about, Subject) else Subject.of(about, index)
