"""Index files as other pipelines fill them: the metadata that their libraries write, in our own file format."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from governance.domain.chunks import Record
from governance.domain.values import vector_of
from governance.indexes.embedded import EmbeddedIndex

Made = tuple[str, Mapping[str, Any]]
CHUNKS = 2
"""Of each document."""


def write_index(file: Path, chunks: Iterable[Made], *, text: str | None = "Some words.", partition: str = "") -> None:
    """Put chunks of (id, metadata) into an index file."""
    records = [Record(name, text, metadata, {"default": vector_of([1.0, 0.0])}) for name, metadata in chunks]
    with closing(EmbeddedIndex("theirs", file).writer(partition)) as writer:
        assert not writer.put(records).failed


def langchain(key: str) -> list[Made]:
    """Give chunks as a loader and a splitter of LangChain leave them in a flat store."""
    shared = {"source": key, "title": f"About {key}", "author": "kim@example.com"}
    return [(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{key}{n}")), shared | {"start_index": n * 10}) for n in range(CHUNKS)]


def llamaindex(key: str) -> list[Made]:
    """Give nodes as LlamaIndex's directory reader and a vector store leave them."""
    parent = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
    reader = {"file_path": key, "file_name": key.rpartition("/")[2], "last_modified_date": "2026-01-02"}
    node = json.dumps({"id_": parent, "relationships": {}, "class_name": "TextNode", "text": "", "metadata": reader})
    ids = {"doc_id": parent, "document_id": parent, "ref_doc_id": parent}
    own = {"_node_content": node, "_node_type": "TextNode"}
    return [(str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{key}{n}")), {**reader, **own, **ids}) for n in range(CHUNKS)]


def haystack(key: str) -> list[Made]:
    """Give documents as Haystack's converter and splitter leave them."""
    parent = hashlib.sha256(key.encode()).hexdigest()
    return [
        (
            hashlib.sha256(f"{key}{n}".encode()).hexdigest(),
            {"file_path": key, "source_id": parent, "split_id": n, "split_idx_start": n * 10, "page_number": 1},
        )
        for n in range(CHUNKS)
    ]


def kbgov(key: str) -> list[Made]:
    """Give chunks as our own ingester leaves them."""
    own = {"kb_source": "docs", "kb_document": key, "kb_embedder": "hashed/1", "kb_meta_hash": "0" * 64}
    return [(f"{key}-{n}", own | {"title": "A page", "kb_position": n}) for n in range(CHUNKS)]


def custom(key: str) -> list[Made]:
    """Give chunks as somebody's own script leaves them."""
    link = f"https://kb.example/{key}"
    return [
        (f"{key}:{n}", {"page": key, "link": link, "tags": ["hr"], "updated": "2026-02-03", "n": n})
        for n in range(CHUNKS)
    ]


WRITERS: dict[str, Callable[[str], list[Made]]] = {
    "kbgov": kbgov,
    "llamaindex": llamaindex,
    "haystack": haystack,
    "langchain": langchain,
    "custom": custom,
}
