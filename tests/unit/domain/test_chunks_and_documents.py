from __future__ import annotations

import pytest

from governance.domain.chunks import ChunkKey, Condition, Op, Record, Where
from governance.domain.documents import Document, ParsedDocument, ProblemCode
from governance.domain.ports import Listed, UnreadableDocument
from governance.domain.values import vector_of


def test_a_selector_that_selects_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one condition"):
        Where(())
    assert Where((Condition("source", Op.EQ, "docs"),)).conditions


def test_chunk_keys_order_by_index_partition_and_id() -> None:
    keys = [ChunkKey("b", "", "1"), ChunkKey("a", "t", "1"), ChunkKey("a", "", "2"), ChunkKey("a", "", "1")]
    assert sorted(keys) == keys[::-1]


def test_texts_metadata_and_bytes_never_stand_in_a_printed_record() -> None:
    private = "someone@example.com"
    record = Record("c1", private, {"mail": private}, {"default": vector_of([1.0])})
    listed = Listed("a.md", "0" * 64, raw=private.encode())
    document = Document(
        source="docs",
        document="a.md",
        uri="a.md",
        title="A",
        raw_hash="0",
        body_hash="1",
        meta_hash="2",
        size=1,
        words=1,
    )
    parsed = ParsedDocument(record=document, body=private)
    for thing in (record, listed, parsed):
        assert private not in repr(thing)


def test_an_unreadable_document_carries_the_code_that_its_finding_quotes() -> None:
    error = UnreadableDocument(ProblemCode.NUL_BYTE)
    assert error.code is ProblemCode.NUL_BYTE
    assert str(error) == "nul_byte"
