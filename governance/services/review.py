"""What documents are known, how fresh they are, and the reviews that people record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from governance.catalog.unit_of_work import UnitOfWork
from governance.detectors.freshness import Assessment, FreshnessStatus, assess
from governance.detectors.structure import place_of, told_target
from governance.domain.actors import LOOKING, Role
from governance.domain.documents import Document, DocumentState, Review
from governance.domain.errors import InputError
from governance.domain.events import Action, Event, document_thing
from governance.domain.values import Json, digest_of
from governance.policy.resolve import freshness_rule
from governance.services.runs import Desk


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessedDocument:
    """A document and how fresh it is on a day."""

    document: Document
    assessment: Assessment

    def as_json(self) -> dict[str, Json]:
        """Give the contract's document object."""
        item, found = self.document, self.assessment
        return {
            "document": item.document,
            "source": place_of(item).source_name,
            "title": item.title,
            "owner": item.owner,
            "reviewed_on": found.reviewed_on.isoformat() if found.reviewed_on else None,
            "due": found.due.isoformat() if found.due else None,
            "status": found.status.value,
            "evidence": dict(found.evidence),
            "days_overdue": found.days_overdue,
            "state": item.state.value,
            "version": item.version,
            "words": item.words,
            "redirect": told_target(item.redirect),
            "changed_on": item.changed_on.isoformat() if item.changed_on else None,
        }


def list_documents(desk: Desk, *, as_of: date, status: FreshnessStatus | None = None) -> list[AssessedDocument]:
    """Give the documents with their freshness: the longest overdue first, then by due day, then by path."""
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        reviews, indexes = uow.reviews.latest(), uow.chunks.index_of()
        items = [
            AssessedDocument(
                document=document,
                assessment=_assess(desk, document, reviews.get(key), indexes.get(key), as_of),
            )
            for document in uow.documents.every()
            if document.unreadable is None and document.raw_hash and (key := (document.source, document.document))
        ]
    kept = [item for item in items if status is None or item.assessment.status is status]
    return sorted(kept, key=_rank)


def show_document(desk: Desk, name: str, *, source: str | None, as_of: date) -> AssessedDocument:
    """Give one document with its freshness.

    Raises:
        InputError: No document, or more than one, has this path.

    """
    desk.actor.require(*LOOKING)
    with desk.catalog.read() as uow:
        document = _one(uow, name, source)
        review = uow.reviews.latest_of(document.source, document.document)
        index = uow.chunks.index_of().get((document.source, document.document))
    return AssessedDocument(document=document, assessment=_assess(desk, document, review, index, as_of))


def verify_document(desk: Desk, name: str, *, source: str | None, day: date) -> Review:
    """Record that the acting person has read the document and that it is right.

    The review is bound to the body that the catalog knows: when the body changes, it counts no longer.

    Raises:
        InputError: No document, or more than one, has this path; or the day is in the future.

    """
    desk.actor.require(Role.STEWARD)
    if day > desk.today:
        raise InputError(
            "a review cannot lie in the future", item=day.isoformat(), next_step="give today or an earlier day"
        )
    now = desk.clock()
    with desk.catalog.write() as uow:
        document = _one(uow, name, source)
        review = Review(
            source=document.source,
            document=document.document,
            reviewed_on=day,
            body_hash=document.body_hash,
            actor=desk.actor.id,
            recorded_at=now,
        )
        uow.reviews.add(review)
        uow.record(
            Event(
                action=Action.DOCUMENT_REVIEWED,
                at=now,
                actor=desk.actor,
                outcome="done",
                digest=digest_of([document.source, document.document, document.body_hash]),
                about=document_thing(document.source, document.document),
            )
        )
    return review


def _one(uow: UnitOfWork, name: str, source: str | None) -> Document:
    found = [item for item in uow.documents.named(name) if source in {None, item.source}]
    living = [item for item in found if item.state is not DocumentState.GONE and item.unreadable is None]
    if len(living) == 1:
        return living[0]
    if living:
        raise in_several_sources(name, living)
    raise InputError(
        "no readable document of this path is known", item=name, next_step="kbgov documents list shows the paths"
    )


def in_several_sources(name: str, documents: Sequence[Document]) -> InputError:
    """Give the error of whoever named a document by a path that several sources have."""
    listed = ", ".join(item.source for item in documents)
    return InputError(
        f"{len(documents)} sources have a document of this path", item=name, next_step=f"name one by --source: {listed}"
    )


def _assess(desk: Desk, document: Document, review: Review | None, index: str | None, as_of: date) -> Assessment:
    rule = freshness_rule(desk.policies, document, index)
    return assess(document, review, rule, as_of=as_of, today=max(desk.today, as_of))


def _rank(item: AssessedDocument) -> tuple[int, date, str, str]:
    overdue = item.assessment.days_overdue or 0
    return (-overdue, item.assessment.due or date.max, item.document.source, item.document.document)
