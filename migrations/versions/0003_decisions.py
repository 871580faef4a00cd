"""What policies decide and who may stop it: actions, notes, a pause; the days that retention counts from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Bring a catalog of 0002 here; what was seen before has no days of labels and no attributes."""
    op.add_column("document", sa.Column("created_on", sa.Date(), nullable=True))
    op.add_column("document", sa.Column("created_from", sa.String(20), nullable=True))
    for name in ("labeled_on", "attributes"):
        op.add_column("document", sa.Column(name, JSON, nullable=False, server_default=sa.text("'{}'")))
    op.add_column("finding_period", sa.Column("policy_digest", sa.String(64), nullable=True))
    op.add_column("repair_plan", sa.Column("policy_digest", sa.String(64), nullable=False, server_default=""))
    make_tables()
    # The defaults were for rows that are there; rows to come say it themselves.
    with op.batch_alter_table("document") as document:
        document.alter_column("labeled_on", server_default=None)
        document.alter_column("attributes", server_default=None)
    with op.batch_alter_table("repair_plan") as plan:
        plan.alter_column("policy_digest", server_default=None)


def make_tables() -> None:
    op.create_table(
        "finding_action",
        sa.Column("fingerprint", sa.String(32), nullable=False),
        sa.Column("policy", sa.String(100), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("policy_digest", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "policy", "action", name="pk_finding_action"),
    )
    op.create_table(
        "note",
        sa.Column("note_id", SERIAL, autoincrement=True, nullable=False),
        sa.Column("about", sa.String(20), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("written_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("note_id", name="pk_note"),
    )
    op.create_index("ix_note_about_key", "note", ["about", "key"])
    op.create_table(
        "pause",
        sa.Column("pause_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(60), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("pause_id", name="pk_pause"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
