"""A document as a source shows it and as the catalog remembers it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class DocumentState(StrEnum):
    """Whether the source still has the document.

    A document absent from one complete listing is suspect; from a second one, gone.
    """

    PRESENT = "present"
    SUSPECT = "suspect"
    GONE = "gone"


class ProblemCode(StrEnum):
    """Why a value in a document's front matter, or the document itself, could not be used."""

    FRONT_MATTER_SYNTAX = "front_matter_syntax"
    FRONT_MATTER_NOT_A_MAPPING = "front_matter_not_a_mapping"
    FRONT_MATTER_UNCLOSED = "front_matter_unclosed"
    FRONT_MATTER_TOO_LARGE = "front_matter_too_large"
    NOT_A_SCALAR = "not_a_scalar"
    BAD_DATE = "bad_date"
    BAD_INTERVAL = "bad_interval"
    NOT_UTF8 = "not_utf8"
    NUL_BYTE = "nul_byte"
    TOO_LARGE = "too_large"
    NO_ACCESS = "no_access"
    NAME_NOT_UTF8 = "name_not_utf8"
    NAME_TOO_LONG = "name_too_long"
    CHANGED_WHILE_READ = "changed_while_read"
    EMBEDDING_FAILED = "embedding_failed"
    NOT_STORED = "not_stored"
    NO_TEXT = "no_text"
    DUPLICATE_ID = "duplicate_id"


class DayOrigin(StrEnum):
    """Who says on which day a document was made: it does itself, or the history of its source."""

    DOCUMENT = "document"
    HISTORY = "history"


@dataclass(frozen=True, slots=True)
class Problem:
    """One value that could not be used. Holds where and why, never the value itself."""

    code: ProblemCode
    field: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One document as last observed. Its text is carried by `ParsedDocument`, never stored.

    Attributes:
        source: Name of the configured source.
        document: Path relative to the source's root, with forward slashes.
        uri: Where a person finds it.
        raw_hash: SHA-256 of the file's bytes.
        body_hash: SHA-256 of the body: front matter off, line ends LF, ends stripped.
        meta_hash: Digest over everything that goes into the chunks' metadata.
        words: Words of the body outside headings and template tags; None when the source shows no text.
        redirect: Where a stub points to, if the page only says that it moved; "" when it does not say where.
        changed_on: Day of the last change by the source's own history (git), if it has one.
        created_on: Day on which it was made: from front matter, else the first day of the source's own history.
        created_from: Which of the two; None where neither says it.
        reviewed_on: Day of the last review, from front matter.
        review_interval: Canonical interval ("6 months"), from front matter.
        logical_id: What the page is, whichever version: versions of one page share it.
        labeled_on: By label, the day (UTC) on which the catalog first saw it on the document.
        attributes: Further metadata by key, as far as the configuration names the keys: policies may look at them.
        problems: What could not be read of the front matter.
        unreadable: Why the document itself could not be read; its other facts are then those of the last good read.
        body_seen_at: When the catalog first saw this body.

    """

    source: str
    document: str
    uri: str
    title: str
    raw_hash: str
    body_hash: str
    meta_hash: str
    size: int
    words: int | None
    redirect: str | None = None
    owner: str | None = None
    changed_on: date | None = None
    created_on: date | None = None
    created_from: DayOrigin | None = None
    reviewed_on: date | None = None
    review_interval: str | None = None
    logical_id: str = ""
    version: str | None = None
    labels: tuple[str, ...] = ()
    labeled_on: Mapping[str, date] = field(default_factory=dict)
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    unreadable: ProblemCode | None = None
    state: DocumentState = DocumentState.PRESENT
    first_seen: datetime | None = None
    body_seen_at: datetime | None = None
    absent_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDocument:
    """A document with its text, as it comes from a source.

    Attributes:
        record: The facts that the catalog keeps.
        body: Text for chunking: front matter and template tags off. None when the source shows only a hash of it.
        full_text: The text as it lies in the source, where that is more than the body: another pipeline may have
            cut its chunks from it. None where it is the same.

    """

    record: Document
    body: str | None = field(repr=False)
    full_text: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A person's word that a document is right, bound to the body that they saw."""

    source: str
    document: str
    reviewed_on: date
    body_hash: str
    actor: str
    recorded_at: datetime
