"""Full-text search: any text as a query, the best records first."""

from __future__ import annotations

import re
import sqlite3

from governance.domain.chunks import Hit
from governance.indexes.embedded.rows import groups, marks
from governance.indexes.embedded.schema import Span

MAX_QUERY = 4096
"""Of a longer query the first so many characters count."""

_SEPARATORS = re.compile(r"[\s\"\0\ud800-\udfff]+")

# One of a query's words is enough to be found; the ranking puts those with more and rarer words first.
_SEARCH = (
    "SELECT c.chunk_id, hit.distance FROM (SELECT rowid AS seq, rank AS distance FROM words WHERE words MATCH ? "
    "AND rowid > ? AND rowid < ? ORDER BY rank, rowid LIMIT ?) AS hit JOIN chunk AS c ON c.seq = hit.seq "
    "ORDER BY hit.distance, hit.seq"
)


def search(db: sqlite3.Connection, span: Span, query: str, k: int) -> list[Hit]:
    """Give the k best records by BM25, smaller is better; ties in the order in which the records came."""
    expression = match_expression(query)
    if not expression:
        return []
    return [Hit(chunk_id, distance) for chunk_id, distance in db.execute(_SEARCH, (expression, *span, k))]


def match_expression(query: str) -> str:
    """Give an FTS5 expression for the words of any text: each is quoted, so none can be an operator."""
    words = dict.fromkeys(word for word in _SEPARATORS.split(query[:MAX_QUERY]) if word)
    return " OR ".join(f'"{word}"' for word in words)


def forget(db: sqlite3.Connection, numbers: list[int]) -> None:
    """Take records out of the full-text table; they must still have the text that was put in."""
    for group in groups(numbers):
        db.execute(
            "INSERT INTO words (words, rowid, text) SELECT 'delete', seq, text FROM chunk "  # noqa: S608 (own words)
            f"WHERE text IS NOT NULL AND seq IN ({marks(group)})",
            group,
        )
