"""Which findings would open, close or change if other policies were adopted. Nothing is stored.

The catalog is audited twice as it stands at one moment, under the old and under the new policies, in a transaction
that is rolled back.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import tzinfo
from typing import Final, NamedTuple

from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.base import Word
from governance.domain.actors import LOOKING
from governance.domain.findings import Finding, Severity
from governance.domain.keys import IndexLayout
from governance.domain.values import Json, canonical_json
from governance.policy.kinds import KINDS
from governance.policy.model import PolicySet
from governance.services.audit import preview
from governance.services.audit_observe import AuditRequest
from governance.services.policy_drift import Moment, drift_again
from governance.services.runs import Desk

MEASURED: Final = frozenset({"freshness", "drift", "retention"})
"""Kinds of policies of whose findings the catalog holds all that decides."""
_OF_REQUESTS: Final = frozenset({"erasure"})


class Change(NamedTuple):
    """A finding that would be otherwise.

    Attributes:
        before: How bad it is under the old policies; None where it is not open.
        after: The same under the new ones.
        waived: Whether the new policies let it stand.

    """

    finding: Finding
    before: Severity | None
    after: Severity | None
    waived: bool = False

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        place = self.finding.place
        return {
            "fingerprint": self.finding.fingerprint,
            "kind": self.finding.kind.value,
            "source": place.source_name,
            "document": place.document or None,
            "index": place.index_name,
            "partition": place.partition,
            "chunk_id": place.chunk_id or None,
            "before": self.before.value if self.before else None,
            "after": self.after.value if self.after else None,
            "policy": self.finding.period.policy,
            "message": self.finding.period.message,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyDiff:
    """What the change of policies would bring.

    Attributes:
        opens: Findings that would be open and are not.
        closes: Findings that are open and would not be.
        changes: Findings that would be worse or better.
        not_measured: What cannot be told from the catalog, and what to do about it.
        documents: How many documents were judged.

    """

    old: str
    new: str
    opens: Sequence[Change]
    closes: Sequence[Change]
    changes: Sequence[Change]
    not_measured: Sequence[str]
    documents: int

    def as_json(self) -> dict[str, Json]:
        """Give what `kbgov policy diff --json` prints."""
        by_kind: dict[str, Json] = dict(self.by_kind())
        return {
            "old": self.old,
            "new": self.new,
            "documents": self.documents,
            "opens": [item.as_json() for item in self.opens],
            "closes": [{**item.as_json(), "waived": item.waived} for item in self.closes],
            "changes": [item.as_json() for item in self.changes],
            "by_kind": by_kind,
            "not_measured": list(self.not_measured),
        }

    def by_kind(self) -> dict[str, dict[str, int]]:
        """Give, per kind of finding that changes at all, how many open, close and change."""
        counts = {
            name: Counter(item.finding.kind.value for item in getattr(self, name))
            for name in ("opens", "closes", "changes")
        }
        kinds = sorted(frozenset().union(*counts.values()))
        return {kind: {name: count[kind] for name, count in counts.items()} for kind in kinds}


class _Judged(NamedTuple):
    """What is found under one set."""

    live: Mapping[str, Finding]
    observed: frozenset[str]
    not_covered: Sequence[str]
    documents: int


def diff_policies(
    desk: Desk,
    old: PolicySet,
    new: PolicySet,
    *,
    layouts: Mapping[str, IndexLayout],
    sources: Sequence[str],
    zone: tzinfo,
) -> PolicyDiff:
    """Say which findings would open, close or change severity on the present day if `new` stood in the place of `old`.

    Args:
        desk: The catalog; its own policies do not count.
        old: The policies to compare with.
        new: The policies that would be adopted.
        layouts: Which sources go into which index.
        sources: Names of the configured sources.
        zone: The time zone whose days count.

    """
    desk.actor.require(*LOOKING)
    request = AuditRequest(words=tuple(Word), sources=sources, as_of=desk.today, zone=zone)
    with desk.catalog.scratch() as uow:
        before, after = (_judged(uow, replace(desk, policies=item), request, layouts) for item in (old, new))
    opens = [_change(after.live[key], None, after.live[key]) for key in after.live.keys() - before.live.keys()]
    closes = [
        Change(before.live[key], before.live[key].period.severity, None, waived=key in after.observed)
        for key in before.live.keys() - after.live.keys()
    ]
    both = [(before.live[key], after.live[key]) for key in before.live.keys() & after.live.keys()]
    changes = [_change(now, was, now) for was, now in both if was.period.severity is not now.period.severity]
    return PolicyDiff(
        old=old.digest,
        new=new.digest,
        opens=sorted(opens, key=_order),
        closes=sorted(closes, key=_order),
        changes=sorted(changes, key=_order),
        not_measured=(*_not_measured(old, new), *after.not_covered),
        documents=after.documents,
    )


def _judged(uow: UnitOfWork, desk: Desk, request: AuditRequest, layouts: Mapping[str, IndexLayout]) -> _Judged:
    moment = Moment(policies=desk.policies, today=desk.today, now=desk.clock(), zone=request.zone)
    with uow.undone():
        drift = drift_again(uow, layouts, moment)
        observed, found = preview(uow, desk, request, drift)
    return _Judged(
        live={item.fingerprint: item for item in found.live},
        observed=frozenset(item.fingerprint for item in observed.observations),
        not_covered=drift.not_covered,
        documents=observed.coverage.documents,
    )


def _change(finding: Finding, was: Finding | None, now: Finding) -> Change:
    return Change(finding, was.period.severity if was else None, now.period.severity)


def _order(item: Change) -> tuple[str, int, tuple[str, ...], str]:
    severity = item.after or item.before or Severity.LOW
    return (item.finding.kind.value, -severity.rank, astuple(item.finding.place), item.finding.fingerprint)


def _not_measured(old: PolicySet, new: PolicySet) -> Iterator[str]:
    """Say of which kinds the policies differ although what they decide about is not in the catalog."""
    for kind in KINDS:
        if kind in MEASURED or _of_kind(old, kind) == _of_kind(new, kind):
            continue
        if kind in _OF_REQUESTS:
            yield f"{kind}: its policies differ; they decide about requests, not about findings"
        else:
            yield f"{kind}: its policies differ; every text must be scanned for it, which this version does not do"
    if old.limits != new.limits:
        yield "limits: they differ; they hold for what is done from the next command on"


def _of_kind(policies: PolicySet, kind: str) -> bytes:
    """Give all that the policies of a kind say, as one text."""
    written = json.loads(policies.canonical)["policies"]
    return canonical_json([item for item in written if item["kind"] == kind])
