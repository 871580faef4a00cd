"""Which rule decides about a document, and which waiver lets a finding stand. Pure; the reason is in the answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import TypeVar

from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Severity
from governance.policy.globs import Glob
from governance.policy.kinds import FINDINGS_OF, Retention
from governance.policy.match import Subject
from governance.policy.model import DriftRule, FreshnessRule, PlannedAction, Policy, PolicySet, Waiver


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionRule(Retention):
    """Which class a document is of, how long it is kept, and where that is written.

    Attributes:
        file: The policy's file, as it was given.
        line: Line in `file`, from 1.
        severity: Takes the place of the shipped severity of what is found.

    """

    policy: str
    file: str
    line: int
    owner: str | None = None
    severity: Severity | None = None


_Rule = TypeVar("_Rule", FreshnessRule, DriftRule, RetentionRule)
_OWNERS = {glob.removesuffix(".*"): kind for kind, globs in FINDINGS_OF.items() for glob in globs}


def freshness_rule(policies: PolicySet, document: Document | Subject, index: str | None = None) -> FreshnessRule:
    """Give the rule of the first freshness policy, in load order, that matches the document.

    Where none matches, the built-in defaults hold and the rule's `policy` is "".

    Args:
        policies: The loaded set.
        document: Judged by its source, path, labels, metadata and class; a subject where the catalog knows no
            document, and that names its index itself.
        index: Name of the index in question; conditions on an index hold for no other case.

    """
    policy = rule_of(policies, "freshness", _subject(document, index))
    return _rule(policy, FreshnessRule) if policy else FreshnessRule()


def drift_rule(policies: PolicySet, document: Document | Subject, index: str | None = None) -> DriftRule:
    """Give the rule of the first drift policy, in load order, that matches the document in the index.

    Where none matches, the built-in defaults hold and the rule's `policy` is "". Arguments as of `freshness_rule`.
    """
    policy = rule_of(policies, "drift", _subject(document, index))
    return _rule(policy, DriftRule) if policy else DriftRule()


def retention_rule(policies: PolicySet, document: Document | Subject, index: str | None = None) -> RetentionRule | None:
    """Give the rule of the first retention policy, in load order, that matches the document.

    None where no policy matches: the document is of no class, and nobody decided how long it is kept. Arguments as of
    `freshness_rule`.
    """
    policy = rule_of(policies, "retention", _subject(document, index))
    return _rule(policy, RetentionRule) if policy else None


def class_of(policies: PolicySet, document: Document | Subject, index: str | None = None) -> str | None:
    """Give the retention class of a document; None where it is of none."""
    subject = _subject(document, index)
    if subject.class_name is not None:
        return subject.class_name
    policy = rule_of(policies, "retention", subject)
    return policy.retention.class_name if policy and policy.retention else None


def rule_of(policies: PolicySet, kind: str, subject: Subject) -> Policy | None:
    """Give the policy of a kind that decides: the first, in load order, that matches."""
    return next(_matching(policies, kind, subject), None)


def matching(policies: PolicySet, kind: str, subject: Subject) -> list[Policy]:
    """Give every policy of a kind that matches, in load order: the first decides."""
    return list(_matching(policies, kind, subject))


def _matching(policies: PolicySet, kind: str, subject: Subject) -> Iterator[Policy]:
    about = subject if kind == "retention" else _classified(policies, subject)
    return (policy for policy in policies.of_kind(kind) if policy.match.holds(about))


def _classified(policies: PolicySet, subject: Subject) -> Subject:
    """Fill in the class of a subject that has none yet, where a condition asks for it."""
    return replace(subject, class_name=class_of(policies, subject)) if policies.asks_class else subject


def _rule(policy: Policy, rule: type[_Rule]) -> _Rule:
    """Give the settings of a policy together with where they are written."""
    return rule(
        policy=policy.name,
        file=policy.file,
        line=policy.line,
        owner=policy.owner,
        severity=policy.severity,
        **{field.name: getattr(policy.settings, field.name) for field in fields(policy.settings)},
    )


def waiver_for(
    policies: PolicySet, kind: FindingKind, about: Document | Subject, as_of: date, index: str | None = None
) -> Waiver | None:
    """Give the first waiver, in load order, that lets a finding of this kind about this document stand on the day.

    A waiver counts where both its own match and that of its policy hold, to the end of its last day. It need not
    stand in the policy that decided: a waiver that somebody wrote and that matches is never without effect.
    """
    if not policies.waivers:
        return None
    subject = _classified(policies, _subject(about, index))
    for policy in policies.policies:
        if not policy.waivers or not policy.match.holds(subject):
            continue
        for waiver in policy.waivers:
            if waiver.in_force(as_of) and _is_about(waiver.kinds, kind) and waiver.match.holds(subject):
                return waiver
    return None


def actions_for(
    policies: PolicySet, kind: FindingKind, about: Document | Subject, index: str | None = None
) -> list[tuple[Policy, PlannedAction]]:
    """Give what is to be done about a finding of this kind about this document.

    That is what the policy asks for that decides: the first that matches of the kind that the finding belongs to.
    """
    owner = _OWNERS.get(kind.value.partition(".")[0])
    policy = rule_of(policies, owner, _subject(about, index)) if owner else None
    return [(policy, action) for action in policy.actions if action.is_about(kind.value)] if policy else []


def _is_about(kinds: tuple[Glob, ...], kind: FindingKind) -> bool:
    return any(glob.matches(kind.value) for glob in kinds)


def _subject(about: Document | Subject, index: str | None) -> Subject:
    return about if isinstance(about, Subject) else Subject.of(about, index)
