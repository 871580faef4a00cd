"""What indexes show, whoever fills them: sightings, histories, comparisons, plans, statuses."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
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
        sa.Column("words", sa.BigInteger(), nullable=True),
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
        sa.Column("seen_from", MOMENT, nullable=False),
        sa.Column("absent_since", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("source", "document", name="pk_document"),
    )


def make_indexed_document() -> None:
    op.create_table(
        "indexed_document",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("raw_hash", sa.String(64), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("meta_hash", sa.String(64), nullable=False),
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
        sa.Column("sighting", sa.String(80), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("meta_hash", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("words", sa.Integer(), nullable=False),
        sa.Column("anchor", sa.String(16), nullable=False),
        sa.Column("inner_hash", sa.String(32), nullable=False),
        sa.Column("citable", sa.Boolean(), nullable=False),
        sa.Column("mark_written", sa.String(40), nullable=False),
        sa.Column("first_seen", MOMENT, nullable=False),
        sa.Column("seen_from", MOMENT, nullable=False),
        sa.Column("gone_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("index_name", "partition", "chunk_id", name="pk_chunk"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_chunk_place_document", "chunk", ["index_name", "partition", "source", "document"])
    op.create_index("ix_chunk_chunk_id", "chunk", ["chunk_id"])


def make_histories() -> None:
    op.create_table(
        "chunk_history",
        sa.Column("history_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("seen_from", MOMENT, nullable=False),
        sa.Column("seen_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("history_id", name="pk_chunk_history"),
    )
    op.create_index("ix_chunk_history_chunk_id", "chunk_history", ["chunk_id"])
    op.create_table(
        "document_history",
        sa.Column("history_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("raw_hash", sa.String(64), nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("version", sa.Text(), nullable=True),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=True),
        sa.Column("changed_on", sa.Date(), nullable=True),
        sa.Column("seen_from", MOMENT, nullable=False),
        sa.Column("seen_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("history_id", name="pk_document_history"),
    )
    op.create_index("ix_document_history_source_document", "document_history", ["source", "document"])


def make_observed() -> None:
    op.create_table(
        "partition_state",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("recipe", sa.String(64), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("pass_started", MOMENT, nullable=True),
        sa.Column("pass_recipe", sa.String(64), nullable=False),
        sa.Column("completed_at", MOMENT, nullable=True),
        sa.Column("chunks", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("index_name", "partition", name="pk_partition_state"),
    )
    op.create_table(
        "comparison",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("basis", sa.String(64), nullable=False),
        sa.Column("verdict", JSON, nullable=False),
        sa.Column("body_hash", sa.String(64), nullable=False),
        sa.Column("pending_since", MOMENT, nullable=True),
        sa.Column("lag_seconds", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("index_name", "source", "document", name="pk_comparison"),
    )


def make_actions() -> None:
    op.create_table(
        "repair_plan",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("body", JSON, nullable=False),
        sa.Column("finished_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("digest", name="pk_repair_plan"),
    )
    op.create_table(
        "status_reason",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("source", sa.String(100), nullable=False),
        sa.Column("document", NAME, nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("setter", sa.String(100), nullable=False),
        sa.Column("status", sa.String(20), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint(
            "index_name", "partition", "source", "document", "chunk_id", "setter", name="pk_status_reason"
        ),
    )
    op.create_table(
        "retrieval",
        sa.Column("index_name", sa.String(100), nullable=False),
        sa.Column("partition", sa.String(255), nullable=False),
        sa.Column("chunk_id", NAME, nullable=False),
        sa.Column("retrievals", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("index_name", "partition", "chunk_id", name="pk_retrieval"),
    )


def remake(name: str, make: Callable[[], None], added: dict[str, str], kept: list[str]) -> None:
    """Make a table anew with the rows it has: SQLite can neither loosen a column nor add one without a default."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(f"ALTER TABLE {name} RENAME CONSTRAINT pk_{name} TO pk_{name}_old")
    op.rename_table(name, f"{name}_old")
    make()
    into = ", ".join([*kept, *added])
    values = ", ".join([*kept, *added.values()])
    op.execute(f"INSERT INTO {name} ({into}) SELECT {values} FROM {name}_old")  # noqa: S608 - names of this script alone
    op.drop_table(f"{name}_old")


DOCUMENT = (
    "source document uri title owner raw_hash body_hash meta_hash size words redirect changed_on reviewed_on"
    " review_interval logical_id version labels problems unreadable state first_seen body_seen_at absent_since"
)
INDEXED = "index_name partition source document raw_hash recipe chunks chunks_digest indexed_at"
CHUNK = "index_name partition chunk_id source document position body_hash meta_hash first_seen"


def upgrade() -> None:
    remake("document", make_document, {"seen_from": "body_seen_at"}, DOCUMENT.split())
    # An empty hash says that the next ingest is to compare anew; it does, by what the index itself shows.
    remake("indexed_document", make_indexed_document, {"body_hash": "''", "meta_hash": "''"}, INDEXED.split())
    op.drop_index("ix_chunk_source_document", "chunk")
    unknown = dict.fromkeys(["sighting", "made_by", "anchor", "inner_hash", "mark_written"], "''")
    known = {"state": "'present'", "words": "0", "citable": "true", "seen_from": "first_seen"}
    remake("chunk", make_chunk, {**known, **unknown}, CHUNK.split())
    make_histories()
    make_observed()
    make_actions()


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
