from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.domain.findings import FindingKind
from governance.domain.status import (
    REVIEW_DUE_FIELD,
    STATUS_FIELD,
    ChunkStatus,
    Mark,
    read_mark,
    status_of_kind,
    strongest,
)

STATUSES = st.sampled_from(ChunkStatus)
MARKS = st.builds(Mark, STATUSES, st.none() | st.dates())
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.lists(st.text())


def test_a_restriction_is_stronger_than_everything_and_fresh_weaker() -> None:
    order = ["restricted", "quarantined", "stale", "due_soon", "fresh"]
    assert [status.value for status in sorted(ChunkStatus, key=lambda status: -status.rank)] == order
    assert [status.rank for status in ChunkStatus] == [4, 3, 2, 1, 0]


def test_a_chunk_about_which_nothing_is_said_is_fresh() -> None:
    assert strongest([]) is ChunkStatus.FRESH


@given(st.lists(STATUSES, min_size=1))
def test_the_strongest_is_one_of_them_and_none_is_stronger(statuses: list[ChunkStatus]) -> None:
    assert strongest(statuses) in statuses
    assert all(strongest(statuses).rank >= status.rank for status in statuses)


@given(st.lists(STATUSES), st.randoms(use_true_random=False))
def test_neither_order_nor_repetition_changes_the_strongest(statuses: list[ChunkStatus], rng: object) -> None:
    other = [*statuses, *statuses]
    rng.shuffle(other)
    assert strongest(other) is strongest(iter(statuses))
    assert strongest([strongest(statuses), *other]) is strongest(statuses)


@given(st.lists(STATUSES), st.lists(STATUSES))
def test_the_strongest_of_parts_is_the_strongest_of_all(some: list[ChunkStatus], more: list[ChunkStatus]) -> None:
    assert strongest([strongest(some), strongest(more)]) is strongest(some + more)


@given(MARKS)
def test_a_mark_that_was_written_is_read_as_itself(mark: Mark) -> None:
    assert read_mark(mark.as_metadata()) == mark.text
    assert read_mark({"title": "x", **mark.as_metadata()}) == mark.text


@given(MARKS)
def test_a_store_that_drops_empty_fields_says_the_same(mark: Mark) -> None:
    kept = {key: value for key, value in mark.as_metadata().items() if value is not None}
    assert read_mark(kept) == mark.text


@given(MARKS, MARKS)
def test_two_marks_have_one_text_only_when_they_are_the_same(one: Mark, other: Mark) -> None:
    assert (one.text == other.text) == (one == other)


@given(PLAIN, PLAIN)
def test_metadata_reads_like_a_mark_only_when_it_is_what_the_mark_writes(status: object, due: object) -> None:
    said = read_mark({STATUS_FIELD: status, REVIEW_DUE_FIELD: due})
    if "?" in said or said.startswith("|"):
        return
    word, _, day = said.partition("|")
    mark = Mark(ChunkStatus(word), date.fromisoformat(day) if day else None)
    assert mark.as_metadata() == {STATUS_FIELD: status, REVIEW_DUE_FIELD: due}


def test_a_mark_is_written_under_the_agreed_names() -> None:
    mark = Mark(ChunkStatus.STALE, date(2026, 3, 1))
    assert mark.as_metadata() == {"kb_status": "stale", "kb_review_due": "2026-03-01"}
    assert mark.text == "stale|2026-03-01"
    assert Mark(ChunkStatus.FRESH).as_metadata() == {"kb_status": "fresh", "kb_review_due": None}
    assert Mark(ChunkStatus.FRESH).text == "fresh|"


@pytest.mark.parametrize(
    ("metadata", "text"),
    [
        ({}, "|"),
        ({"kb_status": None, "kb_review_due": None}, "|"),
        ({"kb_review_due": "2026-03-01"}, "|2026-03-01"),
        ({"kb_status": "Stale"}, "?|"),
        ({"kb_status": ""}, "?|"),
        ({"kb_status": "anna@example.org"}, "?|"),
        ({"kb_status": ["stale"]}, "?|"),
        ({"kb_status": True, "kb_review_due": 0}, "?|?"),
        ({"kb_status": "fresh", "kb_review_due": ""}, "fresh|?"),
        ({"kb_status": "fresh", "kb_review_due": "20260301"}, "fresh|?"),
        ({"kb_status": "fresh", "kb_review_due": "2026-W09-7"}, "fresh|?"),
        ({"kb_status": "fresh", "kb_review_due": "2026-03-01T00:00:00Z"}, "fresh|?"),
        ({"kb_status": "fresh", "kb_review_due": "2026-02-30"}, "fresh|?"),
    ],
)
def test_what_no_mark_would_say_is_seen_and_not_repeated(metadata: dict[str, object], text: str) -> None:
    assert read_mark(metadata) == text


def test_which_findings_make_which_state() -> None:
    made = {kind.value: status.value for kind in FindingKind if (status := status_of_kind(kind))}
    assert made == {
        "freshness.overdue": "stale",
        "drift.content": "stale",
        "drift.orphan": "stale",
        "drift.ghost": "stale",
        "freshness.due_soon": "due_soon",
    }


def test_the_newest_version_is_not_called_stale_because_older_ones_stand_beside_it() -> None:
    assert status_of_kind(FindingKind.SUPERSEDED) is None
