"""Which policies apply to one document, which of them decides, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, tzinfo
from functools import cache
from typing import Final

from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.freshness import assess
from governance.detectors.retention import kept
from governance.domain.actors import LOOKING
from governance.domain.documents import Document, DocumentState, Review
from governance.domain.errors import InputError
from governance.domain.findings import Finding, FindingStatus, Place
from governance.domain.values import Json
from governance.domain.words import nearest
from governance.policy.kinds import KINDS
from governance.policy.loader import parse_policies
from governance.policy.match import Subject
from governance.policy.model import Policy, PolicySet, Waiver
from governance.policy.resolve import actions_for, class_of, freshness_rule, matching, retention_rule
from governance.services.review import in_several_sources
from governance.services.runs import Desk

WITHOUT_DEFAULTS: Final = frozenset({"retention"})
"""Kinds of which nothing holds where no policy matches: the document is of no class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KindExplained:
    """What one kind of policy says about the document.

    Attributes:
        decides: The first that matches; None where the built-in defaults hold, or nothing does.
        settings: As they hold, with every default.
        later: Others that match and come later.
        now: What it comes to on the day.

    """

    kind: str
    decides: Policy | None
    settings: Mapping[str, Json]
    later: Sequence[Policy]
    now: Mapping[str, Json] = field(default_factory=dict)

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        first = self.decides
        return {
            "kind": self.kind,
            "decides": _place(first) if first else None,
            "built_in": first is None and self.kind not in WITHOUT_DEFAULTS,
            "severity": first.severity.value if first and first.severity else None,
            "owner": first.owner if first else None,
            "settings": dict(self.settings),
            "now": dict(self.now),
            "later": [_place(item) for item in self.later],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionExplained:
    """An action that a deciding policy asks for.

    Attributes:
        kinds: Globs of the findings that it is about.
        due_for: Kinds of the document's open findings that it is about: it follows, or has followed already.

    """

    action: str
    policy: str
    kinds: Sequence[str]
    after_days: int
    to: str | None
    due_for: Sequence[str]

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        return {
            "action": self.action,
            "policy": self.policy,
            "kinds": list(self.kinds),
            "after_days": self.after_days,
            "to": self.to,
            "open": list(self.due_for),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """All that policies say about one document.

    Attributes:
        subject: What their conditions are held against.
        indexes: Every index that it stands in.
        facts: What the document says of itself, as far as a rule uses it.
        waivers: (waiver, whether it counts on the day), of those that match.

    """

    subject: Subject
    indexes: Sequence[str]
    as_of: date
    policy_digest: str
    facts: Mapping[str, Json]
    kinds: Sequence[KindExplained]
    waivers: Sequence[tuple[Waiver, bool]]
    actions: Sequence[ActionExplained]

    def as_json(self) -> dict[str, Json]:
        """Give what `kbgov policy explain --json` prints."""
        place = Place(self.subject.source, self.subject.path)
        return {
            "document": self.subject.path,
            "source": place.source_name,
            "index": self.subject.index,
            "indexes": list(self.indexes),
            "as_of": self.as_of.isoformat(),
            "policy_digest": self.policy_digest,
            "class": self.subject.class_name,
            "facts": dict(self.facts),
            "policies": [item.as_json() for item in self.kinds],
            "waivers": [_waiver_json(waiver, counts=counts) for waiver, counts in self.waivers],
            "actions": [item.as_json() for item in self.actions],
        }


@dataclass(frozen=True, slots=True)
class _Asked:
    """The document that was asked for; None where only chunks of an index speak of it."""

    document: Document | None
    review: Review | None
    indexes: Sequence[str]
    subject: Subject
    live: Sequence[Finding]


def explain_document(
    desk: Desk, name: str, *, source: str | None, index: str | None, as_of: date, zone: tzinfo
) -> Explained:
    """Say which policies apply to a document, in one index where several hold it.

    Args:
        desk: The catalog and the policies.
        name: The document's path, or what an index calls it.
        source: Its source, where several have a document of this path.
        index: The index in question; None for the first by name that it stands in, as in an audit.
        as_of: The day that is judged.
        zone: The time zone whose days count.

    Raises:
        InputError: No document, or more than one, has this path; or it does not stand in the index.

    """
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        asked = _asked(uow, desk.policies, name, source, index, as_of)
    policies, subject = desk.policies, asked.subject
    sections = {item["name"]: item.get(item["kind"], {}) for item in json.loads(policies.canonical)["policies"]}
    kinds = []
    for kind in KINDS:
        found = matching(policies, kind, subject)
        decides = found[0] if found else None
        settings = sections[decides.name] if decides else _built_in(kind)
        now = _now(kind, asked, policies, as_of, max(desk.today, as_of), zone)
        kinds.append(KindExplained(kind=kind, decides=decides, settings=settings, later=found[1:], now=now))
    return Explained(
        subject=subject,
        indexes=asked.indexes,
        as_of=as_of,
        policy_digest=policies.digest,
        facts=_facts(asked),
        kinds=kinds,
        waivers=[(item, item.in_force(as_of)) for item in _waivers(policies, subject)],
        actions=[action for item in kinds if item.decides for action in _actions(policies, item.decides, asked)],
    )


def _asked(
    uow: UnitOfWork, policies: PolicySet, name: str, source: str | None, index: str | None, as_of: date
) -> _Asked:
    document = _document(uow, name, source)
    if document is None:
        return _only_in_chunks(uow, policies, name, source, index)
    key = (document.source, document.document)
    indexes = uow.chunks.indexes_of().get(key, [])
    if index is not None and index not in indexes:
        held = f"it stands in {', '.join(indexes)}" if indexes else "it stands in none"
        raise InputError(f"the index {index} has nothing of this document", item=name, next_step=held)
    used = index or next(iter(indexes), None)
    places = (item for item in uow.findings.listed(as_of) if (item.place.source, item.place.document) == key)
    return _Asked(
        document=document,
        review=uow.reviews.latest_of(*key),
        indexes=indexes,
        subject=Subject.of(document, used, class_of(policies, document, used)),
        live=[item for item in places if item.period.status in {FindingStatus.OPEN, FindingStatus.ACKNOWLEDGED}],
    )


def _document(uow: UnitOfWork, name: str, source: str | None) -> Document | None:
    found = [item for item in uow.documents.named(name) if source in {None, item.source}]
    found = [item for item in found if item.state is not DocumentState.GONE] or found
    if len(found) > 1:
        raise in_several_sources(name, found)
    return found[0] if found else None


def _only_in_chunks(uow: UnitOfWork, policies: PolicySet, name: str, source: str | None, index: str | None) -> _Asked:
    """Give a document that no source knows and that chunks of an index name as theirs."""
    places = [place for place in uow.chunks.places() if index in {None, place[0]}]
    keys = {place: {key for _, key in uow.chunks.unattributed(*place)} for place in places}
    held = sorted({place[0] for place in places if name in keys[place]})
    if source is not None or not held:
        paths = {item.document for item in uow.documents.every() if source in {None, item.source}}
        near = nearest(name, paths.union(*keys.values()) if source is None else paths)
        meant = f"did you mean '{near}'? " if near else ""
        step = f"{meant}kbgov documents list shows the paths"
        raise InputError("no document of this path is known", item=name, next_step=step)
    subject = Subject(source="", path=name, index=held[0])
    known = Subject(source="", path=name, index=held[0], class_name=class_of(policies, subject))
    return _Asked(document=None, review=None, indexes=held, subject=known, live=())


@cache
def _built_in(kind: str) -> Mapping[str, Json]:
    """Give what holds where no policy of a kind matches."""
    if kind in WITHOUT_DEFAULTS:
        return {}
    empty = parse_policies(f"version: 1\npolicies:\n- {{name: built-in, kind: {kind}}}\n")
    settings: Mapping[str, Json] = json.loads(empty.canonical)["policies"][0].get(kind, {})
    return settings


def _facts(asked: _Asked) -> dict[str, Json]:
    document, review = asked.document, asked.review
    if document is None:
        return {}
    days = {name: getattr(document, name) for name in ("reviewed_on", "changed_on", "created_on")}
    return {
        "title": document.title,
        "state": document.state.value,
        "unreadable": document.unreadable.value if document.unreadable else None,
        "owner": document.owner,
        **{name: day.isoformat() if day else None for name, day in days.items()},
        "review_interval": document.review_interval,
        "verified_on": review.reviewed_on.isoformat() if review else None,
        "verified_body": review.body_hash == document.body_hash if review else None,
        "version": document.version,
        "labels": list(document.labels),
        "labeled_on": {label: day.isoformat() for label, day in sorted(document.labeled_on.items())},
        "metadata": {key: list(values) for key, values in sorted(document.attributes.items())},
    }


def _now(kind: str, asked: _Asked, policies: PolicySet, as_of: date, today: date, zone: tzinfo) -> Mapping[str, Json]:
    """Give what a rule comes to on the day, where that can be said of the document alone."""
    document = asked.document
    if document is None or not document.raw_hash or document.unreadable is not None:
        return {}
    if kind == "freshness":
        rule = freshness_rule(policies, asked.subject)
        found = assess(document, asked.review, rule, as_of=as_of, today=today)
        return {"status": found.status.value, **found.evidence}
    retained = retention_rule(policies, asked.subject) if kind == "retention" else None
    if retained is None:
        return {}
    keeping = kept(document, asked.review, retained, today=today, zone=zone)
    return {
        "event_day": keeping.event.day.isoformat() if keeping.event else None,
        "event_from": keeping.event.basis if keeping.event else None,
        "kept_until": keeping.until.isoformat() if keeping.until else None,
    }


def _waivers(policies: PolicySet, subject: Subject) -> list[Waiver]:
    about = [policy for policy in policies.policies if policy.waivers and policy.match.holds(subject)]
    return [waiver for policy in about for waiver in policy.waivers if waiver.match.holds(subject)]


def _actions(policies: PolicySet, policy: Policy, asked: _Asked) -> list[ActionExplained]:
    asking = {item.kind: actions_for(policies, item.kind, asked.subject) for item in asked.live}
    return [
        ActionExplained(
            action=planned.action.value,
            policy=policy.name,
            kinds=[glob.text for glob in planned.kinds],
            after_days=planned.after_days,
            to=planned.to,
            due_for=sorted(kind.value for kind, wanted in asking.items() if (policy, planned) in wanted),
        )
        for planned in policy.actions
    ]


def _place(policy: Policy) -> dict[str, Json]:
    return {"policy": policy.name, "file": policy.file, "line": policy.line}


def _waiver_json(waiver: Waiver, *, counts: bool) -> dict[str, Json]:
    return {
        "policy": waiver.policy,
        "file": waiver.file,
        "line": waiver.line,
        "kinds": [glob.text for glob in waiver.kinds],
        "reason": waiver.reason,
        "until": waiver.until.isoformat(),
        "by": waiver.by,
        "in_force": counts,
    }
