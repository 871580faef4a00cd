"""What the shape of a document says: no text, only a pointer elsewhere, or not readable at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from governance.domain.documents import Document, DocumentState, ProblemCode
from governance.domain.findings import FindingKind, Observation, Place, Severity

_LONGEST_TARGET: Final = 300
_AFTER_READING: Final = frozenset({ProblemCode.EMBEDDING_FAILED, ProblemCode.NOT_STORED, ProblemCode.NO_TEXT})


def structure_observations(document: Document) -> Iterator[Observation]:
    """Give `drift.stub` for a page that only says it moved, else `drift.empty` for one without a word of text.

    A document that is gone, or whose bytes could not be read, is not judged.
    """
    if document.state is DocumentState.GONE or document.unreadable is not None:
        return
    if document.redirect is not None:
        yield _stub(document, document.redirect)
    elif document.words == 0:  # None: the source shows no text, so nobody can say
        yield Observation(
            kind=FindingKind.EMPTY,
            severity=Severity.MEDIUM,
            place=place_of(document),
            rule="no_words",
            policy="",
            message="The page holds no text outside headings and template tags.",
            owner=document.owner,
        )


def coverage_observations(document: Document) -> Iterator[Observation]:
    """Give `coverage.unreadable` when the document is there but could not be read, or not be indexed."""
    if document.state is DocumentState.GONE or document.unreadable is None:
        return
    what = "put into the index" if document.unreadable in _AFTER_READING else "read"
    yield Observation(
        kind=FindingKind.UNREADABLE,
        severity=Severity.HIGH,
        place=place_of(document),
        rule=document.unreadable.value,
        policy="",
        message=f"The document could not be {what} ({document.unreadable.value}), so it was not audited.",
        owner=document.owner,
        evidence={"code": document.unreadable.value},
    )


def place_of(document: Document) -> Place:
    """Give the place of a finding about a whole document."""
    return Place(source=document.source, document=document.document)


def _stub(document: Document, target: str) -> Observation:
    where = "elsewhere" if target else "without saying where"
    return Observation(
        kind=FindingKind.STUB,
        severity=Severity.LOW,
        place=place_of(document),
        rule="moved",
        policy="",
        message=f"The page holds no answer, it only says that it moved {where}.",
        owner=document.owner,
    )


def told_target(redirect: str | None) -> str | None:
    """Give where a page says that it moved, to be shown beside the page; a finding never repeats it.

    An address can name a person or carry a password (user@host); such a one stays in the page.
    """
    if not redirect or "@" in redirect or "%40" in redirect or len(redirect) > _LONGEST_TARGET:
        return None
    return redirect
