"""One chunk as a stream showed it: the same content has the same digest, whatever stands there."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.catalog.chunks import SIGHTING_DIGEST
from governance.catalog.tables import chunk
from governance.domain.chunks import Record
from governance.domain.keys import ChunkFields
from governance.domain.values import text_hash
from governance.services.keys import Attribution
from governance.services.sighting import (
    head_of,
    mark_in,
    model_of,
    plain,
    row_of,
    sighting_of,
    storable,
    text_of,
)

OWN = Attribution("docs", "one.md", own=True)
FOREIGN = Attribution("docs", "one.md", own=False)
NOBODY = Attribution("", "", own=False)


def sighting(text: str | None = "Words.", **metadata: Any) -> str:
    record = Record("a", text, metadata)
    return sighting_of(record, text_of(record, ChunkFields())).sighting


def row(found: Attribution = FOREIGN, fields: ChunkFields | None = None, text: str = "Words.", **metadata: Any) -> Any:
    record = Record("a", text, metadata)
    return row_of(("main", ""), record, text, sighting(text, **metadata), found, fields or ChunkFields())


def test_the_order_of_the_metadata_does_not_count() -> None:
    assert sighting(a=1, b={"x": 1, "y": 2}) == sighting(b={"y": 2, "x": 1}, a=1)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"text": "a", "m": "b"}, {"text": "am", "m": "b"}),
        ({"m": 1}, {"m": "1"}),
        ({"m": None}, {}),
        ({"m": 1}, {"m": True}),
        ({"m": [1]}, {"m": 1}),
        ({"text": "é"}, {"text": "e\u0301"}),
        ({"text": "a "}, {"text": "a"}),
        ({"text": '","x":"'}, {"text": "", "x": ""}),
    ],
)
def test_what_differs_at_all_has_another_digest(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert head_of(sighting(**one)) != head_of(sighting(**other))


@given(st.text(), st.text())
def test_a_text_and_metadata_cannot_be_taken_for_each_other(text: str, other: str) -> None:
    assert (sighting(text, m=other) == sighting(other, m=text)) == (text == other)


@pytest.mark.parametrize(
    "odd", [float("nan"), float("inf"), -0.0, 10**400, "\ud800", "\0", object, {"a": [None, {"b": float("nan")}]}]
)
def test_whatever_a_store_gives_has_a_digest_that_stays(odd: Any) -> None:
    assert sighting("lone \udfff", m=odd) == sighting("lone \udfff", m=odd)
    assert len(head_of(sighting(m=odd))) == SIGHTING_DIGEST


def test_what_we_write_beside_a_chunk_stands_apart_from_its_content() -> None:
    plainly, marked = sighting(m=1), sighting(m=1, kb_status="stale", kb_review_due="2026-03-01")
    assert head_of(plainly) == head_of(marked)
    assert (mark_in(plainly), mark_in(marked)) == ("|", "stale|2026-03-01")
    assert sighting(m=1, kb_status=None) == plainly
    assert mark_in(sighting(kb_status="unheard of", kb_review_due=7)) == "?|?"
    assert mark_in("") == head_of("") == ""


def test_every_sighting_fits_its_column() -> None:
    longest = max(len(sighting(kb_status=word, kb_review_due="2026-03-01")) for word in ("restricted", "quarantined"))
    assert longest <= chunk.c.sighting.type.length


def test_the_text_is_the_records_own_else_the_configured_fields() -> None:
    fields = ChunkFields(text="body")
    assert text_of(Record("a", "Own.", {"body": "Field."}), fields) == "Own."
    assert text_of(Record("a", None, {"body": "Field."}), fields) == "Field."
    assert text_of(Record("a", "", {"body": "Field."}), fields) == ""
    for metadata in ({}, {"body": 7}, {"body": None}):
        assert text_of(Record("a", None, metadata), fields) == ""
    assert text_of(Record("a", None, {"body": "Field."}), ChunkFields()) == ""


def test_a_chunk_of_ours_says_itself_what_it_is() -> None:
    found = row(OWN, kb_position=3, kb_embedder="hashed/1", kb_meta_hash="a" * 64)
    assert (found.source, found.document, found.position) == ("docs", "one.md", 3)
    assert (found.made_by, found.meta_hash, found.citable) == ("hashed/1", "a" * 64, True)
    assert found.body_hash == text_hash("Words.")


def test_what_only_our_ingester_writes_means_nothing_in_a_foreign_chunk() -> None:
    found = row(FOREIGN, kb_position=3, kb_embedder="hashed/1", kb_meta_hash="a" * 64)
    assert (found.position, found.made_by) == (-1, "")
    assert found.meta_hash == head_of(found.sighting)


def test_our_chunk_without_a_metadata_hash_has_the_digest() -> None:
    for odd in (None, "", " ", 7, "jane.roe@example.org", "a" * 63, "A" * 64):
        found = row(OWN, kb_meta_hash=odd)
        assert found.meta_hash == head_of(found.sighting)


@pytest.mark.parametrize("odd", ["jane.roe@example.org", "Jane Roe", "DE12345678901234567890", "é", "a\nb", "x" * 101])
def test_what_looks_like_no_model_is_not_repeated(odd: str) -> None:
    assert row(OWN, kb_embedder=odd).made_by == "other"
    assert model_of({"model": odd}, ChunkFields(model="model")) == "other"


@pytest.mark.parametrize("name", ["hashed/1", "text-embedding-ada-002", "BAAI/bge-small-en-v1.5", "nomic-embed:v1.5"])
def test_what_looks_like_a_model_is_told(name: str) -> None:
    assert row(OWN, kb_embedder=name).made_by == name
    assert model_of({"model": name}, ChunkFields(model="model")) == name


@pytest.mark.parametrize("given", [True, -1, 2**31, 1.5, "3", None, float("nan"), [1], 10**400])
def test_a_position_that_is_none_is_minus_one(given: Any) -> None:
    assert row(fields=ChunkFields(position="page"), page=given).position == -1


@pytest.mark.parametrize("given", [0, 7, 2**31 - 1])
def test_a_position_is_read_from_the_configured_field(given: int) -> None:
    assert row(fields=ChunkFields(position="page"), page=given).position == given


@pytest.mark.parametrize(
    ("found", "metadata", "citable"),
    [
        (FOREIGN, {}, True),
        (NOBODY, {}, False),
        (NOBODY, {"title": "One"}, True),
        (NOBODY, {"uri": "https://x"}, True),
        (NOBODY, {"title": " ", "uri": 7}, False),
    ],
)
def test_an_answer_can_be_cited_by_source_title_or_link(
    found: Attribution, metadata: dict[str, Any], citable: bool
) -> None:
    assert row(found, **metadata).citable is citable


@pytest.mark.parametrize("odd", ["\0", "a\0b", "\ud800", "x" * 500, "é" * 500])
def test_what_others_wrote_fits_the_columns_of_both_databases(odd: str) -> None:
    found = row(OWN, kb_embedder=odd, kb_meta_hash=odd)
    for name in ("made_by", "meta_hash"):
        value = getattr(found, name)
        assert value
        assert "\0" not in value
        assert len(value.encode()) > 0
        assert len(value) <= chunk.c[name].type.length


def test_the_print_of_the_text_fits_its_columns() -> None:
    for text in ("", " ", "a", "Some words of a text.", "日本語" * 1000, "\0\ud800", "1 2 3"):
        found = row(text=text)
        assert len(found.anchor) <= chunk.c.anchor.type.length
        assert len(found.inner_hash) <= chunk.c.inner_hash.type.length
        assert len(found.body_hash) == 64


def test_a_model_is_the_configured_fields_else_ours() -> None:
    fields = ChunkFields(model="model")
    assert model_of({"model": "m", "kb_embedder": "e"}, fields) == "m"
    assert model_of({"kb_embedder": "e"}, fields) == "e"
    assert model_of({"model": "m"}, ChunkFields()) == ""


@given(st.text())
def test_a_plain_text_can_be_stored_and_stays_what_it_was_where_it_could(text: str) -> None:
    found = plain(text)
    assert len(found.encode("utf-8")) >= len(text)
    assert "\0" not in found
    assert (found == text) == (storable(text) or len(text.encode("utf-8", "surrogatepass")) > 2000)


@pytest.mark.parametrize(
    ("chunk_id", "fits"), [("x" * 2000, True), ("x" * 2001, False), ("é" * 1000, True), ("é" * 1001, False)]
)
def test_an_id_may_be_as_long_as_an_index_of_postgresql_can_hold(chunk_id: str, fits: bool) -> None:
    assert storable(chunk_id) is fits
