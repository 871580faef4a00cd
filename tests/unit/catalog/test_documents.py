"""Documents and what they once were: history grows only with their bytes and their state."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import Engine

from governance.catalog.documents import DocumentMoment, KnownDocument
from governance.catalog.unit_of_work import Catalog
from governance.domain.documents import DayOrigin, Document, DocumentState, Problem, ProblemCode
from tests.catalog_rows import HOUR, NOW, document
from tests.log_rows import known_names

LATER = NOW + HOUR
AGAIN = NOW + 2 * HOUR
PRESENT, SUSPECT, GONE = DocumentState.PRESENT, DocumentState.SUSPECT, DocumentState.GONE


@pytest.fixture
def catalog(catalog_engine: Engine) -> Catalog:
    return Catalog(catalog_engine, known_names)


def save(catalog: Catalog, now: datetime, *documents: Document) -> None:
    with catalog.write() as uow:
        uow.documents.save(documents, now)


def mark(catalog: Catalog, now: datetime, state: DocumentState, *names: str) -> None:
    with catalog.write() as uow:
        uow.documents.mark("docs", names, state, now)


def get(catalog: Catalog, name: str = "one.md") -> Document:
    with catalog.read() as uow:
        found = uow.documents.get("docs", name)
    assert found is not None
    return found


def moments(catalog: Catalog, name: str = "one.md") -> list[tuple[DocumentState, str, datetime, datetime | None]]:
    with catalog.read() as uow:
        found = uow.documents.moments("docs", name)
    return [(item.state, item.raw_hash[:1], item.seen_from, item.seen_until) for item in found]


def test_a_document_is_given_back_as_it_was_saved(catalog: Catalog) -> None:
    item = document(
        "日本/é.md",
        owner="ann, bob",
        words=None,
        redirect="",
        changed_on=date(2026, 3, 1),
        created_from=DayOrigin.HISTORY,
        reviewed_on=date(2026, 2, 1),
        review_interval="6 months",
        version="v2",
        labels=("a", "ü"),
        labeled_on={"a": NOW.date(), "ü": NOW.date()},
        attributes={"department": ("people",), "words": ("b", "a")},
        created_on=date(2025, 2, 3),
        problems=(Problem(ProblemCode.BAD_DATE, "reviewed_on", 3), Problem(ProblemCode.NO_TEXT)),
        unreadable=ProblemCode.NO_ACCESS,
    )
    save(catalog, NOW, item)
    found = get(catalog, "日本/é.md")
    assert (found.first_seen, found.body_seen_at, found.absent_since) == (NOW, NOW, None)
    assert {name: getattr(found, name) for name in Document.__dataclass_fields__ if "_s" not in name} == {
        name: getattr(item, name) for name in Document.__dataclass_fields__ if "_s" not in name
    }


@pytest.mark.parametrize(
    "changed", [{}, {"title": "Two"}, {"meta_hash": "9" * 64}, {"body_hash": "9" * 64}, {"labels": ("x",)}]
)
def test_the_same_bytes_leave_no_history_and_keep_since_when(catalog: Catalog, changed: dict[str, Any]) -> None:
    save(catalog, NOW, document())
    save(catalog, LATER, document(**changed))
    assert moments(catalog) == [(PRESENT, "1", NOW, None)]
    assert get(catalog).first_seen == NOW
    assert get(catalog).body_seen_at == (LATER if "body_hash" in changed else NOW)


def test_other_bytes_leave_what_the_document_was_behind(catalog: Catalog) -> None:
    save(catalog, NOW, document(version="v1", reviewed_on=date(2026, 1, 1)), document("two.md"))
    save(catalog, LATER, document(raw_hash="9" * 64, version="v2"), document("two.md"))
    with catalog.read() as uow:
        past, present = uow.documents.moments("docs", "one.md")
    assert past == DocumentMoment(
        source="docs",
        document="one.md",
        raw_hash="1" * 64,
        body_hash="2" * 64,
        version="v1",
        state=PRESENT,
        reviewed_on=date(2026, 1, 1),
        changed_on=None,
        seen_from=NOW,
        seen_until=LATER,
    )
    assert (present.version, present.seen_from, present.seen_until) == ("v2", LATER, None)
    assert get(catalog).body_seen_at == NOW
    assert moments(catalog, "two.md") == [(PRESENT, "1", NOW, None)]


def test_a_document_that_goes_and_comes_back_has_been_in_every_state_since_then(catalog: Catalog) -> None:
    save(catalog, NOW, document())
    for number, state in enumerate((SUSPECT, GONE, PRESENT), start=1):
        mark(catalog, NOW + number * HOUR, state, "one.md", "never-seen.md")
    assert moments(catalog) == [
        (PRESENT, "1", NOW, LATER),
        (SUSPECT, "1", LATER, AGAIN),
        (GONE, "1", AGAIN, NOW + 3 * HOUR),
        (PRESENT, "1", NOW + 3 * HOUR, None),
    ]
    assert get(catalog).absent_since is None


def test_absence_began_when_it_was_first_seen(catalog: Catalog) -> None:
    save(catalog, NOW, document())
    mark(catalog, LATER, SUSPECT, "one.md")
    mark(catalog, AGAIN, GONE, "one.md")
    assert get(catalog).absent_since == LATER


def test_marking_a_document_as_what_it_is_changes_nothing(catalog: Catalog) -> None:
    save(catalog, NOW, document())
    mark(catalog, LATER, PRESENT, "one.md")
    mark(catalog, LATER, SUSPECT, "one.md")
    mark(catalog, AGAIN, SUSPECT, "one.md")
    assert moments(catalog) == [(PRESENT, "1", NOW, LATER), (SUSPECT, "1", LATER, None)]


def test_a_document_that_is_saved_again_after_it_was_gone_is_back(catalog: Catalog) -> None:
    save(catalog, NOW, document())
    mark(catalog, LATER, GONE, "one.md")
    save(catalog, AGAIN, document())
    assert moments(catalog) == [
        (PRESENT, "1", NOW, LATER),
        (GONE, "1", LATER, AGAIN),
        (PRESENT, "1", AGAIN, None),
    ]
    assert (get(catalog).first_seen, get(catalog).absent_since) == (NOW, None)


def test_many_documents_are_saved_and_archived_at_once(catalog: Catalog) -> None:
    names = [f"{number:04}.md" for number in range(1200)]
    save(catalog, NOW, *map(document, names))
    changed = dict.fromkeys(names[::2], "9" * 64)
    save(catalog, LATER, *(document(name, raw_hash=changed.get(name, "1" * 64)) for name in names))
    mark(catalog, AGAIN, GONE, *names)
    for name in (*names[:4], *names[-4:]):
        assert len(moments(catalog, name)) == (3 if name in changed else 2)
    with catalog.read() as uow:
        assert uow.documents.count() == uow.documents.present("docs") == 0
        assert len(list(uow.documents.in_any_state("docs"))) == 1200


def test_the_same_path_in_two_sources_is_two_documents(catalog: Catalog) -> None:
    save(catalog, NOW, document(), document(source="wiki"))
    save(catalog, LATER, document(source="wiki", raw_hash="9" * 64))
    mark(catalog, LATER, GONE, "one.md")
    with catalog.read() as uow:
        assert [item.source for item in uow.documents.named("one.md")] == ["docs", "wiki"]
        assert [item.seen_until for item in uow.documents.moments("wiki", "one.md")] == [LATER, None]
        assert [item.state for item in uow.documents.moments("docs", "one.md")] == [PRESENT, GONE]
        assert [item.source for item in uow.documents.every()] == ["wiki"]
        assert list(uow.documents.every(["docs"])) == []


def test_documents_come_by_code_point_whatever_the_database(catalog: Catalog) -> None:
    names = ["é.md", "b.md", "B.md", "a/b.md", "a.md", "_.md", "Z.md"]
    save(catalog, NOW, *map(document, names))
    with catalog.read() as uow:
        assert [item.document for item in uow.documents.in_any_state("docs")] == sorted(names)
        assert [item.document for item in uow.documents.every()] == sorted(names)
        assert [name for name, _ in uow.documents.addresses("docs")] == sorted(names)


def test_what_an_ingest_compares_with_is_known_of_gone_documents_too(catalog: Catalog) -> None:
    save(catalog, NOW, document(changed_on=date(2026, 3, 1)), document("two.md", unreadable=ProblemCode.NOT_UTF8))
    mark(catalog, LATER, GONE, "two.md")
    hashes = ("1" * 64, "2" * 64, "3" * 64)
    with catalog.read() as uow:
        assert uow.documents.known("docs") == {
            "one.md": KnownDocument("one.md", *hashes, date(2026, 3, 1), None, PRESENT),
            "two.md": KnownDocument("two.md", *hashes, None, "not_utf8", GONE),
        }
        assert uow.documents.unreadable("docs") == []


def test_only_what_a_listing_has_shown_has_an_address(catalog: Catalog) -> None:
    save(catalog, NOW, document(), document("stranger.md", raw_hash=""), document("gone.md"))
    mark(catalog, LATER, GONE, "gone.md")
    with catalog.read() as uow:
        assert uow.documents.addresses("docs") == [
            ("gone.md", "https://wiki.example/gone.md"),
            ("one.md", "https://wiki.example/one.md"),
        ]


def test_a_document_that_is_not_known_has_no_moments(catalog: Catalog) -> None:
    with catalog.read() as uow:
        assert uow.documents.moments("docs", "one.md") == []
        assert uow.documents.get("docs", "one.md") is None
