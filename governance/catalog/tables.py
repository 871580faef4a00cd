"""Tables of the catalog. Columns marked `identifier` are the only ones that may hold a name, a path or an id.

Names of sources, indexes, policies and anchors come from the configuration: they name no person. A partition is called
whatever its tenant is called, and policies say who granted a waiver.

Chunk text is never stored here. No foreign keys: history must outlive what it describes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
)
from sqlalchemy.dialects.postgresql import JSONB, TEXT

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

IDENTIFIER: dict[str, Any] = {"identifier": True}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment in UTC; SQLite keeps it as ISO text without a zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive moments; store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone reached the catalog")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the moment back as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonColumn = JSON().with_variant(JSONB(), "postgresql")
Name = Text().with_variant(TEXT(collation="C"), "postgresql")
"""Text that is sorted or compared: by code point on both databases, so that the same input gives the same order."""

Serial = BigInteger().with_variant(Integer(), "sqlite")

document = Table(
    "document",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("document", Name, primary_key=True, info=IDENTIFIER),
    Column("uri", Text, nullable=False, info=IDENTIFIER),
    Column("title", Text, nullable=False, info=IDENTIFIER),
    Column("owner", Text, info=IDENTIFIER),
    Column("raw_hash", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("meta_hash", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("words", BigInteger),  # null where the source shows no text
    Column("redirect", Text, info=IDENTIFIER),
    Column("changed_on", Date),
    Column("created_on", Date),
    Column("created_from", String(20)),  # who says so: the document, or the history of its source
    Column("reviewed_on", Date),
    Column("review_interval", String(20)),
    Column("logical_id", Text, nullable=False, info=IDENTIFIER),
    Column("version", Text, info=IDENTIFIER),
    Column("labels", JsonColumn, nullable=False, info=IDENTIFIER),
    Column("labeled_on", JsonColumn, nullable=False, info=IDENTIFIER),  # by label: the day on which it was first seen
    Column("attributes", JsonColumn, nullable=False, info=IDENTIFIER),  # metadata that the configuration names
    Column("problems", JsonColumn, nullable=False),
    Column("unreadable", String(40)),
    Column("state", String(10), nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("body_seen_at", UtcDateTime, nullable=False),
    Column("seen_from", UtcDateTime, nullable=False),  # since when these bytes stand in this state
    Column("absent_since", UtcDateTime),
)

source_state = Table(
    "source_state",
    metadata,
    Column("source", String(100), primary_key=True),
    Column("recipe", String(64), nullable=False),
    Column("listed_at", UtcDateTime),  # last complete, believed listing
    Column("listing_run", BigInteger),
    Column("refused_reason", String(40)),  # set while the last listing was refused
    Column("refused_seen", BigInteger),
    Column("refused_known", BigInteger),
    Column("interruption", Text, info=IDENTIFIER),  # why the last listing was incomplete; may name a folder
    Column("attempted_at", UtcDateTime, nullable=False),
    Column("documents_seen", BigInteger, nullable=False),
)

indexed_document = Table(
    "indexed_document",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("source", String(100), primary_key=True),
    Column("document", Name, primary_key=True, info=IDENTIFIER),
    Column("raw_hash", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("meta_hash", String(64), nullable=False),
    Column("recipe", String(64), nullable=False),
    Column("chunks", Integer, nullable=False),
    Column("chunks_digest", String(64), nullable=False),  # over ids and metadata hashes, as the index had them
    Column("indexed_at", UtcDateTime, nullable=False),
)

chunk = Table(
    "chunk",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("chunk_id", Name, primary_key=True, info=IDENTIFIER),
    Column("sighting", String(80), nullable=False),  # digest of text and metadata, then the mark
    Column("state", String(10), nullable=False),
    Column("source", String(100), nullable=False),  # "" when it belongs to none
    Column("document", Name, nullable=False, info=IDENTIFIER),  # the index's own key when it belongs to no source
    Column("position", Integer, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("meta_hash", String(64), nullable=False),
    Column("made_by", String(200), nullable=False),  # identity of our embedder; "" when another pipeline made it
    Column("words", Integer, nullable=False),  # these three: a print of the text, see `detectors.texts`
    Column("anchor", String(16), nullable=False),
    Column("inner_hash", String(32), nullable=False),
    Column("citable", Boolean, nullable=False),  # whether an answer from it can be cited: a source, a title or a link
    Column("mark_written", String(40), nullable=False),  # what we last wrote beside the chunk
    Column("first_seen", UtcDateTime, nullable=False),
    Column("seen_from", UtcDateTime, nullable=False),  # since when it says this
    Column("gone_at", UtcDateTime),
    Index("ix_chunk_place_document", "index_name", "partition", "source", "document"),
    Index("ix_chunk_chunk_id", "chunk_id"),
    sqlite_with_rowid=False,
)

chunk_history = Table(
    "chunk_history",
    metadata,
    Column("history_id", Serial, primary_key=True, autoincrement=True),
    Column("index_name", String(100), nullable=False),
    Column("partition", String(255), nullable=False, info=IDENTIFIER),
    Column("chunk_id", Name, nullable=False, info=IDENTIFIER),
    Column("state", String(10), nullable=False),
    Column("source", String(100), nullable=False),
    Column("document", Name, nullable=False, info=IDENTIFIER),
    Column("position", Integer, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("seen_from", UtcDateTime, nullable=False),
    Column("seen_until", UtcDateTime, nullable=False),
    Index("ix_chunk_history_chunk_id", "chunk_id"),
)

document_history = Table(
    "document_history",
    metadata,
    Column("history_id", Serial, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("document", Name, nullable=False, info=IDENTIFIER),
    Column("raw_hash", String(64), nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("version", Text, info=IDENTIFIER),
    Column("state", String(10), nullable=False),
    Column("reviewed_on", Date),
    Column("changed_on", Date),
    Column("seen_from", UtcDateTime, nullable=False),
    Column("seen_until", UtcDateTime, nullable=False),
    Index("ix_document_history_source_document", "source", "document"),
)

partition_state = Table(
    "partition_state",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("recipe", String(64), nullable=False),  # how chunks are attributed; another one means: look at all again
    Column("cursor", Text, info=IDENTIFIER),  # where an interrupted pass goes on
    Column("pass_started", UtcDateTime),  # null when no pass is under way
    Column("pass_recipe", String(64), nullable=False),
    Column("completed_at", UtcDateTime),
    Column("chunks", BigInteger, nullable=False),
)

comparison = Table(
    "comparison",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("source", String(100), primary_key=True),
    Column("document", Name, primary_key=True, info=IDENTIFIER),
    Column("basis", String(64), nullable=False),  # digest of all that was compared: the same basis, the same verdict
    Column("verdict", JsonColumn, nullable=False, info=IDENTIFIER),
    Column("body_hash", String(64), nullable=False),
    Column("pending_since", UtcDateTime),  # since when the index says something else than the source
    Column("lag_seconds", BigInteger),  # how long the last change took to arrive; null when that was not witnessed
)

repair_plan = Table(
    "repair_plan",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("run_id", BigInteger, nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("body", JsonColumn, nullable=False, info=IDENTIFIER),  # its items; emptied when it is applied
    Column("finished_at", UtcDateTime),
)

status_reason = Table(
    "status_reason",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("source", String(100), primary_key=True),
    Column("document", Name, primary_key=True, info=IDENTIFIER),
    Column("chunk_id", Name, primary_key=True, info=IDENTIFIER),  # "" for all of the document's
    Column("setter", String(100), primary_key=True),  # what set it, and alone lifts it
    Column("status", String(20), nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

retrieval = Table(
    "retrieval",
    metadata,
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("chunk_id", Name, primary_key=True, info=IDENTIFIER),
    Column("retrievals", BigInteger, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
)

signature = Table(
    "signature",
    metadata,
    Column("scheme", String(40), primary_key=True),
    Column("index_name", String(100), primary_key=True),
    Column("partition", String(255), primary_key=True, info=IDENTIFIER),
    Column("chunk_id", Name, primary_key=True, info=IDENTIFIER),
    Column("key", Name, primary_key=True, info=IDENTIFIER),
    Column("value", Text, nullable=False, info=IDENTIFIER),
    Column("source", String(100), nullable=False),
    Column("document", Name, nullable=False, info=IDENTIFIER),
    Index("ix_signature_scheme_key", "scheme", "key"),
)

review = Table(
    "review",
    metadata,
    Column("review_id", Serial, primary_key=True, autoincrement=True),
    Column("source", String(100), nullable=False),
    Column("document", Name, nullable=False, info=IDENTIFIER),
    Column("reviewed_on", Date, nullable=False),
    Column("body_hash", String(64), nullable=False),
    Column("actor", Text, nullable=False, info=IDENTIFIER),
    Column("recorded_at", UtcDateTime, nullable=False),
    Index("ix_review_source_document", "source", "document"),
)

run = Table(
    "run",
    metadata,
    Column("run_id", Serial, primary_key=True, autoincrement=True),
    Column("command", String(40), nullable=False),
    Column("actor", Text, nullable=False, info=IDENTIFIER),
    Column("actor_kind", String(20), nullable=False),
    Column("identity", String(20), nullable=False),
    Column("state", String(20), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("as_of", Date),
    Column("recorded", Boolean, nullable=False),
    Column("policy_digest", String(64)),
    Column("areas", JsonColumn, nullable=False),  # what an audit looked at, in the words of --only
    Column("counts", JsonColumn, nullable=False),
)

policy_set = Table(
    "policy_set",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("body", Text, nullable=False, info=IDENTIFIER),  # patterns over paths, owners, who granted a waiver
    Column("first_used", UtcDateTime, nullable=False),
)

audit_entry = Table(
    "audit_entry",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 0, without a gap: the only order
    Column("body", Text, nullable=False),  # canonical JSON, see `domain.log_entry`
    Column("hashes", LargeBinary, nullable=False),  # of the leaf, then of each complete subtree that ends with it
    sqlite_with_rowid=False,  # else a replacement of a row by its rowid goes past the triggers
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True),  # always 1; whoever appends locks this row
    Column("size", BigInteger, nullable=False),
    Column("frontier", LargeBinary, nullable=False),  # hashes of the complete subtrees, the largest first
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),  # signed, see `domain.checkpoints`
    Column("signed_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)

audit_anchored = Table(
    "audit_anchored",
    metadata,
    Column("anchor", String(100), primary_key=True),
    Column("size", BigInteger, nullable=False),  # of the newest checkpoint that the anchor has taken
    Column("anchored_at", UtcDateTime, nullable=False),
)

audit_name = Table(
    "audit_name",
    metadata,
    Column("pseudonym", String(100), primary_key=True),
    Column("name", Text, nullable=False, info=IDENTIFIER),  # who acted, for showing; an erasure clears it
)

log_key = Table(
    "log_key",
    metadata,
    Column("key_id", String(8), primary_key=True),
    Column("family", String(20), primary_key=True),
    Column("verifier", Text, nullable=False),  # the public key of a signing key, "" for the others
    Column("created_at", UtcDateTime, nullable=False),
    Column("backed_up_at", UtcDateTime),
    Column("retired_at", UtcDateTime),
    Column("destroyed_at", UtcDateTime),
)

event = Table(  # what was recorded before there was a log; nothing is added, and the log's first entry speaks of it
    "event",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", UtcDateTime, nullable=False),
    Column("action", String(40), nullable=False),
    Column("actor", Text, nullable=False, info=IDENTIFIER),
    Column("actor_kind", String(20), nullable=False),
    Column("identity", String(20), nullable=False),
    Column("run_id", BigInteger),
    Column("intent_id", BigInteger),
    Column("index_name", String(100), nullable=False),
    Column("partition", String(255), nullable=False, info=IDENTIFIER),
    Column("reason", String(60), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("counts", JsonColumn, nullable=False),
    Column("digest", String(64), nullable=False),
    Index("ix_event_run_id", "run_id"),
    Index("ix_event_intent_id", "intent_id"),
)

intent = Table(
    "intent",
    metadata,
    Column("intent_id", Serial, primary_key=True, autoincrement=True),
    Column("kind", String(10), nullable=False),
    Column("index_name", String(100), nullable=False),
    Column("partition", String(255), nullable=False, info=IDENTIFIER),
    Column("reason", String(60), nullable=False),
    Column("run_id", BigInteger),
    Column("created_at", UtcDateTime, nullable=False),
    Column("chunk_ids", JsonColumn, nullable=False, info=IDENTIFIER),  # emptied when the outcome is known
    Column("outcome", String(20)),  # null while open
    Column("settled_at", UtcDateTime),
    Index("ix_intent_index_name_partition_outcome", "index_name", "partition", "outcome"),
)

finding = Table(
    "finding",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("kind", String(60), nullable=False, index=True),
    Column("source", String(100), nullable=False),
    Column("document", Name, nullable=False, info=IDENTIFIER),
    Column("index_name", String(100), nullable=False),
    Column("partition", String(255), nullable=False, info=IDENTIFIER),
    Column("chunk_id", Name, nullable=False, info=IDENTIFIER),
    Column("rule", String(60), nullable=False),
    Column("assignee", Text, info=IDENTIFIER),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("last_seen", UtcDateTime, nullable=False),
)

finding_period = Table(
    "finding_period",
    metadata,
    Column("period_id", Serial, primary_key=True, autoincrement=True),
    Column("fingerprint", String(32), nullable=False, index=True),
    Column("status", String(20), nullable=False),
    Column("severity", String(10), nullable=False),
    Column("policy", String(100), nullable=False),
    Column("message", Text, nullable=False),
    Column("evidence", JsonColumn, nullable=False, info=IDENTIFIER),  # members of clusters are paths
    Column("owner", Text, info=IDENTIFIER),
    Column("from_day", Date, nullable=False),
    Column("until_day", Date),
    Column("run_id", BigInteger),
    Column("actor", Text, info=IDENTIFIER),
    Column("reason_code", String(60)),
    Column("waived_until", Date),
    Column("policy_digest", String(64)),  # of the policies under which it was decided
)

finding_action = Table(
    "finding_action",
    metadata,
    Column("fingerprint", String(32), primary_key=True),
    Column("policy", String(100), primary_key=True),
    Column("action", String(20), primary_key=True),
    Column("due", Date, nullable=False),
    Column("state", String(20), nullable=False),
    Column("policy_digest", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("note_id", Serial, primary_key=True, autoincrement=True),
    Column("about", String(20), nullable=False),  # what kind of thing: a finding, a pause
    Column("key", String(64), nullable=False),
    Column("text", Text, nullable=False, info=IDENTIFIER),  # typed by a person; an erasure can clear it
    Column("actor", Text, nullable=False, info=IDENTIFIER),
    Column("written_at", UtcDateTime, nullable=False),
    Index("ix_note_about_key", "about", "key"),
)

pause = Table(
    "pause",
    metadata,
    Column("pause_id", Integer, primary_key=True),  # always 1: there is one pause or none
    Column("reason", String(60), nullable=False),
    Column("actor", Text, nullable=False, info=IDENTIFIER),
    Column("since", UtcDateTime, nullable=False),
)

lease = Table(
    "lease",
    metadata,
    Column("name", String(200), primary_key=True),
    Column("owner", String(200), nullable=False),
    Column("host", String(255), nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("started", String(60), nullable=False),  # start of the process, so that a reused pid is not mistaken
    Column("token", BigInteger, nullable=False),
    Column("acquired", Float(53), nullable=False),  # seconds since 1970 by the database's clock
    Column("expires", Float(53), nullable=False),  # the same; in the past when nobody holds it
)
