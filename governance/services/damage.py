"""Damage: for how many days people have been given what is wrong, times how often.

Somebody's counts say how often each chunk was retrieved. A finding's retrievals are the sum over the chunks that it
speaks of; its damage is that times the days it has been so (`services.days`), and ranks what to mend first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, NamedTuple

from governance.catalog.retrievals import DocumentRetrievals, Loaded
from governance.catalog.unit_of_work import UnitOfWork
from governance.domain.actors import LOOKING
from governance.domain.chunks import ChunkKey
from governance.domain.findings import Finding, FindingKind
from governance.domain.values import Json
from governance.services.days import days_wrong
from governance.services.findings import LIVE
from governance.services.runs import Desk

RANKED: Final = frozenset(
    {FindingKind.OVERDUE, FindingKind.SUPERSEDED, FindingKind.CONTENT, FindingKind.ORPHAN, FindingKind.GHOST}
)
RANKED_FAMILY: Final = "conflict."
"""What is overdue, drifted or contradictory: kinds that make an answer wrong. A missing page makes none."""


class About(NamedTuple):
    """What a finding speaks of: a chunk, or all chunks of a document.

    Attributes:
        chunk: None for all of the document's.
        place: (index, partition) of those that count; None for everywhere.
        indexes: Indexes of those that count, whatever the partition; None for all.

    """

    source: str
    document: str
    chunk: ChunkKey | None = None
    place: tuple[str, str] | None = None
    indexes: frozenset[str] | None = None


@dataclass(slots=True)
class Counts:
    """How often chunks were retrieved, as far as somebody asks.

    Attributes:
        chunks: By chunk.
        documents: By (source, document), then by (index, partition).

    """

    chunks: Mapping[ChunkKey, int] = field(default_factory=dict)
    documents: Mapping[tuple[str, str], Mapping[tuple[str, str], int]] = field(default_factory=dict)

    def of(self, finding: Finding) -> int:
        """Give how often the chunks that a finding speaks of were retrieved; each counts once."""
        return sum(self._of(about) for about in abouts(finding))

    def _of(self, about: About) -> int:
        if about.chunk is not None:
            return self.chunks.get(about.chunk, 0)
        found = self.documents.get((about.source, about.document), {})
        return sum(
            count
            for place, count in found.items()
            if about.place in {None, place} and (about.indexes is None or place[0] in about.indexes)
        )


@dataclass(frozen=True, slots=True)
class Damage:
    """A finding, for how many days it has been so, and how often its chunks were retrieved."""

    finding: Finding
    days: int
    retrievals: int

    @property
    def damage(self) -> int:
        """Days times retrievals."""
        return self.days * self.retrievals

    def as_json(self) -> dict[str, Json]:
        """Give the contract's object."""
        finding = self.finding.as_json()
        names = ("kind", "severity", "source", "document", "index", "chunk_id", "fingerprint")
        return {
            **{name: finding[name] for name in names},
            "days": self.days,
            "retrievals": self.retrievals,
            "damage": self.damage,
            "owner": finding["owner"],
        }


@dataclass(frozen=True, slots=True)
class Ranking:
    """What is wrong on a day, the most harmful first, and what counts that rests on."""

    as_of: date
    items: Sequence[Damage]
    loaded: Loaded


def ranked(items: Iterable[Damage]) -> list[Damage]:
    """Give the most harmful first; of equals the one whose fingerprint is smaller."""
    return sorted(items, key=lambda item: (-item.damage, item.finding.fingerprint))


def abouts(finding: Finding) -> list[About]:
    """Give what a finding speaks of, each once.

    A chunk where the finding names one, else its document, in its index and partition where it names them. A pair
    (`conflict.*`) speaks of both its sides. A page beside its older versions speaks of those alone, in the indexes
    where they meet: the newest says what is right.
    """
    found = _of_sides(finding) or _of_versions(finding) or [_of_place(finding)]
    return list(dict.fromkeys(found))


def list_damage(desk: Desk, *, as_of: date) -> Ranking:
    """Give what is open on a day of the kinds that make answers wrong, ranked by damage."""
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        findings = [item for item in uow.findings.listed(as_of) if item.period.status in LIVE and _is_ranked(item)]
        counts = _counts(uow, findings)
        histories = uow.findings.histories(sorted({item.kind.value for item in findings}))
        loaded = uow.retrievals.loaded()
    items = [
        Damage(item, days_wrong(item, histories[item.fingerprint].periods, as_of), counts.of(item)) for item in findings
    ]
    return Ranking(as_of, ranked(items), loaded)


def _is_ranked(finding: Finding) -> bool:
    return finding.kind in RANKED or finding.kind.value.startswith(RANKED_FAMILY)


def _of_place(finding: Finding) -> About:
    where = finding.place
    chunk = ChunkKey(where.index, where.partition, where.chunk_id) if where.chunk_id else None
    return About(where.source, where.document, chunk, (where.index, where.partition) if where.index else None)


def _of_sides(finding: Finding) -> list[About]:
    where, sides = finding.place, finding.period.evidence.get("sides")
    found = []
    for side in _objects(sides):
        document, chunk_id = side.get("document"), side.get("chunk_id")
        if isinstance(chunk_id, str) and where.index:
            found.append(About("", "", ChunkKey(where.index, where.partition, chunk_id)))
        elif isinstance(document, str):
            found.append(About(where.source, document, None, (where.index, where.partition) if where.index else None))
    return found


def _of_versions(finding: Finding) -> list[About]:
    evidence = finding.period.evidence
    if finding.kind is not FindingKind.SUPERSEDED:
        return []
    older = [name for name in _texts(evidence.get("members")) if name != evidence.get("canonical")]
    indexes = frozenset(_texts(evidence.get("indexes"))) or None
    return [About(finding.place.source, name, None, None, indexes) for name in older]


def _objects(value: Json) -> Iterator[Mapping[str, Json]]:
    if isinstance(value, Sequence):
        yield from (item for item in value if isinstance(item, Mapping))


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, Sequence) and not isinstance(value, str):
        yield from (item for item in value if isinstance(item, str))


def _counts(uow: UnitOfWork, findings: Sequence[Finding]) -> Counts:
    """Read the counts of what findings speak of; the rest of the counts passes by."""
    asked = [about for finding in findings for about in abouts(finding)]
    wanted = {(about.source, about.document) for about in asked if about.chunk is None}
    documents: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
    for row in uow.retrievals.by_document() if wanted else ():
        key = (row.source, row.document)
        if key in wanted:
            documents.setdefault(key, {})[_place(row)] = row.retrievals
    return Counts(uow.retrievals.counts({about.chunk for about in asked if about.chunk is not None}), documents)


def _place(row: DocumentRetrievals) -> tuple[str, str]:
    return row.index_name, row.partition
