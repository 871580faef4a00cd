"""What differs between a source and an index: from comparisons that somebody else made to findings. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from governance.detectors.structure import place_of
from governance.domain.documents import Document
from governance.domain.findings import FindingKind, Observation, Place, Severity
from governance.domain.values import Json
from governance.policy.model import DriftRule

KINDS: Final = frozenset(
    {
        FindingKind.MISSING,
        FindingKind.ORPHAN,
        FindingKind.CONTENT,
        FindingKind.UNCOVERED,
        FindingKind.UNEMBEDDED,
        FindingKind.MIXED_EMBEDDINGS,
        FindingKind.GHOST,
        FindingKind.MAPPING,
        FindingKind.LAG,
        FindingKind.UNATTRIBUTED,
    }
)
EXAMPLES: Final = 20
"""Chunk ids that a finding names at most; it says how many there are."""
ONE_BY_ONE: Final = 100
"""So many chunks without a source have a finding each; where there are more, the partition has one."""


class Doubt(StrEnum):
    """Why a chunk that stands in its document may be outdated all the same.

    MARKUP: the words are the same, but not all between them: punctuation, a list's numbers, an address. Whoever fills
    the index may have dropped the markup; where chunks are cut as they stand, the document was edited.

    CUT: it begins or ends inside a word or a number of the document. Splitters may cut there; of one that does not,
    "5 days" is no part of "15 days".

    HEAD: before it stand lines that are neither in the document nor its title. Many pipelines put some there; where
    few chunks have them, they were the document's before it was edited.
    """

    MARKUP = "markup"
    CUT = "cut"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Splitter:
    """How whoever fills an index cuts, as the chunks themselves show.

    Attributes:
        rewrites: Texts are changed on the way, so that small differences mean nothing.
        strips: Markup is dropped on the way.
        cuts_words: Chunks begin and end anywhere.
        heads: Lines are put before them that their documents do not have.

    """

    rewrites: bool = False
    strips: bool = False
    cuts_words: bool = False
    heads: bool = False

    @property
    def copies(self) -> bool:
        """Whether all of it is cut as it stands, so that any difference comes from an edit."""
        return not self.rewrites and not self.strips

    def excuses(self, doubt: Doubt) -> bool:
        """Say whether a doubt means nothing of this one."""
        if doubt is Doubt.MARKUP:
            return not self.copies
        return self.heads if doubt is Doubt.HEAD else self.cuts_words


@dataclass(frozen=True, slots=True)
class Difference:
    """A chunk that its document does not contain, or does so only doubtfully.

    Attributes:
        own: Whether our ingester cut it, so that it has to be contained to the letter.
        critical: What kind of word differs ("number", "negation", ...); None when none of these does.
        share: Share of its 5-word runs that the document lacks.
        doubt: Set when it does stand there, but perhaps by chance.
        certain: Whether an earlier comparison found this very chunk in the document: then the document was edited,
            whoever cut it.

    """

    partition: str
    chunk_id: str
    own: bool
    critical: str | None
    share: float
    doubt: Doubt | None = None
    certain: bool = False

    def counts(self, rewritten_percent: int, splitter: Splitter) -> bool:
        """Say whether the chunk is outdated, under a policy and given who cut it."""
        if self.own or self.certain:
            return True
        if self.doubt is not None:
            return not splitter.excuses(self.doubt)
        if not splitter.rewrites or self.critical is not None:
            return True
        return self.share > 0 and self.share * 100 >= rewritten_percent


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a comparison of one document with one index came to. Measures, no thresholds: those are the policy's.

    Attributes:
        words: Words of the document's text; None when the source shows no text.
        uncovered: Those of them that no chunk covers.
        chunks: How many chunks there are.
        near: How many of them another pipeline cut, and still have most of their words in common with the document;
            of those `verbatim` stand in it as they are, and of those again `cut` begin or end inside a word of it.
        missing: (partition, id) of chunks that were there once, whose text still stands in the document.
        holed_at: When a repair deleted chunks for which nothing has come yet; None when none did.
        holed_from: How many words were uncovered before that.
        compared_at: When it was compared, and `compared_by` by which version of the comparison.
        renewed_at: Of a document without text: since when the newest of its chunks is what it is.

    """

    words: int | None
    uncovered: int = 0
    chunks: int = 0
    near: int = 0
    verbatim: int = 0
    cut: int = 0
    differing: tuple[Difference, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    holed_at: str | None = None
    holed_from: int | None = None
    compared_at: str | None = None
    compared_by: str = ""
    renewed_at: str | None = None

    def as_json(self) -> dict[str, Json]:
        """Give what the catalog keeps."""
        return {
            "words": self.words,
            "uncovered": self.uncovered,
            "chunks": self.chunks,
            "near": self.near,
            "verbatim": self.verbatim,
            "cut": self.cut,
            "differing": [
                [d.partition, d.chunk_id, d.own, d.critical, d.share, d.doubt, d.certain] for d in self.differing
            ],
            "missing": [list(item) for item in self.missing],
            "holed_at": self.holed_at,
            "holed_from": self.holed_from,
            "compared_at": self.compared_at,
            "compared_by": self.compared_by,
            "renewed_at": self.renewed_at,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Verdict:
        """Read what `as_json` gave; keys of another version are left out."""
        known = {name: body[name] for name in cls.__dataclass_fields__ if name in body}
        return cls(
            **{
                **known,
                "differing": tuple(_difference(item) for item in body["differing"]),
                "missing": tuple((item[0], item[1]) for item in body["missing"]),
            }
        )

    @property
    def is_missing(self) -> bool:
        """Whether the index has nothing of a document that has text."""
        return self.chunks == 0 and self.words != 0

    def drifted(self, rule: DriftRule, splitter: Splitter) -> tuple[Difference, ...]:
        """Give the chunks that say something else than the document, under a policy and given who cut them."""
        return tuple(item for item in self.differing if item.counts(rule.rewritten_percent, splitter))

    def is_uncovered(self, rule: DriftRule) -> bool:
        """Say whether more text than the policy allows stands in no chunk; of a repair's holes none is allowed."""
        allowed = 0 if self.holed_at else rule.uncovered_percent
        return self.uncovered * 100 > allowed * (self.words or 0)

    def agrees(self, rule: DriftRule, splitter: Splitter) -> bool:
        """Say whether the index says what the source says."""
        wrong = self.is_missing or self.missing or self.drifted(rule, splitter) or self.is_uncovered(rule)
        return not wrong


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How one document stands in one index.

    Attributes:
        document: As the source has it.
        rule: The policy's thresholds.
        splitter: How whoever fills the index cuts.
        mapped: False when names do not meet, so that absence means nothing.
        pending_on: Day since which the index has said something else; None when it does not.

    """

    document: Document
    index: str
    verdict: Verdict
    rule: DriftRule
    splitter: Splitter
    mapped: bool
    pending_on: date | None = None


def _difference(item: Sequence[Any]) -> Difference:
    partition, chunk_id, own, critical, share, doubt, certain = item
    return Difference(partition, chunk_id, own, critical, share, Doubt(doubt) if doubt else None, certain)


def document_observations(standing: Standing, today: date) -> Iterator[Observation]:
    """Give what is to be said about one document in one index on the present day."""
    verdict, rule, pending_on = standing.verdict, standing.rule, standing.pending_on
    say = _Speaker(standing.document, standing.index, rule)
    drifted = verdict.drifted(rule, standing.splitter)
    if standing.mapped:
        yield from _missing(say, verdict)
    for partition in sorted({item.partition for item in drifted}):
        yield _content(say, partition, [item for item in drifted if item.partition == partition])
    if not drifted and not verdict.is_missing and not verdict.missing and verdict.is_uncovered(rule):
        yield say(
            FindingKind.UNCOVERED,
            Severity.MEDIUM,
            "share_uncovered",
            "Part of the document stands in no chunk, so no answer can come from it.",
            {"words": verdict.words, "uncovered": verdict.uncovered, "percent": _percent(verdict)},
        )
    late = pending_on is not None and rule.max_lag is not None and rule.max_lag.after(pending_on) < today
    if pending_on is not None and late and (standing.mapped or not verdict.is_missing):
        yield say(
            FindingKind.LAG,
            Severity.MEDIUM,
            "max_lag",
            "A change of the document has not reached the index within the time that the policy allows.",
            {"pending_since": pending_on.isoformat(), "max_lag": str(rule.max_lag)},
        )


def gone_observations(
    document: Document,
    index: str,
    present: Sequence[tuple[str, str]],
    ghosts: Sequence[tuple[str, str]],
    rule: DriftRule,
) -> Iterator[Observation]:
    """Say what an index still has of a document that its source has no more.

    Args:
        document: A document that is gone.
        index: Name of the index.
        present: (partition, id) of its chunks.
        ghosts: (partition, id) of those that were deleted and are there all the same.
        rule: The policy's settings.

    """
    say = _Speaker(document, index, rule)
    for partition in sorted({item[0] for item in present}):
        ids = sorted(item[1] for item in present if item[0] == partition)
        yield say(
            FindingKind.ORPHAN,
            Severity.MEDIUM,
            "source_gone",
            "The source has this document no more, but the index still answers from it.",
            _chunks(ids),
            partition,
        )
    for partition in sorted({item[0] for item in ghosts}):
        ids = sorted(item[1] for item in ghosts if item[0] == partition)
        yield say(
            FindingKind.GHOST,
            Severity.HIGH,
            "deleted_and_there",
            "These chunks were deleted, but the index still has them.",
            _chunks(ids),
            partition,
        )


def mapping_observation(source: str, index: str, paths: tuple[int, int], keys: tuple[int, int]) -> Observation:
    """Say that the names of source and index hardly meet; both pairs are (those that meet, all)."""
    return Observation(
        kind=FindingKind.MAPPING,
        severity=Severity.HIGH,
        place=Place(source=source, index=index),
        rule="fewer_than_half_meet",
        policy="",
        message=(
            "What the index calls documents hardly meets what the source calls them, so nothing is said about missing "
            "or left-over documents."
        ),
        evidence={"documents": paths[1], "documents_met": paths[0], "keys": keys[1], "keys_met": keys[0]},
    )


def unembedded_observation(place: Place, ids: Sequence[str], owner: str | None, rule: DriftRule) -> Observation:
    """Say that chunks of a document, or of none, have no vector, so that no search finds them."""
    return Observation(
        kind=FindingKind.UNEMBEDDED,
        severity=rule.severity or Severity.MEDIUM,
        place=place,
        rule="no_vector",
        policy=rule.policy,
        message="Chunks have no vector, so a search by meaning cannot find them.",
        owner=owner or rule.owner,
        evidence=_chunks(sorted(ids)),
    )


def mixed_observation(index: str, partition: str, differences: Mapping[str, Mapping[str, int]]) -> Observation:
    """Say that the vectors of one index are of different kinds."""
    return Observation(
        kind=FindingKind.MIXED_EMBEDDINGS,
        severity=Severity.MEDIUM,
        place=Place(index=index, partition=partition),
        rule=", ".join(sorted(differences))[:60],
        policy="",
        message="The vectors of this index are of different kinds, so distances between them mean nothing.",
        evidence={aspect: dict(sorted(counts.items())) for aspect, counts in sorted(differences.items())},
    )


def unattributed_observations(index: str, partition: str, ids: Sequence[str]) -> Iterator[Observation]:
    """Say which chunks have neither a source nor a title nor a link: each by itself, or all together when many."""
    message = "An answer from this chunk cannot be cited: it has no source that is known, no title and no link."
    if len(ids) <= ONE_BY_ONE:
        for chunk_id in ids:
            yield _unattributed(Place(index=index, partition=partition, chunk_id=chunk_id), message, {})
        return
    message = "Answers from these chunks cannot be cited: they have no source that is known, no title and no link."
    yield _unattributed(Place(index=index, partition=partition), message, _chunks(ids))


@dataclass(frozen=True, slots=True)
class _Speaker:
    """Makes observations about one document in one index."""

    document: Document
    index: str
    rule: DriftRule

    def __call__(
        self,
        kind: FindingKind,
        severity: Severity,
        rule: str,
        message: str,
        evidence: Mapping[str, Json],
        partition: str = "",
        chunk_id: str = "",
    ) -> Observation:
        place = place_of(self.document)
        return Observation(
            kind=kind,
            severity=self.rule.severity or severity,
            place=Place(place.source, place.document, self.index, partition, chunk_id),
            rule=rule,
            policy=self.rule.policy,
            message=message,
            owner=self.document.owner or self.rule.owner,
            evidence=evidence,
        )


def _missing(say: _Speaker, verdict: Verdict) -> Iterator[Observation]:
    if verdict.is_missing:
        yield say(
            FindingKind.MISSING,
            Severity.MEDIUM,
            "no_chunk",
            "The index has nothing of this document, so no answer can come from it.",
            {},
        )
        return
    for partition, chunk_id in verdict.missing:
        yield say(
            FindingKind.MISSING,
            Severity.MEDIUM,
            "chunk_gone",
            "A chunk that was in the index is gone, though its text still stands in the document.",
            {},
            partition,
            chunk_id,
        )


def _content(say: _Speaker, partition: str, drifted: Sequence[Difference]) -> Observation:
    ways = sorted({item.critical or item.doubt or "text" for item in drifted})
    return say(
        FindingKind.CONTENT,
        Severity.HIGH,
        ", ".join(ways)[:60],
        "The index says something else than the document says now.",
        {**_chunks(sorted(item.chunk_id for item in drifted)), "differs": list(ways)},
        partition,
    )


def _chunks(ids: Sequence[str]) -> dict[str, Json]:
    return {"chunks": list(ids[:EXAMPLES]), "count": len(ids)}


def _percent(verdict: Verdict) -> int:
    return round(verdict.uncovered * 100 / verdict.words) if verdict.words else 0


def _unattributed(place: Place, message: str, evidence: Mapping[str, Json]) -> Observation:
    return Observation(
        kind=FindingKind.UNATTRIBUTED,
        severity=Severity.MEDIUM,
        place=place,
        rule="no_source",
        policy="",
        message=message,
        evidence=evidence,
    )
