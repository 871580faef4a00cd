"""What would make an index right again, item by item: pure decisions over how documents stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.detectors.drift import Difference, Splitter, Standing
from governance.domain.findings import FindingKind
from governance.domain.values import Json, digest_of


class RepairOp(StrEnum):
    """What is to be done."""

    DELETE = "delete"
    INDEX = "index"


class RepairBy(StrEnum):
    """Who does it: this program, or whoever fills the index."""

    KBGOV = "kbgov"
    PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairItem:
    """One thing to do.

    Attributes:
        chunk_id: What to delete; "" where a whole document is to be indexed.
        reason: Kind of the finding that asks for it.
        fact: What must still hold when it is done: the chunk's body hash, or the document's raw hash.
        again: (partition, id) of chunks of our own that are to be written anew although they are there.

    """

    op: RepairOp
    by: RepairBy
    index: str
    partition: str
    source: str
    document: str
    chunk_id: str
    uri: str
    reason: str
    fact: str
    again: tuple[tuple[str, str], ...] = ()

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it the same item in a later look: everything but why."""
        return (self.op, self.by, self.index, self.partition, self.source, self.document, self.chunk_id, self.fact)

    def as_line(self) -> dict[str, Json]:
        """Give what a pipeline reads, and a person who approves."""
        return {
            "op": self.op.value,
            "index": self.index,
            "partition": self.partition,
            "source": self.source,
            "document": self.document,
            "chunk_id": self.chunk_id or None,
            "uri": self.uri,
            "reason": self.reason,
        }

    def as_json(self) -> dict[str, Json]:
        """Give what is stored."""
        kept: dict[str, Json] = {"again": [list(place) for place in self.again]}
        return {**self.as_line(), **kept, "chunk_id": self.chunk_id, "by": self.by.value, "fact": self.fact}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RepairItem:
        """Read what `as_json` gave."""
        again = tuple((partition, chunk_id) for partition, chunk_id in body["again"])
        return cls(**{**body, "op": RepairOp(body["op"]), "by": RepairBy(body["by"]), "again": again})


def digest_of_items(items: Iterable[RepairItem]) -> str:
    """Give the plan's digest: the same items, in whatever order, have the same."""
    rows: list[Json] = [item.as_json() for item in sorted(items, key=lambda item: item.identity)]
    return digest_of(rows)


@dataclass(frozen=True, slots=True, kw_only=True)
class PairFacts:
    """What is known of a pair beside how its documents stand.

    Attributes:
        own: Whether our own ingester, and nobody else, fills the index.
        believed: Whether the source was listed completely just now: without that nothing is deleted.
        hashes: Body hash of each chunk in question, by (partition, id).
        unembedded: By document: (partition, id) of its chunks without a vector.

    """

    source: str
    index: str
    own: bool
    believed: bool
    hashes: Mapping[tuple[str, str], str]
    unembedded: Mapping[str, Sequence[tuple[str, str]]]


def items_of(standing: Standing, facts: PairFacts) -> Iterator[RepairItem]:
    """Give what one document needs.

    Where our ingester fills the index, indexing the document anew replaces what is wrong, new before old. Where
    another pipeline does, chunks that are wrong without doubt are deleted here and the document is that pipeline's
    to index.
    """
    drifted = standing.verdict.drifted(standing.rule, standing.splitter)
    wrong = tuple((item.partition, item.chunk_id) for item in drifted)
    bare = tuple(facts.unembedded.get(standing.document.document, ()))
    if not facts.own and facts.believed:
        for place in _surely_wrong(drifted, standing.splitter):
            yield _delete(standing, facts, place, FindingKind.CONTENT)
    reason = _why_index(standing, wrong, bare)
    if reason is not None:
        document = standing.document
        yield RepairItem(
            op=RepairOp.INDEX,
            by=RepairBy.KBGOV if facts.own else RepairBy.PIPELINE,
            index=facts.index,
            partition="",
            source=facts.source,
            document=document.document,
            chunk_id="",
            uri=document.uri,
            reason=reason.value,
            fact=document.raw_hash,
            again=tuple(sorted({*wrong, *bare})) if facts.own else (),
        )


def _surely_wrong(drifted: Sequence[Difference], splitter: Splitter) -> list[tuple[str, str]]:
    """Give the chunks that an edit left behind without doubt: the others are the pipeline's to replace.

    Whoever rewrites texts, or drops their markup, makes chunks that differ and were never right or wrong.
    """
    sure = [item for item in drifted if item.certain or (item.doubt is None and splitter.copies)]
    return [(item.partition, item.chunk_id) for item in sure]


def left_over(
    document: str, uri: str, places: Sequence[tuple[str, str]], kind: FindingKind, facts: PairFacts
) -> Iterator[RepairItem]:
    """Give the deletions of what the source has no more; none unless its absence was just confirmed."""
    if not facts.believed:
        return
    for partition, chunk_id in places:
        yield RepairItem(
            op=RepairOp.DELETE,
            by=RepairBy.KBGOV,
            index=facts.index,
            partition=partition,
            source=facts.source,
            document=document,
            chunk_id=chunk_id,
            uri=uri,
            reason=kind.value,
            fact=facts.hashes.get((partition, chunk_id), ""),
        )


def _delete(standing: Standing, facts: PairFacts, place: tuple[str, str], kind: FindingKind) -> RepairItem:
    document = standing.document
    return next(left_over(document.document, document.uri, [place], kind, facts))


def _why_index(
    standing: Standing, wrong: Sequence[tuple[str, str]], bare: Sequence[tuple[str, str]]
) -> FindingKind | None:
    """Give the strongest reason to index a document anew, None when there is none."""
    verdict = standing.verdict
    if standing.mapped and verdict.is_missing:
        return FindingKind.MISSING
    if verdict.is_missing:
        return None
    if wrong:
        return FindingKind.CONTENT
    if standing.mapped and verdict.missing:
        return FindingKind.MISSING
    if verdict.is_uncovered(standing.rule):
        return FindingKind.UNCOVERED
    return FindingKind.UNEMBEDDED if bare else None
