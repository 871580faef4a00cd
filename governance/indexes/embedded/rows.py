"""Rows of the index file as records: the queries and what is made of their answers."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import NamedTuple, TypeVar

from governance.domain.chunks import DEFAULT_VECTOR, Record
from governance.domain.memory import collector_at_rest
from governance.domain.values import Vector, vector_from_bytes
from governance.indexes.embedded.schema import Span
from governance.indexes.encoding import decode_metadata, is_unicode, scan_metadata

PAGE_CHARACTERS = 16 << 20
"""A page of a stream ends early when its texts are longer than this, so that a page of giants fits in memory."""

GROUP = 500
"""Ids per statement; every SQLite takes at least 999 parameters."""

_Item = TypeVar("_Item")


class PageRead(NamedTuple):
    """Some records of a range in order, the number of the last one, and whether there are more."""

    records: Sequence[Record]
    last: int
    more: bool


def read_page(db: sqlite3.Connection, span: Span, size: int, *, text: bool, vectors: bool) -> PageRead:
    """Give up to `size` records of the range, fewer where the texts are very long.

    Raises:
        TypeError, ValueError: Metadata or a vector is not what this adapter writes.

    """
    columns = _columns(text=text, vectors=vectors)
    query = f"SELECT {columns}, seq FROM chunk WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?"  # noqa: S608 (own words)
    found = db.execute(query, (*span, size + 1))
    records: list[Record] = []
    characters = last = 0
    with collector_at_rest():
        for chunk_id, body, metadata, vector, last in islice(found, size):  # noqa: B007 (the last one is kept)
            # In line, because this is the inner loop of every audit.
            default = {} if vector is None else {DEFAULT_VECTOR: memoryview(vector).cast("f")}
            records.append(Record(chunk_id, body, scan_metadata(metadata)[0], default))
            if body:
                characters += len(body)
                if characters > PAGE_CHARACTERS:
                    break
    more = found.fetchone() is not None
    found.close()
    if vectors and records:
        named_query = (
            "SELECT c.chunk_id, v.name, v.value FROM vector AS v JOIN chunk AS c ON c.seq = v.seq "
            "WHERE v.seq > ? AND v.seq <= ?"
        )
        return PageRead(_with_named(records, db.execute(named_query, (span.low, last))), last, more)
    return PageRead(records, last, more)


def read_records(db: sqlite3.Connection, span: Span, ids: Collection[str], *, vectors: bool) -> list[Record]:
    """Give the records of those ids that exist, at most `GROUP`. Raises as `read_page`."""
    of_ids = f"c.part = ? AND c.chunk_id IN ({marks(ids)})"
    query = f"SELECT {_columns(text=True, vectors=vectors)} FROM chunk AS c WHERE {of_ids}"  # noqa: S608 (own words)
    records = [
        Record(
            chunk_id,
            body,
            decode_metadata(metadata),
            {} if vector is None else {DEFAULT_VECTOR: vector_from_bytes(vector)},
        )
        for chunk_id, body, metadata, vector in db.execute(query, (span.number, *ids))
    ]
    if not vectors:
        return records
    named_query = f"SELECT c.chunk_id, v.name, v.value FROM chunk AS c JOIN vector AS v ON v.seq = c.seq WHERE {of_ids}"  # noqa: S608
    return _with_named(records, db.execute(named_query, (span.number, *ids)))


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
    return f"chunk_id, {'text' if text else 'NULL'}, metadata, {'vector' if vectors else 'NULL'}"


def _with_named(records: list[Record], rows: Iterable[tuple[str, str, bytes]]) -> list[Record]:
    """Give the records with their named vectors beside the default one."""
    named: dict[str, dict[str, Vector]] = defaultdict(dict)
    for chunk_id, name, value in rows:
        named[chunk_id][name] = vector_from_bytes(value)
    if not named:
        return records
    return [replace(record, vectors={**record.vectors, **named.get(record.chunk_id, {})}) for record in records]
