"""Rows of the catalog with everything that a test does not care about filled in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from governance.catalog.chunks import ChunkRow
from governance.domain.chunks import ChunkKey
from governance.domain.documents import Document

NOW = datetime(2026, 11, 21, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
DIGEST = "d" * 32


def chunk_row(chunk_id: str = "a", **values: Any) -> ChunkRow:
    """Give a chunk of docs/one.md in the only partition of the index "main"."""
    given = {
        "index_name": "main",
        "partition": "",
        "source": "docs",
        "document": "one.md",
        "position": 0,
        "body_hash": "b" * 64,
        "meta_hash": "m" * 64,
        "sighting": DIGEST + "|",
    }
    return ChunkRow(chunk_id=chunk_id, **{**given, **values})


def key(chunk_id: str, index: str = "main", partition: str = "") -> ChunkKey:
    return ChunkKey(index, partition, chunk_id)


def document(name: str = "one.md", **values: Any) -> Document:
    """Give a document of the source "docs"."""
    given = {
        "source": "docs",
        "uri": f"https://wiki.example/{name}",
        "title": name.removesuffix(".md").title(),
        "raw_hash": "1" * 64,
        "body_hash": "2" * 64,
        "meta_hash": "3" * 64,
        "size": 100,
        "words": 20,
        "logical_id": name,
    }
    return Document(document=name, **{**given, **values})
