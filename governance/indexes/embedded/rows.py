"""Rows of the index file as records: the queries and what is made of their answers."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, TypeAlias, TypeVar

from governance.domain.chunks import DEFAULT_VECTOR, Record
from governance.domain.values import Vector, vector_from_bytes
from governance.indexes.embedded.schema import Span
from governance.indexes.encoding import decode_metadata, is_unicode

PAGE_CHARACTERS = 16 << 20
"""A page of a stream ends early when its texts are longer than this, so that a page of giants fits in memory."""

GROUP = 500
"""Ids per statement; every SQLite takes at least 999 parameters."""

_STEP = 16

_Item = TypeVar("_Item")
Rows: TypeAlias = list[tuple[Any, ...]]


class RawRows(NamedTuple):
    """What one transaction read; it is decoded after the transaction has ended.

    Attributes:
        rows: (seq, chunk_id, metadata, vector, text).
        named: (seq, name, value) of the vectors that are not the default one.
        more: Whether rows follow.

    """

    rows: Rows
    named: Rows
    more: bool = False


def read_page(db: sqlite3.Connection, span: Span, size: int, *, text: bool, vectors: bool) -> RawRows:
    """Give up to `size` rows of the range, fewer where the texts are very long."""
    columns = _columns(text=text, vectors=vectors)
    query = f"SELECT {columns} FROM chunk WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?"  # noqa: S608 (own words)
    found = db.execute(query, (*span, size + 1))
    rows: Rows = []
    characters = 0
    while len(rows) < size and characters <= PAGE_CHARACTERS:
        step = found.fetchmany(min(_STEP, size - len(rows)))
        if not step:
            break
        rows += step
        characters += sum([len(row[4]) for row in step if row[4]])
    more = found.fetchone() is not None
    found.close()
    if not (rows and vectors):
        return RawRows(rows, [], more)
    ends = rows[0][0], rows[-1][0]
    named = db.execute("SELECT seq, name, value FROM vector WHERE seq BETWEEN ? AND ?", ends).fetchall()
    return RawRows(rows, named, more)


def read_records(db: sqlite3.Connection, span: Span, ids: Iterable[str], *, vectors: bool) -> RawRows:
    """Give the rows of those ids that exist."""
    columns = _columns(text=True, vectors=vectors)
    rows: Rows = []
    named: Rows = []
    for group in groups(ids):
        where = f"part = ? AND chunk_id IN ({marks(group)})"
        rows += db.execute(f"SELECT {columns} FROM chunk WHERE {where}", (span.number, *group))  # noqa: S608 (own words)
    for group in groups(row[0] for row in rows if vectors):
        named += db.execute(f"SELECT seq, name, value FROM vector WHERE seq IN ({marks(group)})", group)  # noqa: S608
    return RawRows(rows, named)


def decode(raw: RawRows) -> tuple[Record, ...]:
    """Give the records.

    Raises:
        ValueError: Metadata or a vector is not what this adapter writes.

    """
    if raw.named:
        return _decode_named(raw)
    # One comprehension, because this is the inner loop of every audit.
    return tuple(
        [
            Record(
                chunk_id,
                text,
                decode_metadata(metadata),
                {} if vector is None else {DEFAULT_VECTOR: vector_from_bytes(vector)},
            )
            for _, chunk_id, metadata, vector, text in raw.rows
        ]
    )


def find_numbers(db: sqlite3.Connection, span: Span, ids: Iterable[str]) -> dict[str, int]:
    """Give the number of each id that exists."""
    numbers: dict[str, int] = {}
    for group in groups(ids):
        where = f"part = ? AND chunk_id IN ({marks(group)})"
        numbers.update(db.execute(f"SELECT chunk_id, seq FROM chunk WHERE {where}", (span.number, *group)).fetchall())  # noqa: S608
    return numbers


def groups(items: Iterable[_Item]) -> Iterator[tuple[_Item, ...]]:
    """Give the items in groups of at most `GROUP`."""
    rest = iter(items)
    while group := tuple(islice(rest, GROUP)):
        yield group


def marks(group: Collection[object]) -> str:
    """Give as many question marks as there are items."""
    return ",".join("?" * len(group))


def possible(ids: Iterable[str]) -> list[str]:
    """Give each id once, without those that no file can hold (lone surrogates)."""
    return [chunk_id for chunk_id in dict.fromkeys(ids) if is_unicode(chunk_id)]


def _columns(*, text: bool, vectors: bool) -> str:
    return f"seq, chunk_id, metadata, {'vector' if vectors else 'NULL'}, {'text' if text else 'NULL'}"


def _decode_named(raw: RawRows) -> tuple[Record, ...]:
    named: dict[int, dict[str, Vector]] = defaultdict(dict)
    for seq, name, value in raw.named:
        named[seq][name] = vector_from_bytes(value)
    records = decode(RawRows(raw.rows, []))
    return tuple(
        replace(record, vectors={**record.vectors, **named.get(row[0], {})})
        for row, record in zip(raw.rows, records, strict=True)
    )
