"""Which chunks stand in their document, which are gone for a good reason, and what is left uncovered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from governance.catalog.chunks import DocumentChunk
from governance.detectors.drift import Doubt, Verdict
from governance.detectors.texts import DocumentText, print_of
from governance.domain.values import text_hash
from governance.services.judge_chunks import Judged, ReadDocument, judge_chunks, to_read

T0 = datetime(2026, 3, 1, tzinfo=UTC)
BODY = " ".join(f"word{number}" for number in range(200))


def read(body: str | None, expected: dict[str, str] | None = None) -> ReadDocument:
    return ReadDocument(DocumentText.of(body) if body is not None else None, expected or {})


def chunk(key: str, text: str, state: str = "present", *, made_by: str = "", hours: int = 0) -> DocumentChunk:
    seen = print_of(text)
    first = T0 + timedelta(hours=hours)
    hashed = text_hash(text)
    return DocumentChunk(
        "", key, state, -1, hashed, "", made_by, seen.words, seen.anchor, seen.inner, first, None, first
    )


def judged(document: ReadDocument, texts: dict[str, str], *gone: DocumentChunk, hours: int = 0) -> Judged:
    rows = [chunk(key, text, hours=hours) for key, text in texts.items()] + list(gone)
    found = judge_chunks(document, rows, {("", key): text for key, text in texts.items()})
    assert found is not None
    return found


def words(start: int, end: int) -> str:
    return " ".join(BODY.split()[start:end])


def test_chunks_that_stand_in_the_document_are_all_right() -> None:
    verdict = judged(read(BODY), {"a": words(0, 120), "b": words(100, 200)}).verdict
    assert (verdict.differing, verdict.uncovered, verdict.near, verdict.verbatim) == ((), 0, 2, 2)


def test_a_chunk_with_another_number_differs_and_says_in_what() -> None:
    body = f"Staff may take 20 days of leave. {BODY}"
    verdict = judged(read(body), {"a": body.replace("20 days", "25 days")}).verdict
    assert [(item.chunk_id, item.critical) for item in verdict.differing] == [("a", "number")]


def test_a_chunk_of_which_only_the_markup_differs_is_in_doubt() -> None:
    body = f"Staff may take **twenty** days. {BODY}"
    verdict = judged(read(body), {"a": body.replace("**", "")}).verdict
    assert [(item.doubt, item.critical, item.share) for item in verdict.differing] == [(Doubt.MARKUP, None, 0.0)]


def test_what_no_chunk_has_is_uncovered() -> None:
    verdict = judged(read(BODY), {"a": words(0, 150)}).verdict
    assert (verdict.uncovered, verdict.words) == (50, 200)


def test_a_chunk_that_vanished_and_whose_text_still_stands_there_is_missing_even_when_neighbors_overlap_it() -> None:
    there = {"a": words(0, 110), "c": words(90, 200)}
    found = judged(read(BODY), there, chunk("b", words(80, 120), "gone"))
    assert found.verdict.missing == (("", "b"),)
    assert found.settled == ()


def test_a_chunk_that_another_splitting_replaced_is_settled() -> None:
    found = judged(read(BODY), {"new": words(70, 130)}, chunk("b", words(80, 120), "gone"), hours=1)
    assert (found.verdict.missing, found.settled) == ((), (("", "b"),))


def test_a_chunk_that_another_splitting_replaced_only_in_part_is_missing() -> None:
    found = judged(read(BODY), {"new": words(70, 100)}, chunk("b", words(80, 120), "gone"), hours=1)
    assert found.verdict.missing == (("", "b"),)


def test_a_chunk_whose_text_left_the_document_is_settled() -> None:
    found = judged(read(words(0, 50)), {"a": words(0, 50)}, chunk("b", words(80, 120), "gone"))
    assert (found.verdict.missing, found.settled) == ((), (("", "b"),))


def test_our_own_chunk_is_missing_as_long_as_the_document_would_be_cut_into_it() -> None:
    text = words(0, 50)
    gone = chunk("own", text, "gone", made_by="hashed/1")
    assert judged(read(BODY, {"own": text_hash(text)}), {}, gone).verdict.missing == (("", "own"),)
    assert judged(read(BODY, {"own": text_hash("another")}), {}, gone).settled == (("", "own"),)


def test_our_own_chunks_are_known_by_their_hashes_and_their_texts_are_not_read() -> None:
    text = words(0, 200)
    rows = [chunk("own", text, made_by="hashed/1")]
    document = read(BODY, {"own": text_hash(text)})
    assert to_read(document, rows) == []
    found = judge_chunks(document, rows, {})
    assert found is not None
    assert (found.verdict.chunks, found.verdict.near, found.verdict.uncovered) == (1, 0, 0)


def test_our_own_chunk_with_another_text_under_its_id_differs() -> None:
    rows = [chunk("own", words(0, 199) + " tampered", made_by="hashed/1")]
    document = read(BODY, {"own": text_hash(BODY)})
    assert to_read(document, rows) == [("", "own")]
    found = judge_chunks(document, rows, {("", "own"): words(0, 199) + " tampered"})
    assert found is not None
    assert [(item.chunk_id, item.own) for item in found.verdict.differing] == [("own", True)]


def test_a_text_that_the_index_no_longer_gives_leaves_the_document_unjudged() -> None:
    assert judge_chunks(read(BODY), [chunk("a", BODY)], {}) is None


def test_a_document_without_text_only_counts_its_chunks() -> None:
    found = judge_chunks(read(None), [chunk("a", BODY)], {})
    assert found is not None
    assert (found.verdict.words, found.verdict.chunks, found.verdict.is_missing) == (None, 1, False)
    nothing = judge_chunks(read(None), [], {})
    assert nothing is not None
    assert nothing.verdict.is_missing


def test_a_document_without_words_is_not_missing() -> None:
    found = judge_chunks(read(""), [], {})
    assert found is not None
    assert not found.verdict.is_missing


def test_holes_of_a_repair_are_remembered_until_something_came_in_their_place() -> None:
    holed = (T0 + timedelta(hours=1)).isoformat()
    rows, texts = [chunk("a", words(0, 150))], {("", "a"): words(0, 150)}
    old = judge_chunks(read(BODY), rows, texts, Verdict(words=200, holed_at=holed))
    assert old is not None
    assert old.verdict.holed_at == holed
    new = judge_chunks(
        read(BODY),
        [*rows, chunk("b", words(140, 160), hours=2)],
        {**texts, ("", "b"): words(140, 160)},
        Verdict(words=200, holed_at=holed),
    )
    assert new is not None
    assert new.verdict.holed_at is None


def test_a_chunk_that_was_contained_and_is_no_longer_was_left_behind_by_an_edit_for_certain() -> None:
    edited = BODY.replace("word7 ", "other ")
    rows, texts = [chunk("a", words(0, 100))], {("", "a"): words(0, 100)}
    first = judge_chunks(read(BODY), rows, texts, None, "1")
    assert first is not None
    before = replace(first.verdict, compared_at=(T0 + timedelta(hours=1)).isoformat(), compared_by="1")
    second = judge_chunks(read(edited), rows, texts, before, "1")
    assert second is not None
    assert [item.certain for item in second.verdict.differing] == [True]
    by_another = judge_chunks(read(edited), rows, texts, before, "2")
    rewritten = [row._replace(seen_from=T0 + timedelta(hours=2)) for row in rows]
    since = judge_chunks(read(edited), rewritten, texts, before, "1")
    assert by_another is not None
    assert since is not None
    assert [item.certain for item in (*by_another.verdict.differing, *since.verdict.differing)] == [False, False]


@given(st.lists(st.tuples(st.integers(0, 199), st.integers(1, 60)), min_size=1, max_size=8))
def test_what_is_uncovered_is_what_no_piece_has(pieces: list[tuple[int, int]]) -> None:
    spans = {f"c{number}": range(start, min(200, start + length)) for number, (start, length) in enumerate(pieces)}
    verdict = judged(read(BODY), {key: words(span.start, span.stop) for key, span in spans.items()}).verdict
    covered = set().union(*(set(span) for span in spans.values()))
    assert verdict.uncovered == 200 - len(covered)
    assert all(item.doubt is not None for item in verdict.differing)
