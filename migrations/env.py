"""What Alembic runs around the scripts. The program hands its connection over, inside one transaction.

For a new script: `alembic -x url=sqlite:////tmp/scratch.db upgrade head`, then the same with
`revision --autogenerate --rev-id 0002 -m "what changes"`; then add the number to `governance.catalog.migrate`.
"""

from __future__ import annotations

from typing import Literal

from alembic import context
from sqlalchemy import JSON, Connection

from governance.catalog.engine import begin_write, create_catalog_engine
from governance.catalog.tables import UtcDateTime, metadata


def plain_type(kind: str, item: object, _: object) -> str | Literal[False]:
    """Write our own types as what they are in the database, so that old scripts never depend on new code."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, JSON):
        return 'sa.JSON().with_variant(postgresql.JSONB(), "postgresql")'
    return False


def run(connection: Connection) -> None:
    # batch mode is for what SQLite cannot alter in place: it copies the table
    context.configure(connection=connection, target_metadata=metadata, render_as_batch=True, render_item=plain_type)
    with context.begin_transaction():
        context.run_migrations()


handed_over = context.config.attributes.get("connection")
if handed_over is not None:
    run(handed_over)
else:
    with begin_write(create_catalog_engine(context.get_x_argument(as_dictionary=True)["url"])) as own:
        run(own)
