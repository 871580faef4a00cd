"""First tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
NAME = sa.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def make_document() -> None:
    op.create_table(
        "document",
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("raw_hash", sa.String(64), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("meta_hash", sa.String(64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("words", sa.BigInteger(), nullable=False),
        sa.Column("redirect", sa.Text(), nullable=True),
        sa.Column("changed_on", sa.Date(), nullable=True),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("review_interval", sa.String(20), nullable=True),
        sa.Column("logical_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("labels", JSON, nullable=False),
        sa.Column("problems", JSON, nullable=False),
        sa.Column("unreadable", sa.String(40), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("body_seen_at", MOMENT, nullable=False),
        sa.Column("absent_since", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("source", "document", name="pk_document"),
    )


def make_source_state() -> None:
    op.create_table(
        "source_state",
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("listed_at", MOMENT, nullable=True),
        sa.Column("listing_run", sa.BigInteger(), nullable=True),
        sa.Column("refused_reason", sa.String(40), nullable=True),
        sa.Column("refused_seen", sa.BigInteger(), nullable=True),
        sa.Column("refused_known", sa.BigInteger(), nullable=True),
        sa.Column("interruption", sa.Text(), nullable=True),
        sa.Column("attempted_at", MOMENT, nullable=False),
        sa.Column("documents_seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", name="pk_source_state"),
    )


def make_indexed_document() -> None:
    op.create_table(
        "indexed_document",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("raw_hash", sa.String(64), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("chunks_digest", sa.String(64), nullable=False),
        sa.Column("indexed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("index_name", "partition", "source", "document", name="pk_indexed_document"),
    )


def make_chunk() -> None:
    op.create_table(
        "chunk",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("meta_hash", sa.String(64), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("index_name", "partition", "chunk_id", name="pk_chunk"),
    )
    op.create_index("ix_chunk_source_document", "chunk", ["source", "document"])


def make_signature() -> None:
    op.create_table(
        "signature",
        sa.Column("scheme", sa.String(40), nullable=False),
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.PrimaryKeyConstraint("scheme", "index_name", "partition", "chunk_id", "key", name="pk_signature"),
    )
    op.create_index("ix_signature_scheme_key", "signature", ["scheme", "key"])


def make_review() -> None:
    op.create_table(
        "review",
        sa.Column("review_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("recorded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("review_id", name="pk_review"),
    )
    op.create_index("ix_review_source_document", "review", ["source", "document"])


def make_run() -> None:
    op.create_table(
        "run",
        sa.Column("run_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("command", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("identity", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("recorded", sa.Boolean(), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=True),
        sa.Column("areas", JSON, nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_run"),
    )


def make_policy_set() -> None:
    op.create_table(
        "policy_set",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("first_used", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_policy_set"),
    )


def make_event() -> None:
    op.create_table(
        "event",
        sa.Column("seq", SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("actor_kind", sa.String(20), nullable=False),
        sa.Column("identity", sa.String(20), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("intent_id", sa.BigInteger(), nullable=True),
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("outcome", sa.String(20), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_event"),
    )
    op.create_index("ix_event_intent_id", "event", ["intent_id"])
    op.create_index("ix_event_run_id", "event", ["run_id"])


def make_intent() -> None:
    op.create_table(
        "intent",
        sa.Column("intent_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("chunk_ids", JSON, nullable=False),
        sa.Column("outcome", sa.String(20), nullable=True),
        sa.Column("settled_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("intent_id", name="pk_intent"),
    )
    op.create_index("ix_intent_index_name_partition_outcome", "intent", ["index_name", "partition", "outcome"])


def make_finding() -> None:
    op.create_table(
        "finding",
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(60), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("rule", sa.String(60), nullable=False),
        sa.Column("assignee", sa.Text(), nullable=True),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("last_seen", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", name="pk_finding"),
    )
    op.create_index("ix_finding_kind", "finding", ["kind"])


def make_finding_period() -> None:
    op.create_table(
        "finding_period",
        sa.Column("period_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("severity", sa.String(10), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("evidence", JSON, nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("reason_code", sa.String(60), nullable=True),
        sa.Column("waived_until", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("period_id", name="pk_finding_period"),
    )
    op.create_index("ix_finding_period_fingerprint", "finding_period", ["fingerprint"])


def make_lease() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("owner", sa.String(200), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("started", sa.String(60), nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("acquired", sa.Float(53), nullable=False),
        sa.Column("expires", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )


def upgrade() -> None:
    make_document()
    make_source_state()
    make_indexed_document()
    make_chunk()
    make_signature()
    make_review()
    make_run()
    make_policy_set()
    make_event()
    make_intent()
    make_finding()
    make_finding_period()
    make_lease()


def downgrade() -> None:
    raise NotImplementedError("history is not thrown away: put back a backup made before the upgrade")
