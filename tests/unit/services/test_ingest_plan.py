from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.documents import Document
from governance.policy.model import ListingLimits
from governance.services.chunking import Piece
from governance.services.ingest_plan import (
    DocumentChange,
    PlannedChunk,
    chunk_id,
    plan_chunks,
    plan_document,
    planned_digest,
    seen_digest,
    shared_metadata,
)
from governance.services.listing import Refusal, judge_listing
from governance.services.survey import SeenChunk

EMBEDDER = "hashed/1"
PAGE = Document(
    source="docs",
    document="hr/leave.md",
    uri="hr/leave.md",
    title="Leave",
    raw_hash="raw",
    body_hash="body",
    meta_hash="meta-1",
    size=10,
    words=2,
    owner="people-team",
    reviewed_on=date(2026, 1, 31),
    labels=("policy", "people"),
)
TEXTS = st.lists(st.text(alphabet="abc ", min_size=1, max_size=4), max_size=12)


def pieces(*texts: str) -> list[Piece]:
    return [Piece(text, ("Top", f"Section {number}")) for number, text in enumerate(texts)]


def planned(*texts: str, document: Document = PAGE) -> tuple[PlannedChunk, ...]:
    return plan_chunks(document, pieces(*texts), EMBEDDER)


def as_indexed(chunks: tuple[PlannedChunk, ...], document: Document = PAGE) -> dict[str, SeenChunk]:
    return {chunk.chunk_id: shown(chunk, document.meta_hash) for chunk in chunks}


def shown(chunk: PlannedChunk, meta_hash: str) -> SeenChunk:
    return SeenChunk(meta_hash, chunk.position, chunk.metadata["heading"])


def compare(
    before: tuple[PlannedChunk, ...], after: tuple[PlannedChunk, ...], document: Document = PAGE
) -> DocumentChange:
    return plan_document(document, after, as_indexed(before), [], EMBEDDER)


@pytest.mark.parametrize(
    ("known", "absent", "reason"),
    [
        (1000, 0, None),
        (1000, 400, None),
        (1000, 500, None),
        (1000, 501, "too_many_absent"),
        (1000, 600, "too_many_absent"),
        (1000, 1000, "empty"),
        (40, 20, None),
        (40, 21, "too_many_absent"),
        (30, 20, None),
        (41, 21, "too_many_absent"),
        (42, 21, None),
        (3, 2, None),
        (3, 3, "empty"),
        (1, 1, "empty"),
    ],
)
def test_a_listing_is_believed_unless_it_looks_like_an_outage(known: int, absent: int, reason: str | None) -> None:
    seen = known - absent
    refused = judge_listing(seen, known, absent, ListingLimits())
    assert refused == (None if reason is None else Refusal(reason, seen, known))


def test_new_documents_do_not_hide_that_the_known_ones_are_gone() -> None:
    assert judge_listing(seen=5000, known=100, absent=90, limits=ListingLimits()) == Refusal(
        "too_many_absent", 5000, 100
    )


def test_the_first_listing_is_believed_unless_it_is_empty() -> None:
    assert judge_listing(seen=1, known=0, absent=0, limits=ListingLimits()) is None
    assert judge_listing(seen=0, known=0, absent=0, limits=ListingLimits()) == Refusal("empty", 0, 0)


def test_both_limits_come_from_the_policy() -> None:
    limits = ListingLimits(absent_documents=2, absent_percent=10)
    assert judge_listing(seen=97, known=100, absent=3, limits=limits) is None
    assert judge_listing(seen=17, known=20, absent=3, limits=limits) is not None
    assert judge_listing(seen=18, known=20, absent=2, limits=limits) is None


def test_ids_are_uuids_of_source_document_text_and_occurrence() -> None:
    parts = [("docs", "a.md", "h1", 0), ("wiki", "a.md", "h1", 0), ("docs", "b.md", "h1", 0), ("docs", "a.md", "h2", 0)]
    ids = {chunk_id(*part) for part in [*parts, ("docs", "a.md", "h1", 1)]}
    assert len(ids) == 5
    assert all(str(uuid.UUID(one)) == one for one in ids)
    assert chunk_id(*parts[0]) == chunk_id(*parts[0])


@given(TEXTS, st.randoms(use_true_random=False))
def test_ids_stay_when_texts_move_inside_a_document(texts: list[str], random: object) -> None:
    moved = sorted(texts, key=lambda _: random.random())
    assert {c.chunk_id for c in planned(*texts)} == {c.chunk_id for c in planned(*moved)}


@given(TEXTS, TEXTS)
def test_a_plan_leads_from_any_version_to_the_wanted_one(old: list[str], new: list[str]) -> None:
    before, after = planned(*old), planned(*new, document=replace(PAGE, meta_hash="meta-2"))
    change = compare(before, after, replace(PAGE, meta_hash="meta-2"))
    index = as_indexed(before)
    for chunk in change.put:
        assert chunk.chunk_id not in index
        index[chunk.chunk_id] = shown(chunk, "meta-2")
    for ids, metadata in change.patches:
        for one in ids:
            index[one] = index[one]._replace(
                meta_hash=metadata.get("kb_meta_hash", index[one].meta_hash),
                position=metadata.get("kb_position", index[one].position),
                heading=metadata.get("heading", index[one].heading),
            )
    for one in change.delete:
        del index[one]
    assert index == as_indexed(after, replace(PAGE, meta_hash="meta-2"))
    assert seen_digest(index) == planned_digest(replace(PAGE, meta_hash="meta-2"), after)


@given(TEXTS)
def test_an_unchanged_document_needs_nothing(texts: list[str]) -> None:
    change = compare(planned(*texts), planned(*texts))
    assert change.nothing_to_do
    assert change.chunks == planned(*texts)


def test_a_bumped_review_date_patches_every_chunk_and_writes_none() -> None:
    later = replace(PAGE, reviewed_on=date(2026, 6, 30), meta_hash="meta-2")
    change = compare(planned("one", "two"), planned("one", "two", document=later), later)
    assert not change.put
    assert not change.delete
    [(ids, metadata)] = change.patches
    assert set(ids) == {chunk.chunk_id for chunk in change.chunks}
    assert metadata["reviewed_on"] == "2026-06-30"
    assert metadata["kb_meta_hash"] == "meta-2"


def test_a_changed_paragraph_writes_one_chunk_and_deletes_one() -> None:
    change = compare(planned("one", "two", "three"), planned("one", "2", "three"))
    assert [chunk.text for chunk in change.put] == ["2"]
    assert change.delete == (planned("one", "two", "three")[1].chunk_id,)
    assert not change.patches


def test_a_paragraph_that_only_moved_is_patched_and_not_written() -> None:
    change = compare(planned("one", "two"), planned("two", "one"))
    assert not change.put
    assert not change.delete
    assert sorted(metadata["kb_position"] for _, metadata in change.patches) == [0, 1]
    assert all("heading" in metadata for _, metadata in change.patches)


def test_a_renamed_heading_reaches_the_chunks_below_that_do_not_hold_its_words() -> None:
    before = plan_chunks(PAGE, [Piece("# Old\n\none", ("Old",)), Piece("two", ("Old",))], EMBEDDER)
    after = plan_chunks(PAGE, [Piece("# New\n\none", ("New",)), Piece("two", ("New",))], EMBEDDER)
    change = compare(before, after)
    assert [chunk.text for chunk in change.put] == ["# New\n\none"]
    assert change.patches == (((before[1].chunk_id,), {"kb_position": 1, "heading": "New"}),)


def test_chunks_that_only_the_catalog_remembers_are_deleted_too() -> None:
    left = planned("gone already")[0].chunk_id
    change = plan_document(PAGE, planned("one"), {}, [left], EMBEDDER)
    assert change.delete == (left,)


def test_repeated_texts_have_an_id_each() -> None:
    chunks = planned("same", "same", "same")
    assert len({chunk.chunk_id for chunk in chunks}) == 3
    assert len({chunk.body_hash for chunk in chunks}) == 1


def test_metadata_names_document_owner_review_and_heading_and_leaves_out_what_is_unknown() -> None:
    [chunk] = planned("one")
    assert chunk.metadata["kb_document"] == "hr/leave.md"
    assert chunk.metadata["owner"] == "people-team"
    assert chunk.metadata["reviewed_on"] == "2026-01-31"
    assert chunk.metadata["labels"] == "policy, people"
    assert chunk.metadata["heading"] == "Top > Section 0"
    assert "version" not in chunk.metadata
    assert None not in chunk.metadata.values()


def test_a_patch_removes_what_the_page_no_longer_says() -> None:
    shared = shared_metadata(replace(PAGE, owner=None, reviewed_on=None, labels=()), EMBEDDER)
    assert shared["owner"] is None
    assert shared["reviewed_on"] is None
    assert shared["labels"] is None
