"""Reading one partition of the index file: every page, group and block in a short transaction of its own."""

from __future__ import annotations

import json
import re
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from governance.domain.chunks import (
    DEFAULT_VECTOR,
    Capabilities,
    Condition,
    Count,
    Hit,
    Op,
    Page,
    Record,
    SearchMode,
    Where,
)
from governance.domain.errors import IndexDataError, InputError
from governance.domain.values import Json, Vector
from governance.indexes.embedded import words
from governance.indexes.embedded.rows import groups, possible, read_page, read_records
from governance.indexes.embedded.schema import find_span
from governance.indexes.embedded.session import Session, build_again
from governance.indexes.encoding import decode_metadata
from governance.indexes.matching import check_where, matches
from governance.indexes.nearest import Nearest, rows_per_block

_SCAN_PAGE = 4000
_DEFAULT_BLOCK = (
    "SELECT seq, chunk_id, vector FROM chunk "
    "WHERE seq > ? AND seq < ? AND length(vector) = ? AND ? IS NOT NULL ORDER BY seq LIMIT ?"
)
_NAMED_BLOCK = (
    "SELECT c.seq, c.chunk_id, v.value FROM vector AS v JOIN chunk AS c ON c.seq = v.seq "
    "WHERE v.seq > ? AND v.seq < ? AND length(v.value) = ? AND v.name = ? ORDER BY v.seq LIMIT ?"
)


class EmbeddedReader:
    """Reads one partition. A partition that nobody has written to is empty.

    No transaction is open while the caller holds a page, so a slow audit neither stops writers nor a purge.
    """

    def __init__(self, session: Session, partition: str, capabilities: Capabilities) -> None:
        self._session = session
        self._partition = partition
        self._capabilities = capabilities

    @property
    def name(self) -> str:
        """Name of the configured index."""
        return self._session.name

    @property
    def partition(self) -> str:
        """Tenant or namespace, "" where there is none."""
        return self._partition

    @property
    def capabilities(self) -> Capabilities:
        """What this index can do and show."""
        return self._capabilities

    def stream(
        self, cursor: str | None = None, page: int = 1000, *, text: bool = True, vectors: bool = True
    ) -> Iterator[Page]:
        """Give every record in the order in which they came, from the cursor on.

        A page holds fewer than `page` records when their texts are very long together.

        Raises:
            InputError: The cursor is not one of this file and partition, or `page` is not positive.

        """
        if page < 1:
            raise InputError("the size of a page must be positive", item="page")
        after = None if cursor is None else self._parse_cursor(cursor)
        return self._pages(after, page, text=text, vectors=vectors)

    def count(self, where: Where | None = None) -> Count:
        """Give the number of records, counted."""
        if where is not None:
            return Count(sum(1 for _ in self.select(where)), exact=True)
        with self._session.reading() as db:
            query = "SELECT count(*) FROM chunk WHERE part = (SELECT no FROM part WHERE name = ?)"
            (number,) = db.execute(query, (self._partition,)).fetchone()
        return Count(number, exact=True)

    def fetch(self, ids: Sequence[str], *, vectors: bool = False) -> dict[str, Record]:
        """Give the records that exist, in the order of the ids."""
        found: dict[str, Record] = {}
        for group in groups(possible(ids)):
            with self._reading_records() as db:
                span = find_span(db, self._partition)
                records = read_records(db, span, group, vectors=vectors) if span else []
            by_id = {record.chunk_id: record for record in records}
            found.update((chunk_id, by_id[chunk_id]) for chunk_id in group if chunk_id in by_id)
        return found

    def select(self, where: Where, limit: int | None = None) -> Iterator[str]:
        """Give the ids that match, each once, in the order in which the records came.

        Raises:
            InputError: A condition's value does not fit its operator, or `limit` is negative.

        """
        check_where(where)
        if limit is not None and limit < 0:
            raise InputError("the limit must not be negative", item="limit")
        return self._matching(where, limit)

    def nearest(
        self,
        vectors: Sequence[Vector],
        k: int,
        *,
        vector_name: str = DEFAULT_VECTOR,
        max_distance: float | None = None,
    ) -> list[list[Hit]]:
        """Give, per query vector, the k nearest records: exact, by reading all vectors of the partition once.

        Raises:
            InputError: `k` is not positive, or a query holds NaN or infinity.

        """
        search = Nearest(vectors, k, max_distance)
        for dimension in search.dimensions:
            for ids, blobs in self._blocks(vector_name, dimension):
                search.offer(ids, blobs, dimension)
        return search.hits()

    def search(self, query: str, k: int, *, mode: SearchMode = SearchMode.FULL_TEXT) -> list[Hit]:
        """Give the k best records that hold at least one of the words, by BM25.

        Upper and lower case and accents make no difference. Of a query longer than 4,096 characters the rest is
        ignored. Frequencies of words are those of the whole file.

        Raises:
            InputError: The mode is not full text, or `k` is not positive.

        """
        if mode not in self._capabilities.search_modes:
            raise InputError(f"index '{self.name}' has no {mode.value} search", item=self.name)
        if k < 1:
            raise InputError("the number of results must be positive", item="k")
        with self._session.reading() as db:
            span = find_span(db, self._partition)
            return words.search(db, span, query, k) if span else []

    def close(self) -> None:
        """Let go of the connection. A second call does nothing."""
        self._session.close()

    def _pages(self, after: int | None, size: int, *, text: bool, vectors: bool) -> Iterator[Page]:
        more = True
        while more:
            with self._reading_records() as db:
                span = find_span(db, self._partition)
                if span is None:
                    return
                records, last, more = read_page(db, span.after(after), size, text=text, vectors=vectors)
            if records:
                after = last
                yield Page(tuple(records), self._cursor(last) if more else None)

    def _matching(self, where: Where, limit: int | None) -> Iterator[str]:
        hints = [hint for condition in where.conditions for hint in _hints(condition)]
        given = 0
        for rows in self._metadata():
            for chunk_id, metadata in rows:
                if given == limit:
                    return
                if all(hint in metadata for hint in hints) and matches(where, self._metadata_of(metadata)):
                    given += 1
                    yield chunk_id

    def _metadata(self) -> Iterator[list[tuple[str, str]]]:
        after: int | None = None
        while True:
            with self._session.reading() as db:
                span = find_span(db, self._partition)
                if span is None:
                    return
                query = "SELECT seq, chunk_id, metadata FROM chunk WHERE seq > ? AND seq < ? ORDER BY seq LIMIT ?"
                rows = db.execute(query, (*span.after(after), _SCAN_PAGE)).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [row[1:] for row in rows]

    def _blocks(self, vector_name: str, dimension: int) -> Iterator[tuple[list[str], list[bytes]]]:
        query = _DEFAULT_BLOCK if vector_name == DEFAULT_VECTOR else _NAMED_BLOCK
        after: int | None = None
        while True:
            with self._session.reading() as db:
                span = find_span(db, self._partition)
                if span is None:
                    return
                bounds = (*span.after(after), 4 * dimension, vector_name, rows_per_block(dimension))
                rows = db.execute(query, bounds).fetchall()
            if not rows:
                return
            after = rows[-1][0]
            yield [row[1] for row in rows], [row[2] for row in rows]

    def _cursor(self, after: int) -> str:
        return f"e1.{self._session.file_id}.{_digest(self._partition)}.{after}"

    def _parse_cursor(self, cursor: str) -> int:
        wanted = f"e1.{self._session.file_id}.{_digest(self._partition)}."
        if not (cursor.startswith(wanted) and re.fullmatch(r"[0-9]{1,19}", cursor[len(wanted) :], re.ASCII)):
            raise InputError(
                f"this is no cursor of index '{self.name}'",
                item=self.name,
                next_step="start from the beginning, without a cursor",
            )
        return int(cursor[len(wanted) :])

    @contextmanager
    def _reading_records(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._session.reading() as db:
                yield db
        except (TypeError, ValueError):
            raise self._foreign_rows() from None

    def _metadata_of(self, encoded: str) -> dict[str, Json]:
        try:
            return decode_metadata(encoded)
        except (TypeError, ValueError):
            raise self._foreign_rows() from None

    def _foreign_rows(self) -> IndexDataError:
        return IndexDataError(
            f"index '{self.name}' holds a record that this program did not write",
            item=self.name,
            next_step=build_again(self.name),
        )


def _hints(condition: Condition) -> Iterator[str]:
    """Give texts that the metadata of every match holds somewhere: looked for before anything is decoded."""
    yield json.dumps(condition.field, ensure_ascii=False) + ":"
    if condition.op is Op.EQ and isinstance(condition.value, str):
        yield json.dumps(condition.value, ensure_ascii=False)


def _digest(partition: str) -> str:
    return f"{zlib.crc32(partition.encode()):08x}"
