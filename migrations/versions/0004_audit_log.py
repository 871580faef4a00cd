"""The audit log: entries under a Merkle tree, checkpoints, anchors, keys; triggers that refuse to change entries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
KEPT = ("audit_entry", "audit_checkpoint")
"""What is only ever added to."""


def upgrade() -> None:
    """Bring a catalog of 0003 here; what was recorded so far stays in the table of events."""
    make_tables()
    head = sa.table("audit_head", sa.column("id"), sa.column("size"), sa.column("frontier", sa.LargeBinary()))
    op.bulk_insert(head, [{"id": 1, "size": 0, "frontier": b""}])
    if op.get_bind().dialect.name == "sqlite":
        guard_sqlite()
    else:
        guard_postgres()


def make_tables() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_entry"),
        sqlite_with_rowid=False,  # else a replacement of a row by its rowid goes past the triggers
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_head"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_audit_checkpoint"),
        sqlite_with_rowid=False,  # as above
    )
    op.create_table(
        "audit_anchored",
        sa.Column("anchor", sa.String(100), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("anchored_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("anchor", name="pk_audit_anchored"),
    )
    op.create_table(
        "audit_name",
        sa.Column("pseudonym", sa.String(100), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("pseudonym", name="pk_audit_name"),
    )
    op.create_table(
        "log_key",
        sa.Column("key_id", sa.String(8), nullable=False),
        sa.Column("family", sa.String(20), nullable=False),
        sa.Column("verifier", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("backed_up_at", MOMENT, nullable=True),
        sa.Column("retired_at", MOMENT, nullable=True),
        sa.Column("destroyed_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("key_id", "family", name="pk_log_key"),
    )


def guard_sqlite() -> None:
    """Refuse changes; an INSERT OR REPLACE deletes without asking the triggers for deletions."""
    for table, key in (("audit_entry", "seq"), ("audit_checkpoint", "size")):
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
            )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - names of our own
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is only ever added to'); END"
        )
    op.execute(
        "CREATE TRIGGER audit_head_only_grows BEFORE UPDATE ON audit_head "
        "WHEN NEW.size < OLD.size OR NEW.id <> OLD.id "
        "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the log only grows'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_head_no_replace BEFORE INSERT ON audit_head "
        "BEGIN SELECT RAISE(ABORT, 'the log has one head'); END"
    )


def guard_postgres() -> None:
    """Refuse changes; row triggers do not fire for TRUNCATE, and only ALWAYS ones fire for a replica's session."""
    op.execute(
        "CREATE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION 'the audit log is only ever added to' USING ERRCODE = 'integrity_constraint_violation'; "
        "END $$"
    )
    for table in KEPT:
        refuse(table, "row", "BEFORE UPDATE OR DELETE", "FOR EACH ROW")
    refuse("audit_head", "row", "BEFORE DELETE OR INSERT", "FOR EACH ROW")
    refuse("audit_head", "shrink", "BEFORE UPDATE", "FOR EACH ROW WHEN (NEW.size < OLD.size OR NEW.id <> OLD.id)")
    for table in (*KEPT, "audit_head"):
        refuse(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT")


def refuse(table: str, name: str, when: str, scope: str) -> None:
    trigger = f"{table}_no_{name}"
    op.execute(f"CREATE TRIGGER {trigger} {when} ON {table} {scope} EXECUTE FUNCTION audit_log_refuse()")
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")


def downgrade() -> None:
    raise NotImplementedError("restore the backup instead")
