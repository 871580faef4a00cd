"""How each document stands in an index under the policies, since when, and how long changes took to arrive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import Final

from governance.catalog.comparisons import Comparison
from governance.catalog.unit_of_work import Catalog, UnitOfWork
from governance.detectors.drift import Doubt, Splitter, Standing, Verdict
from governance.domain.documents import DocumentState
from governance.policy.model import PolicySet
from governance.policy.resolve import drift_rule
from governance.services.context import RunContext
from governance.services.judge_chunks import NEAR
from governance.services.ordered import Follower

_SAVED: Final = 500
FEW: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class PairView:
    """One source in one index, as compared.

    Attributes:
        splitter: How whoever fills the index cuts.
        mapped: Whether the names of both meet.
        zone: The time zone whose days count.

    """

    source: str
    index: str
    splitter: Splitter
    mapped: bool
    policies: PolicySet
    zone: tzinfo = UTC


def splitter_of(uow: UnitOfWork, source: str, index: str) -> Splitter:
    """Give how whoever fills an index cuts, as its chunks show.

    A few chunks that differ from their documents were left behind by edits; many of one kind show what is done to all
    texts on the way, or to those of one of several pipelines. Chunks that hardly resemble their documents any more
    tell nothing.
    """
    near = verbatim = cut = stripped = reworded = headed = 0
    for item in uow.comparisons.of(index, source):
        verdict = Verdict.from_json(item.verdict)
        near += verdict.near
        verbatim += verdict.verbatim
        cut += verdict.cut
        for each in verdict.differing:
            tells = not each.own and each.share <= NEAR
            headed += tells and each.doubt is Doubt.HEAD
            stripped += tells and each.doubt is Doubt.MARKUP
            reworded += tells and each.doubt is None and each.critical is None
    return Splitter(
        rewrites=_are_many(reworded, near),
        strips=_are_many(stripped, near),
        cuts_words=_are_many(cut, verbatim),
        heads=_are_many(headed, near),
    )


def _are_many(count: int, of: int) -> bool:
    """Say whether that many are too many to be left behind by edits: most, or more than a few and one in twenty."""
    return count * 2 > of or (count > FEW and count * 20 > of)


def standings(uow: UnitOfWork, view: PairView) -> Iterator[tuple[Standing, Comparison]]:
    """Give how each document that could be compared stands, ordered by path."""
    compared = Follower((item.document, item) for item in uow.comparisons.of(view.index, view.source))
    for document in uow.documents.in_any_state(view.source):
        item = compared.at(document.document)
        if item is None or document.state is not DocumentState.PRESENT:
            continue
        standing = Standing(
            document=document,
            index=view.index,
            verdict=Verdict.from_json(item.verdict),
            rule=drift_rule(view.policies, document, view.index),
            splitter=view.splitter,
            mapped=view.mapped,
            pending_on=item.pending_since.astimezone(view.zone).date() if item.pending_since else None,
        )
        yield standing, item


def settle_pending(catalog: Catalog, view: PairView, context: RunContext, now: datetime) -> None:
    """Note since when index and source disagree, and of those that agree again how long that took.

    Both ends are what we saw: from the moment when the catalog first saw the change in the source to the one when a
    comparison first saw it in the index.
    """
    with catalog.read() as uow:
        changed = unsettled(uow, view, now)
    for start in range(0, len(changed), _SAVED):
        with catalog.write() as uow:
            context.fence(uow)
            uow.comparisons.save(changed[start : start + _SAVED])


def unsettled(uow: UnitOfWork, view: PairView, now: datetime) -> list[Comparison]:
    """Give the comparisons of which it is to be noted otherwise since when index and source disagree."""
    return [after for standing, item in standings(uow, view) if (after := _settled(standing, item, now)) != item]


def _settled(standing: Standing, item: Comparison, now: datetime) -> Comparison:
    if not standing.verdict.agrees(standing.rule, standing.splitter) or _is_awaited(standing, item.pending_since):
        return item if item.pending_since else replace(item, pending_since=now)
    if item.pending_since is None:
        return item
    return replace(item, pending_since=None, lag_seconds=max(0, round((now - item.pending_since).total_seconds())))


def _is_awaited(standing: Standing, pending_since: datetime | None) -> bool:
    """Say whether nothing shows yet that a change of a document without text has reached the index.

    It has when a chunk became another one afterwards; by the day on which the source says it was changed, too: the
    index may have been faster than the list.
    """
    verdict, changed_on = standing.verdict, standing.document.changed_on
    if verdict.words is not None or pending_since is None:
        return False
    if verdict.renewed_at is None:
        return True
    renewed_at = datetime.fromisoformat(verdict.renewed_at)
    return renewed_at < pending_since and (changed_on is None or renewed_at.date() <= changed_on)
