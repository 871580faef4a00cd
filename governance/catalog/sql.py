"""Small helpers over SQLAlchemy Core that hold on SQLite and PostgreSQL alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, Select, Table
from sqlalchemy.dialects import postgresql, sqlite

T = TypeVar("T")
BATCH = 500
"""Rows per statement: below SQLite's limit of bound values for the widest table."""

STREAMED = 1000
"""Rows fetched at a time where a whole table is read."""


def batches(items: Sequence[T], size: int = BATCH) -> Iterator[Sequence[T]]:
    """Cut a sequence into pieces of at most `size`."""
    return (items[start : start + size] for start in range(0, len(items), size))


def chunked(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Cut a stream into lists of at most `size`."""
    while piece := list(islice(items, size)):
        yield piece


def streamed(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """Give the rows of a query, of whatever columns, as they come.

    The server's cursor is let go of as soon as nobody reads on.
    """
    with connection.execute(query.execution_options(yield_per=STREAMED)) as rows:
        yield from rows


def upsert(
    connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]], keep: frozenset[str] = frozenset()
) -> None:
    """Insert rows, or replace the non-key columns of those that exist, except the columns named in `keep`."""
    if not rows:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    keys = [column.name for column in table.primary_key]
    statement = make(table)
    values = {name: statement.excluded[name] for name in rows[0] if name not in keys and name not in keep}
    statement = statement.on_conflict_do_update(index_elements=keys, set_=values)
    for batch in batches(rows):
        connection.execute(statement, list(batch))
